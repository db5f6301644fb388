"""What all pages share: tables, pictures with their captions, templates."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from . import figure_style

LONG = 12  # rows from which a table is folded


class Table(NamedTuple):
    """A table as text. `best` holds the (row, column) of cells to emphasise.

    Attributes
    ----------
    cut
        How many rows more there were.
    """

    name: str
    head: list[str]
    rows: list[list[str]]
    best: frozenset[tuple[int, int]] = frozenset()
    cut: int = 0

    @property
    def folded(self) -> bool:
        """Whether it is long."""
        return len(self.rows) > LONG


class Picture(NamedTuple):
    """A figure at both widths, and what it is of if there are several."""

    wide: Markup
    narrow: Markup
    label: str


class Album:
    """Draws each figure at both widths, with ids of its own."""

    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self, label: str, draw: Callable[..., Figure], *arguments: Any) -> Picture:
        self.drawn += 1
        wide, narrow = (
            Markup(figure_style.to_svg(draw(*arguments, width=width), f"f{self.drawn}{letter}"))
            for letter, width in (("w", figure_style.WIDE), ("n", figure_style.NARROW))
        )
        return Picture(wide, narrow, label)


@cache
def _pages() -> Environment:
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
    """A page of the package, filled in."""
    return _pages().get_template(name).render(**values).encode(errors="replace")
