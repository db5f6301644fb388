"""Adaptive intervals: the bound that is proven, and nothing of the future."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import norm

from throughtime.forecasting.metrics import coverage
from throughtime.models.adaptive_intervals import adapt, rates, track
from throughtime.models.calibration import Calibration, bands_of
from throughtime.models.prior_network import QUANTILES

Z = norm.ppf(QUANTILES)
LEVELS = (0.5, 0.8, 0.9, 0.95)


def plain(last=(), steps=1):
    """A calibration that leaves the prior as it is."""
    bands = len(last) + 1
    edges = np.array([1, *last]), np.array([*last, steps])
    middle = np.log(np.mean(edges, axis=0))
    return Calibration(last, middle, np.ones((2, bands, 4)), np.full(bands, 50.0), 0.0)


def by_hand(scores, origins, bands, number, level):
    """The updates one after the other, from the definition."""
    end = int(max(origins) + scores.shape[1])
    eta = rates(origins, bands, number)
    theta, issued, updates = np.zeros(number), {}, [[] for _ in range(number)]
    last = -1
    for now in sorted({*origins.tolist(), *range(int(origins[-1]) + 1, end + 1)}):
        new = [
            (i, k)
            for i, o in enumerate(origins)
            for k in range(scores.shape[1])
            if last < o + k + 1 <= now and i in issued and not np.isnan(scores[i, k])
        ]
        for b in range(number):
            missed = [scores[i, k] > np.exp(issued[i][b]) for i, k in new if bands[k] == b]
            if missed:
                updates[b].append(np.mean(missed))
                theta[b] += eta[b] * (np.mean(missed) - (1 - level))
        for i in np.flatnonzero(origins == now):
            issued[int(i)] = theta.copy()
        last = now
    return np.array([issued[i] for i in range(len(origins))]), theta, updates


@settings(max_examples=60)
@given(st.data(), st.integers(1, 40), st.integers(1, 7), st.sampled_from([0.5, 0.9, 0.95]))
def test_coverage_is_within_the_bound_whatever_the_series(data, count, steps, level):
    """|mean of the misses - alpha| <= (B + (d + 1) eta) / (eta T), with d = steps."""
    bound = 1.5
    logs = hnp.arrays(
        np.float64, (count, steps), elements=st.floats(-bound, bound) | st.just(np.nan)
    )
    scores = np.exp(data.draw(logs))
    gaps = data.draw(hnp.arrays(np.int64, count, elements=st.integers(1, 3)))
    origins = np.cumsum(gaps)
    last = tuple(k for k in (1, 4) if k < steps)
    bands = bands_of(last, steps)
    number = len(last) + 1
    issued, final = track(scores[None], origins, bands, number, [level])
    expected, end, updates = by_hand(scores, origins, bands, number, level)
    np.testing.assert_allclose(issued[0], expected, atol=1e-12)
    np.testing.assert_allclose(final[0], end, atol=1e-12)
    eta = rates(origins, bands, number)
    for b, shares in enumerate(updates):
        if shares:
            excess = abs(np.mean(shares) - (1 - level))
            assert excess <= (bound + (steps + 1) * eta[b]) / (eta[b] * len(shares)) + 1e-12


def shifted_variance(rng, count, steps, factor):
    """Forecasts of a white noise whose spread is not the prior's; every origin in a row."""
    values = factor * rng.normal(size=count + steps)
    truth = np.lib.stride_tricks.sliding_window_view(values, steps)[:count].copy()
    center = np.zeros(truth.shape)
    return np.arange(10, 10 + count), center, np.broadcast_to(Z, (*truth.shape, len(Z))), truth


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
def test_levels_hold_in_the_end_whatever_the_calibration(factor):
    rng = np.random.default_rng(0)
    forecasts = shifted_variance(rng, 1500, 6, factor)
    found = adapt(plain((1, 4), 6), *forecasts, LEVELS)
    for level, lower, upper in zip(LEVELS, found.lower, found.upper, strict=True):
        late = slice(500, None)
        share = coverage(forecasts[-1][late], lower[late], upper[late])
        assert share == pytest.approx(level, abs=0.03)


