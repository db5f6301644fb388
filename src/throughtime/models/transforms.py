r"""Transforms of the values: none, the logarithm, or a power of Box and Cox.

Where the spread or the season of a series grows with its level, a model of differences needs
one. $g(y) = (r^\lambda - 1) / \lambda$ with $r = y / u$, and $\log r$ for $\lambda = 0$; what a
model sees is $z = (g(y) - a) / s$, without a unit.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Values = Float[np.ndarray, "..."]
Series = Float[np.ndarray, " time"]
Powers = Float[np.ndarray, " power"]

POWERS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
"""The powers that are chosen from. Those below 0 have an unsafe inverse."""
DOUBT = 2.0
"""How much log-likelihood a stronger transform has to be worth."""
LEAST_BLOCKS, LEAST_BLOCK = 4, 6
"""Blocks that are needed to compare spreads, and values in each without a season."""
LEAST_RANGE = np.log(1.8)
"""How far the logarithms have to range; over less, a power is almost a straight line."""
HIGHEST = 1e300
"""The largest size of a value that is let through."""


@dataclass(frozen=True)
class Transform:
    r"""$z = (g(y) - a) / s$, strictly increasing from `lowest` to `highest`, and its inverse.

    Attributes
    ----------
    power
        $\lambda$: 1 for no transform, 0 for the logarithm.
    unit
        $u$, a typical value.
    location, scale
        $a$ and $s$, mean and standard deviation of $g(y)$ where it was fitted.
    lowest, highest
        Values beyond are set to these, in both directions, so both are always finite, and the
        inverse of a logarithm is positive.
    """

    power: float
    unit: float
    location: float
    scale: float
    lowest: float
    highest: float

    @classmethod
    def fit(cls, values: Series, power: float = 1.0) -> "Transform":
        """The transform with this power, and a location, a scale and limits from the values.

        The limits are a thousand times beyond the values, or three times their range on the
        scale of the logarithm, if that is more. A power below 1 needs values of at least 0, and
        the logarithm positive ones.
        """
        values = np.asarray(values, np.float64)
        if power == 1:
            unit, lowest, highest = 1.0, -HIGHEST, HIGHEST
        else:
            least, largest = values.min(), values.max()
            spread = np.log(largest) - np.log(least) if power == 0 else 0.0
            beyond = np.exp(min(max(np.log(1e3), 3 * spread), 300.0))
            unit = float(np.median(values[values > 0]))
            lowest = max(least / beyond, 1 / HIGHEST) if power == 0 else 0.0
            highest = min(largest * beyond, HIGHEST)
        plain = cls(float(power), unit, 0.0, 1.0, float(lowest), float(highest))
        z = plain.apply(values)
        size = np.abs(z).max(initial=0)
        if not len(values) or np.ptp(z) <= 8 * np.finfo(float).eps * size:
            location, scale = float(z[0]) if len(values) else 0.0, 1.0
        else:
            location = float(z.mean())
            scale = float(np.std((z - location) / size) * size)
        return cls(plain.power, unit, location, scale, plain.lowest, plain.highest)

    def apply(self, values: Values) -> Values:
        """`z` of each value, in any shape."""
        within = np.clip(np.asarray(values, np.float64), self.lowest, self.highest)
        return (self._power(within) - self.location) / self.scale

    def invert(self, z: Values) -> Values:
        """The values of `z`, in any shape: finite, within `lowest` and `highest`."""
        with np.errstate(over="ignore", divide="ignore"):
            w = np.asarray(z, np.float64) * self.scale + self.location
            if self.power == 1:
                return np.clip(w, self.lowest, self.highest)
            w = np.clip(w, *self._power(np.array([self.lowest, self.highest])))
            log_ratio = w if self.power == 0 else np.log1p(self.power * w) / self.power
            return np.clip(self.unit * np.exp(log_ratio), self.lowest, self.highest)

    def _power(self, values: Values) -> Values:
        """$g(y)$ of values within the limits."""
        if self.power == 1:
            return values
        with np.errstate(divide="ignore"):
            log_ratio = np.log(values) - np.log(self.unit)
        return log_ratio if self.power == 0 else np.expm1(self.power * log_ratio) / self.power


def choose_transform(values: Series, seasons: tuple[int, ...]) -> Transform:
    r"""The transform that a series asks for, judged by these values alone.

    Two log-likelihoods of $\lambda$ are added. Guerrero's: in blocks of a season the spread
    $s_i$ is compared with the mean $\bar y_i$; under the right $\lambda$, $\log s_i - (1 -
    \lambda) \log \bar y_i$ varies least. And that of Box and Cox for the errors $e_t$ of a
    regression on the last values and the last season, with the Jacobian of the transform,
    $-n \log \overline{|e|} + (\lambda - 1) \sum \log y_t$; it is left out if there are zeros.
    The largest $\lambda$ within `DOUBT` of the best is taken: in doubt there is no transform.
    There is none either for series with negative values, or that range by less than a factor
    of 1.8 (most temperatures), or of fewer than 24 values. The logarithm needs positive values.

    References
    ----------
    Box and Cox, "An analysis of transformations", *Journal of the Royal Statistical Society B*
    26, 1964. Guerrero, "Time-series analysis supported by power transformations", *Journal of
    Forecasting* 12, 1993.
    """
    values = np.asarray(values, np.float64)
    return Transform.fit(values, _choose_power(values, seasons))


def _choose_power(values: Series, seasons: tuple[int, ...]) -> float:
    if len(values) < 4 * LEAST_BLOCK or values.min() < 0:
        return 1.0
    low, high = np.quantile(values, [0.05, 0.95])
    if high <= np.exp(LEAST_RANGE) * low or high == 0:
        return 1.0
    positive = bool(values.min() > 0)
    powers = POWERS if positive else POWERS[POWERS >= 0.5]
    y = values / np.median(values[values > 0])
    evidence = _spread_evidence(y, seasons, powers)
    if positive:
        evidence = evidence + _error_evidence(y, seasons, powers)
    return float(powers[evidence >= evidence.max() - DOUBT][-1])


def _spread_evidence(y: Series, seasons: tuple[int, ...], powers: Powers) -> Powers:
    """Guerrero's log-likelihood of each power: how constant it makes the spread of blocks."""
    n = len(y)
    fitting = [m for m in seasons if n >= LEAST_BLOCKS * m]
    size = max(fitting) if fitting else max(LEAST_BLOCK, n // 40)
    size *= -(-4 // size)  # at least four values
    blocks = y[n % size :].reshape(-1, size)
    steps = np.arange(size) - (size - 1) / 2
    level = blocks.mean(1)
    slope = blocks @ steps / (steps @ steps)
    spread = np.std(blocks - level[:, None] - slope[:, None] * steps, axis=1)
    known = spread > 1e-9 * level
    if known.sum() < LEAST_BLOCKS:
        return np.zeros(len(powers))
    log_level, log_spread = np.log(level[known]), np.log(spread[known])
    rest = log_spread - (1 - powers[:, None]) * log_level
    return -known.sum() * np.log(np.maximum(rest.std(1), 1e-3))


def _error_evidence(y: Series, seasons: tuple[int, ...], powers: Powers) -> Powers:
    """The profile log-likelihood of each power, with Laplacian errors of a short regression."""
    m = max([s for s in seasons if len(y) >= 3 * s], default=2)
    lags = sorted({1, 2, m, m + 1})
    at = np.arange(lags[-1], len(y))
    found = []
    for power in powers:
        z = np.log(y) if power == 0 else (y**power - 1) / power
        columns = [z[at - lag] - z[at - 1] for lag in lags[1:]]
        X = np.stack([*columns, np.ones(len(at))], axis=1)
        change = z[at] - z[at - 1]
        errors = change - X @ np.linalg.lstsq(X, change, rcond=None)[0]
        size = max(np.mean(np.abs(errors)), 1e-9 * np.abs(z).max())
        found.append(-len(at) * np.log(size) + (power - 1) * np.log(y[at]).sum())
    return np.array(found)
