"""Reading the values of a column as numbers or as time stamps.

Errors count data rows from 1: row 1 follows the header.
"""

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
from jaxtyping import Float64, Shaped

from throughtime.errors import InputError

from .missing_codes import is_missing

BOOLEANS = {"true": 1.0, "false": 0.0}
DATE = re.compile(r"(\d{4})[-/](\d{1,2})(?:[-/](\d{1,2}))?(?:[T ]+(\d.*))?")


def check_decimal(decimal: Any) -> None:
    """Refuse a decimal mark other than a point or a comma."""
    if decimal not in (None, ".", ","):
        rule = "`decimal` must be `.` or `,`"
        raise InputError(rule, decimal, 'Pass `decimal=","` (`--decimal` on the command line).')


def to_numbers(column: nw.Series[Any]) -> Float64[np.ndarray, " time"]:
    """The values of a column as float64; a missing value is NaN.

    Raises
    ------
    InputError
        If a value is not a number; the message names its row.
    """
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        return column.cast(nw.Float64).to_numpy().astype(np.float64)
    values = column.to_list()
    numbers, bad = parse_numbers(values)
    if bad:
        comma = isinstance(values[bad[0]], str) and "," in values[bad[0]]
        correct = "Correct the value, or leave it empty."
        raise InputError(
            f"column `{column.name}` must hold numbers",
            f"{values[bad[0]]!r} in row {bad[0] + 1} ({len(bad)} such rows in all)",
            "Write decimals with a point." if comma else correct,
        )
    return numbers


def parse_numbers(values: Sequence[Any]) -> tuple[Float64[np.ndarray, " time"], list[int]]:
    """Values as numbers, and the indices of those that are not numbers."""
    numbers, bad = np.full(len(values), np.nan), []
    for i, value in enumerate(values):
        if is_missing(value):
            continue
        text = value.strip().lower() if isinstance(value, str) else value
        try:
            if isinstance(text, str) and "_" in text:  # Python reads 1_000, tables do not
                raise ValueError
            numbers[i] = BOOLEANS[text] if text in BOOLEANS else float(text)
        except (TypeError, ValueError):
            bad.append(i)
    return numbers, bad


def to_stamps(column: nw.Series[Any]) -> Shaped[np.ndarray, " time"]:
    """The time stamps in a column: int64, floats, or `datetime64` in UTC.

    A missing stamp is NaN or NaT.

    Raises
    ------
    InputError
        If a value is neither a number nor a date; the message names its row.
    """
    if isinstance(column.dtype, nw.Date):
        return column.cast(nw.Datetime("us")).to_numpy()
    if isinstance(column.dtype, nw.Datetime):
        if column.dtype.time_zone is not None:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return column.to_numpy()
    if column.dtype.is_integer() and not column.null_count():
        return column.cast(nw.Int64).to_numpy().astype(np.int64)
    if column.dtype == nw.Float32:
        return column.to_numpy()
    if not is_date(column) and is_numeric(column):
        return to_numbers(column)
    if not is_text(column):
        raise InputError(
            f"the time column `{column.name}` must hold numbers or dates",
            f"type {column.dtype}",
            "Convert it to numbers or dates, or name another column with `time`.",
        )
    stamps = np.full(len(column), "NaT", "M8[us]")
    for i, value in enumerate(column.to_list()):
        if is_missing(value):
            continue
        date = _parse_date(value)
        if date is None:
            raise InputError(
                f"dates in `{column.name}` must read like 2024-01-31, 2024-01 or "
                "2024-01-31 12:30",
                f"{value!r} in row {i + 1}",
                "Write ISO dates, or name another column with `time`.",
            )
        stamps[i] = date
    return stamps


def is_numeric(column: nw.Series[Any]) -> bool:
    """Whether a column holds numbers, or text that mostly reads as numbers.

    A few values of another kind do not count: reading the column reports them.
    """
    if column.dtype.is_numeric() or not is_text(column):
        return column.dtype.is_numeric()
    numbers, bad = parse_numbers(column.to_list())
    good = int((~np.isnan(numbers)).sum())
    return good > 0 and good >= len(bad)


def is_date(column: nw.Series[Any]) -> bool:
    """Whether a column holds dates, or text whose first value reads as a date.

    Later values of another kind do not count: reading the column reports them.
    """
    if isinstance(column.dtype, nw.Date | nw.Datetime):
        return True
    if not is_text(column):
        return False
    first = next((v for v in column.to_list() if not is_missing(v)), None)
    return _parse_date(first) is not None


def _parse_date(value: Any) -> dt.datetime | None:
    """A date, or text that reads as one, in UTC and without a time zone; None for the rest."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        parts = DATE.fullmatch(value.strip())
        if parts is None:
            return None
        year, month, day, clock = parts.groups()
        clock = f"0{clock}" if clock and clock[1:2] == ":" else clock or "00:00"
        try:
            value = dt.datetime.fromisoformat(
                f"{year}-{int(month):02}-{int(day or 1):02}T{clock}"
            )
        except ValueError:
            return None
    if not isinstance(value, dt.datetime):
        return None
    return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value


def is_text(column: nw.Series[Any]) -> bool:
    """Whether a column holds text, or objects of any kind."""
    return column.dtype in (nw.String, nw.Object, nw.Categorical, nw.Enum, nw.Unknown)
