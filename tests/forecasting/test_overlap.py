"""Rows that a fit has seen are found in other data, by their stamps or by their values."""

import numpy as np
import pytest

from throughtime.data.series import Series
from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.overlap import rows_seen
from throughtime.stamps.time_axis import Times

VALUES = np.random.default_rng(0).normal(size=(60, 1))
ALONE = {"core": None, "prior": None, "epochs": 1, "hidden": 2, "ensemble": 1, "window": 8}


def made(values, first=0, dated=True):
    times = Times.count(len(values))
    if dated:
        start = np.datetime64("2000-01", "M") + first
        times = Times(start.astype("M8[us]"), 1, len(values), "month", "month")
    return Series(values, ("y",), np.empty((len(values), 0)), (), times)


def grown(more, first=0):
    new = np.random.default_rng(1).normal(size=(more, 1))
    return np.concatenate([VALUES[first:], new])


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("more", [0, 1, 30])
def test_a_series_that_has_grown_is_known_up_to_the_end_of_the_fit(dated, more):
    assert rows_seen(made(grown(more), 0, dated), made(VALUES, 0, dated), 48) == 48


@pytest.mark.parametrize("dated", [True, False])
def test_a_series_whose_beginning_was_cut_off_is_known(dated):
    assert rows_seen(made(grown(5, 20), 20, dated), made(VALUES, 0, dated), 48) == 28


@pytest.mark.parametrize("dated", [True, False])
def test_later_rows_are_new(dated):
    later = made(np.random.default_rng(2).normal(size=(20, 1)), 60, dated)
    assert rows_seen(later, made(VALUES, 0, dated), 48) == 0


@pytest.mark.parametrize("dated", [True, False])
def test_another_series_of_the_same_times_is_new(dated):
    other = made(np.random.default_rng(3).normal(size=(60, 1)), 0, dated)
    assert rows_seen(other, made(VALUES, 0, dated), 48) == 0


def test_a_corrected_value_leaves_the_series_the_same():
    corrected = grown(3)
    corrected[7] = 99
    for dated in (True, False):
        assert rows_seen(made(corrected, 0, dated), made(VALUES, 0, dated), 48) == 48


def demand(n, seed):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 0.3, rng.poisson(2, n), 0.0)[:, None]


@pytest.mark.parametrize("first", [0, 1, 60, 130])
def test_counts_without_stamps_are_placed_where_they_stand(first):
    """Zeros agree in many places, and by chance more than half of them do."""
    known, more = demand(160, 1), demand(20, 2)
    later = made(np.concatenate([known[first:], more]), 0, False)
    assert rows_seen(later, made(known, 0, False), 160) == 160 - first


@pytest.mark.parametrize("other", [demand(160, 3), demand(9, 4), np.zeros((40, 1))])
def test_other_counts_without_stamps_are_new(other):
    known = np.concatenate([demand(140, 1), np.zeros((20, 1))])
    assert rows_seen(made(other, 0, False), made(known, 0, False), 160) == 0


def test_stamps_of_another_kind_are_of_another_series():
    assert rows_seen(made(VALUES, 0, False), made(VALUES), 48) == 48  # found by its values
    years = Series(
        VALUES, ("y",), np.empty((60, 0)), (), Times(1900, 1, 60, "year"), "by the year"
    )
    assert rows_seen(years, made(VALUES), 48) == 0


def test_a_backtest_does_not_judge_rows_that_were_fitted():
    """One row more, and training rows would be judged if only whole series were known."""
    model = Forecaster(**ALONE).fit(VALUES[:, 0])
    own = model.backtest(steps=2)
    longer = model.backtest(grown(1)[:, 0], steps=2)
    assert longer.origins == own.origins + 1
    np.testing.assert_array_equal(longer.truth[:-1], own.truth)
