"""Closed-loop forecasts of a trained ensemble, with intervals, and their backtest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from throughtime.data.future_inputs import future_inputs
from throughtime.data.scaler import Scaler
from throughtime.data.series import Series
from throughtime.errors import InputError
from throughtime.models.baselines import persistence
from throughtime.models.intervals import Intervals, with_level
from throughtime.recurrence.network import Network

from .backtest import Backtest
from .baseline_forecasts import Baselines
from .conformal import conformal_margins, unit_of, validation_residuals
from .forecast import Forecast
from .overlap import rows_seen
from .rolling_origins import TESTED, RollingOrigins, check_truth
from .rollouts import Asked, mean_rollouts
from .sample_paths import Dependence
from .scores import Panel, naive_error
from .splits import SplitData
from .statistical_baselines import NAMES, statistical_forecasts

Continue = Callable[[list[Series], list[np.ndarray], int], list[Forecast]]


@dataclass(frozen=True, eq=False)
class Predictor:
    """A trained ensemble and the data it was trained on.

    Attributes
    ----------
    networks
        The ensemble: its weights have a leading axis over the members.
    data
        The series, their splits and scalers.
    level
        Nominal coverage of the intervals.
    residuals
        Those of the validation parts by method and number of steps, kept once they are known.
    known_margins
        Half the width of the intervals by method, number of steps and level, likewise.
    """

    networks: Network
    data: SplitData
    level: float
    residuals: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)
    known_margins: dict[tuple[str, int, float], np.ndarray] = field(default_factory=dict)

    def forecast(
        self, series: list[Series] | None, steps: int, inputs: Any = None
    ) -> list[Forecast]:
        """Continue each series beyond its end; by default those that it was trained on."""
        self._check_context(self.data.series if series is None else series)
        return self.continued(series, steps, inputs, self._continue)

    def continued(
        self, series: list[Series] | None, steps: int, inputs: Any, forecasts: Continue
    ) -> list[Forecast]:
        """What a function of the series, their inputs ahead, and the steps forecasts."""
        series = self.data.series if series is None else series
        ahead = [future_inputs(inputs, one, steps) for one in series]
        found = forecasts(series, [known.values for known in ahead], steps)
        return [
            made.after(one, known.remarks)
            for made, one, known in zip(found, series, ahead, strict=True)
        ]

    def backtest(
        self, series: list[Series] | None, steps: int, statistical: bool = False
    ) -> Backtest:
        """Forecast from every origin of the test parts, or of other series."""
        tested = self.tested(series, steps, self.data.context_of)
        levels, made, around = with_level(self.level), [], []
        for one, origins in tested:
            own = self._by_name(one, origins, steps)
            own |= self.baselines.forecasts(one, origins, steps)
            intervals = self.conformal(own, one, origins, steps, levels)
            if statistical:
                intervals |= self.statistical(one, origins, steps, levels)
            made.append({name: found.center for name, found in intervals.items()})
            around.append(intervals)
        return self.measured(tested, made, around, self.count(series))

    def count(self, series: list[Series] | None) -> int:
        """The number of series of a backtest."""
        return len(self.data.series if series is None else series)

    def statistical(
        self, series: Series, origins: RollingOrigins, steps: int, levels: Sequence[float]
    ) -> dict[str, Intervals]:
        """Statistical baselines with intervals of their own; see `statistical_forecasts`."""
        season, found = self.data.period_of(series), {}
        for name in NAMES:
            parts = [
                statistical_forecasts(name, column, origins.rows, steps, season, levels)
                for column in series.targets.T
            ]
            found[name] = Intervals.stacked(parts)
        if len(self.data.series) == 1:
            return found
        # One series that a model cannot be fitted to must not take its figures from a panel.
        last = persistence(origins.contexts, steps)
        return {name: one.completed(last) for name, one in found.items()}

    def conformal(
        self,
        forecasts: dict[str, np.ndarray],
        series: Series,
        origins: RollingOrigins,
        steps: int,
        levels: Sequence[float],
    ) -> dict[str, Intervals]:
        """Intervals of network or baselines around their forecasts from some origins."""
        return {
            name: Intervals.around(
                made,
                self._margins_of(series, int(origins.rows[0]), name, steps, levels),
                levels,
            )
            for name, made in forecasts.items()
        }

    def _margins_of(self, series, end, method, steps, levels):
        """Margins in the unit of a series; infinite for one that has none."""
        unit = unit_of(self.data, series, end)
        margins = unit * self.margins(method, steps, levels)
        return np.where(np.isnan(unit), np.inf, margins)

    def measured(
        self,
        tested: "Sequence[tuple[Series, RollingOrigins]]",
        made: Sequence[dict[str, np.ndarray]],
        around: Sequence[dict[str, Intervals]],
        count: int,
    ) -> Backtest:
        """The backtest of each series' forecasts and intervals by method.

        `count` is the number of series, with those that are too short for an origin.
        """
        data, truth = self.data, np.concatenate([origins.truth for _, origins in tested])
        check_truth(truth)
        # A network that could not read one of the series is in no table of all.
        methods = [name for name in made[0] if all(name in one for one in made)]
        evaluated = sum(origins.evaluated_count > 0 for _, origins in tested)
        return Backtest.from_forecasts(
            truth,
            {name: np.concatenate([one[name] for one in made]) for name in methods},
            {name: Intervals.joined([one[name] for one in around]) for name in around[0]},
            self.level,
            data.period(),
            data.series[0].target_names,
            (evaluated, count),
            self._panel(tested),
        )

    def _panel(self, tested) -> Panel:
        """The series of a backtest and the unit of each, from what is before its origins."""
        units = [
            naive_error(one.targets[: origins.rows[0]], self.data.unit_period_of(one))
            for one, origins in tested
        ]
        counts = [len(origins) for _, origins in tested]
        names = tuple(one.name for one, _ in tested)
        return Panel(names, np.repeat(np.arange(len(counts)), counts), np.stack(units))

    @cached_property
    def baselines(self) -> Baselines:
        """What one would use instead."""
        return Baselines(self.data)

    def tested(
        self,
        series: list[Series] | None,
        steps: int,
        context: Callable[[Series], int],
        read: Callable[[Series], int] | None = None,
    ) -> list[tuple[Series, RollingOrigins]]:
        """The origins of a backtest in each series; of a fitted one, those of its test part.

        Series without an origin are left out.

        Parameters
        ----------
        series
            Other series than the fitted ones, or None for these.
        steps
            The longest lead time.
        context
            The rows that must be known at the first origin of a series.
        read
            The first rows of another series from which models were fitted; none by default.

        Raises
        ------
        InputError
            If nothing was held out, or there are fewer rows than steps.
        """
        parts = self._parts(series, context, read)
        longest = max(end - first for _, first, end in parts)
        held_out = self.data.splits[0].validation < self.data.splits[0].total
        seen = any(map(self._rows_seen, series or []))
        if longest < 1 and (series is None or not held_out or seen):
            rule = "a backtest needs data that was held out"
            got = "only rows that the fit saw" if seen or held_out else "`test=0`"
            raise InputError(rule, got, "Fit with `test=0.2`, or pass other data.")
        if longest < 1:
            one = max((one for one, _, _ in parts), key=len)
            rule = f"data to test on must be longer than the context of {context(one)} steps"
            raise InputError(rule, f"{len(one)} steps", "Pass more of the series.")
        if steps > longest:
            rule = "`steps` must not be longer than the part that is tested"
            raise InputError(rule, f"{steps} of {longest} steps", "Lower `steps`.")
        each = [
            (one, RollingOrigins.between(one, first, end, context(one), steps, True, TESTED))
            for one, first, end in parts
        ]
        return [(one, origins) for one, origins in each if len(origins)]

    def longest_test(
        self,
        series: list[Series] | None,
        context: Callable[[Series], int] | None = None,
        read: Callable[[Series], int] | None = None,
    ) -> int:
        """The longest lead time that a backtest can have; arguments as for `tested`."""
        parts = self._parts(series, context or self.data.context_of, read)
        return max(end - first for _, first, end in parts)

    def _parts(self, series, context, read):
        """The series of a backtest, each with the bounds of the part that is evaluated."""
        if series is None:
            pairs = zip(self.data.series, self.data.splits, strict=True)
            return [(one, split.validation, split.total) for one, split in pairs]
        return [
            (one, max(context(one), self._rows_seen(one), read(one) if read else 0), len(one))
            for one in series
        ]

    def _rows_seen(self, series: Series) -> int:
        """How many of the first rows of a series were seen in training or validation."""
        pairs = zip(self.data.series, self.data.splits, strict=True)
        return max(rows_seen(series, one, split.validation) for one, split in pairs)

    def margins(
        self, method: str, steps: int, levels: Sequence[float]
    ) -> Float[np.ndarray, "level steps target"]:
        """Half the width of a method's intervals, in standard deviations of a series.

        They follow from the errors in the validation parts of all series, each in units of its
        own; see `conformal_margins`.
        """
        return np.stack([self._margins(method, steps, level) for level in levels])

    def _margins(
        self, method: str, steps: int, level: float
    ) -> Float[np.ndarray, "steps target"]:
        """Those of one level, found once: they are the same for every series."""
        key = method, steps, level
        if key not in self.known_margins:
            residuals = self._residuals(method, steps)
            self.known_margins[key] = conformal_margins(residuals, level)
        return self.known_margins[key]

    def _residuals(self, method: str, steps: int) -> Float[np.ndarray, "origin steps target"]:
        """Errors of a method in the validation parts; those of all baselines at once."""
        if (method, steps) not in self.residuals:
            forecast, names = self.baselines.forecasts, self.baselines.names()
            if method == "network":
                forecast, names = self._by_name, ["network"]
            found = validation_residuals(forecast, names, self.data, steps)
            self.residuals.update({(name, steps): one for name, one in found.items()})
        return self.residuals[method, steps]

    def _by_name(
        self, series: Series, origins: RollingOrigins, steps: int
    ) -> dict[str, np.ndarray]:
        return {"network": self._network(series, origins, steps)}

    def _check_context(self, series: list[Series]) -> None:
        for one in series:
            needed = self.data.read_before(one)
            if len(one) < needed:
                rule = f"a series must hold at least the {needed} steps that the networks read"
                remedy = "Pass more of the series, or fit with a shorter `window`."
                raise InputError(rule, f"{len(one)} steps in `{one.name}`", remedy)

    def _continue(
        self, series: list[Series], ahead: list[np.ndarray], steps: int
    ) -> list[Forecast]:
        """Forecast each series beyond its end, with the inputs ahead."""
        levels, dependence = with_level(self.level), self._dependence(steps)
        asked = []
        for one, known in zip(series, ahead, strict=True):
            context = self.data.read_before(one)
            inputs = np.concatenate([one.inputs[-context:], known])[None]
            scaler = self.data.scaler_of(one)
            asked.append(Asked(one.measured[None, -context:], inputs, scaler))
        found = []
        means = mean_rollouts(self.networks, self.data, asked, steps)
        for one, (mean,) in zip(series, means, strict=True):
            margins = self._margins_of(one, None, "network", steps, levels)
            around = Intervals.around(mean, margins, levels)
            rest = one.times.after(steps), one.target_names, self.level, one.name, dependence
            found.append(Forecast.within(around, *rest))
        return found

    def _dependence(self, steps: int) -> Dependence:
        """How the errors of the validation parts depend on each other."""
        found = self._residuals("network", steps)
        rows = sum(split.validation - split.train for split in self.data.splits)
        reach = int(np.isfinite(found).all(axis=2).any(axis=0).sum())
        return Dependence.of(found[:, :reach], rows)

    def _network(self, series: Series, origins: RollingOrigins, steps: int) -> np.ndarray:
        """The ensemble's forecasts from some origins; NaN where it has too little to read."""
        context = self.data.read_before(series)
        if origins.contexts.shape[1] < context:
            return np.full((len(origins), steps, origins.contexts.shape[2]), np.nan)
        past = origins.measured[:, -context:]
        inputs = origins.inputs[:, -context - steps :]
        scaler = self.data.scaler_of(series, int(origins.rows[0]))
        return self.rollouts(past, inputs, steps, scaler)

    def rollouts(
        self, measured: np.ndarray, inputs: np.ndarray, steps: int, scaler: Scaler
    ) -> np.ndarray:
        """The ensemble's mean forecast from every origin, in the units of the data.

        Parameters
        ----------
        measured
            Values and inputs of the past up to each origin, `(origin, time, measured)`.
        inputs
            Inputs of the context and of the steps ahead, `(origin, time + steps, input)`.
        steps
            Number of steps to forecast.
        scaler
            That of the series.

        Returns
        -------
        Array, (origin, steps, target)
        """
        asked = Asked(measured, inputs, scaler)
        return mean_rollouts(self.networks, self.data, [asked], steps)[0]
