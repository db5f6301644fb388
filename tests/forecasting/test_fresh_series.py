"""A series that was not in the fit of a panel: forecast at once, by what is typical of it."""

import numpy as np
import pytest

from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.fresh_series import TypicalModel
from throughtime.forecasting.pooled_shares import LEAST
from throughtime.models.series_model import JudgedModels
from throughtime.models.smoothing import Smoothing

TINY = {"cell": "rnn", "hidden": 4, "window": 12, "epochs": 2, "ensemble": 1}
STEPS = 6


def demand(seed, n=72 + STEPS):
    rng, t = np.random.default_rng(seed), np.arange(n)
    season = 3 * np.sin(2 * np.pi * (t + seed) / 12)
    return 10.0**seed * (20 + season + 0.5 * rng.normal(size=n))


@pytest.fixture(scope="module")
def panel():
    model = Forecaster(**TINY).fit([demand(seed)[:-STEPS] for seed in range(LEAST)])
    model.predict(STEPS)
    return model


@pytest.fixture
def judged(monkeypatch):
    """How many series are judged from rolling origins, or have their smoothing fitted."""
    calls = []
    for cls, name in ((JudgedModels, "of"), (Smoothing, "fit")):
        of = getattr(cls, name)
        monkeypatch.setattr(
            cls, name, lambda *a, of=of, name=name, **k: calls.append(name) or of(*a, **k)
        )
    return calls


def test_a_fresh_series_is_forecast_in_its_unit_with_nothing_judged(panel, judged):
    new = demand(20)
    known, truth = new[:-STEPS], new[-STEPS:]
    found = panel.predict(STEPS, known)
    assert "of" not in judged
    before = known[-12 : -12 + STEPS]
    rmse = [np.sqrt(np.mean((truth - one) ** 2)) for one in (found.mean[:, 0], before)]
    assert rmse[0] < rmse[1] / 1.1, "no better than the season before"
    inside = (truth > found.lower[:, 0]) & (truth < found.upper[:, 0])
    assert inside.mean() >= 0.5 and np.ptp(found.sample(9), axis=0).min() > 0
    other = panel.predict(STEPS, known / 1e12)
    for part in ("mean", "lower", "upper"):
        a, b = getattr(found, part), 1e12 * getattr(other, part)
        np.testing.assert_allclose(a, b, rtol=1e-4)


def test_weights_and_widths_are_the_means_of_the_panel_by_the_kind_of_model(panel):
    predictor = panel.predictor(STEPS)
    models = [predictor._of_forecast(i, STEPS)[0] for i in range(LEAST)]
    series = panel.data_.read_new(demand(20))[0]
    fresh = TypicalModel(models).of_values(series.targets[:, 0], series, predictor.recipe)
    found, expected = fresh.combination.shares(STEPS), {}
    for one in models:
        for name, share in one.combination.shares(STEPS).items():
            expected[name] = expected.get(name, 0) + share / LEAST
    for name in found.keys() | expected.keys():
        assert found.get(name, 0) == pytest.approx(expected.get(name, 0), abs=0.02)
    factors = [np.log(m.calibration.multipliers) for m in models]
    np.testing.assert_allclose(np.log(fresh.calibration.multipliers), np.mean(factors, axis=0))


def test_a_panel_of_few_series_says_nothing_of_others(judged):
    model = Forecaster(**TINY).fit([demand(seed, 40) for seed in range(2)])
    model.predict(2)
    judged.clear()
    model.predict(2, demand(20, 40))
    assert "of" in judged
