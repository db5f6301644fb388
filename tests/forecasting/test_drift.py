"""Drift: its law against scipy's, and how seldom it is found where nothing changed."""

import numpy as np
import pytest
from scipy import stats

from throughtime.forecasting.drift import ALARM, Drift, at_least, held


@pytest.mark.parametrize(("k", "n", "m"), [(0, 5, 3), (1, 5, 20), (7, 40, 24), (40, 40, 300)])
def test_the_law_is_the_beta_binomial(k, n, m):
    expected = stats.betabinom.sf(k - 1, n, 0.1 * (m + 1), 0.9 * (m + 1))
    assert at_least(k, n, 0.1 * (m + 1), 0.9 * (m + 1)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("errors", "rows"), [(19, 10), (39, 40), (99, 200)])
def test_an_unchanged_series_seldom_drifts(errors, rows):
    """Exactly the nominal rate at most, where the interval is the conformal one."""
    rng, repeats, alarms = np.random.default_rng(errors), 4000, 0
    rank = round(0.9 * (errors + 1))
    for _ in range(repeats):
        margin = np.sort(np.abs(rng.normal(size=errors)))[rank - 1]
        truth = rng.normal(size=(rows, 1))
        bound = np.full((rows, 1), margin)
        found = Drift.of(-bound, bound, truth, 0.9, [errors])
        alarms += found.found
    assert alarms / repeats <= ALARM + 3 * np.sqrt(ALARM / repeats)


def test_later_intervals_are_no_wider_than_those_of_before():
    """So a series that becomes noisier does not excuse itself by wider promises."""
    center = np.arange(5.0)[:, None]
    below, above = np.array([[1.0, 2, 4, 1, 0.5]]).T, np.array([[1.0, 1, 2, 1, 0.5]]).T
    lower, upper = held(center - below, center + above, center, 2)
    np.testing.assert_allclose(center[2:] - lower, [[2.0], [1.0], [0.5]])
    np.testing.assert_allclose(upper - center[2:], [[1.0], [1.0], [0.5]])
    same = held(center - below, center + above, center, 0)
    np.testing.assert_array_equal(same, (center - below, center + above))


def test_what_is_not_known_is_not_judged():
    one = np.ones((4, 2))
    truth = np.array([[0, np.nan], [2, np.nan], [np.nan, np.nan], [0, np.nan]])
    found = Drift.of(-one, one, truth, 0.9, [20, 20])
    assert (found.rows, found.outside) == (3, 1)
    assert Drift.of(-one, one, np.full((4, 2), np.nan), 0.9, [20, 20]) is None
