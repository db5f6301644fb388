"""Metrics against scikit-learn, against numbers worked out by hand, and their rules."""

import numpy as np
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import norm
from sklearn import metrics as sk

from throughtime.forecasting import metrics

finite = st.floats(-1e6, 1e6, allow_subnormal=False)
pairs = hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=9).flatmap(
    lambda shape: st.tuples(*[hnp.arrays(np.float64, shape, elements=finite)] * 2)
)


@given(pairs)
def test_errors_agree_with_scikit_learn(pair):
    truth, forecast = pair
    close = {"rel": 1e-9, "abs": 1e-9}
    assert metrics.mse(truth, forecast) == pytest.approx(
        sk.mean_squared_error(truth, forecast), **close
    )
    assert metrics.mae(truth, forecast) == pytest.approx(
        sk.mean_absolute_error(truth, forecast), **close
    )
    assert metrics.rmse(truth[:, 0], forecast[:, 0]) == pytest.approx(
        sk.root_mean_squared_error(truth[:, 0], forecast[:, 0]), **close
    )


@pytest.mark.parametrize("shape", [(50,), (50, 3), (4, 50, 3)])
def test_nmse_is_one_minus_r2(shape):
    rng = np.random.default_rng(0)
    truth, forecast = rng.normal(3, 2, shape), rng.normal(3, 2, shape)
    rows = (-1, shape[-1]) if len(shape) > 1 else (-1, 1)
    r2 = sk.r2_score(
        truth.reshape(rows), forecast.reshape(rows), multioutput="variance_weighted"
    )
    assert metrics.nmse(truth, forecast) == pytest.approx(1 - r2, rel=1e-12)
    assert metrics.nrmse(truth, forecast) == pytest.approx(np.sqrt(1 - r2), rel=1e-12)


def test_the_mean_as_a_forecast_scores_one():
    truth = np.random.default_rng(1).normal(size=(40, 2)) * [1.0, 100.0] + [5.0, -7.0]
    assert metrics.nmse(truth, np.tile(truth.mean(0), (40, 1))) == pytest.approx(1.0)


def test_mase_by_hand():
    train = np.array([1.0, 3.0, 2.0, 6.0])  # one step back: 2, 1, 4; two steps: 1, 3
    truth, forecast = np.array([5.0, 7.0]), np.array([4.0, 10.0])
    assert metrics.mase(truth, forecast, train) == pytest.approx(2 / (7 / 3))
    assert metrics.mase(truth, forecast, train, period=2) == pytest.approx(2 / 2)


def test_mase_scales_each_column_by_its_own():
    rng = np.random.default_rng(2)
    train, truth, forecast = (rng.normal(size=(n, 2)) for n in (30, 8, 8))
    each = [metrics.mase(truth[:, i], forecast[:, i], train[:, i]) for i in range(2)]
    assert metrics.mase(truth, forecast, train) == pytest.approx(np.mean(each))
    units = np.array([1.0, 1e6])
    assert metrics.mase(truth * units, forecast * units, train * units) == pytest.approx(
        np.mean(each)
    )


def test_persistence_within_the_training_series_has_a_mase_of_one():
    train = np.cumsum(np.random.default_rng(3).normal(size=100))
    assert metrics.mase(train[1:], train[:-1], train) == pytest.approx(1.0)


def test_coverage_counts_the_bounds_as_inside():
    truth = np.array([0.0, 1.0, 2.0, 3.0])
    assert metrics.coverage(truth, np.zeros(4), np.full(4, 2.0)) == 0.75
    normal = np.random.default_rng(4).normal(size=100_000)
    bound = np.full(normal.shape, 1.6448536)
    assert metrics.coverage(normal, -bound, bound) == pytest.approx(0.9, abs=0.004)


def test_smape_by_hand():
    """200 |f - y| / (|f| + |y|), the M4 competition's; 0 of 0 is no error."""
    truth, forecast = np.array([1.0, -2.0, 0.0, 0.0]), np.array([3.0, 2.0, 5.0, 0.0])
    assert metrics.smape(truth, forecast) == pytest.approx((100 + 200 + 200 + 0) / 4)
    assert metrics.smape(np.array([1e308]), np.array([-1e308])) == pytest.approx(200)
    assert np.isnan(metrics.smape(np.ones(2), np.array([np.nan, 1.0])))


@given(pairs, st.floats(0.01, 0.99))
def test_pinball_agrees_with_scikit_learn(pair, share):
    truth, forecast = pair
    assert metrics.pinball(truth, forecast, share) == pytest.approx(
        sk.mean_pinball_loss(truth, forecast, alpha=share), rel=1e-9, abs=1e-9
    )


@given(pairs, st.floats(0.05, 0.95))
def test_the_winkler_score_is_that_of_its_two_quantiles(pair, level):
    """2 / alpha times the sum of the quantile losses of both bounds."""
    truth, bound = pair
    lower, upper = np.minimum(bound, bound[::-1]), np.maximum(bound, bound[::-1])
    alpha = 1 - level
    both = metrics.pinball(truth, lower, alpha / 2) + metrics.pinball(
        truth, upper, 1 - alpha / 2
    )
    assert metrics.winkler(truth, lower, upper, level) == pytest.approx(
        2 / alpha * both, rel=1e-9, abs=1e-6
    )


