"""Rows on a regular axis: business days, halves of months, jitter, order, copies, asking."""

import numpy as np
import pandas as pd
import pytest
from conftest import refuses
from stamped_tables import days, read

from throughtime.data.loading import to_series


@pytest.mark.parametrize(
    ("freq", "words", "unit"),
    [
        ("B", "1 business day", "business day"),
        ("BMS", "1 month", "first business day"),
        ("BME", "1 month", "last business day"),
        ("BQE", "1 quarter", "last business day"),
        ("BQS", "1 quarter", "first business day"),
        ("SMS", "1 half month", "half month"),
        ("SME", "1 half month", "half month"),
    ],
)
def test_calendars_agree_with_pandas(tmp_path, freq, words, unit):
    """Over years with and without leap days, as pandas continues them."""
    stamps = days(80, freq, "2019-05-01")
    series = read(tmp_path, stamps[:50])
    assert (series.times.describe(), series.times.unit) == (words, unit)
    assert series.times.labels() == stamps[:50]
    assert series.times.after(30).labels() == stamps[50:]
    assert series.times[10:20].labels() == stamps[10:20]


def test_a_week_of_other_business_days(tmp_path):
    egypt = pd.bdate_range("2021-01-03", periods=60, freq="C", weekmask="Sun Mon Tue Wed Thu")
    stamps = [day.strftime("%Y-%m-%d") for day in egypt]
    series = read(tmp_path, stamps[:40])
    assert series.times.after(20).labels() == stamps[40:]
    assert series.remarks == (
        "business days are Monday, Tuesday, Wednesday, Thursday and Sunday",
    )
    three = pd.bdate_range("2021-01-04", periods=30, freq="C", weekmask="Mon Wed Fri")
    series = read(tmp_path, [day.strftime("%Y-%m-%d") for day in three])
    assert series.times.week == "1010100"


def test_holidays_are_left_out_and_told_or_filled(tmp_path):
    stamps = days(120, "B")
    rest = [stamp for i, stamp in enumerate(stamps) if i not in (17, 18, 60)]
    series = read(tmp_path, rest)
    assert series.times.labels() == rest and series.filled == 0
    assert series.remarks == (
        "3 business days without a row left out of the calendar (`--fill linear` fills them)",
    )
    assert series.times.after(2).labels() == days(122, "B")[120:]
    series = read(tmp_path, rest, fill="linear")
    assert series.times.labels() == stamps and series.filled == 3


def test_holidays_at_the_end_of_a_month(tmp_path):
    """Good Friday 2024 was the last business day of March: the month ended on the 28th."""
    stamps = [s.replace("2024-03-29", "2024-03-28") for s in days(40, "BME", "2022-01-01")]
    series = read(tmp_path, stamps)
    assert series.times.unit == "last business day"
    assert series.remarks == ("1 stamp within 1 day of the last business day taken for it",)


@pytest.mark.parametrize("dropped", [[5], [3, 4], [10, 20]])
def test_missing_days_are_not_taken_for_a_weekend(tmp_path, dropped):
    stamps = [s for i, s in enumerate(days(27)) if i not in dropped]
    with refuses('Pass `fill="linear"` (`--fill linear`) to put in the'):
        read(tmp_path, stamps)


def test_rows_out_of_order_are_sorted_and_told(tmp_path):
    stamps = days()
    for order in (range(59, -1, -1), np.random.default_rng(0).permutation(60)):
        series = read(tmp_path, [stamps[i] for i in order], values=[100 + i for i in order])
        np.testing.assert_array_equal(series.targets[:, 0], 100 + np.arange(60))
        assert series.times.labels() == stamps
        assert series.remarks == ("rows sorted by `date`",)


def test_exact_copies_are_dropped_and_told(tmp_path):
    stamps, values = days(), list(range(60))
    copied = [*stamps[:5], stamps[4], *stamps[5:], stamps[20]]
    series = read(tmp_path, copied, values=[*values[:5], 4, *values[5:], 20])
    assert series.times.labels() == stamps
    assert series.remarks == ("rows sorted by `date`", "2 exact copies of a row dropped")
    with refuses(
        "stamps in `date` must not repeat; got 2021-02-02 in row 5 and with other values in "
        "row 6. Drop one of the rows"
    ):
        read(tmp_path, [*stamps[:5], stamps[4], *stamps[5:]], values=range(61))


def test_copies_are_of_whole_rows(tmp_path):
    """Two stations with equal values are two series, not copies."""
    path = tmp_path / "two.csv"
    rows = [f"{day},{site},1.5" for day in days(5) for site in "ab"]
    path.write_text("\n".join(["date,site,y", *rows, ""]))
    with refuses("name the column that tells them apart with `id` (`--id`)"):
        to_series(path)
    assert [one.name for one in to_series(path, id="site")] == ["a", "b"]


def test_jitter_is_rounded_and_told(tmp_path):
    even = pd.date_range("2021-01-01", periods=60, freq="10min")
    rng = np.random.default_rng(0)
    off = pd.to_timedelta(rng.integers(-9, 10, 60), "s")
    series = read(tmp_path, (even + off).strftime("%Y-%m-%d %H:%M:%S"))
    np.testing.assert_array_equal(series.times.values(), even.to_numpy().astype("M8[us]"))
    assert series.remarks == ("stamps up to 9 seconds off rounded to steps of 10 minutes",)
    series = read(tmp_path, [f"{i / 3:.3f}" for i in range(60)], "t")
    np.testing.assert_allclose(series.times.values(), np.arange(60) / 3, atol=1e-3)
    assert "off rounded to steps of 0.333" in series.remarks[0]
    wide = pd.to_timedelta(np.where(np.arange(60) == 30, 50, 0), "s")
    with refuses("the step expected is 10 minutes"):
        read(tmp_path, (even + wide).strftime("%Y-%m-%d %H:%M:%S"))


