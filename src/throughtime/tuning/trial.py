r"""One trial: networks with some settings, trained and judged before the test part begins.

Of the rows before the test part, the last share `validation` is what trials are judged on, and
the networks are trained and stopped early on those before. The error is that of the networks
alone, without core and prior: their predictions are fed back from every origin,

$$E = \frac{1}{K} \sum_{k=1}^{K} \frac{\sum_h \mathrm{RMSE}_k(h)}
  {\sum_h \mathrm{RMSE}^{\mathrm{last}}_k(h)}$$

over lead times h and K targets, where "last" repeats the last value. 1 is no better than that.

A trial is stopped early by the median rule (Golovin et al. 2017): after an epoch, if its lowest
validation loss so far is above the median of what the finished trials had by then.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from throughtime.data.series import Series
from throughtime.data.split import Split
from throughtime.errors import InputError
from throughtime.forecasting.backtest import Backtest
from throughtime.forecasting.forecaster import Forecaster
from throughtime.training.history import Row
from throughtime.training.result import Diverged

ALONE: dict[str, Any] = dict.fromkeys(("core", "prior", "season", "transform", "lower"))
"""The settings of networks alone."""

ENSEMBLE = 2
"""Networks of a trial at most: enough to rank settings, and no more work than that."""

WARM_UP = 5
"""Epochs that no trial is stopped in, and finished trials that a median needs."""


@dataclass(frozen=True)
class Trial:
    """Settings that were tried, and what came of it.

    Attributes
    ----------
    number
        Its number, from 1: trials are counted in the order in which they end.
    settings
        The settings that the search chose, by name.
    state
        `finished`, `pruned` or `failed`.
    error
        E, the error relative to repeating the last value; None if it did not finish.
    losses
        The validation loss after each epoch, as the mean over the ensemble.
    seconds
        How long it took.
    why
        Why it failed.
    """

    number: int
    settings: dict[str, Any]
    state: str
    error: float | None
    losses: tuple[float, ...]
    seconds: float
    why: str = ""


def alike(one: Any, other: Any) -> bool:
    """Whether settings, or values of one, are the same; a file has lists for tuples."""
    return _with_tuples(one) == _with_tuples(other)


def _with_tuples(value: Any) -> Any:
    """A value with tuples in place of its lists."""
    if isinstance(value, dict):
        return {name: _with_tuples(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_with_tuples(one) for one in value)
    return value


def before_test(series: Sequence[Series], test: float, validation: float) -> list[Series]:
    """The rows of each series before its test part: all that a trial sees.

    Raises
    ------
    InputError
        If nothing is held out for the test, or for the trials.
    """
    for name, share in (("test", test), ("validation", validation)):
        if not share:
            rule = f"a search needs rows that are held out: `{name}` must be above 0"
            raise InputError(rule, f"{share:g}", f"Pass `{name}=0.2` for a fifth.")
    splits = [Split.by_time(len(one), validation, test, short=True) for one in series]
    return [one[: split.validation] for one, split in zip(series, splits, strict=True)]


def run_trial(
    series: list[Series],
    settings: dict[str, Any],
    steps: int,
    bars: Sequence[float] = (),
    most: int = ENSEMBLE,
) -> tuple[str, float | None, tuple[float, ...], float, str]:
    """Train networks on the series and judge them at their end.

    Parameters
    ----------
    series
        What a trial may see; see `before_test`.
    settings
        All settings of a `Forecaster`.
    steps
        The longest lead time.
    bars
        The loss for each epoch above which the trial is stopped; those left out stop none.
    most
        The largest ensemble.

    Returns
    -------
    state, error, losses, seconds, why
        As in a `Trial`.
    """
    clock, losses = time.perf_counter(), []

    def watch(_: Any, history: list[Row]) -> bool:
        losses.append(_mean_loss(history))
        epoch = len(losses) - 1
        return epoch < len(bars) and bool(min(losses) > bars[epoch])

    state, error, why = "finished", None, ""
    try:
        fewer = {"ensemble": min(settings["ensemble"], most), "test": settings["validation"]}
        model = Forecaster(**{**settings, **ALONE, **fewer})
        model.prepare(series).train(on_epoch=watch)
        losses = losses or [_mean_loss(model.history_)]  # a regression has no epochs
        if model.fitted_.stopped.startswith("stopped after"):
            state = "pruned"
        else:
            error = relative_error(model.backtest(steps=model.data_.tested_steps(steps)))
            if not np.isfinite(error):
                state, error, why = "failed", None, "its forecast diverged"
    except Diverged:
        state, why = "failed", "the loss diverged"
    except InputError as refused:
        state, why = "failed", str(refused)
    return state, error, tuple(losses), time.perf_counter() - clock, why


def relative_error(backtest: Backtest, method: str | None = None) -> float:
    """E of a method of a backtest, by default the one that is judged."""
    errors = backtest.rmse[method or backtest.method].mean(axis=0)
    last = backtest.rmse["persistence"].mean(axis=0)
    return float(np.mean(errors / np.where(last > 0, last, 1.0)))


def lowest_errors(trials: Sequence[Trial]) -> Float[np.ndarray, " trials"]:
    """The lowest error up to each trial; NaN before one has finished."""
    lowest = np.minimum.accumulate([np.inf if t.error is None else t.error for t in trials])
    return np.where(np.isinf(lowest), np.nan, lowest)


def median_bars(trials: Sequence[Trial]) -> list[float]:
    """For each epoch, the median over finished trials of their lowest loss by then.

    A trial that ended earlier keeps its lowest loss.
    """
    runs = [trial.losses for trial in trials if trial.state == "finished"]
    if len(runs) < WARM_UP:
        return []
    longest = max(map(len, runs))
    lowest = np.array(
        [np.minimum.accumulate([*run, *[run[-1]] * (longest - len(run))]) for run in runs]
    )
    bars = np.median(lowest, axis=0)
    bars[:WARM_UP] = np.inf
    return bars.tolist()


def _mean_loss(history: Sequence[Row]) -> float:
    """The validation loss of the last epoch, as the mean over the members."""
    last = history[-1].epoch
    return float(np.mean([row.validation_loss for row in history if row.epoch == last]))
