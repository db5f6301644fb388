"""Categories as inputs: levels, codes, zeros and ones, gaps, mistakes."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.future_inputs import future_inputs
from throughtime.data.loading import to_series
from throughtime.tables.categories import feature_names, one_hot

WEATHER = ["rain", "sun", "rain", "snow", "sun", "rain"]
TABLE = {"t": range(6), "y": np.arange(6.0), "weather": WEATHER}


def read(table=TABLE, **options):
    return to_series(table, target="y", time="t", **options)


@pytest.mark.parametrize("frame", [pl.DataFrame, pd.DataFrame])
def test_each_level_is_a_column(frame):
    (series,) = read(frame(TABLE), inputs="weather")
    assert series.input_names == ("weather=rain", "weather=snow", "weather=sun")
    expected = [[word == level for level in ("rain", "snow", "sun")] for word in WEATHER]
    np.testing.assert_array_equal(series.inputs, expected)
    assert series.columns.describe() == "weather (rain, snow, sun)"


def test_two_levels_are_one_column_and_truth_is_a_number():
    weekend = ["no", "no", "no", "no", "no", "yes"]
    frame = pl.DataFrame(TABLE | {"weekend": weekend, "open": [True, False] * 3})
    (series,) = read(frame, inputs=["weekend", "open"])
    assert series.input_names == ("weekend=yes", "open")
    assert series.inputs.tolist() == [[0, 1], [0, 0], [0, 1], [0, 0], [0, 1], [1, 0]]


def test_codes_are_categories_where_their_type_says_so():
    kind = pd.Categorical(["2", "1", "3", "1", "2", "1"])
    (series,) = read(pd.DataFrame(TABLE | {"kind": kind}), inputs="kind")
    assert series.input_names == ("kind=1", "kind=2", "kind=3")
    (numbers,) = read(pd.DataFrame(TABLE | {"kind": kind.tolist()}), inputs="kind")
    assert numbers.inputs[:, 0].tolist() == [2, 1, 3, 1, 2, 1]


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=20))
def test_a_value_is_one_level(values):
    levels = tuple(sorted(set(values)))
    columns = one_hot(np.array([levels.index(v) for v in values], np.float64), levels)
    assert columns.shape == (len(values), len(feature_names("x", levels)))
    if len(levels) == 2:
        columns = np.concatenate([1 - columns, columns], axis=1)
    assert [levels[i] for i in columns.argmax(axis=1)] == values
    assert (columns.sum(axis=1) == 1).all()


def test_the_future_is_read_by_the_levels_that_are_known():
    (series,) = read(pl.DataFrame(TABLE), inputs="weather")
    ahead = pl.DataFrame({"t": [6, 7], "weather": ["sun", "rain"]})
    assert future_inputs(ahead, series, 2).values.tolist() == [[0, 0, 1], [1, 0, 0]]
    with refuses(
        "`weather` must be one of the levels that the model has learned: `rain`, `snow`, "
        "`sun`; got `Rain` in row 1. Write one of these, or fit with data that have it. "
        "Did you mean `rain`?"
    ):
        future_inputs(pl.DataFrame({"t": [6], "weather": ["Rain"]}), series, 1)


def test_rows_at_the_end_hold_levels_of_the_future():
    frame = pl.DataFrame(TABLE | {"y": [0.0, 1, 2, 3, None, None]})
    (series,) = read(frame, inputs="weather", past_inputs=())
    assert series.future.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_the_series_of_a_list_share_their_levels():
    first, second = pl.DataFrame(TABLE)[:3], pl.DataFrame(TABLE)[3:]
    one, two = read([first, second], inputs="weather")
    assert one.input_names == two.input_names == ("weather=rain", "weather=snow", "weather=sun")
    assert one.inputs[:, 1].tolist() == [0, 0, 0] and two.inputs[:, 1].tolist() == [1, 0, 0]


def test_a_gap_goes_on_with_the_last_level():
    words = ["rain", None, "sun", "sun", None, "rain"]
    frame = pl.DataFrame(TABLE | {"y": [0.0, 1, None, 3, 4, 5], "weather": words})
    (series,) = read(frame, inputs="weather", fill="linear")
    assert series.inputs[:, 0].tolist() == [0, 0, 1, 1, 1, 0]
    assert series.targets[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    with refuses("a missing value in column `weather`, row 2 (2 in all)"):
        read(frame.with_columns(y=pl.col("t")), inputs="weather")


def test_free_text_is_no_category():
    n = 500
    frame = pl.DataFrame(
        {"t": range(n), "y": range(n), "note": [f"note {i:03}" for i in range(n)]}
    )
    with refuses(
        "an input of text must have at most 50 levels; got 500 in column `note`, such as "
        "`note 000`, `note 001`, `note 002`. Merge them into groups"
    ):
        read(frame, inputs="note")
