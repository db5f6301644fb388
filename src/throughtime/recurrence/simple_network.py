r"""The lecture's network from its own letters: a simple network whose weights are given.

$$h_t = \sigma_h(U x_t + W h_{t-1} + b), \qquad y_t = V h_t + c$$
"""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from throughtime.errors import InputError

from .architecture import Architecture
from .initialisation import on_device
from .network import Network


def simple_network(
    U: Float[np.ndarray | Array, "hidden input"],
    W: Float[np.ndarray | Array, "hidden hidden"],
    b: Float[np.ndarray | Array, " hidden"],
    V: Float[np.ndarray | Array, "output hidden"],
    c: Float[np.ndarray | Array, " output"],
    activation: str = "tanh",
    dtype: str = "float32",
) -> Network:
    """A network of one `RNN` and a plain readout, with these weights.

    Parameters
    ----------
    U, W, b
        Weights from the inputs and from the hidden units to the hidden units, and their bias.
    V, c
        Weights from the hidden units to the outputs, and their bias.
    activation
        The function sigma_h: `tanh`, `relu`, `logistic` or `identity`.
    dtype
        Type of the weights, `float32` or `float64`.

    Raises
    ------
    InputError
        If the shapes do not fit each other, or for an unknown activation.

    Examples
    --------
    A unit that adds up what it reads:

    >>> import jax.numpy as jnp
    >>> one, zero = jnp.ones((1, 1)), jnp.zeros(1)
    >>> total = simple_network(one, one, zero, one, zero, activation="identity")
    >>> ys, _ = total(jnp.array([[[1.0], [2.0], [3.0]]]))
    >>> ys.ravel().tolist()
    [1.0, 3.0, 6.0]
    """
    given = [np.asarray(weight) for weight in (U, W, b, V, c)]
    shapes = [weight.shape for weight in given]
    inputs, hidden, outputs = shapes[0][-1], shapes[1][0], shapes[3][0]
    fitting = [(hidden, inputs), (hidden, hidden), (hidden,), (outputs, hidden), (outputs,)]
    if shapes != fitting:
        rule = (
            "U, W, b, V and c must be (hidden, input), (hidden, hidden), (hidden,), (output,"
            " hidden) and (output,)"
        )
        got = ", ".join(map(str, shapes))
        fit = ", ".join(map(str, fitting))
        raise InputError(rule, got, f"Pass weights of the shapes {fit}.")
    shape = Architecture(
        inputs, outputs, cell="rnn", hidden=hidden, activation=activation, dtype=dtype
    )

    def leaves(network):
        cell, layer = network.cells[0], network.readout.layers[0]
        return [cell.U, cell.W, cell.b, layer.V, layer.c]

    return eqx.tree_at(leaves, shape.build(0), [on_device(w, dtype) for w in given])
