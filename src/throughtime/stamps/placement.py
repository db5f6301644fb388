"""The place of each row of a table on a regular time axis.

Rows are sorted by their stamps, exact copies dropped, jitter rounded; each of these is told.
Where stamps can be read in several ways, the one that gives a regular axis is right; where two
do, it has to be asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
from jaxtyping import Int64, Shaped

from throughtime.errors import InputError

from .reading_choice import choose_reading, forms_differ, nearest_error
from .stamp_form import StampForm
from .stamp_messages import (
    calendar_remarks,
    check_present,
    fillable,
    irregular,
    rounding_remarks,
)
from .stamp_readings import Reading, read_stamps
from .stamp_rows import OrderedStamps, Rows, SameRow, clocks_of, in_order
from .step_inference import Fit, infer_step
from .time_axis import Times
from .time_units import DAY
from .time_zones import to_utc

ISO = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S")
"""Patterns in which stamps are written anyway."""
UTC_WORDS = ("", "Z", "UTC", "GMT")


@dataclass(frozen=True, eq=False)
class Placement:
    """Where rows of a table lie on a time axis.

    Attributes
    ----------
    times
        The axis.
    rows
        (rows,) the rows that are used, in order of time.
    steps
        (rows,) the step of each.
    remarks
        What was done to the rows.
    """

    times: Times
    rows: Rows
    steps: Int64[np.ndarray, " rows"]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlacementRules:
    """What holds for all rows of a table.

    Attributes
    ----------
    column
        The name of the time column, or of several, with commas between.
    same_row
        Whether two rows, by their numbers from 0, hold the same in all columns.
    filled
        Whether steps without a row are filled later.
    labels
        The names of the series, for errors, if there are several.
    way
        The way to fill that an error recommends.
    """

    column: str
    same_row: SameRow
    filled: bool = False
    labels: Sequence[str] | None = None
    way: str = "linear"


def count_rows(rows: Rows) -> Placement:
    """The placement of rows without stamps: they are counted."""
    return Placement(Times.count(len(rows)), rows, np.arange(len(rows)))


def place_rows(
    readings: Sequence[Reading], groups: Sequence[Rows], rules: PlacementRules
) -> list[Placement]:
    """Place the rows of each series on its time axis.

    Parameters
    ----------
    readings
        The ways in which the stamps of the table can be read.
    groups
        The rows of each series.
    rules
        What holds for all of them.

    Returns
    -------
    list of Placement
        One for each group, all in the same reading.

    Raises
    ------
    InputError
        If no reading gives regular axes, or if several do; the message says what settles it.
    """
    found: dict[int, list[Placement]] = {}
    errors: dict[int, tuple[int, InputError]] = {}
    for i, reading in enumerate(readings):
        placed: list[Placement] = []
        try:
            for rows in groups:
                placed.append(_place(reading, rows, rules))
            found[i] = placed
        except _Unplaced as error:
            reason = error.reason
            if rules.labels is not None:
                got = f"in the series `{rules.labels[len(placed)]}`, {reason.got}"
                reason = InputError(reason.rule, got, reason.remedy)
            errors[i] = error.irregular, reason
    if not found:
        raise nearest_error(readings, errors, rules.column)
    axes = {i: [one.times for one in placed] for i, placed in found.items()}
    gaps = {i: sum(len(p.times) - len(p.rows) for p in placed) for i, placed in found.items()}
    agreed = choose_reading(readings, axes, gaps, rules.column)
    reading, placed = readings[agreed[0]], found[agreed[0]]
    if forms_differ([readings[i] for i in agreed]):  # 1/1 by day and by month: ISO goes on
        return [replace(one, times=replace(one.times, form=None)) for one in placed]
    words = (reading.words,) if reading.words else ()
    return [replace(one, remarks=words + one.remarks) for one in placed]


class _Unplaced(Exception):
    """A reading that gives no regular axis: how many gaps are not regular, and what to say."""

    def __init__(self, irregular: int, reason: InputError):
        self.irregular, self.reason = irregular, reason


def _place(reading: Reading, rows: Rows, rules: PlacementRules) -> Placement:
    """Place the rows of one series, by the clock that fits them best."""
    part = reading.rows(rows)
    check_present(part.stamps, rules.column, rows + 1)
    fits: list[tuple[OrderedStamps, Fit]] = []
    reasons: list[InputError] = []
    for make in clocks_of(part, rules.column, rows):
        try:
            stamps = in_order(make(), rules.column, rules.same_row, reading)
            fit = infer_step(_at_least_two(stamps, rules.column), holidays=not rules.filled)
        except InputError as error:
            reasons.append(error)
            continue
        if not stamps.local or _counts_days(fit):
            fits.append((stamps, fit))
    if not fits:
        raise _Unplaced(len(rows), reasons[-1])
    stamps, fit = min(fits, key=lambda one: one[1].rank())
    return _on_axis(stamps, fit, reading, rules)


def _at_least_two(stamps: OrderedStamps, column: str) -> Shaped[np.ndarray, " time"]:
    if len(stamps.values) > 1:
        return stamps.values
    raise InputError(
        f"the time column `{column}` needs two stamps to show its step",
        "one, in all rows",
        "Pass a longer series, or pass `time=False` (`--no-time`) to count the rows as steps.",
    )


def _counts_days(fit: Fit) -> bool:
    """Whether an axis counts days or months, which begin by the local clock."""
    return fit.unit != "microsecond" or fit.step % DAY == 0


def _on_axis(
    stamps: OrderedStamps, fit: Fit, reading: Reading, rules: PlacementRules
) -> Placement:
    """The rows on the axis that fits them, if it does."""
    if fit.irregular.any() and not (rules.filled and fillable(fit)):
        i = int(fit.irregular.argmax())
        texts = [reading.text(int(row)) for row in stamps.rows[i : i + 2]]
        rows, zoned = (stamps.rows + 1)[i : i + 2], stamps.zone is not None
        error = irregular(rules.column, fit, texts, rows, rules.way, zoned)
        raise _Unplaced(int(fit.irregular.sum()), error)
    zone, local = stamps.zone, stamps.local
    if local and reading.offsets is None:
        zone, local = None, False  # days need no zone, and their table names none
    times = replace(
        Times.of_fit(fit, rules.column),
        form=_form_ahead(reading.form, zone),
        zone=zone,
        local=local,
    )
    remarks = (*stamps.remarks, *rounding_remarks(fit), *calendar_remarks(fit))
    return Placement(times, stamps.rows, fit.steps, remarks)


def _form_ahead(form: StampForm | None, zone: str | None) -> StampForm | None:
    """The form in which stamps beyond the end can be written; None for ISO."""
    if form is None or (zone is None and form.pattern in ISO):
        return None
    if form.has_zone and zone is None:
        return None  # the zone is not known ahead: dates of the local calendar
    if zone == "UTC" and form.zone_word not in UTC_WORDS:
        return replace(form, zone_word="UTC")  # of CET and CEST, neither holds throughout
    return form


def stamps_like(columns: Sequence[nw.Series[Any]], times: Times) -> Shaped[np.ndarray, " time"]:
    """The stamps of another table, read as those of a time axis were.

    Parameters
    ----------
    columns
        The columns that hold them, whatever they are called.
    times
        The axis that they continue or repeat.

    Returns
    -------
    Array, (time,)
        Stamps to be compared with `times.values()`; of several readings the one with the most
        stamps on the axis or after it.

    Raises
    ------
    InputError
        If a value is no stamp.
    """
    name = ",".join(column.name for column in columns)
    readings = read_stamps(columns, name)
    after = times.after(len(columns[0]) + len(times)).values()
    expected = np.concatenate([times.values(), after])
    found = [_like(reading, times, name) for reading in readings]
    dates = expected.dtype.kind == "M"
    found = [one for one in found if (one.dtype.kind == "M") == dates] or found[:1]
    if (found[0].dtype.kind == "M") != dates:
        return found[0]
    return max(found, key=lambda stamps: int(np.isin(stamps, expected).sum()))


def _like(reading: Reading, times: Times, name: str) -> Shaped[np.ndarray, " time"]:
    """Stamps by the clock of an axis."""
    if reading.stamps.dtype.kind != "M" or times.local or times.zone is None:
        return reading.stamps
    if reading.offsets is not None:
        return reading.utc()
    rows = np.arange(1, len(reading.stamps) + 1)
    return to_utc(reading.stamps, times.zone, name, rows)
