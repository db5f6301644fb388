"""Darts fits, forecasts and backtests a forecaster of ours."""

import numpy as np
import pandas as pd
import pytest
from conftest import refuses

import throughtime as tt

darts = pytest.importorskip("darts")

from darts.metrics import mae  # noqa: E402

from throughtime.interop.darts import ThroughtimeModel  # noqa: E402

pytestmark = [
    pytest.mark.usefixtures("quick_compile"),
    pytest.mark.filterwarnings("default"),  # (those of Darts are not ours)
]
ALONE = {"core": None, "prior": None, "hidden": 2, "ensemble": 1, "epochs": 1, "test": 0.0}
QUICK = tt.Forecaster(**ALONE, window=6, washout=1, seed=1)


def series(columns=("y",), n=60, seed=0, start="2020-01-01", freq="D"):
    values = np.random.default_rng(seed).normal(size=(n, len(columns))).cumsum(axis=0)
    index = pd.date_range(start, periods=n, freq=freq)
    return darts.TimeSeries.from_times_and_values(index, values, columns=list(columns))


@pytest.fixture(scope="module")
def model():
    return ThroughtimeModel(QUICK).fit(series())


def test_a_forecast_goes_on_where_the_series_ends_and_is_that_of_the_forecaster(model):
    y, found = series(), model.predict(5)
    assert found.freq == y.freq and list(found.components) == ["y"]
    assert found.start_time() == y.end_time() + y.freq and len(found) == 5
    ours = tt.Forecaster(**QUICK.get_params()).fit(y.values())
    np.testing.assert_allclose(found.values(), ours.predict(5).mean, rtol=1e-4, atol=1e-5)


def test_months_names_and_components_are_kept():
    y = series(("sales", "stock"), freq="MS")
    found = ThroughtimeModel(QUICK).fit(y).predict(3)
    assert list(found.components) == ["sales", "stock"] and found.freq == y.freq
    assert found.start_time() == pd.Timestamp("2025-01-01")


def test_counted_steps_go_on_counting():
    y = darts.TimeSeries.from_values(series().values())[10:]
    found = ThroughtimeModel(QUICK).fit(y).predict(2)
    assert list(found.time_index) == [60, 61]


def test_paths_are_drawn_and_have_the_quantiles_of_the_forecast(model):
    paths = model.predict(3, num_samples=20_000, random_state=0)
    assert paths.n_samples == 20_000
    wanted = model.model_.predict(3).quantile(0.75)
    spread = wanted - model.model_.predict(3).mean
    found = paths.quantile(0.75).values()
    assert (np.abs(found - wanted) < 0.2 * spread).all()
    again = model.predict(3, num_samples=20_000, random_state=0)
    np.testing.assert_array_equal(paths.all_values(), again.all_values())


def test_historical_forecasts_are_the_forecasts_from_each_origin(model):
    y = series()
    found = model.historical_forecasts(
        y, start=50, forecast_horizon=3, retrain=False, last_points_only=False, stride=4
    )
    assert [one.start_time() for one in found] == [y.time_index[i] for i in (50, 54)]
    for one in found:
        own = model.predict(3, y.drop_after(one.start_time()))
        np.testing.assert_allclose(one.values(), own.values())
    errors = model.backtest(
        y, start=50, forecast_horizon=3, retrain=False, last_points_only=False, stride=4,
        metric=mae,
    )  # fmt: skip
    wanted = np.mean(
        [np.abs(one.values() - y.slice_intersect(one).values()).mean() for one in found]
    )
    assert errors == pytest.approx(wanted)


def test_darts_retrains_at_each_origin():
    found = ThroughtimeModel(QUICK).historical_forecasts(
        series(), start=56, forecast_horizon=2, retrain=True, stride=2
    )
    own = ThroughtimeModel(QUICK).fit(series()[:56]).predict(2)
    np.testing.assert_allclose(found.values()[0], own.values()[-1])


def test_covariates_of_past_and_future_are_read():
    rng = np.random.default_rng(0)
    u = series(("u",), 70, seed=1)
    y = series().with_values(u[:60].values() + 0.01 * rng.normal(size=(60, 1)))
    model = ThroughtimeModel(QUICK).fit(y, series(("p",), seed=2), future_covariates=u)
    assert model.model_.data_.series[0].input_names == ("inputs u",)
    assert model.model_.data_.series[0].past_names == ("past_inputs p",)
    low, high = (
        model.predict(1, y, series(("p",), seed=2), future_covariates=u + shift)
        for shift in (0, 5)
    )
    assert not np.allclose(low.values(), high.values())
    with refuses("inputs must have a row for every step; got none at 2020-03-11"):
        model.predict(11)
    found = model.historical_forecasts(
        y, series(("p",), seed=2), future_covariates=u, start=56, forecast_horizon=2,
        retrain=False,
    )  # fmt: skip
    assert found.end_time() == y.end_time()


def test_several_series_are_learned_from_and_others_continued():
    panel = [series(seed=i) for i in range(2)]
    model = ThroughtimeModel(QUICK).fit(panel)
    found = model.predict(2, panel)
    assert [len(one) for one in found] == [2, 2]
    alone = model.predict(2, panel[1])
    np.testing.assert_allclose(alone.values(), found[1].values())
    with refuses("must be told which to continue"):
        model.predict(2)
    with refuses("a series for each of 2; got 1"):
        model.fit(panel, future_covariates=[panel[0]])


def test_a_model_is_saved_and_read(model, tmp_path):
    model.save(str(tmp_path / "model.pkl"))
    again = ThroughtimeModel.load(str(tmp_path / "model.pkl"), trusted=True)
    np.testing.assert_array_equal(again.predict(2).values(), model.predict(2).values())


def test_sample_paths_are_no_series_to_learn_from(model):
    with refuses("one value for each step and component; got 5 samples"):
        ThroughtimeModel(QUICK).fit(model.predict(3, num_samples=5))
