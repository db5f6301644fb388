"""The closed loop, against a linear recursion, copies of the inputs, and unrolling."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fast_compilation import quick_jit

from throughtime.errors import InputError
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.network import Network
from throughtime.recurrence.rollout import rollout
from throughtime.training.batches import Windows

EXACT = {"cell": "rnn", "activation": "identity", "dtype": "float64"}
closed_loop = quick_jit(rollout)


def network(targets=1, inputs=0, horizon=1, *, hidden=3, seed=0, **options) -> Network:
    shape = {"cell": "rnn", "dtype": "float64", "hidden": hidden, **options}
    return Architecture(targets + horizon * inputs, horizon * targets, **shape).build(seed)


def linear(U, W, V, **options) -> Network:
    """h = U x + W h, y = V h, with these weights."""
    U, W, V = (jnp.asarray(weights, jnp.float64) for weights in (U, W, V))
    net = Architecture(U.shape[1], len(V), hidden=len(U), **EXACT, **options).build(0)
    weights = (U, W, jnp.zeros(len(U)), V, jnp.zeros(len(V)))

    def leaves(n):
        cell, layer = n.cells[0], n.readout.layers[0]
        return cell.U, cell.W, cell.b, layer.V, layer.c

    return eqx.tree_at(leaves, net, weights)


def copies(inputs, horizon, **options) -> Network:
    """As many targets as inputs; the block of step t + k is u_{t+k}, whatever the series."""
    n = inputs * (1 + horizon)
    select = np.eye(n)[inputs:]
    return linear(np.eye(n), np.zeros((n, n)), select, **options)


def by_hand(U, W, V, context, steps, carry, inputs=None, residual=0):
    """The linear recursion for one series, a step at a time; horizon 1."""
    past, time = [np.asarray(y) for y in context], len(context)
    u = np.zeros((time + steps, 0)) if inputs is None else inputs
    h, out = np.zeros(len(W)), []

    def run(h, first, values):
        for t, y in enumerate(values, first):
            x = np.concatenate([y, u[t + 1]])
            h = U @ x + W @ h
        return h, V @ h + residual * values[-1]

    for k in range(steps):
        if carry:
            new = past if k == 0 else past[-1:]
            h, y = run(h, len(past) - len(new), new)
        else:
            _, y = run(np.zeros(len(W)), len(past) - time, past[-time:])
        past.append(y)
        out.append(y)
    return np.array(out)


@pytest.mark.parametrize(("last", "residual"), [(False, 2), (True, 0)])
@pytest.mark.parametrize("carry", [False, True])
def test_a_linear_network_is_a_linear_recursion(float64, carry, last, residual):
    rng = np.random.default_rng(0)
    U, W, V = rng.normal(size=(3, 3)), 0.4 * rng.normal(size=(3, 3)), rng.normal(size=(2, 3))
    context, u = rng.normal(size=(2, 5, 2)), rng.normal(size=(2, 12, 1))
    net = linear(U, W, V, residual=residual, last=last)
    found = closed_loop(net, context, 7, u, carry=carry)
    wanted = [
        by_hand(U, W, V, c, 7, carry, i, residual > 0) for c, i in zip(context, u, strict=True)
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("carry", [False, True])
def test_a_geometric_series_is_continued_for_ever(float64, carry):
    """y_{t+1} = r y_t has the closed form r^k y_0."""
    net = linear([[0.9]], [[0.0]], [[1.0]])
    found = closed_loop(net, jnp.array([[[3.0], [2.0]]]), 50, carry=carry)
    np.testing.assert_allclose(found[0, :, 0], 2 * 0.9 ** np.arange(1, 51), rtol=1e-12)


@pytest.mark.parametrize("carry", [False, True])
@pytest.mark.parametrize("horizon", [1, 3, 7])
def test_known_inputs_are_those_of_their_own_time(float64, horizon, carry):
    """A network that answers u_{t+k} forecasts u at the times after the context."""
    time, steps, inputs = 4, 7, 2
    rng = np.random.default_rng(horizon)
    u = rng.normal(size=(3, time + steps, inputs))
    context = 1000 + rng.normal(size=(3, time, inputs))
    found = closed_loop(copies(inputs, horizon), context, steps, u, carry=carry)
    np.testing.assert_array_equal(found, u[:, time:])


def test_training_and_forecasting_agree_on_the_inputs(float64, horizon=3):
    """What the network is given at the last step of a window is what it forecasts from."""
    time = 5
    rng = np.random.default_rng(0)
    y, u = rng.normal(size=(12, 1)), rng.normal(size=(12, 2))
    net = network(1, 2, horizon, last=True)
    starts = jnp.arange(4)
    windows = Windows(jnp.asarray(y), jnp.asarray(u), starts, time, horizon)
    answers = quick_jit(lambda: net(windows.batch(starts).inputs)[0])()
    contexts = np.stack([y[s : s + time] for s in range(4)])
    known = np.stack([u[s : s + time + horizon] for s in range(4)])
    found = closed_loop(net, contexts, horizon, known)
    np.testing.assert_allclose(found, np.reshape(answers, (4, horizon, 1)), atol=1e-14)


@pytest.mark.parametrize(("horizon", "inputs"), [(1, 0), (3, 1)])
def test_a_carried_rollout_is_the_unrolling_of_its_own_forecast(float64, horizon, inputs):
    """Teacher forcing on the series extended by the forecast finds the forecast again."""
    time, steps, targets = 5, 6, 2
    rng = np.random.default_rng(horizon)
    context = rng.normal(size=(2, time, targets))
    u = rng.normal(size=(2, time + steps, inputs))
    net = network(targets, inputs, horizon, residual=targets)
    found = np.asarray(closed_loop(net, context, steps, u, carry=True))
    whole = np.concatenate([context, found], axis=1)
    padded = np.pad(u, ((0, 0), (0, horizon), (0, 0)), mode="edge")
    known = [padded[:, k : k + time + steps] for k in range(1, horizon + 1)]
    ys, _ = quick_jit(net)(np.concatenate([whole, *known], axis=-1))
    for block in range(steps // horizon):
        first = block * horizon
        answer = np.asarray(ys)[:, time - 1 + first].reshape(2, horizon, targets)
        np.testing.assert_allclose(found[:, first : first + horizon], answer, atol=1e-13)


def test_windows_are_run_afresh(float64):
    """Without carry each block is the network on the last `time` values alone."""
    time, steps, horizon = 4, 6, 2
    rng = np.random.default_rng(0)
    net = network(1, 0, horizon, residual=1, last=True)
    values = rng.normal(size=(1, time, 1))
    found = np.asarray(closed_loop(net, values, steps))
    for first in range(0, steps, horizon):
        answer, _ = quick_jit(net)(values[:, -time:])
        block = np.asarray(answer).reshape(1, horizon, 1)
        np.testing.assert_allclose(found[:, first : first + horizon], block, atol=1e-14)
        values = np.concatenate([values, block], axis=1)


def test_a_longer_forecast_begins_as_a_shorter_one(float64):
    net = network(2, 0, 3)
    context = np.random.default_rng(0).normal(size=(2, 4, 2))
    long = closed_loop(net, context, 8)
    for steps in (1, 5):
        found = closed_loop(net, context, steps)
        np.testing.assert_allclose(found, long[:, :steps], atol=1e-14)


@pytest.mark.parametrize("carry", [False, True])
def test_inputs_cannot_act_before_their_block(float64, carry):
    """A block of the forecast depends on the inputs up to its own end."""
    rng = np.random.default_rng(0)
    context, u = rng.normal(size=(1, 4, 1)), rng.normal(size=(1, 10, 1))
    horizon, net = 3, network(1, 1, 3)
    usual = np.asarray(closed_loop(net, context, 6, u, carry=carry))[0, :, 0]
    for k in (1, 4):
        other = u.copy()
        other[0, 4 + k] += 5
        changed = np.asarray(closed_loop(net, context, 6, other, carry=carry))[0, :, 0]
        first = k // horizon * horizon
        np.testing.assert_array_equal(changed[:first], usual[:first])
        assert (changed[first:] != usual[first:]).any()


def test_the_last_input_is_held_beyond_the_end(float64):
    u = np.arange(6.0)[None, :, None]
    context = np.zeros((1, 3, 1))
    net = linear(np.eye(4), np.zeros((4, 4)), [[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]])
    found = closed_loop(net, context, 3, u)  # answers u_{t+2}, u_{t+3}, 0
    np.testing.assert_array_equal(found[0, :, 0], [4, 5, 0])
    found = closed_loop(net, context, 1, u[:, :4])
    np.testing.assert_array_equal(found[0, :, 0], [3])


def test_it_is_differentiable_and_maps_over_members(float64):
    context = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 1)))
    nets = Architecture(1, 1, hidden=2, cell="rnn", dtype="float64").ensemble(2, 0)
    found = quick_jit(eqx.filter_vmap(lambda net: rollout(net, context, 3)))(nets)
    for i in range(2):
        one = jax.tree.map(lambda leaf, i=i: np.asarray(leaf)[i], nets)
        np.testing.assert_allclose(found[i], closed_loop(one, context, 3), atol=1e-14)
    slope = quick_jit(jax.grad(lambda c: rollout(one, c, 3).sum()))(context)
    assert np.isfinite(slope).all() and (slope != 0).any()


@pytest.mark.parametrize(
    ("net", "context", "steps", "inputs", "message"),
    [
        ((1,), (1, 4, 1), 0, None, "`steps` must be at least 1; got 0."),
        ((1,), (1, 4, 1), -2, None, "`steps` must be at least 1; got -2."),
        ((3,), (1, 4, 2), 2, None, "got 3 outputs for 2 targets."),
        ((1, 1), (1, 4, 1), 2, None, "takes 2 features; got 1 targets and 0 inputs"),
        ((1,), (1, 4, 1), 2, (1, 6, 1), "takes 1 features; got 1 targets and 1 inputs"),
        ((1, 1, 2), (1, 4, 1), 2, (1, 6, 2), "got 1 targets and 2 inputs at 2 steps ahead"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(float64, net, context, steps, inputs, message):
    inputs = None if inputs is None else jnp.zeros(inputs)
    with pytest.raises(InputError) as caught:
        rollout(network(*net), jnp.zeros(context), steps, inputs)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_too_few_inputs_are_refused(float64):
    with pytest.raises(InputError, match=r"cover the context and the steps ahead, 7 steps"):
        rollout(network(1, 1), jnp.zeros((1, 4, 1)), 3, jnp.zeros((1, 6, 1)))


def test_a_centred_network_is_not_carried_on():
    network = Architecture(1, 1, hidden=2, centred=1).build(0)
    with pytest.raises(InputError, match="a centred network measures a window from its start"):
        closed_loop(network, jnp.ones((1, 4, 1)), 2, carry=True)
