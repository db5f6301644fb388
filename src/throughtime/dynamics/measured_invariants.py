"""What a long free run of a model of measured trajectories has in common with the data."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from throughtime._support.blas_threads import one_blas_thread
from throughtime.reservoir.closed_loop_model import (
    ClosedLoopModel,
    first_driven,
    largest_exponent,
)

from .attractor_metrics import fills_its_bins, spectrum_distance, state_space_divergence
from .behaviour import ERRORS, GROWTH
from .state_space import common_delay, embedding

LONGEST = 20_000
"""The longest free run whose invariants are compared."""

EXPONENT_STEPS = 4000
"""Steps of each of the runs from which the exponent is estimated."""

BOUND = 2.0
"""A free run that goes further out than the data by this factor is not bounded."""

ALIKE = 0.5
"""A free run whose spread is less than this share of the data's does not move as they do."""


@dataclass(frozen=True)
class Invariants:
    """What a long free run has in common with the data.

    Attributes
    ----------
    free_run
        The run, `(time, variable)`.
    begin
        The row of the data, of the last trajectory, at which it begins: the one after their
        end; with inputs the first for which there is enough before it, since inputs are known
        there.
    bounded
        Whether it stays where the data are, and free runs from other places stay finite.
    spread
        The standard deviation of the free run against that of the data, of the variable in
        which they differ most. NaN if the run is not bounded.
    divergence, spectrum
        The state-space divergence and the spectrum distance of the first half of the data from
        as many steps of the free run; NaN where they have no meaning. With inputs, of the data
        from where the free run begins.
    own_divergence, own_spectrum
        Those of the first half of the data from the second: what a perfect model has.
    exponent, error
        The largest Lyapunov exponent of the model and its standard error, per unit of time;
        with inputs, of the model as they drive it.
    growth
        The logarithm of how much a small difference grew in the run that gave the exponent.
    """

    free_run: Float64[np.ndarray, "time variable"]
    begin: int
    bounded: bool
    spread: float
    divergence: float
    spectrum: float
    own_divergence: float
    own_spectrum: float
    exponent: float
    error: float
    growth: float

    @property
    def alike(self) -> bool:
        """Whether it is bounded and moves about as much as the data."""
        return self.bounded and ALIKE <= self.spread <= 1 / ALIKE

    @property
    def chaotic(self) -> bool:
        """Whether the exponent is above 0 beyond doubt; see `behaviour.py`."""
        return self.exponent > ERRORS * self.error and self.growth > GROWTH


def invariants(model: ClosedLoopModel) -> Invariants:
    """Compare a long free run with the data.

    Without inputs it goes on from the end of the data. Inputs are known along the data alone:
    with them it begins near their beginning and goes on for as long as they do.
    """
    size, (y, x) = len(model.readout.c), model.past
    data, begin = y * model.scale[:size] + model.mean[:size], len(y)
    with one_blas_thread():
        if x.shape[1]:
            begin = first_driven(model.settings, len(y))
            run, beside = model.generate_again(begin), data[begin:]
        else:
            run, beside = model.generate(min(max(len(data), 2000), LONGEST)), data
    centre, half = data.mean(axis=0), np.abs(data - data.mean(axis=0)).max(axis=0)
    bounded = bool((np.abs(run - centre) <= BOUND * half).all())
    spread = rate = error = np.nan
    apart, own, steps = (np.nan, np.nan), (np.nan, np.nan), 0
    if bounded:
        first, second = np.array_split(beside, 2)
        apart, own = _distances(first, run[: len(first)]), _distances(first, second)
        spread = _spread(run, beside)
        with one_blas_thread():
            rate, error, steps = largest_exponent(model, EXPONENT_STEPS)
        bounded = bool(np.isfinite(rate))
    return Invariants(run, begin, bounded, spread, *apart, *own, rate, error, rate * steps)


def _spread(run: np.ndarray, data: np.ndarray) -> float:
    """The standard deviation against that of the data, where the two differ most."""
    moves = data.std(axis=0)
    shares = run.std(axis=0)[moves > 0] / moves[moves > 0]
    if not len(shares):
        return np.nan
    return float(shares[np.abs(np.log(np.maximum(shares, 1e-300))).argmax()])


def _distances(data: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """State-space divergence and spectrum distance; of one variable, with its delay."""
    lag = common_delay(data, other)
    a, b = embedding(data, lag), embedding(other, lag)
    divergence = state_space_divergence(a, b) if fills_its_bins(a) else np.nan
    return divergence, spectrum_distance(data, other)
