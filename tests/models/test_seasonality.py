"""Seasons are found where they are, at any level, and not where they are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, stats

from throughtime.data.datasets import load_dataset
from throughtime.models.seasonality import (
    _changes,
    _log_gamma_tail,
    _log_p,
    calendar_seasons,
    default_window,
    find_seasons,
)
from throughtime.stamps.time_axis import Times

START = np.datetime64("2001-01-01", "us")
HOUR = 3_600_000_000


def axis(step, unit="microsecond", n=10):
    return Times(START, step, n, "time", unit)


def monthly(n):
    return axis(1, "month", n)


@pytest.mark.parametrize(
    ("step", "unit", "seasons"),
    [
        (1, "month", (12,)),
        (3, "month", (4,)),
        (12, "month", ()),
        (5, "month", ()),
        (7 * 24 * HOUR, "microsecond", (52,)),
        (24 * HOUR, "microsecond", (7, 365)),
        (HOUR, "microsecond", (24, 168)),
        (HOUR // 2, "microsecond", (48, 336)),
        (HOUR // 4, "microsecond", (96, 672)),
        (HOUR // 12, "microsecond", (12, 288, 2016)),
        (HOUR // 60, "microsecond", (60, 1440, 10080)),
        (HOUR // 3600, "microsecond", (3600, 86400)),
        (7 * HOUR, "microsecond", (24,)),
    ],
)
def test_the_seasons_of_the_calendar(step, unit, seasons):
    assert calendar_seasons(axis(step, unit)) == seasons


def test_numbers_have_no_calendar():
    assert calendar_seasons(Times.count(10)) == calendar_seasons(None) == ()


def day_and_week(n=1400):
    rng = np.random.default_rng(0)
    t = np.arange(n)
    return (
        (2 * rng.normal(size=24))[t % 24]
        + rng.normal(size=7)[t // 24 % 7]
        + rng.normal(size=n) / 2
    )


@pytest.mark.parametrize("level", [0.0, 1e6, 1e9])
@pytest.mark.parametrize("scale", [1e-6, 1.0])
def test_two_seasons_at_any_level(level, scale):
    y = scale * (level + day_and_week())
    assert find_seasons(y, axis(HOUR)) == find_seasons(y) == (24, 168)


def test_wrong_data_do_not_hide_a_season():
    y = day_and_week()
    y[[300, 700]] = [1e4, -999]
    assert find_seasons(y, axis(HOUR)) == find_seasons(y) == (24, 168)


def test_missing_values_are_bridged():
    y = day_and_week()
    y[:50] = y[400:420] = np.nan
    assert find_seasons(y, axis(HOUR)) == (24, 168)


@settings(max_examples=20)
@given(
    season=st.integers(3, 30),
    first=st.integers(0, 29),
    sign=st.sampled_from([-1, 1]),
    level=st.sampled_from([0.0, -1e9]),
)
def test_a_season_is_found_wherever_it_begins(season, first, sign, level):
    t = first + np.arange(12 * season)
    rng = np.random.default_rng(0)
    y = np.sin(2 * np.pi * t / season) + 0.1 * rng.normal(size=len(t))
    assert find_seasons(level + sign * y) == (season,)


@pytest.mark.parametrize("length", [24, 30, 37])
def test_two_or_three_years_are_enough_if_they_are_alike(length):
    rng = np.random.default_rng(3)
    year = np.array([3.0, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8])
    y = np.tile(year, 4)[:length] + 0.3 * rng.normal(size=length) + 0.5 * np.arange(length)
    assert find_seasons(y, monthly(length)) == (12,)


def test_a_season_that_grows():
    t = np.arange(96)
    y = np.exp(0.03 * t) * (5 + np.tile([1.0, -2, 2, -1], 24))
    y *= np.exp(0.05 * np.random.default_rng(0).normal(size=96))
    assert find_seasons(y, axis(3, "month")) == find_seasons(y) == (4,)


def test_few_turns_of_a_long_season_are_enough():
    t = np.arange(1460)
    y = np.sin(2 * np.pi * t / 365) + 0.005 * np.random.default_rng(0).normal(size=1460)
    (season,) = find_seasons(y)
    assert abs(season - 365) <= 4


def test_half_a_season_is_not_a_season_of_its_own():
    t = np.arange(240)
    y = np.sin(2 * np.pi * t / 12) + 2 * np.sin(2 * np.pi * t / 6)
    assert find_seasons(y + 0.3 * np.random.default_rng(0).normal(size=240)) == (12,)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(0),
        np.arange(3.0),
        np.full(50, 1e9),
        0.1 * np.arange(100.0),
        np.arange(100.0) ** 3,
        np.exp(np.arange(100) / 10),
        1 / (1 + np.exp(-np.arange(-50, 50) / 8)),
        np.full(40, np.nan),
    ],
)
def test_what_is_smooth_short_or_constant_has_none(values):
    assert find_seasons(values) == find_seasons(values, monthly(len(values))) == ()


def noise(rng, n, ar):
    return signal.lfilter([1], [1, *(-np.asarray(ar))], rng.normal(size=n + 100))[100:]


@pytest.mark.parametrize("ar", [[], [0.5], [0.9], [1.0]], ids=["white", "0.5", "0.9", "walk"])
def test_noise_has_none(ar):
    rng = np.random.default_rng(1)
    found = [find_seasons(noise(rng, n, ar), monthly(n)) for n in (50, 200) for _ in range(15)]
    assert sum(s != () for s in found) <= 2  # of 30; nearly sure at a rate of 1.5 %


def test_a_cycle_that_loses_its_phase_is_no_season():
    r, w = 0.95, 2 * np.pi / 12
    rng = np.random.default_rng(1)
    found = [find_seasons(noise(rng, 1000, [2 * r * np.cos(w), -r * r])) for _ in range(6)]
    assert sum(s != () for s in found) <= 1


@pytest.mark.parametrize(
    ("name", "seasons"), [("elnino", (12,)), ("co2", (52,)), ("sunspots", ()), ("laser", ())]
)
def test_bundled_series(name, seasons):
    series = load_dataset(name, fill="linear")
    assert find_seasons(series.targets[:, 0], series.times) == seasons


@pytest.mark.parametrize("season", [4, 12])
def test_the_probability_is_one_in_white_noise(season):
    rng = np.random.default_rng(0)
    p = [np.exp(_log_p(_changes(rng.normal(size=120)), season, [])) for _ in range(200)]
    for level in (0.02, 0.1):  # a bound, with three standard errors and what whitening costs
        assert np.mean(np.array(p) < level) < 1.5 * level + 3 * np.sqrt(level / 200)


def test_the_tail_is_that_of_chi_square():
    df = np.array([2.0, 5.0, 24.0, 80.0])
    for x in (1.0, 30.0, 300.0):
        found = _log_gamma_tail(df / 2, np.full(4, x / 2))
        np.testing.assert_allclose(found, stats.chi2.logsf(x, df), rtol=1e-9, atol=1e-12)
    far = _log_gamma_tail(df / 2, np.full(4, 2500.0))
    assert far[0] == pytest.approx(-2500)  # exact for two degrees of freedom
    assert (np.diff(far) > 0).all()


@given(
    length=st.integers(3, 20_000),
    seasons=st.lists(st.integers(2, 400), max_size=2).map(lambda s: tuple(sorted(set(s)))),
    steps=st.integers(1, 500),
)
def test_a_window_is_between_ten_and_a_quarter(length, seasons, steps):
    window = default_window(length, seasons, steps)
    assert 1 <= window <= max(1, length // 4)
    assert window >= min(10, max(1, length // 4))


def test_a_window_holds_two_seasons_if_they_fit():
    assert default_window(1000, (12,), 12) == 24
    assert default_window(5000, (24, 168), 24) == 336
    assert default_window(1000, (24, 168), 24) == 168
    assert default_window(1000, (), 5) == 40
    assert default_window(1000, (), 50) == 100
