"""What a method's forecasts of a backtest are worth, over all lead times."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from throughtime.models.intervals import Intervals, unknown_intervals

from . import metrics
from .rolling_origins import Forecasts


@dataclass(frozen=True, eq=False)
class Panel:
    """The series of a backtest.

    Attributes
    ----------
    names
        The name of each series.
    of_origin
        The number of the series of each origin.
    units
        The mean absolute error of naive forecasts in the part before the first origin, one
        step ahead, or a season where one shows: the unit of the MASE; see `naive_error`.
    """

    names: tuple[str, ...]
    of_origin: Int[np.ndarray, " origin"]
    units: Float[np.ndarray, "series target"]

    def scales(self) -> Float[np.ndarray, "origin 1 target"]:
        """The unit at each origin; NaN where a series does not vary, so that it has none."""
        units = np.where(self.units > 0, self.units, np.nan)
        return units[self.of_origin][:, None]

    def without_unit(self) -> list[str]:
        """The names of the series that have no unit, for a target or for all."""
        missing = ~(self.units > 0).all(axis=1)
        return [self.names[i] for i in np.flatnonzero(missing)]


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of one method, `(target,)` each; NaN where there is none.

    Attributes
    ----------
    mase
        The mean absolute error over the unit of each series.
    smape
        The symmetric mean absolute percentage error; see `metrics.smape`.
    coverage
        The share of the truth inside the intervals.
    winkler
        The Winkler score of the intervals; see `metrics.winkler`.
    crps
        The continuous ranked probability score; see `metrics.crps`.
    """

    mase: Float[np.ndarray, " target"]
    smape: Float[np.ndarray, " target"]
    coverage: Float[np.ndarray, " target"]
    winkler: Float[np.ndarray, " target"]
    crps: Float[np.ndarray, " target"]

    @classmethod
    def of(
        cls,
        truth: Forecasts,
        forecast: Forecasts,
        intervals: Intervals | None,
        level: float,
        scales: Float[np.ndarray, "origin 1 target"] | None,
        relative: bool,
    ) -> "Scores":
        """Score forecasts where the truth is known.

        Parameters
        ----------
        truth, forecast
            Measured and forecast values; NaN where nothing was measured.
        intervals
            Their intervals; None if there are none.
        level
            The level of those that are scored.
        scales
            The unit at each origin; None if it is not known.
        relative
            Whether Winkler score and CRPS are in these units, as for a panel.
        """
        found = []
        for c in range(truth.shape[-1]):
            y, f = truth[..., c], forecast[..., c]
            unit = np.broadcast_to(1.0 if scales is None else scales[..., c], y.shape)
            known = ~np.isnan(y)
            mase = smape = np.nan
            if known.any():
                smape = metrics.smape(y[known], f[known])
                mase = np.nan if scales is None else np.mean((np.abs(f - y) / unit)[known])
            scale = unit if relative else np.ones_like(y)
            rest = _of_intervals(y, intervals, c, level, scale, known)
            found.append((mase, smape, *rest))
        return cls(*(np.array(column, np.float64) for column in zip(*found, strict=True)))

    def to_json(self) -> dict[str, list[float | None]]:
        """The scores as lists over the targets; None where there is none."""
        return {
            name: [float(v) if np.isfinite(v) else None for v in getattr(self, name)]
            for name in SCORES
        }


SCORES = ("mase", "smape", "coverage", "winkler", "crps")


def naive_error(values: Float[np.ndarray, "time target"], period: int | None) -> np.ndarray:
    r"""The mean of $|y_t - y_{t-m}|$ over a training part, for the season m or 1; by target.

    References
    ----------
    Hyndman and Koehler, "Another look at measures of forecast accuracy", *International Journal
    of Forecasting* 22, 2006.
    """
    lag = period if period is not None and period < len(values) else 1
    if len(values) <= lag:
        return np.full(values.shape[1], np.nan)
    return np.abs(values[lag:] - values[:-lag]).mean(axis=0)


def _of_intervals(truth, intervals, target, level, scale, known):
    """Coverage, Winkler score and CRPS of the intervals of one target."""
    if intervals is None:
        return np.nan, np.nan, np.nan
    lower, upper = (bound[..., target] for bound in intervals.at(level))
    bounded = known & ~unknown_intervals(lower, upper)
    if not bounded.any():
        return np.nan, np.nan, np.nan
    y, s = truth[bounded], scale[bounded]
    a, b = lower[bounded], upper[bounded]
    coverage = np.mean((a <= y) & (y <= b))
    if not np.isfinite(a + b).all():
        return coverage, np.nan, np.nan  # a forecast that diverged is inside nothing
    winkler = metrics.winkler(y / s, a / s, b / s, level)
    quantiles = intervals.quantiles()[..., target, :]
    known = bounded & ~np.isinf(quantiles).any(axis=-1)
    if len(intervals.levels) < 3 or not known.any():
        return coverage, winkler, np.nan
    y, s = truth[known], scale[known]
    crps = metrics.crps(y / s, quantiles[known] / s[:, None], np.array(intervals.shares))
    return coverage, winkler, crps
