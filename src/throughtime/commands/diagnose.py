"""The command `throughtime diagnose`: why a network learned or not, and its dynamics."""

import json
from typing import Annotated

import typer

from throughtime.errors import InputError

from .options import Json, Run, Seed, command_line


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
    from throughtime.dynamics import saved_surrogate
    from throughtime.dynamics.diagnose import diagnose as diagnose_model
    from throughtime.forecasting.forecaster import Forecaster
    from throughtime.reports.diagnosis_report import write_diagnosis
    from throughtime.runs import measured_record, surrogate_record

    if seed < 0:
        raise InputError("`--seed` must be at least 0", seed, "Raise `--seed`.")
    if measured_record.is_measured(run):
        from .measured_run import explain_run

        explain_run(run, as_json)
        return
    surrogate = surrogate_record.is_surrogate(run)
    model = saved_surrogate.load(run)[0] if surrogate else Forecaster.load(run)
    diagnosis = diagnose_model(model, steps, seed)
    path = run / "diagnosis.html"
    write_diagnosis(path, diagnosis, run, command=command_line())
    if as_json:
        typer.echo(json.dumps({"run": str(run), **diagnosis.to_json()}))
        return
    typer.echo("\n".join(diagnosis.sentences()))
    typer.echo(f"Report: {path}")
