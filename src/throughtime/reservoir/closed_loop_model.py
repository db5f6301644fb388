"""A closed-loop model fitted to trajectories: its regression, and the model in their units."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .closed_loop import Features, Pair, Place, Settings, advance, free_runs, places
from .noise_filter import NoiseFilter, smoothed
from .regression_sums import Gram
from .ridge import Readout, RidgePath
from .states import drive, step

SEPARATION = 1e-7
"""The distance of nearby states, in standard deviations."""

WASHOUT = 100
"""Most steps at the start of each trajectory that a reservoir reads before it is used."""

LOST = 3.0
"""A prediction one step ahead that is so far off, in standard deviations, filters nothing."""


def regression(features: Features, trajectories: Sequence[Pair], washout: int) -> Gram:
    """The sums of the regression over trajectories, after a washout of each."""
    s = features.settings

    def blocks():
        for y, x in trajectories:
            smooth = smoothed(y, s.smoothing)
            X = features.along(smooth, x)
            Y = smooth[s.span :] - (smooth[s.span - 1 : -1] if s.residual else 0)
            skipped = max(washout - s.span, 0)
            yield X[skipped:], Y[skipped:]

    return Gram.of_blocks(blocks())


def readouts(
    path: RidgePath, ridges: Iterable[float]
) -> tuple[Float[np.ndarray, "ridges variable feature"], Float[np.ndarray, "ridges variable"]]:
    """V and c of each penalty on the mean over rows, whether the system is regular or not."""
    moments, squares = path.moments, path.squares
    found = [
        Readout.through_means(
            (path.basis @ (moments / (squares + path.count * ridge)[:, None])).T, path.mean
        )
        for ridge in ridges
    ]
    return np.stack([one.V for one in found]), np.stack([one.c for one in found])


class Exponent(NamedTuple):
    """A Lyapunov exponent per step, its standard error over runs, and the steps of a run."""

    rate: float
    error: float
    steps: int


@dataclass(frozen=True)
class ClosedLoopModel:
    """A fitted model in the units of the data; `closed_loop_search` finds one.

    Attributes
    ----------
    mean, scale
        What the variables, then the inputs, are standardised by.
    features
        The reservoir and the monomials.
    readout
        V and c.
    past
        The variables and the inputs at the end of the training data, standardised, from where
        `generate` goes on.
    filter
        What takes the noise from a past, if there is any.
    """

    mean: Float[np.ndarray, " columns"]
    scale: Float[np.ndarray, " columns"]
    features: Features
    readout: Readout
    past: Pair
    filter: NoiseFilter | None = None

    @property
    def settings(self) -> Settings:
        """What it is made of."""
        return self.features.settings

    def standardise(self, y: np.ndarray, x: np.ndarray) -> Pair:
        """Variables and inputs as the model reads them."""
        size = len(self.readout.c)
        return (
            (y - self.mean[:size]) / self.scale[:size],
            (x - self.mean[size:]) / self.scale[size:],
        )

    def generate(
        self,
        steps: int,
        past: np.ndarray | None = None,
        past_inputs: np.ndarray | None = None,
        inputs: np.ndarray | None = None,
    ) -> Float[np.ndarray, "steps variable"]:
        """Run free from the end of a past; from that of the training data if none is given."""
        size = len(self.readout.c)
        columns = len(self.mean) - size
        y, x = self.past
        if past is not None:
            known = np.zeros((len(past), columns)) if past_inputs is None else past_inputs
            y, x = self.standardise(past, known)
            y = self.filter.smooth((y, x)) if self.filter else y
        ahead = np.zeros((steps, columns)) if inputs is None else inputs
        ahead = (ahead - self.mean[size:]) / self.scale[size:]
        return self._run(self.warmed_up(y, x, np.array([len(y)])), ahead)

    def generate_again(self, row: int) -> Float[np.ndarray, "steps variable"]:
        """Run free from a row of the training data, driven by the inputs from there on."""
        y, x = self.past
        return self._run(self.warmed_up(y, x, np.array([row])), x[row:])

    def _run(self, place: Place, inputs: np.ndarray) -> np.ndarray:
        """A free run from a place, in the units of the data."""
        size = len(self.readout.c)
        V, c = (part[None] for part in self.readout)
        run = free_runs(self.features, V, c, place, inputs[:, None])
        with np.errstate(over="ignore"):  # where the run diverges
            return run[:, 0] * self.scale[:size] + self.mean[:size]

    def warmed_up(self, y, x, rows) -> Place:
        """Where runs stand that begin at these rows of a standardised series."""
        s = self.settings
        if s.forcing < 1:
            filtered = filtered_series(self.features, self.readout, y, x, s.forcing)
            return places(self.features, filtered, x, rows)
        return places(self.features, y, x, rows)

    def with_forcing(self, forcing: float) -> "ClosedLoopModel":
        """The same model with another filter of what it reads."""
        settings = replace(self.settings, forcing=forcing)
        return replace(self, features=replace(self.features, settings=settings))


def filtered_series(features: Features, readout: Readout, y, x, forcing: float) -> np.ndarray:
    r"""A series blended with the prediction of each step,
    $\alpha y_t + (1 - \alpha) \hat y_t$, step by step."""
    span, r = features.settings.span, features.reservoir
    V, c = (part[None] for part in readout)
    found, h = y.copy(), np.zeros((1, features.settings.units))
    for t in range(1, len(y)):
        if t < span:
            h = h if r is None else step(r, drive(r, x[t : t + 1], found[t - 1 : t]), h)
            continue
        place = Place(h, found[None, t - span : t])
        h, predicted = advance(features, V, c, place, x[t : t + 1])
        error = predicted[0, -1] - y[t]
        if np.abs(error).max() < LOST:  # else the data are read as they are
            found[t] = y[t] + (1 - forcing) * error
    return found


def first_driven(settings: Settings, length: int) -> int:
    """The row of a trajectory from which a model can be driven: what it reads comes before."""
    return max(settings.span, min(WASHOUT, length // 5))


def driven_rows(
    settings: Settings, length: int, runs: int, most: int
) -> tuple[np.ndarray, int]:
    """Where driven runs begin in a trajectory of so many steps, and how long they can be.

    They begin in the first quarter of what is left after a washout, and end before the inputs
    do: inputs that are begun again would jump.
    """
    first = first_driven(settings, length)
    steps = max(min(most, 3 * (length - first) // 4), 1)
    return np.linspace(first, max(length - steps, first), runs).astype(int), steps


def largest_exponent(
    model: ClosedLoopModel, steps: int, runs: int = 16, seed: int = 0
) -> Exponent:
    """The largest Lyapunov exponent of a free run, per step, and its standard error.

    The rate at which pairs of nearby states separate, brought back together after each step
    (Benettin, Galgani and Strelcyn 1976), over several runs from places along the past. Inputs
    are those of the past, from there on: a fifth fewer steps than there are of them, at most.

    Returns
    -------
    Exponent
        NaN if a run does not stay finite.
    """
    y, x = model.past
    settle = steps // 4
    if x.shape[1]:
        rows, whole = driven_rows(model.settings, len(y), runs, settle + steps)
        settle, steps = whole // 5, whole - whole // 5
    else:
        first = min(max(model.settings.span, len(y) // 4), len(y))
        rows = np.linspace(first, len(y), runs).astype(int)
    h, past = places(model.features, y, x, rows)
    rng = np.random.default_rng(seed)
    V, c = (np.broadcast_to(part, (2 * runs, *part.shape)) for part in model.readout)
    apart = Place(*(SEPARATION * rng.standard_normal(part.shape) for part in (h, past)))
    logs = np.zeros(runs)
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(settle + steps):
            pairs = (h, h + apart.h), (past, past + apart.y)
            both = Place(*(np.concatenate(pair) for pair in pairs))
            inputs = x[np.tile(rows + t, 2)] if x.shape[1] else np.empty((2 * runs, 0))
            both = advance(model.features, V, c, both, inputs)
            h, past = both.h[:runs], both.y[:runs]
            apart = Place(both.h[runs:] - h, both.y[runs:] - past)
            size = np.sqrt(np.square(apart.h).sum(1) + np.square(apart.y).sum((1, 2)))
            growth = np.where(size == 0, np.finfo(float).tiny, size) / SEPARATION
            logs += np.log(growth) if t >= settle else 0
            apart = Place(apart.h / growth[:, None], apart.y / growth[:, None, None])
    rates = logs / steps
    return Exponent(float(rates.mean()), float(rates.std(ddof=1) / np.sqrt(runs)), steps)
