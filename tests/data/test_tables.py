"""From tables to series: several series, filling, and mistakes."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import refuses

from throughtime.data.loading import to_series


def test_lists_and_series():
    first, second = to_series([np.arange(3.0), np.arange(5.0)])
    assert (len(first), len(second)) == (3, 5)
    assert (first.name, second.name) == ("series 1", "series 2")
    assert to_series(first) == [first]
    assert [s.name for s in to_series([first, second], name="run")] == ["run 1", "run 2"]
    assert to_series(first, target="x", name="one")[0].name == "one"


def test_a_long_table_gives_a_series_per_id_in_order_of_appearance():
    frame = pl.DataFrame(
        {
            "site": ["b", "a", "b", "a", "b", "a", "b"],
            "date": ["2020-01-01", "2021-01-01"] * 3 + ["2020-01-04"],
            "y": [0.0, 10, 1, 11, 2, 12, 3],
        }
    ).with_columns(
        pl.Series(
            "date",
            [
                "2020-01-01",
                "2021-01-01",
                "2020-01-02",
                "2021-01-02",
                "2020-01-03",
                "2021-01-03",
                "2020-01-04",
            ],
        )
    )
    b, a = to_series(frame, id="site")
    assert (b.name, a.name) == ("b", "a")
    assert b.targets[:, 0].tolist() == [0, 1, 2, 3] and a.targets[:, 0].tolist() == [10, 11, 12]
    assert a.times.labels() == ["2021-01-01", "2021-01-02", "2021-01-03"]
    b, _ = to_series(frame.to_pandas(), id="site", name="lab")
    assert (b.name, b.id) == ("b", "site")
    late = frame.with_columns(
        pl.col("date").replace("2020-01-03", "2020-01-09").replace("2020-01-04", "2020-01-10")
    )
    with refuses(
        "got in the series `b`, 2020-01-09 in row 5 after 2020-01-02 in row 3; the step "
        "expected is 1 day"
    ):
        to_series(late, id="site")


@pytest.mark.parametrize("how", ["linear", "forward"])
def test_fill_agrees_with_pandas(write, how):
    path = write("t,y,u\n0,1,5\n1,,NA\n2,nan,7\n3,4.5,null\n4,9,11\n")
    (series,) = to_series(path, target="y", inputs=["u"], fill=how)
    raw = pd.read_csv(path)[["y", "u"]]
    expected = raw.interpolate() if how == "linear" else raw.ffill()
    np.testing.assert_allclose(np.hstack([series.targets, series.inputs]), expected)
    assert series.filled == 4


def test_missing_values_in_other_columns_do_not_matter(write):
    (series,) = to_series(write("t,y,note\n0,1,\n1,2,x\n2,3,\n"))
    assert series.filled == 0


def test_a_series_keeps_its_columns(lab):
    with refuses(
        "a `Series` keeps its columns `y`, `u`; got `u`, `y`. Leave out `target` and `inputs`, "
        "or pass the table."
    ):
        to_series(lab, target="u", inputs=["y"])


def test_what_was_filled_is_remembered():
    table = pd.DataFrame({"y": [1.0, np.nan, 3.0, 4.0], "u": [1.0, 2.0, np.nan, 4.0]})
    (series,) = to_series(table, target="y", inputs=["u"], fill="linear")
    assert series.filled == 2 and series.filled_at.tolist() == [[0], [1], [0], [0]]
    (series,) = to_series(table, target="u", fill="linear")
    (whole,) = to_series(np.arange(4.0), fill="linear")
    assert series.filled_at.tolist() == [[0], [0], [1], [0]] and whole.filled_at is None


def test_series_of_different_steps_are_refused():
    daily, weekly = (
        pd.DataFrame({"date": pd.date_range("2020-01-06", periods=5, freq=step), "y": range(5)})
        for step in ("D", "7D")
    )
    with refuses("every series must have one time step, 1 day; got 1 week in `series`."):
        to_series([daily, weekly])
    long = pd.concat([daily.assign(id="a"), weekly.assign(id="b")])
    with refuses("every series must have one time step, 1 day; got 1 week in `b`."):
        to_series(long, target="y", time="date", id="id")
