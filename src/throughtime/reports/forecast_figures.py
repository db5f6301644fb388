"""Figures of forecasts: the split of a series, forecasts beside the truth and beyond the data.

Each function draws one figure, `width` CSS pixels wide.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Curve
from matplotlib.ticker import MaxNLocator

from throughtime.data.series import Series
from throughtime.data.split import Split
from throughtime.forecasting.backtest import Backtest
from throughtime.stamps.time_axis import Times

from . import figure_style
from .figure_style import BLUE, DASHED, GREY, INK, NARROW, ORANGE, WIDE, short, thin

if TYPE_CHECKING:  # it loads Polars
    import throughtime.forecasting.forecast

MAX_DOTS = 1200
"""Points of a scatter plot, at most."""


def series_split(series: Series, split: Split, target: int = 0, width: int = WIDE) -> Figure:
    """A series with its training, validation and test part."""
    values, stamps = series.targets[:, target], series.times.values()
    parts = {
        "training": (0, split.train, INK),
        "validation": (split.train, split.validation, ORANGE),
        "test": (split.validation, split.total, BLUE),
    }
    with figure_style.canvas(width, 240) as figure:
        axes = figure.add_subplot()
        for name, (first, end, colour) in parts.items():
            if end == first:
                continue
            rows = slice(max(first - 1, 0), end)  # joined to the part before
            line = thin(stamps[rows], values[rows], int(450 * (end - first) / split.total))
            weight = 1.2 if split.total < 1500 else 0.8
            label = f"{name}, {end - first:,} rows"
            axes.plot(*line, color=colour, lw=weight, label=label)
            if name != "training":
                edges = stamps[rows.start], stamps[end - 1]
                axes.axvspan(*edges, color=colour, alpha=0.10, lw=0)
        _mark_filled(axes, series, target)
        figure_style.time_axis(axes, series.times, width)
        axes.set_ylabel(short(series.label(target)))
        figure_style.legend(figure)
        lengths = ", ".join(f"{name} {end - first}" for name, (first, end, _) in parts.items())
        title = f"{series.target_names[target]} over time"
        figure_style.describe(figure, title, f"Rows: {lengths}.")
    return figure


def _mark_filled(axes: Axes, series: Series, target: int) -> None:
    """Rings around the values that were not measured."""
    if series.filled_at is None or not series.filled_at[:, target].any():
        return
    rows = np.flatnonzero(series.filled_at[:, target])
    label = f"filled, {len(rows):,} rows"
    rows = rows[:: 1 + len(rows) // MAX_DOTS]
    stamps, values = series.times.values()[rows], series.targets[rows, target]
    style = {"mfc": "none", "mec": GREY, "mew": 0.8, "ls": "none", "zorder": 3}
    axes.plot(stamps, values, marker="o", ms=4, label=label, **style)


def forecast_and_truth(
    backtest: Backtest, past: Series, target: int = 0, origin: int = -1, width: int = WIDE
) -> Figure:
    """The forecasts of all methods from one origin, and the true values.

    Parameters
    ----------
    backtest
        The forecasts.
    past
        The series up to the origin.
    target
        Index of the target.
    origin
        Index of the origin in the backtest.
    width
        Width in CSS pixels.
    """
    steps, name = backtest.steps, backtest.targets[target]
    before = past[-min(len(past), max(2 * steps, 30)) :]
    known, ahead = before.targets[:, target], _from_last(before, past.times.after(steps))
    truth = backtest.truth[origin, :, target]
    forecasts = {k: v[origin, :, target] for k, v in backtest.forecasts.items()}
    mean = forecasts[backtest.method]
    lower, upper = (bound[:, target] for bound in backtest.interval(origin))
    with figure_style.canvas(width, 300) as figure:
        axes = figure.add_subplot()
        _interval(axes, ahead[1:], lower, upper, backtest.level)
        for method in backtest.baselines():
            style = figure_style.baseline_style(method, backtest.period)
            axes.plot(ahead, [known[-1], *forecasts[method]], lw=1, **style)
        axes.plot(before.times.values(), known, color=INK, label="_before")
        axes.plot(ahead, [known[-1], *truth], color=INK, label="truth")
        line = np.array([known[-1], *mean])
        figure_style.network_line(axes, ahead, line, steps, backtest.method)
        axes.axvline(ahead[0], color=GREY, lw=0.8, ls=(0, (2, 2)))
        _set_limits(axes, np.concatenate([known, truth]), mean, lower, upper)
        figure_style.time_axis(axes, past.times, width)
        axes.set_ylabel(short(past.label(target)))
        figure_style.legend(figure, first=("truth", backtest.method))
        rmse = math.sqrt(float(np.nanmean((mean - truth) ** 2)))
        description = (
            f"{steps} steps from one origin; RMSE of the {backtest.method} {rmse:.4g}."
        )
        figure_style.describe(figure, f"{name}: forecast and truth", description)
    return figure


def forecast_beyond_data(
    forecast: "throughtime.forecasting.forecast.Forecast",
    past: Series | None = None,
    target: int = 0,
    width: int = WIDE,
) -> Figure:
    """A forecast beyond the end of the data, with its interval.

    Parameters
    ----------
    forecast
        The forecast.
    past
        The series that it continues, whose last part is drawn.
    target
        Index of the target.
    width
        Width in CSS pixels.
    """
    mean, steps = forecast.mean[:, target], len(forecast.mean)
    lower, upper = forecast.lower[:, target], forecast.upper[:, target]
    name, known = forecast.targets[target], np.empty(0)
    ahead, line = forecast.times.values(), mean
    with figure_style.canvas(width, 270) as figure:
        axes = figure.add_subplot()
        if past is not None:
            before = past[-min(len(past), max(3 * steps, 40)) :]
            known = before.targets[:, target]
            axes.plot(*thin(before.times.values(), known), color=INK, label="measured")
            ahead, line = _from_last(before, forecast.times), np.array([known[-1], *mean])
            axes.axvline(ahead[0], color=GREY, lw=0.8, ls=(0, (2, 2)))
        _interval(axes, ahead[-steps:], lower, upper, forecast.level)
        figure_style.network_line(axes, ahead, line, steps, "forecast")
        _set_limits(axes, known, mean, lower, upper)
        figure_style.time_axis(axes, forecast.times, width)
        axes.set_ylabel(short(name if past is None else past.label(target)))
        figure_style.legend(figure, first=("measured", "forecast"))
        description = f"{steps} steps, from {mean[0]:.5g} to {mean[-1]:.5g}."
        title = f"{name}: forecast beyond the end of the data"
        figure_style.describe(figure, title, description)
    return figure


def one_step_predictions(
    backtest: Backtest,
    times: Times,
    target: int = 0,
    origins: slice = slice(None),
    width: int = WIDE,
) -> Figure:
    """Predictions one step ahead and the truth, over time and as a scatter plot.

    Parameters
    ----------
    backtest
        The forecasts.
    times
        Times of the predicted steps.
    target
        Index of the target.
    origins
        The origins of one series in the backtest.
    width
        Width in CSS pixels.
    """
    truth = backtest.truth[origins, 0, target]
    predicted = backtest.forecasts[backtest.method][origins, 0, target]
    name, stamps = short(backtest.targets[target]), times.values()[-150:]
    narrow = width < 500
    shape: dict[str, Any] = {"ncols": 2, "width_ratios": (3, 2)}
    if narrow:
        shape = {"nrows": 2, "height_ratios": (2, 3)}
    with figure_style.canvas(width, 540 if narrow else 290) as figure:
        over_time, scatter = figure.subplots(**shape)
        over_time.plot(stamps, truth[-150:], color=INK, label="truth")
        style: dict[str, Any] = {"color": BLUE, "lw": 1.4, "ls": DASHED}
        style["marker"] = "o" if len(truth) == 1 else None
        over_time.plot(
            stamps, predicted[-150:], label=f"{backtest.method}, one step ahead", **style
        )
        figure_style.time_axis(over_time, times, NARROW)
        over_time.set_ylabel(name)
        known = ~np.isnan(truth)
        truth, predicted = truth[known], predicted[known]
        _scatter(scatter, truth, predicted)
        scatter.set_xlabel(f"true {name}")
        scatter.set_ylabel("predicted")
        figure_style.legend(figure, 2)
        worst = float(np.max(np.abs(predicted - truth)))
        title = f"{backtest.targets[target]}: predictions one step ahead"
        description = f"{len(truth)} predictions and the truth; largest error {worst:.4g}."
        figure_style.describe(figure, title, description)
    return figure


def _from_last(before: Series, ahead: Times) -> Shaped[np.ndarray, " time"]:
    """The last known time and those ahead, so that a forecast begins where the data end."""
    return np.concatenate([before.times.values()[-1:], ahead.values()])


def _interval(
    axes: Axes, stamps: np.ndarray, lower: np.ndarray, upper: np.ndarray, level: float
) -> None:
    """Draw the interval as a band where it is finite."""
    finite = np.isfinite(lower) & np.isfinite(upper)
    stamps, low, high = stamps[finite], lower[finite], upper[finite]
    style: dict[str, Any] = {"color": BLUE, "label": f"{100 * level:g} % interval"}
    if len(stamps) == 1:
        axes.plot(stamps.repeat(2), [low[0], high[0]], alpha=0.4, lw=5, **style)
    elif len(stamps):
        axes.fill_between(stamps, low, high, alpha=0.2, lw=0, **style)


def _set_limits(
    axes: Axes, data: np.ndarray, mean: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> None:
    """Make room for data, forecast and interval, up to the data's range above and below it.

    A forecast that diverges then leaves the figure instead of flattening it.
    """
    data = data[np.isfinite(data)]
    wanted = np.concatenate([data, mean, lower, upper])
    wanted = wanted[np.isfinite(wanted)]
    if not len(wanted):
        return
    low, high = wanted.min(), wanted.max()
    if len(data) > 1 and (span := np.ptp(data)) > 0:
        low, high = max(low, data.min() - span), min(high, data.max() + span)
    if high > low:
        room = 0.05 * (high - low)
        axes.set_ylim(low - room, high + room)


def _scatter(axes: Axes, truth: np.ndarray, predicted: np.ndarray) -> None:
    """Predicted against true values, as one path: separate markers are ten times larger."""
    dots = np.column_stack([truth, predicted])[:: -(-len(truth) // MAX_DOTS)]
    dots = dots[np.isfinite(dots).all(axis=1)].repeat(2, axis=0)
    low, high = truth.min(), truth.max()
    span = (high - low) or 1.0
    if len(dots):  # a prediction that is far off leaves the figure
        low = max(low - span, min(low, dots.min()))
        high = min(high + span, max(high, dots.max()))
        dots[1::2, 0] += 1e-3 * span  # a line of no length would have no caps in a PNG
        curve = Curve(dots, np.tile([Curve.MOVETO, Curve.LINETO], len(dots) // 2))
        curve.should_simplify = False  # that would remove the dots
        style: dict[str, Any] = {"ec": BLUE, "alpha": 0.6, "capstyle": "round"}
        width = 4.5 if len(dots) < 400 else 3
        axes.add_patch(PathPatch(curve, fill=False, lw=width, label="_predicted", **style))
    limits = low - 0.05 * span, high + 0.05 * span
    axes.plot(limits, limits, color=GREY, lw=0.8)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4))
