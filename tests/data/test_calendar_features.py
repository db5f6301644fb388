"""Inputs from the calendar, against the calendar of the standard library."""

import datetime as dt
import importlib.util

import numpy as np
import polars as pl
import pytest
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.calendar_features import calendar_columns, calendar_names
from throughtime.data.future_inputs import future_inputs
from throughtime.data.loading import to_series


def series(start, every, count=30, **options):
    step = {"1h": dt.timedelta(hours=1), "1d": dt.timedelta(days=1)}[every]
    stamps = [start + i * step for i in range(count)]
    table = pl.DataFrame({"stamp": stamps, "y": np.arange(count) % 5})
    return to_series(table, target="y", **options)[0], stamps


@settings(max_examples=25)
@given(st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1)))
def test_a_weekday_is_that_of_the_calendar(first):
    one, stamps = series(first, "1d", calendar="weekday")
    assert one.inputs.argmax(axis=1).tolist() == [day.weekday() for day in stamps]
    assert (one.inputs.sum(axis=1) == 1).all()
    assert one.input_names[stamps[0].weekday()] == f"weekday={stamps[0]:%A}"


def test_hours_and_months_are_those_of_the_calendar():
    one, stamps = series(dt.datetime(2024, 2, 27), "1h", 100, calendar=["hour", "month"])
    assert one.inputs[:, :24].argmax(axis=1).tolist() == [stamp.hour for stamp in stamps]
    assert (one.inputs[:, 24:].argmax(axis=1) + 1).tolist() == [stamp.month for stamp in stamps]
    assert (one.inputs.sum(axis=1) == 2).all()
    assert one.input_names[:24:23] == ("hour=00", "hour=23")
    assert one.input_names[24:26] == ("month=January", "month=February")


def test_an_hour_is_that_of_the_clock():
    local = dt.datetime(2024, 3, 30)  # the clock goes forward on the next day
    there, _ = series(local, "1h", 24, time_zone="Europe/Oslo", calendar="hour")
    plain, _ = series(local, "1h", 24, calendar="hour")
    np.testing.assert_allclose(there.inputs, plain.inputs, atol=1e-12)


def test_holidays_are_one_on_the_day():
    one, stamps = series(dt.date(2023, 12, 20), "1d", calendar="holidays:DE")
    found = [stamp for stamp, value in zip(stamps, one.inputs[:, 0], strict=True) if value]
    assert found == [dt.date(2023, 12, 25), dt.date(2023, 12, 26), dt.date(2024, 1, 1)]
    part, _ = series(dt.date(2024, 1, 1), "1d", calendar="holidays:DE-BY")
    assert part.inputs[5, 0] == 1  # Epiphany, in Bavaria


def test_the_future_needs_no_table():
    one, _ = series(dt.date(2023, 12, 20), "1d", 5, calendar=["holidays:DE", "weekday"])
    whole, _ = series(dt.date(2023, 12, 20), "1d", 12, calendar=["holidays:DE", "weekday"])
    np.testing.assert_array_equal(future_inputs(None, one, 7).values, whole.inputs[5:])
    np.testing.assert_array_equal(
        calendar_columns(one.columns.calendar, one.times.after(7)), whole.inputs[5:]
    )


def test_a_series_takes_the_calendar_that_it_is_given():
    plain, _ = series(dt.date(2024, 1, 1), "1d")
    expected, _ = series(dt.date(2024, 1, 1), "1d", calendar="weekday,month")
    (found,) = to_series(plain, calendar="weekday,month")
    np.testing.assert_array_equal(found.inputs, expected.inputs)
    assert found.input_names == expected.input_names == calendar_names(["weekday", "month"])
    assert to_series(found, calendar="weekday")[0] is found


@pytest.mark.parametrize(
    ("calendar", "message"),
    [
        (
            "hour",
            "`hour` needs steps of half a day at most; got steps of 1 day. Leave `hour` out",
        ),
        ("wekday", "got `wekday`. Did you mean `weekday`?"),
        ("holidays:XX", "`holidays:` needs a country, as in `holidays:DE`"),
    ],
)
def test_what_stamps_or_the_calendar_do_not_have(calendar, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        series(dt.date(2024, 1, 1), "1d", calendar=calendar)


def test_numbers_have_no_calendar():
    with refuses(
        "the calendar feature `weekday` needs stamps that are dates; got counted steps. "
        "Name the column of dates (`time`, `--time`), or leave `calendar` out."
    ):
        to_series(np.arange(9.0), calendar="weekday")


def test_without_the_package_a_remedy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with refuses(
        "`holidays:DE` needs the package holidays; got none. Install it: "
        '`pip install "throughtime[holidays]"`.'
    ):
        series(dt.date(2024, 1, 1), "1d", calendar="holidays:DE")
