"""Maxima and crossings between samples: where theory has them, and how fast errors fall."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.dynamics.crossings import crossings, maxima


@given(phase=st.floats(0, 6), period=st.floats(12, 90))
@settings(max_examples=40)
def test_the_maxima_of_a_cosine(phase, period):
    n = np.arange(400)
    times, values = maxima(np.cos(2 * np.pi * (n - phase) / period))
    turns = (times - phase) / period
    np.testing.assert_allclose(turns, np.round(turns), atol=2e-2 / period)
    inner = slice(1, -1)  # the spline is less exact at its ends
    np.testing.assert_allclose(values[inner], 1, atol=20 / period**4)
    assert len(times) >= 400 // period - 1


def test_the_height_of_a_maximum_is_of_fourth_order():
    errors = []
    for samples in (200, 400, 800):
        t = np.linspace(0, 20, samples)
        errors.append(np.abs(maxima(np.exp(np.sin(t + 0.3)))[1] - np.e).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders.min() > 3.5, errors


def test_the_time_of_a_crossing_is_of_fourth_order():
    errors = []
    for samples in (200, 400, 800):
        t = np.linspace(0, 20, samples)
        found = crossings(np.exp(np.sin(t + 0.3)) - 1, rising=True) * t[1]
        errors.append(np.abs(found - (2 * np.pi * np.arange(1, 4) - 0.3)).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders.min() > 3.5, errors


def test_a_falling_curve_is_crossed_the_other_way():
    y = np.sin(0.1 * np.arange(200))
    np.testing.assert_allclose(
        crossings(y, rising=True), 20 * np.pi * np.arange(1, 4), atol=1e-4
    )
    falling = crossings(y, rising=False)
    np.testing.assert_allclose(falling, 10 * np.pi * np.arange(1, 7, 2), atol=1e-4)


@pytest.mark.parametrize("y", [np.zeros(50), np.arange(50.0), np.arange(50.0)[::-1]])
def test_a_line_has_none(y):
    assert not len(maxima(y)[0])
    assert not len(crossings(y + 100, rising=True))
