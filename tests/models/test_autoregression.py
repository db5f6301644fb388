"""Sums of lags, closed loops and autoregressions, against loops and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import linear_model

from throughtime.models.autoregression import (
    PENALTIES,
    Autoregressions,
    closed_loop,
    fit_autoregression,
    fit_differenced_autoregression,
    lag_sets,
    undifferenced,
    usable_seasons,
)
from throughtime.models.lag_sums import LagSums, lag_products, ridge_path
from throughtime.models.linear_map import windows_before

FITS = [fit_autoregression, fit_differenced_autoregression]
fits = pytest.mark.parametrize("fit", FITS)


def process(n, seed=0, noise=1.0, weights=(1.2, -0.6)):
    """An autoregressive process about 0."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    for t in range(len(weights), n):
        past = x[t - len(weights) : t][::-1]
        x[t] = past @ weights + noise * rng.normal()
    return x


def seasonal(n, season=12, seed=0, noise=0.1):
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    return 5 + 2 * rng.normal(size=season)[t % season] + 0.02 * t + noise * rng.normal(size=n)


def fed_back(weights, window, steps):
    """The closed loop, one step at a time."""
    x = list(window)
    for _ in range(steps):
        x.append(sum(w * x[-lag] for lag, w in enumerate(weights, 1)))
    return np.array(x[len(window) :])


@given(n=st.integers(4, 40), longest=st.integers(1, 8), seed=st.integers(0, 1000))
def test_the_sums_are_those_of_the_rows(n, longest, seed):
    longest = min(longest, n - 1)
    x = np.random.default_rng(seed).normal(size=n)
    rows = np.array([x[t - longest : t + 1][::-1] for t in range(longest, n)])
    found = LagSums.of(x, longest)
    assert found.count == len(rows)
    np.testing.assert_allclose(found.products, rows.T @ rows, atol=1e-10)


@pytest.mark.parametrize("lags", [(1, 2, 3, 4), (1, 2, 11, 12, 13), (7,)])
def test_the_products_of_some_lags_are_those_of_all(lags):
    x = np.random.default_rng(1).normal(size=40)
    G = LagSums.of(x, lags[-1]).products
    gram, cross = lag_products(x, np.array(lags))
    np.testing.assert_allclose(gram, G[np.ix_(lags, lags)])
    np.testing.assert_allclose(cross, G[lags, :1])


@pytest.mark.parametrize("penalty", [1e-4, 0.1, 3.0])
def test_a_ridge_is_scikit_learns(penalty):
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(30, 5)), rng.normal(size=(30, 2))
    found = ridge_path(X.T @ X, X.T @ Y, np.array([penalty]))[0]
    size = np.trace(X.T @ X) / 5
    wanted = linear_model.Ridge(alpha=penalty * size, fit_intercept=False).fit(X, Y).coef_.T
    np.testing.assert_allclose(found, wanted, atol=1e-10)


def test_collinear_lags_have_weights():
    X = np.ones((10, 3))
    found = ridge_path(X.T @ X, X.T @ X[:, :1], np.zeros(1))[0, :, 0]
    np.testing.assert_allclose(found, 1 / 3, atol=1e-4)
    assert (ridge_path(np.zeros((2, 2)), np.zeros((2, 1)), np.array([0.1])) == 0).all()


