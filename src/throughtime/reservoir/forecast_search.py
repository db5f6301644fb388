"""Search for the settings of a reservoir, or of polynomials of delays, that forecasts.

Settings are judged by free runs (`forecast_judging.py`): first those that did well on other
series, then some near the best, then the best with more units. A network of settings that are
fixed beforehand wins unless the best is better by a standard error over blocks of starts: of
many settings judged on a short series, the best is often the best by chance.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from throughtime._support.seeds import generator

from .closed_loop import Settings
from .closed_loop_proposals import RESERVOIRS, first_settings, nearby
from .forecast_judging import Choice, ForecastData, judged, stays
from .series_traits import Traits, series_traits

RIDGES = 10.0 ** np.arange(-12.0, 1.0, 2)
"""The penalties that are tried, on the mean over rows; those between them for the best."""

SMALL, LARGE, NEAR, BEST = 100, 400, 8, 3
"""Most units at first, and of the best; settings tried near these; and how many these are."""

PLAIN = 32
"""Units of the network that wins unless another is clearly better."""

COMMON: dict[str, Any] = {"radius": 0.9, "leak": 1.0, "input_scale": 1.0}
"""Its settings, which are tried first, beside the reservoirs of a search for flows."""

WEAK: dict[str, Any] = {"radius": 0.9, "leak": 1.0, "input_scale": 0.05, "bias_scale": 0.2}
"""A reservoir that is driven so weakly that it is nearly linear: a long memory."""

LINES = (1, 2, 4, 8, 16, 32)
"""Delays of the linear models that a search for polynomials tries."""

NO_TRAITS = Traits("map", 0.0, 0, 1)


def forecast_search(
    data: ForecastData, units: int, given: dict[str, Any], seed: int = 0
) -> Choice:
    """Find the settings of the lowest E; a plain network where they are not clearly better.

    Parameters
    ----------
    data
        The series.
    units
        Units of the reservoir.
    given
        What is fixed: any of `units`, `radius`, `leak`, `input_scale`, `bias_scale`,
        `residual`, `ridge`, `carried` and `centred`; None for what is searched.
    seed
        Of the proposals and of the reservoirs.
    """
    fixed = {name: value for name, value in given.items() if value is not None}
    modes = _modes(fixed.pop("carried", None), fixed.pop("centred", None))
    ridge, most = fixed.pop("ridge", None), fixed.pop("units", units)
    ridges = RIDGES if ridge is None else np.array([ridge])
    common: dict[str, Any] = {"order": 0, "seed": seed} | fixed
    starts: list[dict[str, Any]] = [COMMON, WEAK, *RESERVOIRS]
    first = [
        Choice(Settings(**one | {"residual": residual} | common), *mode)
        for one in starts
        for residual in (True, False)
        for mode in modes
    ]
    rng = generator(seed)

    def near(parent: Choice) -> Choice:
        moved = nearby(parent.settings, rng, NO_TRAITS, 1)
        return parent._replace(settings=replace(moved, **common))

    def of_units(choice: Choice, limit: int) -> Choice:
        return choice._replace(settings=replace(choice.settings, units=min(most, limit)))

    done = _search([of_units(one, SMALL) for one in first], near, rng, data, ridges)
    larger = []
    for one in done[:BEST]:
        closer = ridges if ridge is not None else one.settings.ridge * 10.0 ** np.arange(-2, 3)
        larger.append(judged(of_units(one, LARGE), data, closer))
    larger.sort(key=lambda choice: choice.error)
    mode = (False, True) if (False, True) in modes else modes[0]
    plain = Choice(Settings(**COMMON | {"residual": False} | common), *mode)
    plain = judged(of_units(plain, most if "units" in given else PLAIN), data, ridges)
    ordered = larger if clearly_better(larger[0], plain) else [plain, *larger]
    return next((one for one in ordered if stays(one, data)), ordered[0])


def polynomial_search(data: ForecastData, seed: int = 0) -> Choice:
    """Find delays, spacing, order and penalty of the lowest E; see `NextGeneration`.

    Parameters
    ----------
    data
        The series, without inputs.
    seed
        Of the proposals.
    """
    traits = replace(series_traits([y for y, _ in data.series]), noise=0.0, smoothing=0)
    variables, shortest = data.series[0][0].shape[1], min(len(y) for y, _ in data.series)
    proposed = [one for one in first_settings(traits, variables, 0, 1, seed) if not one.units]
    proposed += [Settings(delays=delays, order=1) for delays in LINES]
    rng = generator(seed)

    def fits(one: Settings) -> bool:
        return one.span <= shortest // 5

    def of(one: Settings) -> Choice:
        return Choice(replace(one, residual=True), carried=True, centred=False)

    def near(parent: Choice) -> Choice:
        moved = nearby(parent.settings, rng, traits, variables)
        return of(moved) if fits(moved) else parent

    done = _search([of(one) for one in proposed if fits(one)], near, rng, data, RIDGES)
    best = []
    for one in done[:BEST]:
        best.append(judged(one, data, one.settings.ridge * 10.0 ** np.arange(-2, 3)))
    best.sort(key=lambda choice: choice.error)
    return next((one for one in best if stays(one, data)), best[0])


def clearly_better(one: Choice, other: Choice) -> bool:
    """Whether a choice is better than another by a standard error over blocks of starts."""
    if not (np.isfinite(one.error) and np.isfinite(other.error)):
        return one.error < other.error
    gain = np.subtract(other.blocks, one.blocks)
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    return bool(gain.mean() > error)


def _search(
    first: Iterable[Choice],
    near: Callable[[Choice], Choice],
    rng: np.random.Generator,
    data: ForecastData,
    ridges: np.ndarray,
) -> list[Choice]:
    """All that was judged, the best first: the choices, then some near the best."""
    done: list[Choice] = []
    tried = set()

    def attempt(choice: Choice) -> None:
        key = choice.carried, choice.centred, replace(choice.settings, ridge=0.0)
        if key not in tried:
            tried.add(key)
            done.append(judged(choice, data, ridges))

    for choice in first:
        attempt(choice)
    for _ in range(NEAR):
        best = sorted(done, key=lambda choice: choice.error)[:BEST]
        attempt(near(best[int(rng.integers(len(best)))]))
    return sorted(done, key=lambda choice: choice.error)


def _modes(carried: object, centred: object) -> list[tuple[bool, bool]]:
    """Whether the state is carried, and whether windows are centred, of what may be tried."""
    if carried is None and centred is None:
        return [(True, False), (False, True)]
    if carried is None:
        return [(not centred, bool(centred))]
    if carried:
        return [(True, bool(centred))]
    return [(False, one) for one in ((True, False) if centred is None else (bool(centred),))]
