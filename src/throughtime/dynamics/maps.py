"""What is left to itself, as a map: a system, a cell, a network that reads its own outputs.

A state is one vector and a step takes many states at once, as rows, so that what looks at the
dynamics (exponents, fixed points, behaviour) need not know what it looks at, and a network's
step runs in the compiled kernels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

from throughtime.errors import InputError
from throughtime.recurrence.cells import Cell
from throughtime.recurrence.network import Network
from throughtime.recurrence.unroll import unroll

from .simulate import stepper
from .systems import System

Rows = Float[Array, "row state"]


@dataclass(frozen=True)
class Map:
    """A map run through time.

    - `step(n, rows)`: the states after step n of those before it; n matters to what is driven.
    - `start`: a first state. `see(rows)`: what is observed of states, `(row, variable)`.
    - `time`: of a step. `transient`: steps until it is on its attractor, if that is known.
    """

    step: Callable[[Any, Rows], Rows]
    start: Float[Array, " state"]
    see: Callable[[Rows], Float[Array, "row variable"]]
    time: float | int = 1.0
    transient: int = 1000

    def tangent(self, n, state: Array, tangents: Rows) -> tuple[Array, Rows]:
        """A state after step n, and what small differences from it, the rows, have become."""
        rows = jnp.broadcast_to(state, tangents.shape)
        after, tangents = jax.jvp(lambda rows: self.step(n, rows), (rows,), (tangents,))
        return after[0], tangents

    def jacobian(
        self, state: Float[Array, " state"], n: Any = 0
    ) -> Float[Array, "state state"]:
        """The slopes of a step: row i, column j is that of component i by component j."""
        return self.tangent(n, state, jnp.eye(len(state), dtype=state.dtype))[1].T

    def run(self, steps: int) -> Float[Array, "steps state"]:
        """The states after each of so many steps from the start."""

        def forward(state, n):
            state = self.step(n, state[None])[0]
            return state, state

        through = jax.jit(lambda state: jax.lax.scan(forward, state, jnp.arange(steps))[1])
        return through(self.start)

    def settled(self) -> "Map":
        """The map from a state that its transient has led to."""
        if not self.transient:
            return self
        step = self.step

        @jax.jit
        def after(state):
            return jax.lax.fori_loop(0, self.transient, lambda n, s: step(n, s[None])[0], state)

        def later(n, rows):
            return step(n + self.transient, rows)

        return Map(later, after(self.start), self.see, self.time, 0)


def map_of_system(system: System, dt: float | None = None, substeps: int | None = None) -> Map:
    """A system over time steps; of a delay a state is its past."""
    dt = system.dt if dt is None else dt
    if not 0 < dt < np.inf:
        raise InputError("`dt` must be above 0 and finite", dt, "Change `dt`.")
    step, begin, see = stepper(system, dt, substeps=substeps)
    return Map(
        lambda n, rows: jax.vmap(lambda state: step(n * dt, state))(rows),
        begin(jnp.asarray(system.start, jnp.result_type(float))),
        jax.vmap(see),
        dt,
        round(system.transient / dt),
    )


def map_of_cell(
    cell: Cell, x: Float[Array | np.ndarray, " input"] | None = None, seed: int = 0
) -> Map:
    """A cell whose input does not change: x, zeros by default; from a random state."""
    x = jnp.zeros(cell.input_size) if x is None else jnp.asarray(x)
    flat, shaped = _flat(cell.initial_state(1))
    start = 0.5 * np.random.default_rng(seed).standard_normal(len(flat))

    def step(n, rows):
        xs = jnp.broadcast_to(x.astype(rows.dtype), (len(rows), 1, len(x)))
        return _rows(unroll(cell, xs, _states(shaped, rows))[1])

    def see(rows):
        return cell.hidden(_states(shaped, rows))

    return Map(step, jnp.asarray(start, flat.dtype), see)


def map_of_network(
    network: Network,
    context: Float[Array | np.ndarray, "time target"],
    inputs: Float[Array | np.ndarray, " input"] | None = None,
    *,
    carry: bool = True,
) -> Map:
    """A network that reads its own outputs, as `rollout` runs it.

    Parameters
    ----------
    context
        A stretch of the series; with `carry` its end leads to the first state, else it is the
        first state.
    inputs
        What else the network reads at every step, held still; zeros by default.
    carry
        A state is that of the cells, and the last outputs. Else it is the window of values that
        a network sees afresh at every step.

    Raises
    ------
    InputError
        For sizes that do not fit, or a centred network that should carry.
    """
    context = jnp.asarray(context)
    time, targets = context.shape
    horizon, extra = divmod(network.output_size, targets)
    held = jnp.zeros(0) if inputs is None else jnp.asarray(inputs)
    if extra or targets + horizon * len(held) != network.input_size:
        rule = (
            f"the network reads {network.input_size} and gives {network.output_size} features"
        )
        got = f"{targets} targets and {len(held)} inputs"
        raise InputError(rule, got, "Give the targets and inputs it was trained on.")
    if carry and network.centred:
        rule = "a centred network measures a window from its start, and cannot be carried on"
        raise InputError(rule, "`carry=True`", "Pass `carry=False`.")
    if not carry and horizon > time:
        rule = "`context` must be at least as long as the outputs of a step"
        raise InputError(rule, f"{time} of {horizon} steps", "Give more of the series.")
    held = jnp.tile(held.astype(context.dtype), horizon)

    def beside(past):
        """The inputs at each step of pasts, `(row, time, target)`."""
        known = jnp.broadcast_to(held, (*past.shape[:2], len(held)))
        return jnp.concatenate([past, known], axis=-1)

    def latest(past, state):
        ys, state = network(beside(past), state)
        ys = ys if network.readout.last else ys[:, -1]
        return ys.reshape(len(past), horizon, targets), state

    if not carry:

        def afresh(n, rows):
            past = rows.reshape(len(rows), time, targets)
            new, _ = latest(past, None)
            return jnp.concatenate([past, new], axis=1)[:, horizon:].reshape(rows.shape)

        return Map(afresh, context.ravel(), lambda rows: rows[:, -targets:], horizon)

    first, state = latest(context[None], None)
    flat, shaped = _flat(state)
    size = len(flat)

    def onwards(n, rows):
        past = rows[:, size:].reshape(len(rows), horizon, targets)
        new, state = latest(past, _states(shaped, rows[:, :size]))
        return jnp.concatenate([_rows(state), new.reshape(len(rows), -1)], axis=1)

    start = jnp.concatenate([flat, first.ravel()])
    return Map(onwards, start, lambda rows: rows[:, -targets:], horizon)


def double(network: PyTree) -> PyTree:
    """A network or a cell in double precision; for use where that is switched on."""

    def cast(leaf):
        if isinstance(leaf, jax.Array | np.ndarray) and jnp.issubdtype(
            leaf.dtype, jnp.floating
        ):
            return jnp.asarray(np.asarray(leaf), jnp.float64)
        return leaf

    return jax.tree.map(cast, network)


def _flat(state: PyTree):
    """The state of one row as a vector, and the way back."""
    return ravel_pytree(jax.tree.map(lambda leaf: leaf[0], state))


def _rows(state: PyTree) -> Rows:
    return jax.vmap(lambda s: ravel_pytree(s)[0])(state)


def _states(shaped, rows: Rows) -> PyTree:
    return jax.vmap(shaped)(rows)
