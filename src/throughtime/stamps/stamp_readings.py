"""The ways in which a column can be read as stamps, none of them guessed at.

A reading holds for the whole column: one value that does not fit is an error that names it.
Which of several readings is right is decided in `placement.py`, by the step that each gives.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from jaxtyping import Int64, Shaped

from throughtime.errors import InputError
from throughtime.tables.missing_codes import is_missing
from throughtime.tables.values import is_numeric, is_text, to_numbers, whole_numbers

from .stamp_columns import FIRST, has_clock, pattern_of
from .stamp_form import StampForm
from .stamp_numbers import (
    are_dates,
    are_unix_times,
    dates_in,
    is_compact_date,
    says_date,
    says_unix,
)
from .stamp_parsing import Parsed, parse
from .stamp_patterns import patterns_of
from .time_units import format_stamp
from .time_zones import check_zone, offsets_at
from .unreadable_stamps import CORRECT, unreadable
from .weekday_words import contradicting, split_weekdays

NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
"""Text that is a number, and a date only where all of its column is one."""
SAMPLE = 1000
"""Rows on which patterns are tried before they are proven on all."""


@dataclass(frozen=True, eq=False)
class Reading:
    """One way to read a column of stamps.

    Attributes
    ----------
    stamps
        (time,) int64, floats, or `datetime64` as a clock on the wall shows them; NaN or NaT
        where there is none.
    offsets
        (time,) minutes by which that clock is ahead of UTC; None if they are not known.
    form
        How the stamps are written; None for ISO.
    zone
        The time zone, if its name is known.
    words
        The reading in words, where others would be possible.
    rank
        Readings of a lower rank come first; two of one rank that both fit have to be asked for.
    """

    stamps: Shaped[np.ndarray, " time"]
    offsets: Int64[np.ndarray, " time"] | None = None
    form: StampForm | None = None
    zone: str | None = None
    words: str = ""
    rank: int = 0

    def rows(self, rows: Int64[np.ndarray, " rows"]) -> "Reading":
        """The reading of some rows of the column."""
        offsets = None if self.offsets is None else self.offsets[rows]
        return replace(self, stamps=self.stamps[rows], offsets=offsets)

    def text(self, row: int) -> str:
        """The stamp of a row as its table writes it, for a message."""
        stamp = self.stamps[row]
        if self.stamps.dtype.kind != "M":
            return format_stamp(stamp)
        form, offsets = self.form, None if self.offsets is None else self.offsets[row]
        if form is None and offsets is None:
            return format_stamp(stamp)
        form = form or StampForm("%Y-%m-%dT%H:%M:%S%z")
        written = form.write(self.stamps[row : row + 1].astype("M8[us]"), int(offsets or 0))
        return written[0].replace("\t", " ")

    def utc(self) -> Shaped[np.ndarray, " time"]:
        """The stamps in UTC where their offset is known, else as they are."""
        if self.offsets is None:
            return self.stamps
        return self.stamps - self.offsets.astype("m8[m]")


def read_stamps(
    columns: Sequence[nw.Series[Any]],
    name: str,
    dayfirst: bool | None = None,
    time_zone: str | None = None,
) -> list[Reading]:
    """All readings of one column of stamps, or of several that make a stamp together.

    Parameters
    ----------
    columns
        A column of text, numbers or dates, or several: year and month, date and time.
    name
        What errors call the column.
    dayfirst
        Whether the day stands before the month, if the user says so.
    time_zone
        The zone of stamps that have none of their own.

    Returns
    -------
    list of Reading
        At least one.

    Raises
    ------
    InputError
        If a value is no stamp; the message names its row. If the zone is not known.
    """
    if time_zone is not None:
        check_zone(time_zone)
    column = columns[0]
    if len(columns) > 1:
        pattern = pattern_of([one.name for one in columns])
        found = _text_readings(_joined(columns), name, dayfirst, pattern)
    elif isinstance(column.dtype, nw.Date | nw.Datetime):
        found = [_typed_reading(column)]
    elif is_text(column) and (_first_patterns(column) or not is_numeric(column)):
        found = _text_readings(_as_texts(column), name, dayfirst)
    elif column.dtype.is_numeric() or is_text(column):
        found = _number_readings(column)
    else:
        raise InputError(
            f"the time column `{name}` must hold numbers or dates",
            f"type {column.dtype}",
            "Convert it to numbers or dates, or name another column with `time` (`--time`).",
        )
    if time_zone is None:
        return found
    return [one if one.zone else replace(one, zone=time_zone) for one in found]


def is_date(column: nw.Series[Any]) -> bool:
    """Whether a column holds dates, or text whose first values read as dates.

    Whole numbers count if all of them are dates such as 20210131 in order, and any numbers
    that can be dates if the name of their column says so. Of text, the first value counts, or
    most of the first nine: reading the column reports the others.
    """
    if isinstance(column.dtype, nw.Date | nw.Datetime):
        return True
    if column.dtype.is_numeric() and not column.null_count():
        numbers = whole_numbers(column)
        if numbers is None:
            numbers = column.cast(nw.Float64).to_numpy()
        if is_compact_date(numbers) or (says_date(column.name) and are_dates(numbers)):
            return True
        return says_unix(column.name) and are_unix_times(numbers)
    return is_text(column) and bool(_first_patterns(column))


def _first_patterns(column: nw.Series[Any]) -> list[str]:
    """The patterns of the first value that is there, or of the first of most of the first."""
    known = (v for v in column.head(1000).to_list() if not is_missing(v))
    texts = [str(v).strip() for v in islice(known, FIRST) if isinstance(v, str | dt.date)]
    if not texts:
        return []
    if patterns := _dated(texts[0]):
        return patterns
    parts = split_weekdays(_as_texts(column.head(100)))
    if parts is not None:
        return patterns_of(parts[0].drop_nulls()[0])
    found = [patterns for text in texts if (patterns := _dated(text))]
    return found[0] if 2 * len(found) > len(texts) else []


def _dated(text: str) -> list[str]:
    return [] if NUMBER.fullmatch(text) else patterns_of(text)


def _typed_reading(column: nw.Series[Any]) -> Reading:
    """Dates that have a type, in their own zone."""
    if isinstance(column.dtype, nw.Date):
        return Reading(column.cast(nw.Datetime("us")).to_numpy())
    zone = getattr(column.dtype, "time_zone", None)
    if zone is None:
        return Reading(column.to_numpy())
    utc = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy()
    micro = utc.astype("M8[us]")
    zone = str(zone)
    try:
        offsets = offsets_at(np.where(np.isnat(micro), np.datetime64(0, "us"), micro), zone)
    except pl.exceptions.PolarsError:  # a zone that only another library knows
        offsets, zone = np.zeros(len(micro), np.int64), "UTC"
    return Reading(utc + offsets.astype("m8[m]"), offsets, None, zone)


def _number_readings(column: nw.Series[Any]) -> list[Reading]:
    """Numbers as they are, and the dates that they may be."""
    if (whole := whole_numbers(column)) is not None:
        numbers = whole
    elif column.dtype.is_integer() and not column.null_count() and len(column):
        rule = f"numbers in the time column `{column.name}` must be below 9.2e18"
        remedy = "Subtract the first, or pass `time=False` (`--no-time`) to count the rows."
        raise InputError(rule, str(column.max()), remedy)
    elif column.dtype == nw.Float32:
        numbers = column.to_numpy()
    else:
        try:
            numbers = to_numbers(column)
        except InputError as error:  # an empty stamp would be refused too
            rule = f"stamps in `{column.name}` must be numbers, or dates written one way"
            raise InputError(rule, error.got, CORRECT) from None
        whole = (numbers == np.rint(numbers)).all() and np.abs(numbers).max(initial=0) < 2**63
        if not column.dtype.is_float() and whole:
            numbers = numbers.astype(np.int64)  # digits that are text
    dates_first = says_date(column.name) or is_compact_date(numbers)
    dates_first = dates_first or are_unix_times(numbers)
    found = [Reading(numbers, rank=int(dates_first))]
    for stamps, form, words in dates_in(
        numbers.astype(np.float64, copy=False) if numbers.dtype.kind == "f" else numbers
    ):
        excel = form.pattern.endswith("E")
        if excel and not says_date(column.name):
            continue
        unix = form.pattern.endswith("s")
        offsets = np.zeros(len(stamps), np.int64) if unix else None
        zone = "UTC" if unix else None
        found.append(Reading(stamps, offsets, form, zone, words, int(not dates_first)))
    return found


def _text_readings(
    texts: pl.Series, name: str, dayfirst: bool | None, pattern: str | None = None
) -> list[Reading]:
    """Every pattern that fits all of the column."""
    if pattern is None and (parts := split_weekdays(texts)) is not None:
        return _weekday_readings(texts, *parts, name, dayfirst)
    known = texts.drop_nulls()
    if not len(known):
        return [Reading(np.full(len(texts), np.datetime64("NaT", "us")))]
    longest = known.gather(int(known.str.len_chars().arg_max() or 0))[0]
    first = [patterns for one in known.head(FIRST) if (patterns := patterns_of(one))]
    likeliest = first[0] if first else []
    candidates = dict.fromkeys([*patterns_of(longest), *likeliest])
    parsed = [(one, parse(texts, one)) for one in [pattern] if one]
    if not parsed or parsed[0][1].wrong.any():
        likely = [one for one in candidates if not parse(known.head(SAMPLE), one).wrong.any()]
        parsed = [(one, parse(texts, one)) for one in likely or candidates]
    good = [
        _reading(pattern, one)
        for pattern, one in _with_later_century(texts, parsed)
        if not one.wrong.any()
    ]
    good = [one for one in good if _has_year(one)]
    if dayfirst is not None:
        asked = [one for one in good if one.form and one.form.dayfirst in (dayfirst, None)]
        if good and not asked:
            option = (
                "dayfirst=True` (`--dayfirst" if dayfirst else "dayfirst=False` (`--monthfirst"
            )
            rule = f"stamps in `{name}` must fit `{option}`)"
            raise InputError(rule, repr(known[0]), "Leave the option out.")
        months = [one for one in asked if one.form and not one.form.yearfirst]
        good = months or asked
    if not good:
        raise unreadable(texts, [one.wrong for _, one in parsed], name)
    return good


def _weekday_readings(
    texts: pl.Series, dates: pl.Series, days: pl.Series, name: str, dayfirst: bool | None
) -> list[Reading]:
    """The readings of dates beside words for days, which none of them contradicts."""
    found = _text_readings(dates, name, dayfirst, "")
    wrong = [contradicting(days, one.stamps) for one in found]
    good = [one for one, rows in zip(found, wrong, strict=True) if not rows.any()]
    if not good:
        i = int(wrong[0].argmax())
        rule = f"a day of the week in `{name}` must be that of its date"
        raise InputError(rule, f"{texts[i]!r} in row {i + 1}", CORRECT)
    return [
        replace(one, words=f"{one.words}, " * bool(one.words) + "days of the week left out")
        for one in good
    ]


def _with_later_century(
    texts: pl.Series, parsed: list[tuple[str, Parsed]]
) -> list[tuple[str, Parsed]]:
    """Years of two digits also as 1969 to 2068, for series that go beyond 2029."""
    more = [
        (later, parse(texts, later))
        for pattern, one in parsed
        if "%y" in pattern and not one.wrong.any()
        for later in [pattern.replace("%y", "%k")]
    ]
    return parsed + more


def _reading(pattern: str, parsed: Parsed) -> Reading:
    order = parsed.form.dayfirst
    words = "" if order is None else "day first" if order else "month first"
    if "%y" in pattern or "%k" in pattern:
        century = "1930 to 2029" if "%y" in pattern else "1969 to 2068"
        words = f"{words}, " * bool(words) + f"years of two digits as {century}"
        if pattern.startswith(("%y", "%k")):
            words = words.replace("month first", "year first")
    elif pattern.startswith("%Y"):
        words = ""
    rank = 1 if "%k" in pattern or pattern in ("%Y/%m", "%Y-%m") else 0
    zone = None
    if parsed.offsets is not None and not parsed.offsets.any():
        zone = "UTC"
    return Reading(parsed.stamps, parsed.offsets, parsed.form, zone, words, rank)


def _has_year(reading: Reading) -> bool:
    """Whether `Jan 01` may be a month and a year: days of one month are not."""
    form = reading.form
    if form is None or form.pattern.replace("%-", "%")[:2] != "%b" or "%d" in form.pattern:
        return True
    months = reading.stamps.astype("M8[M]").astype(np.int64) % 12
    return "%Y" in form.pattern or len(np.unique(months)) > 1


def _as_texts(column: nw.Series[Any]) -> pl.Series:
    """A column as text, stripped, null where it is missing."""
    native = column.to_native()
    if isinstance(native, pl.Series) and native.dtype == pl.String:
        texts = native.str.strip_chars()
    else:
        values = [None if is_missing(v) else str(v).strip() for v in column.to_list()]
        texts = pl.Series(values, dtype=pl.String)
    words = texts.filter(texts.str.len_bytes() < 5).unique().drop_nulls().to_list()
    missing = [word for word in words if is_missing(word)]
    return texts.set(texts.is_in(missing), None) if missing else texts


def _joined(columns: Sequence[nw.Series[Any]]) -> pl.Series:
    """Several columns as one of text, with tabs between; null where one is missing."""
    for column in columns:
        if isinstance(column.dtype, nw.Datetime) and has_clock(column):
            rule = f"dates in `{column.name}` must have no time of day of their own"
            got = f"{column.filter(column.dt.truncate('1d') != column)[0]}"
            raise InputError(rule, got, f'Pass `time="{column.name}"` (`--time`).')
    parts = [_as_texts(_whole(column)) for column in columns]
    joined = pl.DataFrame({str(i): part for i, part in enumerate(parts)})
    return joined.select(pl.concat_str(pl.all(), separator="\t")).to_series()


def _whole(column: nw.Series[Any]) -> nw.Series[Any]:
    """Whole numbers that a missing value has turned into floats, as whole numbers."""
    if column.dtype.is_float():
        numbers = to_numbers(column)
        known = numbers[~np.isnan(numbers)]
        if (known == np.rint(known)).all():
            texts = ["" if np.isnan(n) else str(int(n)) for n in numbers]
            return nw.from_native(pl.Series(column.name, texts), series_only=True)
    if isinstance(column.dtype, nw.Date | nw.Datetime):
        return column.dt.to_string("%Y-%m-%d")
    return column
