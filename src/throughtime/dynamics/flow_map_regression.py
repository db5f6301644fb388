r"""The map of an equation by regression: random features of the state, and a readout of them.

$$y_{n+1} = y_n + c + V h_n, \qquad h_n = \tanh(U (y_n, u_n) + b)$$

This is an echo state network whose units remember nothing. The state y of an equation is all
that its future depends on, so what recurs is the output alone. U and b are random, uniform
within plus and minus a scale; V and c are found by ridge regression over all steps of the
training. Of an angle that turns for ever (`turning_angles.py`) U reads the sine and the cosine,
while the change adds to the angle itself. The scale and the penalty are those whose free runs
stay closest to trajectories that were held out.

References
----------
Random features for dynamical systems: Gottwald and Reich (2021). For any function: Rahimi and
Recht (2007); Huang, Zhu and Siew (2006).
"""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Float64

from throughtime._support.memory import require_memory
from throughtime.errors import InputError
from throughtime.recurrence.angles import read_angles
from throughtime.recurrence.echo_state_cell import BIAS_SCALE, EchoState
from throughtime.recurrence.flow_map import Features, run_flow_map
from throughtime.recurrence.initialisation import on_device
from throughtime.recurrence.network import Network
from throughtime.reservoir.readout import sums_size, with_last_layer
from throughtime.reservoir.regression_sums import Triangle
from throughtime.reservoir.ridge import Readout
from throughtime.training.history import Row
from throughtime.training.result import Fitted

SCALES = (0.1, 0.3, 1.0, 3.0)
"""Scales of U and b that are tried: nearly linear units to nearly saturated ones."""

PENALTIES = 10.0 ** np.arange(-24, -5, 2)
"""Penalties that are tried, as shares of the largest eigenvalue of the features' products."""

ROWS = 4096
"""Rows of features at a time."""

FLOOR, CEILING = 1e-12, 1e3
"""Bounds of an error in standard deviations: of rounding, and of a run that diverged."""

STOPPED = "readout fitted by ridge regression"

OnTrial = Callable[[Any, list[Row]], Any]


class Steps(NamedTuple):
    """Scaled trajectories as the map reads them.

    Attributes
    ----------
    ys
        The states, one more than there are steps.
    us
        What is read beside the state in each step.
    """

    ys: Float64[np.ndarray, "trajectory _ variable"]
    us: Float64[np.ndarray, "trajectory step input"]


class Trial(NamedTuple):
    """A readout, and how well it did.

    Attributes
    ----------
    error
        The geometric mean of the errors of free runs, in standard deviations: see `run_error`.
    penalty
        The penalty, as a share of the largest eigenvalue.
    loss
        The mean squared error of a step in the training.
    readout
        V and c.
    """

    error: float
    penalty: float
    loss: float
    readout: Readout


def fit_flow_map(
    network: Network, training: Steps, validation: Steps, on_trial: OnTrial | None = None
) -> Fitted:
    """Choose the scale of a network's features and fit its readout.

    Parameters
    ----------
    network
        One `EchoState` of radius 0 and leak 1, and a readout that adds to the state.
    training, validation
        Steps to fit, and those that free runs are compared with.
    on_trial
        `on_trial(None, history)` is called after each scale; if it returns True, the best so
        far is taken.

    Returns
    -------
    Fitted
        The network, and a row of history for each scale: the mean squared error of a step, and
        as validation loss the error of the free runs.

    Raises
    ------
    InputError
        If the sums of the regression do not fit in memory, or all steps are alike.
    """
    clock, found, history = time.perf_counter(), [], []
    drawn: Any = network.cells[0]
    variables, units = training.ys.shape[-1], drawn.hidden_size
    require_memory(sums_size(units, variables), "the sums of its regression")
    for scale in SCALES:
        cell = scaled_features(drawn, scale)
        trial = _best_readout(cell, training, validation)
        found.append((trial, cell))
        known = {"input_scale": scale, "penalty": trial.penalty}
        seconds, losses = time.perf_counter() - clock, (trial.loss, trial.error)
        row = Row(0, len(found), *losses, math.nan, 1.0, seconds, math.nan, known)
        history.append(row)
        if on_trial is not None and on_trial(None, history):
            break
    best = min(range(len(found)), key=lambda i: found[i][0].error)
    trial, cell = found[best]
    fitted = eqx.tree_at(lambda network: network.cells, network, (cell,))
    dtype = cell.b.dtype
    V, c = (on_device(weights, dtype) for weights in trial.readout)
    return Fitted(with_last_layer(fitted, V, c), history, (best + 1,), STOPPED)


