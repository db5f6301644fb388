"""What takes the noise from a series: a local cubic, or a map that is known."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .closed_loop import Features, Pair
from .ridge import Readout
from .trajectory_smoothing import Noise, smoothed_trajectory

PIECE, MARGIN = 1500, 150
"""A series is smoothed in pieces of so many steps, each with so many more on both sides."""


def smoothed(y: Float[np.ndarray, "time variable"], width: int) -> np.ndarray:
    """Each point by a local cubic over `width` steps on each side (Savitzky and Golay 1964)."""
    if not width or len(y) <= 2 * width:
        return y
    from scipy.signal import savgol_filter  # here: SciPy takes a while to load

    return np.asarray(savgol_filter(y, 2 * width + 1, 3, axis=0))


EXPLAINED = 0.03
"""A map of at most this error, as a share of the noise, says all but the noise."""


@dataclass(frozen=True)
class NoiseFilter:
    """A map and noises, with which a past is smoothed.

    Attributes
    ----------
    features, readout
        The map.
    noise
        Of the measurement and of the map, in standard deviations of the variables.
    width
        Steps on each side over which the first guess is smoothed.
    """

    features: Features
    readout: Readout
    noise: Noise
    width: int

    @property
    def explains(self) -> bool:
        """Whether the map says all but the noise."""
        return bool((self.noise.q <= 1.01 * EXPLAINED * self.noise.sigma).all())

    def smooth(self, pair: Pair) -> Float[np.ndarray, "time variable"]:
        """A series without its noise; a piece on which the map fails stays as it is.

        Parameters
        ----------
        pair
            Standardised variables and inputs.
        """
        y, x = pair
        found = np.empty_like(y)
        for first in range(0, len(y), PIECE):
            rows = slice(first, min(first + PIECE, len(y)))
            wide = slice(max(first - MARGIN, 0), rows.stop + MARGIN)
            piece = self._smooth_piece((y[wide], x[wide]))
            found[rows] = piece[first - wide.start :][: rows.stop - first]
        return found

    def _smooth_piece(self, pair: Pair) -> np.ndarray:
        y, _ = pair
        if len(y) <= self.features.settings.span + 1:
            return y
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                guess = smoothed(y, self.width)
                found = smoothed_trajectory(
                    self.features, self.readout, pair, self.noise, guess
                )
        except (np.linalg.LinAlgError, ValueError):
            return y
        return found if np.isfinite(found).all() else y
