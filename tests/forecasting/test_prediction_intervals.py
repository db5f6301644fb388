"""Intervals of several levels: normal ones between the levels, quantiles, what is refused."""

import numpy as np
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from throughtime.models.intervals import LEVELS, Intervals, with_level


def normal(levels=LEVELS, scale=2.0, center=1.0):
    """The intervals of a normal distribution."""
    z = norm.ppf((1 + np.array(levels)) / 2)
    return Intervals.around(np.full((3, 1), center), scale * z[:, None, None], levels)


@given(share=st.floats(0.001, 0.999))
def test_quantiles_of_a_normal_distribution_are_exact_at_any_share(share):
    found = normal().quantile(share)
    np.testing.assert_allclose(found, norm.ppf(share, 1.0, 2.0), rtol=1e-9, atol=1e-9)


@given(levels=st.lists(st.floats(0.01, 0.99), min_size=2, max_size=2, unique=True))
def test_a_higher_level_holds_a_lower_one(levels):
    low, high = sorted(levels)
    inner, outer = normal().at(low), normal().at(high)
    assert (outer[0] <= inner[0]).all() and (inner[1] <= outer[1]).all()


def test_the_quantiles_stand_in_order_around_the_forecast():
    found = normal()
    assert found.shares == pytest.approx((0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975))
    assert found.quantiles().shape == (3, 1, 9)
    np.testing.assert_allclose(found.quantiles()[0, 0], norm.ppf(found.shares, 1.0, 2.0))


def test_a_level_that_was_asked_for_is_among_them():
    assert with_level(0.9) == LEVELS and with_level(0.7) == (0.5, 0.7, 0.8, 0.9, 0.95)


@pytest.mark.parametrize("level", [0, 1, 90, -0.5])
def test_levels_outside_are_refused(level):
    with refuses("`level` must lie between 0 and 1"):
        normal().at(level)
    with refuses("the share of a quantile must lie between 0 and 1"):
        normal().quantile(level)
