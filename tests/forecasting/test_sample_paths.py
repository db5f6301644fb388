"""Sample paths: their quantiles, how their steps hang together, and probabilities."""

import numpy as np
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from throughtime import Forecaster
from throughtime.forecasting.forecast import Forecast
from throughtime.forecasting.sample_paths import Dependence
from throughtime.models.intervals import LEVELS, Intervals
from throughtime.stamps.time_axis import Times

STEPS = 6


def normal(scale=1.0, steps=STEPS, targets=1, center=0.0):
    """Intervals of normal distributions, wider by `scale[k]` at each step."""
    scale = np.broadcast_to(np.asarray(scale, float), (steps,))
    z = norm.ppf((1 + np.array(LEVELS)) / 2)[:, None, None]
    return Intervals.around(
        np.full((steps, targets), center), np.tile(z * scale[:, None], targets), LEVELS
    )


def forecast(intervals, errors=None, rows=0):
    dependence = None if errors is None else Dependence.of(errors, rows)
    names = tuple(f"y{i}" for i in range(intervals.center.shape[1]))
    times = Times.count(len(intervals.center))
    return Forecast.within(intervals, times, names, 0.9, "made", dependence)


def test_the_quantiles_of_the_paths_are_those_of_the_intervals():
    found = forecast(normal(2.0, center=5.0)).sample(20_000)
    for share in (0.01, 0.1, 0.5, 0.9, 0.99):
        wanted = norm.ppf(share, 5, 2)
        np.testing.assert_allclose(np.quantile(found, share, axis=0), wanted, atol=0.15)


def test_without_known_errors_the_steps_hang_together_as_a_random_walk_does():
    found = forecast(normal()).sample(20_000)[..., 0]
    k = np.arange(1, STEPS + 1)
    wanted = np.sqrt(np.minimum(k, k[:, None]) / np.maximum(k, k[:, None]))
    np.testing.assert_allclose(np.corrcoef(found.T), wanted, atol=0.03)


@pytest.mark.parametrize("rho", [0.0, 0.7, -0.5])
def test_steps_depend_as_the_errors_of_past_forecasts_did(rho):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4000, STEPS))
    for k in range(1, STEPS):
        z[:, k] = rho * z[:, k - 1] + np.sqrt(1 - rho**2) * z[:, k]
    errors = np.exp(z)[..., None]  # ranks alone count
    found = forecast(normal(), errors, 4000 * STEPS).sample(8000)[..., 0]
    wanted = rho ** np.abs(np.subtract.outer(np.arange(STEPS), np.arange(STEPS)))
    np.testing.assert_allclose(np.corrcoef(found.T), wanted, atol=0.06)


def test_the_spread_of_a_sum_is_that_of_dependent_steps():
    """Of a random walk's errors: the variance of their sum is that of 1 + 2 + ... squared."""
    walk = np.cumsum(np.random.default_rng(1).normal(size=(3000, STEPS)), axis=1)[..., None]
    scale = np.sqrt(np.arange(1, STEPS + 1))
    found = forecast(normal(scale), walk, 3000 * STEPS).sample(20_000).sum(axis=(1, 2))
    assert found.std() == pytest.approx(np.sqrt(np.sum(np.arange(1, STEPS + 1) ** 2)), rel=0.05)


def test_targets_rise_and_fall_together_where_their_errors_did():
    rng = np.random.default_rng(2)
    one = rng.normal(size=(3000, STEPS))
    errors = np.stack([one, -one, rng.normal(size=one.shape)], axis=-1)
    found = forecast(normal(targets=3), errors, 3000 * STEPS).sample(5000)
    correlation = np.corrcoef(found[:, 2].T)
    assert correlation[0, 1] < -0.9 and abs(correlation[0, 2]) < 0.1


def test_beyond_the_judged_lead_times_a_path_goes_on_as_a_random_walk():
    errors = np.random.default_rng(0).normal(size=(2000, 2, 1))
    found = forecast(normal(), errors, 4000).sample(20_000)[..., 0]
    correlation = np.corrcoef(found.T)
    assert abs(correlation[0, 1]) < 0.1
    assert correlation[1, 5] == pytest.approx(np.sqrt(2 / 6), abs=0.04)
    np.testing.assert_allclose(found.std(axis=0), 1, atol=0.03)


@given(threshold=st.floats(-4, 4))
def test_the_probability_of_a_threshold_is_that_of_the_normal_distribution(threshold):
    found = forecast(normal(1.5)).probability(above=threshold)
    np.testing.assert_allclose(found, norm.sf(threshold, 0, 1.5), atol=1e-9)


def test_probabilities_at_a_bound():
    """Half of a normal distribution cut off at 0: nothing lies below, half is at 0."""
    whole = normal()
    parts = (np.maximum(v, 0) for v in (whole.center, whole.lower, whole.upper))
    cut = Intervals(LEVELS, *parts, 0.0)
    found = forecast(cut)
    np.testing.assert_allclose(found.probability(above=0), 0.5)
    np.testing.assert_allclose(found.probability(above=-0.1), 1)
    assert (found.sample(500) >= 0).all()


def test_a_forecast_of_a_series_has_paths():
    y = np.cumsum(np.random.default_rng(0).normal(size=150))
    model = Forecaster(hidden=4, ensemble=1, epochs=1).fit(y)
    found = model.predict(5)
    paths = found.sample(4000, seed=1)
    assert paths.shape == (4000, 5, 1)
    np.testing.assert_array_equal(paths, found.sample(4000, seed=1))
    inside = (found.lower <= paths) & (paths <= found.upper)
    np.testing.assert_allclose(inside.mean(axis=0), 0.9, atol=0.03)
    assert np.corrcoef(paths[:, 3, 0], paths[:, 4, 0])[0, 1] > 0.6  # a random walk


def test_what_cannot_be_sampled_is_refused():
    with refuses("`paths` must be"):
        forecast(normal()).sample(0)
    endless = Intervals.around(np.zeros((2, 1)), np.full((4, 2, 1), np.inf), LEVELS)
    with refuses("sample paths and probabilities need an interval at every step"):
        forecast(endless).sample(3)
    with refuses("sample paths and probabilities need an interval at every step"):
        forecast(endless).probability(above=0)


def test_levels_that_are_not_known_are_left_out():
    half = normal()
    lower, upper = half.lower.copy(), half.upper.copy()
    lower[2:], upper[2:] = -np.inf, np.inf
    found = forecast(Intervals(LEVELS, half.center, lower, upper)).sample(20_000)
    np.testing.assert_allclose(np.quantile(found, 0.975, axis=0), norm.ppf(0.975), atol=0.1)
