r"""Preconditioned conjugate gradient, stopped early as Hessian-free optimisation wants it.

It minimises $q(x) = \frac12 x^\top A x + g^\top x$ for a symmetric positive semi-definite A
that is known only by its products with vectors. Nothing here waits for the host.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

PROGRESS, FEWEST_STEPS, SHARE_OF_STEPS = 5e-4, 10, 0.1
r"""The stopping rule: $\epsilon$, and $k = \max(10, \lceil 0.1 i \rceil)$ after step i."""

SPACING = 1.3
r"""Iterates are saved after the steps $\lceil 1.3^j \rceil$."""

Vector = Float[Array, " n"]


class Iterates(NamedTuple):
    """The iterates of conjugate gradient.

    Attributes
    ----------
    xs
        The saved iterates. Row `last` holds the final one; later rows are meaningless.
    last
        The row of the final iterate.
    steps
        The number of steps done.
    values
        q of every iterate from the start on; values after `steps` are meaningless.
    """

    xs: Float[Array, "saved n"]
    last: Int[Array, ""]
    steps: Int[Array, ""]
    values: Float[Array, " steps"]

    @property
    def final(self) -> Vector:
        """The final iterate."""
        return self.xs[self.last]


class _State(NamedTuple):
    """The iterate x, its residual r = A x + g, the direction p, and rz = r' M^-1 r."""

    x: Vector
    r: Vector
    p: Vector
    rz: Float[Array, ""]
    i: Int[Array, ""]
    breakdown: Array
    saved: Float[Array, "saved n"]
    values: Float[Array, " steps"]


def saved_steps(steps: int) -> np.ndarray:
    r"""The steps after which an iterate is saved: $\lceil 1.3^j \rceil$, and the last one."""
    powers = range(1 + math.ceil(math.log(steps, SPACING))) if steps > 1 else range(1)
    spaced = {math.ceil(SPACING**j) for j in powers}
    return np.array(sorted({n for n in spaced if n < steps} | {steps}))


def conjugate_gradient(
    product: Callable[[Vector], Vector],
    g: Vector,
    start: Vector,
    preconditioner: Vector,
    steps: int,
) -> Iterates:
    r"""Minimise $q(x) = \frac12 x^\top A x + g^\top x$ (Martens 2010, section 4.4).

    With $r = A x + g$ and $z = M^{-1} r$, starting from $p = -z$:

    $$\alpha = \frac{r^\top z}{p^\top A p}, \quad x \leftarrow x + \alpha p, \quad
      r \leftarrow r + \alpha A p, \quad
      p \leftarrow -z + \frac{r^\top z}{r_{\text{old}}^\top z_{\text{old}}}\, p$$

    It ends after step i if the relative progress of the last $k = \max(10, \lceil i/10\rceil)$
    steps was below $k\epsilon$, with $\epsilon = 5 \cdot 10^{-4}$:

    $$i > k, \qquad q(x_i) < 0, \qquad \frac{q(x_i) - q(x_{i-k})}{q(x_i)} < k \epsilon$$

    It also ends before a step along which A is not positive, or whose result is not finite.

    Parameters
    ----------
    product
        The product $v \mapsto A v$.
    g
        The vector g.
    start
        The first x.
    preconditioner
        The diagonal of M, positive.
    steps
        The largest number of steps.

    Returns
    -------
    Iterates
        The final iterate, and some on the way to it.
    """
    saved_after = jnp.asarray(saved_steps(steps))
    r = product(start) + g
    z = r / preconditioner
    saved = jnp.zeros((len(saved_after), *g.shape), g.dtype).at[0].set(start)
    values = jnp.zeros(steps + 1, g.dtype).at[0].set(_value(start, r, g))
    zero = jnp.zeros((), jnp.int32)
    first = _State(start, r, -z, r @ z, zero, jnp.zeros((), bool), saved, values)

    def row(i):
        return jnp.searchsorted(saved_after, i)

    def step(state: _State) -> _State:
        Ap = product(state.p)
        pAp = state.p @ Ap
        alpha = state.rz / pAp
        x, r = state.x + alpha * state.p, state.r + alpha * Ap
        z = r / preconditioner
        rz, value = r @ z, _value(x, r, g)
        good = (pAp > 0) & jnp.isfinite(value) & jnp.isfinite(rz)
        new = x, r, (rz / state.rz) * state.p - z, rz, state.i + 1, value
        old = state.x, state.r, state.p, state.rz, state.i, state.values[state.i]
        x, r, p, rz, i, value = jax.tree.map(lambda n, o: jnp.where(good, n, o), new, old)
        saved, values = state.saved.at[row(i)].set(x), state.values.at[i].set(value)
        return _State(x, r, p, rz, i, ~good, saved, values)

    def unfinished(state: _State) -> Array:
        return ~state.breakdown & (state.i < steps) & ~stalled(state.values, state.i)

    end = jax.lax.while_loop(unfinished, step, first)
    return Iterates(end.saved, row(end.i), end.i, end.values)


def stalled(values: Float[Array, " steps"], i: Int[Array, ""]) -> Array:
    """Whether progress has been too small by step i: the stopping rule."""
    k = jnp.maximum(FEWEST_STEPS, -(-i // round(1 / SHARE_OF_STEPS)))
    value = values[i]
    progress = (value - values[jnp.maximum(i - k, 0)]) / value
    return (i > k) & (value < 0) & (progress < k * PROGRESS)


def _value(x: Vector, r: Vector, g: Vector) -> Float[Array, ""]:
    """q(x), from r = A x + g."""
    return 0.5 * x @ (r + g)
