r"""The echo state property of a reservoir on given data, and its memory capacity.

A reservoir has the *echo state property* (Jaeger 2001) if two states under the same input
converge, so that in the end the state is a function of the input alone.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sparse
from jaxtyping import Float

from throughtime._support.seeds import Key, generator
from throughtime.errors import InputError
from throughtime.recurrence.reservoir_weights import Reservoir
from throughtime.recurrence.spectral_radius import largest_singular_value, spectral_radius

from .ridge import EPS
from .states import drive, run

PAIRS = 4
"""Pairs of initial states that are followed."""

SATURATED = 0.9
"""An activation of this size or more counts as saturated."""


class EchoStateReport(NamedTuple):
    r"""Measurements along data, and bounds from the weights.

    Attributes
    ----------
    converged
        Whether every pair of states approached to 1e-6 of its initial distance.
    distance
        The distance of a pair at the end over that at the beginning; the largest of all pairs.
    rate
        The growth rate of a small difference along the data, per step (the largest conditional
        Lyapunov exponent); negative where differences are forgotten.
    effective_radius
        Spectral radius of $(1-a) I + a W$, the linear part of the map.
    bound
        $(1-a) + a \, \sigma_{\max}(W)$. Below 1 the echo state property holds for every
        input; above 1 it may or may not hold.
    saturated
        Share of units and steps with an activation above 0.9 in size; NaN for linear units.
    """

    converged: bool
    distance: float
    rate: float
    effective_radius: float
    bound: float
    saturated: float


def echo_state_report(
    reservoir: Reservoir,
    inputs: Float[np.ndarray, "time input"],
    feedback: Float[np.ndarray, "time output"],
    key: Key = 0,
) -> EchoStateReport:
    """Measure the echo state property on data.

    Parameters
    ----------
    inputs
        x of each step, `(time, input)`.
    feedback
        y of the step before, `(time, output)`; no columns if nothing is fed back.
    key
        Seed of the pairs of initial states, uniform in ±1.

    Returns
    -------
    EchoStateReport
        The measurements and bounds.

    Raises
    ------
    InputError
        For data of fewer than 2 steps, and a W whose spectral radius cannot be computed.
    """
    if len(inputs) < 2:
        rule = "the echo state property needs data of 2 steps or more"
        raise InputError(rule, len(inputs), "Pass a longer series.")
    reservoir = reservoir.astype(np.float64)
    n, a = reservoir.units, reservoir.leak
    d = drive(reservoir, inputs, feedback)
    first = generator(key).uniform(-1, 1, (2 * PAIRS, n))
    states = run(reservoir, d, first)
    before, after = (np.linalg.norm(h[::2] - h[1::2], axis=-1) for h in (first, states[-1]))
    distance = float((after / before).max())
    path = np.concatenate([first[None, 0], states[:, 0]])
    activity = (path[1:] - (1 - a) * path[:-1]) / a
    saturated = float((np.abs(activity) > SATURATED).mean())
    linear = reservoir.activation == "linear"
    return EchoStateReport(
        distance < 1e-6,
        distance,
        _rate(reservoir, activity, first[0] - first[1]),
        spectral_radius(_leaky(reservoir)),
        1 - a + a * largest_singular_value(reservoir.W),
        np.nan if linear else saturated,
    )


def _rate(reservoir, activity, difference):
    r"""Mean logarithmic growth of $\delta \leftarrow (1-a)\delta + a f'(z) W \delta$.

    The first half of the steps, in which $\delta$ turns into the direction of fastest growth,
    is left out of the mean.
    """
    a, logs = reservoir.leak, []
    for f in activity:
        slope = 1.0 if reservoir.activation == "linear" else 1 - f**2
        difference = difference / np.linalg.norm(difference)
        difference = (1 - a) * difference + a * slope * (reservoir.W @ difference)
        length = np.linalg.norm(difference)
        if length == 0:
            return -np.inf
        logs.append(np.log(length))
    return float(np.mean(logs[len(logs) // 2 :]))


def _leaky(reservoir):
    """$(1-a) I + a W$."""
    a, n = reservoir.leak, reservoir.units
    if sparse.issparse(reservoir.W):
        return sparse.csr_array((1 - a) * sparse.eye_array(n) + a * reservoir.W)
    return (1 - a) * np.eye(n) + a * reservoir.W


def memory_capacity(
    reservoir: Reservoir, delays: int, steps: int = 10_000, key: Key = 0
) -> Float[np.ndarray, " lags"]:
    r"""The share of an independent input's variance that can be read out k steps later.

    $$\mathrm{MC}_k = \max_V \mathrm{corr}^2(u_{t-k}, V h_t), \qquad
      \mathrm{MC} = \sum_{k \ge 1} \mathrm{MC}_k$$

    (Jaeger 2001). With N units, $\mathrm{MC}_0 + \mathrm{MC} \le N$. The squared correlation
    is the adjusted coefficient of determination of a least-squares fit, which corrects for
    what N weights gain by chance, so it may fall slightly below 0. It is computed from an
    orthonormal basis of the states; their Gram matrix would lose the long delays (Ballarin,
    Grigoryeva and Ortega 2024).

    Parameters
    ----------
    reservoir
        A reservoir with one input and no feedback. Its input is uniform in ±1.
    delays
        The longest delay, K.
    steps
        Steps of the fit, after a washout of K steps and 10 more for each unit.
    key
        Seed of the input.

    Returns
    -------
    Float[np.ndarray, "lags"]
        $\mathrm{MC}_0, \dots, \mathrm{MC}_K$.

    Raises
    ------
    InputError
        For another number of inputs or any feedback, and for fewer than two steps per unit.
    """
    n = reservoir.units
    if (reservoir.U.shape[1], reservoir.F.shape[1]) != (1, 0):
        got = f"{reservoir.U.shape[1]} and {reservoir.F.shape[1]} columns"
        rule = "the memory capacity is of one input and no feedback"
        raise InputError(rule, got, "Draw with `inputs=1, outputs=0`.")
    if delays < 0 or steps < 2 * n:
        rule = "`delays` must be 0 or more, and `steps` at least 2 per unit"
        remedy = f"Pass `delays` of 0 or more, and {2 * n} steps or more."
        raise InputError(rule, f"{delays} and {steps}", remedy)
    washout = delays + 10 * n
    u = generator(key).uniform(-1, 1, (washout + steps, 1))
    d = drive(reservoir, u, np.zeros((len(u), 0)))
    X = run(reservoir, d, np.zeros(n, reservoir.dtype))[washout:].astype(np.float64)
    Q, s, _ = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    Q = Q[:, s > steps * EPS * s[0]]
    past = np.stack([u[washout - k : len(u) - k, 0] for k in range(delays + 1)], axis=1)
    past = past - past.mean(axis=0)
    explained = ((Q.T @ past) ** 2).sum(axis=0) / (past**2).sum(axis=0)
    return 1 - (1 - explained) * (steps - 1) / (steps - 1 - Q.shape[1])
