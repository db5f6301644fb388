"""The error of a forecast at each lead time, beside the baselines', from many origins."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from throughtime.data.series import Series
from throughtime.errors import InputError

Forecasts = Float[np.ndarray, "origin steps target"]


@dataclass(frozen=True, eq=False)
class Origins:
    """Moments to forecast from, and what is known and what came after at each.

    Attributes
    ----------
    contexts
        The values up to the origin.
    inputs
        The inputs of context and steps ahead.
    truth
        The values after it; NaN beyond the part that is judged, where a value was filled, and
        after an origin that was filled: such a value may know what follows.
    """

    contexts: Float[np.ndarray, "origin context target"]
    inputs: Float[np.ndarray, "origin span input"]
    truth: Forecasts

    @classmethod
    def between(
        cls, series: Series, first: int, end: int, context: int, steps: int, whole: bool
    ) -> "Origins":
        """Every origin whose first step ahead is in rows `[first, end)` of a series.

        Only those with `context` rows before them count, and, if `whole`, only those with
        all steps before `end`. The context may reach before `first`: it is known by then.
        """
        last = end - steps if whole else end - 1
        starts = np.arange(max(first, context), last + 1)  # the row of the first step ahead
        before = starts[:, None] + np.arange(-context, 0)
        after = starts[:, None] + np.arange(steps)
        held = np.minimum(after, len(series) - 1)
        measured = np.expand_dims(after < end, -1)
        if series.filled_at is not None:
            at_origin = series.filled_at[starts - 1, None].any(axis=-1, keepdims=True)
            measured = measured & ~series.filled_at[held] & ~at_origin
        truth = np.where(measured, series.targets[held], np.nan)
        inputs = series.inputs[np.concatenate([before, held], axis=1)]
        return cls(series.targets[before], inputs, truth)

    @classmethod
    def join(cls, parts: "list[Origins]") -> "Origins":
        """Those of several series as one."""
        return cls(
            np.concatenate([part.contexts for part in parts]),
            np.concatenate([part.inputs for part in parts]),
            np.concatenate([part.truth for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.contexts)

    @property
    def judged(self) -> int:
        """How many have a value to be judged by."""
        return _judged(self.truth)

    def check(self) -> None:
        """Refuse a lead time at which nothing was measured. **Raises:** `InputError`."""
        unknown = np.isnan(self.truth).all(axis=0).any(axis=-1)
        if unknown.any():
            rule = "a backtest needs measured values at each lead time"
            got = f"only filled ones at lead time {unknown.argmax() + 1}"
            raise InputError(rule, got, "Lower `steps`, or test on data with fewer gaps.")


@dataclass(frozen=True, eq=False)
class Backtest:
    """What a backtest found. Lead times count from 1; methods are by name, `network` first.

    Attributes
    ----------
    truth, forecasts
        Of every origin, in the units of the data; NaN is truth that is not known, and counts
        nowhere.
    rmse, mae
        Root mean squared and mean absolute error at each lead time.
    margins
        Half the width of the intervals.
    coverage
        The share of the truth inside.
    level
        The coverage asked for.
    period
        Of seasonal persistence.
    targets
        Their names.
    series
        How many were judged, of how many.
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
    series: tuple[int, int] = (1, 1)

    @classmethod
    def judge(
        cls,
        truth: Forecasts,
        forecasts: dict[str, Forecasts],
        margins: Float[np.ndarray, "steps target"],
        level: float,
        period: int | None,
        targets: tuple[str, ...],
        series: tuple[int, int] = (1, 1),
    ) -> "Backtest":
        """Measure forecasts against the truth."""

        def mean(values: np.ndarray) -> np.ndarray:  # a forecast that is NaN does count
            return np.mean(values, axis=0, where=~np.isnan(truth))

        rmse = {k: np.sqrt(mean((f - truth) ** 2)) for k, f in forecasts.items()}
        mae = {k: mean(np.abs(f - truth)) for k, f in forecasts.items()}
        inside = np.abs(forecasts["network"] - truth) <= margins
        coverage = np.where(np.isfinite(margins), mean(inside), np.nan)
        found = truth, forecasts, rmse, mae, margins, coverage
        return cls(*found, level, period, targets, series)

    @property
    def steps(self) -> int:
        """The longest lead time."""
        return self.truth.shape[1]

    @property
    def origins(self) -> int:
        """How many forecasts were judged."""
        return _judged(self.truth)

    def nmse(self, method: str = "network", lead: int = 1) -> Float[np.ndarray, " target"]:
        """Mean squared error at a lead time over the variance of the truth there.

        NaN where the truth does not vary, as at a single origin.
        """
        variance = np.nanvar(self.truth[:, lead - 1], axis=0)
        return self.rmse[method][lead - 1] ** 2 / np.where(variance > 0, variance, np.nan)

    def covered(self) -> float:
        """The share of the truth inside the intervals, over all lead times that have one."""
        known = np.isfinite(self.coverage)
        return float(self.coverage[known].mean()) if known.any() else float("nan")

    def leads(self) -> list[int]:
        """A few lead times to show: 1, 2, 5, 10, 20, 50, ... and the last."""
        round_ones = [m * 10**k for k in range(6) for m in (1, 2, 5)]
        return [k for k in round_ones if k < self.steps] + [self.steps]

    def to_json(self) -> dict:
        """The measures as a plain dictionary, one list per lead time and target."""
        return {
            "origins": self.origins,
            "steps": self.steps,
            "targets": list(self.targets),
            "period": self.period,
            "rmse": {k: plain(v) for k, v in self.rmse.items()},
            "mae": {k: plain(v) for k, v in self.mae.items()},
            "nmse_one_step": {k: plain(self.nmse(k)[None])[0] for k in self.forecasts},
            "coverage": plain(self.coverage),
            "level": self.level,
        }

    def table(self, target: int = 0) -> str:
        """RMSE of each method at a few lead times and the mean over all, as plain text."""
        leads = self.leads()
        lines = [["RMSE at lead time", *map(str, leads), "mean", "mean MAE"]]
        for name, errors in self.rmse.items():
            row = errors[:, target]
            cells = [*(row[k - 1] for k in leads), row.mean(), self.mae[name][:, target].mean()]
            lines.append([name, *(f"{cell:.4g}" for cell in cells)])
        wide = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        text = [
            "  ".join([a[0].ljust(wide[0]), *map(str.rjust, a[1:], wide[1:])]) for a in lines
        ]
        return "\n".join([text[0], "-" * len(text[0]), *text[1:]])


def _judged(truth: Forecasts) -> int:
    return int((~np.isnan(truth)).any(axis=(1, 2)).sum())


def plain(values: np.ndarray) -> list:
    """Nested lists with None in place of NaN and infinity, which JSON does not have."""
    return [[v if np.isfinite(v) else None for v in row] for row in values.tolist()]
