"""Missing and infinite values: refusing them, and filling gaps."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64

from throughtime.errors import InputError, check_positive_integer

FILLS = ("linear", "forward", "seasonal")
FILL_REMEDY = (
    'Pass `fill="linear"` or `fill="forward"` (`--fill linear` on the command line), '
    "or drop the rows."
)
END_REMEDY = 'Pass `fill="forward"` (`--fill forward` on the command line), or drop the rows.'


def check_values(
    values: Float[np.ndarray, "time columns"],
    names: Sequence[str],
    rows: Sequence[int] | np.ndarray | None = None,
    allow_missing: bool = False,
    remedy: str | None = None,
    series: str | None = None,
) -> None:
    """Refuse infinite values, and missing ones unless they are allowed.

    Parameters
    ----------
    values
        (time, columns); a missing value is NaN.
    names
        One name per column, for errors.
    rows
        The number of each row in its table, for errors; counted from 1 if not given.
    allow_missing
        Whether values may be missing.
    remedy
        The error's advice for a missing value. By default the option that fills it.
    series
        The name of the series, if its table holds several.

    Raises
    ------
    InputError
        If there is such a value; the message names the row and column of the first.
    """

    def where(bad: np.ndarray) -> str:
        i, j = np.argwhere(bad)[0]
        row = i + 1 if rows is None else rows[i]
        which = f" of `{series}`" if series else ""
        return f"in column `{names[j]}`{which}, row {row} ({bad.sum()} in all)"

    if np.isinf(values).any():
        raise InputError(
            "values must be finite",
            f"infinity {where(np.isinf(values))}",
            "Correct the value, or leave it empty and fill it.",
        )
    if not allow_missing and np.isnan(values).any():
        raise InputError(
            "every value must be present",
            f"a missing value {where(np.isnan(values))}",
            remedy or (END_REMEDY if np.isnan(values[-1]).any() else FILL_REMEDY),
        )


def fill(
    values: Float64[np.ndarray, "time *columns"],
    how: str,
    names: Sequence[str] | None = None,
    rows: Sequence[int] | np.ndarray | None = None,
    *,
    limit: int | None = None,
    seasons: Sequence[int] = (),
    series: str | None = None,
) -> Float64[np.ndarray, "time *columns"]:
    """Replace missing values (NaN), while values that are present never change.

    Parameters
    ----------
    values
        (time, columns) or (time,).
    how
        `"linear"` interpolates between the neighbours in time, `"forward"` repeats the last
        value, `"seasonal"` repeats the same hour, day or month of the season before: a later
        one is not known where a backtest reads on behind the gap. The first season has none
        before, and is filled as by `"linear"`, at its end as by `"forward"`.
    names, rows
        One name per column and the number of each row in its table, for errors.
    limit
        The most values in a row that are filled; None for any number.
    seasons
        Lengths of the seasons in steps; the longest that the series has twice counts.
    series
        The name of the series, for errors, if its table holds several.

    Returns
    -------
    Array
        A new array of the same shape.

    Raises
    ------
    InputError
        If `how` is unknown, if a gap is longer than `limit`, if there is no season, or if a
        gap has no value on a side from which it would be filled.
    """
    check_fill(how, limit)
    result = np.array(values, order="C")
    columns = result.reshape(len(result), -1)
    numbers = np.arange(1, len(result) + 1) if rows is None else np.asarray(rows)
    gaps_of = np.isnan(columns).T
    longest = max((_longest_gap(one) for one in gaps_of if not one.all()), default=0)
    for j, missing in enumerate(gaps_of):
        if not missing.any():
            continue
        name = f"column {j + 1}" if names is None else names[j]
        name = f"{name}` of `{series}" if series else name
        if missing.all():
            rule = "a column to fill must have values"
            raise InputError(rule, f"none in `{name}`", "Leave the column out.")
        if limit is not None:
            remedy = f"Raise it to {longest}, or leave it out."
            if series is not None:  # others may have longer gaps
                remedy = f"Leave it out, or raise it to {longest} or more."
            _check_gaps(missing, name, numbers, limit, remedy)
        if missing[0] or (how == "linear" and missing[-1]):
            raise _gap_at_an_end(missing, name, numbers)
        if how == "seasonal":
            _fill_seasonal(columns[:, j], _season(seasons, len(result)), name)
            continue
        present, gaps = np.flatnonzero(~missing), np.flatnonzero(missing)
        if how == "linear":
            columns[gaps, j] = np.interp(gaps, present, columns[present, j])
        else:
            columns[gaps, j] = columns[present[np.searchsorted(present, gaps) - 1], j]
    return result


def check_fill(how: str | None, limit: int | None) -> None:
    """Refuse an unknown way to fill, and a limit that is no number of values.

    Raises
    ------
    InputError
        If `how` is unknown, or `limit` is below 1 or given without `how`.
    """
    if how is not None and how not in FILLS:
        remedy = 'Pass `fill="linear"` (`--fill linear`), or leave `fill` out.'
        raise InputError("`fill` must be `linear`, `forward` or `seasonal`", how, remedy)
    if limit is not None:
        check_positive_integer("fill_limit", limit)
        if how is None:
            rule = "`fill_limit` (`--fill-limit`) needs a way to fill"
            raise InputError(rule, limit, 'Pass `fill="linear"` (`--fill linear`) too.')


def first_complete_row(values: Float64[np.ndarray, "time columns"]) -> int:
    """The first row before which no column begins; a gap before it cannot be filled.

    A column without any value does not count.
    """
    present = ~np.isnan(values)
    begins = present.argmax(axis=0)[present.any(axis=0)]
    return int(begins.max(initial=0))


def _season(seasons: Sequence[int], length: int) -> int:
    fitting = [season for season in seasons if 2 * season <= length]
    if fitting:
        return max(fitting)
    got = "none" if not seasons else f"seasons of {', '.join(map(str, seasons))} steps"
    raise InputError(
        "a seasonal fill needs two seasons of the calendar",
        f"{got} in {length} steps",
        'Pass `fill="linear"` (`--fill linear`).',
    )


def _fill_seasonal(column: Float64[np.ndarray, " time"], season: int, name: str) -> None:
    """Fill each row from the season before, in place; the first season between neighbours."""
    missing = np.isnan(column)
    never = [bool(missing[phase::season].all()) for phase in range(season)]
    if any(never):
        rule = "a seasonal fill needs a value at each step of the season"
        got = f"none in `{name}` at step {never.index(True) + 1} of {season}"
        raise InputError(rule, got, 'Pass `fill="linear"` (`--fill linear`).')
    present, gaps = np.flatnonzero(~missing), np.flatnonzero(missing)
    first = gaps[gaps < season]
    column[first] = np.interp(first, present, column[present])
    for row in gaps[len(first) :]:
        column[row] = column[row - season]


def _gaps(missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first row of each gap, and its length."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]])))
    return edges[::2], edges[1::2] - edges[::2]


def _longest_gap(missing: np.ndarray) -> int:
    return int(_gaps(missing)[1].max(initial=0))


def _check_gaps(
    missing: np.ndarray, name: str, rows: np.ndarray, limit: int, remedy: str
) -> None:
    """Refuse a gap of more values than `limit`."""
    firsts, lengths = _gaps(missing)
    if lengths.max(initial=0) > limit:
        i = int((lengths > limit).argmax())
        raise InputError(
            f"a gap to fill must not be longer than `fill_limit` (`--fill-limit`), {limit}",
            f"{lengths[i]} missing in `{name}` from row {rows[firsts[i]]} on",
            remedy,
        )


def _gap_at_an_end(missing: np.ndarray, name: str, rows: np.ndarray) -> InputError:
    """The error for a column that begins or ends with missing values."""
    if missing[0]:
        first, last = 0, int((~missing).argmax()) - 1
        side, remedy = "first", "Drop those rows."
    else:
        first, last = len(missing) - int((~missing[::-1]).argmax()), -1
        side = "last"
        remedy = 'Pass `fill="forward"` (`--fill forward`), or drop those rows.'
    return InputError(
        f"a gap before the first value or after the last cannot be filled (the {side} here)",
        f"nothing in `{name}`, rows {rows[first]} to {rows[last]}",
        remedy,
    )
