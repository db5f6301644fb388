"""One style for every figure, written as SVG for a page or as PNG for a file.

Nothing global is changed: neither pyplot nor the user's settings. The colours can be told apart
by colour-blind readers (Okabe and Ito 2008), and the lines by their dashes in a grey print.
"""

import io
import itertools
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
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from throughtime.errors import InputError
from throughtime.stamps.time_axis import Times

WIDE, NARROW = 760, 350
"""Widths in CSS pixels: of a page, and of a telephone."""

INK, GREY = "#1f2328", "#767676"
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#aa4499"
DASHED = (0, (4, 1.5))

BASELINES: dict[str, dict[str, Any]] = {
    "prior": {"color": GREY, "ls": (0, (1, 1))},
    "linear core": {"color": GREY, "ls": (0, (4, 2))},
    "network": {"color": GREY, "ls": "-"},
    "ridge autoregression": {"color": ORANGE, "ls": (0, (5, 2))},
    "seasonal persistence": {"color": GREEN, "ls": (0, (6, 2, 1, 2))},
    "persistence": {"color": PURPLE, "ls": (0, (1, 1.5))},
}
"""Line style of each part of a combination, in grey, and of each baseline."""

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
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-4, 6),
    "axes.xmargin": 0.01,
    "font.size": 12,
    "font.sans-serif": ["DejaVu Sans"],
    "grid.color": GREY,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.borderpad": 0,
    "legend.borderaxespad": 0.2,
    "legend.columnspacing": 1.4,
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
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
}
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@contextmanager
def style() -> Iterator[None]:
    """Use the style in place of the user's settings, without two harmless warnings.

    A glyph that is missing in the font used for measuring is drawn in the reader's font, and a
    few ticks too many do no harm.
    """
    with matplotlib.style.context(["default", STYLE]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph|AutoDateLocator")
        yield


@contextmanager
def canvas(width: int, height: int) -> Iterator[Figure]:
    """An empty figure of this size in CSS pixels, to be drawn on in the style."""
    with style():
        yield Figure(figsize=(width / 72, height / 72), layout="constrained")


def describe(figure: Figure, title: str, text: str) -> None:
    """Set the title and the description that a screen reader gives; `to_svg` writes them."""
    figure.set_label(f"{_clean(title)}\n{_clean(text)}")


def short(name: str, longest: int = 28) -> str:
    """A name as one line of printable text, cut if it is long."""
    name = _clean(name)
    return name if len(name) <= longest else name[: longest - 1] + "…"


def thin(
    stamps: Shaped[np.ndarray, " time"], values: Float[np.ndarray, " time"], bins: int = 450
) -> tuple[Shaped[np.ndarray, " point"], Float[np.ndarray, " point"]]:
    """A curve thinned to about `2 bins` points at most, which looks like the whole one.

    The lowest and the highest point of each bin of neighbours are kept, and both ends.
    """
    n, bins = len(values), max(bins, 10)
    if n <= 2 * bins:
        return stamps, values
    edges = itertools.pairwise(np.linspace(0, n, bins + 1).astype(int))
    ends = [(a + f(values[a:b])) for a, b in edges for f in (np.argmin, np.argmax)]
    points = np.unique([0, *ends, n - 1])
    return stamps[points], values[points]


def log_scale(axes: Axes, values: np.ndarray, ratio: int = 1) -> bool:
    """Make the vertical axis logarithmic if the values are positive and span at least `ratio`.

    Returns
    -------
    bool
        Whether the axis is logarithmic now.
    """
    values = values[np.isfinite(values)]
    if not len(values) or values.min() <= 0 or values.max() < ratio * values.min():
        return False
    axes.set_yscale("log")
    digits = (1, 2, 5) if values.max() < 300 * values.min() else (1,)
    axes.yaxis.set_major_locator(LogLocator(subs=digits, numticks=12))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return True


class _Decades(LogLocator):
    """Powers of ten; over few of them also what lies between, so that no axis has one tick."""

    def tick_values(self, vmin: float, vmax: float) -> np.ndarray:
        """The ticks between two ends."""
        low, high = sorted((vmin, vmax))
        ticks = np.asarray(super().tick_values(vmin, vmax))
        for digits in ((1, 2, 5), range(1, 10)):
            if ((ticks >= low) & (ticks <= high)).sum() > 1 or not 0 < low < high:
                break
            finer = LogLocator(subs=digits, numticks=12)
            finer.axis = self.axis
            ticks = np.asarray(finer.tick_values(vmin, vmax))
        return ticks


def decades(axes: Axes, which: str = "y") -> None:
    """Make an axis logarithmic over many powers of ten, with its numbers as plain text."""
    axes.set(**{f"{which}scale": "log"})
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(_Decades(numticks=7))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def time_axis(axes: Axes, times: Times, width: int) -> None:
    """Label the horizontal axis with times: few enough ticks for the width, concise dates."""
    ticks = 8 if width > 500 else 4
    axes.set_xlabel(short(times.column or "step"))
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


def count_axis(axes: Axes, label: str) -> None:
    """Label the horizontal axis with whole numbers only."""
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, min_n_ticks=1))
    axes.set_xlabel(label)


