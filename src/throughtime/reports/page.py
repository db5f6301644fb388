"""What all pages share: tables, figures at two widths, and HTML templates."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from . import figure_style

LONG_TABLE = 12
"""Rows above which a table is folded away until the reader opens it."""


class Table(NamedTuple):
    """A table as text.

    Attributes
    ----------
    name
        What the table is of, where a page has several.
    head
        Head of each column.
    rows
        The cells, row by row.
    best
        The (row, column) of each cell to emphasise.
    omitted
        Number of further rows that are not shown.
    """

    name: str
    head: list[str]
    rows: list[list[str]]
    best: frozenset[tuple[int, int]] = frozenset()
    omitted: int = 0

    @property
    def is_long(self) -> bool:
        """Whether the table is long enough to be folded."""
        return len(self.rows) > LONG_TABLE


class Picture(NamedTuple):
    """A figure as SVG at both widths, and a label where a page has several."""

    wide: Markup
    narrow: Markup
    label: str


class PictureMaker:
    """Draws the figures of a page at both widths, each with ids of its own."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, label: str, draw: Callable[..., Figure], *arguments: Any) -> Picture:
        """Draw a figure with `draw(*arguments, width=...)` at both widths."""
        self.count += 1
        wide, narrow = (
            Markup(figure_style.to_svg(draw(*arguments, width=width), f"f{self.count}{letter}"))
            for letter, width in (("w", figure_style.WIDE), ("n", figure_style.NARROW))
        )
        return Picture(wide, narrow, label)


@cache
def _templates() -> Environment:
    def read(name: str) -> str:
        return (files("throughtime.reports") / "templates" / name).read_text(encoding="utf-8")

    return Environment(
        loader=FunctionLoader(read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(name: str, **values: Any) -> bytes:
    """Fill in the template of this name."""
    return _templates().get_template(name).render(**values).encode(errors="replace")
