"""The commands `throughtime runs` and `throughtime open`: runs in a folder, and their pages."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from throughtime.errors import InputError

from .options import Json, Run


def runs(
    folder: Annotated[Path, typer.Argument(help="A folder of runs.")] = Path("runs"),
    as_json: Json = False,
) -> None:
    """List the runs in a folder, the latest at the end.

    Example: `throughtime runs`
    """
    from rich.cells import cell_len

    from throughtime.runs.run_list import list_runs

    entries = list_runs(folder)
    if as_json:
        typer.echo(json.dumps([entry.to_json() for entry in entries]))
        return
    rows = [(e.folder, e.kind, e.about, e.changed, e.state) for e in entries]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (c + " " * (w - cell_len(c)) for c, w in zip(row, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def open_report(run: Run) -> None:
    """Open the report of a run in the browser; prints its path.

    Example: `throughtime open runs/sunspots`
    """
    import webbrowser

    from throughtime.runs.run_list import report_of

    report = report_of(run)
    if report is None:
        rule = "a run that is opened must have a report"
        remedy = "Pass the folder of another run; `throughtime runs` lists them."
        if (run / "checkpoint").is_dir():
            remedy = f"Finish it with `throughtime resume {shlex.quote(str(run))}`."
        raise InputError(rule, f"`{run}`, without `report.html`", remedy)
    typer.echo(report)
    if not webbrowser.open(report.resolve().as_uri()):
        print("No browser was found: open the file by hand.", file=sys.stderr)
