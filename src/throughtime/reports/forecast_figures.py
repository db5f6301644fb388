"""The figures of a report: each function draws one, `width` CSS pixels wide."""

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Curve
from matplotlib.ticker import MaxNLocator

from throughtime.data.series import Series, Split
from throughtime.data.time_axis import Times
from throughtime.forecasting.backtest import Backtest
from throughtime.training.train import Row

from . import figure_style
from .figure_style import BLUE, GREEN, GREY, INK, NARROW, ORANGE, PURPLE, WIDE, short, thin

if TYPE_CHECKING:  # it loads Polars
    import throughtime.forecasting.predict

BASELINES: dict[str, dict[str, Any]] = {
    "ridge autoregression": {"color": ORANGE, "ls": (0, (5, 2))},
    "seasonal persistence": {"color": GREEN, "ls": (0, (6, 2, 1, 2))},
    "persistence": {"color": PURPLE, "ls": (0, (1, 1.5))},
}
DASHES = (0, (4, 1.5))
DOTS = 1200  # points of a scatter, at most


def lines(
    title: str,
    curves: dict[str, tuple[np.ndarray, np.ndarray]],
    xlabel: str = "time",
    ylabel: str = "value",
    log: bool = False,
) -> Figure:
    """Curves `(x, y)` by name; `log`, on a logarithmic axis if all are positive.

    The first lies behind the others: the truth, or data that may be noise.
    """
    dense = max(len(x) for x, _ in curves.values()) > 400
    colours = itertools.cycle([GREY if dense else INK, BLUE, ORANGE, GREEN])
    with figure_style.canvas(WIDE, 380) as figure:
        axes = figure.add_subplot(xlabel=xlabel, ylabel=ylabel)
        for i, (name, (x, y)) in enumerate(curves.items()):
            dashes, weight = DASHES if i and not dense else "-", 0.8 if dense else 1.4
            axes.plot(x, y, color=next(colours), ls=dashes, lw=weight, label=name)
        if log:
            figure_style.log_scale(axes, np.concatenate([y for _, y in curves.values()]))
        axes.grid(axis="y")
        figure_style.legend(figure, title=title)
        figure_style.describe(figure, title, f"{ylabel} against {xlabel}: {', '.join(curves)}.")
    return figure


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
        figure_style.time_axis(axes, series.times, width)
        axes.set_ylabel(short(series.target_names[target]))
        figure_style.legend(figure)
        told = ", ".join(f"{name} {end - first}" for name, (first, end, _) in parts.items())
        title = f"{series.target_names[target]} over time"
        figure_style.describe(figure, title, f"Rows: {told}.")
    return figure


def against_truth(
    backtest: Backtest, past: Series, target: int = 0, origin: int = -1, width: int = WIDE
) -> Figure:
    """The forecasts of all methods from one origin, and what came.

    **Arguments:** `past`, the series up to the origin; `origin`, its number in the backtest.
    """
    steps, name = backtest.steps, backtest.targets[target]
    before = past[-min(len(past), max(2 * steps, 30)) :]
    known, ahead = before.targets[:, target], _joined(before, past.times.after(steps))
    truth = backtest.truth[origin, :, target]
    guess = {k: v[origin, :, target] for k, v in backtest.forecasts.items()}
    mean, margin = guess["network"], backtest.margins[:, target]
    with figure_style.canvas(width, 300) as figure:
        axes = figure.add_subplot()
        _band(axes, ahead[1:], mean, margin, backtest.level)
        for method, line in _baselines(guess):
            axes.plot(ahead, [known[-1], *line], lw=1, **_look(method, backtest))
        axes.plot(before.times.values(), known, color=INK)
        axes.plot(ahead, [known[-1], *truth], color=INK, label="truth")
        _network(axes, ahead, np.array([known[-1], *mean]), steps)
        axes.axvline(ahead[0], color=GREY, lw=0.8, ls=(0, (2, 2)))
        _limits(axes, np.concatenate([known, truth]), mean, margin)
        figure_style.time_axis(axes, past.times, width)
        axes.set_ylabel(short(name))
        figure_style.legend(figure, first=("truth", "network"))
        rmse = math.sqrt(float(np.nanmean((mean - truth) ** 2)))
        told = f"{steps} steps from one origin; RMSE of the network {rmse:.4g}."
        figure_style.describe(figure, f"{name}: forecast and truth", told)
    return figure


