"""The command `throughtime update`: a run that learns from new rows of its series."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from throughtime.errors import InputError

from .options import Fill, Overwrite, Quiet, Run


def update(
    run: Run,
    data: Annotated[
        Path, typer.Argument(help="The series with their rows of before and the new ones.")
    ],
    epochs: Annotated[int, typer.Option(help="Most passes over the training part.")] = 10,
    fill: Fill = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the updated run, instead of the run's own.")
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Train a run a little further, on data that have grown; then `predict`.

    Example: `throughtime update runs/sales sales.csv`
    """
    from throughtime.forecasting.forecaster import Forecaster
    from throughtime.forecasting.updating import Growth, fit_for, kept_steps
    from throughtime.runs import run_folder
    from throughtime.runs.run_lock import writing

    _check_updatable(run, data)
    folder = run if out is None else out
    in_place = folder.resolve() == run.resolve()
    run_folder.check_free(folder, overwrite or in_place)
    with writing(folder):
        model = Forecaster.load(run)
        before, kept = model.data_, kept_steps(model)
        model.update(data, epochs=epochs, fill=fill)
        for steps in kept:
            fit_for(model, steps)
        model.save(folder, overwrite=True)
    if not quiet:
        typer.echo(Growth.between(before, model.data_).sentence(folder))


def _check_updatable(run: Path, data: Path) -> None:
    """Refuse what is no forecasting run, with what to do instead.

    Raises
    ------
    InputError
        If it is none.
    """
    from throughtime.runs import measured_record, run_folder, surrogate_record

    rule = "an update is of a forecasting run"
    if measured_record.is_measured(run):
        remedy = f"Learn the longer table anew: `{_learning(run, data)}`."
        raise InputError(rule, f"`{run}`, a model of trajectories", remedy)
    if surrogate_record.is_surrogate(run):
        remedy = "Learn its equations anew, with other settings: `throughtime surrogate`."
        raise InputError(rule, f"`{run}`, a surrogate of equations", remedy)
    run_folder.check_kind(run, "run.json")


def _learning(run: Path, data: Path) -> str:
    """The command that learns a table as a model of trajectories was learned."""
    from throughtime.runs.measured_record import read_record

    record = read_record(run)
    words = ["throughtime", "surrogate", str(data), "--target", ",".join(record.variables)]
    words += ["--inputs", ",".join(record.inputs)] if record.inputs else []
    for name, column in record.columns.items():
        words += [f"--{name}", column]
    return shlex.join([*words, "--dt", f"{record.dt:.10g}"])
