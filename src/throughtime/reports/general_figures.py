"""Figures for any kind of run: curves by name, and the losses of a training."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from throughtime.training.history import Row

from . import figure_style
from .figure_style import BLUE, DASHED, GREEN, GREY, INK, ORANGE, WIDE


def line_plot(
    title: str,
    curves: dict[str, tuple[np.ndarray, np.ndarray]],
    xlabel: str = "time",
    ylabel: str = "value",
    log: bool = False,
) -> Figure:
    """Curves `(x, y)` by name, the first of them behind the others.

    Parameters
    ----------
    title
        Title of the legend.
    curves
        The curves; the first is usually the truth, or noisy data.
    xlabel, ylabel
        Labels of the axes.
    log
        Whether the vertical axis is logarithmic, if all values are positive.
    """
    dense = max(len(x) for x, _ in curves.values()) > 400
    colours = itertools.cycle([GREY if dense else INK, BLUE, ORANGE, GREEN])
    with figure_style.canvas(WIDE, 380) as figure:
        axes = figure.add_subplot(xlabel=xlabel, ylabel=ylabel)
        for i, (name, (x, y)) in enumerate(curves.items()):
            dashes, weight = DASHED if i and not dense else "-", 0.8 if dense else 1.4
            axes.plot(x, y, color=next(colours), ls=dashes, lw=weight, label=name)
        if log:
            figure_style.log_scale(axes, np.concatenate([y for _, y in curves.values()]))
        axes.grid(axis="y")
        figure_style.legend(figure, title=title)
        figure_style.describe(figure, title, f"{ylabel} against {xlabel}: {', '.join(curves)}.")
    return figure


def training_losses(
    history: Sequence[Row], best_epochs: Sequence[int], width: int = WIDE
) -> Figure:
    """Training and validation loss over the epochs, a line for each network of an ensemble.

    Parameters
    ----------
    history
        The rows of all networks.
    best_epochs
        The epoch of each network whose weights were kept, which a dot marks.
    width
        Width in CSS pixels.
    """
    members = len(best_epochs)
    light = {"lw": 1.4 if members == 1 else 0.9, "alpha": 1 if members < 4 else 0.7}
    with figure_style.canvas(width, 270) as figure:
        axes = figure.add_subplot()
        for member, best in enumerate(best_epochs):
            rows = [row for row in history if row.member == member]
            epochs = [row.epoch for row in rows]
            losses: dict[str, tuple[list[float], dict[str, Any]]] = {
                "training": ([row.loss for row in rows], {"color": ORANGE, "ls": (0, (4, 2))})
            }
            if math.isfinite(rows[0].validation_loss):
                line = [row.validation_loss for row in rows]
                losses["validation"] = line, {"color": BLUE, "ls": "-"}
            marker = "." if len(epochs) == 1 else None
            for name, (line, style) in losses.items():
                label = f"_{name}, network {member + 1}" if member else name
                axes.plot(epochs, line, marker=marker, label=label, **style, **light)
            if best in epochs:
                loss, label = line[epochs.index(best)], "weights kept"
                label = f"_{label}, network {member + 1}" if member else label
                axes.plot(best, loss, "o", color=INK, ms=4.5, label=label)
        values = np.concatenate([line.get_ydata() for line in axes.get_lines()])
        figure_style.log_scale(axes, values, 3)
        figure_style.count_axis(axes, "epoch")
        axes.grid(axis="y")
        axes.set_ylabel("loss, scaled units")
        figure_style.legend(figure)
        last = max(row.epoch for row in history)
        description = f"{members} network{'s' if members > 1 else ''}, {last} epochs."
        figure_style.describe(figure, "Loss over the epochs", description)
    return figure
