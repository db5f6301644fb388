"""The models of one series and their combination: from values to a forecast, in one call.

The series is read first: its seasons, a transform, data that are plainly wrong. Then the models
of the linear core and the recurrent prior forecast from rolling origins in the last part of the
values, fitted to what is before; their errors there give the weights of the combination and
calibrate the intervals. At last all are fitted to all values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import numpy as np
from jaxtyping import Float, Int

from throughtime.data.time_axis import Times

from .adaptive_intervals import adapt
from .autoregression import fit_autoregression, fit_differenced_autoregression
from .calibration import Calibration
from .combination import DOUBT, Combination, RollingErrors, combine, values_ahead
from .component import Component, QuantileComponent
from .direct_linear import fit_direct_linear
from .driven_autoregression import DrivenAutoregression
from .intermittent import Intermittent, is_intermittent
from .intervals import Intervals
from .outliers import clean
from .prior import Prior
from .seasonality import find_seasons
from .smoothing import Smoothing
from .transforms import Transform, choose_transform

Fit = Callable[[np.ndarray, tuple[int, ...], int], Component]

SHARE = 0.2
"""Share of the values, at their end, from which models are judged, if no other is asked for."""

LONGEST_JUDGED = 128
"""Lead times at which models are judged; beyond, weights and widths go on from there."""

CORE: tuple[Fit, ...] = (
    fit_autoregression,
    fit_differenced_autoregression,
    fit_direct_linear,
    Smoothing.fit,
)
"""The models of the linear core, each by its fit."""


@dataclass(frozen=True)
class Recipe:
    """What beside a network makes a forecast, and how a series is read.

    Attributes
    ----------
    core, prior
        Whether the linear core and the recurrent prior take part.
    season
        The seasons in steps; None for those that show.
    transform
        `none` or `log`; None for the one that the series asks for.
    lower
        A bound that no forecast passes, minus infinity for none; None for 0 where the series
        shows it.
    """

    core: bool = True
    prior: bool = True
    season: tuple[int, ...] | None = None
    transform: str | None = None
    lower: float | None = None

    @classmethod
    def of(
        cls,
        core: str | None,
        prior: str | None,
        season: int | tuple[int, ...] | None,
        transform: str | None,
        lower: float | str | None,
    ) -> "Recipe":
        """The recipe of a forecaster's settings of these names."""
        if season is not None:
            season = (season,) if isinstance(season, int) else tuple(season)
        bound = -np.inf if lower == "none" else None if lower is None else float(lower)
        return cls(core is not None, prior is not None, season, transform, bound)


@dataclass(frozen=True)
class Traits:
    """What a series shows before any model is fitted.

    Attributes
    ----------
    seasons
        Its seasons in steps, shortest first.
    transform
        The transform in which the models see it, beside the values as they are.
    wrong
        Rows that are plainly wrong, and replaced.
    lower
        A bound that no forecast passes; minus infinity for none.
    intermittent
        Whether it is often 0, and never below.
    """

    seasons: tuple[int, ...]
    transform: Transform
    wrong: Int[np.ndarray, " row"]
    lower: float = -np.inf
    intermittent: bool = False


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


