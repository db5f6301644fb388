"""Preconditioned conjugate gradient, stopped early as Hessian-free optimisation wants it.

It minimises $q(x) = \\frac12 x^\\top A x + g^\\top x$ for a symmetric positive semi-definite A
that is known by its products alone. Nothing here touches the host.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

PROGRESS, SHORTEST, SHARE = 5e-4, 10, 0.1
"""Of the stopping rule: epsilon, and k = max(SHORTEST, SHARE i)."""

SPACING = 1.3
"""Iterates are saved at the steps ceil(SPACING^j)."""

Vector = Float[Array, " n"]


class Iterates(NamedTuple):
    """What conjugate gradient passed through.

    Attributes
    ----------
    xs
        The saved iterates; in row `last` the final one. Later rows mean nothing.
    steps
        How many were done.
    values
        q of every iterate from the start on, up to `steps`.
    """

    xs: Float[Array, "saved n"]
    last: Int[Array, ""]
    steps: Int[Array, ""]
    values: Float[Array, " steps"]

    @property
    def final(self) -> Vector:
        """The last iterate."""
        return self.xs[self.last]


class _Loop(NamedTuple):
    """The iterate x, its residual r = A x + g, the direction p, and r' M^-1 r."""

    x: Vector
    r: Vector
    p: Vector
    rz: Float[Array, ""]
    i: Int[Array, ""]
    broken: Array
    saved: Float[Array, "saved n"]
    values: Float[Array, " steps"]


def marks(steps: int) -> np.ndarray:
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

    With $r = A x + g$ and $z = M^{-1} r$, from $p = -z$ on:

    $$\alpha = \frac{r^\top z}{p^\top A p}, \quad x \leftarrow x + \alpha p, \quad
      r \leftarrow r + \alpha A p, \quad
      p \leftarrow -z + \frac{r^\top z}{r_{\text{old}}^\top z_{\text{old}}}\, p$$

    It ends after step i if the relative progress of the last $k = \max(10, \lceil i/10\rceil)$
    steps was below $k\epsilon$, with $\epsilon = 5 \cdot 10^{-4}$:

    $$i > k, \qquad q(x_i) < 0, \qquad \frac{q(x_i) - q(x_{i-k})}{q(x_i)} < k \epsilon$$

    and before a step along which A is not positive, or which is not finite.

    Parameters
    ----------
    product
        $v \mapsto A v$.
    g
        The vector g.
    start
        The first x.
    preconditioner
        The positive diagonal of M.
    steps
        At most so many.

    Returns
    -------
    Iterates
        The `Iterates`.
    """
    saved_after = jnp.asarray(marks(steps))
    r = product(start) + g
    z = r / preconditioner
    saved = jnp.zeros((len(saved_after), *g.shape), g.dtype).at[0].set(start)
    values = jnp.zeros(steps + 1, g.dtype).at[0].set(_value(start, r, g))
    first = jnp.zeros((), jnp.int32)
    loop = _Loop(start, r, -z, r @ z, first, jnp.zeros((), bool), saved, values)

    def row(i):
        return jnp.searchsorted(saved_after, i)

    def step(loop: _Loop) -> _Loop:
        Ap = product(loop.p)
        pAp = loop.p @ Ap
        alpha = loop.rz / pAp
        x, r = loop.x + alpha * loop.p, loop.r + alpha * Ap
        z = r / preconditioner
        rz, value = r @ z, _value(x, r, g)
        sound = (pAp > 0) & jnp.isfinite(value) & jnp.isfinite(rz)
        new = x, r, (rz / loop.rz) * loop.p - z, rz, loop.i + 1, value
        old = loop.x, loop.r, loop.p, loop.rz, loop.i, loop.values[loop.i]
        x, r, p, rz, i, value = jax.tree.map(lambda n, o: jnp.where(sound, n, o), new, old)
        saved, values = loop.saved.at[row(i)].set(x), loop.values.at[i].set(value)
        return _Loop(x, r, p, rz, i, ~sound, saved, values)

    def goes_on(loop: _Loop) -> Array:
        return ~loop.broken & (loop.i < steps) & ~stalled(loop.values, loop.i)

    end = jax.lax.while_loop(goes_on, step, loop)
    return Iterates(end.saved, row(end.i), end.i, end.values)


def stalled(values: Float[Array, " steps"], i: Int[Array, ""]) -> Array:
    """The rule by which `conjugate_gradient` ends after step i."""
    k = jnp.maximum(SHORTEST, -(-i // round(1 / SHARE)))
    value = values[i]
    progress = (value - values[jnp.maximum(i - k, 0)]) / value
    return (i > k) & (value < 0) & (progress < k * PROGRESS)


def _value(x: Vector, r: Vector, g: Vector) -> Float[Array, ""]:
    """q(x), by r = A x + g."""
    return 0.5 * x @ (r + g)
