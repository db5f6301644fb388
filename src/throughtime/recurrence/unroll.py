"""A cell run through time."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from throughtime.errors import InputError

from . import primitives
from .cells import GRU, LSTM, RNN, Cell, LSTMState, State

COMPILED = (RNN, GRU, LSTM)
"""The cells that run as one primitive, and so in the compiled kernels."""


def unroll(
    cell: Cell,
    xs: Float[Array, "batch time input"],
    state: State | None = None,
    lengths: Int[Array, " batch"] | None = None,
    *,
    recompute: bool = False,
) -> tuple[PyTree[Float[Array, "batch time ..."]], State]:
    r"""Run a cell through time: $s_t = \mathrm{step}(\mathrm{drive}(x_t), s_{t-1})$.

    The RNN, the GRU and the LSTM run as one primitive (`primitives.unroll`), any other cell,
    one of your own too, by `jax.lax.scan` after one `drive` of all steps.

    Parameters
    ----------
    xs
        The inputs, `(batch, time, input)`.
    state
        The state before the first step; zeros by default. Give the final state of one piece to
        the next and a long series in pieces gives the numbers of the whole.
    lengths
        How many steps of each sequence count. From there on a sequence keeps its last state,
        whatever stands in the padding (even NaN), and no gradient passes.
    recompute
        Cut the sequence in pieces of about $\sqrt{T}$ steps and let the backward pass run each
        piece forward again: the same numbers, about a third more work, and less memory for long
        sequences.

    Returns
    -------
    tuple[PyTree[Float[Array, 'batch time ...']], State]
        The states after every step, leaves `(batch, time, hidden)`, and the final state, leaves
        `(batch, hidden)`.

    Raises
    ------
    InputError
        If the features of `xs` are not the cell's, or if the state's shape is not that of the
        batch.

    Notes
    -----
    **Memory.** A gradient holds so many numbers for each step, sequence and unit:

    | cell | kept for the backward pass | in all, by the kernels | by the scan | `recompute` |
    | --- | --- | --- | --- | --- |
    | RNN | 1: h | 2 | 4 | 2 |
    | GRU | 5: h, r, z, n, $W_n h + d$ | 6 | 14 | 2 |
    | LSTM | 6: h, c, i, f, g, o | 8 | 18 | 2 |

    To what is kept the backward pass adds the slopes by what was returned: one for each array
    of the state. The scan also writes out those by each block of $U x + b$, and copies; the
    kernels use them up step by step. Slopes by the inputs, where they are asked for, have the
    size of the inputs. With `recompute` only the hidden states (which are returned) and their
    slopes are there for all steps, all else for one piece, $O(\sqrt{T})$, beside the state at
    the start of each piece.
    """
    batch, time, features = xs.shape
    if features != cell.input_size:
        rule = f"a cell of input size {cell.input_size} takes inputs of as many features"
        raise InputError(rule, f"{features} features", "Build the cell for this input.")
    state = cell.initial_state(batch) if state is None else state
    through = _in_pieces if recompute and time > 1 else _through
    return through(cell, xs, state, lengths)


def _through(cell: Cell, xs: Array, state: State, lengths: Array | None):
    """All states, `(batch, time, ...)`, and the final one."""
    compiled = type(cell) in COMPILED and xs.shape[1] > 0
    return (_as_primitive if compiled else _as_scan)(cell, xs, state, lengths)


def _as_primitive(cell, xs, state, lengths):
    """One of `COMPILED` by the primitive, as an ensemble of one."""
    kind = cell.activation if isinstance(cell, RNN) else type(cell).__name__.lower()
    weights = (cell.U, cell.W, cell.b, *((cell.d,) if isinstance(cell, GRU) else ()))
    start = tuple(state) if isinstance(cell, LSTM) else (state,)
    dtype = jnp.result_type(xs, *weights, *start)
    alone = (weights, xs, start)
    weights, xs, start = jax.tree.map(lambda x: jnp.asarray(x, dtype)[None], alone)
    lengths = None if lengths is None else lengths[None]
    states, _ = primitives.unroll(kind, weights, xs, start, lengths)
    states = tuple(s[0] for s in states)
    final = tuple(s[:, -1] for s in states)
    if isinstance(cell, LSTM):
        return LSTMState(*states), LSTMState(*final)
    return states[0], final[0]


def _as_scan(cell, xs, state, lengths):
    """Any cell, by its own `drive` and `step`."""
    active = None
    xs = jnp.swapaxes(xs, 0, 1)  # (time, batch, input)
    if lengths is not None:
        active = jnp.arange(len(xs))[:, None] < lengths[None, :]
        # Padding is zeroed before the product: 0 * NaN in the gradient of `U` would be NaN.
        xs = jnp.where(active[..., None], xs, 0)
    drive = cell.drive(xs)
    step = _plain(cell) if active is None else _masked(cell)
    final, states = jax.lax.scan(step, state, drive if active is None else (drive, active))
    return jax.tree.map(lambda s: jnp.swapaxes(s, 0, 1), states), final


def _in_pieces(cell: Cell, xs: Array, state: State, lengths: Array | None):
    """`_through`, in pieces of about the square root of their number; each is a checkpoint."""
    batch, time, features = xs.shape
    steps = math.isqrt(time)
    pieces, rest = divmod(time, steps)
    whole = pieces * steps

    @eqx.filter_checkpoint
    def piece(cell, state, xs, start):
        left = None if lengths is None else jnp.clip(lengths - start, 0, xs.shape[1])
        return _through(cell, xs, state, left)

    def step(state, at):
        states, final = piece(cell, state, *at)
        return final, states

    starts = jnp.arange(pieces) * steps
    cut = jnp.swapaxes(xs[:, :whole].reshape(batch, pieces, steps, features), 0, 1)
    state, states = jax.lax.scan(step, state, (cut, starts))
    # (pieces, batch, steps, ...) to (batch, time, ...)
    states = jax.tree.map(
        lambda s: jnp.swapaxes(s, 0, 1).reshape(batch, whole, *s.shape[3:]), states
    )
    if not rest:
        return states, state
    last, final = piece(cell, state, xs[:, whole:], jnp.asarray(whole))
    return jax.tree.map(lambda *two: jnp.concatenate(two, axis=1), states, last), final


def _plain(cell):
    def step(state, drive):
        state = cell.step(drive, state)
        return state, state

    return step


def _masked(cell):
    def step(state, drive_and_active):
        drive, active = drive_and_active
        new = cell.step(drive, state)
        state = jax.tree.map(lambda n, s: jnp.where(_beside(active, n), n, s), new, state)
        return state, state

    return step


def _beside(active: Array, leaf: Array) -> Array:
    """`active` with as many trailing axes as `leaf` has."""
    return active.reshape(active.shape + (1,) * (leaf.ndim - active.ndim))
