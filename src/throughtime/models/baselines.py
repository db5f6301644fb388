"""The baselines: persistence, seasonal persistence and a ridge autoregression.

Contexts are `(origin, time, target)` and end at the forecast's origin; forecasts are
`(origin, steps, target)`. All computations are in NumPy, in double precision.
"""

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .outliers import clean

Contexts = Float[np.ndarray, "origin time target"]
Ahead = Float[np.ndarray, "origin steps input"]
Forecasts = Float[np.ndarray, "origin steps target"]

PENALTIES = 10.0 ** np.arange(-6, 5)
"""Penalties of the ridge autoregression, from which the validation part chooses."""

BLOCK = 2**16
"""Windows of a regression at a time: those of a series of millions would take gigabytes."""


def persistence(contexts: Contexts, steps: int) -> Forecasts:
    r"""Repeat the last value: $\hat y_{t+k} = y_t$."""
    return np.repeat(contexts[:, -1:], steps, axis=1)


def seasonal_persistence(contexts: Contexts, steps: int, period: int) -> Forecasts:
    r"""Repeat the last period.

    $\hat y_{t+k} = y_{t+k-mp}$ for a period $p$, with the smallest $m$ for which that value is
    known at the origin $t$.
    """
    last_period = contexts[:, -period:]
    return last_period[:, np.arange(steps) % period]


def find_period(values: Float[np.ndarray, " time"]) -> int | None:
    """The period of a series' season in steps, None if no season shows.

    It is the lag of a peak in the autocorrelation, after a straight line has been subtracted
    from the series. Lags from where the autocorrelation first turns negative up to a third of
    the length are considered, and peaks of at least 0.2. Multiples of the period peak about as
    high as the period itself, so the shortest lag whose peak is within a tenth of the highest
    is taken. Where none shows, it is looked for once more without what is plainly wrong: a
    code for missing hides it.
    """
    found = _period_of(values)
    if found is None:
        cleaned, wrong = clean(values)
        found = _period_of(cleaned) if len(wrong) else None
    return found


def _period_of(values: Float[np.ndarray, " time"]) -> int | None:
    n = len(values)
    if n < 12:
        return None
    steps = np.arange(n)
    detrended = values - np.polyval(np.polyfit(steps, values, 1), steps)
    correlation = np.fft.irfft(np.abs(np.fft.rfft(detrended, 2 * n)) ** 2)[: n // 3 + 2]
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
    r"""A linear autoregression fitted by ridge regression.

    $$\hat y_{t+1} = b + \sum_{k=0}^{p-1} A_k y_{t-k} + B u_{t+1}$$

    For more than one step, its forecasts are fed back as values. The weights are shrunk towards
    0, where a forecast is the mean, or towards the last value, $A_0 = 1$, where it is
    persistence: shrunk towards 0, a random walk with as many lags as a window returns to its
    mean.

    Attributes
    ----------
    lags
        The number of lags, $p$.
    weights
        $b$, $B$ and the $A_k$, stacked; the oldest lag comes first.
    penalty
        Factor of the squared weights, less what they are shrunk towards, in the loss; $b$ is
        not penalised.
    to_last
        Whether the weights are shrunk towards the last value.

    References
    ----------
    Hoerl and Kennard, "Ridge regression: biased estimation for nonorthogonal problems",
    *Technometrics* 12, 1970.
    Litterman, "Forecasting with Bayesian vector autoregressions: five years of experience",
    *Journal of Business & Economic Statistics* 4, 1986 (shrinking towards the last value).
    """

    lags: int
    weights: Float[np.ndarray, "features target"]
    penalty: float
    to_last: bool = False

    @classmethod
    def fit(
        cls,
        train: list[tuple[np.ndarray, np.ndarray]],
        validation: list[tuple[np.ndarray, np.ndarray]],
        lags: int,
    ) -> "Ridge":
        """Fit to the training part; penalty and centre are those best on the validation part.

        Parameters
        ----------
        train
            Targets `(time, target)` and inputs `(time, input)` of each series, standardised.
        validation
            The same for the validation parts, each from `lags` steps before its first target.
            If it is empty, the penalty is 1, and the weights are shrunk towards 0.
        lags
            The number of lags, $p$.
        """
        gram, cross = _sums(train, lags)
        last = np.zeros_like(cross)
        np.fill_diagonal(last[-cross.shape[1] :], 1)
        candidates = [
            cls(lags, weights, float(p), bool(to_last))
            for p in (PENALTIES if validation else (1.0,))
            for to_last, weights in enumerate(_shrunk(gram, cross, p, (0 * last, last)))
        ]
        if not validation:
            return candidates[0]
        errors = sum(
            np.array([np.sum((X @ c.weights - Y) ** 2) for c in candidates])
            for X, Y in _blocks(validation, lags)
        )
        return candidates[int(np.argmin(errors))]

    def predict(self, contexts: Contexts, steps: int, ahead: Ahead) -> Forecasts:
        """Forecast `steps` steps from each context; `ahead` holds the inputs of those steps."""
        past = contexts[:, -self.lags :]
        forecasts = []
        for k in range(steps):
            y = _features(past, ahead[:, k]) @ self.weights
            forecasts.append(y)
            past = np.concatenate([past[:, 1:], y[:, None]], axis=1)
        return np.stack(forecasts, axis=1)


def _shrunk(gram, cross, penalty, centres):
    """The regressions with weights that are shrunk towards each of some centres."""
    penalised = np.diag(np.arange(len(gram)) > 0)  # not the constant
    right = np.concatenate([cross - gram @ centre for centre in centres], axis=1)
    found = np.linalg.lstsq(gram + penalty * penalised, right, rcond=None)[0]
    each = np.split(found, len(centres), axis=1)
    return [one + centre for one, centre in zip(each, centres, strict=True)]


def _sums(series, lags):
    """The sums over all windows that the regression needs: of X'X, and of X'Y."""
    products = ((X.T @ X, X.T @ Y) for X, Y in _blocks(series, lags))
    return functools.reduce(lambda total, new: (total[0] + new[0], total[1] + new[1]), products)


def _blocks(series, lags):
    """The features X of windows of `lags` steps and the values Y after them, in blocks."""
    for targets, inputs in series:
        for first in range(0, len(targets) - lags, BLOCK):
            starts = np.arange(first, min(first + BLOCK, len(targets) - lags))
            past = targets[starts[:, None] + np.arange(lags)]
            yield _features(past, inputs[starts + lags]), targets[starts + lags]


def _features(past, ahead):
    """A row for each window: a one, the inputs at the time of the target, the lags."""
    ones = np.ones((len(past), 1))
    return np.concatenate([ones, ahead, past.reshape(len(past), -1)], axis=1)
