"""AutoARIMA, AutoETS and AutoTheta of statsforecast as further baselines of a backtest.

Form and parameters come from the values before the test part; at later origins they are
applied to what is known there, and never fitted again. The package is an extra,
`throughtime[baselines]`.

References
----------
Hyndman and Khandakar, "Automatic time series forecasting: the forecast package for R", *Journal
of Statistical Software* 27, 2008.
Hyndman, Koehler, Ord and Snyder, *Forecasting with Exponential Smoothing*, 2008.
Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler, "Models for optimising the theta method
and their relationship to state space models", *International Journal of Forecasting* 32, 2016.
"""

import importlib.util
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from throughtime.errors import InputError
from throughtime.models.intervals import Intervals

NAMES = ("AutoARIMA", "AutoETS", "AutoTheta")

LONGEST_SEASON = 24
"""The longest season of ARIMA and ETS: longer ones take minutes, or are not supported."""

LONGEST_FIT = 1000
"""Values before the test part that they are fitted to at most."""


def check_installed() -> None:
    """Check that statsforecast can be imported.

    Raises
    ------
    InputError
        If it is not installed.
    """
    if importlib.util.find_spec("statsforecast") is None:
        rule = "statistical baselines need the package `statsforecast`"
        remedy = 'Install it with `pip install "throughtime[baselines]"`.'
        raise InputError(rule, "an environment without it", remedy)


def statistical_forecasts(
    name: str,
    values: Float[np.ndarray, " time"],
    origins: Int[np.ndarray, " origin"],
    steps: int,
    season: int | None,
    levels: Sequence[float],
) -> Intervals:
    """Forecasts of one of the models from several origins, with its own intervals.

    Parameters
    ----------
    name
        One of `NAMES`.
    values
        The series.
    origins
        How many values are known at each, increasing; the model is fitted before the first.
    steps
        The longest lead time.
    season
        The season in steps; None for none.
    levels
        Nominal coverages, increasing.

    Returns
    -------
    Intervals
        `(origin, steps)`; NaN where the model cannot be fitted, as to a series that is too
        short.
    """
    per_cent = [int(p) if (p := round(100 * level, 6)).is_integer() else p for level in levels]
    fitted = _fitted(name, values[max(0, origins[0] - LONGEST_FIT) : origins[0]], season)
    lower, upper = np.full((2, len(levels), len(origins), steps), np.nan)
    center = np.full((len(origins), steps), np.nan)
    if fitted is None:
        return Intervals(tuple(levels), center, lower, upper)
    for i, origin in enumerate(origins):
        known = values[max(0, origin - LONGEST_FIT) : origin]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = fitted.forward(known, h=steps, level=per_cent)
        except Exception:  # as in `_fitted`
            continue
        center[i] = found["mean"]
        for j, level in enumerate(per_cent):
            lower[j, i], upper[j, i] = found[f"lo-{level}"], found[f"hi-{level}"]
    return Intervals(tuple(levels), center, lower, upper)


def _fitted(name: str, values: np.ndarray, season: int | None) -> Any:
    """The model, fitted; None where it cannot be."""
    from statsforecast import models  # pyright: ignore

    season = season or 1
    if name != "AutoTheta" and season > LONGEST_SEASON:
        season = 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(models, name)(season_length=season).fit(values)
    except Exception:  # of whatever kind: a baseline that fails has no errors to show
        return None
