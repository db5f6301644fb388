"""Which windows of a series a network reads in an epoch."""

import numpy as np
from jaxtyping import Int

MANY = 2**16
"""Windows of one series in an epoch. More of them overlap nearly everywhere, and cost time."""


def window_starts(first: int, end: int) -> Int[np.ndarray, " windows"]:
    """The rows from `first` to before `end`, or `MANY` of them, at which windows begin.

    Of more than `MANY`, one is drawn from each of as many stretches of equal length: all times
    count alike, and no season falls in step with what is read. The draw is the same each time.
    """
    rows = end - first
    if rows <= MANY:
        return np.arange(first, end)
    edges = first + rows * np.arange(MANY + 1) // MANY
    return np.random.default_rng(MANY).integers(edges[:-1], edges[1:])
