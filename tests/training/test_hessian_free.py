"""Hessian-free: its curvature against dense Jacobians, its rules, and what it learns."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.cells import Cell
from throughtime.recurrence.network import Dense, Network, Readout
from throughtime.training.batches import Batch, Sequences, Streams
from throughtime.training.conjugate_gradient import Iterates
from throughtime.training.gauss_newton import (
    gauss_newton,
    grouped_gradient,
    grouped_loss,
    squared_gradients,
)
from throughtime.training.hessian_free import (
    HessianFreeState,
    adapt_damping,
    backtrack,
    hessian_free,
    line_search,
    preconditioner,
    reduction_ratio,
)
from throughtime.training.losses import Loss, loss
from throughtime.training.methods import method
from throughtime.training.objective import Info, Method, Objective, ravel_weights
from throughtime.training.result import Diverged
from throughtime.training.train import train

pytestmark = pytest.mark.usefixtures("quick_compile")
EXAMPLES, TIME = 4, 3

SHAPES = {
    "rnn": ("mse", Architecture(2, 2, "rnn", 3, dtype="float64")),
    "last": ("mse", Architecture(2, 2, "rnn", 3, last=True, dtype="float64")),
    "gru": ("huber", Architecture(2, 1, "gru", 2, last=True, dtype="float64")),
    "lstm": ("cross_entropy", Architecture(2, 3, "lstm", 2, output="softmax", dtype="float64")),
    "deep": (
        "binary_cross_entropy",
        Architecture(2, 2, "rnn", 2, depth=2, dense=(3,), output="logistic", dtype="float64"),
    ),
    "after": ("mse", Architecture(2, 2, "gru", 2, output="softmax", dtype="float64")),
    "mae": ("mae", Architecture(2, 1, "rnn", 2, last=True, dtype="float64")),
}
every_shape = pytest.mark.parametrize("name", SHAPES)


@cache
def at(name):
    """An objective, its weights and a batch of several lengths, one example padding."""
    named, shape = SHAPES[name]
    rng = np.random.default_rng(0)
    params, rebuild = ravel_weights(shape.build(0))
    xs = rng.normal(size=(EXAMPLES, TIME, 2))
    steps = () if shape.last else (TIME,)
    targets = rng.dirichlet(np.ones(3), (EXAMPLES, *steps))[..., : shape.output_size]
    weights, lengths = np.array([1.0, 2.0, 1.0, 0.0]), np.array([3, 1, 2, 3])
    batch = Batch(*map(jnp.asarray, (xs, targets, lengths, weights)))
    return Objective(loss(named), rebuild), jnp.asarray(params), batch


@cache
def products(name):
    """The product as a compiled function of weights, lengths, weights of examples and nu.

    It takes as many directions as there are weights, so that it is compiled once.
    """
    objective, _, batch = at(name)

    @jax.jit
    def run(params, lengths, weights, v, nu):
        changed = batch._replace(lengths=lengths, weights=weights)
        return jax.vmap(lambda v: gauss_newton(objective, params, changed)(v, nu))(v)

    return run


def matrix(name, nu=0.0):
    _, params, batch = at(name)
    every = np.eye(params.size)
    return np.asarray(products(name)(params, batch.lengths, batch.weights, every, nu))


@cache
def reference(name):
    """Jacobians of outputs and hidden states, the loss's Hessian, and gradients by example."""
    objective, params, batch = at(name)

    def gradient(i):
        example = jax.tree.map(lambda leaf: leaf[i][None], batch)
        return jax.grad(lambda p: objective(p, example)[0])(params)

    @jax.jit
    def run(params):
        ys, _, _ = objective.outputs(params, batch)
        J, Jh, _ = jax.jacobian(lambda p: objective.outputs(p, batch))(params)
        H = jax.hessian(lambda ys: objective.masked_mean(ys, batch)[0])(ys)
        each = jax.lax.map(gradient, jnp.arange(EXAMPLES))
        return J.reshape(ys.size, -1), Jh, H.reshape(ys.size, ys.size), each

    return jax.tree.map(np.asarray, run(params))


