"""From whatever holds a table (a file, an array, a data frame) to one kind of data frame."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from throughtime.errors import InputError

from .categories import is_declared
from .column_types import read_columns
from .files import read_file
from .frames import as_frame
from .reading_options import AS_WRITTEN, ReadingOptions
from .values import is_text


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
    units
        By column, the unit of its numbers, if one is written.
    questions
        By column, the error to raise when it is used: its numbers have two readings, say.
    """

    frame: nw.DataFrame[Any]
    name: str
    is_array: bool = False
    remarks: tuple[str, ...] = ()
    units: dict[str, str] = field(default_factory=dict)
    questions: dict[str, InputError] = field(default_factory=dict)

    def check_columns(self, names: Sequence[str]) -> None:
        """Raise the first question that these columns bring."""
        for name in names:
            if name in self.questions:
                raise self.questions[name]


def as_table(
    data: Any,
    id: str | None = None,
    reading: ReadingOptions = AS_WRITTEN,
) -> Table:
    """The table in a file, an array or a data frame.

    Parameters
    ----------
    data
        A path, an array (time,) or (time, feature), or a data frame: see `to_series`.
    id
        The id column. It stays text as it is written: 01 is not 1.
    reading
        How numbers in text are written.

    Raises
    ------
    InputError
        If the data is of no known kind, or its file cannot be read.
    """
    options: Any = {"decimal": reading.decimal, "missing": reading.codes().texts}
    if isinstance(data, str | os.PathLike):
        file = read_file(Path(data))
        typed = read_columns(file.frame, id, **options, separator=file.separator)
        frame = nw.from_native(typed.frame, eager_only=True)
        remarks = (*file.remarks, *typed.remarks)
        return Table(
            frame,
            file.stem,
            remarks=remarks,
            units=file.units | typed.units,
            questions=typed.questions,
        )
    frame = as_frame(data)
    if frame is not None:
        return _read_texts(Table(frame, "series"), id, options)
    if hasattr(data, "__array__") or isinstance(data, list | tuple):
        return Table(_array_to_frame(data), "series", is_array=True)
    raise InputError(
        "data must be a path, an array, a data frame, a `Series` or a list of these",
        type(data).__name__,
        "Convert it to one of these.",
    )


def _read_texts(table: Table, id: str | None, options: Any) -> Table:
    """The table with its columns of text read as numbers, where they hold these."""
    frame, texts = table.frame, {}
    for name in frame.columns:
        read = is_text(frame[name]) and not is_declared(frame[name])
        values = frame[name].to_list() if read else []
        if any(isinstance(v, str) for v in values) and all(
            v is None or isinstance(v, str) or v != v for v in values
        ):
            texts[name] = [v if isinstance(v, str) else None for v in values]
    if not texts:
        return table
    typed = read_columns(
        pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String)), id, **options
    )
    for column in typed.frame:
        if column.dtype.is_numeric() or column.dtype == pl.Boolean:
            values = (
                column.cast(pl.Float64).to_numpy() if column.null_count() else column.to_numpy()
            )
            backend = frame.implementation
            frame = frame.with_columns(nw.new_series(column.name, values, backend=backend))
    return replace(
        table,
        frame=frame,
        remarks=tuple(typed.remarks),
        units=typed.units,
        questions=typed.questions,
    )


def is_list_of_numbers(data: Sequence[Any]) -> bool:
    """Whether a list is one series of numbers, rather than a list of series."""
    known = int | float | np.number | None
    return (
        len(data) > 0
        and all(isinstance(v, known) for v in data)
        and any(v is not None for v in data)
    )


def _array_to_frame(data: Any) -> nw.DataFrame[Any]:
    """An array as a frame of float64 with the columns `x`, or `x0`, `x1`, ..."""
    if isinstance(data, list | tuple):
        data = [np.nan if v is None else v for v in data]
    try:
        array = np.ma.asarray(data) if isinstance(data, np.ma.MaskedArray) else np.asarray(data)
    except (TypeError, ValueError, RuntimeError) as error:
        rule = "an array must become a NumPy array"
        raise InputError(rule, error, "Convert it by `numpy.array` first.") from None
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
