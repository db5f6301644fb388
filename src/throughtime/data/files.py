"""Reading a table from a file: CSV in its dialects, or Parquet."""

import csv
import io
from pathlib import Path

import polars as pl

from throughtime.errors import InputError, closest_name

from .dialect import check_row_lengths, decode, sniff_dialect
from .values import MISSING

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")


def read_file(path: Path, text_column: str | None = None) -> pl.DataFrame:
    """Read the table in a .csv, .tsv, .txt or .parquet file, which has at least one row.

    Parameters
    ----------
    path
        The file.
    text_column
        A column of a CSV file that stays text as it is written: 01 is not 1.

    Raises
    ------
    InputError
        If there is no such file, or it does not hold a table; the message names the file or
        the line at fault.
    """
    raw = _read_bytes(path)
    try:
        if path.suffix.lower() == ".parquet":
            table = pl.read_parquet(io.BytesIO(raw))
        else:
            table = _parse_csv(raw, path, text_column)
    except (pl.exceptions.PolarsError, csv.Error, OSError) as error:
        cause = str(error).strip().split("\n")[0]
        kind = "Parquet" if path.suffix.lower() == ".parquet" else "CSV"
        remedy = f"Save the table as {kind} again, or give the file the ending of its format."
        raise InputError(f"{path.name} must hold a table", cause, remedy) from None
    if not len(table):
        raise InputError(
            "a table must have rows under its header",
            f"none in {path.name}",
            "Add the rows, or pass another file.",
        )
    return table


def _read_bytes(path: Path) -> bytes:
    """The content of a data file that exists, has a known ending and is not empty."""
    if path.is_dir():
        raise InputError("data must be a file", f"the folder {path}", "Name a file in it.")
    if not path.exists():
        neighbours = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        close = closest_name(path.name, neighbours)
        hint = "" if close is None else f" Did you mean `{close}`?"
        raise InputError("the data file must exist", path, f"Correct the path.{hint}")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            "a data file must end in .csv, .tsv, .txt or .parquet",
            path.name,
            "Save the table as CSV or Parquet.",
        )
    try:
        raw = path.read_bytes()
    except OSError as error:
        remedy = "Get permission to read it, or pass another file."
        raise InputError("the data file must be readable", error, remedy) from None
    if not raw.strip():
        raise InputError(
            "a data file must hold a table", f"{path.name}, empty", "Pass another file."
        )
    return raw


def _parse_csv(raw: bytes, path: Path, text_column: str | None) -> pl.DataFrame:
    """Parse CSV: a column is of numbers or dates where every value is one, else of text."""
    text = decode(raw, path)
    dialect = sniff_dialect(text, path)
    names = list(dialect.names)
    names[0] = names[0] or "index"  # pandas writes its index without a name
    unnamed = [i for i, n in enumerate(names) if not n]
    unique = [n or f"\0{i}" for i, n in enumerate(names)]
    check_distinct(unique)
    try:
        table = pl.read_csv(
            text.encode(), separator=dialect.separator, infer_schema=False, new_columns=unique
        )
    except pl.exceptions.ComputeError:
        check_row_lengths(text, dialect, path)
        raise
    table = pl.DataFrame([_infer_type(c, keep_text=c.name == text_column) for c in table])
    for i in unnamed:  # rows that end in a separator leave a column without any values
        if table[unique[i]].null_count() < len(table):
            raise InputError(
                "each column must have a name", f"none for column {i + 1}", "Name it."
            )
    return table.drop([unique[i] for i in unnamed])


def _infer_type(column: pl.Series, keep_text: bool) -> pl.Series:
    """A column of text as integers, floats or dates, if all of its values can be read so."""
    column = column.str.strip_chars()
    column = column.set(column.is_in(MISSING), None)
    if keep_text or column.null_count() == len(column):
        return column
    for dtype in (pl.Int64, pl.Float64):
        numbers = column.cast(dtype, strict=False)
        if numbers.null_count() == column.null_count():
            return numbers
    return column


def check_distinct(names: list[str]) -> None:
    """Refuse column names of which two are equal."""
    repeated = next((n for n in names if names.count(n) > 1), None)
    if repeated is not None:
        raise InputError(
            "column names must differ", f"`{repeated}` twice", "Rename one of them."
        )
