"""Which of several readings of stamps is right: the one that gives a regular axis."""

from collections.abc import Mapping, Sequence

import numpy as np

from throughtime.errors import InputError

from .stamp_form import StampForm
from .stamp_readings import Reading
from .time_axis import Times

MONTHS_IN_WORDS = tuple(
    "January February March April May June July August September October November "
    "December".split()
)


def nearest_error(
    readings: Sequence[Reading], errors: Mapping[int, tuple[int, InputError]], column: str
) -> InputError:
    """The error of the reading that comes closest; of two, that they have to be told apart.

    Parameters
    ----------
    readings
        All readings, none of which gives a regular axis.
    errors
        Of each, the number of irregular distances and what to say.
    column
        The name of the time column.
    """
    least = min(count for count, _ in errors.values())
    close = [i for i, (count, _) in errors.items() if count == least]
    nearest = [readings[i] for i in close]
    if forms_differ(nearest) and _first_difference(nearest) is not None:
        return _ambiguous([(readings[i], None) for i in close], column)
    return errors[close[0]][1]


def choose_reading(
    readings: Sequence[Reading],
    axes: Mapping[int, Sequence[Times]],
    gaps: Mapping[int, int],
    column: str,
) -> list[int]:
    """The readings of the lowest rank that give regular axes; without gaps, if there are.

    They are more than one only if all of them give the same axes.

    Parameters
    ----------
    readings
        All readings.
    axes
        The axes of the series by the number of the reading, where it gives regular ones.
    gaps
        The steps without a row in these.
    column
        The name of the time column.

    Raises
    ------
    InputError
        If two readings give different axes; the message says what settles it.
    """
    rank = min(readings[i].rank for i in axes)
    best = [i for i in axes if readings[i].rank == rank]
    if any(gaps[i] == 0 for i in best):
        best = [i for i in best if gaps[i] == 0]
    best = [i for i in best if not _is_unlikely(readings[i], axes[i])] or best
    first = best[0]
    others = [i for i in best[1:] if not _same(axes[i], axes[first])]
    if others:
        pairs = [(readings[i], axes[i][0]) for i in (first, *others)]
        raise _ambiguous(pairs, column)
    return best


def forms_differ(readings: Sequence[Reading]) -> bool:
    """Whether readings of the same stamps would write other days in different orders."""
    return {True, False} <= _orders(readings)


def _is_unlikely(reading: Reading, axes: Sequence[Times]) -> bool:
    """Whether days are read as years: 29.01.21 and 30.01.21 as 21 January of two years.

    Years that are written in two digits go on from the first or the last day of a month.
    """
    if reading.form is None or reading.form.writes_years:
        return False
    for times in axes:
        if times.unit != "month" or times.step % 12:
            return False
        day = np.asarray(times.start).astype("M8[D]")
        if day.astype("M8[M]") == day or (day + 1).astype("M8[M]") == day + 1:
            return False
    return True


def _same(one: Sequence[Times], other: Sequence[Times]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(np.array_equal(a.values(), b.values()) for a, b in pairs)


def _orders(readings: Sequence[Reading]) -> set[bool | None]:
    return {reading.form.dayfirst for reading in readings if reading.form is not None}


def _ambiguous(ways: Sequence[tuple[Reading, Times | None]], column: str) -> InputError:
    """The error for stamps that can be read in two ways, with both."""
    first, i = ways[0][0], _first_difference([reading for reading, _ in ways]) or 0
    words = []
    for reading, axis in ways:
        step = "" if axis is None else f" (steps of {axis.describe()})"
        words.append(f"{_in_words(reading.stamps[i])}{step}")
    text = next((r.text(i) for r, _ in ways if r.form is not None), first.text(i))
    got = f"`{text}`, which may be {' or '.join(words)}"
    if forms_differ([reading for reading, _ in ways]):
        rule = f"the order of day and month in `{column}` must be known"
        remedy = "Pass `dayfirst=True` (`--dayfirst`) or `dayfirst=False` (`--monthfirst`)."
        if any(reading.form and reading.form.yearfirst for reading, _ in ways):
            remedy = f"{remedy[:-1]}, or write years in four digits."
    else:
        rule = f"stamps in `{column}` must have one meaning"
        remedy = "Write dates such as 2024-01-31, or pass `time=False` (`--no-time`)."
    return InputError(rule, got, remedy)


def _first_difference(readings: Sequence[Reading]) -> int | None:
    """The first row whose stamp the readings do not agree on, None if they agree on all."""
    first, *others = (reading.stamps for reading in readings)
    if any(other.dtype.kind != first.dtype.kind for other in others):
        return 0
    differ = [first != other for other in others]
    return min((int(rows.argmax()) for rows in differ if rows.any()), default=None)


def _in_words(stamp: np.datetime64 | np.number) -> str:
    if not isinstance(stamp, np.datetime64):
        return f"the number {stamp}"
    form = StampForm("%-d %b %Y", MONTHS_IN_WORDS)
    return form.write(np.array([stamp], "M8[us]"))[0]
