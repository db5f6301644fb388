"""The command `throughtime resume`: an interrupted training carried on to the same bits."""

import json
from pathlib import Path

import typer

from .exit_status import resumable
from .options import Json, Quiet, Run
from .surrogate import complete as complete_surrogate


def resume(run: Run, as_json: Json = False, quiet: Quiet = False) -> None:
    """Go on with a training that was interrupted, to the same bits.

    Example: `throughtime resume runs/sunspots`
    """
    complete(run, as_json, quiet)


def complete(folder: Path, as_json: bool, quiet: bool) -> None:
    """Train a run to its end and print what came of it."""
    from throughtime.runs import forecast_record, surrogate_record

    from . import forecast_run
    from .progress import show_progress

    with resumable(folder):
        if surrogate_record.is_surrogate(folder):
            complete_surrogate(folder, as_json, quiet)
            return
        epochs = forecast_record.read(folder).settings["epochs"]
        with show_progress(epochs, quiet) as display:
            summary = forecast_run.complete(folder, display.show)
    if as_json:
        typer.echo(json.dumps(summary.to_json()))
    else:
        typer.echo(summary.text())
