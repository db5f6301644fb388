"""Stamps in several columns: year and month, date and time of day."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import narwhals as nw

from throughtime.tables.missing_codes import is_missing

from .stamp_patterns import patterns_of

PARTS = {
    "year": ("%Y", "year yr yyyy jahr année annee año ano anno år".split()),
    "quarter": ("%q", "quarter qtr q quartal trimestre".split()),
    "week": ("%V", "week wk isoweek iso_week woche uke semaine".split()),
    "month": ("%m", "month mon mo mm monat mois mes mese måned".split()),
    "doy": ("%j", "doy yday dayofyear day_of_year".split()),
    "day": ("%d", "day dy dd dom tag jour dia día giorno dag".split()),
    "date": ("", "date datum fecha data dato day ds".split()),
    "hour": ("%H", "hour hr hh stunde heure hora time_of_day".split()),
    "time": ("", "time clock zeit uhrzeit heure hora tid".split()),
    "minute": ("%M", "minute min minutes".split()),
}
"""Tokens and names of the parts of a stamp, from the largest to the smallest."""

PART_NAMES = frozenset(name for _, names in PARTS.values() for name in names)

FIRST = 9
"""Values at the front that say whether columns hold stamps: any of them may be spoilt."""

COMBINATIONS = (
    ("date", "time"),
    ("date", "hour"),
    ("year", "month", "day", "hour", "minute"),
    ("year", "month", "day", "hour"),
    ("year", "month", "day", "time"),
    ("year", "month", "day"),
    ("year", "doy", "hour"),
    ("year", "doy"),
    ("year", "quarter"),
    ("year", "month"),
    ("year", "week"),
)


def find_stamp_columns(frame: nw.DataFrame[Any], columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that make a stamp together, by their names and first values; or none."""
    for parts in COMBINATIONS:
        names = [_named(part, columns) for part in parts]
        if None in names or len(set(names)) < len(parts):
            continue
        chosen = tuple(str(name) for name in names)
        if _first_stamp(frame, chosen, parts):
            return chosen
    return ()


def pattern_of(names: Sequence[str]) -> str | None:
    """The pattern of columns whose names say what they hold: `%Y<tab>%m`; None for others."""
    parts = next((p for p in COMBINATIONS if _fit(p, names)), None)
    if parts is None or not all(PARTS[part][0] for part in parts):
        return None
    pattern = "\t".join(PARTS[part][0] for part in parts)
    return pattern.replace("%Y", "%G") if "week" in parts else pattern


def split_name(name: str, columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that an option names, `year,month`, or one column of that very name."""
    parts = tuple(part.strip() for part in name.split(","))
    whole = name in columns or not all(part in columns for part in parts)
    return (name,) if whole else parts


def _named(part: str, columns: Sequence[str]) -> str | None:
    known = PARTS[part][1]
    return next((name for name in columns if name.strip().lower() in known), None)


def _fit(parts: Sequence[str], names: Sequence[str]) -> bool:
    pairs = zip(parts, names, strict=False)
    return len(parts) == len(names) and all(n.strip().lower() in PARTS[p][1] for p, n in pairs)


def has_clock(column: nw.Series[Any]) -> bool:
    """Whether dates have a time of day, in any of the first rows."""
    if isinstance(column.dtype, nw.Datetime):
        return bool((column.dt.truncate("1d") != column).any())
    texts = [str(value) for value in column.head(100).to_list() if not is_missing(value)]
    clocks = [text for text in texts if ":" in text and not text.endswith(" 00:00:00")]
    return any("%H" in one or "%I" in one for text in clocks for one in patterns_of(text))


def _first_stamp(frame: nw.DataFrame[Any], names: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether most of the first complete rows hold stamps whose parts are no stamps."""
    rows = zip(*(frame[name].head(100).to_list() for name in names), strict=True)
    complete = (row for row in rows if not any(is_missing(v) for v in row))
    found = list(islice(complete, FIRST))
    if not found or (parts[0] == "date" and has_clock(frame[names[0]])):
        return False  # it is a stamp of its own
    stamps = [_is_stamp([_as_text(v) for v in row], parts) for row in found]
    return stamps[0] or 2 * sum(stamps) > len(stamps)


def _as_text(value: Any) -> str:
    return str(value).removesuffix(".0").removesuffix(" 00:00:00")


def _is_stamp(texts: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether the texts of one row make a stamp together."""
    if parts[0] == "date":
        clock = parts[1] == "hour" or any("%H" in p or "%I" in p for p in patterns_of(texts[1]))
        return clock and any("%d" in p for p in patterns_of(texts[0]))
    if not (texts[0].isdigit() and len(texts[0]) == 4):
        return False
    numbers = [text.isdigit() for text in texts[1:]]
    return all(numbers) or bool(patterns_of("\t".join(texts)))
