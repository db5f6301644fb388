"""Finding the regular step of time stamps, and naming the row where they leave it.

Numbers must be equally spaced. Dates may be a fixed duration apart, or some months of the
calendar: 31 January, 28 February, 31 March. The likeliest step is the middle one of the
distances between neighbours; stamps that do not fit it are errors.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Shaped

from throughtime.errors import InputError

from .time_units import Unit, days_in, describe_step, format_stamp


class RegularStep(NamedTuple):
    """The likeliest regular axis of some stamps.

    Attributes
    ----------
    start
        The first stamp.
    step
        The distance of two stamps, in `unit`.
    unit, day
        As in `Times`.
    irregular
        (time - 1,) which distances between neighbours do not agree with it.
    """

    start: int | float | np.datetime64
    step: int | float
    unit: Unit
    day: int
    irregular: Bool[np.ndarray, " gaps"]


def infer_step(
    stamps: Shaped[np.ndarray, " time"], column: str, rows: Shaped[np.ndarray, " time"]
) -> RegularStep:
    """Find the regular axis that stamps lie on; for the arguments see `Times.from_stamps`.

    Raises
    ------
    InputError
        If a stamp is missing, repeated, out of order or off the step, which the message
        names by its row; or if there are fewer than two stamps.
    """
    _check_stamps(stamps, column, rows)
    if stamps.dtype.kind == "M":
        stamps = _to_microseconds(stamps, column, rows)
        fit = _fit_steps(stamps, "microsecond")
        months = _fit_months(stamps)
        # On a tie the calendar wins: 1 July and 1 August are a month apart, not 31 days.
        if months.step > 0 and months.irregular.sum() <= fit.irregular.sum():
            fit = months
    else:
        fit = _fit_steps(stamps.astype(np.int64) if stamps.dtype.kind in "iu" else stamps)
    if fit.irregular.any():
        raise _irregular_stamps(stamps, column, rows, fit)
    return fit


def _fit_steps(stamps: Shaped[np.ndarray, " time"], unit: Unit = "number") -> RegularStep:
    """Fit equal distances."""
    numbers = stamps.astype(np.int64) if unit == "microsecond" else stamps
    gaps = np.diff(numbers.astype(np.float64) if numbers.dtype.kind == "f" else numbers)
    step = _typical_gap(gaps)
    if gaps.dtype.kind == "f":
        # Stamps are only as exact as their own type: float32 seconds, say.
        rounding = 2.0 * float(np.spacing(np.abs(numbers).max()))
        irregular = np.abs(gaps - step) > 1e-6 * step + rounding
        if not irregular.any():
            step = float(numbers[-1] - numbers[0]) / len(gaps)
    else:
        irregular = gaps != step
    start = stamps[0] if unit == "microsecond" else stamps[0].item()
    return RegularStep(start, step, unit, 1, irregular | (gaps <= 0))


def _fit_months(stamps: Shaped[np.ndarray, " time"]) -> RegularStep:
    """Fit the same day and time of day, some months apart."""
    months, dates = stamps.astype("M8[M]"), stamps.astype("M8[D]")
    gaps = np.diff(months.astype(np.int64))
    days, last_days = (dates - months.astype("M8[D]")).astype(np.int64) + 1, days_in(months)
    values, counts = np.unique(days, return_counts=True)
    most_common = int(values[counts.argmax()])
    # The last day of each month is a rule of its own: the 31st, 28th, 31st, 30th.
    candidates = (31, most_common)
    day = max(candidates, key=lambda d: int((days == np.minimum(d, last_days)).sum()))
    clock = stamps - dates
    usual_clock = np.sort(clock)[(len(clock) - 1) // 2]
    fits = (days == np.minimum(day, last_days)) & (clock == usual_clock)
    step = _typical_gap(gaps)
    irregular = (gaps != step) | (gaps <= 0) | ~fits[1:] | ~fits[:-1]
    return RegularStep(stamps[0], step, "month", day, irregular)


def _typical_gap(gaps: Shaped[np.ndarray, " gaps"]) -> int | float:
    """The median gap, one that occurs; of the positive ones if there are any."""
    rising = gaps[gaps > 0]
    sizes = np.sort(rising if len(rising) else np.abs(gaps))
    return sizes[(len(sizes) - 1) // 2].item()


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


def _to_microseconds(stamps: np.ndarray, column: str, rows: np.ndarray) -> np.ndarray:
    """Dates of any precision in microseconds, none of them rounded."""
    rounded = stamps.astype("M8[us]")
    finer = rounded != stamps
    if finer.any():
        i = int(finer.argmax())
        raise InputError(
            f"dates in `{column}` must be whole microseconds",
            f"{stamps[i]} in row {rows[i]}",
            "Write the time as a number, such as seconds since the start.",
        )
    return rounded


def _irregular_stamps(
    stamps: np.ndarray, column: str, rows: np.ndarray, fit: RegularStep
) -> InputError:
    """The error for the first two neighbours whose distance is not the step."""
    i = int(fit.irregular.argmax())
    before, stamp = (format_stamp(s) for s in stamps[i : i + 2])
    got = f"{stamp} in row {rows[i + 1]} after {before} in row {rows[i]}"
    if fit.step > 0:
        got += f"; the step expected is {describe_step(fit.step, fit.unit)}"
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
    return InputError(rule, got, remedy)
