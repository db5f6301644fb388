"""A cell through time: masks, splits and chunks change nothing; gradients are gradients.

Shapes are few and fixed, so that Hypothesis compiles each program once.
"""

from functools import cache, partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fast_compilation import quick_jit
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

from throughtime.errors import InputError
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.cells import GRU, LSTM, RNN, Cell
from throughtime.recurrence.unroll import unroll

BATCH, TIME, INPUT, HIDDEN = 3, 3, 2, 3


class Leaky(Cell):
    """A user's own cell: leaky units, and a count of the steps seen as part of the state."""

    U: jax.Array
    W: jax.Array
    leak: jax.Array
    input_size: int = eqx.field(static=True)
    hidden_size: int = eqx.field(static=True)

    def drive(self, xs):
        return {"projected": xs @ self.U.T}

    def step(self, drive, state):
        new = jnp.tanh(drive["projected"] + state["h"] @ self.W.T)
        h = (1 - self.leak) * state["h"] + self.leak * new
        return {"h": h, "steps": state["steps"] + 1}

    def initial_state(self, batch):
        zeros = jnp.zeros((batch, self.hidden_size), self.W.dtype)
        return {"h": zeros, "steps": zeros[:, 0]}

    def hidden(self, state):
        return state["h"]


@cache
def build(name):
    """A cell in double precision."""
    with jax.enable_x64(True):
        if name == "own":
            rng = np.random.default_rng(5)
            U, W = rng.normal(size=(HIDDEN, INPUT)), rng.normal(size=(HIDDEN, HIDDEN))
            leak = rng.uniform(0.2, 0.8, HIDDEN)
            return Leaky(*map(jnp.asarray, (U, W, leak)), INPUT, HIDDEN)
        kind = {"rnn": RNN, "gru": GRU, "lstm": LSTM}[name]
        return kind(INPUT, HIDDEN, dtype=jnp.float64, key=3)


every_cell = pytest.mark.parametrize("name", ["rnn", "gru", "lstm", "own"])
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=6)


def problem(cell, seed):
    """Inputs, a state to start from, and weights of a scalar of all states and the last.

    NumPy arrays: what is cut from them is not a program to compile.
    """
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(lambda: cell.initial_state(BATCH))
    state = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), shapes)
    A, B = rng.normal(size=(BATCH, TIME, HIDDEN)), jax.tree.map(np.flip, state)
    return rng.normal(size=(BATCH, TIME, INPUT)), state, A, B


def scalar(trained, A, B, lengths):
    cell, xs, state = trained
    states, final = unroll(cell, xs, state, lengths)
    ends = jax.tree.map(lambda b, leaf: jnp.sum(b * leaf), B, final)
    return jnp.sum(A * cell.hidden(states)) + sum(jax.tree.leaves(ends)), (states, final)


def in_numpy(function):
    """A compiled function of NumPy arrays, in double precision."""
    compiled = quick_jit(function)

    def call(*arguments):
        arguments = jax.tree.map(jnp.asarray, arguments)
        return jax.tree.map(np.asarray, compiled(*arguments))

    return call


run = in_numpy(unroll)
slopes = in_numpy(eqx.filter_grad(scalar, has_aux=True))


def assert_close(one, other):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), one, other
    )


def rows(tree, at):
    return jax.tree.map(lambda leaf: leaf[at], tree)


@every_cell
@given(
    seed=seeds,
    lengths=st.lists(st.integers(0, TIME), min_size=BATCH, max_size=BATCH),
    garbage=st.sampled_from([np.nan, np.inf, -np.inf, 1e300, 0.0]),
)
@few
def test_padding_changes_nothing(name, seed, lengths, garbage):
    """States, final state and all gradients are those of the sequences run one by one."""
    with jax.enable_x64(True):
        cell = build(name)
        xs, state, A, B = problem(cell, seed)
        padding = np.arange(TIME)[None, :] >= np.array(lengths)[:, None]
        padded = np.where(padding[..., None], garbage, xs)
        A = np.where(padding[..., None], 0, A)
        (cell_slope, xs_slope, state_slope), (states, final) = slopes(
            (cell, padded, state), A, B, np.array(lengths)
        )
        assert not xs_slope[padding].any()
        total = jax.tree.map(np.zeros_like, cell)
        for i, n in enumerate(lengths):
            one = slice(i, i + 1)
            before = rows(state, one)
            if n == 0:  # nothing happens: the start is the end, and so are its slopes
                assert_close(rows(final, one), before)
                assert_close(rows(state_slope, one), rows(B, one))
                continue
            (cell_1, xs_1, state_1), (states_1, final_1) = slopes(
                (cell, xs[one, :n], before), A[one, :n], rows(B, one), None
            )
            assert_close(rows(states, (one, slice(n))), states_1)
            assert_close(rows(final, one), final_1)
            assert_close(xs_slope[one, :n], xs_1)
            assert_close(rows(state_slope, one), state_1)
            total = jax.tree.map(np.add, total, cell_1)
            # From its length on, a sequence keeps its state.
            kept = rows(states, (i, slice(n, TIME)))
            frozen = jax.tree.map(
                lambda k, f: np.broadcast_to(f, k.shape), kept, rows(final, i)
            )
            jax.tree.map(np.testing.assert_array_equal, kept, frozen)
        assert_close(cell_slope, total)


