r"""Lyapunov exponents: the rates at which nearby states separate, in every direction.

Tangent vectors $\delta$ follow the linearised map $\delta_{n+1} = J_n \delta_n$. At regular
intervals a set of them is made orthonormal again, $J Q = Q' R$, and the exponents are the mean
rates

$$\lambda_i = \frac{1}{t} \sum \ln |R_{ii}|$$

(Benettin, Galgani, Giorgilli and Strelcyn 1980). A positive largest exponent is chaos; the sum
of all exponents is the mean rate at which volumes grow; Kaplan and Yorke (1979) derive a
dimension from them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float64

from throughtime._support.precision import precision
from throughtime.errors import InputError, check_positive_integer

from . import maps
from .maps import Map
from .systems import System

Tangents = Float[Array, "tangent state"]
Advance = Callable[[Any, Float[Array, " state"], Tangents], tuple[Array, Tangents]]
"""`advance(block, state, tangents)`: state and tangents after a block of steps."""

STEPS = 20_000
"""Steps that are averaged over by default."""

WARM_UP = 0.1
"""Blocks before the averaging starts, as a fraction of those averaged over.

Over these the tangents turn towards the directions that grow fastest.
"""

STRETCHES = 10
"""Stretches of a trajectory whose spread gives the standard errors."""


class GoesToInfinity(InputError):
    """A trajectory does not stay finite."""


def goes_to_infinity(rule: str) -> GoesToInfinity:
    """The error of a trajectory that breaks this rule."""
    remedy = "Start nearer to the attractor, or take parameters under which it stays bounded."
    return GoesToInfinity(rule, "one that goes to infinity", remedy)


@dataclass(frozen=True)
class LyapunovSpectrum:
    """Lyapunov exponents per unit of time, largest first.

    Attributes
    ----------
    exponents
        The averages over the whole trajectory, `(exponent,)`.
    running
        The averages up to the end of each block, `(block, exponent)`: their convergence.
    times
        The time at the end of each block.
    errors
        Standard errors, from the spread over ten stretches of the trajectory.
    dimensions
        Dimensions of the state: how many exponents there are in all.
    """

    exponents: Float64[np.ndarray, " exponent"]
    running: Float64[np.ndarray, "block exponent"]
    times: Float64[np.ndarray, " block"]
    errors: Float64[np.ndarray, " exponent"]
    dimensions: int

    @property
    def lyapunov_time(self) -> float:
        """Inverse of the largest exponent, in units of time; infinite unless that is > 0."""
        largest = float(self.exponents[0])
        return 1 / largest if largest > 0 else float("inf")

    @property
    def kaplan_yorke(self) -> float | None:
        """The Kaplan-Yorke dimension; None if it needs exponents that were not computed."""
        complete = len(self.exponents) == self.dimensions
        return kaplan_yorke(self.exponents, complete=complete)


def kaplan_yorke(exponents, *, complete: bool = True) -> float | None:
    r"""The Kaplan-Yorke dimension.

    $$D = j + \frac{\lambda_1 + \dots + \lambda_j}{|\lambda_{j+1}|}$$

    with j the largest number for which the sum of the first j exponents is not negative.

    Parameters
    ----------
    exponents
        Lyapunov exponents, largest first.
    complete
        Whether these are all exponents.

    Returns
    -------
    float | None
        D; the number of exponents if their sum is not negative; None if D depends on exponents
        that are missing.

    References
    ----------
    Kaplan and Yorke 1979.
    """
    exponents = np.asarray(exponents, np.float64)
    sums = np.cumsum(exponents)
    negative = np.flatnonzero(sums < 0)
    if not len(negative):
        return float(len(exponents)) if complete else None
    j = int(negative[0])
    return j + float(sums[j - 1] if j else 0.0) / abs(float(exponents[j]))


def lyapunov_of_system(
    system: System,
    *,
    time: float | int | None = None,
    dt: float | int | None = None,
    exponents: int | None = None,
    substeps: int | None = None,
    seed: int = 0,
) -> LyapunovSpectrum:
    """The Lyapunov spectrum of a system, along one trajectory from its own start.

    Parameters
    ----------
    system
        The system.
    time
        The time that is averaged over, after the transient; 20,000 steps by default.
    dt
        The time between two orthonormalisations; the system's own `dt` by default.
    exponents
        How many of the largest to compute; all by default, or the first 8 for a delay.
    substeps
        Steps of the Runge-Kutta scheme within dt.
    seed
        Seed of the initial tangents.

    Raises
    ------
    InputError
        If an argument is wrong, or the trajectory goes to infinity.

    Examples
    --------
    >>> lyapunov_of_system(system("lorenz63")).exponents.round(1)     # doctest: +SKIP
    array([  0.9,   0. , -14.6])
    """
    with precision("float64"):
        dynamics = maps.map_of_system(system, dt, substeps)
        steps = STEPS if time is None else round(time / dynamics.dt)
        check_positive_integer("time / dt", steps)
        if exponents is None and len(dynamics.start) > len(system.start):
            exponents = min(len(dynamics.start), 8)
        return lyapunov_of_map(dynamics, exponents, steps, seed=seed)


def lyapunov_of_map(
    dynamics: Map,
    exponents: int | None = None,
    steps: int = STEPS,
    *,
    every: int = 1,
    seed: int = 0,
) -> LyapunovSpectrum:
    """The Lyapunov spectrum of a map, in the precision of its start.

    Parameters
    ----------
    dynamics
        The map, for instance from `map_of_network` or `map_of_cell`, whose tangents go through
        the compiled kernels.
    exponents
        How many of the largest to compute; all by default.
    steps
        Steps that are averaged over, after the transient.
    every
        Steps between two orthonormalisations.
    seed
        Seed of the initial tangents.

    Raises
    ------
    InputError
        If an argument is wrong, or the trajectory goes to infinity.
    """
    check_positive_integer("every", every)
    check_positive_integer("steps", steps)
    count = _checked_count(exponents, len(dynamics.start))
    settled = dynamics.settled()

    def advance(block, state, tangents):
        def step(i, both):
            return settled.tangent(block * every + i, *both)

        return jax.lax.fori_loop(0, every, step, (state, tangents))

    blocks = max(1, steps // every)
    return lyapunov_spectrum(advance, settled.start, count, blocks, every * settled.dt, seed)


def lyapunov_spectrum(
    advance: Advance,
    start: Float[Array | np.ndarray, " state"],
    count: int,
    blocks: int,
    time: float | int = 1.0,
    seed: int = 0,
) -> LyapunovSpectrum:
    """The Lyapunov spectrum of any map whose tangents can be advanced.

    Parameters
    ----------
    advance
        `advance(n, state, tangents)`: the state and the tangents, as rows, after block n.
    start
        A state on the attractor; the computation is in its precision.
    count
        The number of exponents.
    blocks
        Blocks that are averaged over; tangents are made orthonormal after each.
    time
        The time of a block.
    seed
        Seed of the initial tangents.

    Raises
    ------
    InputError
        If there are fewer dimensions than exponents, or the trajectory does not stay finite.
    """
    start = jnp.asarray(start)
    _checked_count(count, len(start))
    warm_up = max(10, int(WARM_UP * blocks))
    rng = np.random.default_rng(seed)
    tangents = np.linalg.qr(rng.standard_normal((len(start), count)))[0].T

    @jax.jit
    def run(state, Q):
        def block(carry, n):
            state, Q = carry
            state, JQ = advance(n, state, Q)
            Q, R = jnp.linalg.qr(JQ.T)
            growth, length = jnp.abs(jnp.diag(R)), jnp.linalg.norm(JQ, axis=1)
            # A tangent that lies in the span of those before it leaves only rounding error.
            rounding = JQ.size * jnp.finfo(R.dtype).eps * length  # (Higham 2002, section 19.3)
            growth = jnp.where(growth > rounding, growth, 0)
            return (state, Q.T), jnp.log(growth)

        (last, _), logs = jax.lax.scan(block, (state, Q), jnp.arange(warm_up + blocks))
        return last, logs

    last, logs = run(start, jnp.asarray(tangents, start.dtype))
    logs = np.asarray(logs, np.float64)[warm_up:]
    if not np.isfinite(np.asarray(last)).all() or np.isnan(logs).any():
        raise goes_to_infinity("a trajectory must stay finite for its exponents to exist")
    times = time * np.arange(1, blocks + 1)
    with np.errstate(invalid="ignore"):  # an exponent of -inf has no standard error
        running = np.cumsum(logs, axis=0) / times[:, None]
        parts = np.array_split(logs, min(STRETCHES, blocks))
        rates = [part.mean(axis=0) / time for part in parts]
        deviations = np.std(rates, axis=0, ddof=min(1, len(rates) - 1))
    order = np.argsort(-running[-1], kind="stable")
    return LyapunovSpectrum(
        running[-1][order],
        running[:, order],
        times,
        deviations[order] / np.sqrt(len(rates)),
        len(start),
    )


def _checked_count(exponents: int | None, dimensions: int) -> int:
    """The number of exponents, all by default."""
    if exponents is None:
        return dimensions
    check_positive_integer("exponents", exponents)
    if exponents > dimensions:
        rule = f"there are {dimensions} exponents, one for each dimension"
        raise InputError(rule, exponents, "Lower `exponents`.")
    return exponents
