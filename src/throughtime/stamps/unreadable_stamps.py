"""What is said of a value that is no stamp, and why it is none where that can be told."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from jaxtyping import Bool

from throughtime.errors import InputError
from throughtime.tables.missing_codes import is_missing
from throughtime.tables.values import in_all, is_text

from .stamp_columns import PART_NAMES
from .stamp_form import WEEKDAYS
from .stamp_numbers import says_date
from .stamp_parsing import parse
from .stamp_patterns import WEEKDAY, ZONE_WORDS, patterns_of

EXAMPLES = "2024-01-31, 31/01/2024, 31-Jan-2024 12:30, 2024-01, 2024 Q1 or 2024-W05"
CORRECT = (
    "Correct it, or name another column with `time` (`--time`), or pass `time=False` "
    "(`--no-time`) to count the rows as steps."
)
ZONE = re.compile(r"\d\s*(?:[AP]M\s*)?\b(?![AP]M$)([A-Z]{2,5})$")


def unreadable(
    texts: pl.Series, wrong: Sequence[Bool[np.ndarray, " time"]], name: str
) -> InputError:
    """The error for the first value that is no stamp.

    Parameters
    ----------
    texts
        The column; a missing value is null.
    wrong
        For each pattern that was tried, the rows that do not fit it.
    name
        What to call the column.
    """
    rows = min(wrong, key=lambda w: int(w.sum()), default=None)
    if rows is None or not rows.any():
        rows = texts.is_not_null().to_numpy()
    i, count = int(rows.argmax()), int(rows.sum())
    value = texts[i].replace("\t", " ")
    got = f"{value!r} in row {i + 1}" + in_all(count)
    if zone := _unknown_zone(value):
        rule = f"zones in `{name}` must be offsets from UTC or words that mean one zone"
        remedy = f"Write an offset such as -05:00 for `{zone}`; or leave it out, and pass"
        remedy = f'{remedy} `time_zone="America/New_York"` (`--time-zone`) or another.'
        return InputError(rule, got, remedy)
    rule = f"dates in `{name}` must all be written one way, such as {EXAMPLES}"
    at_an_end = i + count in (1, len(texts))  # a unit below the header, a note below the data
    words = at_an_end and not any(c.isdigit() for c in value)
    remedy = f"Drop the row if it is no data; c{CORRECT[1:]}" if words else CORRECT
    return InputError(rule, got + _reason(value), remedy)


def unread_stamps(columns: Iterable[nw.Series[Any]]) -> list[str]:
    """A remark on each column of text that is called like time, with its first value.

    Words without a number are no stamps: a weekday, a kind of day.
    """
    found = []
    for column in columns:
        named = says_date(column.name) or column.name.strip().lower() in PART_NAMES
        known = (str(v) for v in column.head(100).to_list() if not is_missing(v))
        value = next(known, "") if named and is_text(column) else ""
        if any(c.isdigit() for c in value):
            found.append(
                f"the stamps in `{column.name}`, such as {value!r}, were not read "
                "(write them as 2024-01-31 or 2024 Q1)"
            )
    return found


def _unknown_zone(value: str) -> str:
    """The word for a zone, such as EST, that is all that keeps a value from being a stamp."""
    match = ZONE.search(value)
    if match is None or match.group(1) in ZONE_WORDS:
        return ""
    bare = value[: match.start(1)].rstrip()
    return match.group(1) if ":" in bare and patterns_of(bare) else ""


def _reason(value: str) -> str:
    if re.search(r":60(?!\d)", value):
        return ", a leap second, which no clock of a computer has"
    if re.search(r":\d{2}[.,]\d{7,9}", value):
        return ", finer than a microsecond"
    week = WEEKDAY.match(value)
    rest = value[week.end() :] if week else ""
    for pattern in patterns_of(rest):
        parsed = parse(pl.Series([rest]), pattern)
        if not parsed.wrong.any():
            day = int(parsed.stamps.astype("M8[D]").astype(np.int64)[0] + 3) % 7
            return f", but that day is a {WEEKDAYS[day]}"
    return ""
