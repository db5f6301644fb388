"""Exponential smoothing fitted: recoveries, closed forms, derivatives, forecasts."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from throughtime._support.precision import precision
from throughtime.models import smoothing_rates
from throughtime.models.smoothing import VARIANTS, Smoothing, fit_smoothing
from throughtime.recurrence.exponential_smoothing import ExponentialSmoothing

PERIOD = 4


def simulate(steps, seed=0, alpha=0.4, beta=0.1, gamma=0.2, phi=0.95, season=True):
    """A series of ETS(A, Ad, A), in NumPy."""
    rng = np.random.default_rng(seed)
    level, slope, seasons, values = 10.0, 0.1, [2.0, -1.0, 0.5, -1.5], []
    for t in range(steps):
        error, old = rng.normal(), seasons[t] if season else 0.0
        values.append(level + phi * slope + old + error)
        level, slope = level + phi * slope + alpha * error, phi * slope + beta * error
        seasons.append(seasons[t] + gamma * error)
    return np.array(values)


def model(variant, period=PERIOD, **rates):
    with precision("float64"):
        logits = ExponentialSmoothing(period, **rates, dtype=jnp.float64).logits
    return Smoothing(variant, period, np.asarray(logits), 0.0)


FULL = model("level, damped slope and season", alpha=0.4, beta=0.1, gamma=0.2, phi=0.9)


def best_first_state(values, alpha, beta, gamma, phi):
    """Level, slope and seasons after the values, from the first state of least squares.

    One run for each part of the first state, in NumPy.
    """

    def run(y, first):
        level, slope, season, errors = first[0], first[1], list(first[2:]), []
        for t, value in enumerate(y):
            error = value - (level + phi * slope + season[t])
            level, slope = level + phi * slope + alpha * error, phi * slope + beta * error
            season.append(season[t] + gamma * error)
            errors.append(error)
        return np.array(errors), np.array([level, slope, *season[len(y) :]])

    size = 2 + PERIOD
    plain, state = run(values, np.zeros(size))
    runs = [run(np.zeros(len(values)), unit) for unit in np.eye(size)]
    A, states = np.array([r[0] for r in runs]).T, np.array([r[1] for r in runs])
    penalty = np.diag(smoothing_rates.penalties(PERIOD))
    first = np.linalg.solve(A.T @ A + penalty, -A.T @ plain)
    return state + first @ states


@pytest.mark.parametrize("origin", [1, 2, 3, 5, 9, 40])
def test_a_forecast_is_that_of_the_recursion_from_the_best_first_state(origin):
    values, steps = simulate(40), 6
    known = values[:origin] - values[0]
    level, slope, *season = best_first_state(known, 0.4, 0.1, 0.2, 0.9)
    k = np.arange(1, steps + 1)
    expected = level + slope * np.cumsum(0.9**k) + np.array(season)[(k - 1) % PERIOD]
    forecast = FULL.forecast(values, np.array([origin]), steps)[0]
    np.testing.assert_allclose(forecast, expected + values[0], rtol=1e-8)


def test_no_later_value_and_no_other_origin_has_a_part():
    values, origins = simulate(60), np.array([7, 30, 30, 59, 12])
    together = FULL.forecast(values, origins, 5)
    for row, origin in zip(together, origins, strict=True):
        changed = np.where(np.arange(60) < origin, values, 1e6)
        alone = FULL.forecast(changed, np.array([origin]), 5)[0]
        np.testing.assert_allclose(row, alone, rtol=1e-9)
        cut = FULL.forecast(values[:origin], np.array([origin]), 5)[0]
        np.testing.assert_allclose(row, cut, rtol=1e-9)


def test_windows_of_a_long_series_agree():
    """Old values have no part, so a forecast does not depend on where its window begins."""
    values, origins = (
        simulate(2600, gamma=0.1, phi=0.9),
        np.array([1000, 1024, 1025, 1600, 2600]),
    )
    together = FULL.forecast(values, origins, 4)
    for row, origin in zip(together, origins, strict=True):
        recent = values[origin - 500 : origin]
        alone = FULL.forecast(recent, np.array([500]), 4)[0]
        np.testing.assert_allclose(row, alone, rtol=1e-6)


def test_the_rates_of_simulated_series_are_recovered():
    """Those of ETS(A, Ad, A), in the mean over series; one series leaves them open."""
    series = [simulate(256, seed, alpha=0.5, beta=0.1, gamma=0.2, phi=0.9) for seed in range(6)]
    models = fit_smoothing(series, PERIOD)
    rates = np.mean([list(m.rates.values()) for m in models], axis=0)
    assert np.all(np.abs(rates - [0.5, 0.1, 0.2, 0.9]) < [0.08, 0.05, 0.06, 0.06])
    assert all("season" in m.variant for m in models)


def test_a_batch_of_many_lengths_is_each_series_alone():
    series = [simulate(n, n) for n in (64, 30, 17, 6, 3, 1)]
    for together, y in zip(fit_smoothing(series, PERIOD), series, strict=True):
        alone = fit_smoothing([y], PERIOD)[0]
        assert together.variant == alone.variant
        np.testing.assert_allclose(together.logits, alone.logits, rtol=1e-6)


def test_slope_and_errors_of_the_fit_against_finite_differences():
    ys = np.array([simulate(40) - simulate(40)[0]])
    free = np.array([VARIANTS["level, damped slope and season"]])
    logits, small = np.array([[0.3, -1.0, -0.5, 0.2]]), 1e-5
    weights = smoothing_rates._weights(np.array([40.0]), 40)

    def point(logits):
        return smoothing_rates._evaluate(
            logits, ys=ys, weights=weights, free=free, period=PERIOD
        )

    slope = point(logits).slope[0]
    for i, step in enumerate(small * np.eye(4)):
        difference = point(logits + step).loss - point(logits - step).loss
        # (The slope is of half the loss.)
        np.testing.assert_allclose(2 * slope[i], difference[0] / (2 * small), rtol=1e-5)


def test_errors_of_a_lead_time_are_those_of_its_forecasts():
    """By the recursion from one-step errors, and by forecasts from each origin."""
    cell, values = FULL, simulate(30)
    first = np.random.default_rng(0).normal(size=2 + PERIOD)
    level, slope, season, errors, states = first[0], first[1], list(first[2:]), [], []
    for t, value in enumerate(values):
        states.append((level, slope, season[t : t + PERIOD]))
        error = value - (level + 0.9 * slope + season[t])
        level, slope = level + 0.9 * slope + 0.4 * error, 0.9 * slope + 0.1 * error
        season.append(season[t] + 0.2 * error)
        errors.append(error)
    with precision("float64"):
        logits = jnp.asarray(cell.logits)[:, None]
        ours = smoothing_rates.lead_errors(
            smoothing_rates.cell_of(logits, PERIOD), jnp.asarray(errors)[None]
        )
    for row, lead in zip(np.asarray(ours)[0], smoothing_rates.LEADS, strict=True):
        for target in range(lead - 1, len(values)):
            level, slope, season = states[target - lead + 1]
            damped = slope * np.sum(0.9 ** np.arange(1, lead + 1))
            forecast = level + damped + season[(lead - 1) % PERIOD]
            np.testing.assert_allclose(row[target], values[target] - forecast, atol=1e-12)


def test_a_line_is_continued():
    values = 3 - 2.0 * np.arange(50)
    fitted = Smoothing.fit(values, (), 5)
    assert fitted.variant == "level and slope"
    expected = 3 - 2.0 * np.arange(50, 55)
    np.testing.assert_allclose(
        fitted.forecast(values, np.array([50]), 5)[0], expected, atol=1e-3
    )


def test_a_season_is_continued():
    values = np.tile([1.0, 5.0, -3.0, 2.0], 12)
    fitted = Smoothing.fit(values, (PERIOD,), 5)
    assert fitted.variant == "level and season"
    forecast = fitted.forecast(values, np.array([47]), 5)[0]
    np.testing.assert_allclose(forecast, [2.0, 1.0, 5.0, -3.0, 2.0], atol=1e-3)


def test_white_noise_is_forecast_by_its_mean():
    values = np.random.default_rng(1).normal(size=250)
    forecast = Smoothing.fit(values).forecast(values, np.array([250]), 3)[0]
    np.testing.assert_allclose(forecast, values.mean(), atol=0.4)


@given(shift=st.sampled_from([0.0, 1e3, -1e6]), scale=st.sampled_from([1e-6, 1.0, -3.0, 1e9]))
@settings(max_examples=6)
def test_shift_and_scale_carry_over(shift, scale):
    values, origins = simulate(60), np.array([20, 60])
    plain = Smoothing.fit(values, (PERIOD,), 4).forecast(values, origins, 4)
    moved = scale * (values + shift)
    forecast = Smoothing.fit(moved, (PERIOD,), 4).forecast(moved, origins, 4)
    np.testing.assert_allclose(forecast / scale - shift, plain, atol=1e-4 + 1e-9 * abs(shift))


def test_a_huge_level_hides_no_season():
    values = 1e9 + np.tile([1.0, 5.0, -3.0, 2.0], 12)
    fitted = Smoothing.fit(values, (PERIOD,), 4)
    forecast = fitted.forecast(values, np.array([48]), 4)[0] - 1e9
    np.testing.assert_allclose(forecast, [1.0, 5.0, -3.0, 2.0], atol=1e-2)


@given(
    values=st.lists(
        st.floats(-1e300, 1e300) | st.sampled_from([0.0, 1.0, 1e-300]), min_size=1, max_size=14
    )
)
@example([7.0] * 12)
@example([0.0])
@example([1.7e308, -1.7e308] * 5)
@settings(max_examples=8)
def test_forecasts_are_finite(values):
    values = np.array(values)
    fitted = Smoothing.fit(values, (2, PERIOD, 100), 3)
    origins = np.arange(1, len(values) + 1)
    forecast = fitted.forecast(values, origins, 3)
    assert forecast.shape == (len(values), 3) and np.isfinite(forecast).all()
    if len(values) < 4:
        assert fitted.variant == "level"


def test_a_constant_is_continued_exactly():
    values = np.full(20, 7.25)
    fitted = Smoothing.fit(values, (PERIOD,), 3)
    np.testing.assert_array_equal(fitted.forecast(values, np.array([1, 5, 20]), 3), 7.25)


def test_seasons_are_compared_on_the_same_values():
    rng = np.random.default_rng(0)
    y = 3 * rng.normal(size=48)[np.arange(2500) % 48] + 0.3 * rng.normal(size=2500)
    assert Smoothing.fit(y, (48, 336)).period == 48
