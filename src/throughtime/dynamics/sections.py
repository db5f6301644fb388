"""Two trajectories through one plane: Poincare sections of data and of a free run."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from throughtime.errors import InputError
from throughtime.reservoir.delay_embedding import embed

from .poincare import Section, poincare
from .state_space import common_delay

FEWEST = 5
"""Crossings that a section needs."""

RARE = 8
"""Steps from one crossing to the next, at least, on average: else the series is of a map."""


def sections_of(
    truth: Float64[np.ndarray, "_ variable"],
    other: Float64[np.ndarray, "_ variable"],
    names: Sequence[str],
    dt: float,
) -> tuple[Section, Section] | None:
    """The sections of two trajectories of the same variables in the same plane.

    The plane is the first variable at its mean in the first trajectory. A single variable is
    embedded in three dimensions. None where one of them hardly crosses it, or crosses it so
    often that it is no curve.
    """
    if min(len(truth), len(other)) < 64 or not np.isfinite(other).all():
        return None
    if truth.shape[1] == 1:
        lag = common_delay(truth, other)
        if min(len(truth), len(other)) < 4 * lag + 4:
            return None
        (name,) = names
        names = [name, f"{name}, {lag} steps on", f"{name}, {2 * lag} steps on"]
        truth, other = embed(truth[:, 0], lag, 3), embed(other[:, 0], lag, 3)
    plane = (0, float(truth[:, 0].mean()))
    try:
        pair = tuple(poincare(y, plane, dt=dt, names=names) for y in (truth, other))
    except InputError:  # a trajectory that does not stay finite
        return None
    first, second = pair
    for y, one in ((truth, first), (other, second)):
        if len(one.times) < FEWEST or len(y) < RARE * len(one.times):
            return None
    return first, second
