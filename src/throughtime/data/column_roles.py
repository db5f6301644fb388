"""Which column of a table is what: target, input, time or id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from throughtime.errors import InputError

from .files import near
from .values import is_date, is_numeric

TIME_NAMES = frozenset(
    "date time datetime timestamp year month week day hour step t index".split()
)


@dataclass(frozen=True)
class Columns:
    """The name of each column that is used, by its role."""

    targets: tuple[str, ...]
    inputs: tuple[str, ...]
    time: str | None
    id: str | None


def choose(
    frame: nw.DataFrame[Any],
    target: str | Sequence[str] | None,
    inputs: str | Sequence[str],
    time: str | None,
    id: str | None,
    guess: bool = True,
) -> Columns:
    """The columns asked for, and the defaults for the others: see `to_series`.

    Without `guess`, as for an array, all columns that have no other role are targets.

    Raises
    ------
    InputError
        That names the column at fault.
    """
    driving, targets = as_names(inputs), as_names(target)
    asked = [("target", n) for n in targets] + [("inputs", n) for n in driving]
    asked += [(role, n) for role, n in (("time", time), ("id", id)) if n is not None]
    _check_roles(asked, frame.columns)
    rest = [n for n in frame.columns if n not in [n for _, n in asked]]
    if guess and time is None:
        time = _default_time(frame, id, rest)
    if guess and target is None:
        # A row index in front, as pandas writes it, is never what to forecast.
        rest = [n for i, n in enumerate(rest) if n != time and (i or n.lower() != "index")]
        rest = [n for n in rest if is_numeric(frame[n])]
    if target is None:
        targets = tuple(rest)
    if guess and target is None and len(targets) > 1:
        raise InputError(
            "`target` must be named if the table has several numeric columns",
            listed(targets),
            "Pass `target` (`--target` on the command line).",
        )
    if not targets:
        raise InputError(
            "a table needs a numeric column to forecast",
            listed(frame.columns),
            "Pass `target`, and write numbers with a decimal point.",
        )
    return Columns(targets, driving, time, id)


def _check_roles(asked: list[tuple[str, str]], columns: list[str]) -> None:
    for role, column in asked:
        if column not in columns:
            raise InputError(
                f"`{role}` must name a column of the table ({listed(columns)})",
                column,
                f"Change `{role}`.{near(column, columns)}",
            )
    names = [n for _, n in asked]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        roles = " and ".join(f"`{role}`" for role, n in asked if n == twice)
        raise InputError(
            "a column must have one role", f"`{twice}` as {roles}", "Name another column."
        )


def _default_time(frame: nw.DataFrame[Any], id: str | None, free: list[str]) -> str | None:
    """The first column if it is time, else the only dates; a row index if all else fails."""
    front = [n for n in frame.columns if n != id][:2]
    dated = [n for n in free if is_date(frame[n])]
    likely = front[:1] + (dated if len(dated) == 1 else [])
    if front and front[0].lower() == "index":
        likely = front[1:] + likely[1:] + front[:1]
    return next((n for n in likely if n in free and _is_time(frame[n])), None)


def as_names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """One name, several or none, as a tuple."""
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


def listed(names: Sequence[str]) -> str:
    """The first ten names, for a message."""
    shown = [f"`{n}`" for n in names[:10]]
    return ", ".join(shown) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _is_time(column: nw.Series[Any]) -> bool:
    return column.name.strip().lower() in TIME_NAMES or is_date(column)
