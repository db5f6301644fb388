r"""The combination of several models' forecasts, with weights for each band of lead times.

A combination errs less than the models in it, because they err differently (Bates and Granger
1969). The errors $e_i$ of the models from rolling origins, in the last part of the series that
they were not fitted to, have the second moments $S_{ij} = \langle e_i e_j \rangle$, tempered
so that a few places that no model foresees do not decide (`RollingErrors.moments`). The weights
minimise

$$w^\top S w + \Bigl(1 + \frac{2K}{n}\Bigr) \frac{\bar s}{n}
  \sum_i \kappa_i (w_i - w_{0i})^2, \qquad w_i \ge 0, \; \sum_i w_i = 1$$

Few origins say little, and weights that follow them closely are worse than equal ones; so the
weights are shrunk towards $w_0$: half prior, half core, within each by their inverse squared
errors, nothing for a network. n is about how many independent forecasts the rolling origins
hold (`RollingErrors.count`), K the number of models; $\bar s = w_0^\top S w_0$. With few
origins for many models the least value of $w^\top S w$ is flattered, by about $1 + 2K/n$ as in
Akaike's final prediction error, so the pull is stronger by as much.

References
----------
Bates and Granger, "The combination of forecasts", *Operational Research Quarterly* 20, 1969.
Timmermann, "Forecast combinations", *Handbook of Economic Forecasting* 1, 2006.
Akaike, "Fitting autoregressive models for prediction", *Annals of the Institute of Statistical
Mathematics* 21, 1969.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import nnls

from .component import Component, QuantileComponent
from .rolling_errors import RollingErrors

SHRINKAGE = 1.0
r"""The factor $\kappa$ of the core and the prior."""

DOUBT = 10.0
r"""The factor $\kappa$ of a network, which was chosen where it is judged."""

LAST_OF_BANDS = (1, 4, 12, 36, 108)
"""The last lead time of each band; the last band has no end."""

Shares = dict[str, float]

HALF_PRIOR: Shares = {"prior": 0.5, "core": 0.5, "network": 0.0}
"""What each group of models starts with. A network starts with nothing: it was stopped where
its errors were least, so they are flattered."""


@dataclass(eq=False)
class Remembered:
    """A model that keeps its last forecasts, for whoever asks for the very same again."""

    component: Component
    asked: tuple | None = None
    made: np.ndarray | None = None

    @property
    def name(self) -> str:
        """That of the model."""
        return self.component.name

    def forecast(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """Forecast from each origin; see `Component.forecast`."""
        made = self._remembered(values, origins, steps)
        return self.center(made) if self._has_quantiles() else made

    def quantiles(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps quantile"]:
        """Quantiles of the values after each origin, of a `QuantileComponent`."""
        return self._remembered(values, origins, steps)

    def center(
        self, quantiles: Float[np.ndarray, "origin steps quantile"]
    ) -> Float[np.ndarray, "origin steps"]:
        """The forecast of a `QuantileComponent`, of which these are the quantiles."""
        return cast(QuantileComponent, self.component).center(quantiles)

    def _has_quantiles(self):
        within = getattr(self.component, "component", self.component)  # of one transformed
        return isinstance(within, QuantileComponent)

    def _remembered(self, *asked):
        if self.asked is None or any(
            a is not b for a, b in zip(asked, self.asked, strict=True)
        ):
            make = "quantiles" if self._has_quantiles() else "forecast"
            self.asked, self.made = asked, getattr(self.component, make)(*asked)
        return np.asarray(self.made)


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
    groups
        The group of each model: `prior`, `core` or `network`.
    name
        Its name in tables.
    """

    components: tuple[Component, ...]
    last: tuple[int, ...]
    weights: Float[np.ndarray, "band component"]
    groups: tuple[str, ...]
    name: str = "combination"

    def forecast(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """The weighted mean of the models' forecasts; see `Component.forecast`.

        Where a model's forecast is not finite, as of a network that diverges, the others share
        its weight; if it had all of it, those without a weight have equal ones.
        """
        weights = self.weights_of(steps)
        used = weights.any(axis=0)
        chosen, rest = (
            [self.components[i] for i in np.flatnonzero(some)] for some in (used, ~used)
        )
        forecasts = [one.forecast(values, origins, steps) for one in chosen]
        finite = np.isfinite(forecasts)
        weight = weights.T[used, None] * finite
        total = weight.sum(axis=0)
        missing = total == 0
        mean = (np.where(finite, forecasts, 0) * weight).sum(axis=0) / (total + missing)
        if not missing.any():
            return mean
        alike = np.full((1, len(rest)), 1 / max(len(rest), 1))
        others = Combination(tuple(rest), (), alike, ("",) * len(rest))
        found = others.forecast(values, origins, steps) if rest else np.nan
        return np.where(missing, found, mean)

    def weights_of(self, steps: int) -> Float[np.ndarray, "steps component"]:
        """The weights at each lead time."""
        return self.weights[np.searchsorted(self.last, np.arange(1, steps + 1))]

    def shares(self, steps: int) -> dict[str, float]:
        """The mean weight of each model by name, the largest first; those of 0 are left out.

        Models of one name, which see the values differently, are added.
        """
        shares: dict[str, float] = {}
        for one, share in zip(
            self.components, self.weights_of(steps).mean(axis=0), strict=True
        ):
            shares[one.name] = shares.get(one.name, 0.0) + float(share)
        ordered = sorted(shares.items(), key=lambda pair: -pair[1])
        return {name: share for name, share in ordered if share >= 0.005}

    def part(self, group: str) -> "Combination":
        """The models of one group alone, with their weights raised so that they add to 1.

        In a band where the group has no weight, its models weigh alike.
        """
        members = np.flatnonzero(np.array(self.groups) == group)
        weights = self.weights[:, members]
        total = weights.sum(axis=1, keepdims=True)
        even = np.full_like(weights, 1 / max(len(members), 1))
        weights = np.where(total > 0, weights / np.where(total > 0, total, 1), even)
        components = tuple(self.components[i] for i in members)
        return Combination(components, self.last, weights, (group,) * len(members), group)

    def replaced(self, group: str, component: Component) -> "Combination":
        """The same weights, with another model in place of that of a group."""
        members = zip(self.components, self.groups, strict=True)
        components = tuple(component if name == group else one for one, name in members)
        return replace(self, components=components)

    def remembered(self) -> "Combination":
        """The same, with models that keep their forecasts for its parts to use."""
        return replace(self, components=tuple(map(Remembered, self.components)))

    def strongest(self, group: str) -> Component | None:
        """The model of a group with the largest mean weight; None if the group is empty."""
        members = [i for i, name in enumerate(self.groups) if name == group]
        if not members:
            return None
        return self.components[max(members, key=lambda i: self.weights[:, i].sum())]


def combine(
    rolling: RollingErrors,
    refitted: Sequence[Component],
    groups: Sequence[str],
    steps: int,
    shares: Sequence[Shares] | None = None,
) -> Combination:
    """Weigh models by their errors from rolling origins.

    Parameters
    ----------
    rolling
        The errors of the models when they were fitted to a first part of the series.
    refitted
        The same models, fitted to all of it.
    groups
        The group of each model.
    steps
        The longest lead time.
    shares
        What each group starts with, in each band; by default half prior, half core and nothing
        for a network. Of several series, see `pooled_shares`.
    """
    last = last_of_bands(steps)
    usable = np.flatnonzero(~rolling.diverged())
    finite = replace(rolling, errors=rolling.errors[usable])
    kinds = np.array(groups)[usable]
    weights = np.zeros((len(last) + 1, len(refitted)))
    for band, (first, end) in enumerate(bounds_of_bands(steps)):
        moments = finite.moments(first, end)
        start = _start(np.diag(moments), kinds, shares[band] if shares else HALF_PRIOR)
        pull = pulls(kinds, finite.count(first, end))
        weights[band, usable] = least_squares_weights(moments, start, pull)
    return Combination(tuple(refitted), last, weights, tuple(groups))


def last_of_bands(steps: int) -> tuple[int, ...]:
    """The last lead time of each band but the last one, of so many lead times."""
    return tuple(k for k in LAST_OF_BANDS if k < steps)


def bounds_of_bands(steps: int) -> list[tuple[int, int]]:
    """The first and the last lead time of each band."""
    last = last_of_bands(steps)
    return list(zip([1, *(k + 1 for k in last)], [*last, steps], strict=True))


def _start(
    mse: Float[np.ndarray, " component"], groups: np.ndarray, shares: Shares
) -> np.ndarray:
    """The share of each group, by inverse squared errors within it.

    Models count alike if no group that has a share is there.
    """
    inverse = 1 / np.maximum(mse / (mse.max() or 1.0), 1e-9)
    start = np.zeros(len(mse))
    for name, share in shares.items():
        mine = np.where(groups == name, inverse, 0.0)
        if mine.any():
            start += share * mine / mine.sum()
    if not start.any():
        start = inverse
    return start / start.sum()


def pulls(groups: Sequence[str] | np.ndarray, count: float) -> Float[np.ndarray, " component"]:
    r"""The factors $(1 + 2K/n) \, \kappa_i / n$ of this module's equation, for n = `count`."""
    kappa = np.where(np.asarray(groups) == "network", DOUBT, SHRINKAGE)
    return kappa / count * (1 + 2 * len(kappa) / count)


def least_squares_weights(
    moments: Float[np.ndarray, "component component"],
    start: Float[np.ndarray, " component"],
    shrinkage: Float[np.ndarray, " component"],
) -> Float[np.ndarray, " component"]:
    """The minimum of this module's equation, as non-negative least squares."""
    size = start @ moments @ start
    if not np.isfinite(size) or size <= 0:
        return start
    values, vectors = np.linalg.eigh(moments / size)
    root = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    pull = np.diag(np.sqrt(shrinkage))
    # The sum is held at 1 by a row that outweighs all others.
    heavy = 1e3 * np.sqrt(1 + shrinkage.max())
    A = np.vstack([root, pull, heavy * np.ones((1, len(start)))])
    b = np.concatenate([np.zeros(len(start)), np.sqrt(shrinkage) * start, [heavy]])
    weights = nnls(A, b)[0]
    return weights / weights.sum()
