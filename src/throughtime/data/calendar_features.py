"""Inputs from the calendar: hour, weekday, month and public holidays of each stamp."""

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Shaped

from throughtime.errors import InputError, closest_name
from throughtime.stamps.time_axis import Times
from throughtime.stamps.time_units import DAY, MONTHLY

TURNS = {
    "hour": tuple(f"{hour:02}" for hour in range(24)),
    "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "month": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}
"""Features and their levels, each a column of its own.

Three pairs of sine and cosine in place of these were no better on smooth profiles of hours and
months, and missed much of rough ones.
"""

HOLIDAYS = "holidays:"
KNOWN = (*TURNS, f"{HOLIDAYS}DE")


def check_calendar(features: Sequence[str], times: Times) -> None:
    """Refuse features that are unknown, or that the stamps do not have.

    Raises
    ------
    InputError
        If so, and for holidays without the package that knows them.
    """
    for feature in features:
        if feature not in TURNS and not feature.startswith(HOLIDAYS):
            close = closest_name(feature, KNOWN)
            hint = f"Did you mean `{close}`?" if close else 'Pass "weekday", say.'
            rule = "`calendar` must be `hour`, `weekday`, `month` or `holidays:` and a country"
            raise InputError(rule, f"`{feature}`", hint)
        if times.unit == "number":
            rule = f"the calendar feature `{feature}` needs stamps that are dates"
            got = "numbers" if times.column else "counted steps"
            remedy = "Name the column of dates (`time`, `--time`), or leave `calendar` out."
            raise InputError(rule, got, remedy)
        step, longest = _step(times), 31 * DAY
        if not feature.startswith("month"):
            longest = DAY // 2 if feature == "hour" else DAY
        if step > longest:
            unit = {"hour": "half a day", "month": "a month"}.get(feature, "a day")
            rule = f"the calendar feature `{feature}` needs steps of {unit} at most"
            got = f"steps of {times.describe()}"
            raise InputError(rule, got, f"Leave `{feature}` out of `calendar`.")
        if feature.startswith(HOLIDAYS):
            _holidays(feature, [2000])


def calendar_names(features: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns of calendar features."""
    return tuple(name for feature in features for name in _names(feature))


def calendar_columns(
    features: Sequence[str], times: Times
) -> Float64[np.ndarray, "time column"]:
    """The columns of calendar features at each stamp, as clocks of its zone show it."""
    stamps = times.clock() if features else np.empty(len(times))
    columns = [_columns(feature, stamps) for feature in features]
    return np.concatenate([np.empty((len(times), 0)), *columns], axis=1)


def _names(feature: str) -> list[str]:
    levels = TURNS.get(feature)
    return [feature] if levels is None else [f"{feature}={level}" for level in levels]


def _columns(feature: str, stamps: Shaped[np.ndarray, " time"]) -> np.ndarray:
    days = stamps.astype("M8[D]")
    if feature == "hour":
        number = (stamps - days) // np.timedelta64(1, "h")
    elif feature == "weekday":
        number = (days.astype(np.int64) + 3) % 7  # the first of January 1970 was a Thursday
    elif feature == "month":
        number = stamps.astype("M8[M]").astype(np.int64) % 12
    else:
        years = np.unique(stamps.astype("M8[Y]").astype(int) + 1970).tolist()
        known = np.array(_holidays(feature, years), "M8[D]")
        return np.isin(days, known).astype(np.float64)[:, None]
    return (number[:, None] == np.arange(len(TURNS[feature]))).astype(np.float64)


def _holidays(feature: str, years: list[int]) -> list[Any]:
    """The public holidays of a country, or of one of its parts, in some years.

    Raises
    ------
    InputError
        If the package is not installed, or does not know the country.
    """
    if importlib.util.find_spec("holidays") is None:
        rule = f"the calendar feature `{feature}` needs the package holidays"
        raise InputError(rule, "none", 'Install it: `pip install "throughtime[holidays]"`.')
    import holidays  # pyright: ignore[reportMissingImports]  # here: it is an extra

    country, _, part = feature.removeprefix(HOLIDAYS).partition("-")
    try:
        return sorted(holidays.country_holidays(country, part or None, years=years))
    except NotImplementedError:
        rule = "`holidays:` needs a country, as in `holidays:DE` or `holidays:DE-BY`"
        remedy = "Pass its code of two letters (ISO 3166), and a part that it has, or none."
        raise InputError(rule, f"`{feature}`", remedy) from None


def _step(times: Times) -> int:
    """About how long a step is, in microseconds."""
    if times.unit in MONTHLY:
        return int(times.step) * 31 * DAY
    if times.unit == "half month":
        return 16 * DAY
    return DAY if times.unit == "business day" else int(times.step)
