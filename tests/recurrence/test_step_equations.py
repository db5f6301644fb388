"""One step and its slopes: the equations against the cells' own, and against autodiff."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from throughtime.recurrence.cells import ACTIVATIONS, GRU, LSTM, RNN, LSTMState
from throughtime.recurrence.scan_lowering import _active, scan
from throughtime.recurrence.step_equations import RECURRENCES
from throughtime.recurrence.unroll import BUILT_IN

BATCH, HIDDEN = 3, 4
every_kind = pytest.mark.parametrize("kind", RECURRENCES)


def draw(kind):
    """Product, drive and state of one step."""
    cell, rng = RECURRENCES[kind], np.random.default_rng(2)
    shapes = [cell.gates * HIDDEN] * 2 + [HIDDEN] * cell.states
    product, drive, *state = (jnp.asarray(rng.normal(size=(BATCH, n))) for n in shapes)
    return product, drive, tuple(state)


def test_every_cell_and_activation_has_one():
    assert set(RECURRENCES) == {*ACTIVATIONS, "gru", "lstm"}
    assert set(BUILT_IN) == {RNN, GRU, LSTM}


@every_kind
def test_a_step_is_the_cells(kind, float64):
    cell = {"gru": GRU, "lstm": LSTM}.get(kind, RNN)
    extra = {"activation": kind} if cell is RNN else {}
    cell = cell(1, HIDDEN, **extra, init="pytorch", dtype=jnp.float64, key=0)
    _, _, state = draw(kind)
    xs = jnp.asarray(np.random.default_rng(4).normal(size=(1, BATCH, 1)))
    weights = (cell.U, cell.W, cell.b, *((cell.d,) if kind == "gru" else ()))
    states, saved = scan(kind, weights, xs, state, None, True)
    own = cell.step(cell.drive(xs)[0], LSTMState(*state) if kind == "lstm" else state[0])
    for ours, theirs in zip(states, jax.tree.leaves(own), strict=True):
        np.testing.assert_allclose(ours[0], theirs, rtol=1e-14, atol=1e-15)
    assert sum(s.shape[-1] for s in saved) == RECURRENCES[kind].saved * HIDDEN


@every_kind
def test_the_slopes_are_those_of_the_step(kind, float64):
    """The tangent is the derivative of the step; the adjoint is the tangent's transpose.

    The derivative by the drive, and by the product, which counts `gain` times as much.
    """
    cell = RECURRENCES[kind]
    product, drive, state = draw(kind)
    rng = np.random.default_rng(3)
    dproduct, ddrive, *dstate = (
        jnp.asarray(rng.normal(size=x.shape)) for x in (product, drive, *state)
    )
    after, saved = cell.step(product, drive, state)
    da = ddrive + cell.gain(dproduct, saved)
    ours = cell.tangent(state, after, saved, da, tuple(dstate))
    _, theirs = jax.jvp(
        lambda *args: cell.step(*args)[0],
        (product, drive, state),
        (dproduct, ddrive, tuple(dstate)),
    )
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    g = tuple(jnp.asarray(rng.normal(size=x.shape)) for x in after)
    ga, gbefore = cell.adjoint(state, after, saved, g)
    forward = sum(float(jnp.vdot(a, b)) for a, b in zip(g, ours, strict=True))
    backward = sum(
        float(jnp.vdot(a, b)) for a, b in zip((ga, *gbefore), (da, *dstate), strict=True)
    )
    np.testing.assert_allclose(forward, backward, rtol=1e-13)


def test_what_is_saved_is_the_gates(float64):
    """At rest the gates are half open and the candidates zero."""
    gates = {"gru": [0.5, 0.5, 0.0, 0.0], "lstm": [0.5, 0.5, 0.0, 0.5]}
    for kind, expected in gates.items():
        product, drive, state = jax.tree.map(jnp.zeros_like, draw(kind))
        _, (saved,) = RECURRENCES[kind].step(product, drive, state)
        np.testing.assert_array_equal(saved[0], np.repeat(expected, HIDDEN))


def test_lengths_out_of_range_are_none_and_all():
    active = _active(jnp.array([-1, 7]), 3)
    assert active is not None
    np.testing.assert_array_equal(active[..., 0].sum(0), [0, 3])
