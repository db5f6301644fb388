"""The regulariser against its formula, written out step by step in NumPy."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.recurrence.architecture import Architecture
from throughtime.training.batches import Batch, Sequences
from throughtime.training.first_order import FirstOrder
from throughtime.training.losses import loss
from throughtime.training.methods import method
from throughtime.training.objective import Info, Method, Objective, ravel_weights
from throughtime.training.regulariser import Regularised, regulariser
from throughtime.training.train import train

pytestmark = pytest.mark.usefixtures("quick_compile")
INPUT, HIDDEN, BATCH, TIME = 2, 5, 4, 7
SHAPE = Architecture(INPUT, 1, cell="rnn", hidden=HIDDEN, last=True, dtype="float64")


def rng(seed=3):
    return np.random.default_rng(seed)


def plain_slopes(network, inputs, targets, last):
    """Hidden states and slopes of one sequence's squared error by x_k: backpropagation."""
    cell, dense = network.cells[0], network.readout.layers[0]
    U, W, b, V, c = (np.asarray(w) for w in (cell.U, cell.W, cell.b, dense.V, dense.c))
    hs, h = [], np.zeros(len(b))
    for u in inputs:
        h = np.tanh(W @ h + U @ u + b)
        hs.append(h)
    steps = len(hs)
    slopes, after = np.zeros((steps, len(b))), np.zeros(len(b))
    for k in reversed(range(steps)):
        by_h = W.T @ after
        if k == steps - 1 or not last:
            by_h = by_h + 2 * V.T @ (V @ hs[k] + c - (targets if last else targets[k]))
        after = slopes[k] = by_h * (1 - hs[k] ** 2)
    return np.array(hs), slopes


def plain_omega(W, hs, slopes):
    """Omega of one sequence, its slope by W, and how many steps count."""
    total, by_W, counted = 0.0, np.zeros_like(W), 0
    for k in range(len(hs) - 1):
        d, slope_of_tanh = slopes[k + 1], np.diag(1 - hs[k] ** 2)
        length = np.sqrt(d @ d)
        if length == 0:
            continue
        back = d @ W @ slope_of_tanh
        ratio = np.sqrt(back @ back) / length
        total += (ratio - 1) ** 2
        if ratio > 0:
            by_W += (
                2 * (ratio - 1) / length * np.outer(d, slope_of_tanh @ back) / (ratio * length)
            )
        counted += 1
    return total, by_W, counted


def problem(last=True, lengths=None, scale=1.0, absent=0):
    """An objective, its weights, and a batch; what is padding holds NaN."""
    shape = SHAPE if last else Architecture(**{**SHAPE.to_json(), "last": False, "dense": ()})
    weights, rebuild = ravel_weights(shape.build(1))
    random = rng()
    inputs = scale * random.normal(size=(BATCH, TIME, INPUT))
    targets = random.normal(size=(BATCH, 1) if last else (BATCH, TIME, 1))
    counts = np.ones(BATCH)
    if absent:
        counts[-absent:] = 0
    if lengths is not None:
        inputs[np.arange(TIME) >= lengths[:, None]] = np.nan
        lengths = jnp.asarray(lengths)
    batch = Batch(jnp.asarray(inputs), jnp.asarray(targets), lengths, jnp.asarray(counts))
    return Objective(loss("mse"), rebuild), jnp.asarray(weights), batch


def expected(objective, weights, batch, last):
    """Omega, the mean over the sequences that count; its slope by W; and the mean per step."""
    network = objective.network(np.asarray(weights))
    W, found = np.asarray(network.cells[0].W), []
    for i in range(BATCH):
        if batch.weights[i] > 0:
            end = TIME if batch.lengths is None else int(batch.lengths[i])
            targets = np.asarray(batch.targets[i])
            inputs = np.asarray(batch.inputs[i, :end])
            found.append(plain_omega(W, *plain_slopes(network, inputs, targets, last)))
    omegas, slopes, counted = zip(*found, strict=True)
    omega = np.mean(omegas), np.mean(slopes, axis=0)
    return *omega, np.sum(omegas) / sum(counted), np.sum(slopes, axis=0) / sum(counted)


class Recorder:
    """A method that leaves the weights alone; its state is the loss and the gradient."""

    def init(self, params):
        return ()

    def step(self, objective, params, state, batch):
        (value, auxiliary), gradient = jax.value_and_grad(objective, has_aux=True)(
            params, batch
        )
        return params, (value, gradient), Info(value, jnp.linalg.norm(gradient), auxiliary)


