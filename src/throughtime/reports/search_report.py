"""The report of a search: one HTML file that works offline, with its verdict first."""

import math
from pathlib import Path
from typing import Any

from throughtime._support import atomic
from throughtime._support.versions import package_versions
from throughtime.tuning.judging import mean_error
from throughtime.tuning.result import SearchResult
from throughtime.tuning.trial import Trial

from . import search_figures
from .page import DrawFigure, PictureMaker, Table, render

NAMES = {"winner": "the winner", "start": "the settings begun with"}


def write_search(
    path: Path, found: SearchResult, *, title: str, command: str, use: str, run: str
) -> None:
    """Write the report of a search.

    Parameters
    ----------
    path
        Path of the file.
    found
        What the search has found.
    title
        Title of the page.
    command
        Command that goes on with the search, or repeats it.
    use
        Command that forecasts with the winner's settings.
    run
        Folder of the winner's run.
    """
    page = render(
        "search.html",
        title=title,
        command=command,
        use=use,
        run=run,
        versions=package_versions(),
        sentences=found.sentences(),
        judged=_judged(found),
        winner=_winner(found),
        **draw_search(PictureMaker(), found.trials, found.importance),
        trials=_trials(found),
    )
    atomic.write(path, page)


def draw_search(
    picture: DrawFigure, trials: list[Trial], importance: dict[str, float]
) -> dict[str, list[Any]]:
    """Every figure of the report as `picture` makes it, by section."""
    bars = [picture("", search_figures.importance, importance)] if importance else []
    return {
        "history": [picture("", search_figures.errors_of_trials, trials)],
        "importance": bars,
    }


def _judged(found: SearchResult) -> Table:
    """The errors on the test part by method, of the winner and of the start."""
    kinds = [name for name in NAMES if any(one.settings == name for one in found.judged)]
    seeds = sum(one.settings == "winner" for one in found.judged)
    over = f", mean of {seeds} seeds" if seeds > 1 else ""
    rows = [
        [method, *(f"{mean_error(found.judged, kind, method):.3f}" for kind in kinds)]
        for method in found.judged[0].errors
    ]
    return Table("", ["Method", *(f"{NAMES[kind]}{over}" for kind in kinds)], rows)


def _winner(found: SearchResult) -> Table:
    """The settings of the winner beside those begun with; a cell is empty without an effect."""
    names = dict.fromkeys([*found.start, *found.best.settings])
    rows = [[n, _text(found.best.settings.get(n)), _text(found.start.get(n))] for n in names]
    return Table("", ["Setting", "winner", "begun with"], rows)


def _trials(found: SearchResult) -> Table:
    """A row for each trial."""
    columns = found.columns()
    columns["state"] = [
        f"{trial.state}: {trial.why}" if trial.why else trial.state for trial in found.trials
    ]
    rows = [[_text(value) for value in row] for row in zip(*columns.values(), strict=True)]
    return Table("", list(columns), rows)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
