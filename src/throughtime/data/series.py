"""A series: measured values on a regular time axis.

Nothing here reads a table; for that see `tables.py`.
"""

import hashlib
import json
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64

from throughtime.errors import InputError
from throughtime.stamps.time_axis import Times
from throughtime.tables.reading_options import AS_WRITTEN, ReadingOptions

from .calendar_features import calendar_columns, check_calendar
from .input_columns import InputColumns
from .missing_values import check_values


@dataclass(frozen=True, eq=False, repr=False)
class Series:
    """One measured series, complete and on a regular time axis.

    Parameters
    ----------
    targets
        (time, n_targets) what is to be forecast.
    target_names
        One name per target.
    inputs
        (time, n_inputs) what drives the targets and is known ahead; n_inputs may be 0.
    input_names
        One name per input.
    times
        The time axis, with one stamp per row.
    name
        What to call the series in a report.
    filled
        How many values were missing, and filled, in the table that it was read from.
    id
        The column whose value is the series' `name`, if its table holds several series.
    filled_at
        (time, n_targets) which targets were filled, or None if none was. A network learns from
        filled values, but no forecast is scored on them.
    units
        One unit per target, empty where it is not known; none at all if no unit is.
    remarks
        What its reader understood beyond what was written: "day first", "rows sorted".
    future
        (steps, n_inputs) the inputs of the steps after its end, as far as they are known; None
        if they are not.
    remarks
        What its reader understood beyond what was written: "day first", "rows sorted".
    reading
        How the numbers of its table are written, as far as it was said; newer tables and those
        of future inputs are read in the same way.
    past_inputs
        (time, n_past) what drives the targets, but is known only up to the origin of a
        forecast; none by default.
    past_names
        One name per input of the past.
    columns
        The columns of its table, and features of the calendar, that inputs were made of; by
        default they are the inputs themselves.

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
    remarks: tuple[str, ...] = ()
    future: Float64[np.ndarray, "steps inputs"] | None = None
    units: tuple[str, ...] = ()
    reading: ReadingOptions = AS_WRITTEN
    past_inputs: Float64[np.ndarray, "time past"] = None  # pyright: ignore
    past_names: tuple[str, ...] = ()
    columns: InputColumns = None  # pyright: ignore

    def __post_init__(self):
        if self.past_inputs is None:
            object.__setattr__(self, "past_inputs", np.empty((len(self.times), 0)))
        if self.columns is None or self.columns.plain:
            columns = InputColumns(known=self.input_names, past=self.past_names)
            object.__setattr__(self, "columns", columns)
        shapes = (self.targets.shape, self.inputs.shape)
        n = len(self.times)
        if shapes != ((n, len(self.target_names)), (n, len(self.input_names))):
            raise InputError(
                "`targets` and `inputs` must have a row per stamp and a column per name",
                f"shapes {shapes[0]} and {shapes[1]} for {n} stamps, "
                f"{len(self.target_names)} and {len(self.input_names)} names",
                "Pass arrays of shape (time, names).",
            )
        if self.filled_at is not None and self.filled_at.shape != self.targets.shape:
            rule = f"`filled_at` must have the shape {self.targets.shape} of `targets`"
            raise InputError(rule, f"{self.filled_at.shape}", "Pass a flag per value.")
        if self.future is not None and self.future.shape[1:] != self.inputs.shape[1:]:
            rule = f"`future` must have a column for each of {len(self.input_names)} inputs"
            raise InputError(rule, f"shape {self.future.shape}", "Pass (steps, inputs).")
        if self.past_inputs.shape != (n, len(self.past_names)):
            rule = "`past_inputs` must have a row per stamp and a column per name"
            raise InputError(rule, f"shape {self.past_inputs.shape}", "Pass (time, names).")
        made = self.columns.names(), self.columns.past_names()
        if made != (self.input_names, self.past_names):
            rule = "inputs must be those that `columns` make"
            raise InputError(rule, f"{sum(made, ())}", "Leave out `columns`.")
        check_values(self.targets, self.target_names)
        check_values(self.inputs, self.input_names)
        check_values(self.past_inputs, self.past_names)

    def label(self, target: int) -> str:
        """The name of a target with its unit, for an axis: `"flow (m3/s)"`."""
        unit = self.units[target] if self.units else ""
        name = self.target_names[target]
        return f"{name} ({unit})" if unit and unit not in name else name

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        first, last = *self.times[:1].labels(), *self.times[len(self) - 1 :].labels()
        columns = ", ".join(self.target_names[:8])
        rows = f"{len(self)} steps of {self.times.describe()}, {first} to {last}"
        return f"Series({self.name}: {columns}; {rows})"

    def __getitem__(self, part: slice) -> "Series":
        """The rows of a contiguous slice, with their stamps."""
        return replace(
            self,
            targets=self.targets[part],
            inputs=self.inputs[part],
            past_inputs=self.past_inputs[part],
            times=self.times[part],
            filled_at=None if self.filled_at is None else self.filled_at[part],
            future=self.future if part.indices(len(self))[1] == len(self) else None,
        )

    @property
    def measured(self) -> Float64[np.ndarray, "time measured"]:
        """Targets and inputs of the past: what is known up to the origin of a forecast."""
        return np.concatenate([self.targets, self.past_inputs], axis=1)

    def with_calendar(self, features: tuple[str, ...]) -> "Series":
        """The series with features of the calendar among its inputs; see `to_series`."""
        check_calendar(features, self.times)
        columns = replace(self.columns, calendar=self.columns.calendar + features)
        inputs, future = self.inputs, self.future
        if future is not None:
            added = calendar_columns(features, self.times.after(len(future)))
            future = np.concatenate([future, added], axis=1)
        inputs = np.concatenate([inputs, calendar_columns(features, self.times)], axis=1)
        names = columns.names()
        return replace(self, inputs=inputs, input_names=names, future=future, columns=columns)

    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of column names, values and times.

        Neither `name` nor the form in which times are written counts.
        """
        labels = [self.target_names, self.input_names, replace(self.times, form=None).to_json()]
        labels += [self.past_names] if self.past_names else []
        digest = hashlib.sha256(json.dumps(labels).encode())
        for values in (self.targets, self.inputs, self.past_inputs):
            digest.update(np.ascontiguousarray(values, "<f8").tobytes())
        return digest.hexdigest()
