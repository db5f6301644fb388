"""`Forecaster`: a series in; a trained network, a forecast and its honest error out."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from . import baselines, conformal
from .backtest import Backtest, Origins
from .errors import InputError, nearest
from .methods import method
from .network import Architecture, Network
from .parts import Parts
from .rollout import rollout
from .series import Series, Times
from .settings import check_settings
from .tables import future_inputs, to_series
from .train import OnEpoch, Row, train

CHUNK = 512  # origins that are rolled out at a time, to bound memory


@dataclass(frozen=True, eq=False)
class Forecast:
    """A forecast of one series.

    - `mean`, `lower`, `upper`: `(steps, targets)`, in the units of the data. The interval is
      infinite at lead times for which the validation part is too short to calibrate it.
    - `times`: the time of each step. `targets`: their names. `level`: coverage asked for.
    - `name`: of the series.
    """

    mean: Float[np.ndarray, "steps target"]
    lower: Float[np.ndarray, "steps target"]
    upper: Float[np.ndarray, "steps target"]
    times: Times
    targets: tuple[str, ...]
    level: float
    name: str


@dataclass(eq=False)
class Forecaster:
    """Forecasts series with a recurrent network; a scikit-learn style estimator.

    >>> model = Forecaster(window=40, epochs=100)       # doctest: +SKIP
    >>> model.fit("sunspots.csv").predict(10).mean      # doctest: +SKIP

    **The network**

    - `cell`: `rnn`, `gru` or `lstm`; `activation`: of an `rnn`.
    - `hidden`, `depth`: units of a cell, and cells stacked.
    - `dense`: units of hidden dense layers (relu) before the readout.
    - `residual`: the network learns the change from the last value, not the value.
    - `init`: an initialisation by name. `ensemble`: networks whose forecasts are averaged.

    **The forecast**

    - `window`: steps that the network sees before it forecasts.
    - `horizon`: steps that it forecasts at once. With 1 its predictions are fed back
      (recursive); with as many as are asked for nothing is fed back (direct).
    - `truncated`: train along the whole series, state carried, gradient cut every `window`
      steps (truncated backpropagation), not on shuffled windows.
    - `level`: the coverage that intervals are calibrated for.

    **The training**

    - `loss`, `method`, `rate`, `clip`, `schedule`, `epochs`, `batch_size`, `patience`: as
      for `train`.
    - `test`, `validation`: the shares of the series that are held out: its last part, and
      the last part of the rest.
    - `dtype`: `float32` or `float64`. `seed`: of weights and shuffling.
    """

    cell: str = "gru"
    hidden: int = 32
    depth: int = 1
    activation: str = "tanh"
    dense: tuple[int, ...] = ()
    residual: bool = True
    init: str = "pytorch"
    ensemble: int = 3
    window: int = 40
    horizon: int = 1
    truncated: bool = False
    level: float = 0.9
    loss: str = "mse"
    method: str = "adam"
    rate: float | None = 3e-3
    clip: float | None = 1.0
    schedule: str = "constant"
    epochs: int = 100
    batch_size: int = 32
    patience: int | None = 20
    test: float = 0.2
    validation: float = 0.2
    dtype: str = "float32"
    seed: int = 0

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings by name, as scikit-learn asks for them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def set_params(self, **settings: Any) -> "Forecaster":
        """Change settings by name.

        **Raises:** `InputError` for an unknown name.
        """
        for name, value in settings.items():
            if name not in self.get_params():
                rule = "every setting must be a known one"
                raise InputError(rule, f"`{name}`", nearest(name, self.get_params()))
            setattr(self, name, value)
        return self

    def fit(
        self,
        data: Any,
        *,
        target: str | Sequence[str] | None = None,
        inputs: Sequence[str] = (),
        time: str | None = None,
        id: str | None = None,
        fill: str | None = None,
        start: tuple[Any, list[Row]] | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> "Forecaster":
        """Train on the training part of one or several series.

        **Arguments:**

        - `data`: a `Series`, an array `(time,)` or `(time, feature)`, a CSV or Parquet file,
          a pandas, Polars or PyArrow table, or a list of these.
        - `target`, `inputs`, `time`, `id`, `fill`: columns and gaps, as for `to_series`.
        - `start`, `on_epoch`: as for `train`, to resume and to watch.

        **Raises:** `InputError` for settings or data that cannot be used, `Diverged`.
        """
        settings = check_settings(self.get_params())
        series = to_series(data, target=target, inputs=inputs, time=time, id=id, fill=fill)
        with self._precision():
            parts = Parts.of(
                series,
                settings.validation,
                settings.test,
                settings.window,
                settings.horizon,
                settings.truncated,
                settings.dtype,
            )
            architecture = self._architecture(parts)
            validation = parts.validation()
            fitted = train(
                architecture.ensemble(self.ensemble, jax.random.key(self.seed)),
                parts.train(self.batch_size),
                self.loss,
                method(self.method, self.rate, clip=self.clip),
                epochs=self.epochs,
                batch_size=self.batch_size,
                validation=validation,
                patience=None if validation is None else self.patience,
                schedule=self.schedule,
                ensemble=self.ensemble,
                key=jax.random.key(self.seed + 1),
                start=start,
                on_epoch=on_epoch,
            )
        self.architecture_, self.parts_, self.fitted_ = architecture, parts, fitted
        return self

    def predict(
        self, steps: int, data: Any = None, *, inputs: Any = None
    ) -> Forecast | list[Forecast]:
        """Forecast the steps after the end of the series.

        **Arguments:**

        - `steps`: how many.
        - `data`: a new stretch of the series to continue, at least `window` steps, with the
          columns of the fitted one; the fitted series by default.
        - `inputs`: the inputs of the steps ahead, a table or an array `(steps, input)`.

        **Returns:** a `Forecast`; a list of them if there are several series.

        **Raises:** `InputError` if the network is not fitted or inputs are missing.
        """
        self._must_be_fitted(steps)
        everything = self.parts_.series if data is None else self._as_fitted(data)
        margins = self._margins(steps)
        forecasts = [self._continue(series, steps, inputs, margins) for series in everything]
        return forecasts[0] if len(forecasts) == 1 else forecasts

    def backtest(self, data: Any = None, *, steps: int = 10) -> Backtest:
        """Forecast from every origin of the held-out part, and measure the error.

        **Arguments:**

        - `data`: other series to forecast, from every origin; by default the part of the
          fitted series that was held out as `test`.
        - `steps`: the longest lead time.

        **Returns:** a `Backtest`, with persistence, seasonal persistence and a ridge
        autoregression beside the network.

        **Raises:** `InputError` if there are fewer rows than steps.
        """
        self._must_be_fitted(steps)
        parts, shown = self.parts_, self.parts_.context
        period = parts.period()
        origins = self._origins(data, max(shown, period or 0), steps)
        past = origins.contexts[:, -shown:]
        inputs = origins.inputs[:, -shown - steps :]
        linear = parts.ridge().predict(
            parts.scaler.transform(past), steps, parts.input_scaler.transform(inputs[:, shown:])
        )
        forecasts = {
            "network": self._rollouts(past, inputs, steps),
            "ridge autoregression": parts.scaler.inverse(linear),
            "persistence": baselines.persistence(past, steps),
        }
        if period is not None:
            seasonal = baselines.seasonal_persistence(origins.contexts, steps, period)
            forecasts["seasonal persistence"] = seasonal
        names = parts.series[0].target_names
        margins = self._margins(steps)
        return Backtest.judge(origins.truth, forecasts, margins, self.level, period, names)

    @property
    def network_(self) -> Network:
        """The trained ensemble: weights with a leading axis over its members."""
        return self.fitted_.network

    @property
    def history_(self) -> list[Row]:
        """A row for each epoch of each member."""
        return self.fitted_.history

    def _architecture(self, parts: Parts) -> Architecture:
        targets, inputs = len(parts.scaler.mean), len(parts.input_scaler.mean)
        return Architecture(
            input_size=targets + self.horizon * inputs,
            output_size=self.horizon * targets,
            cell=self.cell,
            hidden=self.hidden,
            depth=self.depth,
            activation=self.activation,
            dense=tuple(self.dense),
            last=not self.truncated,
            residual=targets if self.residual else 0,
            init=self.init,
            dtype=self.dtype,
        )

    def _precision(self):
        return jax.enable_x64(True) if self.dtype == "float64" else nullcontext()

    def _must_be_fitted(self, steps: int) -> None:
        if not hasattr(self, "fitted_"):
            rule = "a forecaster must be fitted before it forecasts"
            raise InputError(rule, "one that is not", "Call `fit` first.")
        if steps < 1:
            raise InputError("`steps` must be at least 1", steps, "Raise `steps`.")

    def _as_fitted(self, data: Any) -> list[Series]:
        """Other data, with the columns that the network was fitted to."""
        known = self.parts_.series[0]
        series = to_series(
            data,
            target=list(known.target_names),
            inputs=list(known.input_names),
            time=known.times.column,
        )
        for one in series:
            if len(one) < self.parts_.context:
                rule = f"new data must hold at least {self.parts_.context} steps of context"
                raise InputError(rule, f"{len(one)} steps", "Pass more of the series.")
        return series

    def _origins(self, data: Any, context: int, steps: int) -> Origins:
        """Where a backtest forecasts from."""
        parts = self.parts_
        if data is None:
            pairs = list(zip(parts.series, parts.splits, strict=True))
            longest = max(split.total - split.validation for split in parts.splits)
            if longest == 0:
                rule = "a backtest needs data that was held out"
                raise InputError(rule, "`test=0`", "Fit with `test=0.2`, or pass other data.")
            bounds = [(one, split.validation, split.total) for one, split in pairs]
        else:
            bounds = [(one, context, len(one)) for one in self._as_fitted(data)]
            longest = max(len(one) - context for one, _, _ in bounds)
        if steps > longest:
            rule = "`steps` must not be longer than the part that is tested"
            raise InputError(rule, f"{steps} of {max(longest, 0)} steps", "Lower `steps`.")
        return Origins.join(
            [Origins.between(*bound, context, steps, whole=True) for bound in bounds]
        )

    def _margins(self, steps: int) -> Float[np.ndarray, "steps target"]:
        """Half the width of the intervals, calibrated on the validation parts."""
        parts, context = self.parts_, self.parts_.context
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
        forecasts = self._rollouts(origins.contexts, origins.inputs, reach)
        known = conformal.margins(origins.truth - forecasts, self.level)
        return np.concatenate([known, beyond])

    def _continue(
        self,
        series: Series,
        steps: int,
        inputs: Any,
        margins: Float[np.ndarray, "steps target"],
    ) -> Forecast:
        shown = self.parts_.context
        ahead = future_inputs(inputs, series, steps)
        known = np.concatenate([series.inputs[-shown:], ahead])
        mean = self._rollouts(series.targets[None, -shown:], known[None], steps)[0]
        return Forecast(
            mean,
            mean - margins,
            mean + margins,
            series.times.after(steps),
            series.target_names,
            self.level,
            series.name,
        )

    def _rollouts(self, contexts: np.ndarray, inputs: np.ndarray, steps: int) -> np.ndarray:
        """The ensemble's mean forecast from every origin, in the units of the data."""
        parts = self.parts_
        past = parts.scaler.transform(contexts).astype(self.dtype)
        known = parts.input_scaler.transform(inputs).astype(self.dtype)
        size = min(CHUNK, len(past))
        fill = -len(past) % size  # whole chunks, so that one program serves them all
        past, known = (np.concatenate([v, v[:1].repeat(fill, axis=0)]) for v in (past, known))
        chunks = []
        with self._precision():
            for i in range(0, len(past), size):
                part = jnp.asarray(past[i : i + size]), jnp.asarray(known[i : i + size])
                chunks.append(_mean_rollout(self.network_, *part, steps, self.truncated))
        forecasts = np.concatenate([np.asarray(chunk) for chunk in chunks])[
            : len(contexts)
        ].astype(np.float64)
        return parts.scaler.inverse(forecasts)


@eqx.filter_jit
def _mean_rollout(
    networks: Network,
    past: Float[Array, "origin time target"],
    known: Float[Array, "origin time+steps input"],
    steps: int,
    carry: bool,
) -> Float[Array, "origin steps target"]:
    params, static = eqx.partition(networks, eqx.is_inexact_array)

    def one(member):
        return rollout(eqx.combine(member, static), past, steps, known, carry=carry)

    return jnp.mean(jax.lax.map(one, params), axis=0)
