"""The command `throughtime predict`: a forecast, or a solution, from a trained run."""

import json
import sys
from collections.abc import Mapping
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
    start: Annotated[
        list[str] | None,
        typer.Option(help="Where a surrogate of equations starts, such as `x=1,v=0`."),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Value of one of its parameters, such as `damping=0.2`; may be repeated.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Forecast with a trained run, or solve its equations; prints CSV.

    Example: `throughtime predict runs/sunspots --steps 20`

    Equations: `throughtime predict runs/surrogate-oscillator --start x=1,v=0 --steps 500`
    """
    from throughtime.runs.measured_record import is_measured
    from throughtime.runs.surrogate_record import is_surrogate

    _check_out(out, run, data, future)
    exact = out is not None or not sys.stdout.isatty()
    forecasting = {"paths": paths, "json": as_json or None}
    of_equations = {"start": start, "set": values}
    if is_surrogate(run):
        from .solved_run import solve_run

        _refuse(forecasting, "a forecasting run", "a surrogate of equations")
        of_data = {"data": data, "future": future, "fill": fill}
        _refuse(of_data, "what goes on from data", "a surrogate of equations")
        _write(solve_run(run, steps, start, values, exact=exact), out)
        return
    if is_measured(run):
        from .continued_run import continue_run

        _refuse(forecasting, "a forecasting run", "a model of trajectories")
        _refuse(of_equations, "a surrogate of equations", "a model of trajectories")
        _write(continue_run(run, steps, data, fill, future, exact=exact), out)
        return
    _refuse(of_equations, "a surrogate of equations", "another run")
    from throughtime.forecasting.forecaster import Forecaster

    from .forecast_csv import paths_csv, predictions_csv
    from .forecast_run import check_reach

    model = Forecaster.load(run)
    check_reach(model, steps)
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


def _check_out(out: Path | None, run: Path, *tables: Path | None) -> None:
    """Refuse to write over a table that is read, or a file that the run consists of."""
    if out is None:
        return
    read = [table for table in tables if table is not None]
    if out.exists() and out.resolve().parent == run.resolve():
        from throughtime.runs.run_folder import FILES, FIRST_FILES, MODELS

        read += [run / name for name in (*FILES, *FIRST_FILES, MODELS)]
    if out.resolve() in [path.resolve() for path in read]:
        rule = "the output file must not be one that is read"
        raise InputError(rule, f"`{out}`", "Pass another `--out`.")


def _refuse(options: Mapping[str, object], purpose: str, got: str) -> None:
    """Refuse options that another kind of run has."""
    for option, given in options.items():
        if given is not None:
            raise InputError(f"`--{option}` is for {purpose}", got, "Leave it out.")


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
