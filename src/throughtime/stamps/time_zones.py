"""Local time and UTC, by the rules of a time zone.

Where clocks go back an hour comes twice: the first time a wall clock shows it is the earlier,
in a table that stands newest first the later. Where they go forward an hour is missing, and a
stamp in it is an error.
"""

import re
from zoneinfo import available_timezones

import numpy as np
import polars as pl
from jaxtyping import Int64, Shaped

from throughtime.errors import InputError, closest_name

FIXED = re.compile(r"([+-])(\d{2}):(\d{2})")
MINUTE = 60_000_000


def check_zone(zone: str) -> None:
    """Refuse the name of a time zone that is not known.

    Raises
    ------
    InputError
        If there is no such zone; the message names the closest one.
    """
    if not isinstance(zone, str):
        rule = "`time_zone` must be the name of a time zone"
        raise InputError(rule, repr(zone), 'Pass one such as "Europe/Oslo".')
    if FIXED.fullmatch(zone):
        return
    try:
        pl.Series([0]).cast(pl.Datetime("us")).dt.replace_time_zone(zone)
    except pl.exceptions.PolarsError:
        cities = {name.rsplit("/", 1)[-1]: name for name in sorted(available_timezones())}
        close = cities.get(closest_name(zone.rsplit("/", 1)[-1], cities) or "", "Europe/Oslo")
        rule = "`time_zone` must be the name of a time zone (`--time-zone`)"
        raise InputError(rule, zone, f"Pass one such as `{close}`.") from None


def fixed_zone(minutes: int) -> str:
    """The name of a zone that is always so many minutes ahead of UTC: `+01:00`, `UTC`."""
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"


def offsets_at(
    stamps: Shaped[np.ndarray, " time"], zone: str, local: bool = False
) -> Int64[np.ndarray, " time"]:
    """Minutes by which the clock of a zone is ahead of UTC.

    Parameters
    ----------
    stamps
        (time,) `datetime64[us]` in UTC, or as that clock shows them.
    zone
        The name of the zone.
    local
        Whether the stamps are as that clock shows them; of two times the earlier counts, and
        a time that is left out has the offset after it.
    """
    if fixed := FIXED.fullmatch(zone):
        sign = -1 if fixed.group(1) == "-" else 1
        minutes = sign * (60 * int(fixed.group(2)) + int(fixed.group(3)))
        return np.full(len(stamps), minutes)
    if local:
        utc = _to_utc(stamps, zone, "earliest")
        missing = np.isnat(utc)
        shifted = _to_utc(
            stamps + missing * np.timedelta64(60 * MINUTE, "us"), zone, "earliest"
        )
        shifted = shifted - missing * np.timedelta64(60 * MINUTE, "us")
        return ((stamps - shifted).astype(np.int64)) // MINUTE
    walls = pl.Series(stamps).dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    return (walls.dt.replace_time_zone(None).to_numpy() - stamps).astype(np.int64) // MINUTE


def to_utc(
    walls: Shaped[np.ndarray, " time"], zone: str, column: str, rows: np.ndarray
) -> Shaped[np.ndarray, " time"]:
    """Stamps of a wall clock in UTC; of a time that comes twice the first is the earlier.

    In a table that stands newest first it is the later.

    Parameters
    ----------
    walls
        (time,) `datetime64[us]`, in the order of the table.
    zone
        The name of the zone.
    column, rows
        The name of the column and the number of each row, for errors.

    Raises
    ------
    InputError
        If a stamp lies in an hour that the zone leaves out, or if stamps of the hour that
        comes twice are in no order.
    """
    early, late = (_to_utc(walls, zone, which) for which in ("earliest", "latest"))
    missing = np.isnat(early) & ~np.isnat(walls)
    if missing.any():
        i = int(missing.argmax())
        rule = f"stamps in `{column}` must be times that {zone} has"
        got = f"{str(walls[i])[:19]} in row {rows[i]}, when clocks go forward"
        raise InputError(
            rule,
            got,
            'Pass the zone of these clocks, or `time_zone="UTC"` (`--time-zone UTC`).',
        )
    rises = np.diff(walls) > np.timedelta64(0, "us")
    falls = np.diff(walls) < np.timedelta64(0, "us")
    newest_first = falls.sum() > rises.sum()
    order = slice(None, None, -1 if newest_first else 1)
    utc, scattered = _told_apart(walls[order], early[order], late[order])
    if scattered is not None:
        i = range(len(walls))[order][scattered]
        raise InputError(
            f"stamps in `{column}` of the hour that comes twice must stand in order of time",
            f"{str(walls[i])[:19]} in row {rows[i]}, among rows in no order",
            "Sort the rows by time, or write stamps with their offset, such as "
            "2021-10-31T02:30+01:00.",
        )
    return utc[order]


def _told_apart(
    walls: Shaped[np.ndarray, " time"], early: np.ndarray, late: np.ndarray
) -> tuple[Shaped[np.ndarray, " time"], int | None]:
    """Of the two times of each wall clock the right one, where they stand oldest first.

    Also a row that shows a clock for the second time, if rows before it are not in order.
    """
    utc = early.copy()
    twice = np.flatnonzero(early != late)
    seen: dict[np.datetime64, int] = {}
    again: list[tuple[int, int]] = []
    for i in map(int, twice):
        if walls[i] in seen:
            utc[i] = late[i]
            again.append((seen[walls[i]], i))
        seen.setdefault(walls[i], i)
    # Of a rising clock, one that shows less than before is in its second hour.
    for i in map(int, twice):
        if i and utc[i] <= utc[i - 1] < late[i]:
            utc[i] = late[i]
    falls = np.diff(utc) < np.timedelta64(0, "us")
    return utc, next((last for first, last in again if falls[first:last].any()), None)


def _to_utc(walls: np.ndarray, zone: str, which: str) -> np.ndarray:
    if FIXED.fullmatch(zone):
        return walls - offsets_at(walls, zone).astype("m8[m]")
    local = pl.Series(walls).dt.replace_time_zone(zone, ambiguous=which, non_existent="null")  # pyright: ignore
    return local.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy(writable=True)
