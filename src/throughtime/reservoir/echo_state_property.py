r"""What a reservoir does with its input: does it forget where it began, and what it remembers.

The *echo state property* (Jaeger 2001): two states under the same input converge, so that
in the end the state is a function of the input alone.
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
SATURATED = 0.9


class EchoStateReport(NamedTuple):
    r"""What was measured on data, and what is known of the weights.

    Attributes
    ----------
    converged
        Whether the pairs of states came together to 1e-6 of their distance.
    distance
        The largest distance at the end over that at the beginning.
    rate
        By which factor, as a natural logarithm a step, a small difference grows along the data
        (the largest conditional Lyapunov exponent); negative where it is forgotten.
    effective_radius
        Spectral radius of $(1-a) I + a W$, the map without its saturation.
    bound
        $(1-a) + a \, \sigma_{\max}(W)$. Under 1, every input is forgotten; over 1, that is not
        known.
    saturated
        Share of all units and steps where the activation is over 0.9 in size; NaN for linear
        units.
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
        x of each step.
    feedback
        y of the step before; no columns if there is none.
    key
        The seed of the pairs of initial states, uniform in ±1.

    Raises
    ------
    InputError
        For data of one step, and a W without a spectral radius.
    """
    if len(inputs) < 2:
        raise InputError("the property needs data of 2 steps", len(inputs), "Pass more.")
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
    r"""Mean logarithm of the growth of $\delta \leftarrow (1-a)\delta + a f'(z) W \delta$.

    The first half of the steps turns the difference into the direction that grows fastest.
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
    a, n = reservoir.leak, reservoir.units
    if sparse.issparse(reservoir.W):
        return sparse.csr_array((1 - a) * sparse.eye_array(n) + a * reservoir.W)
    return (1 - a) * np.eye(n) + a * reservoir.W


def memory_capacity(
    reservoir: Reservoir, delays: int, steps: int = 10_000, key: Key = 0
) -> Float[np.ndarray, " lags"]:
    r"""How much of an input of independent values can be read out after a delay of k steps.

    $$\mathrm{MC}_k = \max_V \mathrm{corr}^2(u_{t-k}, V h_t), \qquad
      \mathrm{MC} = \sum_{k \ge 1} \mathrm{MC}_k$$

    (Jaeger 2001). With N units, $\mathrm{MC}_0 + \mathrm{MC} \le N$. The correlation is that
    of a least-squares fit to the data, less what the fit of N weights to that many steps
    gains by chance (the adjusted coefficient of determination), so it may come out a little
    below 0. It is found from an orthonormal basis of the states, not from their Gram matrix,
    which loses the long delays (Ballarin, Grigoryeva and Ortega 2024).

    Parameters
    ----------
    reservoir
        Of one input and no feedback. Its input is uniform in ±1.
    delays
        The longest delay K.
    steps
        After a washout of as many steps as `delays` and 10 times the units.

    Returns
    -------
    Float[np.ndarray, ' lags']
        $\mathrm{MC}_0, \dots, \mathrm{MC}_K$.

    Raises
    ------
    InputError
        For other reservoirs, and fewer than two steps a unit.
    """
    n = reservoir.units
    if (reservoir.U.shape[1], reservoir.F.shape[1]) != (1, 0):
        got = f"{reservoir.U.shape[1]} and {reservoir.F.shape[1]} columns"
        rule = "the memory capacity is of one input and no feedback"
        raise InputError(rule, got, "Draw with `inputs=1, outputs=0`.")
    if delays < 0 or steps < 2 * n:
        rule = "`delays` must be 0 or more, and `steps` at least 2 a unit"
        raise InputError(rule, f"{delays} and {steps}", f"Pass {2 * n} steps or more.")
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
