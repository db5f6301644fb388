"""A regular time axis: plain numbers, fixed durations, or months of the calendar."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Int64, Shaped

from throughtime.errors import InputError

from .step_inference import infer_step
from .time_units import DAY, Unit, days_in, describe_step, format_number


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
        The name of the column that the stamps come from, or None if steps were counted.
    unit
        `"number"` for plain numbers, `"microsecond"` for a fixed duration, `"month"` for months
        of the calendar: a quarter is 3, a year 12.
    day
        The day of the month, if the unit is `"month"`. In a shorter month it is the last day,
        so 31 is the end of every month.
    """

    start: int | float | np.datetime64
    step: int | float
    length: int
    column: str | None = None
    unit: Unit = "number"
    day: int = 1

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
        """Find the regular axis that stamps lie on.

        Parameters
        ----------
        stamps
            (time,) integers, floats or `datetime64`. Floats may be off by rounding, up to 1e-6
            of a step.
        column
            The name of the column they come from, for `column` and for errors.
        rows
            (time,) the number of each stamp's row in the table, for errors; counted from 1 if
            not given.

        Returns
        -------
        Times
            The axis; its `values()` are the stamps.

        Raises
        ------
        InputError
            If a stamp is missing, repeated, out of order or off the step, which the message
            names by its row; or if there are fewer than two stamps.
        """
        numbers = np.arange(1, len(stamps) + 1) if rows is None else np.asarray(rows)
        fit = infer_step(stamps, column, numbers)
        return cls(fit.start, fit.step, len(stamps), column, fit.unit, fit.day)

    def values(self) -> Shaped[np.ndarray, " time"]:
        """The stamps: (time,) int64, float64 or `datetime64[us]`."""
        return self._stamps_at(np.arange(self.length))

    def labels(self) -> list[str]:
        """The stamps as text: numbers, ISO dates, or ISO times if the step needs them."""
        values = self.values()
        if self.unit == "number":
            return [format_number(v) for v in _round_off(values, self.step).tolist()]
        whole_days = self.unit == "month" or self.step % DAY == 0
        if whole_days and self.start == self.start.astype("M8[D]"):  # pyright: ignore
            return np.datetime_as_string(values, "D").tolist()
        seconds = (values == values.astype("M8[s]")).all()
        return np.datetime_as_string(values, "s" if seconds else "us").tolist()

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
        plain = asdict(self)
        return plain | {"start": self.start if self.unit == "number" else str(self.start)}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> "Times":
        """The axis that `to_json` described."""
        fields = dict(plain)
        if plain["unit"] != "number":
            fields["start"] = np.datetime64(plain["start"], "us")
        return cls(**fields)

    def _stamps_at(self, indices: Int64[np.ndarray, " time"]) -> Shaped[np.ndarray, " time"]:
        start: Any = self.start
        if self.unit == "number":
            return start + self.step * indices
        if self.unit == "microsecond":
            return start + (self.step * indices).astype("m8[us]")
        months = start.astype("M8[M]") + self.step * indices
        days = np.minimum(self.day, days_in(months)) - 1
        clock = start - start.astype("M8[D]")
        return months.astype("M8[us]") + days.astype("m8[D]") + clock

    def _stamp_at(self, index: int) -> int | float | np.datetime64:
        value = self._stamps_at(np.array([index]))[0]
        return value if self.unit != "number" else value.item()


def _round_off(values: np.ndarray, step: int | float) -> np.ndarray:
    """Floats without the last digits that counting in steps of 0.1 leaves behind."""
    if values.dtype.kind != "f" or not len(values):
        return values
    digits = max(6, 9 - int(np.floor(np.log10(step))))
    return np.round(values, digits) if digits < 300 else values
