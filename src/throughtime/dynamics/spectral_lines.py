r"""The lines of a spectrum: a series as a sum of few sines.

$$x_n \approx a_0 + \sum_k a_k \cos 2\pi f_k n + b_k \sin 2\pi f_k n$$

The frequencies are found one after the other, each as the strongest of what is left under a
Hann window (the numerical analysis of fundamental frequencies, Laskar 1993); the amplitudes of
all are fitted together. Motion on a torus has lines at integer combinations of its frequencies
and nothing between them; chaos and noise have a continuous spectrum.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.optimize import minimize_scalar

DIVISORS = 8
"""The fundamental may be the strongest frequency over a number up to this one."""

STRONGEST = 8
"""Lines that must be multiples: the weakest may be what is left beside a strong one."""

RESOLVED = 0.1
"""Lines are multiples of a frequency if they are so near, in bins of the spectrum."""


class SpectralLines(NamedTuple):
    """The lines of a series.

    Attributes
    ----------
    frequencies
        Per step, the strongest first.
    unexplained
        The fraction of the variance that they leave.
    """

    frequencies: Float64[np.ndarray, " line"]
    unexplained: float

    def fundamental(self, steps: int) -> float | None:
        """The frequency of which the strongest are multiples, as the steps resolve, or None."""
        strongest = self.frequencies[:STRONGEST]
        for divisor in range(1, DIVISORS + 1):
            f = strongest[0] / divisor
            orders = np.round(strongest / f)
            f = float(orders @ strongest / (orders @ orders))
            apart = np.abs(strongest - orders * f)
            if (apart < RESOLVED / steps).all():
                return f
        return None


def spectral_lines(
    values: Float64[np.ndarray, " time"], most: int = 40, enough: float = 1e-5
) -> SpectralLines:
    """Find the lines of a series until they explain it.

    Parameters
    ----------
    values
        The series, `(time,)`.
    most
        Lines that are looked for, at most.
    enough
        The fraction of the variance that may be left.
    """
    y = values - values.mean()
    total = float((y**2).sum()) or 1.0
    frequencies: list[float] = []
    rest = y
    while len(frequencies) < most:
        frequencies.append(_strongest(rest))
        rest = y - _fitted(y, np.array(frequencies))
        if float((rest**2).sum()) < enough * total:
            break
    return SpectralLines(np.array(frequencies), float((rest**2).sum()) / total)


def _strongest(y: np.ndarray) -> float:
    """The frequency whose line is strongest under a Hann window, between the bins of an FFT."""
    steps = np.arange(len(y))
    windowed = y * np.hanning(len(y))
    power = np.abs(np.fft.rfft(windowed))
    power[0] = 0
    peak = int(np.argmax(power))

    def weakness(f: float) -> float:
        return -float(np.abs((windowed * np.exp(-2j * np.pi * f * steps)).sum()))

    bounds = (max(peak - 1, 0.5) / len(y), min(peak + 1, len(y) / 2) / len(y))
    found = minimize_scalar(
        weakness, bounds=bounds, method="bounded", options={"xatol": 1e-6 / len(y)}
    )
    return float(found.x)


def _fitted(y: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """The least-squares sum of sines of these frequencies."""
    angles = 2 * np.pi * np.arange(len(y))[:, None] * frequencies
    terms = np.concatenate([np.ones((len(y), 1)), np.cos(angles), np.sin(angles)], axis=1)
    return terms @ np.linalg.lstsq(terms, y, rcond=None)[0]
