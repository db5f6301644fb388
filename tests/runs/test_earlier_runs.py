"""Runs that an earlier version wrote load, predict the same digits and resume.

`earlier/0.1.0/` was written by throughtime 0.1.0 on x86-64 with AVX-512: one run of each kind,
and beside it what that version predicted with it. Other processors round the last digits of a
float32 otherwise; that is what the tolerances allow.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from throughtime.commands import forecast_run, surrogate_run
from throughtime.dynamics.saved_surrogate import load_surrogate
from throughtime.forecasting.forecaster import Forecaster

EARLIER = Path(__file__).parent / "earlier" / "0.1.0"
FORECASTS = ("forecast_gru", "forecast_lstm_inputs", "forecast_esn", "saved_from_python")


def silent(_):
    return None


def predicted(name):
    """What the earlier version forecast: mean, lower and upper of each step."""
    table = pl.read_csv(EARLIER / f"{name}.csv")
    return table[:, 1:].to_numpy().astype(float)


def columns(forecast):
    return np.concatenate([forecast.mean, forecast.lower, forecast.upper], axis=1)


@pytest.fixture
def run(tmp_path):
    """Copies an earlier run to where it may be changed."""
    return lambda name: shutil.copytree(EARLIER / name, tmp_path / name)


@pytest.mark.parametrize("name", FORECASTS)
def test_an_earlier_forecast_predicts_the_same_digits(name):
    model = Forecaster.load(EARLIER / name)
    future = EARLIER / "future.csv" if "inputs" in name else None
    found = columns(model.predict(3, inputs=future))
    known = predicted(name)
    np.testing.assert_array_equal(np.isnan(known), ~np.isfinite(found))
    bounded = np.isfinite(found)
    np.testing.assert_allclose(found[bounded], known[bounded], rtol=2e-4)


def test_an_earlier_forecast_that_was_interrupted_goes_on(run):
    summary = forecast_run.complete(run("forecast_interrupted"), silent, report=False)
    rows = summary.model.history_
    assert [row.epoch for row in rows if row.member == 0] == list(range(1, 7))
    known = predicted("forecast_interrupted")
    np.testing.assert_allclose(columns(summary.forecasts[0]), known, rtol=2e-3)


def solved(model, name):
    """Five steps of a surrogate, from where the earlier version began."""
    parameters = {"damping": 0.2} if name == "surrogate_named" else None
    start = [0.1] * 3 if name == "surrogate_interrupted" else [0.5, 0.0]
    return model.solve(start, 5, parameters)


@pytest.mark.parametrize("name", ["surrogate_named", "surrogate_equations"])
def test_an_earlier_surrogate_solves_with_the_same_digits(name):
    known = json.loads((EARLIER / f"{name}.json").read_text())
    np.testing.assert_allclose(solved(load_surrogate(EARLIER / name), name), known, atol=2e-5)


def test_an_earlier_surrogate_that_was_interrupted_goes_on(run):
    model, record = surrogate_run.complete(run("surrogate_interrupted"), silent)
    assert [row.epoch for row in model.history_] == list(range(1, 7))
    assert record.stopped == "all 6 epochs done"
    known = json.loads((EARLIER / "surrogate_interrupted.json").read_text())
    np.testing.assert_allclose(
        solved(model, "surrogate_interrupted"), known, rtol=2e-3, atol=2e-3
    )
