"""A cell run through time."""

import math
from collections.abc import Iterable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int, PyTree

from throughtime._support.precision import in_precision_of_weights
from throughtime.errors import InputError

from . import native_kernels, primitives
from .cells import GRU, LSTM, RNN, Cell, LSTMState, State

BUILT_IN = (RNN, GRU, LSTM)
"""The cells that run as a primitive, and so by the compiled kernels."""


def in_kernels(cells: Iterable[Cell]) -> bool:
    """Whether all of these cells run by the compiled kernels on the default device."""
    if jax.default_backend() != "cpu" or not native_kernels.available():
        return False
    return all(type(cell) in BUILT_IN for cell in cells)


@in_precision_of_weights
def unroll(
    cell: Cell,
    xs: Float[Array, "batch time input"],
    state: State | None = None,
    lengths: Int[Array, " batch"] | None = None,
    *,
    recompute: bool = False,
) -> tuple[PyTree[Float[Array, "batch time ..."]], State]:
    r"""Run a cell through time: $s_t = \mathrm{step}(\mathrm{drive}(x_t), s_{t-1})$.

    The RNN, the GRU and the LSTM run as one primitive (`primitives.unroll`). Any other cell,
    such as one of your own, runs by `jax.lax.scan` after one `drive` of all steps.

    Parameters
    ----------
    cell
        The cell to run.
    xs
        The inputs, `(batch, time, input)`.
    state
        The state before the first step; zeros by default. A long series can be run in segments:
        with the final state of one as the first state of the next, the numbers are those of the
        whole.
    lengths
        How many steps of each sequence count, `(batch,)`; all by default. After them a sequence
        keeps its last state, whatever the padding holds (even NaN), and no gradient passes.
    recompute
        Whether to save memory on long sequences: the backward pass then runs segments of about
        $\sqrt{T}$ steps forward again. The numbers are the same, the work about a third more.

    Returns
    -------
    states : Array, (batch, time, hidden), or a pytree of them
        The states after every step.
    final_state : Array, (batch, hidden), or a pytree of them
        The state after the last step that counts.

    Raises
    ------
    InputError
        If `xs` has other features than the cell, the state another shape than the batch, or
        `lengths` that are not a whole number from 0 to T for each sequence. (Within `jax.jit`
        the values of the lengths are not known: they must be right.)

    Notes
    -----
    Memory: a gradient takes this many numbers for each step, sequence and unit.

    | cell | saved for the backward pass | in all, by the kernels | by the scan | `recompute` |
    | --- | --- | --- | --- | --- |
    | RNN | 1: h | 2 | 4 | 2 |
    | GRU | 5: h, r, z, n, $W_n h + d$ | 6 | 14 | 2 |
    | LSTM | 6: h, c, i, f, g, o | 8 | 18 | 2 |

    The backward pass adds the gradients with respect to the returned states to what is saved.
    The scan also stores those with respect to each block of $U x + b$, and copies; the kernels
    use them up step by step. The gradient with respect to the inputs, if it is needed, has the
    size of the inputs. With `recompute` only the hidden states (which are returned) and their
    gradients exist for all steps; all else exists for one segment, $O(\sqrt{T})$ steps, with
    the state at the start of each segment.
    """
    batch, time, _ = xs.shape
    check_features(cell, xs)
    check_lengths(lengths, batch, time)
    state = cell.initial_state(batch) if state is None else state
    run = _run_segments if recompute and time > 1 else _run
    return run(cell, xs, state, lengths)


def check_features(cell: Cell, xs: Array) -> None:
    """Refuse inputs of other features than those of the cell.

    Raises
    ------
    InputError
        Which says how many there are.
    """
    features = xs.shape[-1]
    if features != cell.input_size:
        rule = f"a cell of input size {cell.input_size} takes inputs of as many features"
        remedy = f"Build the cell with input size {features}, or pass other inputs."
        raise InputError(rule, f"{features} features", remedy)


def check_lengths(lengths: Any, sequences: int, time: int) -> None:
    """Refuse lengths that are not a whole number from 0 to T for each sequence; None is right.

    Raises
    ------
    InputError
        For another number of them, another type, or a value out of its range. The values are
        not looked at within `jax.jit`, where they are not known.
    """
    if lengths is None:
        return
    rule = f"`lengths` must be {sequences} whole numbers, one for each sequence"
    if getattr(lengths, "shape", None) != (sequences,):
        got = f"an array of shape {lengths.shape}" if hasattr(lengths, "shape") else lengths
        raise InputError(rule, got, "Pass an array `(sequences,)`.")
    if not jnp.issubdtype(lengths.dtype, jnp.integer):
        raise InputError(rule, lengths.dtype, "Convert them to int32.")
    if isinstance(lengths, Tracer):
        return
    values = np.asarray(lengths)
    wrong = np.flatnonzero((values < 0) | (values > time))
    if len(wrong):
        rule = f"`lengths` must be from 0 to the {time} steps of the sequences"
        got = f"{values[wrong[0]]} for sequence {wrong[0]}"
        raise InputError(rule, got, "Correct it, or pad the sequences to the longest.")


