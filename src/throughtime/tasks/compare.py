"""The four ways to learn a recurrent network, and the baselines, on one series.

All ways have the same split of the series and the same seconds to train, and the validation
part selects the weights that are kept. An echo state network is fitted at once, so it uses its
seconds to try other settings, of which the validation part selects the best. The test part is
forecast once, when all are trained.
"""

import dataclasses
import json
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from throughtime._support import atomic
from throughtime._support.seeds import generator
from throughtime.data.series import Series
from throughtime.errors import InputError
from throughtime.forecasting.forecaster import Forecaster
from throughtime.recurrence.network import count_parameters
from throughtime.runs.run_folder import COMPARISON
from throughtime.training.history import Row
from throughtime.training.result import Diverged, Fitted

from .comparison import Comparison, Entry, merge_backtests, with_infinite_errors
from .series_ways import check_ways, forecaster

SEARCH = 7
"""The random stream of a seed that settings are sampled from."""

LEAKS, RADII, SCALES = (1.0, 0.5, 0.2), (0.3, 1.2), (0.1, 2.0)
"""The leaks that are tried in echo state networks, and the ranges of radius and input scale.

There are few leaks because a program is compiled for each.
"""

Show = Callable[[str, list[Row]], None]


def compare(
    series: list[Series],
    ways: Sequence[str],
    folder: Path,
    *,
    seconds: float | int,
    steps: int,
    settings: dict[str, Any],
    show: Show,
) -> Comparison:
    """Train each way for the same seconds, save it as a run, and compare their forecasts.

    Parameters
    ----------
    series
        The series, as `to_series` reads them.
    ways
        Keys of `SERIES_WAYS`.
    folder
        Each way is saved in a subfolder of its name, beside `comparison.json`.
    seconds
        Time for the training of each way, compilation included; the epoch in progress at the
        end is completed. Of an echo state network one setting is fitted whatever it takes, and
        no other that would end too late.
    steps
        The longest lead time.
    settings
        Settings of the forecasters; a way's own take precedence, and a way leaves out those
        that its cell does not use.
    show
        Called with the way and its history after each epoch, or after each setting tried.

    Returns
    -------
    Comparison
        The ways with their errors and costs.

    Raises
    ------
    InputError
        For ways, settings or a series that cannot be compared; before any training where that
        is possible.

    Notes
    -----
    A way that diverges keeps its last validated weights; without any, it is listed with
    infinite errors and not saved.
    """
    check_ways(ways)
    models = [forecaster(way, settings).prepare(series) for way in ways]
    for model in models:
        model.data_.check_steps(steps)
        if not model.test:
            remedy = "Set `test` to a share of the series above 0."
            raise InputError("a comparison needs a test part", "`test` 0", remedy)
    entries = []
    for way, model in zip(ways, models, strict=True):
        trials, show_way = 1, partial(show, way)
        start, worked = time.perf_counter(), time.process_time()
        if model.cell == "esn":
            error = None
            model, trials = _search(model, series, seconds, settings, show_way)
        else:
            error = _train(model, seconds, show_way)
        duration, worked = time.perf_counter() - start, time.process_time() - worked
        if jax.default_backend() != "cpu":
            worked = math.inf  # the work is done elsewhere
        if error is None:
            model.save(folder / way)
        backtest, weights = model.backtest(steps=steps), count_parameters(model.network_)
        entry = Entry(way, model, backtest, duration, weights, trials, error, worked)
        entries.append(entry if error is None else with_infinite_errors(entry))
    result = Comparison(tuple(entries), seconds, merge_backtests(entries))
    folder.mkdir(parents=True, exist_ok=True)  # (there is none if no way was saved)
    text = json.dumps(result.to_json(), indent=2, allow_nan=False)
    atomic.write(folder / COMPARISON, text + "\n")
    return result


def _train(
    model: Forecaster, seconds: float | int, show: Callable[[list[Row]], None]
) -> Diverged | None:
    """Train until the seconds are over; returns the error if no valid weights are left."""
    start = time.perf_counter()

    def is_over(_: Any, history: list[Row]) -> bool:
        show(history)
        return time.perf_counter() - start > seconds

    try:
        model.train(on_epoch=is_over)
    except Diverged as error:
        if error.fitted is None:
            raise
        model.fitted_ = _before_divergence(error.fitted)
        return None if _is_validated(error.fitted) else error


def _search(
    model: Forecaster,
    series: list[Series],
    seconds: float | int,
    requested: dict[str, Any],
    show: Callable[[list[Row]], None],
) -> tuple[Forecaster, int]:
    """Fit echo state networks with other settings until the seconds are over.

    Settings in `requested` are not searched. Trials are judged by the error one step ahead on
    the validation part. The margins of the forecast come from the same part, so they are
    slightly too narrow.

    Returns
    -------
    Forecaster
        The forecaster of the lowest validation loss.
    int
        The number of settings tried; without a validation part only the model's own.
    """
    start, rng = time.perf_counter(), generator(model.seed, SEARCH)
    best, history = model.train(), [_trial_row(model, 1, 0.0)]
    lowest, trials = np.nan_to_num(history[-1].validation_loss, nan=np.inf), 1
    show(history)
    ended = time.perf_counter() - start
    quickest = ended
    # None is begun that even in the time of the quickest would end too late.
    while model.validation and ended + quickest < seconds:
        sample: dict[str, Any] = {
            "leak": float(rng.choice(LEAKS)),
            "radius": float(rng.uniform(*RADII)),
            "input_scale": float(np.exp(rng.uniform(*np.log(SCALES)))),
        }
        settings = model.get_params() | {k: v for k, v in sample.items() if k not in requested}
        other = Forecaster(**settings).prepare(series)
        trials += 1
        try:
            other.train()
        except InputError:  # its regression is singular, or its states are not finite
            other = None
        began, ended = ended, time.perf_counter() - start
        quickest = min(quickest, ended - began)
        if other is None:
            continue
        history.append(_trial_row(other, trials, ended))
        show(history)
        if history[-1].validation_loss < lowest:
            best, lowest = other, history[-1].validation_loss
    return best, trials


def _trial_row(model: Forecaster, trial: int, seconds: float) -> Row:
    """A trial as one row of history, its losses averaged over the ensemble."""
    losses = np.mean([(row.loss, row.validation_loss) for row in model.history_], axis=0)
    loss, validation_loss = losses.tolist()
    return model.history_[-1]._replace(
        epoch=trial, loss=loss, validation_loss=validation_loss, seconds=seconds
    )


def _is_validated(fitted: Fitted) -> bool:
    """Whether an epoch was completed, and its weights have a validation loss."""
    return bool(fitted.history) and math.isfinite(fitted.history[-1].validation_loss)


def _before_divergence(fitted: Fitted) -> Fitted:
    """The weights from before a divergence, with a note that says so."""
    done = fitted.history[-1].epoch if fitted.history else 0
    epochs = "1 epoch" if done == 1 else f"{done:,} epochs"
    stopped = f"diverged after {epochs}, the weights before are kept"
    return dataclasses.replace(fitted, stopped=stopped)
