"""Exponential smoothing: the variant that suits a series, and forecasts from any origin."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from throughtime._support.precision import precision
from throughtime._support.quick_compilation import quick_jit
from throughtime.recurrence.exponential_smoothing import SmoothingState, rates_of_shares
from throughtime.recurrence.unroll import unroll

from .smoothing_rates import (
    LONGEST_FREE_SEASON,
    FittedRates,
    fit_rates,
)
from .smoothing_responses import (
    cell_of,
    longest_window,
    penalties,
    responses,
    season_size,
    unit_runs,
    window_size,
)

VARIANTS = {
    "level": (True, False, False, False),
    "level and slope": (True, True, False, False),
    "level and damped slope": (True, True, False, True),
    "level and season": (True, False, True, False),
    "level, slope and season": (True, True, True, False),
    "level, damped slope and season": (True, True, True, True),
}
"""Which of alpha, beta, gamma and phi are fitted."""

STARTS = np.array([[0.0, -2.0, -2.0, 0.0], [-2.0, -1.0, -2.0, 0.0], [2.5, -2.0, -2.0, 0.0]])
"""The logits from which a fit starts."""

BATCH_NUMBERS = 200_000
"""About how many numbers the first states' responses of one batch have, to stay in a cache."""


@dataclass(frozen=True)
class Smoothing:
    """Exponential smoothing with fitted rates.

    A forecast needs the rates alone: the first state is fitted again, by least squares, to what
    is known at the origin. At most the last 1,024 values are read (2,048 for a season of more
    than 256 steps).

    Attributes
    ----------
    variant
        What the model has, a key of `VARIANTS`.
    period
        Length of the season; 1 for none.
    logits
        The logits of the cell's rates, `(4,)`; see `ExponentialSmoothing`.
    score
        What the fit minimised, with a penalty for what was fitted; the smaller, the better.
    name
        Its name in tables.
    """

    variant: str
    period: int
    logits: Float[np.ndarray, "4"]
    score: float
    name: str = "exponential smoothing"

    @classmethod
    def fit(
        cls, values: Float[np.ndarray, " time"], seasons: Sequence[int] = (), steps: int = 1
    ) -> "Smoothing":
        """Fit every variant with every season, and keep the one with the best score.

        Parameters
        ----------
        values
            The series, at least one value, without NaN.
        seasons
            Lengths of the seasons to try, in steps. A season of which the values hold less than
            two is left out.
        steps
            The longest lead time that matters. The rates are fitted to lead times up to 8
            whatever it is: with longer ones the forecasts were no better.
        """
        window = min(len(values), longest_window(max(seasons, default=1)))
        fitting = [int(season) for season in seasons if 1 < season <= window // 2]
        # Scores are those of the same values, or the longer window would win by its length.
        values = values[-min(map(longest_window, fitting or [1])) :]
        models = [fit_smoothing([values], season)[0] for season in fitting or [1]]
        return min(models, key=lambda model: model.score)

    @property
    def rates(self) -> dict[str, float]:
        """alpha, beta, gamma and phi by name."""
        with np.errstate(over="ignore"):  # (a logit of minus infinity is a share of 0)
            rates = rates_of_shares(1 / (1 + np.exp(-np.asarray(self.logits))))
        return dict(zip(("alpha", "beta", "gamma", "phi"), map(float, rates), strict=True))

    def forecast(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """Forecast from each origin; see `Component`.

        Parameters
        ----------
        values
            The series, without NaN.
        origins
            How many values are known at each origin, at least 1.
        steps
            The longest lead time.
        """
        # A power of two changes no digit, and keeps huge values from overflowing.
        exponent = int(np.frexp(np.abs(values).max())[1])
        scaled = np.ldexp(np.asarray(values, float), -exponent)
        origins, forecasts = np.asarray(origins), np.zeros((len(origins), steps))
        # Windows overlap by half, so that each origin has at least half of one before it.
        half = longest_window(self.period) // 2
        anchors = np.maximum(-(-origins // half) - 2, 0) * half
        for anchor in np.unique(anchors):
            own = anchors == anchor
            known = scaled[anchor : anchor + 2 * half]
            forecasts[own] = self._forecast_window(known, origins[own] - anchor, steps)
        with np.errstate(over="ignore"):
            forecasts = np.ldexp(forecasts, exponent)
        largest = np.finfo(float).max
        return np.clip(forecasts, -largest, largest)

    def _forecast_window(self, values, origins, steps):
        """Forecast from origins in a window of values, all of which may be read."""
        values = values[: origins.max()]
        padded = np.zeros(window_size(len(values)))
        padded[: len(values)] = values - values[0]
        with precision("float64"):
            states = _states(np.asarray(self.logits), padded[None], period=self.period)
            units = jax.tree.map(np.asarray, states)
        first = _first_states(units.error[:, 1:], origins, self._parts(), self.period)
        states = [_state_at(units, x, o) for x, o in zip(first, origins, strict=True)]
        level, slope, season = map(np.array, zip(*states, strict=True))
        phi = self.rates["phi"]
        forecasts = level[:, None] + slope[:, None] * np.cumsum(phi ** np.arange(1, steps + 1))
        if self.period > 1:
            forecasts = forecasts + season[:, np.arange(steps) % self.period]
        return forecasts + values[0]

    def _parts(self):
        """Which parts of the first state the variant has."""
        _, slope, season, _ = VARIANTS[self.variant]
        return np.array([True, slope, *[season] * season_size(self.period)])


@quick_jit(static_argnames="period")
def _states(logits, ys, period):
    """The states of the unit runs before the first step and after each, `(unit, 1 + time)`."""
    xs, start = unit_runs(ys, period)
    states, _ = unroll(cell_of(logits, period), xs, start)
    return jax.tree.map(lambda s, all: jnp.concatenate([s[:, None], all], 1), start, states)


def _first_states(errors, origins, parts, period):
    """The first state by least squares from what is known at each origin, `(origin, part)`."""
    A = responses(errors, period) * parts
    normal, right = np.diag(penalties(period)), np.zeros(len(parts))
    known, first = 0, {}
    for origin in np.unique(origins):
        new = slice(known, origin)
        normal, right = normal + A[new].T @ A[new], right + A[new].T @ errors[0, new]
        first[origin], known = -np.linalg.solve(normal, right), origin
    return [first[origin] for origin in origins]


def _state_at(units: SmoothingState, first, origin):
    """Level, slope and seasons after `origin` steps from a first state."""
    period = units.season.shape[-1]
    weights = np.array([1, *first[:2]])
    level, slope, season = (
        weights @ array[:3, origin] for array in (units.level, units.slope, units.season)
    )
    if not period:
        return level, slope, season
    # Season j of the first state responds j steps later; one still to come is as it was.
    begun = min(origin + 1, period)
    back, seasons = origin - np.arange(begun), first[2 : 2 + begun]
    level = level + seasons @ units.level[3, back]
    slope = slope + seasons @ units.slope[3, back]
    season = season + seasons @ units.season[3, back]
    season[1 : 1 + period - begun] += first[2 + begun :]
    return level, slope, season


def fit_smoothing(
    values: Sequence[Float[np.ndarray, " _"]], season: int = 1
) -> list[Smoothing]:
    """Fit every variant to each of many series, all at once, and keep the best for each.

    Parameters
    ----------
    values
        The series, each with at least one value; their lengths may differ.
    season
        Length of the season in steps; 1 for none. It is left out where a series holds less than
        two of it.

    Returns
    -------
    list of Smoothing
        One model for each series.
    """
    period = int(season)
    free, logits = _candidates(period)
    longest = max(min(len(series), longest_window(period)) for series in values)
    each = len(free) * window_size(longest) * (2 + season_size(period))
    at_once = max(1, BATCH_NUMBERS // each)
    models = []
    for start in range(0, len(values), at_once):
        batch = list(values[start : start + at_once])
        # The last batch is filled up: another size would be another program to compile.
        missing = at_once - len(batch) if start else 0
        fitted = _fit_batch(
            batch + batch[-1:] * missing, free, logits, period, window_size(longest)
        )
        models += fitted[: len(batch)]
    return models


def _candidates(period):
    """Which rates are free and their first logits, for all variants and starts."""
    of_period = [f for f in VARIANTS.values() if period > 1 or not f[2]]
    starts = STARTS if period <= LONGEST_FREE_SEASON else STARTS[:1]
    free = np.repeat(np.array(of_period), len(starts), axis=0)
    return free, np.where(free, np.tile(starts, (len(of_period), 1)), -np.inf)


def _fit_batch(batch, free, logits, period, size):
    """The best model of each series of a batch."""
    windows = [np.asarray(series, float)[-longest_window(period) :] for series in batch]
    lengths = np.array([len(window) for window in windows])
    ys = np.zeros((len(batch), size))
    for row, window in zip(ys, windows, strict=True):
        row[: len(window)] = _in_changes(window)
    copies, models = len(free), len(batch)
    fitted = fit_rates(
        np.repeat(ys, copies, axis=0),
        np.repeat(lengths, copies).astype(float),
        np.tile(logits, (models, 1)),
        np.tile(free, (models, 1)),
        period,
    )
    score = fitted.loss.reshape(models, copies) + _penalty(free, lengths[:, None], period)
    best = np.argmin(score, axis=1) + copies * np.arange(models)
    return [_model(fitted, i, free[i % copies], period, score.flat[i]) for i in best]


def _model(fitted: FittedRates, i, free, period, score):
    variant = list(VARIANTS)[list(VARIANTS.values()).index(tuple(free.tolist()))]
    return Smoothing(variant, period, fitted.logits[i], float(score))


def _in_changes(window):
    """A series less its first value, in units of its mean change."""
    largest = np.abs(window).max()
    scaled = window / largest if largest > 0 else window
    scaled = scaled - scaled[0]
    change = np.abs(np.diff(scaled)).mean() if len(window) > 1 else 0.0
    return scaled / change if change > 0 else scaled


def _penalty(free, lengths, period):
    """Akaike's penalty, corrected for short series; infinite where a variant does not fit."""
    _, slope, season, damping = free.T
    number = 2 + 2 * slope + period * season + damping  # the rates and the first state
    rest = lengths - number - 1
    fits = (rest > 0) & ~(season & (lengths < 2 * period))
    penalty = 2 * number * (1 + (number + 1) / np.maximum(rest, 1))
    return np.where(fits, penalty, np.where(number == 2, 1e12, np.inf))
