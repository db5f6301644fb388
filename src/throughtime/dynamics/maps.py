"""Autonomous dynamics as maps: a system, a cell, or a network that reads its own outputs.

A state is a single vector, and a step takes many states at once as rows. So the analyses
(Lyapunov exponents, fixed points, behaviour) need not know what kind of model they analyse, and
a network's step runs in the compiled kernels.
"""

from collections.abc import Callable, Mapping
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
from .time_step import check_step

Rows = Float[Array, "row state"]


@dataclass(frozen=True)
class Map:
    """A map that is iterated through time.

    Parameters
    ----------
    step
        `step(n, rows)`: the states, `(row, state)`, after step n. The number n matters only to
        a driven system.
    start
        The initial state, `(state,)`.
    observe
        `observe(rows)`: the observed variables of states, `(row, variable)`.
    dt
        The time of a step.
    transient
        Steps until a trajectory has reached the attractor, as far as is known.
    """

    step: Callable[[Any, Rows], Rows]
    start: Float[Array, " state"]
    observe: Callable[[Rows], Float[Array, "row variable"]]
    dt: float | int = 1.0
    transient: int = 1000

    def tangent(self, n, state: Array, tangents: Rows) -> tuple[Array, Rows]:
        """The state after step n, and the images of tangent vectors, given as rows."""
        rows = jnp.broadcast_to(state, tangents.shape)
        after, tangents = jax.jvp(lambda rows: self.step(n, rows), (rows,), (tangents,))
        return after[0], tangents

    def jacobian(
        self, state: Float[Array, " state"], n: Any = 0
    ) -> Float[Array, "state state"]:
        """The Jacobian of a step: row i, column j is the derivative of component i by j."""
        return self.tangent(n, state, jnp.eye(len(state), dtype=state.dtype))[1].T

    def run(self, steps: int) -> Float[Array, "steps state"]:
        """The states after 1, 2, ..., `steps` steps from the start."""

        def forward(state, n):
            state = self.step(n, state[None])[0]
            return state, state

        iterate = jax.jit(lambda state: jax.lax.scan(forward, state, jnp.arange(steps))[1])
        return iterate(self.start)

    def settled(self) -> "Map":
        """The same map, starting from the state after its transient."""
        if not self.transient:
            return self
        step = self.step

        @jax.jit
        def after_transient(state):
            return jax.lax.fori_loop(0, self.transient, lambda n, s: step(n, s[None])[0], state)

        def shifted_step(n, rows):
            return step(n + self.transient, rows)

        return Map(shifted_step, after_transient(self.start), self.observe, self.dt, 0)