def scaled_features(cell: EchoState, scale: float) -> EchoState:
    """The cell with its U, drawn within 1, and its b at this scale."""
    U, b = np.asarray(cell.U) * scale, np.asarray(cell.b) * (scale / BIAS_SCALE)
    weights = on_device(U, cell.U.dtype), on_device(b, cell.b.dtype)
    return eqx.tree_at(lambda cell: (cell.U, cell.b), cell, weights)


def free_runs(
    cell: EchoState, readouts: list[Readout], steps: Steps
) -> Float64[np.ndarray, "readout trajectory _ variable"]:
    """Run the map of each readout from the first states on, with the inputs of the steps."""
    V, c = (np.stack(weights) for weights in zip(*readouts, strict=True))
    ys, us = steps
    start = np.broadcast_to(ys[:, :1], (len(V), *ys[:, :1].shape))
    # What runs away is stopped where it counts as diverged anyway.
    runs = run_flow_map(_weights(cell), V, c, ys[:, 0], us, CEILING)
    return np.concatenate([start, runs], axis=2)


def run_error(
    truth: Float64[np.ndarray, "trajectory time variable"],
    runs: Float64[np.ndarray, "*readout trajectory time variable"],
) -> Float64[np.ndarray, "*readout"]:
    r"""The geometric mean, over trajectories and times, of the error in standard deviations.

    Errors of chaotic systems grow like $e^{\lambda t}$ to the size of the attractor, whatever
    the model. The mean of their logarithm still tells a small error at the start from a large.
    """
    errors = np.sqrt(np.square(runs - truth).mean(axis=-1))[..., 1:]
    return np.exp(np.log(np.clip(errors, FLOOR, CEILING)).mean(axis=(-1, -2)))


def _best_readout(cell: EchoState, training: Steps, validation: Steps) -> Trial:
    """The readout whose free runs are the best, of all penalties."""
    change = np.diff(training.ys, axis=1)
    spread = change.std(axis=(0, 1))
    spread = np.where(spread > 0, spread, 1.0)  # (a phase may turn at one rate)
    path = Triangle.of_blocks(_features(cell, training, change / spread)).path()
    trials = []
    for penalty in PENALTIES:
        ridge = float(penalty * path.squares.max())
        if path.is_regular(ridge):
            V, c = path.solve(ridge)
            loss = float((path.squared_error(ridge) * spread**2).mean() / path.count)
            readout = Readout(V * spread[:, None], c * spread)
            trials.append(Trial(math.inf, float(penalty), loss, readout))
    if not trials:
        rule = "a regression needs steps that differ"
        remedy = "Raise `steps` or `trajectories`."
        raise InputError(rule, f"{math.prod(change.shape[:2])} alike", remedy)
    runs = free_runs(cell, [trial.readout for trial in trials], validation)
    errors = run_error(validation.ys, runs)
    pairs = zip(trials, errors.tolist(), strict=True)
    return min((trial._replace(error=error) for trial, error in pairs), key=lambda t: t.error)


def _features(cell: EchoState, steps: Steps, change: np.ndarray) -> Iterator:
    """The features of every step, and the change of the state in it, in blocks."""
    read = np.concatenate([steps.ys[:, :-1], steps.us], axis=-1)
    read, change = (values.reshape(-1, values.shape[-1]) for values in (read, change))
    U, b, angles = _weights(cell)
    for start in range(0, len(read), ROWS):
        rows = slice(start, start + ROWS)
        yield np.tanh(read_angles(read[rows], angles) @ U.T + b), change[rows]


def _weights(cell: EchoState) -> Features:
    """U and b of a cell in float64, and its angles."""
    U, b = (np.asarray(weights, np.float64) for weights in (cell.U, cell.b))
    return Features(U, b, cell.angles)
