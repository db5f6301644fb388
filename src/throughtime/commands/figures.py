"""The command `throughtime figures`: the figures of a run for a paper, with their numbers."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from throughtime.errors import InputError

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
    """Write each figure of a report as SVG, PDF and PNG, and its numbers as CSV.

    RUN may also be the folder of a comparison or of a search.

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
    from throughtime.reports.forecast_report import draw_forecast
    from throughtime.runs.measured_record import is_measured
    from throughtime.runs.surrogate_record import is_surrogate
    from throughtime.tasks.saved_comparison import is_comparison
    from throughtime.tuning.journal import is_search

    from . import forecast_run

    others = {
        is_surrogate: _draw_surrogate,
        is_measured: _draw_measured,
        is_comparison: _draw_comparison,
        is_search: _draw_search,
    }
    for is_one, draw in others.items():
        if is_one(run):
            draw(run, files)
            return
    if (run / "scan.html").is_file() and not (run / "run.json").is_file():
        rule = "a scan has its figure in its folder, with its numbers in `points.csv`"
        raise InputError(rule, f"`{run}`, a scan", f"See `{run / 'scan.pdf'}`, or `scan.svg`.")
    draw_forecast(files, *forecast_run.evaluated(run))


def _draw_surrogate(run: Path, files: "FigureFiles") -> None:
    from throughtime.dynamics import saved_surrogate
    from throughtime.reports.surrogate_report import draw_surrogate

    saved_surrogate.load(run)  # refuses one that is not trained to its end
    model, record = saved_surrogate.read(run)
    options = record.options
    draw_surrogate(files, model, model.evaluate(options.unseen, options.unseen_steps))


def _draw_measured(run: Path, files: "FigureFiles") -> None:
    from throughtime.dynamics.saved_measured import read_measured
    from throughtime.reports.measured_report import draw_measured

    model, _, _ = read_measured(run)
    draw_measured(files, model, model.invariants())


def _draw_comparison(folder: Path, files: "FigureFiles") -> None:
    from throughtime.reports.comparison_report import draw_comparison
    from throughtime.tasks.saved_comparison import read_errors

    draw_comparison(files, *read_errors(folder))


def _draw_search(folder: Path, files: "FigureFiles") -> None:
    from throughtime.reports.search_report import draw_search
    from throughtime.tuning.journal import read_ended

    draw_search(files, *read_ended(folder))


def _draw_diagnosis(run: Path, files: "FigureFiles") -> None:
    """The figures of `diagnosis.html`."""
    from throughtime.dynamics.diagnose import diagnose
    from throughtime.reports.diagnosis_report import draw_diagnosis
    from throughtime.runs.measured_record import is_measured

    from .diagnose import trained

    if is_measured(run):
        rule = "a model of measured trajectories has the figures of its report alone"
        raise InputError(rule, f"`{run}`", "Leave out `--diagnosis`.")
    draw_diagnosis(files, diagnose(trained(run)), run)
