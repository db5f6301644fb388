"""The generator of the series that train the prior: seeded, finite, and what it says it is."""

import calendar
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

PLACE = Path(__file__).parents[1] / "benchmarks" / "prior"


@pytest.fixture(scope="module", autouse=True)
def place():
    """The scripts of `benchmarks/prior` can be imported."""
    sys.path.insert(0, str(PLACE))
    yield
    sys.path.remove(str(PLACE))


@pytest.fixture(scope="module")
def generator(place):
    import generator

    return generator


@pytest.fixture(scope="module")
def kinds(place):
    from kinds import dynamics, faults, flows, noise, seasons, trends

    return {
        m.__name__.split(".")[1]: m for m in (dynamics, faults, flows, noise, seasons, trends)
    }


@pytest.fixture(scope="module")
def batch(generator):
    return generator.draw(np.random.default_rng(11), 1500, 200)


def test_series_are_finite_and_standardised(batch):
    assert np.isfinite(batch.values).all()
    assert batch.values.dtype == np.float32
    np.testing.assert_array_equal(batch.values[:, 0], 0)
    np.testing.assert_allclose(np.std(batch.values, axis=1, dtype=float), 1, rtol=1e-4)


@pytest.mark.parametrize("length", [40, 111])
def test_the_same_seed_gives_the_same_series(generator, length):
    first, again, other = (
        generator.draw(np.random.default_rng(seed), 60, length) for seed in (3, 3, 4)
    )
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert first.values.shape == (60, length)
    assert not np.array_equal(first.values, other.values)


def test_every_kind_is_drawn_as_often_as_its_weight_says(generator):
    weights = np.array([weight for weight, _ in generator.KINDS.values()])
    kind = generator.choose(np.random.default_rng(0), np.arange(len(weights)), weights, 20_000)
    share = np.bincount(kind, minlength=len(weights)) / len(kind)
    np.testing.assert_allclose(share, weights / weights.sum(), atol=0.01)


def test_seasons_are_whole_and_the_second_is_longer(batch):
    first, second = batch.seasons.T
    assert batch.seasons.dtype == np.int32
    assert (batch.seasons >= 1).all()
    assert np.all((second == 1) | (second > first))
    assert np.all((first > 1) | (second == 1))


def test_few_seasons_are_withheld_and_few_are_wrong(generator):
    rng = np.random.default_rng(5)
    truth = np.repeat([[24, 168], [12, 1], [1, 1]], 4000, axis=0)
    told = generator.told(rng, truth)
    changed = (told != truth).any(axis=1).reshape(3, 4000).mean(axis=1)
    np.testing.assert_allclose(changed[:2], generator.WITHHELD, atol=0.02)
    np.testing.assert_allclose(changed[2], generator.WRONG, atol=0.02)
    assert set(map(tuple, told[:4000])) == {(24, 168), (24, 1), (1, 1)}


