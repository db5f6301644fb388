"""From a table to one series or several.

Errors count data rows from 1: row 1 follows the header.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int64

from throughtime.errors import InputError

from .column_roles import ColumnRoles, as_names, assign_roles, quote_names
from .missing_values import check_values
from .missing_values import fill as fill_gaps
from .series import Series
from .sources import Table, as_table, is_list_of_numbers
from .time_axis import Times
from .values import is_missing, to_numbers, to_stamps

MIN_ROWS = 3


def to_series(
    data: Any,
    *,
    target: str | Sequence[str] | None = None,
    inputs: str | Sequence[str] = (),
    time: str | None = None,
    id: str | None = None,
    fill: str | None = None,
    name: str | None = None,
) -> list[Series]:
    """Read one series or several from a file, an array or a data frame.

    Parameters
    ----------
    data
        A path (.csv, .tsv, .txt, .parquet), an array (time,) or (time, feature), a data frame
        (pandas, Polars, PyArrow, anything Narwhals reads), a `Series`, or a list of these. A
        pandas index counts as a column if it holds dates or has a name. Columns of an array
        are called `x`, or `x0`, `x1`, ...
    target
        The column or columns to forecast. Default: the only numeric column without another
        role; all columns of an array.
    inputs
        The columns that drive the target and are known ahead.
    time
        The time column. Default: the first column if it holds dates or is called date, time,
        year, step or the like, else the only column of dates; without one, steps are counted.
    id
        The column that tells several series in one long table apart.
    fill
        `"linear"` or `"forward"` fills missing values; otherwise they are errors.
    name
        What to call the series, unless an id names it. Default: the file's name.

    Returns
    -------
    list of Series
        With `id`, in order of first appearance. Values are float64; times with a zone are
        converted to UTC.

    Raises
    ------
    InputError
        If the data cannot be read, or are no complete series on a regular time axis; the
        message names the file, row or column at fault.
    """
    if isinstance(data, Series):
        return [_existing_series(data, target, inputs, name)]
    if isinstance(data, list | tuple) and not is_list_of_numbers(data):
        options = {"target": target, "inputs": inputs, "time": time, "id": id, "fill": fill}
        return _list_to_series(data, options, name)
    table = as_table(data, id)
    roles = assign_roles(table.frame, target, inputs, time, id, guess=not table.is_array)
    names = (*roles.targets, *roles.inputs)
    values = np.stack([to_numbers(table.frame[n]) for n in names], axis=1)
    check_values(values, names, allow_missing=fill is not None)
    stamps = None if roles.time is None else to_stamps(table.frame[roles.time])
    groups = _group_rows(table, roles.id, name)
    found = [
        _series(values, stamps, rows, roles, fill, label, table.remarks)
        for label, rows in groups
    ]
    check_steps(found[0], found[1:])
    return found


def check_steps(first: Series, others: Sequence[Series]) -> None:
    """Refuse series whose time step differs from that of the first."""
    other = next((s for s in others if not first.times.same_step(s.times)), None)
    if other is not None:
        raise InputError(
            f"every series must have one time step, {first.times.describe()}",
            f"{other.times.describe()} in `{other.name}`",
            "Resample the data, or pass series of one step.",
        )


def has_column(data: Any, name: str | None) -> bool:
    """Whether data, of any kind that `to_series` takes, is a table with that column."""
    if isinstance(data, Series | list | tuple):
        return False
    return name in as_table(data).frame.columns


def _list_to_series(
    items: Sequence[Any], options: dict[str, Any], name: str | None
) -> list[Series]:
    """The series in each item of a list, with names that tell them apart."""
    found: list[Series] = []
    for i, item in enumerate(items, 1):
        try:
            found += to_series(item, **options, name=name)
        except InputError as error:
            rule = f"{error.rule} (item {i} of {len(items)})"
            raise InputError(rule, error.got, error.remedy) from None
    if not found:
        raise InputError(
            "a list must hold at least one series", "none", "Add a series to the list."
        )
    columns = [(s.target_names, s.input_names) for s in found]
    other = next((c for c in columns if c != columns[0]), None)
    if other is not None:
        raise InputError(
            "all series must have the same columns",
            f"{quote_names(sum(other, ()))} beside {quote_names(sum(columns[0], ()))}",
            "Rename columns, or name `target` and `inputs`.",
        )
    check_steps(found[0], found[1:])
    if len({s.name for s in found}) < len(found):
        found = [replace(s, name=f"{s.name} {i}") for i, s in enumerate(found, 1)]
    return found


def _existing_series(
    series: Series, target: Any, inputs: str | Sequence[str], name: str | None
) -> Series:
    """A series that was passed as data, renamed if a name is given; it keeps its columns."""
    roles = (series.target_names, series.input_names)
    requested = (as_names(target) or roles[0], as_names(inputs) or roles[1])
    if requested != roles:
        raise InputError(
            f"a `Series` keeps its columns {quote_names(sum(roles, ()))}",
            quote_names(sum(requested, ())),
            "Leave out `target` and `inputs`, or pass the table.",
        )
    return series if name is None else replace(series, name=name)


def _group_rows(
    table: Table, id: str | None, name: str | None
) -> list[tuple[str, Int64[np.ndarray, " rows"]]]:
    """The name and the rows of each series in a table."""
    if id is None:
        return [(name or table.name, np.arange(len(table.frame)))]
    rows: dict[Any, list[int]] = {}
    for i, key in enumerate(table.frame[id].to_list()):
        if is_missing(key):
            raise InputError(
                f"the id column `{id}` must have a value in each row",
                f"none in row {i + 1}",
                "Write the id, or drop the row.",
            )
        rows.setdefault(key, []).append(i)
    return [(str(key), np.array(r)) for key, r in rows.items()]


def _series(
    values: np.ndarray,
    stamps: np.ndarray | None,
    rows: np.ndarray,
    roles: ColumnRoles,
    fill: str | None,
    name: str,
    remarks: tuple[str, ...] = (),
) -> Series:
    """The series in some rows of a table, its gaps filled."""
    numbers = (rows + 1).tolist()
    if len(rows) < MIN_ROWS:
        raise InputError(
            f"a series must have at least {MIN_ROWS} rows",
            f"{len(rows)} in `{name}`",
            "Pass a longer series.",
        )
    times = Times.count(len(rows))
    if stamps is not None and roles.time is not None:
        times = Times.from_stamps(stamps[rows], roles.time, numbers)
    values, n = values[rows], len(roles.targets)
    missing = np.isnan(values)
    if fill is not None:
        values = fill_gaps(values, fill, (*roles.targets, *roles.inputs), numbers)
    return Series(
        targets=values[:, :n],
        target_names=roles.targets,
        inputs=values[:, n:],
        input_names=roles.inputs,
        times=times,
        name=name,
        filled=int(missing.sum()),
        id=roles.id,
        filled_at=missing[:, :n] if missing[:, :n].any() else None,
        remarks=remarks,
    )
