"""How a system is seen in one of its variables: the delay and the dimension of an embedding."""

import numpy as np
from jaxtyping import Float

BINS = 16
"""Bins of equal counts in which mutual information is estimated."""

MOST_DIMENSIONS = 8
"""The most delayed values that are tried."""

POINTS = 1500
"""Points whose neighbours are looked for."""

FALSE = 15.0
"""A neighbour is false if the next value sets it off by this many times its distance."""

FEW = 0.02
"""The share of false neighbours below which a dimension is enough."""


def mutual_information(y: Float[np.ndarray, " time"], lag: int) -> float:
    r"""The mutual information of a series and its past, in nats.

    $$I = \sum_{ij} p_{ij} \ln \frac{p_{ij}}{p_i p_j}$$

    over bins of equal counts.
    """
    ranks = np.argsort(np.argsort(y, kind="stable"), kind="stable")
    bins = ranks * BINS // len(y)
    joint = np.bincount(bins[lag:] * BINS + bins[: len(bins) - lag], minlength=BINS**2)
    p = joint.reshape(BINS, BINS) / joint.sum()
    apart = np.outer(p.sum(axis=1), p.sum(axis=0))
    seen = p > 0
    return float((p[seen] * np.log(p[seen] / apart[seen])).sum())


def embedding_delay(y: Float[np.ndarray, " time"], longest: int) -> int:
    """The first minimum of the mutual information over lags (Fraser and Swinney 1986)."""
    last = np.inf
    for lag in range(1, max(min(longest, len(y) // 4), 2)):
        now = mutual_information(y, lag)
        if now > last:
            return lag - 1
        last = now
    return lag


def embedding_dimension(y: Float[np.ndarray, " time"], delay: int) -> int:
    """The delayed values from which almost no neighbour is false (Kennel et al. 1992)."""
    from scipy.spatial import KDTree  # here: SciPy takes a while to load

    for dimension in range(1, MOST_DIMENSIONS):
        rows = len(y) - dimension * delay
        if rows < 10:
            return dimension
        which = np.linspace(0, rows - 1, min(rows, POINTS)).astype(int)
        points = y[which[:, None] + delay * np.arange(dimension)]
        distance, nearest = KDTree(points).query(points, k=2)
        distance = np.maximum(distance[:, 1], 1e-12)
        further = y[which + dimension * delay]
        gap = np.abs(further - further[nearest[:, 1]])
        if ((gap > FALSE * distance) | (gap > 2 * y.std())).mean() < FEW:
            return dimension
    return MOST_DIMENSIONS
