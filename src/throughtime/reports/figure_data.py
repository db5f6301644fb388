"""What a figure shows as numbers: read from its axes, for a page's script and for CSV.

Every line, band, cloud of points and heat map that is drawn in the units of the data counts. A
label that begins with `_` names a curve that the legend leaves out; what has no label at all,
such as the dots on a line, is no curve of its own.
"""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.dates import AutoDateLocator
from matplotlib.figure import Figure

MAX_POINTS = 1000
"""Points of a curve that a page keeps, at most."""

DAY, MINUTE, SECOND, MILLISECOND = "D", "m", "s", "ms"
"""Resolutions of stamps, as NumPy names them."""


class Curve(NamedTuple):
    """A curve, a band if it has a `top`, or a heat map whose values are `top`."""

    name: str
    x: np.ndarray
    y: np.ndarray
    top: np.ndarray | None = None


class Axis(NamedTuple):
    """An axis: its label, its limits, whether it is logarithmic, the resolution of its stamps.

    The numbers of stamps are days since 1970; `time` is None where there are none.
    """

    label: str
    limits: tuple[float, float]
    log: bool
    time: str | None = None


class Panel(NamedTuple):
    """What one pair of axes shows: `heat` names the values of a heat map."""

    x: Axis
    y: Axis
    curves: list[Curve]
    heat: str = ""
    index: int = 0

    @property
    def ordered(self) -> bool:
        """Whether x never decreases along a curve, so that a row of a table fits each x."""
        return not self.heat and all((np.diff(curve.x) >= 0).all() for curve in self.curves)


def panels(figure: Figure) -> list[Panel]:
    """The data of each pair of axes of a figure, without those that show none."""
    bars = [axes.get_ylabel() for axes in figure.axes if axes.get_label() == "<colorbar>"]
    drawn = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    found = [_panel(axes, bars)._replace(index=i) for i, axes in enumerate(drawn)]
    return [panel for panel in found if panel.curves]


def to_json(figure: Figure) -> list[dict[str, Any]]:
    """The panels of a figure for the script of a page, to six digits; heat maps are left out.

    Curves that have the same x share it. Of a long curve every k-th point is kept.
    """
    return [_panel_json(panel) for panel in panels(figure) if not panel.heat]


