"""A series in state space: its variables, or one variable beside its own past."""

import math

import numpy as np
from jaxtyping import Float64


def common_delay(truth: np.ndarray, other: np.ndarray) -> int:
    """The delay of a series, at most half the length of what it is compared with."""
    return min(delay(truth[:, 0]), len(other) // 2)


def embedding(values: np.ndarray, lag: int | None = None) -> np.ndarray:
    """A trajectory in state space: the variables, or one variable and its value a delay ago."""
    if values.shape[1] > 1:
        return values
    lag = delay(values[:, 0]) if lag is None else lag
    return np.stack([values[lag:, 0], values[: len(values) - lag, 0]], axis=1)


def delay(y: Float64[np.ndarray, " time"]) -> int:
    """The first lag, in steps, at which the autocorrelation of a series is below 1/e."""
    y = y - y.mean()
    padded = np.fft.rfft(y, 2 * len(y))
    correlation = np.fft.irfft(np.abs(padded) ** 2)[: len(y) // 4]
    below = np.flatnonzero(correlation < correlation[0] / math.e)
    return int(below[0]) if len(below) else 1
