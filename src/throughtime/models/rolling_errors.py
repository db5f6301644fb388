"""Errors of models from rolling origins, in the last part of a series."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from .component import Component

TEMPER, LEAST = 0.5, 1e-3
"""The power of a place's squared errors that these are divided by when models are weighed, and
the smallest of them, relative to their mean."""

MAX_ORIGINS = 200
"""Rolling origins from which models are judged."""


@dataclass(frozen=True, eq=False)
class RollingErrors:
    """Errors of several models from rolling origins, on values that they were not fitted to.

    Attributes
    ----------
    origins
        The origins.
    errors
        Truth minus forecast; NaN beyond the end of the series, infinite for a forecast that is
        not finite.
    rows
        Number of values that the origins run over.
    """

    origins: Int[np.ndarray, " origin"]
    errors: Float[np.ndarray, "component origin steps"]
    rows: int

    @classmethod
    def of(
        cls,
        components: Sequence[Component],
        values: Float[np.ndarray, " time"],
        first: int,
        steps: int,
        filled: Bool[np.ndarray, " time"] | None = None,
    ) -> "RollingErrors":
        """Forecast from origins in `values[first:]` with models fitted to `values[:first]`.

        Values that were filled are no truth, and no origins: they depend on what follows.
        """
        origins = rolling_origins(first, len(values))
        if filled is not None:
            origins = origins[~filled[origins - 1]]
        if not len(origins):
            return cls(origins, np.empty((len(components), 0, steps)), 0)
        truth = values_ahead(values, origins, steps, filled)
        forecasts = np.stack([one.forecast(values, origins, steps) for one in components])
        errors = truth - np.where(np.isfinite(forecasts), forecasts, np.inf)
        return cls(origins, errors, len(values) - first)

    def of_mean(
        self, weights: Float[np.ndarray, "steps component"]
    ) -> Float[np.ndarray, "origin steps"]:
        """The errors of a weighted mean of the forecasts."""
        used = np.flatnonzero(weights.any(axis=0))
        return np.einsum("cok,kc->ok", self.errors[used], weights[:, used])

    def moments(self, first: int, last: int) -> Float[np.ndarray, "component component"]:
        r"""The second moments of the errors at the lead times `first` to `last`, tempered.

        With the mean $s$ of the squared errors of all models at one place, and its mean over
        all places, errors are divided by $(s / \bar s)^{1/4}$: what no model foresees would
        outweigh all the rest otherwise.
        """
        e = self.errors[:, :, first - 1 : last].reshape(len(self.errors), -1)
        e = e[:, ~np.isnan(e).any(axis=0)]
        s = np.mean(e**2, axis=0)
        if s.any() and np.isfinite(s).all():
            e = e / np.maximum(s / s.mean(), LEAST) ** (TEMPER / 2)
        return e @ e.T / max(e.shape[1], 1)

    def count(self, first: int, last: int) -> float:
        r"""About how many independent forecasts say what the errors are at these lead times.

        Forecasts that overlap may still err independently: what is wrong with that of a sine
        in noise is the noise. So with the autocorrelations $\rho_j$ of the errors of one lead
        time, $N$ origins are worth $N / (1 + 2 \sum_j \rho_j^2)$ for a variance (Bartlett
        1946); errors k steps ahead of a good forecast depend on those of k - 1 steps before
        and after, and no further. It is at least the number that do not overlap.

        References
        ----------
        Bartlett, "On the theoretical specification and sampling properties of autocorrelated
        time-series", *Supplement to the Journal of the Royal Statistical Society* 8, 1946.
        """
        rows = max(self.rows, 1)
        apart, known = rows / ((first + last) / 2), self.errors[~self.diverged()]
        leads = range(first, min(last, known.shape[2]) + 1)
        if not known.size or not leads:
            return apart
        spacing = np.diff(self.origins).mean() if len(self.origins) > 1 else 1.0
        worth = [_independent(known[:, :, k - 1], k, spacing) for k in leads]
        return float(np.clip(np.mean(worth), apart, rows))

    def diverged(self) -> np.ndarray:
        """Which models have a forecast that is not finite."""
        return np.asarray(np.isinf(self.errors).any(axis=(1, 2)))


def rolling_origins(
    first: int, end: int, most: int = MAX_ORIGINS
) -> Int[np.ndarray, " origin"]:
    """Evenly spaced origins, from `first` values known to `end` - 1."""
    return np.unique(np.linspace(first, end - 1, min(most, end - first)).round().astype(int))


def values_ahead(
    values: Float[np.ndarray, " time"],
    origins: Int[np.ndarray, " origin"],
    steps: int,
    filled: Bool[np.ndarray, " time"] | None = None,
) -> Float[np.ndarray, "origin steps"]:
    """What follows each origin; NaN beyond the end of the series, and where it was filled."""
    if filled is not None:
        values = np.where(filled, np.nan, values)
    rows = origins[:, None] + np.arange(steps)
    ahead = np.where(rows < len(values), values[np.minimum(rows, len(values) - 1)], np.nan)
    return np.asarray(ahead, np.float64)


def _independent(
    errors: Float[np.ndarray, "component origin"], lead: int, spacing: float
) -> float:
    """How many independent errors those of one lead time are worth for their variance."""
    e = errors[:, ~np.isnan(errors).any(axis=0)]
    N = e.shape[1]
    reach = min(int(np.ceil(lead / spacing)), N)
    power = np.abs(np.fft.rfft(e, 2 * N + 1, axis=1)) ** 2
    products = np.fft.irfft(power, 2 * N + 1, axis=1)[:, :reach]
    rho = products[:, 1:] / np.maximum(products[:, :1], np.finfo(float).tiny)
    return N / float(1 + 2 * np.sum(np.mean(rho**2, axis=0)))
