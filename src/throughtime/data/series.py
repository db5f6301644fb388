"""A series: what was measured, and which part of it may be learned from.

`Series` is values on a time axis, `Split` the boundaries between training, validation and
test, `Scaler` the change of units, `fill` the treatment of missing values. Nothing here
reads a table: see `tables.py`.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64

from throughtime.errors import InputError

from .time_axis import Times

FILLS = ("linear", "forward")
ASK_FILL = (
    'Pass `fill="linear"` or `fill="forward"` (`--fill linear` on the command line), '
    "or drop the rows."
)


@dataclass(frozen=True, eq=False)
class Series:
    """One measured series, complete and on a regular time axis.

    Attributes
    ----------
    targets
        (time, n_targets) what is forecast.
    target_names
        One name each.
    inputs
        (time, n_inputs) what drives it and is known ahead; n_inputs may be 0.
    input_names
        One name each.
    times
        The `Times` of the rows.
    name
        What to call it in a report.
    filled
        How many values were missing, and filled, in the table it was read from.
    id
        The column whose value is its `name`, if it is one of several in a table.
    filled_at
        (time, n_targets) which targets were filled, or None if none was. They are learned from,
        but no forecast is judged by them.

    Raises
    ------
    InputError
        If lengths or names do not match, or a value is missing or infinite.
    """

    targets: Float64[np.ndarray, "time targets"]
    target_names: tuple[str, ...]
    inputs: Float64[np.ndarray, "time inputs"]
    input_names: tuple[str, ...]
    times: Times
    name: str = "series"
    filled: int = 0
    id: str | None = None
    filled_at: Bool[np.ndarray, "time targets"] | None = None

    def __post_init__(self):
        found = (self.targets.shape, self.inputs.shape)
        n = len(self.times)
        if found != ((n, len(self.target_names)), (n, len(self.input_names))):
            raise InputError(
                "`targets` and `inputs` must have a row per stamp and a column per name",
                f"shapes {found[0]} and {found[1]} for {n} stamps, "
                f"{len(self.target_names)} and {len(self.input_names)} names",
                "Pass arrays of shape (time, names).",
            )
        if self.filled_at is not None and self.filled_at.shape != self.targets.shape:
            rule = f"`filled_at` must have the shape {self.targets.shape} of `targets`"
            raise InputError(rule, f"{self.filled_at.shape}", "Pass a flag per value.")
        check_values(self.targets, self.target_names)
        check_values(self.inputs, self.input_names)

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, part: slice) -> "Series":
        """The rows of a contiguous slice, with their stamps."""
        return replace(
            self,
            targets=self.targets[part],
            inputs=self.inputs[part],
            times=self.times[part],
            filled_at=None if self.filled_at is None else self.filled_at[part],
        )

    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of column names, values and times, whatever its `name`."""
        words = [self.target_names, self.input_names, self.times.to_json()]
        digest = hashlib.sha256(json.dumps(words).encode())
        for values in (self.targets, self.inputs):
            digest.update(np.ascontiguousarray(values, "<f8").tobytes())
        return digest.hexdigest()


def check_values(
    values: Float[np.ndarray, "time columns"],
    names: Sequence[str],
    rows: Sequence[int] | None = None,
    missing: bool = False,
    remedy: str = ASK_FILL,
) -> None:
    """Refuse infinite values, and missing ones unless `missing` allows them.

    Raises
    ------
    InputError
        That names the first such row and column. `rows` holds the number of each row in the
        table, counted from 1 if not given; `remedy` is that of a gap.
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
    if not missing and np.isnan(values).any():
        raise InputError(
            "every value must be present",
            f"a missing value {where(np.isnan(values))}",
            remedy,
        )


@dataclass(frozen=True)
class Split:
    """Boundaries in time: training is `[0, train)`, validation `[train, validation)`,
    test `[validation, total)`."""

    train: int
    validation: int
    total: int

    @classmethod
    def by_time(
        cls, length: int, validation: float | int = 0.2, test: float | int = 0.2
    ) -> "Split":
        """Cut the last part off for testing, then the last of the rest for validation.

        **Arguments:** `length`, the number of rows; `test`, the share of all rows;
        `validation`, the share of the rows that are left. The defaults give 64/16/20.

        **Raises:** `InputError` if a share is outside [0, 1) or a part would be empty.
        """
        for name, share in (("validation", validation), ("test", test)):
            if not 0 <= share < 1:
                raise InputError(
                    f"`{name}` must be a share of at least 0 and below 1",
                    share,
                    f"Pass `{name}=0.2` for a fifth.",
                )
        last = length - round(length * test)
        first = last - round(last * validation)
        parts = {"training": first, "validation": last - first, "test": length - last}
        asked = {"training": True, "validation": validation > 0, "test": test > 0}
        for name, size in parts.items():
            if size < 1 and asked[name]:
                raise InputError(
                    f"the {name} part must have at least one row",
                    f"{length} rows, validation={validation:g} and test={test:g}",
                    "Pass a longer series or other shares.",
                )
        return cls(first, last, length)


def fill(
    values: Float64[np.ndarray, "time *columns"],
    how: str,
    names: Sequence[str] | None = None,
    rows: Sequence[int] | None = None,
) -> Float64[np.ndarray, "time *columns"]:
    """Replace missing values (NaN) between present ones; present ones never change.

    Parameters
    ----------
    values
        (time, columns) or (time,).
    how
        `"linear"` draws a line between the neighbours in time, `"forward"` repeats the last
        value.
    names, rows
        One name per column and the number of each row, for errors.

    Returns
    -------
    Float64[np.ndarray, 'time *columns']
        A new array of the same shape.

    Raises
    ------
    InputError
        If `how` is unknown, or if a gap has no value at the side that it is filled from:
        nothing is invented.
    """
    if how not in FILLS:
        raise InputError(
            "`fill` must be `linear` or `forward`", how, "Change or leave out `fill`."
        )
    result = np.array(values, order="C")
    columns = result.reshape(len(result), -1)
    for j, missing in enumerate(np.isnan(columns).T):
        if not missing.any():
            continue
        present = np.flatnonzero(~missing)
        if missing.all() or missing[0] or (how == "linear" and missing[-1]):
            name = f"column {j + 1}" if names is None else names[j]
            _refuse_gap(missing, name, np.arange(1, len(result) + 1) if rows is None else rows)
        gaps = np.flatnonzero(missing)
        if how == "linear":
            columns[gaps, j] = np.interp(gaps, present, columns[present, j])
        else:
            columns[gaps, j] = columns[present[np.searchsorted(present, gaps) - 1], j]
    return result


def _refuse_gap(missing: np.ndarray, name: str, rows: Any) -> None:
    if missing.all():
        raise InputError(
            "a column to fill must have values", f"none in `{name}`", "Leave the column out."
        )
    if missing[0]:
        side, first, last = "first", 0, int((~missing).argmax()) - 1
    else:
        side, first, last = "last", len(missing) - int((~missing[::-1]).argmax()), -1
    raise InputError(
        f"a gap before the first value or after the last cannot be filled (the {side} here)",
        f"nothing in `{name}`, rows {rows[first]} to {rows[last]}",
        "Drop those rows.",
    )
