"""The figures of a report, in one quiet style.

Each function draws one `matplotlib.figure.Figure`, `width` CSS pixels wide; `to_svg` makes
it text that a page can hold, `save` a PNG. Nothing global is changed: neither pyplot nor the
user's settings. Colours are told apart by the colour-blind (Okabe and Ito 2008), and by
their dashes in a grey print.
"""

import hashlib
import io
import itertools
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from html import escape
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Curve
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from .backtest import Backtest
from .errors import InputError
from .predict import Forecast
from .series import Series, Split
from .times import Times
from .train import Row

WIDE, NARROW = 760, 350  # CSS pixels: a page, a telephone
INK, GREY = "#1f2328", "#767676"
NETWORK, TRAINING = "#0072b2", "#d55e00"
BASELINES = {  # colour and dashes of each
    "ridge autoregression": ("#d55e00", (0, (5, 2))),
    "seasonal persistence": ("#009e73", (0, (6, 2, 1, 2))),
    "persistence": ("#aa4499", (0, (1, 1.5))),
}
OTHER = (GREY, (0, (3, 1, 1, 1, 1, 1)))
DOTS = 1200  # points of a scatter, at most
BINS = 450  # that a long curve is thinned into

STYLE = {
    "figure.dpi": 72,  # a point is a CSS pixel
    "figure.facecolor": "none",
    "figure.constrained_layout.h_pad": 3 / 72,
    "figure.constrained_layout.w_pad": 3 / 72,
    "axes.facecolor": "none",
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": INK,
    "axes.labelpad": 6,
    "axes.labelsize": 12,
    "axes.titlesize": 12,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-4, 6),
    "axes.xmargin": 0.01,
    "font.size": 12,
    "font.sans-serif": ["DejaVu Sans"],
    "grid.color": GREY,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.fontsize": 12,
    "legend.frameon": False,
    "legend.borderpad": 0,
    "legend.borderaxespad": 0.2,
    "legend.columnspacing": 1.4,
    "legend.handlelength": 2.2,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.2,
    "lines.solid_capstyle": "round",
    "path.simplify_threshold": 0.2,
    "svg.fonttype": "none",
    "svg.hashsalt": "throughtime",
    "text.color": INK,
    "text.parse_math": False,  # a `$` in a column's name is a dollar
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 12,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 12,
}
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def series_split(series: Series, split: Split, target: int = 0, width: int = WIDE) -> Figure:
    """A series with its training, validation and test part."""
    values, stamps = series.targets[:, target], series.times.values()
    parts = {
        "training": (0, split.train, INK, 0.0),
        "validation": (split.train, split.validation, TRAINING, 0.10),
        "test": (split.validation, split.total, NETWORK, 0.10),
    }
    with _style():
        figure, axes = _figure(width, 240)
        for name, (first, end, colour, shade) in parts.items():
            if end == first:
                continue
            rows = slice(max(first - 1, 0), end)  # joined to the part before
            label = f"{name}, {end - first:,} rows"
            line = thin(stamps[rows], values[rows], int(BINS * (end - first) / split.total))
            axes.plot(*line, color=colour, lw=1.2 if split.total < 1500 else 0.8, label=label)
            if shade:
                axes.axvspan(
                    stamps[rows.start], stamps[end - 1], color=colour, alpha=shade, lw=0
                )
        _time_axis(axes, series.times, width)
        axes.set_ylabel(_short(series.target_names[target]))
        _legend(figure, axes, width, 3)
        told = ", ".join(f"{name} {end - first}" for name, (first, end, *_) in parts.items())
        _describe(figure, f"{series.target_names[target]} over time", f"Rows: {told}.")
    return figure


def against_truth(
    backtest: Backtest,
    past: Series,
    target: int = 0,
    origin: int = -1,
    width: int = WIDE,
) -> Figure:
    """The forecasts of all methods from one origin, and what came.

    **Arguments:** `past`, the series up to the origin; `origin`, its number in the backtest.
    """
    steps = backtest.steps
    before = past[-min(len(past), max(2 * steps, 30)) :]
    ahead = _joined(before, past.times.after(steps))
    truth = backtest.truth[origin, :, target]
    known, margin = before.targets[:, target], backtest.margins[:, target]
    last = known[-1:]
    with _style():
        figure, axes = _figure(width, 300)
        mean = backtest.forecasts["network"][origin, :, target]
        _band(axes, ahead, mean, margin, backtest.level)
        for name, forecast in backtest.forecasts.items():
            if name != "network":
                colour, dashes = _look(name)
                line = np.concatenate([last, forecast[origin, :, target]])
                axes.plot(
                    ahead, line, color=colour, ls=dashes, lw=1, label=_method(name, backtest)
                )
        axes.plot(before.times.values(), known, color=INK)
        axes.plot(ahead, np.concatenate([last, truth]), color=INK, label="truth")
        _network(axes, ahead, np.concatenate([last, mean]), steps)
        _origin(axes, ahead[0])
        _limits(axes, np.concatenate([known, truth]), mean, margin)
        _time_axis(axes, past.times, width)
        axes.set_ylabel(_short(backtest.targets[target]))
        _legend(figure, axes, width, 3, first=("truth", "network"))
        _describe(
            figure,
            f"{backtest.targets[target]}: forecast and truth",
            f"{steps} steps from one origin; RMSE of the network "
            f"{math.sqrt(float(np.mean((mean - truth) ** 2))):.4g}.",
        )
    return figure


