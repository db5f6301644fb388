"""`Component`: what every model of one series offers, so that forecasts can be combined."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int


@runtime_checkable
class Component(Protocol):
    """A fitted model of one series, which forecasts from any origin."""

    @property
    def name(self) -> str:
        """Its name in tables, such as `autoregression`."""
        ...

    def forecast(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """Forecast from each origin, by what is known there.

        Parameters
        ----------
        values
            The series, in its own unit, without NaN.
        origins
            How many of the values are known at each origin, at least 1.
        steps
            The longest lead time.

        Returns
        -------
        array
            Entry `[i, k]` is the forecast of `values[origins[i] + k]` from
            `values[:origins[i]]`. It is finite, and no later value has a part in it.
        """
        ...


@runtime_checkable
class QuantileComponent(Component, Protocol):
    """A model that also says how likely what is."""

    def quantiles(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps quantile"]:
        """Quantiles of the values after each origin; see `Prior.quantiles`."""
        ...

    def center(
        self, quantiles: Float[np.ndarray, "origin steps quantile"]
    ) -> Float[np.ndarray, "origin steps"]:
        """Its forecast, of which these are the quantiles."""
        ...