@every_cell
@given(seed=seeds)
@few
def test_splitting_the_batch_changes_nothing(name, seed):
    with jax.enable_x64(True):
        cell = build(name)
        xs, state, _, _ = problem(cell, seed)
        states, final = run(cell, xs, state)
        for part in (slice(0, 1), slice(1, 3)):
            assert_close(run(cell, xs[part], rows(state, part)), rows((states, final), part))


@every_cell
@given(seed=seeds, cut=st.integers(1, TIME - 1))
@few
def test_chunks_with_the_state_carried_are_the_whole(name, seed, cut):
    with jax.enable_x64(True):
        cell = build(name)
        xs, state, _, _ = problem(cell, seed)
        states, final = run(cell, xs, state)
        first, border = run(cell, xs[:, :cut], state)
        second, end = run(cell, xs[:, cut:], border)
        joined = jax.tree.map(lambda *two: np.concatenate(two, axis=1), first, second)
        assert_close((joined, end), (states, final))


@every_cell
def test_gradients_against_finite_differences(name, float64):
    """Central differences along random directions of weights, inputs and initial state."""
    cell = build(name)
    xs, state, A, B = jax.tree.map(jnp.asarray, problem(cell, 0))
    lengths = jnp.array([TIME, 1, 2])
    free, fixed = eqx.partition((cell, xs, state), eqx.is_inexact_array)
    flat, unravel = ravel_pytree(free)

    @quick_jit
    @jax.value_and_grad
    def value(flat):
        return scalar(eqx.combine(unravel(flat), fixed), A, B, lengths)[0]

    flat = np.asarray(flat)
    slope = np.asarray(value(flat)[1])
    rng, small = np.random.default_rng(1), 1e-5
    for _ in range(5):
        along = rng.normal(size=flat.shape)
        ahead, behind = (float(value(flat + way * along)[0]) for way in (small, -small))
        difference = (ahead - behind) / (2 * small)
        np.testing.assert_allclose(slope @ along, difference, rtol=1e-7, atol=1e-8)


def test_default_state_is_the_cells_own(float64):
    cell = build("own")
    xs, _, _, _ = problem(cell, 0)
    zeros = {"h": np.zeros((BATCH, HIDDEN)), "steps": np.zeros(BATCH)}
    assert_close(run(cell, xs), run(cell, xs, zeros))


def test_a_state_of_any_shape_is_masked(float64):
    """The user's step count, one number for each sequence, ends at the lengths."""
    cell = build("own")
    xs, _, _, _ = problem(cell, 0)
    states, final = run(cell, xs, None, np.array([0, 2, 3]))
    np.testing.assert_array_equal(final["steps"], [0, 2, 3])
    np.testing.assert_array_equal(states["steps"], [[0, 0, 0], [1, 2, 2], [1, 2, 3]])


def test_wrong_number_of_features():
    cell = RNN(INPUT, HIDDEN, key=0)
    with pytest.raises(InputError, match=r"input size 2 .*; got 5 features\. Build the cell"):
        unroll(cell, jnp.zeros((1, TIME, 5)))


@cache
def long_slopes(recompute):
    def value(trained, A, lengths):
        cell, xs, state = trained
        states, final = unroll(cell, xs, state, lengths, recompute=recompute)
        ends = sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(final))
        return jnp.sum(A * cell.hidden(states)) + ends, (states, final)

    return in_numpy(eqx.filter_grad(value, has_aux=True))


