"""Between the samples of a curve: where it has its maxima, and where it crosses a level.

The curve is a cubic spline through the samples, so that a maximum and a crossing are found to
an error of the fourth order in the time between samples.
"""

from typing import Any

import numpy as np
from jaxtyping import Float64

PROMINENCE = 1e-3
"""A maximum stands above what surrounds it by this fraction of the curve's range, at least."""

HALVINGS = 60
"""Halvings of the interval that holds a crossing."""


def maxima(
    y: Float64[np.ndarray, " time"],
) -> tuple[Float64[np.ndarray, " maximum"], Float64[np.ndarray, " maximum"]]:
    """The local maxima of a sampled curve.

    Parameters
    ----------
    y
        The samples, `(time,)`.

    Returns
    -------
    times, values
        When they are, in steps, and how high.

    Examples
    --------
    >>> maxima(np.cos(0.1 * np.arange(100)))[0].round(3).tolist()
    [62.832]
    """
    from scipy.signal import find_peaks  # here: SciPy takes a while to load

    peaks = find_peaks(y, prominence=max(PROMINENCE * float(np.ptp(y)), 1e-300))[0]
    if not len(peaks):
        return np.empty(0), np.empty(0)
    curve = spline(y)
    slope = curve(peaks, 1)
    left = np.where(slope > 0, peaks, peaks - 1).clip(0, len(y) - 2)
    cubic, square, linear, constant = curve.c[:, left]
    # The root of 3 c s^2 + 2 b s + a = 0 at which the slope falls, without cancellation.
    root = np.sqrt((square**2 - 3 * cubic * linear).clip(0))
    divisor = np.where(root > square, root - square, 1.0)
    s = np.where(root > square, linear / divisor, 0.0).clip(0, 1)
    return left + s, constant + s * (linear + s * (square + s * cubic))


def spline(y: Float64[np.ndarray, "time *variable"]) -> Any:
    """The cubic spline through samples, a function of the step."""
    from scipy.interpolate import CubicSpline  # here: SciPy takes a while to load

    return CubicSpline(np.arange(len(y)), y)


def crossings(
    y: Float64[np.ndarray, " time"], rising: bool
) -> Float64[np.ndarray, " crossing"]:
    """When a sampled curve crosses 0 in one direction, in steps."""
    signed = y if rising else -y
    before = np.flatnonzero((signed[:-1] < 0) & (signed[1:] >= 0)).astype(float)
    if not len(before):
        return before
    curve = spline(signed)
    low, high = before, before + 1
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = curve(middle) < 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return high
