"""The known inputs that drive a forecast beyond the end of a series."""

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from throughtime.errors import InputError

from .column_roles import quote_names
from .missing_values import check_values
from .placement import stamps_like
from .series import Series
from .sources import Table, as_table
from .stamp_columns import split_name
from .time_axis import Times
from .values import to_numbers


def future_inputs(data: Any, series: Series, steps: int) -> Float64[np.ndarray, "steps inputs"]:
    """Read the inputs of a forecast: the `steps` rows after the end of `series`.

    Parameters
    ----------
    data
        An array (time, inputs), or a table, read as by `to_series`, with the input columns of
        `series`. If it has the time column too, rows are found by their stamps, so it may
        also hold the past; otherwise the first rows are taken. If it has the id column of
        `series`, only the rows of that series count; otherwise all series share its rows.
    series
        The series to forecast. One without inputs takes no `data` (None).
    steps
        The number of steps to forecast.

    Returns
    -------
    Array, (steps, inputs)
        The inputs, with columns in the order of `series.input_names`.

    Raises
    ------
    InputError
        If columns, steps or values are missing; the message names them.
    """
    if not series.input_names:
        if data is not None:
            rule = "future inputs need a series with inputs"
            got = f"inputs for `{series.name}`, which was fitted without"
            raise InputError(rule, got, "Leave them out, or fit with `inputs`.")
        return np.empty((steps, 0))
    names = quote_names(series.input_names)
    rule = f"a forecast of {steps} steps needs {names} for these steps"
    if data is None:
        remedy = "Pass one with these columns (`--future` on the command line)."
        raise InputError(rule, "no table of future inputs", remedy)
    table = _rows_of_series(as_table(data, series.id), series)
    names = table.frame.columns if table.is_array else list(series.input_names)
    missing = [n for n in names if n not in table.frame.columns]
    if missing or len(names) != len(series.input_names):
        count = f"{len(names)} column{'' if len(names) == 1 else 's'}"
        got = count if table.is_array else f"no column {quote_names(missing)}"
        raise InputError(rule, got, "Pass a table with these columns.")
    stamp_columns = split_name(series.times.column or "", table.frame.columns)
    if stamp_columns[0] in table.frame.columns and not table.is_array:
        stamps = stamps_like([table.frame[n] for n in stamp_columns], series.times)
        rows = _rows_after(stamps, series.times, steps, rule)
    elif len(table.frame) < steps:
        raise InputError(rule, f"{len(table.frame)} rows", "Pass more rows or lower `steps`.")
    else:
        rows = np.arange(steps)
    values = np.stack([to_numbers(table.frame[n])[rows] for n in names], axis=1)
    remedy = "Write the value in the table of future inputs."
    check_values(values, series.input_names, (rows + 1).tolist(), remedy=remedy)
    return values


def _rows_of_series(table: Table, series: Series) -> Table:
    """The rows that the id column assigns to `series`, if the table has that column."""
    if table.is_array or series.id not in table.frame.columns:
        return table
    own = [str(key) == series.name for key in table.frame[series.id].to_list()]
    return replace(table, frame=table.frame.filter(own))


def _rows_after(
    stamps: np.ndarray, times: Times, steps: int, rule: str
) -> Int64[np.ndarray, " steps"]:
    """The rows whose stamps continue `times`."""
    after = times.after(steps)
    expected, labels = after.values(), after.labels()
    if (stamps.dtype.kind == "M") != (expected.dtype.kind == "M") or not len(stamps):
        raise InputError(rule, f"no row for {labels[0]} in `{times.column}`", "Add the rows.")
    exact = expected.dtype.kind == "M"
    tolerance: Any = np.timedelta64(0, "us") if exact else 1e-6 * times.step
    order = np.argsort(stamps, kind="stable")
    place = np.searchsorted(stamps[order], expected - tolerance).clip(max=len(stamps) - 1)
    rows = order[place]
    absent = ~(np.abs(stamps[rows] - expected) <= tolerance)
    if absent.any():
        i = int(absent.argmax())
        raise InputError(
            f"{rule}, {labels[0]} to {labels[-1]}",
            f"no row for {labels[i]} in `{times.column}` (step {i + 1})",
            "Add the row, or forecast fewer steps.",
        )
    return rows
