"""From a table to one series or several.

Errors count data rows from 1: row 1 follows the header.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Int64

from throughtime.errors import InputError
from throughtime.stamps.placement import Placement, PlacementRules, count_rows, place_rows
from throughtime.stamps.stamp_columns import split_name
from throughtime.stamps.stamp_readings import read_stamps
from throughtime.stamps.unreadable_stamps import CORRECT, unread_stamps
from throughtime.tables.missing_codes import is_missing
from throughtime.tables.number_forms import NotANumber, TwoReadings
from throughtime.tables.reading_options import ReadingOptions
from throughtime.tables.sources import Table, as_table, is_list_of_numbers

from .calendar_features import check_calendar
from .calendar_seasons import calendar_seasons
from .column_roles import ColumnRoles, as_names, assign_roles, input_columns, quote_names
from .future_rows import check_inputs_are_named, future_rows
from .input_columns import InputColumns
from .input_values import fill_columns, read_values, static_values
from .missing_values import check_fill, check_values, first_complete_row
from .series import Series

MIN_ROWS = 3


def to_series(
    data: Any,
    *,
    target: str | Sequence[str] | None = None,
    inputs: str | Sequence[str] | InputColumns = (),
    time: str | bool | None = None,
    id: str | None = None,
    fill: str | None = None,
    fill_limit: int | None = None,
    dayfirst: bool | None = None,
    time_zone: str | None = None,
    decimal: str | None = None,
    missing: Any = (),
    name: str | None = None,
    past_inputs: str | Sequence[str] = (),
    static: str | Sequence[str] = (),
    calendar: str | Sequence[str] = (),
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
        The columns that drive the target and are known ahead: numbers, true and false, or
        words, which become a column of zeros and ones for each level. Rows at the end that
        have them and no target are the future: they become `Series.future`.
    time
        The time column, or several that make a stamp together, `"year,month"`. Default:
        columns called year and month or date and time, the first column if it holds dates or
        is called date, time, year, step or the like, else the only column of dates; without
        one, steps are counted. False counts steps whatever the columns hold.
    id
        The column that tells several series in one long table apart.
    fill
        `"linear"`, `"forward"` or `"seasonal"` fills missing values, and steps without a row;
        otherwise they are errors. Rows before the first value of a column are left out then.
    fill_limit
        The most steps in a row that are filled.
    dayfirst
        Whether 01/02/2024 is the first of February. Default: what gives a regular step.
    time_zone
        The zone of local times without one, such as `"Europe/Oslo"`.
    decimal
        The decimal mark of numbers that are text, `"."` or `","`. Default: the one that a
        column shows; it is asked for where a column can be read with either.
    missing
        Codes for a missing value, besides the usual words and signs: a number, a text, or
        several, such as `[-999, "BDL"]`.
    name
        What to call the series, unless an id names it. Default: the file's name.
    past_inputs
        The columns that drive the target and are not known ahead, such as another measurement.
    static
        The columns that tell the series of a panel apart, with one value in each.
    calendar
        Features of the calendar that are inputs: `"hour"`, `"weekday"`, `"month"`, and public
        holidays, `"holidays:DE"` or `"holidays:DE-BY"`.

    Returns
    -------
    list of Series
        With `id`, in order of first appearance. Values are float64; times with a zone are
        counted in UTC, days and months in the zone. `remarks` tells what was understood.

    Raises
    ------
    InputError
        If the data cannot be read, or are no complete series on a regular time axis; the
        message names the file, row or column at fault.
    """
    columns = input_columns(inputs, past_inputs, static, calendar)
    if isinstance(data, Series):
        return [_existing_series(data, target, columns, name)]
    if isinstance(data, list | tuple) and not is_list_of_numbers(data):
        options = {"target": target, "inputs": columns, "time": time, "id": id, "fill": fill}
        options |= {"fill_limit": fill_limit, "dayfirst": dayfirst, "time_zone": time_zone}
        options |= {"decimal": decimal, "missing": missing}
        return _list_to_series(data, options, name)
    reading = ReadingOptions.of(decimal, missing)
    check_dayfirst(dayfirst)
    table = as_table(data, id, reading)
    guess, unsure = not table.is_array, table.questions
    roles = assign_roles(table.frame, target, columns, time, id, guess=guess, unsure=unsure)
    check_fill(fill, fill_limit)
    parts = split_name(roles.time, table.frame.columns) if roles.time else ()
    table.check_columns(roles.names)
    _check_stamps(table, parts)
    values, remarks = read_values(table.frame, roles.targets, roles.columns, reading)
    told, dated = target is None or not parts, time is not False
    unused = _unused(table, roles, parts, dated) if told else []
    table = replace(table, remarks=(*table.remarks, *remarks, *unused))
    groups = _group_rows(table, roles.id, name)
    for label, rows in groups:
        _check_length(rows, label)
    placed = _place(table, roles, groups, values, fill, dayfirst, time_zone)
    for one in placed:
        check_calendar(roles.columns.calendar, one.times)
        known = roles.columns.known
        check_inputs_are_named(table, roles.targets, known, parts, values, one.rows)
    found = [
        _series(values, placement, roles, fill, fill_limit, label, table.remarks)
        for (label, _), placement in zip(groups, placed, strict=True)
    ]
    units = tuple(table.units.get(name, "") for name in roles.targets)
    units = units if any(units) else ()
    found = [replace(one, units=units, reading=reading) for one in found]
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
    if (merged := _with_all_levels(found)) is not None:
        return _list_to_series(items, options | {"inputs": merged}, name)
    columns = [(s.target_names, s.input_names, s.past_names) for s in found]
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


