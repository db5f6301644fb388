r"""Backpropagation through time, written out: the lecture's equations, to be read.

Forward, the activities of all steps are stacked up:

$$a_t = U x_t + W h_{t-1} + b, \quad h_t = \sigma_h(a_t), \quad y_t = V h_t + c,
  \quad \hat y_t = \sigma_y(y_t)$$

Backward, they are taken off the stack. The slopes $\sigma_h'(a_t)$ were fixed by the forward
pass, so that all of this is linear in $\nabla_y L$:

$$\nabla_{h_t} L = V^\top \nabla_{y_t} L + W^\top \, \nabla_{a_{t+1}} L, \qquad
  \nabla_{a_t} L = \sigma_h'(a_t) \odot \nabla_{h_t} L$$

and the weights, which all steps share, collect from all of them:

$$\nabla_W L = \sum_t \nabla_{a_t} L \, h_{t-1}^\top, \quad
  \nabla_U L = \sum_t \nabla_{a_t} L \, x_t^\top, \quad \nabla_b L = \sum_t \nabla_{a_t} L,$$
$$\nabla_V L = \sum_t \nabla_{y_t} L \, h_t^\top, \quad \nabla_c L = \sum_t \nabla_{y_t} L$$

Training does not run through here but through the primitives, which do the same for any cell.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from throughtime.errors import InputError

from .cells import RNN
from .network import Network

Matrix = Float[np.ndarray, "row column"]
Vector = Float[np.ndarray, " row"]

ACTIVATE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": np.tanh,
    "logistic": lambda a: 1 / (1 + np.exp(-a)),
    "relu": lambda a: np.maximum(a, 0),
    "identity": lambda a: a,
}
"""sigma_h by name."""

SLOPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": lambda h: 1 - h**2,
    "logistic": lambda h: h * (1 - h),
    "relu": lambda h: (h > 0).astype(h.dtype),
    "identity": np.ones_like,
}
"""The slope of sigma_h, of its own value h."""


class Gradients(NamedTuple):
    """What the backward pass gives: a gradient for each weight, and for each hidden state.

    Attributes
    ----------
    loss
        Of the whole batch.
    U, W, b, V, c
        Shaped as the weights.
    h
        DL/dh_t, `(batch, time, hidden)`.
    """

    loss: float
    U: Matrix
    W: Matrix
    b: Vector
    V: Matrix
    c: Vector
    h: Float[np.ndarray, "batch time hidden"]


def bptt(
    network: Network,
    xs: Float[np.ndarray | Array, "batch time input"],
    loss: Callable[[Array], Array],
) -> Gradients:
    """The gradients of a loss by the equations above.

    Parameters
    ----------
    network
        One `RNN` and a plain readout.
    xs
        A batch of sequences of one length.
    loss
        Of the y of all steps, `(batch, time, output)`, before sigma_y; a number.

    Raises
    ------
    InputError
        For any other network.

    Examples
    --------
    >>> network = Architecture(1, 1, cell="rnn").build(0)                   # doctest: +SKIP
    >>> bptt(network, xs, lambda ys: jnp.mean((ys - targets) ** 2)).W       # doctest: +SKIP
    """
    cell, layers = network.cells[0], network.readout.layers
    plain = len(network.cells) == len(layers) == 1 and not network.residual | network.centred
    if not isinstance(cell, RNN) or not plain or layers[0].activation != "identity":
        rule = "the equations are those of one RNN and a plain readout"
        raise InputError(rule, "another network", "Differentiate it by `jax.grad`.")
    U, W, b = (np.asarray(weight) for weight in (cell.U, cell.W, cell.b))
    V, c = np.asarray(layers[0].V), np.asarray(layers[0].c)
    xs, slope = np.asarray(xs), SLOPES[cell.activation]
    sigma, steps = ACTIVATE[cell.activation], range(xs.shape[1])

    h = np.zeros((len(xs), len(b)), W.dtype)
    stack = [h]  # h_0, then the activities of every step
    for t in steps:
        a = xs[:, t] @ U.T + h @ W.T + b
        h = sigma(a)
        stack.append(h)
    hs = np.stack(stack[1:], axis=1)
    value, grad_y = jax.value_and_grad(loss)(jnp.asarray(hs @ V.T + c))
    grad_y = np.asarray(grad_y)

    grad_U, grad_W, grad_b = np.zeros_like(U), np.zeros_like(W), np.zeros_like(b)
    grad_a, grad_h = np.zeros_like(h), np.zeros_like(hs)
    for t in reversed(steps):
        grad_h[:, t] = grad_y[:, t] @ V + grad_a @ W  # (grad_a is still that of step t + 1)
        grad_a = slope(stack[t + 1]) * grad_h[:, t]
        grad_U += grad_a.T @ xs[:, t]
        grad_W += grad_a.T @ stack[t]
        grad_b += grad_a.sum(axis=0)
    grad_V = np.einsum("nto,nth->oh", grad_y, hs)
    return Gradients(
        float(value), grad_U, grad_W, grad_b, grad_V, grad_y.sum(axis=(0, 1)), grad_h
    )
