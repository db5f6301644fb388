r"""The largest Lyapunov exponent of a measured series.

The distance of each point of a delay embedding from its nearest neighbour grows, on average, as
$e^{\lambda t}$ until it is as large as the attractor (Rosenstein, Collins, De Luca 1993):

$$S(k) = \langle \ln |v_{n+k} - v_{n'+k}| \rangle_n \approx S_0 + \lambda k.$$

The slope is fitted where the curve is straight: after the first delay, in which neighbours turn
into the unstable direction (and measurement noise is left behind), and before it bends at the
size of the attractor.
"""

import math
import reprlib
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from throughtime.errors import InputError
from throughtime.reservoir.delay_embedding import (
    embed,
    embedding_delay,
    embedding_dimension,
    neighbours,
)

from .time_step import check_step

LEAST = 200
"""Steps of a series, at least."""

BLOCKS = 20
"""Blocks of the series whose spread is the statistical part of the uncertainty."""

LONGEST = 40
"""Delays over which neighbours are followed."""

ROUNDING = 8 * float(np.finfo(np.float64).eps)
"""A series is constant if it varies by no more than this part of its size."""

ROOM = 1.0
"""The curve is straight until it is this far below the logarithm of the attractor's size."""


class SeriesExponent(NamedTuple):
    """The largest exponent of a series, and the curve that it was read from.

    Attributes
    ----------
    exponent, error
        Per unit of time, and its standard error: of blocks of the series, of the two halves of
        the fitted stretch, and of one dimension more.
    growth
        The logarithm of the factor by which distances grew over the fitted stretch.
    straightness
        The share of the variance of the stretch that the line explains.
    curve
        S(k) less the logarithm of the series' standard deviation, `(step,)`.
    first, last
        The ends of the fitted stretch, in steps.
    delay, dimension
        Of the embedding.
    """

    exponent: float
    error: float
    growth: float
    straightness: float
    curve: Float64[np.ndarray, " step"]
    first: int
    last: int
    delay: int
    dimension: int


def largest_exponent(
    values: Any,
    dt: float = 1.0,
    *,
    delay: int | None = None,
    dimension: int | None = None,
) -> SeriesExponent:
    """The largest Lyapunov exponent of a series, by the divergence of neighbours.

    Parameters
    ----------
    values
        One measured variable, `(time,)`; at least 200 steps.
    dt
        The time of a step.
    delay, dimension
        Of the embedding; found by default.

    Returns
    -------
    SeriesExponent
        The exponent per unit of time, and the evidence; NaN for a series of so few different
        values that neighbours coincide.

    Raises
    ------
    InputError
        For a series that is too short, constant, not of numbers or not finite, and a step of
        time that is not positive.

    Examples
    --------
    >>> largest_exponent(lorenz[:, 0], dt=0.05).exponent                 # doctest: +SKIP
    0.91
    """
    values = check_series(values)
    check_step(dt)
    if is_constant(values):
        rule = "a series must vary for an exponent"
        raise InputError(rule, f"{values[0]:.6g} throughout", "Pass another variable.")
    values = standardised(values)
    delay = embedding_delay(values) if delay is None else delay
    dimension = embedding_dimension(values, delay) if dimension is None else dimension
    logs = divergence(values, delay, dimension)
    curve = _mean(logs)
    first, last = straight_stretch(curve, delay)
    slope = _slope(curve, first, last)
    blocks = [_mean(part) for part in np.array_split(logs, BLOCKS)]
    slopes = [s for part in blocks if math.isfinite(s := _slope(part, first, last))]
    spread = float(np.std(slopes) / math.sqrt(max(len(slopes) - 1, 1))) if slopes else math.inf
    middle = (first + last + 1) // 2
    bend = abs(_slope(curve, first, middle) - _slope(curve, middle, last)) / 2
    other = _mean(divergence(values, delay, dimension + 1))
    change = abs(_slope(other, *straight_stretch(other, delay)) - slope)
    error = math.sqrt(spread**2 + bend**2 + (change if math.isfinite(change) else 0) ** 2)
    k = np.arange(first, last + 1)
    left = curve[k] - curve[k].mean() - slope * (k - k.mean())
    variance = float(curve[k].var())
    straight = 1 - float((left**2).mean()) / variance if variance > 0 else 0.0
    return SeriesExponent(
        slope / dt,
        error / dt,
        slope * (last - first),
        straight,
        curve,
        first,
        last,
        delay,
        dimension,
    )