def map_of_system(
    system: System,
    dt: float | None = None,
    substeps: int | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Map:
    """A system, advanced by time steps; the state of a delay is its past.

    Parameters
    ----------
    system
        The system.
    dt
        The time of a step; the system's own by default.
    substeps
        Steps of the Runge-Kutta scheme within dt.
    parameters
        All parameters, numbers or traced arrays; the system's own by default.

    Raises
    ------
    InputError
        If `dt` is not positive and finite.
    """
    dt = check_step(system.dt if dt is None else dt, "Set `dt` to a positive number.")
    step, begin, observe = stepper(system, dt, parameters, substeps=substeps)
    return Map(
        lambda n, rows: jax.vmap(lambda state: step(n * dt, state))(rows),
        begin(jnp.asarray(system.start, jnp.result_type(float))),
        jax.vmap(observe),
        dt,
        round(system.transient / dt),
    )


def map_of_cell(
    cell: Cell, x: Float[Array | np.ndarray, " input"] | None = None, seed: int = 0
) -> Map:
    """A cell with a constant input.

    Parameters
    ----------
    cell
        The cell.
    x
        Its input at every step; zeros by default.
    seed
        Seed of the initial state, which is random.
    """
    x = jnp.zeros(cell.input_size) if x is None else jnp.asarray(x)
    flat, unflatten = _flatten_state(cell.initial_state(1))
    start = 0.5 * np.random.default_rng(seed).standard_normal(len(flat))

    def step(n, rows):
        xs = jnp.broadcast_to(x.astype(rows.dtype), (len(rows), 1, len(x)))
        return _to_rows(unroll(cell, xs, _from_rows(unflatten, rows))[1])

    def observe(rows):
        return cell.hidden(_from_rows(unflatten, rows))

    return Map(step, jnp.asarray(start, flat.dtype), observe)


def map_of_states(network: Network, seed: int = 0) -> Map:
    """The states of a network whose inputs are held at zero; its outputs are observed.

    Parameters
    ----------
    network
        The network.
    seed
        Seed of the initial state, which is random.
    """
    network.check_single()
    flat, unflatten = _flatten_state(network.initial_state(1))
    start = 0.5 * np.random.default_rng(seed).standard_normal(len(flat))

    def step(n, rows):
        x = jnp.zeros((len(rows), network.input_size), rows.dtype)
        return _to_rows(network.advance(_from_rows(unflatten, rows), x)[0])

    def observe(rows):
        h = network.cells[-1].hidden(_from_rows(unflatten, rows)[-1])
        return network.readout.activate(network.readout.linear(h))

    return Map(step, jnp.asarray(start, flat.dtype), observe)


def map_of_driven(driven: Cell | Network, xs: Float[Array, "time input"]) -> Map:
    """The states of a cell or a network along given inputs, from zero; step n reads `xs[n]`."""
    flat, unflatten = _flatten_state(driven.initial_state(1))

    def step(n, rows):
        x = jnp.broadcast_to(xs[n].astype(rows.dtype), (len(rows), xs.shape[1]))
        state = _from_rows(unflatten, rows)
        if isinstance(driven, Network):
            return _to_rows(driven.advance(state, x)[0])
        return _to_rows(unroll(driven, x[:, None], state)[1])

    return Map(step, jnp.asarray(flat, xs.dtype), lambda rows: rows, 1.0, 0)


def map_of_network(
    network: Network,
    context: Float[Array | np.ndarray, "time target"],
    inputs: Float[Array | np.ndarray, " input"] | None = None,
    *,
    carry: bool = True,
) -> Map:
    """A network in closed loop: it reads its own outputs, as in `rollout`.

    Parameters
    ----------
    network
        The network.
    context
        A stretch of the series. With `carry`, reading it leads to the initial state; without,
        it is the initial state.
    inputs
        The other inputs of the network, held constant; zeros by default.
    carry
        Whether the cells' state is carried on from step to step. Then a state of the map
        consists of the cells' state and the last outputs. Otherwise it is the window of values
        that the network reads anew, from a zero state, at every step.

    Raises
    ------
    InputError
        If sizes do not match, a centred network is to be carried on, or for an ensemble.
    """
    network.check_single()
    context = jnp.asarray(context)
    time, targets = context.shape
    horizon, remainder = divmod(network.output_size, targets)
    constants = jnp.zeros(0) if inputs is None else jnp.asarray(inputs)
    if remainder or targets + horizon * len(constants) != network.input_size:
        rule = (
            f"the network reads {network.input_size} and gives {network.output_size} features"
        )
        got = f"{targets} targets and {len(constants)} inputs"
        raise InputError(rule, got, "Give the targets and inputs it was trained on.")
    if carry and network.centred:
        rule = "a centred network measures a window from its start, and cannot be carried on"
        raise InputError(rule, "`carry=True`", "Pass `carry=False`.")
    if not carry and horizon > time:
        rule = "`context` must be at least as long as the outputs of a step"
        raise InputError(rule, f"{time} of {horizon} steps", "Give more of the series.")
    constants = jnp.tile(constants.astype(context.dtype), horizon)

    def with_inputs(past):
        """What the network reads along past values, `(row, time, target)`."""
        known = jnp.broadcast_to(constants, (*past.shape[:2], len(constants)))
        return jnp.concatenate([past, known], axis=-1)

    def predict(past, state):
        ys, state = network(with_inputs(past), state)
        ys = ys if network.readout.last else ys[:, -1]
        return ys.reshape(len(past), horizon, targets), state

    if not carry:

        def window_step(n, rows):
            past = rows.reshape(len(rows), time, targets)
            new, _ = predict(past, None)
            return jnp.concatenate([past, new], axis=1)[:, horizon:].reshape(rows.shape)

        return Map(window_step, context.ravel(), lambda rows: rows[:, -targets:], horizon)

    outputs, state = predict(context[None], None)
    flat, unflatten = _flatten_state(state)
    size = len(flat)

    def carried_step(n, rows):
        past = rows[:, size:].reshape(len(rows), horizon, targets)
        new, state = predict(past, _from_rows(unflatten, rows[:, :size]))
        return jnp.concatenate([_to_rows(state), new.reshape(len(rows), -1)], axis=1)

    start = jnp.concatenate([flat, outputs.ravel()])
    return Map(carried_step, start, lambda rows: rows[:, -targets:], horizon)


def to_float64(module: PyTree) -> PyTree:
    """A network or a cell in double precision, for use where JAX has that switched on."""

    def cast(leaf):
        if isinstance(leaf, jax.Array | np.ndarray) and jnp.issubdtype(
            leaf.dtype, jnp.floating
        ):
            return jnp.asarray(np.asarray(leaf), jnp.float64)
        return leaf

    return jax.tree.map(cast, module)


def _flatten_state(state: PyTree):
    """The only row of a state as a vector, and the function back."""
    return ravel_pytree(jax.tree.map(lambda leaf: leaf[0], state))


def _to_rows(state: PyTree) -> Rows:
    return jax.vmap(lambda s: ravel_pytree(s)[0])(state)


def _from_rows(unflatten, rows: Rows) -> PyTree:
    return jax.vmap(unflatten)(rows)
