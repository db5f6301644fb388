"""The role of each column of a table: target, input, time or id."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import narwhals as nw
import numpy as np

from throughtime.errors import InputError, closest_name
from throughtime.stamps.month_names import MONTHS, plain
from throughtime.stamps.stamp_columns import find_stamp_columns, split_name
from throughtime.stamps.stamp_readings import is_date
from throughtime.tables.values import is_numeric, whole_numbers

from .input_columns import InputColumns

TIME_NAMES = frozenset(
    "date time datetime timestamp year month week day hour step t index ds datum "
    "period fecha dato дата 日期 日付 날짜".split()
)
INDEX = re.compile(r"index|unnamed: \d+", re.IGNORECASE)
ROW_NAMES = re.compile(
    r"index_*|level_\d+|unnamed: \d+|row\w*|column1?|n[or]\.?|#|obs", re.IGNORECASE
)


EVERY = "*"
"""Names every column of numbers that can be meant as a target."""


@dataclass(frozen=True)
class ColumnRoles:
    """The names of the columns that are used, by their role."""

    targets: tuple[str, ...]
    columns: InputColumns
    time: str | None
    id: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """Targets and inputs of every kind."""
        return (*self.targets, *self.columns.all)


def assign_roles(
    frame: nw.DataFrame[Any],
    target: str | Sequence[str] | None,
    columns: InputColumns,
    time: str | bool | None,
    id: str | None,
    guess: bool = True,
    unsure: Collection[str] = (),
) -> ColumnRoles:
    """The columns that were named, and the defaults for the others; see `to_series`.

    Without `guess`, as for an array, all columns that have no other role are targets. Columns
    that are `unsure` hold numbers of which it is not known how to read them.

    Raises
    ------
    InputError
        If a column does not exist or has two roles, or if no target can be found.
    """
    if not frame.columns:
        rule = "a table must have a column of numbers"
        raise InputError(rule, "no column at all", "Pass a table with values.")
    every = target == EVERY and EVERY not in frame.columns
    target = None if every else target
    targets = _split_names(as_names(target), frame.columns)
    columns = _split_columns(columns, frame.columns)
    if not isinstance(time, bool):
        time = ",".join(as_names(time, "time")) or None
    (id,) = as_names(id, "id") or (None,)
    if target is not None and not targets:
        rule = "`target` must name at least one column"
        remedy = f"Pass one of {quote_names(frame.columns)} (`--target` on the command line)."
        raise InputError(rule, repr(target), remedy)
    named = [("target", n) for n in targets]
    kinds = {"inputs": columns.known, "static": columns.static, "past_inputs": columns.past}
    named += [(kind, n) for kind, names in kinds.items() for n in names]
    stamps = split_name(time, frame.columns) if isinstance(time, str) else ()
    named += [("time", n) for n in stamps] + ([] if id is None else [("id", id)])
    _check_roles(named, frame.columns)
    unassigned = [n for n in frame.columns if n not in [n for _, n in named]]
    numeric = [n for n in unassigned if n in unsure or is_numeric(frame[n])]
    alone = target is None and len(unassigned) == 1  # it is all there is to forecast
    if guess and not stamps and not alone:
        others = set(numeric) if target is None else {*numeric, ""}
        stamps = find_stamp_columns(frame, unassigned)
        stamps = stamps or _default_time(frame, id, unassigned, others)
    if target is None:
        names = [n for n in numeric if n not in stamps]
        targets = _default_targets(frame, names, every) if guess else tuple(unassigned)
    if not targets:
        shown = [f"{_with_first_values(frame, n)}" for n in unassigned if n not in stamps][:5]
        got = ", ".join(shown) or f"no column besides {quote_names(frame.columns)}"
        if columns.all:
            got += f"; {quote_names(columns.all)} taken as inputs"
        remedy = "Add one, or write the numbers of one with digits alone."
        raise InputError("a table needs a column of numbers to forecast", got, remedy)
    counted = time is False or not stamps
    columns = columns.with_levels(frame)
    return ColumnRoles(targets, columns, None if counted else ",".join(stamps), id)


def _check_roles(named: list[tuple[str, str]], columns: list[str]) -> None:
    for role, column in named:
        if column not in columns:
            close = closest_name(column, columns)
            hint = "" if close is None else f" Did you mean `{close}`?"
            raise InputError(
                f"`{role}` must name a column of the table ({quote_names(columns)})",
                column,
                f"Change `{role}`, or rename a column.{hint}",
            )
    names = [n for _, n in named]
    repeated = next((n for n in names if names.count(n) > 1), None)
    if repeated is not None:
        roles = " and ".join(f"`{role}`" for role, n in named if n == repeated)
        raise InputError(
            "a column must have one role", f"`{repeated}` as {roles}", "Name another column."
        )


def _default_targets(
    frame: nw.DataFrame[Any], numeric: list[str], every: bool
) -> tuple[str, ...]:
    """The only numeric column that can be meant, or each that can be.

    Row numbers are not, nor is what never changes; in a table that has the names of Prophet
    and Nixtla, `ds` and `y`, it is `y`.
    """
    front = frame.columns[0]
    names = [n for n in numeric if not (n == front and INDEX.fullmatch(n))]
    for useless in (_counts_rows, _is_constant):
        names = [n for n in names if not useless(frame[n])] or names
    if every:
        return tuple(names)
    if len(names) > 1 and "y" in names and "ds" in frame.columns:
        return ("y",)
    if len(names) > 1:
        _check_long(frame, names)
        shown = ", ".join(_with_first_values(frame, n) for n in names[:10])
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""
        raise InputError(
            "`target` must be named if several columns can be meant",
            shown + more,
            f'Pass `target="{names[0]}"` or another (`--target` on the command line).',
        )
    return tuple(names)


def _check_long(frame: nw.DataFrame[Any], names: Sequence[str]) -> None:
    """Refuse a table that has a column for each step of time, rather than a row."""
    years = [n for n in names if re.fullmatch(r"[12]\d{3}", n)]
    months = [n for n in names if plain(n) in MONTHS]
    dates = [n for n in names if _is_dated(frame, n)]
    for wide, unit in ((years, "year"), (months, "month"), (dates, "date")):
        if len(wide) >= 3 and len(wide) >= len(names) - 1:
            raise InputError(
                "a table must have a row for each step of time",
                f"a column for each {unit}, `{wide[0]}` to `{wide[-1]}`",
                "Turn it, so that one column holds the dates and another the values.",
            )


def _is_dated(frame: nw.DataFrame[Any], name: str) -> bool:
    """Whether the name of a column reads as a date."""
    space = nw.get_native_namespace(frame)
    return is_date(nw.new_series("name", [name], nw.String(), backend=space))


def _with_first_values(frame: nw.DataFrame[Any], name: str) -> str:
    """A column's name and its first values: "`y` (10.0, 11.857, ...)"."""
    values = frame[name].head(3).to_list()
    shown = ["nothing" if v is None or v != v else str(v)[:20] for v in values]
    return f"`{name}` ({', '.join(shown)}, ...)"


