r"""Whether a series is linear noise, or has something that no spectrum tells.

The next change is predicted by the mean of the changes after the most similar pasts. The same
is done with surrogates, which have the series' values and its power spectrum, but random phases
(iterative amplitude-adjusted Fourier transform, Schreiber and Schmitz 1996): linear noise, seen
through any monotonic instrument. A spectrum that is taken of a series whose ends do not meet
has a jump in it: the series is cut to the stretch whose ends agree best.

Surrogates of a sharp spectrum are still a little whiter than the series, and so harder to
predict. Of linear noise nothing predicts more than a line does (seen through an instrument that
makes its values Gaussian): similar pasts must beat a line through the same pasts as well.

What passes is not linear noise. It may still be noise: of several regimes, or in a double well.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.spatial import KDTree
from scipy.special import ndtri
from scipy.stats import rankdata

from throughtime.reservoir.delay_embedding import embed

SURROGATES = 19
"""Linear noise is easier to predict than each of them in one case of 20, if it is as long as
many of its own turns; `benchmarks/verdicts.py --size` counts it."""

DIMENSIONS = 6
"""The highest dimension that is tried."""

CLEARLY = 0.95
"""The error must be less than this part of what is typical of surrogates."""

BENT = 0.9
"""The error must be less than this part of that of a line."""

UNPREDICTABLE = 0.9
"""No law is seen where similar pasts leave this much, whatever surrogates leave."""

NEIGHBOURS = 6
"""Similar pasts that are averaged."""

TARGETS = 500
"""Values that are predicted, at most."""

ENDS = 0.1
"""The share of a series that may be cut off at each end for its ends to agree."""


class LocalPrediction(NamedTuple):
    """How well similar pasts predict a series, beside its surrogates and a line.

    Attributes
    ----------
    dimension
        The dimension of the embedding whose error is least.
    ahead
        How many steps ahead it is predicted; also the delay of the embedding.
    error
        The root mean square error over the standard deviation of the series.
    surrogates
        The same of each surrogate, `(surrogate,)`; the last one is the first that is as easy
        to predict as the series.
    of_line
        The error over that of a line, of the series with Gaussian values.
    """

    dimension: int
    ahead: int
    error: float
    surrogates: Float64[np.ndarray, " surrogate"]
    of_line: float

    @property
    def beats_surrogates(self) -> bool:
        """Whether it is clearly easier to predict than all of its surrogates."""
        least, typical = float(self.surrogates.min()), float(np.median(self.surrogates))
        return self.error < min(least, CLEARLY * typical, UNPREDICTABLE)

    @property
    def nonlinear(self) -> bool:
        """Whether it is clearly easier to predict than linear noise, and than by a line."""
        return self.beats_surrogates and self.of_line < BENT


def local_prediction(
    values: Float64[np.ndarray, " time"], delay: int, *, seed: int = 0
) -> LocalPrediction:
    """Predict a series from similar pasts, half a delay ahead, and its surrogates too.

    Each has the best of the dimensions. The first surrogate that is as easy to predict decides.

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
    values = ends_that_meet(values)
    dimensions = [m for m in range(2, DIMENSIONS + 1) if len(values) > (m + 1) * half + 50]
    errors = [prediction_error(values, half, m) for m in dimensions]
    least = min(errors)
    gaussian = ndtri((rankdata(values) - 0.5) / len(values))
    by_pasts = min(prediction_error(gaussian, half, m) for m in dimensions)
    by_line = min(line_error(gaussian, half, m) for m in dimensions)
    others: list[float] = []
    while len(others) < SURROGATES and least < min(others, default=math.inf):
        other = surrogate(values, rng)
        others.append(min(prediction_error(other, half, m) for m in dimensions))
    best = dimensions[int(np.argmin(errors))]
    of_line = by_pasts / by_line if by_line > 0 else 1.0
    return LocalPrediction(best, half, least, np.array(others), of_line)


def ends_that_meet(values: Float64[np.ndarray, " time"]) -> Float64[np.ndarray, " stretch"]:
    """The stretch of a series that goes on best from its last value to its first.

    The step from the end to the start is to be as the slopes on both sides, which are to be
    the same (Schreiber and Schmitz 2000).
    """
    most = max(1, int(ENDS * len(values)))
    slopes = np.diff(values)
    first, last = np.arange(most), len(values) - 1 - np.arange(most)
    before, after = slopes[last - 1], slopes[first][:, None]
    jump = values[first][:, None] - values[last] - (before + after) / 2
    i, j = np.unravel_index(np.argmin(jump**2 + (before - after) ** 2), jump.shape)
    stretch = values[first[i] : last[j] + 1]
    return stretch if np.ptp(stretch) > 0 else values


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


def line_error(values: Float64[np.ndarray, " time"], delay: int, dimension: int) -> float:
    """The error of the best line through the same pasts, one delay ahead, in deviations."""
    points = embed(values, delay, dimension)[:-delay]
    terms, wanted = np.column_stack([np.ones(len(points)), points]), values[dimension * delay :]
    rest = wanted - terms @ np.linalg.lstsq(terms, wanted, rcond=None)[0]
    return float(rest.std() / values.std())


def surrogate(
    values: Float64[np.ndarray, " time"], rng: np.random.Generator, iterations: int = 100
) -> Float64[np.ndarray, " time"]:
    """A series of the same values and, nearly, the same power spectrum, of random phases."""
    ordered, amplitude = np.sort(values), np.abs(np.fft.rfft(values))
    y = rng.permutation(values)
    for _ in range(iterations):
        phases = np.angle(np.fft.rfft(y))
        y = np.fft.irfft(amplitude * np.exp(1j * phases), len(values))
        order = np.argsort(y)
        y[order] = ordered
    return y
