"""The report of a comparison: one HTML file that works offline, with its verdict first."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throughtime._support import atomic
from throughtime._support.versions import package_versions
from throughtime.forecasting.backtest import Backtest
from throughtime.tasks.comparison import Comparison, Entry
from throughtime.tasks.saved_comparison import SavedErrors

from . import error_figures
from .forecast_report import error_tables, settings_table
from .page import DrawFigure, PictureMaker, Table, render

SETTINGS = (
    "cell", "hidden", "init", "method", "rate", "clip", "batch_size", "patience",
    "radius", "leak", "input_scale", "window", "washout", "ensemble", "seed",
)  # fmt: skip
"""The settings in which the ways differ, in the order of the table."""


def write_comparison(path: Path, found: Comparison, *, title: str, command: str) -> None:
    """Write the report of a comparison.

    Parameters
    ----------
    path
        Path of the file.
    found
        The comparison.
    title
        Title of the page.
    command
        Command that repeats the comparison.
    """
    ways = [entry.name for entry in found.entries]
    head = ["Way", "mean RMSE", "seconds", "epochs", "trained weights", "training ended"]
    page = render(
        "comparison.html",
        title=title,
        command=command,
        versions=package_versions(),
        sentences=found.sentences(),
        pictures=draw_comparison(PictureMaker(), found.backtest, ways),
        errors=error_tables(found.backtest),
        cost=Table("", head, found.cost()),
        budget=_budget(found),
        settings=_settings(found),
        best="" if found.best is None else found.best.way,
        folder=str(path.parent),
    )
    atomic.write(path, page)


def draw_comparison(
    picture: DrawFigure, errors: Backtest | SavedErrors, ways: Sequence[str]
) -> list[Any]:
    """The figure of each target as `picture` makes it; a way that diverged is left out."""
    finite = {name: rmse for name, rmse in errors.rmse.items() if np.isfinite(rmse).any()}
    drawn = dataclasses.replace(errors, rmse=finite)
    kept, several = [name for name in ways if name in finite], len(errors.targets) > 1
    return [
        picture(name if several else "", error_figures.compare_methods, drawn, kept, i)
        for i, name in enumerate(errors.targets)
    ]


def _budget(found: Comparison) -> str:
    """How long each way was trained, in a sentence or two."""
    text = f"Each way had {found.budget:g} seconds to train."
    for entry in found.entries:
        if entry.trials > 1:
            text += (
                f" The {entry.name} is fitted in a single step, so it used the time to try"
                " other settings; the other ways keep theirs."
            )
    return text


def _settings(found: Comparison) -> Table:
    """A row for each setting and a column for each way; a cell is empty without an effect."""
    settings = {entry.name: settings_table(entry.model) for entry in found.entries}

    def cell(name: str, entry: Entry) -> str:
        value = settings[entry.name].get(name, "none")
        return "" if value == "none" else value

    rows = [[name, *(cell(name, entry) for entry in found.entries)] for name in SETTINGS]
    rows = [row for row in rows if any(row[1:])]
    return Table("", ["Setting", *settings], rows)
