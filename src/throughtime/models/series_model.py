"""The models of one series and their combination: from values to a forecast, in one call.

The series is read first: its seasons, a transform, data that are plainly wrong. Then the models
of the linear core and the recurrent prior forecast from rolling origins in the last part of the
values, fitted to what is before; their errors there give the weights of the combination and
calibrate the intervals. At last all are fitted to all values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from jaxtyping import Bool, Float, Int

from throughtime.stamps.time_axis import Times

from .adaptive_intervals import adapt
from .calibration import FREEDOM, Calibration
from .combination import Combination, Shares, combine
from .component import Component, QuantileComponent
from .drive import Drive
from .intervals import Intervals
from .model_kinds import driven_by, model_kinds
from .prior import Prior
from .prior_network import MEDIAN
from .rolling_errors import RollingErrors, values_ahead
from .traits import DEFAULT, Recipe, Traits, read_traits

SHARE = 0.2
"""Share of the values, at their end, from which models are judged, if no other is asked for."""

LONGEST_JUDGED = 128
"""Lead times at which models are judged; beyond, weights and widths go on from there."""


def first_judged(length: int) -> int:
    """The row from which on the models of a series of this length are judged."""
    return max(1, round((1 - SHARE) * length))


@dataclass(frozen=True, eq=False)
class EarlyModels:
    """Models fitted to the first values of a series, from which they are judged.

    A backtest and a forecast judge the same ones, unless the later values show other traits.

    Attributes
    ----------
    values
        What they were fitted to.
    traits
        What was read of the whole series.
    steps
        The longest lead time.
    models
        The models.
    """

    values: Float[np.ndarray, " time"]
    traits: Traits
    steps: int
    models: tuple[Component, ...]

    def serve(self, values: np.ndarray, traits: Traits, steps: int) -> bool:
        """Whether a fit to these values would give the same models."""
        same = [
            (one.seasons, one.transform.power, one.intermittent)
            for one in (self.traits, traits)
        ]
        return (
            same[0] == same[1] and self.steps == steps and np.array_equal(self.values, values)
        )


@dataclass(frozen=True, eq=False)
class JudgedModels:
    """The fitted models of one series and their errors, before they are weighed.

    Attributes
    ----------
    traits, values
        As in `SeriesModel`.
    models
        The models, fitted to all values; networks last.
    groups
        The group of each.
    rolling
        The errors of the models when they were fitted to a first part of the values.
    steps
        The longest lead time at which they were judged.
    early
        The models as they were judged; None once they are no longer needed.
    """

    traits: Traits
    values: Float[np.ndarray, " time"]
    models: tuple[Component, ...]
    groups: tuple[str, ...]
    rolling: RollingErrors
    steps: int
    early: EarlyModels | None = None

    @classmethod
    def of(
        cls,
        values: Float[np.ndarray, " time"],
        steps: int,
        recipe: Recipe = DEFAULT,
        *,
        times: Times | None = None,
        first: int | None = None,
        others: Sequence[Component] = (),
        drive: Drive | None = None,
        filled: Bool[np.ndarray, " time"] | None = None,
        early: EarlyModels | None = None,
    ) -> "JudgedModels":
        """Read a series, fit its models and judge them; arguments as for `SeriesModel.fit`.

        `filled` tells the values that were filled, at which nothing is judged; `early` are
        models that were fitted before, to more or fewer values of the same series.
        """
        traits, values = read_traits(np.asarray(values, np.float64), times, recipe)
        if first is None:
            first = first_judged(len(values))
        kinds = model_kinds(traits, recipe, drive)
        if early is None or not early.serve(values[:first], traits, steps):
            models = tuple(kind.fit(values[:first], traits.seasons, steps) for kind in kinds)
            early = EarlyModels(values[:first], traits, steps, models)
        late = [kind.fit(values, traits.seasons, steps) for kind in kinds]
        groups = [kind.group for kind in kinds] + ["network"] * len(others)
        judged = min(steps, LONGEST_JUDGED)
        rolling = RollingErrors.of([*early.models, *others], values, first, judged, filled)
        return cls(traits, values, (*late, *others), tuple(groups), rolling, judged, early)

    def weighed(self, shares: Sequence[Shares] | None = None) -> "SeriesModel":
        """The combination of the models; `shares` as for `combine`."""
        rolling, values = self.rolling, self.values
        combination = combine(rolling, self.models, self.groups, self.steps, shares=shares)
        prior = cast(QuantileComponent | None, combination.strongest("prior"))
        errors = rolling.of_mean(combination.weights_of(self.steps))
        if prior is None and not np.isfinite(errors).any():
            prior = Prior(self.traits.seasons)  # nothing else says how uncertain it is
        truth = values_ahead(values, rolling.origins, self.steps)
        quantiles = (
            None if prior is None else prior.quantiles(values, rolling.origins, self.steps)
        )
        middle = middle_of(prior, truth - errors, quantiles)
        calibration = Calibration.fit(middle, quantiles, truth, rolling.origins)
        return SeriesModel(
            self.traits, values, combination, prior, calibration, errors, rolling.rows
        )


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
    errors
        These errors.
    rows
        Number of values that the origins run over.
    """

    traits: Traits
    values: Float[np.ndarray, " time"]
    combination: Combination
    prior: QuantileComponent | None
    calibration: Calibration
    errors: Float[np.ndarray, "origin steps"]
    rows: int

    @classmethod
    def fit(
        cls,
        values: Float[np.ndarray, " time"],
        steps: int,
        recipe: Recipe = DEFAULT,
        *,
        times: Times | None = None,
        first: int | None = None,
        others: Sequence[Component] = (),
        drive: Drive | None = None,
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
        drive
            The inputs; None for none.
        """
        return JudgedModels.of(
            values, steps, recipe, times=times, first=first, others=others, drive=drive
        ).weighed()

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

    def on(self, drive: Drive | None, network: Component) -> Combination:
        """The combination for the inputs of some series, which may go on beyond its end.

        `network` makes the forecasts of the networks there.
        """
        replaced = self.combination.replaced("network", network)
        if drive is None:
            return replaced
        models = tuple(driven_by(one, drive) for one in replaced.components)
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
        filled: Bool[np.ndarray, " time"] | None = None,
    ) -> Intervals:
        """Intervals around the combination's forecasts `center`, from some origins in order.

        Of a series whose prior gives means they are around its medians, and have these.

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
        filled
            Which of the values were filled: nothing is learned from these.
        """
        quantiles = self._quantiles(values, origins, center.shape[1])
        center = middle_of(self.prior, center, quantiles)
        if adapted:
            truth = values_ahead(values, origins, center.shape[1], filled)
            found = adapt(self.calibration, origins, center, quantiles, truth, levels)
            return self._bounded(Intervals(tuple(levels), center, found.lower, found.upper))
        bounds = [self.calibration.interval(center, quantiles, level) for level in levels]
        lower, upper = (np.stack(side) for side in zip(*bounds, strict=True))
        return self._bounded(Intervals(tuple(levels), center, lower, upper))

    def calibrated(self) -> int:
        """How many errors the widths one step ahead are known from; see `calibration`."""
        errors = int(np.isfinite(self.errors[:, :1]).sum())
        return errors + int(FREEDOM) * (self.prior is not None)

    def _bounded(self, intervals: Intervals) -> Intervals:
        parts = intervals.center, intervals.lower, intervals.upper
        center, lower, upper = (self.bounded(part) for part in parts)
        return Intervals(intervals.levels, center, lower, upper, self.traits.lower)

    def _quantiles(self, values, origins, steps):
        return None if self.prior is None else self.prior.quantiles(values, origins, steps)


def middle_of(
    prior: QuantileComponent | None,
    center: Float[np.ndarray, "origin steps"],
    quantiles: Float[np.ndarray, "origin steps quantile"] | None,
) -> Float[np.ndarray, "origin steps"]:
    """What intervals are around: the forecasts, or the prior's medians if it gives means.

    The mean of what is mostly 0 is no median: half of the values are far below it.
    """
    within = prior
    while (inner := getattr(within, "component", None)) is not None:
        within = inner
    if quantiles is None or not (isinstance(within, Prior) and within.mean):
        return center
    return quantiles[..., MEDIAN]
