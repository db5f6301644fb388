"""Numbers that are dates, and stamps in several columns."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import refuses
from stamped_tables import days, read

from throughtime.data.loading import to_series
from throughtime.stamps.time_axis import Times

HOURS = pd.date_range("2021-01-29 05:00", periods=50, freq="h")
UNIX = HOURS.to_numpy().astype("M8[s]").astype(np.int64)


@pytest.mark.parametrize("scale", [1, 10**3, 10**6, 10**9])
def test_unix_times(tmp_path, scale):
    series = read(tmp_path, UNIX * scale, "timestamp")
    np.testing.assert_array_equal(series.times.values(), HOURS.to_numpy().astype("M8[us]"))
    assert series.times.describe() == "1 hour" and series.times.zone == "UTC"
    following = UNIX[-1] + 3600
    assert series.times.after(1).labels() == [str(following * scale)]
    assert series.remarks[0].startswith("Unix times")


def test_unix_times_with_decimals(tmp_path):
    series = read(tmp_path, [f"{second}.25" for second in UNIX], "time")
    assert series.times.values()[0] == np.datetime64("2021-01-29T05:00:00.25")
    assert series.times.labels()[0] == f"{UNIX[0]}.25"


def test_days_of_a_spreadsheet(tmp_path):
    """Serial 44225 is 29 January 2021, as LibreOffice and Excel have it."""
    series = read(tmp_path, range(44225, 44285), "date")
    assert series.times.values()[0] == np.datetime64("2021-01-29")
    assert series.times.after(1).labels() == ["44285"]
    assert series.remarks == ("Excel's days since 1900",)
    series = read(tmp_path, [f"{44225 + i / 24:.6f}" for i in range(50)], "date")
    assert series.times.describe() == "1 hour"
    months = (
        pd.date_range("1991-07-01", periods=40, freq="MS") - pd.Timestamp("1899-12-30")
    ).days
    assert read(tmp_path, months, "date").times.describe() == "1 month"


def test_a_number_is_a_date_only_where_something_says_so(tmp_path):
    for numbers in (range(44225, 44275), UNIX // 10, range(20210101, 20210121)):
        series = read(tmp_path, numbers, "t")
        if numbers[0] == 20210101:  # digits of dates in order
            assert series.times.describe() == "1 day"
        else:
            assert series.times.unit == "number" and not series.remarks
    assert read(tmp_path, range(1947, 1963), "YEAR").times.unit == "number"


@pytest.mark.parametrize("name", ["ts", "t", "event_ts", "epoch"])
def test_a_name_that_means_time_makes_numbers_unix_times(tmp_path, name):
    for scale in (1, 1000):
        assert read(tmp_path, UNIX * scale, name).times.describe() == "1 hour"


def test_a_column_that_is_named_holds_unix_times_where_their_steps_are_even(tmp_path):
    gone = np.delete(UNIX, [7, 8, 20])
    for seconds in (UNIX, gone):
        series = read(tmp_path, seconds, "clock_value", time="clock_value", fill="linear")
        assert series.times.describe() == "1 hour" and len(series.targets) == len(UNIX)
    with refuses("`clock_value` (1611896400, 1611900000, 1611903600, ...)"):
        read(tmp_path, UNIX, "clock_value")
    early = UNIX - UNIX[0] + 500_000_000  # of 1985
    assert read(tmp_path, early, "clock_value", time="clock_value").times.unit == "number"


@pytest.mark.parametrize(
    ("form", "periods"), [("%d%m%Y", 90), ("%m%d%Y", 90), ("%m%d%Y", 400), ("%d%m%Y", 20)]
)
def test_digits_of_dates_without_their_zero(tmp_path, form, periods):
    digits = [int(stamp) for stamp in days(periods + 2, form=form)]
    series = read(tmp_path, digits[:-2])
    assert series.times.values()[0] == np.datetime64("2021-01-29")
    assert series.times.after(2).labels() == [str(number) for number in digits[-2:]]


def test_decimal_years(tmp_path):
    """R writes a monthly series with sixteen digits; NOAA the middle of each month."""
    months = np.arange(1949 * 12, 1949 * 12 + 40)
    series = read(tmp_path, [repr(float(m / 12)) for m in months], "time")
    assert series.times.describe() == "1 month"
    np.testing.assert_allclose(float(series.times.after(1).labels()[0]), (months[-1] + 1) / 12)
    series = read(tmp_path, [f"{(m + 0.5) / 12:.4f}" for m in months], "decimal_year")
    assert series.times.describe() == "1 month" and series.times.labels()[0] == "1949.0417"
    leap = [f"{2000 + day / 366:.4f}" for day in range(300)]
    series = read(tmp_path, leap, "year")
    assert series.times.describe() == "1 day" and series.times.labels() == leap
    assert read(tmp_path, np.arange(40) / 4 + 1970, "x", target="y").times == Times.count(40)


@pytest.mark.parametrize("kind", [str, float])
def test_numbers_that_are_text_are_read_as_numbers(kind):
    """1991.083 is February 1991, never the 83rd day of the year."""
    years = [f"{1991 + m // 12 + m % 12 / 12:.3f}" for m in range(40)]
    digits = [int(stamp) for stamp in days(40, form="%Y%m%d")]
    for stamps, step in ((map(kind, years), "1 month"), (map(kind, digits), "1 day")):
        frame = pl.DataFrame({"date": list(stamps), "y": range(40)})
        assert to_series(frame)[0].times.describe() == step
    prices = pl.DataFrame(
        {"t": range(40), "price": [f"1991.{m % 12 + 1:02d}" for m in range(40)]}
    )
    (series,) = to_series(prices)
    assert series.target_names == ("price",) and series.times.column == "t"


def test_times_of_day_go_on_after_midnight(tmp_path):
    stamps = [f"{minute // 60 % 24:02d}:{minute % 60:02d}" for minute in range(1380, 1800, 10)]
    series = read(tmp_path, stamps[:40], "time")
    assert series.times.describe() == "10 minutes" and series.times.labels() == stamps[:40]
    assert series.times.after(2).labels() == stamps[40:]


MOMENTS = pd.date_range("2020-11-01", periods=60, freq="MS")


@pytest.mark.parametrize(
    ("columns", "freq", "names"),
    [
        ({"Year": "%Y", "Month": "%m"}, "MS", "Year,Month"),
        ({"year": "%Y", "mon": "%b"}, "MS", "year,mon"),
        ({"YEAR": "%Y", "MO": "%m", "DY": "%d"}, "D", "YEAR,MO,DY"),
        ({"year": "%Y", "month": "%m", "day": "%d", "hour": "%H"}, "h", "year,month,day,hour"),
        ({"year": "%Y", "doy": "%j"}, "D", "year,doy"),
        ({"date": "%d/%m/%Y", "time": "%H:%M"}, "h", "date,time"),
        ({"Date": "%Y-%m-%d", "Hour": "%H"}, "h", "Date,Hour"),
    ],
)
def test_stamps_in_several_columns(tmp_path, columns, freq, names):
    moments = pd.date_range("2020-12-30", periods=60, freq=freq)
    cells = {name: moments.strftime(form) for name, form in columns.items()}
    path = tmp_path / "several.csv"
    pd.DataFrame(cells).assign(flow=np.arange(60.0)).to_csv(path, index=False)
    (series,) = to_series(path)
    assert series.target_names == ("flow",) and series.times.column == names
    np.testing.assert_array_equal(series.times.values(), moments.to_numpy().astype("M8[us]"))
    (named,) = to_series(path, time=names, target="flow")
    assert named.times == series.times
    written = [stamp.split("\t") for stamp in series.times.written()]
    again = pd.DataFrame(written, columns=list(columns)).assign(flow=np.arange(60.0))
    again.to_csv(path, index=False)
    assert to_series(path)[0].times == series.times


def test_year_and_quarter_year_and_week(tmp_path):
    quarters = pl.DataFrame(
        {"year": [1990 + i // 4 for i in range(20)], "quarter": [i % 4 + 1 for i in range(20)]}
    ).with_columns(y=pl.int_range(pl.len()))
    (series,) = to_series(quarters)
    assert series.times.describe() == "1 quarter"
    assert series.times.after(1).written() == ["1995\t1"]
    weeks = pd.date_range("2020-11-02", periods=20, freq="W-MON").isocalendar()
    (series,) = to_series(
        pd.DataFrame(weeks)[["year", "week"]].assign(y=range(20)).reset_index(drop=True)
    )
    assert series.times.describe() == "1 week"
    assert series.times.values()[0] == np.datetime64("2020-11-02")


def test_columns_that_only_look_like_a_stamp(tmp_path):
    """A year that does not count years, a date that has the time already."""
    stamps = days(30, "h", form="%Y-%m-%d %H:%M")
    frame = pl.DataFrame({"date": stamps, "time": [5.0] * 30, "y": range(30)})
    (series,) = to_series(frame, target="y")
    assert series.times.column == "date" and series.times.describe() == "1 hour"
    with refuses("`time` must name a column of the table"):
        to_series(frame, target="y", time="date,hour")
