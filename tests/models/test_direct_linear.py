"""Direct linear forecasts, against scikit-learn and series whose future is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import linear_model

from throughtime.errors import InputError
from throughtime.models.direct_linear import PENALTIES, DirectLinear, fit_direct_linear

LOGARITHM = pytest.mark.parametrize("logarithm", [False, True])


def growing(n, season=12, seed=0, noise=0.01):
    """A season and noise in proportion to an exponential trend."""
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    return np.exp(
        0.3 * rng.normal(size=season)[t % season] + 0.01 * t + noise * rng.normal(size=n)
    )


def test_all_lead_times_are_the_regressions_of_scikit_learn():
    x = growing(70)
    p, K = 4, 3
    maps = DirectLinear((), K).maps(x, p)
    rows = range(p, 70 - K)
    X = np.array([[x[t - lag] - x[t] for lag in range(1, p + 1)] for t in rows])
    Y = np.array([[x[t + k] - x[t] for k in range(1, K + 1)] for t in rows])
    size = np.trace(X.T @ X) / p
    for i, penalty in enumerate(PENALTIES):
        ridge = linear_model.Ridge(alpha=penalty * size, fit_intercept=False).fit(X, Y)
        weights = maps.matrices[i, :, :-1][:, ::-1]
        np.testing.assert_allclose(weights, ridge.coef_, atol=1e-7)
        np.testing.assert_allclose(maps.matrices[i].sum(axis=1), 1, atol=1e-12)


def test_much_shrinking_repeats_the_last_value_or_the_last_season():
    x = growing(100, season=5)
    maps = DirectLinear((5,), 7).maps(x, 6)
    last, season = (maps.matrices[i * len(PENALTIES) - 1, :, ::-1] for i in (1, 2))
    lags = np.argmax(season, axis=1)
    np.testing.assert_array_equal(np.argmax(last, axis=1), 0)
    np.testing.assert_array_equal(lags, [4, 3, 2, 1, 0, 4, 3])


def test_the_numbers_of_lags_cover_two_seasons():
    (orders,) = DirectLinear((7, 24), 3).groups()
    assert {1, 2, 6, 7, 8, 14, 15, 24, 48, 49} <= set(orders) and orders == sorted(orders)
    assert max(DirectLinear((365,), 3).groups()[0]) <= 400


def test_names():
    x = growing(60)
    assert fit_direct_linear(x, (12,), 3).name == "direct linear"
    assert fit_direct_linear(x, (12,), 3, logarithm=True).name == "direct linear on logarithms"


def test_growth_with_a_season_goes_on_in_logarithms():
    x = growing(132, noise=0)
    found = fit_direct_linear(x[:120], (12,), 12, logarithm=True)
    np.testing.assert_allclose(found.forecast(x, np.array([120]), 12)[0], x[120:], rtol=0.01)


def test_a_noiseless_oscillation_goes_on():
    t = np.arange(260)
    x = 3 + np.sin(0.3 * t) + 0.5 * np.cos(1.1 * t)
    found = fit_direct_linear(x[:200], (), 20).forecast(x, np.array([200, 240]), 20)
    np.testing.assert_allclose(found, [x[200:220], x[240:260]], atol=0.01)


def test_the_level_plays_no_part():
    x = growing(90)
    origins = np.array([60, 90])
    wanted = fit_direct_linear(x, (12,), 8).forecast(x, origins, 8)
    for a, b in [(3.0, 10.0), (-1.0, 0.0), (1e-150, 0.0), (1e150, 1e150), (1.0, 1e6)]:
        y = a * x + b
        found = fit_direct_linear(y, (12,), 8).forecast(y, origins, 8)
        np.testing.assert_allclose((found - b) / a, wanted, rtol=0, atol=1e-5)


def test_a_fitted_map_knows_no_level():
    """Values that move to another level after the fit move the forecast with them."""
    x = growing(90)
    model = fit_direct_linear(x, (12,), 8)
    origins = np.array([70, 90])
    np.testing.assert_allclose(
        model.forecast(x + 1000, origins, 8), model.forecast(x, origins, 8) + 1000, rtol=1e-9
    )


@pytest.mark.parametrize("unit", [1e-100, 1e-3, 1e6, 1e100])
def test_the_unit_plays_no_part_in_logarithms(unit):
    x = growing(90)
    origins = np.array([60, 90])
    wanted = fit_direct_linear(x, (12,), 8, logarithm=True).forecast(x, origins, 8)
    found = fit_direct_linear(unit * x, (12,), 8, logarithm=True).forecast(unit * x, origins, 8)
    np.testing.assert_allclose(found / unit, wanted, rtol=1e-6)


@LOGARITHM
def test_no_later_value_has_a_part(logarithm):
    x = growing(120)
    model = fit_direct_linear(x[:100], (12,), 10, logarithm)
    origins = np.array([1, 5, 60, 100, 110])
    wanted = model.forecast(x, origins, 10)
    for i, origin in enumerate(origins):
        changed = x.copy()
        changed[origin:] = 1e6
        alone = model.forecast(changed, origins[i : i + 1], 10)[0]
        np.testing.assert_allclose(alone, wanted[i], rtol=1e-10)


@LOGARITHM
def test_later_lead_times_are_fed_back(logarithm):
    x = growing(600)
    model = fit_direct_linear(x, (12,), 100, logarithm)
    assert model.matrix.shape[0] == 64
    long = model.forecast(x, np.array([600]), 100)[0]
    again = model.forecast(np.concatenate([x, long[:64]]), np.array([664]), 36)[0]
    np.testing.assert_allclose(long[64:], again, rtol=1e-8)


def test_logarithms_need_positive_values():
    with pytest.raises(InputError, match="logarithms need positive values"):
        fit_direct_linear(np.array([1.0, 0.0, 2.0]), (), 1, logarithm=True)


def test_a_later_value_without_a_logarithm_counts_as_a_small_one():
    x = growing(80)
    model = fit_direct_linear(x, (12,), 4, logarithm=True)
    later = np.concatenate([x, [0.0, -3.0]])
    assert np.isfinite(model.forecast(later, np.array([81, 82]), 4)).all()


@settings(deadline=None, max_examples=80)
@given(
    kind=st.sampled_from(["noise", "constant", "level", "exponential", "tiny", "jump"]),
    n=st.integers(1, 50),
    seasons=st.sampled_from([(), (2,), (7,), (7, 12), (40,)]),
    steps=st.integers(1, 90),
    logarithm=st.booleans(),
    seed=st.integers(0, 100),
)
def test_any_series_has_a_finite_forecast(kind, n, seasons, steps, logarithm, seed):
    noise, t = np.random.default_rng(seed).uniform(0.1, 1, size=n), np.arange(n)
    x = {
        "noise": noise,
        "constant": np.full(n, 0.1),
        "level": 1e9 + noise,
        "exponential": np.exp(0.7 * t),
        "tiny": 1e-200 * noise,
        "jump": np.where(t == n - 2, 1e12, 1.0),
    }[kind]
    model = fit_direct_linear(x, seasons, steps, logarithm)
    found = model.forecast(x, np.arange(1, n + 1), steps)
    assert found.shape == (n, steps) and np.isfinite(found).all()
    if kind == "constant":
        np.testing.assert_allclose(found, 0.1, rtol=1e-12)
