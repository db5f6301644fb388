"""`Forecaster`: a series in; a trained network, a forecast and its honest error out."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from shlex import quote
from typing import Any

import equinox as eqx

from throughtime._support.integrity import damaged
from throughtime._support.precision import precision
from throughtime.data.series import Series
from throughtime.data.tables import to_series
from throughtime.errors import InputError, nearest
from throughtime.recurrence.network import Architecture, Network
from throughtime.runs import forecast_record, run_folder
from throughtime.training.batches import Data
from throughtime.training.checkpoint import unflatten
from throughtime.training.epoch import TrainState
from throughtime.training.methods import training_method
from throughtime.training.objective import Method
from throughtime.training.settings import Settings, check_asked, check_settings
from throughtime.training.train import Fitted, OnEpoch, Row, first_state, train

from .backtest import Backtest
from .predict import Forecast, Predictor
from .splits import Parts

MOST_WEIGHTS = 2_000_000_000  # of an ensemble; more is a mistake, found before memory is


@dataclass(eq=False)
class Forecaster:
    """Forecasts series with a recurrent network; a scikit-learn style estimator.

    **The network**

    Attributes
    ----------
    cell
        `rnn`, `gru`, `lstm`, or `esn`, an echo state network: its cell is drawn and only its
        readout is fitted, by regression. `method` and the like it does not take.
    radius, leak, input_scale
        Of an `esn`, see `EchoState`.
    activation
        Of an `rnn`.
    hidden, depth
        Units of a cell, and cells stacked.
    dense
        Units of hidden dense layers (relu) before the readout.
    residual
        The network learns the change from the last value, not the value.
    centred
        Every window is measured from its first value, so that a trend does not carry the series
        out of what was trained on (not with `truncated`, where a series is not cut into
        windows).
    init
        An initialisation by name.
    ensemble
        Networks of different seeds, trained as one program, whose forecasts are averaged; the
        intervals are of the average.
    window
        Steps that the network sees before it forecasts.
    washout
        The first steps of a window, after which its predictions are trained; fewer than
        `window`, but for the default: in a short window it leaves the last step.
    horizon
        Steps that it forecasts at once. With 1 its predictions are fed back (recursive); with
        as many as are asked for nothing is fed back (direct).
    truncated
        Train along the whole series, state carried, gradient cut every `window` steps
        (truncated backpropagation), not on shuffled windows.
    level
        The coverage that intervals are calibrated for.
    loss, method, forcing, schedule, epochs, batch_size, patience
        As for `train`.
    rate
        3e-3 for Adam, else the method's own, if None.
    clip
        Of the gradient's norm, for the methods that follow it.
    test, validation
        The shares of the series that are held out: its last part, and the last part of the
        rest.
    dtype
        `float32` or `float64`.
    seed
        Of weights and shuffling.

    Notes
    -----
    **The forecast**

    **The training**

    Examples
    --------
    >>> model = Forecaster(window=40, epochs=100)       # doctest: +SKIP
    >>> model.fit("sunspots.csv").predict(10).mean      # doctest: +SKIP
    """

    cell: str = "gru"
    hidden: int = 32
    depth: int = 1
    activation: str = "tanh"
    radius: float | int = 0.9
    leak: float | int = 1.0
    input_scale: float | int = 1.0
    dense: tuple[int, ...] = ()
    residual: bool = False
    centred: bool = True
    init: str = "pytorch"
    ensemble: int = 5
    window: int = 40
    washout: int = 10
    horizon: int = 1
    truncated: bool = False
    level: float = 0.9
    loss: str = "mse"
    method: str = "adam"
    rate: float | None = None
    clip: float | None = 1.0
    forcing: str = "full"
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

        Raises
        ------
        InputError
            For an unknown name.
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
    ) -> "Forecaster":
        """Train on the training part of one or several series.

        Parameters
        ----------
        data
            A `Series`, an array `(time,)` or `(time, feature)`, a CSV or Parquet file, a
            pandas, Polars or PyArrow table, or a list of these.
        target, inputs, time, id, fill
            Columns and gaps, as for `to_series`.

        Raises
        ------
        InputError
            For settings or data that cannot be used.
        Diverged
        """
        self.prepare(data, target=target, inputs=inputs, time=time, id=id, fill=fill)
        return self.train()

    def prepare(
        self,
        data: Any,
        *,
        target: str | Sequence[str] | None = None,
        inputs: Sequence[str] = (),
        time: str | None = None,
        id: str | None = None,
        fill: str | None = None,
    ) -> "Forecaster":
        """The first half of `fit`: read, check, split and scale the data."""
        settings = check_settings(self.get_params())
        check_asked(self.get_params(), {f.name: f.default for f in fields(self)})
        series = to_series(data, target=target, inputs=inputs, time=time, id=id, fill=fill)
        return self._split(series, settings)

    def _split(self, series: list[Series], of: Settings) -> "Forecaster":
        """Split and scale series by settings that were checked."""
        shape = of.window, of.horizon, of.truncated, of.dtype
        self.parts_ = Parts.of(series, of.validation, of.test, *shape)
        self.architecture_ = self._architecture(self.parts_)
        self.settings_ = of.model_dump()
        self.__dict__.pop("fitted_", None)  # of other data: should training fail, it must go
        return self

    def train(
        self,
        *,
        start: tuple[TrainState, list[Row]] | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> "Forecaster":
        """The second half of `fit`; `start` and `on_epoch` as for `train.train`."""
        with precision(self.dtype):
            data, validation = self._data()
            if self.cell == "esn":
                from throughtime.reservoir.readout import (
                    fit_readouts,  # here: SciPy takes a while to load
                )

                self.fitted_ = fit_readouts(self._to_train(), data, validation=validation)
            else:
                self.fitted_ = train(
                    self._to_train(),
                    data,
                    self.loss,
                    self._method(),
                    epochs=self.epochs,
                    batch_size=self.batch_size,
                    validation=validation,
                    patience=None if validation is None else self.patience,
                    schedule=self.schedule,
                    forcing=self.forcing,
                    ensemble=self.ensemble,
                    key=self.seed + 1,
                    start=start,
                    on_epoch=on_epoch,
                )
        self.origin_: dict[str, Any] = {}  # what is trained now is not what was loaded
        return self

    def first_state(self) -> TrainState:
        """The state of the training before its first epoch, the shape of a checkpoint.

        Raises
        ------
        InputError
            For what `train` would refuse.
        """
        with precision(self.dtype):
            self._data()
            return first_state(self._to_train(), self._method(), ensemble=self.ensemble)

    def predict(
        self, steps: int, data: Any = None, *, inputs: Any = None
    ) -> Forecast | list[Forecast]:
        """Forecast the steps after the end of the series.

        Parameters
        ----------
        steps
            How many.
        data
            A new stretch of the series to continue, at least `window` steps, with the columns
            of the fitted one; the fitted series by default.
        inputs
            The inputs of the steps ahead, a table or an array `(steps, input)`.

        Returns
        -------
        Forecast | list[Forecast]
            A `Forecast`; a list of them if there are several series.

        Raises
        ------
        InputError
            If the network is not fitted or inputs are missing.
        """
        predictor = self.predictor(steps)
        series = None if data is None else self.parts_.alike(data)
        forecasts = predictor.forecast(series, steps, inputs)
        return forecasts[0] if len(forecasts) == 1 else forecasts

    def backtest(self, data: Any = None, *, steps: int = 10) -> Backtest:
        """Forecast from every origin of the held-out part, and measure the error.

        Parameters
        ----------
        data
            Other series to forecast, from every origin; by default the part of the fitted
            series that was held out as `test`. Of a fitted series that is passed, too, only
            that part is judged.
        steps
            The longest lead time.

        Returns
        -------
        Backtest
            A `Backtest`, with persistence, seasonal persistence and a ridge autoregression
            beside the network.

        Raises
        ------
        InputError
            If there are fewer rows than steps.
        """
        predictor = self.predictor(steps)
        return predictor.backtest(None if data is None else self.parts_.alike(data), steps)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the run to a folder: weights, data, settings, history; see `run`.

        Raises
        ------
        InputError
            If the folder is in use or cannot be written.
        """
        self._must_be_fitted()
        forecast_record.write(run_folder.claim(Path(folder), overwrite), self.record())

    @classmethod
    def load(cls, folder: str | Path) -> "Forecaster":
        """Read a forecaster that was saved. Nothing in the folder is executed.

        Raises
        ------
        InputError
            If the run is not finished, not whole or not one.
        """
        record = forecast_record.read(folder)
        if record.params is None:
            rule = "a run must be trained to its end before it forecasts"
            remedy = f"Resume it with `throughtime resume {quote(str(folder))}`."
            raise InputError(rule, f"`{folder}`, which is not", remedy)
        return cls.from_record(record, Path(folder))

    def record(self, **more: Any) -> forecast_record.Record:
        """What is stored of this forecaster; `more` are other fields of a `Record`.

        One that was loaded keeps the options, command and versions of its run.
        """
        more = getattr(self, "origin_", {}) | more
        fitted = getattr(self, "fitted_", None)
        if fitted is not None:
            more |= {
                "params": eqx.filter(fitted.network, eqx.is_inexact_array),
                "history": fitted.history,
                "stopped": fitted.stopped,
                "best_epochs": fitted.best_epochs,
            }
        parts = self.parts_
        scalers = {"targets": parts.scaler.to_json(), "inputs": parts.input_scaler.to_json()}
        return forecast_record.Record(
            self.settings_, self.architecture_, parts.series, scalers=scalers, **more
        )

    @classmethod
    def from_record(cls, record: forecast_record.Record, folder: Path) -> "Forecaster":
        """The forecaster of a record, with its weights if it was trained to the end."""
        settings = check_settings(record.settings)
        model = cls(**settings.model_dump())._split(to_series(record.series), settings)
        if model.architecture_ != record.architecture:
            raise damaged(folder / "run.json", "its architecture is not that of its settings")
        if record.params is not None:
            if sum(v.size for v in record.params.values()) < model.fewest_weights():
                raise damaged(folder / "weights.safetensors", "it holds too few weights")
            with precision(model.dtype):
                like, static = eqx.partition(model.untrained(), eqx.is_inexact_array)
                params = unflatten(like, record.params, folder / "weights.safetensors")
                network = eqx.combine(params, static)
            stopped = record.stopped or ""
            model.fitted_ = Fitted(network, record.history, record.best_epochs, stopped)
            model.origin_ = {k: getattr(record, k) for k in ("options", "command", "versions")}
        return model

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
            radius=self.radius,
            leak=self.leak,
            input_scale=self.input_scale,
            dense=tuple(self.dense),
            residual=targets if self.residual else 0,
            centred=targets if self.centred and not self.truncated else 0,
            init=self.init,
            dtype=self.dtype,
        )

    def training_data(self) -> Data:
        """What is trained on: windows or streams of the scaled series."""
        washout = min(self.washout, self.window - 1)  # the default is for longer windows
        return self.parts_.train(self.batch_size, washout)

    def _data(self) -> tuple[Data, Data | None]:
        """What is trained and validated on."""
        validation = self.parts_.validation()
        if validation is None and self.schedule == "plateau":
            rule = "the plateau schedule needs a part held out for validation"
            remedy = "Raise `validation` (`--validation`), or choose another `schedule`."
            raise InputError(rule, f"`validation` {self.validation:g}", remedy)
        return self.training_data(), validation

    def _to_train(self) -> Network:
        """The networks before a training, which must fit into memory."""
        if self.cell == "esn":
            from throughtime.reservoir.readout import check_memory  # here: as above

            check_memory(self.architecture_, self.ensemble)
        return self.untrained()

    def untrained(self) -> Network:
        """The networks before their training."""
        if self.fewest_weights() > MOST_WEIGHTS:
            rule = f"the networks must have fewer than {MOST_WEIGHTS:,} weights"
            got = f"`hidden` {self.hidden}, `depth` {self.depth}, `ensemble` {self.ensemble}"
            raise InputError(rule, got, "Lower these, or `dense`.")
        return self.architecture_.ensemble(self.ensemble, self.seed)

    def fewest_weights(self) -> int:
        """A bound from below on the weights of all networks."""
        return self.ensemble * self.architecture_.fewest_weights()

    def _method(self) -> Method:
        return training_method(self.method, self.rate, self.clip)

    def _must_be_fitted(self) -> None:
        if not hasattr(self, "fitted_"):
            rule = "a forecaster must be fitted before it forecasts"
            raise InputError(rule, "one that is not", "Call `fit` first.")

    def predictor(self, steps: int) -> Predictor:
        """The trained network and its data, to forecast up to `steps` steps."""
        self._must_be_fitted()
        if steps < 1:
            raise InputError("`steps` must be at least 1", steps, "Raise `steps`.")
        return Predictor(self.network_, self.parts_, self.level)


def load(folder: str | Path) -> Forecaster:
    """Read a forecaster that was saved; see `Forecaster.load`."""
    return Forecaster.load(folder)
