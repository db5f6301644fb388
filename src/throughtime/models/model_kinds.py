"""The kinds of models that a combination is made of, each by its fit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import numpy as np
from jaxtyping import Float, Int

from .autoregression import fit_autoregression, fit_differenced_autoregression
from .component import Component, QuantileComponent
from .direct_linear import fit_direct_linear
from .drive import Drive
from .driven_autoregression import DrivenAutoregression
from .intermittent import Intermittent
from .prior import Prior
from .smoothing import Smoothing
from .traits import Recipe, Traits
from .transforms import Transform

Fit = Callable[[np.ndarray, tuple[int, ...], int], Component]

CORE: tuple[Fit, ...] = (
    fit_autoregression,
    fit_differenced_autoregression,
    fit_direct_linear,
    Smoothing.fit,
)
"""The models of the linear core, each by its fit."""


@dataclass(frozen=True, eq=False)
class Transformed:
    """A model that sees a series through a transform; itself a `Component`."""

    component: Component
    transform: Transform
    name: str

    def forecast(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """Forecast from each origin; see `Component.forecast`."""
        if isinstance(self.component, QuantileComponent):
            return self.center(self.quantiles(values, origins, steps))
        seen = self.transform.apply(values)
        return self.transform.invert(self.component.forecast(seen, origins, steps))

    def quantiles(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps quantile"]:
        """Quantiles of the values after each origin, if the model within has them."""
        within = cast(QuantileComponent, self.component)
        seen = self.transform.apply(values)
        return self.transform.invert(within.quantiles(seen, origins, steps))

    def center(
        self, quantiles: Float[np.ndarray, "origin steps quantile"]
    ) -> Float[np.ndarray, "origin steps"]:
        """Its forecast, of which these are the quantiles, if the model within has them."""
        return cast(QuantileComponent, self.component).center(quantiles)


class Kind(NamedTuple):
    """A kind of model: the group that it belongs to, and its fit."""

    group: str
    fit: Fit


def model_kinds(
    traits: Traits,
    recipe: Recipe,
    drive: Drive | None = None,
    core: Sequence[Fit] | None = None,
) -> list[Kind]:
    """The kinds of models for a series, seeing its values as they are and transformed.

    `core` stands in for `CORE`.
    """
    kinds = []
    if recipe.prior:
        kinds.append(Kind("prior", _prior(traits.intermittent)))
    if recipe.core:
        kinds += [Kind("core", fit) for fit in core or CORE]
        if traits.intermittent:
            kinds.append(Kind("core", Intermittent.fit))
        if drive is not None:
            kinds.append(Kind("core", _driven(drive)))
    power = traits.transform.power
    if power == 1:
        return kinds
    return kinds + [Kind(kind.group, _through(power, kind.fit)) for kind in kinds]


def _prior(mean: bool) -> Fit:
    """The prior, which forecasts means or medians."""
    return lambda values, seasons, steps: Prior(seasons, mean=mean)


def _driven(drive: Drive) -> Fit:
    """The fit of an autoregression that is driven by inputs."""

    def fit(values, seasons, steps):
        return DrivenAutoregression.fit(values, drive, seasons, steps)

    return fit


def driven_by(component: Component, drive: Drive) -> Component:
    """The same model, with other inputs if it reads some."""
    if isinstance(component, DrivenAutoregression):
        return component.on(drive)
    if isinstance(component, Transformed):
        return replace(component, component=driven_by(component.component, drive))
    return component


def _through(power: float, fit: Fit) -> Fit:
    """The fit of a model that sees the values through a transform."""

    def fit_transformed(values, seasons, steps):
        transform = Transform.fit(values, power)
        component = fit(transform.apply(values), seasons, steps)
        return Transformed(component, transform, component.name)

    return fit_transformed
