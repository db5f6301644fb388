"""Figures of a backtest by lead time: the errors of each method, the coverage of intervals."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from throughtime.forecasting.backtest import Backtest
from throughtime.tasks.saved_comparison import SavedErrors

from . import figure_style
from .figure_style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, WIDE, baseline_style, short


def error_by_lead_time(backtest: Backtest, target: int = 0, width: int = WIDE) -> Figure:
    """RMSE of the forecast, its parts and the baselines against the lead time."""
    leads, rmse = _leads_and_rmse(backtest, target)
    marker = "." if len(leads) == 1 else None
    with figure_style.canvas(width, 270) as figure:
        axes = figure.add_subplot()
        for method, errors in rmse.items():
            if method != backtest.method:
                style = baseline_style(method, backtest.period)
                axes.plot(leads, errors, lw=1.4, marker=marker, **style)
        judged = backtest.method
        figure_style.network_line(axes, leads, rmse[judged], backtest.steps, judged)
        _finish_error_axes(figure, axes, backtest, target, first=(judged,))
    return figure


def compare_methods(
    backtest: Backtest | SavedErrors, methods: Sequence[str], target: int = 0, width: int = WIDE
) -> Figure:
    """RMSE of several methods (in colour) and of the baselines (grey) against the lead time."""
    leads, rmse = _leads_and_rmse(backtest, target)
    marker = "." if len(leads) == 1 else None
    with figure_style.canvas(width, 320) as figure:
        axes = figure.add_subplot()
        for method, errors in rmse.items():
            if method not in methods:
                style: dict[str, Any] = baseline_style(method, backtest.period)
                style |= {"color": GREY}
                axes.plot(leads, errors, lw=1.2, marker=marker, **style)
        for method, colour in zip(methods, (BLUE, ORANGE, GREEN, PURPLE), strict=False):
            axes.plot(leads, rmse[method], lw=2, color=colour, marker=marker, label=method)
        _finish_error_axes(figure, axes, backtest, target, first=tuple(methods))
    return figure


def interval_coverage(backtest: Backtest, target: int = 0, width: int = WIDE) -> Figure:
    """Empirical coverage of the intervals at each lead time, beside the nominal coverage."""
    coverage, steps = 100 * backtest.coverage[:, target], backtest.steps
    known, level = np.isfinite(coverage), 100 * backtest.level
    with figure_style.canvas(width, 230) as figure:
        axes = figure.add_subplot()
        axes.axhline(level, color=INK, lw=1, ls=(0, (5, 2)), label=f"nominal, {level:g} %")
        leads = np.arange(1, steps + 1)
        figure_style.network_line(axes, leads, coverage, steps, "empirical")
        if not known.all():
            edges = np.flatnonzero(~known)[0] + 0.5, steps + 0.5
            axes.axvspan(*edges, color=GREY, alpha=0.15, lw=0, label="no interval")
        lowest = min([level, *coverage[known]])
        axes.set_ylim(max(0, 10 * math.floor(lowest / 10 - 1)), 102)
        _lead_axis(axes, steps)
        axes.set_ylabel("coverage, %")
        figure_style.legend(figure, first=("empirical",))
        mean = f"{coverage[known].mean():.0f} % on average" if known.any() else "not known"
        title = f"{backtest.targets[target]}: coverage of the intervals"
        figure_style.describe(figure, title, f"Nominal {level:g} %, empirical {mean}.")
    return figure


def _leads_and_rmse(
    backtest: Backtest | SavedErrors, target: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rmse = {method: errors[:, target] for method, errors in backtest.rmse.items()}
    return np.arange(1, backtest.steps + 1), rmse


def _finish_error_axes(
    figure: Figure,
    axes: Axes,
    backtest: Backtest | SavedErrors,
    target: int,
    first: tuple[str, ...],
) -> None:
    """Scales, labels, legend and description of a figure of RMSE against lead time."""
    _, rmse = _leads_and_rmse(backtest, target)
    if not figure_style.log_scale(axes, np.concatenate(list(rmse.values())), 20):
        axes.set_ylim(bottom=0)
    _lead_axis(axes, backtest.steps)
    name = backtest.targets[target]
    axes.set_ylabel(f"RMSE of {short(name)}")
    figure_style.legend(figure, 4, first=first)
    means = ", ".join(f"{method} {errors.mean():.4g}" for method, errors in rmse.items())
    figure_style.describe(figure, f"{name}: error against lead time", f"Mean RMSE: {means}.")


def _lead_axis(axes: Axes, steps: int) -> None:
    axes.set_xlim(0.5, steps + 0.5)
    figure_style.count_axis(axes, "lead time, steps")
    axes.grid(axis="y")
