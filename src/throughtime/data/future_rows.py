"""Rows at the end of a table that have inputs and no target: they are the future."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from throughtime.errors import InputError
from throughtime.tables.sources import Table
from throughtime.tables.values import is_numeric, to_numbers

from .column_roles import quote_names


def future_rows(
    targets: Float64[np.ndarray, "time targets"],
    inputs: Float64[np.ndarray, "time inputs"],
    steps: Int64[np.ndarray, " time"] | None = None,
) -> int:
    """How many of the last rows are the future: all inputs, no target, and no step left out.

    Parameters
    ----------
    targets, inputs
        (time, columns) in the order of time; a missing value is NaN.
    steps
        (time,) the number of the step of each row; by default there is a row for each.
    """
    if not inputs.shape[1]:
        return 0
    ahead: Any = np.isnan(targets).all(1) & np.isfinite(inputs).all(1)
    count = 0 if ahead.all() else int(np.argmin(ahead[::-1]))
    if steps is not None and (np.diff(steps[len(steps) - count - 1 :]) != 1).any():
        return 0
    return count


def check_inputs_are_named(
    table: Table,
    targets: Sequence[str],
    inputs: Sequence[str],
    stamps: Sequence[str],
    values: Float64[np.ndarray, "rows columns"],
    rows: Int64[np.ndarray, " time"],
) -> None:
    """Refuse rows at the end without a target, but with numbers that could be known inputs.

    Raises
    ------
    InputError
        If there are such rows, and no inputs are named.
    """
    ahead = future_rows(values[rows], np.zeros((len(rows), 1)))
    if inputs or not ahead:
        return
    at_end = rows[-ahead:]
    others = [n for n in table.frame.columns if n not in {*targets, *stamps, *table.questions}]
    known = [
        n
        for n in others
        if is_numeric(table.frame[n]) and np.isfinite(to_numbers(table.frame[n])[at_end]).all()
    ]
    if known:
        raise InputError(
            f"rows at the end without {quote_names(targets)} are the future of known inputs",
            f"{ahead} rows, and no inputs named",
            f'Pass `inputs="{known[0]}"` (`--inputs` on the command line), or drop the rows.',
        )
