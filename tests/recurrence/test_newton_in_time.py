"""All steps at once are the steps one after another, and so are their derivatives.

Shapes are few and fixed, so that each program is compiled once.
"""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from fast_compilation import quick_jit
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.recurrence.cells import GRU, LSTM, RNN, Cell
from throughtime.recurrence.exponential_smoothing import ExponentialSmoothing
from throughtime.recurrence.newton_in_time import unroll_in_parallel
from throughtime.recurrence.unroll import unroll

BATCH, TIME, INPUT, HIDDEN = 2, 12, 2, 3


class Oscillators(Cell):
    """A user's own cell, of a position and a velocity; the state is a dictionary."""

    V: jax.Array
    W: jax.Array
    input_size: int = eqx.field(static=True)
    hidden_size: int = eqx.field(static=True)

    def drive(self, xs):
        return {"force": xs @ self.V.T}

    def step(self, drive, state):
        force = jnp.tanh(drive["force"] + state["y"] @ self.W.T)
        z = state["z"] + 0.3 * (force - state["y"] - state["z"])
        return {"y": state["y"] + 0.3 * z, "z": z}

    def initial_state(self, batch):
        zeros = jnp.zeros((batch, self.hidden_size), self.W.dtype)
        return {"y": zeros, "z": zeros}

    def hidden(self, state):
        return state["y"]


@cache
def build(name, dtype="float64"):
    with jax.enable_x64(True):
        rng = np.random.default_rng(5)
        if name == "own":
            V, W = rng.normal(size=(HIDDEN, INPUT)), rng.normal(size=(HIDDEN, HIDDEN))
            return Oscillators(jnp.asarray(V), jnp.asarray(W), INPUT, HIDDEN)
        kind = {"rnn": RNN, "gru": GRU, "lstm": LSTM}[name]
        return kind(INPUT, HIDDEN, dtype=jnp.dtype(dtype), key=3)


every_cell = pytest.mark.parametrize("name", ["rnn", "gru", "lstm", "own"])
each_kind = pytest.mark.parametrize("jacobians", ["full", "diagonal"])