def _counts_rows(column: nw.Series[Any]) -> bool:
    """Whether a column is 0, 1, 2, ... or 1, 2, 3, ..."""
    values = whole_numbers(column)
    return values is not None and bool(values[0] in (0, 1) and (np.diff(values) == 1).all())


def _is_constant(column: nw.Series[Any]) -> bool:
    return column.dtype.is_numeric() and column.n_unique() == 1


def _default_time(
    frame: nw.DataFrame[Any], id: str | None, unassigned: list[str], numeric: set[str]
) -> tuple[str, ...]:
    """The first column if it looks like time, else the only dates, else a row index.

    Row numbers are time only if something else is left to forecast.
    """
    front = [n for n in frame.columns if n != id][:2]
    dates = [n for n in unassigned if is_date(frame[n])]
    candidates = front[:1] + (dates if len(dates) == 1 else [])
    if front and ROW_NAMES.fullmatch(front[0]) and not is_date(frame[front[0]]):
        candidates = front[1:] + candidates[1:] + front[:1]
    for name in candidates:
        may_count = name == front[0] and bool(numeric - {name})
        if name in unassigned and _is_time(frame[name], may_count):
            return (name,)
    return ()


def as_names(names: Any, role: str = "target") -> tuple[str, ...]:
    """One name, several or none, as a tuple.

    Raises
    ------
    InputError
        If a name is no text or whole number, such as pandas has for columns without names.
    """
    if names is None:
        return ()
    several = [names] if isinstance(names, str) or not isinstance(names, Iterable) else [*names]
    if not all(isinstance(n, str | Integral) and not isinstance(n, bool) for n in several):
        rule = f"`{role}` must be the name of a column"
        raise InputError(rule, repr(names), f'Pass it as text: `{role}="name"`.')
    return tuple(str(n) for n in several)


def input_columns(inputs: Any, past_inputs: Any, static: Any, calendar: Any) -> InputColumns:
    """The input columns that `to_series` is asked for, or those of a series that is known."""
    if isinstance(inputs, InputColumns):
        return inputs
    return InputColumns(
        as_names(inputs, "inputs"),
        as_names(static, "static"),
        as_names(past_inputs, "past_inputs"),
        calendar=_split_names(as_names(calendar, "calendar"), ()),
    )


def _split_columns(columns: InputColumns, names: Sequence[str]) -> InputColumns:
    """Columns whose names may have been written as one text with commas."""
    known, static, past = (
        _split_names(one, names) for one in (columns.known, columns.static, columns.past)
    )
    return replace(columns, known=known, static=static, past=past)


def _split_names(names: tuple[str, ...], columns: Sequence[str]) -> tuple[str, ...]:
    """Names of columns; a text that names none is several, separated by commas."""
    if len(names) != 1 or names[0] in columns or "," not in names[0]:
        return names
    return tuple(part.strip() for part in names[0].split(",") if part.strip())


def quote_names(names: Sequence[str]) -> str:
    """The first ten names in quotes, for a message."""
    shown = [f"`{n}`" for n in names[:10]]
    return ", ".join(shown) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _is_time(column: nw.Series[Any], may_count: bool) -> bool:
    """Whether a column is dates, or is called like time, or may count the rows and does."""
    named = column.name.strip().lower() in TIME_NAMES
    return named or is_date(column) or (may_count and _is_even(column))


def _is_even(column: nw.Series[Any]) -> bool:
    """Whether a column that can be row names rises by the same whole number in each row."""
    values = whole_numbers(column)
    if values is None or len(values) < 3:
        return False
    steps = np.diff(values)
    even = bool(steps[0] > 0 and (steps == steps[0]).all())
    return even and (_counts_rows(column) or ROW_NAMES.fullmatch(column.name) is not None)
