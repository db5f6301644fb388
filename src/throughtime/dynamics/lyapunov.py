r"""Lyapunov exponents: how fast neighbours part, in every direction.

Small differences $\delta$ follow the tangent map $\delta_{n+1} = J_n \delta_n$. Every so many
steps a set of them is made orthogonal again, $J Q = Q' R$, and the exponents are the mean rates

$$\lambda_i = \frac{1}{t} \sum \ln |R_{ii}|$$

(Benettin, Galgani, Giorgilli and Strelcyn 1980). The largest one positive is chaos; their sum
is the mean rate at which volumes grow; Kaplan and Yorke (1979) read a dimension from them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float64

from throughtime._support.precision import precision
from throughtime.errors import InputError, at_least_one

from . import maps
from .maps import Map
from .systems import System

Tangents = Float[Array, "tangent state"]
Advance = Callable[[Any, Float[Array, " state"], Tangents], tuple[Array, Tangents]]
"""`advance(block, state, tangents)`: both after a block of steps."""

STEPS = 20_000
"""That are averaged over, if nothing else is asked for."""

TRANSIENT = 0.1
"""Of the blocks: so many are run before anything is counted, for Q to turn into place."""


@dataclass(frozen=True)
class Spectrum:
    """Lyapunov exponents, per unit of time, the largest first.

    Attributes
    ----------
    exponents
        Over all that was counted.
    running
        What they were after each block, `(block, exponent)`, and `times` of those: their
        convergence.
    errors
        Standard errors, from the spread of ten stretches.
    dimensions
        Of the state; all exponents are there if there are as many.
    """

    exponents: Float64[np.ndarray, " exponent"]
    running: Float64[np.ndarray, "block exponent"]
    times: Float64[np.ndarray, " block"]
    errors: Float64[np.ndarray, " exponent"]
    dimensions: int

    @property
    def lyapunov_time(self) -> float:
        """1 over the largest exponent, in units of time; infinite if it is not above 0."""
        largest = float(self.exponents[0])
        return 1 / largest if largest > 0 else float("inf")

    @property
    def kaplan_yorke(self) -> float | None:
        """The Kaplan-Yorke dimension; None if too few exponents are known to tell."""
        whole = len(self.exponents) == self.dimensions
        return kaplan_yorke(self.exponents, whole=whole)


def kaplan_yorke(exponents, *, whole: bool = True) -> float | None:
    r"""The dimension that exponents speak of (Kaplan and Yorke 1979).

    $$D = j + \frac{\lambda_1 + \dots + \lambda_j}{|\lambda_{j+1}|}$$

    with j the most exponents whose sum, from the largest on, is not negative.

    **Arguments:** `exponents`, largest first; `whole`: there are no others.

    **Returns:** D; all dimensions if volumes do not shrink; None if that cannot be told
    because exponents are missing.
    """
    exponents = np.asarray(exponents, np.float64)
    sums = np.cumsum(exponents)
    below = np.flatnonzero(sums < 0)
    if not len(below):
        return float(len(exponents)) if whole else None
    j = int(below[0])
    return j + float(sums[j - 1] if j else 0.0) / abs(float(exponents[j]))


def lyapunov_of_system(
    system: System,
    *,
    time: float | int | None = None,
    dt: float | int | None = None,
    exponents: int | None = None,
    substeps: int | None = None,
    seed: int = 0,
) -> Spectrum:
    """The Lyapunov spectrum of a system, along one trajectory from its own start.

    Parameters
    ----------
    time
        That is averaged over, after the system's transient; 20,000 steps by default.
    dt
        Between two times at which tangents are made orthogonal; the system's own by default.
    substeps
        Steps of Runge and Kutta's scheme in it.
    exponents
        So many, the largest; all by default (of a delay, the first 8).
    seed
        Of the first directions.

    Raises
    ------
    InputError
        For bad arguments, or a trajectory that goes to infinity.

    Examples
    --------
    >>> lyapunov_of_system(system("lorenz63")).exponents.round(1)     # doctest: +SKIP
    array([  0.9,   0. , -14.6])
    """
    with precision("float64"):
        found = maps.map_of_system(system, dt, substeps)
        steps = STEPS if time is None else round(time / found.time)
        at_least_one("time / dt", steps)
        if exponents is None and len(found.start) > len(system.start):
            exponents = min(len(found.start), 8)
        return lyapunov_of_map(found, exponents, steps, seed=seed)


def lyapunov_of_map(
    dynamics: Map,
    exponents: int | None = None,
    steps: int = STEPS,
    *,
    every: int = 1,
    seed: int = 0,
) -> Spectrum:
    """The Lyapunov spectrum of a map, in the precision of its start.

    `map_of_network` makes a map of a network, `map_of_cell` of a cell; their tangents go
    through the compiled kernels.

    **Arguments:** `exponents`, so many, the largest (all by default); `steps`, averaged over
    after the transient; `every`, steps between two times at which tangents are made orthogonal.

    **Raises:** `InputError` for bad arguments, or a trajectory that goes to infinity.
    """
    at_least_one("every", every)
    at_least_one("steps", steps)
    count = _count(exponents, len(dynamics.start))
    settled = dynamics.settled()

    def advance(block, state, tangents):
        def step(i, both):
            return settled.tangent(block * every + i, *both)

        return jax.lax.fori_loop(0, every, step, (state, tangents))

    blocks = max(1, steps // every)
    return spectrum(advance, settled.start, count, blocks, every * settled.time, seed)


def spectrum(
    advance: Advance,
    start: Float[Array | np.ndarray, " state"],
    count: int,
    blocks: int,
    time: float | int = 1.0,
    seed: int = 0,
) -> Spectrum:
    """Lyapunov exponents of any map whose tangents can be advanced.

    **Arguments:**

    - `advance(n, state, tangents)`: the state and the rows of tangents after block n of steps.
    - `start`: a state on the attractor. `count`: of exponents. `blocks`: that are counted.
    - `time`: of a block. `seed`: of the first directions.

    **Returns:** a `Spectrum`, in what precision the start has.

    **Raises:** `InputError` if there are fewer dimensions than exponents, or the trajectory
    does not stay finite.
    """
    start = jnp.asarray(start)
    _count(count, len(start))
    before = max(10, int(TRANSIENT * blocks))
    rng = np.random.default_rng(seed)
    first = np.linalg.qr(rng.standard_normal((len(start), count)))[0].T

    @jax.jit
    def run(state, Q):
        def block(carry, n):
            state, Q = carry
            state, JQ = advance(n, state, Q)
            Q, R = jnp.linalg.qr(JQ.T)
            grown, size = jnp.abs(jnp.diag(R)), jnp.linalg.norm(JQ, axis=1)
            # What is left of a direction that lies in those before it is rounding: it died.
            grown = jnp.where(grown > jnp.finfo(R.dtype).eps * size, grown, 0)
            return (state, Q.T), jnp.log(grown)

        (last, _), logs = jax.lax.scan(block, (state, Q), jnp.arange(before + blocks))
        return last, logs

    last, logs = run(start, jnp.asarray(first, start.dtype))
    logs = np.asarray(logs, np.float64)[before:]
    if not np.isfinite(np.asarray(last)).all() or np.isnan(logs).any():
        rule = "a trajectory must stay finite for its exponents to exist"
        raise InputError(
            rule, "one that goes to infinity", "Change its start or its parameters."
        )
    times = time * np.arange(1, blocks + 1)
    with np.errstate(invalid="ignore"):  # (a direction that dies at once: -inf less -inf)
        running = np.cumsum(logs, axis=0) / times[:, None]
        stretches = [part.mean(axis=0) / time for part in np.array_split(logs, min(10, blocks))]
        errors = np.std(stretches, axis=0, ddof=min(1, len(stretches) - 1))
    order = np.argsort(-running[-1], kind="stable")
    return Spectrum(
        running[-1][order],
        running[:, order],
        times,
        errors[order] / np.sqrt(len(stretches)),
        len(start),
    )


def _count(exponents: int | None, dimensions: int) -> int:
    if exponents is None:
        return dimensions
    at_least_one("exponents", exponents)
    if exponents > dimensions:
        rule = f"there are {dimensions} exponents, one for each dimension"
        raise InputError(rule, exponents, "Lower `exponents`.")
    return exponents
