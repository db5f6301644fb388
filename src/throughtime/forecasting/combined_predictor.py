"""Forecasts by the combination of the linear core, the recurrent prior and the networks."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from throughtime.data.future_inputs import future_inputs
from throughtime.data.series import Series

from .backtest import Backtest
from .forecast import Forecast
from .intervals import Intervals, with_level
from .judging import Judging, in_parallel
from .network_component import NetworkComponent, NetworkForecasts
from .outliers import clean
from .pooled_shares import pooled_shares
from .predict import Predictor
from .rolling_errors import rolling_origins
from .sample_paths import Dependence
from .series_model import LONGEST_JUDGED, SeriesModel, first_judged
from .traits import Recipe, Traits

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
        The models of all series that were fitted so far, by the recipe, the longest lead time
        and whether they were fitted to all values.
    """

    network: Predictor
    recipe: Recipe
    refit: bool = True
    models: dict[tuple[Recipe, int, bool], list[list[SeriesModel]]] = field(
        default_factory=dict
    )

    def forecast(
        self, series: list[Series] | None, steps: int, inputs: Any = None
    ) -> list[Forecast]:
        """Continue each series beyond its end; by default those that it was trained on."""
        data = self.network.data
        series = data.series if series is None else series
        ahead = [future_inputs(inputs, one, steps) for one in series]
        return [
            self._continue(one, known.values, steps).after(one, known.remarks)
            for one, known in zip(series, ahead, strict=True)
        ]

    def backtest(
        self, series: list[Series] | None, steps: int, statistical: bool = False
    ) -> Backtest:
        """Forecast from every origin of the test parts, or of other series."""
        network = self.network
        tested = network.tested(series, steps, self._context, self._read)
        levels, made, around = with_level(network.level), [], []
        for one, origins in tested:
            own, intervals = self.from_origins(one, origins.rows, steps)
            rest = network.baselines.forecasts(one, origins, steps)
            others = network.conformal(rest, one, origins, steps, levels)
            if statistical:
                others |= network.statistical(one, origins, steps, levels)
            made.append(own | {name: found.center for name, found in others.items()})
            around.append({"combination": intervals} | others)
        return network.measured(tested, made, around, network.count(series))

    def from_origins(
        self,
        series: Series,
        origins: Int[np.ndarray, " origin"],
        steps: int,
        *,
        refit: bool = False,
    ) -> tuple[dict[str, Float[np.ndarray, "origin steps target"]], Intervals]:
        """Forecasts of a series from some origins.

        Parameters
        ----------
        series
            A fitted series, which may have grown; another one has models of its own beginning.
        origins
            How many of its rows are known at each, increasing.
        steps
            The longest lead time.
        refit
            Whether the models of a fitted series may have seen all of its values; if not, they
            saw those before its test part.

        Returns
        -------
        dict
            Forecasts of the `combination` and of its parts.
        Intervals
            Those of the combination, adapted to what is known at each origin.
        """
        end = self._before_test(series)
        models = self._models_of(series, end, steps, refit=refit)
        return self._forecasts(models, series, series.inputs, origins, steps)

    def _context(self, series: Series) -> int:
        """Rows before the first origin of a backtest: of a short series, all that there are."""
        data = self.network.data
        return min(data.context_of(series), self._before_test(series))

    def _read(self, series: Series) -> int:
        """The first rows of a series that was not fitted, to which its models are fitted."""
        end = self._before_test(series)
        return end if self.network.data.number_of(series, end) is None else 0

    def longest_test(self, series: list[Series] | None) -> int:
        """The longest lead time that a backtest can have."""
        return self.network.longest_test(series, self._context, self._read)

    def shares(self, steps: int) -> list[list[dict[str, float]]]:
        """The mean weights of the models in a forecast, of each series and target."""
        return [
            [model.combination.shares(steps) for model in self._of_forecast(i, steps)]
            for i in range(len(self.network.data.series))
        ]

    def traits(self, steps: int) -> list[list[Traits]]:
        """What was read of each series and target before models were fitted."""
        return [
            [model.traits for model in self._of_forecast(i, steps)]
            for i in range(len(self.network.data.series))
        ]

    def _of_forecast(self, i: int, steps: int) -> list[SeriesModel]:
        """The models of a fitted series in a forecast beyond its end."""
        return self._fitted(i, steps, refit=self.refit)

    def _before_test(self, series: Series) -> int:
        """How many values of a series the models of a backtest may see.

        Of a series that was not fitted, its test part is the same share as of the first.
        """
        data = self.network.data
        first = data.splits[0]
        share = max(1, round(len(series) * first.validation / first.total))
        i = data.number_of(series, share)
        return share if i is None else data.splits[i].validation

    def _fitted(self, i: int, steps: int, *, refit: bool) -> list[SeriesModel]:
        """The models of each target of a series.

        They are fitted to all of its values, or, without `refit`, to those before its test
        part. Of several series, the weights start from those that are best over all of them.
        """
        key = self.recipe, steps, refit
        if key not in self.models:
            self.models[key] = self._fit_all(steps, refit)
        return self.models[key][i]

    def _fit_all(self, steps: int, refit: bool) -> list[list[SeriesModel]]:
        """The models of all series."""
        data = self.network.data
        tasks = []
        for one, split in zip(data.series, data.splits, strict=True):
            end = split.total if refit else split.validation
            # Without a validation part there is nothing that the networks did not learn from.
            networks = split.train < end and split.train >= data.context
            networks = networks and bool(np.ptp(one.targets[: split.train], axis=0).all())
            first = split.train if split.train < end else None
            tasks.append(self._task(one, end, steps, first, networks))
        judged = in_parallel(tasks)
        shares = None
        if len(judged) > 1:
            each = [one for models in judged for one in models]
            errors = [(one.rolling, one.groups) for one in each]
            shares = pooled_shares(errors, each[0].steps)
        return [[one.weighed(shares=shares) for one in models] for models in judged]

    def _task(
        self, series: Series, end: int, steps: int, first: int | None, networks: bool
    ) -> Judging:
        """What is needed to judge the models of a series from row `first` on.

        `networks` says whether the networks are judged there too; if not, they have no weight.
        """
        first = first if first is not None else first_judged(end)
        made = None
        if networks:
            forecasts = self._network_forecasts(series, series.inputs, end)
            forecasts.forecast(rolling_origins(first, end), min(steps, LONGEST_JUDGED))
            made = forecasts.alone()
        return Judging(series, end, steps, first, self.recipe, made)

    def _models_of(
        self, series: Series, end: int, steps: int, *, refit: bool
    ) -> list[SeriesModel]:
        """The models of a fitted series; of another one, models of its first `end` values."""
        i = self.network.data.number_of(series, end)
        if i is not None:
            return self._fitted(i, steps, refit=refit)
        networks = len(series) > self.network.data.context
        judged = self._task(series, end, steps, None, networks).run()
        return [one.weighed() for one in judged]

    def _continue(
        self, series: Series, ahead: Float[np.ndarray, "steps input"], steps: int
    ) -> Forecast:
        """Forecast one series beyond its end, with the inputs `ahead`."""
        models = self._models_of(series, len(series), steps, refit=self.refit)
        inputs = np.concatenate([series.inputs, ahead])
        found = self._forecasts(models, series, inputs, np.array([len(series)]), steps)[1]
        first = Intervals(
            found.levels, found.center[0], found.lower[:, 0], found.upper[:, 0], found.least
        )
        times, level = series.times.after(steps), self.network.level
        errors = np.stack([one.errors for one in models], axis=-1)
        dependence = Dependence.of(errors, models[0].rows)
        return Forecast.within(
            first, times, series.target_names, level, series.name, dependence
        )

    def _forecasts(
        self, models, series, inputs, origins, steps
    ) -> tuple[dict[str, np.ndarray], Intervals]:
        """Forecasts of all together and of each group, and the intervals of all together.

        Arrays are (origin, steps, target). From several origins, the intervals adapt to what is
        known at each.
        """
        rollouts = self._network_forecasts(series, inputs, int(origins[0]))
        levels = with_level(self.network.level)
        by_target: list[dict] = []
        intervals = []
        for c, model in enumerate(models):
            network = NetworkComponent(rollouts, c)
            combination = model.on(inputs, network).remembered()
            values = model.known(series.targets[:, c])
            if list(origins) == [len(values)]:  # nothing is judged: wrong data are replaced
                values, _ = clean(values, model.traits.seasons)
            center = combination.forecast(values, origins, steps)
            several = len(origins) > 1
            filled = None if series.filled_at is None else series.filled_at[:, c]
            intervals.append(
                model.intervals(values, origins, center, levels, adapted=several, filled=filled)
            )
            found = {"combination": center}
            for group, name in PARTS.items():
                if group in combination.groups:
                    found[name] = combination.part(group).forecast(values, origins, steps)
            by_target.append({name: model.bounded(made) for name, made in found.items()})
        joined = {k: np.stack([one[k] for one in by_target], axis=-1) for k in by_target[0]}
        return joined, Intervals.stacked(intervals)

    def _network_forecasts(
        self, series: Series, inputs: np.ndarray, end: int
    ) -> NetworkForecasts:
        """Forecasts of the networks; another series is scaled by its first `end` rows."""
        data = self.network.data
        rollouts = partial(self.network.rollouts, scaler=data.scaler_of(series, end))
        return NetworkForecasts(rollouts, data.context, series.targets, inputs)