def beyond(
    forecast: "throughtime.forecasting.predict.Forecast",
    past: Series | None = None,
    target: int = 0,
    width: int = WIDE,
) -> Figure:
    """A forecast of what comes after the end of the data, with its interval.

    **Arguments:** `past`, the series that is continued, to show its last part.
    """
    mean, steps = forecast.mean[:, target], len(forecast.mean)
    margin = forecast.upper[:, target] - mean
    name, known = forecast.targets[target], np.empty(0)
    ahead, line = forecast.times.values(), mean
    with figure_style.canvas(width, 270) as figure:
        axes = figure.add_subplot()
        if past is not None:
            before = past[-min(len(past), max(3 * steps, 40)) :]
            known = before.targets[:, target]
            axes.plot(*thin(before.times.values(), known), color=INK, label="measured")
            ahead, line = _joined(before, forecast.times), np.array([known[-1], *mean])
            axes.axvline(ahead[0], color=GREY, lw=0.8, ls=(0, (2, 2)))
        _band(axes, ahead[-steps:], mean, margin, forecast.level)
        _network(axes, ahead, line, steps, "forecast")
        _limits(axes, known, mean, margin)
        figure_style.time_axis(axes, forecast.times, width)
        axes.set_ylabel(short(name))
        figure_style.legend(figure, first=("measured", "forecast"))
        told = f"{steps} steps, from {mean[0]:.5g} to {mean[-1]:.5g}."
        figure_style.describe(figure, f"{name}: forecast beyond the end of the data", told)
    return figure


def lead_times(backtest: Backtest, target: int = 0, width: int = WIDE) -> Figure:
    """The RMSE of each method against the lead time."""
    leads, name = np.arange(1, backtest.steps + 1), backtest.targets[target]
    rmse = {method: errors[:, target] for method, errors in backtest.rmse.items()}
    with figure_style.canvas(width, 270) as figure:
        axes = figure.add_subplot()
        for method, errors in _baselines(rmse):
            marker = "." if len(leads) == 1 else None
            axes.plot(leads, errors, lw=1.4, marker=marker, **_look(method, backtest))
        _network(axes, leads, rmse["network"], backtest.steps)
        if not figure_style.log_scale(axes, np.concatenate(list(rmse.values())), 20):
            axes.set_ylim(bottom=0)
        _lead_axis(axes, backtest.steps)
        axes.set_ylabel(f"RMSE of {short(name)}")
        figure_style.legend(figure, 4, first=("network",))
        means = ", ".join(f"{method} {errors.mean():.4g}" for method, errors in rmse.items())
        figure_style.describe(
            figure, f"{name}: error against lead time", f"Mean RMSE: {means}."
        )
    return figure


def compared(
    backtest: Backtest, ways: Sequence[str], target: int = 0, width: int = WIDE
) -> Figure:
    """The RMSE of several ways, and of the baselines in grey, against the lead time."""
    leads, name = np.arange(1, backtest.steps + 1), backtest.targets[target]
    rmse = {method: errors[:, target] for method, errors in backtest.rmse.items()}
    marker = "." if len(leads) == 1 else None
    with figure_style.canvas(width, 320) as figure:
        axes = figure.add_subplot()
        for method, errors in rmse.items():
            if method not in ways:
                look: dict[str, Any] = _look(method, backtest) | {"color": GREY}
                axes.plot(leads, errors, lw=1.2, marker=marker, **look)
        for method, colour in zip(ways, (BLUE, ORANGE, GREEN, PURPLE), strict=False):
            axes.plot(leads, rmse[method], lw=2, color=colour, marker=marker, label=method)
        if not figure_style.log_scale(axes, np.concatenate(list(rmse.values())), 20):
            axes.set_ylim(bottom=0)
        _lead_axis(axes, backtest.steps)
        axes.set_ylabel(f"RMSE of {short(name)}")
        figure_style.legend(figure, 4, first=tuple(ways))
        means = ", ".join(f"{method} {errors.mean():.4g}" for method, errors in rmse.items())
        figure_style.describe(
            figure, f"{name}: error against lead time", f"Mean RMSE: {means}."
        )
    return figure


