r"""Autoregressions with validated lags and seasonal lags, plain and on seasonal differences.

$$z_t = \sum_{l \in L} w_l z_{t-l} + \varepsilon_t, \qquad
  z_t = \prod_{d} (1 - B^d) \, x_t$$

B shifts a series by one step. The differences d, the lags L and the penalty of the weights are
chosen by closed-loop forecasts at all lead times from rolling origins (`linear_map.py`).

A constant is not fitted. The values are taken about their mean, so a forecast far ahead goes
there; differences are not, so that it levels off. A fitted drift was worse on short series.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .lag_sums import lag_products, ridge_path
from .linear_map import BLOCK, LinearForecast, LinearMaps, fit_linear

PENALTIES = 10.0 ** np.arange(-6, 2)
"""Penalties of the weights, in units of the mean sum of squares of the lags."""

ORDERS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Numbers of lags without a gap."""

FIRST_LAGS, NEAR_SEASON, MULTIPLES = (1, 2, 3, 5, 8), ((0,), (0, 1), (-1, 0, 1)), (1, 2)
"""Seasonal sets of lags: so many first lags, lags at these distances from a season, and from so
many of its multiples."""

LONGEST = 400
"""Most lags without a gap about a season, so that a fit takes milliseconds."""

Lags = tuple[int, ...]
Key = tuple[Lags, Lags]
"""The steps of the differences, and the lags."""


def fit_autoregression(
    values: Float[np.ndarray, " time"], seasons: tuple[int, ...], steps: int
) -> LinearForecast:
    """Fit autoregressions of the values and of their first differences; the best are averaged.

    Parameters
    ----------
    values
        All that may be seen, without NaN.
    seasons
        Seasons in steps; those longer than a third of the series are left out.
    steps
        The longest lead time that matters.

    Returns
    -------
    LinearForecast
        A `Component` with the name "autoregression".
    """
    seasons = usable_seasons(seasons, len(values))
    return _fit("autoregression", values, seasons, steps, ((), (1,)))


def fit_differenced_autoregression(
    values: Float[np.ndarray, " time"], seasons: tuple[int, ...], steps: int
) -> LinearForecast:
    """Fit autoregressions of differences to the season before; the best are averaged.

    First differences of those differences are the second group. Without a season, the
    differences are those to the value before.

    Parameters
    ----------
    values, seasons, steps
        As for `fit_autoregression`. The differences are those of the shortest season.

    Returns
    -------
    LinearForecast
        A `Component` with the name "seasonal autoregression", without a season
        "autoregression of differences".
    """
    seasons = usable_seasons(seasons, len(values))
    if not seasons:
        return _fit("autoregression of differences", values, (), steps, ((1,),))
    season = seasons[0]
    differences = ((season,), (1, season))
    return _fit("seasonal autoregression", values, seasons, steps, differences)


def usable_seasons(seasons: tuple[int, ...], length: int) -> tuple[int, ...]:
    """The seasons, shortest first, of which a series of this length has three."""
    return tuple(sorted({m for m in seasons if 1 < m <= length / 3}))


def _fit(name, values, seasons, steps, differences):
    steps = min(steps, BLOCK)
    return fit_linear(name, values, steps, Autoregressions(seasons, differences, steps))


