"""What a trained network says of the future: forecasts, their intervals, their error."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from throughtime._support.precision import precision
from throughtime.data.series import Series, Times
from throughtime.data.tables import future_inputs
from throughtime.errors import InputError
from throughtime.recurrence.network import Network
from throughtime.recurrence.rollout import rollout

from . import baselines, intervals
from .backtest import Backtest, Origins, plain
from .splits import Parts

CHUNKS = (64, 512)  # origins rolled out at a time: few sizes to compile, bounded memory


@dataclass(frozen=True, eq=False)
class Forecast:
    """A forecast of one series.

    Attributes
    ----------
    mean, lower, upper
        `(steps, targets)`, in the units of the data. The interval is infinite at lead times for
        which the validation part is too short to calibrate it.
    times
        The time of each step.
    targets
        Their names.
    level
        Coverage asked for.
    name
        Of the series.
    """

    mean: Float[np.ndarray, "steps target"]
    lower: Float[np.ndarray, "steps target"]
    upper: Float[np.ndarray, "steps target"]
    times: Times
    targets: tuple[str, ...]
    level: float
    name: str

    def to_json(self) -> dict[str, Any]:
        """As a plain dictionary; None where an interval is infinite."""
        return {
            "series": self.name,
            "targets": list(self.targets),
            "time": self.times.labels(),
            "mean": plain(self.mean),
            "lower": plain(self.lower),
            "upper": plain(self.upper),
            "level": self.level,
        }


@dataclass(frozen=True, eq=False)
class Predictor:
    """A trained ensemble and the data it was trained on.

    Attributes
    ----------
    networks
        Weights with a leading axis over the members.
    parts
        The series, their splits and scalers.
    level
        Coverage asked for.
    """

    networks: Network
    parts: Parts
    level: float

    def forecast(
        self, series: list[Series] | None, steps: int, inputs: Any = None
    ) -> list[Forecast]:
        """Continue each series (those it was trained on by default) beyond its end."""
        series = self.parts.series if series is None else series
        ahead = [future_inputs(inputs, one, steps) for one in series]
        margins = self.margins(steps)
        pairs = zip(series, ahead, strict=True)
        return [self._continue(one, known, steps, margins) for one, known in pairs]

    def backtest(self, series: list[Series] | None, steps: int) -> Backtest:
        """Forecast from every origin of the test parts, or of other series."""
        parts, shown = self.parts, self.parts.context
        period = parts.period()
        each = self._origins(series, max(shown, period or 0), steps)
        origins = Origins.join(each)
        origins.check()
        past = origins.contexts[:, -shown:]
        inputs = origins.inputs[:, -shown - steps :]
        linear = parts.ridge().predict(
            parts.scaler.transform(past), steps, parts.input_scaler.transform(inputs[:, shown:])
        )
        forecasts = {
            "network": self.rollouts(past, inputs, steps),
            "ridge autoregression": parts.scaler.inverse(linear),
        }
        if period is not None:
            seasonal = baselines.seasonal_persistence(origins.contexts, steps, period)
            forecasts["seasonal persistence"] = seasonal
        forecasts["persistence"] = baselines.persistence(past, steps)
        names = parts.series[0].target_names
        margins = self.margins(steps)
        counts = sum(part.judged > 0 for part in each), len(each)
        return Backtest.judge(
            origins.truth, forecasts, margins, self.level, period, names, counts
        )

    def _origins(self, series: list[Series] | None, context: int, steps: int) -> list[Origins]:
        """Where a backtest forecasts from in each series: of a fitted one, its test part."""
        pairs = zip(self.parts.series, self.parts.splits, strict=True)
        bounds = held = [(one, split.validation, split.total) for one, split in pairs]
        if series is not None:
            fitted = {bound[0].fingerprint(): bound for bound in held}
            bounds = [fitted.get(s.fingerprint(), (s, context, len(s))) for s in series]
        longest = max(end - first for _, first, end in bounds)
        if longest < 1 and all(bound in held for bound in bounds):
            rule = "a backtest needs data that was held out"
            raise InputError(rule, "`test=0`", "Fit with `test=0.2`, or pass other data.")
        if longest < 1:
            rule = f"data to test on must hold more than the {context} steps of context"
            raise InputError(rule, f"{context + longest}", "Pass more of the series.")
        if steps > longest:
            rule = "`steps` must not be longer than the part that is tested"
            raise InputError(rule, f"{steps} of {longest} steps", "Lower `steps`.")
        return [Origins.between(*bound, context, steps, whole=True) for bound in bounds]

    def margins(self, steps: int) -> Float[np.ndarray, "steps target"]:
        """Half the width of the intervals, calibrated on the validation parts."""
        parts, context = self.parts, self.parts.context
        widest = max(split.validation - split.train for split in parts.splits)
        reach = min(steps, widest)
        beyond = np.full((steps - reach, len(parts.scaler.mean)), np.inf)
        if reach == 0:
            return beyond
        origins = Origins.join(
            [
                Origins.between(one, split.train, split.validation, context, reach, whole=False)
                for one, split in zip(parts.series, parts.splits, strict=True)
            ]
        )
        forecasts = self.rollouts(origins.contexts, origins.inputs, reach)
        # A forecast that diverged to NaN is infinitely wrong, not missing.
        sound = np.where(np.isnan(forecasts), np.inf, forecasts)
        known = intervals.margins(origins.truth - sound, self.level)
        return np.concatenate([known, beyond])

    def _continue(
        self,
        series: Series,
        ahead: Float[np.ndarray, "steps input"],
        steps: int,
        margins: Float[np.ndarray, "steps target"],
    ) -> Forecast:
        shown = self.parts.context
        known = np.concatenate([series.inputs[-shown:], ahead])
        mean = self.rollouts(series.targets[None, -shown:], known[None], steps)[0]
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
        """The ensemble's mean forecast from every origin, in the units of the data."""
        parts = self.parts
        past = parts.scaler.transform(contexts).astype(parts.dtype)
        known = parts.input_scaler.transform(inputs).astype(parts.dtype)
        size = CHUNKS[len(past) > CHUNKS[0]]
        fill = -len(past) % size  # whole chunks, so that one program serves them all
        past, known = (np.concatenate([v, v[:1].repeat(fill, axis=0)]) for v in (past, known))
        chunks = []
        with precision(parts.dtype):
            for i in range(0, len(past), size):
                xs, us = jax.device_put((past[i : i + size], known[i : i + size]))
                chunks.append(_mean_rollout(self.networks, xs, us, steps, parts.truncated))
        forecasts = np.concatenate([np.asarray(chunk) for chunk in chunks])[
            : len(contexts)
        ].astype(np.float64)
        return parts.scaler.inverse(forecasts)


@eqx.filter_jit
def _mean_rollout(
    networks: Network,
    past: Float[Array, "origin time target"],
    known: Float[Array, "origin span input"],
    steps: int,
    carry: bool,
) -> Float[Array, "origin steps target"]:
    params, static = eqx.partition(networks, eqx.is_inexact_array)

    def one(member):
        return rollout(eqx.combine(member, static), past, steps, known, carry=carry)

    return jnp.mean(jax.lax.map(one, params), axis=0)