def beyond(
    forecast: Forecast, past: Series | None = None, target: int = 0, width: int = WIDE
) -> Figure:
    """A forecast of what comes after the end of the data, with its interval.

    **Arguments:** `past`, the series that is continued, to show its last part.
    """
    mean, steps = forecast.mean[:, target], len(forecast.mean)
    margin = forecast.upper[:, target] - mean
    with _style():
        figure, axes = _figure(width, 270)
        ahead, known = forecast.times.values(), np.empty(0)
        line = mean
        if past is not None:
            before = past[-min(len(past), max(3 * steps, 40)) :]
            known = before.targets[:, target]
            axes.plot(*thin(before.times.values(), known, BINS), color=INK, label="measured")
            ahead = _joined(before, forecast.times)
            line = np.concatenate([known[-1:], mean])
            _origin(axes, ahead[0])
        _band(axes, ahead, mean, margin, forecast.level)
        _network(axes, ahead, line, steps, "forecast")
        _limits(axes, known, mean, margin)
        _time_axis(axes, forecast.times, width)
        axes.set_ylabel(_short(forecast.targets[target]))
        _legend(figure, axes, width, 3, first=("measured", "forecast"))
        _describe(
            figure,
            f"{forecast.targets[target]}: forecast beyond the end of the data",
            f"{steps} steps, from {mean[0]:.5g} to {mean[-1]:.5g}.",
        )
    return figure


def lead_times(backtest: Backtest, target: int = 0, width: int = WIDE) -> Figure:
    """The RMSE of each method against the lead time."""
    leads = np.arange(1, backtest.steps + 1)
    with _style():
        figure, axes = _figure(width, 270)
        for name, errors in backtest.rmse.items():
            if name != "network":
                colour, dashes = _look(name)
                marker = "." if len(leads) == 1 else None
                axes.plot(
                    leads,
                    errors[:, target],
                    color=colour,
                    ls=dashes,
                    lw=1.4,
                    marker=marker,
                    label=_method(name, backtest),
                )
        _network(axes, leads, backtest.rmse["network"][:, target], backtest.steps)
        errors = np.concatenate([e[:, target] for e in backtest.rmse.values()])
        if not _scale(axes, errors, 20):
            axes.set_ylim(bottom=0)
        _lead_axis(axes, backtest.steps)
        axes.grid(axis="y")
        axes.set_ylabel(f"RMSE of {_short(backtest.targets[target])}")
        _legend(figure, axes, width, 4, first=("network",))
        means = (f"{k} {v[:, target].mean():.4g}" for k, v in backtest.rmse.items())
        _describe(
            figure,
            f"{backtest.targets[target]}: error against lead time",
            f"Mean RMSE: {', '.join(means)}.",
        )
    return figure


def training(
    history: Sequence[Row], best_epochs: Sequence[int] = (), width: int = WIDE
) -> Figure:
    """Training and validation loss over the epochs, a line for each member of an ensemble.

    **Arguments:** `best_epochs`, of each member; a dot marks the weights that were kept.
    """
    members = sorted({row.member for row in history})
    validated = any(math.isfinite(row.validation_loss) for row in history)
    light = {"lw": 1.4 if len(members) == 1 else 0.9, "alpha": 1 if len(members) < 4 else 0.7}
    with _style():
        figure, axes = _figure(width, 270)
        losses = []
        for member in members:
            rows = [row for row in history if row.member == member]
            epochs = [row.epoch for row in rows]
            lines = {"training": [row.loss for row in rows]}
            if validated:
                lines["validation"] = [row.validation_loss for row in rows]
            first = member == members[0]
            for name, line in lines.items():
                look = _curve(name, len(epochs)) | light
                axes.plot(epochs, line, **look, label=name if first else None)
                losses += line
            best = best_epochs[member] if member < len(best_epochs) else 0
            if best in epochs:
                kept = list(lines.values())[-1][epochs.index(best)]
                label = "weights kept" if first else None
                axes.plot(best, kept, "o", color=INK, ms=4.5, label=label)
        _scale(axes, np.array(losses), 3)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(axis="y")
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss, scaled units")
        _legend(figure, axes, width, 3)
        count = f"{len(members)} network{'s' if len(members) > 1 else ''}"
        _describe(figure, "Loss over the epochs", f"{count}, {max(epochs)} epochs.")
    return figure