@dataclass(frozen=True)
class Autoregressions:
    """The candidates: every set of lags with every penalty, for some differences.

    Weights are shrunk towards 0. Without differences they are also, as another candidate,
    shrunk towards the last value: a weight of 1 at lag 1 and 0 elsewhere.

    Attributes
    ----------
    seasons
        Seasons in steps.
    differences
        For each group of candidates, the steps of the differences that are taken.
    steps
        Lead times.

    References
    ----------
    Litterman, "Forecasting with Bayesian vector autoregressions: five years of experience",
    *Journal of Business & Economic Statistics* 4, 1986 (shrinking towards the last value).
    """

    seasons: tuple[int, ...]
    differences: tuple[Lags, ...]
    steps: int

    def groups(self) -> list[list[Key]]:
        """The candidates of each difference; see `Family`."""
        sets = lag_sets(self.seasons)
        return [[(differences, lags) for lags in sets] for differences in self.differences]

    def maps(self, x: Float[np.ndarray, " time"], key: Key) -> LinearMaps | None:
        """Fit one set of lags with every penalty; see `Family`."""
        differences, lags = key[0], np.array(key[1])
        for d in differences:
            x = x[d:] - x[:-d]
        if len(x) - lags[-1] < max(8, 1.5 * len(lags) + 3):
            return None
        gram, cross = lag_products(x, lags)
        centres = np.zeros((len(lags), 1 if differences else 2))
        centres[0, 1:] = 1  # the last value
        weights = ridge_path(gram, cross - gram @ centres, PENALTIES) + centres
        dense = np.zeros((weights.shape[2] * len(PENALTIES), lags[-1]))
        dense[:, lags - 1] = np.concatenate(np.moveaxis(weights, 2, 0))
        return closed_loop(undifferenced(dense, differences), self.steps)


def lag_sets(seasons: tuple[int, ...]) -> list[Lags]:
    """Sets of lags to try: the first few, and those near the seasons."""
    sets = [tuple(range(1, p + 1)) for p in ORDERS]
    if seasons:
        m = seasons[0]
        orders = [p for p in (m, m + 1, 2 * m, 2 * m + 1) if p <= LONGEST]
        sets += [tuple(range(1, p + 1)) for p in orders]
        for first in FIRST_LAGS:
            for distances in NEAR_SEASON:
                for multiples in MULTIPLES:
                    centres = [k * s for s in seasons for k in range(1, multiples + 1)]
                    near = {c + d for c in centres for d in distances}
                    sets.append(tuple(sorted({*range(1, first + 1), *near})))
    return list(dict.fromkeys(sets))


def undifferenced(
    weights: Float[np.ndarray, "models lags"], differences: Lags
) -> Float[np.ndarray, "models longer"]:
    r"""Weights of the values, from weights of their differences at lags 1, 2, ...

    $$1 - \sum_l v_l B^l = \Bigl(1 - \sum_l w_l B^l\Bigr) \prod_d (1 - B^d)$$
    """
    models, lags = weights.shape
    polynomial = np.zeros((models, 1 + lags + sum(differences)))
    polynomial[:, 0], polynomial[:, 1 : 1 + lags] = 1, -weights
    for d in differences:
        polynomial[:, d:] -= polynomial[:, :-d].copy()
    return -polynomial[:, 1:]


def closed_loop(weights: Float[np.ndarray, "models lags"], steps: int) -> LinearMaps:
    r"""What autoregressions forecast at lead times 1 to K when forecasts are fed back.

    With the responses $\psi$ to a unit shock, the forecast k steps ahead is a sum over what the
    known values contribute at each lead time up to k:

    $$\psi_0 = 1, \quad \psi_k = \sum_{l=1}^{k} w_l \psi_{k-l}, \qquad
      \hat x_{T+k} = \sum_{i=1}^{k} \psi_{k-i} \sum_{l \ge i} w_l x_{T+i-l}$$
    """
    models, lags = weights.shape
    response = np.zeros((models, steps))
    response[:, 0] = 1
    for k in range(1, steps):
        m = min(k, lags)
        response[:, k] = (weights[:, :m] * response[:, k - m : k][:, ::-1]).sum(axis=1)
    lead = np.arange(steps)[:, None]
    responses = np.where(lead >= lead.T, response[:, np.maximum(lead - lead.T, 0)], 0.0)
    longer = np.zeros((models, lags + steps))
    longer[:, :lags] = weights
    known = longer[:, lead + np.arange(lags)]
    return LinearMaps((responses @ known)[:, :, ::-1], np.zeros((models, steps)))
