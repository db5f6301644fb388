"""From whatever holds a table (a file, an array, a data frame) to one kind of data frame."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from throughtime.errors import InputError

from .files import check_distinct, read_file


@dataclass(frozen=True)
class Table:
    """A table in memory.

    Attributes
    ----------
    frame
        Its columns.
    name
        The name of its file, or `"series"`.
    is_array
        Whether it was an array, whose columns had no names.
    remarks
        What was understood of its file beyond what is written; see `remarks.py`.
    """

    frame: nw.DataFrame[Any]
    name: str
    is_array: bool = False
    remarks: tuple[str, ...] = ()


def as_table(data: Any, id: str | None = None) -> Table:
    """The table in a file, an array or a data frame.

    Parameters
    ----------
    data
        A path, an array (time,) or (time, feature), or a data frame: see `to_series`.
    id
        The id column. That of a CSV file stays text as it is written: 01 is not 1.

    Raises
    ------
    InputError
        If the data is of no known kind, or its file cannot be read.
    """
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        return Table(nw.from_native(read_file(path, id), eager_only=True), path.stem)
    data = _index_to_columns(nw.to_native(data, pass_through=True))
    native: Any = nw.from_native(data, allow_series=True, pass_through=True)
    if isinstance(native, nw.LazyFrame):
        native = native.collect()
    if isinstance(native, nw.Series):
        native = native.alias(native.name or "value").to_frame()
    if isinstance(native, nw.DataFrame):
        return Table(native, "series")
    if hasattr(data, "__array__") or isinstance(data, list | tuple):
        return Table(_array_to_frame(data), "series", is_array=True)
    raise InputError(
        "data must be a path, an array, a data frame, a `Series` or a list of these",
        type(data).__name__,
        "Convert it to one of these.",
    )


def is_list_of_numbers(data: Sequence[Any]) -> bool:
    """Whether a list is one series of numbers, rather than a list of series."""
    return len(data) > 0 and all(isinstance(v, int | float | np.number) for v in data)


def _index_to_columns(data: Any) -> Any:
    """Make the index of a pandas object its first columns: Narwhals does not read an index."""
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


def _array_to_frame(data: Any) -> nw.DataFrame[Any]:
    """An array as a frame of float64 with the columns `x`, or `x0`, `x1`, ..."""
    array = np.ma.asarray(data) if isinstance(data, np.ma.MaskedArray) else np.asarray(data)
    if array.dtype.kind not in "biuf":
        raise InputError(
            "an array must hold real numbers",
            f"values of type {array.dtype}",
            "Convert it to floats, or pass real and imaginary parts as two columns.",
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
