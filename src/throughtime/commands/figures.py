"""The command `throughtime figures`: the figures of a run for a paper, with their numbers."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Json, Run

if TYPE_CHECKING:
    from throughtime.reports.figure_files import FigureFiles


def figures(
    run: Run,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to, by default `figures` in the run.")
    ] = None,
    diagnosis: Annotated[
        bool, typer.Option("--diagnosis", help="Those of `diagnose` instead of the report's.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write each figure of a run's report as SVG, PDF and PNG, and its numbers as CSV.

    Example: `throughtime figures runs/sunspots --out paper`
    """
    from throughtime.reports.figure_files import FigureFiles, check_folder

    check_folder(out or run / "figures")
    files = FigureFiles()
    (_draw_diagnosis if diagnosis else _draw_report)(run, files)
    written = files.write(out or run / "figures")
    if as_json:
        typer.echo(json.dumps({"run": str(run), "files": [str(path) for path in written]}))
        return
    typer.echo("\n".join(str(path) for path in written))


def _draw_report(run: Path, files: "FigureFiles") -> None:
    """The figures of `report.html`."""
    from throughtime.dynamics import saved_surrogate
    from throughtime.reports.forecast_report import draw_forecast
    from throughtime.reports.surrogate_report import draw_surrogate
    from throughtime.runs import surrogate_record

    from . import forecast_run

    if not surrogate_record.is_surrogate(run):
        draw_forecast(files, *forecast_run.evaluated(run))
        return
    saved_surrogate.load(run)  # refuses one that is not trained to its end
    model, record = saved_surrogate.read(run)
    options = record.options
    draw_surrogate(files, model, model.evaluate(options.unseen, options.unseen_steps))


def _draw_diagnosis(run: Path, files: "FigureFiles") -> None:
    """The figures of `diagnosis.html`."""
    from throughtime.dynamics.diagnose import diagnose
    from throughtime.reports.diagnosis_report import draw_diagnosis

    from .diagnose import trained

    draw_diagnosis(files, diagnose(trained(run)), run)
