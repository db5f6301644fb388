"""Sources of tables: every kind gives the same series, every mistake is named."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import DATA, DATES, refuses

from throughtime.data.loading import to_series
from throughtime.stamps.time_axis import Times

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


def test_durations_are_seconds():
    spans = [dt.timedelta(hours=i) for i in range(4)]
    for frame in (
        pl.DataFrame({"time": spans, "y": range(4)}),
        pd.DataFrame({"y": range(4)}, index=pd.to_timedelta(spans)),
    ):
        (series,) = to_series(frame)
        assert series.times.labels() == ["0", "3600", "7200", "10800"]
        assert series.target_names == ("y",) and series.times.column == "time"


def test_every_pandas_index_is_kept():
    y = [1.0, 2, 4, 3]
    (series,) = to_series(pd.Series(y, index=[1990, 1991, 1992, 1993]))
    assert series.times.labels()[0] == "1990"
    (series,) = to_series(pd.Series(y, index=np.arange(4) / 2, name="flow"))
    assert series.times.describe() == "0.5" and series.target_names == ("flow",)
    levels = [["a", "b"], pd.date_range("2020-01-01", periods=4)]
    long = pd.DataFrame({"y": [*y, *y]}, index=pd.MultiIndex.from_product(levels))
    assert [len(s) for s in to_series(long, id="index")] == [4, 4]
    quarters = pd.DataFrame({"y": y}, index=pd.period_range("1970Q1", periods=4, freq="Q"))
    assert to_series(quarters)[0].times.describe() == "1 quarter"
    (series,) = to_series(pd.DataFrame({"y": y}))
    assert series.times == Times.count(4)


def test_numbers_in_text_are_read_in_memory_too():
    frame = {"day": ["2020-01-01", "2020-01-02", "2020-01-03"], "y": ["1.234,5", "2", "3,5"]}
    for kind in (pd.DataFrame(frame), pl.DataFrame(frame), pa.table(frame)):
        (series,) = to_series(kind)
        assert series.targets[:, 0].tolist() == [1234.5, 2, 3.5]
        assert series.remarks == ("decimal commas", "thousands by points")


class Labelled:
    """What xarray and Darts have: a table of their own."""

    def __init__(self, frame):
        self.frame, self.name, self.dims = frame, None, ("time",)

    def to_dataframe(self, name=None):
        return self.frame if name is None else self.frame.rename(columns={"y": name})


@pytest.mark.parametrize(
    ("module", "column"), [("xarray.core", "value"), ("darts.series", "y")]
)
def test_labelled_arrays_bring_their_own_table(monkeypatch, module, column):
    monkeypatch.setattr(Labelled, "__module__", module)
    index = pd.date_range("2020-01-01", periods=4, name="time")
    (series,) = to_series(Labelled(pd.DataFrame({"y": [1.0, 2, 4, 3]}, index)))
    assert series.target_names == (column,) and series.times.column == "time"


def test_none_in_a_list_is_missing():
    with refuses("a missing value in column `x`, row 2 (1 in all)"):
        to_series([1, None, 3])


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
            "dict. Convert it to one of these.",
        ),
        ([], "a list must hold at least one series; got none. Add a series to the list."),
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
