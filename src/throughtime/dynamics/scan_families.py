"""Families of maps: a system, or the network that learned it, for each value of a parameter."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from throughtime.errors import InputError, did_you_mean

from . import maps
from .equations import equations, is_text
from .maps import Map
from .surrogate import Surrogate
from .systems import DELAY, FIELD, FLOW, MAP, System, system
from .trajectories import POINTS

Family = Callable[[Any], Map]
"""The map at a value of the parameter."""


@dataclass(frozen=True)
class Scanned:
    """What is scanned: its name, its family of maps, and how it is to be run.

    Attributes
    ----------
    name, variables
        The name, and those of the variables.
    is_map
        Whether its states are iterates rather than points of a curve.
    dt
        The time of a step.
    transient
        Steps until a trajectory has reached the attractor, as far as is known.
    family
        The map at a value of the parameter.
    finer
        The same with ten times as many substeps; None where there are none.
    traceable
        Whether the value may be a tracer of JAX: all values then run as one program.
    """

    name: str
    variables: tuple[str, ...]
    is_map: bool
    dt: float
    transient: int
    family: Family
    finer: Family | None = None
    traceable: bool = True


def system_of(source: str | System, parameter: str, value: float) -> System:
    """A system from its name or from equations, which need not give the parameter a number.

    Raises
    ------
    InputError
        If the system or its parameter is unknown.
    """
    if isinstance(source, System):
        found = source
    elif not is_text(source):
        found = system(source)
    else:
        found = _with_number(source, parameter, value)
    if parameter not in found.parameters:
        rule = f"the parameter of a scan must be one of `{found.name}`"
        raise InputError(rule, f"`{parameter}`", did_you_mean(parameter, found.parameters))
    return found


def _with_number(text: str, parameter: str, value: float) -> System:
    """Equations, with a number for the parameter where they leave it open."""
    try:
        return equations(text)
    except InputError:
        if not parameter.isidentifier():
            raise
    return equations(f"{text}\n{parameter} = {value!r}")


def scanned_system(system: System, parameter: str, dt: float | int | None) -> Scanned:
    """A system, ready to be scanned."""
    dt = float(system.dt if dt is None else dt)
    fixed = {DELAY: system.delay_parameters, FIELD: (parameter,)}.get(system.kind, ())

    def family(substeps: int | None) -> Family:
        def at(value):
            parameters = {**system.parameters, parameter: value}
            return maps.map_of_system(system, dt, substeps, parameters)

        return at

    finer = None
    if system.kind == FLOW:
        finer = family(10 * max(1, math.ceil(dt / 0.01 - 1e-9)))
    return Scanned(
        name=system.name,
        variables=system.variables,
        is_map=system.kind == MAP,
        dt=dt,
        transient=round(system.transient / dt),
        family=family(None),
        finer=finer,
        traceable=parameter not in fixed,
    )


def scanned_network(model: Surrogate, parameter: str) -> Scanned:
    """The network of a surrogate that reads the parameter, ready to be scanned.

    Raises
    ------
    InputError
        If the parameter did not vary in its training.
    """
    network, system = maps.to_float64(model.trained()), model.system_
    read = model.input_parameters_
    if parameter not in read:
        rule = "a network can be scanned along a parameter that varied in its training"
        varied = f"Give `ranges={{'{parameter}': (least, largest)}}` to the surrogate."
        raise InputError(rule, f"`{parameter}`", varied)
    dt, scaler, known = model.dt_, model.scaler_, model.input_scaler_
    flat, unflatten = ravel_pytree(jax.tree.map(lambda leaf: leaf[0], network.initial_state(1)))
    size, start = len(flat), scaler.transform(np.asarray(system.start, np.float64))
    moments = np.arange(1 if system.kind == MAP else POINTS) / 2

    def at(value):
        p = {**system.parameters, parameter: value}

        def step(n, rows):
            times = dt * (n + jnp.asarray(moments))
            drive = jax.vmap(lambda t: system.forcing(t, p))(times).ravel()
            inputs = jnp.concatenate(
                [drive, jnp.stack([jnp.asarray(p[name]) for name in read])]
            )
            inputs = (inputs - known.mean) / known.std
            tiled = jnp.broadcast_to(inputs, (len(rows), len(inputs)))
            xs = jnp.concatenate([rows[:, size:], tiled], axis=1)[:, None]
            state = jax.vmap(unflatten)(rows[:, :size])
            ys, state = network(xs, state)
            ys = ys if network.readout.last else ys[:, -1]
            after = jax.vmap(lambda s: ravel_pytree(s)[0])(state)
            return jnp.concatenate([after, ys], axis=1)

        def observe(rows):
            return rows[:, size:] * scaler.std + scaler.mean

        first = jnp.concatenate([flat, jnp.asarray(start, flat.dtype)])
        return Map(step, first, observe, dt)

    return Scanned(
        name=f"the network of {system.name}",
        variables=system.variables,
        is_map=system.kind == MAP,
        dt=float(dt),
        transient=round(system.transient / dt),
        family=at,
    )