def test_the_order_of_day_and_month_is_what_is_regular(tmp_path):
    firsts = days(24, "MS", form="%m/%d/%Y")
    series = read(tmp_path, firsts)
    assert series.times.describe() == "1 month" and series.remarks == ("month first",)
    series = read(tmp_path, days(24, "MS", form="%d/%m/%Y"))
    assert series.times.describe() == "1 month" and series.remarks == ("day first",)


AMBIGUOUS = [f"{day:02d}/02/2021" for day in range(1, 13)]


def test_two_regular_orders_are_asked_for(tmp_path):
    with refuses(
        "the order of day and month in `date` must be known; got `01/02/2021`, which may be "
        "1 February 2021 (steps of 1 day) or 2 January 2021 (steps of 1 month). Pass "
        "`dayfirst=True` (`--dayfirst`) or `dayfirst=False` (`--monthfirst`)."
    ):
        read(tmp_path, AMBIGUOUS)
    assert read(tmp_path, AMBIGUOUS, dayfirst=True).times.describe() == "1 day"
    assert read(tmp_path, AMBIGUOUS, dayfirst=False).times.describe() == "1 month"
    with refuses(
        "stamps in `date` must fit `dayfirst=True` (`--dayfirst`); got '02/14/2021'. Leave the "
        "option out."
    ):
        read(tmp_path, days(20, start="2021-02-14", form="%m/%d/%Y"), dayfirst=True)


def test_years_of_two_digits(tmp_path):
    series = read(tmp_path, days(40, "MS", "1960-01-01", "%b-%y"))
    assert series.times.values()[0] == np.datetime64("1960-01-01")
    assert series.remarks == ("years of two digits as 1930 to 2029",)
    series = read(tmp_path, days(40, "MS", "2028-01-01", "%b-%y"))
    assert series.times.values()[-1] == np.datetime64("2031-04-01")
    series = read(tmp_path, days(40, form="%y-%m-%d"))
    assert series.remarks[0].startswith("year first, ")
    with refuses("which may be 1 February 2002 (steps of 1 year) or 2 February 2001"):
        read(tmp_path, [f"01-02-{year:02d}" for year in range(1, 13)])


@pytest.mark.parametrize(
    ("stamps", "value"),
    [
        ([f"Jan {day}" for day in range(1, 20)], "Jan 1"),  # days of an unknown year
        ([f"{day}-Jan" for day in range(1, 20)], "1-Jan"),
        (days(30, "h", form="%Y-%m-%d %H:%M CST"), "2021-01-29 00:00 CST"),  # three zones
        (["2021-W52", "2021-W53", "2022-W01"], "2021-W53"),  # 2021 had 52 weeks
        (["2021-02-28", "2021-02-29", "2021-03-01"], "2021-02-29"),
        (["2021-01-01 12:00 AM", "2021-01-01 13:00 AM", "2021-01-01 2:00 AM"], "13:00 AM"),
        (["2021-01-29", "29/01/2021", "2021-01-31"], "29/01/2021"),
    ],
)
def test_what_is_no_stamp_is_named(tmp_path, stamps, value):
    with refuses(f"{value}' in row"):
        read(tmp_path, stamps)


def test_dates_stay_within_the_years_that_have_four_digits(tmp_path):
    late = [f"9999-12-31T2{hour}:00:00-23:00" for hour in range(4)]
    early = [f"0001-01-01T0{hour}:00:00+14:00" for hour in range(4)]
    for stamps in (late, early):
        with refuses("dates in `date` must lie in the years 1 to 9999, in UTC too"):
            read(tmp_path, stamps)
    assert read(tmp_path, ["9999-12-29", "9999-12-30", "9999-12-31"]).times.after(1).labels()


def test_a_step_that_is_no_number_is_refused(tmp_path):
    with refuses("the span of the time column must be a number of double precision"):
        read(tmp_path, ["-1.5e308", "0", "1.45e308", "1.5e308"], "t")


def test_the_series_at_fault_is_named(tmp_path):
    path = tmp_path / "panel.csv"
    rows = [f"{day},a,1" for day in days(9)] + [
        f"{day},b,1" for day in days(12) if "08" not in day
    ]
    path.write_text("\n".join(["date,who,y", *rows, ""]))
    with refuses("got in the series `b`, 2021-02-09 in row 20 after 2021-02-07 in row 19"):
        to_series(path, id="who")
    assert [len(one) for one in to_series(path, id="who", fill="linear")] == [9, 12]


def test_days_that_both_orders_give_are_continued_in_iso(tmp_path):
    """1/1 is no sign of the order in which other days would be written."""
    series = read(tmp_path, [f"1/1/2021 {hour}:00" for hour in range(24)])
    assert series.times.after(1).labels() == ["2021-01-02T00:00:00"]
    assert series.remarks == ()


def test_copies_do_not_make_a_series_long_enough(tmp_path):
    with refuses("a series must have at least 3 rows; got 2 in `table`."):
        read(tmp_path, ["2021-01-01", "2021-01-01", "2021-01-02"], values=[1, 1, 2])
