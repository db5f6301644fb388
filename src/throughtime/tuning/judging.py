"""The winner of a search and the settings it began with, on rows that no trial has seen."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from throughtime.data.series import Series
from throughtime.forecasting.forecaster import Forecaster

from .trial import relative_error

CHANCE = 0.05
"""How often two equal settings may be told apart by chance."""


@dataclass(frozen=True)
class Judged:
    """Errors on the test part: relative to repeating the last value, as in a `Trial`.

    Attributes
    ----------
    settings
        `winner` or `start`, the settings that the search began with.
    seed
        Seed of the weights.
    errors
        The error of each method of the backtest: `combination`, its parts, the baselines.
    """

    settings: str
    seed: int
    errors: dict[str, float]


def judge(name: str, series: list[Series], settings: dict[str, Any], steps: int) -> Judged:
    """Fit a forecaster and measure its errors on the test part."""
    return fit_and_judge(name, series, settings, steps)[1]


def fit_and_judge(
    name: str, series: list[Series], settings: dict[str, Any], steps: int
) -> tuple[Forecaster, Judged]:
    """The same, with the forecaster."""
    model = Forecaster(**settings).fit(series, verbose=False)
    backtest = model.backtest(steps=model.data_.tested_steps(steps))
    errors = {method: relative_error(backtest, method) for method in backtest.rmse}
    return model, Judged(name, settings["seed"], errors)


def mean_error(judged: list[Judged], settings: str, method: str) -> float:
    """The mean over the seeds; NaN if there is none."""
    errors = _errors(judged, settings, method)
    return float(np.mean(errors)) if errors else math.nan


def compare(judged: list[Judged], method: str) -> str:
    """Whether the winner is `better` than the start, `worse`, or as good: `equal`.

    They are told apart by Student's t-test over the seeds, at 5 %. With one seed each there is
    no such test, and any difference counts.
    """
    a, b = (_errors(judged, name, method) for name in ("winner", "start"))
    difference = np.mean(b) - np.mean(a)
    spread = [np.var(errors, ddof=1) / len(errors) for errors in (a, b) if len(errors) > 1]
    freedom = max(len(a) + len(b) - 2, 1)
    clear = float(stdtrit(freedom, 1 - CHANCE / 2)) * math.sqrt(sum(spread))
    if not abs(difference) > clear:
        return "equal"
    return "better" if difference > 0 else "worse"


def _errors(judged: list[Judged], settings: str, method: str) -> list[float]:
    return [one.errors[method] for one in judged if one.settings == settings]
