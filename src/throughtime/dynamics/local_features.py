r"""What an `esn` of many variables reads, and the steps it takes.

Of a smooth law the state after a step is a series, of the variable i

$$y_i + \Delta t \, f_i + \tfrac{1}{2} \Delta t^2 \sum_j \partial_j f_i \, f_j + \dots$$

and where each $f_i$ reads few variables, so does each term: those along arrows of the law,
upstream of i, ever more with the order. Random features of all variables are spent on products
that never occur; of few, on those that do. The fewer orders count, the fewer are needed: so the
step is short against the time in which the law changes a state.

References
----------
Neighbourhoods of reservoirs: Pathak, Hunt, Girvan, Lu and Ott (2018). Random features of few
variables: Hashemi, Schaeffer, Shi, Topcu, Tran and Ward (2023).
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float64

from throughtime._support.precision import precision
from throughtime._support.seeds import generator
from throughtime.recurrence.initialisation import on_device
from throughtime.recurrence.network import Network

from .simulate import simulate
from .systems import FLOW, System
from .trajectories import Trajectories

FIELD = 4
"""Variables that a unit reads, at most: a law of as many is no law of many variables."""

STREAM = 5
"""The stream of the seed that receptive fields are drawn from."""

STEPS = (0.1, 0.05, 0.02, 0.01)
"""Steps of equations as text, of which one is chosen for many variables."""

CHANGE = 0.5
"""The largest share of itself by which a small difference may change in a step."""

LENGTH = 1000
"""Steps of the own trajectory on which the law is looked at."""

STATES = 200
"""States at which the derivative of the law is taken, about."""


def is_large(system: System) -> bool:
    """Whether a system has more variables than a unit reads."""
    return len(system.variables) > FIELD


def step_for(system: System, regressed: bool) -> float | int:
    """The time step of a system: its own, or one of `STEPS` for many variables as text.

    That is the longest whose product with the norm of the Jacobian, of variables in standard
    deviations, is at most `CHANGE`, as the median over the system's own trajectory. Of a stiff
    law, of which a scheme of fixed steps finds none, the fastest rates do not matter.

    Parameters
    ----------
    system
        The system.
    regressed
        Whether an `esn` learns it: a training by gradients keeps the system's step.
    """
    chosen = regressed and is_large(system) and system.statements and system.kind == FLOW
    if not chosen:
        return system.dt
    # Compiled in a seventh of the time of a scheme with error control.
    states = simulate(system, LENGTH, dt=system.dt, scheme="rk4", finite=False)
    if not np.isfinite(states).all():
        return system.dt
    states = states[:: LENGTH // STATES]
    us = np.zeros((len(states), len(system.inputs)))
    J = _jacobians(system, states, us, {})
    spread = states.std(axis=0)
    spread[spread == 0] = 1
    J = J[np.isfinite(J).all(axis=(1, 2))] * spread / spread[:, None]
    rate = np.median(np.linalg.norm(J, 2, axis=(1, 2))) if len(J) else 0.0
    return next((dt for dt in STEPS if dt * rate <= CHANGE), STEPS[-1])


def with_local_features(
    network: Network, system: System, training: Trajectories, seed: int
) -> Network:
    """The network of a system of many variables with units that read few of them each.

    Parameters
    ----------
    network
        One `EchoState`, and a readout.
    system, training
        The system, and its trajectories: the states at which it is looked at.
    seed
        Seed of the fields.
    """
    if not is_large(system):
        return network
    cell: Any = network.cells[0]
    fields = receptive_fields(coupling(system, training), cell.hidden_size, seed)
    others = np.ones((len(fields), cell.input_size - fields.shape[1]), bool)
    cosines = fields[:, np.flatnonzero(cell.angles)] if cell.angles else fields[:, :0]
    U = np.asarray(cell.U) * np.concatenate([fields, others, cosines], axis=1)
    return eqx.tree_at(lambda network: network.cells[0].U, network, on_device(U, cell.U.dtype))


def receptive_fields(
    reads: Bool[np.ndarray, "variable variable"], units: int, seed: int
) -> Bool[np.ndarray, "unit variable"]:
    """Which variables each unit reads: one, and others that it is coupled to, upstream.

    The first is each variable's in turn; another is drawn of those that the law of one of them
    reads, until there are `FIELD` or no more.

    Parameters
    ----------
    reads
        `reads[i, j]`: whether the law of variable i reads variable j.
    units
        The number of units.
    seed
        Seed of the draws.
    """
    rng, variables = generator(seed, STREAM), len(reads)
    fields = np.arange(units)[:, None] % variables == np.arange(variables)
    for field in fields:
        while field.sum() < FIELD:
            upstream = np.flatnonzero(reads[field].any(axis=0) & ~field)
            if not len(upstream):
                break
            field[rng.choice(upstream)] = True
    return fields


def coupling(system: System, training: Trajectories) -> Bool[np.ndarray, "variable variable"]:
    """Which variables the law of each reads: where its derivative is not 0 at some state."""
    each = training.states.shape[1] * len(training.states) // STATES + 1
    rows = np.arange(0, training.inputs.shape[0] * training.inputs.shape[1], each)
    which, steps = np.divmod(rows, training.inputs.shape[1])
    us = training.inputs[which, steps, : len(system.inputs)]
    own = {name: values[which] for name, values in training.parameters.items()}
    return (_jacobians(system, training.states[which, steps], us, own) != 0).any(axis=0)


def _jacobians(
    system: System, states: np.ndarray, us: np.ndarray, own: dict[str, np.ndarray]
) -> Float64[np.ndarray, "state variable variable"]:
    """The derivatives of a law by the state, with a row of inputs and parameters for each."""

    def law(y, u, own):
        return system.law(0.0, y, {**system.parameters, **own}, u)

    with precision("float64"):
        each = {name: jnp.asarray(values) for name, values in own.items()}
        found = jax.jit(jax.vmap(jax.jacfwd(law)))(jnp.asarray(states), jnp.asarray(us), each)
        return np.asarray(found, np.float64)
