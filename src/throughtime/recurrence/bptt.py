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


class Activities(NamedTuple):
    """What the forward pass puts on the stack.

    Attributes
    ----------
    a, h
        The sums that reach the hidden units, and the hidden states, `(batch, time, hidden)`.
    y
        The outputs before sigma_y, `(batch, time, output)`.
    """

    a: Float[np.ndarray, "batch time hidden"]
    h: Float[np.ndarray, "batch time hidden"]
    y: Float[np.ndarray, "batch time output"]


class Gradients(NamedTuple):
    """The gradients of a loss L with respect to the weights and to what is on the stack.

    Attributes
    ----------
    loss
        The loss L of the whole batch.
    U, W, b, V, c
        The gradient with respect to each weight, in its shape.
    a, h
        The gradients with respect to $a_t$ and to the hidden state $h_t$ of each step, `(batch,
        time, hidden)`.
    y
        The gradient with respect to the output of each step, `(batch, time, output)`.
    """

    loss: float
    U: Matrix
    W: Matrix
    b: Vector
    V: Matrix
    c: Vector
    a: Float[np.ndarray, "batch time hidden"]
    h: Float[np.ndarray, "batch time hidden"]
    y: Float[np.ndarray, "batch time output"]


def activities(
    network: Network, xs: Float[np.ndarray | Array, "batch time input"]
) -> Activities:
    """The forward pass by the lecture's equations, from a state of zeros.

    Parameters
    ----------
    network
        A network of one `RNN` and a plain readout.
    xs
        A batch of sequences of the same length, `(batch, time, input)`.

    Returns
    -------
    Activities
        The activities of all steps.

    Raises
    ------
    InputError
        For any other network.

    Examples
    --------
    A unit that keeps half of what it knew:

    >>> import numpy as np
    >>> one, zero = np.ones((1, 1)), np.zeros(1)
    >>> network = simple_network(one, one / 2, zero, one, zero, "identity")
    >>> activities(network, np.array([[[1.0], [2.0], [3.0]]])).h.ravel().tolist()
    [1.0, 2.5, 4.25]
    """
    U, W, b, V, c, activation = _letters(network)
    xs, sigma = np.asarray(xs), ACTIVATE[activation]
    h, sums, states = np.zeros((len(xs), len(b)), W.dtype), [], []
    for t in range(xs.shape[1]):
        a = xs[:, t] @ U.T + h @ W.T + b
        h = sigma(a)
        sums.append(a)
        states.append(h)
    a, h = np.stack(sums, axis=1), np.stack(states, axis=1)
    return Activities(a, h, h @ V.T + c)


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
    Half of a gradient arrives one step back, a quarter two; for W they come together with the
    states that they meet there, 1 and 2.5.

    >>> import numpy as np
    >>> one, zero = np.ones((1, 1)), np.zeros(1)
    >>> network = simple_network(one, one / 2, zero, one, zero, "identity")
    >>> xs = np.array([[[1.0], [2.0], [3.0]]])
    >>> found = bptt(network, xs, lambda ys: ys[:, -1].sum())
    >>> found.loss, found.h.ravel().tolist(), found.W.item()
    (4.25, [0.25, 0.5, 1.0], 3.0)
    """
    U, W, b, V, _, activation = _letters(network)
    xs, slope = np.asarray(xs), SLOPES[activation]
    _, hs, ys = activities(network, xs)
    before = np.concatenate([np.zeros_like(hs[:, :1]), hs[:, :-1]], axis=1)  # h_{t-1}
    value, grad_y = jax.value_and_grad(loss)(jnp.asarray(ys))
    grad_y = np.asarray(grad_y)

    grad_U, grad_W, grad_b = np.zeros_like(U), np.zeros_like(W), np.zeros_like(b)
    grad_a, grad_h = np.zeros_like(hs), np.zeros_like(hs)
    later = np.zeros_like(hs[:, 0])  # the gradient by a of the step after
    for t in reversed(range(xs.shape[1])):
        grad_h[:, t] = grad_y[:, t] @ V + later @ W
        later = grad_a[:, t] = slope(hs[:, t]) * grad_h[:, t]
        grad_U += later.T @ xs[:, t]
        grad_W += later.T @ before[:, t]
        grad_b += later.sum(axis=0)
    grad_V = np.einsum("nto,nth->oh", grad_y, hs)
    grad_c = grad_y.sum(axis=(0, 1))
    return Gradients(
        float(value), grad_U, grad_W, grad_b, grad_V, grad_c, grad_a, grad_h, grad_y
    )


def _letters(network: Network):
    """U, W, b, V and c as NumPy arrays, and the name of sigma_h."""
    cell, layers = network.cells[0], network.readout.layers
    plain = len(network.cells) == len(layers) == 1 and not network.residual | network.centred
    if not isinstance(cell, RNN) or not plain or layers[0].activation != "identity":
        rule = "the equations are those of one RNN and a plain readout"
        remedy = "Differentiate it by `equinox.filter_grad`."
        raise InputError(rule, "another network", remedy)
    weights = cell.U, cell.W, cell.b, layers[0].V, layers[0].c
    return *map(np.asarray, weights), cell.activation
