"""Closed-loop forecasts of a trained ensemble, with intervals, and their backtest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from throughtime._support.precision import precision
from throughtime.data.future_inputs import future_inputs
from throughtime.data.scaler import Scaler
from throughtime.data.series import Series
from throughtime.errors import InputError
from throughtime.recurrence.network import Network
from throughtime.recurrence.rollout import rollout

from .backtest import Backtest
from .baseline_forecasts import Baselines
from .conformal import conformal_margins, validation_residuals
from .forecast import Forecast
from .intervals import Intervals, with_level
from .overlap import rows_seen
from .rolling_origins import RollingOrigins, check_truth
from .sample_paths import Dependence
from .scores import Panel, naive_error
from .splits import SplitData
from .statistical_baselines import NAMES, statistical_forecasts

CHUNKS = (64, 512)
"""Origins rolled out at a time: two sizes to compile, and bounded memory."""


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
        series = self.data.series if series is None else series
        self._check_context(series)
        ahead = [future_inputs(inputs, one, steps) for one in series]
        return [
            self._continue(one, known.values, steps).after(one, known.remarks)
            for one, known in zip(series, ahead, strict=True)
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
        season = self.data.period_of(series)
        return {
            name: Intervals.stacked(
                [
                    statistical_forecasts(name, column, origins.rows, steps, season, levels)
                    for column in series.targets.T
                ]
            )
            for name in NAMES
        }

    def conformal(
        self,
        forecasts: dict[str, np.ndarray],
        series: Series,
        origins: RollingOrigins,
        steps: int,
        levels: Sequence[float],
    ) -> dict[str, Intervals]:
        """Intervals of network or baselines around their forecasts from some origins."""
        unit = self.data.scaler_of(series, int(origins.rows[0])).std
        return {
            name: Intervals.around(made, unit * self.margins(name, steps, levels), levels)
            for name, made in forecasts.items()
        }

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
            naive_error(one.targets[: origins.rows[0]], self.data.period_of(one))
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
        if longest < 1 and (series is None or any(map(self._rows_seen, series))):
            rule = "a backtest needs data that was held out"
            got = "`test=0`" if series is None else "only rows that the fit saw"
            raise InputError(rule, got, "Fit with `test=0.2`, or pass other data.")
        if longest < 1:
            needed = max(context(one) for one, _, _ in parts)
            rule = f"data to test on must be longer than the context of {needed} steps"
            raise InputError(rule, f"{needed + longest} steps", "Pass more of the series.")
        if steps > longest:
            rule = "`steps` must not be longer than the part that is tested"
            raise InputError(rule, f"{steps} of {longest} steps", "Lower `steps`.")
        each = [
            (one, RollingOrigins.between(one, first, end, context(one), steps, complete=True))
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
        needed = self.data.context
        for one in series:
            if len(one) < needed:
                rule = f"a series must hold at least the {needed} steps that the networks read"
                remedy = "Pass more of the series, or fit with a shorter `window`."
                raise InputError(rule, f"{len(one)} steps in `{one.name}`", remedy)

    def _continue(
        self, series: Series, ahead: Float[np.ndarray, "steps input"], steps: int
    ) -> Forecast:
        """Forecast one series beyond its end, with the inputs `ahead`."""
        context, levels = self.data.context, with_level(self.level)
        inputs = np.concatenate([series.inputs[-context:], ahead])
        past = series.targets[None, -context:]
        scaler = self.data.scaler_of(series)
        mean = self.rollouts(past, inputs[None], steps, scaler)[0]
        margins = scaler.std * self.margins("network", steps, levels)
        return Forecast.within(
            Intervals.around(mean, margins, levels),
            series.times.after(steps),
            series.target_names,
            self.level,
            series.name,
            self._dependence(steps),
        )

    def _dependence(self, steps: int) -> Dependence:
        """How the errors of the validation parts depend on each other."""
        found = self._residuals("network", steps)
        rows = sum(split.validation - split.train for split in self.data.splits)
        reach = int(np.isfinite(found).all(axis=2).any(axis=0).sum())
        return Dependence.of(found[:, :reach], rows)

    def _network(self, series: Series, origins: RollingOrigins, steps: int) -> np.ndarray:
        """The ensemble's forecasts from some origins; NaN where it has too little to read."""
        context = self.data.context
        if origins.contexts.shape[1] < context:
            return np.full((len(origins), steps, origins.contexts.shape[2]), np.nan)
        past = origins.contexts[:, -context:]
        inputs = origins.inputs[:, -context - steps :]
        scaler = self.data.scaler_of(series, int(origins.rows[0]))
        return self.rollouts(past, inputs, steps, scaler)

    def rollouts(
        self, contexts: np.ndarray, inputs: np.ndarray, steps: int, scaler: Scaler
    ) -> np.ndarray:
        """The ensemble's mean forecast from every origin, in the units of the data.

        Parameters
        ----------
        contexts
            Values up to each origin, `(origin, time, target)`.
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
        if not len(contexts):
            return np.empty((0, steps, contexts.shape[2]))
        data = self.data
        past = scaler.transform(contexts).astype(data.dtype)
        known = data.input_scaler.transform(inputs).astype(data.dtype)
        size = CHUNKS[len(past) > CHUNKS[0]]
        padding = -len(past) % size  # whole chunks, so that one program serves them all
        past, known = (
            np.concatenate([v, v[:1].repeat(padding, axis=0)]) for v in (past, known)
        )
        made = data.horizon * blocks_of_program(-(-steps // data.horizon))
        beyond = np.repeat(known[:, -1:], made - steps, axis=1)
        known = np.concatenate([known, beyond], axis=1)
        chunks = []
        with precision(data.dtype):
            for i in range(0, len(past), size):
                xs, us = jax.device_put((past[i : i + size], known[i : i + size]))
                chunks.append(_mean_rollout(self.networks, xs, us, made, data.truncated))
        forecasts = np.concatenate([np.asarray(chunk)[:, :steps] for chunk in chunks])
        forecasts = forecasts[: len(contexts)]
        return scaler.inverse(forecasts.astype(np.float64))


def blocks_of_program(blocks: int) -> int:
    """The blocks of the program that forecasts so many: 1, 2, 3, 4, 6, 8, 12, 16, ...

    No block depends on a later one. To run a few more takes less time than to compile a
    program for each number.
    """
    power = 1 << (blocks - 1).bit_length()  # the next power of 2
    between = power * 3 // 4
    return between if blocks <= between else power


@eqx.filter_jit
def _mean_rollout(
    networks: Network,
    past: Float[Array, "origin time target"],
    known: Float[Array, "origin span input"],
    steps: int,
    carry: bool,
) -> Float[Array, "origin steps target"]:
    """The closed-loop forecast of each member, averaged over the ensemble."""
    params, static = eqx.partition(networks, eqx.is_inexact_array)

    def one(member):
        return rollout(eqx.combine(member, static), past, steps, known, carry=carry)

    return jnp.mean(jax.lax.map(one, params), axis=0)