@every_cell
@pytest.mark.parametrize("time, masked", [(2, False), (7, True), (9, False)])
def test_recomputed_steps_change_nothing(name, time, masked, float64):
    """Two pieces; three and a rest, with lengths; three: states and slopes are the same."""
    cell = build(name)
    _, state, _, _ = problem(cell, 0)
    rng = np.random.default_rng(time)
    xs, A = rng.normal(size=(BATCH, time, INPUT)), rng.normal(size=(BATCH, time, HIDDEN))
    lengths = np.array([time, 3, 0]) if masked else None
    if masked:
        xs[np.arange(time) >= lengths[:, None]] = np.nan
    again, kept = (
        long_slopes(recompute)((cell, xs, state), A, lengths) for recompute in (True, False)
    )
    assert_close(again, kept)


def test_a_thousand_recomputed_steps_change_nothing(float64):
    """32 pieces of 31 steps, and 8 that are left over."""
    cell, rng = build("gru"), np.random.default_rng(0)
    state = problem(cell, 0)[1]
    xs, A = rng.normal(size=(BATCH, 1000, INPUT)), rng.normal(size=(BATCH, 1000, HIDDEN))
    assert_close(*(long_slopes(again)((cell, xs, state), A, None) for again in (True, False)))


def test_recomputed_steps_take_less_memory():
    """The gates, four numbers a step and unit, are no longer there all at once."""

    def temporary(recompute):
        def value(cell, xs):
            return jnp.sum(unroll(cell, xs, recompute=recompute)[1][0])

        arguments = build("lstm"), jnp.zeros((8, 400, INPUT), jnp.float64)
        compiled = jax.jit(jax.grad(value)).lower(*arguments).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    with jax.enable_x64(True):
        assert temporary(True) < 0.5 * temporary(False)


@pytest.mark.parametrize("recompute", [False, True])
def test_inputs_that_are_not_differentiated_cost_no_product(recompute):
    cell, xs = GRU(INPUT, HIDDEN, key=0), jnp.ones((BATCH, TIME, INPUT))

    def value(cell, xs):
        return jnp.sum(unroll(cell, xs, recompute=recompute)[1])

    for by, wanted in ((0, False), (1, True)):
        program = str(jax.make_jaxpr(jax.grad(value, by))(cell, xs))
        assert (f"inputs={wanted}" in program) and (f"inputs={not wanted}" not in program)


def test_a_step_of_your_own_is_used():
    """Only the built-in cells themselves run as the primitive, not what is built on them."""

    class Still(GRU):
        def step(self, drive, state):
            return state

    ours, own = GRU(INPUT, HIDDEN, key=0), Still(INPUT, HIDDEN, key=0)
    xs, start = jnp.ones((BATCH, TIME, INPUT)), jnp.ones((BATCH, HIDDEN))
    for cell, known in ((ours, True), (own, False)):
        program = str(jax.make_jaxpr(lambda c: unroll(c, xs, start))(cell))
        assert ("unroll[" in program) == known
    np.testing.assert_array_equal(unroll(own, xs, start)[1], start)


@every_cell
def test_no_steps_give_the_state(name, float64):
    cell = build(name)
    _, state, _, _ = problem(cell, 0)
    states, final = run(cell, np.zeros((BATCH, 0, INPUT)), state)
    assert_close(final, state)
    assert all(leaf.shape[:2] == (BATCH, 0) for leaf in jax.tree.leaves(states))


def test_a_state_of_another_shape_is_refused():
    cell = GRU(INPUT, HIDDEN, key=0)
    with pytest.raises(
        InputError, match=r"first state's `h` must be .* = \(3, 3\); got \(3, 5\)"
    ):
        unroll(cell, jnp.zeros((3, TIME, INPUT)), jnp.zeros((3, 5)))


@pytest.mark.parametrize("lengths", [[1, TIME + 1, 2], [1, -1, 2], [1, 2], [1.0, 2.0, 3.0]])
@pytest.mark.usefixtures("as_installed")
def test_lengths_beyond_the_steps_are_refused(lengths):
    """By every way in: a cell, a network, the call and the trace."""
    cell, xs = GRU(INPUT, HIDDEN, key=0), jnp.zeros((BATCH, TIME, INPUT))
    network = Architecture(INPUT, 1, hidden=HIDDEN).build(0)
    for run in (partial(unroll, cell), network, network.trace):
        with pytest.raises(InputError, match="`lengths` must be"):
            run(xs, None, jnp.array(lengths))
