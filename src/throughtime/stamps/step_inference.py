"""Finding the regular axis of time stamps, and naming the row where they leave it.

Numbers must be equally spaced. Dates may be a fixed duration apart, months of the calendar (31
January, 28 February, 31 March), first or last business days of months, halves of months, or
business days. Each of these is fitted; the one that the fewest stamps leave is taken. Stamps
that lie a small share of a step off are rounded to it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from throughtime.errors import InputError

from .calendars import MONDAY_TO_FRIDAY, Calendar
from .time_units import DAY, DURATIONS, Unit, days_in

Stamps = Shaped[np.ndarray, " time"]
JITTER = 0.05
"""The largest distance from the regular axis that is rounded, as a share of the step."""
HOLIDAYS = 0.1
"""The largest share of business days that may have no row, as holidays."""
EVENNESS = 1e-6
"""Floats whose distances differ by this share of the step are not said to be rounded."""
FIRST_DATE, LAST_DATE = np.datetime64("0001-01-01", "us"), np.datetime64("10000-01-01", "us")
ROUND_STEPS = [
    count * DURATIONS[unit]
    for unit, counts in {
        "microsecond": (1, 2, 5, 10, 20, 50, 100, 200, 500),
        "millisecond": (1, 2, 4, 5, 8, 10, 20, 25, 40, 50, 100, 125, 200, 250, 500),
        "second": (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30),
        "minute": (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30),
        "hour": (1, 2, 3, 4, 6, 8, 12),
        "day": (1, 2, 3, 4, 5, 10),
        "week": (1, 2, 4),
    }.items()
    for count in counts
]
"""Steps that a clock with some jitter is likely to mean, in microseconds."""


@dataclass(frozen=True)
class Fit:
    """A regular axis, and where stamps lie on it.

    Attributes
    ----------
    start, step, unit, day, second_day, week, skipped
        The axis, as in `Times`.
    steps
        (time,) the number of the step of each stamp, or of the nearest one.
    off
        (time,) the distance from that step, in steps; infinite for a day that is none of the
        calendar's.
    tolerance
        The distance up to which a stamp is rounded.
    """

    start: int | float | np.datetime64
    step: int | float
    unit: Unit
    steps: Int64[np.ndarray, " time"]
    off: Float64[np.ndarray, " time"]
    day: int = 1
    second_day: int = 0
    week: str = MONDAY_TO_FRIDAY
    skipped: tuple[str, ...] = ()
    tolerance: float = 0.0

    @property
    def astray(self) -> Bool[np.ndarray, " time"]:
        """(time,) which stamps are on no step."""
        return self.off > self.tolerance

    @property
    def irregular(self) -> Bool[np.ndarray, " gaps"]:
        """(time - 1,) which neighbours are not one step apart."""
        astray = self.astray
        return (np.diff(self.steps) != 1) | astray[1:] | astray[:-1]

    @property
    def missing(self) -> int:
        """The number of steps between the first and the last stamp that have none."""
        return int(self.steps[-1] - self.steps[0] + 1 - len(self.steps))

    def rank(self) -> tuple[int, int]:
        """How badly stamps fit; the fewest wins."""
        return int(self.irregular.sum()), int((self.off > 0).sum())


def infer_step(stamps: Stamps, holidays: bool = True) -> Fit:
    """Find the regular axis that some stamps lie on, or nearly lie on.

    Parameters
    ----------
    stamps
        (time,) at least two, rising: integers, floats or `datetime64[us]`.
    holidays
        Whether business days may be left out of the calendar.

    Returns
    -------
    Fit
        The axis that the fewest stamps leave; of several the calendar's, then the simplest.
    """
    if stamps.dtype.kind != "M":
        return min(_fit_numbers(stamps), key=Fit.rank)
    best = min(_fit_dates(stamps), key=Fit.rank)
    if best.irregular.any():
        best = min([best, *_fit_unlikely(stamps, holidays)], key=Fit.rank)
    return best


def in_microseconds(stamps: Stamps, column: str, rows: Sequence[int] | np.ndarray) -> Stamps:
    """Stamps as int64, floats or `datetime64[us]`, none of them rounded.

    Raises
    ------
    InputError
        If a date is finer than a microsecond, or lies outside the years 1 to 9999.
    """
    if stamps.dtype.kind != "M":
        return stamps.astype(np.int64) if stamps.dtype.kind in "iu" else stamps
    rounded = stamps.astype("M8[us]")
    finer = rounded != stamps
    if finer.any():
        i = int(finer.argmax())
        raise InputError(
            f"dates in `{column}` must be whole microseconds",
            f"{stamps[i]} in row {rows[i]}",
            "Write the time as a number, such as seconds since the start.",
        )
    outside = (rounded < FIRST_DATE) | (rounded >= LAST_DATE)
    if outside.any():
        i = int(outside.argmax())
        raise InputError(
            f"dates in `{column}` must lie in the years 1 to 9999, in UTC too",
            f"{rounded[i]} in row {rows[i]}",
            "Write the time as a number, or pass `time=False` (`--no-time`).",
        )
    return rounded


def _fit_numbers(stamps: Stamps) -> Iterator[Fit]:
    """Equal distances of numbers: exact ones, or of floats even ones; then rounded ones."""
    whole = stamps.dtype.kind == "i"
    gaps = np.diff(stamps)
    step = _typical_gap(gaps)
    with np.errstate(over="ignore"):
        span = float(stamps[-1]) - float(stamps[0])
    if not np.isfinite(span) or not step:
        raise InputError(
            "the span of the time column must be a number of double precision",
            f"{stamps[0]} to {stamps[-1]}",
            "Divide the column by 10, or pass `time=False` (`--no-time`) to count steps.",
        )
    # Stamps are only as exact as their own type: float32 seconds, say.
    rounding = 0.0 if whole else 2.0 * float(np.spacing(np.abs(stamps).max()))
    counts = np.rint(gaps / step).astype(np.int64)
    steps = np.concatenate([[0], np.cumsum(counts)])
    mean = span / int(steps[-1]) if steps[-1] > 0 else float(step)
    uneven = np.abs(gaps - counts * step) > (0 if whole else EVENNESS * step + rounding)
    step = step if whole else mean if not uneven.any() else float(step)
    exact = np.concatenate([[False], uneven]) * 1.0
    yield Fit(stamps[0].item(), step, "number", steps, exact)
    if uneven.any():
        step = max(1, round(mean)) if whole else mean
        off = np.abs((stamps - stamps[0]).astype(np.float64) - steps * step) / step
        yield Fit(stamps[0].item(), step, "number", steps, off, tolerance=JITTER)


def _fit_dates(stamps: Stamps) -> Iterator[Fit]:
    """Months and equal durations. On a tie the calendar wins: from 1 July to 1 August."""
    step = int(_typical_gap(np.diff(stamps.astype(np.int64))))
    if step >= 28 * DAY:
        yield _fit_calendar(_month_calendar(stamps), stamps)
    yield _fit_duration(stamps, step, 0)


def _fit_unlikely(stamps: Stamps, holidays: bool) -> Iterator[Fit]:
    """What stamps are tried as if neither months nor durations fit them all."""
    dates = stamps.astype("M8[D]")
    clock = _middle(stamps - dates)
    typical = int(_typical_gap(np.diff(stamps.astype(np.int64))))
    yield from _fit_rounded(stamps, typical)
    if 27 * DAY < typical:
        for unit in ("last business day", "first business day"):
            yield _fit_business_months(Calendar(unit, clock), stamps)
    elif 12 * DAY < typical < 18 * DAY:
        yield from _fit_halves(stamps, clock)
    elif typical == DAY or len(stamps) > 8:
        for week in _weeks(dates):
            fit = _fit_calendar(Calendar("business day", clock, week=week), stamps)
            if fit.step == 1:
                yield _skip_holidays(fit, stamps) if holidays else fit


def _fit_duration(stamps: Stamps, step: int, phase: int, tolerance: float = 0.0) -> Fit:
    """Equal distances from the first stamp, or from a moment before it by `phase`."""
    since = (stamps - stamps[0]).astype(np.int64) + phase
    steps = (since + step // 2) // step
    off = np.abs(since - steps * step) / step
    start = stamps[0] + np.timedelta64(int(steps[0]) * step - phase, "us")
    return Fit(start, step, "microsecond", steps - steps[0], off, tolerance=tolerance)


def _fit_rounded(stamps: Stamps, typical: int) -> Iterator[Fit]:
    """Durations of a round length, from which stamps lie off by a small share."""
    step = min(ROUND_STEPS, key=lambda s: abs(s - typical))
    if abs(step - typical) > 2 * JITTER * step:
        return
    since = stamps.astype(np.int64)
    centred = (since + step // 2) % step - step // 2  # stamps near a whole step of the calendar
    phase = 0 if np.abs(centred).max() <= JITTER * step else int(_middle(centred) // 1)
    shifted = int((since[0] - phase) % step)
    if shifted > step // 2:
        shifted -= step
    yield _fit_duration(stamps, step, shifted, JITTER)


def _month_calendar(stamps: Stamps) -> Calendar:
    """The same day and time of day of each month, as most stamps have it."""
    months, dates = stamps.astype("M8[M]"), stamps.astype("M8[D]")
    days, last_days = (dates - months.astype("M8[D]")).astype(np.int64) + 1, days_in(months)
    values, counts = np.unique(days, return_counts=True)
    # The last day of each month is a rule of its own: the 31st, 28th, 31st, 30th.
    candidates = (31, int(values[counts.argmax()]))
    day = max(candidates, key=lambda d: int((days == np.minimum(d, last_days)).sum()))
    return Calendar("month", _middle(stamps - dates), day)


def _fit_calendar(calendar: Calendar, stamps: Stamps) -> Fit:
    """Stamps on a calendar; one that is none of its stamps is off by infinity."""
    numbers = calendar.number(stamps)
    step = _typical_gap(np.diff(numbers)) or 1
    since = numbers - numbers[0]
    steps = (since + step // 2) // step
    off = np.where(calendar.at(numbers) == stamps, np.abs(since - steps * step) / step, np.inf)
    return Fit(
        stamps[0],
        step,
        calendar.unit,
        steps,
        off,
        calendar.day,
        calendar.second_day,
        calendar.week,
        calendar.skipped,
    )


def _fit_business_months(calendar: Calendar, stamps: Stamps) -> Fit:
    """First or last business days of months; a few may give way to a holiday."""
    fit = _fit_calendar(calendar, stamps)
    numbers = calendar.number(stamps)
    late = (stamps - calendar.at(numbers)).astype(np.int64) / DAY
    days = late if calendar.unit == "first business day" else -late
    off = np.where((days >= 0) & (days <= 4), days / (30 * fit.step), np.inf)
    exact = (days == 0).mean() >= 1 - 1.5 * HOLIDAYS
    whole = (numbers - numbers[0]) % fit.step == 0
    off = np.where(whole & (exact | (days == 0)), off, np.inf)
    return replace(fit, start=calendar.at(numbers[:1])[0], off=off, tolerance=4 / 30)


def _fit_halves(stamps: Stamps, clock: np.timedelta64) -> Iterator[Fit]:
    """Two days of each month: the 1st and the 16th, the 15th and the last."""
    months = stamps.astype("M8[M]")
    days = (stamps.astype("M8[D]") - months.astype("M8[D]")).astype(np.int64) + 1
    days = np.where((days >= 28) & (days == days_in(months)), 31, days)
    found = np.unique(days)
    if len(found) == 2:
        yield _fit_calendar(Calendar("half month", clock, int(found[0]), int(found[1])), stamps)


def _weeks(dates: Stamps) -> Iterator[str]:
    """The days of the week that may be those of a business week, as ones and zeros.

    Monday to Friday needs a weekend to show; other weeks must have gone by four times.
    """
    seen = np.bincount((dates.astype(np.int64) + 3) % 7, minlength=7) > 0
    if not seen[5:].any():
        yield MONDAY_TO_FRIDAY
    if 1 < seen.sum() < 7 and (dates[-1] - dates[0]).astype(np.int64) >= 28:
        yield "".join("01"[int(day)] for day in seen)


def _skip_holidays(fit: Fit, stamps: Stamps) -> Fit:
    """Leave business days without a stamp out of the calendar, if they are few."""
    few = 0 < fit.missing <= HOLIDAYS * len(stamps)
    if not few or fit.astray.any() or len(stamps) < 20 or fit.week.count("1") < 4:
        return fit
    clock = stamps[0] - stamps[0].astype("M8[D]")
    calendar = Calendar("business day", clock, week=fit.week)
    first = calendar.number(stamps[:1])
    days = calendar.at(first + np.setdiff1d(np.arange(fit.steps[-1]), fit.steps))
    skipped = tuple(str(day) for day in days.astype("M8[D]"))
    return replace(fit, steps=np.arange(len(stamps)), skipped=skipped)


def _middle(values: np.ndarray):
    return np.sort(values)[(len(values) - 1) // 2]


def _typical_gap(gaps: Shaped[np.ndarray, " gaps"]) -> int | float:
    """The median gap, one that occurs."""
    rising = np.sort(gaps[gaps > 0])
    return rising[(len(rising) - 1) // 2].item() if len(rising) else 0
