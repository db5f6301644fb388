"""Reading tables: every kind of source gives the same series, every mistake is named."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import DATA, DATES, refuses

from throughtime.data.series import Times
from throughtime.data.tables import future_inputs, to_series

# --- sources -----------------------------------------------------------------------------

FRAMES = {
    "polars": lambda: pl.DataFrame(DATA),
    "polars lazy": lambda: pl.LazyFrame(DATA),
    "polars dates": lambda: pl.DataFrame(DATA).with_columns(pl.col("date").cast(pl.Date)),
    "polars decimals": lambda: pl.DataFrame(
        DATA | {"y": [Decimal("1.50"), Decimal("-2.00"), Decimal("3.25")]}
    ),
    "polars narrow types": lambda: pl.DataFrame(DATA).with_columns(
        pl.col("y").cast(pl.Float32), pl.col("u").cast(pl.UInt8)
    ),
    "pandas": lambda: pd.DataFrame(DATA),
    "pandas index": lambda: pd.DataFrame(DATA).set_index("date"),
    "pandas rows chosen": lambda: pd.concat([pd.DataFrame(DATA)] * 2).iloc[3:],
    "pandas text dates": lambda: pd.DataFrame(DATA).astype({"date": "str"}),
    "pandas date objects": lambda: pd.DataFrame(DATA).assign(date=[d.date() for d in DATES]),
    "pandas nullable": lambda: pd.DataFrame(DATA).convert_dtypes(),
    "pandas named index": lambda: (
        pd.DataFrame(DATA).set_index(pd.DatetimeIndex(DATES, name="date")).drop(columns="date")
    ),
    "pandas arrow": lambda: pd.DataFrame(DATA).convert_dtypes(dtype_backend="pyarrow"),
    "pandas nanoseconds": lambda: pd.DataFrame(DATA).astype({"date": "datetime64[ns]"}),
    "arrow": lambda: pa.table(DATA),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_every_frame_gives_the_same_series(kind, lab):
    (series,) = to_series(FRAMES[kind](), target="y", inputs=["u"])
    assert series.times == lab.times
    assert series.fingerprint() == lab.fingerprint()


@pytest.mark.parametrize(
    "data",
    [
        np.array([1.0, 2.0, 3.0]),
        np.array([[1], [2], [3]], np.int8),
        np.array([1, 2, 3], np.float16),
        np.ma.masked_array([1.0, 2.0, 3.0]),
        [1, 2.0, np.float32(3)],
        pd.Series([1.0, 2.0, 3.0]),
        pl.Series([1, 2, 3]),
        pl.Series([1, 2, 3]).to_frame("x"),
        pa.chunked_array([[1, 2], [3]]),
    ],
)
def test_bare_values(data):
    (series,) = to_series(data)
    np.testing.assert_array_equal(series.targets, [[1.0], [2.0], [3.0]])
    assert series.times == Times.count(3) and series.targets.dtype == np.float64


def test_a_pandas_series_brings_its_dates():
    index = pd.date_range("2020-01-01", periods=4, freq="h")
    (series,) = to_series(pd.Series([1.0, 2, 3, 4], index, name="load"))
    assert series.target_names == ("load",) and series.times.column == "time"
    assert series.times.describe() == "1 hour"
    periods = pd.Series([1.0, 2, 3], pd.period_range("2020-01", periods=3, freq="M"))
    assert to_series(periods)[0].times.labels() == ["2020-01-01", "2020-02-01", "2020-03-01"]


def test_all_columns_of_an_array_are_targets():
    states = np.random.default_rng(0).normal(size=(50, 3))
    (series,) = to_series(states, name="lorenz")
    assert series.target_names == ("x0", "x1", "x2") and series.name == "lorenz"
    np.testing.assert_array_equal(series.targets, states)
    (driven,) = to_series(states, inputs=["x1"])
    assert (driven.target_names, driven.input_names) == (("x0", "x2"), ("x1",))
    (timed,) = to_series(np.stack([np.arange(9) / 4, np.ones(9)], 1), time="x0")
    assert timed.times.describe() == "0.25" and timed.target_names == ("x1",)


def test_jax_arrays_are_arrays():
    import jax.numpy as jnp

    assert to_series(jnp.arange(4.0))[0].targets.tolist() == [[0], [1], [2], [3]]


def test_a_masked_value_is_missing():
    with refuses("a missing value in column `x`, row 2 (1 in all)"):
        to_series(np.ma.masked_array([1, 2, 3], [False, True, False]))


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
        "got 2020-01-09 in row 5 after 2020-01-02 in row 3; the step expected is 1 day"
    ):
        to_series(late, id="site")


# --- columns and values -------------------------------------------------------------------


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


# --- mistakes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            np.ones(4, complex),
            "an array must hold real numbers; got values of type complex128.",
        ),
        (np.array([1, None]), "an array must hold real numbers; got values of type object."),
        (np.array(["a", "b"]), "an array must hold real numbers; got values of type <U1."),
        (
            np.ones((2, 3, 4)),
            "an array must be (time,) or (time, feature); got shape (2, 3, 4). Pass one "
            "series, or a list of arrays for several.",
        ),
        (np.float64(1.0), "an array must be (time,) or (time, feature); got shape ()."),
        (np.ones((5, 0)), "an array must be (time,) or (time, feature); got shape (5, 0)."),
        (np.ones(2), "a series must have at least 3 rows; got 2 in `series`."),
        (np.ones(0), "a series must have at least 3 rows; got 0 in `series`."),
        (np.array([1, np.inf, 2]), "values must be finite; got infinity in column `x`, row 2"),
        (
            np.array([[1, 2], [3, np.nan], [5, 6]]),
            "a missing value in column `x1`, row 2 (1 in all).",
        ),
        (
            {"y": [1, 2, 3]},
            "data must be a path, an array, a data frame, a `Series` or a list of these; got "
            "dict. Convert it to one of them.",
        ),
        ([], "a list must hold at least one series; got none. Pass data."),
        ([np.ones(5), np.ones(2)], "a series must have at least 3 rows (item 2 of 2); got 2"),
        (
            [np.ones(5), np.ones((5, 2))],
            "all series must have the same columns; got `x0`, `x1` beside `x`. Rename columns, "
            "or name `target` and `inputs`.",
        ),
        (
            pd.DataFrame([[1.0, 2.0]] * 3, columns=["y", "y"]),
            "column names must differ; got `y` twice.",
        ),
        (
            pa.Table.from_arrays([pa.array([1, 2, 3])] * 2, names=["y", "y"]),
            "column names must differ; got `y` twice.",
        ),
        (
            pd.DataFrame({"y": [1.0, None, 3.0]}, dtype=object).assign(y=lambda d: d.y),
            "a missing value in column `y`, row 2",
        ),
        (pl.DataFrame({"y": [1, None, 3]}), "a missing value in column `y`, row 2"),
        (pd.DataFrame({"y": [1, np.nan, 3]}), "a missing value in column `y`, row 2"),
        (pa.table({"y": [1, None, 3]}), "a missing value in column `y`, row 2"),
        (
            pl.DataFrame({"time": [dt.timedelta(hours=i) for i in range(3)], "y": [1, 2, 3]}),
            "the time column `time` must hold numbers or dates; got type Duration",
        ),
        (
            pl.DataFrame({"date": [DATES[0], None, DATES[2]], "y": [1, 2, 3]}),
            "the time column `date` must have a stamp in each row; got none in row 2",
        ),
        (
            pd.DataFrame({"date": [DATES[0], None, DATES[2]], "y": [1, 2, 3]}),
            "the time column `date` must have a stamp in each row; got none in row 2",
        ),
        (
            pa.table({"date": [DATES[0], None, DATES[2]], "y": [1, 2, 3]}),
            "the time column `date` must have a stamp in each row; got none in row 2",
        ),
    ],
)
def test_mistakes_in_memory(data, message):
    with refuses(message):
        to_series(data)


def test_a_series_keeps_its_columns(lab):
    with refuses(
        "a `Series` keeps its columns `y`, `u`; got `u`, `y`. Leave out `target` and `inputs`, "
        "or pass the table."
    ):
        to_series(lab, target="u", inputs=["y"])


# --- future inputs ------------------------------------------------------------------------


@pytest.fixture
def driven():
    stamps = pl.date_range(dt.date(2020, 1, 1), dt.date(2020, 1, 10), "1d", eager=True)
    table = pl.DataFrame(
        {"date": stamps, "y": range(10), "u": range(10), "v": range(0, 100, 10)}
    )
    return table, to_series(table[:6], target="y", inputs=["v", "u"])[0]


def test_future_rows_are_found_by_their_stamps(driven):
    table, series = driven
    expected = [[60, 6], [70, 7], [80, 8]]
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=0)
    for source in (table, table[6:], table.to_pandas(), table.drop("y").lazy(), shuffled):
        assert future_inputs(source, series, 3).tolist() == expected
    assert future_inputs(table[6:].drop("date"), series, 3).tolist() == expected
    assert future_inputs(np.array(expected), series, 3).tolist() == expected
    assert future_inputs(np.array(expected), series, 2).tolist() == expected[:2]


def test_future_numbers_are_found_despite_rounding():
    t = np.arange(40) * 0.1
    table = pd.DataFrame({"t": t, "y": t, "u": np.arange(40.0)})
    (series,) = to_series(table[:30], target="y", inputs=["u"])
    assert future_inputs(table, series, 10)[:, 0].tolist() == list(range(30, 40))


def test_each_series_of_a_table_finds_its_own_future():
    past = pd.DataFrame(
        {"id": list("aaabbb"), "t": [0, 1, 2] * 2, "y": range(6), "u": range(6)}
    )
    a, b = to_series(past, target="y", inputs=["u"], time="t", id="id")
    future = pd.DataFrame({"id": list("bbaa"), "t": [3, 4, 3, 4], "u": [10, 11, 20, 21]})
    assert future_inputs(future, a, 2)[:, 0].tolist() == [20, 21]
    assert future_inputs(future, b, 2)[:, 0].tolist() == [10, 11]
    shared = future[:2].drop(columns="id")
    assert future_inputs(shared, a, 2).tolist() == future_inputs(shared, b, 2).tolist()
    with refuses("a forecast of 2 steps needs `u`"):
        future_inputs(future[:2], a, 2)


def test_a_series_without_inputs_needs_no_table():
    (series,) = to_series(np.arange(5.0))
    assert future_inputs(None, series, 4).shape == (4, 0)


def test_future_mistakes(driven):
    table, series = driven
    need = "a forecast of 3 steps needs `v`, `u` for these steps"
    remedy = "Pass one with these columns (`--future` on the command line)."
    with refuses(f"{need}; got no table of future inputs. {remedy}"):
        future_inputs(None, series, 3)
    with refuses(f"{need}; got no column `u`. Pass a table with these columns."):
        future_inputs(table.drop("u"), series, 3)
    with refuses(f"{need}; got 1 columns."):
        future_inputs(np.ones(3), series, 3)
    with refuses(f"{need}; got 2 rows. Pass more rows or lower `steps`."):
        future_inputs(np.ones((2, 2)), series, 3)
    with refuses(
        f"{need}, 2020-01-07 to 2020-01-09; got no row for 2020-01-08 in `date` (step 2). "
        "Add the row, or forecast fewer steps."
    ):
        future_inputs(table.filter(pl.col("date") != dt.date(2020, 1, 8)), series, 3)
    with refuses("got no row for 2020-01-11 in `date` (step 5)"):
        future_inputs(table, series, 5)
    with refuses(f"{need}; got no row for 2020-01-07 in `date`. Add the rows."):
        future_inputs(table.with_columns(date=pl.int_range(pl.len())), series, 3)
    gap = table.with_columns(v=pl.when(pl.col("u") != 8).then("v"))
    with refuses("a missing value in column `v`, row 9 (1 in all)"):
        future_inputs(gap, series, 3)
    assert future_inputs(gap, series, 2).tolist() == [[60, 6], [70, 7]]


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


def test_inputs_that_nothing_asks_for_are_refused():
    (series,) = to_series(np.arange(5.0))
    with refuses("got inputs for `series`, which was fitted without. Leave them out"):
        future_inputs(np.ones((4, 1)), series, 4)
