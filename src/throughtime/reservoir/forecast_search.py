r"""Search for the settings of an echo state network that forecasts: judged by its free runs.

$$h_t = (1 - a) h_{t-1} + a \tanh(W h_{t-1} + U (y_{t-1}, x_t) + b), \qquad
  y_t = r y_{t-1} + V h_t + c$$

r is 1 with `residual` and else 0. The network either carries its state along the series, or
reads a window before each forecast, from zero; then it may measure y from the first value of
the window (`centred`), for a series whose level drifts.

From many starts in the last part of the series the network runs free, and

$$E = \exp \frac{1}{K} \sum_{k=1}^{K} \ln e_{h_k}$$

is the geometric mean over lead times h = 1, 2, 3, 4, 6, 8, ... of the root mean squared error
over starts: so the error of a step counts as much as that of far ahead, on a noisy series and
on an exact one. Each error is at most `LOST` standard deviations.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from throughtime._support.seeds import generator

from .closed_loop import Features, Pair, Place, Settings, free_runs
from .closed_loop_model import readouts
from .closed_loop_proposals import RESERVOIRS, nearby
from .regression_sums import Gram
from .series_traits import Traits
from .states import drive, step

RIDGES = 10.0 ** np.arange(-12.0, 1.0, 2)
"""The penalties that are tried, on the mean over rows; those between them for the best."""

HELD_OUT = 0.3
"""The share of the series that runs are judged on, behind what the regression reads."""

SHORT = 1000
"""Below so many rows the part before what is held out is judged, too, by those before it, and
with several reservoirs."""

STARTS, RUN, HORIZON, LONG = (16, 64), 5000, 300, 1000
"""Fewest and most starts of free runs, their steps in all, the longest of them, and the steps
over which one must stay near the data."""

WASHOUT = 100
"""Most steps that the regression leaves out at the start, where states are carried."""

WINDOWS = 160
"""Most windows that a regression reads in the search."""

LOST, FLOOR, ALIKE = 3.0, 1e-4, 1.1
"""An error in standard deviations above which a run is given up; what counts as none; and how
much larger an error may be at a larger penalty, which holds free runs more firmly."""

REACH = 2, 10
"""How many times as far out as the data a long free run may go; likewise where they drift."""

SEEDS = 3
"""Reservoirs whose long free runs must stay near the data."""

SMALL, LARGE, NEAR, BEST = 100, 400, 8, 3
"""Most units at first, and of the best; settings tried near these; and how many these are."""

COMMON: dict[str, Any] = {"radius": 0.9, "leak": 1.0, "input_scale": 1.0}
"""What is tried first, beside the reservoirs of a search for flows."""

NO_TRAITS = Traits("map", 0.0, 0, 1)


class Fold(NamedTuple):
    """A series whose steps from `end` on are judged."""

    y: Float[np.ndarray, "time variable"]
    x: Float[np.ndarray, "time input"]
    end: int


class Choice(NamedTuple):
    """Settings of a network that forecasts, and the error E that they gave.

    Attributes
    ----------
    settings
        Units, radius, leak, input scale, bias scale, residual and ridge.
    carried
        Whether the state is carried along the series.
    centred
        Whether each window is measured from its first value.
    error
        E.
    """

    settings: Settings
    carried: bool
    centred: bool
    error: float = np.inf


@dataclass(frozen=True)
class ForecastData:
    """Standardised series, and how networks read them.

    Attributes
    ----------
    series
        The variables and the inputs of each.
    window, washout
        Steps that a network reads from zero, and those at first that the regression leaves out.
    dtype
        Of the states: rounding makes a readout of large weights useless.
    """

    series: Sequence[Pair]
    window: int
    washout: int
    dtype: str

    def folds(self) -> list[list[Fold]]:
        """The parts that are judged: the ends of the series, of short ones also before."""
        most = max(len(y) for y, _ in self.series)
        shares = (1 - HELD_OUT,) if most >= SHORT else (1 - 2 * HELD_OUT, 1 - HELD_OUT)
        return [
            [
                Fold(y[:end], x[:end], round(share * len(y)))
                for y, x in self.series
                for end in [round((share + HELD_OUT) * len(y))]
            ]
            for share in shares
        ]

    def seeds(self, first: int) -> range:
        """The reservoirs of a choice: several on short series, whose errors tell little."""
        short = max(len(y) for y, _ in self.series) < SHORT
        return range(first, first + (SEEDS if short else 1))

    def longest(self) -> Fold:
        """The longest series."""
        return max(self.folds()[-1], key=lambda fold: len(fold.y))

    def drifts(self) -> bool:
        """Whether what is held out leaves the range of what comes before it."""
        y, _, end = self.longest()
        before, after = y[:end], y[end:]
        margin = 0.1 * np.ptp(before, axis=0)
        low, high = before.min(0) - margin, before.max(0) + margin
        return bool((after < low).any() or (after > high).any())


def forecast_search(
    data: ForecastData, units: int, given: dict[str, Any], seed: int = 0
) -> Choice:
    """Find the settings of the lowest E.

    Parameters
    ----------
    data
        The series.
    units
        Units of the reservoir.
    given
        What is fixed: any of `radius`, `leak`, `input_scale`, `bias_scale`, `residual`,
        `ridge`, `carried` and `centred`; None for what is searched.
    seed
        Of the proposals and of the reservoirs.
    """
    fixed = {name: value for name, value in given.items() if value is not None}
    modes = _modes(fixed.pop("carried", None), fixed.pop("centred", None))
    ridge = fixed.pop("ridge", None)
    ridges = RIDGES if ridge is None else np.array([ridge])
    rng = generator(seed)
    common = {"order": 0, "units": min(units, SMALL), "seed": seed}
    done: list[Choice] = []

    def attempt(settings: Settings, carried: bool, centred: bool) -> None:
        choice = Choice(replace(settings, **common, **fixed), carried, centred)
        tried = {(c.carried, c.centred, replace(c.settings, ridge=0.0)) for c in done}
        if (carried, centred, replace(choice.settings, ridge=0.0)) not in tried:
            done.append(judged(choice, data, ridges))

    first: list[dict[str, Any]] = [COMMON, *RESERVOIRS]
    for one in first:
        for residual in (True, False):
            for mode in modes:
                attempt(Settings(residual=residual, **one), *mode)
    for _ in range(NEAR):
        best = sorted(done, key=lambda choice: choice.error)[:BEST]
        parent = best[int(rng.integers(len(best)))]
        attempt(nearby(parent.settings, rng, NO_TRAITS, 1), parent.carried, parent.centred)
    found = sorted(done, key=lambda choice: choice.error)[:BEST]
    larger = []
    for one in found:
        near = ridges if ridge is not None else one.settings.ridge * 10.0 ** np.arange(-2, 3)
        own = replace(one.settings, units=min(units, LARGE))
        larger.append(judged(one._replace(settings=own), data, near))
    larger.sort(key=lambda choice: choice.error)
    return next((one for one in larger if stays(one, data)), larger[0])


def _modes(carried: object, centred: object) -> list[tuple[bool, bool]]:
    """Whether the state is carried, and whether windows are centred, of what may be tried."""
    if carried is None and centred is None:
        return [(True, False), (False, True)]
    if carried is None:
        return [(not centred, bool(centred))]
    if carried:
        return [(True, bool(centred))]
    return [(False, one) for one in ((True, False) if centred is None else (bool(centred),))]


def judged(choice: Choice, data: ForecastData, ridges: np.ndarray) -> Choice:
    """The choice with the best of the penalties and its error."""
    squares, counts = 0.0, 0.0
    for seed, folds in product(data.seeds(choice.settings.seed), data.folds()):
        features = _features(choice, data, seed)
        path = _regression(features, choice, data, folds).path()
        if not (np.isfinite(path.squares).all() and np.isfinite(path.basis).all()):
            return choice
        V, c = readouts(path, ridges)
        for fold in folds:
            errors, known = _errors(features, choice, data, V, c, fold)
            squares, counts = squares + errors, counts + known
    logs = np.log(np.sqrt(squares / np.maximum(counts, 1)) + FLOOR)
    mean = logs[np.asarray(counts)[:, 0] > 0].mean(axis=0)
    best = int(np.flatnonzero(mean <= mean.min() + np.log(ALIKE))[-1])
    settings = replace(choice.settings, ridge=float(ridges[best]))
    return choice._replace(settings=settings, error=float(np.exp(mean[best])))


def stays(choice: Choice, data: ForecastData) -> bool:
    """Whether long free runs of several reservoirs stay where the data are, or near if these
    drift."""
    y, x, end = data.longest()
    rows = np.unique(np.linspace(end, len(y), 4).astype(int))
    reach = REACH[data.drifts()]
    for seed in range(choice.settings.seed, choice.settings.seed + SEEDS):
        features = _features(choice, data, seed)
        path = _regression(features, choice, data, data.folds()[-1]).path()
        V, c = readouts(path, [choice.settings.ridge])
        place, first = _places(features, choice, data, y, x, rows)
        V, c = (np.broadcast_to(part, (len(rows), *part.shape[1:])) for part in (V, c))
        run = free_runs(features, V, c, place, np.zeros((LONG, len(rows), x.shape[1]))) + first
        if not (np.isfinite(run).all() and (np.abs(run) <= reach * np.abs(y).max(0)).all()):
            return False
    return True


def lead_times(longest: int) -> np.ndarray:
    """1, 2, 3, 4, 6, 8, 12, 16, ... up to the longest."""
    powers = 2 ** np.arange(32)
    both = np.unique(np.concatenate([powers, 3 * powers]))
    return both[both <= longest]


def _features(choice: Choice, data: ForecastData, seed: int) -> Features:
    y, x = data.series[0]
    settings = replace(choice.settings, seed=seed)
    reservoir = settings.draw(y.shape[1], x.shape[1])
    return Features(settings, reservoir and reservoir.astype(np.dtype(data.dtype)))


def _regression(
    features: Features, choice: Choice, data: ForecastData, folds: list[Fold]
) -> Gram:
    """The sums of the regression over what is not held out."""

    def blocks():
        share = max(WINDOWS // len(folds), 1)
        for y, x, end in folds:
            if choice.carried:
                skipped = min(WASHOUT, end // 5)
                h = features.states(y[:end], x[:end])[skipped:]
                yield h, _targets(features, y[skipped:end])
                continue
            window = min(data.window, end - 1)
            rows = np.unique(np.linspace(window, end - 1, share).astype(int))
            Y, X = _windows(y, x, rows, window, 1)
            Y = Y - Y[:1] if choice.centred else Y
            h = _along(features, Y[:-1], X[1:])
            skipped = min(data.washout, window - 1)
            goals = _targets(features, Y)
            size = h.shape[-1], goals.shape[-1]
            yield h[skipped:].reshape(-1, size[0]), goals[skipped:].reshape(-1, size[1])

    return Gram.of_blocks(blocks())


def _targets(features: Features, y: np.ndarray) -> np.ndarray:
    return y[1:] - y[:-1] if features.settings.residual else y[1:]


def _windows(
    y: np.ndarray, x: np.ndarray, rows: np.ndarray, before: int, after: int
) -> tuple[np.ndarray, np.ndarray]:
    """The steps around some rows of a series, `(time, row, column)`."""
    around = rows + np.arange(-before, after)[:, None]
    return y[around], x[around]


def _along(
    features: Features,
    y: Float[np.ndarray, "time runs variable"],
    x: Float[np.ndarray, "time runs input"],
) -> Float[np.ndarray, "time runs units"]:
    """The states of many windows side by side, each from zero."""
    r = features.reservoir
    assert r is not None
    h = np.zeros((y.shape[1], r.units), r.dtype)
    states = np.empty((len(y), *h.shape), r.dtype)
    for t in range(len(y)):
        states[t] = h = step(r, drive(r, x[t], y[t]), h)
    return states


def _places(features: Features, choice: Choice, data: ForecastData, y, x, rows):
    """Where runs stand that begin at these rows, and what is added to what they give."""
    if choice.carried:
        h = np.concatenate([np.zeros((1, choice.settings.units)), features.states(y, x)])
        return Place(h[rows - 1], y[rows - 1][:, None]), 0.0
    window = min(data.window, int(rows.min()))
    Y, X = _windows(y, x, rows, window, 0)
    first = Y[0] if choice.centred else np.zeros_like(Y[0])
    Y = Y - first
    h = _along(features, Y[:-1], X[1:])
    last = h[-1] if len(h) else np.zeros((len(rows), choice.settings.units))
    return Place(last, Y[-1][:, None]), first


def _errors(features, choice, data, V, c, fold: Fold):
    """The summed squares of errors at each lead time, of each penalty, and their number."""
    y, x, end = fold
    horizon = max(min(HORIZON, (len(y) - end) // 2), 1)
    leads = lead_times(HORIZON)
    squares = np.zeros((len(leads), len(V)))
    if len(y) - end < 1 or end < 2:
        return squares, np.zeros((len(leads), 1))
    starts = int(np.clip(RUN // horizon, *STARTS))
    rows = np.unique(np.linspace(end, len(y) - max(horizon // 2, 1), starts).astype(int))
    place, first = _places(features, choice, data, y, x, rows)
    count, runs = len(rows), np.repeat(np.arange(len(V)), len(rows))
    ahead = rows + np.arange(horizon)[:, None]
    known = ahead < len(y)
    ahead = np.minimum(ahead, len(y) - 1)
    truth = np.tile(y[ahead] - first, (1, len(V), 1))
    place = Place(*(np.concatenate([part] * len(V)) for part in place))
    made = free_runs(
        features, V[runs], c[runs], place, np.tile(x[ahead], (1, len(V), 1)), truth, LOST
    )
    with np.errstate(over="ignore", invalid="ignore"):
        square = np.square(made - truth).mean(axis=-1)
    square = np.where(square <= LOST**2, square, LOST**2).reshape(horizon, len(V), count)
    within = leads[leads <= horizon] - 1
    squares[: len(within)] = (square * known[:, None])[within].sum(axis=-1)
    counts = np.zeros((len(leads), 1))
    counts[: len(within), 0] = known[within].sum(axis=-1)
    return squares, counts