@given(lags=st.integers(1, 6), steps=st.integers(1, 12), seed=st.integers(0, 1000))
def test_the_map_is_the_closed_loop(lags, steps, seed):
    rng = np.random.default_rng(seed)
    weights, x = rng.normal(size=(3, lags)), rng.normal(size=20)
    found = closed_loop(weights, steps).forecast(x, np.array([20, 13]))
    for model in range(3):
        for i, origin in enumerate((20, 13)):
            wanted = fed_back(weights[model], x[:origin], steps)
            np.testing.assert_allclose(found[model, i], wanted, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("differences", [(), (1,), (4,), (1, 4)])
def test_weights_of_differences_become_weights_of_values(differences):
    weights = np.array([[0.5, -0.2, 0.1]])
    x = np.random.default_rng(3).normal(size=30)
    z = x
    for d in differences:
        z = z[d:] - z[:-d]
    ahead = fed_back(weights[0], z, 6)
    for d in reversed(differences):  # summed up again
        base = x
        for other in differences[: differences.index(d)]:
            base = base[other:] - base[:-other]
        base = list(base)
        for step in ahead:
            base.append(base[-d] + step)
        ahead = np.array(base[-6:])
    found = fed_back(undifferenced(weights, differences)[0], x, 6)
    np.testing.assert_allclose(found, ahead, atol=1e-10)


def test_a_candidate_is_the_regression_on_its_lags():
    x = process(80)
    lags = (1, 2, 5)
    maps = Autoregressions((), ((),), 1).maps(x, ((), lags))
    X = np.array([[x[t - lag] for lag in lags] for t in range(5, 80)])
    size = np.trace(X.T @ X) / 3
    for i, penalty in enumerate(PENALTIES):
        ridge = linear_model.Ridge(alpha=penalty * size, fit_intercept=False)
        wanted = ridge.fit(X, x[5:]).coef_
        found = maps.matrices[i, 0, ::-1][np.array(lags) - 1]
        np.testing.assert_allclose(found, wanted, atol=1e-8)
        to_last = ridge.fit(X, x[5:] - x[4:-1]).coef_ + np.eye(3)[0]
        found = maps.matrices[len(PENALTIES) + i, 0, ::-1][np.array(lags) - 1]
        np.testing.assert_allclose(found, to_last, atol=1e-8)


def test_sets_of_lags():
    assert lag_sets(())[:3] == [(1,), (1, 2), (1, 2, 3)]
    found = lag_sets((12,))
    for lags in [(1, 12), (1, 2, 11, 12, 13), (1, 12, 13, 24, 25), tuple(range(1, 14))]:
        assert lags in found
    assert (1, 7, 30) in lag_sets((7, 30)), "all seasons together"
    assert len(set(found)) == len(found)
    assert all(lags == tuple(sorted(set(lags))) and lags[0] == 1 for lags in found)
    assert usable_seasons((30, 7, 1, 7), 90) == (7, 30)
    assert usable_seasons((30, 7), 89) == (7,)


def test_names():
    x = seasonal(60)
    assert fit_autoregression(x, (12,), 3).name == "autoregression"
    assert fit_differenced_autoregression(x, (12,), 3).name == "seasonal autoregression"
    assert fit_differenced_autoregression(x, (), 3).name == "autoregression of differences"
    assert fit_differenced_autoregression(x, (24,), 3).name == "autoregression of differences"


def test_a_noiseless_process_goes_on():
    t = np.arange(200)
    x = 3 + np.sin(0.3 * t) + 0.5 * np.cos(1.1 * t)
    found = fit_autoregression(x[:150], (), 20).forecast(x, np.array([150, 170, 180]), 20)
    wanted = windows_before(x, np.array([170, 190, 200]), 20)
    np.testing.assert_allclose(found, wanted, atol=0.02)


def test_a_season_with_a_trend_goes_on():
    """Differences to the season before are constant: the trend is their mean."""
    x = seasonal(132, noise=0)
    found = fit_differenced_autoregression(x[:120], (12,), 12)
    np.testing.assert_allclose(
        found.forecast(x, np.array([120]), 12)[0], x[120:], rtol=0, atol=0.05
    )


def test_a_long_process_is_forecast_about_as_well_as_by_its_own_weights():
    x = process(3000, seed=4)
    model = fit_autoregression(x[:2000], (), 6)
    origins = np.arange(2000, 2994)
    truth = windows_before(x, origins + 6, 6)
    best = closed_loop(np.array([[1.2, -0.6]]), 6).forecast(x, origins)[0]
    error, least = (np.mean((f - truth) ** 2) for f in (model.forecast(x, origins, 6), best))
    assert error < 1.03 * least


@fits
def test_the_unit_and_the_zero_of_the_scale_play_no_part(fit):
    x = seasonal(90)
    origins = np.array([60, 90])
    wanted = fit(x, (12,), 8).forecast(x, origins, 8)
    for a, b in [(3.0, 10.0), (-1.0, 0.0), (1e-150, 0.0), (1e150, 1e150), (1.0, 1e6)]:
        y = a * x + b
        found = fit(y, (12,), 8).forecast(y, origins, 8)
        np.testing.assert_allclose((found - b) / a, wanted, rtol=0, atol=1e-5)


@fits
def test_no_later_value_has_a_part(fit):
    x = seasonal(120)
    model = fit(x[:100], (12,), 10)
    origins = np.array([1, 5, 60, 100, 110])
    wanted = model.forecast(x, origins, 10)
    assert wanted.shape == (5, 10)
    for i, origin in enumerate(origins):
        changed = x.copy()
        changed[origin:] = 1e6
        alone = model.forecast(changed, origins[i : i + 1], 10)[0]
        np.testing.assert_allclose(alone, wanted[i], rtol=1e-10)
    np.testing.assert_array_equal(model.forecast(x, origins, 4), wanted[:, :4])


@fits
def test_forecasts_beyond_the_lead_times_that_were_asked_for_are_fed_back(fit):
    x = seasonal(150)
    model = fit(x, (12,), 5)
    long = model.forecast(x, np.array([150]), 10)[0]
    extended = np.concatenate([x, long[:5]])
    again = model.forecast(extended, np.array([155]), 5)[0]
    np.testing.assert_allclose(long[5:], again, rtol=1e-10)
    assert model.forecast(x, np.array([150, 100]), 1000).shape == (2, 1000)


SHORT = {
    "noise": lambda n, rng: rng.normal(size=n),
    "constant": lambda n, rng: np.full(n, 0.1),
    "zero": lambda n, rng: np.zeros(n),
    "walk at a high level": lambda n, rng: 1e9 + np.cumsum(rng.normal(size=n)),
    "exponential": lambda n, rng: np.exp(0.7 * np.arange(n)),
    "tiny": lambda n, rng: 1e-200 * rng.normal(size=n),
    "one jump": lambda n, rng: (np.arange(n) == n - 2) * 1e12,
}


@fits
@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(sorted(SHORT)),
    n=st.integers(1, 50),
    seasons=st.sampled_from([(), (2,), (7,), (7, 12), (40,)]),
    steps=st.integers(1, 30),
    seed=st.integers(0, 100),
)
def test_any_series_has_a_finite_forecast(fit, kind, n, seasons, steps, seed):
    x = SHORT[kind](n, np.random.default_rng(seed))
    found = fit(x, seasons, steps).forecast(x, np.arange(1, n + 1), steps)
    assert found.shape == (n, steps) and np.isfinite(found).all()
    if kind in ("constant", "zero"):
        np.testing.assert_allclose(found, x[0], rtol=1e-12)


@fits
def test_three_values_are_repeated_from_the_last(fit):
    found = fit(np.array([1.0, 4.0, 2.0]), (12,), 3)
    np.testing.assert_allclose(
        found.forecast(np.array([1.0, 4.0, 2.0]), np.array([3, 2]), 3), [[2] * 3, [4] * 3]
    )


@fits
def test_a_long_forecast_stays_near_the_series(fit):
    x = np.cumsum(np.cumsum(np.random.default_rng(0).normal(size=80)))
    found = fit(x, (), 10).forecast(x, np.array([80]), 5000)
    assert np.abs(found).max() <= np.abs(x).max() + 10 * np.ptp(x)
