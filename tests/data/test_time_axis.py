"""The time axis: round trips, pandas' calendar as oracle, and rules."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest
from conftest import refuses
from hypothesis import assume, given
from hypothesis import strategies as st

from throughtime.data.time_axis import DAY, Times


def times(start, step, length, unit="number", day=1):
    if unit != "number":
        start = np.datetime64(start, "us")
    return Times(start, step, length, "t", unit, day)


moments = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))


@st.composite
def axes(draw):
    length = draw(st.integers(3, 60))
    kind = draw(st.sampled_from(["integer", "float", "duration", "month", "month end"]))
    if kind == "integer":
        return times(draw(st.integers(-5000, 5000)), draw(st.integers(1, 1000)), length)
    if kind == "float":
        start = draw(st.floats(-1e3, 1e3, allow_subnormal=False))
        return times(start, draw(st.floats(1e-3, 1e3)), length)
    moment = draw(moments)
    if kind == "duration":
        return times(moment, draw(st.integers(1, 10**13)), length, "microsecond")
    step = draw(st.sampled_from([1, 2, 3, 6, 12, 24]))
    if kind == "month":
        moment = moment.replace(day=draw(st.integers(1, 28)))
        return times(moment, step, length, "month", moment.day)
    moment = (moment.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    return times(moment - dt.timedelta(days=1), step, length, "month", 31)


@given(axes())
def test_stamps_are_read_back(axis):
    again = Times.from_stamps(axis.values(), "t")
    assert (len(again), again.column) == (len(axis), "t")
    if axis.unit == "number":
        np.testing.assert_allclose(again.values(), axis.values(), rtol=1e-9, atol=1e-9)
    else:
        np.testing.assert_array_equal(again.values(), axis.values())
    assert again.values().dtype == axis.values().dtype


@given(axes(), st.integers(1, 40))
def test_after_continues_the_axis(axis, n):
    longer = times(axis.start, axis.step, len(axis) + n, axis.unit, axis.day)
    both = np.concatenate([axis.values(), axis.after(n).values()])
    if axis.unit == "number":
        np.testing.assert_allclose(both, longer.values(), rtol=1e-12, atol=1e-12)
    else:
        np.testing.assert_array_equal(both, longer.values())
    assert axis.after(n).describe() == axis.describe()


@given(axes(), st.integers(-70, 70), st.integers(-70, 70))
def test_slices_are_those_of_the_values(axis, first, last):
    part, expected = axis[first:last], axis.values()[first:last]
    assert len(part) == len(expected)
    if axis.unit == "number":
        np.testing.assert_allclose(part.values(), expected, rtol=1e-12, atol=1e-12)
    else:
        np.testing.assert_array_equal(part.values(), expected)


@given(axes())
def test_json_is_exact(axis):
    assert Times.from_json(json.loads(json.dumps(axis.to_json()))) == axis


@given(axes())
def test_labels_are_distinct_and_parse_to_the_values(axis):
    labels, values = axis.labels(), axis.values()
    assert len(set(labels)) == len(axis)
    if axis.unit == "number":
        np.testing.assert_allclose([float(x) for x in labels], values, atol=1e-6)
    else:
        np.testing.assert_array_equal(np.array(labels, "M8[us]"), values)


@pytest.mark.parametrize(
    ("frequency", "words"),
    [
        ("ME", "1 month"),
        ("MS", "1 month"),
        ("QE", "1 quarter"),
        ("QS", "1 quarter"),
        ("2MS", "2 months"),
        ("YE", "1 year"),
        ("YS", "1 year"),
        ("10YE", "10 years"),
        ("W", "1 week"),
        ("D", "1 day"),
        ("10D", "10 days"),
        ("h", "1 hour"),
        ("15min", "15 minutes"),
        ("90s", "90 seconds"),
        ("250ms", "250 milliseconds"),
        ("7us", "7 microseconds"),
    ],
)
def test_steps_agree_with_pandas(frequency, words):
    """The same stamps as pandas' calendar, over leap years and four centuries' turn."""
    index = pd.date_range("1896-01-31 00:00", periods=60, freq=frequency)
    axis = Times.from_stamps(index[:40].to_numpy(), "t")
    assert axis.describe() == words
    np.testing.assert_array_equal(axis.values(), index[:40].to_numpy())
    np.testing.assert_array_equal(axis.after(20).values(), index[40:].to_numpy())


@pytest.mark.parametrize(
    ("stamps", "following"),
    [
        (["2023-12-31", "2024-01-31"], "2024-02-29"),
        (["2024-01-31", "2024-02-29"], "2024-03-31"),
        (["2023-01-30", "2023-02-28", "2023-03-30"], "2023-04-30"),
        (["2020-02-29", "2021-02-28", "2022-02-28"], "2023-02-28"),
        (["2023-02-28", "2023-05-31"], "2023-08-31"),
        (["2023-07-01", "2023-08-01"], "2023-09-01"),
        (["2023-01-31", "2023-02-28", "2023-03-28"], "2023-04-25"),  # 28 days, not a month
        (["2024-02-28", "2024-02-29"], "2024-03-01"),
        (["2023-02-01T06:00", "2023-03-01T06:00"], "2023-04-01T06:00:00"),
    ],
)
def test_calendar_or_duration(stamps, following):
    axis = Times.from_stamps(np.array(stamps, "M8[us]"), "date")
    assert axis.after(1).labels() == [following]


def test_labels():
    assert times(0.0, 0.1, 4).labels() == ["0", "0.1", "0.2", "0.3"]
    assert times(1700, 1, 2).labels() == ["1700", "1701"]
    assert times(1e9, 1e-4, 2).labels() == ["1000000000", "1000000000.0001"]
    hours = times("2020-01-01T00:00", 3_600_000_000, 25, "microsecond")
    assert hours.labels()[:2] == ["2020-01-01T00:00:00", "2020-01-01T01:00:00"]
    assert hours[24:].labels() == ["2020-01-02T00:00:00"]
    fine = times("2020-01-01", 1500, 2, "microsecond")
    assert fine.labels()[1] == "2020-01-01T00:00:00.001500"
    assert Times.count(3).labels() == ["0", "1", "2"]
    assert Times.count(3).column is None
    assert Times.count(3).after(2).labels() == ["3", "4"]
    assert Times.count(0).labels() == []


def test_microseconds_stay_exact_over_centuries():
    axis = times("1700-01-01T00:00:00.000001", 86_400_000_007, 100_000, "microsecond")
    last = dt.datetime(1700, 1, 1, 0, 0, 0, 1) + 99_999 * dt.timedelta(days=1, microseconds=7)
    assert axis.values()[-1] == np.datetime64(last)


@pytest.mark.parametrize(
    "stamps",
    [
        np.arange(1000) * np.float64(0.1) + 12345.6,
        np.arange(1000, dtype=np.float32) * np.float32(0.01) + np.float32(100),
        np.cumsum(np.full(1000, 0.1)),
        1 / 30 * np.arange(100) + np.random.default_rng(0).uniform(-1e-8, 1e-8, 100),
    ],
)
def test_rounded_floats_are_regular(stamps):
    axis = Times.from_stamps(stamps, "t")
    np.testing.assert_allclose(axis.values(), stamps, rtol=1e-6)


def test_a_jitter_beyond_rounding_is_not_regular():
    stamps = np.array([0.0, 0.1, 0.200001, 0.3])
    with refuses(
        "stamps in `t` must have one step; got 0.200001 in row 3 after 0.1 in row 2; "
        "the step expected is 0.1."
    ):
        Times.from_stamps(stamps, "t")


FILL_IN = (
    "Add a row for each missing stamp, with empty values, and pass `fill`; or resample; "
    "or drop `date` to count steps instead."
)
ID = "if the table holds several series, name the column that tells them apart as `id`."


@pytest.mark.parametrize(
    ("stamps", "message"),
    [
        (
            ["2020-01-01", "2020-01-02", "2020-01-05", "2020-01-06"],
            "stamps in `date` must have one step; got 2020-01-05 in row 3 after 2020-01-02 in "
            f"row 2; the step expected is 1 day. {FILL_IN}",
        ),
        (
            ["1950-01-01", "1950-02-01", "1950-03-01", "1950-05-01", "1950-06-01"],
            "stamps in `date` must have one step; got 1950-05-01 in row 4 after 1950-03-01 in "
            f"row 3; the step expected is 1 month. {FILL_IN}",
        ),
        (
            ["1950-01-31", "1950-02-28", "1950-03-31", "1950-04-29", "1950-05-31"],
            "got 1950-04-29 in row 4 after 1950-03-31 in row 3; the step expected is 1 month.",
        ),
        (
            ["2020-01-01", "2020-01-02", "2020-01-02", "2020-01-03"],
            "stamps in `date` must not repeat; got 2020-01-02 in row 3 after 2020-01-02 in "
            f"row 2; the step expected is 1 day. Drop one of the rows; {ID}",
        ),
        (
            ["2020-01-01", "2020-01-03", "2020-01-02", "2020-01-04"],
            "stamps in `date` must be in order; got 2020-01-02 in row 3 after 2020-01-03 in "
            "row 2",
        ),
        (
            ["2020-01-03", "2020-01-02", "2020-01-01"],
            "stamps in `date` must be in order; got 2020-01-02 in row 2 after 2020-01-03 in "
            f"row 1; the step expected is 1 day. Sort the rows by `date`; {ID}",
        ),
        (
            ["2020-01-01"] * 3,
            "must not repeat; got 2020-01-01 in row 2 after 2020-01-01 in row 1.",
        ),
        (
            ["2020-01-01T00:00", "2020-01-01T01:00", "2020-01-01T02:30"],
            "got 2020-01-01T02:30:00 in row 3 after 2020-01-01T01:00:00 in row 2; the step "
            "expected is 1 hour.",
        ),
        (
            ["2020-01-01", "NaT", "2020-01-03", "NaT"],
            "the time column `date` must have a stamp in each row; got none in row 2 "
            "(2 missing in all). Write the stamp, or drop the row.",
        ),
        (
            ["2020-01-01"],
            "the time column `date` needs two rows to show its step; got 1. "
            "Pass a longer series.",
        ),
        ([], "needs two rows to show its step; got 0."),
    ],
)
def test_irregular_stamps_are_named(stamps, message):
    with refuses(message):
        Times.from_stamps(np.array(stamps, "M8[us]"), "date")


def test_irregular_numbers_are_named_by_their_row_in_the_table():
    with refuses("got 1705 in row 9 after 1702 in row 7; the step expected is 1."):
        Times.from_stamps(np.array([1700, 1701, 1702, 1705]), "year", [3, 5, 7, 9])
    with refuses("got none in row 2 (1 missing in all)"):
        Times.from_stamps(np.array([1.0, np.nan, 3.0]), "year")
    with refuses("must hold numbers or dates; got values of type bool. Name another column"):
        Times.from_stamps(np.array([False, True]), "flag")
    with refuses(
        "dates in `t` must be whole microseconds; got 2020-01-01T00:00:00.000000001 in row 2. "
        "Write the time as a number, such as seconds since the start."
    ):
        Times.from_stamps(
            np.array(["2020-01-01", "2020-01-01T00:00:00.000000001"], "M8[ns]"), "t"
        )


@given(axes(), st.data())
def test_a_dropped_row_is_always_found(axis, data):
    assume(len(axis) >= 5)
    gone = data.draw(st.integers(1, len(axis) - 2))
    with refuses("must have one step"):
        Times.from_stamps(np.delete(axis.values(), gone), "t")


def test_one_step_or_another():
    tenths = Times(0.0, 0.1, 5, "t")
    assert tenths.same_step(Times(3.0, 0.1 + 1e-12, 9, "t"))
    assert not tenths.same_step(Times(0.0, 0.2, 5, "t"))
    day = Times(np.datetime64("2020-01-01", "us"), DAY, 5, "t", "microsecond")
    assert not day.same_step(Times(day.start, 1, 5, "t", "month"))
    assert day.same_step(Times.count(5)) and Times.count(5).same_step(tenths)
