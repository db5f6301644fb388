"""The result of a bifurcation scan: as sentences, a table, a picture."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from throughtime._support.result_view import ResultView

from .behaviour import CHAOTIC, OSCILLATES, SETTLES

SHOWN = 24
"""Stretches of values that are printed, at most."""


class Stretch(NamedTuple):
    """Neighbouring values at which a system does the same.

    Attributes
    ----------
    label
        What it does: `settles`, `period 2`, `is chaotic` and so on.
    first, last
        The first and the last of the values.
    count
        How many there are.
    least, largest
        The least and the largest of the exponents.
    """

    label: str
    first: float
    last: float
    count: int
    least: float
    largest: float


@dataclass(frozen=True, repr=False)
class Scan(ResultView):
    """What a system does at each value of a parameter; `scan` finds it.

    Attributes
    ----------
    name, parameter
        The system, and the parameter.
    values
        The values of the parameter.
    variable
        The variable that was observed.
    is_map
        Whether the points are iterates of a map; else they are maxima.
    kinds
        `settles`, `oscillates`, `is quasi-periodic`, `is chaotic`, `drifts`,
        `goes to infinity` or `is undecided`, for each value.
    periods
        After how many maxima or iterates the motion comes back; 0 where it does not.
    cycles
        The time of that; NaN where it does not.
    exponents, errors
        The largest Lyapunov exponent per unit of time, and its standard error.
    points
        The maxima or iterates after the transient, for each value an array `(point,)`.
    remark
        How it was solved, if that is unusual.
    """

    name: str
    parameter: str
    values: Float64[np.ndarray, " value"]
    variable: str
    is_map: bool
    kinds: list[str]
    periods: Int64[np.ndarray, " value"]
    cycles: Float64[np.ndarray, " value"]
    exponents: Float64[np.ndarray, " value"]
    errors: Float64[np.ndarray, " value"]
    points: list[Float64[np.ndarray, " _"]]
    remark: str = ""

    def __repr__(self) -> str:
        ends = f"{self.parameter} from {self.values[0]:g} to {self.values[-1]:g}"
        return f"Scan({self.name}, {ends}: {len(self.values)} values)"

    @property
    def labels(self) -> list[str]:
        """What it does at each value, with the period: `period 2`."""
        pairs = zip(self.kinds, self.periods, strict=True)
        return [f"period {n}" if kind == OSCILLATES else kind for kind, n in pairs]

    def columns(self) -> dict[str, Any]:
        """The columns of its table, a row for each value."""
        least = [float(one.min()) if len(one) else math.nan for one in self.points]
        largest = [float(one.max()) if len(one) else math.nan for one in self.points]
        return {
            self.parameter: self.values.tolist(),
            "behaviour": list(self.kinds),
            "period": self.periods.tolist(),
            "cycle_time": self.cycles.tolist(),
            "exponent": self.exponents.tolist(),
            "exponent_error": self.errors.tolist(),
            "points": [len(one) for one in self.points],
            f"{self.variable}_least": least,
            f"{self.variable}_largest": largest,
        }

    def diagram(self) -> tuple[np.ndarray, np.ndarray]:
        """The points of the bifurcation diagram: the parameter, and the variable."""
        counts = [len(one) for one in self.points]
        return np.repeat(self.values, counts), np.concatenate([*self.points, np.empty(0)])

    def stretches(self) -> list[Stretch]:
        """Neighbouring values at which it does the same, in order."""
        labels, found = self.labels, []
        edges = [i for i in range(1, len(labels)) if labels[i] != labels[i - 1]]
        for first, last in zip([0, *edges], [*edges, len(labels)], strict=True):
            rates = self.exponents[first:last]
            ends = float(self.values[first]), float(self.values[last - 1])
            spread = float(rates.min()), float(rates.max())
            found.append(Stretch(labels[first], *ends, last - first, *spread))
        return found

    def sentences(self) -> list[str]:
        """What it does over the values, in a few lines."""
        what = "iterates" if self.is_map else "maxima"
        settled, repeats, chaotic = (
            sum(kind == one for kind in self.kinds) for one in (SETTLES, OSCILLATES, CHAOTIC)
        )
        told = [
            f"{self.name}, {self.parameter} from {self.values[0]:g} to {self.values[-1]:g}:"
            f" of {len(self.values)} values it settles at {settled}, repeats at {repeats}, and"
            f" is chaotic at {chaotic}. A period counts {what} of {self.variable}."
        ]
        found = self.stretches()
        told += [self._line(one) for one in found[:SHOWN]]
        if len(found) > SHOWN:
            told.append(f"{len(found) - SHOWN} more stretches are in the table.")
        return told + [self.remark] * bool(self.remark)

    def _line(self, one: Stretch) -> str:
        where = f"{one.first:.6g}" if one.count == 1 else f"{one.first:.6g} to {one.last:.6g}"
        rates = f"{one.least:.3g}"
        if one.count > 1:
            rates += f" to {one.largest:.3g}"
        told = f"{self.parameter} = {where}: {one.label}"
        return told if math.isnan(one.least) else f"{told}, largest exponent {rates}"

    def plot(self, axes: Any = None, *, beside: "Scan | None" = None) -> Any:
        """Draw the bifurcation diagram, and the largest exponent beneath it.

        Parameters
        ----------
        axes
            Matplotlib's axes, which are divided in two, or a pair of them; by default the
            whole of the current figure.
        beside
            Another scan to draw in a second colour, such as that of a network.

        Returns
        -------
        tuple[Axes, Axes]
            The axes of the diagram and of the exponent.
        """
        upper, lower = _pair(axes)
        for i, found in enumerate([self, beside] if beside is not None else [self]):
            colour = ("0.15", "C1")[i]
            style = {"color": colour, "alpha": 0.5 if len(found.diagram()[0]) > 2000 else 1}
            upper.plot(*found.diagram(), ".", ms=1.6, mew=0, rasterized=True, **style)
            # Superstable cycles have exponents of -inf; the axis ends below the others.
            lower.plot(found.values, found.exponents, color=colour, lw=0.9, label=found.name)
        lower.axhline(0, color="0.5", lw=0.7)
        lower.set_ylim(*exponent_limits(self.exponents))
        upper.tick_params(labelbottom=False)
        what = self.variable if self.is_map else f"maxima of {self.variable}"
        upper.set_ylabel(what)
        lower.set(xlabel=self.parameter, ylabel="exponent")
        if beside is not None:
            lower.legend(loc="best", fontsize="small")
        return upper, lower


def exponent_limits(exponents: Float64[np.ndarray, " value"]) -> tuple[float, float]:
    """Limits of an axis on which exponents are read although some are very low."""
    finite = exponents[np.isfinite(exponents)]
    if not len(finite):
        return -1.0, 1.0
    low, high = float(np.quantile(finite, 0.02)), float(finite.max())
    low = max(low, -3 * high) if high > 0 else low
    room = 0.1 * (high - low or abs(high) or 1.0)
    return min(low, 0.0) - room, max(high, 0.0) + room


def _pair(axes: Any) -> tuple[Any, Any]:
    """Two axes, one above the other: those given, or one divided."""
    if isinstance(axes, tuple | list | np.ndarray):
        upper, lower = axes
        return upper, lower
    if axes is None:
        from matplotlib import pyplot

        if not pyplot.get_fignums():
            pyplot.figure(layout="constrained")
        axes = pyplot.gcf().add_subplot()
    figure, place = axes.figure, axes.get_subplotspec()
    if place is None:
        box = axes.get_position()
        axes.set_position([box.x0, box.y0 + 0.35 * box.height, box.width, 0.65 * box.height])
        return axes, figure.add_axes([box.x0, box.y0, box.width, 0.3 * box.height], sharex=axes)
    grid = place.subgridspec(2, 1, height_ratios=(2, 1))
    axes.set_subplotspec(grid[0])
    return axes, figure.add_subplot(grid[1], sharex=axes)
