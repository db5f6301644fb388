"""Units of a time step, and steps and stamps written as text."""

from typing import Any, Literal

import numpy as np
from jaxtyping import Int64, Shaped

DAY = 86_400_000_000  # microseconds
DURATIONS = {
    "week": 7 * DAY,
    "day": DAY,
    "hour": DAY // 24,
    "minute": DAY // 1440,
    "second": 1_000_000,
    "millisecond": 1000,
    "microsecond": 1,
}
Unit = Literal[
    "number",
    "microsecond",
    "month",
    "half month",
    "first business day",
    "last business day",
    "business day",
]
MONTHLY = ("month", "first business day", "last business day")
"""Units whose steps are counted in months."""


def describe_step(step: int | float, unit: Unit) -> str:
    """A step in words: `"1 month"`, `"1 week"`, `"90 seconds"`, `"0.5"`."""
    if unit == "number":
        return f"{step:.12g}"
    sizes = {"year": 12, "month": 1} if unit in MONTHLY else DURATIONS
    if unit in ("half month", "business day"):
        sizes = {unit: 1}
    word, size = next((w, s) for w, s in sizes.items() if step % s == 0)
    if unit in MONTHLY and step == 3:
        word, size = "quarter", 3
    count = int(step // size)
    return f"{count} {word}{'' if count == 1 else 's'}"


def format_stamp(value: Any) -> str:
    """A stamp as text: a number, an ISO date, or an ISO time if it is not midnight."""
    if not isinstance(value, np.datetime64):
        return format_number(value.item())
    day = value.astype("M8[D]")
    return str(day) if value == day else str(value).removesuffix(".000000")


def format_number(value: int | float) -> str:
    """A number as text, whole ones without a decimal point."""
    return repr(value).removesuffix(".0")


def days_in(months: Shaped[np.ndarray, " time"]) -> Int64[np.ndarray, " time"]:
    """The number of days in each month."""
    following = months + np.timedelta64(1, "M")
    return (following.astype("M8[D]") - months.astype("M8[D]")).astype(np.int64)
