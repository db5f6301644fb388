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

from .errors import InputError, at_least_one
from .precision import precision
from .simulate import stepper
from .systems import System

Tangents = Float[Array, "tangent state"]
Advance = Callable[[Any, Float[Array, " state"], Tangents], tuple[Array, Tangents]]
"""`advance(block, state, tangents)`: both after a block of steps."""

TRANSIENT = 0.1
"""Of the blocks: so many are run before anything is counted, for Q to turn into place."""


@dataclass(frozen=True)
class Spectrum:
    """Lyapunov exponents, per unit of time, the largest first.

    - `exponents`: over all that was counted.
    - `running`: what they were after each block, `(block, exponent)`, and `times` of those:
      their convergence.
    - `errors`: standard errors, from the spread of ten stretches.
    - `dimensions`: of the state; all exponents are there if there are as many.
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


def of_system(
    system: System,
    *,
    time: float | int | None = None,
    dt: float | int | None = None,
    exponents: int | None = None,
    substeps: int | None = None,
    seed: int = 0,
) -> Spectrum:
    """The Lyapunov spectrum of a system, along one trajectory from its own start.

    >>> of_system(system("lorenz63")).exponents.round(1)     # doctest: +SKIP
    array([  0.9,   0. , -14.6])

    **Arguments:**

    - `time`: that is averaged over, after the system's transient; 20,000 steps by default.
    - `dt`: between two times at which tangents are made orthogonal; the system's own by
      default. `substeps`: steps of Runge and Kutta's scheme in it.
    - `exponents`: so many, the largest; all by default (of a delay, the first 8).
    - `seed`: of the first directions.

    **Raises:** `InputError` for bad arguments, or a trajectory that goes to infinity.
    """
    dt = system.dt if dt is None else dt
    if not 0 < dt < np.inf:
        raise InputError("`dt` must be above 0 and finite", dt, "Change `dt`.")
    steps = 20_000 if time is None else round(time / dt)
    at_least_one("time / dt", steps)
    with precision("float64"):
        step, begin, _ = stepper(system, dt, substeps=substeps)
        before = round(system.transient / dt)
        start = begin(jnp.asarray(system.start, jnp.float64))
        start = jax.jit(
            lambda s: jax.lax.fori_loop(0, before, lambda n, s: step((n - before) * dt, s), s)
        )(start)
        many = min(len(start), 8) if exponents is None and len(start) > len(system.start) else 0
        count = _count(exponents or many or None, len(start))

        def advance(n, state, tangents):
            state, forward = jax.linearize(lambda s: step(n * dt, s), state)
            return state, jax.vmap(forward)(tangents)

        return spectrum(advance, start, count, steps, dt, seed)


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
            return (state, Q.T), jnp.log(jnp.abs(jnp.diag(R)))

        (last, _), logs = jax.lax.scan(block, (state, Q), jnp.arange(before + blocks))
        return last, logs

    last, logs = run(start, jnp.asarray(first, start.dtype))
    logs = np.asarray(logs, np.float64)[before:]
    if not np.isfinite(np.asarray(last)).all() or np.isnan(logs).any():
        rule = "a trajectory must stay finite for its exponents to exist"
        raise InputError(rule, "one that does not", "Change its start or its parameters.")
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
