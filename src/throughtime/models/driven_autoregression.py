r"""An autoregression that is driven by inputs.

$$z_t = \sum_{l \in L} a_l z_{t-l} + \sum_{d=0}^{D} B_d \cdot u_{t-d} + c + \varepsilon_t$$

where z is the series or its differences, to the step before or to the season before, and u are
the inputs, differenced alike. Lags, delays, differences and the penalty are chosen by
closed-loop forecasts from rolling origins; one matrix of products serves all of them. Inputs
act at once or after a delay; through the lags they act on, so an oscillator that is driven is
among the models. Inputs of the past go on by forecasts of their own (`drive.py`), in the choice
as in the forecast.

References
----------
Ljung, *System Identification: Theory for the User*, 1999 (ARX models).
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from .drive import Drive
from .lag_sums import ridge_path
from .linear_map import FITTED, within_range

ORDERS = (1, 2, 3, 5, 8, 16)
"""Numbers of lags of the series."""

DELAYS = (0, 1, 3, 8, 16)
"""Largest delays of the inputs."""

PENALTIES = 10.0 ** np.arange(-6, 2)
"""Penalties of the weights, in units of the mean sum of squares of the features."""

ORIGINS, JUDGED = 60, 32
"""Rolling origins and lead times that candidates are judged by, at most."""

BEST = 5
"""Candidates that are averaged."""

CHUNK = 128
"""Origins that are forecast at a time: bounded memory."""

Lags = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Driven:
    """One such autoregression.

    Attributes
    ----------
    difference
        The step of the differences, 0 for none.
    lags
        The lags of the series.
    features
        The inputs that it reads, at their delays, by their number in `Drive.pushes`.
    penalty
        The number of its penalty in `PENALTIES`.
    weights
        First those of the lags, then those of the inputs, then c.
    """

    difference: int
    lags: Lags
    features: Int[np.ndarray, " input"]
    penalty: int
    weights: Float[np.ndarray, " feature"]

    def forecast(
        self,
        x: Float[np.ndarray, " time"],
        pushes: Float[np.ndarray, "origin steps feature"],
        origins: Int[np.ndarray, " origin"],
    ) -> Float[np.ndarray, "origin steps"]:
        """Closed-loop forecasts of a standardised series; `pushes` as of `Drive.pushes`."""
        d, lags, steps = self.difference, np.array(self.lags), pushes.shape[1]
        reach = int(lags.max()) + d
        rows = np.maximum(origins[:, None] + np.arange(-reach, 0), 0)
        known = np.concatenate([x[rows], np.zeros((len(origins), steps))], axis=1)
        pushed = pushes[..., self.features] @ self.weights[len(lags) : -1] + self.weights[-1]
        for k in range(steps):
            at = reach + k
            past = known[:, at - lags]
            if d:
                past = past - known[:, at - lags - d]
            step = past @ self.weights[: len(lags)] + pushed[:, k]
            known[:, at] = step + (known[:, at - d] if d else 0.0)
        return known[:, reach:]


@dataclass(frozen=True, eq=False)
class DrivenAutoregression:
    """The mean of the best of them; a `Component` of the series whose inputs it holds.

    Attributes
    ----------
    models
        The models, of a standardised series.
    shares
        Their weights in the mean.
    drive
        The inputs, in their own units.
    center, scale
        Mean and standard deviation of the values that they were fitted to, and of all inputs
        at the same time.
    moves
        Which of the inputs changed then; the others say nothing.
    name
        Its name in tables.
    """

    models: tuple[Driven, ...]
    shares: Float[np.ndarray, " model"]
    drive: Drive
    center: tuple[float, Float[np.ndarray, " input"]]
    scale: tuple[float, Float[np.ndarray, " input"]]
    moves: Bool[np.ndarray, " input"]
    name: str = "driven autoregression"

    @classmethod
    def fit(
        cls,
        values: Float[np.ndarray, " time"],
        drive: Drive,
        seasons: tuple[int, ...],
        steps: int,
    ) -> "DrivenAutoregression":
        """Fit to all values; of the inputs, those at the same time are read.

        Parameters
        ----------
        values
            All that may be seen, without NaN.
        drive
            The inputs at these times, and maybe later.
        seasons
            Seasons in steps.
        steps
            The longest lead time that matters.
        """
        n, steps = len(values), min(steps, JUDGED)
        seen = drive.columns(n)
        center = float(values.mean()), seen.mean(axis=0)
        scale = float(_spread(values)), _spread(seen)
        moves = np.ptp(seen - center[1], axis=0) > 1e-9 * scale[1]
        x = (values - center[0]) / scale[0]
        u = drive.standardised(center[1], scale[1], moves)
        chosen = _best(x, u.fitted(int(FITTED * n), seasons, steps), seasons, steps)
        errors = np.array([error for error, _ in chosen])
        shares = 1 / np.maximum(errors, 1e-12) ** 2
        models = tuple(_refitted(x, u.columns(n), one) for _, one in chosen)
        drive = replace(drive, models=u.fitted(n, seasons, steps).models)
        return cls(models, shares / shares.sum(), drive, center, scale, moves)

    def on(self, drive: Drive) -> "DrivenAutoregression":
        """The same model with other inputs, such as those that go on into the future."""
        same = replace(drive, cyclic=self.drive.cyclic, models=self.drive.models)
        return replace(self, drive=same)

    def forecast(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """Forecast from each origin; see `Component.forecast`."""
        x = (values - self.center[0]) / self.scale[0]
        u = self.drive.standardised(self.center[1], self.scale[1], self.moves)
        longest = max(int(one.features.max(initial=0)) for one in self.models)
        delays = longest // max(1, u.width)
        made = [np.empty((0, steps))]
        with np.errstate(over="ignore", invalid="ignore"):
            for first in range(0, len(origins), CHUNK):
                some = origins[first : first + CHUNK]
                pushes = {
                    d: u.pushes(some, steps, d, delays)
                    for d in {one.difference for one in self.models}
                }
                each = [one.forecast(x, pushes[one.difference], some) for one in self.models]
                made.append(np.tensordot(self.shares, each, 1))
        mean = np.concatenate(made) * self.scale[0] + self.center[0]
        return within_range(mean, values, origins)


def _spread(x):
    """The standard deviation along time; 1 where it is rounding, which is not blown up."""
    spread = x.std(axis=0)
    return np.where(spread > 1e-12 * np.abs(x).max(axis=0, initial=0.0), spread, 1.0)


def differenced(
    x: Float[np.ndarray, "time *columns"], step: int
) -> Float[np.ndarray, "time *columns"]:
    """Differences to `step` rows before, zeros before there are any; x itself for step 0."""
    if not step:
        return x
    return np.concatenate([np.zeros_like(x[:step]), x[step:] - x[:-step]])


def _sums(x, u, difference, lags, delays):
    """Products of all features, and of each with the value, up to the longest delay."""
    z, drive = differenced(x, difference), differenced(u, difference)
    first = difference + max(max(lags), delays)
    if len(z) - first < 2 * len(lags) + 8:
        return None
    past = [z[first - lag : len(z) - lag, None] for lag in lags]
    pushed = [drive[first - d : len(z) - d] for d in range(delays + 1)]
    A = np.concatenate([*past, *pushed, np.ones((len(z) - first, 1))], axis=1)
    return A.T @ A, A.T @ z[first:, None]


def _weights(sums, lags, features):
    """Weights for every penalty, with some features of the inputs alone."""
    gram, cross = sums
    columns = np.r_[np.arange(len(lags)), len(lags) + features, len(gram) - 1]
    return ridge_path(gram[np.ix_(columns, columns)], cross[columns], PENALTIES)[..., 0]


def _candidates(x, drive, seasons):
    """Every difference, set of lags, delay and penalty, fitted to all of x."""
    u, choices = drive.columns(len(x)), drive.features(DELAYS, len(x))
    season = next((m for m in seasons if m <= len(x) // 3), None)
    sets = [tuple(range(1, p + 1)) for p in ORDERS]
    if season is not None:
        sets += [(1, 2, season, season + 1), tuple(range(1, season + 1))]
    sets = list(dict.fromkeys(tuple(sorted(set(one))) for one in sets))
    for difference in sorted({0, 1, season or 1}):
        for lags in sets:
            fitting = [one for one in choices if len(lags) + len(one) <= len(x) / 3]
            longest = max((int(one.max(initial=0)) for one in fitting), default=0)
            delays = longest // max(1, u.shape[1])
            sums = _sums(x, u, difference, lags, delays) if fitting else None
            for features in fitting if sums else ():
                for i, weights in enumerate(_weights(sums, lags, features)):
                    yield Driven(difference, lags, features, i, weights)


def _best(x, drive, seasons, steps):
    """The candidates that err least at all lead times from origins after the fitted part."""
    n, fitted = len(x), int(FITTED * len(x))
    origins = np.linspace(fitted, n - 1, min(ORIGINS, n - fitted)).astype(int)
    ahead = origins[:, None] + np.arange(steps)
    truth, known = x[np.minimum(ahead, n - 1)], ahead < n
    found, pushes = [], {}
    with np.errstate(over="ignore", invalid="ignore"):
        for one in _candidates(x[:fitted], drive, seasons):
            if one.difference not in pushes:
                made = drive.pushes(origins, steps, one.difference, max(DELAYS))
                pushes[one.difference] = made
            squares = (one.forecast(x, pushes[one.difference], origins) - truth) ** 2
            error = float(np.sqrt(np.mean(squares, where=known)))
            found.append((error if np.isfinite(error) else np.inf, one))
    if not found:  # too short for any regression: repeat the last value
        return [(1.0, Driven(0, (1,), np.empty(0, int), 0, np.array([1.0, 0.0])))]
    return sorted(found, key=lambda pair: pair[0])[:BEST]


def _refitted(x, u, chosen: Driven) -> Driven:
    """A chosen model, fitted to all values; as it was judged where these are too few."""
    delays = int(chosen.features.max(initial=0)) // max(1, u.shape[1])
    sums = _sums(x, u, chosen.difference, chosen.lags, delays)
    if sums is None:
        return chosen
    return replace(chosen, weights=_weights(sums, chosen.lags, chosen.features)[chosen.penalty])
