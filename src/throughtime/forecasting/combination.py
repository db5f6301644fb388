r"""The combination of several models' forecasts, with weights for each band of lead times.

A combination errs less than the models in it, because they err differently (Bates and Granger
1969). The errors $e_i$ of the models from rolling origins, in the last part of the series that
they were not fitted to, have the second moments $S_{ij} = \langle e_i e_j \rangle$; the weights
minimise

$$w^\top S w + \frac{\kappa}{n} \bar s \, \|w - w_0\|^2, \qquad w_i \ge 0, \; \sum_i w_i = 1$$

Few origins say little, and weights that follow them closely are worse than equal ones; so the
weights are shrunk towards $w_0$, which is half prior and half the two best of the others. n is
about how many forecasts without overlap the rolling origins hold;
$\bar s = w_0^\top S w_0$.

References
----------
Bates and Granger, "The combination of forecasts", *Operational Research Quarterly* 20, 1969.
Timmermann, "Forecast combinations", *Handbook of Economic Forecasting* 1, 2006.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import nnls

from .component import Component

SHRINKAGE = 4.0
r"""The factor $\kappa$."""

LAST_OF_BANDS = (1, 4, 12, 36, 108)
"""The last lead time of each band; the last band has no end."""

MAX_ORIGINS = 200
"""Rolling origins from which models are judged."""


@dataclass(frozen=True, eq=False)
class RollingErrors:
    """Errors of several models from rolling origins, on values that they were not fitted to.

    Attributes
    ----------
    errors
        Truth minus forecast; NaN beyond the end of the series.
    rows
        Number of values that the origins run over.
    """

    errors: Float[np.ndarray, "component origin steps"]
    rows: int

    @classmethod
    def of(
        cls,
        components: Sequence[Component],
        values: Float[np.ndarray, " time"],
        first: int,
        steps: int,
    ) -> "RollingErrors":
        """Forecast from origins in `values[first:]` with models fitted to `values[:first]`."""
        origins = rolling_origins(first, len(values))
        truth = values_ahead(values, origins, steps)
        forecasts = [one.forecast(values, origins, steps) for one in components]
        return cls(truth - np.stack(forecasts), len(values) - first)

    def moments(self, first: int, last: int) -> Float[np.ndarray, "component component"]:
        """The second moments of the errors at the lead times `first` to `last`."""
        e = self.errors[:, :, first - 1 : last].reshape(len(self.errors), -1)
        e = e[:, ~np.isnan(e).any(axis=0)]
        return e @ e.T / max(e.shape[1], 1)


@dataclass(frozen=True, eq=False)
class Combination:
    """Fitted models and their weights; itself a `Component`.

    Attributes
    ----------
    components
        The models.
    last
        The last lead time of each band but the last, which has no end.
    weights
        The weight of each model in each band. Those of a band add to 1.
    name
        Its name in tables.
    """

    components: tuple[Component, ...]
    last: tuple[int, ...]
    weights: Float[np.ndarray, "band component"]
    name: str = "combination"

    def forecast(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """The weighted mean of the models' forecasts; see `Component.forecast`."""
        weights = self.weights_of(steps)
        parts = [
            weights[:, i] * one.forecast(values, origins, steps)
            for i, one in enumerate(self.components)
            if weights[:, i].any()
        ]
        return np.sum(parts, axis=0)

    def weights_of(self, steps: int) -> Float[np.ndarray, "steps component"]:
        """The weights at each lead time."""
        return self.weights[np.searchsorted(self.last, np.arange(1, steps + 1))]

    def shares(self, steps: int) -> dict[str, float]:
        """The mean weight of each model by name, the largest first; those of 0 are left out."""
        mean = self.weights_of(steps).mean(axis=0)
        pairs = sorted(zip(mean, (c.name for c in self.components), strict=True), reverse=True)
        return {name: float(share) for share, name in pairs if share >= 0.005}


def combine(
    rolling: RollingErrors,
    refitted: Sequence[Component],
    is_prior: Sequence[bool],
    steps: int,
) -> Combination:
    """Weigh models by their errors from rolling origins.

    Parameters
    ----------
    rolling
        The errors of the models when they were fitted to a first part of the series.
    refitted
        The same models, fitted to all of it.
    is_prior
        Which of them are the recurrent prior.
    steps
        The longest lead time.
    """
    last = tuple(k for k in LAST_OF_BANDS if k < steps)
    rows = []
    for first, end in zip([1, *(k + 1 for k in last)], [*last, steps], strict=True):
        moments = rolling.moments(first, end)
        start = _half_prior(np.diag(moments), np.asarray(is_prior))
        count = rolling.rows / ((first + end) / 2)
        rows.append(_weights(moments, start, SHRINKAGE / count))
    return Combination(tuple(refitted), last, np.array(rows))


def rolling_origins(
    first: int, end: int, most: int = MAX_ORIGINS
) -> Int[np.ndarray, " origin"]:
    """Evenly spaced origins, from `first` values known to `end` - 1."""
    return np.unique(np.linspace(first, end - 1, min(most, end - first)).round().astype(int))


def values_ahead(
    values: Float[np.ndarray, " time"], origins: Int[np.ndarray, " origin"], steps: int
) -> Float[np.ndarray, "origin steps"]:
    """What follows each origin; NaN beyond the end of the series."""
    rows = origins[:, None] + np.arange(steps)
    ahead = np.where(rows < len(values), values[np.minimum(rows, len(values) - 1)], np.nan)
    return np.asarray(ahead, np.float64)


def _half_prior(mse: Float[np.ndarray, " component"], is_prior: np.ndarray) -> np.ndarray:
    """Half for the best prior, a quarter for each of the two best of the others."""
    start = np.zeros(len(mse))
    priors, others = np.flatnonzero(is_prior), np.flatnonzero(~is_prior)
    priors = priors[np.argsort(mse[priors], kind="stable")][:1]
    others = others[np.argsort(mse[others], kind="stable")][:2]
    start[priors] = 1 / len(priors) if len(priors) else 0
    start[others] += 1 / len(others) if len(others) else 0
    return start / start.sum()


def _weights(
    moments: Float[np.ndarray, "component component"],
    start: Float[np.ndarray, " component"],
    shrinkage: float,
) -> Float[np.ndarray, " component"]:
    """The minimum of this module's equation, as non-negative least squares."""
    size = start @ moments @ start
    if not np.isfinite(size) or size <= 0:
        return start
    values, vectors = np.linalg.eigh(moments / size)
    root = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    pull = np.sqrt(shrinkage) * np.eye(len(start))
    # The sum is held at 1 by a row that outweighs all others.
    heavy = 1e3 * np.sqrt(1 + shrinkage)
    A = np.vstack([root, pull, heavy * np.ones((1, len(start)))])
    b = np.concatenate([np.zeros(len(start)), np.sqrt(shrinkage) * start, [heavy]])
    weights = nnls(A, b)[0]
    return weights / weights.sum()
