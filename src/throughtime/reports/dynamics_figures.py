"""Figures of dynamics: each function draws one, `width` CSS pixels wide."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from . import figure_style
from .figure_style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, WIDE, short

Line = Float[np.ndarray, " _"]  # (each of a length of its own)
Curve = tuple[Line, Line]

COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
POINTS = 6000
"""Of a portrait, at most."""


def against(
    curves: Mapping[str, Curve], title: str, labels: tuple[str, str], width: int = WIDE
) -> Figure:
    """Curves over time, the first of them the truth.

    What leaves the range of the truth by more than that range leaves the picture.
    """
    (_, truth), *_ = curves.values()
    sound = truth[np.isfinite(truth)]
    low, high = (float(sound.min()), float(sound.max())) if len(sound) else (0.0, 1.0)
    room = (high - low) or 1.0
    with figure_style.canvas(width, 270) as figure:
        axes = figure.add_subplot(xlabel=labels[0], ylabel=short(labels[1]))
        for i, (name, (x, y)) in enumerate(curves.items()):
            look = {"color": COLOURS[(i - 1) % 4], "lw": 1.4, "ls": (0, (4, 1.5))}
            look = {"color": INK, "lw": 1.2} if i == 0 else look
            axes.plot(x, np.clip(y, low - 9 * room, high + 9 * room), label=name, **look)
        axes.set_ylim(low - 0.3 * room, high + 0.3 * room)
        figure_style.legend(figure)
        figure_style.describe(
            figure, title, f"{labels[1]} against {labels[0]}: {', '.join(curves)}."
        )
    return figure


def portrait(
    curves: Mapping[str, Curve],
    labels: tuple[str, str],
    points: Mapping[str, Curve] | None = None,
    width: int = WIDE,
) -> Figure:
    """A phase portrait: one variable against another, the first curve the truth.

    `points` are marked, of two kinds at most: stable and unstable fixed points, say.
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
                x[:POINTS],
                y[:POINTS],
                color=COLOURS[(i - 1) % 4] if i else INK,
                lw=0.6,
                label=name,
            )
            axes.set_title(name, fontsize=12, loc="left")
            for colour, (px, py) in zip((GREEN, ORANGE), (points or {}).values(), strict=False):
                axes.plot(px, py, "o", color=colour, ms=5, mec="white", mew=0.7)
            axes.set_xlabel(short(labels[0]))
        for axes in grid[:, 0]:
            axes.set_ylabel(short(labels[1]))
        told = f"{labels[1]} against {labels[0]}: {', '.join(curves)}."
        marked = "".join(f" {name}: {len(px)}." for name, (px, _) in (points or {}).items())
        figure_style.describe(figure, "Phase portrait", told + marked)
    return figure


def spread_of_errors(
    errors: Mapping[str, Line], label: str = "NRMSE of a trajectory", width: int = WIDE
) -> Figure:
    """The share of trajectories whose error is below a bound, on a logarithmic axis."""
    sound = {name: np.sort(e[np.isfinite(e) & (e > 0)]) for name, e in errors.items()}
    shown = {name: values for name, values in sound.items() if len(values)}
    with figure_style.canvas(width, 250) as figure:
        axes = figure.add_subplot(xlabel=label, ylabel="share of trajectories, %")
        largest = 1.0
        for i, (name, values) in enumerate(shown.items()):
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
        lowest = min((values[0] for values in shown.values()), default=largest)
        figure_style.decades(axes, "x")
        axes.set_xlim(0.7 * min(lowest, largest / 2), 1.5 * largest)
        axes.set_ylim(0, 103)
        axes.grid(axis="both")
        if shown:
            figure_style.legend(figure)
        told = ", ".join(
            f"{name} {np.median(e) if len(e) else np.nan:.2g}" for name, e in errors.items()
        )
        figure_style.describe(figure, "Errors over unseen trajectories", f"Medians: {told}.")
    return figure


def gradient_signal(signals: Mapping[str, Line], lost: float, width: int = WIDE) -> Figure:
    """By lag, the share of a gradient that arrives."""
    with figure_style.canvas(width, 260) as figure:
        axes = figure.add_subplot(xlabel="lag, steps", ylabel="gradient that arrives")
        for i, (name, signal) in enumerate(signals.items()):
            lags = np.arange(len(signal))
            shown = np.where((signal > 1e-12) & (signal < 1e12), signal, np.nan)
            axes.plot(lags, shown, color=COLOURS[i % 4], lw=1.8, label=name or "arrives")
        axes.axhline(lost, color=GREY, lw=0.9, ls=(0, (4, 2)), label=f"lost, below {lost:g}")
        figure_style.decades(axes)
        axes.grid(axis="y")
        figure_style.legend(figure)
        last = ", ".join(f"{name} {line[-1]:.2g}".strip() for name, line in signals.items())
        figure_style.describe(figure, "Gradient flow", f"At the longest lag: {last}.")
    return figure


