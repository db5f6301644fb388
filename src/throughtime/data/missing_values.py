"""Missing and infinite values: refusing them, and filling gaps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Float64

from throughtime.errors import InputError

FILLS = ("linear", "forward")
FILL_REMEDY = (
    'Pass `fill="linear"` or `fill="forward"` (`--fill linear` on the command line), '
    "or drop the rows."
)


def check_values(
    values: Float[np.ndarray, "time columns"],
    names: Sequence[str],
    rows: Sequence[int] | None = None,
    allow_missing: bool = False,
    remedy: str = FILL_REMEDY,
) -> None:
    """Refuse infinite values, and missing ones unless they are allowed.

    Parameters
    ----------
    values
        (time, columns); a missing value is NaN.
    names
        One name per column, for errors.
    rows
        The number of each row in its table, for errors; counted from 1 if not given.
    allow_missing
        Whether values may be missing.
    remedy
        The error's advice for a missing value.

    Raises
    ------
    InputError
        If there is such a value; the message names the row and column of the first.
    """

    def where(bad: np.ndarray) -> str:
        i, j = np.argwhere(bad)[0]
        row = i + 1 if rows is None else rows[i]
        return f"in column `{names[j]}`, row {row} ({bad.sum()} in all)"

    if np.isinf(values).any():
        raise InputError(
            "values must be finite",
            f"infinity {where(np.isinf(values))}",
            "Correct the value, or leave it empty and fill it.",
        )
    if not allow_missing and np.isnan(values).any():
        raise InputError(
            "every value must be present",
            f"a missing value {where(np.isnan(values))}",
            remedy,
        )


def fill(
    values: Float64[np.ndarray, "time *columns"],
    how: str,
    names: Sequence[str] | None = None,
    rows: Sequence[int] | None = None,
) -> Float64[np.ndarray, "time *columns"]:
    """Replace missing values (NaN) between values that are present, which never change.

    Parameters
    ----------
    values
        (time, columns) or (time,).
    how
        `"linear"` interpolates between the neighbours in time, `"forward"` repeats the last
        value.
    names, rows
        One name per column and the number of each row in its table, for errors.

    Returns
    -------
    Array
        A new array of the same shape.

    Raises
    ------
    InputError
        If `how` is unknown, or if a gap has no value on a side from which it would be filled:
        nothing is extrapolated.
    """
    if how not in FILLS:
        remedy = 'Pass `fill="linear"` or `fill="forward"`, or leave `fill` out.'
        raise InputError("`fill` must be `linear` or `forward`", how, remedy)
    result = np.array(values, order="C")
    columns = result.reshape(len(result), -1)
    for j, missing in enumerate(np.isnan(columns).T):
        if not missing.any():
            continue
        present = np.flatnonzero(~missing)
        if missing.all() or missing[0] or (how == "linear" and missing[-1]):
            name = f"column {j + 1}" if names is None else names[j]
            numbers = np.arange(1, len(result) + 1) if rows is None else rows
            raise _gap_at_an_end(missing, name, numbers)
        gaps = np.flatnonzero(missing)
        if how == "linear":
            columns[gaps, j] = np.interp(gaps, present, columns[present, j])
        else:
            columns[gaps, j] = columns[present[np.searchsorted(present, gaps) - 1], j]
    return result


def _gap_at_an_end(missing: np.ndarray, name: str, rows: Any) -> InputError:
    """The error for a column that begins or ends with missing values."""
    if missing.all():
        return InputError(
            "a column to fill must have values", f"none in `{name}`", "Leave the column out."
        )
    if missing[0]:
        side, first, last = "first", 0, int((~missing).argmax()) - 1
    else:
        side, first, last = "last", len(missing) - int((~missing[::-1]).argmax()), -1
    return InputError(
        f"a gap before the first value or after the last cannot be filled (the {side} here)",
        f"nothing in `{name}`, rows {rows[first]} to {rows[last]}",
        "Drop those rows.",
    )
