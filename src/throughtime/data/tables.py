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
from .missing_codes import Codes
from .missing_values import check_values
from .missing_values import fill as fill_gaps
from .series import Series, future_rows
from .sources import Table, as_table, is_list_of_numbers
from .time_axis import Times
from .values import check_decimal, is_numeric, to_numbers, to_stamps

MIN_ROWS = 3


def to_series(
    data: Any,
    *,
    target: str | Sequence[str] | None = None,
    inputs: str | Sequence[str] = (),
    time: str | None = None,
    id: str | None = None,
    fill: str | None = None,
    decimal: str | None = None,
    missing: Any = (),
    name: str | None = None,
) -> list[Series]:
    """Read one series or several from a file, an array or a data frame.

    Parameters
    ----------
    data
        A path (text tables such as .csv, .tsv, .txt, .dat in any dialect; .parquet, .feather;
        .xlsx and .ods with fastexcel; also packed as .gz, .bz2, .xz or .zip; `-` for standard
        input), an array (time,) or (time, feature), a data frame (pandas, Polars, PyArrow,
        anything Narwhals reads), an xarray `DataArray` or `Dataset`, a Darts `TimeSeries`, a
        `Series`, or a list of these. A pandas index counts as a column unless it only numbers
        the rows. Columns of an array are called `x`, or `x0`, `x1`, ...
    target
        The column or columns to forecast. Default: the only numeric column that can be meant,
        which row numbers and constants cannot; all columns of an array.
    inputs
        The columns that drive the target and are known ahead. Rows at the end that have them
        and no target are the future: they become `Series.future`.
    time
        The time column. Default: the first column if it holds dates or is called date, time,
        year, step or the like, else the only column of dates; without one, steps are counted.
    id
        The column that tells several series in one long table apart.
    fill
        `"linear"` or `"forward"` fills missing values; otherwise they are errors.
    decimal
        The decimal mark of numbers that are text, `"."` or `","`. Default: the one that a
        column shows; it is asked for where a column can be read with either.
    missing
        Codes for a missing value, besides the usual words and signs: a number, a text, or
        several, such as `[-999, "BDL"]`.
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
        options |= {"decimal": decimal, "missing": missing}
        return _list_to_series(data, options, name)
    check_decimal(decimal)
    codes = Codes.of(missing)
    table = as_table(data, id, decimal=decimal, missing=codes.texts)
    roles = assign_roles(
        table.frame,
        target,
        inputs,
        time,
        id,
        guess=not table.is_array,
        unsure=table.questions,
    )
    names = (*roles.targets, *roles.inputs)
    table.check_columns([*names, *([roles.time] if roles.time else [])])
    values = np.stack([to_numbers(table.frame[n]) for n in names], axis=1)
    values, remarks = codes.drop_from(values, names)
    table = replace(table, remarks=(*table.remarks, *remarks, *_unused(table, roles)))
    stamps = None if roles.time is None else to_stamps(table.frame[roles.time])
    groups = _group_rows(table, roles.id, name)
    found = []
    for label, rows in groups:
        try:
            _check_inputs_are_named(table, roles, values[rows], rows)
            found.append(_series(values, stamps, rows, roles, fill, label, table.remarks))
        except InputError as error:
            if len(groups) == 1 or f"`{label}`" in str(error):
                raise
            rule = f"{error.rule} (in series `{label}`)"
            raise InputError(rule, error.got, error.remedy) from None
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
    requested = (as_names(target) or roles[0], as_names(inputs, "inputs") or roles[1])
    if requested != roles:
        raise InputError(
            f"a `Series` keeps its columns {quote_names(sum(roles, ()))}",
            quote_names(sum(requested, ())),
            "Leave out `target` and `inputs`, or pass the table.",
        )
    return series if name is None else replace(series, name=name)


def _unused(table: Table, roles: ColumnRoles) -> list[str]:
    """A remark on the columns that have no role."""
    used = {*roles.targets, *roles.inputs, roles.time, roles.id}
    names = [n for n in table.frame.columns if n not in used]
    return [f"without {quote_names(names)}"] if names and not table.is_array else []


def _check_inputs_are_named(
    table: Table, roles: ColumnRoles, values: np.ndarray, rows: np.ndarray
) -> None:
    """Refuse rows at the end without a target, but with numbers that could be known inputs."""
    ahead = future_rows(values, np.zeros((len(values), 1)))
    if roles.inputs or not 0 < ahead < len(rows):
        return
    others = [n for n in table.frame.columns if n not in (*roles.targets, roles.time, roles.id)]
    at_end = rows[-ahead:]
    known = [
        n
        for n in others
        if n not in table.questions
        and is_numeric(table.frame[n])
        and np.isfinite(to_numbers(table.frame[n])[at_end]).all()
    ]
    if known:
        names = quote_names(roles.targets)
        raise InputError(
            f"rows at the end without {names} are the future if what drives it is named",
            f"{ahead} rows with {quote_names(known)} alone",
            f'Pass `inputs="{known[0]}"` (`--inputs` on the command line), or drop the rows.',
        )


def _group_rows(
    table: Table, id: str | None, name: str | None
) -> list[tuple[str, Int64[np.ndarray, " rows"]]]:
    """The name and the rows of each series in a table."""
    if id is None:
        return [(name or table.name, np.arange(len(table.frame)))]
    rows: dict[Any, list[int]] = {}
    for i, key in enumerate(table.frame[id].to_list()):
        if key is None or key != key or not str(key).strip():
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
    end = len(rows) - future_rows(values[:, :n], values[:, n:])
    future = values[end:, n:] if end < len(rows) else None
    if future is not None:
        remarks = (*remarks, f"{len(future)} rows of inputs alone as the future")
    values, rows, numbers, times = values[:end], rows[:end], numbers[:end], times[:end]
    check_values(values, (*roles.targets, *roles.inputs), numbers, fill is not None)
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
        future=future,
    )