@every_shape
def test_the_product_is_that_of_dense_jacobians(name, float64):
    r"""$J^\top H J$ from `jacobian` and `hessian`, and $J_h^\top J_h$ summed in NumPy."""
    J, Jh, H, _ = reference(name)
    G = J.T @ H @ J
    np.testing.assert_allclose(matrix(name), G, atol=1e-12)
    S = np.zeros_like(G)
    for layer in Jh:
        for example, (length, weight) in enumerate(
            zip((3, 1, 2, 3), (1, 2, 1, 0), strict=True)
        ):
            for t in range(length):
                Jt = layer[example, t]
                S += weight / 4 * Jt.T @ Jt
    assert np.abs(S).max() > 1e-3
    np.testing.assert_allclose(matrix(name, 0.7), G + 0.7 * S, atol=1e-12)


@settings(max_examples=15)
@given(st.data())
@every_shape
def test_the_curvature_is_symmetric_and_not_negative(name, data):
    """Whatever the weights, masks and directions."""
    with jax.enable_x64(True):
        _, params, _ = at(name)
        numbers = st.floats(-3, 3)
        point = data.draw(arrays(float, params.size, elements=numbers))
        u, v = (data.draw(arrays(float, params.size, elements=numbers)) for _ in range(2))
        lengths = data.draw(arrays(int, EXAMPLES, elements=st.integers(1, TIME)))
        weights = data.draw(arrays(float, EXAMPLES, elements=st.floats(0, 2)))
        nu = data.draw(st.floats(0, 2))
        directions = np.zeros((params.size, params.size))
        directions[:2] = u, v
        Gu, Gv = products(name)(point, lengths, weights, directions, nu)[:2]
        size = 1e-12 * (1 + np.linalg.norm(Gu) * np.linalg.norm(v))
        assert abs(v @ Gu - u @ Gv) <= size + 1e-12 * np.linalg.norm(Gv) * np.linalg.norm(u)
        assert v @ Gv >= -1e-12 * (1 + np.linalg.norm(Gv) * np.linalg.norm(v))


