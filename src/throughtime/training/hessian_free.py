r"""Hessian-free optimisation: Newton's method by products with the curvature alone.

Martens (2010) and, for recurrent networks, Martens and Sutskever (2011). The loss f of the
weights $\theta$, weight decay in it, has around them the model

$$q(\delta) = g^\top \delta + \tfrac12 \delta^\top B \delta, \qquad B = J^\top H_L J + c I$$

with g its gradient, $J = \partial y / \partial \theta$ the slopes of the outputs that the loss
takes, and $H_L$ the loss's curvature in them, in which it is convex: then B, the generalised
Gauss-Newton matrix (Schraudolph 2002), is positive semi-definite.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from throughtime.errors import InputError

from .batches import Batch
from .conjugate_gradient import Iterates, conjugate_gradient
from .objective import Info, Objective

Weights = Float[Array, " weights"]
Scalar = Float[Array, ""]

WARM = 0.95
"""Conjugate gradient starts from so much of the direction before."""

POWER = 0.75
"""Of the preconditioner."""

ARMIJO, SHORTER, TRIALS = 1e-2, 0.8, 60
"""Of the line search: the share of the promised fall, the factor on the length; how often."""

POOR, GOOD, RAISE, LOWER = 0.25, 0.75, 3 / 2, 2 / 3
"""Of the damping: below and above which reduction ratio it changes, and by which factors."""

NUMBERS = 2**24
"""The gradients of single examples are held in groups of at most so many numbers."""


class HessianFreeState(NamedTuple):
    """The damping lambda, and where conjugate gradient ended in the update before."""

    damping: Scalar
    direction: Weights


@dataclass(frozen=True)
class HessianFree:
    """The method; see `hessian_free`, which checks these numbers."""

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
        part = batch if self.curvature is None else _first(batch, self.curvature)
        size = len(part.inputs)
        loss, gradient, extra = mean_and_gradient(objective, params, batch, size)
        decay, damping = self.weight_decay, state.damping
        g = gradient + decay * params
        product = gauss_newton(objective, params, part)

        def damped(v):
            nu = self.structural * damping if self.structural else None
            return product(v, nu) + (damping + decay) * v

        def model(delta):
            return g @ delta + 0.5 * delta @ (product(delta) + decay * delta)

        def after(delta, batch):
            """The loss after a step, infinite where it is not a number."""
            new = params + delta
            value = mean_loss(objective, new, batch, size) + 0.5 * decay * new @ new
            return jnp.where(jnp.isfinite(value), value, jnp.inf)

        squares = squared_gradients(objective, params, part)
        M = preconditioner(squares, damping + decay)
        iterates = conjugate_gradient(damped, g, WARM * state.direction, M, self.cg_steps)
        delta = back_track(lambda delta: after(delta, part), iterates)
        before, reached = loss + 0.5 * decay * params @ params, after(delta, batch)
        ratio = reduction_ratio(before, reached, model(delta))
        length = line_search(lambda a: after(a * delta, batch), before, reached, g @ delta)
        # (where nothing was found, delta may hold anything)
        params = jnp.where(length > 0, params + length * delta, params)
        direction = jnp.where(length > 0, iterates.final, 0)
        new = HessianFreeState(adapted(damping, ratio), direction)
        told = (damping, iterates.steps.astype(loss.dtype), ratio, length)
        quantities: dict[str, Array] = dict(zip(self.quantities, told, strict=True))
        return params, new, Info(loss, jnp.linalg.norm(gradient), extra, quantities)


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
       conjugate gradient, from .95 of where it ended the last time;
    2. walks back over the iterates that were saved, as long as the loss falls;
    3. sets the damping by the reduction ratio $\rho = (f(\theta + \delta) - f(\theta)) /
       q(\delta)$: times 3/2 if $\rho < 1/4$, times 2/3 if $\rho > 3/4$;
    4. goes $\alpha \delta$, with $\alpha$ the first of $1, .8, .8^2, \dots$ for which
       $f(\theta + \alpha \delta) \le f(\theta) + .01\, \alpha\, g^\top \delta$, or nowhere.

    The gradient, $\rho$ and $\alpha$ are those of the whole batch, all else that of its
    curvature batch. A loss that is not finite counts as infinitely large: the damping rises.

    The quantities in the history: `damping` ($\lambda$, in the update), `cg_steps`,
    `reduction_ratio` ($\rho$) and `step_length` ($\alpha$; 0 if there was no update).

    Parameters
    ----------
    curvature
        The curvature batch is the first so many examples of each batch, and no more are held in
        memory at a time; by default all of them. Batches are shuffled, so it is drawn at
        random.
    damping
        The first $\lambda$. The paper has .01 times the number of outputs, over which its loss
        is a sum; here squared errors are a mean over them.
    structural
        $\mu$, how much the hidden states are held in place; see `gauss_newton`.
    cg_steps
        Of conjugate gradient, at most.
    weight_decay
        C; adds $\frac{c}{2} |\theta|^2$ to what is minimised, of all weights and biases, but
        not to the loss that is told.

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
            raise InputError(rule, factor, f"Set `{name}` to 0 to do without.")
    return HessianFree(curvature, damping, structural, cg_steps, weight_decay)


def gauss_newton(objective: Objective, params: Weights, batch: Batch) -> Callable[..., Weights]:
    r"""The product $(v, \nu) \mapsto (J^\top H_L J + \nu S)\, v$, linearised once.

    S is the structural damping of Martens and Sutskever (2011), the Gauss-Newton matrix of how
    far the hidden states h move: by half the squared distance, summed over units and steps,
    mean over the examples by their weights,

    $$S = \sum_i \omega_i \sum_t J_{h_{it}}^\top J_{h_{it}}, \qquad \sum_i \omega_i = 1$$

    (The paper's distance is the cross-entropy that matches tanh. Its curvature is larger by
    $1 / (1 - h^2)$ in each unit, so that it holds saturated units more firmly; the squared
    distance is defined for every cell.) A step counts if it, or a later one, counts in the
    loss. Of an LSTM h is what is read out.

    For a built-in cell a product is one `unroll_tangent` and one `unroll_adjoint`.

    Returns
    -------
    Callable[..., Weights]
        The product; without $\nu$ (None, the default) it is that of $J^\top H_L J$.
    """

    def run(params):
        ys, hs, _ = objective.outputs(params, batch)
        return ys, hs

    (ys, _), tangent = jax.linearize(run, params)
    adjoint = jax.linear_transpose(tangent, params)
    _, hessian = jax.linearize(jax.grad(lambda ys: objective.average(ys, batch)[0]), ys)
    share = _shares(batch)[..., None]

    def product(v: Weights, nu: float | Scalar | None = None) -> Weights:
        dys, dhs = tangent(v)
        pulls = tuple(
            jnp.zeros_like(dh) if nu is None else (nu * share * dh).astype(dh.dtype)
            for dh in dhs
        )
        return adjoint((hessian(dys), pulls))[0]

    return product


def _shares(batch: Batch) -> Float[Array, "batch time"]:
    """How much each hidden state counts: as what it leads to; 1 for each step in all."""
    examples, time, _ = batch.inputs.shape
    weights = batch.weights if batch.weights.ndim > 1 else batch.weights[:, None]
    weights = jnp.broadcast_to(weights, (examples, time))
    if batch.lengths is not None:
        weights = weights * (jnp.arange(time) < batch.lengths[:, None])
    ahead = jax.lax.cummax(weights, axis=1, reverse=True)
    total = ahead[:, :1].sum()
    return ahead / jnp.where(total > 0, total, 1)


def preconditioner(squares: Weights, damping: Scalar) -> Weights:
    r"""Martens's diagonal $M = (\sum_i \omega_i \nabla f_i \odot \nabla f_i + \lambda)^{3/4}$.

    1 where that is 0.
    """
    M = (squares + damping) ** POWER
    return jnp.where(M > 0, M, 1)


def back_track(loss: Callable[[Weights], Scalar], iterates: Iterates) -> Weights:
    """From the last iterate back to those saved before it, while the loss does not rise."""

    def goes_on(at):
        row, _, rose = at
        return (row > 0) & ~rose

    def step(at):
        row, lowest, _ = at
        value = loss(iterates.xs[row - 1])
        rose = value > lowest
        return jnp.where(rose, row, row - 1), jnp.minimum(value, lowest), rose

    beyond = jnp.full((), jnp.inf, iterates.xs.dtype)
    first = iterates.last + 1, beyond, jnp.zeros((), bool)
    row, _, _ = jax.lax.while_loop(goes_on, step, first)
    return iterates.xs[row]


def reduction_ratio(before: Scalar, after: Scalar, promised: Scalar) -> Scalar:
    r"""$\rho$: the fall of the loss over the fall that its model promised; 1 is perfect.

    Minus infinity if the model promised none.
    """
    fell = jnp.where(promised < 0, (after - before) / promised, -jnp.inf)
    return jnp.where(jnp.isnan(fell), -jnp.inf, fell)


def adapted(damping: Scalar, ratio: Scalar) -> Scalar:
    """The damping after an update (Levenberg and Marquardt), kept away from 0 and infinity."""
    factor = jnp.where(ratio < POOR, RAISE, jnp.where(ratio > GOOD, LOWER, 1.0))
    limits = jnp.finfo(damping.dtype)
    lowest = jnp.minimum(damping, float(limits.tiny) ** 0.5)
    new = jnp.clip(damping * factor, lowest, float(limits.max) ** 0.5)
    return new.astype(damping.dtype)


def line_search(
    after: Callable[[Scalar], Scalar], before: Scalar, full: Scalar, slope: Scalar
) -> Scalar:
    """The first length of 1, .8, .8^2, ... with Armijo's fall of the loss; 0 if none has it.

    **Arguments:** `after(length)` is the loss after a step of that length, `full` that of
    length 1, `before` that of 0, and `slope` the loss's slope along the step.
    """

    def falls(length, value):
        return value <= before + ARMIJO * length * jnp.minimum(slope, 0)

    def goes_on(at):
        length, value, trials = at
        return ~falls(length, value) & (trials < TRIALS)

    def step(at):
        length, _, trials = at
        length = SHORTER * length
        return length, after(length), trials + 1

    first = jnp.ones_like(slope), full, 0
    length, value, _ = jax.lax.while_loop(goes_on, step, first)
    return jnp.where(falls(length, value), length, 0)


def mean_loss(objective: Objective, params: Weights, batch: Batch, size: int) -> Scalar:
    """The objective, `size` examples at a time."""

    def one(group):
        value, extra = objective(params, group)
        return value, extra.weight, None

    return _averaged(one, batch, size)[0]


def mean_and_gradient(objective: Objective, params: Weights, batch: Batch, size: int):
    """The objective, its gradient and its extra, `size` examples at a time."""

    def one(group):
        found = jax.value_and_grad(objective, has_aux=True)(params, group)
        (value, extra), gradient = found
        return (value, gradient), extra.weight, extra

    (value, gradient), extras = _averaged(one, batch, size)
    examples = len(batch.inputs)
    state = jax.tree.map(lambda s: s.reshape(-1, *s.shape[2:])[:examples], extras.state)
    return value, gradient, extras._replace(state=state, weight=extras.weight.sum())


def squared_gradients(
    objective: Objective, params: Weights, batch: Batch, numbers: int = NUMBERS
) -> Weights:
    r"""$\sum_i \omega_i\, \nabla f_i \odot \nabla f_i$, where $f = \sum_i \omega_i f_i$.

    f is the mean loss and $f_i$ that of one example. This is exact, example by example, in
    groups whose gradients are at most so many `numbers`.
    """

    def one(group):
        def example(example):
            alone = jax.tree.map(lambda leaf: leaf[None], example)
            gradient, extra = jax.grad(objective, has_aux=True)(params, alone)
            return gradient**2, extra.weight

        squares, weights = jax.vmap(example)(group)
        total = weights.sum()
        return weights @ squares / jnp.where(total > 0, total, 1), total, None

    return _averaged(one, batch, max(1, numbers // params.size))[0]


def _averaged(function: Callable[[Batch], Any], batch: Batch, size: int) -> tuple[PyTree, Any]:
    """The mean by weight of what a function gives of groups of examples, and all extras.

    `function(group)` gives values, a weight and an extra. The last group is filled up with
    examples of weight 0.
    """
    size = min(size, len(batch.inputs))

    def cut(leaf):
        padding = [(0, -len(leaf) % size)] + [(0, 0)] * (leaf.ndim - 1)
        return jnp.pad(leaf, padding).reshape(-1, size, *leaf.shape[1:])

    def add(sums, group):
        values, weight, extra = function(group)
        parts = jax.tree.map(lambda v: v * weight, values), weight
        return jax.tree.map(jnp.add, sums, parts), extra

    groups = jax.tree.map(cut, batch)
    shapes = jax.eval_shape(function, jax.tree.map(lambda leaf: leaf[0], groups))
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes[:2])
    (sums, weight), extras = jax.lax.scan(add, zeros, groups)
    return jax.tree.map(lambda s: s / jnp.where(weight > 0, weight, 1), sums), extras


def _first(batch: Batch, examples: int) -> Batch:
    return jax.tree.map(lambda leaf: leaf[:examples], batch)
