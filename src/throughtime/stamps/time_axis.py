"""A regular time axis: plain numbers, fixed durations, or steps of the calendar."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Int64, Shaped

from throughtime.errors import InputError

from .calendars import MONDAY_TO_FRIDAY, Calendar
from .stamp_form import StampForm
from .stamp_messages import check_present, irregular, shown
from .step_inference import Fit, in_microseconds, infer_step
from .time_units import DAY, Unit, describe_step, format_number


@dataclass(frozen=True)
class Times:
    """A regular time axis: stamp `i` is `start + i * step`.

    Parameters
    ----------
    start
        The first stamp, a number or a `datetime64[us]`.
    step
        The distance of two stamps, in `unit`.
    length
        The number of stamps.
    column
        The name of the column that the stamps come from, or None if steps were counted. Two
        columns, such as year and month, have a comma between their names.
    unit
        `"number"` for plain numbers, `"microsecond"` for a fixed duration, `"month"` for months
        of the calendar: a quarter is 3, a year 12. Months too are counted by `"first business
        day"` and `"last business day"`. `"half month"` and `"business day"` are counted singly.
    day
        The day of the month, if the unit is `"month"`. In a shorter month it is the last day,
        so 31 is the end of every month.
    second_day
        The other day of a month, if the unit is `"half month"`.
    week
        The days of a business week, Monday first, as ones and zeros.
    skipped
        Holidays: business days that the axis leaves out.
    form
        How stamps are written; ISO if None.
    zone
        The time zone in which they are written, None if they have none.
    local
        Whether `values` are as clocks of the zone show them; otherwise they are in UTC.
    """

    start: int | float | np.datetime64
    step: int | float
    length: int
    column: str | None = None
    unit: Unit = "number"
    day: int = 1
    second_day: int = 0
    week: str = MONDAY_TO_FRIDAY
    skipped: tuple[str, ...] = ()
    form: StampForm | None = None
    zone: str | None = None
    local: bool = False

    @classmethod
    def count(cls, n: int) -> "Times":
        """The steps 0, 1, ... `n - 1` of a series without a time column."""
        return cls(0, 1, n)

    @classmethod
    def from_stamps(
        cls,
        stamps: Shaped[np.ndarray, " time"],
        column: str,
        rows: Sequence[int] | None = None,
    ) -> "Times":
        """The regular axis of stamps in order, one for each step.

        Parameters
        ----------
        stamps
            (time,) integers, floats or `datetime64`.
        column
            The name of the column they come from, for `column` and for errors.
        rows
            (time,) the number of each stamp's row in the table, for errors; counted from 1 if
            not given.

        Raises
        ------
        InputError
            If a stamp is missing, repeated, out of order or off the step, which the message
            names by its row; or if there are fewer than two stamps.
        """
        numbers = range(1, len(stamps) + 1) if rows is None else rows
        check_present(stamps, column, numbers)
        stamps = in_microseconds(stamps, column, numbers)
        falling = np.flatnonzero(np.diff(stamps) <= stamps[:1] - stamps[:1])
        if len(falling):
            i = int(falling[0])
            raise InputError(
                f"stamps in `{column}` must rise",
                f"{shown(stamps)[i + 1]} in row {numbers[i + 1]} after {shown(stamps)[i]}",
                "Sort the rows, and keep one of each stamp.",
            )
        fit = infer_step(stamps, holidays=False)
        if fit.irregular.any():
            i = int(fit.irregular.argmax())
            raise irregular(column, fit, shown(stamps[i : i + 2]), numbers[i : i + 2])
        return cls.of_fit(fit, column)

    @classmethod
    def of_fit(cls, fit: Fit, column: str) -> "Times":
        """The axis that was found for the stamps of a column."""
        length = int(fit.steps[-1]) + 1
        return cls(
            fit.start,
            fit.step,
            length,
            column,
            fit.unit,
            fit.day,
            fit.second_day,
            fit.week,
            fit.skipped,
        )

    def values(self) -> Shaped[np.ndarray, " time"]:
        """The stamps: (time,) int64, float64 or `datetime64[us]`."""
        return self._stamps_at(np.arange(self.length))

    def labels(self) -> list[str]:
        """The stamps as text, in their own form: numbers, ISO dates or times, `1970 Q1`."""
        return [label.replace("\t", " ") for label in self.written()]

    def written(self) -> list[str]:
        """The stamps as their table has them; between two columns stands a tab."""
        values = self.values()
        if self.unit == "number":
            return [format_number(v) for v in _round_off(values, self.step).tolist()]
        offsets = self._offsets(values)
        values = self._by_clock(values, offsets)
        if self.form is not None:
            return self.form.write(values, offsets)
        return _iso(values, self._has_clock(), self.zone and offsets)

    def clock(self) -> Shaped[np.ndarray, " time"]:
        """The stamps, which must be dates, as clocks of their zone show them."""
        values = self.values()
        return self._by_clock(values, self._offsets(values))

    def _by_clock(self, values: Shaped[np.ndarray, " time"], offsets: Any) -> Any:
        return values if self.local else values + np.asarray(offsets).astype("m8[m]")

    def _has_clock(self) -> bool:
        """Whether ISO stamps need a time of day: not midnights that are whole days apart."""
        start: Any = self.start
        whole_days = self.unit != "microsecond" or self.step % DAY == 0
        return bool(not whole_days or start != start.astype("M8[D]") or self.zone)

    def _offsets(self, values: Shaped[np.ndarray, " time"]) -> Any:
        """Minutes by which clocks are ahead of UTC at these stamps."""
        if self.zone in (None, "UTC"):
            return 0
        from .time_zones import offsets_at  # here: it loads Polars

        return offsets_at(values, self.zone, self.local)  # pyright: ignore

    def after(self, n: int) -> "Times":
        """The `n` stamps that follow the last one."""
        return replace(self, start=self._stamp_at(self.length), length=n)

    def __getitem__(self, part: slice) -> "Times":
        """The stamps of a contiguous slice."""
        first, last, stride = part.indices(self.length)
        if stride != 1:
            raise InputError(
                "a series is cut in one piece",
                f"a slice with step {part.step}",
                "Slice without a step, or resample the table first.",
            )
        return replace(self, start=self._stamp_at(first), length=max(0, last - first))

    def __len__(self) -> int:
        return self.length

    def reading(self) -> dict[str, Any]:
        """The options of `to_series` that read other stamps as these were read."""
        form, zone = self.form, self.zone
        said = zone is None or (zone != "UTC" and form is not None and not form.has_zone)
        return {
            "dayfirst": None if form is None else form.dayfirst,
            "time_zone": zone if said else None,
        }

    def describe(self) -> str:
        """The step in words: `"1 month"`, `"1 week"`, `"90 seconds"`, `"0.5"`."""
        return describe_step(self.step, self.unit)

    def same_step(self, other: "Times") -> bool:
        """Whether both axes have the same step; counted steps agree with any."""
        if any(times.column is None and times.unit == "number" for times in (self, other)):
            return True
        if self.unit != other.unit:
            return False
        return abs(self.step - other.step) <= 1e-6 * self.step  # floats are rounded

    def to_json(self) -> dict[str, Any]:
        """A dict of plain values, from which `from_json` restores the axis exactly."""
        plain: dict[str, Any] = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name in BASIC or getattr(self, f.name) != f.default
        }
        if self.unit != "number":
            plain["start"] = str(self.start)
        if self.form is not None:
            plain["form"] = self.form.to_json()
        return plain | ({"skipped": list(self.skipped)} if self.skipped else {})

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> "Times":
        """The axis that `to_json` described."""
        given = dict(plain)
        if given["unit"] != "number":
            given["start"] = np.datetime64(given["start"], "us")
        if form := given.get("form"):
            given["form"] = StampForm(**form | {"names": tuple(form.get("names", ()))})
        given["skipped"] = tuple(given.get("skipped", ()))
        return cls(**given)

    def _stamps_at(self, indices: Int64[np.ndarray, " time"]) -> Shaped[np.ndarray, " time"]:
        start: Any = self.start
        if self.unit == "number":
            return start + self.step * indices
        if self.unit == "microsecond":
            return start + (self.step * indices).astype("m8[us]")
        calendar = self._calendar()
        return calendar.at(calendar.number(np.array([start])) + self.step * indices)

    def _calendar(self) -> Calendar:
        start: Any = self.start
        clock = start - start.astype("M8[D]")
        return Calendar(self.unit, clock, self.day, self.second_day, self.week, self.skipped)

    def _stamp_at(self, index: int) -> int | float | np.datetime64:
        value = self._stamps_at(np.array([index]))[0]
        return value if self.unit != "number" else value.item()


BASIC = ("start", "step", "length", "column", "unit", "day")
"""What every axis says of itself in JSON; the rest only where it has it."""


def _iso(values: Shaped[np.ndarray, " time"], clock: bool, offsets: Any) -> list[str]:
    """ISO dates, or times to the second or as fine as they are, with offsets if they have."""
    if not clock:
        return np.datetime_as_string(values, "D").tolist()
    seconds = (values == values.astype("M8[s]")).all()
    pattern = "%Y-%m-%dT%H:%M:%S" + ("" if seconds else ".%6f")
    if offsets is None:
        return StampForm(pattern).write(values)
    return StampForm(f"{pattern}%z").write(values, offsets)


def _round_off(values: np.ndarray, step: int | float) -> np.ndarray:
    """Floats without the last digits that counting in steps of 0.1 leaves behind."""
    if values.dtype.kind != "f" or not len(values):
        return values
    digits = max(6, 9 - int(np.floor(np.log10(step))))
    return np.round(values, digits) if digits < 300 else values
