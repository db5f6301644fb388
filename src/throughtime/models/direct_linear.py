r"""Direct linear forecasts: for each lead time a regression on lags relative to the last value.

$$\hat x_{T+k} = x_T + \sum_{l=1}^{p} w_{kl} (x_{T-l} - x_T)$$

The level of the series plays no part. All lead times are solved at once, from the same products
of lags; p and the penalty are chosen by rolling origins (`linear_map.py`). On logarithms the
forecast is relative to the last value in the sense of a ratio: the unit plays no part.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from throughtime.errors import InputError

from .autoregression import usable_seasons
from .lag_sums import LagSums, ridge_path
from .linear_map import BLOCK, LinearForecast, LinearMaps, fit_linear

PENALTIES = 10.0 ** np.arange(-7, 3)
"""Penalties of the weights, in units of the mean sum of squares of the lags."""

ORDERS = (1, 2, 4, 8, 16, 32)
"""Numbers of lags, beside those of one and two seasons."""

LONGEST = 400
"""Most lags, so that a fit takes milliseconds."""


def fit_direct_linear(
    values: Float[np.ndarray, " time"],
    seasons: tuple[int, ...],
    steps: int,
    logarithm: bool = False,
) -> LinearForecast:
    """Fit a direct linear forecast to values or to their logarithms.

    Parameters
    ----------
    values
        All that may be seen, without NaN.
    seasons
        Seasons in steps; those longer than a third of the series are left out.
    steps
        The longest lead time that matters. Lead times beyond 64, or beyond a sixth of the
        series, come from feeding forecasts back.
    logarithm
        Fit to logarithms.

    Returns
    -------
    LinearForecast
        A `Component` with the name "direct linear", or "direct linear on logarithms".

    Raises
    ------
    InputError
        If logarithms are asked for and not all values are positive.
    """
    if logarithm and not values.min() > 0:
        raise InputError(
            "logarithms need positive values",
            f"a least value of {values.min():g}",
            "Fit to the values: `logarithm=False`.",
        )
    steps = max(1, min(steps, BLOCK, len(values) // 6))
    family = DirectLinear(usable_seasons(seasons, len(values)), steps)
    name = "direct linear on logarithms" if logarithm else "direct linear"
    return fit_linear(name, values, steps, family, logarithm)


@dataclass(frozen=True)
class DirectLinear:
    """The candidates: every number of lags with every penalty.

    Weights are shrunk towards 0, which is the last value, and, as another candidate, towards
    the value one season before.

    Attributes
    ----------
    seasons
        Seasons in steps.
    steps
        Lead times.
    """

    seasons: tuple[int, ...]
    steps: int

    def groups(self) -> list[list[int]]:
        """The numbers of lags, in one group; see `Family`."""
        orders = set(ORDERS)
        for m in self.seasons:
            orders |= {m - 1, m, m + 1, 2 * m, 2 * m + 1}
        return [sorted(p for p in orders if p <= LONGEST)]

    def maps(self, x: Float[np.ndarray, " time"], key: int) -> LinearMaps | None:
        """Fit one number of lags with every penalty; see `Family`."""
        p, K = key, self.steps
        if len(x) - p - K < max(6, 0.3 * p):
            return None
        # Relative to the last lead time, the last known value is lag K.
        G = LagSums.of(x, p + K).products
        G = G - G[:, [K]] - G[[K]] + G[K, K]
        lags, leads = np.arange(K + 1, K + p + 1), np.arange(K - 1, -1, -1)
        gram, cross = G[np.ix_(lags, lags)], G[np.ix_(lags, leads)]
        weights = np.concatenate(
            [
                ridge_path(gram, cross - gram @ centre, PENALTIES) + centre
                for centre in self._centres(p)
            ]
        )
        last = 1 - weights.sum(axis=1, keepdims=True)
        matrices = np.concatenate([weights[:, ::-1], last], axis=1).transpose(0, 2, 1)
        return LinearMaps(matrices, np.zeros(matrices.shape[:2]))

    def _centres(self, p):
        """The weights that the penalty shrinks towards: the last value, and last season's."""
        centres = [np.zeros((p, self.steps))]
        if self.seasons and p >= self.seasons[0] - 1:
            lead = np.arange(1, self.steps + 1)
            lag = -lead % self.seasons[0]
            seasonal = np.zeros((p, self.steps))
            seasonal[lag[lag > 0] - 1, lead[lag > 0] - 1] = 1
            centres.append(seasonal)
        return centres
