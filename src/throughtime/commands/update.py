"""The command `throughtime update`: a run that learns from new rows of its series."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Fill, Quiet, Run


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
    quiet: Quiet = False,
) -> None:
    """Train a run a little further, on data that have grown; then `predict`.

    Example: `throughtime update runs/sales sales.csv`
    """
    from throughtime.forecasting.forecaster import Forecaster

    model = Forecaster.load(run)
    before = sum(map(len, model.data_.series))
    model.update(data, epochs=epochs, fill=fill)
    model.save(out or run, overwrite=True)
    if not quiet:
        grown = sum(map(len, model.data_.series)) - before
        typer.echo(f"Updated with {grown:,} new rows: {out or run}")
