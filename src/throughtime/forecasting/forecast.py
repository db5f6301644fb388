"""A forecast of one series, with its prediction intervals."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from throughtime.data.time_axis import Times

from .backtest import json_rows
from .intervals import Intervals


@dataclass(frozen=True, eq=False)
class Forecast:
    """A forecast of one series, with its prediction intervals.

    Attributes
    ----------
    mean
        The forecast, `(steps, target)`, in the units of the data.
    lower, upper
        Bounds of the prediction interval of `level`, of the same shape. They are infinite at
        lead times for which the validation part is too short to calibrate the interval.
    times
        The time of each step.
    targets
        Names of the targets.
    level
        Nominal coverage of the interval.
    name
        Name of the series.
    others
        Intervals of other levels, from which those of any level follow.
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
    others: Intervals | None = None
    remarks: tuple[str, ...] = ()

    @classmethod
    def within(
        cls,
        intervals: Intervals,
        times: Times,
        targets: tuple[str, ...],
        level: float,
        name: str,
    ) -> "Forecast":
        """A forecast with intervals of several levels, `(steps, target)` each."""
        lower, upper = intervals.at(level)
        return cls(intervals.center, lower, upper, times, targets, level, name, intervals)

    @property
    def intervals(self) -> Intervals:
        """The intervals of every level that was made."""
        if self.others is not None:
            return self.others
        return Intervals((self.level,), self.mean, self.lower[None], self.upper[None])

    def interval(
        self, level: float | int
    ) -> tuple[Float[np.ndarray, "steps target"], Float[np.ndarray, "steps target"]]:
        """The bounds of the interval of any level; see `Intervals.at`."""
        return self.intervals.at(level)

    def quantile(self, share: float | int) -> Float[np.ndarray, "steps target"]:
        """The quantile of any share; see `Intervals.quantile`."""
        return self.intervals.quantile(share)

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
            "quantiles": {
                f"{share:.4g}": json_rows(self.quantile(share))
                for share in self.intervals.shares
            },
        }
