"""A forecast of one series, with its prediction intervals."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from throughtime._support.result_view import ResultView, current_axes
from throughtime.data.series import Series
from throughtime.errors import InputError, check_positive_integer
from throughtime.models.intervals import Intervals
from throughtime.stamps.time_axis import Times

from .backtest import json_rows
from .drift import Drift
from .pictures import draw_forecast
from .sample_paths import Dependence, probability_above, sample_paths

PAST = 40
"""Steps before the forecast that its picture shows at least; three times as many as its own."""


@dataclass(frozen=True, eq=False, repr=False)
class Forecast(ResultView):
    """A forecast of one series, with its prediction intervals.

    A notebook shows it as a picture and a table.

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
    dependence
        How the steps of a future hang together; see `sample`.
    remarks
        How the rows of the future inputs were found, if their table does not say.
    drift
        How the rows since the fit lie in the intervals that it promised; None if there are
        none. `drift.found` says that the series has changed.
    past
        The end of the series that it continues, for its picture.

    Examples
    --------
    >>> forecast = model.predict(12)                    # doctest: +SKIP
    >>> forecast.to_pandas()                            # doctest: +SKIP
    >>> forecast.plot().figure.savefig("forecast.png")  # doctest: +SKIP
    """

    mean: Float[np.ndarray, "steps target"]
    lower: Float[np.ndarray, "steps target"]
    upper: Float[np.ndarray, "steps target"]
    times: Times
    targets: tuple[str, ...]
    level: float
    name: str
    others: Intervals | None = None
    dependence: Dependence | None = None
    remarks: tuple[str, ...] = ()
    drift: Drift | None = None
    past: Series | None = None

    @classmethod
    def within(
        cls,
        intervals: Intervals,
        times: Times,
        targets: tuple[str, ...],
        level: float,
        name: str,
        dependence: Dependence | None = None,
        mean: Float[np.ndarray, "steps target"] | None = None,
    ) -> "Forecast":
        """A forecast with intervals of several levels, `(steps, target)` each.

        Its mean is their median by default.
        """
        lower, upper = intervals.at(level)
        mean = intervals.center if mean is None else mean
        return cls(mean, lower, upper, times, targets, level, name, intervals, dependence)

    def after(self, series: Series, remarks: tuple[str, ...] = ()) -> "Forecast":
        """The forecast with the end of the series that it continues, and remarks."""
        return replace(self, past=series[-max(PAST, 3 * len(self.mean)) :], remarks=remarks)

    def __repr__(self) -> str:
        stamps = self.times.labels()
        span = stamps[0] if len(stamps) == 1 else f"{stamps[0]} to {stamps[-1]}"
        steps = f"{len(stamps)} step" + "s" * (len(stamps) > 1)
        level = f"{100 * self.level:g} % interval"
        return f"Forecast({steps} of {', '.join(self.targets)}: {span}, with a {level})"

    def columns(self) -> dict[str, Any]:
        """The time, then mean, lower and upper bound of each target, as in `forecast.csv`."""
        found: dict[str, Any] = {self.times.column or "step": self.times.values()}
        for j, names in enumerate(self.column_names()):
            parts = self.mean[:, j], self.lower[:, j], self.upper[:, j]
            found |= zip(names, parts, strict=True)
        return found

    def column_names(self) -> list[tuple[str, str, str]]:
        """The names of the columns of each target, such as `y`, `y_lower_90`, `y_upper_90`."""
        level = f"{100 * self.level:.10g}"
        return [(t, f"{t}_lower_{level}", f"{t}_upper_{level}") for t in self.targets]

    def plot(self, axes: Any = None, *, target: int = 0) -> Any:
        """Draw the forecast after the end of the series, with its interval.

        Parameters
        ----------
        axes
            Matplotlib's axes; by default the current ones.
        target
            Index of the target.

        Returns
        -------
        Axes
            The axes, for what is to be added.
        """
        axes = current_axes(axes)
        draw_forecast(axes, self, target)
        return axes

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

    def sample(
        self, paths: int = 1000, seed: int = 0
    ) -> Float[np.ndarray, "path steps target"]:
        """Futures that are as likely as the intervals say; see `sample_paths`.

        Steps and targets depend on each other as the errors of past forecasts did, so sums,
        largest values and first passages can be read from them.

        Parameters
        ----------
        paths
            How many.
        seed
            The same seed, the same paths.

        Raises
        ------
        InputError
            If `paths` is below 1, or an interval is not known at every step.
        """
        check_positive_integer("paths", paths)
        dependence = self.dependence or Dependence(np.empty((0, *self.mean.shape)), 0.0)
        return sample_paths(self._known(), dependence, paths, seed)

    def probability(self, above: float | int) -> Float[np.ndarray, "steps target"]:
        """The probability of a value above a threshold, at each step."""
        return probability_above(self._known(), float(above))

    def _known(self) -> Intervals:
        """The intervals of the levels that are known at every step."""
        known = self.intervals.known()
        if not known.levels:
            rule = "sample paths and probabilities need an interval at every step"
            got = "lead times that the validation part is too short for"
            raise InputError(rule, got, "Forecast fewer steps, or raise `validation`.")
        return known

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
