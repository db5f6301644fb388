"""A cell run through time."""

from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from .cells import Cell, State
from .errors import InputError

S = TypeVar("S", bound=PyTree)


def unroll(
    cell: Cell,
    xs: Float[Array, "batch time input"],
    state: State | None = None,
    lengths: Int[Array, " batch"] | None = None,
) -> tuple[PyTree[Float[Array, "batch time ..."]], State]:
    r"""Run a cell through time: $s_t = \mathrm{step}(\mathrm{drive}(x_t), s_{t-1})$.

    The input projection of all steps is one matrix product; `jax.lax.scan` does the rest.

    **Arguments:**

    - `xs`: the inputs, `(batch, time, input)`.
    - `state`: the state before the first step; zeros by default. Give the final state of
      one piece to the next and a long series in pieces gives the numbers of the whole.
    - `lengths`: how many steps of each sequence count. From there on a sequence keeps its
      last state, whatever stands in the padding (even NaN), and no gradient passes.

    **Returns:** the states after every step, leaves `(batch, time, hidden)`, and the final
    state, leaves `(batch, hidden)`.

    **Raises:** `InputError` if the features of `xs` are not the cell's.
    """
    batch, time, features = xs.shape
    if features != cell.input_size:
        rule = f"a cell of input size {cell.input_size} takes inputs of as many features"
        raise InputError(rule, f"{features} features", "Build the cell for this input.")
    state = cell.initial_state(batch) if state is None else state
    xs = jnp.swapaxes(xs, 0, 1)  # (time, batch, input)
    if lengths is None:
        final, states = jax.lax.scan(_plain(cell), state, cell.drive(xs))
    else:
        active = jnp.arange(time)[:, None] < lengths[None, :]  # (time, batch)
        # Padding is zeroed before the product: 0 * NaN in the gradient of `U` would be NaN.
        drive = cell.drive(jnp.where(active[..., None], xs, 0))
        final, states = jax.lax.scan(_masked(cell), state, (drive, active))
    return jax.tree.map(lambda s: jnp.swapaxes(s, 0, 1), states), final


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
