"""A model of Darts: `ThroughtimeModel`."""

from __future__ import annotations  # the site is built without Darts: no union of its types

from collections.abc import Sequence
from typing import Any

import numpy as np

from throughtime.errors import InputError
from throughtime.forecasting.forecaster import Forecaster

from .pandas_series import framed, inputs_ahead, joined_table

try:
    from darts import TimeSeries
    from darts.models.forecasting.forecasting_model import GlobalForecastingModel
except ImportError:
    raise InputError(
        "the model of Darts needs the package `darts`",
        "an environment without it",
        "Install it with `pip install darts`.",
    ) from None

LEAST = 10
"""Rows from which linear core and prior forecast in `historical_forecasts`."""


class ThroughtimeModel(GlobalForecastingModel):
    """A `throughtime.Forecaster` as a global model of Darts.

    It learns from one series or several, of one component or several, with past and future
    covariates, and forecasts any number of steps; with `num_samples` it draws sample paths
    (see `Forecast.sample`). `historical_forecasts`, `backtest` and `residuals` of Darts run it,
    with and without `retrain`.

    Parameters
    ----------
    model
        The forecaster and its settings; it is copied, not fitted. By default a
        `throughtime.Forecaster` that holds nothing out, as Darts evaluates by itself.

    Attributes
    ----------
    model_
        The fitted forecaster.

    Examples
    --------
    >>> from throughtime.interop.darts import ThroughtimeModel
    >>> model = ThroughtimeModel().fit(series)                  # doctest: +SKIP
    >>> model.predict(12, num_samples=500).quantile(0.9)        # doctest: +SKIP
    """

    def __init__(self, model: Forecaster | None = None):
        super().__init__(add_encoders=None)
        self.model = model
        self._settings = Forecaster(test=0.0) if model is None else model

    def fit(
        self,
        series: TimeSeries | Sequence[TimeSeries],
        past_covariates: TimeSeries | Sequence[TimeSeries] | None = None,
        future_covariates: TimeSeries | Sequence[TimeSeries] | None = None,
        verbose: bool | None = None,
    ) -> ThroughtimeModel:
        """Train on one series or several; see `Forecaster.fit`.

        Parameters
        ----------
        series
            The series, without missing values.
        past_covariates
            What is known up to the origin of a forecast, for each series.
        future_covariates
            What is known ahead, for each series.
        verbose
            Whether a bar shows the progress.

        Raises
        ------
        InputError
            For series or settings that cannot be used.
        """
        super().fit(series, past_covariates, future_covariates, verbose)
        each = _aligned(series, past_covariates, future_covariates)
        tables, roles = zip(*(joined_table(*one) for one in each), strict=True)
        model = type(self._settings)(**self._settings.get_params())
        self.model_ = model.fit([*tables], verbose=bool(verbose), **roles[0])
        return self

    def predict(
        self,
        n: int,
        series: TimeSeries | Sequence[TimeSeries] | None = None,
        past_covariates: TimeSeries | Sequence[TimeSeries] | None = None,
        future_covariates: TimeSeries | Sequence[TimeSeries] | None = None,
        num_samples: int = 1,
        verbose: bool | None = None,
        predict_likelihood_parameters: bool = False,
        show_warnings: bool = True,
        random_state: int | None = None,
    ) -> TimeSeries | list[TimeSeries]:
        """Forecast the steps after the end of each series.

        Parameters
        ----------
        n
            Number of steps.
        series
            The series to continue; by default the one that was fitted.
        past_covariates, future_covariates
            As for `fit`; those of the future up to the last step.
        num_samples
            1 for the forecast, more for so many sample paths.
        random_state
            The same number, the same paths.
        verbose, predict_likelihood_parameters, show_warnings
            As Darts passes them; there are no likelihood parameters.

        Raises
        ------
        InputError
            For series that cannot be continued, and covariates that lack a step.
        """
        if series is None:
            series = self.training_series
            own = self.past_covariate_series, self.future_covariate_series
            past_covariates = own[0] if past_covariates is None else past_covariates
            future_covariates = own[1] if future_covariates is None else future_covariates
        super().predict(
            n, series, past_covariates, future_covariates, num_samples, verbose,
            predict_likelihood_parameters, show_warnings, random_state,
        )  # fmt: skip
        if series is None:
            rule = "a model of several series must be told which to continue"
            raise InputError(rule, "no `series`", "Pass it to `predict`.")
        seed = int(np.random.default_rng(random_state).integers(2**31))
        each = _aligned(series, past_covariates, future_covariates)
        found = []
        for one, (y, known, past) in zip(_listed(series), each, strict=True):
            index = self._generate_new_dates(n, one)
            data, _ = joined_table(y, known, past)
            forecast: Any = self.model_.predict(n, data, inputs=inputs_ahead(known, index))
            values = forecast.mean
            if num_samples > 1:
                values = np.moveaxis(forecast.sample(num_samples, seed), 0, -1)
            found.append(self._build_forecast_series(values, one))
        return found[0] if isinstance(series, TimeSeries) else found

    @property
    def supports_multivariate(self) -> bool:
        """Whether series of several components are forecast."""
        return True

    @property
    def supports_past_covariates(self) -> bool:
        """Whether past covariates are read."""
        return True

    @property
    def supports_future_covariates(self) -> bool:
        """Whether future covariates are read."""
        return True

    @property
    def supports_sample_weight(self) -> bool:
        """Whether steps can be weighted."""
        return False

    @property
    def supports_probabilistic_prediction(self) -> bool:
        """Whether `num_samples` may be larger than 1."""
        return True

    @property
    def supports_optimized_historical_forecasts(self) -> bool:
        """Whether Darts may forecast from all origins without `predict`."""
        return False

    @property
    def extreme_lags(self) -> tuple[Any, ...]:
        """Steps before and after an origin that a forecast reads; any number is forecast."""
        past = (-self._context, -1) if self.uses_past_covariates else (None, None)
        future = (-self._context, 0) if self.uses_future_covariates else (None, None)
        return -self._context, -1, *past, *future, 0

    @property
    def min_train_samples(self) -> int:
        """Windows that a training needs."""
        return 1 + self._settings.horizon + self._context // 2

    @property
    def _context(self) -> int:
        """Steps that must be known: a window of networks alone, a few of all else."""
        settings = self._settings
        alone = settings.core is None and settings.prior is None
        return settings.window if alone else min(settings.window, LEAST)

    @property
    def _target_window_lengths(self) -> tuple[int, int]:
        return self._context, 0

    @property
    def _model_encoder_settings(self) -> tuple[Any, ...]:
        return None, None, False, False, None, None


def _aligned(series: Any, past: Any, future: Any) -> list[tuple[Any, Any, Any]]:
    """Frames of each series: targets, what is known ahead, and what is not."""
    count = len(_listed(series))
    parts = []
    for role, given in (("series", series), ("future", future), ("past", past)):
        each = [None] * count if given is None else _listed(given)
        if len(each) != count:
            rule = f"`{role}_covariates` must have a series for each of {count}"
            raise InputError(rule, f"{len(each)}", "Pass as many, in the same order.")
        parts.append([None if one is None else frame_of(one) for one in each])
    return list(zip(*parts, strict=True))


def frame_of(series: TimeSeries) -> Any:
    """The values of a series with its index and the names of its components.

    Raises
    ------
    InputError
        For a series of sample paths.
    """
    if not series.is_deterministic:
        rule = "a series must have one value for each step and component"
        got = f"{series.n_samples} samples"
        raise InputError(rule, got, "Pass `series.mean()`, or one of its quantiles.")
    return framed(series.values(copy=False), series.time_index, series.components)


def _listed(series: Any) -> list[TimeSeries]:
    return [series] if isinstance(series, TimeSeries) else list(series)
