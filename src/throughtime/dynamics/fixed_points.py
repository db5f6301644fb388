r"""Where a map stands still: fixed points and cycles, and whether they hold what comes near.

A point of a cycle of period p solves $F^p(s) = s$. It is looked for from many starts by
Levenberg and Marquardt's method on $\frac12 |F^p(s) - s|^2$ (Sussillo and Barak 2013, who
minimise the same). The eigenvalues of the slopes of $F^p$ tell what happens nearby: it holds
where all of them lie inside the unit circle, and a complex pair turns around it.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex128, Float, Float64

from throughtime.errors import InputError, at_least_one

from .maps import Map

FOUND = 1e-6
"""|F(s) - s| of a point that counts as found, over the size of the states."""

APART = 1e-3
"""Two points nearer than this, over the size of the states, are one."""


@dataclass(frozen=True)
class FixedPoint:
    """A point that comes back to itself after `period` steps; 1 of a fixed point.

    Attributes
    ----------
    states
        Of the cycle, `(period, state)`.
    seen
        What is observed of them.
    eigenvalues
        Of the slopes over the whole cycle, largest modulus first.
    residual
        |F^p(s) - s|.
    starts
        How many of the starts led there.
    """

    states: Float64[np.ndarray, "period state"]
    seen: Float64[np.ndarray, "period variable"]
    eigenvalues: Complex128[np.ndarray, " state"]
    residual: float
    starts: int

    @property
    def period(self) -> int:
        """Steps until it comes back."""
        return len(self.states)

    @property
    def stable(self) -> bool:
        """Whether it holds what comes near: all eigenvalues are inside the unit circle."""
        return bool(abs(self.eigenvalues[0]) < 1)

    def describe(self) -> str:
        """In a sentence: what it is, and how fast what is near comes or goes."""
        modulus = float(abs(self.eigenvalues[0]))
        outside = int((abs(self.eigenvalues) >= 1).sum())
        kind = "stable" if self.stable else f"unstable in {outside} of {len(self.eigenvalues)}"
        if not self.stable:
            kind += " directions" if len(self.eigenvalues) > 1 else " direction"
        turning = ", turning" if abs(self.eigenvalues[0].imag) > 1e-9 * modulus else ""
        what = "fixed point" if self.period == 1 else f"cycle of {self.period} steps"
        near = np.where(abs(self.seen[0]) < 1e-9, 0, self.seen[0])
        where = ", ".join(f"{value:.4g}" for value in near[:4]) + ", ..." * (len(near) > 4)
        return f"{what} at ({where}): {kind}{turning}, largest |eigenvalue| {modulus:.4g}"


def fixed_points(
    dynamics: Map, period: int = 1, *, starts: int = 64, seed: int = 0, most: int = 200
) -> list[FixedPoint]:
    """Fixed points of a map, or its cycles of a period, found from many starts.

    Work in double precision (`maps.double`, `precision`): a point is found to 1e-6 of the size
    of the states. None is sure to be all there are.

    Parameters
    ----------
    period
        Of the cycles; those of its divisors are left out.
    starts
        Half of them on the trajectory of the map, the others around it.
    most
        Steps of the method.

    Returns
    -------
    list[FixedPoint]
        What was found, the most stable first.

    Raises
    ------
    InputError
        For a period or starts below 1.
    """
    import optimistix  # here: it takes a while to load

    at_least_one("period", period)
    at_least_one("starts", starts)
    first, scale = _starts(dynamics, starts, seed)

    def after(state):
        def step(n, state):
            return dynamics.step(n, state[None])[0]

        return jax.lax.fori_loop(0, period, step, state)

    def cycle(state):
        def step(state, n):
            return dynamics.step(n, state[None])[0], state

        return jax.lax.scan(step, state, jnp.arange(period))[1]

    solver = optimistix.LevenbergMarquardt(rtol=1e-10, atol=1e-10 * scale)

    @jax.jit
    @jax.vmap
    def search(state):
        found = optimistix.least_squares(
            lambda s, _: after(s) - s, solver, state, max_steps=most, throw=False
        ).value
        return found, jnp.linalg.norm(after(found) - found)

    ends, residuals = map(np.asarray, search(first))
    sound = np.isfinite(ends).all(axis=1) & (residuals < FOUND * scale)
    turn = jax.jit(cycle)
    found: list[FixedPoint] = []
    counts: list[int] = []
    kept: list[np.ndarray] = []
    for end, residual in zip(ends[sound], residuals[sound], strict=True):
        states = np.asarray(turn(jnp.asarray(end)))
        near = [i for i, other in enumerate(kept) if _near(states[0], other, APART * scale)]
        if near:
            counts[near[0]] += 1
        elif not any(
            np.linalg.norm(states[p] - states[0]) < APART * scale for p in _divisors(period)
        ):
            kept.append(states)
            counts.append(1)
            found.append(_point(dynamics, states, float(residual)))
    told = [
        FixedPoint(one.states, one.seen, one.eigenvalues, one.residual, count)
        for one, count in zip(found, counts, strict=True)
    ]
    return sorted(told, key=lambda one: abs(one.eigenvalues[0]))


def _point(dynamics: Map, states: np.ndarray, residual: float) -> FixedPoint:
    slopes = np.eye(states.shape[1])
    jacobian = jax.jit(dynamics.jacobian)
    for n, state in enumerate(states):
        slopes = np.asarray(jacobian(jnp.asarray(state), n), np.float64) @ slopes
    eigenvalues = np.linalg.eigvals(slopes).astype(complex)
    order = np.argsort(-abs(eigenvalues), kind="stable")
    seen = np.asarray(dynamics.see(jnp.asarray(states)), np.float64)
    return FixedPoint(states.astype(np.float64), seen, eigenvalues[order], residual, 1)


def _starts(dynamics: Map, starts: int, seed: int) -> tuple[Float[Array, "start state"], float]:
    """States on the trajectory and around it, and their size."""
    rng = np.random.default_rng(seed)
    along = np.asarray(dynamics.run(1000))
    along = along[np.isfinite(along).all(axis=1)]
    if not len(along):
        rule, remedy = "a trajectory must stay finite", "Change its start or its parameters."
        raise InputError(rule, "one that does not", remedy)
    scale = float(np.sqrt((along**2).mean()) + np.sqrt(along.var(axis=0).mean())) or 1.0
    chosen = along[rng.integers(len(along), size=starts)]
    around = rng.standard_normal(chosen.shape) * scale
    around[: starts // 2] = 0
    around[-1] -= chosen[-1] + around[-1]  # (the last one is 0)
    return jnp.asarray(chosen + around, dynamics.start.dtype), scale


def _near(state: np.ndarray, cycle: np.ndarray, distance: float) -> bool:
    """Whether a state is one of a cycle."""
    return bool((np.linalg.norm(cycle - state, axis=1) < distance).any())


def _divisors(period: int) -> list[int]:
    return [p for p in range(1, period) if period % p == 0]
