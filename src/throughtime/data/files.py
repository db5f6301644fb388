"""A file to a table: CSV in its dialects, and Parquet."""

import csv
import difflib
import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from throughtime.errors import InputError

from .dialect import _check_header, _check_widths, _decode, _header, _separator
from .values import MISSING

DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f")


def read_file(path: Path, text: str | None = None) -> pl.DataFrame:
    """The table in a .csv, .tsv, .txt or .parquet file, at least one row of it.

    The column called `text` of a file of text stays as it is written: 01 is not 1.

    Raises
    ------
    InputError
        That names the file, or the line at fault.
    """
    if path.is_dir():
        raise InputError("data must be a file", f"the folder {path}", "Name a file in it.")
    if not path.exists():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(
            "the data file must exist", path, f"Check the path.{near(path.name, beside)}"
        )
    if path.suffix.lower() not in (".csv", ".tsv", ".txt", ".parquet"):
        raise InputError(
            "a data file must end in .csv, .tsv, .txt or .parquet", path.name, "Convert it."
        )
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError("the data file must be readable", error, "Check the path.") from None
    if not raw.strip():
        raise InputError("a data file must hold a table", f"{path.name}, empty", "Check it.")
    try:
        if path.suffix.lower() == ".parquet":
            table = pl.read_parquet(io.BytesIO(raw))
        else:
            table = _parse_csv(raw, path, text)
    except (pl.exceptions.PolarsError, csv.Error, OSError) as error:
        cause = str(error).strip().split("\n")[0]
        raise InputError(
            f"{path.name} must hold a table", cause, "Check the file and its ending."
        ) from None
    if not len(table):
        raise InputError(
            "a table must have rows under its header", f"none in {path.name}", "Check it."
        )
    return table


def _parse_csv(raw: bytes, path: Path, as_text: str | None) -> pl.DataFrame:
    """Columns of numbers or dates where every value is one, otherwise of text."""
    text = _decode(raw, path)
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(text)
    names = [n.strip() for n in _header(text, separator)]
    _check_header(names, text, path)
    names[0] = names[0] or "index"  # pandas writes its index without a name
    blank = [i for i, n in enumerate(names) if not n]
    named = [n or f"\0{i}" for i, n in enumerate(names)]
    check_distinct(named)
    try:
        table = pl.read_csv(
            text.encode(), separator=separator, infer_schema=False, new_columns=named
        )
    except pl.exceptions.ComputeError:
        _check_widths(text, separator, len(names), path)
        raise
    table = pl.DataFrame([_typed(column, column.name == as_text) for column in table])
    for i in blank:  # rows that end in a separator leave a column without anything in it
        if table[named[i]].null_count() < len(table):
            raise InputError(
                "each column must have a name", f"none for column {i + 1}", "Name it."
            )
    return table.drop([named[i] for i in blank])


def _typed(column: pl.Series, as_text: bool) -> pl.Series:
    column = column.str.strip_chars()
    column = column.set(column.is_in(MISSING), None)
    if as_text or column.null_count() == len(column):
        return column
    for dtype in (pl.Int64, pl.Float64):
        numbers = column.cast(dtype, strict=False)
        if numbers.null_count() == column.null_count():
            return numbers
    for form in DATE_FORMATS:  # the common ones, at Polars' speed; `to_stamps` reads more
        dates = column.str.to_datetime(form, strict=False, time_unit="us")
        if dates.null_count() == column.null_count():
            return dates
    return column


def check_distinct(names: list[str]) -> None:
    """Refuse a name that two columns have."""
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise InputError("column names must differ", f"`{twice}` twice", "Rename one of them.")


def near(name: str, known: Sequence[str]) -> str:
    """ " Did you mean ...?" if a name is close."""
    lower = {k.lower(): k for k in known}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    return f" Did you mean `{lower[close[0]]}`?" if close else ""
