"""The role of each column of a table: target, input, time or id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from throughtime.errors import InputError, closest_name

from .stamp_columns import find_stamp_columns, split_name
from .stamp_readings import is_date
from .values import is_numeric

TIME_NAMES = frozenset(
    "date time datetime timestamp year month week day hour step t index ds datum period".split()
)


@dataclass(frozen=True)
class ColumnRoles:
    """The names of the columns that are used, by their role."""

    targets: tuple[str, ...]
    inputs: tuple[str, ...]
    time: str | None
    id: str | None


def assign_roles(
    frame: nw.DataFrame[Any],
    target: str | Sequence[str] | None,
    inputs: str | Sequence[str],
    time: str | bool | None,
    id: str | None,
    guess: bool = True,
) -> ColumnRoles:
    """The columns that were named, and the defaults for the others; see `to_series`.

    Without `guess`, as for an array, all columns that have no other role are targets.

    Raises
    ------
    InputError
        If a column does not exist or has two roles, or if no target can be found.
    """
    inputs, targets = as_names(inputs), as_names(target)
    named = [("target", n) for n in targets] + [("inputs", n) for n in inputs]
    stamps = split_name(time, frame.columns) if isinstance(time, str) else ()
    named += [("time", n) for n in stamps] + ([] if id is None else [("id", id)])
    _check_roles(named, frame.columns)
    unassigned = [n for n in frame.columns if n not in [n for _, n in named]]
    if guess and not stamps:
        stamps = find_stamp_columns(frame, unassigned) or _default_time(frame, id, unassigned)
    if target is None:
        targets = tuple(unassigned)
        if guess:
            targets = _default_targets(frame, stamps, unassigned)
    if not targets:
        raise InputError(
            "a table needs a numeric column to forecast",
            quote_names(frame.columns),
            "Pass `target`, and write numbers with a decimal point.",
        )
    counted = time is False or not stamps
    return ColumnRoles(targets, inputs, None if counted else ",".join(stamps), id)


def _check_roles(named: list[tuple[str, str]], columns: list[str]) -> None:
    for role, column in named:
        if column not in columns:
            close = closest_name(column, columns)
            hint = "" if close is None else f" Did you mean `{close}`?"
            raise InputError(
                f"`{role}` must name a column of the table ({quote_names(columns)})",
                column,
                f"Change `{role}`.{hint}",
            )
    names = [n for _, n in named]
    repeated = next((n for n in names if names.count(n) > 1), None)
    if repeated is not None:
        roles = " and ".join(f"`{role}`" for role, n in named if n == repeated)
        raise InputError(
            "a column must have one role", f"`{repeated}` as {roles}", "Name another column."
        )


def _default_targets(
    frame: nw.DataFrame[Any], stamps: Sequence[str], unassigned: list[str]
) -> tuple[str, ...]:
    """The only numeric column that has no role yet."""
    # A row index in front, as pandas writes it, is never what to forecast.
    names = [n for i, n in enumerate(unassigned) if i or n.lower() != "index"]
    names = [n for n in names if n not in stamps]
    numeric = tuple(n for n in names if is_numeric(frame[n]))
    if len(numeric) > 1:
        raise InputError(
            "`target` must be named if the table has several numeric columns",
            quote_names(numeric),
            "Pass `target` (`--target` on the command line).",
        )
    return numeric


def _default_time(
    frame: nw.DataFrame[Any], id: str | None, unassigned: list[str]
) -> tuple[str, ...]:
    """The first column if it looks like time, else the only dates, else a row index."""
    front = [n for n in frame.columns if n != id][:2]
    dates = [n for n in unassigned if is_date(frame[n])]
    candidates = front[:1] + (dates if len(dates) == 1 else [])
    if front and front[0].lower() == "index":
        candidates = front[1:] + candidates[1:] + front[:1]
    found = (n for n in candidates if n in unassigned and _is_time(frame[n]))
    return tuple(found)[:1]


def as_names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """One name, several or none, as a tuple."""
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


def quote_names(names: Sequence[str]) -> str:
    """The first ten names in quotes, for a message."""
    shown = [f"`{n}`" for n in names[:10]]
    return ", ".join(shown) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _is_time(column: nw.Series[Any]) -> bool:
    return column.name.strip().lower() in TIME_NAMES or is_date(column)
