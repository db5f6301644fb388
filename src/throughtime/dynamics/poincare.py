r"""Poincare sections: where a trajectory passes through a plane, always in one direction.

A flow of d dimensions becomes a map of d - 1: a cycle is a point, a torus a closed curve, a
chaotic attractor a set of points without end, and the map from each point to the next has the
same Lyapunov exponents but for the one that is 0 (Poincare 1899).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from throughtime._support.precision import precision
from throughtime._support.result_view import ResultView, current_axes
from throughtime.errors import InputError, check_known_name, check_positive_integer

from . import maps
from .attractor_kind import RETURNS, return_period
from .crossings import crossings, spline
from .equations import equations, is_text
from .simulate import stepper
from .systems import FLOW, MAP, System
from .systems import system as system_named
from .time_step import check_step

Plane = tuple[str | int | Sequence[float | int], float | int]
"""A variable and its value, or a normal vector and its product with the points of the plane."""

STEPS, TRANSIENT = 20_000, 2000
"""Steps of a system that are looked at, and that are dropped before, at least."""

HALVINGS = 50
"""Halvings of the time step that holds a crossing."""


@dataclass(frozen=True, repr=False)
class Section(ResultView):
    """The points in which a trajectory crosses a plane; `poincare` finds them.

    Attributes
    ----------
    variables
        The names of the variables.
    normal, level
        The plane: the points whose product with the normal vector is the level.
    times
        When it crosses, in units of time, `(crossing,)`.
    points
        Where, `(crossing, variable)`.
    size
        The range of each variable along the trajectory.
    """

    variables: tuple[str, ...]
    normal: Float64[np.ndarray, " variable"]
    level: float
    times: Float64[np.ndarray, " crossing"]
    points: Float64[np.ndarray, "crossing variable"]
    size: Float64[np.ndarray, " variable"]

    def __repr__(self) -> str:
        return f"Section({self.plane}: {len(self.times)} crossings)"

    @property
    def plane(self) -> str:
        """The plane as an equation."""
        terms = [
            name if weight == 1 else f"{weight:g} {name}"
            for weight, name in zip(self.normal, self.variables, strict=True)
            if weight
        ]
        return f"{' + '.join(terms)} = {self.level:.4g}"

    @property
    def period(self) -> int:
        """After how many crossings the points come back: 1 for a simple cycle, 0 if never."""
        in_ranges = self.points / np.where(self.size > 0, self.size, 1)
        return return_period(in_ranges, RETURNS[False])

    def columns(self) -> dict[str, Any]:
        """The columns of its table: time and variables, a row for each crossing."""
        each = zip(self.variables, self.points.T, strict=True)
        return {"time": self.times.tolist(), **{name: one.tolist() for name, one in each}}

    def return_map(
        self, variable: str | None = None
    ) -> tuple[Float64[np.ndarray, " pair"], Float64[np.ndarray, " pair"]]:
        """The value of a variable at each crossing but the last, and at the next one.

        Parameters
        ----------
        variable
            The variable; by default the first one that the plane does not fix.
        """
        if variable is not None:
            check_known_name("variable", variable, self.variables)
        which = self.free()[0] if variable is None else self.variables.index(variable)
        values = self.points[:, which]
        return values[:-1], values[1:]

    def free(self) -> list[int]:
        """The indices of the variables that can be drawn: those that the plane does not fix."""
        fixed = np.flatnonzero(self.normal)
        return [i for i in range(len(self.normal)) if len(fixed) > 1 or i != fixed[0]]

    def plot(self, axes: Any = None, *, beside: "Section | None" = None) -> Any:
        """Draw the points of the plane; of two variables, the return map.

        Parameters
        ----------
        axes
            Matplotlib's axes; by default the current ones.
        beside
            Another section to draw in a second colour, such as that of a network.

        Returns
        -------
        Axes
            The axes, for what is to be added.
        """
        axes = current_axes(axes)
        for one, colour in ((self, "0.15"), (beside, "C1")):
            if one is not None:
                axes.plot(*one.drawn()[0], ".", ms=3, color=colour)
        xlabel, ylabel = self.drawn()[1]
        axes.set(xlabel=xlabel, ylabel=ylabel, title=self.plane)
        return axes

    def drawn(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[str, str]]:
        """The coordinates of a picture, and their names."""
        free = self.free()
        if len(free) < 2:
            name = self.variables[free[0]]
            return self.return_map(name), (name, f"{name} at the next crossing")
        x, y = free[:2]
        points = self.points[:, x], self.points[:, y]
        return points, (self.variables[x], self.variables[y])


def poincare(
    source: Any,
    plane: Plane | None = None,
    *,
    rising: bool = True,
    dt: float | int | None = None,
    steps: int = STEPS,
    names: Sequence[str] = (),
) -> Section:
    """The Poincare section of a trajectory, or of a system.

    Of a system the last step before each crossing is repeated with the length that ends on the
    plane. A sampled trajectory is read between its samples by a cubic spline.

    Parameters
    ----------
    source
        A trajectory, `(time, variable)`; or the name of a flow, equations as text, or a
        `System`, which is run from its own start, after its transient.
    plane
        A variable, by name or index, and its value: `("z", 27.0)`; or a normal vector and its
        product with the points of the plane: `([1, -1, 0], 0.0)`. By default the first variable
        at its mean.
    rising
        Whether crossings count in which the product with the normal rises; else those in which
        it falls.
    dt
        The time of a step: 1 by default for a trajectory, for a system its own.
    steps
        Steps of a system after its transient.
    names
        Names of the variables of a trajectory.

    Returns
    -------
    Section
        When and where it crosses the plane.

    Raises
    ------
    InputError
        For a map, a trajectory of one variable, or a plane that is none.

    Examples
    --------
    >>> t = np.linspace(0, 20, 400)
    >>> circle = np.stack([np.cos(t), np.sin(t)], axis=1)
    >>> poincare(circle, (1, 0.0)).points[:, 0].round(4).tolist()
    [1.0, 1.0, 1.0]
    """
    check_positive_integer("steps", steps)
    if dt is not None:
        dt = check_step(dt, "Change `dt`.")
    if isinstance(source, str | System):
        return _of_system(_as_flow(source), plane, rising, dt, steps)
    y = np.asarray(source, np.float64)
    if y.ndim != 2 or y.shape[1] < 2 or len(y) < 4 or not np.isfinite(y).all():
        rule = "a section needs a finite trajectory, (time, variable), of two variables or more"
        remedy = "Put a variable beside its own past to make a second one."
        raise InputError(rule, f"shape {y.shape}", remedy)
    variables = tuple(names) or tuple(f"y{i + 1}" for i in range(y.shape[1]))
    normal, level = _plane(plane, variables, y)
    steps_at = crossings(y @ normal - level, rising)
    curve = spline(y)
    times = steps_at * (1.0 if dt is None else dt)
    return Section(variables, normal, level, times, curve(steps_at), np.ptp(y, axis=0))


def _as_flow(source: str | System) -> System:
    """The system that was meant, which must be no map."""
    if isinstance(source, str):
        source = equations(source) if is_text(source) else system_named(source)
    if source.kind == MAP:
        rule = "a section needs a flow: the states of a map are one already"
        raise InputError(rule, f"`{source.name}`", "Draw its states themselves.")
    return source


def _plane(
    plane: Plane | None, variables: tuple[str, ...], y: np.ndarray
) -> tuple[np.ndarray, float]:
    """The normal vector of a plane and its level."""
    where, level = (0, float(y[:, 0].mean())) if plane is None else plane
    normal = np.zeros(len(variables))
    if isinstance(where, str):
        check_known_name("plane", where, variables)
        normal[variables.index(where)] = 1
    elif np.ndim(where) == 0:
        if not -len(variables) <= int(where) < len(variables):  # pyright: ignore
            rule = f"a plane must be of one of {len(variables)} variables"
            raise InputError(rule, where, f"Use one of {', '.join(variables)}.")
        normal[int(where)] = 1  # pyright: ignore
    else:
        normal = np.asarray(where, np.float64)
    fits = normal.shape == (len(variables),) and normal.any()
    if not (fits and np.isfinite(normal).all() and np.isfinite(level)):
        rule = f"a plane needs a normal vector of {len(variables)} numbers and a level"
        raise InputError(rule, plane, 'Write it as `("x", 0.0)` or `([1, -1, 0], 0.0)`.')
    return normal, float(level)


def _of_system(
    system: System, plane: Plane | None, rising: bool, dt: float | int | None, steps: int
) -> Section:
    """The section of a system, its crossings to the accuracy of the scheme."""
    dt = float(system.dt if dt is None else dt)
    with precision("float64"):
        dynamics = maps.map_of_system(system, dt)
        transient = max(dynamics.transient, TRANSIENT)
        run = jax.jit(lambda: _run(dynamics, transient, steps))()
        states, seen = np.asarray(run), np.asarray(dynamics.observe(run))
        if not np.isfinite(seen).all():
            rule = "a trajectory must stay finite for a section"
            remedy = "Change its parameters or its start, or lower `dt`."
            raise InputError(rule, "one that goes to infinity", remedy)
        normal, level = _plane(plane, system.variables, seen)
        height = seen @ normal - level
        if system.kind != FLOW:  # a delay or a field has no shorter step
            at = crossings(height, rising)
            points = spline(seen)(at)
            return Section(
                system.variables, normal, level, at * dt, points, np.ptp(seen, axis=0)
            )
        signed = height if rising else -height
        before = np.flatnonzero((signed[:-1] < 0) & (signed[1:] >= 0))
        side = 1.0 if rising else -1.0
        cross = jax.jit(jax.vmap(_crossing(system, dt, side * normal, side * level)))
        lengths, points = cross(jnp.asarray((transient + before) * dt), states[before])
    times = before * dt + np.asarray(lengths)
    points = np.asarray(points).reshape(-1, len(system.variables))
    return Section(system.variables, normal, level, times, points, np.ptp(seen, axis=0))


def _run(dynamics: maps.Map, transient: int, steps: int):
    """The states after the transient, the first included."""

    def forward(state, n):
        return dynamics.step(n, state[None])[0], state

    first = jax.lax.fori_loop(
        0, transient, lambda n, s: dynamics.step(n, s[None])[0], dynamics.start
    )
    return jax.lax.scan(forward, first, transient + jnp.arange(steps + 1))[1]


def _crossing(system: System, dt: float, normal: np.ndarray, level: float):
    """From a state below a plane, the length of a step that ends on it, and where that is."""
    substeps = max(1, int(np.ceil(dt / 0.01 - 1e-9)))

    def after(t, state, length):
        return stepper(system, length, substeps=substeps)[0](t, state)

    def crossing(t, state):
        def halve(_, ends):
            low, high = ends
            middle = (low + high) / 2
            below = after(t, state, middle) @ normal < level
            return jnp.where(below, middle, low), jnp.where(below, high, middle)

        ends = jnp.zeros(()), jnp.asarray(dt, state.dtype)
        length = jax.lax.fori_loop(0, HALVINGS, halve, ends)[1]
        return length, after(t, state, length)

    return crossing
