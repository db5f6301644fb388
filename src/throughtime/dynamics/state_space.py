"""A series in state space: its variables, or one variable beside its own past."""

import numpy as np

from throughtime.reservoir.delay_embedding import decorrelation


def common_delay(truth: np.ndarray, other: np.ndarray) -> int:
    """The delay of a series, at most half the length of what it is compared with."""
    return min(decorrelation(truth[:, 0]), len(other) // 2)


def embedding(values: np.ndarray, lag: int | None = None) -> np.ndarray:
    """A trajectory in state space: the variables, or one variable and its value a delay ago."""
    if values.shape[1] > 1:
        return values
    lag = decorrelation(values[:, 0]) if lag is None else lag
    return np.stack([values[lag:, 0], values[: len(values) - lag, 0]], axis=1)
