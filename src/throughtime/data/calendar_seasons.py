"""The seasons of the calendar: what a year, a week, a day and an hour are in steps."""

from throughtime.stamps.time_axis import Times
from throughtime.stamps.time_units import DAY, MONTHLY

HOUR, MINUTE, SECOND = DAY // 24, DAY // 1440, 1_000_000
SPANS = (
    (HOUR, SECOND, 5 * MINUTE),
    (DAY, SECOND, 12 * HOUR),
    (7 * DAY, MINUTE, DAY),
)
"""Spans of the calendar in microseconds; the shortest and the longest step each counts for."""


def calendar_seasons(times: Times | None) -> tuple[int, ...]:
    """The steps in an hour, a day, a week and a year, where they are seasons of the time axis.

    A year counts for steps of a day to half a year, a week for steps of a minute to a day, a
    day for steps of up to 12 hours and an hour for steps of up to 5 minutes: monthly 12,
    quarterly 4, half-monthly 24, weekly 52, daily 7 and 365, on business days 5 and 261, hourly
    24 and 168, every half hour 48 and 336, every minute 60, 1440 and 10080. None for plain
    numbers.
    """
    if times is None or times.unit == "number":
        return ()
    step = int(times.step)
    if times.unit in MONTHLY:
        return (12 // step,) if 12 % step == 0 and step < 12 else ()
    if times.unit == "half month":
        return (24,) if step == 1 else ()
    if times.unit == "business day":
        days = times.week.count("1")
        return (days, round(365.25 * days / 7)) if step == 1 and days > 1 else ()
    seasons = [
        span // step
        for span, shortest, longest in SPANS
        if span % step == 0 and shortest <= step <= longest
    ]
    year = [round(365.25 * DAY / step)] if DAY <= step <= 183 * DAY else []
    return tuple(sorted(seasons + year))
