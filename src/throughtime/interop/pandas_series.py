"""Frames of pandas with an index, as others pass series, to the tables that are read here."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from throughtime.errors import InputError

TIME = "time"


def names_of(columns: pd.Index, role: str) -> list[str]:
    """Names of columns, which may be numbers: those of different roles differ."""
    return [f"{role} {name}" for name in columns]


def joined_table(
    y: pd.DataFrame, X: pd.DataFrame | None = None, past: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Targets and inputs as one table, and what `Forecaster.fit` is told of it.

    An index of dates or periods becomes its time column; rows of another one are counted.

    Parameters
    ----------
    y
        The targets.
    X, past
        The inputs that are known ahead and those that are not, with the rows of `y` and maybe
        others; None without.

    Returns
    -------
    table : DataFrame
        The time column, if there is one, targets and inputs.
    roles : dict
        `target`, `inputs`, `past_inputs` and `time`.

    Raises
    ------
    InputError
        If inputs lack a row.
    """
    parts, roles = [], {"target": y, "inputs": X, "past_inputs": past}
    told: dict[str, Any] = {role: [] for role in roles}
    for role, values in roles.items():
        if values is not None:
            rows = y if values is y else rows_at(values, y.index)
            told[role] = names_of(values.columns, role)
            parts.append(rows.reset_index(drop=True).set_axis(told[role], axis=1))
    table = pd.concat(parts, axis=1)
    if not isinstance(y.index, pd.DatetimeIndex | pd.PeriodIndex):
        return table, told | {"time": False}
    table.insert(0, TIME, _stamps(y.index))
    return table, told | {"time": TIME}


def check_counted(index: pd.Index) -> None:
    """Refuse an index of numbers that does not count the rows one by one.

    Raises
    ------
    InputError
        If it skips a number, or goes back.
    """
    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        return
    steps = np.unique(np.diff(index.to_numpy()))
    if len(steps) and (len(steps) > 1 or steps[0] != 1):
        rule = "an index of numbers must count the rows one by one"
        raise InputError(
            rule, f"steps of {steps[:3].tolist()}", "Pass `y.reset_index(drop=True)`."
        )


def inputs_ahead(X: pd.DataFrame | None, index: pd.Index) -> pd.DataFrame | None:
    """The inputs of the steps at an index, as `Forecaster.predict` takes them.

    Raises
    ------
    InputError
        If a step has no row.
    """
    if X is None:
        return None
    found = rows_at(X, index).reset_index(drop=True)
    return found.set_axis(names_of(found.columns, "inputs"), axis=1)


def rows_at(X: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """The rows of a table at an index.

    Raises
    ------
    InputError
        If one is missing.
    """
    missing = index.difference(X.index)
    if len(missing):
        rule = "inputs must have a row for every step"
        raise InputError(rule, f"none at {missing[0]}", "Pass the inputs of all steps.")
    return X.loc[index]


def framed(values: np.ndarray, index: pd.Index, columns: Any) -> pd.DataFrame:
    """Values `(step, column)` with their index and names."""
    return pd.DataFrame(values, index=index, columns=columns)


def appended(rows: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Rows and new ones in order; of two with one index, the new one."""
    both = pd.concat([rows, new])
    return both[~both.index.duplicated(keep="last")].sort_index()


def quantile_table(
    quantiles: Sequence[np.ndarray], shares: Sequence[float], names: Any, index: pd.Index
) -> pd.DataFrame:
    """Quantiles `(step, target)` of several shares, with a column for each target and share."""
    columns = pd.MultiIndex.from_product([names, shares])
    values = np.stack(quantiles, axis=-1)
    return pd.DataFrame(values.reshape(len(index), -1), index=index, columns=columns)


def _stamps(index: Any) -> Any:
    """The first moment of each period; dates as they are."""
    return index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
