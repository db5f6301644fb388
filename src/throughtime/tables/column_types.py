"""The type of each column of text: whole numbers, floats, true and false, or text.

Stamps stay text: `stamp_readings.py` reads them.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import polars as pl

from throughtime.errors import InputError

from .missing_codes import CODES, coded_remark
from .number_forms import Reading, as_thousands, asks_for_thousands, read_numbers
from .values import rounding_remark

INFINITE = ("inf", "infinity")


@dataclass
class TypedColumns:
    """Columns of text, read.

    Attributes
    ----------
    frame
        The columns.
    remarks
        The forms of their numbers.
    questions
        By column, the error to raise when it is used: it is not one thing throughout.
    units
        By column, the unit of its numbers, if they have one.
    """

    frame: pl.DataFrame
    remarks: list[str] = field(default_factory=list)
    questions: dict[str, InputError] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    def keep(self, reading: Reading) -> None:
        """Take over the remarks on a column, and its unit."""
        self.remarks += [one for one in reading.remarks if one not in self.remarks]
        if reading.unit:
            self.units[reading.column.name] = reading.unit


def read_columns(
    frame: pl.DataFrame,
    text_column: str | None = None,
    *,
    decimal: str | None = None,
    missing: Collection[str] = (),
    separator: str = ",",
) -> TypedColumns:
    """Read each column of text as what all of its values are.

    Parameters
    ----------
    frame
        Columns of text. Those of other types stay.
    text_column
        A column that stays text as it is written: 01 is not 1.
    decimal
        The decimal mark of all numbers; by default the one that they show.
    missing
        More texts that stand for a missing value, in lower case.
    separator
        What separates the columns. Where it is no comma, that may be the decimal mark.
    """
    texts = {c.name: c.str.strip_chars() for c in frame if c.dtype == pl.String}
    typed, found = {c.name: c for c in frame}, TypedColumns(frame)
    marks = {}
    for name, column in texts.items():
        if name == text_column:
            typed[name] = column.set(column == "", None)
            continue
        reading = _read_column(column, decimal, missing)
        if isinstance(reading, InputError):
            found.questions[name] = reading
        else:
            typed[name], marks[name] = reading.column, reading.decimal
            found.keep(reading)
    comma = "," in marks.values()
    for name in marks:
        if typed[name].dtype == pl.Float64 and marks[name] is None and decimal is None:
            _thousands(typed, texts, name, comma, separator, found)
    if {".", ","} & set(marks.values()):
        _answer_questions(typed, texts, marks, missing, found)
    found.frame = pl.DataFrame(list(typed.values()))
    return found


def _read_column(
    column: pl.Series, decimal: str | None, missing: Collection[str]
) -> Reading | InputError:
    """A column as what it holds, or the question that it brings."""
    column = _unquoted(column)
    empty = column == ""
    column = column.set(empty, None) if empty.any() else column
    if column.null_count() == len(column):
        return Reading(column)
    plain, told = _plain(column, decimal), ()
    if plain is None or missing:
        lower = column.str.to_lowercase()
        coded = lower.is_in([*missing]).sum()
        told = (coded_remark(int(coded)),) if coded else ()
        column = column.set(lower.is_in([*CODES, *missing]).fill_null(False), None)
        if column.null_count() == len(column):
            return Reading(column)
        plain = _plain(column, decimal)
    if plain is not None:
        told += tuple(_rounding(plain, column))
        return _within_range(Reading(plain, told, _sure_mark(plain, column)), column)
    reading = read_numbers(column, decimal)
    if isinstance(reading, InputError):
        return reading
    if reading is not None:
        return _within_range(reading._replace(remarks=(*told, *reading.remarks)), column)
    return Reading(column)


def _plain(column: pl.Series, decimal: str | None) -> pl.Series | None:
    """Numbers or truth values that are written as programs write them."""
    numbers = (pl.Int64, pl.Float64) if decimal != "," else (pl.Int64,)
    for dtype in numbers:
        if (read := _all(column, partial(_cast, dtype=dtype))) is not None:
            return read
    lower = column.head(1000).str.to_lowercase()
    if lower.is_in(["true", "false"]).all():
        lower = column.str.to_lowercase()
        if lower.is_in(["true", "false"]).all():
            return lower == "true"
    return None


def _rounding(numbers: pl.Series, column: pl.Series) -> list[str]:
    """A remark on digits beyond whole numbers of 64 bits, which became floats."""
    if numbers.dtype != pl.Float64:
        return []
    long = column.filter(column.str.contains("^[-+]?[0-9]{17,300}$").fill_null(False))
    return rounding_remark(column.name, long.to_list())


def _all(column: pl.Series, read: Callable[[pl.Series], pl.Series]) -> pl.Series | None:
    """A column as `read` gives it, None if it leaves out a value; the first ones soon tell."""
    for part in (column.head(100), column):
        values = read(part)
        if values.null_count() > part.null_count():
            return None
    return values


def _cast(column: pl.Series, dtype: Any) -> pl.Series:
    return column.cast(dtype, strict=False)


def _within_range(reading: Reading, column: pl.Series) -> Reading | InputError:
    """The numbers, unless one is beyond double precision: 1e400 would become infinity."""
    numbers = reading.column
    if numbers.dtype != pl.Float64 or not numbers.is_infinite().any():
        return reading
    words = column.str.to_lowercase().str.strip_chars_start("+-").is_in(INFINITE)
    beyond = (numbers.is_infinite() & ~words).fill_null(False)
    if not beyond.any():
        return reading
    i = beyond.arg_max() or 0
    return InputError(
        "a number must be below 1.8e308, the largest of double precision",
        f"{column[i]!r} in row {i + 1} of column `{column.name}`",
        "Correct the value, or leave it empty.",
    )


def _unquoted(column: pl.Series) -> pl.Series:
    """Values without the single quotes that all of them have around."""
    first = column.head(1).to_list()
    if not first or not (first[0] or "").startswith("'"):
        return column
    present = column.drop_nulls()
    if (present.str.starts_with("'") & present.str.ends_with("'")).all():
        return column.str.strip_chars("'").str.strip_chars()
    return column


def _sure_mark(plain: pl.Series, column: pl.Series) -> str | None:
    """A point, if a number shows that it is the decimal mark."""
    if plain.dtype != pl.Float64:
        return None
    return "." if as_thousands(column.head(1000).drop_nulls()) is None else None


def _thousands(
    typed: dict[str, pl.Series],
    texts: dict[str, pl.Series],
    name: str,
    comma: bool,
    separator: str,
    found: TypedColumns,
) -> None:
    """Read 1.234 as thousands among decimal commas; ask where nothing tells."""
    column = texts[name]
    column = column.set(typed[name].is_null(), None)
    numbers = as_thousands(column)
    if numbers is None:
        return
    if comma:
        typed[name] = numbers
        if "thousands by points" not in found.remarks:
            found.remarks.append("thousands by points")
    elif question := asks_for_thousands(column, separator):
        found.questions[name], typed[name] = question, column


def _answer_questions(
    typed: dict[str, pl.Series],
    texts: dict[str, pl.Series],
    marks: dict[str, str | None],
    missing: Collection[str],
    found: TypedColumns,
) -> None:
    """Read the columns with two readings by the mark that the other columns show."""
    shown = {mark for mark in marks.values() if mark}
    for name in [n for n in found.questions if len(shown) == 1]:
        reading = _read_column(texts[name], next(iter(shown)), missing)
        if not isinstance(reading, InputError):
            typed[name] = reading.column
            del found.questions[name]
            found.keep(reading)
