"""Measured trajectories, ready for a search: checked, standardised, split, with starts."""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from jaxtyping import Float64

from throughtime.errors import InputError
from throughtime.reservoir.closed_loop_data import SHARES, Denoised, HeldOut, SearchData
from throughtime.reservoir.noise_filter import smoothed
from throughtime.reservoir.noise_reduction import find_filter, refined
from throughtime.reservoir.series_traits import Traits, series_traits
from throughtime.reservoir.states import as_columns

LEAST = 50
"""Fewest steps in all from which a model is searched."""

HELD_OUT = 0.25
"""The share of the data that is held out in the search."""

STARTS = 12
"""Starts of free runs in the held-out part, over all trajectories."""

HORIZON = 80
"""The longest free run of the search, in correlation lengths."""

PAST = 500
"""Most steps before a start from which the noise is taken, unless delays reach further."""

Trajectories = list[Float64[np.ndarray, "_ _"]]


def as_trajectories(
    given: Any, name: str = "trajectories", lengths: Sequence[int] | None = None
) -> Trajectories:
    """One trajectory or several as a list of `(time, variable)` arrays in float64.

    Parameters
    ----------
    given
        `(time,)`, `(time, variable)`, `(trajectory, time, variable)`, or a list of arrays of
        the first two kinds.
    name
        The name of the argument, for the error messages.
    lengths
        Steps of each trajectory; later ones are padding.

    Raises
    ------
    InputError
        If something is no number, not finite or empty, the columns differ, or a length is
        not one.
    """
    parts = _parts(given, name)
    if not parts:
        raise InputError("a fit needs data", "no trajectory", "Pass one.")
    if lengths is not None:
        _check_lengths(lengths, parts)
        parts = [part[:steps] for part, steps in zip(parts, lengths, strict=True)]
    found: Trajectories = []
    for part in parts:
        found.append(as_columns(name, part, found[0].shape[1] if found else None))
    return found


def as_numbers(given: Any, name: str) -> np.ndarray:
    """Anything that is an array of real numbers, as one in float64.

    Raises
    ------
    InputError
        For text, stamps, complex numbers, and rows of different lengths.
    """
    try:
        array = np.asarray(given)
        if array.dtype.kind not in "biufO":
            raise TypeError
        return array.astype(np.float64)
    except (TypeError, ValueError):
        rule, got = f"`{name}` must be arrays of numbers", f"a `{type(given).__name__}`"
        if isinstance(given, str):
            got = f"the text `{given}`"
        remedy = "Pass arrays; read a file first, and leave out columns that hold no numbers."
        raise InputError(rule, got, remedy) from None


def _parts(given: Any, name: str) -> list[np.ndarray]:
    """Each trajectory as an array.

    Lists of numbers of one length are the rows of a table, as they are for NumPy; of several
    lengths, and as arrays, each is a trajectory.
    """
    items: list[Any] = list(given) if isinstance(given, list | tuple) else []
    arrays = any(hasattr(one, "__array__") and np.ndim(one) > 0 for one in items)
    nested = bool(items) and all(isinstance(one, list | tuple) and one for one in items)
    deeper = nested and isinstance(items[0][0], list | tuple | np.ndarray)
    if arrays or deeper or (nested and len(set(map(len, items))) > 1):
        return [as_numbers(one, name) for one in items]
    table = as_numbers(given, name)
    if nested and table.ndim == 2 and len(table) < table.shape[1]:
        rule = f"`{name}` as lists must have more steps than variables"
        got = f"{len(table)} lists of {table.shape[1]} numbers"
        raise InputError(rule, got, "Pass several trajectories as a list of arrays.")
    return list(table) if table.ndim == 3 else [table]


def _check_lengths(lengths: Sequence[int], parts: list[np.ndarray]) -> None:
    """Refuse lengths that are not one of each trajectory, within its steps."""
    count = len(lengths) if np.ndim(lengths) == 1 else 0
    if count != len(parts):
        rule = f"there must be a length for each of {len(parts)} trajectories"
        raise InputError(rule, f"{count}", "Pass as many `lengths`.")
    for steps, part in zip(lengths, parts, strict=True):
        if not isinstance(steps, Integral) or not 1 <= steps <= len(part):
            rule = "`lengths` must be whole numbers within the steps of each trajectory"
            raise InputError(rule, f"{steps} of {len(part)}", "Pass the steps before padding.")


