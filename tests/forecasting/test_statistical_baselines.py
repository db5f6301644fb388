"""Statistical baselines: applied at every origin, fitted before the first, told if absent."""

import importlib.util
import sys
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
from conftest import refuses

from throughtime import Forecaster
from throughtime.forecasting import statistical_baselines
from throughtime.forecasting.statistical_baselines import NAMES, statistical_forecasts

Y = 10 + np.sin(np.arange(120) / 2) + np.arange(120) / 40


class LastValue:
    """Repeats the last value it is given; remembers how many values it was fitted to."""

    fitted: ClassVar[list[int]] = []

    def __init__(self, season_length):
        self.season = season_length

    def fit(self, values):
        self.fitted.append(len(values))
        return self

    def forward(self, values, h, level):
        found = {"mean": np.full(h, values[-1])}
        for p in level:
            found |= {f"lo-{p}": found["mean"] - p, f"hi-{p}": found["mean"] + p}
        return found


class Failing(LastValue):
    def fit(self, values):
        raise RuntimeError("no model")


@pytest.fixture
def installed(monkeypatch):
    """A `statsforecast` whose models are known."""
    models = ModuleType("statsforecast.models")
    models.AutoARIMA = models.AutoETS = LastValue
    models.AutoTheta = Failing
    package = ModuleType("statsforecast")
    package.models = models
    monkeypatch.setitem(sys.modules, "statsforecast", package)
    monkeypatch.setitem(sys.modules, "statsforecast.models", models)
    monkeypatch.setattr(statistical_baselines, "check_installed", lambda: None)
    monkeypatch.setattr("throughtime.forecasting.forecaster.check_installed", lambda: None)
    LastValue.fitted.clear()


def test_a_model_is_fitted_before_the_first_origin_and_applied_at_each(installed):
    origins = np.array([80, 90, 100])
    found = statistical_forecasts("AutoETS", Y, origins, 3, 12, [0.5, 0.9])
    assert LastValue.fitted == [80]
    np.testing.assert_array_equal(found.center, np.repeat(Y[origins - 1][:, None], 3, axis=1))
    np.testing.assert_allclose(found.at(0.9)[1] - found.center, 90)
    np.testing.assert_allclose(found.center - found.at(0.5)[0], 50)


def test_a_model_that_cannot_be_fitted_has_no_forecasts(installed):
    assert np.isnan(
        statistical_forecasts("AutoTheta", Y, np.array([9]), 2, None, [0.9]).center
    ).all()


def test_they_stand_in_the_table_of_a_backtest(installed):
    model = Forecaster(hidden=4, ensemble=1, epochs=1, core=None, prior=None).fit(Y)
    found = model.backtest(steps=4, statistical=True)
    assert set(NAMES) <= set(found.baselines())
    np.testing.assert_allclose(found.rmse["AutoETS"], found.rmse["persistence"])
    assert np.isnan(found.rmse["AutoTheta"]).all() and "AutoARIMA" in found.table()
    assert found.scores["AutoETS"].coverage == 1


def test_one_series_that_a_model_cannot_be_fitted_to_takes_no_figures_from_a_panel(installed):
    """There it repeats the last value, with no interval."""
    settings = {"hidden": 4, "ensemble": 1, "epochs": 1, "core": None, "prior": None}
    found = Forecaster(**settings).fit([Y, 2 * Y]).backtest(steps=4, statistical=True)
    np.testing.assert_allclose(found.rmse["AutoTheta"], found.rmse["persistence"])
    assert np.isnan(found.scores["AutoTheta"].coverage).all()


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    model = Forecaster(hidden=4, ensemble=1, epochs=1, core=None, prior=None).fit(Y)
    with refuses('Install it with `pip install "throughtime[baselines]"`.'):
        model.backtest(steps=4, statistical=True)


def test_the_real_ones_forecast_a_season():
    pytest.importorskip("statsforecast")
    noise = 0.02 * np.random.default_rng(0).normal(size=100)
    y = 10 + np.sin(2 * np.pi * np.arange(100) / 12) + noise
    for name in NAMES:
        found = statistical_forecasts(name, y, np.array([72, 80]), 6, 12, [0.5, 0.9])
        truth = y[np.array([72, 80])[:, None] + np.arange(6)]
        assert np.abs(found.center - truth).max() < 0.3, name
        assert (found.lower <= found.center).all() and (found.center <= found.upper).all()
