"""The periods that baselines and the unit of the MASE have."""

import numpy as np
import pytest

from throughtime.data.loading import to_series
from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.periods import compared_period, shown_period

SMALL = {"hidden": 2, "epochs": 1, "ensemble": 1, "core": None, "prior": None}


def wandering(n=200, seed=0):
    """A random walk of large steps that hides a season of 12 from the autocorrelation."""
    rng = np.random.default_rng(seed)
    season = np.tile([0, 0, 1, 3, 1, 0, 0, -1, 0, -2, -1, -1], n // 12 + 1)[:n]
    return np.cumsum(rng.normal(size=n)) + season


def test_a_season_that_a_random_walk_hides_is_still_a_baseline():
    (series,) = to_series(wandering())
    assert shown_period(series, 128) is None
    assert compared_period(series, 128) == 12


def test_a_period_that_shows_is_the_one_of_both():
    (series,) = to_series(np.sin(2 * np.pi * np.arange(120) / 15))
    assert shown_period(series, 80) == compared_period(series, 80) == 15


def test_noise_hides_no_season():
    noise = [to_series(np.random.default_rng(seed).normal(size=150))[0] for seed in range(40)]
    more = [one for one in noise if shown_period(one, 100) != compared_period(one, 100)]
    assert len(more) <= 1


def test_a_hidden_season_leaves_the_unit_of_the_mase():
    """Naive forecasts a season ahead err more than the last value: they would flatter all."""
    y = wandering()
    found = Forecaster(**SMALL).fit(y).backtest(steps=12)
    first = 160
    assert found.period == 12 and "seasonal persistence" in found.baselines()
    unit = np.abs(np.diff(y[:first])).mean()
    assert unit < np.abs(y[12:first] - y[: first - 12]).mean()
    assert found.scores["persistence"].mase[0] == pytest.approx(
        found.mae["persistence"].mean() / unit
    )
    origins = np.arange(first, len(y) - 11)
    seasonal = y[origins[:, None] - 12 + np.arange(12)]
    np.testing.assert_array_equal(found.forecasts["seasonal persistence"][..., 0], seasonal)
