r"""Features that are angles, read by their sine and cosine.

A law that is periodic in an angle says the same after each turn. Read as a number, one that
turns for ever leaves all values that were seen; its sine and cosine never do.
"""

from types import ModuleType
from typing import Any

import numpy as np


def read_angles(xs: Any, rates: tuple[float, ...], xp: ModuleType = np) -> Any:
    r"""Features with the sine of each angle in its place, and the cosines after the last.

    Parameters
    ----------
    xs
        The features, `(..., feature)`.
    rates
        The radians of a unit of each of the first features; 0 for what is no angle.
    xp
        `numpy` or `jax.numpy`.

    Returns
    -------
    Array, (..., feature + angle)
    """
    if not any(rates):
        return xs
    every = np.zeros(xs.shape[-1], xs.dtype)
    every[: len(rates)] = rates
    turned = xs * every
    angles = turned[..., np.flatnonzero(every)]
    return xp.concatenate([xp.where(every != 0, xp.sin(turned), xs), xp.cos(angles)], axis=-1)


def angle_count(rates: tuple[float, ...]) -> int:
    """How many of the features are angles."""
    return int(np.count_nonzero(rates))