def _with_all_levels(found: list[Series]) -> InputColumns | None:
    """Input columns with the levels of all series; None if each series has all of them."""
    names = dict.fromkeys(name for one in found for name in one.columns.levels)
    if all(one.columns.levels == found[0].columns.levels for one in found):
        return None
    each = {n: {v for one in found for v in one.columns.levels.get(n, ())} for n in names}
    return replace(found[0].columns, levels={n: tuple(sorted(v)) for n, v in each.items()})


def _existing_series(
    series: Series, target: Any, columns: InputColumns, name: str | None
) -> Series:
    """A series that was passed as data, renamed if a name is given; it keeps its columns.

    Only features of the calendar, which its stamps have, can be added.
    """
    own = series.columns
    roles = (series.target_names, own.known, own.static, own.past)
    requested = (as_names(target), columns.known, columns.static, columns.past)
    requested = tuple(new or old for new, old in zip(requested, roles, strict=True))
    other = any(own.levels.get(n) != levels for n, levels in columns.levels.items())
    if requested != roles or other:
        raise InputError(
            f"a `Series` keeps its columns {quote_names(sum(roles, ()))}",
            quote_names(sum(requested, ())),
            "Leave out `target` and `inputs`, or pass the table.",
        )
    if new := tuple(one for one in columns.calendar if one not in own.calendar):
        series = series.with_calendar(new)
    return series if name is None else replace(series, name=name)


def _unused(table: Table, roles: ColumnRoles, stamps: Sequence[str], dated: bool) -> list[str]:
    """Remarks on the columns that have no role, and on stamps there, if any were looked for."""
    used = {*roles.names, *stamps, roles.id}
    names = [n for n in table.frame.columns if n not in used]
    if not names or table.is_array:
        return []
    unread = [] if stamps or not dated else unread_stamps(table.frame[n] for n in names)
    return [f"without {quote_names(names)}", *unread]


def _group_rows(
    table: Table, id: str | None, name: str | None
) -> list[tuple[str, Int64[np.ndarray, " _"]]]:
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


def check_dayfirst(dayfirst: Any) -> None:
    """Refuse an order of day and month that is neither True nor False nor None."""
    if dayfirst is not None and not isinstance(dayfirst, bool | np.bool_):
        rule = "`dayfirst` must be True or False"
        raise InputError(rule, repr(dayfirst), "Pass one of these, or leave it out.")


def _check_stamps(table: Table, parts: Sequence[str]) -> None:
    """Raise what is asked of the time columns; a stamp cannot be left empty as a value can."""
    try:
        table.check_columns(parts)
    except TwoReadings:
        raise
    except NotANumber as error:
        rule = f"stamps in `{','.join(parts)}` must be numbers, or dates written one way"
        raise InputError(rule, error.got, CORRECT) from None
    except InputError as error:
        raise InputError(error.rule, error.got, CORRECT) from None