def test_nothing_of_the_future_is_used():
    """Outcomes that are not known at an origin have no part in its intervals."""
    rng = np.random.default_rng(1)
    origins, center, quantiles, truth = shifted_variance(rng, 60, 9, 2.0)
    calibration = plain((1, 4), 9)
    found = adapt(calibration, origins, center, quantiles, truth, LEVELS)
    for i in range(0, 60, 7):
        unknown = origins[:, None] + np.arange(9) >= origins[i]
        changed = np.where(unknown, 1e3 * rng.normal(size=truth.shape), truth)
        again = adapt(calibration, origins, center, quantiles, changed, LEVELS)
        np.testing.assert_array_equal(again.lower[:, : i + 1], found.lower[:, : i + 1])
        np.testing.assert_array_equal(again.upper[:, : i + 1], found.upper[:, : i + 1])
        # What has just become known does count.
        new = origins[:, None] + np.arange(9) == origins[i] - 1
        other = np.where(new, 1e3, truth)
        after = adapt(calibration, origins, center, quantiles, other, LEVELS)
        assert i == 0 or (after.upper[:, i] > found.upper[:, i]).any()


def test_the_first_interval_is_the_calibrations():
    rng = np.random.default_rng(2)
    origins, center, quantiles, truth = shifted_variance(rng, 30, 3, 5.0)
    found = adapt(plain((1,), 3), origins, center, quantiles, truth, [0.9])
    assert found.upper[0, 0] == pytest.approx(1.6448536)
    assert found.lower[0, 0] == pytest.approx(-1.6448536)
    assert found.upper[0, 20].min() > 2


def test_the_state_after_the_last_outcome_goes_on_beyond_the_end():
    """At the levels of the prior's quantiles the widths are exactly those of the state."""
    rng = np.random.default_rng(3)
    forecasts = shifted_variance(rng, 200, 1, 3.0)
    found = adapt(plain(), *forecasts, LEVELS)
    for level, scale in zip(LEVELS, found.scale[:, 0], strict=True):
        _, upper = found.calibration.interval(np.zeros((1, 1)), Z[None, None], level)
        assert upper[0, 0] == pytest.approx(np.exp(scale) * norm.ppf((1 + level) / 2))
    # One more origin, whose outcome is not known, is given the same state.
    origins, truth = forecasts[0], forecasts[-1]
    more = adapt(
        plain(),
        np.append(origins, origins[-1] + 1),
        np.zeros((201, 1)),
        np.broadcast_to(Z, (201, 1, len(Z))),
        np.append(truth, [[np.nan]], axis=0),
        LEVELS,
    )
    np.testing.assert_allclose(more.scale, found.scale)
    assert more.upper[2, -1, 0] == pytest.approx(np.exp(found.scale[2, 0]) * 1.6448536)


@settings(max_examples=40)
@given(st.data(), st.integers(1, 12), st.integers(1, 6))
def test_intervals_are_finite_and_nested(data, count, steps):
    truth = data.draw(
        hnp.arrays(np.float64, (count, steps), elements=st.floats(-1e6, 1e6) | st.just(np.nan))
    )
    center = np.zeros((count, steps))
    quantiles = np.broadcast_to(Z, (count, steps, len(Z)))
    found = adapt(plain((1,), steps), np.arange(count) + 3, center, quantiles, truth, LEVELS)
    assert np.isfinite(found.lower).all()
    assert np.isfinite(found.upper).all()
    assert (np.diff(found.lower, axis=0) <= 0).all()
    assert (np.diff(found.upper, axis=0) >= 0).all()
    assert (found.lower <= center).all()
    assert (center <= found.upper).all()


def test_an_outcome_is_not_needed():
    center = np.zeros((1, 4))
    quantiles = np.broadcast_to(Z, (1, 4, len(Z)))
    found = adapt(plain((1,), 4), np.array([5]), center, quantiles, center + np.nan, [0.9])
    assert (found.scale == 0).all()
