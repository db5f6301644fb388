r"""A series that was not in the fit of a panel, forecast by what is typical of the panel.

To weigh models by its own values would take fits to a part of them, and rolling origins. So its
models are fitted once, to all of its values, and the rest is taken from the panel's series:

- of each kind of model, the mean weight in each band of lead times;
- of exponential smoothing, the variant and the rates that most series of its season have;
- by how much errors were wider than the prior's quantiles, as a geometric mean;
- how the errors of successive lead times hang together.

None of these has a unit.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np
from jaxtyping import Float

from throughtime.data.series import Series
from throughtime.models.calibration import Calibration
from throughtime.models.combination import Combination
from throughtime.models.component import Component, QuantileComponent
from throughtime.models.drive import Drive
from throughtime.models.model_kinds import CORE, model_kinds
from throughtime.models.series_model import SeriesModel
from throughtime.models.smoothing import Smoothing
from throughtime.models.traits import Recipe, read_traits

from .network_component import NetworkComponent, NetworkForecasts
from .pooled_shares import LEAST

ERRORS = 20
"""Errors of each series that are taken."""


def can_tell(count: int, recipe: Recipe) -> bool:
    """Whether a panel of so many series says enough of another one."""
    return recipe.prior and count >= LEAST


def of_series(
    typical: Sequence["TypicalModel"], series: Series, recipe: Recipe
) -> list[SeriesModel]:
    """The models of each target of a series."""
    pairs = zip(typical, series.targets.T, strict=True)
    return [one.of_values(column, series, recipe) for one, column in pairs]


@dataclass(frozen=True, eq=False)
class TypicalModel:
    """The models of one target of each series of a panel."""

    models: Sequence[SeriesModel]

    def of_values(
        self, values: Float[np.ndarray, " time"], series: Series, recipe: Recipe
    ) -> SeriesModel:
        """The models of a target of a series, fitted to it and weighed as in the panel."""
        drive = Drive.of(series)
        traits, values = read_traits(np.asarray(values, np.float64), series.times, recipe)
        core = [self._smoothing if fit == Smoothing.fit else fit for fit in CORE]
        kinds = model_kinds(traits, recipe, drive, core)
        steps = self.models[0].errors.shape[1]
        models = [kind.fit(values, traits.seasons, steps) for kind in kinds]
        models.append(NetworkComponent(NetworkForecasts.none(), 0))
        groups = (*(kind.group for kind in kinds), "network")
        combination = self._weighed(models, groups)
        prior, errors = cast(QuantileComponent, combination.strongest("prior")), self._errors
        return SeriesModel(
            traits, values, combination, prior, self._calibration, errors, len(errors) * steps
        )

    def _weighed(self, models: Sequence[Component], groups: Sequence[str]) -> Combination:
        """The models with the weights that their kinds have in the mean over the panel."""
        known, names = self.models[0].combination, [one.name for one in models]
        weights = np.array([self._weights.get(n, 0 * known.weights[:, 0]) for n in names]).T
        weights = weights / np.array([names.count(name) for name in names])
        weights[~weights.any(axis=1)] = 1.0
        weights /= weights.sum(axis=1, keepdims=True)
        return Combination(tuple(models), known.last, weights, tuple(groups))

    @cached_property
    def _weights(self) -> dict[str, Float[np.ndarray, " band"]]:
        """By the name of a model, its mean weight in each band."""
        found: dict[str, np.ndarray] = {}
        for one in self.models:
            parts, columns = one.combination.components, one.combination.weights.T
            for part, column in zip(parts, columns, strict=True):
                found[part.name] = found.get(part.name, 0.0) + column / len(self.models)
        return found

    def _smoothing(self, values, seasons, steps) -> Smoothing:
        """Exponential smoothing with the panel's rates; with its own for another season."""
        period = max((s for s in seasons if s <= len(values) // 2), default=1)
        alike = self._smoothings.get(period)
        return alike or Smoothing.fit(values, seasons, steps)

    @cached_property
    def _smoothings(self) -> dict[int, Smoothing]:
        """By the season, smoothing with the most frequent variant and its median rates."""
        parts = [part for one in self.models for part in one.combination.components]
        within = [getattr(part, "component", part) for part in parts]
        each, found = [one for one in within if isinstance(one, Smoothing)], {}
        for period in {one.period for one in each}:
            own = [one for one in each if one.period == period]
            ((variant, _),) = Counter(one.variant for one in own).most_common(1)
            logits = [one.logits for one in own if one.variant == variant]
            found[period] = replace(own[0], variant=variant, logits=np.median(logits, axis=0))
        return found

    @cached_property
    def _calibration(self) -> Calibration:
        """The geometric mean of the calibrations, without a smallest distance."""
        each = [one.calibration for one in self.models if one.calibration.spread is None]
        multipliers = np.exp(np.mean([np.log(one.multipliers) for one in each], axis=0))
        counts = np.mean([one.counts for one in each], axis=0)
        return replace(each[0], multipliers=multipliers, counts=counts, least=0.0)

    @cached_property
    def _errors(self) -> Float[np.ndarray, "origin steps"]:
        """Errors of all series, each in units of its own."""
        found = [np.empty((0, self.models[0].errors.shape[1]))]
        for one in self.models:
            errors = one.errors[np.isfinite(one.errors).all(axis=1)]
            chosen = errors[:: max(1, len(errors) // ERRORS)]
            size = np.sqrt(np.mean(errors**2)) if len(errors) else 0.0
            found.append(chosen / size if size else chosen[:0])
        return np.concatenate(found)