def _check_length(rows: Int64[np.ndarray, " _"], name: str) -> None:
    if len(rows) < MIN_ROWS:
        raise InputError(
            f"a series must have at least {MIN_ROWS} rows",
            f"{len(rows)} in `{name}`",
            "Pass a longer series.",
        )


def _place(
    table: Table,
    roles: ColumnRoles,
    groups: list[tuple[str, Int64[np.ndarray, " _"]]],
    values: np.ndarray,
    fill: str | None,
    dayfirst: bool | None,
    time_zone: str | None,
) -> list[Placement]:
    """Where the rows of each series lie on its time axis."""
    if roles.time is None:
        return [count_rows(rows) for _, rows in groups]
    parts = split_name(roles.time, table.frame.columns)
    readings = read_stamps(
        [table.frame[part] for part in parts], roles.time, dayfirst, time_zone
    )
    ends = any(np.isnan(values[rows[-1]]).any() for _, rows in groups)
    rules = PlacementRules(
        roles.time,
        _same_rows(table),
        filled=fill is not None,
        labels=[label for label, _ in groups] if roles.id else None,
        way="forward" if ends else "linear",
    )
    return place_rows(readings, [rows for _, rows in groups], rules)


def _same_rows(table: Table) -> Callable[[int, int], bool]:
    """Whether two rows of a table hold the same; its columns are read when first asked."""

    @cache
    def columns() -> list[list[Any]]:
        return [table.frame[name].to_list() for name in table.frame.columns]

    def same(one: int, other: int) -> bool:
        pairs = ((column[one], column[other]) for column in columns())
        return all((is_missing(a) and is_missing(b)) or a == b for a, b in pairs)

    return same


def _series(
    values: np.ndarray,
    placement: Placement,
    roles: ColumnRoles,
    fill: str | None,
    limit: int | None,
    name: str,
    remarks: tuple[str, ...] = (),
) -> Series:
    """The series in some rows of a table, its gaps filled."""
    names, columns, n = roles.names, roles.columns, len(roles.targets)
    known = n + len(columns.known)
    ahead = known + len(columns.static)
    label = name if roles.id else None
    numbers = placement.rows + 1
    values, times, steps = values[placement.rows], placement.times, placement.steps
    constant = static_values(values[:, known:ahead], columns.static, name)
    values[:, known:ahead] = constant
    end = len(steps) - future_rows(values[:, :n], values[:, n:known], steps)
    future = None
    if end < len(steps):
        future = columns.ahead(values[end:, n:ahead], times[int(steps[end]) :])
        times, steps = times[: int(steps[end])], steps[:end]
    values, numbers = values[:end], numbers[:end]
    check_values(values, names, numbers, fill is not None, series=label)
    full = np.full((len(times), values.shape[1]), np.nan)
    full[steps] = values
    full[:, known:ahead] = constant
    # A step without a row is named by the row before it.
    at = numbers[np.searchsorted(steps, np.arange(len(times)), side="right") - 1]
    more = [*remarks, *placement.remarks]
    if future is not None:
        last = "row" if len(future) == 1 else f"{len(future)} rows"
        more.append(f"the last {last} as the inputs of the future")
    if put_in := len(times) - len(steps):
        more.append(f"{put_in} missing row{'' if put_in == 1 else 's'} put in")
    if first := first_complete_row(full) if fill is not None else 0:
        which = "row" if first == 1 else f"{first} rows"
        more.append(f"the first {which} left out: no value yet")
        full, times, at = full[first:], times[first:], at[first:]
    _check_length(at, name)
    missing = np.isnan(full)
    if fill is not None:
        options = {"limit": limit, "seasons": calendar_seasons(times), "series": label}
        full = fill_columns(full, fill, names, at, columns, **options)
    return Series(
        targets=full[:, :n],
        target_names=roles.targets,
        inputs=columns.ahead(full[:, n:ahead], times),
        input_names=columns.names(),
        times=times,
        name=name,
        filled=int(missing.sum()),
        id=roles.id,
        filled_at=missing[:, :n] if missing[:, :n].any() else None,
        remarks=tuple(more),
        future=future,
        past_inputs=columns.of_past(full[:, ahead:]),
        past_names=columns.past_names(),
        columns=columns,
    )
