"""Reading the values of a column as numbers.

Errors count data rows from 1: row 1 follows the header.
"""

import shlex
from collections.abc import Iterable, Sequence
from typing import Any

import narwhals as nw
import numpy as np
from jaxtyping import Float64, Int64

from throughtime.errors import InputError

from .missing_codes import is_missing

SAMPLE = 1000
CODES = 3
"""Most words in a column of numbers that a message offers as codes for missing."""

BOOLEANS = {"true": 1.0, "false": 0.0}


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
        remedy = "Write decimals with a point."
        raise InputError(
            f"column `{column.name}` must hold numbers",
            f"{values[bad[0]]!r} in row {bad[0] + 1}{in_all(len(bad))}",
            remedy if comma else correct_or_code(values[i] for i in bad),
        )
    return numbers


def correct_or_code(wrong: Iterable[Any]) -> str:
    """The remedy for values that are no numbers; a few words may be codes for missing."""
    words = list(dict.fromkeys(one.strip() if isinstance(one, str) else "" for one in wrong))
    if len(words) > CODES or not all(map(_may_be_code, words)):
        return "Correct the value, or leave it empty."
    quoted = ", ".join(f'"{word}"' for word in words)
    python = quoted if len(words) == 1 else f"[{quoted}]"
    option = shlex.quote(",".join(words))
    return (
        "Correct the value, or leave it empty; if it stands for missing, fit with "
        f"`missing={python}` (`--missing {option}`)."
    )


def _may_be_code(word: str) -> bool:
    """Whether a text is a word, not a number with a typo, that an option can name."""
    return word[:1].isalpha() and not any(c.isdigit() or c in ',"\\`\n' for c in word)


def in_all(count: int) -> str:
    """How many rows are like the one that a message names; nothing if it is the only one."""
    return f" ({count} such rows in all)" if count > 1 else ""


def whole_numbers(column: nw.Series[Any]) -> Int64[np.ndarray, " time"] | None:
    """The values of a column of integers; None for other columns, and beyond 64 bits."""
    if not column.dtype.is_integer() or column.null_count() or not len(column):
        return None
    low, high = int(column.min()), int(column.max())
    if low < -(2**63) or high >= 2**63:
        return None
    return column.cast(nw.Int64).to_numpy().astype(np.int64)


def rounding_remark(name: str, whole: Sequence[Any]) -> list[str]:
    """A remark on whole numbers, as integers or digits, that double precision rounds."""
    rounded = any(v is not None and int(v) != int(float(v)) for v in whole)
    return [f"`{name}` rounded to 16 digits, those of double precision"] if rounded else []


def large_numbers(column: nw.Series[Any], numbers: Float64[np.ndarray, " time"]) -> list[Any]:
    """The whole numbers of a column that double precision may not hold."""
    if not column.dtype.is_integer():
        return []
    return [column[int(i)] for i in np.flatnonzero(np.abs(numbers) >= 2.0**53)]


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
        except (TypeError, ValueError, OverflowError):
            bad.append(i)
    return numbers, bad


def is_numeric(column: nw.Series[Any]) -> bool:
    """Whether a column holds numbers, or text whose first values mostly read as numbers.

    A few values of another kind do not count: reading the column reports them.
    """
    if column.dtype.is_numeric() or not is_text(column):
        return column.dtype.is_numeric()
    numbers, bad = parse_numbers(column.head(SAMPLE).to_list())
    good = int((~np.isnan(numbers)).sum())
    return good > 0 and good >= len(bad)


def is_text(column: nw.Series[Any]) -> bool:
    """Whether a column holds text, or objects that may be text."""
    return column.dtype in (nw.String, nw.Object, nw.Categorical, nw.Enum, nw.Unknown)
