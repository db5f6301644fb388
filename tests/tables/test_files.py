"""Reading files: every dialect gives the same series, every mistake is named."""

import gzip
import io
import sys
import zipfile

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import CSV, DATA, refuses
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.loading import to_series


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
            "column `y` must hold numbers; got 'ÿ' in row 2.",
        ),
        (b"\x89PNG\r\n\x1a\n\0\0", {}, "lab.csv must be a table in text; got byte 0x89"),
        (
            "t,y\n0,1\n1,2,3\n",
            {},
            "a row must not hold more than the 2 values that the header names; got 3 in row 2 "
            "of lab.csv. Correct the row, quote text that holds commas, or write decimals "
            "with a point.",
        ),
        (
            "date,y\n2021-01-29,10,5\n2021-01-30,11,8\n",
            {},
            "a row must not hold more than the 2 values that the header names; got 3 in row 1",
        ),
        (
            "t;y\n0;1\n1;2;3\n",
            {},
            "Correct the row, or quote text that holds the separator.",
        ),
        ('t,y\n0,"1\n', {}, "quotes must close before the next value; got row 1 ("),
        ("# a\n# b\n", {}, "a data file must hold a table; got lab.csv, comments alone."),
        ('{"y": [1, 2]}', {}, "lab.csv must be a table, with a line for each row; got JSON."),
        ("<html>\n<p>", {}, "lab.csv must be a table, with a line for each row; got HTML"),
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
    with refuses(f"data must be a file; got the folder `{tmp_path}`. Name a file in it."):
        to_series(tmp_path)
    with refuses(
        "a data file must end in .csv, .tsv, .txt, .dat, .data, .asc, .prn, .parquet, "
        ".feather, .arrow, .xlsx, .ods, .gz, .bz2, .xz or .zip; got lab.docx. Save the table "
        "as CSV or Parquet."
    ):
        to_series(write("x", "lab.docx"))
    with refuses("lab.xlsx must hold a table; got no content of a spreadsheet."):
        to_series(write("x", "lab.xlsx"))
    with refuses("lab.csv.gz must be a whole .gz file; got"):
        to_series(write(gzip.compress(CSV.encode())[:-9], "lab.csv.gz"))
    with refuses("lab.parquet must hold a table; got "):
        to_series(write("t,y\n0,1\n", "lab.parquet"))


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_", "."), text)
    return file.getvalue()


def test_a_zip_file_holds_one_table(write, lab):
    (series,) = to_series(
        write(zipped(lab_csv=CSV, readme_md="x"), "a.zip"), target="y", inputs="u"
    )
    assert series.fingerprint() == lab.fingerprint() and series.name == "lab"
    with refuses("a.zip must hold one table; got `a.csv`, `b.csv`. Unpack it, and pass one"):
        to_series(write(zipped(a_csv=CSV, b_csv=CSV), "a.zip"))
    with refuses("a.zip must hold one table; got none."):
        to_series(write(zipped(), "a.zip"))


def test_feather_gives_the_same_series(tmp_path, lab):
    pl.DataFrame(DATA).write_ipc(tmp_path / "lab.feather")
    (series,) = to_series(tmp_path / "lab.feather", target="y", inputs="u")
    assert series.fingerprint() == lab.fingerprint()


def test_standard_input_is_a_file(monkeypatch, lab):
    for raw in (CSV.encode(), gzip.compress(CSV.encode())):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        (series,) = to_series("-", target="y", inputs="u")
        assert series.fingerprint() == lab.fingerprint() and series.name == "stdin"


def test_names_in_a_comment_are_a_header(tmp_path):
    table = np.stack([np.arange(9), np.sin(np.arange(9))], axis=1)
    np.savetxt(tmp_path / "lab.txt", table, header="t flow")
    (series,) = to_series(tmp_path / "lab.txt")
    assert series.target_names == ("flow",) and series.times.column == "t"
    np.testing.assert_array_equal(series.targets[:, 0], table[:, 1])


def test_a_drawn_table_is_read(write):
    rows = ["| date | flow |", "| --- | ---: |", "| 2021-01-01 | 1.5 |", "| 2021-01-02 | - |"]
    rows += ["| 2021-01-03 | 2.5 |", "| 2021-01-04 | 3 |"]
    (series,) = to_series(write("\n".join(rows)), fill="linear")
    assert series.targets[:, 0].tolist() == [1.5, 2, 2.5, 3] and series.filled == 1


def test_names_and_values_may_stand_in_single_quotes(write):
    (series,) = to_series(write("'t','flow'\n'0','1.5'\n'1','3'\n'2','2'\n"))
    assert series.targets[:, 0].tolist() == [1.5, 3, 2]


def test_a_name_with_blanks_in_one_column(write):
    (series,) = to_series(write("flow (m3/s)\n1.5\n3\n2\n"))
    assert series.target_names == ("flow (m3/s)",)


def test_comments_and_headers_between_the_data_are_left_out(write):
    lines = ["t,y", "0,1", "# calibrated", "1,2", "t,y", "2,3"]
    (series,) = to_series(write("\n".join(lines)))
    assert series.targets[:, 0].tolist() == [1, 2, 3]
    assert series.remarks == ("1 line of comments skipped", "1 repeated header skipped")


def test_a_blank_line_in_one_column_is_a_missing_value(write):
    with refuses("a missing value in column `y`, row 3 (1 in all)"):
        to_series(write("y\n1\n2\n\n4\n5\n"))
    assert len(to_series(write("y\n\n1\n\n2\n\n3\n\n5\n"))[0]) == 4


def test_an_id_stays_as_it_is_written(write):
    rows = [f"{key},{t},{t + 0.5}" for key in ("01", "1", "1.0") for t in range(4)]
    path = write("\n".join(["id,t,y", *rows]))
    found = to_series(path, target="y", time="t", id="id")
    assert [one.name for one in found] == ["01", "1", "1.0"]
    assert [len(one) for one in found] == [4, 4, 4]
