r"""Backpropagation through time, written out: the lecture's equations, to be read.

The forward pass puts the activities of all steps on a stack:

$$a_t = U x_t + W h_{t-1} + b, \quad h_t = \sigma_h(a_t), \quad y_t = V h_t + c,
  \quad \hat y_t = \sigma_y(y_t)$$

The backward pass takes them off it. The slopes $\sigma_h'(a_t)$ are fixed by the forward pass,
so that the backward pass is linear in $\nabla_y L$:

$$\nabla_{h_t} L = V^\top \nabla_{y_t} L + W^\top \, \nabla_{a_{t+1}} L, \qquad
  \nabla_{a_t} L = \sigma_h'(a_t) \odot \nabla_{h_t} L$$

All steps share the weights, whose gradients are sums over the steps:

$$\nabla_W L = \sum_t \nabla_{a_t} L \, h_{t-1}^\top, \quad
  \nabla_U L = \sum_t \nabla_{a_t} L \, x_t^\top, \quad \nabla_b L = \sum_t \nabla_{a_t} L,$$
$$\nabla_V L = \sum_t \nabla_{y_t} L \, h_t^\top, \quad \nabla_c L = \sum_t \nabla_{y_t} L$$

Training does not use this module but the primitives, which do the same for the RNN, the GRU and
the LSTM; a cell of your own is differentiated by JAX through `lax.scan`.
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
"""The functions sigma_h by name."""

SLOPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": lambda h: 1 - h**2,
    "logistic": lambda h: h * (1 - h),
    "relu": lambda h: (h > 0).astype(h.dtype),
    "identity": np.ones_like,
}
"""The derivatives of sigma_h, as functions of its value h."""


class Gradients(NamedTuple):
    """The gradients of a loss L with respect to the weights and the hidden states.

    Attributes
    ----------
    loss
        The loss L of the whole batch.
    U, W, b, V, c
        The gradient with respect to each weight, in its shape.
    h
        The gradient with respect to the hidden state of each step, `(batch, time, hidden)`.
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
    """The gradients of a loss by the lecture's equations.

    Parameters
    ----------
    network
        A network of one `RNN` and a plain readout.
    xs
        A batch of sequences of the same length, `(batch, time, input)`.
    loss
        A function of the outputs y of all steps before sigma_y, `(batch, time, output)`, to a
        number.

    Returns
    -------
    Gradients
        The loss and its gradients.

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
        remedy = "Differentiate it by `equinox.filter_grad`."
        raise InputError(rule, "another network", remedy)
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
