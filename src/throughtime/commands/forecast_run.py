"""A forecasting run, from its data to its results."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from throughtime._support import atomic
from throughtime._support.integrity import damaged_file
from throughtime.data.future_inputs import KnownInputs, future_inputs
from throughtime.data.series import Series
from throughtime.errors import InputError, check_positive_integer
from throughtime.forecasting.backtest import Backtest
from throughtime.forecasting.forecast import Forecast
from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.saved_forecaster import models_file
from throughtime.forecasting.statistical_baselines import check_installed
from throughtime.runs import forecast_record, run_folder
from throughtime.runs.run_lock import writing
from throughtime.training.history import Row

from .checkpointed_training import train_with_checkpoints
from .forecast_csv import predictions_csv
from .summary import Summary

REACH = 10
"""How many times as long as the longest series a forecast may be."""


def begin(
    model: Forecaster,
    series: list[Series],
    folder: Path,
    *,
    steps: int,
    future: Any = None,
    flow_every: int | None = None,
    statistical: bool = False,
    overwrite: bool = False,
    command: str = "",
) -> None:
    """Check everything that can be checked before training, then make the run's folder.

    Parameters
    ----------
    model
        The settings of the run.
    series
        The series to train on.
    folder
        The folder to make.
    steps
        Number of steps to forecast, and longest lead time of the backtest.
    future
        A table with the inputs of the steps to forecast.
    flow_every
        Record the gradient flow whenever this many epochs are done; None records none.
    statistical
        Whether statistical baselines are computed; see `Forecaster.backtest`.
    overwrite
        Whether an earlier run in the folder is replaced.
    command
        The command line that repeats the run.

    Raises
    ------
    InputError
        If anything is refused; nothing is written then.
    """
    known = check(model, series, steps, future)
    model.first_state()
    options = {
        "steps": steps,
        "inputs": [one.values.tolist() for one in known if one.values.size],
    }
    if statistical:
        check_installed()
        options["statistical"] = True
    if flow_every is not None:
        _check_flow_record(model, flow_every)
        options["flow_every"] = flow_every
    run_folder.prepare_folder(folder, overwrite)
    forecast_record.write(folder, model.record(options=options, command=command))


def check(
    model: Forecaster, series: list[Series], steps: int, future: Any = None
) -> list[KnownInputs]:
    """Prepare the model, and read the inputs of the steps ahead, one of each series.

    Raises
    ------
    InputError
        If settings, data, inputs or steps are refused.
    """
    check_positive_integer("steps", steps)
    known = [future_inputs(future, one, steps) for one in series]
    pairs = zip(series, known, strict=True)
    model.prepare([replace(one, remarks=one.remarks + own.remarks) for one, own in pairs])
    check_reach(model, steps)
    model.data_.check_steps(model.data_.tested_steps(steps))
    return known


def keep(model: Forecaster, folder: Path) -> None:
    """Write a model that is trained already into the folder of a run that was begun for it."""
    record = forecast_record.read(folder)
    forecast_record.write(folder, model.record(options=record.options, command=record.command))


def complete(folder: Path, show: Callable[[list[Row]], None], report: bool = True) -> Summary:
    """Train a run to its end, from its last checkpoint if there is one, and write its results.

    Parameters
    ----------
    folder
        The folder of the run.
    show
        Called with the training history after each epoch.
    report
        Whether `report.html` is written.

    Raises
    ------
    Interrupted
        At SIGINT or SIGTERM, once the current epoch is done.
    Diverged
        If the loss is no longer finite.
    InputError
        If the folder holds no run, a damaged one, or one that another process is writing.
    """
    with writing(folder):
        return _completed(folder, show, report)


def _completed(folder: Path, show: Callable[[list[Row]], None], report: bool) -> Summary:
    """The summary of a run that is brought to its end."""
    record = forecast_record.read(folder)
    _check_steps(record, folder, "Use `throughtime predict`.")
    model = Forecaster.from_record(record, folder)
    kept = models_file(model) is not None
    model.data_.check_steps(model.data_.tested_steps(record.options["steps"]))
    inputs = [KnownInputs(one) for one in _stored_future_inputs(record, folder)]
    if record.params is None:
        train_with_checkpoints(model, folder, show, record.options.get("flow_every"))
        forecast_record.write(
            folder, model.record(options=record.options, command=record.command)
        )
    summary = _write_results(model, folder, record, inputs, report)
    if not kept and (models := models_file(model)) is not None:
        forecast_record.add_models(folder, models)
    run_folder.finish_writing(folder, "run.json")
    return summary


def evaluated(folder: Path) -> tuple[Forecaster, Backtest | None, list[Forecast]]:
    """The model of a finished run, its backtest and its forecasts, as its report shows them.

    Raises
    ------
    InputError
        If the folder holds no run, one that is damaged or not finished, or one without a
        number of steps.
    """
    model, record = Forecaster.load(folder), forecast_record.read(folder)
    _check_steps(record, folder, "Make it again with `throughtime forecast`.")
    inputs = [KnownInputs(one) for one in _stored_future_inputs(record, folder)]
    return model, *_evaluate(model, record, inputs)


def _check_steps(record: forecast_record.ForecastRecord, folder: Path, remedy: str) -> None:
    """Refuse a run that has no number of steps to forecast."""
    if record.options.get("steps") is None:
        rule = "a run must be one that `throughtime forecast` began"
        raise InputError(rule, f"`{folder}`, saved from Python or updated", remedy)


def check_reach(model: Forecaster, steps: int) -> None:
    """Refuse to forecast so far that it can only be a mistake."""
    longest = max(len(one) for one in model.data_.series)
    if steps > max(1000, REACH * longest):
        rule = f"`steps` must not be over {REACH} times the length of the series"
        raise InputError(rule, f"{steps} of {longest} steps", "Lower `--steps`.")


def _check_flow_record(model: Forecaster, every: int) -> None:
    """Refuse to record a gradient flow where there is none."""
    check_positive_integer("flow_every", every)
    if model.window < 2:
        rule = "`--flow-every` needs a `window` of at least 2 steps"
        raise InputError(rule, model.window, "Raise `--window`.")
    if model.cell == "esn":
        rule = "`--flow-every` needs a network that is trained by its gradient"
        raise InputError(rule, "an `esn`", "Leave out `--flow-every`.")


def _stored_future_inputs(
    record: forecast_record.ForecastRecord, folder: Path
) -> list[np.ndarray]:
    """The inputs of the steps to forecast: an array (step, input) per series with inputs."""
    steps, stored = record.options["steps"], record.options.get("inputs", [])
    shapes = [(steps, len(one.input_names)) for one in record.series if one.input_names]
    try:
        inputs = [np.array(one, np.float64) for one in stored]
    except ValueError:  # rows of different lengths
        inputs = None
    if inputs is None or [one.shape for one in inputs] != shapes:
        reason = "the shape of its inputs does not fit its series and `steps`"
        raise damaged_file(folder / "run.json", reason)
    return inputs


def _write_results(
    model: Forecaster,
    folder: Path,
    record: forecast_record.ForecastRecord,
    inputs: list[KnownInputs],
    report: bool,
) -> Summary:
    """Evaluate the trained model, forecast, and write both."""
    backtest, forecasts = _evaluate(model, record, inputs)
    atomic.write(folder / "forecast.csv", predictions_csv(forecasts))
    if report:
        # Imported here: Matplotlib and Jinja2 take a while to load.
        from throughtime.reports.forecast_report import write_report

        more = len(forecasts) - 1

        write_report(
            folder / "report.html",
            model,
            backtest,
            forecasts,
            title=f"Forecast of {forecasts[0].name}" + f" and {more} more series" * (more > 0),
            command=record.command,
            versions=record.versions,
        )
    return Summary(folder, model, backtest, forecasts)


def _evaluate(
    model: Forecaster, record: forecast_record.ForecastRecord, inputs: list[KnownInputs]
) -> tuple[Backtest | None, list[Forecast]]:
    """The backtest, None if nothing was held out, and the forecasts beyond the data."""
    steps = record.options["steps"]
    statistical = record.options.get("statistical", False)
    predictor = model.predictor(steps)
    tested = model.data_.tested_steps(steps)
    held_out = any(split.total > split.validation for split in model.data_.splits)
    backtest = model.backtest(steps=tested, statistical=statistical) if held_out else None
    if inputs:
        pairs = zip(record.series, inputs, strict=True)
        forecasts = [predictor.forecast([one], steps, known)[0] for one, known in pairs]
    else:
        forecasts = predictor.forecast(None, steps)
    return backtest, forecasts