def test_a_season_told_is_in_the_series(generator):
    """At the season told, the changes are more alike than half a season on."""
    values, seasons = generator.KINDS["physical"][1](np.random.default_rng(1), 400, 640)
    m = seasons[:, 0]
    rows = np.flatnonzero((m >= 4) & (m <= 60) & (seasons[:, 1] == 1))
    apart = [mean_change(values[row], m[row]) for row in rows]
    half = [mean_change(values[row], m[row] // 2) for row in rows]
    assert np.mean(np.array(apart) < np.array(half)) > 0.85


def mean_change(values, lag):
    return np.mean(np.abs(values[lag:] - values[:-lag]))


def test_the_shape_of_a_season_has_mean_0_and_spread_1(kinds):
    length = np.array([4, 7, 12, 24, 52, 365] * 5)
    table = kinds["seasons"].shape(np.random.default_rng(2), length)
    for row, m in zip(table, length, strict=True):
        assert abs(row[:m].mean()) < 1e-12
        assert row[:m].std() == pytest.approx(1) or not row.any()
        assert not row[m:].any()


def test_a_seasonal_sum_undone_by_the_seasonal_difference(kinds):
    rng = np.random.default_rng(0)
    noise, length = rng.standard_normal((6, 200)), np.array([1, 4, 7, 12, 52, 150])
    total = kinds["seasons"].seasonal_sum(noise, length)
    back = total - kinds["seasons"].seasonal_lag(total, length)
    np.testing.assert_allclose(back, noise, atol=1e-12)


def test_weekdays_of_each_month_are_those_of_the_calendar(kinds):
    days, counts, _ = kinds["seasons"].TABLE
    for month in (0, 1, 700, 1201, 2999):
        year, number = 1900 + month // 12, month % 12 + 1
        weeks = np.array(calendar.monthcalendar(year, number))
        assert days[month] == weeks.max()
        np.testing.assert_array_equal(counts[month], (weeks > 0).sum(axis=0))


def test_easter_falls_into_the_month_it_fell_into(kinds):
    years = np.array([1943, 1961, 1989, 2000, 2008, 2011, 2016, 2024, 2025])
    months = kinds["seasons"].easter_month(years)
    np.testing.assert_array_equal(months, [4, 4, 3, 4, 3, 4, 3, 3, 4])


def test_autoregressions_are_those_of_scipy(kinds):
    rng = np.random.default_rng(1)
    for order in (1, 3):
        coefficients = rng.uniform(-0.3, 0.3, (5, order))
        noise = rng.standard_normal((5, 80))
        ours = kinds["noise"].autoregress(coefficients, noise)
        theirs = [
            lfilter([1], np.r_[1, -a], e) for a, e in zip(coefficients, noise, strict=True)
        ]
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_partial_autocorrelations_give_the_stable_autoregression(kinds):
    partial = np.random.default_rng(3).uniform(-0.99, 0.99, (200, 4))
    second = kinds["noise"].from_partial(partial[:, :2])
    first, last = partial[:, 0], partial[:, 1]
    np.testing.assert_allclose(second, np.stack([first * (1 - last), last], axis=1))
    for row in kinds["noise"].from_partial(partial):
        assert np.abs(np.roots(np.r_[1, -row])).max() < 1


def test_long_memory_has_its_autocorrelation(kinds):
    """That of (1 - B)^-d at lag 1 is d / (1 - d)."""
    d = 0.3
    rng = np.random.default_rng(4)
    values = kinds["noise"].fractional(rng, 300, 2000, d, d)
    measured = np.mean(values[:, 1:] * values[:, :-1])
    assert measured == pytest.approx(d / (1 - d), abs=0.03)


def test_a_smooth_process_has_its_covariance(kinds):
    scale = np.full((4000, 1), 20.0)
    values = kinds["trends"].squared_exponential(np.random.default_rng(6), 64, scale)
    for lag in (0, 10, 20, 40):
        measured = np.mean(values[:, 0] * values[:, lag])
        assert measured == pytest.approx(np.exp(-0.5 * (lag / 20) ** 2), abs=0.08)


def test_trends_are_in_units_of_their_change_over_a_hundred_steps(kinds):
    values = kinds["trends"].trend(np.random.default_rng(7), 200, 640)
    size = np.sqrt(np.mean((values[:, 100:] - values[:, :-100]) ** 2, axis=1))
    moving = size > 0
    np.testing.assert_allclose(size[moving], 1)
    assert 0.8 < moving.mean() < 0.95


def test_the_classical_method_meets_the_harmonic_oscillator(kinds):
    flows = kinds["flows"]
    terms = {(0, flows.Y): 1.0, (1, flows.X): -1.0}
    matrix = flows.coefficients(None, 1, terms)
    start, step = np.array([[1.0], [0.0], [0.0]]), np.array([0.02])
    rng = np.random.default_rng(0)
    path = flows.integrate(rng, matrix, start, step, np.zeros(1), 200)
    time = step * flows.SUBSTEPS * np.arange(1, 201)
    np.testing.assert_allclose(path[:, 0, 0], np.cos(time), atol=1e-6)


def test_the_strongest_period_of_a_wave_is_its_own(kinds):
    wave = np.sin(2 * np.pi * np.arange(600) / np.array([[8], [12], [25]]))
    np.testing.assert_array_equal(kinds["dynamics"].strongest_period(wave), [8, 12, 25])


def test_faults_leave_most_values_as_they_are(kinds):
    rng = np.random.default_rng(8)
    walk = np.cumsum(rng.standard_normal((50, 400)), axis=1)
    for fault in (kinds["faults"].spikes, kinds["faults"].stuck, kinds["faults"].filled):
        same = np.isclose(fault(rng, walk), walk).mean(axis=1)
        assert same.min() > 0.85
        assert same.mean() < 1
