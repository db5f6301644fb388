"""Closed-loop forecasts of a trained ensemble, with intervals, and their backtest."""

from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from throughtime._support.precision import precision
from throughtime.data.future_inputs import future_inputs
from throughtime.data.series import Series
from throughtime.data.time_axis import Times
from throughtime.errors import InputError
from throughtime.recurrence.network import Network
from throughtime.recurrence.rollout import rollout

from . import baselines, intervals
from .backtest import Backtest, RollingOrigins, evaluated_series, json_rows
from .overlap import rows_seen
from .splits import SplitData

CHUNKS = (64, 512)
"""Origins rolled out at a time: two sizes to compile, and bounded memory."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """A forecast of one series, with its prediction intervals.

    Attributes
    ----------
    mean
        The forecast, `(steps, target)`, in the units of the data.
    lower, upper
        Bounds of the prediction interval, of the same shape. They are infinite at lead times
        for which the validation part is too short to calibrate the interval.
    times
        The time of each step.
    targets
        Names of the targets.
    level
        Nominal coverage of the intervals.
    name
        Name of the series.
    remarks
        How the rows of the future inputs were found, if their table does not say.
    """

    mean: Float[np.ndarray, "steps target"]
    lower: Float[np.ndarray, "steps target"]
    upper: Float[np.ndarray, "steps target"]
    times: Times
    targets: tuple[str, ...]
    level: float
    name: str
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The forecast as a plain dictionary; None where an interval is infinite."""
        return {
            "series": self.name,
            "targets": list(self.targets),
            "time": self.times.labels(),
            "mean": json_rows(self.mean),
            "lower": json_rows(self.lower),
            "upper": json_rows(self.upper),
            "level": self.level,
        }


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
    """

    networks: Network
    data: SplitData
    level: float

    def forecast(
        self, series: list[Series] | None, steps: int, inputs: Any = None
    ) -> list[Forecast]:
        """Continue each series beyond its end; by default those that it was trained on."""
        series = self.data.series if series is None else series
        ahead = [future_inputs(inputs, one, steps) for one in series]
        margins = self.margins(steps)
        return [
            replace(self._continue(one, known.values, steps, margins), remarks=known.remarks)
            for one, known in zip(series, ahead, strict=True)
        ]

    def backtest(self, series: list[Series] | None, steps: int) -> Backtest:
        """Forecast from every origin of the test parts, or of other series."""
        each = self.rolling_origins(series, steps)
        origins = RollingOrigins.join(each)
        past, inputs = self._contexts(origins, steps)
        forecasts = {"network": self.rollouts(past, inputs, steps)}
        return Backtest.from_forecasts(
            origins.truth,
            forecasts | self.baseline_forecasts(origins, steps),
            self.margins(steps),
            self.level,
            self.data.period(),
            self.data.series[0].target_names,
            evaluated_series(each),
        )

    def baseline_forecasts(
        self, origins: RollingOrigins, steps: int
    ) -> dict[str, Float[np.ndarray, "origin steps target"]]:
        """What one would use instead, from the same origins, by name."""
        data, period = self.data, self.data.period()
        past, inputs = self._contexts(origins, steps)
        ahead = inputs[:, data.context :]
        linear = data.fit_ridge().predict(
            data.scaler.transform(past), steps, data.input_scaler.transform(ahead)
        )
        forecasts = {"ridge autoregression": data.scaler.inverse(linear)}
        if period is not None:
            seasonal = baselines.seasonal_persistence(origins.contexts, steps, period)
            forecasts["seasonal persistence"] = seasonal
        return forecasts | {"persistence": baselines.persistence(past, steps)}

    def _contexts(self, origins: RollingOrigins, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """What the networks read at each origin: values, and inputs with those ahead."""
        context = self.data.context
        return origins.contexts[:, -context:], origins.inputs[:, -context - steps :]

    def rolling_origins(self, series: list[Series] | None, steps: int) -> list[RollingOrigins]:
        """The origins of a backtest in each series; of a fitted one, those of its test part.

        Raises
        ------
        InputError
            If nothing was held out, or there are fewer rows than steps.
        """
        context = max(self.data.context, self.data.period() or 0)
        each = [
            RollingOrigins.between(*bound, context, steps, complete=True)
            for bound in self._parts(series, context, steps)
        ]
        RollingOrigins.join(each).check_truth()
        return each

    def bounds(self, series: list[Series] | None, steps: int) -> list[tuple[Series, int, int]]:
        """The series of a backtest, each with its first origin and the end of its part."""
        context = max(self.data.context, self.data.period() or 0)
        parts = self._parts(series, context, steps)
        return [(one, max(first, context), end) for one, first, end in parts]

    def _parts(
        self, series: list[Series] | None, context: int, steps: int
    ) -> list[tuple[Series, int, int]]:
        """The series of a backtest, each with the bounds of the part that is evaluated."""
        if series is None:
            pairs = zip(self.data.series, self.data.splits, strict=True)
            bounds = [(one, split.validation, split.total) for one, split in pairs]
        else:
            bounds = [(one, max(context, self._rows_seen(one)), len(one)) for one in series]
        longest = max(end - first for _, first, end in bounds)
        if longest < 1 and (series is None or any(map(self._rows_seen, series))):
            rule = "a backtest needs data that was held out"
            got = "`test=0`" if series is None else "only rows that the fit saw"
            raise InputError(rule, got, "Fit with `test=0.2`, or pass other data.")
        if longest < 1:
            rule = f"data to test on must be longer than the context of {context} steps"
            raise InputError(rule, f"{context + longest} steps", "Pass more of the series.")
        if steps > longest:
            rule = "`steps` must not be longer than the part that is tested"
            raise InputError(rule, f"{steps} of {longest} steps", "Lower `steps`.")
        return bounds

    def _rows_seen(self, series: Series) -> int:
        """How many of the first rows of a series were seen in training or validation."""
        pairs = zip(self.data.series, self.data.splits, strict=True)
        return max(rows_seen(series, one, split.validation) for one, split in pairs)

    def margins(self, steps: int) -> Float[np.ndarray, "steps target"]:
        """Half the width of the intervals; see `calibrated_margins`."""
        return intervals.calibrated_margins(self.rollouts, self.data, steps, self.level)

    def _continue(
        self,
        series: Series,
        ahead: Float[np.ndarray, "steps input"],
        steps: int,
        margins: Float[np.ndarray, "steps target"],
    ) -> Forecast:
        """Forecast one series beyond its end, with the inputs `ahead`."""
        context = self.data.context
        inputs = np.concatenate([series.inputs[-context:], ahead])
        mean = self.rollouts(series.targets[None, -context:], inputs[None], steps)[0]
        return Forecast(
            mean,
            mean - margins,
            mean + margins,
            series.times.after(steps),
            series.target_names,
            self.level,
            series.name,
        )

    def rollouts(self, contexts: np.ndarray, inputs: np.ndarray, steps: int) -> np.ndarray:
        """The ensemble's mean forecast from every origin, in the units of the data.

        Parameters
        ----------
        contexts
            Values up to each origin, `(origin, time, target)`.
        inputs
            Inputs of the context and of the steps ahead, `(origin, time + steps, input)`.
        steps
            Number of steps to forecast.

        Returns
        -------
        Array, (origin, steps, target)
        """
        data = self.data
        past = data.scaler.transform(contexts).astype(data.dtype)
        known = data.input_scaler.transform(inputs).astype(data.dtype)
        size = CHUNKS[len(past) > CHUNKS[0]]
        padding = -len(past) % size  # whole chunks, so that one program serves them all
        past, known = (
            np.concatenate([v, v[:1].repeat(padding, axis=0)]) for v in (past, known)
        )
        chunks = []
        with precision(data.dtype):
            for i in range(0, len(past), size):
                xs, us = jax.device_put((past[i : i + size], known[i : i + size]))
                chunks.append(_mean_rollout(self.networks, xs, us, steps, data.truncated))
        forecasts = np.concatenate([np.asarray(chunk) for chunk in chunks])[: len(contexts)]
        return data.scaler.inverse(forecasts.astype(np.float64))


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
