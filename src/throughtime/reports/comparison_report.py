"""The report of a comparison: one HTML file that needs no network, its verdict first."""

import dataclasses
from pathlib import Path

import numpy as np

from throughtime._support import atomic
from throughtime.runs.run_folder import versions
from throughtime.tasks.compare import Comparison, Entry

from . import forecast_figures
from .forecast_report import error_tables, settings_table
from .page import Album, Table, render

TOLD = (
    "cell", "hidden", "init", "method", "rate", "clip", "batch_size", "patience",
    "radius", "leak", "input_scale", "window", "washout", "ensemble", "seed",
)  # fmt: skip
"""The settings that are told."""


def write_comparison(path: Path, found: Comparison, *, title: str, command: str) -> None:
    """Write the report of a comparison.

    Parameters
    ----------
    path
        Of the file.
    title
        Of the page.
    command
        What repeats it.
    """
    album, backtest = Album(), found.backtest
    finite = {name: rmse for name, rmse in backtest.rmse.items() if np.isfinite(rmse).any()}
    drawn = dataclasses.replace(backtest, rmse=finite)
    ways = [entry.name for entry in found.entries if entry.name in finite]
    several = len(backtest.targets) > 1
    pictures = [
        album(name if several else "", forecast_figures.compared, drawn, ways, i)
        for i, name in enumerate(backtest.targets)
    ]
    head = ["Way", "mean RMSE", "seconds", "epochs", "trained weights", "training ended"]
    page = render(
        "comparison.html",
        title=title,
        command=command,
        versions=versions(),
        sentences=found.sentences(),
        pictures=pictures,
        errors=error_tables(backtest),
        cost=Table("", head, found.cost()),
        budget=_budget(found),
        settings=_settings(found),
        best="" if found.best is None else found.best.way,
        folder=str(path.parent),
    )
    atomic.write(path, page)


def _budget(found: Comparison) -> str:
    """What each way had, and what one of them did with it."""
    told = f"Each way had {found.budget:g} seconds to train."
    for entry in found.entries:
        if entry.tried > 1:
            told += f" The {entry.name} is fitted at once: it had them to try other settings,"
            told += " which the other ways do not."
    return told


def _settings(found: Comparison) -> Table:
    """A row for each setting, a column for each way; empty where it means nothing."""
    told = {entry.name: settings_table(entry.model) for entry in found.entries}

    def cell(name: str, entry: Entry) -> str:
        value = told[entry.name].get(name, "none")
        return "" if value == "none" else value

    rows = [[name, *(cell(name, entry) for entry in found.entries)] for name in TOLD]
    rows = [row for row in rows if any(row[1:])]
    return Table("", ["Setting", *told], rows)
