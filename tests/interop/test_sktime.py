"""sktime fits, updates and checks a forecaster of ours."""

import numpy as np
import pandas as pd
import pytest
from conftest import refuses

import throughtime as tt

pytest.importorskip("sktime")

from sktime.forecasting.base import ForecastingHorizon
from sktime.forecasting.model_evaluation import evaluate
from sktime.split import ExpandingWindowSplitter
from sktime.utils.estimator_checks import check_estimator

from throughtime.interop.pandas_series import joined_table
from throughtime.interop.sktime import ThroughtimeForecaster

pytestmark = [
    pytest.mark.usefixtures("quick_compile"),
    pytest.mark.filterwarnings("default"),  # (those of sktime are not ours)
]
QUICK = ThroughtimeForecaster.get_test_params()[0]["model"].set_params(window=6)


def months(n=40, columns=("sales", 7)):
    """Two columns with months for an index, one of them with a number for a name."""
    values = np.random.default_rng(0).normal(size=(n, len(columns))).cumsum(axis=0)
    index = pd.period_range("2000-01", periods=n, freq="M")
    return pd.DataFrame(values, index, list(columns))


@pytest.fixture(scope="module")
def fitted():
    return ThroughtimeForecaster(QUICK).fit(months())


def test_forecasts_and_quantiles_are_those_of_the_forecaster(fitted):
    ours = tt.Forecaster(**QUICK.get_params()).fit(months().to_numpy()).predict(5)
    found = fitted.predict(fh=[2, 5])
    assert [*found.columns] == ["sales", 7] and [*found.index.astype(str)] == [
        "2003-06",
        "2003-09",
    ]
    np.testing.assert_allclose(found, ours.mean[[1, 4]], rtol=1e-4, atol=1e-5)
    low, high = ours.interval(0.8)
    bounds = fitted.predict_interval(fh=[2, 5], coverage=0.8)
    np.testing.assert_allclose(bounds["sales"][0.8]["lower"], low[[1, 4], 0], rtol=1e-4)
    np.testing.assert_allclose(bounds[7][0.8]["upper"], high[[1, 4], 1], rtol=1e-4)
    middle = fitted.predict_quantiles(fh=[2, 5], alpha=0.5)["sales"][0.5]
    np.testing.assert_allclose(middle, ours.mean[[1, 4], 0], rtol=1e-4, atol=1e-5)


def test_an_update_trains_on_and_without_parameters_only_reads(fitted):
    y = months(50)
    reading = fitted.clone().fit(y[:40])
    before = reading.model_.network_.readout.layers[0].c.copy()
    reading.update(y[40:], update_params=False)
    assert (reading.model_.network_.readout.layers[0].c == before).all()
    wanted = reading.model_.predict(1, joined_table(y)[0]).mean
    np.testing.assert_allclose(reading.predict(fh=1), wanted, rtol=1e-4, atol=1e-5)
    learning = fitted.clone().fit(y[:40]).update(y[40:])
    own = tt.Forecaster(**QUICK.get_params()).fit(y[:40].to_numpy()).update(y.to_numpy())
    np.testing.assert_allclose(
        learning.predict(fh=1), own.predict(1).mean, rtol=1e-4, atol=1e-5
    )
    assert str(learning.predict(fh=1).index[0]) == "2004-03"


def test_inputs_are_known_ahead_and_may_be_words():
    y, rng = months(columns=("y",)), np.random.default_rng(0)
    index = pd.period_range("2000-01", periods=46, freq="M")
    X = pd.DataFrame({"price": rng.normal(size=46), "kind": ["a", "b"] * 23}, index)
    model = ThroughtimeForecaster(QUICK).fit(y, X[:40])
    assert model.model_.data_.series[0].input_names == ("inputs price", "inputs kind=b")
    fh = ForecastingHorizon(index[40:43], is_relative=False)
    found = model.predict(fh, X[40:43])
    dearer = X[40:43].assign(price=9.0)
    assert not np.allclose(found, model.predict(fh, dearer))
    with refuses("inputs must have a row for every step; got none at 2003-06"):
        model.predict([2], X[40:41])
    with refuses("`inputs price`"):
        model.predict([1])


def test_sktime_evaluates_over_a_sliding_cutoff():
    cv = ExpandingWindowSplitter(fh=[1, 2], initial_window=30, step_length=4)
    y = months(columns=("y",))["y"]
    for strategy in "refit", "update", "no-update_params":
        found = evaluate(
            ThroughtimeForecaster(QUICK), cv, y, strategy=strategy, error_score="raise"
        )
        assert np.isfinite(found.filter(like="test_")).all().all()


def test_numbered_rows_must_be_one_by_one():
    y = pd.Series(np.arange(40.0), np.arange(40) * 2)
    with refuses("must count the rows one by one; got steps of [2]"):
        ThroughtimeForecaster(QUICK).fit(y)


QUICKEST = [
    "test_clone",
    "test_fit_does_not_overwrite_hyper_params",
    "test_object_tags",
    "test_persistence_via_pickle",
    "test_pred_int_tag",
    "test_predict_quantiles",
    "test_score",
    "test_set_params",
    "test_update_tag",
]
WRAPPED = ["test_constructor"]
"""It asks for the signature of `__init__`, which the tests' checks of shapes wrap."""


@pytest.mark.parametrize("checks", [QUICKEST, pytest.param(None, marks=pytest.mark.slow)])
def test_the_checks_of_sktime_pass(checks):
    forecaster = ThroughtimeForecaster(**ThroughtimeForecaster.get_test_params()[0])
    found = check_estimator(
        forecaster, tests_to_run=checks, tests_to_exclude=WRAPPED, verbose=False
    )
    failed = {name: error for name, error in found.items() if error != "PASSED"}
    assert len(found) > 20 and not failed
