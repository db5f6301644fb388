r"""Trajectories sampled over ranges of starts and parameters, as a network reads them.

At step n a network reads the state $y_n$, the inputs u of the system between $t_n$ and
$t_{n+1}$ (at the start, the middle and the end of the step: the points of Simpson's rule), and
the parameters that vary; its output is $y_{n+1}$. Parameters that only shape the drive, such as
the frequency of a force, are not inputs of the network: it reads the force itself, so that any
other force can be put in its place.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal
from jaxtyping import Float64

from throughtime._support.precision import precision
from throughtime._support.seeds import generator
from throughtime.errors import InputError, check_positive_integer, did_you_mean

from .simulate import solution
from .systems import DELAY, MAP, System

Range = tuple[float | int, float | int]

POINTS = 3
"""Points of a step at which the drive is sampled."""

WAVES = 8
"""Waves that a random drive is made of."""


@dataclass(frozen=True)
class Trajectories:
    """Solutions of a system, and what a network reads along them.

    Attributes
    ----------
    states
        `(trajectory, step + 1, variable)`, in the variables' own units.
    inputs
        `(trajectory, step, input)`: the inputs of the network for the step from n to n + 1.
    parameters
        The parameters that vary, by name, with one value per trajectory.
    remark
        A sentence on how they were solved, if that is unusual.
    """

    states: Float64[np.ndarray, "trajectory time variable"]
    inputs: Float64[np.ndarray, "trajectory step input"]
    parameters: dict[str, Float64[np.ndarray, " trajectory"]]
    remark: str = ""

    def subset(self, rows: slice) -> "Trajectories":
        """Some of the trajectories."""
        parameters = {name: values[rows] for name, values in self.parameters.items()}
        return Trajectories(self.states[rows], self.inputs[rows], parameters, self.remark)


def check_learnable(system: System) -> None:
    """Refuse a system whose next state does not follow from state, drive and parameters.

    Raises
    ------
    InputError
        If the system has a delay, or its law depends on time itself.
    """
    if system.kind == DELAY:
        rule = "a surrogate learns systems whose whole state is observed"
        own = "tt.equations(text)" if system.name == "equations" else "system"
        remedy = (
            f"Solve it in Python, `series = tt.simulate({own}, 5000)`, and forecast the series:"
            " `tt.Forecaster().fit(series)`."
        )
        raise InputError(rule, f"`{system.name}`, which has a delay", remedy)
    if system.kind == MAP or not dependencies(system)[0]:
        return
    rule = "what changes with time must be a drive of its own"
    remedy = "Make it an input: `System(..., inputs=('F',), drive=...)`, or write it as text."
    raise InputError(rule, "`t` in a slope", remedy)


def input_parameters(system: System, ranges: Mapping[str, Range]) -> tuple[str, ...]:
    """The varying parameters that a network reads: those the law, not only its drive, uses."""
    used = dependencies(system)[1]
    return tuple(name for name in ranges if name in used)


def input_names(system: System, ranges: Mapping[str, Range]) -> tuple[str, ...]:
    """Names of the columns of `Trajectories.inputs`."""
    points = ("start", "middle", "end") if system.kind != MAP else ("start",)
    driven = (f"{u}, {point}" for point in points for u in system.inputs)
    return (*driven, *input_parameters(system, ranges))


def sample_trajectories(
    system: System,
    ranges: Mapping[str, Range | float | int],
    count: int,
    steps: int,
    dt: float | int,
    seed: int = 0,
) -> Trajectories:
    """Solve a system from starts and parameters that are drawn uniformly from their ranges.

    Parameters
    ----------
    system
        The system to solve.
    ranges
        The least and the largest value of a parameter, or of a variable at the start, by name.
        Everything else is as the system has it; see `with_fixed_values` for a single value.
    count
        The number of trajectories.
    steps
        The number of steps of each.
    dt
        The time of a step.
    seed
        Seed of the draws.

    Raises
    ------
    InputError
        If a range is empty or of an unknown name, or a solution does not stay finite.
    """
    check_positive_integer("count", count)
    system, ranges = with_fixed_values(system, ranges)
    start, values = sample_starts(system, ranges, count, seed)
    found = solution(system, steps, dt=dt, start=start, parameters=values)
    read = input_parameters(system, ranges)
    inputs = network_inputs(system, values, read, count, steps, dt)
    return Trajectories(found.states, inputs, values, found.remark)


def sample_starts(
    system: System, ranges: Mapping[str, Range], count: int, seed: int
) -> tuple[Float64[np.ndarray, "trajectory variable"], dict[str, np.ndarray]]:
    """The starts and the varying parameters of `sample_trajectories`."""
    rng = generator(seed)
    values = {name: rng.uniform(*bounds, count) for name, bounds in ranges.items()}
    own = {name: of for name, of in values.items() if name in system.parameters}
    start = np.array(np.broadcast_to(system.start_at(own), (count, len(system.variables))))
    for i, name in enumerate(system.variables):
        start[:, i] = values.pop(name, start[:, i])
    return start, values


def network_inputs(
    system: System,
    parameters: Mapping[str, Any],
    read: tuple[str, ...],
    count: int,
    steps: int,
    dt: float | int,
) -> Float64[np.ndarray, "trajectory step input"]:
    """What a network reads besides the state: the drive, then the parameters named in `read`.

    Parameters
    ----------
    system
        The system, whose own parameters hold where `parameters` names none.
    parameters
        Numbers, or arrays with one value per trajectory.
    read
        The parameters that the network reads; see `input_parameters`.
    count, steps, dt
        The number of trajectories, the number of their steps, and the time of a step.

    Returns
    -------
    Array, (trajectory, step, input)
    """
    own = {name: np.broadcast_to(value, count) for name, value in parameters.items()}
    times = dt * (
        np.arange(steps)[:, None] + np.arange(1 if system.kind == MAP else POINTS) / 2
    )

    def drive(own, times):
        p = {**system.parameters, **own}
        return jax.vmap(jax.vmap(lambda t: system.forcing(t, p)))(times)

    with precision("float64"):
        each = {name: jnp.asarray(values, jnp.float64) for name, values in own.items()}
        every = jax.vmap(drive, (0, None), axis_size=count)
        u = jax.jit(every)(each, jnp.asarray(times, jnp.float64))
    known = {**system.parameters, **own}
    columns = [np.broadcast_to(known[name], count)[:, None] * np.ones(steps) for name in read]
    u = np.asarray(u, np.float64).reshape(count, steps, -1)
    return np.concatenate([u, *(values[..., None] for values in columns)], axis=-1)


def random_drive(
    trajectories: Trajectories, system: System, dt: float | int, seed: int = 0
) -> Callable[..., Any] | None:
    """A random drive as large and as fast as that of given trajectories: a sum of eight waves.

    Parameters
    ----------
    trajectories
        The trajectories whose drive is imitated.
    system
        Their system.
    dt
        The time of a step.
    seed
        Seed of the frequencies and phases.

    Returns
    -------
    Callable[..., Any] | None
        A `drive(t, p)`; None if nothing drives the system, or nothing that changes, and for a
        map, whose drive is known at one point of a step and has no slope in it.
    """
    inputs = len(system.inputs)
    if not inputs or system.kind == MAP:
        return None
    points = trajectories.inputs[..., : POINTS * inputs]
    points = points.reshape(*points.shape[:2], POINTS, -1)
    size = points.std(axis=(0, 1, 2))
    slope = (points[:, :, 2] - points[:, :, 0]) / dt
    if not (size > 0).all():
        return None
    rng = np.random.default_rng([seed, 1])
    # Frequencies uniform up to w have the mean square w^2 / 3.
    largest = np.sqrt(3) * np.sqrt((slope**2).mean(axis=(0, 1))) / size
    frequencies = rng.uniform(0, 1, (WAVES, inputs)) * largest
    phases = rng.uniform(0, 2 * np.pi, (WAVES, inputs))
    mean = points.mean(axis=(0, 1, 2))

    def drive(t, p):
        waves = jnp.cos(frequencies * t + phases)
        return mean + size * np.sqrt(2 / WAVES) * waves.sum(axis=0)

    return drive


def with_fixed_values(
    system: System, ranges: Mapping[str, Range | float | int]
) -> tuple[System, dict[str, Range]]:
    """The system with the single values among ranges as its own, and the ranges that are left.

    Parameters
    ----------
    system
        The system.
    ranges
        By the name of a parameter or a variable, `(least, largest)`; or a number, or twice the
        same one, for a parameter or a start that does not vary.

    Raises
    ------
    InputError
        If a range is not from a number to one at least as large, or of an unknown name.
    """
    left, start, variables = {}, {}, system.variables
    known = (*system.variables, *system.parameters)
    for name, bounds in ranges.items():
        if name not in known:
            rule = f"a range must be of a variable or a parameter of `{system.name}`"
            raise InputError(rule, f"`{name}`", did_you_mean(name, known))
        ends = list(bounds) if isinstance(bounds, Iterable) else [bounds, bounds]
        least, largest = ends if len(ends) == 2 else (np.nan, np.nan)
        if not -np.inf < least <= largest < np.inf:
            rule = f"the range of `{name}` must go from a number to a larger one"
            got = " to ".join(map(str, ends))
            raise InputError(rule, got, "Write it as `0.1:0.5`, in Python `(0.1, 0.5)`.")
        if least < largest:
            left[name] = least, largest
        elif name in variables:
            start[variables.index(name)] = float(least)
        else:
            system = system.with_parameters(**{name: float(least)})
    return (_with_start(system, start) if start else system), left


def _with_start(system: System, given: Mapping[int, float]) -> System:
    """A system some of whose variables start at these values, whatever its parameters are."""
    places, values = np.array([*given]), np.array([*given.values()])
    start, of = np.array(system.start, np.float64), system.start_of
    start[places] = values
    known = {"start_of": lambda p: of(p).at[places].set(values)} if of else {}
    return replace(system, start=tuple(start.tolist()), **known)


def dependencies(system: System) -> tuple[bool, set[str]]:
    """Whether a law depends on time, and the parameters that it depends on.

    Both are read from the traced program, so a derivative that happens to be 0 counts too.
    """
    parameters = sorted(system.parameters)
    with precision("float64"):
        y, u = jnp.asarray(system.start), jnp.zeros(len(system.inputs))

        def law(t, values, y, u):
            return system.law(t, y, dict(zip(parameters, values, strict=True)), u)

        values = [jnp.asarray(float(system.parameters[name])) for name in parameters]
        program = jax.make_jaxpr(law)(jnp.asarray(0.3), values, y, u).jaxpr
    needed = {v for v in program.outvars if not isinstance(v, Literal)}
    for equation in reversed(program.eqns):
        if needed.intersection(equation.outvars):
            needed.update(v for v in equation.invars if not isinstance(v, Literal))
    time, *each = program.invars[: 1 + len(parameters)]
    used = {name for name, v in zip(parameters, each, strict=True) if v in needed}
    return time in needed, used
