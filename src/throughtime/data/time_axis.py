"""A regular time axis: numbers, fixed durations, or months of the calendar.

Most of it finds the axis that stamps lie on, and names the row where they leave it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Int64, Shaped

from throughtime.errors import InputError

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
Unit = Literal["number", "microsecond", "month"]


@dataclass(frozen=True)
class Times:
    """A regular time axis: stamp `i` is `start + i * step`.

    Attributes
    ----------
    start
        The first stamp, a number or a `datetime64[us]`.
    step
        The distance of two stamps, in `unit`.
    length
        How many stamps there are.
    column
        The name of the column they come from, or None if steps were counted.
    unit
        `"number"` for plain numbers, `"microsecond"` for a fixed duration, `"month"` for the
        calendar, where a quarter is 3 and a year 12.
    day
        Calendar only: the day of the month, cut to the month's last one. So 31 is the end of
        every month.
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
            (time,) integers, floats or `datetime64`. Floats may be off by rounding: 1e-6 of a
            step.
        column
            The name of their column, for `column` and for errors.
        rows
            (time,) the number of each stamp's row in the table, for errors; counted from 1 if
            not given.

        Returns
        -------
        Times
            `Times` with the stamps as its `values()`.

        Raises
        ------
        InputError
            That names the row if a stamp is missing, repeated, out of order or off the step, or
            if there are fewer than two stamps.
        """
        numbers = np.arange(1, len(stamps) + 1) if rows is None else np.asarray(rows)
        _check_stamps(stamps, column, numbers)
        if stamps.dtype.kind == "M":
            moments = _microseconds(stamps, column, numbers)
            fit = _fit_steps(moments, "microsecond")
            month = _fit_months(moments)
            # On a tie the calendar wins: 1 July and 1 August are a month apart, not 31 days.
            if month.times.step > 0 and month.wrong.sum() <= fit.wrong.sum():
                fit = month
            stamps = moments
        else:
            fit = _fit_steps(stamps.astype(np.int64) if stamps.dtype.kind in "iu" else stamps)
        times = replace(fit.times, column=column)
        if fit.wrong.any():
            _refuse(stamps, column, numbers, int(fit.wrong.argmax()), times)
        return times

    def values(self) -> Shaped[np.ndarray, " time"]:
        """The stamps: (time,) int64, float64 or `datetime64[us]`."""
        return self._at(np.arange(self.length))

    def labels(self) -> list[str]:
        """The stamps as text: numbers, ISO dates, or ISO times if the step needs them."""
        values = self.values()
        if self.unit == "number":
            return [_number(v) for v in _tidy(values, self.step).tolist()]
        whole = self.unit == "month" or self.step % DAY == 0
        if whole and self.start == self.start.astype("M8[D]"):  # pyright: ignore
            return np.datetime_as_string(values, "D").tolist()
        seconds = (values == values.astype("M8[s]")).all()
        return np.datetime_as_string(values, "s" if seconds else "us").tolist()

    def after(self, n: int) -> "Times":
        """The `n` stamps that follow the last one."""
        return replace(self, start=self._start(self.length), length=n)

    def __getitem__(self, part: slice) -> "Times":
        """The stamps of a contiguous slice."""
        first, last, stride = part.indices(self.length)
        if stride != 1:
            raise InputError(
                "a series is cut in one piece",
                f"a slice with step {part.step}",
                "Slice without a step, or resample the table first.",
            )
        return replace(self, start=self._start(first), length=max(0, last - first))

    def __len__(self) -> int:
        return self.length

    def describe(self) -> str:
        """The step in words: `"1 month"`, `"1 week"`, `"90 seconds"`, `"0.5"`."""
        if self.unit == "number":
            return f"{self.step:.12g}"
        units = {"year": 12, "month": 1} if self.unit == "month" else DURATIONS
        word, size = next((w, s) for w, s in units.items() if self.step % s == 0)
        if self.unit == "month" and self.step == 3:
            word, size = "quarter", 3
        count = int(self.step // size)
        return f"{count} {word}{'' if count == 1 else 's'}"

    def same_step(self, other: "Times") -> bool:
        """Whether both have one step; counted steps may be any, so they agree with all."""
        if any(times.column is None and times.unit == "number" for times in (self, other)):
            return True
        if self.unit != other.unit:
            return False
        return abs(self.step - other.step) <= 1e-6 * self.step  # floats are rounded

    def to_json(self) -> dict[str, Any]:
        """A plain dict that `from_json` reads back exactly."""
        plain = asdict(self)
        return plain | {"start": self.start if self.unit == "number" else str(self.start)}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> "Times":
        """The `Times` that `to_json` wrote."""
        fields = dict(plain)
        if plain["unit"] != "number":
            fields["start"] = np.datetime64(plain["start"], "us")
        return cls(**fields)

    def _at(self, index: Int64[np.ndarray, " time"]) -> Shaped[np.ndarray, " time"]:
        start: Any = self.start
        if self.unit == "number":
            return start + self.step * index
        if self.unit == "microsecond":
            return start + (self.step * index).astype("m8[us]")
        months = start.astype("M8[M]") + self.step * index
        days = np.minimum(self.day, _days_in(months)) - 1
        clock = start - start.astype("M8[D]")
        return months.astype("M8[us]") + days.astype("m8[D]") + clock

    def _start(self, i: int) -> int | float | np.datetime64:
        value = self._at(np.array([i]))[0]
        return value if self.unit != "number" else value.item()


class _Fit(NamedTuple):
    """The likeliest axis, and which distances between neighbours do not agree with it."""

    times: Times
    wrong: Bool[np.ndarray, " gaps"]


def _fit_steps(stamps: Shaped[np.ndarray, " time"], unit: Unit = "number") -> _Fit:
    numbers = stamps.astype(np.int64) if unit == "microsecond" else stamps
    gaps = np.diff(numbers.astype(np.float64) if numbers.dtype.kind == "f" else numbers)
    step = _typical(gaps)
    if gaps.dtype.kind == "f":
        # Stamps are only as exact as their own type: float32 seconds, say.
        rounding = 2.0 * float(np.spacing(np.abs(numbers).max()))
        wrong = np.abs(gaps - step) > 1e-6 * step + rounding
        if not wrong.any():
            step = float(numbers[-1] - numbers[0]) / len(gaps)
    else:
        wrong = gaps != step
    start = stamps[0] if unit == "microsecond" else stamps[0].item()
    return _Fit(Times(start, step, len(stamps), unit=unit), wrong | (gaps <= 0))


def _fit_months(stamps: Shaped[np.ndarray, " time"]) -> _Fit:
    months, dates = stamps.astype("M8[M]"), stamps.astype("M8[D]")
    gaps = np.diff(months.astype(np.int64))
    days, length = (dates - months.astype("M8[D]")).astype(np.int64) + 1, _days_in(months)
    found, counts = np.unique(days, return_counts=True)
    common = int(found[counts.argmax()])
    # The last day of each month is a rule of its own: the 31st, 28th, 31st, 30th.
    day = max((31, common), key=lambda d: int((days == np.minimum(d, length)).sum()))
    clock = stamps - dates
    usual = np.sort(clock)[(len(clock) - 1) // 2]
    fits = (days == np.minimum(day, length)) & (clock == usual)
    step = _typical(gaps)
    wrong = (gaps != step) | (gaps <= 0) | ~fits[1:] | ~fits[:-1]
    return _Fit(Times(stamps[0], step, len(stamps), unit="month", day=day), wrong)


def _typical(gaps: Shaped[np.ndarray, " gaps"]) -> int | float:
    """The middle distance of neighbours, one that occurs; forward ones if there are any."""
    rising = gaps[gaps > 0]
    sizes = np.sort(rising if len(rising) else np.abs(gaps))
    return sizes[(len(sizes) - 1) // 2].item()


def _days_in(months: Shaped[np.ndarray, " time"]) -> Int64[np.ndarray, " time"]:
    return ((months + 1).astype("M8[D]") - months.astype("M8[D]")).astype(np.int64)


def _check_stamps(stamps: np.ndarray, column: str, rows: np.ndarray) -> None:
    if stamps.dtype.kind not in "iufM":
        raise InputError(
            f"the time column `{column}` must hold numbers or dates",
            f"values of type {stamps.dtype}",
            "Name another column as the time column.",
        )
    missing = np.isnat(stamps) if stamps.dtype.kind == "M" else ~np.isfinite(stamps)
    if missing.any():
        raise InputError(
            f"the time column `{column}` must have a stamp in each row",
            f"none in row {rows[missing.argmax()]} ({missing.sum()} missing in all)",
            "Write the stamp, or drop the row.",
        )
    if len(stamps) < 2:
        raise InputError(
            f"the time column `{column}` needs two rows to show its step",
            f"{len(stamps)}",
            "Pass a longer series.",
        )


def _microseconds(stamps: np.ndarray, column: str, rows: np.ndarray) -> np.ndarray:
    moments = stamps.astype("M8[us]")
    finer = moments != stamps
    if finer.any():
        i = int(finer.argmax())
        raise InputError(
            f"dates in `{column}` must be whole microseconds",
            f"{stamps[i]} in row {rows[i]}",
            "Write the time as a number, such as seconds since the start.",
        )
    return moments


def _refuse(stamps: np.ndarray, column: str, rows: np.ndarray, i: int, times: Times) -> None:
    """Say what is wrong between stamp `i` and the next one."""
    before, stamp = (_stamp(s) for s in stamps[i : i + 2])
    where = f"{stamp} in row {rows[i + 1]} after {before} in row {rows[i]}"
    usual = f"; the step expected is {times.describe()}" if times.step > 0 else ""
    several = "if the table holds several series, name the column that tells them apart as `id`"
    if stamps[i + 1] == stamps[i]:
        rule = f"stamps in `{column}` must not repeat"
        remedy = f"Drop one of the rows; {several}."
    elif stamps[i + 1] < stamps[i]:
        rule = f"stamps in `{column}` must be in order"
        remedy = f"Sort the rows by `{column}`; {several}."
    else:
        rule = f"stamps in `{column}` must have one step"
        remedy = (
            "Add a row for each missing stamp, with empty values, and pass `fill`; "
            f"or resample; or drop `{column}` to count steps instead."
        )
    raise InputError(rule, where + usual, remedy)


def _stamp(value: Any) -> str:
    if not isinstance(value, np.datetime64):
        return _number(value.item())
    day = value.astype("M8[D]")
    return str(day) if value == day else str(value).removesuffix(".000000")


def _number(value: int | float) -> str:
    return repr(value).removesuffix(".0")


def _tidy(values: np.ndarray, step: int | float) -> np.ndarray:
    """Floats without the last digits that counting in steps of 0.1 leaves behind."""
    if values.dtype.kind != "f" or not len(values):
        return values
    digits = max(6, 9 - int(np.floor(np.log10(step))))
    return np.round(values, digits) if digits < 300 else values
