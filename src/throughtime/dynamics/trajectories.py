r"""Trajectories of a system over ranges of what may change, as a network reads them.

At step n a network reads the state $y_n$, what drives the system between $t_n$ and $t_{n+1}$
(u at the start, in the middle and at the end of the step: Simpson's points), and the parameters
that vary; it answers $y_{n+1}$. Parameters that only shape the drive, such as the frequency of
a force, are not told: the force itself is, so that any other force can be put in its place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal
from jaxtyping import Float64

from throughtime._support.precision import precision
from throughtime._support.seeds import generator
from throughtime.errors import InputError, at_least_one, nearest

from .simulate import simulate
from .systems import DELAY, MAP, System

Range = tuple[float | int, float | int]

POINTS = 3
"""Of a step, at which the drive is told."""


@dataclass(frozen=True)
class Trajectories:
    """Solutions of a system, and what a network reads on its way along them.

    Attributes
    ----------
    states
        `(trajectory, step + 1, variable)`, in the variables' own units.
    inputs
        `(trajectory, step, input)`: of the step from n to n + 1.
    parameters
        Those that vary, by name, one for each trajectory.
    """

    states: Float64[np.ndarray, "trajectory time variable"]
    inputs: Float64[np.ndarray, "trajectory step input"]
    parameters: dict[str, Float64[np.ndarray, " trajectory"]]


def check_learnable(system: System) -> None:
    """Refuse what a network cannot learn from its state, its drive and its parameters alone.

    Raises
    ------
    InputError
    """
    if system.kind == DELAY:
        rule = "a surrogate learns systems whose state is what is seen"
        remedy = "Forecast its series instead: `throughtime forecast`."
        raise InputError(rule, f"`{system.name}`, which has a delay", remedy)
    if system.kind == MAP or not depends(system)[0]:
        return
    rule = "what changes with time must be a drive of its own"
    raise InputError(rule, "`t` in a slope", "Give it a name: `x' = F - x; F = cos(t)`.")


def told(system: System, ranges: Mapping[str, Range]) -> tuple[str, ...]:
    """The parameters that vary and that the law itself depends on, not its drive alone."""
    used = depends(system)[1]
    return tuple(name for name in ranges if name in used)


def names(system: System, ranges: Mapping[str, Range]) -> tuple[str, ...]:
    """What the inputs of `Trajectories` are called."""
    points = ("start", "middle", "end") if system.kind != MAP else ("start",)
    driven = (f"{u}, {point}" for point in points for u in system.inputs)
    return (*driven, *told(system, ranges))


def draw(
    system: System,
    ranges: Mapping[str, Range],
    count: int,
    steps: int,
    dt: float | int,
    seed: int = 0,
) -> Trajectories:
    """Trajectories from starts and parameters drawn evenly from their ranges.

    **Arguments:** `ranges`, the least and the largest value of a variable at the start or of a
    parameter, by name, what has no range is as the system has it; `count`, `steps`, how many
    of `dt` each.

    **Raises:** `InputError` for a range that is none, or solutions that do not stay finite.
    """
    at_least_one("count", count)
    check_ranges(system, ranges)
    rng = generator(seed)
    drawn = {name: rng.uniform(*bounds, count) for name, bounds in ranges.items()}
    start = np.tile(np.asarray(system.start, np.float64), (count, 1))
    for i, name in enumerate(system.variables):
        start[:, i] = drawn.pop(name, start[:, i])
    states = simulate(system, steps, dt=dt, start=start, parameters=drawn)
    inputs = read(system, drawn, told(system, ranges), count, steps, dt)
    return Trajectories(states, inputs, drawn)


def read(
    system: System,
    parameters: Mapping[str, Any],
    told: tuple[str, ...],
    count: int,
    steps: int,
    dt: float | int,
) -> Float64[np.ndarray, "trajectory step input"]:
    """What a network reads beside the state: the drive, and the parameters that are told."""
    own = {name: np.broadcast_to(value, count) for name, value in parameters.items()}
    times = dt * (
        np.arange(steps)[:, None] + np.arange(1 if system.kind == MAP else POINTS) / 2
    )

    def driven(own):
        p = {**system.parameters, **own}
        return jax.vmap(jax.vmap(lambda t: system.forcing(t, p)))(jnp.asarray(times))

    with precision("float64"):
        each = {name: jnp.asarray(values, jnp.float64) for name, values in own.items()}
        u = jax.jit(jax.vmap(driven, axis_size=count))(each)
    known = {**system.parameters, **own}
    held = [np.broadcast_to(known[name], count)[:, None] * np.ones(steps) for name in told]
    u = np.asarray(u, np.float64).reshape(count, steps, -1)
    return np.concatenate([u, *(values[..., None] for values in held)], axis=-1)


def random_drive(
    known: Trajectories, inputs: int, dt: float | int, seed: int = 0
) -> Callable[..., Any] | None:
    """Noise in place of a drive: eight waves, as large and as fast as that of trajectories.

    Returns
    -------
    Callable[..., Any] | None
        A `drive`; None where nothing drives the system, or nothing that changes.
    """
    if not inputs or known.inputs.shape[-1] < POINTS * inputs:
        return None
    points = known.inputs[..., : POINTS * inputs].reshape(*known.inputs.shape[:2], POINTS, -1)
    size = points.std(axis=(0, 1, 2))
    slope = (points[:, :, 2] - points[:, :, 0]) / dt
    if not (size > 0).all():
        return None
    rng = np.random.default_rng([seed, 1])
    fastest = np.sqrt(3) * np.sqrt((slope**2).mean(axis=(0, 1))) / size
    frequencies = rng.uniform(0, 1, (8, inputs)) * fastest  # (as fast in the mean square)
    phases = rng.uniform(0, 2 * np.pi, (8, inputs))
    middle = points.mean(axis=(0, 1, 2))

    def drive(t, p):
        waves = jnp.cos(frequencies * t + phases)
        return middle + size * np.sqrt(2 / 8) * waves.sum(axis=0)

    return drive


def check_ranges(system: System, ranges: Mapping[str, Range]) -> None:
    """Refuse ranges of what is neither a variable nor a parameter, and empty ones.

    Raises
    ------
    InputError
    """
    known = (*system.variables, *system.parameters)
    for name, (least, largest) in ranges.items():
        if name not in known:
            rule = f"a range must be of a variable or a parameter of `{system.name}`"
            raise InputError(rule, f"`{name}`", nearest(name, known))
        if not -np.inf < least < largest < np.inf:
            rule = f"the range of `{name}` must go from a number to a larger one"
            raise InputError(rule, f"{least} to {largest}", "Write it as `0.1:0.5`.")


def depends(system: System) -> tuple[bool, set[str]]:
    """Whether a law depends on time, and on which parameters: by its structure, at no point."""
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
