"""The command `throughtime diagnose`: why a network learned or not, and its dynamics."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from throughtime.errors import InputError

from .options import Json, Run, Seed, command_line

if TYPE_CHECKING:
    from throughtime.dynamics.surrogate import Surrogate
    from throughtime.forecasting.forecaster import Forecaster


def diagnose(
    run: Run,
    steps: Annotated[int, typer.Option(help="Number of steps of the free run.")] = 4096,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Explain a trained network: its gradients, behaviour, exponents and fixed points.

    Writes `diagnosis.html` into the folder of the run.

    Example: `throughtime diagnose runs/sunspots`
    """
    from throughtime.dynamics.diagnose import diagnose as diagnose_model
    from throughtime.reports.diagnosis_report import write_diagnosis
    from throughtime.runs import measured_record

    if seed < 0:
        raise InputError("`--seed` must be at least 0", seed, "Raise `--seed`.")
    if measured_record.is_measured(run):
        from .measured_run import explain_run

        explain_run(run, as_json)
        return
    diagnosis = diagnose_model(trained(run), steps, seed)
    path = run / "diagnosis.html"
    write_diagnosis(path, diagnosis, run, command=command_line())
    if as_json:
        typer.echo(json.dumps({"run": str(run), **diagnosis.to_json()}))
        return
    typer.echo("\n".join(diagnosis.sentences()))
    typer.echo(f"Report: {path}")


def trained(run: Path) -> "Forecaster | Surrogate":
    """The model of a finished run, of either kind."""
    from throughtime.dynamics import saved_surrogate
    from throughtime.forecasting.forecaster import Forecaster
    from throughtime.runs import surrogate_record

    surrogate = surrogate_record.is_surrogate(run)
    return saved_surrogate.load(run)[0] if surrogate else Forecaster.load(run)
