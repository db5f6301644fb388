r"""A trajectory that lies near noisy data and nearly obeys a map.

$$J(s, \theta) = \sum_t \Bigl|\frac{y_t - s_t}{\sigma}\Bigr|^2 / 2
  + \sum_t \Bigl|\frac{s_t - F_\theta(s_{t-1}, s_{t-1-k}, \dots)}{q}\Bigr|^2 / 2$$

$\sigma$ is the noise of the measurement and q that of the map. The trajectory s has as many
unknowns as the data, but each step touches only its neighbours: a Gauss-Newton step solves a
banded system, in a time linear in the steps. This is smoothing under a weak constraint
(Tremolet 2006), and for a linear map the smoother of Rauch, Tung and Striebel (1965).

A map here depends on delayed values alone: on monomials, or on units without recurrence.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.linalg import cho_solve_banded, cholesky_banded

from .closed_loop import Features, Pair
from .monomials import monomial_slopes
from .ridge import Readout

Weights = Float[np.ndarray, "_ variable"]
"""The constant c, then the weights V of each feature: the map is linear in them."""


class Noise(NamedTuple):
    """The standard deviations of the measurement and of the map, of each variable."""

    sigma: Float[np.ndarray, " variable"]
    q: Float[np.ndarray, " variable"]


class Linearised(NamedTuple):
    """J near a trajectory.

    Attributes
    ----------
    value
        J.
    factor
        The Cholesky factor of its second derivative by s, banded, as SciPy stores it.
    downhill
        Minus its gradient by s, `(time, variable)`.
    slopes
        The derivatives of the map's errors by the values that they depend on, each with the
        row of s at which the first of them stands.
    design
        1 and the features of each step.
    errors
        $s_t - F_\\theta$ of each step.
    """

    value: float
    factor: Float[np.ndarray, "band _"]
    downhill: Float[np.ndarray, "time variable"]
    slopes: list[tuple[int, Float[np.ndarray, "rows variable variable"]]]
    design: Float[np.ndarray, "rows _"]
    errors: Float[np.ndarray, "rows variable"]

    @property
    def log_determinant(self) -> float:
        """The logarithm of the determinant of the second derivative."""
        return 2 * float(np.log(self.factor[-1]).sum())

    def solve(self, right: Float[np.ndarray, "_ columns"]) -> Float[np.ndarray, "_ columns"]:
        """The second derivative's inverse times columns."""
        return cho_solve_banded((self.factor, False), right)


def linearise(
    features: Features, weights: Weights, pair: Pair, s: np.ndarray, noise: Noise
) -> Linearised:
    """J, its gradient and its second derivative (Gauss and Newton's) at a trajectory s.

    Raises
    ------
    numpy.linalg.LinAlgError, ValueError
        Where something is not finite.
    """
    y, x = pair
    settings, (steps, size) = features.settings, y.shape
    span, rows = settings.span, steps - settings.span
    design = np.concatenate([np.ones((rows, 1)), features.along(s, x)], axis=1)
    kept = s[span - 1 : -1] if settings.residual else 0
    errors = s[span:] - kept - design @ weights
    slopes = [(span, np.broadcast_to(np.eye(size), (rows, size, size)))]
    for delay, slope in enumerate(_map_slopes(features, weights[1:], s, x)):
        identity = np.eye(size) if settings.residual and not delay else 0
        slopes.append((span - 1 - delay * settings.spacing, -slope - identity))
    downhill, scaled = (y - s) / noise.sigma**2, errors / noise.q**2
    for first, slope in slopes:
        downhill[first : first + rows] -= np.einsum("toi,to->ti", slope, scaled)
    value = np.square((y - s) / noise.sigma).sum() + np.square(errors / noise.q).sum()
    factor = cholesky_banded(_band(slopes, noise, steps, span))
    return Linearised(value / 2, factor, downhill, slopes, design, errors)


def _band(slopes, noise: Noise, steps: int, span: int) -> np.ndarray:
    """The second derivative of J by s: its upper band."""
    size = len(noise.sigma)
    width = (span + 1) * size - 1
    band = np.zeros((width + 1, steps * size))
    band[width] = np.tile(1 / noise.sigma**2, steps)
    for first, one in slopes:
        for second, other in slopes:
            if first > second:
                continue
            products = np.einsum("toi,o,toj->tij", one, 1 / noise.q**2, other)
            last = second * size + len(one) * size
            for i in range(size):
                for j in range(size):
                    row, column = first * size + i, second * size + j
                    if row <= column:
                        band[width + row - column, column:last:size] += products[:, i, j]
    return band


def _map_slopes(features: Features, V: np.ndarray, s: np.ndarray, x: np.ndarray):
    """The derivatives of the readout of the features by each delayed value."""
    settings, size = features.settings, s.shape[1]
    z = features.delayed(s, x[settings.span :])
    slopes = monomial_slopes(z, settings.order)[:, 1:]
    products = np.einsum("tfz,fo->toz", slopes, V[settings.units :])
    found = [products[:, :, i * size : (i + 1) * size] for i in range(settings.delays)]
    if features.reservoir is not None:
        h = features.states(s, x)[settings.span - 1 :]
        F = np.asarray(features.reservoir.F)
        found[0] = found[0] + np.einsum(
            "uo,tu,ui->toi", V[: settings.units], 1 - np.square(h), F, optimize=True
        )
    return found


def smoothed_trajectory(
    features: Features,
    readout: Readout,
    pair: Pair,
    noise: Noise,
    begin: Float[np.ndarray, "time variable"],
) -> Float[np.ndarray, "time variable"]:
    """The trajectory of least J for a map that is known, from a first guess.

    The map is trusted little by little: q begins at 30 times its value, since a chaotic map
    that must be obeyed at once has many minima (Pires, Vautard and Talagrand 1996).
    """
    s, weights = begin, as_weights(readout)
    for factor in (30, 10, 3, 1, 1):
        softer = Noise(noise.sigma, noise.q * factor)
        for _ in range(2):
            at = linearise(features, weights, pair, s, softer)
            s = s + at.solve(at.downhill.reshape(-1, 1)).reshape(s.shape)
    return s


def as_weights(readout: Readout) -> Weights:
    """c and V of a readout below each other."""
    return np.concatenate([readout.c[None], readout.V.T])


def as_readout(weights: Weights) -> Readout:
    """The readout of such weights."""
    return Readout(np.ascontiguousarray(weights[1:].T), weights[0])