@cache
def results(case):
    """The loss and its gradient without the penalty, and what the method records with it."""
    objective, weights, batch = problem(**CASES[case])

    @jax.jit
    def run(weights):
        plain = jax.value_and_grad(objective, has_aux=True)(weights, batch)
        chosen = [Regularised(Recorder(), STRENGTH, per_step) for per_step in (False, True)]
        return plain, [each.step(objective, weights, (), batch)[1:] for each in chosen]

    return run(weights)


STRENGTH = 0.7
CASES = {
    "every step": {"last": False},
    "the last step": {},
    "lengths": {"lengths": np.array([7, 1, 4, 2])},
    "lengths, every step": {"last": False, "lengths": np.array([3, 7, 5, 6])},
    "absent examples": {"absent": 2},
    "saturated": {"scale": 8.0},
}


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_omega_and_its_slope_by_the_formula(case, per_step, float64):
    """The loss and its gradient are as without it, but for the part of W."""
    last, strength = CASES[case].get("last", True), STRENGTH
    objective, weights, batch = problem(**CASES[case])
    ((plain, auxiliary), gradient), recorded = results(case)
    (value, whole), info = recorded[per_step]
    omega, by_W, *mean = expected(objective, weights, batch, last)
    if per_step:
        omega, by_W = mean
    np.testing.assert_allclose(info.quantities["omega"], omega, rtol=1e-11)
    np.testing.assert_allclose(value, plain + strength * omega, rtol=1e-11)
    added = objective.network((np.asarray(whole) - np.asarray(gradient)) / strength)
    np.testing.assert_allclose(added.cells[0].W, by_W, rtol=1e-9, atol=1e-12)
    cell, dense = added.cells[0], added.readout.layers[0]
    for weight in (cell.U, cell.b, dense.V, dense.c):
        np.testing.assert_allclose(weight, 0, atol=1e-12)
    np.testing.assert_allclose(info.loss, plain, rtol=1e-12)  # without the penalty
    np.testing.assert_array_equal(info.auxiliary.weight, auxiliary.weight)
    for ours, theirs in zip(info.auxiliary.state, auxiliary.state, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def random_states(seed, batch=3, time=6, hidden=4):
    random = rng(seed)
    W, hs = random.normal(size=(hidden, hidden)), random.uniform(-1, 1, (batch, time, hidden))
    return tuple(map(jnp.asarray, (W, hs, random.normal(size=(batch, time, hidden)))))


compiled = partial(jax.jit, static_argnames="per_step")(regulariser)
both = jax.jit(jax.value_and_grad(regulariser))
few = settings(max_examples=25)


def test_the_slope_is_that_of_differences(float64):
    W, hs, slopes = random_states(0)
    step, by_W = 1e-6, np.zeros(W.shape)
    for at in np.ndindex(W.shape):
        up, down = (both(W.at[at].add(d), hs, slopes)[0] for d in (step, -step))
        by_W[at] = (up - down) / (2 * step)
    np.testing.assert_allclose(both(W, hs, slopes)[1], by_W, rtol=1e-6, atol=1e-8)


@few
@given(seed=st.integers(0, 99), factor=st.floats(0, 3))
def test_omega_of_a_scaled_rotation(seed, factor):
    """At h = 0 every step back has the length of the scale: (T - 1) (scale - 1)^2."""
    with jax.enable_x64(True):
        _, hs, slopes = random_states(seed)
        Q = np.linalg.qr(rng(seed).normal(size=(4, 4)))[0]
        omega, by_W = both(jnp.asarray(factor * Q), 0 * hs, slopes)
    np.testing.assert_allclose(omega, 5 * (factor - 1) ** 2, rtol=1e-9, atol=1e-12)
    assert np.isfinite(by_W).all()


@few
@given(seed=st.integers(0, 99), exponent=st.integers(-30, 30))
def test_only_the_direction_of_a_slope_counts(seed, exponent):
    """Also where the square of a slope is 0, or infinite, in single precision."""
    W, hs, slopes = (jnp.asarray(x, jnp.float32) for x in random_states(seed))
    whole, scaled = (both(W, hs, by * slopes) for by in (1.0, 10.0**exponent))
    for one, two in zip(whole, scaled, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_padding_changes_nothing(seed, float64):
    """Steps without a slope, whatever the states, and examples that do not count."""
    W, hs, slopes = random_states(seed)
    padded = jnp.concatenate([slopes, np.zeros((3, 2, 4))], axis=1)
    states = jnp.concatenate([hs, rng(seed).uniform(-1, 1, (3, 2, 4))], axis=1)
    there = [jnp.concatenate([x, np.zeros((2, 8, 4))]) for x in (states, padded)]
    present = jnp.arange(5) < 3
    for per_step in (False, True):
        omega = compiled(W, hs, slopes, per_step=per_step)
        wide = compiled(W, *there, present, per_step=per_step)
        np.testing.assert_allclose(wide, omega, rtol=1e-12)


def test_where_no_error_is_sent_back_omega_is_zero(float64):
    W, hs, slopes = random_states(1)
    for args in ((W, hs, 0 * slopes), (W, hs[:, :1], slopes[:, :1])):
        omega, by_W = both(*args)
        assert omega == 0 and not by_W.any()
    assert not both(0 * W, hs, slopes)[1].any()  # a length of 0 has no slope


def sequences(examples=24, dtype=np.float32):
    """Recall the first input at the end."""
    inputs = rng().normal(size=(examples, 8, 1)).astype(dtype)
    return Sequences(jnp.asarray(inputs), jnp.asarray(inputs[:, 0]))


@pytest.mark.parametrize("ensemble", [None, 2])
def test_it_trains(ensemble):
    """By `train`, also with a rate for each member of an ensemble; omega is in the history."""
    shape = Architecture(1, 1, cell="rnn", hidden=8, last=True)
    network = shape.build(0) if ensemble is None else shape.ensemble(ensemble, 0)
    rates = [1e-2, 2e-2][: ensemble or 1]
    chosen = Regularised(
        method("adam", rates[0] if ensemble is None else rates, clip=1.0), 0.05
    )
    assert isinstance(chosen, Method) and chosen.members == ensemble
    fitted = train(
        network, sequences(), method=chosen, epochs=30, batch_size=8, ensemble=ensemble, key=0
    )
    for member in range(ensemble or 1):
        rows = [row for row in fitted.history if row.member == member]
        assert rows[-1].loss < 0.7 * rows[0].loss and rows[0].rate == rates[member]
        assert rows[-1].quantities["omega"] > 0


def test_steps_lower_omega(float64):
    """Descent on the sum, with a strength at which omega is most of it."""
    objective, weights, batch = problem()
    chosen = Regularised(method("sgd", 1e-3), 10.0)
    assert chosen.quantities == ("omega",) and chosen.members is None
    state, omegas = chosen.init(weights), []
    step = jax.jit(lambda w, s: chosen.step(objective, w, s, batch))
    for _ in range(50):
        weights, state, info = step(weights, state)
        omegas.append(float(info.quantities["omega"]))
    assert omegas[-1] < 0.5 * omegas[0]


def test_refusals(float64):
    objective, weights, batch = problem()
    for wrong in (0.0, -1.0, np.inf, np.nan):
        with refuses(f"`strength` must be positive and finite; got {wrong}."):
            Regularised(method("sgd"), wrong).init(weights)
    chosen = Regularised(method("sgd"), 1.0)
    assert isinstance(chosen.method, FirstOrder)
    state = chosen.init(weights)

    def bare(params, batch):
        return objective(params, batch)

    with refuses("with attributes `network` and `loss`; got function. Use it with `train`."):
        chosen.step(bare, weights, state, batch)
    with refuses('got a `forcing` that feeds outputs back. Use `forcing="full"`'):
        fed = batch._replace(forcing_weights=jnp.ones(batch.inputs.shape[:2]))
        chosen.step(objective, weights, state, fed)
    steps = Sequences(jnp.ones((4, 5, 1)), jnp.ones((4, 5, 1)))
    with refuses("for networks that read the data alone"):
        net = Architecture(1, 1, cell="rnn", hidden=3).build(0)
        train(net, steps, method=chosen, forcing="sparse:2", key=0)
    others = {
        "GRU": {"cell": "gru"},
        "RNN relu": {"cell": "rnn", "activation": "relu"},
        "RNN tanh and RNN tanh": {"cell": "rnn", "depth": 2},
    }
    for name, kind in others.items():
        flat, rebuild = ravel_weights(
            Architecture(INPUT, 1, hidden=3, last=True, **kind).build(0)
        )
        with refuses(f"for networks of one tanh cell; got {name}."):
            chosen.step(Objective(loss("mse"), rebuild), jnp.asarray(flat), state, batch)
