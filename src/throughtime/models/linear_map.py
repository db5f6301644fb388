"""Forecasts that are one linear map of the last values, and the choice among such maps."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

BLOCK = 64
"""Most lead times of one map. Later ones come from feeding its forecasts back."""

FITTED = 0.72
"""Share of the values that candidates are fitted to. They are judged on the rest."""

ORIGINS = 60
"""Most rolling origins that candidates are judged from."""

BEST = 5
"""How many of the candidates of a group are used; the best alone would follow the noise of the
few origins."""

WIDENED = 10.0
"""Forecasts stay within the range of the known values, widened on each side by this many times
its width."""


@dataclass(frozen=True, eq=False)
class LinearMaps:
    r"""Linear maps from the last q values to K lead times.

    $$\hat x_{T+k} = c_k + \sum_{j=1}^{q} M_{kj} x_{T-q+j}, \qquad k = 1, \dots, K$$

    Attributes
    ----------
    matrices
        M of each map; the oldest value comes first.
    constants
        c of each map.
    """

    matrices: Float[np.ndarray, "maps steps window"]
    constants: Float[np.ndarray, "maps steps"]

    def forecast(
        self, x: Float[np.ndarray, " time"], origins: Int[np.ndarray, " origin"]
    ) -> Float[np.ndarray, "maps origin steps"]:
        """The forecasts of every map from every origin."""
        windows = windows_before(x, origins, self.matrices.shape[2])
        return windows @ self.matrices.transpose(0, 2, 1) + self.constants[:, None]

    def only(self, index: int) -> "LinearMaps":
        """The map at this index, alone."""
        return LinearMaps(self.matrices[index : index + 1], self.constants[index : index + 1])

    def gain(self) -> float:
        r"""How strongly forecasts answer the window at most, $\max_k \sum_j |M_{kj}|$."""
        return float(np.abs(self.matrices).sum(axis=2).max())


@runtime_checkable
class Family(Protocol):
    """Candidates: groups of keys, such as sets of lags, and several maps for each key."""

    def groups(self) -> list[list[Any]]:
        """The keys. The best candidates of each group are used."""
        ...

    def maps(self, x: Float[np.ndarray, " time"], key: Any) -> LinearMaps | None:
        """Fit the maps of one key, always in the same order; None if `x` is too short."""
        ...


@dataclass(frozen=True, eq=False)
class LinearForecast:
    """A linear map as a `Component`.

    Attributes
    ----------
    name
        Its name in tables.
    matrix, constant
        The map of standardised values; see `LinearMaps`.
    center, scale
        Mean, and mean distance from it, of the values that it was fitted to.
    logarithm
        Whether it maps logarithms. `center` and `scale` are theirs then.
    floor
        What smaller values count as before a logarithm is taken.
    """

    name: str
    matrix: Float[np.ndarray, "steps window"]
    constant: Float[np.ndarray, " steps"]
    center: float
    scale: float
    logarithm: bool = False
    floor: float = 0.0

    def forecast(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """Forecast from each origin; see `Component.forecast`."""
        lead_times, length = self.matrix.shape
        y = np.log(np.maximum(values, self.floor)) if self.logarithm else values
        known = windows_before((y - self.center) / self.scale, origins, length)
        blocks = []
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(0, steps, lead_times):
                blocks.append(known @ self.matrix.T + self.constant)
                known = np.concatenate([known, blocks[-1]], axis=1)[:, -length:]
            forecasts = np.concatenate(blocks, axis=1)[:, :steps] * self.scale + self.center
            forecasts = np.exp(forecasts) if self.logarithm else forecasts
        return within_range(forecasts, values, origins)


def windows_before(
    x: Float[np.ndarray, " time"], origins: Int[np.ndarray, " origin"], length: int
) -> Float[np.ndarray, "origin window"]:
    """The last values before each origin; where there are too few, the first is repeated."""
    return x[np.maximum(origins[:, None] + np.arange(-length, 0), 0)]


def within_range(
    forecasts: Float[np.ndarray, "origin steps"],
    values: Float[np.ndarray, " time"],
    origins: Int[np.ndarray, " origin"],
) -> Float[np.ndarray, "origin steps"]:
    """Keep forecasts near the values known at their origin.

    What is not a number becomes the last value; see also `WIDENED`.
    """
    low = np.minimum.accumulate(values)[origins - 1][:, None]
    high = np.maximum.accumulate(values)[origins - 1][:, None]
    last, room = values[origins - 1][:, None], WIDENED * (high - low)
    return np.clip(np.where(np.isnan(forecasts), last, forecasts), low - room, high + room)


def fit_linear(
    name: str,
    values: Float[np.ndarray, " time"],
    steps: int,
    family: Family,
    logarithm: bool = False,
) -> LinearForecast:
    r"""Choose among a family's maps by rolling origins, then fit the chosen to all values.

    Candidates are fitted to the first part of the values and forecast the rest. The map that
    comes out is the mean of the best of each group, with weights $1/e^2$ for errors e.

    Parameters
    ----------
    name
        The component's name.
    values
        All that may be seen.
    steps
        Lead times of the maps.
    family
        The candidates.
    logarithm
        Fit to logarithms. Candidates are judged by the errors of the values still.
    """
    y = np.log(values) if logarithm else values
    center = float(y.mean())
    scale = float(np.abs(y - center).mean())
    if scale <= 1e-14 * abs(center):
        scale = 1.0  # a constant
    x = (y - center) / scale
    trial = _Trial.on(x, steps, scale if logarithm else None)
    chosen = [one for keys in family.groups() for one in trial.best(family, keys)]
    if not chosen:  # too short for any regression: repeat the last value
        chosen = [_Candidate(None, LinearMaps(np.ones((1, steps, 1)), np.zeros((1, steps))))]
    floor = float(values.min()) / 10 if logarithm else 0.0
    matrix, constant = _mean(_refitted(x, family, chosen), [one.error for one in chosen])
    return LinearForecast(name, matrix, constant, center, scale, logarithm, floor)


@dataclass(frozen=True, eq=False)
class _Candidate:
    """One map of a family: its key, itself as it was judged, its error and its index."""

    key: Hashable
    judged: LinearMaps
    error: float = 1.0
    index: int = 0


@dataclass(frozen=True, eq=False)
class _Trial:
    """The rolling origins that candidates are judged from, and what came after them.

    `growth` is the scale of logarithms, if x are logarithms.
    """

    x: Float[np.ndarray, " time"]
    fitted: int
    origins: Int[np.ndarray, " origin"]
    truth: Float[np.ndarray, "origin steps"]
    known: Bool[np.ndarray, "origin steps"]
    growth: float | None

    @classmethod
    def on(cls, x, steps, growth):
        n, fitted = len(x), int(FITTED * len(x))
        x = x - x[: max(fitted, 1)].mean()
        origins = np.linspace(fitted, n - 1, min(ORIGINS, n - fitted)).astype(int)
        target = origins[:, None] + np.arange(steps)
        truth = x[np.minimum(target, n - 1)]
        return cls(x, fitted, origins, truth, target < n, growth)

    def best(self, family: Family, keys: list[Any]) -> list[_Candidate]:
        """The candidates that err least among the maps of some keys."""
        tried = []
        for key in keys:
            maps = family.maps(self.x[: self.fitted], key)
            if maps is not None:
                errors = self.error(maps.forecast(self.x, self.origins))
                tried += [(float(error), i, key, maps) for i, error in enumerate(errors)]
        best = sorted(tried, key=lambda one: one[0])[:BEST]
        return [_Candidate(key, maps.only(i), error, i) for error, i, key, maps in best]

    def error(
        self, forecasts: Float[np.ndarray, "maps origin steps"]
    ) -> Float[np.ndarray, " maps"]:
        """The root mean squared error at each lead time, averaged over lead times."""
        truth = self.truth
        with np.errstate(over="ignore", invalid="ignore"):
            if self.growth is not None:
                forecasts, truth = np.exp(self.growth * forecasts), np.exp(self.growth * truth)
            squares = np.where(self.known, (forecasts - truth) ** 2, 0.0).sum(axis=1)
            error = np.sqrt(squares / np.maximum(self.known.sum(axis=0), 1))
            error = error[:, self.known.any(axis=0)].mean(axis=1)
        return np.where(np.isnan(error), np.inf, error)


def _refitted(x, family, chosen):
    """The chosen maps, fitted to all of x.

    A refit that answers its window more than twice as strongly as the map that was judged is
    not trusted, and that one is taken as it is: it may be explosive.
    """
    fits = {one.key: family.maps(x, one.key) for one in chosen if one.key is not None}
    maps = []
    for one in chosen:
        fit = fits.get(one.key)
        refit = one.judged if fit is None else fit.only(one.index)
        trusted = refit.gain() <= 2 * one.judged.gain() + 1
        maps.append(refit if trusted else one.judged)
    return maps


def _mean(maps: Sequence[LinearMaps], errors: Sequence[float]):
    """The mean of single maps, with weights from their errors."""
    length = max(one.matrices.shape[2] for one in maps)
    matrices = [
        np.pad(one.matrices[0], ((0, 0), (length - one.matrices.shape[2], 0))) for one in maps
    ]
    least = max(min(errors), 1e-12)
    weights = np.array([(least / max(error, least)) ** 2 for error in errors])
    weights /= weights.sum()
    return np.tensordot(weights, matrices, 1), weights @ [one.constants[0] for one in maps]
