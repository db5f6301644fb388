"""Tables to series: files, arrays and data frames, read and checked.

Rows in errors are data rows, counted from 1: row 1 follows the header.
"""

import csv
import datetime as dt
import difflib
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from jaxtyping import Float64, Int64, Shaped

from .errors import InputError
from .series import Series, Times, check_values
from .series import fill as fill_gaps

TIME_NAMES = frozenset(
    "date time datetime timestamp year month week day hour step t index".split()
)
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
BOOLEANS = {"true": 1.0, "false": 0.0}
MIN_ROWS = 3
DATE = re.compile(r"(\d{4})[-/](\d{1,2})(?:[-/](\d{1,2}))?(?:[T ]+(\d.*))?")
DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f")


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

    **Arguments:**

    - `data`: a path (.csv, .tsv, .txt, .parquet), an array (time,) or (time, feature), a
      data frame (pandas, Polars, PyArrow, anything Narwhals reads), a `Series`, or a
      list of these. A pandas index of dates, or with a name, counts as a column.
      Columns of an array are called `x`, or `x0`, `x1`, ...
    - `target`: the column or columns to forecast. Default: the only numeric column that
      is nothing else; all columns of an array.
    - `inputs`: columns that drive the target and are known ahead.
    - `time`: the time column. Default: the first column if it holds dates or is called
      date, time, year, step or the like; otherwise steps are counted.
    - `id`: the column that tells several series of one long table apart.
    - `fill`: `"linear"` or `"forward"` fills missing values; otherwise they are errors.
    - `name`: what to call the series. Default: the file's name, or the id.

    **Returns:** a list of `Series`; for `id`, in order of first appearance. Numbers are
    float64; times with a zone are UTC.

    **Raises:** `InputError` that names the file, row or column at fault.
    """
    if isinstance(data, Series):
        return [_unchanged(data, target, inputs, name)]
    if isinstance(data, list | tuple) and not _is_numbers(data):
        options = {"target": target, "inputs": inputs, "time": time, "id": id, "fill": fill}
        return _each(data, options, name)
    table = _table(data)
    use = _choose(table, target, inputs, time, id)
    names = (*use.targets, *use.inputs)
    values = np.stack([_numbers(table.frame, column) for column in names], axis=1)
    check_values(values, names, missing=fill is not None)
    stamps = None if use.time is None else _stamps(table.frame, use.time)
    return [
        _series(values, stamps, rows, use, fill, label)
        for label, rows in _groups(table, use.id, name)
    ]


def future_inputs(data: Any, series: Series, steps: int) -> Float64[np.ndarray, "steps inputs"]:
    """The inputs that drive a forecast: the `steps` rows after the end of `series`.

    **Arguments:**

    - `data`: an array (time, inputs), or a table, read as by `to_series`, with the input
      columns of `series`. Where it has the time column too, rows are found by their
      stamps, so it may hold the past as well; otherwise the first rows are taken.
    - `series`: what is forecast. One without inputs needs no `data` (None).
    - `steps`: the length of the forecast.

    **Returns:** (steps, inputs), columns in the order of `series.input_names`.

    **Raises:** `InputError` that says which columns or steps are missing.
    """
    if not series.input_names:
        return np.empty((steps, 0))
    need = f"a forecast of {steps} steps needs {_list(series.input_names)} for these steps"
    if data is None:
        raise InputError(need, "no table of future inputs", "Pass one with these columns.")
    table = _table(data)
    names = table.frame.columns if table.is_array else list(series.input_names)
    missing = [n for n in names if n not in table.frame.columns]
    if missing or len(names) != len(series.input_names):
        found = f"{len(names)} columns" if table.is_array else f"no column {_list(missing)}"
        raise InputError(need, found, "Pass a table with these columns.")
    if series.times.column in table.frame.columns and not table.is_array:
        rows = _rows_after(_stamps(table.frame, series.times.column), series.times, steps, need)
    elif len(table.frame) < steps:
        raise InputError(need, f"{len(table.frame)} rows", "Pass more rows or lower `steps`.")
    else:
        rows = np.arange(steps)
    values = np.stack([_numbers(table.frame, n)[rows] for n in names], axis=1)
    check_values(values, series.input_names, (rows + 1).tolist())
    return values


# --- from what was passed to a table ------------------------------------------------------


@dataclass(frozen=True)
class _Table:
    frame: nw.DataFrame[Any]
    name: str
    is_array: bool = False


def _table(data: Any) -> _Table:
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        return _Table(nw.from_native(_read(path), eager_only=True), path.stem)
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
        _check_distinct(data.column_names)
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
    _check_distinct(list(data.columns))
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
            f"{_list(sum(other, ()))} beside {_list(sum(columns[0], ()))}",
            "Rename columns, or name `target` and `inputs`.",
        )
    if len({s.name for s in found}) < len(found):
        found = [replace(s, name=f"{s.name} {i}") for i, s in enumerate(found, 1)]
    return found


def _unchanged(
    series: Series, target: Any, inputs: str | Sequence[str], name: str | None
) -> Series:
    """A series has its columns already; to ask for others is a mistake."""
    asked = (_names(target) or series.target_names, _names(inputs) or series.input_names)
    if asked != (series.target_names, series.input_names):
        raise InputError(
            f"a `Series` keeps its columns {_list(series.target_names + series.input_names)}",
            _list(sum(asked, ())),
            "Leave out `target` and `inputs`, or pass the table.",
        )
    return series if name is None else replace(series, name=name)


# --- files --------------------------------------------------------------------------------


def _read(path: Path) -> pl.DataFrame:
    if path.is_dir():
        raise InputError("data must be a file", f"the folder {path}", "Name a file in it.")
    if not path.exists():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(
            "the data file must exist", path, f"Check the path.{_near(path.name, beside)}"
        )
    if path.suffix.lower() not in (".csv", ".tsv", ".txt", ".parquet"):
        raise InputError(
            "a data file must end in .csv, .tsv, .txt or .parquet", path.name, "Convert it."
        )
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError("the data file must be readable", error, "Check the path.") from None
    if not raw.strip():
        raise InputError("a data file must hold a table", f"{path.name}, empty", "Check it.")
    try:
        if path.suffix.lower() == ".parquet":
            table = pl.read_parquet(io.BytesIO(raw))
        else:
            table = _parse_csv(raw, path)
    except (pl.exceptions.PolarsError, csv.Error, OSError) as error:
        cause = str(error).strip().split("\n")[0]
        raise InputError(
            f"{path.name} must hold a table", cause, "Check the file and its ending."
        ) from None
    if not len(table):
        raise InputError(
            "a table must have rows under its header", f"none in {path.name}", "Check it."
        )
    return table


def _parse_csv(raw: bytes, path: Path) -> pl.DataFrame:
    """Columns of numbers or dates where every value is one, otherwise of text."""
    text = _decode(raw, path)
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(text)
    names = [n.strip() for n in _header(text, separator)]
    _check_header(names, text, path)
    names[0] = names[0] or "index"  # pandas writes its index without a name
    blank = [i for i, n in enumerate(names) if not n]
    named = [n or f"\0{i}" for i, n in enumerate(names)]
    _check_distinct(named)
    try:
        table = pl.read_csv(
            text.encode(), separator=separator, infer_schema=False, new_columns=named
        )
    except pl.exceptions.ComputeError:
        _check_widths(text, separator, len(names), path)
        raise
    table = pl.DataFrame([_typed(column) for column in table])
    for i in blank:  # rows that end in a separator leave a column without anything in it
        if table[named[i]].null_count() < len(table):
            raise InputError(
                "each column must have a name", f"none for column {i + 1}", "Name it."
            )
    return table.drop([named[i] for i in blank])


def _decode(raw: bytes, path: Path) -> str:
    try:
        text = raw.decode("utf-8-sig")
        if "\0" in text:
            raise UnicodeDecodeError("utf-8", raw, raw.index(b"\0"), len(raw), "zero byte")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path.name} must be a table in UTF-8 text",
            f"byte 0x{raw[error.start]:02x} in line {line}",
            "Save it as CSV in UTF-8.",
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n").rstrip() + "\n"


def _header(text: str, separator: str) -> list[str]:
    start = io.StringIO(text[:100_000])  # a quoted name may go over several lines
    return next(csv.reader(start, delimiter=separator))


def _header(text: str, separator: str) -> list[str]:
    start = io.StringIO(text[:100_000])  # a quoted name may go over several lines
    return next(csv.reader(start, delimiter=separator))


def _header(text: str, separator: str) -> list[str]:
    start = io.StringIO(text[:100_000])  # a quoted name may go over several lines
    return next(csv.reader(start, delimiter=separator))


def _separator(text: str) -> str:
    return max(",;\t", key=lambda s: len(_header(text, s)))  # a comma if all are equal


def _check_header(names: list[str], text: str, path: Path) -> None:
    first, second = text.split("\n", 2)[:2]
    if len(names) == 1 and len(first.split()) == len(second.split()) > 1:
        raise InputError(
            "columns must be separated by commas, semicolons or tabs",
            f"spaces in {path.name}",
            "Replace them.",
        )
    if not _parse([n for n in names if n])[1]:
        raise InputError(
            "the first line must name the columns",
            f"numbers in {path.name}",
            "Add a first line such as `time,value`.",
        )


def _check_widths(text: str, separator: str, width: int, path: Path) -> None:
    for i, row in enumerate(csv.reader(io.StringIO(text), delimiter=separator)):
        if len(row) > width:
            raise InputError(
                f"a row must not hold more than the {width} values that the header names",
                f"{len(row)} in row {i} of {path.name}",
                "Correct the row, or quote text that holds the separator.",
            )


def _typed(column: pl.Series) -> pl.Series:
    column = column.str.strip_chars()
    column = column.set(column.is_in(MISSING), None)
    if column.null_count() == len(column):
        return column
    for dtype in (pl.Int64, pl.Float64):
        numbers = column.cast(dtype, strict=False)
        if numbers.null_count() == column.null_count():
            return numbers
    for form in DATE_FORMATS:  # the common ones, at Polars' speed; `_moment` reads more
        dates = column.str.to_datetime(form, strict=False, time_unit="us")
        if dates.null_count() == column.null_count():
            return dates
    return column


# --- columns ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Columns:
    targets: tuple[str, ...]
    inputs: tuple[str, ...]
    time: str | None
    id: str | None


def _choose(
    table: _Table, target: Any, inputs: Any, time: str | None, id: str | None
) -> _Columns:
    frame, driving, targets = table.frame, _names(inputs), _names(target)
    asked = [("target", n) for n in targets] + [("inputs", n) for n in driving]
    asked += [(role, n) for role, n in (("time", time), ("id", id)) if n is not None]
    _check_roles(asked, frame.columns)
    rest = [n for n in frame.columns if n not in [n for _, n in asked]]
    if table.is_array:
        targets = tuple(rest) if target is None else targets
    else:
        time = _default_time(frame, id, rest) if time is None else time
        # A row index in front, as pandas writes it, is never what to forecast.
        rest = [n for i, n in enumerate(rest) if n != time and (i or n.lower() != "index")]
        if target is None:
            targets = tuple(n for n in rest if _is_numeric(frame[n]))
    if target is None and len(targets) > 1 and not table.is_array:
        raise InputError(
            "`target` must be named if the table has several numeric columns",
            _list(targets),
            "Pass `target` (`--target` on the command line).",
        )
    if not targets:
        raise InputError(
            "a table needs a numeric column to forecast",
            _list(frame.columns),
            "Pass `target`, and write numbers with a decimal point.",
        )
    return _Columns(targets, driving, time, id)


def _check_roles(asked: list[tuple[str, str]], columns: list[str]) -> None:
    for role, column in asked:
        if column not in columns:
            raise InputError(
                f"`{role}` must name a column of the table ({_list(columns)})",
                column,
                f"Change `{role}`.{_near(column, columns)}",
            )
    names = [n for _, n in asked]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        roles = " and ".join(f"`{role}`" for role, n in asked if n == twice)
        raise InputError(
            "a column must have one role", f"`{twice}` as {roles}", "Name another column."
        )


def _default_time(frame: nw.DataFrame[Any], id: str | None, free: list[str]) -> str | None:
    """The first column if it is time, but dates behind a row index go before the index."""
    front = [n for n in frame.columns if n != id][:2]
    if len(front) == 2 and front[0].lower() == "index" and _is_time(frame[front[1]]):
        front = front[1:]
    return next((n for n in front[:1] if n in free and _is_time(frame[n])), None)


def _names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


def _check_distinct(names: Sequence[str]) -> None:
    names = list(names)
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise InputError("column names must differ", f"`{twice}` twice", "Rename one of them.")


def _list(names: Sequence[str]) -> str:
    shown = [f"`{n}`" for n in names[:10]]
    return ", ".join(shown) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _near(name: str, known: Sequence[str]) -> str:
    """ " Did you mean ...?" if a name is close."""
    lower = {k.lower(): k for k in known}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    return f" Did you mean `{lower[close[0]]}`?" if close else ""


def _is_numeric(column: nw.Series[Any]) -> bool:
    """Numbers, or text that mostly reads as numbers, so that the exception is reported."""
    if column.dtype.is_numeric() or not _is_text(column):
        return column.dtype.is_numeric()
    numbers, bad = _parse(column.to_list())
    good = int((~np.isnan(numbers)).sum())
    return good > 0 and good >= len(bad)


def _is_time(column: nw.Series[Any]) -> bool:
    if isinstance(column.dtype, nw.Date | nw.Datetime):
        return True
    if column.name.strip().lower() in TIME_NAMES:
        return True
    return _is_text(column) and _reads_as_date(column)


def _reads_as_date(column: nw.Series[Any]) -> bool:
    first = next((v for v in column.to_list() if not _absent(v)), None)
    return _moment(first) is not None


def _is_text(column: nw.Series[Any]) -> bool:
    return column.dtype in (nw.String, nw.Object, nw.Categorical, nw.Enum, nw.Unknown)


# --- values -------------------------------------------------------------------------------


def _numbers(frame: nw.DataFrame[Any], name: str) -> Float64[np.ndarray, " time"]:
    column = frame[name]
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        return column.cast(nw.Float64).to_numpy().astype(np.float64)
    values = column.to_list()
    numbers, bad = _parse(values)
    if bad:
        comma = isinstance(values[bad[0]], str) and "," in values[bad[0]]
        raise InputError(
            f"column `{name}` must hold numbers",
            f"{values[bad[0]]!r} in row {bad[0] + 1} ({len(bad)} such rows in all)",
            "Write decimals with a point." if comma else "Correct it, or leave it empty.",
        )
    return numbers


def _parse(values: Sequence[Any]) -> tuple[Float64[np.ndarray, " time"], list[int]]:
    """Values as numbers, and the places of those that are none."""
    numbers, bad = np.full(len(values), np.nan), []
    for i, value in enumerate(values):
        if _absent(value):
            continue
        text = value.strip().lower() if isinstance(value, str) else value
        try:
            if isinstance(text, str) and "_" in text:  # Python reads 1_000, tables do not
                raise ValueError
            numbers[i] = BOOLEANS[text] if text in BOOLEANS else float(text)
        except (TypeError, ValueError):
            bad.append(i)
    return numbers, bad


def _absent(value: Any) -> bool:
    if value is None or type(value).__name__ == "NAType":  # pandas.NA has no truth value
        return True
    return value.strip() in MISSING if isinstance(value, str) else bool(value != value)


def _stamps(frame: nw.DataFrame[Any], name: str) -> Shaped[np.ndarray, " time"]:
    """int64, floats or `datetime64`, in UTC; a missing one is NaN or NaT."""
    column = frame[name]
    if isinstance(column.dtype, nw.Date):
        return column.cast(nw.Datetime("us")).to_numpy()
    if isinstance(column.dtype, nw.Datetime):
        if column.dtype.time_zone is not None:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return column.to_numpy()
    if column.dtype.is_integer() and not column.null_count():
        return column.cast(nw.Int64).to_numpy().astype(np.int64)
    if column.dtype == nw.Float32:
        return column.to_numpy()
    if column.dtype.is_numeric() or (not _reads_as_date(column) and _is_numeric(column)):
        return _numbers(frame, name)
    if not _is_text(column):
        raise InputError(
            f"the time column `{name}` must hold numbers or dates",
            f"type {column.dtype}",
            "Convert it, or name another column with `time`.",
        )
    stamps = np.full(len(column), "NaT", "M8[us]")
    for i, value in enumerate(column.to_list()):
        moment = None if _absent(value) else _moment(value)
        if moment is None and not _absent(value):
            raise InputError(
                f"dates in `{name}` must read like 2024-01-31, 2024-01 or 2024-01-31 12:30",
                f"{value!r} in row {i + 1}",
                "Write ISO dates, or name another column with `time`.",
            )
        stamps[i] = moment
    return stamps


def _moment(value: Any) -> dt.datetime | None:
    """A date, or text that reads as one, as a time in UTC without its zone."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        parts = DATE.fullmatch(value.strip())
        if parts is None:
            return None
        year, month, day, clock = parts.groups()
        clock = f"0{clock}" if clock and clock[1:2] == ":" else clock or "00:00"
        try:
            date = f"{year}-{int(month):02}-{int(day or 1):02}"
            value = dt.datetime.fromisoformat(f"{date}T{clock}")
        except ValueError:
            return None
    if not isinstance(value, dt.datetime):
        return None
    return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value


def _groups(
    table: _Table, id: str | None, name: str | None
) -> list[tuple[str, Int64[np.ndarray, " rows"]]]:
    """The rows of each series, under its name."""
    if id is None:
        return [(name or table.name, np.arange(len(table.frame)))]
    rows: dict[Any, list[int]] = {}
    for i, key in enumerate(table.frame[id].to_list()):
        if _absent(key):
            raise InputError(
                f"the id column `{id}` must have a value in each row",
                f"none in row {i + 1}",
                "Write it, or drop the row.",
            )
        rows.setdefault(key, []).append(i)
    return [(f"{name} {key}" if name else str(key), np.array(r)) for key, r in rows.items()]


def _series(
    values: np.ndarray,
    stamps: np.ndarray | None,
    rows: np.ndarray,
    use: _Columns,
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
    filled = int(np.isnan(values).sum())
    if fill is not None:
        values = fill_gaps(values, fill, (*use.targets, *use.inputs), numbers)
    return Series(values[:, :n], use.targets, values[:, n:], use.inputs, times, name, filled)


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
