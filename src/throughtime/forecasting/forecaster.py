"""`Forecaster`: from series to a forecast with intervals, and a backtest."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from throughtime._support.compilation_cache import use_compilation_cache
from throughtime.data.datasets import named_dataset
from throughtime.data.loading import to_series
from throughtime.data.series import Series
from throughtime.errors import InputError, check_positive_integer
from throughtime.models.traits import Recipe
from throughtime.recurrence.network import Network
from throughtime.recurrence.own_cell import CellSource
from throughtime.runs import forecast_record
from throughtime.training.epoch import TrainState
from throughtime.training.history import History, Row
from throughtime.training.progress import fit_progress
from throughtime.training.settings import Settings, check_combination, check_settings
from throughtime.training.train import OnEpoch

from . import saved_forecaster
from .backtest import Backtest
from .combined_predictor import CombinedPredictor
from .ensemble_training import EnsembleTraining, TrainedEnsemble, architecture
from .estimator import Estimator, check_no_targets
from .forecast import Forecast
from .predict import Predictor
from .reservoir_settings import completed
from .short_series import settings_for
from .splits import SplitData
from .statistical_baselines import check_installed
from .updating import update


@dataclass(eq=False, repr=False)
class Forecaster(TrainedEnsemble, Estimator):
    """Forecasts series with recurrent networks; a scikit-learn style estimator.

    A forecast combines a linear core, a recurrent prior that has learned from synthetic series,
    and networks that are trained on the series; see `Combination`. With `core=None, prior=None`
    it is that of the networks alone.

    Parameters
    ----------
    cell
        `rnn`, `gru`, `lstm`, or `esn`, an echo state network. The weights of an `esn` are
        random and only its readout is fitted, by regression; it takes no `method`, `loss`,
        `rate` or other setting of a training by gradient. Or your own; see `Architecture`.
    hidden, depth
        Units of a cell (32; of an `esn` up to 300), and number of cells, stacked.
    activation
        Activation function of an `rnn`: `tanh`, `relu`, `logistic` or `identity`.
    radius, leak, input_scale, ridge
        Spectral radius, leak rate and scale of the input weights of an `esn` (see `EchoState`),
        and the penalty on its readout, on the mean over steps. What is not given of these,
        `hidden`, `residual`, `centred` and `truncated`, an `esn` finds by its free runs.
    dense
        Units of each hidden dense layer (relu) before the readout.
    residual
        Learn the change from the last value, not the value itself; by default not.
    centred
        Measure every window from its first value, so that a trend does not carry the series
        out of the range of the training part; by default so. Not with `truncated`.
    init
        Name of the initialisation; see `Initialisation`.
    ensemble
        Number of networks of different seeds, trained as one program; their mean forecasts.
    window
        Steps that the networks read before they forecast; fewer on a series too short for 40.
    washout
        First steps of a window whose predictions carry no loss. It must be shorter than
        `window`; the default is shortened where it is not.
    horizon
        Steps that the networks forecast at once. With 1, predictions are fed back (a recursive
        forecast); with as many as are forecast, nothing is fed back (a direct forecast).
    truncated
        Train along the whole series with the state carried, and the gradient cut every `window`
        steps (truncated backpropagation through time); by default not.
    level
        Nominal coverage of the prediction intervals.
    core
        `linear`: autoregressions, direct linear models and exponential smoothing; or None.
    prior
        `recurrent`: the prior that is shipped with the package; or None.
    season
        A season in steps, or several, for core and prior; 1 for none. By default it is found.
    transform
        `none` or `log`, for core and prior; by default what the series asks for.
    lower
        A bound that no forecast passes, or `none`. By default it is 0 where the series reaches
        0, or counts, and never lies below. Networks alone have no bound.
    refit
        Whether core and weights of a forecast beyond the end follow from all values.
    loss, method
        Names of the loss and of the training method; see `train`.
    rate
        Learning rate; if None, 3e-3 for Adam and the method's own default otherwise.
    clip
        Largest norm of the gradient, for the methods that follow it; None for no limit.
    forcing
        How far training feeds back predictions in place of measured values (teacher forcing);
        see `train`.
    schedule
        Schedule of the learning rate: `constant`, `cosine` or `plateau`.
    epochs
        Largest number of passes over the training part.
    batch_size
        Windows in a batch, or streams read side by side.
    patience
        Epochs without a lower validation loss after which a network stops; None to go on.
    test, validation
        Share of the series, at its end, that is held out for testing, and of what remains.
    dtype
        `float32` or `float64`.
    seed
        Seed of the weights and of the shuffling.

    Examples
    --------
    >>> model = Forecaster(window=40, epochs=100)       # doctest: +SKIP
    >>> model.fit("sunspots").predict(10).plot()        # doctest: +SKIP
    """

    cell: str | CellSource = "gru"
    hidden: int | None = None
    depth: int = 1
    activation: str = "tanh"
    radius: float | int | None = None
    leak: float | int | None = None
    input_scale: float | int | None = None
    ridge: float | int | None = None
    dense: tuple[int, ...] = ()
    residual: bool | None = None
    centred: bool | None = None
    init: str = "pytorch"
    ensemble: int = 5
    window: int = 40
    washout: int = 10
    horizon: int = 1
    truncated: bool | None = None
    level: float = 0.9
    core: str | None = "linear"
    prior: str | None = "recurrent"
    season: int | tuple[int, ...] | None = None
    transform: str | None = None
    lower: float | str | None = None
    refit: bool = True
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

    def fit(
        self,
        data: Any,
        y: Any = None,
        *,
        target: str | Sequence[str] | None = None,
        inputs: Sequence[str] = (),
        verbose: bool | None = None,
        on_epoch: OnEpoch | None = None,
        **reading: Any,
    ) -> "Forecaster":
        """Train on the training part of one or several series.

        Parameters
        ----------
        data
            A `Series`, an array `(time,)` or `(time, feature)`, a file with a table, a table of
            pandas, Polars, PyArrow, xarray or Darts, or a list of these; or the name of a
            bundled series, such as `sunspots` (see `load_dataset`).
        y
            Not used: the targets are in `data`. A `Pipeline` of scikit-learn passes it.
        target, inputs, reading
            Roles of the columns (`time`, `id`, `past_inputs`, `static`), the `calendar`, how
            to fill gaps (`fill`), and to read stamps and numbers; see `to_series`.
        verbose
            Whether a bar shows the progress; by default on a terminal and in a notebook.
        on_epoch
            `on_epoch(state, history)` is called after each epoch, with the state of the
            training and its rows so far; the training ends if it returns True.

        Raises
        ------
        InputError
            For settings or data that cannot be used.
        Diverged
            If the training diverges.
        """
        check_no_targets(y)
        self.prepare(data, target=target, inputs=inputs, **reading)
        with fit_progress(self.epochs, verbose, on_epoch) as after_epoch:
            return self.train(on_epoch=after_epoch)

    def prepare(self, data: Any, **roles: Any) -> "Forecaster":
        """The first half of `fit`, with its arguments: check settings; read and split data."""
        settings = check_settings(self.get_params())
        check_combination(self.get_params(), {f.name: f.default for f in fields(self)})
        series = to_series(named_dataset(data), **roles)
        settings = settings_for(series, settings, Forecaster.window)
        return self._split(series, settings)

    def _split(self, series: list[Series], settings: Settings) -> "Forecaster":
        """Split and scale the series by settings that were checked."""
        data = SplitData.of(
            series,
            settings.validation,
            settings.test,
            settings.window,
            settings.horizon,
            bool(settings.truncated),
            settings.dtype,
            short=settings.core is not None or settings.prior is not None,
        )
        settings = completed(settings, data)
        self.data_ = replace(data, truncated=bool(settings.truncated))
        self.architecture_ = architecture(settings, self.data_)
        self.settings_ = settings.model_dump()
        self.__dict__.pop("fitted_", None)  # it was fitted to other data
        self._forget()
        return self

    def _forget(self) -> None:
        """Drop what was fitted for forecasts, as that holds forecasts of earlier networks."""
        self.models_: dict[Any, Any] = {}
        self.early_: dict[Any, Any] = {}
        self.residuals_: dict[tuple[str, int], Any] = {}

    def train(
        self,
        *,
        start: tuple[TrainState, list[Row]] | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> "Forecaster":
        """The second half of `fit`; `start` and `on_epoch` as for `throughtime.train`."""
        self.fitted_ = self._training().run(start, on_epoch)
        self._forget()
        self.origin_: dict[str, Any] = {}  # this training has no run on disk yet
        return self

    update = update

    def _training(self) -> EnsembleTraining:
        given = {k: v for k, v in self.get_params().items() if v is not None and k != "window"}
        settings = check_settings({**self.settings_, **given})
        return EnsembleTraining(settings, self.architecture_, self.data_)

    def predict(
        self, steps: int, data: Any = None, *, inputs: Any = None, fill: str | None = None
    ) -> Forecast | list[Forecast]:
        """Forecast the steps after the end of the series.

        Parameters
        ----------
        steps
            Number of steps.
        data
            Another stretch of the series to continue, of at least `window` steps and with the
            columns of the fitted one; the fitted series by default.
        inputs
            Inputs of the steps ahead, a table or an array `(steps, input)`.
        fill
            How to fill gaps in `data`; see `to_series`.

        Returns
        -------
        Forecast or list of Forecast
            A list if there are several series.

        Raises
        ------
        InputError
            If the forecaster is not fitted, or inputs are missing.
        """
        predictor, steps = self.predictor(steps), int(steps)
        series = None if data is None else self.data_.read_new(data, fill)
        forecasts = predictor.forecast(series, steps, inputs)
        return forecasts[0] if len(forecasts) == 1 else forecasts

    def backtest(
        self,
        data: Any = None,
        *,
        steps: int | None = None,
        fill: str | None = None,
        statistical: bool = False,
    ) -> Backtest:
        """Forecast from every origin of the test part, and measure the errors.

        Parameters
        ----------
        data
            Other series to forecast from every origin; by default the test part of the fitted
            one, which is also all that is evaluated of that one.
        steps
            The longest lead time; by default 10, or what the data allow.
        fill
            How to fill gaps in `data`; what was filled is never judged.
        statistical
            Whether AutoARIMA, AutoETS and AutoTheta of `statsforecast` stand among the
            baselines. Of several series, one that they do not fit repeats its last value.

        Returns
        -------
        Backtest
            The errors of the forecast, of its parts and of the baselines.

        Raises
        ------
        InputError
            If there are fewer rows than steps.
        """
        self._check_fitted()
        if statistical:
            check_installed()
        series = None if data is None else self.data_.read_new(data, fill)
        if steps is None:
            steps = max(1, min(10, self.predictor(1).longest_test(series)))
        return self.predictor(steps).backtest(series, int(steps), statistical)

    def predictor(self, steps: int) -> Predictor | CombinedPredictor:
        """What forecasts the data, checked to forecast `steps` steps."""
        use_compilation_cache()
        self._check_fitted()
        check_positive_integer("steps", steps)
        now = check_settings(self.get_params())
        network = Predictor(self.network_, self.data_, now.level, self.residuals_)
        recipe = Recipe.of(now.core, now.prior, now.season, now.transform, now.lower)
        if not (recipe.core or recipe.prior):
            return network
        return CombinedPredictor(network, recipe, self.refit, self.models_, self.early_)

    @property
    def network_(self) -> Network:
        """The trained ensemble: weights with a leading axis over its members."""
        return self.fitted_.network

    @property
    def history_(self) -> History:
        """The history of the training, with a row for each epoch of each member."""
        return History(self.fitted_.history)

    def _check_fitted(self) -> None:
        if not hasattr(self, "fitted_"):
            rule = "a forecaster must be fitted before it forecasts"
            raise InputError(rule, "one that is not", "Call `fit` first.")

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the weights, data, settings and history to a folder, all of it or nothing.

        Raises
        ------
        InputError
            If the folder is in use or cannot be written.
        """
        self._check_fitted()
        saved_forecaster.save(self, Path(folder), overwrite)

    @classmethod
    def load(cls, folder: str | Path, *, cell: CellSource | None = None) -> "Forecaster":
        """Read a forecaster that was saved; with its cell, if that is one of your own.

        Nothing in the folder is executed.

        Raises
        ------
        InputError
            If the folder holds no run, or one that is damaged or not trained to its end, and
            for another `cell` than the one it was trained with.
        """
        return cls.from_record(saved_forecaster.read(Path(folder), cell), Path(folder))

    def record(self, **more: Any) -> forecast_record.ForecastRecord:
        """What a run stores of this forecaster; see `saved_forecaster.to_record`."""
        return saved_forecaster.to_record(self, **more)

    @classmethod
    def from_record(cls, record: forecast_record.ForecastRecord, folder: Path) -> "Forecaster":
        """The forecaster of a record, with its weights if it was trained to its end."""
        settings = check_settings(record.settings)
        model = cls(**settings.model_dump())._split(to_series(record.series), settings)
        saved_forecaster.restore(model, record, folder)
        return model


def load(folder: str | Path, *, cell: CellSource | None = None) -> Forecaster:
    """Read a forecaster that was saved; see `Forecaster.load`."""
    return Forecaster.load(folder, cell=cell)