def coverage(backtest: Backtest, target: int = 0, width: int = WIDE) -> Figure:
    """The share of the truth inside the interval at each lead time, and the level asked."""
    shares = 100 * backtest.coverage[:, target]
    known, level = np.isfinite(shares), 100 * backtest.level
    leads = np.arange(1, backtest.steps + 1)
    with _style():
        figure, axes = _figure(width, 230)
        axes.axhline(level, color=INK, lw=1, ls=(0, (5, 2)), label=f"asked, {level:g} %")
        _network(axes, leads, shares, backtest.steps, "measured")
        if not known.all():
            edge = np.flatnonzero(~known)[0] + 0.5
            axes.axvspan(
                edge, backtest.steps + 0.5, color=GREY, alpha=0.15, lw=0, label="no interval"
            )
        lowest = min([level, *shares[known]])
        axes.set_ylim(max(0, 10 * math.floor(lowest / 10 - 1)), 102)
        _lead_axis(axes, backtest.steps)
        axes.grid(axis="y")
        axes.set_ylabel("inside, %")
        _legend(figure, axes, width, 3, first=("measured",))
        mean = f"{shares[known].mean():.0f} % on average" if known.any() else "none measured"
        _describe(
            figure,
            f"{backtest.targets[target]}: coverage of the intervals",
            f"Asked {level:g} %, {mean}.",
        )
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
    name = _short(backtest.targets[target])
    narrow = width < 500
    with _style():
        figure = Figure(
            figsize=(width / 72, (540 if narrow else 290) / 72), layout="constrained"
        )
        grid = (
            figure.add_gridspec(2, 1, height_ratios=(2, 3))
            if narrow
            else figure.add_gridspec(1, 2, width_ratios=(3, 2))
        )
        over, cross = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
        recent = slice(-min(len(truth), 150), None)
        stamps = times.values()[recent]
        over.plot(stamps, truth[recent], color=INK, label="truth")
        marker = "o" if len(truth) == 1 else None
        over.plot(
            stamps,
            guess[recent],
            color=NETWORK,
            lw=1.4,
            ls=(0, (4, 1.5)),
            marker=marker,
            label="network, one step ahead",
        )
        _time_axis(over, times, width if narrow else int(0.6 * width))
        over.set_ylabel(name)
        _scatter(cross, truth, guess, name)
        _legend(figure, over, width, 2)
        worst = float(np.max(np.abs(guess - truth)))
        _describe(
            figure,
            f"{backtest.targets[target]}: predictions one step ahead",
            f"{len(truth)} predictions against the truth; largest error {worst:.4g}.",
        )
    return figure


