"""Inputs of every kind in a forecast: what they bring, what noise costs, and no leakage."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from throughtime.data.loading import to_series
from throughtime.models.drive import Drive
from throughtime.models.driven_autoregression import DrivenAutoregression
from throughtime.models.series_model import SeriesModel

STEPS = 6


def autoregressive(n, rng, weight=0.8):
    y = np.zeros(n)
    for t in range(1, n):
        y[t] = weight * y[t - 1] + rng.normal()
    return y


def rmse(model, y, first):
    origins = np.arange(first, len(y) - STEPS)
    truth = y[origins[:, None] + np.arange(STEPS)]
    return np.sqrt(np.mean((model.forecast(y, origins, STEPS) - truth) ** 2))


def core(y, drive, first):
    """The driven autoregression of the first values, with the inputs of all."""
    return DrivenAutoregression.fit(y[:first], drive, (), STEPS)


def stamped(y, **inputs):
    days = pd.date_range("2022-01-01", periods=len(y), freq="D")
    (series,) = to_series(pd.DataFrame({"day": days, "y": y}), target="y", **inputs)
    return Drive.of(series)


def test_a_measured_cause_is_known_for_as_long_as_it_takes_to_act():
    """The error is that of the noise up to the delay: 0.1, within a seventh (0.100 to 0.106
    over the seeds 0 to 4)."""
    rng = np.random.default_rng(0)
    n, first = 400, 300
    cause = rng.normal(size=(n, 1))
    y = 0.1 * rng.normal(size=n)
    y[STEPS:] += cause[:-STEPS, 0]
    drive = Drive(np.empty((n, 0)), cause)
    assert rmse(core(y, drive, first), y, first) == pytest.approx(0.1, rel=0.15)


def test_a_cause_that_can_be_forecast_helps_beyond_its_delay():
    """y follows a slow input at once; the best is the error of the input's own forecast."""
    rng = np.random.default_rng(1)
    n, first = 500, 400
    cause = autoregressive(n, rng, 0.95)[:, None]
    y = cause[:, 0] + rng.normal(size=n) * 2
    drive = Drive(np.empty((n, 0)), cause)
    origins = np.arange(first, n - STEPS)
    ahead = cause[origins - 1] * 0.95 ** np.arange(1, STEPS + 1)
    truth = y[origins[:, None] + np.arange(STEPS)]
    best = np.sqrt(np.mean((truth - ahead) ** 2))
    assert rmse(core(y, drive, first), y, first) < 1.05 * best


def test_nothing_after_an_origin_is_read_of_an_input_of_the_past():
    rng = np.random.default_rng(2)
    y, cause, origin = 0.2 * rng.normal(size=200), rng.normal(size=(200, 1)), 150
    y[2:] += cause[:-2, 0]
    changed = cause.copy()
    changed[origin:] += 100
    known = rng.normal(size=(200, 1))
    before, after = (
        core(y, Drive(known, past), origin).forecast(y, np.array([origin]), STEPS)
        for past in (cause, changed)
    )
    np.testing.assert_array_equal(before, after)
    moved = cause.copy()
    moved[origin - 1] += 1  # the last one that is known
    model = core(y, Drive(known, cause), origin)
    shift = [
        model.on(Drive(known, past)).forecast(y, np.array([origin]), STEPS)[0]
        for past in (cause, moved)
    ]
    assert (shift[1] - shift[0])[1] == pytest.approx(1, rel=0.2)


def test_a_category_that_shifts_the_level_is_found():
    rng = np.random.default_rng(3)
    n, first = 400, 300
    words = rng.choice(["calm", "storm", "wind"], n)
    shift = np.select([words == "storm", words == "wind"], [6.0, 3.0], 0.0)
    noise = autoregressive(n, rng, 0.6)
    days = pd.date_range("2022-01-01", periods=n, freq="D")
    table = pd.DataFrame({"day": days, "y": noise + shift, "sky": words})
    (series,) = to_series(table, target="y", inputs="sky")
    y, drive = series.targets[:, 0], Drive.of(series)
    alone = core(noise, Drive(np.empty((n, 0))), first)  # what is left when the shift is known
    assert rmse(core(y, drive, first), y, first) < 1.05 * rmse(alone, noise, first)
    assert rmse(core(y, Drive(np.empty((n, 0))), first), y, first) > 2 * noise.std()


def test_weekdays_and_holidays_are_found():
    n, first = 900, 730
    rng = np.random.default_rng(4)
    drive = stamped(np.arange(n) % 5.0, calendar=["weekday", "holidays:DE"])
    effects = np.array([0.0, 0, 0, 0, 1, 4, 6, -8])
    noise = 0.5 * rng.normal(size=n)
    y = drive.known @ effects + noise
    model = core(y, drive, first)
    assert rmse(model, y, first) < 1.1 * noise[first:].std()
    holidays = np.flatnonzero(drive.known[first : n - STEPS, 7])
    assert len(holidays) > 3
    made = model.forecast(y, first + holidays, 1)[:, 0]
    assert np.abs(made - y[first + holidays]).max() < 2


@cache
def without_inputs(seed):
    """A series, what is drawn beside it, and the error of its forecast by core and prior."""
    rng = np.random.default_rng(seed)
    y = autoregressive(300, rng)
    return y, rng, rmse(SeriesModel.fit(y[:220], STEPS), y, 220)


@pytest.mark.parametrize("kind", ["known", "past", "category", "weekday"])
def test_an_input_that_is_noise_costs_at_most_two_per_cent(kind):
    ratios = []
    for seed in range(3):
        y, rng, error = without_inputs(seed)
        noise = rng.normal(size=(len(y), 1))
        drive = {
            "known": lambda noise=noise: Drive(noise),
            "past": lambda noise=noise: Drive(noise[:, :0], noise),
            "category": lambda rng=rng: Drive(np.eye(4)[rng.integers(0, 4, 300)]),
            "weekday": lambda y=y: stamped(y, calendar="weekday"),
        }[kind]()
        model = SeriesModel.fit(y[:220], STEPS, drive=drive)
        driven = model.on(drive, model.combination.components[0])
        ratios.append(rmse(driven, y, 220) / error)
    assert np.exp(np.mean(np.log(ratios))) < 1.02


def test_inputs_that_turn_with_the_calendar_have_no_delays():
    """What they were a step before follows from what they are: the error is the same."""
    drive = stamped(np.arange(60.0) % 5, calendar=["weekday", "holidays:DE"])
    assert drive.cyclic.tolist() == [True] * 7 + [False]
    none, *choices = drive.features((3,), 60)
    assert not len(none)
    assert [one.max() // drive.width for one in choices] == [1, 3]
    weekdays = [one[one % drive.width < 7] for one in choices]
    assert all(one.tolist() == list(range(7)) for one in weekdays)
