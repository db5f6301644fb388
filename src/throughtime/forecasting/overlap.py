"""Which fitted series other data go on with, and which of their rows the fit has seen."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Int

from throughtime.data.scaler import Scaler
from throughtime.data.series import Series
from throughtime.errors import InputError, did_you_mean

FAR = 5.0
"""Standard deviations of a training part; data further away are of another series."""

PROBE = 300
"""Most rows by which rows without stamps are found in the fitted series."""

CHANCE = 1e-3
"""The largest probability of taking other rows for some of the fitted series."""


def named(series: Series, fitted: Sequence[Series]) -> Series:
    """The fitted series that has the name of another one; where there is one alone, that.

    Raises
    ------
    InputError
        If none has.
    """
    found = {one.name: one for one in fitted}
    if len(fitted) == 1:
        return fitted[0]
    if series.name not in found:
        rule = "a series must have the name of a fitted one"
        raise InputError(rule, f"`{series.name}`", did_you_mean(series.name, found))
    return found[series.name]


def number_of(
    series: Series, fitted: Sequence[Series], scalers: Sequence[Scaler], end: int
) -> int | None:
    """The number of the fitted series that another one is a stretch of; None if of none.

    It shares rows with it; or it has its name, or is passed where only one was fitted, and its
    first `end` rows have about its level and size.
    """
    names = [one.name for one in fitted]
    named = [names.index(series.name)] if series.name in names else range(len(names))
    for i in named:
        if rows_seen(series, fitted[i], len(fitted[i])):
            return i
    if len(named) > 1:
        return None
    i = named[0]
    values, scaler = series.targets[:end], scalers[i]
    apart = np.abs(values.mean(axis=0) - scaler.mean) > FAR * scaler.std
    larger = values.std(axis=0) > FAR * scaler.std
    return None if (apart | larger).any() else i


def rows_seen(series: Series, fitted: Series, end: int) -> int:
    """How many rows of a series, from its first, were seen by a fit to `fitted[:end]`.

    Rows are the same if they have the same stamp; where steps are counted, if their values
    follow one another as in the fitted series. It is another series, of which nothing was seen,
    if at most half of these rows have the same values.

    Parameters
    ----------
    series
        Other data, such as the fitted series with new rows, or its last years.
    fitted
        The series that was fitted.
    end
        The first row that the fit did not see.

    Returns
    -------
    int
        The rows up to the last one that was seen; 0 for another series.
    """
    rows = _rows_in(series, fitted)
    common = np.flatnonzero((rows >= 0) & (rows < end))
    if not len(common):
        return 0
    same = series.targets[common] == fitted.targets[rows[common]]
    return int(common[-1]) + 1 if same.all(axis=1).mean() > 0.5 else 0


def holds(series: Series, fitted: Series) -> bool:
    """Whether a series has all rows of the fitted one, by their stamps or, without, in order.

    Without stamps most of these must have the values that they had: the last of them may have
    been filled otherwise.
    """
    if series.times.column is None or fitted.times.column is None:
        known = fitted.targets
        same = series.targets[: len(known)] == known[: len(series)]
        return len(series) >= len(fitted) and bool(same.all(axis=1).mean() > 0.5)
    stamps, known = series.times.values(), fitted.times.values()
    if stamps.dtype.kind != known.dtype.kind:
        return False
    return bool(stamps[0] <= known[0] and stamps[-1] >= known[-1])


def with_head(series: Series, fitted: Series) -> Series:
    """A series after the rows of the fitted one before its first, if that is one of them.

    Without stamps, and where it begins after the fitted one, the series as it is.
    """
    if series.times.column is None or fitted.times.column is None:
        return series
    first, known = series.times.values()[0], fitted.times.values()
    if first.dtype.kind != known.dtype.kind or not known[0] < first <= known[-1]:
        return series
    head = int(np.searchsorted(known, first))
    return joined(fitted[:head], series) if known[head] == first else series


def later(series: Series, fitted: Series) -> bool:
    """Whether a series begins after the end of the fitted one, as far as stamps tell."""
    stamps, known = series.times.values(), fitted.times.values()
    if series.times.column is None or fitted.times.column is None:
        return True
    return stamps.dtype.kind == known.dtype.kind and bool(stamps[0] > known[-1])


def follows(series: Series, fitted: Series) -> bool:
    """Whether a series begins at the step after the end of the fitted one."""
    stamped = series.times.column is not None and later(series, fitted)
    return stamped and bool(fitted.times.after(1).values()[0] == series.times.values()[0])


def joined(one: Series, other: Series) -> Series:
    """Two series of which the second follows the first, as one."""
    pair = one, other
    filled = None
    if any(part.filled_at is not None for part in pair):
        none = [np.zeros(part.targets.shape, bool) for part in pair]
        known = zip(pair, none, strict=True)
        filled = np.concatenate([b if a.filled_at is None else a.filled_at for a, b in known])
    return replace(
        other,
        targets=np.concatenate([part.targets for part in pair]),
        inputs=np.concatenate([part.inputs for part in pair]),
        past_inputs=np.concatenate([part.past_inputs for part in pair]),
        times=replace(one.times, length=len(one) + len(other)),
        filled_at=filled,
    )


def _rows_in(series: Series, fitted: Series) -> Int[np.ndarray, " time"]:
    """For each row of a series, the row of the fitted one that it is; -1 for none."""
    if series.times.column is None or fitted.times.column is None:
        first = _found_at(series.targets, fitted.targets)
        rows = first + np.arange(len(series)) if first is not None else np.full(len(series), -1)
        return np.where(rows < len(fitted), rows, -1)
    stamps, known = series.times.values(), fitted.times.values()
    if stamps.dtype.kind != known.dtype.kind:
        return np.full(len(series), -1)
    rows = np.minimum(np.searchsorted(known, stamps), len(known) - 1)
    return np.where(known[rows] == stamps, rows, -1)


def _found_at(values: np.ndarray, known: np.ndarray) -> int | None:
    """Where the first rows stand among the known ones; None if they do not.

    Counts agree here and there by chance, as zeros do in demand. So of all places it is that
    with the most agreement beyond chance, if there are more rows in which the series moves and
    agrees than chance gives in as many places.
    """
    probe = values[:PROBE]
    share = np.array([(known == row).all(axis=1).mean() for row in probe])
    moves = np.concatenate([[True], (probe[1:] != probe[:-1]).any(axis=1)])
    best, place = 0.0, None
    for first in np.flatnonzero((known == probe[0]).all(axis=1)):
        stretch = known[first : first + len(probe)]
        n = len(stretch)
        same = (stretch == probe[:n]).all(axis=1)
        beyond = same.sum() - n * (1 + share.mean()) / 2
        chance = np.log(share[:n][same & moves[:n]]).sum() + np.log(len(known))
        if beyond > best and chance < np.log(CHANCE):
            best, place = beyond, int(first)
    return place
