"""Tables to series: files, arrays and data frames, read and checked.

Rows in errors are data rows, counted from 1: row 1 follows the header.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from jaxtyping import Float64, Int64

from throughtime.errors import InputError

from .column_roles import Columns, as_names, choose, listed
from .files import check_distinct, read_file
from .series import Series, check_values
from .series import fill as fill_gaps
from .time_axis import Times
from .values import is_absent, to_numbers, to_stamps

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
    """Read one series or several from whatever holds them.

    Parameters
    ----------
    data
        A path (.csv, .tsv, .txt, .parquet), an array (time,) or (time, feature), a data frame
        (pandas, Polars, PyArrow, anything Narwhals reads), a `Series`, or a list of these. A
        pandas index of dates, or with a name, counts as a column. Columns of an array are
        called `x`, or `x0`, `x1`, ...
    target
        The column or columns to forecast. Default: the only numeric column that is nothing
        else; all columns of an array.
    inputs
        Columns that drive the target and are known ahead.
    time
        The time column. Default: the first column if it holds dates or is called date, time,
        year, step or the like, else the only column of dates; without one, steps are counted.
    id
        The column that tells several series of one long table apart.
    fill
        `"linear"` or `"forward"` fills missing values; otherwise they are errors.
    name
        What to call the series, where no id does. Default: the file's name.

    Returns
    -------
    list[Series]
        A list of `Series`; for `id`, in order of first appearance. Numbers are float64; times
        with a zone are UTC.

    Raises
    ------
    InputError
        That names the file, row or column at fault.
    """
    if isinstance(data, Series):
        return [_unchanged(data, target, inputs, name)]
    if isinstance(data, list | tuple) and not _is_numbers(data):
        options = {"target": target, "inputs": inputs, "time": time, "id": id, "fill": fill}
        return _each(data, options, name)
    table = _table(data, id)
    use = choose(table.frame, target, inputs, time, id, guess=not table.is_array)
    names = (*use.targets, *use.inputs)
    values = np.stack([to_numbers(table.frame[n]) for n in names], axis=1)
    check_values(values, names, missing=fill is not None)
    stamps = None if use.time is None else to_stamps(table.frame[use.time])
    groups = _groups(table, use.id, name)
    found = [_series(values, stamps, rows, use, fill, label) for label, rows in groups]
    check_steps(found[0], found[1:])
    return found


def future_inputs(data: Any, series: Series, steps: int) -> Float64[np.ndarray, "steps inputs"]:
    """The inputs that drive a forecast: the `steps` rows after the end of `series`.

    Parameters
    ----------
    data
        An array (time, inputs), or a table, read as by `to_series`, with the input columns of
        `series`. Where it has the time column too, rows are found by their stamps, so it may
        hold the past as well; otherwise the first rows are taken. Where it has the column that
        named the series, those of that name; otherwise it is the same for every series.
    series
        What is forecast. One without inputs takes no `data` (None).
    steps
        The length of the forecast.

    Returns
    -------
    Float64[np.ndarray, 'steps inputs']
        (steps, inputs), columns in the order of `series.input_names`.

    Raises
    ------
    InputError
        That says which columns or steps are missing.
    """
    if not series.input_names:
        if data is not None:
            rule = "future inputs need a series with inputs"
            got = f"inputs for `{series.name}`, which was fitted without"
            raise InputError(rule, got, "Leave them out, or fit with `inputs`.")
        return np.empty((steps, 0))
    need = f"a forecast of {steps} steps needs {listed(series.input_names)} for these steps"
    if data is None:
        remedy = "Pass one with these columns (`--future` on the command line)."
        raise InputError(need, "no table of future inputs", remedy)
    table = _of_series(_table(data, series.id), series)
    names = table.frame.columns if table.is_array else list(series.input_names)
    missing = [n for n in names if n not in table.frame.columns]
    if missing or len(names) != len(series.input_names):
        found = f"{len(names)} columns" if table.is_array else f"no column {listed(missing)}"
        raise InputError(need, found, "Pass a table with these columns.")
    if series.times.column in table.frame.columns and not table.is_array:
        stamps = to_stamps(table.frame[series.times.column])
        rows = _rows_after(stamps, series.times, steps, need)
    elif len(table.frame) < steps:
        raise InputError(need, f"{len(table.frame)} rows", "Pass more rows or lower `steps`.")
    else:
        rows = np.arange(steps)
    values = np.stack([to_numbers(table.frame[n])[rows] for n in names], axis=1)
    numbers = (rows + 1).tolist()
    check_values(values, series.input_names, numbers, remedy="Fill the gap first.")
    return values


def check_steps(known: Series, others: Sequence[Series]) -> None:
    """Refuse series whose time step is not that of the `known` one."""
    other = next((s for s in others if not known.times.same_step(s.times)), None)
    if other is not None:
        raise InputError(
            f"every series must have one time step, {known.times.describe()}",
            f"{other.times.describe()} in `{other.name}`",
            "Resample the data, or pass series of one step.",
        )


def has_column(data: Any, name: str | None) -> bool:
    """Whether data, of any kind that `to_series` takes, is a table with that column."""
    if isinstance(data, Series | list | tuple):
        return False
    return name in _table(data).frame.columns


# --- from what was passed to a table ---


@dataclass(frozen=True)
class _Table:
    frame: nw.DataFrame[Any]
    name: str
    is_array: bool = False


def _table(data: Any, id: str | None = None) -> _Table:
    """The table, with the `id` column of a file as it is written."""
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        return _Table(nw.from_native(read_file(path, id), eager_only=True), path.stem)
    data = _index_to_columns(nw.to_native(data, pass_through=True))
    native: Any = nw.from_native(data, allow_series=True, pass_through=True)
    if isinstance(native, nw.LazyFrame):
        native = native.collect()
    if isinstance(native, nw.Series):
        native = native.alias(native.name or "value").to_frame()
    if isinstance(native, nw.DataFrame):
        return _Table(native, "series")
    if hasattr(data, "__array__") or isinstance(data, list | tuple):
        return _Table(_from_array(data), "series", is_array=True)
    raise InputError(
        "data must be a path, an array, a data frame, a `Series` or a list of these",
        type(data).__name__,
        "Convert it to one of them.",
    )


def _index_to_columns(data: Any) -> Any:
    """pandas keeps stamps and ids in its index; Narwhals does not look there."""
    if nw.dependencies.is_pyarrow_table(data):
        check_distinct(data.column_names)
    if nw.dependencies.is_pandas_like_series(data):
        data = data.to_frame("value" if data.name is None else data.name)
    if not nw.dependencies.is_pandas_like_dataframe(data):
        return data
    data = data.set_axis([str(c) for c in data.columns], axis=1)
    index = data.index
    if type(index).__name__ == "PeriodIndex":
        index = index.to_timestamp()
    if any(index.names) or index.dtype.kind == "M":
        index = index.set_names([str(n or "time") for n in index.names])
        data = data.set_axis(index, axis=0).reset_index(allow_duplicates=True)
    check_distinct(list(data.columns))
    return data


def _from_array(data: Any) -> nw.DataFrame[Any]:
    array = np.ma.asarray(data) if isinstance(data, np.ma.MaskedArray) else np.asarray(data)
    if array.dtype.kind not in "biuf":
        raise InputError(
            "an array must hold real numbers",
            f"values of type {array.dtype}",
            "Convert it, or pass real and imaginary parts as two columns.",
        )
    if array.ndim not in (1, 2) or 0 in array.shape[1:]:
        raise InputError(
            "an array must be (time,) or (time, feature)",
            f"shape {array.shape}",
            "Pass one series, or a list of arrays for several.",
        )
    array = np.ma.filled(array.astype(np.float64), np.nan)
    array = array[:, None] if array.ndim == 1 else array
    width = array.shape[1]
    names = ["x"] if width == 1 else [f"x{i}" for i in range(width)]
    return nw.from_native(pl.DataFrame(dict(zip(names, array.T, strict=True))))


def _is_numbers(data: Sequence[Any]) -> bool:
    return len(data) > 0 and all(isinstance(v, int | float | np.number) for v in data)


def _each(data: Sequence[Any], options: dict[str, Any], name: str | None) -> list[Series]:
    """The series of each item, with names that tell them apart."""
    found: list[Series] = []
    for i, item in enumerate(data, 1):
        try:
            found += to_series(item, **options, name=name)
        except InputError as error:
            rule = f"{error.rule} (item {i} of {len(data)})"
            raise InputError(rule, error.got, error.remedy) from None
    if not found:
        raise InputError("a list must hold at least one series", "none", "Pass data.")
    columns = [(s.target_names, s.input_names) for s in found]
    other = next((c for c in columns if c != columns[0]), None)
    if other is not None:
        raise InputError(
            "all series must have the same columns",
            f"{listed(sum(other, ()))} beside {listed(sum(columns[0], ()))}",
            "Rename columns, or name `target` and `inputs`.",
        )
    check_steps(found[0], found[1:])
    if len({s.name for s in found}) < len(found):
        found = [replace(s, name=f"{s.name} {i}") for i, s in enumerate(found, 1)]
    return found


def _unchanged(
    series: Series, target: Any, inputs: str | Sequence[str], name: str | None
) -> Series:
    """A series has its columns already; to ask for others is a mistake."""
    asked = (as_names(target) or series.target_names, as_names(inputs) or series.input_names)
    if asked != (series.target_names, series.input_names):
        raise InputError(
            f"a `Series` keeps its columns {listed(series.target_names + series.input_names)}",
            listed(sum(asked, ())),
            "Leave out `target` and `inputs`, or pass the table.",
        )
    return series if name is None else replace(series, name=name)


def _groups(
    table: _Table, id: str | None, name: str | None
) -> list[tuple[str, Int64[np.ndarray, " rows"]]]:
    """The rows of each series, under its name."""
    if id is None:
        return [(name or table.name, np.arange(len(table.frame)))]
    rows: dict[Any, list[int]] = {}
    for i, key in enumerate(table.frame[id].to_list()):
        if is_absent(key):
            raise InputError(
                f"the id column `{id}` must have a value in each row",
                f"none in row {i + 1}",
                "Write it, or drop the row.",
            )
        rows.setdefault(key, []).append(i)
    return [(str(key), np.array(r)) for key, r in rows.items()]


def _series(
    values: np.ndarray,
    stamps: np.ndarray | None,
    rows: np.ndarray,
    use: Columns,
    fill: str | None,
    name: str,
) -> Series:
    numbers = (rows + 1).tolist()
    if len(rows) < MIN_ROWS:
        raise InputError(
            f"a series must have at least {MIN_ROWS} rows",
            f"{len(rows)} in `{name}`",
            "Pass a longer series.",
        )
    times = Times.count(len(rows))
    if stamps is not None and use.time is not None:
        times = Times.from_stamps(stamps[rows], use.time, numbers)
    values, n = values[rows], len(use.targets)
    missing = np.isnan(values)
    filled, filled_at = int(missing.sum()), missing[:, :n] if missing[:, :n].any() else None
    if fill is not None:
        values = fill_gaps(values, fill, (*use.targets, *use.inputs), numbers)
    targets, inputs = values[:, :n], values[:, n:]
    names = use.targets, use.inputs
    return Series(targets, names[0], inputs, names[1], times, name, filled, use.id, filled_at)


def _of_series(table: _Table, series: Series) -> _Table:
    """The rows of one series, if the table has the column that named it."""
    if table.is_array or series.id not in table.frame.columns:
        return table
    mine = [str(key) == series.name for key in table.frame[series.id].to_list()]
    return replace(table, frame=table.frame.filter(mine))


def _rows_after(
    stamps: np.ndarray, times: Times, steps: int, need: str
) -> Int64[np.ndarray, " steps"]:
    """The rows whose stamps continue `times`."""
    after = times.after(steps)
    expected, labels = after.values(), after.labels()
    if (stamps.dtype.kind == "M") != (expected.dtype.kind == "M") or not len(stamps):
        raise InputError(need, f"no row for {labels[0]} in `{times.column}`", "Add the rows.")
    exact = expected.dtype.kind == "M"
    slack: Any = np.timedelta64(0, "us") if exact else 1e-6 * times.step
    order = np.argsort(stamps, kind="stable")
    place = np.searchsorted(stamps[order], expected - slack).clip(max=len(stamps) - 1)
    rows = order[place]
    absent = ~(np.abs(stamps[rows] - expected) <= slack)
    if absent.any():
        i = int(absent.argmax())
        raise InputError(
            f"{need}, {labels[0]} to {labels[-1]}",
            f"no row for {labels[i]} in `{times.column}` (step {i + 1})",
            "Add the row, or forecast fewer steps.",
        )
    return rows