def to_csv(panel: Panel) -> str:
    """The data of a panel as CSV, in full precision.

    A column for each curve if x is ordered, with one row for each x; otherwise a row for each
    point, with the name of its curve.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows(_wide(panel) if panel.ordered else _long(panel))
    return text.getvalue()


def _panel(axes: Axes, bars: list[str]) -> Panel:
    curves = list(_curves(axes))
    meshes = [one for one in axes.collections if isinstance(one, QuadMesh)]
    time = isinstance(axes.xaxis.get_major_locator(), AutoDateLocator)
    unit = _resolution(np.concatenate([c.x for c in curves])) if time and curves else None
    beside = [other.get_ylabel() for other in axes.get_shared_y_axes().get_siblings(axes)]
    label = axes.get_ylabel() or next(filter(None, beside), "y")
    return Panel(
        Axis(axes.get_xlabel() or "x", axes.get_xlim(), axes.get_xscale() == "log", unit),
        Axis(label, axes.get_ylim(), axes.get_yscale() == "log"),
        curves,
        bars[0] if meshes and bars else "",
    )


def _curves(axes: Axes) -> Iterator[Curve]:
    """All that is drawn in the units of the data and has a name."""
    for line in axes.get_lines():
        if _named(line) and line.get_transform() == axes.transData:
            x, y = (np.asarray(v, float) for v in line.get_data(orig=False))
            yield Curve(_name(line), x, y)
    for patch in axes.patches:
        if _named(patch) and patch.get_capstyle() == "round":  # points, as lines of no length
            vertices = np.asarray(patch.get_path().vertices)[::2]
            yield Curve(_name(patch), *vertices.T)
    for one in axes.collections:
        if isinstance(one, QuadMesh):
            edges, values = np.asarray(one.get_coordinates()), np.asarray(one.get_array())
            x, y = np.meshgrid(_centres(edges[0, :, 0]), _centres(edges[:, 0, 1]))
            yield Curve(_name(one), x.ravel(), y.ravel(), values.ravel())
        elif isinstance(one, PolyCollection) and _named(one):
            vertices = np.asarray(one.get_paths()[0].vertices)
            n = (len(vertices) - 3) // 2  # start, one bound, the end, the other bound backwards
            one_bound, other = vertices[1 : n + 1], vertices[n + 2 : 2 * n + 2][::-1]
            bounds = np.sort([one_bound[:, 1], other[:, 1]], axis=0)
            yield Curve(_name(one), one_bound[:, 0], *bounds)


def _named(artist: Any) -> bool:
    return not re.fullmatch(r"_child\d+|", artist.get_label())


def _name(artist: Any) -> str:
    """Its label, without the number of rows that a legend adds."""
    return re.sub(r", [\d,]+ rows$", "", artist.get_label().removeprefix("_"))


def _centres(edges: np.ndarray) -> np.ndarray:
    """The points between which edges stand half way; the first is in the middle of its own."""
    centres = [(edges[0] + edges[1]) / 2]
    for edge in edges[1:-1]:
        centres.append(2 * edge - centres[-1])
    return np.array(centres)


def _resolution(days: np.ndarray) -> str:
    """The coarsest unit that tells these stamps to a millisecond."""
    ms = np.round(days * 86_400_000)
    for unit, size in ((DAY, 86_400_000), (MINUTE, 60_000), (SECOND, 1000)):
        if not (ms % size).any():
            return unit
    return MILLISECOND


def _labels(x: np.ndarray, axis: Axis) -> list[str]:
    """The x of a table: numbers, or stamps."""
    if axis.time is None:
        return [_number(value) for value in x]
    stamps, unit = np.round(x * 86_400_000).astype("datetime64[ms]"), cast(Any, axis.time)
    return [text.replace("T", " ") for text in np.datetime_as_string(stamps, unit=unit)]


def _number(value: float) -> str:
    return "" if not np.isfinite(value) else repr(float(value)).removesuffix(".0")


def _wide(panel: Panel) -> list[list[str]]:
    x = np.unique(np.concatenate([curve.x for curve in panel.curves]))
    columns = []
    for curve in panel.curves:
        sides = (("", curve.y),)
        if curve.top is not None:
            sides = ((" lower", curve.y), (" upper", curve.top))
        at = np.searchsorted(x, curve.x)
        for side, values in sides:
            cells = [""] * len(x)
            for row, value in zip(at, values, strict=True):
                cells[row] = _number(value)
            columns.append([curve.name + side, *cells])
    first = [panel.x.label, *_labels(x, panel.x)]
    return [list(row) for row in zip(first, *columns, strict=True)]


def _long(panel: Panel) -> list[list[str]]:
    head = [panel.x.label, panel.y.label]
    if panel.heat:
        (heat,) = panel.curves
        assert heat.top is not None
        cells = (map(_number, column) for column in (heat.x, heat.y, heat.top))
        return [[*head, panel.heat], *map(list, zip(*cells, strict=True))]
    rows = [
        [curve.name, x, _number(y)]
        for curve in panel.curves
        for x, y in zip(_labels(curve.x, panel.x), curve.y, strict=True)
    ]
    return [["curve", *head], *rows]


def _panel_json(panel: Panel) -> dict[str, Any]:
    shared: list[list] = []
    curves = []
    every = max(-(-len(curve.x) // MAX_POINTS) for curve in panel.curves)
    for curve in panel.curves:
        x = _short(curve.x[::every], 13 if panel.x.time else 6)
        if x not in shared:
            shared.append(x)
        entry = {"name": curve.name, "x": shared.index(x), "y": _short(curve.y[::every])}
        if curve.top is not None:
            entry["top"] = _short(curve.top[::every])
        curves.append(entry)
    axes = {
        name: {"label": a.label, "limits": list(a.limits), "log": a.log, "time": a.time}
        for name, a in (("x", panel.x), ("y", panel.y))
    }
    return {
        "index": panel.index,
        **axes,
        "ordered": panel.ordered,
        "every": every,
        "xs": shared,
        "curves": curves,
    }


def _short(values: np.ndarray, digits: int = 6) -> list[float | int | None]:
    """Numbers as JSON has them: with this many digits, whole ones without a point."""
    rounded = (float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in values)
    return [int(v) if v is not None and v.is_integer() else v for v in rounded]