def test_a_step_that_only_leads_to_the_loss_counts_as_that(float64):
    """Of windows whose first steps do not count in the loss all hidden states are damped;
    behind the last step that counts none is."""
    objective, params, batch = at("rnn")
    weights = jnp.asarray([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    each = batch._replace(lengths=None, weights=weights)
    ends = batch._replace(lengths=jnp.array([3, 3, 1, 3]), weights=jnp.array([1.0, 1, 1, 0]))

    @jax.jit
    def structure(batch):
        product = gauss_newton(objective, params, batch)
        return jax.vmap(lambda v: product(v, 1.0) - product(v))(jnp.eye(params.size))

    np.testing.assert_allclose(structure(each), structure(ends), atol=1e-12)


# --- a problem that one update solves ---


class Delay(Cell):
    """A user's own cell without weights: it holds the last two inputs."""

    input_size: int = 2
    hidden_size: int = 4

    def drive(self, xs):
        return xs

    def step(self, drive, state):
        return jnp.concatenate([drive, state[:, :2]], axis=1)

    def initial_state(self, batch):
        return jnp.zeros((batch, 4))

    def hidden(self, state):
        return state


def linear():
    """A network that is linear in its weights, and data."""
    rng = np.random.default_rng(3)
    readout = Readout((Dense(4, 2, dtype="float64", key=0),))
    xs = rng.normal(size=(12, 5, 2))
    targets = rng.normal(size=(12, 5, 2))
    return Network((Delay(),), readout), jnp.asarray(xs), jnp.asarray(targets)


def test_one_update_solves_least_squares(float64):
    network, xs, targets = linear()
    plain = hessian_free(damping=0.0, structural=0.0, weight_decay=0.0)
    done = train(network, Sequences(xs, targets), "mse", plain, epochs=1, batch_size=12, key=0)
    before = np.pad(np.asarray(xs), ((0, 0), (1, 0), (0, 0)))[:, :-1]
    X = np.concatenate([xs, before, np.ones((12, 5, 1))], axis=-1)
    best = np.linalg.lstsq(X.reshape(-1, 5), np.asarray(targets).reshape(-1, 2))[0]
    layer = done.network.readout.layers[0]
    np.testing.assert_allclose(np.column_stack([layer.V, layer.c]).T, best, atol=1e-8)
    told = done.history[0].quantities
    assert told["reduction_ratio"] == pytest.approx(1, abs=1e-8)  # the model is exact
    assert told["step_length"] == 1 and told["damping"] == 0


def test_of_a_linear_network_the_curvature_is_the_hessian(float64):
    network, xs, targets = linear()
    params, rebuild = ravel_weights(network)
    objective = Objective(loss("mse"), rebuild)
    batch = Batch(xs, targets, None, jnp.ones(12))

    @jax.jit
    def both(params):
        product = gauss_newton(objective, params, batch)
        return (
            jax.vmap(product)(jnp.eye(params.size)),
            jax.hessian(lambda p: objective(p, batch)[0])(params),
        )

    np.testing.assert_allclose(*both(jnp.asarray(params)), atol=1e-12)


# --- batches ---


@every_shape
def test_squared_gradients_are_those_of_the_examples(name, float64):
    objective, params, batch = at(name)
    each = reference(name)[3]
    shape = SHAPES[name][1]
    counts = np.array([1, 2, 1, 0]) * (1 if shape.last else np.array([3, 1, 2, 3]))
    expected = (counts / counts.sum()) @ each**2
    in_groups = (1, 10**6) if name == "last" else ()  # of 1 and of all
    for numbers in (3 * params.size, *in_groups):
        found = jax.jit(squared_gradients, static_argnums=(0, 3))(
            objective, params, batch, numbers
        )
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-16)


@cache
def whole(name):
    """Loss, auxiliary output and gradient of the whole batch."""
    objective, params, batch = at(name)
    return jax.jit(jax.value_and_grad(objective, has_aux=True))(params, batch)


@pytest.mark.parametrize("size", [1, 3, 4, 9])
def test_loss_and_gradient_do_not_depend_on_how_they_are_split(size, float64):
    objective, params, batch = at("lstm")

    @jax.jit
    def in_groups(params):
        return (
            grouped_gradient(objective, params, batch, size),
            grouped_loss(objective, params, batch, size),
        )

    (value, auxiliary), expected = whole("lstm")
    (ours, gradient, found), again = in_groups(params)
    assert float(ours) == pytest.approx(float(value), rel=1e-13) == float(again)
    np.testing.assert_allclose(gradient, expected, atol=1e-14)
    assert float(found.weight) == float(auxiliary.weight)
    jax.tree.map(np.testing.assert_allclose, found.state, auxiliary.state)


MARK = 7.0
"""A target at which the loss below fails."""


def fails_at_the_mark(outputs, targets):
    """A squared error that at marked targets is NaN wherever an output is not 0."""
    error = jnp.mean((outputs - targets) ** 2, axis=-1)
    marked = jnp.all(targets == MARK, axis=-1) & jnp.any(outputs != 0, axis=-1)
    return jnp.where(marked, jnp.nan, error)


@cache
def one_update(curvature):
    """An update of the network "last", compiled for each shape of a batch."""
    objective, _, _ = at("last")
    objective = replace(objective, loss=Loss("fails_at_the_mark", fails_at_the_mark))
    # Few steps: rounding grows fast once the first eigenvalues have converged.
    ours = hessian_free(curvature, cg_steps=5)

    @jax.jit
    def run(params, state, batch):
        new, state, info = ours.step(objective, params, state, batch)
        return new, state, info._replace(auxiliary=None)

    return run, ours


def updated(batch, curvature=None, state=None, params=None):
    run, ours = one_update(curvature)
    params = at("last")[1] if params is None else params
    return run(params, ours.init(params) if state is None else state, batch)


def repeated(batch, rows):
    return jax.tree.map(lambda leaf: leaf[jnp.asarray(rows)], batch)


def filled():
    """Three examples, and one of weight 0 that holds anything."""
    _, _, batch = at("last")
    return batch._replace(
        inputs=batch.inputs.at[3].set(1e3), targets=batch.targets.at[3].set(jnp.nan)
    )


def assert_same_update(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    assert float(jnp.abs(one[0] - at("last")[1]).max()) > 1e-3


def test_padding_changes_nothing(float64):
    """Neither of the batch nor of its curvature batch, whatever stands in it."""
    full, padded = repeated(filled(), [0, 1, 2]), repeated(filled(), [0, 1, 2, 3, 3, 3, 3, 3])
    assert_same_update(updated(full), updated(padded, curvature=4))


def test_the_curvature_batch_is_the_first_of_the_batch(float64):
    """Examples behind it move the gradient, and nothing else of the model."""
    objective, params, batch = at("last")
    sizes = []

    class Spy(Objective):
        def outputs(self, params, batch):
            sizes.append(len(batch.inputs))
            return super().outputs(params, batch)

    spy = Spy(objective.loss, objective.network)
    ours = hessian_free(3, cg_steps=3)
    jax.eval_shape(lambda p: ours.step(spy, p, ours.init(p), batch)[0], params)
    assert set(sizes) == {1, 3}  # never more of them in memory
    full, twice = repeated(filled(), [0, 1, 2]), repeated(filled(), [0, 1, 2, 3, 2, 3, 1, 0])
    assert_same_update(updated(full), updated(twice, curvature=4))


# --- rules ---


def test_the_preconditioner(float64):
    squares = jnp.array([0.0, 1.0, 3.0])
    np.testing.assert_allclose(preconditioner(squares, jnp.asarray(1.0)), [1, 2**0.75, 4**0.75])
    np.testing.assert_array_equal(preconditioner(squares * 0, jnp.asarray(0.0)), [1, 1, 1])


@pytest.mark.parametrize(
    ("ratio", "factor"),
    [(-np.inf, 1.5), (0.2, 1.5), (0.25, 1), (0.5, 1), (0.75, 1), (0.8, 2 / 3), (2.0, 2 / 3)],
)
def test_the_damping_follows_the_reduction_ratio(ratio, factor, float64):
    for damping in (0.0, 0.03, 7.0):
        found = adapt_damping(jnp.asarray(damping), jnp.asarray(ratio))
        assert float(found) == pytest.approx(damping * factor)


def test_the_damping_stays_in_range():
    for start, ratio in ((1.0, 0.0), (1.0, 1.0)):
        damping = jnp.asarray(start, jnp.float32)
        for _ in range(400):
            damping = adapt_damping(damping, jnp.asarray(ratio, jnp.float32))
        assert 0 < float(damping) < np.inf
        assert float(adapt_damping(damping, jnp.asarray(1 - ratio, jnp.float32))) != float(
            damping
        )


@pytest.mark.parametrize(
    ("after", "promised", "ratio"),
    [
        (0.5, -0.5, 1),
        (0.5, -2.0, 0.25),
        (1.5, -0.5, -1),
        (np.inf, -1.0, -np.inf),
        (0.5, 0.0, -np.inf),
        (0.5, 0.1, -np.inf),
        (0.5, np.nan, -np.inf),
        (1.0, 0.0, -np.inf),
    ],
)
def test_the_reduction_ratio(after, promised, ratio, float64):
    assert float(reduction_ratio(*map(jnp.asarray, (1.0, after, promised)))) == ratio


losses_of_iterates = st.lists(
    st.sampled_from([0.0, 1.0, 2.0, 3.0, np.inf]), min_size=9, max_size=9
)


@given(losses_of_iterates, st.integers(0, 8))
def test_back_tracking_walks_to_the_first_low(values, last):
    """The one that it takes is at most as bad as all behind it; the one before is worse."""
    with jax.enable_x64(True):
        row = int(walk(jnp.asarray(values), last))
    assert row <= last
    assert all(values[row] <= value for value in values[row : last + 1])
    assert row == 0 or values[row - 1] > values[row]


@jax.jit
def walk(values, last):
    xs = jnp.arange(9.0)[:, None]
    iterates = Iterates(xs, last, last, values)
    return backtrack(lambda x: values[x[0].astype(int)], iterates)[0]


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.0), (1.0, 0.3), (5.0, -2.0), (300.0, 1.0)])
def test_the_line_search_takes_the_first_length_with_armijos_fall(a, b, float64):
    """Of f(x) = -x + a x^2 + b x^3, slope -1."""

    def f(x):
        return -x + a * x**2 + b * x**3

    zero = jnp.zeros(())
    found = float(line_search(f, zero, jnp.asarray(f(1.0)), zero - 1))
    lengths = 0.8 ** np.arange(60)
    falls = f(lengths) <= -0.01 * lengths
    assert found == pytest.approx(lengths[np.argmax(falls)], rel=1e-12)


