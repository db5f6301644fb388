r"""An autoregression that is driven by inputs known ahead.

$$z_t = \sum_{l \in L} a_l z_{t-l} + \sum_{d=0}^{D} B_d \cdot u_{t-d} + c + \varepsilon_t$$

where z is the series or its differences, to the step before or to the season before, and u are
the inputs, differenced alike. Lags, delays, differences and the penalty are chosen by
closed-loop forecasts from rolling origins; one matrix of products serves all of them. Inputs
act at once or after a delay; through the lags they act on, so an oscillator that is driven is
among the models.

References
----------
Ljung, *System Identification: Theory for the User*, 1999 (ARX models).
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

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
    delays
        The largest delay of the inputs.
    penalty
        The number of its penalty in `PENALTIES`.
    weights
        First those of the lags, then those of the inputs at delays 0, 1, ..., then c.
    """

    difference: int
    lags: Lags
    delays: int
    penalty: int
    weights: Float[np.ndarray, " feature"]

    def forecast(
        self,
        x: Float[np.ndarray, " time"],
        u: Float[np.ndarray, "span input"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """Closed-loop forecasts of a standardised series from each origin."""
        d, lags = self.difference, np.array(self.lags)
        reach = int(lags.max()) + d
        rows = np.maximum(origins[:, None] + np.arange(-reach, 0), 0)
        known = np.concatenate([x[rows], np.zeros((len(origins), steps))], axis=1)
        drive = differenced(u, d)
        ahead = origins[:, None] + np.arange(steps)
        pushed = drive[
            np.clip(ahead[..., None] - np.arange(self.delays + 1), 0, len(drive) - 1)
        ].reshape(len(origins), steps, -1)
        pushed = pushed @ self.weights[len(lags) : -1] + self.weights[-1]
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
    inputs
        The inputs, which may go on beyond the end of the series.
    center, scale
        Mean and standard deviation of the values that they were fitted to, and of the inputs
        at the same time.
    name
        Its name in tables.
    """

    models: tuple[Driven, ...]
    shares: Float[np.ndarray, " model"]
    inputs: Float[np.ndarray, "span input"]
    center: tuple[float, Float[np.ndarray, " input"]]
    scale: tuple[float, Float[np.ndarray, " input"]]
    name: str = "driven autoregression"

    @classmethod
    def fit(
        cls,
        values: Float[np.ndarray, " time"],
        inputs: Float[np.ndarray, "span input"],
        seasons: tuple[int, ...],
        steps: int,
    ) -> "DrivenAutoregression":
        """Fit to all values; of the inputs, those at the same time are read.

        Parameters
        ----------
        values
            All that may be seen, without NaN.
        inputs
            The inputs at these times, and maybe later.
        seasons
            Seasons in steps.
        steps
            The longest lead time that matters.
        """
        n = len(values)
        center = float(values.mean()), inputs[:n].mean(axis=0)
        scale = float(_spread(values)), _spread(inputs[:n])
        x, u = (values - center[0]) / scale[0], (inputs - center[1]) / scale[1]
        chosen = _best(x, u[:n], seasons, min(steps, JUDGED))
        errors = np.array([error for error, _ in chosen])
        shares = 1 / np.maximum(errors, 1e-12) ** 2
        models = tuple(_refitted(x, u[:n], one) for _, one in chosen)
        return cls(models, shares / shares.sum(), inputs, center, scale)

    def on(self, inputs: Float[np.ndarray, "span input"]) -> "DrivenAutoregression":
        """The same model with other inputs, such as those that go on into the future."""
        return replace(self, inputs=inputs)

    def forecast(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """Forecast from each origin; see `Component.forecast`."""
        x = (values - self.center[0]) / self.scale[0]
        u = (self.inputs - self.center[1]) / self.scale[1]
        with np.errstate(over="ignore", invalid="ignore"):
            made = [one.forecast(x, u, origins, steps) for one in self.models]
            mean = np.tensordot(self.shares, made, 1)
        return within_range(mean * self.scale[0] + self.center[0], values, origins)


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


def _sums(x, u, difference, lags):
    """Products of all features, and of each with the value, for the longest delay."""
    z, drive = differenced(x, difference), differenced(u, difference)
    first = difference + max(max(lags), max(DELAYS))
    if len(z) - first < 2 * len(lags) + 8:
        return None
    past = [z[first - lag : len(z) - lag, None] for lag in lags]
    pushed = [drive[first - d : len(z) - d] for d in range(max(DELAYS) + 1)]
    A = np.concatenate([*past, *pushed, np.ones((len(z) - first, 1))], axis=1)
    return A.T @ A, A.T @ z[first:, None]


def _weights(sums, lags, delays, inputs):
    """Weights for every penalty, with inputs at the first delays alone."""
    gram, cross = sums
    used = len(lags) + (delays + 1) * inputs
    columns = np.r_[np.arange(used), len(gram) - 1]
    return ridge_path(gram[np.ix_(columns, columns)], cross[columns], PENALTIES)[..., 0]


def _candidates(x, u, seasons):
    """Every difference, set of lags, delay and penalty, fitted to all of x."""
    season = next((m for m in seasons if m <= len(x) // 3), None)
    sets = [tuple(range(1, p + 1)) for p in ORDERS]
    if season is not None:
        sets += [(1, 2, season, season + 1), tuple(range(1, season + 1))]
    sets = list(dict.fromkeys(tuple(sorted(set(one))) for one in sets))
    for difference in sorted({0, 1, season or 1}):
        for lags in sets:
            sums = _sums(x, u, difference, lags)
            for delays in DELAYS if sums else ():
                if len(lags) + (delays + 1) * u.shape[1] <= len(x) / 3:
                    for i, weights in enumerate(_weights(sums, lags, delays, u.shape[1])):
                        yield Driven(difference, lags, delays, i, weights)


def _best(x, u, seasons, steps):
    """The candidates that err least at all lead times from origins after the fitted part."""
    n, fitted = len(x), int(FITTED * len(x))
    origins = np.linspace(fitted, n - 1, min(ORIGINS, n - fitted)).astype(int)
    ahead = origins[:, None] + np.arange(steps)
    truth, known = x[np.minimum(ahead, n - 1)], ahead < n
    found = []
    with np.errstate(over="ignore", invalid="ignore"):
        for one in _candidates(x[:fitted], u[:fitted], seasons):
            squares = (one.forecast(x, u, origins, steps) - truth) ** 2
            error = float(np.sqrt(np.mean(squares, where=known)))
            found.append((error if np.isfinite(error) else np.inf, one))
    if not found:  # too short for any regression: repeat the last value
        last = np.r_[1.0, np.zeros(u.shape[1] + 1)]
        return [(1.0, Driven(0, (1,), 0, 0, last))]
    return sorted(found, key=lambda pair: pair[0])[:BEST]


def _refitted(x, u, chosen: Driven) -> Driven:
    """A chosen model, fitted to all values; as it was judged where these are too few."""
    sums = _sums(x, u, chosen.difference, chosen.lags)
    if sums is None:
        return chosen
    paths = _weights(sums, chosen.lags, chosen.delays, u.shape[1])
    return replace(chosen, weights=paths[chosen.penalty])
