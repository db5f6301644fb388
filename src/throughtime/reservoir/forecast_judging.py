r"""The judgement of a reservoir or a polynomial that forecasts, by its free runs.

$$h_t = (1 - a) h_{t-1} + a \tanh(W h_{t-1} + U (y_{t-1}, x_t) + b), \qquad
  y_t = r y_{t-1} + V h_t + c$$

r is 1 with `residual` and else 0. The network either carries its state along the series, or
reads a window before each forecast, from zero; then it may measure y from the first value of
the window (`centred`), for a series whose level drifts. Instead of a reservoir, h may be the
monomials of delayed values.

From many starts in the last part of the series the model runs free, and

$$E = \exp \frac{1}{B K} \sum_{b=1}^{B} \sum_{k=1}^{K} \ln e_{b h_k}$$

is the geometric mean, over blocks b of starts that follow each other and over lead times h = 1,
2, 3, 4, 6, 8, ..., of the root mean squared error: so a stretch of the series that nothing
foresees does not decide, and the error of a step counts as much as that of far ahead, on a
noisy series and on an exact one. Each error is at most `LOST` standard deviations.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .closed_loop import Features, Pair, Place, Settings, free_runs, places
from .closed_loop_model import readouts
from .regression_sums import Gram
from .states import drive, step

LEAST_ROWS = 30
"""Rows below which nothing is searched."""

MOST_ROWS, MOST_SERIES = 10_000, 30
"""Rows of each series at its end, and series, that a search reads."""

HELD_OUT = 0.3
"""The share of the series that runs are judged on, behind what the regression reads."""

SHORT = 1000
"""Below so many rows the part before what is held out is judged, too, by those before it, and
with several reservoirs."""

STARTS, RUN, HORIZON, LONG = (16, 64), 5000, 300, 1000
"""Fewest and most starts of free runs, their steps in all, the longest of them, and the steps
over which one must stay near the data."""

BLOCKS = 4
"""Blocks of starts in each part that is held out."""

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


class Fold(NamedTuple):
    """A series whose steps from `end` on are judged."""

    y: Float[np.ndarray, "time variable"]
    x: Float[np.ndarray, "time input"]
    end: int


class Choice(NamedTuple):
    """Settings of a model that forecasts, and the error E that they gave.

    Attributes
    ----------
    settings
        Units, radius, leak, input scale, bias scale, residual and ridge; of polynomials
        delays, spacing, order and ridge.
    carried
        Whether the state is carried along the series.
    centred
        Whether each window is measured from its first value.
    error
        E.
    blocks
        The logarithm of E in each block of starts.
    """

    settings: Settings
    carried: bool
    centred: bool
    error: float = np.inf
    blocks: tuple[float, ...] = ()


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


def judged(choice: Choice, data: ForecastData, ridges: np.ndarray) -> Choice:
    """The choice with the best of the penalties and its error."""
    parts, leads = data.folds(), lead_times(HORIZON)
    squares = np.zeros((len(parts), len(leads), len(ridges), BLOCKS))
    counts = np.zeros((len(parts), len(leads), 1, BLOCKS))
    own = choice.settings
    for seed in data.seeds(own.seed) if own.units else [own.seed]:
        for part, folds in enumerate(parts):
            features = _features(choice, data, seed)
            path = _regression(features, choice, data, folds).path()
            if not (np.isfinite(path.squares).all() and np.isfinite(path.basis).all()):
                return choice
            V, c = readouts(path, ridges)
            for fold in folds:
                errors, known = _errors(features, choice, data, V, c, fold)
                squares[part] += errors
                counts[part] += known
    seen = counts > 0
    logs = np.where(seen, np.log(np.sqrt(squares / np.maximum(counts, 1)) + FLOOR), 0.0)
    of_blocks = np.moveaxis(logs.sum(axis=1) / seen.sum(axis=1).clip(1), 1, 2)
    means = of_blocks[np.any(seen, axis=1)[:, 0]]
    mean = means.mean(axis=0)
    best = int(np.flatnonzero(mean <= mean.min() + np.log(ALIKE))[-1])
    settings = replace(own, ridge=float(ridges[best]))
    error, blocks = float(np.exp(mean[best])), tuple(means[:, best].tolist())
    return choice._replace(settings=settings, error=error, blocks=blocks)


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
                h, goals = features.along(y[:end], x[:end]), _targets(features, y[:end])
                skipped = max(skipped - features.settings.span + 1, 0)
                yield h[skipped:], goals[skipped:]
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
    first = features.settings.span
    return y[first:] - y[first - 1 : -1] if features.settings.residual else y[first:]


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
        return places(features, y, x, rows), 0.0
    window = min(data.window, int(rows.min()))
    Y, X = _windows(y, x, rows, window, 0)
    first = Y[0] if choice.centred else np.zeros_like(Y[0])
    Y = Y - first
    h = _along(features, Y[:-1], X[1:])
    last = h[-1] if len(h) else np.zeros((len(rows), choice.settings.units))
    return Place(last, Y[-1][:, None]), first


def _errors(features, choice, data, V, c, fold: Fold):
    """The summed squares of errors at each lead time, of each penalty, in each block of starts,
    and their number."""
    y, x, end = fold
    horizon = max(min(HORIZON, (len(y) - end) // 2), 1)
    leads = lead_times(HORIZON)
    squares, counts = np.zeros((len(leads), len(V), BLOCKS)), np.zeros((len(leads), 1, BLOCKS))
    if len(y) - end < 1 or end < 2:
        return squares, counts
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
    for block, some in enumerate(np.array_split(np.arange(count), BLOCKS)):
        seen = known[within][:, some]
        squares[: len(within), :, block] = (square[within][:, :, some] * seen[:, None]).sum(-1)
        counts[: len(within), 0, block] = seen.sum(axis=-1)
    return squares, counts