def test_the_winkler_score_is_least_for_the_true_quantiles():
    normal = np.random.default_rng(5).normal(size=100_000)
    bounds = [np.full(normal.shape, z) for z in (1.3, 1.6448536, 2.1)]
    narrow, true, wide = (metrics.winkler(normal, -b, b, 0.9) for b in bounds)
    assert true < min(narrow, wide)
    assert true == pytest.approx(2 * 0.1031356 / 0.05, abs=0.03)  # 2 phi(z) / (alpha / 2)


def test_crps_of_a_normal_forecast():
    """sigma (2 phi(z) + z (2 Phi(z) - 1) - 1 / sqrt(pi)), Gneiting and Raftery 2007."""
    shares = (np.arange(2000) + 0.5) / 2000
    truth = np.array([[-3.0, 0.0], [1.5, 7.0]])
    quantiles = np.broadcast_to(1 + 2 * norm.ppf(shares), (2, 2, 2000))
    z = (truth - 1) / 2
    exact = 2 * (2 * norm.pdf(z) + z * (2 * norm.cdf(z) - 1) - 1 / np.sqrt(np.pi))
    assert metrics.crps(truth, quantiles, shares) == pytest.approx(exact.mean(), rel=1e-3)


@given(pairs)
def test_crps_of_a_median_is_the_mean_absolute_error(pair):
    truth, forecast = pair
    assert metrics.crps(truth, forecast[..., None], np.array([0.5])) == pytest.approx(
        metrics.mae(truth, forecast)
    )


def test_integers_are_computed_in_float64():
    truth, forecast = np.array([0, 200], np.uint8), np.array([255, 100], np.uint8)
    assert metrics.mse(truth, forecast) == (255**2 + 100**2) / 2


def test_a_forecast_that_blew_up_says_so():
    truth = np.zeros(2)
    assert metrics.mse(truth, np.array([1e300, 0.0])) == np.inf
    assert np.isnan(metrics.rmse(truth, np.array([np.nan, 0.0])))


one, two = np.ones(3), np.arange(3.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: metrics.mse(np.ones((3, 1)), one),
            "`truth` and `forecast` must have the same shape; got (3, 1) and (3,). "
            "Reshape or shorten one of them.",
        ),
        (
            lambda: metrics.mae(np.ones(0), np.ones(0)),
            "an error needs at least one value; got arrays of shape (0,). "
            "Compare over at least one step.",
        ),
        (
            lambda: metrics.nmse(one, two),
            "a normalised error needs a truth that varies; got 3 values without variance. "
            "Compare over a longer stretch, or use `mse` or `rmse`.",
        ),
        (
            lambda: metrics.mase(two, two, two, period=3),
            "`period` must be at least 1 and shorter than the training series; got 3 for "
            "3 steps. Set `period` from 1 to 2, or pass more training data.",
        ),
        (
            lambda: metrics.mase(two, two, two, period=0),
            "`period` must be at least 1",
        ),
        (
            lambda: metrics.mase(two, two, one),
            "MASE needs a training series that differs from itself 1 step earlier; got a "
            "scale of 0. "
            "Use `mae` or `rmse`, or another `period`.",
        ),
        (
            lambda: metrics.mase(np.ones((3, 2)), np.ones((3, 2)), np.ones((9, 3))),
            "`train` must be (time,) or (time, dim) with the columns of `truth`; got shapes "
            "(9, 3) and (3, 2). Pass the training part of the series that `truth` continues.",
        ),
        (
            lambda: metrics.coverage(one, two, -two),
            "`lower` must not lie above `upper`; got 2 of 3 intervals reversed. "
            "Pass the smaller bound of each interval as `lower`.",
        ),
        (
            lambda: metrics.coverage(one, one, np.ones(2)),
            "`truth` and `upper` must have the same shape; got (3,) and (2,).",
        ),
        (
            lambda: metrics.smape(one, np.ones(2)),
            "`truth` and `forecast` must have the same shape; got (3,) and (2,).",
        ),
        (
            lambda: metrics.pinball(one, two, 1.0),
            "`share` must lie between 0 and 1; got 1.0. Pass one such as 0.9.",
        ),
        (
            lambda: metrics.winkler(one, one, two, 0.9),
            "`lower` must not lie above `upper`; got 1 of 3 intervals reversed.",
        ),
        (
            lambda: metrics.winkler(one, one, one, 1.5),
            "`level` must lie between 0 and 1; got 1.5. Pass one such as 0.9.",
        ),
        (
            lambda: metrics.crps(one, one, np.array([0.5])),
            "`quantiles` must have the shape of `truth` and one more axis, of the shares; got "
            "(3,) for (3,) and 1 shares. Put the quantiles along the last axis.",
        ),
        (
            lambda: metrics.crps(one, np.ones((3, 2)), np.array([0.9, 0.1])),
            "`shares` must increase and lie between 0 and 1; got [0.9, 0.1]. "
            "Pass them, and the quantiles, in order.",
        ),
        (
            lambda: metrics.crps(one, np.ones((3, 0)), np.empty(0, float)),
            "`shares` must be a list of numbers; got shape (0,). Pass at least one.",
        ),
    ],
)
def test_rules(call, message):
    with refuses(message):
        call()
