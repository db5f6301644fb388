"""Figures of the lecture: panels over time, a network unrolled, norms by lag, signs.

Each function draws one figure, `WIDE` CSS pixels wide.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import figure_style
from .figure_style import BLUE, DASHED, GREEN, GREY, INK, ORANGE, PURPLE, WIDE

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, GREY)
Line = Float[np.ndarray, " _"]  # of any length


def panels(
    title: str, curves: Mapping[str, Mapping[str, Line]], ylabel: str = "", xlabel: str = "step"
) -> Figure:
    """Curves in panels below each other over the same steps, each panel with its own names.

    Parameters
    ----------
    title
        Title of the figure.
    curves
        For each panel, by its title, the curves by name.
    ylabel, xlabel
        Labels of the axes.
    """
    with figure_style.canvas(WIDE, 60 + 145 * len(curves)) as figure:
        rows = np.atleast_1d(figure.subplots(len(curves), sharex=True))
        for axes, (name, lines) in zip(rows, curves.items(), strict=True):
            for i, (label, y) in enumerate(lines.items()):
                axes.plot(y, color=COLOURS[i % len(COLOURS)], lw=1.2, label=label)
            axes.set_title(name, fontsize=12, loc="left")
            axes.set_ylabel(ylabel)
            axes.grid(axis="y")
            if len(lines) > 1:
                axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=11)
        figure_style.count_axis(rows[-1], xlabel)
        figure.suptitle(title, fontsize=14, x=0.01, ha="left")
        figure_style.describe(figure, title, "; ".join(curves))
    return figure


def tables(title: str, values: Mapping[str, Float[np.ndarray, "row step"]]) -> Figure:
    """Small whole numbers over time, a row for each unit, written into its cells.

    Parameters
    ----------
    title
        Title of the figure.
    values
        For each table, by its title, its rows.
    """
    heights = [len(rows) for rows in values.values()]
    with figure_style.canvas(WIDE, 60 + 48 * len(values) + 22 * sum(heights)) as figure:
        grids = figure.subplots(len(values), height_ratios=heights)
        for axes, (name, rows) in zip(np.atleast_1d(grids), values.items(), strict=True):
            most = max(1.0, float(np.abs(rows).max()))
            axes.imshow(rows, aspect="auto", cmap="PuOr", vmin=-2 * most, vmax=2 * most)
            for (row, step), value in np.ndenumerate(rows):
                axes.text(step, row, f"{value:g}", ha="center", va="center", fontsize=10)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            axes.set_title(name, fontsize=11, loc="left")
        figure.suptitle(title, fontsize=14, x=0.01, ha="left")
        figure_style.describe(figure, title, "; ".join(values))
    return figure


def norms_by_lag(
    title: str, logs: Mapping[str, tuple[Line, Mapping[str, Line]]], ylabel: str
) -> Figure:
    """Decimal logarithms by lag, a panel each: what was measured, and its theory dashed.

    Parameters
    ----------
    title
        Title of the figure.
    logs
        For each panel, by its title, the measured curve and the curves of theory by name.
    ylabel
        Label of the vertical axes.
    """
    with figure_style.canvas(WIDE, 330) as figure:
        for i, (name, (measured, theory)) in enumerate(logs.items()):
            axes = figure.add_subplot(1, len(logs), i + 1, title=name)
            lags = np.arange(1, len(measured) + 1)
            axes.plot(lags, measured, color=BLUE, lw=2, label="measured")
            for colour, (label, line) in zip((ORANGE, GREY), theory.items(), strict=True):
                axes.plot(lags, line, color=colour, ls=DASHED, label=label)
            axes.axhline(0, color=INK, lw=0.6)
            axes.grid(axis="y")
            axes.legend(fontsize=10)
            figure_style.count_axis(axes, "steps back, k")
        figure.axes[0].set_ylabel(ylabel)
        figure_style.describe(figure, title, f"{ylabel} against the lag: {', '.join(logs)}.")
    return figure


def confusion(counts: Int[np.ndarray, "true said"], names: Sequence[str]) -> Figure:
    """A confusion matrix: rows are the true classes, columns what was said.

    Parameters
    ----------
    counts
        How often each was said for each.
    names
        The classes.
    """
    with figure_style.canvas(WIDE // 2 + 60, 360) as figure:
        axes = figure.add_subplot(xlabel="said", ylabel="true")
        axes.imshow(counts, cmap="Blues", vmax=1.6 * counts.max())
        for (row, column), count in np.ndenumerate(counts):
            axes.text(column, row, str(count), ha="center", va="center")
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks(range(len(names)), names)
        axes.spines[:].set_visible(False)
        figure_style.describe(figure, "Confusion matrix", ", ".join(names))
    return figure


def signs(
    path: Float[np.ndarray, "step 2"],
    true: Int[np.ndarray, " step"],
    said: Int[np.ndarray, " step"],
    names: Sequence[str],
) -> Figure:
    """Each sign a pen drew above its steps, and the sign that was said at each step.

    Parameters
    ----------
    path
        Where the pen is after each step.
    true, said
        The sign at each step, and what was said, as numbers. A sign ends where they change.
    names
        The signs.
    """
    ends = [*(np.flatnonzero(np.diff(true)) + 1), len(true)]
    with figure_style.canvas(WIDE, 340) as figure:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.2))
        above.axis("off")
        for first, end in pairwise([0, *ends]):
            place = first / len(true), 0, (end - first) / len(true), 1
            panel = above.inset_axes(place)
            panel.plot(*path[first:end].T, color=COLOURS[true[first]], lw=1.5)
            panel.set_aspect("equal")
            panel.axis("off")
        below.step(
            np.arange(len(true)), true, color=GREY, lw=4, alpha=0.5, where="mid", label="true"
        )
        below.plot(said, ".", color=BLUE, label="said")
        below.set_yticks(range(len(names)), names)
        below.set_xlim(-0.5, len(true) - 0.5)
        figure_style.count_axis(below, "step")
        below.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
        shown = ", ".join(names[int(true[end - 1])] for end in ends)
        figure_style.describe(figure, "Signs in a row", shown)
    return figure


def unrolled(
    title: str, steps: Sequence[Mapping[str, str]], back: Sequence[Mapping[str, str]]
) -> Figure:
    """A network unrolled in time: forward in blue from left to right, backward in orange.

    Parameters
    ----------
    title
        Title of the figure.
    steps
        For each step, what stands at its nodes `x`, `h` and `y`, and at its `L`.
    back
        For each step, what comes back to `h` and `y`.
    """
    with figure_style.canvas(WIDE, 480) as figure:
        axes = figure.add_subplot(xlim=(-0.75, len(steps) - 0.35), ylim=(-0.35, 3.45))
        axes.axis("off")
        levels = {"x": 0.0, "h": 1.1, "y": 2.2, "L": 3.2}
        for t, (forward, backward) in enumerate(zip(steps, back, strict=True)):
            for name, level in levels.items():
                box = {"boxstyle": "round,pad=0.35", "fc": "white", "ec": GREY}
                axes.text(t, level, forward[name], ha="center", va="center", bbox=box)
                if name in backward:
                    place = (t + 0.1, level + 0.36)
                    axes.text(*place, backward[name], color=ORANGE, fontsize=11, va="center")
            for below, above, weight in (("x", "h", "U"), ("h", "y", "V"), ("y", "L", "")):
                start, end = (t, levels[below] + 0.17), (t, levels[above] - 0.17)
                _arrows(axes, start, end, weight, both=below != "x")
            _arrows(axes, (t - 0.74, levels["h"]), (t - 0.24, levels["h"]), "W", both=t > 0)
        figure.suptitle(title, fontsize=14, x=0.01, ha="left")
        figure_style.describe(figure, title, f"{len(steps)} steps, forward and backward.")
    return figure


def _arrows(axes: Axes, start, end, weight: str, both: bool) -> None:
    """An arrow forward with its weight beside it, and one back."""
    across = start[1] == end[1]
    aside = (0, -0.07) if across else (0.07, 0)
    forward = {"arrowstyle": "-|>", "color": BLUE, "lw": 1.4}
    axes.annotate("", end, start, arrowprops=forward)
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    shift = (0, 0.12) if across else (-0.09, 0)
    axes.text(
        middle[0] + shift[0], middle[1] + shift[1], weight, color=BLUE, ha="center", va="center"
    )
    if both:
        moved = [(x + aside[0], y + aside[1]) for x, y in (end, start)]
        backward = {"arrowstyle": "-|>", "color": ORANGE, "lw": 1.2, "ls": "--"}
        axes.annotate("", moved[1], moved[0], arrowprops=backward)