@dataclass(frozen=True, eq=False)
class SeriesModel:
    """The fitted models of one series, and their combination.

    Attributes
    ----------
    traits
        The seasons, the transform and the wrong data that were found.
    values
        The values that it was fitted to, without what is plainly wrong.
    combination
        The models and their weights.
    prior
        The recurrent prior whose quantiles shape the intervals; None without one.
    calibration
        The widths of the intervals, from the combination's errors at rolling origins.
    """

    traits: Traits
    values: Float[np.ndarray, " time"]
    combination: Combination
    prior: QuantileComponent | None
    calibration: Calibration

    @classmethod
    def fit(
        cls,
        values: Float[np.ndarray, " time"],
        steps: int,
        recipe: Recipe = Recipe(),
        *,
        times: Times | None = None,
        first: int | None = None,
        others: Sequence[Component] = (),
        doubt: float = DOUBT,
        inputs: Float[np.ndarray, "span input"] | None = None,
    ) -> "SeriesModel":
        """Read a series, fit its models and weigh them.

        Parameters
        ----------
        values
            All that may be seen, without NaN.
        steps
            The longest lead time.
        recipe
            Which models take part.
        times
            The times of the values, from which the calendar's seasons follow.
        first
            The models are judged by forecasts of `values[first:]`; by default the last fifth.
        others
            Networks, which were fitted to values before `first` alone.
        doubt
            How much evidence the networks need; see `combine`.
        inputs
            Inputs that are known ahead; None for none.
        """
        traits, values = read_traits(np.asarray(values, np.float64), times, recipe)
        if first is None:
            first = max(1, round((1 - SHARE) * len(values)))
        kinds = model_kinds(traits, recipe, inputs)
        early = [kind.fit(values[:first], traits.seasons, steps) for kind in kinds]
        late = [kind.fit(values, traits.seasons, steps) for kind in kinds]
        groups = [kind.group for kind in kinds] + ["network"] * len(others)
        judged = min(steps, LONGEST_JUDGED)
        rolling = RollingErrors.of([*early, *others], values, first, judged)
        combination = combine(rolling, [*late, *others], groups, judged, doubt)
        prior = cast(QuantileComponent | None, combination.strongest("prior"))
        errors = rolling.of_mean(combination.weights_of(judged))
        if prior is None and not np.isfinite(errors).any():
            prior = Prior(traits.seasons)  # nothing else says how uncertain a forecast is
        truth = values_ahead(values, rolling.origins, judged)
        quantiles = None if prior is None else prior.quantiles(values, rolling.origins, judged)
        calibration = Calibration.fit(truth - errors, quantiles, truth, rolling.origins)
        return cls(traits, values, combination, prior, calibration)

    def forecast(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """Forecast from each origin; see `Component.forecast`."""
        return self.bounded(self.combination.forecast(values, origins, steps))

    def bounded(self, values: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Values that do not pass the series' lower bound."""
        return np.maximum(values, self.traits.lower)

    def on(self, inputs: Float[np.ndarray, "span input"], network: Component) -> Combination:
        """The combination for the inputs of some series, which may go on beyond its end.

        `network` makes the forecasts of the networks there.
        """
        replaced = self.combination.replaced("network", network)
        models = tuple(_on_inputs(one, inputs) for one in replaced.components)
        return replace(replaced, components=models)

    def known(self, values: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
        """A series that begins as the fitted one, without what was plainly wrong there."""
        own = self.values
        same = len(values) >= len(own) and np.mean(values[: len(own)] == own) > 0.5
        return np.concatenate([own, values[len(own) :]]) if same else values

    def intervals(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        center: Float[np.ndarray, "origin steps"],
        levels: Sequence[float],
        *,
        adapted: bool = False,
    ) -> Intervals:
        """Intervals around the combination's forecasts `center`, from some origins in order.

        Parameters
        ----------
        values, origins
            As for `forecast`.
        center
            The forecasts.
        levels
            Nominal coverages, increasing.
        adapted
            Whether each is adapted to what is known at its origin.
        """
        quantiles = self._quantiles(values, origins, center.shape[1])
        if adapted:
            truth = values_ahead(values, origins, center.shape[1])
            found = adapt(self.calibration, origins, center, quantiles, truth, levels)
            return self._bounded(Intervals(tuple(levels), center, found.lower, found.upper))
        bounds = [self.calibration.interval(center, quantiles, level) for level in levels]
        lower, upper = (np.stack(side) for side in zip(*bounds, strict=True))
        return self._bounded(Intervals(tuple(levels), center, lower, upper))

    def _bounded(self, intervals: Intervals) -> Intervals:
        parts = intervals.center, intervals.lower, intervals.upper
        return Intervals(intervals.levels, *map(self.bounded, parts))

    def _quantiles(self, values, origins, steps):
        return None if self.prior is None else self.prior.quantiles(values, origins, steps)


def read_traits(
    values: Float[np.ndarray, " time"], times: Times | None, recipe: Recipe
) -> tuple[Traits, Float[np.ndarray, " time"]]:
    """The traits of a series, and its values without what is plainly wrong."""
    seasons = find_seasons(values, times) if recipe.season is None else recipe.season
    seasons = tuple(sorted({m for m in seasons if 1 < m < len(values)}))
    values, wrong = clean(values, seasons)
    if recipe.transform is None:
        transform = choose_transform(values, seasons)
    else:
        transform = Transform.fit(values, 0.0 if recipe.transform == "log" else 1.0)
    lower = found_bound(values) if recipe.lower is None else recipe.lower
    return Traits(seasons, transform, wrong, lower, is_intermittent(values)), values


def found_bound(values: Float[np.ndarray, " time"]) -> float:
    """0 for a series that reaches it, or counts, and never passes it; else minus infinity."""
    counts = bool((values == np.round(values)).all())
    shown = values.min() == 0 < values.max() or (values.min() > 0 and counts)
    return 0.0 if shown else -np.inf


class Kind(NamedTuple):
    """A kind of model: the group that it belongs to, and its fit."""

    group: str
    fit: Fit


def model_kinds(
    traits: Traits, recipe: Recipe, inputs: Float[np.ndarray, "span input"] | None = None
) -> list[Kind]:
    """The kinds of models for a series, seeing its values as they are and transformed."""
    kinds = []
    if recipe.prior:
        kinds.append(Kind("prior", lambda values, seasons, steps: Prior(seasons)))
    if recipe.core:
        kinds += [Kind("core", fit) for fit in CORE]
        if traits.intermittent:
            kinds.append(Kind("core", Intermittent.fit))
        if inputs is not None and inputs.shape[1]:
            kinds.append(Kind("core", _driven(inputs)))
    power = traits.transform.power
    if power == 1:
        return kinds
    return kinds + [Kind(kind.group, _through(power, kind.fit)) for kind in kinds]


def _driven(inputs: np.ndarray) -> Fit:
    """The fit of an autoregression that is driven by inputs."""

    def fit(values, seasons, steps):
        return DrivenAutoregression.fit(values, inputs, seasons, steps)

    return fit


def _on_inputs(component: Component, inputs: np.ndarray) -> Component:
    """The same model, with other inputs if it reads some."""
    if isinstance(component, DrivenAutoregression):
        return component.on(inputs)
    if isinstance(component, Transformed):
        return replace(component, component=_on_inputs(component.component, inputs))
    return component


def _through(power: float, fit: Fit) -> Fit:
    """The fit of a model that sees the values through a transform."""

    def fit_transformed(values, seasons, steps):
        transform = Transform.fit(values, power)
        component = fit(transform.apply(values), seasons, steps)
        return Transformed(component, transform, component.name)

    return fit_transformed