def search_data(ys: Trajectories, xs: Trajectories) -> tuple[SearchData, Traits]:
    """Standardised trajectories with what is held out, and what kind of series they are.

    Of four trajectories or more the last quarter is held out, of fewer the last quarter of
    each. Scales and kind are those of the training part.

    Raises
    ------
    InputError
        For too few steps, inputs of other lengths, and a variable that does not move.
    """
    _check(ys, xs)
    ends = [round((1 - HELD_OUT) * len(y)) for y in ys]
    if len(ys) >= 4:
        first = len(ys) - max(1, round(HELD_OUT * len(ys)))
        ends = [len(y) if i < first else 0 for i, y in enumerate(ys)]
    columns = [np.concatenate(pair, axis=1) for pair in zip(ys, xs, strict=True)]
    known = np.concatenate([one[:end] for one, end in zip(columns, ends, strict=True)])
    largest, size = np.abs(known).max(axis=0), ys[0].shape[1]
    largest = np.where(largest > 0, largest, 1.0)  # squares of 1e200 are no numbers
    mean, scale = (
        largest * (known / largest).mean(axis=0),
        largest * (known / largest).std(axis=0),
    )
    scale = np.where(scale > 0, scale, 1.0)
    ys = [(y - mean[:size]) / scale[:size] for y in ys]
    xs = [(x - mean[size:]) / scale[size:] for x in xs]
    traits = series_traits([y[:end] for y, end in zip(ys, ends, strict=True) if end])
    parts = [(y, end, len(y) - end) for y, end in zip(ys, ends, strict=True) if end < len(y)]
    longest = max(left for _, _, left in parts)
    horizon = max(min(HORIZON * traits.correlation, 3 * longest // 5), 1)
    each = -(-STARTS // len(parts))
    held = []
    for y, x, end in zip(ys, xs, ends, strict=True):
        # A trajectory that is held out whole is read for a while before it is continued.
        first = end or min(len(y) // 3, 5 * traits.correlation + 20)
        last = len(y) - horizon
        fits = end < len(y) and last >= first
        starts = np.linspace(first, last, each).astype(int) if fits else np.empty(0, int)
        held.append(HeldOut(y, x, end, np.unique(starts), smoothed(y, traits.smoothing)))
    shares = tuple(share for share in SHARES if share >= 3 * traits.noise) or SHARES[-1:]
    data = SearchData(held, horizon, shares, mean, scale)
    return (_without_noise(data, traits) if traits.noise else data), traits


def _without_noise(data: SearchData, traits: Traits) -> SearchData:
    """The data with the noise taken away, as they are if no map tells it from motion.

    The search sees what a filter of the training part makes of the training part and, at each
    start, of the steps before it.
    """
    known = find_filter(data.training(), traits, data.longest_span)
    if known is None:
        return data
    reach = max(PAST, min(traits.dimension * traits.delay + 1, data.longest_span))
    held = []
    for one in data.trajectories:
        pasts = [(one.y[max(row - reach, 0) : row], one.x[max(row - reach, 0) : row])
                 for row in one.starts]  # fmt: skip
        held.append(one._replace(pasts=[(known.smooth(past), past[1]) for past in pasts]))
    training = [(known.smooth(pair), pair[1]) for pair in data.training()]
    last = refined(known, data.everything())
    everything = [(last.smooth(pair), pair[1]) for pair in data.everything()]
    return replace(
        data, trajectories=held, denoised=Denoised(training, everything, known, last)
    )


def _check(ys: Trajectories, xs: Trajectories) -> None:
    total = sum(len(y) for y in ys)
    if total < LEAST or min(len(y) for y in ys) < 5:
        rule = f"a model needs {LEAST} steps in all, and 5 in each trajectory"
        remedy = "Pass more data."
        got = f"{total} in {len(ys)}" if len(ys) > 1 else f"{total}"
        raise InputError(rule, got, remedy)
    if [len(x) for x in xs] != [len(y) for y in ys]:
        rule = "`inputs` must have a row for each step of each trajectory"
        got = f"{[len(x) for x in xs][:3]} for {[len(y) for y in ys][:3]}"
        raise InputError(rule, got, "Pass inputs as long as the trajectories.")
    still = np.flatnonzero(np.ptp(np.concatenate(ys), axis=0) == 0)
    if len(still):
        rule = "every variable must move"
        raise InputError(rule, f"a constant in column {still[0]}", "Leave that column out.")
