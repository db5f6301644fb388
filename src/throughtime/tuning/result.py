"""What a search has found: its trials, the winner, and how both are read."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from throughtime._support.result_view import ResultView, current_axes
from throughtime.forecasting.forecaster import Forecaster

from .judging import Judged, compare, mean_error
from .trial import Trial, alike, lowest_errors

PARTS = ("combination", "prior", "linear core", "network")
"""The methods of a backtest that are not baselines."""

AGAIN = "The settings that the search began with are as good"


@dataclass(frozen=True, eq=False, repr=False)
class SearchResult(ResultView):
    """The trials of a search, its winner, and the winner's errors on the test part.

    Errors are relative to repeating the last value; see `Trial`.

    Attributes
    ----------
    trials
        All trials, in the order in which they ended.
    best
        The finished trial of the lowest error.
    start
        The settings that the search began with, of those that it tries.
    model
        The winner: a `Forecaster` with its settings, fitted to the series.
    judged
        The errors of the winner and of the start on the test part, for each seed.
    importance
        The share of each setting in how good the trials were, of all settings 1; empty if
        there are few trials.
    study
        The study of Optuna, for its own pictures.
    """

    trials: list[Trial]
    best: Trial
    start: dict[str, Any]
    model: Forecaster
    judged: list[Judged]
    importance: dict[str, float]
    study: Any

    @property
    def settings(self) -> dict[str, Any]:
        """The settings in which the winner differs from the start, by name."""
        return {
            name: value
            for name, value in self.best.settings.items()
            if not alike(value, self.start.get(name))
        }

    @property
    def method(self) -> str:
        """What is judged first: the `combination`, or the `network` alone."""
        return "combination" if "combination" in self.judged[0].errors else "network"

    def count(self, state: str) -> int:
        """How many trials are `finished`, `pruned` or `failed`."""
        return sum(trial.state == state for trial in self.trials)

    def sentences(self) -> list[str]:
        """What was found, and whether it is worth anything."""
        text = [self._verdict(self.method)]
        if self.method != "network" and self.settings:
            text.append(self._verdict("network"))
        if (baseline := self._best_baseline()) is not None:
            text.append(baseline)
        ended = f"{len(self.trials)} trials: {self.count('finished')} finished, "
        ended += f"{self.count('pruned')} stopped early, {self.count('failed')} failed."
        text.append(ended)
        begun = [trial.error for trial in self.trials if alike(trial.settings, self.start)]
        start = [error for error in begun if error is not None]
        if start and self.settings:
            text.append(
                f"On the rows that trials are judged on, the error of the winner's networks is "
                f"{self.best.error:.3f}; with the settings at the start it is {start[0]:.3f}. "
                "The lowest of many errors is too low: only those on the test part count."
            )
        return text

    def _verdict(self, method: str) -> str:
        what = "networks alone" if method == "network" else "forecast"
        if not self.settings:
            error = mean_error(self.judged, "winner", method)
            return (
                f"{AGAIN}: no trial was better. On the test part the error of the {what} is "
                f"{error:.3f} times that of repeating the last value."
            )
        winner, start = (mean_error(self.judged, name, method) for name in ("winner", "start"))
        seeds = sum(one.settings == "start" for one in self.judged)
        rows = "on the same rows, so that they are told apart by their seeds alone"
        over = f" (means of {seeds} seeds {rows})" if seeds > 1 else ""
        figures = (
            f"on the test part, which no trial has seen, the error of the winner's {what} is "
            f"{winner:.3f} times that of repeating the last value; with the settings at the "
            f"start it is {start:.3f}{over}."
        )
        found = compare(self.judged, method)
        head = {
            "better": "The winner is better",
            "worse": f"{AGAIN}, or better",
            "equal": AGAIN,
        }[found]
        return f"{head}: {figures}"

    def _best_baseline(self) -> str | None:
        """The baseline that beats the winner, if one does."""
        errors = {
            name: mean_error(self.judged, "winner", name)
            for name in self.judged[0].errors
            if name not in PARTS
        }
        name = min(errors, key=lambda one: errors[one])
        own = mean_error(self.judged, "winner", self.method)
        if not errors[name] < own:
            return None
        if name == "persistence":
            return "Repeating the last value does better."
        return f"The baseline {name} does better: {errors[name]:.3f}."

    def __repr__(self) -> str:
        error = mean_error(self.judged, "winner", self.method)
        start = mean_error(self.judged, "start", self.method)
        beside = "" if math.isnan(start) else f", {start:.3f} of the start"
        return (
            f"SearchResult({len(self.trials)} trials: best {self.best.error:.3f} in trial "
            f"{self.best.number}; on the test part {error:.3f}{beside})"
        )

    def columns(self) -> dict[str, Any]:
        """A row for each trial: its number, state, error, epochs, seconds, and settings."""
        names = dict.fromkeys(name for trial in self.trials for name in trial.settings)
        rows = self.trials
        return {
            "trial": [trial.number for trial in rows],
            "state": [trial.state for trial in rows],
            "error": [math.nan if t.error is None else t.error for t in rows],
            "epochs": [len(trial.losses) for trial in rows],
            "seconds": [trial.seconds for trial in rows],
        } | {name: [_plain(trial.settings.get(name)) for trial in rows] for name in names}

    def lowest(self) -> np.ndarray:
        """The lowest error up to each trial; NaN before one has finished."""
        return lowest_errors(self.trials)

    def plot(self, axes: Any = None) -> Any:
        """Draw the error of each trial, and the lowest one up to it.

        Parameters
        ----------
        axes
            Matplotlib's axes; by default the current ones.

        Returns
        -------
        Axes
            The axes, for what is to be added.
        """
        axes = current_axes(axes)
        numbers = [trial.number for trial in self.trials]
        axes.plot(numbers, self.columns()["error"], "o", ms=4, color="#767676", label="trial")
        axes.step(numbers, self.lowest(), where="post", color="#0072b2", label="lowest so far")
        axes.set(xlabel="trial", ylabel="error / that of the last value")
        axes.legend(frameon=False)
        return axes


def _plain(value: Any) -> Any:
    """A value that a column of a table can hold."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