def training(history: Sequence[Row], best_epochs: Sequence[int], width: int = WIDE) -> Figure:
    """Training and validation loss over the epochs, a line for each member of an ensemble.

    **Arguments:** `best_epochs`, of each member; a dot marks the weights that were kept.
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
            for name, (line, look) in losses.items():
                label = None if member else name
                axes.plot(epochs, line, marker=marker, label=label, **look, **light)
            if best in epochs:
                kept, label = line[epochs.index(best)], None if member else "weights kept"
                axes.plot(best, kept, "o", color=INK, ms=4.5, label=label)
        drawn = np.concatenate([line.get_ydata() for line in axes.get_lines()])
        figure_style.log_scale(axes, drawn, 3)
        figure_style.count_axis(axes, "epoch")
        axes.grid(axis="y")
        axes.set_ylabel("loss, scaled units")
        figure_style.legend(figure)
        last = max(row.epoch for row in history)
        told = f"{members} network{'s' if members > 1 else ''}, {last} epochs."
        figure_style.describe(figure, "Loss over the epochs", told)
    return figure


def coverage(backtest: Backtest, target: int = 0, width: int = WIDE) -> Figure:
    """The share of the truth inside the interval at each lead time, and the level asked."""
    shares, steps = 100 * backtest.coverage[:, target], backtest.steps
    known, level = np.isfinite(shares), 100 * backtest.level
    with figure_style.canvas(width, 230) as figure:
        axes = figure.add_subplot()
        axes.axhline(level, color=INK, lw=1, ls=(0, (5, 2)), label=f"asked, {level:g} %")
        _network(axes, np.arange(1, steps + 1), shares, steps, "measured")
        if not known.all():
            edges = np.flatnonzero(~known)[0] + 0.5, steps + 0.5
            axes.axvspan(*edges, color=GREY, alpha=0.15, lw=0, label="no interval")
        axes.set_ylim(max(0, 10 * math.floor(min([level, *shares[known]]) / 10 - 1)), 102)
        _lead_axis(axes, steps)
        axes.set_ylabel("inside, %")
        figure_style.legend(figure, first=("measured",))
        mean = f"{shares[known].mean():.0f} % on average" if known.any() else "none measured"
        title = f"{backtest.targets[target]}: coverage of the intervals"
        figure_style.describe(figure, title, f"Asked {level:g} %, {mean}.")
    return figure


def one_step(
    backtest: Backtest,
    times: Times,
    target: int = 0,
    origins: slice = slice(None),
    width: int = WIDE,
) -> Figure:
    """Predictions one step ahead against the truth, over time and as a scatter.

    **Arguments:** `times`, of the steps predicted; `origins`, those of one series.
    """
    truth = backtest.truth[origins, 0, target]
    guess = backtest.forecasts["network"][origins, 0, target]
    name, stamps = short(backtest.targets[target]), times.values()[-150:]
    narrow = width < 500
    shape: dict[str, Any] = {"ncols": 2, "width_ratios": (3, 2)}
    if narrow:
        shape = {"nrows": 2, "height_ratios": (2, 3)}
    with figure_style.canvas(width, 540 if narrow else 290) as figure:
        over, cross = figure.subplots(**shape)
        over.plot(stamps, truth[-150:], color=INK, label="truth")
        look: dict[str, Any] = {"color": BLUE, "lw": 1.4, "ls": DASHES}
        look["marker"] = "o" if len(truth) == 1 else None
        over.plot(stamps, guess[-150:], label="network, one step ahead", **look)
        figure_style.time_axis(over, times, NARROW)
        over.set_ylabel(name)
        known = ~np.isnan(truth)
        truth, guess = truth[known], guess[known]
        _scatter(cross, truth, guess)
        cross.set_xlabel(f"true {name}")
        cross.set_ylabel("predicted")
        figure_style.legend(figure, 2)
        worst = float(np.max(np.abs(guess - truth)))
        title = f"{backtest.targets[target]}: predictions one step ahead"
        told = f"{len(truth)} predictions against the truth; largest error {worst:.4g}."
        figure_style.describe(figure, title, told)
    return figure


def _baselines(methods: dict[str, np.ndarray]) -> list[tuple[str, np.ndarray]]:
    return [(name, values) for name, values in methods.items() if name != "network"]


def _look(method: str, backtest: Backtest) -> dict[str, Any]:
    """Colour, dashes and label of a baseline."""
    seasonal = method == "seasonal persistence"
    label = f"seasonal, period {backtest.period}" if seasonal else method
    return BASELINES[method] | {"label": label}


def _joined(before: Series, ahead: Times) -> Shaped[np.ndarray, " time"]:
    """The last known stamp and those ahead, so that a forecast begins where the data end."""
    return np.concatenate([before.times.values()[-1:], ahead.values()])


def _network(
    axes: Axes, x: np.ndarray, y: np.ndarray, steps: int, label: str = "network"
) -> None:
    """The emphasised line, with a dot at each step if they are few."""
    axes.plot(x, y, color=BLUE, lw=2, label=label)
    if steps <= 30:
        axes.plot(x[-steps:], y[-steps:], "o", color=BLUE, ms=3.5)


def _band(
    axes: Axes, stamps: np.ndarray, mean: np.ndarray, margin: np.ndarray, level: float
) -> None:
    """The interval, where it is known; nothing where it is infinite."""
    known = np.isfinite(margin) & np.isfinite(mean)
    stamps, low, high = stamps[known], (mean - margin)[known], (mean + margin)[known]
    look: dict[str, Any] = {"color": BLUE, "label": f"{100 * level:g} % interval"}
    if len(stamps) == 1:
        axes.plot(stamps.repeat(2), [low[0], high[0]], alpha=0.4, lw=5, **look)
    elif len(stamps):
        axes.fill_between(stamps, low, high, alpha=0.2, lw=0, **look)


def _limits(axes: Axes, data: np.ndarray, mean: np.ndarray, margin: np.ndarray) -> None:
    """Room for data, forecast and interval, but for no more than twice the data's range.

    So a forecast that runs away leaves the picture rather than flattening it.
    """
    margin, data = np.where(np.isfinite(margin), margin, 0), data[np.isfinite(data)]
    wanted = np.concatenate([data, mean - margin, mean + margin])
    wanted = wanted[np.isfinite(wanted)]
    if not len(wanted):
        return
    low, high = wanted.min(), wanted.max()
    if len(data) > 1 and (span := np.ptp(data)) > 0:
        low, high = max(low, data.min() - span), min(high, data.max() + span)
    if high > low:
        room = 0.05 * (high - low)
        axes.set_ylim(low - room, high + room)


def _lead_axis(axes: Axes, steps: int) -> None:
    axes.set_xlim(0.5, steps + 0.5)
    figure_style.count_axis(axes, "lead time, steps")
    axes.grid(axis="y")


def _scatter(axes: Axes, truth: np.ndarray, guess: np.ndarray) -> None:
    """Predicted against true, as one path of dots: a mark for each would weigh ten times."""
    spots = np.column_stack([truth, guess])[:: -(-len(truth) // DOTS)]
    spots = spots[np.isfinite(spots).all(axis=1)].repeat(2, axis=0)
    low, high = truth.min(), truth.max()
    span = (high - low) or 1.0
    if len(spots):  # a prediction that is far off leaves the picture
        low = max(low - span, min(low, spots.min()))
        high = min(high + span, max(high, spots.max()))
        spots[1::2, 0] += 1e-3 * span  # nothing at all has no caps in a PNG
        curve = Curve(spots, np.tile([Curve.MOVETO, Curve.LINETO], len(spots) // 2))
        curve.should_simplify = False  # that would take the dots away
        look: dict[str, Any] = {"ec": BLUE, "alpha": 0.6, "capstyle": "round"}
        width = 4.5 if len(spots) < 400 else 3
        axes.add_patch(PathPatch(curve, fill=False, lw=width, **look))
    limits = low - 0.05 * span, high + 0.05 * span
    axes.plot(limits, limits, color=GREY, lw=0.8)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4))
