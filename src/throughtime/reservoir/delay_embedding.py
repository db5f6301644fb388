r"""Delay embedding: a state space from one measured variable.

By the theorem of Takens (1981) the vectors

$$v_n = (x_n, x_{n+\tau}, \ldots, x_{n+(m-1)\tau})$$

trace a copy of the attractor if the dimension m is high enough. The delay $\tau$ is the first
minimum of the average mutual information (Fraser, Swinney 1986), and no longer than the time in
which the autocorrelation falls to 1/e: a map is embedded at a delay of one step. The dimension
is the lowest without false neighbours (Kennel, Brown, Abarbanel 1992).
"""

import math

import numpy as np
from jaxtyping import Float, Float64, Int64
from scipy.spatial import KDTree

from throughtime.errors import InputError

BINS = 16
"""Bins of equal counts, for the mutual information."""

DIMENSIONS = 8
"""The highest dimension that is tried."""

FALSE = 0.03
"""A dimension is high enough if fewer of the neighbours than this are false."""

STRETCHED = 10.0
"""A neighbour is false if the next coordinate makes it this many times as far away."""


def embed(
    values: Float64[np.ndarray, " time"], delay: int, dimension: int
) -> Float64[np.ndarray, "points dimension"]:
    """The vectors of a delay embedding, in order of time.

    Parameters
    ----------
    values
        The series, `(time,)`.
    delay
        Steps between coordinates.
    dimension
        The number of coordinates.

    Returns
    -------
    Array, (points, dimension)
        `time - (dimension - 1) * delay` points.

    Raises
    ------
    InputError
        If the series is too short for one vector.

    Examples
    --------
    >>> embed(np.arange(5.0), delay=2, dimension=2).tolist()
    [[0.0, 2.0], [1.0, 3.0], [2.0, 4.0]]
    """
    points = len(values) - (dimension - 1) * delay
    if points < 1 or delay < 1 or dimension < 1:
        rule = f"an embedding needs more than {(dimension - 1) * delay} steps"
        raise InputError(rule, len(values), "Lower `delay` or `dimension`.")
    return np.stack([values[i * delay : i * delay + points] for i in range(dimension)], axis=1)


def embedding_delay(values: Float64[np.ndarray, " time"]) -> int:
    """The delay of an embedding, in steps; at most a tenth of the series."""
    return first_minimum(values, decorrelation(values, max(1, len(values) // 10)))


def embedding_dimension(values: Float[np.ndarray, " time"], delay: int) -> int:
    """The lowest dimension without false neighbours; the highest tried if each has some."""
    for dimension in range(1, DIMENSIONS):
        if len(values) - dimension * delay < 100:
            return dimension
        if false_neighbours(values, delay, dimension) < FALSE:
            return dimension
    return DIMENSIONS


def false_neighbours(values: Float64[np.ndarray, " time"], delay: int, dimension: int) -> float:
    """The fraction of points whose nearest neighbour is one by projection only."""
    vectors = embed(values, delay, dimension + 1)
    distance, nearest = neighbours(vectors[:, :dimension], theiler=2 * delay)
    extra = np.abs(vectors[:, -1] - vectors[nearest, -1])
    apart = distance > 1e-12 * np.ptp(values)
    if not apart.any():
        return 0.0
    stretched = extra[apart] > STRETCHED * distance[apart]
    far = np.hypot(extra, distance)[apart] > 2 * values.std()
    return float((stretched | far).mean())


def neighbours(
    points: Float64[np.ndarray, "points dimension"], theiler: int
) -> tuple[Float64[np.ndarray, " points"], Int64[np.ndarray, " points"]]:
    """The nearest neighbour of each point that is not near in time, and its distance.

    Parameters
    ----------
    points
        In order of time.
    theiler
        Points are no neighbours if they follow each other within so many steps (Theiler 1986).
    """
    tree, rows = KDTree(points), np.arange(len(points))
    distance, nearest = np.full(len(points), math.inf), rows.copy()
    wanted, count = rows, min(8, len(points))
    while len(wanted):
        found, index = map(np.asarray, tree.query(points[wanted], k=count))
        allowed = np.abs(index - wanted[:, None]) > theiler
        first, has = allowed.argmax(axis=1), allowed.any(axis=1)
        distance[wanted[has]] = found[has, first[has]]
        nearest[wanted[has]] = index[has, first[has]]
        wanted = wanted[~has]
        if count == len(points):
            break
        count = min(4 * count, len(points))
    return distance, nearest.astype(np.int64)


def first_minimum(values: Float[np.ndarray, " time"], most: int) -> int:
    """The lag of the first minimum of the average mutual information, at most `most`.

    A minimum counts where the information is well below that of one step: the bins leave
    ripples on what is nearly constant.
    """
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    bins = ranks * BINS // len(values)
    last = max(1, min(most, len(values) - 2))
    first = before = _information(bins, 1)
    for lag in range(2, last + 1):
        found = _information(bins, lag)
        if before < 0.6 * first and found >= before:
            return lag - 1
        before = found
    return last


def _information(bins: np.ndarray, lag: int) -> float:
    r"""The mutual information of a series and its past, $\sum p_{ij} \ln p_{ij}/(p_i p_j)$."""
    pairs = np.bincount(bins[:-lag] * BINS + bins[lag:], minlength=BINS**2)
    joint = pairs.reshape(BINS, BINS) / pairs.sum()
    alone = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / alone[seen])).sum())


def decorrelation(values: Float[np.ndarray, " time"], most: int | None = None) -> int:
    """The first lag, in steps, at which the autocorrelation of a series is below 1/e.

    At most `most` steps, by default a quarter of the series; 1 if there is none.
    """
    most = len(values) // 4 - 1 if most is None else most
    return below_1_over_e(values[:, None], most + 1) or 1


def below_1_over_e(values: Float[np.ndarray, "time variable"], lags: int) -> int | None:
    """The first of so many lags at which the mean autocorrelation is below 1/e, or None."""
    y = values - values.mean(axis=0)
    power = np.abs(np.fft.rfft(y, 2 * len(y), axis=0)) ** 2
    correlation = np.fft.irfft(power.sum(axis=1))[:lags]
    below = np.flatnonzero(correlation < correlation[0] / math.e)
    return int(below[0]) if len(below) else None