def gradient_heat(
    epochs: Sequence[int], signals: Float[np.ndarray, "epoch lag"], width: int = WIDE
) -> Figure:
    """The gradient that arrives, over lag and epoch, as a heat map."""
    floor = 1e-6
    with figure_style.canvas(width, 300) as figure:
        axes = figure.add_subplot(xlabel="epoch", ylabel="lag, steps")
        values = np.clip(np.nan_to_num(signals, nan=floor, posinf=1e3), floor, 1e3).T
        edges = _edges(np.asarray(epochs, float))
        heat = axes.pcolormesh(
            edges, np.arange(len(values) + 1) - 0.5, values,
            norm=LogNorm(floor, max(1.0, float(values.max()))), cmap="viridis", rasterized=True,
        )  # fmt: skip
        bar = figure.colorbar(heat, label="gradient that arrives", pad=0.01)
        figure_style.decades(bar.ax)
        told = (
            f"{len(epochs)} epochs from {epochs[0]} to {epochs[-1]}, lags to {len(values) - 1}."
        )
        figure_style.describe(figure, "Gradient flow over lag and epoch", told)
    return figure


def singular_values(
    lags: Sequence[int], values: Mapping[str, Line], width: int = WIDE
) -> Figure:
    """Singular values of dh_T/dh_{T-lag}, by lag."""
    with figure_style.canvas(width, 260) as figure:
        axes = figure.add_subplot(xlabel="lag, steps", ylabel="singular value")
        for i, (name, line) in enumerate(values.items()):
            shown = np.where((line > 1e-12) & (line < 1e12), line, np.nan)
            marker = "." if len(lags) < 30 else None
            axes.plot(lags, shown, color=COLOURS[i % 4], lw=1.4, marker=marker, label=name)
        axes.axhline(1, color=GREY, lw=0.9)
        figure_style.decades(axes)
        axes.grid(axis="y")
        figure_style.legend(figure)
        told = ", ".join(f"{name} {line[-1]:.2g}" for name, line in values.items())
        figure_style.describe(figure, "Singular values by lag", f"At the longest lag: {told}.")
    return figure


def exponents(
    times: Line,
    running: Float[np.ndarray, "time exponent"],
    known: Sequence[float] = (),
    unit: str = "",
    width: int = WIDE,
) -> Figure:
    """Lyapunov exponents as they converge; `known` ones as dashes."""
    shown = running[:, :8]
    with figure_style.canvas(width, 280) as figure:
        axes = figure.add_subplot(xlabel="time averaged over", ylabel="Lyapunov exponent")
        kept = np.unique(np.geomspace(1, len(times), 400).astype(int)) - 1
        for i, line in enumerate(shown.T):
            look = {"color": COLOURS[i % 4], "ls": "-" if i < 4 else (0, (4, 1.5))}
            axes.plot(times[kept], line[kept], lw=1.4, label=f"{i + 1}", **look)
        for i, value in enumerate(known):
            label = "known" if i == 0 else None
            axes.axhline(value, color=GREY, lw=0.9, ls=(0, (4, 2)), label=label)
        last = shown[len(shown) // 10 :]
        last = last[np.isfinite(last)]
        if len(last):
            room = 0.1 * (np.ptp(last) or 1.0)
            axes.set_ylim(last.min() - room, last.max() + room)
            figure_style.decades(axes, "x")
        axes.grid(axis="y")
        figure_style.legend(figure, 9)
        told = ", ".join(f"{value:.4g}" for value in shown[-1])
        figure_style.describe(figure, "Lyapunov exponents", f"In the end: {told}{unit}.")
    return figure


def return_map(pairs: Mapping[str, Curve], label: str, width: int = WIDE) -> Figure:
    """Each maximum of a variable against the one before: Lorenz's picture."""
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
        told = ", ".join(f"{name} {len(before)}" for name, (before, _) in pairs.items())
        figure_style.describe(figure, f"Return map of {label}", f"Pairs of maxima: {told}.")
    return figure


def power(spectra: Mapping[str, Curve], unit: str, width: int = WIDE) -> Figure:
    """Power spectra, the first of the truth."""
    with figure_style.canvas(width, 260) as figure:
        axes = figure.add_subplot(xlabel=f"frequency, {unit}", ylabel="power")
        for i, (name, (frequency, values)) in enumerate(spectra.items()):
            colour = COLOURS[(i - 1) % 4] if i else INK
            axes.plot(frequency, np.clip(values, 1e-14, 1e14), color=colour, lw=1.2, label=name)
        figure_style.decades(axes)
        axes.grid(axis="y")
        figure_style.legend(figure)
        told = ", ".join(spectra)
        figure_style.describe(figure, "Power spectrum", f"Power against frequency: {told}.")
    return figure


def _edges(centres: np.ndarray) -> np.ndarray:
    """Borders between columns that need not be evenly spaced."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    inner = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - inner[0]], inner, [2 * centres[-1] - inner[-1]]])