def check_series(values: Any) -> Float64[np.ndarray, " time"]:
    """The series in double precision, refused unless it is one of enough finite numbers."""
    series = _numbers(values)
    if series.ndim != 1:
        rule = "a series must be one variable, `(time,)`"
        remedy = "Pass one column of a table, as `values[:, 0]`."
        raise InputError(rule, f"an array of shape {series.shape}", remedy)
    if len(series) < LEAST:
        rule = f"a series must be one variable of at least {LEAST} steps"
        raise InputError(rule, f"an array of shape {series.shape}", "Pass a longer series.")
    wrong = np.flatnonzero(~np.isfinite(series))
    if len(wrong):
        got = f"{series[wrong[0]]} at step {wrong[0]}"
        raise InputError("a series must be finite", got, "Fill or drop these values.")
    return series


def _numbers(values: Any) -> np.ndarray:
    """Real numbers as an array in double precision; what is masked as NaN."""
    try:
        if isinstance(values, np.ma.MaskedArray):
            return np.ma.filled(values.astype(np.float64), np.nan)
        array = np.asarray(values)
        if array.dtype.kind == "O" and not any(isinstance(v, str) for v in array.flat):
            filled = [np.nan if v is None else v for v in array.flat]
            array = np.array(filled, np.float64).reshape(array.shape)
        if array.dtype.kind in "biuf" and array.ndim:
            return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):  # no number, or lists of several lengths
        pass
    text = isinstance(values, str)
    remedy = "Read the file, and pass a column of it." if text else "Pass one array of numbers."
    raise InputError("a series must be real numbers", reprlib.repr(values), remedy)


def is_constant(values: Float64[np.ndarray, " time"]) -> bool:
    """Whether a series varies by no more than rounding."""
    values = _of_size_1(values)
    return bool(np.ptp(values) <= ROUNDING * np.abs(values).max())


def standardised(values: Float64[np.ndarray, " time"]) -> Float64[np.ndarray, " time"]:
    """A series of mean 0 and deviation 1, whatever its level and units."""
    values = _of_size_1(values)
    values = values - values[0]  # exact beside a high level, as the mean would not be
    values = values - values.mean()
    return values / values.std()


def _of_size_1(values: np.ndarray) -> np.ndarray:
    """A series in units of a power of 2, so that no square of it overflows: exact."""
    return np.ldexp(values, -np.frexp(np.abs(values).max())[1])


def divergence(values: np.ndarray, delay: int, dimension: int) -> np.ndarray:
    """Logarithms of the distances from the nearest neighbours, k steps on; NaN if they meet.

    Returns
    -------
    Array, (point, step)
    """
    vectors = embed(values, delay, dimension)
    steps = min(len(vectors) // 4, max(20, LONGEST * delay))
    starts = np.arange(len(vectors) - steps)
    _, nearest = neighbours(vectors[: len(starts)], theiler=max(2 * delay, 1))
    logs = np.empty((len(starts), steps + 1))
    for k in range(steps + 1):
        apart = vectors[starts + k] - vectors[nearest + k]
        with np.errstate(divide="ignore"):
            logs[:, k] = np.log(np.sqrt((apart**2).sum(axis=1)))
    logs[~np.isfinite(logs)] = np.nan
    return logs


def straight_stretch(curve: np.ndarray, delay: int) -> tuple[int, int]:
    """The steps between which a curve of divergence is straight."""
    first = min(delay if delay > 1 else 0, len(curve) - 3)
    top = float(np.max(curve, initial=-math.inf, where=np.isfinite(curve)))
    reached = np.flatnonzero(curve[first:] > top - ROOM)
    last = first + int(reached[0]) if len(reached) else len(curve) - 1
    return first, max(last, first + 2)


def _slope(curve: np.ndarray, first: int, last: int) -> float:
    """The slope of a least-squares line, per step."""
    k = np.arange(first, max(last, first + 1) + 1)
    k = k[k < len(curve)]
    if len(k) < 2 or not np.isfinite(curve[k]).all():
        return math.nan
    return float(np.polyfit(k, curve[k], 1)[0])


def _mean(logs: np.ndarray) -> np.ndarray:
    """The mean over points of what is known at each step; NaN where nothing is."""
    known = np.isfinite(logs)
    count = known.sum(axis=0)
    total = np.where(known, logs, 0).sum(axis=0)
    return np.where(count > 0, total / count.clip(1), np.nan)
