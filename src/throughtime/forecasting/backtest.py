"""Errors of forecasts from rolling origins at each lead time, beside those of baselines."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from throughtime.data.series import Series
from throughtime.errors import InputError

Forecasts = Float[np.ndarray, "origin steps target"]


@dataclass(frozen=True, eq=False)
class RollingOrigins:
    """The origins of a series' forecasts, with what is known and what is to come at each.

    Attributes
    ----------
    contexts
        Values up to each origin.
    inputs
        Inputs of the context and of the steps ahead.
    truth
        Values after each origin. NaN beyond the end of the evaluated part, where a value was
        filled in, and after an origin whose own value was filled in: an interpolated value
        depends on the values that follow it.
    """

    contexts: Float[np.ndarray, "origin context target"]
    inputs: Float[np.ndarray, "origin span input"]
    truth: Forecasts

    @classmethod
    def between(
        cls, series: Series, first: int, end: int, context: int, steps: int, complete: bool
    ) -> "RollingOrigins":
        """Every origin whose first step ahead lies in rows `[first, end)` of a series.

        An origin needs `context` rows before it and, if `complete`, all of its `steps` before
        `end`. The context may begin before `first`: those rows are known by then.
        """
        last = end - steps if complete else end - 1
        starts = np.arange(max(first, context), last + 1)  # the row of the first step ahead
        before = starts[:, None] + np.arange(-context, 0)
        after = starts[:, None] + np.arange(steps)
        rows = np.minimum(after, len(series) - 1)
        measured = np.expand_dims(after < end, -1)
        if series.filled_at is not None:
            at_origin = series.filled_at[starts - 1, None].any(axis=-1, keepdims=True)
            measured = measured & ~series.filled_at[rows] & ~at_origin
        truth = np.where(measured, series.targets[rows], np.nan)
        inputs = series.inputs[np.concatenate([before, rows], axis=1)]
        return cls(series.targets[before], inputs, truth)

    @classmethod
    def join(cls, parts: "list[RollingOrigins]") -> "RollingOrigins":
        """The origins of several series as one."""
        return cls(
            np.concatenate([part.contexts for part in parts]),
            np.concatenate([part.inputs for part in parts]),
            np.concatenate([part.truth for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.contexts)

    @property
    def evaluated_count(self) -> int:
        """Number of origins after which at least one value was measured."""
        return _evaluated_count(self.truth)

    def check_truth(self) -> None:
        """Check that values were measured at every lead time.

        Raises
        ------
        InputError
            If there is a lead time at which every value was filled in.
        """
        unknown = np.isnan(self.truth).all(axis=0).any(axis=-1)
        if unknown.any():
            rule = "a backtest needs measured values at each lead time"
            got = f"only filled ones at lead time {unknown.argmax() + 1}"
            raise InputError(rule, got, "Lower `steps`, or test on data with fewer gaps.")


@dataclass(frozen=True, eq=False)
class Backtest:
    """Forecasts from rolling origins, and their errors at each lead time.

    Forecasts and errors are by method: the one that is judged first (`combination`, or the
    `network` alone), then its parts, then the baselines. Lead times count
    from 1.

    Attributes
    ----------
    truth
        Measured values after each origin, in the units of the data; NaN where the value is not
        known, which is left out of every error.
    forecasts
        Forecasts of each method from the same origins.
    rmse
        Root mean squared error of each method at each lead time.
    mae
        Mean absolute error of each method at each lead time.
    margins
        Half the width of the prediction intervals, the mean over origins if these differ.
    coverage
        Share of the true values that lie inside the intervals; NaN where there is no interval.
    level
        Nominal coverage of the intervals.
    period
        Period of seasonal persistence in steps; None if the series shows no season.
    targets
        Names of the targets.
    series_counts
        Number of series that were evaluated, and number of series in all.
    bounds
        Lower and upper bounds of the intervals, if they differ from origin to origin.
    """

    truth: Forecasts
    forecasts: dict[str, Forecasts]
    rmse: dict[str, Float[np.ndarray, "steps target"]]
    mae: dict[str, Float[np.ndarray, "steps target"]]
    margins: Float[np.ndarray, "steps target"]
    coverage: Float[np.ndarray, "steps target"]
    level: float
    period: int | None
    targets: tuple[str, ...]
    series_counts: tuple[int, int] = (1, 1)
    bounds: tuple[Forecasts, Forecasts] | None = None

    @classmethod
    def from_forecasts(
        cls,
        truth: Forecasts,
        forecasts: dict[str, Forecasts],
        margins: Float[np.ndarray, "steps target"],
        level: float,
        period: int | None,
        targets: tuple[str, ...],
        series_counts: tuple[int, int] = (1, 1),
        bounds: tuple[Forecasts, Forecasts] | None = None,
    ) -> "Backtest":
        """Measure the errors of forecasts, and the coverage of the intervals."""

        def mean(values: np.ndarray) -> np.ndarray:  # a forecast that is NaN does count
            return np.mean(values, axis=0, where=~np.isnan(truth))

        rmse = {k: np.sqrt(mean((f - truth) ** 2)) for k, f in forecasts.items()}
        mae = {k: mean(np.abs(f - truth)) for k, f in forecasts.items()}
        if bounds is None:
            inside = np.abs(forecasts["network"] - truth) <= margins
        else:
            inside = (bounds[0] <= truth) & (truth <= bounds[1])
        coverage = np.where(np.isfinite(margins), mean(inside), np.nan)
        measures = truth, forecasts, rmse, mae, margins, coverage
        return cls(*measures, level, period, targets, series_counts, bounds)

    @property
    def method(self) -> str:
        """The method that is judged; the others are its parts, and baselines."""
        return "combination" if "combination" in self.forecasts else "network"

    def baselines(self) -> list[str]:
        """The methods that are neither judged nor a part of the one that is."""
        own = ("combination", "prior", "linear core", "network")
        return [name for name in self.rmse if name not in own]

    def interval(self, origin: int) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds from one origin, `(steps, target)` each."""
        if self.bounds is not None:
            return self.bounds[0][origin], self.bounds[1][origin]
        mean = self.forecasts[self.method][origin]
        return mean - self.margins, mean + self.margins

    @property
    def steps(self) -> int:
        """The longest lead time."""
        return self.truth.shape[1]

    @property
    def origins(self) -> int:
        """Number of origins whose forecasts were evaluated."""
        return _evaluated_count(self.truth)

    def nmse(self, method: str | None = None, lead: int = 1) -> Float[np.ndarray, " target"]:
        """Mean squared error at a lead time, over the variance of the truth there.

        NaN where the truth does not vary, as at a single origin.
        """
        variance = np.nanvar(self.truth[:, lead - 1], axis=0)
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

    def to_json(self) -> dict:
        """The measures as a plain dictionary, with a list for each lead time."""
        return {
            "origins": self.origins,
            "steps": self.steps,
            "targets": list(self.targets),
            "period": self.period,
            "rmse": {k: json_rows(v) for k, v in self.rmse.items()},
            "mae": {k: json_rows(v) for k, v in self.mae.items()},
            "nmse_one_step": {k: json_rows(self.nmse(k)[None])[0] for k in self.forecasts},
            "coverage": json_rows(self.coverage),
            "level": self.level,
        }

    def table(self, target: int = 0) -> str:
        """RMSE of each method at a few lead times, its mean over all, and the mean MAE."""
        leads = self.selected_lead_times()
        lines = [["RMSE at lead time", *map(str, leads), "mean", "mean MAE"]]
        for name, errors in self.rmse.items():
            row = errors[:, target]
            cells = [*(row[k - 1] for k in leads), row.mean(), self.mae[name][:, target].mean()]
            lines.append([name, *(f"{cell:.4g}" for cell in cells)])
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        text = [
            "  ".join([head.ljust(widths[0]), *map(str.rjust, cells, widths[1:])])
            for head, *cells in lines
        ]
        return "\n".join([text[0], "-" * len(text[0]), *text[1:]])


def evaluated_series(each: list[RollingOrigins]) -> tuple[int, int]:
    """How many of the series have an origin that was evaluated, and how many there are."""
    return sum(part.evaluated_count > 0 for part in each), len(each)


def _evaluated_count(truth: Forecasts) -> int:
    return int((~np.isnan(truth)).any(axis=(1, 2)).sum())


def json_rows(values: np.ndarray) -> list:
    """Nested lists with None in place of NaN and infinity, which JSON does not have."""
    return [[v if np.isfinite(v) else None for v in row] for row in values.tolist()]
