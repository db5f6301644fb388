"""The baselines' forecasts of series that are split: what one would use instead."""

from dataclasses import dataclass
from functools import cached_property

from throughtime.data.series import Series
from throughtime.models import baselines

from .rolling_origins import Forecasts, RollingOrigins
from .splits import SplitData


@dataclass(frozen=True, eq=False)
class Baselines:
    """Persistence, seasonal persistence and a ridge autoregression, fitted to training parts.

    Attributes
    ----------
    data
        The series, their splits and scalers.
    """

    data: SplitData

    @cached_property
    def ridge(self) -> baselines.Ridge:
        """One autoregression of all series, each in units of its own."""
        return self.data.fit_ridge()

    def names(self) -> list[str]:
        """The names of the baselines that apply to these series."""
        seasonal = [] if set(self.data.periods) == {None} else ["seasonal persistence"]
        return ["ridge autoregression", *seasonal, "persistence"]

    def forecasts(
        self, series: Series, origins: RollingOrigins, steps: int
    ) -> dict[str, Forecasts]:
        """Forecasts of each baseline from some origins of a series, by name.

        Where a series shows no season, or fewer values are known than the autoregression has
        lags, the last value is repeated.
        """
        last = baselines.persistence(origins.contexts, steps)
        found = {"ridge autoregression": self._ridge(series, origins, steps, last)}
        if "seasonal persistence" in self.names():
            period = self.data.period_of(series)
            found["seasonal persistence"] = last
            if period is not None and period <= origins.contexts.shape[1]:
                seasonal = baselines.seasonal_persistence(origins.contexts, steps, period)
                found["seasonal persistence"] = seasonal
        return found | {"persistence": last}

    def _ridge(self, series, origins, steps, last):
        data = self.data
        if origins.contexts.shape[1] < self.ridge.lags:
            return last
        scaler = data.scaler_of(series, int(origins.rows[0]))
        past = data.scaled(origins.measured[:, -self.ridge.lags :], scaler)
        ahead = data.input_scaler.transform(origins.inputs[:, -steps:])
        found = self.ridge.predict(past, steps, ahead)
        return scaler.inverse(found[..., : len(scaler.mean)])
