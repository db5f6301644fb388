"""Frames with an index become the tables that a forecaster reads."""

import numpy as np
import pandas as pd
import pytest
from conftest import refuses

import throughtime as tt
from throughtime.interop.pandas_series import (
    appended,
    check_counted,
    inputs_ahead,
    joined_table,
    quantile_table,
)

DAYS = pd.date_range("2024-01-01", periods=6, freq="D")


def frame(index, *columns):
    values = np.arange(len(index) * len(columns), dtype=float).reshape(len(index), -1)
    return pd.DataFrame(values, index, list(columns))


@pytest.mark.parametrize(
    "index", [DAYS, DAYS.to_period("D"), pd.RangeIndex(3, 9), pd.Index([5, 6, 7, 8, 9, 10])]
)
def test_a_table_is_read_as_the_series_that_it_was(index):
    y, X, past = frame(index, 0, "b"), frame(index, 0), frame(index, "time")
    table, roles = joined_table(y, X, past)
    (series,) = tt.to_series(table, **roles)
    np.testing.assert_array_equal(series.targets, y)
    np.testing.assert_array_equal(series.inputs, X)
    np.testing.assert_array_equal(series.past_inputs, past)
    assert series.target_names == ("target 0", "target b")
    dated = isinstance(index, pd.DatetimeIndex | pd.PeriodIndex)
    assert series.times[:1].labels() == ["2024-01-01" if dated else "0"]


def test_inputs_are_taken_at_the_rows_of_the_targets():
    later = frame(pd.date_range("2023-12-30", periods=12, freq="D"), "u")
    table, _ = joined_table(frame(DAYS, "y"), later)
    np.testing.assert_array_equal(table["inputs u"], later.loc[DAYS, "u"])
    ahead = inputs_ahead(later, DAYS[-2:])
    assert ahead is not None and ahead["inputs u"].tolist() == [6.0, 7.0]
    assert inputs_ahead(None, DAYS) is None
    with refuses("inputs must have a row for every step; got none at 2024-01-04"):
        joined_table(frame(DAYS, "y"), later[:5])


def test_numbers_that_skip_are_refused():
    check_counted(DAYS)
    check_counted(pd.Index([4, 5, 6]))
    for index, got in (([0, 2, 4], "[2]"), ([0, 1, 3], "[1, 2]"), ([2, 1], "[-1]")):
        with refuses(f"must count the rows one by one; got steps of {got}"):
            check_counted(pd.Index(index))


def test_quantiles_have_a_column_for_each_target_and_share():
    low = np.arange(4.0).reshape(2, 2)
    table = quantile_table([low, low + 10], [0.1, 0.9], ["a", "b"], DAYS[:2])
    assert [*table.columns] == [("a", 0.1), ("a", 0.9), ("b", 0.1), ("b", 0.9)]
    np.testing.assert_array_equal(table["b"][0.9], low[:, 1] + 10)


def test_new_rows_take_the_place_of_old_ones():
    old, new = frame(DAYS[:4], "y"), frame(DAYS[2:], "y") + 100
    both = appended(old, new)
    assert both.index.equals(DAYS)
    assert both["y"].tolist() == [0, 1, 100, 101, 102, 103]
