"""Forecasts by the combination of the linear core, the recurrent prior and the networks."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from throughtime.data.future_inputs import future_inputs
from throughtime.data.series import Series

from .backtest import Backtest, RollingOrigins, evaluated_series
from .combination import DOUBT, SHRINKAGE
from .network_component import NetworkComponent, NetworkForecasts
from .outliers import clean
from .predict import Forecast, Predictor
from .series_model import Recipe, SeriesModel

PARTS = {"prior": "prior", "core": "linear core", "network": "network"}
"""The names of the groups of models in a backtest."""


@dataclass(frozen=True, eq=False)
class CombinedPredictor:
    """Trained networks and what stands beside them, weighed for each series and target.

    Attributes
    ----------
    network
        The networks and the data they were trained on.
    recipe
        The other models.
    refit
        Whether a forecast beyond the end comes from models that were fitted, and weighed, by
        all values; if not, from those of a backtest. The networks stay as they are.
    models
        The models of each series that were fitted so far, by the recipe, the number of the
        series, the number of values and the longest lead time.
    """

    network: Predictor
    recipe: Recipe
    refit: bool = True
    models: dict[tuple[Recipe, int, int, int], list[SeriesModel]] = field(default_factory=dict)

    def forecast(
        self, series: list[Series] | None, steps: int, inputs: Any = None
    ) -> list[Forecast]:
        """Continue each series beyond its end; by default those that it was trained on."""
        data = self.network.data
        series = data.series if series is None else series
        ahead = [future_inputs(inputs, one, steps) for one in series]
        return [
            replace(self._continue(one, known.values, steps), remarks=known.remarks)
            for one, known in zip(series, ahead, strict=True)
        ]

    def backtest(self, series: list[Series] | None, steps: int) -> Backtest:
        """Forecast from every origin of the test parts, or of other series."""
        network = self.network
        each = network.rolling_origins(series, steps)
        origins = RollingOrigins.join(each)
        parts = [
            self.from_origins(
                one, np.arange(first, end - steps + 1), steps, self._before_test(one)
            )
            for one, first, end in network.bounds(series, steps)
            if end - first >= steps  # the others are too short
        ]
        joined = {
            name: np.concatenate([part[name] for part in parts])
            for name in parts[0]
            if all(name in part for part in parts)
        }
        lower, upper = joined.pop("lower"), joined.pop("upper")
        return Backtest.from_forecasts(
            origins.truth,
            joined | network.baseline_forecasts(origins, steps),
            np.nanmean((upper - lower) / 2, axis=0),
            network.level,
            network.data.period(),
            network.data.series[0].target_names,
            evaluated_series(each),
            bounds=(lower, upper),
        )

    def shares(self, steps: int) -> list[list[dict[str, float]]]:
        """The mean weights of the models in a forecast, of each series and target."""
        data = self.network.data
        return [
            [model.combination.shares(steps) for model in self._fitted(i, self._end(i), steps)]
            for i in range(len(data.series))
        ]

    def traits(self, steps: int) -> list[list[Any]]:
        """What was read of each series and target before models were fitted."""
        count = len(self.network.data.series)
        return [
            [model.traits for model in self._fitted(i, self._end(i), steps)]
            for i in range(count)
        ]

    def _before_test(self, series: Series) -> int:
        """How many values the models of a backtest may see."""
        return self.network.data.splits[self._number_of(series)].validation

    def _end(self, i: int) -> int:
        """How many values of a series the models of a forecast were fitted to."""
        split = self.network.data.splits[i]
        return split.total if self.refit else split.validation

    def _fitted(self, i: int, end: int, steps: int) -> list[SeriesModel]:
        """The models of each target of a series, fitted to its first `end` values."""
        key = self.recipe, i, end, steps
        if key not in self.models:
            data = self.network.data
            series, split = data.series[i], data.splits[i]
            rollouts = self._network_forecasts(series, series.inputs)
            # Without a validation part there is nothing that the networks did not learn from.
            judged = split.train < end and split.train >= data.context
            self.models[key] = [
                SeriesModel.fit(
                    column[:end],
                    steps,
                    self.recipe,
                    times=series.times[:end],
                    first=split.train if split.train < end else None,
                    others=(NetworkComponent(rollouts, c),) if judged else (),
                    # Nothing else sees the inputs.
                    doubt=SHRINKAGE if series.input_names else DOUBT,
                )
                for c, column in enumerate(series.targets.T)
            ]
        return self.models[key]

    def _continue(
        self, series: Series, ahead: Float[np.ndarray, "steps input"], steps: int
    ) -> Forecast:
        """Forecast one series beyond its end, with the inputs `ahead`."""
        i = self._number_of(series)
        models = self._fitted(i, self._end(i), steps)
        origins = np.array([len(series)])
        inputs = np.concatenate([series.inputs, ahead])
        found = self._forecasts(models, series, inputs, origins, steps)
        mean, lower, upper = (found[k][0] for k in ("combination", "lower", "upper"))
        times, level = series.times.after(steps), self.network.level
        return Forecast(mean, lower, upper, times, series.target_names, level, series.name)

    def from_origins(
        self, series: Series, origins: Int[np.ndarray, " origin"], steps: int, end: int
    ) -> dict[str, Float[np.ndarray, "origin steps target"]]:
        """Forecasts of a series from some origins, by models fitted to its beginning.

        Parameters
        ----------
        series
            A fitted series, which may have grown; for another one, the models of the first.
        origins
            How many of its rows are known at each, increasing.
        steps
            The longest lead time.
        end
            How many rows of the fitted series the models may have seen.

        Returns
        -------
        dict
            Forecasts of the `combination` and of its parts, and the bounds `lower` and `upper`
            of its intervals, adapted to what is known at each origin.
        """
        models = self._fitted(self._number_of(series), end, steps)
        return self._forecasts(models, series, series.inputs, origins, steps)

    def _forecasts(self, models, series, inputs, origins, steps) -> dict:
        """Forecasts of each group, of all together, and the bounds; (origin, steps, target)."""
        rollouts = self._network_forecasts(series, inputs)
        by_target: list[dict] = []
        for c, model in enumerate(models):
            network = NetworkComponent(rollouts, c)
            combination = model.combination.replaced("network", network).remembered()
            values = model.known(series.targets[:, c])
            if list(origins) == [len(values)]:  # nothing is judged: wrong data are replaced
                values, _ = clean(values, model.traits.seasons)
            center = combination.forecast(values, origins, steps)
            bounds = model.adapted_interval if len(origins) > 1 else model.interval
            lower, upper = bounds(values, origins, center, self.network.level)
            found = {"combination": center}
            for group, name in PARTS.items():
                if group in combination.groups:
                    found[name] = combination.part(group).forecast(values, origins, steps)
            by_target.append(found | {"lower": lower, "upper": upper})
        return {k: np.stack([one[k] for one in by_target], axis=-1) for k in by_target[0]}

    def _network_forecasts(self, series: Series, inputs: np.ndarray) -> NetworkForecasts:
        context = self.network.data.context
        return NetworkForecasts(self.network.rollouts, context, series.targets, inputs)

    def _number_of(self, series: Series) -> int:
        """The number of the fitted series of that name; the first if there is none."""
        names = [one.name for one in self.network.data.series]
        return names.index(series.name) if series.name in names else 0
