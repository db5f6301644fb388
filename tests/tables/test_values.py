"""The values of a column: numbers, dates and zones, and their mistakes."""

import ast
import datetime as dt
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import refuses

from throughtime.data.loading import to_series
from throughtime.errors import InputError


@pytest.mark.parametrize("kind", ["polars", "pandas", "arrow"])
def test_zones_become_utc(kind):
    frame = pl.DataFrame(
        {
            "t": pl.datetime_range(
                dt.datetime(2020, 3, 28),
                dt.datetime(2020, 3, 30),
                "6h",
                time_zone="Europe/Paris",
                eager=True,
            ),
        }
    ).with_columns(y=pl.int_range(pl.len()))  # summer time starts within
    source = {"polars": frame, "pandas": frame.to_pandas(), "arrow": frame.to_arrow()}[kind]
    (series,) = to_series(source)
    assert series.times.describe() == "6 hours"
    assert series.times.values()[0] == np.datetime64("2020-03-27T23:00:00")
    assert series.times.labels()[0] == "2020-03-28T00:00:00+01:00"
    assert series.times.labels()[-1] == "2020-03-29T19:00:00+02:00"


def test_zones_in_text_become_utc(write):
    path = write(
        "t,y\n2020-03-29T00:00+01:00,1\n2020-03-29T01:00+01:00,2\n2020-03-29T03:00+02:00,3\n"
    )
    assert to_series(path)[0].times.labels()[2] == "2020-03-29T01:00+00:00"


def test_values_that_are_no_numbers():
    frame = pd.DataFrame({"y": [1.0, 2.0, {"a": 1}, 4.0], "z": [1j, 2j, 3j, 4j]})
    with refuses("column `y` must hold numbers; got {'a': 1} in row 3."):
        to_series(frame, target="y")
    with refuses("column `z` must hold numbers; got 1j in row 1 (4 such rows in all)."):
        to_series(frame, target="z")
    with refuses("column `date` must hold numbers; got datetime.datetime(2020, 1, 31, 0, 0)"):
        to_series(pl.DataFrame({"date": [dt.datetime(2020, 1, 31)] * 3}), target="date")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("offline",), "offline"),
        (("not read", "offline"), "'not read,offline'"),
        (("x20",), None),
        (("a,b",), None),
        (("a", "b", "c", "d"), None),
    ],
)
def test_a_word_among_numbers_may_be_a_code_for_missing(words, option):
    values = ["1", *words, *(str(i) for i in range(20))]
    for frame in (pd.DataFrame({"y": values}), pl.DataFrame({"y": values})):
        with pytest.raises(InputError) as caught:
            to_series(frame, target="y")
        remedy = caught.value.remedy
        assert ("--missing" in remedy) == (option is not None)
        if option:
            assert f"(`--missing {option}`)" in remedy
            codes = ast.literal_eval(re.findall("`missing=(.+?)`", remedy)[0])
            (series,) = to_series(frame, target="y", missing=codes, fill="linear")
            assert series.filled == len(words)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "t,y\n0,1\n1,2\n2,high\n3,low\n4,5\n",
            {},
            "column `y` must hold numbers; got 'high' in row 3 (2 such rows in all). "
            "Correct the value, or leave it empty; if it stands for missing, fit with "
            '`missing=["high", "low"]` (`--missing high,low`).',
        ),
        (
            "t;y\n0;1,234\n1;2,345\n2;3,456\n",
            {},
            "numbers in column `y` must have one reading; got '1,234' in row 1, where `,` may "
            'be the decimal mark or separate thousands. Pass `decimal="."` or `decimal=","` '
            "(`--decimal` on the command line).",
        ),
        (
            "t,y\n0,1\n1,\n2,3\n3,4\n",
            {},
            "every value must be present; got a missing value in column `y`, row 2 (1 in all). "
            'Pass `fill="linear"` or `fill="forward"` (`--fill linear` on the command line), '
            "or drop the rows.",
        ),
        (
            "t,y\n0,1\n1,\n2,3\n3,\n",
            {},
            "every value must be present; got a missing value in column `y`, row 2 (2 in all). "
            'Pass `fill="forward"` (`--fill forward` on the command line), or drop the rows.',
        ),
        (
            "t,y\n0,1\n1,2\n2,inf\n",
            {"fill": "linear"},
            "values must be finite; got infinity in column `y`, row 3 (1 in all).",
        ),
        (
            "t,y\n0,1\n1,2\n",
            {},
            "a series must have at least 3 rows; got 2 in `lab`. Pass a longer series.",
        ),
        (
            "t,y\n0,1\n1,\n2,3\n",
            {"fill": "spline"},
            "`fill` must be `linear`, `forward` or `seasonal`; got spline.",
        ),
        (
            "t,y\n0,\n1,2\n2,3\n",
            {"fill": "linear"},
            "a series must have at least 3 rows; got 2 in `lab`.",
        ),
        (
            "date,y\n2020-01-01,1\n2020-01-02,2\nsoon,3\n",
            {},
            "got 'soon' in row 3. Drop the row if it is no data; correct it, or name another "
            "column with `time` (`--time`), or pass `time=False` (`--no-time`) to count the "
            "rows as steps.",
        ),
        ("date,y\n2020-02-30,1\n2020-03-01,2\n2020-03-02,3\n", {}, "'2020-02-30' in row 1."),
        ("t,y\n0,1\n1,2\nx,3\n", {}, "must be numbers, or dates written one way; got 'x'"),
        (
            "date,y\n2020-01-01,1\n,2\n2020-01-03,3\n",
            {},
            "got none in row 2 (1 missing in all)",
        ),
        ("t,y\n0,1\n,2\n2,3\n", {}, "got none in row 2 (1 missing in all)"),
        (
            "id,t,y\na,0,1\n,1,2\n",
            {"id": "id"},
            "the id column `id` must have a value in each row; got none in row 2. Write "
            "the id, or drop the row.",
        ),
        ("id,t,y\na,0,1\na,1,2\na,2,3\nb,0,1\n", {"id": "id"}, "got 1 in `b`."),
        (
            "t,y\n0,1\n1,2\n2,3\n4,4\n",
            {},
            "stamps in `t` must have one step; got 4 in row 4 after 2 in row 3; the step "
            "expected is 1.",
        ),
    ],
)
def test_mistakes_in_values(write, text, options, message):
    with refuses(message) as caught:
        to_series(write(text), **options)
    assert "\n" not in str(caught.value)


def test_whole_numbers_beyond_double_precision_are_told(tmp_path):
    told = "`y` rounded to 16 digits, those of double precision"
    path = tmp_path / "table.csv"
    for largest in (2**53, 2**53 + 1, 2**60, 2**70 + 1):
        path.write_text(f"step,y\n0,{largest}\n1,7\n2,5\n")
        for data in [path] + [pl.DataFrame({"y": [largest, 7, 5]})] * (largest < 2**63):
            (series,) = to_series(data, target="y")
            assert series.targets[0, 0] == float(largest)
            assert (told in series.remarks) == (largest % 2 == 1)


@pytest.mark.parametrize("dtype", [pl.UInt64, pl.Int128])
def test_whole_numbers_beyond_64_bits(dtype):
    large = pl.Series([2**63 + 5 * i for i in range(5)], dtype=dtype)
    (series,) = to_series(pl.DataFrame({"y": large}))
    assert series.targets[:, 0].tolist() == [float(n) for n in large]
    for name in ("t", "date"):
        with refuses(f"the time column `{name}` must be below 9.2e18; got 9223372036854775828"):
            to_series(pl.DataFrame({name: large, "y": [1, 2, 4, 3, 5]}), time=name)
