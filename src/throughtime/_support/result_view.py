"""How a result shows itself: as a table of pandas or Polars, and in a notebook."""

import base64
import io
import math
import re
from html import escape
from typing import Any

import numpy as np

from throughtime.errors import InputError

SHOWN_ROWS = 5
"""Rows of a table in a notebook."""

WIDTH, HEIGHT, DPI = 6.4, 2.6, 90
"""The size of a picture in a notebook, in inches, and its dots per inch."""


def finite_or_none(value: Any) -> float | None:
    """A number as JSON can hold it: None for NaN and infinity."""
    return float(value) if math.isfinite(value) else None


class ResultView:
    """A result that has columns and a picture."""

    def columns(self) -> dict[str, Any]:
        """The columns of its table, by name."""
        raise NotImplementedError

    def plot(self, axes: Any = None) -> Any:
        """Draw it on Matplotlib's `axes`, by default the current ones; returns them."""
        raise NotImplementedError

    def to_polars(self) -> Any:
        """Its table as a `polars.DataFrame`."""
        import polars

        return polars.DataFrame(self.columns())

    def to_pandas(self) -> Any:
        """Its table as a `pandas.DataFrame`.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        import narwhals

        try:
            return narwhals.from_dict(self.columns(), backend="pandas").to_native()
        except ImportError:
            rule = "a table of pandas needs the package `pandas`"
            remedy = "Install it with `pip install pandas`, or call `to_polars`."
            raise InputError(rule, "an environment without it", remedy) from None

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{picture(self)}{html_table(self.columns())}"


def current_axes(axes: Any) -> Any:
    """The axes that were given; otherwise the current ones of pyplot.

    A figure that is made for them leaves room for their labels.
    """
    if axes is not None:
        return axes
    from matplotlib import pyplot

    if not pyplot.get_fignums():
        pyplot.figure(layout="constrained")
    return pyplot.gca()


def picture(result: ResultView) -> str:
    """The picture of a result as an HTML element that holds a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    result.plot(figure.add_subplot())
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(repr(result))}">'


def html_of_sentence(text: str) -> str:
    """A sentence as HTML, with what stands between backticks set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def html_table(columns: dict[str, Any], rows: int = SHOWN_ROWS) -> str:
    """The first rows of a table as HTML."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    length = len(next(iter(columns.values()), ()))
    lines = zip(*(column[:rows] for column in columns.values()), strict=True)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_cell(value))}</td>" for value in line) + "</tr>"
        for line in lines
    )
    left = length - rows
    more = f"<p>{left} more row{'s' * (left > 1)}</p>" if left > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any) -> str:
    """A value as text: numbers to five digits, stamps without zeros at their end."""
    if isinstance(value, float):
        return f"{value:.5g}"
    if not isinstance(value, np.datetime64):
        return str(value)
    text = str(value)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.removesuffix("T00:00:00").replace("T", " ")
