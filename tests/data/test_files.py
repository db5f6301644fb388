"""Reading files: every dialect gives the same series, every mistake is named."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import CSV, DATA, refuses
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.tables import to_series


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lab.csv", CSV),
        ("lab.CSV", CSV),
        ("lab.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("lab.csv", CSV.replace(",", ";")),
        ("lab.csv", CSV.replace("\n", "\r\n")),
        ("lab.csv", CSV.replace("\n", "\r")),
        ("lab.tsv", CSV.replace(",", "\t")),
        ("lab.txt", CSV.replace(",", "\t")),
        ("lab.csv", CSV.replace(",", " , ") + "\n\n"),
        ("lab.csv", CSV.replace("\n", ",\n")),
        ("lab.csv", CSV.replace("-", "/").replace("/2.0", "-2.0")),
        ("lab.csv", CSV.replace("31,", "31 00:00:00,").replace("29,", "29 00:00:00,")),
        ("lab.csv", CSV.replace("a\n", '"a, ""quoted"""\n')),
    ],
)
def test_every_dialect_gives_the_same_series(write, name, text, lab):
    for path in (write(text, name), str(write(text, name))):
        (series,) = to_series(path, target="y", inputs=["u"])
        assert series.fingerprint() == lab.fingerprint()
        assert series.name == "lab"


def test_parquet_gives_the_same_series(tmp_path, lab):
    for i, save in enumerate(
        [
            lambda p: pl.DataFrame(DATA).write_parquet(p),
            lambda p: pd.DataFrame(DATA).to_parquet(p),
            lambda p: pyarrow.parquet.write_table(pa.table(DATA), p),
        ]
    ):
        path = tmp_path / f"lab [{i}].parquet"
        save(path)
        (series,) = to_series(path, target="y", inputs="u")
        assert series.fingerprint() == lab.fingerprint()


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=50)
@given(st.lists(finite, min_size=3, max_size=20))
def test_csv_keeps_every_bit(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("bits") / "x.csv"
    path.write_text("value\n" + "\n".join(map(repr, values)) + "\n")
    np.testing.assert_array_equal(to_series(path)[0].targets[:, 0], values)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "a data file must hold a table; got lab.csv, empty. Pass another file."),
        (" \n\n", {}, "a data file must hold a table; got lab.csv, empty."),
        (
            "t,y\n",
            {},
            "a table must have rows under its header; got none in lab.csv. Add the rows, or "
            "pass another file.",
        ),
        (
            b"t,y\n0,1\n1,\xff\n",
            {},
            "lab.csv must be a table in UTF-8 text; got byte 0xff in line 3. Save it as CSV "
            "in UTF-8.",
        ),
        ("t,y\n0,1\n".encode("utf-16"), {}, "lab.csv must be a table in UTF-8 text; got byte"),
        (b"\x89PNG\r\n\x1a\n\0\0", {}, "lab.csv must be a table in UTF-8 text; got byte 0x89"),
        (
            "t,y\n0,1\n1,2,3\n",
            {},
            "a row must not hold more than the 2 values that the header names; got 3 in row 2 "
            "of lab.csv. Correct the row, or quote text that holds the separator.",
        ),
        ('t,y\n0,"1\n', {}, "lab.csv must hold a table; got "),
        (
            "0,1\n1,2\n2,3\n",
            {},
            "the first line must name the columns; got numbers in lab.csv. Add a first line "
            "such as `time,value`.",
        ),
        (
            "t y\n0 1\n1 2\n2 3\n",
            {},
            "columns must be separated by commas, semicolons or tabs; got spaces in lab.csv. "
            "Replace the spaces between columns by commas.",
        ),
        ("t,y,y\n0,1,2\n", {}, "column names must differ; got `y` twice. Rename one of them."),
        ("t,,y\n0,1,2\n", {}, "each column must have a name; got none for column 2. Name it."),
    ],
)
def test_mistakes_in_a_file(write, text, options, message):
    with refuses(message) as caught:
        to_series(write(text), **options)
    assert "\n" not in str(caught.value)


def test_mistakes_with_paths(write, tmp_path):
    write("t,y\n", "sunspots.csv")
    with refuses(
        f"the data file must exist; got {tmp_path}/sunspot.csv. Correct the path. "
        "Did you mean `sunspots.csv`?"
    ):
        to_series(tmp_path / "sunspot.csv")
    with refuses("the data file must exist; got nowhere/x.csv. Correct the path."):
        to_series("nowhere/x.csv")
    with refuses(f"data must be a file; got the folder {tmp_path}. Name a file in it."):
        to_series(tmp_path)
    with refuses(
        "a data file must end in .csv, .tsv, .txt or .parquet; got lab.xlsx. Save the "
        "table as CSV or Parquet."
    ):
        to_series(write("x", "lab.xlsx"))
    with refuses("lab.parquet must hold a table; got "):
        to_series(write("t,y\n0,1\n", "lab.parquet"))


def test_an_id_stays_as_it_is_written(write):
    rows = [f"{key},{t},{t + 0.5}" for key in ("01", "1", "1.0") for t in range(4)]
    path = write("\n".join(["id,t,y", *rows]))
    found = to_series(path, target="y", time="t", id="id")
    assert [one.name for one in found] == ["01", "1", "1.0"]
    assert [len(one) for one in found] == [4, 4, 4]