def problem(cell, seed=0, time=TIME):
    """Inputs and a first state."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(lambda: cell.initial_state(BATCH))
    state = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), shapes)
    return jnp.asarray(rng.normal(size=(BATCH, time, INPUT))), state


def assert_close(one, other, bound=1e-10):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=bound, atol=bound), one, other
    )


@cache
def runner(jacobians, iterations=100):
    return quick_jit(
        lambda *of: unroll_in_parallel(*of, jacobians=jacobians, iterations=iterations)
    )


def value(trained, A, run):
    """A scalar of all states and the last one; and what `run` returned."""
    cell, xs, state = trained
    found = run(cell, xs, state)
    ends = sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(found[1]))
    return jnp.sum(A * cell.hidden(found[0]) ** 2) + ends, found


@cache
def slopes(jacobians):
    def run(*arguments):
        if jacobians is None:
            return unroll(*arguments)
        return unroll_in_parallel(*arguments, jacobians=jacobians)

    return quick_jit(eqx.filter_grad(lambda of, A: value(of, A, run), has_aux=True))


@every_cell
@each_kind
def test_states_and_gradients_are_those_of_the_steps_one_by_one(name, jacobians, float64):
    """The gradients by all weights, the inputs and the first state."""
    cell = build(name)
    xs, state = problem(cell, time=101)
    A = jnp.asarray(np.random.default_rng(1).normal(size=(BATCH, 101, HIDDEN)))
    found, wanted = (slopes(kind)((cell, xs, state), A) for kind in (jacobians, None))
    slope, run = found
    assert bool(run.converged) and int(run.iterations) < (10 if jacobians == "full" else 101)
    assert_close((slope, run[:2]), wanted)


@each_kind
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0, 40))
@settings(max_examples=20)
def test_as_many_iterations_as_steps_suffice_whatever_the_dynamics(jacobians, seed, size):
    """Also for weights that make them chaotic: each step follows from the one before it."""
    with jax.enable_x64(True):
        cell = build("gru")
        W = np.random.default_rng(seed).normal(size=cell.W.shape) * size
        cell = eqx.tree_at(lambda c: c.W, cell, jnp.asarray(W))
        xs, start = problem(cell, seed)
        found = runner(jacobians)(cell, xs, start)
        assert bool(found.converged) and int(found.iterations) <= TIME
        np.testing.assert_allclose(found.states, after(cell, xs, start, found.states), **NEAR)


NEAR = {"rtol": 1e-12, "atol": 1e-12}


@quick_jit
def after(cell, xs, start, states):
    """One step from each of these states."""
    before = jnp.concatenate([start[:, None], states[:, :-1]], axis=1)
    return jax.vmap(cell.step)(cell.drive(xs), before)


@each_kind
def test_with_too_few_iterations_the_steps_are_run_one_by_one(jacobians, float64):
    cell = build("lstm")
    cell = eqx.tree_at(lambda c: c.W, cell, 9 * cell.W)
    xs, state = problem(cell)
    found = runner(jacobians, 1)(cell, xs, state)
    assert not bool(found.converged) and int(found.iterations) == 1
    assert_close((found.states, found.final_state), unroll(cell, xs, state))


@pytest.mark.parametrize("cell", ["identity", "smoothing"])
def test_a_linear_cell_takes_one_iteration(cell, float64):
    if cell == "smoothing":
        rates = {"alpha": np.array([0.5, 0.9]), "beta": 0.1, "gamma": 0.1}
        cell = ExponentialSmoothing(3, **rates, phi=0.95, dtype=jnp.float64)
    else:
        cell = RNN(1, HIDDEN, "identity", dtype=jnp.float64, key=1)
    xs = jnp.asarray(np.random.default_rng(0).normal(size=(BATCH, 200, 1)))
    found = runner("full")(cell, xs)
    assert int(found.iterations) == 1
    assert_close((found.states, found.final_state), unroll(cell, xs))


def test_states_that_overflow_are_those_of_the_steps(float64):
    cell = RNN(INPUT, HIDDEN, "identity", dtype=jnp.float64, key=1)
    cell = eqx.tree_at(lambda c: c.W, cell, 1e30 * jnp.eye(HIDDEN))
    xs = jnp.ones((BATCH, TIME, INPUT))
    found = runner("full")(cell, xs)
    assert not bool(found.converged)
    np.testing.assert_array_equal(found.final_state, unroll(cell, xs)[1])


def test_a_product_with_the_hessian(float64):
    """The derivatives of the derivatives, which the iterations alone would get wrong."""
    cell = build("gru")
    xs, state = problem(cell, time=4)
    A = jnp.ones((BATCH, 4, HIDDEN))
    along = jax.tree.map(
        lambda w: jnp.cos(jnp.arange(w.size, dtype=w.dtype)).reshape(w.shape), cell
    )

    def product(run):
        slope = jax.grad(lambda cell: value((cell, xs, state), A, run)[0])
        return quick_jit(lambda c, v: jax.jvp(slope, (c,), (v,))[1])(cell, along)

    assert_close(product(unroll_in_parallel), product(unroll))


def test_single_precision_stays_single():
    cell = build("gru", "float32")
    xs, _ = problem(cell)
    xs = jnp.asarray(xs, jnp.float32)
    found = runner("full")(cell, xs)
    assert found.states.dtype == jnp.float32 and bool(found.converged)
    assert_close((found.states, found.final_state), unroll(cell, xs), 1e-4)


def test_no_steps_give_the_state():
    cell = build("gru", "float32")
    start = jnp.ones((BATCH, HIDDEN))
    found = unroll_in_parallel(cell, jnp.zeros((BATCH, 0, INPUT)), start)
    assert found.states.shape == (BATCH, 0, HIDDEN)
    np.testing.assert_array_equal(found.final_state, start)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"jacobians": "diag"}, "`diagonal`"),
        ({"tolerance": 0.0}, "`tolerance` must be positive and finite"),
        ({"tolerance": float("nan")}, "`tolerance` must be positive and finite"),
        ({"iterations": 0}, "`iterations` must be a whole number"),
        ({"state": np.zeros((1, HIDDEN))}, "the first state must have the shapes [(2, 3)]"),
        ({"xs": np.zeros((BATCH, TIME, 5))}, "got 5 features"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, message):
    given = {"xs": np.zeros((BATCH, TIME, INPUT)), **wrong}
    with refuses(message):
        unroll_in_parallel(build("gru", "float32"), **given)
