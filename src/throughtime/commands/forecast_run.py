"""A forecast's run, from data to results: begun, trained to its end, written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from throughtime._support import atomic
from throughtime._support.integrity import damaged
from throughtime.data.series import Series
from throughtime.data.tables import future_inputs
from throughtime.errors import InputError, at_least_one
from throughtime.forecasting.forecaster import Forecaster
from throughtime.runs import forecast_record, run_folder
from throughtime.training.train import Row

from .checkpointed_run import train_kept
from .summary import Summary, predictions_csv


def begin(
    model: Forecaster,
    series: list[Series],
    folder: Path,
    *,
    steps: int,
    future: Any = None,
    flow_every: int | None = None,
    overwrite: bool = False,
    command: str = "",
) -> None:
    """Check all that can be checked before training, then make the run's folder.

    Raises
    ------
    InputError
        Nothing is written then.
    """
    model.prepare(series)
    model.parts_.check_steps(steps)
    known = [future_inputs(future, one, steps) for one in series]
    ahead = [values.tolist() for values in known if values.size]
    model.first_state()
    options = {"steps": steps, "inputs": ahead}
    if flow_every is not None:
        _check_flow(model, flow_every)
        options["flow_every"] = flow_every
    run_folder.claim(folder, overwrite)
    forecast_record.write(folder, model.record(options=options, command=command))


def complete(folder: Path, show: Callable[[list[Row]], None], report: bool = True) -> Summary:
    """Train a run to its end, from its last checkpoint if there is one, and write its results.

    Raises
    ------
    Interrupted
        At SIGINT or SIGTERM.
    Diverged, InputError
        For a bad run.
    """
    record = forecast_record.read(folder)
    if record.options.get("steps") is None:
        rule = "a run to resume must be one that `throughtime forecast` began"
        raise InputError(rule, f"`{folder}`, saved from Python", "Use `throughtime predict`.")
    model = Forecaster.from_record(record, folder)
    model.parts_.check_steps(record.options["steps"])
    ahead = _ahead(record, folder)
    if record.params is None:
        train_kept(model, folder, show, record.options.get("flow_every"))
        forecast_record.write(
            folder, model.record(options=record.options, command=record.command)
        )
    return _results(model, folder, record, ahead, report)


def _check_flow(model: Forecaster, every: int) -> None:
    """Refuse a record of the gradient flow of what has no epochs, or none of them."""
    at_least_one("flow_every", every)
    if model.window < 2:
        rule = "a gradient flows back through two steps or more"
        raise InputError(rule, f"`window` {model.window}", "Raise `--window`.")
    if model.cell == "esn":
        rule = "only what is trained by gradients has a gradient flow to record"
        raise InputError(rule, "an `esn`", "Leave out `--flow-every`.")


def _ahead(record: forecast_record.Record, folder: Path) -> list[np.ndarray]:
    """The inputs of the steps ahead, an array (step, input) for each series with inputs."""
    steps, inputs = record.options["steps"], record.options.get("inputs", [])
    shapes = [(steps, len(one.input_names)) for one in record.series if one.input_names]
    try:
        ahead = [np.array(one, np.float64) for one in inputs]
    except ValueError:  # rows of different lengths
        ahead = None
    if ahead is None or [one.shape for one in ahead] != shapes:
        raise damaged(folder / "run.json", "its inputs are not those of its series and steps")
    return ahead


def _results(
    model: Forecaster,
    folder: Path,
    record: forecast_record.Record,
    ahead: list[np.ndarray],
    report: bool,
) -> Summary:
    steps = record.options["steps"]
    predictor = model.predictor(steps)
    held_out = model.test > 0
    backtest = model.backtest(steps=steps) if held_out else None
    if ahead:
        pairs = zip(record.series, ahead, strict=True)
        forecasts = [predictor.forecast([one], steps, known)[0] for one, known in pairs]
    else:
        forecasts = predictor.forecast(None, steps)
    atomic.write(folder / "forecast.csv", predictions_csv(forecasts))
    if report:
        from throughtime.reports.forecast_report import (
            write_report,  # here: Matplotlib and Jinja2 take a while to load
        )

        write_report(
            folder / "report.html",
            model,
            backtest,
            forecasts,
            title=f"Forecast of {forecasts[0].name}",
            command=record.command,
            versions=record.versions,
        )
    return Summary(folder, model, backtest, forecasts)
