"""Zones and changes of clocks, with pandas as the reference."""

import numpy as np
import pandas as pd
import pytest
from conftest import refuses
from stamped_tables import read

OSLO = "Europe/Oslo"


def hours(start, periods=60, freq="h", zone=OSLO):
    return pd.date_range(start, periods=periods, freq=freq, tz=zone)


def utc(index):
    return index.tz_convert("UTC").tz_localize(None).to_numpy().astype("M8[us]")


@pytest.mark.parametrize("start", ["2021-03-27", "2021-10-30", "2021-07-01"])
@pytest.mark.parametrize("freq", ["h", "30min", "10min"])
@pytest.mark.parametrize("zone", [OSLO, "America/New_York", "Australia/Sydney", "Asia/Kolkata"])
@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M"])
def test_local_times_are_counted_in_utc_and_written_as_they_were(
    tmp_path, start, freq, zone, form
):
    index = hours(start, 300, freq, zone)
    series = read(tmp_path, index[:200].strftime(form), time_zone=zone)
    np.testing.assert_array_equal(series.times.values(), utc(index[:200]))
    if form == "%Y-%m-%d %H:%M":
        assert series.times.labels() == index[:200].strftime(form).tolist()
        assert series.times.after(100).labels() == index[200:].strftime(form).tolist()


@pytest.mark.parametrize("freq", ["h", "30min"])
@pytest.mark.parametrize("zone", [OSLO, "Australia/Sydney"])
def test_a_table_newest_first_is_the_same_series(tmp_path, freq, zone):
    """The hour that comes twice keeps its values: the upper row is the later one."""
    for start in ("2021-10-30", "2021-11-06", "2021-04-03"):
        walls = hours(start, 100, freq, zone).strftime("%Y-%m-%d %H:%M")
        oldest = read(tmp_path, walls, time_zone=zone)
        newest = read(tmp_path, walls[::-1], values=range(199, 99, -1), time_zone=zone)
        np.testing.assert_array_equal(newest.times.values(), oldest.times.values())
        np.testing.assert_array_equal(newest.targets, oldest.targets)


def test_the_hour_that_comes_twice_needs_an_order(tmp_path):
    walls = hours("2021-10-30").strftime("%Y-%m-%d %H:%M")
    order = np.random.default_rng(3).permutation(len(walls))
    with refuses("of the hour that comes twice must stand in order of time; got 2021-10-31T02"):
        read(tmp_path, walls[order], time_zone=OSLO)


def test_a_change_of_clocks_names_the_option(tmp_path):
    spring, autumn = (
        hours(day).strftime("%Y-%m-%d %H:%M") for day in ("2021-03-27", "2021-10-30")
    )
    for stamps in (spring, autumn):
        with refuses('`time_zone="Europe/Oslo"` (`--time-zone Europe/Oslo`)'):
            read(tmp_path, stamps)
    with refuses(
        "stamps in `date` must be times that Europe/Oslo has; got 2021-03-28T02:00:00 in row 3"
        ", when clocks go forward."
    ):
        read(tmp_path, [f"2021-03-28 {hour:02d}:00" for hour in range(24)], time_zone=OSLO)
    with refuses(
        "`time_zone` must be the name of a time zone (`--time-zone`); got Europe/Olso. Pass "
        "one such as `Europe/Oslo`."
    ):
        read(tmp_path, spring, time_zone="Europe/Olso")


@pytest.mark.parametrize(
    ("freq", "words"), [("D", "1 day"), ("MS", "1 month"), ("W", "1 week")]
)
def test_days_of_a_zone_are_days_of_its_calendar(tmp_path, freq, words):
    """They are not 24 hours long where clocks change; stamps are as in the file."""
    index = hours("2021-03-01", 40, freq)
    stamps = [moment.isoformat() for moment in index]
    series = read(tmp_path, stamps[:30])
    assert series.times.describe() == words
    days = index.strftime("%Y-%m-%d").tolist()
    assert series.times.labels() == days[:30] and series.times.after(10).labels() == days[30:]
    typed = read_frame(index[:30])
    assert typed.times.describe() == words
    assert typed.times.after(10).labels() == stamps[30:]  # the zone's name is known
    with refuses(f"{stamps[11]} in row 11 after {stamps[9]} in row 10"):
        read(tmp_path, stamps[:10] + stamps[11:20])


def read_frame(index):
    from throughtime.data.loading import to_series

    (series,) = to_series(pd.DataFrame({"y": range(len(index))}, index=index))
    return series


def test_constant_offsets_stay(tmp_path):
    index = hours("2021-01-27")
    stamps = [moment.isoformat() for moment in index]
    series = read(tmp_path, stamps[:50])
    np.testing.assert_array_equal(series.times.values(), utc(index[:50]))
    assert series.times.after(10).labels() == stamps[50:]


def test_offsets_that_change_are_written_in_utc_or_by_the_zone(tmp_path):
    index = hours("2021-03-27")
    stamps = [moment.isoformat() for moment in index]
    series = read(tmp_path, stamps)
    np.testing.assert_array_equal(series.times.values(), utc(index))
    assert series.times.after(1).labels() == ["2021-03-29T11:00:00+00:00"]
    series = read(tmp_path, stamps, time_zone=OSLO)
    assert series.times.after(1).labels() == ["2021-03-29T13:00:00+02:00"]


def test_words_for_zones(tmp_path):
    index = hours("2021-10-30")
    stamps = [t.strftime("%Y-%m-%d %H:%M ") + t.tzname() for t in index]
    series = read(tmp_path, stamps)
    np.testing.assert_array_equal(series.times.values(), utc(index))
    assert series.times.after(1).labels() == ["2021-11-01 10:00 UTC"]
