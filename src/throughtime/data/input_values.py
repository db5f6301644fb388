"""The values of input columns: read, constant within a series, filled."""

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
from jaxtyping import Float64

from throughtime.errors import InputError
from throughtime.tables.reading_options import ReadingOptions
from throughtime.tables.values import large_numbers, rounding_remark

from .input_columns import InputColumns
from .missing_values import fill


def read_values(
    frame: nw.DataFrame[Any],
    targets: Sequence[str],
    columns: InputColumns,
    reading: ReadingOptions,
) -> tuple[Float64[np.ndarray, "time columns"], list[str]]:
    """The values of targets and inputs, and remarks on them; see `read_columns`."""
    return read_columns([frame[n] for n in (*targets, *columns.all)], columns, reading)


def read_columns(
    read: Sequence[nw.Series[Any]], columns: InputColumns, reading: ReadingOptions
) -> tuple[Float64[np.ndarray, "time columns"], list[str]]:
    """The values of some columns, NaN where they are missing, and remarks on them.

    Levels are their numbers.
    """
    values = np.stack([columns.read(one) for one in read], axis=1)
    plain = [j for j, one in enumerate(read) if one.name not in columns.levels]
    rounded = [
        remark
        for j in plain
        for remark in rounding_remark(read[j].name, large_numbers(read[j], values[:, j]))
    ]
    if plain:
        names = [read[j].name for j in plain]
        values[:, plain], remarks = reading.codes().drop_from(values[:, plain], names)
        rounded += remarks
    return values, rounded


def static_values(
    values: Float64[np.ndarray, "time columns"], names: Sequence[str], series: str
) -> Float64[np.ndarray, " columns"]:
    """The value of each static column of a series, which may be missing in some of its rows.

    Raises
    ------
    InputError
        If a column changes, or has no value.
    """
    found = []
    for name, column in zip(names, values.T, strict=True):
        known = np.unique(column[~np.isnan(column)])
        if len(known) != 1:
            several = f"{len(known)} values" if len(known) else "no value"
            raise InputError(
                "a static input must have one value in each series",
                f"{several} of `{name}` in `{series}`",
                "Pass what changes as `inputs` or `past_inputs`, or correct the values.",
            )
        found.append(known[0])
    return np.array(found)


def fill_columns(
    values: Float64[np.ndarray, "time columns"],
    how: str,
    names: Sequence[str],
    rows: np.ndarray,
    columns: InputColumns,
    **options: Any,
) -> Float64[np.ndarray, "time columns"]:
    """Fill gaps; see `fill`.

    Categories go on with their last level, however numbers do. So do inputs of the past with
    their last value: at an origin within a gap, no later one is known.
    """
    made, carried = np.empty_like(values), {*columns.levels, *columns.past}
    for forward, way in ((True, "forward"), (False, how)):
        chosen = [j for j, name in enumerate(names) if (name in carried) == forward]
        made[:, chosen] = fill(
            values[:, chosen], way, [names[j] for j in chosen], rows, **options
        )
    return made
