"""Errors of forecasts from rolling origins at each lead time, beside those of baselines."""

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Shaped

from throughtime._support.result_view import ResultView, current_axes, picture
from throughtime.models.intervals import Intervals, unknown_intervals

from .error_table import error_table
from .pictures import draw_errors
from .rolling_origins import Forecasts, evaluated_count
from .scores import Panel, Scores


@dataclass(frozen=True, eq=False, repr=False)
class Backtest(ResultView):
    """Forecasts from rolling origins, and their errors at each lead time.

    A notebook shows it as a picture and a table.

    Forecasts and errors are by method: the one that is judged first (`combination`, or the
    `network` alone), then its parts, then the baselines. Lead times count
    from 1. Of several series, every error is in units of the series' naive error (see `Panel`),
    so that none outweighs the others by its unit. A series that does not vary before its test
    part has no such unit: it is left out of the figures over all series.

    Attributes
    ----------
    truth
        Measured values after each origin, in the units of the data; NaN where the value is not
        known, which is left out of every error.
    forecasts
        Forecasts of each method from the same origins, in the units of the data.
    rmse
        Root mean squared error of each method at each lead time.
    mae
        Mean absolute error of each method at each lead time.
    scores
        MASE, sMAPE, coverage, Winkler score and CRPS of each method.
    intervals
        The prediction intervals of each method that has some.
    coverage
        Share of the true values that lie inside the intervals; NaN where there is no interval.
    level
        Nominal coverage of the intervals.
    period
        Period of seasonal persistence in steps; None if the series show no season, or several.
    targets
        Names of the targets.
    series_counts
        Number of series that were evaluated, and number of series in all.
    panel
        The series, and which of them each origin belongs to.
    """

    truth: Forecasts
    forecasts: dict[str, Forecasts]
    rmse: dict[str, Float[np.ndarray, "steps target"]]
    mae: dict[str, Float[np.ndarray, "steps target"]]
    scores: dict[str, Scores]
    intervals: dict[str, Intervals]
    coverage: Float[np.ndarray, "steps target"]
    level: float
    period: int | None
    targets: tuple[str, ...]
    series_counts: tuple[int, int] = (1, 1)
    panel: Panel | None = None

    @classmethod
    def from_forecasts(
        cls,
        truth: Forecasts,
        forecasts: dict[str, Forecasts],
        intervals: dict[str, Intervals],
        level: float,
        period: int | None,
        targets: tuple[str, ...],
        series_counts: tuple[int, int] = (1, 1),
        panel: Panel | None = None,
    ) -> "Backtest":
        """Measure the errors of forecasts, and the coverage of the intervals."""
        relative = panel is not None and len(panel.names) > 1
        scales = None if panel is None else panel.scales()
        unit = scales if relative and scales is not None else 1.0
        judged = np.where(np.isnan(unit), np.nan, truth)
        known = ~np.isnan(judged)  # a forecast that is NaN does count
        errors = {name: (forecast - judged) / unit for name, forecast in forecasts.items()}
        rmse = {name: np.sqrt(mean(error**2, known)) for name, error in errors.items()}
        mae = {name: mean(np.abs(error), known) for name, error in errors.items()}
        scores = {
            name: Scores.of(judged, one, intervals.get(name), level, scales, relative)
            for name, one in forecasts.items()
        }
        coverage = np.full(truth.shape[1:], np.nan)
        around = intervals.get(next(iter(forecasts)))
        if around is not None:
            lower, upper = around.at(level)
            bounded = known & ~unknown_intervals(lower, upper)
            coverage = mean((lower <= truth) & (truth <= upper), bounded)
        return cls(
            truth,
            forecasts,
            rmse,
            mae,
            scores,
            intervals,
            coverage,
            level,
            period,
            targets,
            series_counts,
            panel,
        )

    def __repr__(self) -> str:
        means = {name: float(np.mean(errors)) for name, errors in self.rmse.items()}
        judged = f"RMSE {means.pop(self.method):.4g} ({self.method})"
        others = [(value, name) for name, value in means.items() if name in self.baselines()]
        if others:
            judged += f", {min(others)[0]:.4g} (best baseline: {min(others)[1]})"
        unit = " in naive errors" if self.relative else ""
        steps = f"{self.steps} step" + "s" * (self.steps > 1)
        origins = f"{self.origins} origin" + "s" * (self.origins > 1)
        return f"Backtest({steps} from {origins}: {judged}{unit})"

    def columns(self) -> dict[str, Any]:
        """Errors by method, target and lead time, a row for each."""
        targets, leads = len(self.targets), self.steps
        return {
            "method": [name for name in self.rmse for _ in range(targets * leads)],
            "target": [t for _ in self.rmse for t in self.targets for _ in range(leads)],
            "lead": np.tile(np.arange(1, leads + 1), targets * len(self.rmse)),
            "rmse": np.concatenate([errors.T.ravel() for errors in self.rmse.values()]),
            "mae": np.concatenate([errors.T.ravel() for errors in self.mae.values()]),
        }

    def plot(self, axes: Any = None, *, target: int = 0) -> Any:
        """Draw the RMSE of each method against the lead time.

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
        draw_errors(axes, self, target)
        return axes

    def _repr_html_(self) -> str:
        table = f'<pre style="font-family: monospace">{escape(self.table())}</pre>'
        return f"<p>{escape(repr(self))}</p>{picture(self)}{table}"  # notebooks change `pre`

    @property
    def method(self) -> str:
        """The method that is judged; the others are its parts, and baselines."""
        return "combination" if "combination" in self.forecasts else "network"

    @property
    def relative(self) -> bool:
        """Whether errors are in units of each series' naive error, as for several series."""
        return self.panel is not None and len(self.panel.names) > 1

    @property
    def without_unit(self) -> list[str]:
        """The series that are left out of the figures over several: they have no unit."""
        return self.panel.without_unit() if self.panel is not None and self.relative else []

    def baselines(self) -> list[str]:
        """The methods that are neither judged nor a part of the one that is."""
        own = ("combination", "prior", "linear core", "network")
        return [name for name in self.rmse if name not in own]

    def interval(self, origin: int) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds from one origin, `(steps, target)` each."""
        lower, upper = self.intervals[self.method].at(self.level)
        return lower[origin], upper[origin]

    @property
    def margins(self) -> Float[np.ndarray, "steps target"]:
        """Half the width of the intervals, as a mean over the origins."""
        if self.method not in self.intervals:
            return np.full(self.truth.shape[1:], np.inf)
        lower, upper = self.intervals[self.method].at(self.level)
        bounded = ~unknown_intervals(lower, upper)
        with np.errstate(invalid="ignore"):  # a forecast that diverged has no width
            width = mean(upper - lower, bounded)
        return np.where(bounded.any(axis=0), width / 2, np.inf)

    @property
    def steps(self) -> int:
        """The longest lead time."""
        return self.truth.shape[1]

    @property
    def origins(self) -> int:
        """Number of origins whose forecasts were evaluated."""
        return evaluated_count(self.truth)

    def nmse(self, method: str | None = None, lead: int = 1) -> Float[np.ndarray, " target"]:
        """Mean squared error at a lead time, over the variance of the truth there.

        NaN where the truth does not vary, as at a single origin. Of several series, both are
        in units of each, and the variance is around the mean of each.
        """
        truth = self.truth[:, lead - 1]
        if self.relative and self.panel is not None:
            truth = _centred(truth, self.panel.of_origin) / self.panel.scales()[:, 0]
        known = ~np.isnan(truth)
        variance = mean((truth - mean(truth, known)) ** 2, known)
        mse = self.rmse[method or self.method][lead - 1] ** 2
        return mse / np.where(variance > 0, variance, np.nan)

    def mean_coverage(self) -> float:
        """Coverage of the intervals, averaged over the lead times that have one."""
        known = np.isfinite(self.coverage)
        return float(self.coverage[known].mean()) if known.any() else float("nan")

    def selected_lead_times(self) -> list[int]:
        """A few lead times for a table: 1, 2, 5, 10, 20, 50, ... and the last."""
        round_numbers = [m * 10**k for k in range(6) for m in (1, 2, 5)]
        return [k for k in round_numbers if k < self.steps] + [self.steps]

    def by_series(self) -> "dict[str, Backtest]":
        """The backtest of each series by its name, with errors in the units of the data.

        Series from which nothing was evaluated are left out.
        """
        panel = self.panel
        if panel is None:
            return {}
        return {
            name: self._of_series(panel, i)
            for i, name in enumerate(panel.names)
            if (panel.of_origin == i).any()
        }

    def _of_series(self, panel: Panel, i: int) -> "Backtest":
        rows = panel.of_origin == i
        own = Panel((panel.names[i],), np.zeros(rows.sum(), int), panel.units[[i]])
        return Backtest.from_forecasts(
            self.truth[rows],
            {name: one[rows] for name, one in self.forecasts.items()},
            {
                name: Intervals(
                    one.levels, one.center[rows], one.lower[:, rows], one.upper[:, rows]
                )
                for name, one in self.intervals.items()
            },
            self.level,
            self.period,
            self.targets,
            panel=own,
        )

    def to_json(self) -> dict:
        """The measures as a plain dictionary, with a list for each lead time."""
        found = {
            "origins": self.origins,
            "steps": self.steps,
            "targets": list(self.targets),
            "period": self.period,
            "unit": "naive error of each series" if self.relative else "data",
            "rmse": {k: json_rows(v) for k, v in self.rmse.items()},
            "mae": {k: json_rows(v) for k, v in self.mae.items()},
            "nmse_one_step": {k: json_rows(self.nmse(k)[None])[0] for k in self.forecasts},
            "scores": {name: one.to_json() for name, one in self.scores.items()},
            "coverage": json_rows(self.coverage),
            "level": self.level,
        }
        if self.relative:
            found["series"] = {
                name: {
                    "origins": one.origins,
                    "rmse": {k: json_rows(v.mean(0)[None])[0] for k, v in one.rmse.items()},
                    "scores": one.scores[one.method].to_json(),
                }
                for name, one in self.by_series().items()
            }
        return found

    def table(self, target: int = 0) -> str:
        """RMSE of each method at a few lead times, and its scores over all of them."""
        return error_table(self, target)


def mean(
    values: Shaped[np.ndarray, "origin *shape"], known: Bool[np.ndarray, "origin *shape"]
) -> Float[np.ndarray, "*shape"]:
    """The mean over the origins of what is known; NaN where nothing is."""
    count = known.sum(axis=0)
    total = np.sum(values, axis=0, where=known)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _centred(
    values: Float[np.ndarray, "origin target"], groups: np.ndarray
) -> Float[np.ndarray, "origin target"]:
    """Values minus the mean of their group."""
    known = ~np.isnan(values)
    number = int(groups.max()) + 1
    sums = np.zeros((number, values.shape[1]))
    counts = np.zeros_like(sums)
    np.add.at(sums, groups, np.where(known, values, 0.0))
    np.add.at(counts, groups, known)
    return values - (sums / np.maximum(counts, 1))[groups]


def json_rows(values: np.ndarray) -> list:
    """Nested lists with None in place of NaN and infinity, which JSON does not have."""
    return [[v if np.isfinite(v) else None for v in row] for row in values.tolist()]
