"""Forecasts by the combination of the linear core, the recurrent prior and the networks."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from throughtime.data.series import Series
from throughtime.models.intervals import Intervals, with_level
from throughtime.models.rolling_errors import rolling_origins
from throughtime.models.series_model import (
    LONGEST_JUDGED,
    EarlyModels,
    JudgedModels,
    SeriesModel,
    first_judged,
)
from throughtime.models.traits import Recipe, Traits

from .backtest import Backtest
from .drift import HELD, LONGEST, Drift, held
from .forecast import Forecast
from .fresh_series import TypicalModel, can_tell, of_series
from .judging import Judging
from .network_component import NetworkForecasts
from .origin_forecasts import OriginForecasts
from .overlap import follows, joined, later, rows_seen
from .pooled_shares import LEAST, pooled_shares
from .predict import Predictor
from .processes import in_parallel
from .rollouts import Asked, mean_rollouts
from .sample_paths import Dependence

Part = tuple[Series, np.ndarray, np.ndarray]
"""A series, its inputs, which may go on beyond its end, and the origins to forecast from."""

Early = Sequence[Sequence[EarlyModels | None]]
"""For each series and target."""


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
    early
        The models from which they were judged, by the recipe and the longest lead time: those
        of a backtest serve the forecast.
    """

    network: Predictor
    recipe: Recipe
    refit: bool = True
    models: dict[tuple[Recipe, int, bool], Sequence[Sequence[SeriesModel]]] = field(
        default_factory=dict
    )
    early: dict[tuple[Recipe, int], Early] = field(default_factory=dict)

    def forecast(
        self, series: list[Series] | None, steps: int, inputs: Any = None
    ) -> list[Forecast]:
        """Continue each series beyond its end; by default those that it was trained on."""
        return self.network.continued(series, steps, inputs, self._continue)

    def backtest(
        self, series: list[Series] | None, steps: int, statistical: bool = False
    ) -> Backtest:
        """Forecast from every origin of the test parts, or of other series."""
        network = self.network
        tested = network.tested(series, steps, self._context, self._read)
        levels, made, around = with_level(network.level), [], []
        parts = [(one, one.inputs, origins.rows) for one, origins in tested]
        ends = [network.data.before_test(one) for one, _ in tested]
        found = self._forecasts(parts, ends, steps, refit=False)
        for (one, origins), (own, intervals) in zip(tested, found, strict=True):
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
        end = self.network.data.before_test(series)
        parts = [(series, series.inputs, origins)]
        return self._forecasts(parts, [end], steps, refit=refit)[0]

    def _context(self, series: Series) -> int:
        """Rows before the first origin of a backtest: of a short series, all that there are."""
        data = self.network.data
        return min(data.context_of(series), data.before_test(series))

    def _read(self, series: Series) -> int:
        """The first rows of a series that was not fitted, to which its models are fitted."""
        data = self.network.data
        return data.before_test(series) if data.number_of(series) is None else 0

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

    def _of_forecast(self, i: int, steps: int) -> Sequence[SeriesModel]:
        """The models of a fitted series in a forecast beyond its end."""
        return self._fitted(i, steps, refit=self.refit)

    def _fitted(self, i: int, steps: int, *, refit: bool) -> Sequence[SeriesModel]:
        """The models of each target of a series.

        They are fitted to all of its values, or, without `refit`, to those before its test
        part. Of many series, the weights start from those that are best over all of them.
        """
        key = self.recipe, steps, refit
        if key not in self.models:
            self.models[key] = self._fit_all(steps, refit)
        return self.models[key][i]

    def _fit_all(self, steps: int, refit: bool) -> list[list[SeriesModel]]:
        """The models of all series."""
        data, parts = self.network.data, []
        for one, split, varies in zip(data.series, data.splits, data.varies, strict=True):
            end = split.total if refit else split.validation
            # Without a validation part there is nothing that the networks did not learn from.
            networks = split.train < end and split.train >= data.read_before(one)
            first = split.train if split.train < end else first_judged(end)
            parts.append((one, end, first, networks and bool(varies.all())))
        judged = self._judged(parts, steps, self.early.pop((self.recipe, steps), None))
        self.early[self.recipe, steps] = [[one.early for one in models] for models in judged]
        shares = None
        if len(judged) >= LEAST:
            each = [one for models in judged for one in models]
            errors = [(one.rolling, one.groups) for one in each]
            shares = pooled_shares(errors, each[0].steps)
        return _weighed(judged, shares)

    def _judged(
        self,
        parts: Sequence[tuple[Series, int, int, bool]],
        steps: int,
        early: Early | None = None,
    ) -> list[list[JudgedModels]]:
        """Fit and judge models of several series.

        Of each are given: how many of its values may be seen, the first row that models are
        judged on, and whether the networks are judged there too; if not, they have no weight.
        """
        judged = min(steps, LONGEST_JUDGED)
        asked = [
            (one, one.inputs, rolling_origins(first, end))
            for one, end, first, networks in parts
            if networks
        ]
        made = iter(self._rolled_out(asked, judged))
        if early is None:
            early = [[None] * len(one.target_names) for one, *_ in parts]
        tasks = [
            Judging(
                one, end, steps, first, self.recipe, next(made) if networks else None, known
            )
            for (one, end, first, networks), known in zip(parts, early, strict=True)
        ]
        return in_parallel([task.run for task in tasks])

    def _models_of(
        self, series: Sequence[Series], ends: Sequence[int], steps: int, *, refit: bool
    ) -> list[Sequence[SeriesModel]]:
        """The models of fitted series; of others, models of so many first values."""
        data = self.network.data
        numbers = [data.number_of(one) for one in series]
        parts = []
        for one, end, i in zip(series, ends, numbers, strict=True):
            if i is None:
                first = first_judged(end)
                parts.append((one, end, first, first >= data.read_before(one)))
        new = iter(_weighed(self._judged(parts, steps)))
        return [
            next(new) if i is None else self._fitted(i, steps, refit=refit) for i in numbers
        ]

    def _of_last_rows(
        self, series: Sequence[Series], steps: int
    ) -> list[Sequence[SeriesModel]]:
        """The models of a forecast beyond the end; of a series not fitted, by the panel's."""
        data = self.network.data
        numbers = [data.number_of(one) for one in series]
        if None not in numbers or not can_tell(len(data.series), self.recipe):
            ends = [len(one) for one in series]
            return self._models_of(series, ends, steps, refit=self.refit)
        fitted = [self._of_forecast(i, steps) for i in range(len(data.series))]
        typical = [TypicalModel(models) for models in zip(*fitted, strict=True)]
        pairs = list(zip(series, numbers, strict=True))
        new = [partial(of_series, typical, one, self.recipe) for one, i in pairs if i is None]
        made = iter(in_parallel(new))
        return [next(made) if i is None else fitted[i] for i in numbers]

    def _continue(
        self, series: list[Series], ahead: list[np.ndarray], steps: int
    ) -> list[Forecast]:
        """Forecast each series beyond its end, with the inputs ahead."""
        parts = [
            (one, np.concatenate([one.inputs, known]), np.array([len(one)]))
            for one, known in zip(series, ahead, strict=True)
        ]
        models = self._of_last_rows(series, steps)
        made = self._of_models(models, parts, steps)
        drifts = self._drifts(models, parts)
        return [
            replace(self._forecast(one, own, found, steps), drift=drift)
            for one, own, found, drift in zip(series, models, made, drifts, strict=True)
        ]

    def _drifts(self, models, parts: Sequence[Part]) -> list[Drift | None]:
        """The drift of each series that has rows which its models have not seen."""
        level, chosen, first = self.network.level, {}, {}
        for i, (one, inputs, _) in enumerate(parts):
            series, inputs, seen = self._seen_of(one, inputs)
            start = max(seen, len(series) - LONGEST)
            if start < len(series):
                before = np.arange(max(seen - HELD, self._context(one)), seen)
                chosen[i] = series, inputs, np.append(before, np.arange(start, len(series)))
                first[i] = len(before)
        new = list(chosen.values())
        made = self._of_models([models[i] for i in chosen], new, 1, adapted=False)
        found: list[Drift | None] = [None] * len(parts)
        for i, (one, _, origins), (_, around) in zip(chosen, new, made, strict=True):
            lower, upper = (bound[:, 0] for bound in around.at(level))
            lower, upper = held(lower, upper, around.center[:, 0], first[i])
            truth = one.targets[origins]
            if one.filled_at is not None:
                truth = np.where(one.filled_at[origins], np.nan, truth)
            known = [one.calibrated() for one in models[i]]
            found[i] = Drift.of(lower, upper, truth[first[i] :], level, known)
        return found

    def _seen_of(self, series: Series, inputs: np.ndarray) -> tuple[Series, np.ndarray, int]:
        """A series, its inputs, and how many of its rows count as seen: new ones come after.

        New rows alone that follow on the fitted series are put behind it; of others, as many
        count as networks and baselines read.
        """
        data = self.network.data
        i = data.number_of(series)
        if i is None or series is data.series[i]:
            return series, inputs, len(series)
        fitted = data.series[i]
        end = data.splits[i].total if self.refit else data.splits[i].validation
        if seen := rows_seen(series, fitted, end):
            return series, inputs, seen
        if follows(series, fitted):
            return joined(fitted, series), np.concatenate([fitted.inputs, inputs]), end
        known = data.context_of(series) if later(series, fitted) else len(series)
        return series, inputs, known

    def _forecast(self, series: Series, models, made, steps: int) -> Forecast:
        """What was made of one series at its end, as a forecast."""
        forecasts, found = made
        first = Intervals(
            found.levels, found.center[0], found.lower[:, 0], found.upper[:, 0], found.least
        )
        times, level = series.times.after(steps), self.network.level
        errors = np.stack([one.errors for one in models], axis=-1)
        dependence = Dependence.of(errors, models[0].rows)
        return Forecast.within(
            first,
            times,
            series.target_names,
            level,
            series.name,
            dependence,
            mean=forecasts["combination"][0],
        )

    def _forecasts(
        self, parts: Sequence[Part], ends: Sequence[int], steps: int, *, refit: bool
    ):
        """Forecasts and intervals of each part; see `OriginForecasts.run`."""
        models = self._models_of([one for one, *_ in parts], ends, steps, refit=refit)
        return self._of_models(models, parts, steps)

    def _of_models(self, models, parts: Sequence[Part], steps: int, *, adapted: bool = True):
        levels, networks = with_level(self.network.level), self._rolled_out(parts, steps)
        tasks = [
            OriginForecasts(each, *part, steps, made, levels, adapted)
            for each, part, made in zip(models, parts, networks, strict=True)
        ]
        return in_parallel([task.run for task in tasks])

    def _rolled_out(self, parts: Sequence[Part], steps: int) -> list[NetworkForecasts]:
        """Forecasts of the networks from the origins of each part.

        A series that was not fitted is scaled by the rows before the first origin.
        """
        data, found, asked = self.network.data, [], []
        for series, inputs, origins in parts:
            context, targets = data.read_before(series), len(series.target_names)
            one = NetworkForecasts.none(context, series.measured, inputs, targets)
            known = origins[origins >= one.context]
            scaler = data.scaler_of(series, int(origins[0]))
            found.append((one, known))
            asked.append(Asked(*one.around(known, steps), scaler))
        made = mean_rollouts(self.network.networks, data, asked, steps)
        for (one, known), forecasts in zip(found, made, strict=True):
            one.keep(known, forecasts)
        return [one for one, _ in found]


def _weighed(judged, shares=None) -> list[list[SeriesModel]]:
    """The combinations of the models of each series."""
    tasks = [
        partial(_weigh, [replace(one, early=None) for one in models], shares)
        for models in judged
    ]
    return in_parallel(tasks)


def _weigh(models: Sequence[JudgedModels], shares) -> list[SeriesModel]:
    return [one.weighed(shares=shares) for one in models]
