"""Which column is what: defaults, roles and their mistakes."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import DATES, refuses

from throughtime.data.column_roles import as_names
from throughtime.data.loading import to_series
from throughtime.stamps.time_axis import Times


@pytest.mark.parametrize(
    ("header", "stamps", "step"),
    [
        ("year", ["1700", "1701", "1702"], "1"),
        ("Time", ["0.0", "0.5", "1.0"], "0.5"),
        ("", ["0", "1", "2"], "1"),
        ("when", ["1950-01", "1950-02", "1950-03"], "1 month"),
        ("when", ["1950/1/1", "1950/4/1", "1950/7/1"], "1 quarter"),
        ("when", ["2020-01-01T00:00Z", "2020-01-01T01:00Z", "2020-01-01T02:00Z"], "1 hour"),
        ("when", ["2020-01-01 8:30", "2020-01-01 9:00", "2020-01-01 9:30"], "30 minutes"),
    ],
)
def test_the_time_column_is_found(write, header, stamps, step):
    rows = "".join(f"{s},{i}\n" for i, s in enumerate(stamps))
    (series,) = to_series(write(f"{header},flow\n{rows}"))
    assert series.times.describe() == step and series.target_names == ("flow",)
    assert series.times.column == (header or "index")


def test_dates_go_before_the_row_index_that_pandas_writes(write, lab):
    (series,) = to_series(write(pd.DataFrame({"date": DATES, "y": [1.5, -2.0, 3.25]}).to_csv()))
    assert series.target_names == ("y",) and series.times == lab.times
    (series,) = to_series(write("index,flow,rain\n0,1,5\n1,2,6\n2,3,7\n"), inputs=["rain"])
    assert series.target_names == ("flow",) and series.times.column == "index"
    (series,) = to_series(pl.DataFrame({"date": DATES, "index": [5.0, 6.0, 7.0]}))
    assert series.target_names == ("index",) and series.times.column == "date"


def test_columns_that_are_no_time():
    frame = pl.DataFrame({"flow": [1, 2, 3], "year": [5, 5, 5]})
    assert to_series(frame, target="flow")[0].times == Times.count(3)
    assert to_series(frame.select("year"), target="year")[0].times == Times.count(3)
    assert to_series(frame, target="flow", inputs=["year"])[0].times == Times.count(3)


def test_booleans_and_columns_without_anything_do_not_compete_for_target(write):
    frame = pl.DataFrame({"flow": [1, 2, 3], "holiday": [True, False, True]})
    assert to_series(frame)[0].target_names == ("flow",)
    (series,) = to_series(frame, target="flow", inputs=["holiday"])
    assert series.inputs.tolist() == [[1], [0], [1]]
    path = write("flow,empty,holiday\n1,,true\n2,,false\n3,,True\n")
    (series,) = to_series(path, inputs=["holiday"])
    assert series.target_names == ("flow",) and series.inputs.tolist() == [[1], [0], [1]]


def test_the_only_dates_are_the_time_wherever_they_stand(write):
    days = ("2020-01-01", "2020-01-02", "2020-01-03")
    text = "site,date,y\n" + "".join(f"a,{day},1\nb,{day},2\n" for day in days)
    for path in (write(text), write(pd.read_csv(write(text)).to_csv(), "indexed.csv")):
        with refuses(
            "stamps in `date` must not repeat; got 2020-01-01 in row 1 and with other values "
            "in row 2. Drop one of the rows; if the table holds several series, name the "
            "column that tells them apart with `id` (`--id`); or pass `time=False` "
            "(`--no-time`) to count the rows as steps."
        ):
            to_series(path)
        assert [len(s) for s in to_series(path, id="site")] == [3, 3]


def test_one_of_several_dates_is_not_guessed(lab):
    frame = pl.DataFrame({"y": [1.0, 2.0, 3.0], "date": DATES, "entered": DATES})
    assert to_series(frame)[0].times == Times.count(3)
    assert to_series(frame.drop("entered"))[0].times == lab.times
    assert to_series(frame, time="date")[0].times == lab.times


@pytest.mark.parametrize(
    "header",
    ["Unnamed: 0,flow", "row,flow", "n,flow", "flow,n", "station,flow", "flow,station,n"],
)
def test_row_numbers_and_constants_are_no_targets(write, header):
    values = {"station": lambda i: 12, "flow": lambda i: [5.5, 3.5, 4.5, 9][i]}
    rows = [
        ",".join(str(values.get(h, lambda i: i)(i)) for h in header.split(","))
        for i in range(4)
    ]
    (series,) = to_series(write("\n".join([header, *rows])))
    assert series.target_names == ("flow",)


def test_y_is_the_target_beside_ds(write):
    (series,) = to_series(write("ds,y,u\n2020-01-01,1,5\n2020-01-02,3,4\n2020-01-03,2,6\n"))
    assert series.target_names == ("y",) and series.remarks == ("without `u`",)


def test_names_are_text():
    assert as_names(3) == ("3",) and as_names(np.int64(3)) == ("3",)
    for wrong in (1.5, [None], True, object()):
        with refuses("`inputs` must be the name of a column"):
            as_names(wrong, "inputs")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "t,y,z\n0,1,2\n1,3,3\n",
            {},
            "`target` must be named if several columns can be meant; got `y` (1, 3, ...), `z` "
            '(2, 3, ...). Pass `target="y"` or another (`--target` on the command line).',
        ),
        (
            "t,y\n0,a\n1,b\n2,c\n",
            {},
            "a table needs a column of numbers to forecast; got `y` (a, b, c, ...). Add one, "
            "or write the numbers of one with digits alone.",
        ),
        (
            "t,flow\n0,1\n",
            {"target": "Flo"},
            "`target` must name a column of the table (`t`, `flow`); got Flo. "
            "Change `target`, or rename a column. Did you mean `flow`?",
        ),
        ("t,flow\n0,1\n", {"inputs": ["rain"]}, "got rain. Change `inputs`, or rename a"),
        (
            "t,flow\n2024-01-01,1\n2024-01-02,3\n",
            {"past_inputs": "flow"},
            "got `t` (2024-01-01, 2024-01-02, ...); `flow` taken as inputs. Add one",
        ),
        ("t,flow\n0,1\n", {"time": "T"}, "or rename a column. Did you mean `t`?"),
        ("t,flow\n0,1\n", {"id": "site"}, "`id` must name a column of the table"),
        (
            "t,y\n0,1\n",
            {"target": "y", "inputs": ["y"]},
            "a column must have one role; got `y` as `target` and `inputs`. Name another "
            "column.",
        ),
        ("t,y\n0,1\n", {"target": "y", "time": "y"}, "got `y` as `target` and `time`."),
        ("t,y\n0,1\n", {"target": ["y", "y"]}, "got `y` as `target` and `target`."),
        ("t,y\n0,1\n", {"target": []}, "`target` must name at least one column; got []."),
    ],
)
def test_mistakes_in_roles(write, text, options, message):
    with refuses(message) as caught:
        to_series(write(text), **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        ["Jan", "Feb", "Mar", "Apr"],
        ["2001", "2002", "2003", "2004"],
        ["2000-01", "2000-02", "2000-03"],
        ["31.1.2020", "29.2.2020", "31.3.2020", "30.4.2020"],
        ["2020Q1", "2020Q2", "2020Q3", "2020Q4"],
    ],
)
def test_a_table_that_lies_on_its_side_is_refused(names):
    table = pl.DataFrame({"geo": ["DE", "FR", "NO"]} | {n: [1.5, 2.5, 0.5] for n in names})
    with refuses("must have a row for each step of time; got a column for each"):
        to_series(table)


def test_a_star_is_every_column_of_numbers_that_can_be_meant():
    table = {"t": [0.5, 1.0, 1.5, 2.0], "x": [1.0, 3.0, 2.0, 5.0], "flat": [1.0] * 4}
    table |= {"y": [2.0, 1.0, 4.0, 0.0], "note": list("abcd")}
    (series,) = to_series(pd.DataFrame(table), target="*", time="t")
    assert series.target_names == ("x", "y")
