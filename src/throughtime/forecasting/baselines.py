"""What a forecast has to beat: persistence, seasonal persistence, a ridge autoregression.

Contexts are `(origin, time, target)` and end at the forecast's origin; forecasts are
`(origin, step, target)`. All of it is NumPy in double precision.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Contexts = Float[np.ndarray, "origin time target"]
Ahead = Float[np.ndarray, "origin steps input"]
Forecasts = Float[np.ndarray, "origin steps target"]

PENALTIES = 10.0 ** np.arange(-6, 5)


def persistence(contexts: Contexts, steps: int) -> Forecasts:
    r"""Tomorrow is as today: $\hat y_{t+k} = y_t$."""
    return np.repeat(contexts[:, -1:], steps, axis=1)


def seasonal_persistence(contexts: Contexts, steps: int, period: int) -> Forecasts:
    r"""As a period ago: $\hat y_{t+k} = y_{t+k-mp}$ with the smallest m known at t."""
    last_period = contexts[:, -period:]
    return last_period[:, np.arange(steps) % period]


def period(values: Float[np.ndarray, " time"]) -> int | None:
    """The season of a series: a peak of its autocorrelation, less a straight line.

    Lags count from where the autocorrelation first turns negative up to a third of the
    length, and peaks from 0.2 on. A season's multiples peak about as high as it does, so it
    is the shortest lag within a tenth of the highest. None if there is no peak.
    """
    n = len(values)
    if n < 12:
        return None
    steps = np.arange(n)
    rest = values - np.polyval(np.polyfit(steps, values, 1), steps)
    correlation = np.fft.irfft(np.abs(np.fft.rfft(rest, 2 * n)) ** 2)[: n // 3 + 2]
    if correlation[0] <= 1e-12 * np.sum(values**2):
        return None  # a straight line
    correlation = correlation / correlation[0]
    inner = correlation[1:-1]
    peak = (inner > correlation[:-2]) & (inner >= correlation[2:]) & (inner >= 0.2)
    lags = np.flatnonzero(peak & (np.cumsum(inner < 0) > 0)) + 1
    if not len(lags):
        return None
    return int(lags[correlation[lags] >= 0.9 * correlation[lags].max()][0])


@dataclass(frozen=True)
class Ridge:
    r"""A linear autoregression with the weights shrunk (Hoerl and Kennard 1970).

    $$\hat y_{t+1} = b + \sum_{k=0}^{p-1} A_k y_{t-k} + B u_{t+1}$$

    fed back for more steps. `lags` is p; `weights` holds b, B and the A side by side.
    """

    lags: int
    weights: Float[np.ndarray, "features target"]
    penalty: float

    @classmethod
    def fit(
        cls,
        train: list[tuple[np.ndarray, np.ndarray]],
        validation: list[tuple[np.ndarray, np.ndarray]],
        lags: int,
    ) -> "Ridge":
        """Fit to the training part; the penalty is the best one on the validation part.

        Parameters
        ----------
        train
            For each series its targets `(time, target)` and inputs `(time, input)`,
            standardised.
        validation
            Likewise, beginning `lags` steps before its first target. If it is empty, the
            penalty is 1.
        lags
            P.
        """
        X, Y = _regression(train, lags)
        gram, cross = X.T @ X, X.T @ Y
        free = np.ones(len(gram))
        free[0] = 0  # the constant is not shrunk
        candidates = [
            cls(lags, np.linalg.lstsq(gram + p * np.diag(free), cross, rcond=None)[0], float(p))
            for p in (PENALTIES if validation else (1.0,))
        ]
        if not validation:
            return candidates[0]
        X, Y = _regression(validation, lags)
        return min(candidates, key=lambda c: np.mean((X @ c.weights - Y) ** 2))

    def predict(self, contexts: Contexts, steps: int, ahead: Ahead) -> Forecasts:
        """Forecast `steps` steps; `ahead` holds the inputs of those steps."""
        past = contexts[:, -self.lags :]
        forecasts = []
        for k in range(steps):
            y = _features(past, ahead[:, k]) @ self.weights
            forecasts.append(y)
            past = np.concatenate([past[:, 1:], y[:, None]], axis=1)
        return np.stack(forecasts, axis=1)


def _regression(series, lags):
    """All windows of `lags` steps of all series, and the value after each."""
    blocks = []
    for targets, inputs in series:
        starts = np.arange(len(targets) - lags)
        past = targets[starts[:, None] + np.arange(lags)]
        blocks.append((_features(past, inputs[lags:]), targets[lags:]))
    X, Y = (np.concatenate(part) for part in zip(*blocks, strict=True))
    return X, Y


def _features(past, ahead):
    """One row per window: a one, the inputs at the time of the target, the lags."""
    ones = np.ones((len(past), 1))
    return np.concatenate([ones, ahead, past.reshape(len(past), -1)], axis=1)