def _run(cell: Cell, xs: Array, state: State, lengths: Array | None):
    """All states, `(batch, time, ...)`, and the final one."""
    built_in = type(cell) in BUILT_IN and xs.shape[1] > 0
    return (_run_primitive if built_in else _run_scan)(cell, xs, state, lengths)


def _run_primitive(cell, xs, state, lengths):
    """Run a built-in cell by the primitive, as an ensemble of one."""
    kind = cell.activation if isinstance(cell, RNN) else type(cell).__name__.lower()
    weights = (cell.U, cell.W, cell.b, *((cell.d,) if isinstance(cell, GRU) else ()))
    start = tuple(state) if isinstance(cell, LSTM) else (state,)
    expected = (xs.shape[0], cell.hidden_size)
    for name, array in zip("hc", start, strict=False):
        if array.shape != expected:
            rule = f"the first state's `{name}` must be of shape (batch, hidden) = {expected}"
            remedy = "Pass the final state of a run with as many sequences, or None for zeros."
            raise InputError(rule, array.shape, remedy)
    dtype = jnp.result_type(xs, *weights, *start)
    arrays = (weights, xs, start)
    weights, xs, start = jax.tree.map(lambda x: jnp.asarray(x, dtype)[None], arrays)
    lengths = None if lengths is None else lengths[None]
    states, _ = primitives.unroll(kind, weights, xs, start, lengths)
    states = tuple(s[0] for s in states)
    final = tuple(s[:, -1] for s in states)
    if isinstance(cell, LSTM):
        return LSTMState(*states), LSTMState(*final)
    return states[0], final[0]


def _run_scan(cell, xs, state, lengths):
    """Run any cell by its own `drive` and `step`."""
    active = None
    xs = jnp.swapaxes(xs, 0, 1)  # (time, batch, input)
    if lengths is not None:
        active = jnp.arange(len(xs))[:, None] < lengths[None, :]
        # Padding is zeroed before the product: 0 * NaN in the gradient of `U` would be NaN.
        xs = jnp.where(active[..., None], xs, 0)
    drive = cell.drive(xs)
    state = _in_type_of_step(cell, drive, state)
    step = _step(cell) if active is None else _masked_step(cell)
    final, states = jax.lax.scan(step, state, drive if active is None else (drive, active))
    return jax.tree.map(lambda s: jnp.swapaxes(s, 0, 1), states), final


def _in_type_of_step(cell: Cell, drive, state: State) -> State:
    """The state in the types that a step returns, which may be wider: a scan keeps them."""
    if not jax.tree.leaves(drive)[0].shape[0]:
        return state
    first = jax.tree.map(lambda d: d[0], drive)
    after = jax.eval_shape(cell.step, first, state)
    return jax.tree.map(lambda s, a: jnp.asarray(s, a.dtype), state, after)


def _run_segments(cell: Cell, xs: Array, state: State, lengths: Array | None):
    """Run about the square root of T segments, each of which is a gradient checkpoint."""
    batch, time, features = xs.shape
    steps = math.isqrt(time)
    segments, remainder = divmod(time, steps)
    whole = segments * steps

    @eqx.filter_checkpoint
    def run_segment(cell, state, xs, start):
        remaining = None if lengths is None else jnp.clip(lengths - start, 0, xs.shape[1])
        return _run(cell, xs, state, remaining)

    def step(state, xs_and_start):
        states, final = run_segment(cell, state, *xs_and_start)
        return final, states

    starts = jnp.arange(segments) * steps
    segmented = jnp.swapaxes(xs[:, :whole].reshape(batch, segments, steps, features), 0, 1)
    state, states = jax.lax.scan(step, state, (segmented, starts))
    # (segments, batch, steps, ...) to (batch, time, ...)
    states = jax.tree.map(
        lambda s: jnp.swapaxes(s, 0, 1).reshape(batch, whole, *s.shape[3:]), states
    )
    if not remainder:
        return states, state
    last, final = run_segment(cell, state, xs[:, whole:], jnp.asarray(whole))
    return jax.tree.map(lambda *two: jnp.concatenate(two, axis=1), states, last), final


def _step(cell):
    def step(state, drive):
        state = cell.step(drive, state)
        return state, state

    return step


def _masked_step(cell):
    def step(state, drive_and_active):
        drive, active = drive_and_active
        new = cell.step(drive, state)
        state = jax.tree.map(lambda n, s: jnp.where(_with_axes_of(n, active), n, s), new, state)
        return state, state

    return step


def _with_axes_of(leaf: Array, active: Array) -> Array:
    """`active` with as many trailing axes as `leaf` has."""
    return active.reshape(active.shape + (1,) * (leaf.ndim - active.ndim))
