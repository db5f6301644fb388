"""What all pages share: tables, figures at two widths, and HTML templates.

A page is one file that fetches nothing. Its policy names the digest of its one style and of its
one script, so that a browser runs and applies nothing else, whatever the data are called.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from throughtime._support.result_view import html_of_sentence

from . import figure_data, figure_style

SCRIPTS = ("scale", "ticks", "panel", "csv", "figure", "pointer", "tables", "start")
"""The files of the pages' script, in order."""

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
    """A figure as SVG at both widths, a label where a page has several, its data as JSON."""

    wide: Markup
    narrow: Markup
    label: str
    data: Markup


DrawFigure = Callable[..., Any]
"""What is called as a `PictureMaker` and draws each figure of a report, for it or as files."""


class PictureMaker:
    """Draws the figures of a page at both widths, each with ids of its own."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, label: str, draw: Callable[..., Figure], *arguments: Any) -> Picture:
        """Draw a figure with `draw(*arguments, width=...)` at both widths."""
        self.count += 1
        wide = draw(*arguments, width=figure_style.WIDE)
        narrow = draw(*arguments, width=figure_style.NARROW)
        return Picture(
            self._svg(wide, "w"),
            self._svg(narrow, "n"),
            label,
            _as_data(figure_data.to_json(wide)),
        )

    def _svg(self, figure: Figure, letter: str) -> Markup:
        return Markup(figure_style.to_svg(figure, f"f{self.count}{letter}"))


def _as_data(panels: list) -> Markup:
    """The panels as JSON inside a page; empty if there are none.

    A name cannot end the element that holds them.
    """
    text = json.dumps(panels, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", r"\u003c") if panels else "")


def _read(name: str) -> str:
    return (files("throughtime.reports") / "templates" / name).read_text(encoding="utf-8")


@cache
def style_and_script() -> tuple[Markup, Markup, str]:
    """The style and the script of a page, and the policy that allows these two alone."""
    style = _read("style.css")
    script = whole_script(_read(f"script/{name}.js") for name in SCRIPTS)
    return Markup(style), Markup(script), policy_for(style, script)


def whole_script(parts: Iterable[str]) -> str:
    """Files of JavaScript as one script, which leaves no names behind."""
    text = "\n".join(parts)
    return f'(() => {{\n"use strict";\n{text}}})();\n'


def policy_for(style: str, script: str) -> str:
    """The content security policy of a page with this style and this script and no other."""
    allowed = {"style-src": style, "script-src": script}
    rules = [f"{name} '{_digest(text)}'" for name, text in allowed.items()]
    return "; ".join(["default-src 'none'", *rules, "img-src data:", "base-uri 'none'"])


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["sentence"] = lambda text: Markup(html_of_sentence(text))
    return templates


def render(name: str, **values: Any) -> bytes:
    """Fill in the template of this name."""
    style, script, policy = style_and_script()
    shared = {"style": style, "script": script, "policy": policy}
    return _templates().get_template(name).render(**shared, **values).encode(errors="replace")
