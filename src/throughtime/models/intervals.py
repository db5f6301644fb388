"""Prediction intervals of several levels around a forecast, and the quantiles they make."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import ndtri

from throughtime.errors import InputError

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Nominal coverages of the intervals of a forecast, beside the level that was asked for."""


@dataclass(frozen=True, eq=False)
class Intervals:
    """Central prediction intervals of several levels around a forecast.

    Between the levels they are interpolated, linearly in the normal score of the level; beyond
    the highest they go on in proportion to it, as those of a normal distribution do.

    Attributes
    ----------
    levels
        Nominal coverages, increasing, in (0, 1).
    center
        The forecast: the median.
    lower, upper
        The bounds, with the level as a first axis; infinite where they are not known.
    least
        What no bound of another level and no quantile lies below; one for each target.
    """

    levels: tuple[float, ...]
    center: Float[np.ndarray, "*shape"]
    lower: Float[np.ndarray, "level *shape"]
    upper: Float[np.ndarray, "level *shape"]
    least: float | Float[np.ndarray, " target"] = -np.inf

    @classmethod
    def around(
        cls,
        center: Float[np.ndarray, "*shape"],
        margins: Float[np.ndarray, "level steps target"],
        levels: Sequence[float],
    ) -> "Intervals":
        """Intervals that reach as far below the forecast as above it, from every origin."""
        origins = (1,) * (center.ndim - margins.ndim + 1)
        margins = margins.reshape(len(levels), *origins, *margins.shape[1:])
        return cls(tuple(levels), center, center - margins, center + margins)

    @classmethod
    def stacked(cls, parts: "Sequence[Intervals]") -> "Intervals":
        """Those of several targets, one after the other along a last axis."""
        center, lower, upper = (
            np.stack([getattr(one, name) for one in parts], axis=-1)
            for name in ("center", "lower", "upper")
        )
        least = np.array([one.least for one in parts], np.float64)
        return cls(parts[0].levels, center, lower, upper, least)

    @classmethod
    def joined(cls, parts: "Sequence[Intervals]") -> "Intervals":
        """Those of several series, one after the other along the axis of the origins."""
        center = np.concatenate([one.center for one in parts])
        bounds = [
            np.concatenate([getattr(one, name) for one in parts], axis=1)
            for name in ("lower", "upper")
        ]
        return cls(parts[0].levels, center, *bounds)

    def at(
        self, level: float | int
    ) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
        """The lower and the upper bounds of the interval of a level, in (0, 1).

        Raises
        ------
        InputError
            If the level is not in (0, 1).
        """
        if not 0 < level < 1:
            raise InputError("`level` must lie between 0 and 1", level, "Pass one such as 0.9.")
        if level in self.levels:
            i = self.levels.index(level)
            return self.lower[i], self.upper[i]
        return self._bound(self.lower, level), self._bound(self.upper, level)

    def quantile(self, share: float | int) -> Float[np.ndarray, "*shape"]:
        """The quantile of a share, in (0, 1): the value below which that share is expected.

        Raises
        ------
        InputError
            If the share is not in (0, 1).
        """
        if not 0 < share < 1:
            rule = "the share of a quantile must lie between 0 and 1"
            raise InputError(rule, share, "Pass one such as 0.1.")
        if share == 0.5:
            return self.center
        return self.at(round(abs(2 * share - 1), 12))[int(share > 0.5)]

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares of the quantiles that the bounds and the median are."""
        below = [(1 - level) / 2 for level in reversed(self.levels)]
        return (*below, 0.5, *((1 + level) / 2 for level in self.levels))

    def quantiles(self) -> Float[np.ndarray, "*shape share"]:
        """These quantiles, along a last axis."""
        center = self.center[None]
        return np.moveaxis(np.concatenate([self.lower[::-1], center, self.upper]), 0, -1)

    def completed(self, center: Float[np.ndarray, "*shape"]) -> "Intervals":
        """Another forecast, without intervals, where there is none."""
        missing = np.isnan(self.center)
        return replace(
            self,
            center=np.where(missing, center, self.center),
            lower=np.where(missing, -np.inf, self.lower),
            upper=np.where(missing, np.inf, self.upper),
        )

    def known(self) -> "Intervals":
        """The levels whose bounds are known everywhere."""
        finite = np.isfinite(self.lower) & np.isfinite(self.upper)
        some = np.flatnonzero(finite.all(axis=tuple(range(1, finite.ndim))))
        levels = tuple(self.levels[i] for i in some)
        return Intervals(levels, self.center, self.lower[some], self.upper[some], self.least)

    def _bound(self, bounds, level):
        z = ndtri((1 + np.array([0.0, *self.levels])) / 2)
        at = ndtri((1 + level) / 2)
        reach = np.concatenate([np.zeros((1, *self.center.shape)), bounds - self.center])
        if at >= z[-1]:
            return np.maximum(self.center + reach[-1] * (at / z[-1]), self.least)
        j = int(np.searchsorted(z, at))
        share = (at - z[j - 1]) / (z[j] - z[j - 1])
        return self.center + (1 - share) * reach[j - 1] + share * reach[j]


def unknown_intervals(
    lower: Float[np.ndarray, "*shape"], upper: Float[np.ndarray, "*shape"]
) -> Bool[np.ndarray, "*shape"]:
    """Where there is no interval: one that holds everything, because nothing calibrated it."""
    return np.isneginf(lower) & np.isposinf(upper)


def with_level(level: float | int) -> tuple[float, ...]:
    """The levels of a forecast of which one level was asked for."""
    return tuple(sorted({*LEVELS, float(level)}))
