r"""Hessian-free optimisation: Newton's method by products with the curvature alone.

Martens (2010) and, for recurrent networks, Martens and Sutskever (2011). Around the weights
$\theta$ the loss f, weight decay included, has the quadratic model

$$q(\delta) = g^\top \delta + \tfrac12 \delta^\top B \delta, \qquad B = J^\top H_L J + c I$$

with g its gradient and $J^\top H_L J$ the generalised Gauss-Newton matrix (see `gauss_newton`),
so that B is positive semi-definite.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from throughtime.errors import InputError

from .batches import Batch
from .conjugate_gradient import Iterates, conjugate_gradient
from .gauss_newton import (
    Scalar,
    Weights,
    gauss_newton,
    grouped_gradient,
    grouped_loss,
    squared_gradients,
)
from .objective import Info, Objective

WARM_START = 0.95
"""Conjugate gradient starts from the final iterate of the update before, times this."""

PRECONDITIONER_POWER = 0.75
"""The exponent in the preconditioner."""

ARMIJO, SHRINK, TRIALS = 1e-2, 0.8, 60
"""The line search: the share of the promised fall, the factor on the length, most trials."""

LOW_RATIO, HIGH_RATIO = 0.25, 0.75
"""The damping is raised below the first reduction ratio, and lowered above the second."""

RAISE, LOWER = 3 / 2, 2 / 3
"""The factors by which the damping is raised and lowered."""


class HessianFreeState(NamedTuple):
    """The state of the method.

    The names of the fields are those of the tensors in a checkpoint.

    Attributes
    ----------
    damping
        The damping lambda.
    direction
        The final iterate of conjugate gradient in the update before.
    """

    damping: Scalar
    direction: Weights


@dataclass(frozen=True)
class HessianFree:
    """Hessian-free optimisation as a `Method`; `hessian_free` checks the numbers."""

    curvature: int | None = None
    damping: float = 0.01
    structural: float = 0.03
    cg_steps: int = 300
    weight_decay: float = 2e-5

    quantities: ClassVar[tuple[str, ...]] = (
        "damping",
        "cg_steps",
        "reduction_ratio",
        "step_length",
    )

    def init(self, params: Float[Array | np.ndarray, "*member weights"]) -> HessianFreeState:
        zeros = np.zeros(params.shape, params.dtype)
        first = np.asarray(self.damping, params.dtype), zeros
        return HessianFreeState(*map(jax.device_put, first))  # (compiles nothing)

    def step(
        self, objective: Objective, params: Weights, state: HessianFreeState, batch: Batch
    ) -> tuple[Weights, HessianFreeState, Info]:
        curvature_batch = batch
        if self.curvature is not None:
            curvature_batch = jax.tree.map(lambda leaf: leaf[: self.curvature], batch)
        size = len(curvature_batch.inputs)
        loss, gradient, auxiliary = grouped_gradient(objective, params, batch, size)
        decay, damping = self.weight_decay, state.damping
        g = gradient + decay * params
        product = gauss_newton(objective, params, curvature_batch)

        def damped(v):
            nu = self.structural * damping if self.structural else None
            return product(v, nu) + (damping + decay) * v

        def model(delta):
            return g @ delta + 0.5 * delta @ (product(delta) + decay * delta)

        def after(delta, batch):
            """The loss after a step delta; infinite where it is not a number."""
            new = params + delta
            value = grouped_loss(objective, new, batch, size) + 0.5 * decay * new @ new
            return jnp.where(jnp.isfinite(value), value, jnp.inf)

        squares = squared_gradients(objective, params, curvature_batch)
        M = preconditioner(squares, damping + decay)
        first = WARM_START * state.direction
        iterates = conjugate_gradient(damped, g, first, M, self.cg_steps)
        delta = backtrack(lambda delta: after(delta, curvature_batch), iterates)
        before, full = loss + 0.5 * decay * params @ params, after(delta, batch)
        ratio = reduction_ratio(before, full, model(delta))
        length = line_search(lambda a: after(a * delta, batch), before, full, g @ delta)
        # (without an update, delta may hold anything)
        params = jnp.where(length > 0, params + length * delta, params)
        direction = jnp.where(length > 0, iterates.final, 0)
        new = HessianFreeState(adapt_damping(damping, ratio), direction)
        values = (damping, iterates.steps.astype(loss.dtype), ratio, length)
        quantities: dict[str, Array] = dict(zip(self.quantities, values, strict=True))
        return params, new, Info(loss, jnp.linalg.norm(gradient), auxiliary, quantities)


def hessian_free(
    curvature: int | None = None,
    *,
    damping: float = 0.01,
    structural: float = 0.03,
    cg_steps: int = 300,
    weight_decay: float = 2e-5,
) -> HessianFree:
    r"""Hessian-free optimisation (Martens 2010; Martens and Sutskever 2011), a `Method`.

    An update

    1. minimises $g^\top \delta + \frac12 \delta^\top (B + \lambda I + \lambda \mu S) \delta$ by
       conjugate gradient, starting from 0.95 times its final iterate in the update before;
    2. goes back over the saved iterates as long as the loss falls, which gives $\delta$;
    3. multiplies the damping $\lambda$ by 3/2 if the reduction ratio $\rho = (f(\theta +
       \delta) - f(\theta)) / q(\delta)$ is below 1/4, and by 2/3 if it is above 3/4;
    4. moves the weights by $\alpha \delta$, with $\alpha$ the first of $1, 0.8, 0.8^2, \dots$
       for which $f(\theta + \alpha \delta) \le f(\theta) + 0.01\, \alpha\, g^\top \delta$; if
       there is none, the weights stay.

    The gradient, $\rho$ and $\alpha$ are those of the whole batch, everything else that of its
    curvature batch. A loss that is not finite counts as infinite: the damping rises.

    The history has these quantities: `damping` ($\lambda$ in the update), `cg_steps` (steps of
    conjugate gradient), `reduction_ratio` ($\rho$) and `step_length` ($\alpha$; 0 if the
    weights stayed).

    Parameters
    ----------
    curvature
        The size of the curvature batch, which is the first examples of each batch; by default
        all of them. No more examples are held in memory at a time. Batches are shuffled, so the
        curvature batch is random.
    damping
        The first $\lambda$. The paper has 0.01 times the number of outputs, because its loss is
        a sum over the outputs; here it is their mean.
    structural
        $\mu$, the weight of the structural damping S, which holds the hidden states in place;
        see `gauss_newton`.
    cg_steps
        The largest number of steps of conjugate gradient.
    weight_decay
        c: $\frac{c}{2} |\theta|^2$, over all weights and biases, is added to what is minimised,
        but not to the loss in the history.

    Returns
    -------
    HessianFree
        The method.

    Raises
    ------
    InputError
        For a number that is out of its range.
    """
    for name, count in (("curvature", curvature), ("cg_steps", cg_steps)):
        if count is not None and count < 1:
            raise InputError(f"`{name}` must be at least 1", count, f"Raise `{name}`.")
    factors = {"damping": damping, "structural": structural, "weight_decay": weight_decay}
    for name, factor in factors.items():
        if not 0 <= factor < np.inf:
            rule = f"`{name}` must be finite and not negative"
            raise InputError(rule, factor, f"Set `{name}` to 0 to do without it.")
    return HessianFree(curvature, damping, structural, cg_steps, weight_decay)


def preconditioner(squares: Weights, damping: Scalar) -> Weights:
    r"""Martens's diagonal $M = (\sum_i \omega_i \nabla f_i \odot \nabla f_i + \lambda)^{3/4}$.

    Entries of 0 are replaced by 1. `squares` is the sum, from `squared_gradients`.
    """
    M = (squares + damping) ** PRECONDITIONER_POWER
    return jnp.where(M > 0, M, 1)


def backtrack(loss: Callable[[Weights], Scalar], iterates: Iterates) -> Weights:
    """The iterate reached by going back over the saved ones while the loss does not rise."""

    def unfinished(carry):
        row, _, rose = carry
        return (row > 0) & ~rose

    def step(carry):
        row, lowest, _ = carry
        value = loss(iterates.xs[row - 1])
        rose = value > lowest
        return jnp.where(rose, row, row - 1), jnp.minimum(value, lowest), rose

    infinite = jnp.full((), jnp.inf, iterates.xs.dtype)
    first = iterates.last + 1, infinite, jnp.zeros((), bool)
    row, _, _ = jax.lax.while_loop(unfinished, step, first)
    return iterates.xs[row]


def reduction_ratio(before: Scalar, after: Scalar, predicted: Scalar) -> Scalar:
    r"""$\rho$: the change of the loss over the change that its model predicts; 1 is perfect.

    Minus infinity if the model predicts no fall.
    """
    ratio = jnp.where(predicted < 0, (after - before) / predicted, -jnp.inf)
    return jnp.where(jnp.isnan(ratio), -jnp.inf, ratio)


def adapt_damping(damping: Scalar, ratio: Scalar) -> Scalar:
    """The damping after an update (Levenberg and Marquardt), kept away from 0 and infinity."""
    lowered = jnp.where(ratio > HIGH_RATIO, LOWER, 1.0)
    factor = jnp.where(ratio < LOW_RATIO, RAISE, lowered)
    limits = jnp.finfo(damping.dtype)
    lowest = jnp.minimum(damping, float(limits.tiny) ** 0.5)
    new = jnp.clip(damping * factor, lowest, float(limits.max) ** 0.5)
    return new.astype(damping.dtype)


def line_search(
    after: Callable[[Scalar], Scalar], before: Scalar, full: Scalar, slope: Scalar
) -> Scalar:
    r"""The first of the lengths $1, 0.8, 0.8^2, \dots$ with Armijo's fall of the loss.

    Parameters
    ----------
    after
        The loss after a step of a length.
    before
        The loss before the step.
    full
        The loss after a step of length 1.
    slope
        The derivative of the loss along the step.

    Returns
    -------
    Array, ()
        The length; 0 if none of them has it.
    """

    def falls(length, value):
        return value <= before + ARMIJO * length * jnp.minimum(slope, 0)

    def unfinished(carry):
        length, value, trials = carry
        return ~falls(length, value) & (trials < TRIALS)

    def step(carry):
        length, _, trials = carry
        length = SHRINK * length
        return length, after(length), trials + 1

    first = jnp.ones_like(slope), full, 0
    length, value, _ = jax.lax.while_loop(unfinished, step, first)
    return jnp.where(falls(length, value), length, 0)
