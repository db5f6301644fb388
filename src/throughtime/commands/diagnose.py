"""The command `throughtime diagnose`: what a run can learn, and what it does by itself."""

import json
from pathlib import Path
from typing import Annotated

import typer

from throughtime.errors import InputError

from .options import Json, command_line


def diagnose(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a forecast or a surrogate.")
    ],
    steps: Annotated[int, typer.Option(help="Steps that it is watched, left alone.")] = 4096,
    seed: Annotated[int, typer.Option(help="Of starts and directions.")] = 0,
    as_json: Json = False,
) -> None:
    """Explain a trained network: its gradients, behaviour, exponents, fixed points.

    Writes `diagnosis.html` into the folder of the run.

    Example: `throughtime diagnose runs/sunspots`
    """
    from throughtime.dynamics import saved_surrogate
    from throughtime.dynamics.diagnose import diagnose as look
    from throughtime.forecasting.forecaster import Forecaster
    from throughtime.reports.diagnosis_report import write_diagnosis
    from throughtime.runs import surrogate_record

    if seed < 0:
        raise InputError("`--seed` must be at least 0", seed, "Raise `--seed`.")
    surrogate = surrogate_record.is_surrogate(folder)
    model = saved_surrogate.load(folder)[0] if surrogate else Forecaster.load(folder)
    found = look(model, steps, seed)
    path = folder / "diagnosis.html"
    write_diagnosis(path, found, folder, command=command_line())
    if as_json:
        typer.echo(json.dumps({"run": str(folder), **found.to_json()}))
        return
    typer.echo("\n".join(found.sentences()))
    typer.echo(f"Report: {path}")
