"""What the data say about where they come from: a flow or a map, and how much noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from .delay_embedding import below_1_over_e, embedding_dimension, first_minimum

FLOW_SHARE = 0.35
"""Increments below this share of the spread are those of a flow that is sampled finely."""

WIDTHS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25)
"""Steps on each side of a point over which a local cubic is fitted."""

NOISY = 2e-3
"""Noise below this share of the spread is not distinguished from the bends of a clean flow."""


BENT = 1.5
"""Where a local cubic over 3 steps leaves this much more than one over 2, it leaves motion."""


@dataclass(frozen=True)
class Traits:
    """What kind of series it is.

    Attributes
    ----------
    kind
        "flow" if increments are small against the spread, else "map".
    noise
        The standard deviation of measurement noise against that of the series; 0 if there is
        none to be seen, and for a map, where noise cannot be told from motion.
    smoothing
        Steps on each side of a point over which a local cubic takes away most noise and little
        of the motion; 0 without noise.
    correlation
        Steps over which the autocorrelation falls to 1/e.
    delay, dimension
        Of an embedding of the first variable; see `delay_embedding.py`.
    """

    kind: Literal["flow", "map"]
    noise: float
    smoothing: int
    correlation: int
    delay: int = 1
    dimension: int = 1


def series_traits(series: Sequence[Float[np.ndarray, "_ variable"]]) -> Traits:
    """Tell a flow from a map, and how noisy it is, from standardised trajectories."""
    increments = np.concatenate([np.diff(y, axis=0) for y in series])
    share = float(np.median(np.abs(increments)) / 0.6745)
    longest = max(series, key=len)
    correlation = correlation_length(longest)
    first = longest[:, 0]
    if share > FLOW_SHARE:
        return Traits("map", 0.0, 0, correlation, 1, embedding_dimension(first, 1))
    delay = first_minimum(first, 4 * correlation)
    seen = delay, embedding_dimension(first, delay)
    noise, width = noise_level(longest)
    noisy = noise > NOISY
    return Traits("flow", noise if noisy else 0.0, width if noisy else 0, correlation, *seen)


def noise_level(y: Float[np.ndarray, "time variable"]) -> tuple[float, int]:
    r"""The noise of a smooth series, and the widest local cubic that does not bend it.

    A local cubic with the weight K at its centre leaves of white noise of variance
    $\sigma^2$ a residual of $(1 - K) \sigma^2$; where it also leaves motion, the residual is
    larger, and grows with the width at once where there is no noise. The least of
    $r^2/(1 - K)$ over widths estimates $\sigma^2$, and the widest one near it is the best
    smoother.
    """
    from scipy.signal import savgol_coeffs, savgol_filter  # here: SciPy takes a while to load

    found = {}
    for width in WIDTHS:
        if len(y) <= 4 * width:
            break
        centre = savgol_coeffs(2 * width + 1, 3)[width]
        left = (y - savgol_filter(y, 2 * width + 1, 3, axis=0))[width:-width]
        found[width] = float(np.sqrt(np.square(left).mean() / (1 - centre)))
    if not found:
        return 0.0, 0
    least = min(found.values())
    if found.get(3, least) > BENT * found[2]:
        return 0.0, 0
    return least, max(width for width, noise in found.items() if noise <= 1.03 * least)


def correlation_length(y: Float[np.ndarray, "time variable"]) -> int:
    """The first lag at which the mean autocorrelation of the variables is below 1/e."""
    lags = max(len(y) // 4, 2)
    return below_1_over_e(y, lags) or lags
