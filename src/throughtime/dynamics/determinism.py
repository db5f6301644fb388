r"""Whether a series follows a nonlinear law, or is noise with a spectrum.

The next change is predicted by the mean of the changes after the most similar pasts. The same
is done with surrogates, which have the series' values and its power spectrum, but random phases
(iterative amplitude-adjusted Fourier transform, Schreiber and Schmitz 1996): linear noise, seen
through any monotonic instrument. A series that is easier to predict than every one
of them has a law that no spectrum tells.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.spatial import KDTree

from throughtime.reservoir.delay_embedding import embed

SURROGATES = 19
"""Surrogates: linear noise is easier to predict than each of them in one case of 20."""

DIMENSIONS = 6
"""The highest dimension that is tried."""

CLEARLY = 0.95
"""The error must be less than this part of what is typical of surrogates."""

UNPREDICTABLE = 0.9
"""No law is seen where similar pasts leave this much, whatever surrogates leave."""

NEIGHBOURS = 6
"""Similar pasts that are averaged."""

TARGETS = 500
"""Values that are predicted, at most."""


class LocalPrediction(NamedTuple):
    """How well similar pasts predict a series, beside its surrogates.

    Attributes
    ----------
    dimension
        The dimension of the embedding whose error is least.
    ahead
        How many steps ahead it is predicted; also the delay of the embedding.
    error
        The root mean square error over the standard deviation of the series.
    surrogates
        The same of each surrogate, `(surrogate,)`.
    """

    dimension: int
    ahead: int
    error: float
    surrogates: Float64[np.ndarray, " surrogate"]

    @property
    def deterministic(self) -> bool:
        """Whether it is clearly easier to predict than all of its surrogates."""
        least, typical = float(self.surrogates.min()), float(np.median(self.surrogates))
        return self.error < min(least, CLEARLY * typical, UNPREDICTABLE)


def local_prediction(
    values: Float64[np.ndarray, " time"], delay: int, *, seed: int = 0
) -> LocalPrediction:
    """Predict a series from similar pasts, half a delay ahead, and its surrogates too.

    Parameters
    ----------
    values
        The series, `(time,)`.
    delay
        The delay of the embedding, in steps.
    seed
        Seed of the surrogates.
    """
    rng, half = np.random.default_rng(seed), max(1, delay // 2)
    dimensions = [m for m in range(2, DIMENSIONS + 1) if len(values) > (m + 1) * half + 50]
    errors = [prediction_error(values, half, m) for m in dimensions]
    best = dimensions[int(np.argmin(errors))]
    others = [prediction_error(surrogate(values, rng), half, best) for _ in range(SURROGATES)]
    return LocalPrediction(best, half, min(errors), np.array(others))


def prediction_error(values: Float64[np.ndarray, " time"], delay: int, dimension: int) -> float:
    """The error of the mean change after similar pasts, one delay ahead, in deviations."""
    points = embed(values, delay, dimension)[:-delay]
    changes = values[dimension * delay :] - points[:, -1]
    rows = np.arange(0, len(points), max(1, len(points) // TARGETS))
    theiler = dimension * delay
    count = min(len(points), NEIGHBOURS + 2 * theiler + 1)
    _, index = KDTree(points).query(points[rows], k=count)
    apart = np.abs(index - rows[:, None]) > theiler
    chosen = apart & (apart.cumsum(axis=1) <= NEIGHBOURS)
    means = np.where(chosen, changes[index], 0).sum(axis=1) / chosen.sum(axis=1).clip(1)
    return math.sqrt(float(((means - changes[rows]) ** 2).mean())) / float(values.std())


def surrogate(
    values: Float64[np.ndarray, " time"], rng: np.random.Generator, iterations: int = 100
) -> Float64[np.ndarray, " time"]:
    """A series of the same values and, nearly, the same power spectrum, of random phases."""
    ordered, amplitude = np.sort(values), np.abs(np.fft.rfft(values))
    y = rng.permutation(values)
    for _ in range(iterations):
        phases = np.angle(np.fft.rfft(y))
        y = np.fft.irfft(amplitude * np.exp(1j * phases), len(values))
        y = ordered[np.argsort(np.argsort(y))]
    return y
