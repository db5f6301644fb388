r"""Fixed points and cycles of a map, and their stability.

A point of a cycle of period p solves $F^p(s) = s$. It is searched for from many starts by the
Levenberg-Marquardt method on $\frac12 |F^p(s) - s|^2$ (Sussillo and Barak 2013 minimise the
same function). The eigenvalues of the Jacobian of $F^p$ describe the dynamics nearby: the point
is stable if all of them lie inside the unit circle, and a complex pair means rotation.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex128, Float, Float64

from throughtime.errors import InputError, check_positive_integer

from .maps import Map

TOLERANCE = 1e-6
"""A point is accepted if |F^p(s) - s| is below this fraction of the size of the states."""

NEUTRAL = 1e-6
"""An eigenvalue whose modulus differs from 1 by less neither attracts nor repels."""

DISTINCT = 1e-3
"""Points count as one if they are nearer than this fraction of the size of the states."""


@dataclass(frozen=True)
class FixedPoint:
    """A fixed point, or a cycle of several states.

    Attributes
    ----------
    states
        The states of the cycle, `(period, state)`.
    observed
        The observed variables of these states, `(period, variable)`.
    eigenvalues
        Eigenvalues of the Jacobian over the whole cycle, largest modulus first.
    residual
        |F^p(s) - s|.
    starts
        The number of starts that led there.
    """

    states: Float64[np.ndarray, "period state"]
    observed: Float64[np.ndarray, "period variable"]
    eigenvalues: Complex128[np.ndarray, " state"]
    residual: float
    starts: int

    @property
    def period(self) -> int:
        """The number of steps of the cycle; 1 for a fixed point."""
        return len(self.states)

    @property
    def stable(self) -> bool:
        """Whether all eigenvalues lie inside the unit circle."""
        return bool(abs(self.eigenvalues[0]) < 1)

    @property
    def kind(self) -> str:
        """What it is: `stable node`, `stable focus`, `saddle`, `saddle focus` and so on.

        It is a focus if the eigenvalue of largest modulus is one of a complex pair, a saddle if
        some lie inside the unit circle and some outside, and a centre if one lies on it.
        """
        moduli = abs(self.eigenvalues)
        outside, inside = moduli > 1 + NEUTRAL, moduli < 1 - NEUTRAL
        turns = bool(abs(self.eigenvalues[0].imag) > 1e-9 * moduli[0])
        form = "focus" if turns else "node"
        if inside.all():
            return f"stable {form}"
        if outside.all():
            return f"unstable {form}"
        if outside.any():
            return "saddle focus" if turns else "saddle"
        return "centre" if turns else "neutral point"

    def describe(self) -> str:
        """One line: where it lies, its stability and its largest eigenvalue."""
        modulus = float(abs(self.eigenvalues[0]))
        outside = int((abs(self.eigenvalues) >= 1).sum())
        stability = "stable"
        if not self.stable:
            directions = "directions" if len(self.eigenvalues) > 1 else "direction"
            stability = f"unstable in {outside} of {len(self.eigenvalues)} {directions}"
        rotates = abs(self.eigenvalues[0].imag) > 1e-9 * modulus
        rotation = ", rotating" if rotates else ""
        kind = "fixed point" if self.period == 1 else f"cycle of {self.period} steps"
        position = np.where(abs(self.observed[0]) < 1e-9, 0, self.observed[0])
        where = ", ".join(f"{v:.4g}" for v in position[:4]) + ", ..." * (len(position) > 4)
        return f"{kind} at ({where}): {stability}{rotation}, largest |eigenvalue| {modulus:.4g}"


def eigenvalue_text(value: complex) -> str:
    """A complex number as text, a real one without its imaginary part."""
    if abs(value.imag) < 1e-9 * abs(value):
        return f"{value.real:.4g}"
    return f"{value.real:.4g} {'+' if value.imag > 0 else '-'} {abs(value.imag):.4g}i"


def fixed_points(
    dynamics: Map, period: int = 1, *, starts: int = 64, seed: int = 0, max_steps: int = 200
) -> list[FixedPoint]:
    """Find fixed points of a map, or its cycles of a given period, from many starts.

    Use double precision (`maps.to_float64`, `precision`): points are accepted at 1e-6 of the
    size of the states. The search may miss some of them.

    Parameters
    ----------
    dynamics
        The map.
    period
        The period of the cycles; those of a smaller period are left out.
    starts
        The number of starts: half of them on the trajectory of the map, half around it.
    seed
        Seed of the starts.
    max_steps
        Steps of the Levenberg-Marquardt method, at most.

    Returns
    -------
    list[FixedPoint]
        The points that were found, the most stable first.

    Raises
    ------
    InputError
        If `period` or `starts` is below 1, or the trajectory does not stay finite.
    """
    import optimistix  # here: it takes a while to load

    check_positive_integer("period", period)
    check_positive_integer("starts", starts)
    first, scale = _starts(dynamics, starts, seed)

    def iterate(state):
        """The state after a whole period."""

        def step(n, state):
            return dynamics.step(n, state[None])[0]

        return jax.lax.fori_loop(0, period, step, state)

    def cycle(state):
        """All states of a period, the first one included."""

        def step(state, n):
            return dynamics.step(n, state[None])[0], state

        return jax.lax.scan(step, state, jnp.arange(period))[1]

    solver = optimistix.LevenbergMarquardt(rtol=1e-10, atol=1e-10 * scale)

    @jax.jit
    @jax.vmap
    def search(state):
        solution = optimistix.least_squares(
            lambda s, _: iterate(s) - s, solver, state, max_steps=max_steps, throw=False
        ).value
        return solution, jnp.linalg.norm(iterate(solution) - solution)

    ends, residuals = map(np.asarray, search(first))
    converged = np.isfinite(ends).all(axis=1) & (residuals < TOLERANCE * scale)
    cycle, jacobian = jax.jit(cycle), jax.jit(dynamics.jacobian)
    points: list[FixedPoint] = []
    for end, residual in zip(ends[converged], residuals[converged], strict=True):
        states = np.asarray(cycle(jnp.asarray(end)))
        known = [
            i for i, p in enumerate(points) if _near(states[0], p.states, DISTINCT * scale)
        ]
        if known:
            points[known[0]] = replace(points[known[0]], starts=points[known[0]].starts + 1)
        elif not any(
            np.linalg.norm(states[p] - states[0]) < DISTINCT * scale for p in _divisors(period)
        ):
            eigenvalues = _eigenvalues(jacobian, states)
            observed = np.asarray(dynamics.observe(jnp.asarray(states)), np.float64)
            states = states.astype(np.float64)
            points.append(FixedPoint(states, observed, eigenvalues, float(residual), 1))
    return sorted(points, key=lambda point: abs(point.eigenvalues[0]))


def _eigenvalues(jacobian: Callable, states: np.ndarray) -> Complex128[np.ndarray, " state"]:
    """Eigenvalues of the Jacobian over a whole cycle, largest modulus first."""
    product = np.eye(states.shape[1])
    for n, state in enumerate(states):
        product = np.asarray(jacobian(jnp.asarray(state), n), np.float64) @ product
    eigenvalues = np.linalg.eigvals(product).astype(complex)
    return eigenvalues[np.argsort(-abs(eigenvalues), kind="stable")]


def _starts(dynamics: Map, starts: int, seed: int) -> tuple[Float[Array, "start state"], float]:
    """States on the trajectory and around it, and the size of the states."""
    rng = np.random.default_rng(seed)
    trajectory = np.asarray(dynamics.run(1000))
    trajectory = trajectory[np.isfinite(trajectory).all(axis=1)]
    if not len(trajectory):
        rule = "a trajectory must stay finite"
        remedy = (
            "Start nearer to the attractor, or take parameters under which it stays bounded."
        )
        raise InputError(rule, "one that does not", remedy)
    size = np.sqrt((trajectory**2).mean()) + np.sqrt(trajectory.var(axis=0).mean())
    scale = float(size) or 1.0
    chosen = trajectory[rng.integers(len(trajectory), size=starts)]
    offsets = rng.standard_normal(chosen.shape) * scale
    offsets[: starts // 2] = 0
    offsets[-1] = -chosen[-1]  # the last start is the origin
    return jnp.asarray(chosen + offsets, dynamics.start.dtype), scale


def _near(state: np.ndarray, cycle: np.ndarray, distance: float) -> bool:
    """Whether a state is close to one of the states of a cycle."""
    return bool((np.linalg.norm(cycle - state, axis=1) < distance).any())


def _divisors(period: int) -> list[int]:
    return [p for p in range(1, period) if period % p == 0]
