"""What is said of stamps: why they lie on no regular axis, and how they were put on one."""

from collections.abc import Sequence

import numpy as np

from throughtime.errors import InputError

from .step_inference import Fit
from .time_units import DAY, DURATIONS, describe_step, format_stamp

SEVERAL = (
    "if the table holds several series, name the column that tells them apart with `id` "
    "(`--id`)"
)
COUNT = "pass `time=False` (`--no-time`) to count the rows as steps"
ZONE = (
    "if these are local times over a change of clocks, pass their zone, such as "
    '`time_zone="Europe/Oslo"` (`--time-zone Europe/Oslo`)'
)


def shown(stamps: np.ndarray) -> list[str]:
    """Stamps for a message, where their text is not known."""
    return [format_stamp(stamp) for stamp in stamps]


def check_present(stamps: np.ndarray, column: str, rows: Sequence[int] | np.ndarray) -> None:
    """Refuse missing stamps, stamps of another type, and fewer than two."""
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
            f"none in row {rows[int(missing.argmax())]} ({missing.sum()} missing in all)",
            f"Write the stamp, or drop the row, or {COUNT}.",
        )
    if len(stamps) < 2:
        raise InputError(
            f"the time column `{column}` needs two rows to show its step",
            f"{len(stamps)}",
            "Pass a longer series.",
        )


def repeated(column: str, text: str, rows: tuple[int, int], clock: bool) -> InputError:
    """The error for a stamp that two different rows have."""
    zone = f"; {ZONE}" if clock else ""
    return InputError(
        f"stamps in `{column}` must not repeat",
        f"{text} in row {rows[0]} and with other values in row {rows[1]}",
        f"Drop one of the rows{zone}; {SEVERAL}; or {COUNT}.",
    )


def irregular(
    column: str,
    fit: Fit,
    texts: Sequence[str],
    rows: Sequence[int] | np.ndarray,
    way: str = "linear",
    zoned: bool = True,
) -> InputError:
    """The error for two neighbours, by their texts and rows, whose distance is not the step.

    Stamps that are not `zoned` may be those of local clocks. The remedy fills the gap if all
    stamps lie on steps, and most steps have one.
    """
    got = f"{texts[1]} in row {rows[1]} after {texts[0]} in row {rows[0]}"
    got += f"; the step expected is {describe_step(fit.step, fit.unit)}"
    if fillable(fit):
        count = f"{fit.missing} missing row{'' if fit.missing == 1 else 's'}"
        remedy = f'Pass `fill="{way}"` (`--fill {way}`) to put in the {count}'
        i = int(fit.irregular.argmax())
        lost = (int(fit.steps[i + 1] - fit.steps[i]) - 1) * fit.step
        if fit.unit == "microsecond" and lost == DAY // 24 and not zoned:
            remedy = f"{remedy}; {ZONE}"
        remedy = f"{remedy}; or {COUNT}."
    else:
        remedy = f"P{COUNT[1:]}, or resample the table; {SEVERAL}."
    return InputError(f"stamps in `{column}` must have one step", got, remedy)


def fillable(fit: Fit) -> bool:
    """Whether the gaps between stamps may be filled: no stamp between steps, few missing."""
    rising = bool((np.diff(fit.steps) > 0).all())
    return rising and not fit.astray.any() and fit.missing <= len(fit.steps)


def rounding_remarks(fit: Fit) -> list[str]:
    """What is said of stamps that were rounded to the axis."""
    off = fit.off[fit.off > 0]
    if not len(off):
        return []
    if fit.unit == "number":
        far = f"{off.max() * fit.step:.3g}"
    elif fit.unit == "microsecond":
        far = _in_units(off.max() * fit.step)
    else:
        days = round(30 * fit.step * off.max())
        far = f"{days} day{'' if days == 1 else 's'} of the {fit.unit}"
        count = f"{len(off)} stamp{'' if len(off) == 1 else 's'}"
        return [f"{count} within {far} taken for it"]
    step = describe_step(fit.step, fit.unit)
    return [f"stamps up to {far} off rounded to steps of {step}"]


def _in_units(microseconds: float) -> str:
    size, unit = next(
        ((size, unit) for unit, size in DURATIONS.items() if microseconds >= size),
        (1, "microsecond"),
    )
    count = f"{microseconds / size:.3g}"
    return f"{count} {unit}{'' if count == '1' else 's'}"


def calendar_remarks(fit: Fit) -> list[str]:
    """What is said of the days that a calendar counts."""
    remarks = []
    if fit.unit == "business day" and fit.week != "1111100":
        names = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
        days = [name for name, one in zip(names, fit.week, strict=True) if one == "1"]
        remarks.append(f"business days are {', '.join(days[:-1])} and {days[-1]}")
    if fit.skipped:
        count = len(fit.skipped)
        days = f"{count} business day{'' if count == 1 else 's'} without a row"
        remarks.append(f"{days} left out of the calendar (`--fill linear` fills them)")
    return remarks
