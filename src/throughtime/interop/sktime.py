"""A forecaster of sktime: `ThroughtimeForecaster`."""

import warnings
from typing import Any

import numpy as np

from throughtime.errors import InputError
from throughtime.forecasting.forecast import Forecast
from throughtime.forecasting.forecaster import Forecaster

from .pandas_series import (
    appended,
    check_counted,
    framed,
    inputs_ahead,
    joined_table,
    quantile_table,
)

try:
    from sktime.forecasting.base import BaseForecaster, ForecastingHorizon
except ImportError:
    raise InputError(
        "the forecaster of sktime needs the package `sktime`",
        "an environment without it",
        "Install it with `pip install sktime`.",
    ) from None


class ThroughtimeForecaster(BaseForecaster):
    """A `throughtime.Forecaster` as a forecaster of sktime.

    Several columns are forecast together, inputs `X` are known ahead, and intervals and
    quantiles are those of the forecaster. `update` trains the networks a little further
    (`throughtime.Forecaster.update`), and with `update_params=False` only reads the new rows.
    Steps before the cutoff are not predicted.

    Parameters
    ----------
    model
        The forecaster and its settings; it is copied, not fitted. By default a
        `throughtime.Forecaster` that holds nothing out, as sktime evaluates by itself.

    Attributes
    ----------
    model_
        The fitted forecaster.

    Examples
    --------
    >>> from throughtime.interop.sktime import ThroughtimeForecaster
    >>> from sktime.datasets import load_airline
    >>> y = load_airline()
    >>> forecaster = ThroughtimeForecaster().fit(y, fh=[1, 2, 3])    # doctest: +SKIP
    >>> forecaster.predict_interval(coverage=0.9)                    # doctest: +SKIP
    """

    _tags = {  # noqa: RUF012
        "authors": "throughtime developers",
        "maintainers": "throughtime developers",
        "python_dependencies": "throughtime",
        "y_inner_mtype": "pd.DataFrame",
        "X_inner_mtype": "pd.DataFrame",
        "capability:multivariate": True,
        "capability:exogenous": True,
        "capability:categorical_in_X": True,
        "capability:insample": False,
        "capability:pred_int": True,
        "capability:pred_int:insample": False,
        "capability:missing_values": False,
        "capability:non_contiguous_X": False,
        "capability:update": True,
        "requires-fh-in-fit": False,
    }

    def __init__(self, model: Forecaster | None = None):
        self.model = model
        with warnings.catch_warnings():
            # Of rows that sktime will keep no longer: they are kept here.
            warnings.simplefilter("ignore", FutureWarning)
            super().__init__()

    def _fit(self, y: Any, X: Any, fh: Any) -> Any:
        chosen = Forecaster(test=0.0) if self.model is None else self.model
        check_counted(y.index)
        self._rows, self._inputs, self._learned = y, X, len(y)
        table, roles = joined_table(y, X)
        self.model_ = type(chosen)(**chosen.get_params()).fit(table, verbose=False, **roles)
        return self

    def _update(self, y: Any, X: Any = None, update_params=True):
        self._rows = appended(self._rows, y)
        if self._inputs is not None and X is not None:
            self._inputs = appended(self._inputs, X)
        known = self._known()
        if update_params and len(known) > self._learned:
            self.model_.update(joined_table(known, self._inputs)[0])
            self._learned = len(known)
        return self

    def _predict(self, fh: Any, X: Any) -> Any:
        forecast, at, index = self._forecast(fh, X)
        return framed(forecast.mean[at], index, self._rows.columns)

    def _predict_quantiles(self, fh: Any, X: Any, alpha: list[float]):
        forecast, at, index = self._forecast(fh, X)
        quantiles = [forecast.quantile(share)[at] for share in alpha]
        return quantile_table(quantiles, alpha, self._get_varnames(), index)

    def _forecast(self, fh: Any, X: Any) -> tuple[Forecast, np.ndarray, Any]:
        """The forecast up to the longest step, the steps asked for, and their index."""
        at = fh.to_relative(self.cutoff).to_numpy().astype(int) - 1
        steps = int(at.max()) + 1
        ahead = ForecastingHorizon(range(1, steps + 1)).to_absolute_index(self.cutoff)
        known = self._known()
        inputs = None if self._inputs is None else inputs_ahead(X, ahead)
        data = None
        if len(known) != self._learned:
            data = joined_table(known, self._inputs)[0]
        forecast: Any = self.model_.predict(steps, data, inputs=inputs)
        return forecast, at, fh.to_absolute_index(self.cutoff)

    def _known(self) -> Any:
        """The rows up to the cutoff."""
        return self._rows.loc[: self.cutoff[0]]

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Settings with which sktime tests the forecaster: they are fitted in no time."""
        quick = {
            "hidden": 2,
            "ensemble": 1,
            "epochs": 1,
            "window": 4,
            "washout": 1,
            "test": 0.0,
        }
        alone = {"core": None, "prior": None}
        return [{"model": Forecaster(**quick, **alone)}, {"model": Forecaster(**quick)}]
