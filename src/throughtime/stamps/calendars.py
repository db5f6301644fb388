"""Calendars: the stamps that a regular axis can have, by number.

A calendar numbers its stamps: months from January 1970, halves of months, business days. Its
stamps are `at(number)`, and `number(stamp)` is that of the stamp itself or of the last one
before it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int64, Shaped

from .time_units import Unit, days_in

Stamps = Shaped[np.ndarray, " time"]
Numbers = Int64[np.ndarray, " time"]
MONDAY_TO_FRIDAY = "1111100"
ORIGIN = np.datetime64("0001-01-01", "D")  # a Monday before all others


@dataclass(frozen=True)
class Calendar:
    """The stamps of a unit of time.

    Attributes
    ----------
    unit
        `"month"`, `"half month"`, `"first business day"` or `"last business day"` (of each
        month), or `"business day"`.
    clock
        The time of day.
    day, second_day
        The day of the month, and for halves of months the second one. In a shorter month it
        is the last day.
    week
        The days of the week that count, Monday first, as ones and zeros.
    skipped
        Business days that are left out: holidays.
    """

    unit: Unit
    clock: np.timedelta64
    day: int = 1
    second_day: int = 0
    week: str = MONDAY_TO_FRIDAY
    skipped: tuple[str, ...] = ()

    def at(self, numbers: Numbers) -> Stamps:
        """(time,) the stamps of these numbers, `datetime64[us]`."""
        return self._dates(numbers).astype("M8[us]") + self.clock

    def number(self, stamps: Stamps) -> Numbers:
        """(time,) the numbers of stamps, or of the last one before each."""
        dates = stamps.astype("M8[D]")
        if self.unit == "business day":
            numbers = np.busday_count(ORIGIN, dates, **self._days)
            return numbers - ~np.is_busday(dates, **self._days)
        months = dates.astype("M8[M]").astype(np.int64)
        if self.unit == "half month":
            first, second = (
                self._in_month(months, self.day),
                self._in_month(months, self.second_day),
            )
            return 2 * months + (dates >= second) - (dates < first)
        return months

    @cached_property
    def _days(self) -> dict:
        return {"weekmask": self.week, "holidays": np.array(self.skipped, "M8[D]")}

    def _dates(self, numbers: Numbers) -> Stamps:
        if self.unit == "business day":
            return np.busday_offset(ORIGIN, numbers, roll="forward", **self._days)
        if self.unit == "half month":
            months, second = numbers // 2, numbers % 2 == 1
            return np.where(
                second,
                self._in_month(months, self.second_day),
                self._in_month(months, self.day),
            )
        if self.unit == "month":
            return self._in_month(numbers, self.day)
        first = numbers.astype("M8[M]").astype("M8[D]")
        if self.unit == "first business day":
            return np.busday_offset(first, 0, roll="forward")
        following = (numbers + 1).astype("M8[M]").astype("M8[D]")
        return np.busday_offset(following, -1, roll="forward")

    @staticmethod
    def _in_month(numbers: Numbers, day: int) -> Stamps:
        months = numbers.astype("M8[M]")
        return months.astype("M8[D]") + (np.minimum(day, days_in(months)) - 1).astype("m8[D]")