def legend(
    figure: Figure, columns: int = 3, first: Sequence[str] = (), title: str | None = None
) -> None:
    """Add a legend above the first axes, in as many columns as fit.

    Parameters
    ----------
    figure
        The figure, whose first axes hold the labels.
    columns
        Number of columns at most.
    first
        Labels that come before the others.
    title
        Title of the legend.
    """
    width = 72 * figure.get_figwidth()
    size, line = (12, 2.2) if width > 500 else (11, 1.8)
    pairs = zip(*figure.axes[0].get_legend_handles_labels(), strict=True)
    handles, labels = zip(*sorted(pairs, key=lambda pair: pair[1] not in first), strict=True)
    columns = min(columns, len(labels))
    while columns > 1 and _legend_width(labels, columns, size) > width:
        columns -= 1
    figure.legend(
        handles,
        labels,
        loc="outside upper left",
        ncols=columns,
        fontsize=size,
        handlelength=line,
        title=title,
        title_fontsize=14,
        alignment="left",
    )


def baseline_style(method: str, period: int | None) -> dict[str, Any]:
    """Colour, dashes and label of a baseline's line."""
    seasonal = method == "seasonal persistence"
    label = f"seasonal, period {period}" if seasonal else method
    return BASELINES[method] | {"label": label}


def network_line(
    axes: Axes, x: np.ndarray, y: np.ndarray, steps: int, label: str = "network"
) -> None:
    """Draw the emphasised line of the network, with a dot at each step if there are few."""
    axes.plot(x, y, color=BLUE, lw=2, label=label)
    if steps <= 30:
        axes.plot(x[-steps:], y[-steps:], "o", color=BLUE, ms=3.5)


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG on a white background."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        rule = "a figure must be saved as PNG"
        raise InputError(rule, path.name, "Give a name that ends in `.png`.")
    figure.set_dpi(120)
    figure.set_facecolor("white")
    with style():  # `savefig` would draw it twice, to the same picture
        FigureCanvasAgg(figure).print_png(path, metadata={"Software": None})


def to_svg(figure: Figure, name: str = "figure") -> str:
    """A figure as an SVG element for a page, the same text each time.

    It has a `viewBox` but no size of its own, so it fills its container. Text remains text, in
    the reader's sans-serif font, and the ink is `currentColor`, the colour of the page's text.
    No style is inline, so a page may forbid that; axes and ticks have classes, for its script.

    Parameters
    ----------
    figure
        The figure.
    name
        Prefix of the ids, which must differ between the figures of a page.
    """
    text = io.StringIO()
    with style():  # `savefig` would draw it twice, to the same text
        FigureCanvasSVG(figure).print_svg(text)
    start, svg = re.split(
        r"(?<=>)", text.getvalue()[text.getvalue().index("<svg") :], maxsplit=1
    )
    box = re.findall(r'viewBox="[^"]*"', start)[0]
    svg = re.sub(r"<!--.*?-->|<style.*?</style>|<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r' transform="rotate\(-0 [^"]*"', "", svg)
    svg = re.sub(r' (d|x|y|transform)="[^"]*"', _rounded, svg)
    svg = re.sub(r' style="([^"]*)"', _as_attributes, svg).replace(INK, "currentColor")
    svg = re.sub(r' id="(?:matplotlib\.)?(axes|axis|xtick|ytick)_\d+"', r' class="\1"', svg)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else "", svg)
    svg = re.sub(r'( id="|href="#|url\(#)', rf"\1{name}-", svg)
    title, _, description = str(figure.get_label()).partition("\n")
    page = (
        f'<svg id="{name}" xmlns="http://www.w3.org/2000/svg" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" {box} width="100%" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" stroke-linejoin="round" '
        f'font-family="{FONTS}">\n'
        f'<title id="{name}-title">{escape(title)}</title>\n'
        f'<desc id="{name}-desc">{escape(description)}</desc>{svg}'
    )
    return re.sub(r"\s*\n\s*", "\n", page)


def _as_attributes(style: re.Match[str]) -> str:
    """A style as attributes of its own, less the font, which is that of the whole figure."""
    pairs = (pair.split(":", 1) for pair in style[1].split(";"))
    found = {name.strip(): value.strip() for name, value in pairs}
    font = found.pop("font", "")
    found.pop("font-family", None)
    if size := re.match(r"[\d.]+px", font):  # as older versions of Matplotlib write it
        found["font-size"] = size[0]
    return "".join(f' {name}="{value}"' for name, value in found.items())


def _clean(text: str) -> str:
    """One line of printable text."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _legend_width(labels: Sequence[str], columns: int, size: int) -> float:
    """The approximate width of a legend, whose entries run down the columns."""
    longest = [max(map(len, part)) for part in np.array_split(labels, columns)]
    return sum(size * (0.58 * length + 4) for length in longest) - 1.4 * size


def _rounded(attribute: re.Match[str]) -> str:
    """An attribute with its coordinates rounded to a hundredth of a pixel."""
    return re.sub(
        r"-?\d+\.\d+", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), attribute[0]
    )
