r"""The curvature of the loss by products, and gradients a group of examples at a time.

The loss is $f(\theta) = L(y(\theta))$, with y the outputs that the loss takes. Its generalised
Gauss-Newton matrix (Schraudolph 2002) is

$$G = J^\top H_L J, \qquad J = \frac{\partial y}{\partial \theta}, \qquad
  H_L = \frac{\partial^2 L}{\partial y^2}$$

It is positive semi-definite because the loss is convex in y.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from .batches import Batch
from .objective import Objective, step_weights

Weights = Float[Array, " weights"]
Scalar = Float[Array, ""]

GROUP_NUMBERS = 2**24
"""The gradients of single examples are held in groups of at most this many numbers."""


def gauss_newton(objective: Objective, params: Weights, batch: Batch) -> Callable[..., Weights]:
    r"""The product $(v, \nu) \mapsto (J^\top H_L J + \nu S)\, v$, linearised once.

    S is the structural damping of Martens and Sutskever (2011): the Gauss-Newton matrix of how
    far the hidden states h move. The distance is half the squared one, summed over units and
    steps, with the mean over the examples by their weights:

    $$S = \sum_i \omega_i \sum_t J_{h_{it}}^\top J_{h_{it}}, \qquad \sum_i \omega_i = 1$$

    A step counts if it, or a later one, counts in the loss. The h of an LSTM is what is read
    out.

    For a built-in cell a product is one `unroll_tangent` and one `unroll_adjoint`.

    Parameters
    ----------
    objective
        The objective.
    params
        The weights around which it is linearised.
    batch
        The examples.

    Returns
    -------
    Callable
        `product(v, nu)`, or `product(v)` for $J^\top H_L J\, v$ alone.

    Notes
    -----
    The distance in the paper is the cross-entropy that matches tanh. Its curvature is larger by
    $1 / (1 - h^2)$ in each unit, so that it holds saturated units more firmly; the squared
    distance is defined for every cell.
    """

    def run(params):
        ys, hs, _ = objective.outputs(params, batch)
        return ys, hs

    (ys, _), tangent = jax.linearize(run, params)
    adjoint = jax.linear_transpose(tangent, params)
    _, hessian = jax.linearize(jax.grad(lambda ys: objective.masked_mean(ys, batch)[0]), ys)
    weights = _state_weights(batch)[..., None]

    def product(v: Weights, nu: float | Scalar | None = None) -> Weights:
        dys, dhs = tangent(v)
        damped = tuple(
            jnp.zeros_like(dh) if nu is None else (nu * weights * dh).astype(dh.dtype)
            for dh in dhs
        )
        return adjoint((hessian(dys), damped))[0]

    return product


def _state_weights(batch: Batch) -> Float[Array, "batch time"]:
    """The weight of each hidden state: the largest step weight from there on, normalised."""
    weights = step_weights(batch, batch.inputs)
    ahead = jax.lax.cummax(weights, axis=1, reverse=True)
    total = ahead[:, :1].sum()
    return ahead / jnp.where(total > 0, total, 1)


def squared_gradients(
    objective: Objective, params: Weights, batch: Batch, numbers: int = GROUP_NUMBERS
) -> Weights:
    r"""$\sum_i \omega_i\, \nabla f_i \odot \nabla f_i$, where $f = \sum_i \omega_i f_i$.

    f is the mean loss and $f_i$ that of one example. The sum is exact, example by example, in
    groups whose gradients are together at most this many `numbers`.
    """

    def of_group(group):
        def of_example(example):
            alone = jax.tree.map(lambda leaf: leaf[None], example)
            gradient, auxiliary = jax.grad(objective, has_aux=True)(params, alone)
            return gradient**2, auxiliary.weight

        squares, weights = jax.vmap(of_example)(group)
        total = weights.sum()
        return weights @ squares / jnp.where(total > 0, total, 1), total, None

    return _mean_over_groups(of_group, batch, max(1, numbers // params.size))[0]


def grouped_loss(objective: Objective, params: Weights, batch: Batch, size: int) -> Scalar:
    """The objective, computed `size` examples at a time."""

    def of_group(group):
        value, auxiliary = objective(params, group)
        return value, auxiliary.weight, None

    return _mean_over_groups(of_group, batch, size)[0]


def grouped_gradient(objective: Objective, params: Weights, batch: Batch, size: int):
    """The objective, its gradient and auxiliary output, computed `size` examples at a time."""
    value_and_grad = jax.value_and_grad(objective, has_aux=True)

    def of_group(group):
        (value, auxiliary), gradient = value_and_grad(params, group)
        return (value, gradient), auxiliary.weight, auxiliary

    (value, gradient), auxiliary = _mean_over_groups(of_group, batch, size)
    examples = len(batch.inputs)
    state = jax.tree.map(lambda s: s.reshape(-1, *s.shape[2:])[:examples], auxiliary.state)
    return value, gradient, auxiliary._replace(state=state, weight=auxiliary.weight.sum())


def _mean_over_groups(
    function: Callable[[Batch], Any], batch: Batch, size: int
) -> tuple[PyTree, Any]:
    """The weighted mean of a function of groups of examples, and all its auxiliary outputs.

    `function(group)` gives values, their weight and an auxiliary output. The last group is
    filled up with examples of weight 0.
    """
    size = min(size, len(batch.inputs))

    def cut(leaf):
        padding = [(0, -len(leaf) % size)] + [(0, 0)] * (leaf.ndim - 1)
        return jnp.pad(leaf, padding).reshape(-1, size, *leaf.shape[1:])

    def add(sums, group):
        values, weight, auxiliary = function(group)
        weighted = jax.tree.map(lambda v: v * weight, values), weight
        return jax.tree.map(jnp.add, sums, weighted), auxiliary

    groups = jax.tree.map(cut, batch)
    shapes = jax.eval_shape(function, jax.tree.map(lambda leaf: leaf[0], groups))
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes[:2])
    (sums, weight), auxiliary = jax.lax.scan(add, zeros, groups)
    return jax.tree.map(lambda s: s / jnp.where(weight > 0, weight, 1), sums), auxiliary
