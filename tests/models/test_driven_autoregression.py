"""Autoregressions driven by inputs: exact recursions, delays, a driven oscillator, noise."""

import numpy as np
import pytest

from throughtime.models.drive import Drive
from throughtime.models.driven_autoregression import (
    Driven,
    DrivenAutoregression,
    differenced,
)
from throughtime.models.series_model import SeriesModel


def oscillator(n=300, noise=0.0, seed=0):
    """A damped oscillator, x'' discretised, pushed by a smooth random force."""
    rng = np.random.default_rng(seed)
    u = np.convolve(rng.normal(size=n), np.ones(5) / 5, "same")[:, None]
    x = np.zeros(n)
    for t in range(2, n):
        x[t] = 1.8 * x[t - 1] - 0.9 * x[t - 2] + u[t, 0] + noise * rng.normal()
    return x, u


def late(n=300, delay=6, noise=0.0, seed=0):
    """A process that follows its control with a delay."""
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(n, 1))
    y = np.zeros(n)
    for t in range(delay, n):
        y[t] = 0.7 * y[t - 1] + 0.5 * u[t - delay, 0] + noise * rng.normal()
    return y, u


def rmse(model, y, origins, steps):
    truth = y[origins[:, None] + np.arange(steps)]
    return np.sqrt(np.mean((model.forecast(y, origins, steps) - truth) ** 2))


@pytest.mark.parametrize("make", [oscillator, late])
def test_an_exact_recursion_is_found_and_run_in_closed_loop(make):
    y, u = make()
    model = DrivenAutoregression.fit(y[:200], Drive(u[:200]), (), 20).on(Drive(u))
    assert rmse(model, y, np.arange(200, 270), 20) < 1e-3 * y.std()


def test_inputs_at_the_time_of_the_target_are_used_and_no_later_value():
    y, u = oscillator()
    model, origins = DrivenAutoregression.fit(y, Drive(u), (), 5), np.array([150, 200])
    changed = y.copy()
    changed[200:] += 100
    np.testing.assert_array_equal(
        model.forecast(changed, origins, 5), model.forecast(y, origins, 5)
    )
    pushed = u.copy()
    pushed[200] += 1  # the first step ahead of the second origin
    moved = model.on(Drive(pushed)).forecast(y, origins, 5) - model.forecast(y, origins, 5)
    np.testing.assert_allclose(moved[0], 0, atol=1e-12)
    assert moved[1, 0] == pytest.approx(1, rel=0.05)


def test_the_closed_loop_step_by_step():
    y, u = oscillator(60, 0.1)
    lags, weights = (1, 3), np.array([0.5, -0.2, 0.3, 0.1, 0.05])  # two delays, a constant
    for d in (0, 2):
        pushes = Drive(u).pushes(np.array([40]), 6, d, 1)
        found = Driven(d, lags, np.arange(2), 0, weights).forecast(y, pushes, np.array([40]))[0]
        known, drive = list(y[:40]), differenced(u, d)[:, 0]
        for t in range(40, 46):
            past = [known[t - lag] - (known[t - lag - d] if d else 0) for lag in lags]
            step = weights @ [*past, drive[t], drive[t - 1], 1]
            known.append(step + (known[t - d] if d else 0))
        np.testing.assert_allclose(found, known[40:])


def test_noise_bounds_what_can_be_known():
    y, u = late(600, noise=0.1)
    model = DrivenAutoregression.fit(y[:450], Drive(u[:450]), (), 1).on(Drive(u))
    assert rmse(model, y, np.arange(450, 590), 1) == pytest.approx(0.1, rel=0.15)


def test_in_the_combination_an_input_that_drives_the_series_is_found():
    y, u = late(240, noise=0.1)
    model = SeriesModel.fit(y[:200], 6, drive=Drive(u[:200]))
    without = SeriesModel.fit(y[:200], 6)
    origins = np.arange(200, 234)
    driven = model.on(Drive(u), model.combination.components[0])
    assert driven.shares(6)["driven autoregression"] > 0.5
    assert rmse(driven, y, origins, 6) < 0.6 * rmse(without, y, origins, 6)


def test_an_input_that_is_noise_costs_next_to_nothing():
    rng = np.random.default_rng(2)
    y = np.sin(2 * np.pi * np.arange(300) / 12) + 0.3 * rng.normal(size=300)
    noise, origins = rng.normal(size=(300, 1)), np.arange(240, 290)
    model = SeriesModel.fit(y[:240], 6, drive=Drive(noise[:240]))
    driven = model.on(Drive(noise), model.combination.components[0])
    without = SeriesModel.fit(y[:240], 6)
    assert rmse(driven, y, origins, 6) < 1.02 * rmse(without, y, origins, 6)


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_a_short_series_is_forecast_all_the_same(n):
    y, u = oscillator(20)
    found = (
        DrivenAutoregression.fit(y[:n], Drive(u[:n]), (), 4)
        .on(Drive(u))
        .forecast(y, np.array([n]), 4)
    )
    assert np.isfinite(found).all()


def test_an_input_that_did_not_move_is_not_blown_up():
    """Its spread is rounding; a later step of it is no reason to go to the limits."""
    y = np.sin(np.arange(60) / 3)
    u = np.full((60, 1), 0.1)
    model = DrivenAutoregression.fit(y[:50], Drive(u[:50]), (), 5)
    u[50:] = 1.1
    assert np.abs(model.on(Drive(u)).forecast(y, np.array([50]), 5)).max() < 3
