"""Forecasters as if they had been fitted, and backtests with known errors: no training."""

import math

import numpy as np

from throughtime.data.series import Series
from throughtime.forecasting.backtest import Backtest
from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.rolling_origins import RollingOrigins
from throughtime.models.intervals import Intervals
from throughtime.stamps.time_axis import Times
from throughtime.training.history import Row
from throughtime.training.result import Fitted


def waves(n=160, targets=("y",), name="waves", filled=0):
    """Sines with noise, one for each target, by month."""
    rows = np.arange(n)[:, None]
    noise = 0.1 * np.random.default_rng(0).normal(size=(n, len(targets)))
    values = np.sin(rows / (2 + np.arange(len(targets)))) + noise
    times = Times(np.datetime64("2001-01-01", "us"), 1, n, "month", "month")
    return Series(values, targets, np.empty((n, 0)), (), times, name, filled)


def untrained(series, best=(5,), validated=True, **settings):
    """A forecaster as if it had been fitted, with random weights: it costs no time."""
    quick = {"core": None, "prior": None, "hidden": 4, "epochs": 9, "window": 8}
    quick["ensemble"] = len(best)
    model = Forecaster(**(quick | settings)).prepare(series)
    loss = 0.5 if validated else math.nan
    history = [
        Row(m, e, 1 / e, loss, 1.0, 1.0, 0.5 * e)
        for e in range(1, 10)
        for m in range(len(best))
    ]
    network = model.architecture_.ensemble(len(best), 0)
    model.fitted_ = Fitted(network, history, best, f"all {model.epochs} epochs done")
    return model


def known_backtest(model, series, steps, error=0.1):
    """A backtest of these series, or of a model's own test parts, with a known error."""
    data = model.data_
    context = data.context_of(data.series[0])
    bounds = [(one, context, len(one)) for one in series or []] or [
        (one, split.validation, split.total)
        for one, split in zip(data.series, data.splits, strict=True)
    ]
    truth = np.concatenate(
        [
            RollingOrigins.between(*bound, context, steps, complete=True).truth
            for bound in bounds
        ]
    )
    forecasts = {"network": truth + error, "persistence": truth - 2 * error}
    margins = np.ones(truth.shape[1:])
    return with_margins(truth, forecasts, margins, 0.9, 11, data.series[0].target_names)


def with_margins(truth, forecasts, margins, level, *rest, **more):
    """A backtest whose first method has intervals of these half-widths."""
    judged = next(iter(forecasts))
    intervals = {judged: Intervals.around(forecasts[judged], margins[None], (level,))}
    return Backtest.from_forecasts(truth, forecasts, intervals, level, *rest, **more)