@pytest.mark.parametrize("value", [np.inf, np.nan, 2.0])
def test_the_line_search_may_find_nothing(value, float64):
    ones = jnp.ones(())
    found = line_search(lambda x: jnp.full((), value), ones, jnp.asarray(value), -ones)
    assert float(found) == 0


def test_a_failed_update_leaves_the_weights_and_raises_the_damping(float64):
    batch = repeated(filled(), [0, 1, 2])
    batch = batch._replace(targets=jnp.full_like(batch.targets, MARK))
    zeros = at("last")[1].at[-8:].set(0)  # V and c
    before = HessianFreeState(jnp.asarray(0.2, float), jnp.ones_like(zeros))
    new, state, info = updated(batch, state=before, params=zeros)
    np.testing.assert_array_equal(new, zeros)
    assert float(state.damping) == pytest.approx(0.3) and not np.any(state.direction)
    assert np.isfinite(info.loss) and float(info.quantities["step_length"]) == 0
    assert float(info.quantities["reduction_ratio"]) == -np.inf


# --- in training ---


def memory(examples=32, steps=8, seed=0, dtype=jnp.float32):
    """The sum of two marked numbers, as in the adding problem."""
    rng = np.random.default_rng(seed)
    values, marks = rng.uniform(size=(examples, steps)), np.zeros((examples, steps))
    for row in marks:
        row[rng.integers(0, steps // 2)] = row[rng.integers(steps // 2, steps)] = 1
    xs = np.stack([values, marks], axis=-1)
    ys = (values * marks).sum(axis=1, keepdims=True)
    return Sequences(jnp.asarray(xs, dtype), jnp.asarray(ys, dtype))


def adding_network(cell="rnn", seed=0, **options):
    shape = {"cell": cell, "hidden": 8, "last": True, **options}
    return Architecture(2, 1, **shape)


def learn(cell, data):
    network = adding_network(cell).build(1)
    return train(network, data, "mse", hessian_free(24), epochs=12, batch_size=32, key=0)


@cache
def learnt(cell):
    return learn(cell, memory())


def assert_learnt(history, updates=1):
    """The loss fell, and the quantities in the history are consistent.

    With two updates in an epoch the first may change the damping by any of its factors.
    """
    assert history[-1].loss < 0.5 * history[0].loss
    for row in history:
        assert set(row.quantities) == {"damping", "cg_steps", "reduction_ratio", "step_length"}
        assert 1 <= row.quantities["cg_steps"] <= 300 and row.quantities["damping"] > 0
    assert history[0].quantities["damping"] == np.float32(0.01)
    for before, after in pairwise(history):
        factor = adapt_damping(
            jnp.asarray(before.quantities["damping"]),
            jnp.asarray(before.quantities["reduction_ratio"]),
        )
        further = after.quantities["damping"] / float(factor)
        allowed = (1.0,) if updates == 1 else (3 / 2, 1.0, 2 / 3)
        assert any(further == pytest.approx(each, rel=1e-6) for each in allowed)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_it_learns_and_reports_its_quantities(cell):
    """Of a `gru` below, in classes and streams."""
    assert_learnt(learnt(cell).history)


def test_the_same_bits_twice():
    one, other = learnt("rnn"), learn("rnn", memory())
    for a, b in zip(jax.tree.leaves(one.network), jax.tree.leaves(other.network), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(one.history, other.history, strict=True):
        assert a.loss == b.loss and a.quantities == b.quantities


def test_an_ensemble_trains_as_its_members_alone(float64):
    """Also when one of them is done before the other."""
    data, unseen = (memory(16, 5, seed, jnp.float64) for seed in (0, 1))
    shape = adding_network(hidden=3, dtype="float64")
    options = {"epochs": 12, "batch_size": 16, "key": 0, "validation": unseen, "patience": 1}
    together = train(shape.ensemble(2, 0), data, "mse", hessian_free(), ensemble=2, **options)
    rows = [[row for row in together.history if row.member == i] for i in (0, 1)]
    assert len(rows[0]) != len(rows[1])
    member = jax.tree.map(lambda leaf: leaf[0], shape.ensemble(2, 0))
    alone = train(member, data, "mse", hessian_free(), **options)
    for ours, wanted in zip(rows[0], alone.history, strict=True):
        assert ours.loss == pytest.approx(wanted.loss, rel=1e-6)
        assert ours.quantities["damping"] == wanted.quantities["damping"]


def test_classes_and_streams():
    """Softmax with its cross-entropy on long series in chunks, the state carried."""
    xs = np.random.default_rng(0).normal(size=(400, 1))
    rose = xs[:, 0] > np.roll(xs[:, 0], 1)
    targets = np.column_stack([rose, ~rose])
    xs, targets = (jnp.asarray(values, jnp.float32) for values in (xs, targets))
    data = Streams.cut(xs, targets, chunk=10, streams=20)
    network = Architecture(1, 2, "gru", 4, output="softmax").build(0)
    done = train(network, data, "cross_entropy", hessian_free(), epochs=8, key=0)
    assert_learnt(done.history, updates=2)


def test_a_loss_that_is_not_finite_is_an_error_as_with_other_methods():
    data = memory()
    broken = Sequences(data.inputs, data.targets.at[3].set(jnp.nan))
    with pytest.raises(Diverged, match="a loss that is not finite at step 1 of epoch 1"):
        learn("rnn", broken)


def test_it_needs_fewer_updates_than_adam():
    """The best of three rates of Adam, on the same batches and from the same weights."""
    network, data, rates = adding_network().build(1), memory(), (1e-2, 3e-2, 1e-1)
    networks = jax.tree.map(lambda w: jnp.stack([w] * len(rates)), network)
    options = {"epochs": 12, "batch_size": 32, "key": 0}
    search = method("adam", rates)
    adam = train(networks, data, "mse", search, ensemble=len(rates), **options)
    assert not adam.diverged
    best = min(row.loss for row in adam.history if row.epoch == 12)
    assert learnt("rnn").history[-1].loss < 0.5 * best


# --- the program ---


def primitives(jaxpr):
    """The names of all primitives in it and in what it holds."""
    found = []
    for equation in jaxpr.eqns:
        found.append(equation.primitive.name)
        for inner in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda p: hasattr(p, "jaxpr")
        ):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                found += primitives(inner)
    return found


def test_products_go_through_the_primitives_of_one_linearisation(float64):
    """The loop of conjugate gradient holds a tangent and an adjoint, and no forward pass."""
    objective, params, batch = at("lstm")

    def product(params, v):
        return gauss_newton(objective, params, batch)(v, 1.0)

    ours = hessian_free()
    program = jax.make_jaxpr(lambda p: ours.step(objective, p, ours.init(p), batch)[0])(params)
    loops = [
        primitives(equation.params["body_jaxpr"].jaxpr)
        for equation in program.jaxpr.eqns
        if equation.primitive.name == "while"
    ]
    solver = [loop for loop in loops if "unroll_tangent" in loop]
    assert len(solver) == 1
    of_time = [name for name in solver[0] if name.startswith("unroll")]
    assert of_time == ["unroll_tangent", "unroll_adjoint"]
    once = primitives(jax.make_jaxpr(product)(params, params).jaxpr)
    assert once.count("unroll") == 1


def test_a_step_keeps_types_beside_double_precision(float64):
    network, data = adding_network().build(0), memory()
    params, rebuild = ravel_weights(network)
    ours, objective = hessian_free(), Objective(loss("mse"), rebuild)
    batch = data.batch(jnp.arange(8))
    assert params.dtype == np.float32 and isinstance(ours, Method)
    state = ours.init(params)
    new, after, info = jax.eval_shape(
        lambda p, s: ours.step(objective, p, s, batch), jnp.asarray(params), state
    )
    assert isinstance(info, Info)
    leaves = jax.tree.leaves((new, after, info.loss, info.quantities))
    assert {leaf.dtype for leaf in leaves} == {np.dtype(np.float32)}


def test_errors():
    with refuses("`curvature` must be at least 1; got 0."):
        hessian_free(0)
    with refuses("`cg_steps` must be at least 1; got 0."):
        hessian_free(cg_steps=0)
    for name in ("damping", "structural", "weight_decay"):
        for wrong in (-0.1, np.inf, np.nan):
            with refuses(f"`{name}` must be finite and not negative; got {wrong}"):
                hessian_free(**{name: wrong})
    with refuses("needs a method whose state has a `factor`; got HessianFree."):
        train(
            adding_network().build(0), memory(), method=hessian_free(), schedule="cosine", key=0
        )
