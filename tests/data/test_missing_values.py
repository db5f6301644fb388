"""Missing values: filling, with pandas as the reference, and rules."""

import numpy as np
import pandas as pd
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from throughtime.data.missing_values import fill
from throughtime.errors import InputError

gappy = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 30), st.integers(1, 3)),
    elements=st.one_of(st.just(np.nan), st.floats(-1e6, 1e6)),
)


@given(gappy, st.sampled_from(["linear", "forward"]))
def test_fill_agrees_with_pandas_and_keeps_present_values(values, how):
    before = values.copy()
    try:
        filled = fill(values, how)
    except InputError:
        ends = values[:1] if how == "forward" else values[[0, -1]]
        assert np.isnan(ends).any()
        return
    np.testing.assert_array_equal(values, before)
    present = ~np.isnan(values)
    np.testing.assert_array_equal(filled[present], values[present])
    frame = pd.DataFrame(values)
    expected = frame.interpolate("linear") if how == "linear" else frame.ffill()
    np.testing.assert_allclose(filled, expected.to_numpy(), rtol=1e-9, atol=1e-9)


nan = np.nan


@pytest.mark.parametrize(
    ("values", "how", "message"),
    [
        (
            [nan, nan, 1, 2],
            "linear",
            "a gap before the first value or after the last cannot be filled (the first "
            "here); got nothing in `co2`, rows 11 to 12. Drop those rows.",
        ),
        (
            [1, 2, nan, nan],
            "linear",
            "(the last here); got nothing in `co2`, rows 13 to 14. Pass "
            '`fill="forward"` (`--fill forward`), or drop those rows.',
        ),
        ([nan, 1, 2, 3], "forward", "(the first here); got nothing in `co2`, rows 11 to 11."),
        (
            [nan] * 4,
            "forward",
            "a column to fill must have values; got none in `co2`. Leave the column out.",
        ),
        (
            [1, nan, nan, 3],
            "spline",
            "`fill` must be `linear`, `forward` or `seasonal`; got spline. Pass "
            '`fill="linear"` (`--fill linear`), or leave `fill` out.',
        ),
    ],
)
def test_fill_rules(values, how, message):
    with refuses(message):
        fill(np.array(values, np.float64)[:, None], how, ["co2"], [11, 12, 13, 14])


def test_fill_without_columns():
    np.testing.assert_array_equal(fill(np.array([1, nan, 3.0]), "linear"), [1, 2, 3])
    np.testing.assert_array_equal(fill(np.array([1, nan, nan]), "forward"), [1, 1, 1])
    assert fill(np.zeros((3, 0)), "linear").shape == (3, 0)
    with refuses("nothing in `column 1`, rows 1 to 1."):
        fill(np.array([nan, 1.0]), "linear")
