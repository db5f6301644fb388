"""How a series is read before any model is fitted: seasons, transform, wrong data, bounds."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from throughtime.stamps.time_axis import Times

from .intermittent import is_intermittent
from .outliers import clean
from .seasonality import find_seasons
from .transforms import Transform, choose_transform


@dataclass(frozen=True)
class Recipe:
    """What beside a network makes a forecast, and how a series is read.

    Attributes
    ----------
    core, prior
        Whether the linear core and the recurrent prior take part.
    season
        The seasons in steps; None for those that show.
    transform
        `none` or `log`; None for the one that the series asks for.
    lower
        A bound that no forecast passes, minus infinity for none; None for 0 where the series
        shows it.
    """

    core: bool = True
    prior: bool = True
    season: tuple[int, ...] | None = None
    transform: str | None = None
    lower: float | None = None

    @classmethod
    def of(
        cls,
        core: str | None,
        prior: str | None,
        season: int | tuple[int, ...] | None,
        transform: str | None,
        lower: float | str | None,
    ) -> "Recipe":
        """The recipe of a forecaster's settings of these names."""
        if season is not None:
            season = (season,) if isinstance(season, int) else tuple(season)
        bound = -np.inf if lower == "none" else None if lower is None else float(lower)
        return cls(core is not None, prior is not None, season, transform, bound)


DEFAULT = Recipe()
"""Core and prior, with whatever the series shows."""


@dataclass(frozen=True)
class Traits:
    """What a series shows before any model is fitted.

    Attributes
    ----------
    seasons
        Its seasons in steps, shortest first.
    transform
        The transform in which the models see it, beside the values as they are.
    wrong
        Rows that are plainly wrong, and replaced.
    lower
        A bound that no forecast passes; minus infinity for none.
    intermittent
        Whether it is often 0, and never below.
    """

    seasons: tuple[int, ...]
    transform: Transform
    wrong: Int[np.ndarray, " row"]
    lower: float = -np.inf
    intermittent: bool = False


def read_traits(
    values: Float[np.ndarray, " time"], times: Times | None, recipe: Recipe
) -> tuple[Traits, Float[np.ndarray, " time"]]:
    """The traits of a series, and its values without what is plainly wrong.

    A few values that are wrong hide a season: it is looked for again without them, and with it
    they are found and replaced once more.
    """
    seasons = find_seasons(values, times) if recipe.season is None else recipe.season
    seasons = _fitting(seasons, values)
    cleaned, wrong = clean(values, seasons)
    if len(wrong) and recipe.season is None:
        found = _fitting(find_seasons(cleaned, times), values)
        if found != seasons:
            seasons = found
            cleaned, wrong = clean(values, seasons)
    values = cleaned
    intermittent = is_intermittent(values)
    if recipe.transform is None and not intermittent:
        transform = choose_transform(values, seasons)
    else:  # of what is mostly 0, the mean of roots says little of the mean
        transform = Transform.fit(values, 0.0 if recipe.transform == "log" else 1.0)
    lower = found_bound(values) if recipe.lower is None else recipe.lower
    return Traits(seasons, transform, wrong, lower, intermittent), values


def _fitting(seasons: tuple[int, ...], values: np.ndarray) -> tuple[int, ...]:
    """The seasons that are shorter than the series, the shortest first."""
    return tuple(sorted({m for m in seasons if 1 < m < len(values)}))


def found_bound(values: Float[np.ndarray, " time"]) -> float:
    """0 for a series that reaches it, or counts, and never passes it; else minus infinity."""
    counts = bool((values == np.round(values)).all())
    shown = values.min() == 0 or (values.min() > 0 and counts)
    return 0.0 if shown else -np.inf
