r"""Intermittent series: counts that are mostly 0, by the method of Teunter, Syntetos and Babai.

How often there is demand, $p_t$, and how much, $z_t$, are smoothed apart:

$$p_t = p_{t-1} + \alpha \, (1[y_t > 0] - p_{t-1}), \qquad
  z_t = z_{t-1} + \beta \, (y_t - z_{t-1}) \text{ where } y_t > 0$$

and the forecast of every lead time is the mean $p_t z_t$. Unlike Croston's, it falls while
nothing is sold, so it is not biased, and a product that is given up is noticed.

References
----------
Croston, "Forecasting and stock control for intermittent demands", *Operational Research
Quarterly* 23, 1972.
Teunter, Syntetos and Babai, "Intermittent demand: linking forecasting to inventory
obsolescence", *European Journal of Operational Research* 214, 2011.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float, Int

RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Candidates of the rates $\\alpha$ and $\\beta$."""

ZEROS = 0.3
"""Share of zeros from which a series counts as intermittent."""


def is_intermittent(values: Float[np.ndarray, " time"]) -> bool:
    """Whether a series is never negative and often 0."""
    return bool(values.min() >= 0 and values.max() > 0 and np.mean(values == 0) >= ZEROS)


@dataclass(frozen=True)
class Intermittent:
    """The forecast $p_t z_t$ of intermittent series; a `Component`.

    Attributes
    ----------
    frequency, size
        The rates $\\alpha$ and $\\beta$.
    name
        Its name in tables.
    """

    frequency: float
    size: float
    name: str = "intermittent demand"

    @classmethod
    def fit(
        cls, values: Float[np.ndarray, " time"], seasons: tuple[int, ...], steps: int
    ) -> "Intermittent":
        """The rates whose forecasts of the mean of the next `steps` values err least.

        Seasons play no part.
        """
        ahead = min(steps, max(1, len(values) // 4))
        sums = np.concatenate([[0.0], np.cumsum(values)])
        means = (sums[ahead:] - sums[:-ahead]) / ahead  # from row t on
        first = min(len(values) // 4, len(means) - 2)

        def error(rates: tuple[float, float]) -> float:
            made = cls(*rates).means(values)[first : len(means) - 1]
            return float(np.mean((means[first + 1 :] - made) ** 2))

        if first < 0:
            return cls(0.1, 0.1)
        return cls(*min(product(RATES, RATES), key=error))

    def means(self, values: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
        """The forecast $p_t z_t$ after each value."""
        demand = values > 0
        p = _smoothed(demand.astype(float), self.frequency)
        if not demand.any():
            return np.zeros(len(values))
        sizes = _smoothed(values[demand], self.size)
        return p * sizes[np.maximum(np.cumsum(demand) - 1, 0)]

    def forecast(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """Forecast from each origin; see `Component.forecast`."""
        # A value before the first demand has nothing to go by but zeros.
        known = np.where(np.cumsum(values > 0) > 0, self.means(values), 0.0)
        return np.repeat(known[origins - 1, None], steps, axis=1)


def _smoothed(x, rate):
    """Exponential smoothing that starts as the mean of what is known, and then forgets.

    The rate of the value t is at least 1 / t.
    """
    t = np.arange(1, len(x) + 1)
    growing = int(np.searchsorted(-1.0 / t, -rate))  # values whose rate is 1 / t
    means = np.cumsum(x[:growing]) / t[:growing]
    if growing == len(x):
        return means
    start = means[-1] if growing else 0.0
    from scipy.signal import lfilter  # here: it takes a while to load

    tail, _ = lfilter([rate], [1, rate - 1], x[growing:], zi=[(1 - rate) * start])
    return np.concatenate([means, tail])
