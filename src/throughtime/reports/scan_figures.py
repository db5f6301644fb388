"""Clouds of points on a page: bifurcation diagrams, Poincare sections."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from throughtime.dynamics.scan_result import Scan, exponent_limits

from . import figure_style
from .figure_style import GREY, INK, ORANGE, WIDE, short

DRAWN = 8000
"""Points of a diagram on a page, about."""


def bifurcation(scans: Sequence[Scan], width: int = WIDE) -> Figure:
    """The diagrams of one or two scans over each other, and their exponents.

    Parameters
    ----------
    scans
        The scans: of a system, and perhaps of the network that learned it.
    width
        Width in CSS pixels.
    """
    first = scans[0]
    what = first.variable if first.is_map else f"maxima of {first.variable}"
    with figure_style.canvas(width, 520) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        for scan, colour in zip(scans, (INK, ORANGE), strict=False):
            x, y = thinned(scan)
            if len(x):
                upper.add_patch(_points(x, y, colour, scan.name))
            if len(scans) > 1:  # dots of the legend, in no units of the data
                style = {"ms": 4, "color": colour, "label": scan.name}
                upper.plot([], [], "o", transform=upper.transAxes, **style)
            # In steps of a map exponents may be -inf: there the line has a gap.
            rates = np.where(np.isfinite(scan.exponents), scan.exponents, np.nan)
            lower.plot(scan.values, rates, color=colour, lw=1.2, label=f"_{scan.name}")
        upper.autoscale_view()
        lower.axhline(0, color=GREY, lw=0.8)
        lower.set_ylim(*exponent_limits(first.exponents))
        upper.set_ylabel(short(what))
        lower.set_xlabel(short(first.parameter))
        lower.set_ylabel("largest exponent")
        lower.grid(axis="y")
        if len(scans) > 1:
            figure_style.legend(figure)
        ends = f"{first.parameter} from {first.values[0]:g} to {first.values[-1]:g}"
        figure_style.describe(
            figure, f"Bifurcation diagram of {first.name}", f"{what}, {ends}."
        )
    return figure


def thinned(scan: Scan) -> tuple[np.ndarray, np.ndarray]:
    """The points of a diagram, of each value at most its share of `DRAWN`."""
    share, rng = max(1, DRAWN // len(scan.values)), np.random.default_rng(0)
    # At random: every k-th iterate would always lie in the same band of several.
    kept = [rng.permutation(one)[:share] for one in scan.points]
    x = np.repeat(scan.values, [len(one) for one in kept])
    return x, np.concatenate([*kept, np.empty(0)])


def section(
    clouds: Mapping[str, tuple[np.ndarray, np.ndarray]],
    labels: tuple[str, str],
    plane: str,
    width: int = WIDE,
) -> Figure:
    """Where trajectories cross a plane, the first of them the truth.

    Parameters
    ----------
    clouds
        The coordinates of the crossings, by name.
    labels
        The names of the two coordinates.
    plane
        The plane as an equation.
    width
        Width in CSS pixels.
    """
    with figure_style.canvas(width, min(400, width)) as figure:
        axes = figure.add_subplot(xlabel=short(labels[0]), ylabel=short(labels[1]))
        for (name, (x, y)), colour in zip(clouds.items(), (INK, ORANGE), strict=False):
            style = {"ms": 4, "color": colour, "label": name}
            if len(x):
                axes.add_patch(_points(x[:DRAWN], y[:DRAWN], colour, name, 3.0))
            axes.plot([], [], "o", transform=axes.transAxes, **style)
        axes.autoscale_view()
        figure_style.legend(figure)
        counts = ", ".join(f"{name} {len(x)}" for name, (x, _) in clouds.items())
        figure_style.describe(figure, f"Section at {plane}", f"Crossings: {counts}.")
    return figure


def _points(x: np.ndarray, y: np.ndarray, colour: str, name: str, size: float = 1.6) -> Any:
    """Points as lines of no length, which take little room on a page."""
    vertices = np.repeat(np.stack([x, y], axis=1), 2, axis=0)
    vertices[1::2, 0] += 1e-4 * (np.ptp(x) or 1.0)  # a PNG shows no line of length 0
    path = Path(vertices, np.tile([Path.MOVETO, Path.LINETO], len(x)))
    path.should_simplify = False  # that would remove the points
    style: dict[str, Any] = {
        "capstyle": "round",
        "fill": False,
        "lw": size,
        "label": f"_{name}",
    }
    return PathPatch(path, ec=colour, alpha=0.7, **style)
