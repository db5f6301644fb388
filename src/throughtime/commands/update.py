"""The command `throughtime update`: a run that learns from new rows of its series."""

from pathlib import Path
from typing import Annotated

import typer

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
