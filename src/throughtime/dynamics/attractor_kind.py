"""What kind of attractor a run is on, from the sequence of its maxima or iterates.

| kind | largest exponent | maxima of a flow, iterates of a map |
| --- | --- | --- |
| settles | negative | none; one and the same |
| oscillates | negative, of a flow that nothing drives 0 | n in turn |
| is quasi-periodic | 0 | they do not come back |
| is chaotic | positive | they do not come back |
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from .behaviour import (
    CHAOTIC,
    DRIFTS,
    ERRORS,
    GROWTH,
    NEUTRAL,
    OSCILLATES,
    QUASI,
    SETTLES,
    STATIONARY,
    UNDECIDED,
)
from .crossings import maxima

DIVERGES = "goes to infinity"

LONGEST = 64
"""The longest period that is told."""

RETURNS = {True: 1e-5, False: 1e-3}
"""How near a sequence of iterates, or of maxima, comes back, as a fraction of its range."""

SLOWER = 0.6
"""A motion still settles if the distances at which it returns fall by this factor."""

KEPT = 300
"""Points that are kept of a motion that does not repeat."""


class Attractor(NamedTuple):
    """What a run is on.

    Attributes
    ----------
    kind
        `settles`, `oscillates`, `is quasi-periodic`, `is chaotic`, `drifts`, `goes to infinity`
        or `is undecided`.
    period
        The number of maxima or iterates after which they come back; 0 where they do not.
    cycle
        The steps of that; NaN where there is none.
    points
        These maxima or iterates, or where it settles; the last ones if they do not repeat.
    """

    kind: str
    period: int
    cycle: float
    points: Float64[np.ndarray, " point"]


def attractor_kind(
    y: Float64[np.ndarray, " step"],
    spread: Float64[np.ndarray, " stretch"],
    size: float,
    exponents: Float64[np.ndarray, " stretch"],
    is_map: bool,
) -> Attractor:
    """Judge a run after its transient.

    Parameters
    ----------
    y
        The observed variable.
    spread, size
        The range of the state in each stretch of the run, and its root mean square.
    exponents
        The largest exponent in each stretch, per step.
    is_map
        Whether y are iterates.
    """
    if not (np.isfinite(y).all() and np.isfinite(size)):
        return Attractor(DIVERGES, 0, np.nan, np.empty(0))
    rate, error = mean_and_error(exponents)
    growth = rate * len(y)
    if spread[-1] < STATIONARY * size or (growth < -NEUTRAL and spread[-1] < 0.5 * spread[0]):
        return Attractor(SETTLES, 1 if is_map else 0, np.nan, y[-1:])
    times, tops = (np.arange(len(y)) * 1.0, y) if is_map else maxima(y)
    period = return_period(tops, RETURNS[is_map] * float(np.ptp(y)))
    if period:
        cycle = float(times[-1] - times[-1 - period])
        kind = SETTLES if is_map and period == 1 else OSCILLATES
        return Attractor(kind, period, cycle, np.sort(tops[-period:]))
    points = tops[-KEPT:]
    first, second = np.array_split(y, 2)
    if ((second < first.min()) | (second > first.max())).mean() > 0.9:
        return Attractor(DRIFTS, 0, np.nan, points)
    if rate > ERRORS * error and growth > GROWTH:
        return Attractor(CHAOTIC, 0, np.nan, points)
    neutral = abs(growth) < NEUTRAL and len(tops) > 2
    kind = QUASI if neutral and not still_settles(tops) else UNDECIDED
    return Attractor(kind, 0, np.nan, points)


def mean_and_error(exponents: Float64[np.ndarray, " stretch"]) -> tuple[float, float]:
    """The mean over stretches of equal length, and its standard error."""
    if not np.isfinite(exponents).all():
        return float(exponents.mean()), 0.0
    return float(exponents.mean()), float(exponents.std(ddof=1) / np.sqrt(len(exponents)))


def still_settles(tops: Float64[np.ndarray, " point"]) -> bool:
    """Whether a sequence comes back ever nearer, as it does slowly at a bifurcation."""
    for period in range(1, min(LONGEST, len(tops) // 8) + 1):
        first, *_, last = np.array_split(np.abs(tops[period:] - tops[:-period]), 4)
        if last.mean() < SLOWER * first.mean():
            return True
    return False


def return_period(tops: Float64[np.ndarray, "point *variable"], distance: float) -> int:
    """After how many points a sequence comes back to within a distance, in its second half.

    0 if it does not within `LONGEST`, or is too short for three rounds.
    """
    half = tops[len(tops) // 2 :]
    for period in range(1, LONGEST + 1):
        if len(tops) < 3 * period or len(half) <= period:
            return 0
        if np.abs(half[period:] - half[:-period]).max() < distance:
            return period
    return 0
