"""Stamps that people write and that are easily misread: read right, or refused with why."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import refuses
from stamped_tables import days, read

from throughtime.data.loading import check_dayfirst, to_series


def test_a_leap_second_is_no_minute(tmp_path):
    stamps = ["2016-12-31 23:59:58", "2016-12-31 23:59:59", "2016-12-31 23:59:60"]
    with refuses("got '2016-12-31 23:59:60' in row 3, a leap second"):
        read(tmp_path, stamps)


def test_a_day_of_the_week_is_that_of_its_date(tmp_path):
    assert read(tmp_path, days(9, form="%a %d %b %Y")).times.labels()[0] == "Fri 29 Jan 2021"
    with refuses("'Mon 29 Jan 2021' in row 1 (3 such rows in all), but that day is a Friday"):
        read(tmp_path, ["Mon 29 Jan 2021", "Tue 30 Jan 2021", "Wed 31 Jan 2021"])


def test_words_for_zones_that_mean_several_are_named(tmp_path):
    for form, zone in (("%Y-%m-%d %H:%M EST", "EST"), ("%m/%d/%Y %I:%M %p PDT", "PDT")):
        stamps = days(10, "h", form=form)
        with refuses(
            f"offsets from UTC or words that mean one zone; got '{stamps[0]}' in row 1"
        ):
            read(tmp_path, stamps)
        bare = [stamp.removesuffix(f" {zone}") for stamp in stamps]  # what the remedy says
        assert read(tmp_path, bare, time_zone="America/New_York").times.describe() == "1 hour"


def test_finer_than_a_microsecond_is_told(tmp_path):
    stamps = [f"{stamp}.123456789" for stamp in days(5, "s", form="%Y-%m-%d %H:%M:%S")]
    with refuses("in row 1 (5 such rows in all), finer than a microsecond"):
        read(tmp_path, stamps)


def test_days_of_a_month_are_not_read_as_years(tmp_path):
    """05.01.21 and 06.01.21 are no 21 January of 2005 and of 2006."""
    series = read(tmp_path, days(40, form="%d.%m.%y", start="2021-01-05"))
    assert series.times.describe() == "1 day"
    series = read(tmp_path, days(8, form="%y-%m-%d", start="2021-01-05"))
    assert series.times.labels()[-1] == "21-01-12" and series.times.describe() == "1 day"
    series = read(tmp_path, days(40, form="%d.%m.%y", start="2021-01-20"))
    assert series.times.start == np.datetime64("2021-01-20")


def test_what_may_differ_is_shown_where_it_differs(tmp_path):
    with refuses("stamps in `date` must have one step; got 03/03/2021 in row 3 after"):
        read(tmp_path, ["01/01/2021", "02/02/2021", "03/03/2021", "04/04/2021"])
    with refuses("`01/02/2021`, which may be 1 February 2021 (steps of 1 month) or 2 January"):
        read(tmp_path, ["01/01/2021", "01/02/2021", "01/03/2021", "01/04/2021"])


def test_three_orders_of_two_digits(tmp_path):
    stamps = ["01-02-01", "01-02-02", "01-02-03", "01-02-04"]
    with refuses("or write years in four digits."):
        read(tmp_path, stamps)
    first = {True: "2001-02-01", False: "2001-01-02"}
    for dayfirst, start in first.items():  # what the message says settles it
        series = read(tmp_path, stamps, dayfirst=dayfirst)
        assert series.times.start == np.datetime64(start)
    with refuses("`dayfirst` must be True or False; got 'yes'. Pass one of these"):
        check_dayfirst("yes")


def test_quarters_before_their_year(tmp_path):
    series = read(tmp_path, [f"{i % 4 + 1}/{2000 + i // 4}" for i in range(12)])
    assert series.times.describe() == "1 quarter"
    assert series.times.after(1).labels() == ["1/2003"]
    series = read(tmp_path, [f"{i % 12 + 1}/{2000 + i // 12}" for i in range(24)])
    assert series.times.describe() == "1 month"


@pytest.mark.parametrize("newest_first", [False, True])
def test_times_of_day_go_on_after_midnight(tmp_path, newest_first):
    times, values = days(30, "10min", "2021-01-01 22:00", "%H:%M"), list(range(30))
    if newest_first:
        times, values = times[::-1], values[::-1]
    series = read(tmp_path, times, "time", values)
    assert series.times.labels()[0] == "22:00" and series.targets[:, 0].tolist() == [*range(30)]


def test_dates_with_a_time_of_day_need_no_hour_beside_them(tmp_path):
    hours = pd.date_range("2021-01-01", periods=30, freq="h")
    table = pd.DataFrame({"date": hours, "hour": hours.hour, "y": np.arange(30.0)})
    text = table.assign(date=hours.strftime("%Y-%m-%d %H:%M:%S"))
    parted = table.assign(date=hours.normalize())
    for one in (table, text, parted):
        (series,) = to_series(one, target="y")
        np.testing.assert_array_equal(series.times.values(), hours.to_numpy())
    with refuses("dates in `date` must have no time of day of their own; got 2021-01-01 01:00"):
        to_series(table, target="y", time="date,hour")


GERMAN, JAPANESE = "Mo Di Mi Do Fr Sa So".split(), "月火水木金土日"


@pytest.mark.parametrize(
    ("written", "order"),
    [
        ("{0}, {1:%d.%m.%Y}", GERMAN),
        ("{0}. {1:%d.%m.%Y %H:%M}", GERMAN),
        ("{1:%Y/%m/%d}({0})", JAPANESE),
        ("{1:%Y/%m/%d}（{0}） {1:%H:%M}", JAPANESE),
    ],
)
def test_days_of_the_week_in_other_languages(tmp_path, written, order):
    index = pd.date_range("2021-01-18", periods=30, freq="D")
    stamps = [written.format(order[t.weekday()], t) for t in index]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["Zeit;y", *(f"{s};{i},5" for i, s in enumerate(stamps)), ""]))
    (series,) = to_series(path)
    np.testing.assert_array_equal(series.times.values(), index.to_numpy())
    assert series.targets[:, 0].tolist() == [i + 0.5 for i in range(30)]
    assert any("days of the week left out" in remark for remark in series.remarks)
    stamps[9] = written.format(order[2], index[10])
    path.write_text("\n".join(["Zeit;y", *(f"{s};{i},5" for i, s in enumerate(stamps)), ""]))
    with refuses(f"must be that of its date; got '{stamps[9]}' in row 10"):
        to_series(path)


def test_a_date_among_numbers_is_no_lack_of_numbers(tmp_path):
    with refuses(
        "stamps in `date` must be numbers, or dates written one way; got '2021-01-29' in row 1."
    ):
        read(tmp_path, ["2021-01-29", "1'000", "1'001", "1'002", "1'003"])


@pytest.mark.parametrize("spoilt", ["x", "(UTC)", "yyyy-mm-dd", "2021-01-2g", "0"])
def test_a_first_value_that_is_spoilt_does_not_hide_the_dates(tmp_path, spoilt):
    stamps = [spoilt, *days(9)[1:]]
    with refuses(f"got '{spoilt}' in row 1. "):
        read(tmp_path, stamps, name="da@e")
    with refuses("must have a stamp in each row; got none in row 1"):
        read(tmp_path, ["--", *days(9)[1:]], name="da@e")


def test_words_among_which_some_look_like_dates_are_no_dates(tmp_path):
    words = ["low", "may 1", "high", "low", "high", "may 2", "low", "high", "low"]
    assert read(tmp_path, words, name="level").remarks == ("without `level`",)


def test_a_clock_between_the_day_and_the_year(tmp_path):
    """Stamps of `ctime` and of `date`."""
    for form in ("%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S UTC %Y"):
        stamps = days(40, "6h", form=form)
        times = read(tmp_path, stamps, name="when").times
        assert times.describe() == "6 hours"
        assert list(times.labels()) == stamps


def test_fiscal_years(tmp_path):
    stamps = [f"FY{year}" for year in range(1995, 2007)]
    for written in (stamps, [f"FY {one[-2:]}" for one in stamps]):
        times = read(tmp_path, written, name="x").times
        assert times.describe() == "1 year" and list(times.labels()) == written


@pytest.mark.parametrize(
    "form", ["FY{y} Q{q}", "FY{s}Q{q}", "FY{s}-Q{q}", "Q{q} FY{y}", "Q{q} FY{s}"]
)
def test_quarters_of_fiscal_years(tmp_path, form):
    stamps = [
        form.format(y=2005 + i // 4, s=f"{5 + i // 4:02}", q=i % 4 + 1) for i in range(24)
    ]
    times = read(tmp_path, stamps, name="Quarter").times
    assert times.describe() == "1 quarter" and list(times.labels()) == stamps


def test_halves_of_fiscal_years(tmp_path):
    stamps = [f"FY{2005 + i // 2} H{i % 2 + 1}" for i in range(14)]
    times = read(tmp_path, stamps, name="x").times
    assert times.describe() == "6 months" and list(times.labels()) == stamps


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("Quarter", [f"Spring-{year}" for year in range(2000, 2020)], True),
        ("Zeit", [f"Tag {i} nach Start" for i in range(20)], True),
        ("day type", ["working", "free"] * 10, False),
        ("site", [f"north {i}" for i in range(20)], False),
    ],
)
def test_stamps_that_were_not_read_are_named(name, values, told):
    frame = pl.DataFrame({name: values, "y": range(20)})
    (series,) = to_series(frame.with_columns(pl.col("y") % 7))
    remark = f"the stamps in `{name}`, such as {values[0]!r}, were not read (write them as"
    assert series.remarks[0] == f"without `{name}`"
    assert any(one.startswith(remark) for one in series.remarks) == told
    (series,) = to_series(frame, time=False)
    assert series.remarks == (f"without `{name}`",)
