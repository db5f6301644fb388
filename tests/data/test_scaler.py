"""Scaling: round trips, scikit-learn as the reference, and rules."""

import json

import numpy as np
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from throughtime.data.scaler import Scaler
from throughtime.errors import InputError

tables = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 30), st.integers(0, 4)),
    elements=st.floats(-1e8, 1e8, allow_subnormal=False),
)


@given(tables, st.integers(1, 29))
def test_scaler_round_trip(values, cut):
    try:
        scaler = Scaler.fit([values[:cut], values[cut:]])
    except InputError as error:
        assert (np.ptp(values, axis=0) <= 1e-13 * np.abs(values).max(axis=0)).any(), error
        return
    size = np.abs(values).max(initial=1.0)
    np.testing.assert_allclose(
        scaler.inverse(scaler.transform(values)), values, rtol=1e-9, atol=1e-9 * size
    )
    np.testing.assert_allclose(scaler.mean, values.mean(0), rtol=1e-9, atol=1e-9 * size)
    again = Scaler.from_json(json.loads(json.dumps(scaler.to_json())))
    np.testing.assert_array_equal(again.mean, scaler.mean)
    np.testing.assert_array_equal(again.std, scaler.std)


def test_scaler_agrees_with_scikit_learn():
    from sklearn.preprocessing import StandardScaler

    values = np.random.default_rng(0).normal(50, 7, (200, 3)) * [1, 1e-6, 1e9]
    ours = Scaler.fit([values[:80], values[80:]])
    theirs = StandardScaler().fit(values)
    np.testing.assert_allclose(ours.transform(values), theirs.transform(values), rtol=1e-9)
    stacked = np.stack([values[:100], values[100:]])
    np.testing.assert_array_equal(ours.transform(stacked)[1], ours.transform(values[100:]))


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_extreme_units_neither_overflow_nor_vanish(unit):
    scaler = Scaler.fit([np.array([[-1.0], [1.0]]) * unit])
    np.testing.assert_allclose(scaler.std / unit, [1.0])


def test_scaler_without_columns():
    none = Scaler.fit([np.zeros((5, 0))])
    assert none.transform(np.zeros((3, 0))).shape == (3, 0)


def test_scaler_rules():
    flat = np.stack([np.arange(5.0), np.full(5, 0.1)], axis=1)
    with refuses(
        "a column must vary in the training part; got 0.1 in each row of `b`. "
        "Leave the column out, or train on a longer part."
    ):
        Scaler.fit([flat], ["a", "b"])
    with refuses("got 0.1 in each row of `column 2`."):
        Scaler.fit([flat[:2], flat[2:]])
    for parts in ([], [np.zeros((0, 2))]):
        with refuses("a scaler needs at least one row; got none. Pass the training part."):
            Scaler.fit(parts)
    with refuses("the last axis must hold the 2 columns of the scaler; got shape (4, 3)."):
        Scaler(np.zeros(2), np.ones(2)).transform(np.ones((4, 3)))
