"""The time axis: round trips, pandas' calendar as the reference, and rules."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest
from conftest import refuses
from hypothesis import assume, given
from hypothesis import strategies as st

from throughtime.stamps.time_axis import Times
from throughtime.stamps.time_units import DAY


def times(start, step, length, unit="number", day=1):
    if unit != "number":
        start = np.datetime64(start, "us")
    return Times(start, step, length, "t", unit, day)


moments = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))


@st.composite
def axes(draw):
    """Arguments of `times`; an axis is built outside, where its types may be checked."""
    length = draw(st.integers(3, 60))
    kind = draw(st.sampled_from(["integer", "float", "duration", "month", "month end"]))
    if kind == "integer":
        return (draw(st.integers(-5000, 5000)), draw(st.integers(1, 1000)), length)
    if kind == "float":
        start = draw(st.floats(-1e3, 1e3, allow_subnormal=False))
        return (start, draw(st.floats(1e-3, 1e3)), length)
    moment = draw(moments)
    if kind == "duration":
        return (moment, draw(st.integers(1, 10**13)), length, "microsecond")
    step = draw(st.sampled_from([1, 2, 3, 6, 12, 24]))
    if kind == "month":
        moment = moment.replace(day=draw(st.integers(1, 28)))
        return (moment, step, length, "month", moment.day)
    moment = (moment.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    return (moment - dt.timedelta(days=1), step, length, "month", 31)


@given(axes())
def test_stamps_are_read_back(axis):
    axis = times(*axis)
    again = Times.from_stamps(axis.values(), "t")
    assert (len(again), again.column) == (len(axis), "t")
    if axis.unit == "number":
        np.testing.assert_allclose(again.values(), axis.values(), rtol=1e-9, atol=1e-9)
    else:
        np.testing.assert_array_equal(again.values(), axis.values())
    assert again.values().dtype == axis.values().dtype


@given(axes(), st.integers(1, 40))
def test_after_continues_the_axis(axis, n):
    axis = times(*axis)
    longer = times(axis.start, axis.step, len(axis) + n, axis.unit, axis.day)
    both = np.concatenate([axis.values(), axis.after(n).values()])
    if axis.unit == "number":
        np.testing.assert_allclose(both, longer.values(), rtol=1e-12, atol=1e-12)
    else:
        np.testing.assert_array_equal(both, longer.values())
    assert axis.after(n).describe() == axis.describe()


@given(axes(), st.integers(-70, 70), st.integers(-70, 70))
def test_slices_are_those_of_the_values(axis, first, last):
    axis = times(*axis)
    part, expected = axis[first:last], axis.values()[first:last]
    assert len(part) == len(expected)
    if axis.unit == "number":
        np.testing.assert_allclose(part.values(), expected, rtol=1e-12, atol=1e-12)
    else:
        np.testing.assert_array_equal(part.values(), expected)


@given(axes())
def test_json_is_exact(axis):
    axis = times(*axis)
    assert Times.from_json(json.loads(json.dumps(axis.to_json()))) == axis


@given(axes())
def test_labels_are_distinct_and_parse_to_the_values(axis):
    axis = times(*axis)
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


@given(axes(), st.data())
def test_a_dropped_row_is_always_found(axis, data):
    axis = times(*axis)
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
