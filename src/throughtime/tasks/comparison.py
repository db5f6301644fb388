"""The result of a comparison: each way with its errors and costs, and the verdict."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from throughtime._support.versions import package_versions
from throughtime.forecasting.backtest import Backtest
from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.verdict import format_number, method_label
from throughtime.training.result import Diverged

from .series_ways import SERIES_WAYS

BUSY = 0.7
"""Processor seconds in a second, below which other programs kept a training waiting."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One way, trained and tested.

    Attributes
    ----------
    way
        A key of `SERIES_WAYS`.
    model
        The fitted forecaster.
    backtest
        The backtest of this way and the baselines.
    seconds
        Seconds of its training, compilation included.
    weights
        Number of trained weights.
    trials
        Number of settings tried, of which the model has the best.
    diverged
        The error of a training that diverged before any weights were validated, else None. Then
        the model is not fitted, and its errors are infinite.
    processor_seconds
        Seconds that processors worked for its training, of all cores together; infinite where
        an accelerator did.
    """

    way: str
    model: Forecaster
    backtest: Backtest
    seconds: float
    weights: int
    trials: int = 1
    diverged: Diverged | None = None
    processor_seconds: float = math.inf

    @property
    def name(self) -> str:
        """The name of the way in words."""
        return SERIES_WAYS[self.way].name

    @property
    def stopped(self) -> str:
        """Why the training ended."""
        if self.diverged is not None:
            return f"diverged: {self.diverged.got}"
        if self.trials > 1:
            return f"the best of {self.trials} settings"
        return "the seconds were over" if self.is_cut_off else self.model.fitted_.stopped

    @property
    def is_cut_off(self) -> bool:
        """Whether the training ended because the seconds were over."""
        if self.diverged is not None or not hasattr(self.model, "fitted_"):
            return False
        return self.trials == 1 and self.model.fitted_.stopped.startswith("stopped after")

    @property
    def epochs(self) -> int:
        """Number of epochs."""
        return self.model.history_[-1].epoch if self.diverged is None else 0


@dataclass(frozen=True, eq=False)
class Comparison:
    """The result of a comparison.

    Attributes
    ----------
    entries
        One for each way.
    budget
        The seconds that each way had for its training.
    backtest
        The backtest of the best way, with the errors of all ways and baselines, by name.
    """

    entries: tuple[Entry, ...]
    budget: float | int
    backtest: Backtest

    @property
    def best(self) -> Entry | None:
        """The way with the lowest relative RMSE; None if all have diverged."""
        trained = [entry for entry in self.entries if entry.diverged is None]
        return min(
            trained, key=lambda entry: relative_rmse(self.backtest, entry.name), default=None
        )

    def sentences(self) -> list[str]:
        """The verdict in sentences: the best method, and the cost of the ways."""
        ranked = sorted(self.backtest.rmse, key=lambda name: relative_rmse(self.backtest, name))
        first, second = (method_label(name, self.backtest) for name in ranked[:2])
        steps = self.backtest.steps
        over = "one step ahead" if steps == 1 else f"averaged over lead times 1 to {steps}"
        over += " and over the targets" if len(self.backtest.targets) > 1 else ""
        best = f"{_capitalised(first)} forecasts best: its RMSE, {over},"
        best += f" is {self._error(ranked[0])}"
        if np.isfinite(relative_rmse(self.backtest, ranked[1])):
            best += f"; that of {second}, the next best, is {self._error(ranked[1])}"
        sentences = [f"{best}."]
        if ranked[0] not in {entry.name for entry in self.entries}:
            sentences.append("None of the four ways beats this baseline here.")
        diverged = [entry.name for entry in self.entries if entry.diverged is not None]
        if diverged:
            sentences.append(f"Diverged, and therefore last: {', '.join(diverged)}.")
        timed = [e for e in self.entries if e.diverged is None and e.trials == 1]
        if len(timed) > 1:  # (a search always takes all of its seconds)
            quickest, *_, slowest = sorted(timed, key=lambda entry: entry.seconds)
            sentences.append(
                f"Quickest to train: {quickest.name}, {quickest.seconds:.3g} s; "
                f"slowest: {slowest.name}, {slowest.seconds:.3g} s."
            )
            searched = [entry.name for entry in self.entries if entry.trials > 1]
            sentences += [
                f"Left out, as it searches for all its seconds: {n}." for n in searched
            ]
        return sentences + self._limits()

    def _limits(self) -> list[str]:
        """What the seconds were too few for, and what else the machine did meanwhile."""
        sentences = []
        cut = [
            f"{one.name} (after {one.epochs:,} epoch{'s' * (one.epochs > 1)})"
            for one in self.entries
            if one.is_cut_off
        ]
        if cut:
            sentences.append(
                f"Still learning when the seconds were over: {', '.join(cut)}. With more"
                " `seconds` the order may be another."
            )
        share = min(one.processor_seconds / one.seconds for one in self.entries)
        if share < BUSY:
            sentences.append(
                f"The machine was busy: a way had {100 * share:.0f} % of a core while its"
                " seconds ran. Compare again when it is idle, or with more `seconds`."
            )
        return sentences

    def _error(self, name: str) -> str:
        """The error that methods are ranked by: the RMSE, relative with several targets."""
        if len(self.backtest.targets) == 1:
            return format_number(float(self.backtest.rmse[name].mean()))
        relative = relative_rmse(self.backtest, name)
        return format_number(relative, 3) + (" of persistence" if np.isfinite(relative) else "")

    def cost(self) -> list[list[str]]:
        """A row for each way: error, seconds, epochs, weights, and why its training ended."""
        return [
            [
                _capitalised(entry.name),
                self._error(entry.name),
                f"{entry.seconds:.3g}",
                f"{entry.epochs:,}",
                f"{entry.weights:,}",
                entry.stopped,
            ]
            for entry in self.entries
        ]

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain values for JSON, with None in place of infinity and NaN."""
        return {
            "best": self.best and self.best.way,
            "verdict": self.sentences(),
            "budget_s": self.budget,
            "backtest": self.backtest.to_json(),
            "ways": {
                entry.way: {
                    "name": entry.name,
                    "seconds": entry.seconds,
                    "weights": entry.weights,
                    "epochs": entry.epochs,
                    "tried": entry.trials,
                    "stopped": entry.stopped,
                    "diverged": entry.diverged is not None,
                    "settings": entry.model.settings_,
                }
                for entry in self.entries
            },
            "versions": package_versions(),
        }


