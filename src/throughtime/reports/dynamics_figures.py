"""Figures of dynamics: trajectories, gradient flow, exponents, return maps and spectra.

Each function draws one figure, `width` CSS pixels wide.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from . import figure_style
from .figure_style import BLUE, DASHED, GREEN, GREY, INK, ORANGE, PURPLE, WIDE, short

Line = Float[np.ndarray, " _"]  # of any length
Curve = tuple[Line, Line]

COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
MAX_POINTS = 6000
"""Points of a phase portrait, at most."""


def time_series(
    curves: Mapping[str, Curve], title: str, labels: tuple[str, str], width: int = WIDE
) -> Figure:
    """Curves over time, the first of them the truth.

    The axis spans the range of the truth and a little more: a curve that diverges leaves the
    figure.
    """
    (_, truth), *_ = curves.values()
    finite = truth[np.isfinite(truth)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    room = (high - low) or 1.0
    with figure_style.canvas(width, 270) as figure:
        axes = figure.add_subplot(xlabel=labels[0], ylabel=short(labels[1]))
        for i, (name, (x, y)) in enumerate(curves.items()):
            style = {"color": COLOURS[(i - 1) % 4], "lw": 1.4, "ls": DASHED}
            style = {"color": INK, "lw": 1.2} if i == 0 else style
            axes.plot(x, np.clip(y, low - 9 * room, high + 9 * room), label=name, **style)
        axes.set_ylim(low - 0.3 * room, high + 0.3 * room)
        figure_style.legend(figure)
        figure_style.describe(
            figure, title, f"{labels[1]} against {labels[0]}: {', '.join(curves)}."
        )
    return figure


def phase_portrait(
    curves: Mapping[str, Curve],
    labels: tuple[str, str],
    points: Mapping[str, Curve] | None = None,
    width: int = WIDE,
) -> Figure:
    """A phase portrait: one variable against another, the first curve the truth.

    Parameters
    ----------
    curves
        Values of the two variables, by name.
    labels
        Names of the two variables.
    points
        Points to mark, of two kinds at most, such as stable and unstable fixed points.
    width
        Width in CSS pixels.
    """
    columns = len(curves) if width > 500 else 1
    rows = -(-len(curves) // columns)
    with figure_style.canvas(
        width, 20 + rows * min(360, round(0.9 * width / columns))
    ) as figure:
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        (x, y), *_ = curves.values()
        for i, (axes, (name, (x, y))) in enumerate(zip(grid.flat, curves.items(), strict=True)):
            axes.plot(
                x[:MAX_POINTS],
                y[:MAX_POINTS],
                color=COLOURS[(i - 1) % 4] if i else INK,
                lw=0.6,
                label=name,
            )
            axes.set_title(name, fontsize=12, loc="left")
            for colour, kind in zip((GREEN, ORANGE), points or {}, strict=False):
                style = {"color": colour, "ms": 5, "mec": "white", "mew": 0.7}
                axes.plot(*(points or {})[kind], "o", label=f"_{kind}", **style)
            axes.set_xlabel(short(labels[0]))
        for axes in grid[:, 0]:
            axes.set_ylabel(short(labels[1]))
        description = f"{labels[1]} against {labels[0]}: {', '.join(curves)}."
        marked = "".join(f" {name}: {len(px)}." for name, (px, _) in (points or {}).items())
        figure_style.describe(figure, "Phase portrait", description + marked)
    return figure


def error_distribution(
    errors: Mapping[str, Line], label: str = "NRMSE of a trajectory", width: int = WIDE
) -> Figure:
    """Share of trajectories whose error is below a bound, on a logarithmic axis."""
    finite = {name: np.sort(e[np.isfinite(e) & (e > 0)]) for name, e in errors.items()}
    drawn = {name: values for name, values in finite.items() if len(values)}
    with figure_style.canvas(width, 250) as figure:
        axes = figure.add_subplot(xlabel=label, ylabel="share of trajectories, %")
        largest = 1.0
        for i, (name, values) in enumerate(drawn.items()):
            shares = 100 * np.arange(1, len(values) + 1) / len(errors[name])
            axes.step(
                np.clip(values, 1e-12, 1e12),
                shares,
                where="post",
                color=COLOURS[i % 4],
                lw=1.6,
                label=name,
            )
            largest = max(largest, *values[values < 100][-1:], 0.0)
        lowest = min((values[0] for values in drawn.values()), default=largest)
        figure_style.decades(axes, "x")
        axes.set_xlim(0.7 * min(lowest, largest / 2), 1.5 * largest)
        axes.set_ylim(0, 103)
        axes.grid(axis="both")
        if drawn:
            figure_style.legend(figure)
        medians = ", ".join(
            f"{name} {np.median(e) if len(e) else np.nan:.2g}" for name, e in errors.items()
        )
        title = "Errors over unseen trajectories"
        figure_style.describe(figure, title, f"Medians: {medians}.")
    return figure


def gradient_by_lag(signals: Mapping[str, Line], vanished: float, width: int = WIDE) -> Figure:
    """Norm of the gradient by lag, relative to that at lag 0.

    Parameters
    ----------
    signals
        Relative norms for the lags 0, 1, 2, ..., by name.
    vanished
        Relative norm below which a gradient counts as vanished.
    width
        Width in CSS pixels.
    """
    with figure_style.canvas(width, 260) as figure:
        axes = figure.add_subplot(xlabel="lag, steps", ylabel="relative gradient norm")
        for i, (name, signal) in enumerate(signals.items()):
            lags = np.arange(len(signal))
            values = np.where((signal > 1e-12) & (signal < 1e12), signal, np.nan)
            axes.plot(lags, values, color=COLOURS[i % 4], lw=1.8, label=name or "gradient")
        label = f"vanished, below {vanished:g}"
        axes.axhline(vanished, color=GREY, lw=0.9, ls=(0, (4, 2)), label=label)
        figure_style.decades(axes)
        axes.grid(axis="y")
        figure_style.legend(figure)
        last = ", ".join(f"{name} {line[-1]:.2g}".strip() for name, line in signals.items())
        figure_style.describe(figure, "Gradient flow", f"At the longest lag: {last}.")
    return figure


def gradient_heat_map(
    epochs: Sequence[int], signals: Float[np.ndarray, "epoch lag"], width: int = WIDE
) -> Figure:
    """Relative norm of the gradient over epoch and lag, as a heat map."""
    floor = 1e-6
    with figure_style.canvas(width, 300) as figure:
        axes = figure.add_subplot(xlabel="epoch", ylabel="lag, steps")
        values = np.clip(np.nan_to_num(signals, nan=floor, posinf=1e3), floor, 1e3).T
        edges = _edges(np.asarray(epochs, float))
        heat = axes.pcolormesh(
            edges, np.arange(len(values) + 1) - 0.5, values,
            norm=LogNorm(floor, max(1.0, float(values.max()))), cmap="viridis", rasterized=True,
        )  # fmt: skip
        bar = figure.colorbar(heat, label="relative gradient norm", pad=0.01)
        figure_style.decades(bar.ax)
        span = f"{len(epochs)} epochs from {epochs[0]} to {epochs[-1]}"
        description = f"{span}, lags up to {len(values) - 1}."
        figure_style.describe(figure, "Gradient flow over lag and epoch", description)
    return figure


def singular_values(
    lags: Sequence[int], values: Mapping[str, Line], width: int = WIDE
) -> Figure:
    r"""Singular values of $\partial h_T / \partial h_{T-k}$ against the lag $k$."""
    with figure_style.canvas(width, 260) as figure:
        axes = figure.add_subplot(xlabel="lag, steps", ylabel="singular value")
        for i, (name, line) in enumerate(values.items()):
            y = np.where((line > 1e-12) & (line < 1e12), line, np.nan)
            marker = "." if len(lags) < 30 else None
            axes.plot(lags, y, color=COLOURS[i % 4], lw=1.4, marker=marker, label=name)
        axes.axhline(1, color=GREY, lw=0.9)
        figure_style.decades(axes)
        axes.grid(axis="y")
        figure_style.legend(figure)
        last = ", ".join(f"{name} {line[-1]:.2g}" for name, line in values.items())
        figure_style.describe(figure, "Singular values by lag", f"At the longest lag: {last}.")
    return figure


def lyapunov_exponents(
    times: Line,
    running: Float[np.ndarray, "time exponent"],
    known: Sequence[float] = (),
    unit: str = "",
    width: int = WIDE,
) -> Figure:
    """Estimates of the Lyapunov exponents against the averaging time.

    Parameters
    ----------
    times
        Averaging times.
    running
        Estimates after each of these times.
    known
        Exact exponents, drawn as dashed lines.
    unit
        Unit of the exponents, for the description.
    width
        Width in CSS pixels.
    """
    leading = running[:, :8]
    with figure_style.canvas(width, 280) as figure:
        axes = figure.add_subplot(xlabel="averaging time", ylabel="Lyapunov exponent")
        points = np.unique(np.geomspace(1, len(times), 400).astype(int)) - 1
        for i, line in enumerate(leading.T):
            style = {"color": COLOURS[i % 4], "ls": "-" if i < 4 else DASHED}
            axes.plot(times[points], line[points], lw=1.4, label=f"{i + 1}", **style)
        for i, value in enumerate(known):
            label = "known" if i == 0 else None
            axes.axhline(value, color=GREY, lw=0.9, ls=(0, (4, 2)), label=label)
        last = leading[len(leading) // 10 :]
        last = last[np.isfinite(last)]
        if len(last):
            room = 0.1 * (np.ptp(last) or 1.0)
            axes.set_ylim(last.min() - room, last.max() + room)
            figure_style.decades(axes, "x")
        axes.grid(axis="y")
        figure_style.legend(figure, 9)
        final = ", ".join(f"{value:.4g}" for value in leading[-1])
        figure_style.describe(figure, "Lyapunov exponents", f"In the end: {final}{unit}.")
    return figure


def return_map(pairs: Mapping[str, Curve], label: str, width: int = WIDE) -> Figure:
    """Return map: each maximum of a variable against the one before (Lorenz 1963)."""
    with figure_style.canvas(width, min(380, width)) as figure:
        axes = figure.add_subplot(
            xlabel=f"maximum of {short(label)}", ylabel="the next maximum"
        )
        both = [values for pair in pairs.values() for values in pair if len(values)]
        if both:
            span = min(v.min() for v in both), max(v.max() for v in both)
            axes.plot(span, span, color=GREY, lw=0.8)
        for i, (name, (before, after)) in enumerate(pairs.items()):
            colour = COLOURS[(i - 1) % 4] if i else INK
            axes.plot(before, after, ".", ms=3.5, color=colour, alpha=0.8, label=name)
        figure_style.legend(figure)
        counts = ", ".join(f"{name} {len(before)}" for name, (before, _) in pairs.items())
        title = f"Return map of {label}"
        figure_style.describe(figure, title, f"Pairs of maxima: {counts}.")
    return figure


def power_spectrum(spectra: Mapping[str, Curve], unit: str, width: int = WIDE) -> Figure:
    """Power spectra, the first of them that of the truth."""
    with figure_style.canvas(width, 260) as figure:
        axes = figure.add_subplot(xlabel=f"frequency, {unit}", ylabel="power")
        for i, (name, (frequency, values)) in enumerate(spectra.items()):
            colour = COLOURS[(i - 1) % 4] if i else INK
            axes.plot(frequency, np.clip(values, 1e-14, 1e14), color=colour, lw=1.2, label=name)
        figure_style.decades(axes)
        axes.grid(axis="y")
        figure_style.legend(figure)
        names = ", ".join(spectra)
        figure_style.describe(figure, "Power spectrum", f"Power against frequency: {names}.")
    return figure


def _edges(centres: np.ndarray) -> np.ndarray:
    """Edges of the columns around centres that need not be evenly spaced."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    inner = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - inner[0]], inner, [2 * centres[-1] - inner[-1]]])
