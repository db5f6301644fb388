"""A model of measured trajectories that goes on: from the end of its data, or of newer ones."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer

from throughtime.errors import InputError, check_positive_integer

from .options import tell

if TYPE_CHECKING:
    from throughtime.data.series import Series
    from throughtime.dynamics.measured_surrogate import MeasuredSurrogate
    from throughtime.runs.measured_record import MeasuredFile


def continue_run(
    run: Path,
    steps: int,
    data: Path | None,
    fill: str | None,
    future: Path | None,
    *,
    exact: bool = True,
) -> str:
    """A free run from the end of the data of a run, or of newer data, as CSV.

    Stamps go on as the table has them. Of several trajectories each is continued, and the
    first column has their names.

    Parameters
    ----------
    run, steps, data, fill, future
        The argument and the options of `predict`.
    exact
        Whether values have all digits, or six of what tells the rows apart.

    Raises
    ------
    InputError
        If the run or a table is refused, and where inputs of these steps are missing.
    """
    from throughtime.data.future_inputs import future_inputs
    from throughtime.dynamics.saved_surrogate import load_surrogate
    from throughtime.runs.measured_record import read_record

    from .forecast_csv import as_csv, harmless, stamp_columns, written

    check_positive_integer("steps", steps)
    model, record = load_surrogate(run), read_record(run)
    found = model.measured_
    _check_future(future, found.input_names)
    id = record.columns.get("id")
    if data is None and id:
        remark = "Continued from the last trajectory; pass `--data` to continue others."
        typer.echo(remark, err=True)
    pasts = [_own(record, found)] if data is None else _newer(record, data, fill)
    if found.input_names and future is None and any(one.future is None for one in pasts):
        raise _without_future(run, steps, data, pasts[0].columns.known)
    known = [future_inputs(future, one, steps) for one in pasts]
    tell(remark for one in known for remark in one.remarks)
    several, rows = len(pasts) > 1, []
    stamps = stamp_columns(pasts[0].times)
    head = [*([id or "series"] if several else []), *stamps, *found.variables]
    for past, ahead in zip(pasts, known, strict=True):
        read = (None, None) if data is None else (past.targets, past.inputs)
        values = written(np.asarray(found.predict(steps, *read, ahead.values)), exact)
        for stamp, row in zip(past.times.after(steps).written(), values, strict=True):
            cells = [*([past.name] if several else []), *stamp.split("\t")]
            rows.append([*map(harmless, cells), *row])
    return as_csv(head, rows)


def _check_future(future: Path | None, inputs: Sequence[str]) -> None:
    """Refuse inputs of a model that has none."""
    if future is not None and not inputs:
        rule = "`--future` is for a model with inputs"
        raise InputError(rule, "a model of trajectories without", "Leave it out.")


def _without_future(
    run: Path, steps: int, data: Path | None, columns: Sequence[str]
) -> InputError:
    """What to say where the inputs of the steps to come are missing."""
    names = ", ".join(f"`{name}`" for name in columns)
    rule = "a model with inputs goes on with those of the steps to come"
    newer = ["--data", str(data)] if data is not None else []
    again = ["throughtime", "predict", str(run), "--steps", str(steps), *newer]
    remedy = (
        f"Write {steps} rows of {names} to a table: `{shlex.join(again)} --future ahead.csv`."
    )
    return InputError(rule, "no `--future`", remedy)


def _own(record: "MeasuredFile", found: "MeasuredSurrogate") -> "Series":
    """The last trajectory of the data of a run, as its table had it."""
    from throughtime.data.series import Series
    from throughtime.stamps.time_axis import Times

    targets, inputs = found.data(), found.inputs()
    if record.table is None:
        times = Times.count(len(targets))
        return Series(targets, found.variables, inputs, found.input_names, times)
    future = None if record.future is None else np.array(record.future, ndmin=2)
    return record.table.series(targets, inputs, future=future)


def _newer(record: "MeasuredFile", data: Path, fill: str | None) -> "list[Series]":
    """Each trajectory in newer data, read as those of the run."""
    from throughtime.data.datasets import named_dataset
    from throughtime.data.input_columns import InputColumns
    from throughtime.data.loading import has_column, to_series

    id, known = record.columns.get("id"), record.table
    inputs = InputColumns(known=record.inputs)
    if known is not None and known.columns is not None:
        inputs = known.columns
    return to_series(
        named_dataset(str(data)),
        target=record.variables,
        inputs=inputs,
        time=record.columns.get("time"),
        id=id if has_column(str(data), id) else None,
        fill=fill,
    )
