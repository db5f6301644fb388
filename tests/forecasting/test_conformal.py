"""Conformal conformal_margins: the exact quantile, and the coverage that it promises."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.forecasting.conformal import conformal_margins


def column(values):
    return np.array(values, float)[:, None, None]


@pytest.mark.parametrize(
    ("n", "level", "rank"),
    [(9, 0.9, 9), (8, 0.9, None), (10, 0.9, 10), (19, 0.9, 18), (18, 0.9, 18), (1, 0.5, 1),
     (4, 0.2, 1), (99, 0.95, 95), (19, 0.95, 19), (18, 0.95, None), (3, 0.99, None)],
)  # fmt: skip
def test_the_quantile_by_hand(n, level, rank):
    """ceil((n + 1) level)-th smallest of n, with 0.9 * 10 counted as 9."""
    sizes = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
    signs = np.where(np.arange(n) % 2, -1, 1)
    assert conformal_margins(column(sizes * signs), level) == (
        math.inf if rank is None else rank
    )


def test_a_lead_time_counts_only_its_own_residuals():
    residuals = np.full((10, 3, 2), np.nan)
    residuals[:, 0] = np.arange(10)[:, None]
    residuals[:9, 1, 0] = -np.arange(9.0)
    residuals[:8, 1, 1] = 1.0
    found = conformal_margins(residuals, 0.9)
    np.testing.assert_array_equal(found, [[9, 9], [8, math.inf], [math.inf, math.inf]])


def test_missing_residuals_may_be_anywhere():
    sizes = column([np.nan, 3, 1, np.nan, 2, np.nan])
    assert conformal_margins(sizes, 0.5) == 2


def test_a_forecast_that_diverged_counts_as_infinitely_wrong():
    """It is not missing: to leave it out would narrow the interval."""
    assert conformal_margins(column([*range(1, 10), np.inf]), 0.9) == math.inf
    assert conformal_margins(column([*range(1, 10), -np.inf]), 0.5) == 6


def test_no_residuals_give_no_interval():
    found = conformal_margins(np.empty((0, 2, 3)), 0.9)
    np.testing.assert_array_equal(found, np.full((2, 3), math.inf))


@pytest.mark.parametrize(("n", "level"), [(9, 0.9), (20, 0.9), (50, 0.8), (33, 0.5)])
@pytest.mark.parametrize("draw", ["normal", "standard_cauchy", "exponential"])
def test_coverage_on_exchangeable_draws(n, level, draw):
    """The chance that a new draw is inside is exactly ceil((n + 1) level) / (n + 1)."""
    repeats = 20_000
    rng = np.random.default_rng([n, len(draw)])
    draws = getattr(rng, draw)(size=(n + 1, repeats, 1))
    inside = np.abs(draws[n, :, 0]) <= conformal_margins(draws[:n], level)[:, 0]
    exact = math.ceil((n + 1) * level - 1e-9) / (n + 1)
    assert exact >= level - 1e-12
    assert abs(inside.mean() - exact) < 4 * math.sqrt(exact * (1 - exact) / repeats)


residual = st.one_of(st.just(math.nan), st.floats(allow_nan=False))


@given(
    sizes=st.lists(residual, min_size=1, max_size=30),
    one=st.floats(1e-12, 1 - 1e-9),
    other=st.floats(1e-12, 1 - 1e-9),
)
def test_margins_grow_with_the_level(sizes, one, other):
    low, high = (
        conformal_margins(column(sizes), level).item() for level in sorted((one, other))
    )
    assert 0 <= low <= high
    known = np.abs([s for s in sizes if not math.isnan(s)])
    assert high == math.inf or np.sum(known <= high) >= math.ceil(max(one, other) * len(known))
