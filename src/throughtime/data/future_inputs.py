"""The known inputs that drive a forecast beyond the end of a series."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from throughtime.errors import InputError
from throughtime.stamps.placement import stamps_like
from throughtime.stamps.stamp_columns import find_stamp_columns, split_name
from throughtime.stamps.stamp_readings import is_date
from throughtime.stamps.time_axis import Times
from throughtime.tables.number_forms import TwoReadings
from throughtime.tables.sources import Table, as_table

from .calendar_features import calendar_columns
from .column_roles import TIME_NAMES, quote_names
from .input_columns import InputColumns
from .input_values import read_columns
from .missing_values import check_values
from .series import Series


class KnownInputs(NamedTuple):
    """The inputs of the steps to forecast.

    Attributes
    ----------
    values
        (steps, inputs) with columns in the order of `series.input_names`.
    remarks
        How their rows were found, if their table does not say.
    """

    values: Float64[np.ndarray, "steps inputs"]
    remarks: tuple[str, ...] = ()


def future_inputs(data: Any, series: Series, steps: int) -> KnownInputs:
    """Read the inputs of a forecast: the `steps` rows after the end of `series`.

    Parameters
    ----------
    data
        An array (time, inputs), or a table, read as by `to_series`, with the input columns of
        `series` that are known ahead. Rows are found by their stamps, whatever the column of
        these is called, so it may also hold the past; without stamps the first rows are taken,
        which is told. If it has the id column of `series`, only the rows of that series count;
        otherwise all series share its rows. Without a table, `Series.future` is taken. Inputs
        that were read before (`KnownInputs`) stay as they are.
    series
        The series to forecast. One without inputs takes no `data` (None).
    steps
        The number of steps to forecast.

    Raises
    ------
    InputError
        If columns, steps or values are missing; the message names them.
    """
    if isinstance(data, KnownInputs):
        return data
    known = series.columns.known
    if not known:
        if data is not None:
            rule = "future inputs need a series with inputs"
            got = f"inputs for `{series.name}`, which was fitted without"
            raise InputError(rule, got, "Leave them out, or fit with `inputs`.")
        return KnownInputs(_with_others(np.empty((steps, 0)), series))
    rule = f"a forecast of {steps} steps needs {quote_names(known)} for these steps"
    if series.id is not None:
        rule = f"{rule} (in series `{series.name}`)"
    if data is None:
        return KnownInputs(_own_future(series, steps, rule))
    table = _rows_of_series(as_table(data, series.id, series.reading), series)
    names = table.frame.columns if table.is_array else list(known)
    missing = [n for n in names if n not in table.frame.columns]
    if missing or len(names) != len(known):
        count = f"{len(names)} column{'' if len(names) == 1 else 's'}"
        got = count if table.is_array else f"no column {quote_names(missing)}"
        raise InputError(rule, got, "Pass a table with these columns.")
    try:
        table.check_columns(names)
    except TwoReadings as question:  # a forecast has no option of its own for that
        remedy = "Write decimals with a point, or fit with `decimal` (`--decimal`)."
        raise InputError(question.rule, question.got, remedy) from None
    columns = [table.frame[n].alias(own) for n, own in zip(names, known, strict=True)]
    values, _ = read_columns(columns, series.columns, series.reading)
    stamps, remarks = _stamps(table, series), ()
    if stamps:
        columns = [table.frame[n] for n in stamps]
        name = ",".join(stamps)
        found = stamps_like(columns, series.times)
        rows = _rows_after(found, series.times, steps, rule, name, values)
    elif len(table.frame) < steps:
        raise InputError(rule, f"{len(table.frame)} rows", "Pass more rows or lower `steps`.")
    else:
        rows = np.arange(steps)
        told = not table.is_array and series.times.column is not None
        remarks = ("future inputs without stamps by their position",) if told else ()
    values = values[rows]
    remedy = "Write the value in the table of future inputs."
    check_values(values, known, (rows + 1).tolist(), remedy=remedy)
    return KnownInputs(_with_others(values, series), remarks)


def _with_others(values: np.ndarray, series: Series) -> np.ndarray:
    """The inputs from columns known ahead, and those that need no table: static, calendar."""
    columns, steps = series.columns, len(values)
    known = InputColumns(columns.known, levels=columns.levels)
    static = InputColumns(static=columns.static, levels=columns.levels)
    first = len(known.names())
    constant = series.inputs[:1, first : first + len(static.names())].repeat(steps, axis=0)
    times = series.times.after(steps)
    read = known.ahead(values, times)
    return np.concatenate([read, constant, calendar_columns(columns.calendar, times)], axis=1)


def _own_future(series: Series, steps: int, rule: str) -> np.ndarray:
    """The inputs that the table of the series itself holds after its end."""
    if series.future is None:
        remedy = "Pass one with these columns (`--future` on the command line)."
        raise InputError(rule, "no table of future inputs", remedy)
    count = len(series.future)
    if count < steps:
        got = f"{count} rows after the last value of the target"
        remedy = "or pass a table with more (`--future` on the command line)."
        remedy = f"Forecast {count} steps, {remedy}"
        raise InputError(rule, got, remedy)
    return series.future[:steps]


def _stamps(table: Table, series: Series) -> tuple[str, ...]:
    """The columns of a table that hold the stamps of its rows; none for counted steps."""
    if table.is_array or series.times.column is None:
        return ()
    columns = table.frame.columns
    named = split_name(series.times.column, columns)
    if named[0] in columns:
        return named
    known = {*series.columns.all, *series.target_names, series.id}
    others = [n for n in columns if n not in known]
    dates = series.times.unit != "number"
    if found := find_stamp_columns(table.frame, others) if dates else ():
        return found
    if dates:
        fitting = [n for n in others if is_date(table.frame[n])]
    else:
        fitting = [n for n in others if n.strip().lower() in TIME_NAMES]
    if len(fitting) > 1:
        rule = "the stamps of future inputs must be in one column"
        remedy = f"Call the one that counts `{series.times.column}`."
        raise InputError(rule, quote_names(fitting), remedy)
    return tuple(fitting)


def _rows_of_series(table: Table, series: Series) -> Table:
    """The rows that the id column assigns to `series`, if the table has that column."""
    if table.is_array or series.id not in table.frame.columns:
        return table
    own = [str(key) == series.name for key in table.frame[series.id].to_list()]
    return replace(table, frame=table.frame.filter(own))


def _rows_after(
    stamps: np.ndarray,
    times: Times,
    steps: int,
    rule: str,
    name: str,
    values: Float64[np.ndarray, "rows inputs"],
) -> Int64[np.ndarray, " steps"]:
    """The rows whose stamps continue `times`; of several with the same values the first."""
    after = times.after(steps)
    expected, labels = after.values(), after.labels()
    if (stamps.dtype.kind == "M") != (expected.dtype.kind == "M") or not len(stamps):
        raise InputError(rule, f"no row for {labels[0]} in `{name}`", "Add the rows.")
    exact = expected.dtype.kind == "M"
    tolerance: Any = np.timedelta64(0, "us") if exact else 1e-6 * times.step
    order = np.argsort(stamps, kind="stable")
    place = np.searchsorted(stamps[order], expected - tolerance)
    ends = np.searchsorted(stamps[order], expected + tolerance, side="right")
    rows = order[place.clip(max=len(stamps) - 1)]
    absent = ~(np.abs(stamps[rows] - expected) <= tolerance)
    if absent.any():
        i = int(absent.argmax())
        raise InputError(
            f"{rule}, {labels[0]} to {labels[-1]}",
            f"no row for {labels[i]} in `{name}` (step {i + 1})",
            "Add the row, or forecast fewer steps.",
        )
    for i in np.flatnonzero(ends - place > 1):
        for other in order[place[i] + 1 : ends[i]]:
            if not np.array_equal(values[other], values[rows[i]], equal_nan=True):
                rule = f"stamps of future inputs in `{name}` must not repeat"
                pair = f"row {rows[i] + 1} and with other values in row {other + 1}"
                raise InputError(rule, f"{labels[i]} in {pair}", "Drop one of the rows.")
    return rows