def to_svg(figure: Figure, name: str = "") -> str:
    """A figure as an SVG element for a page, the same text each time.

    It has no size of its own but a `viewBox`: it fills its box. Text stays text, in the
    reader's sans-serif; the ink is `currentColor`, the page's own.

    **Arguments:** `name` begins the ids, and must differ between figures of one page; by
    default it is made from the content.
    """
    text = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with _style(), _quietly():
        figure.savefig(text, format="svg", metadata=nothing)
    svg = text.getvalue()[text.getvalue().index("<svg") :]
    svg = re.sub(r"<!--.*?-->|<style.*?</style>|<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r' (d|x|y|transform)="[^"]*"', lambda m: _rounded(m[0]), svg)
    svg = re.sub(r"'DejaVu Sans'(, sans-serif)?", FONTS, svg)
    svg = svg.replace(INK, "currentColor")
    svg = re.sub(r"\s*\n\s*", "\n", svg)
    return _headed(_named(svg, name or hashlib.sha256(svg.encode()).hexdigest()[:10]), figure)


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as a PNG, white behind, fine enough for print."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        rule = "a figure is saved as PNG"
        raise InputError(rule, path.name, "Give a name that ends in `.png`.")
    with _style(), _quietly():
        figure.savefig(path, dpi=200, facecolor="white", metadata={"Software": None})


def thin(
    stamps: Shaped[np.ndarray, " time"], values: Float[np.ndarray, " time"], bins: int
) -> tuple[Shaped[np.ndarray, " kept"], Float[np.ndarray, " kept"]]:
    """A curve of at most about `2 bins` points that looks like the whole one.

    Of each bin of neighbours the lowest and the highest are kept, and both ends.
    """
    n, bins = len(values), max(bins, 10)
    if n <= 2 * bins:
        return stamps, values
    edges = np.linspace(0, n, bins + 1).astype(int)
    pairs = list(itertools.pairwise(edges))
    low = [a + int(np.argmin(values[a:b])) for a, b in pairs]
    high = [a + int(np.argmax(values[a:b])) for a, b in pairs]
    kept = np.unique([0, *low, *high, n - 1])
    return stamps[kept], values[kept]


@contextmanager
def _style() -> Iterator[None]:
    with matplotlib.style.context(["default", STYLE]):  # not the user's own settings
        yield


@contextmanager
def _quietly() -> Iterator[None]:
    """Without warnings of no concern here.

    A letter that the measuring font lacks is in the reader's; a few ticks more do no harm.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph|AutoDateLocator")
        yield


def _figure(width: int, height: int) -> tuple[Figure, Axes]:
    """One pair of axes."""
    figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
    return figure, figure.add_subplot()


def _describe(figure: Figure, title: str, text: str) -> None:
    """Title and description for readers who do not see it; `to_svg` writes them."""
    figure.set_label(f"{_clean(title)}\n{text}")


def _clean(text: str) -> str:
    """Printable text in one line."""
    text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())


def _short(name: str, longest: int = 28) -> str:
    name = _clean(name)
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _look(name: str) -> tuple[str, Any]:
    return BASELINES.get(name, OTHER)


def _curve(name: str, epochs: int) -> dict[str, Any]:
    """How a loss is drawn."""
    marker = "." if epochs == 1 else None
    if name == "training":
        return {"color": TRAINING, "ls": (0, (4, 2)), "marker": marker}
    return {"color": NETWORK, "ls": "-", "marker": marker}


def _method(name: str, backtest: Backtest) -> str:
    if name == "seasonal persistence":
        return f"seasonal, period {backtest.period}"
    return _short(name)


def _joined(before: Series, ahead: Times) -> Shaped[np.ndarray, " time"]:
    """The last known stamp and those ahead, so that a forecast begins where the data end."""
    return np.concatenate([before.times.values()[-1:], ahead.values()])


def _network(
    axes: Axes, x: np.ndarray, y: np.ndarray, steps: int, label: str = "network"
) -> None:
    """The emphasised line, with a dot at each step if they are few."""
    axes.plot(x, y, color=NETWORK, lw=2, label=label)
    if steps <= 30:
        axes.plot(x[-steps:], y[-steps:], "o", color=NETWORK, ms=3.5)


def _band(
    axes: Axes, ahead: np.ndarray, mean: np.ndarray, margin: np.ndarray, level: float
) -> None:
    """The interval, where it is known; nothing where it is infinite."""
    stamps, known = ahead[-len(mean) :], np.isfinite(margin) & np.isfinite(mean)
    if not known.any():
        return
    low, high = mean - np.where(known, margin, 0), mean + np.where(known, margin, 0)
    label = f"{100 * level:g} % interval"
    if known.sum() == 1:
        i = int(known.argmax())
        axes.plot(
            [stamps[i]] * 2, [low[i], high[i]], color=NETWORK, alpha=0.4, lw=5, label=label
        )
        return
    axes.fill_between(
        stamps, low, high, where=known.tolist(), color=NETWORK, alpha=0.2, lw=0, label=label
    )


def _origin(axes: Axes, stamp: Any) -> None:
    axes.axvline(stamp, color=GREY, lw=0.8, ls=(0, (2, 2)))


def _limits(axes: Axes, data: np.ndarray, mean: np.ndarray, margin: np.ndarray) -> None:
    """Room for data, forecast and interval, but for no more than twice the data's range.

    So a forecast that runs away leaves the picture rather than flattening it.
    """
    margin = np.where(np.isfinite(margin), margin, 0)
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


def _scale(axes: Axes, values: np.ndarray, ratio: int) -> bool:
    """A logarithmic axis if the values are positive and span more than `ratio`."""
    values = values[np.isfinite(values)]
    if not len(values) or values.min() <= 0 or values.max() < ratio * values.min():
        return False
    axes.set_yscale("log")
    digits = (1, 2, 5) if values.max() < 300 * values.min() else (1,)
    axes.yaxis.set_major_locator(LogLocator(subs=digits, numticks=12))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return True


def _time_axis(axes: Axes, times: Times, width: int) -> None:
    """Few enough ticks for the width; dates as short as they can be."""
    ticks = 8 if width > 500 else 4
    axes.set_xlabel(_short(times.column or "step"))
    if times.unit == "number":
        whole = isinstance(times.step, int) and isinstance(times.start, int)
        axes.xaxis.set_major_locator(
            MaxNLocator(ticks, integer=whole, steps=[1, 2, 2.5, 5, 10])
        )
        axes.xaxis.get_major_formatter().set_scientific(False)  # pyright: ignore
    else:
        locator = AutoDateLocator(tz=UTC, minticks=2, maxticks=ticks + 1)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC))


def _lead_axis(axes: Axes, steps: int) -> None:
    axes.set_xlim(0.5, steps + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, min_n_ticks=1))
    axes.set_xlabel("lead time, steps")


def _legend(
    figure: Figure, axes: Axes, width: int, columns: int, first: tuple[str, ...] = ()
) -> None:
    """Above the axes, the methods named `first` before the others."""
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: labels[i] not in first)
    size, line = (12, 2.2) if width > 500 else (11, 1.8)
    columns = min(columns, len(labels))
    while columns > 1 and _legend_width([labels[i] for i in order], columns, size) > width:
        columns -= 1
    figure.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="outside upper left",
        ncols=columns,
        fontsize=size,
        handlelength=line,
    )


def _legend_width(labels: list[str], columns: int, size: int) -> float:
    """About how wide a legend is; its entries run down the columns."""
    longest = [max(map(len, part)) for part in np.array_split(labels, columns)]
    return sum(size * (0.58 * length + 4) for length in longest) - 1.4 * size


def _scatter(axes: Axes, truth: np.ndarray, guess: np.ndarray, name: str) -> None:
    """Predicted against true, as one path of dots: a mark for each would weigh ten times."""
    every = -(-len(truth) // DOTS)
    spots = np.column_stack([truth, guess])[::every]
    spots = spots[np.isfinite(spots).all(axis=1)].repeat(2, axis=0)
    low, high = truth.min(), truth.max()
    span = (high - low) or 1.0
    if len(spots):  # a prediction that is far off leaves the picture
        low = max(low - span, min(low, spots.min()))
        high = min(high + span, max(high, spots.max()))
    limits = low - 0.05 * span, high + 0.05 * span
    axes.plot(limits, limits, color=GREY, lw=0.8)
    if len(spots):
        spots[1::2, 0] += 1e-3 * span  # nothing at all has no caps in a PNG
        width = 4.5 if len(spots) < 400 else 3
        codes = np.tile([Curve.MOVETO, Curve.LINETO], len(spots) // 2)
        curve = Curve(spots, codes)
        curve.should_simplify = False  # that would take the dots away
        dots = PathPatch(curve, fill=False, ec=NETWORK, lw=width, capstyle="round")
        dots.set_alpha(0.6)
        axes.add_patch(dots)
    axes.set_xlim(limits)
    axes.set_ylim(limits)
    axes.set_aspect("equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4))
    axes.set_xlabel(f"true {name}")
    axes.set_ylabel("predicted")


def _rounded(attribute: str) -> str:
    """Coordinates to a hundredth of a pixel."""
    return re.sub(
        r"-?\d+\.\d+", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), attribute
    )


def _named(svg: str, name: str) -> str:
    """Ids that nothing refers to are left out, the others begin with `name`."""
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else "", svg)
    svg = re.sub(r' id="([^"]*)"', rf' id="{name}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    return re.sub(r"^<svg", f'<svg id="{name}"', svg)


def _headed(svg: str, figure: Figure) -> str:
    """With a title and a description, and no size of its own."""
    name = re.search(r'id="([^"]*)"', svg)[1]  # pyright: ignore
    box = re.search(r'viewBox="[^"]*"', svg)[0]  # pyright: ignore
    title, _, text = (figure.get_label() or "Figure").partition("\n")  # pyright: ignore
    head = (
        f'<svg id="{name}" xmlns="http://www.w3.org/2000/svg" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" {box} width="100%" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" stroke-linejoin="round">\n'
        f'<title id="{name}-title">{escape(title)}</title>\n'
        f'<desc id="{name}-desc">{escape(text)}</desc>'
    )
    return re.sub(r"^<svg[^>]*>", lambda _: head, svg).rstrip() + "\n"