def relative_rmse(backtest: Backtest, name: str) -> float:
    """The RMSE of a method, averaged over lead times, relative to that of persistence.

    With several targets it is the mean over them. A ratio that is not finite is infinity.
    """
    scale = backtest.rmse["persistence"].mean(axis=0)
    error = backtest.rmse[name].mean(axis=0)
    ratio = float(np.mean(error / np.where(scale > 0, scale, 1)))
    return ratio if np.isfinite(ratio) else np.inf


def with_infinite_errors(entry: Entry) -> Entry:
    """An entry without valid weights; its backtest serves for the baselines alone."""
    del entry.model.fitted_
    backtest = entry.backtest

    def infinite(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return values | {"network": np.full_like(values["network"], np.inf)}

    unknown = np.full_like(backtest.coverage, np.nan)
    backtest = dataclasses.replace(
        backtest,
        rmse=infinite(backtest.rmse),
        mae=infinite(backtest.mae),
        forecasts=infinite(backtest.forecasts),
        scores={name: one for name, one in backtest.scores.items() if name != "network"},
        intervals={},
        coverage=unknown,
    )
    return dataclasses.replace(entry, backtest=backtest)


def merge_backtests(entries: Sequence[Entry]) -> Backtest:
    """The errors of all ways, by name, and of the baselines in one backtest."""
    first = entries[0].backtest

    def merged(field: str) -> dict[str, Any]:
        own = {
            entry.name: found["network"]
            for entry in entries
            if "network" in (found := getattr(entry.backtest, field))
        }
        baselines = {k: v for k, v in getattr(first, field).items() if k != "network"}
        return own | baselines

    rmse = merged("rmse")
    whole = dataclasses.replace(
        first,
        rmse=rmse,
        mae=merged("mae"),
        forecasts=merged("forecasts"),
        scores=merged("scores"),
    )
    best = min(entries, key=lambda entry: relative_rmse(whole, entry.name)).backtest
    return dataclasses.replace(whole, intervals=best.intervals, coverage=best.coverage)


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
