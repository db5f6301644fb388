"""The command `throughtime predict`: a forecast from a trained run."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from throughtime.errors import InputError

from .options import Fill, Future, Json, Run, tell


def predict(
    run: Run,
    steps: Annotated[int, typer.Option(help="Number of steps to forecast.")] = 10,
    data: Annotated[
        Path | None, typer.Option(help="Newer data of the series, to forecast from their end.")
    ] = None,
    fill: Fill = None,
    future: Future = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write to, instead of the screen.")
    ] = None,
    paths: Annotated[
        int | None,
        typer.Option(help="Print so many sample paths instead of mean and bounds."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Forecast with a trained run; prints CSV.

    Example: `throughtime predict runs/sunspots --steps 20`
    """
    from throughtime.runs.measured_record import is_measured

    _check_out(out, data, future)
    if is_measured(run):
        from .continued_run import continue_run

        _check_plain(paths, as_json)
        exact = out is not None or not sys.stdout.isatty()
        _write(continue_run(run, steps, data, fill, future, exact=exact), out)
        return
    from throughtime.forecasting.forecaster import Forecaster

    from .forecast_csv import paths_csv, predictions_csv

    model = Forecaster.load(run)
    forecasts = model.predict(steps, data, inputs=future, fill=fill)
    forecasts = forecasts if isinstance(forecasts, list) else [forecasts]
    tell(remark for one in forecasts for remark in one.remarks)
    for one in forecasts:
        if one.drift is not None and one.drift.found:
            print(one.drift.sentence(one.name), file=sys.stderr)
    text = predictions_csv(forecasts) if paths is None else paths_csv(forecasts, paths)
    if as_json:
        text = json.dumps([one.to_json() for one in forecasts]) + "\n"
    _write(text, out)


def _check_out(out: Path | None, *read: Path | None) -> None:
    """Refuse to write over a table that is read."""
    for table in read:
        if out is not None and table is not None and out.resolve() == table.resolve():
            rule = "the output file must not be one that is read"
            raise InputError(rule, f"`{out}`", "Pass another `--out`.")


def _check_plain(paths: int | None, as_json: bool) -> None:
    """Refuse what only a forecasting run has."""
    for option, given in (("paths", paths), ("json", as_json or None)):
        if given is not None:
            rule = f"`--{option}` is for a forecasting run"
            raise InputError(rule, "a model of trajectories", "Leave it out.")


def _write(text: str, out: Path | None) -> None:
    """Print, or write to a file."""
    from throughtime._support import atomic

    if out is None:
        sys.stdout.write(text)
        return
    try:
        atomic.write(out, text)
    except OSError as error:
        rule = "the output file must be writable"
        raise InputError(rule, f"`{out}` ({error.strerror})", "Pass another `--out`.") from None
