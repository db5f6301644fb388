"""Figures of a search: the error of each trial, and the importance of each setting."""

import numpy as np
from matplotlib.figure import Figure

from throughtime.tuning.trial import Trial, lowest_errors

from . import figure_style
from .figure_style import BLUE, GREY, INK, ORANGE, WIDE


def errors_of_trials(trials: list[Trial], width: int = WIDE) -> Figure:
    """The error of each trial, the lowest so far, and that of the settings begun with."""
    numbers = np.array([trial.number for trial in trials])
    errors = np.array([np.nan if t.error is None else t.error for t in trials])
    first, most = errors[0], np.nanmax(errors)
    lowest, best = lowest_errors(trials), int(np.nanargmin(errors))
    with figure_style.canvas(width, 270) as figure:
        axes = figure.add_subplot(ylabel="error / that of the last value")
        if np.isfinite(first):
            axes.axhline(first, color=INK, lw=1, ls=(0, (5, 2)), label="settings begun with")
        axes.plot(numbers, errors, "o", ms=4, color=GREY, label="trial")
        axes.step(numbers, lowest, where="post", color=BLUE, lw=2, label="lowest so far")
        for state, label in (("pruned", "stopped early"), ("failed", "failed")):
            at = numbers[[trial.state == state for trial in trials]]
            if len(at):
                mark = {"pruned": "|", "failed": "x"}[state]
                axes.plot(at, np.full(len(at), most), mark, color=ORANGE, label=label)
        axes.plot(numbers[best], errors[best], "o", ms=7, color=BLUE)
        figure_style.log_scale(axes, errors, 5)
        figure_style.count_axis(axes, "trial")
        axes.grid(axis="y")
        figure_style.legend(figure, first=("lowest so far",))
        text = f"{len(numbers)} trials; the lowest error is {errors[best]:.4g}."
        figure_style.describe(figure, "Error of each trial", text)
    return figure


def importance(shares: dict[str, float], width: int = WIDE) -> Figure:
    """The importance of each setting, as bars."""
    names = list(shares)[::-1]
    percents = [100 * shares[name] for name in names]
    with figure_style.canvas(width, 60 + 26 * len(names)) as figure:
        axes = figure.add_subplot(xlabel="importance, %")
        axes.barh(names, percents, color=BLUE, height=0.6)
        axes.set_xlim(0, None)
        axes.grid(axis="x")
        figure_style.describe(
            figure,
            "Importance of each setting",
            ", ".join(
                f"{name} {share:.0f} %" for name, share in zip(names, percents, strict=True)
            ),
        )
    return figure
