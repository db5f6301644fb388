"""Networks as Keras models, and Keras models as networks.

Keras stores the transposes, (input, gates), and the gates of a GRU in the order z, r, n. Its
GRU is ours where `reset_after` is true, which is its default.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import keras
import numpy as np

from throughtime._support.precision import precision
from throughtime.errors import InputError
from throughtime.recurrence.cells import GRU, LSTM, RNN, Cell
from throughtime.recurrence.network import Dense, Network, Readout
from throughtime.recurrence.summary import cell_title

OURS = {"linear": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
"""Our names of Keras' activations."""

KERAS = {ours: name for name, ours in OURS.items()} | {"softmax": "softmax"}


def to_keras(network: Network) -> keras.Sequential:
    """A network as a Keras model, with its weights.

    Parameters
    ----------
    network
        A network of RNN, GRU and LSTM cells; not an ensemble, not residual, not centred.

    Raises
    ------
    InputError
        For another network.
    """
    network.check_single()
    if network.residual or network.centred:
        rule = "a Keras model of layers one after another adds no inputs to its outputs"
        got = "a residual network" if network.residual else "a centred network"
        raise InputError(rule, got, "Train one with `residual=False, centred=False`.")
    dtype = str(network.readout.layers[-1].c.dtype)
    above = [True] * (len(network.cells) - 1) + [not network.readout.last]
    recurrent = [
        _layer(cell, every, dtype) for cell, every in zip(network.cells, above, strict=True)
    ]
    dense = []
    for i, one in enumerate(network.readout.layers):
        end = i + 1 == len(network.readout.layers)
        name = network.readout.output if end else one.activation
        dense.append(keras.layers.Dense(len(one.c), activation=KERAS[name], dtype=dtype))
    model = keras.Sequential(
        [keras.Input((None, network.input_size), dtype=dtype), *recurrent, *dense]
    )
    for layer, cell in zip(recurrent, network.cells, strict=True):
        layer.set_weights(_cell_weights(cell))
    for layer, one in zip(dense, network.readout.layers, strict=True):
        layer.set_weights([np.asarray(one.V).T, np.asarray(one.c)])
    return model


def from_keras(model: keras.Sequential) -> Network:
    """A Keras model of recurrent layers and dense layers as a network.

    Parameters
    ----------
    model
        A `Sequential` of `SimpleRNN`, `GRU` or `LSTM` layers, then `Dense` layers.

    Raises
    ------
    InputError
        For another layer, a GRU without `reset_after`, or an activation of another kind.
    """
    kinds = keras.layers.SimpleRNN, keras.layers.GRU, keras.layers.LSTM
    layers = [one for one in model.layers if not isinstance(one, keras.layers.InputLayer)]
    recurrent = [one for one in layers if isinstance(one, kinds)]
    dense = layers[len(recurrent) :]
    fits = recurrent and dense and all(isinstance(one, keras.layers.Dense) for one in dense)
    if not fits or layers[: len(recurrent)] != recurrent:
        rule = "the model must be recurrent layers (`SimpleRNN`, `GRU`, `LSTM`), then `Dense`"
        got = ", ".join(type(one).__name__ for one in layers)
        raise InputError(rule, got, "Pass a `keras.Sequential` of these.")
    with precision(str(recurrent[0].get_weights()[0].dtype)):
        cells = tuple(_cell(one) for one in recurrent)
        output = _name(dense[-1])
        names = [*(_name(one) for one in dense[:-1]), "identity"]
        read = tuple(_dense(one, name) for one, name in zip(dense, names, strict=True))
        last = not recurrent[-1].return_sequences
        if output in ("tanh", "relu"):
            rule = "the last layer's activation must be linear, sigmoid or softmax"
            raise InputError(rule, output, "Put a linear `Dense` after it.")
        return Network(cells, Readout(read, output, last))


def _layer(cell: Cell, every: bool, dtype: str) -> Any:
    """A cell as a layer of Keras; `every` step of it is read, or the last alone."""
    more = {"return_sequences": every, "dtype": dtype}
    if isinstance(cell, RNN):
        return keras.layers.SimpleRNN(
            cell.hidden_size, activation=KERAS[cell.activation], **more
        )
    if isinstance(cell, GRU):
        return keras.layers.GRU(cell.hidden_size, reset_after=True, **more)
    if isinstance(cell, LSTM):
        return keras.layers.LSTM(cell.hidden_size, **more)
    rule = "Keras has the cells RNN, GRU and LSTM"
    raise InputError(rule, cell_title(cell), "Use one of these.")


def _cell_weights(cell: Any) -> list[np.ndarray]:
    """The weights of a cell as Keras stores them."""
    U, W, b = np.asarray(cell.U), np.asarray(cell.W), np.asarray(cell.b)
    if isinstance(cell, GRU):
        beside = np.concatenate([np.zeros(2 * cell.hidden_size, b.dtype), cell.d])
        U, W, b, beside = map(_swapped, (U, W, b, beside))
        return [U.T, W.T, np.stack([b, beside])]
    return [U.T, W.T, b]


def _cell(layer: Any) -> Cell:
    """A recurrent layer of Keras as a cell."""
    weights = layer.get_weights()
    U, W = weights[0].T, weights[1].T
    hidden, sizes = W.shape[1], {"dtype": U.dtype, "key": 0}
    if layer.go_backwards or layer.stateful:
        rule = "a network reads forwards, and is given its state"
        raise InputError(rule, "`go_backwards` or `stateful`", "Pass a layer without it.")
    if isinstance(layer, keras.layers.SimpleRNN):
        b = weights[2] if layer.use_bias else np.zeros(len(U), U.dtype)
        return _with(RNN(U.shape[1], hidden, _name(layer), **sizes), U=U, W=W, b=b)
    usual = _name(layer) == "tanh" and layer.recurrent_activation.__name__ == "sigmoid"
    if not usual or (isinstance(layer, keras.layers.GRU) and not layer.reset_after):
        rule = "a GRU or LSTM must have Keras' own activations, and a GRU `reset_after`"
        raise InputError(rule, f"`{layer.name}` without", "Leave these at their defaults.")
    if isinstance(layer, keras.layers.LSTM):
        b = weights[2] if layer.use_bias else np.zeros(len(U), U.dtype)
        return _with(LSTM(U.shape[1], hidden, **sizes), U=U, W=W, b=b)
    both = weights[2] if layer.use_bias else np.zeros((2, len(U)), U.dtype)
    U, W, b, beside = map(_swapped, (U, W, *both))
    b = b + beside * (np.arange(len(b)) < 2 * hidden)
    return _with(GRU(U.shape[1], hidden, **sizes), U=U, W=W, b=b, d=beside[2 * hidden :])


def _swapped(x: np.ndarray) -> np.ndarray:
    """The rows of the first two gates in each other's place."""
    first, second, third = np.split(x, 3)
    return np.concatenate([second, first, third])


def _dense(layer: Any, activation: str) -> Dense:
    weights = layer.get_weights()
    V = weights[0].T
    c = weights[1] if layer.use_bias else np.zeros(len(V), V.dtype)
    return _with(Dense(V.shape[1], V.shape[0], activation, dtype=V.dtype, key=0), V=V, c=c)


def _name(layer: Any) -> str:
    """Our name of a layer's activation."""
    name = layer.activation.__name__
    if name not in OURS and name != "softmax":
        rule = "an activation must be linear, sigmoid, tanh, relu or softmax"
        raise InputError(rule, name, "Use one of these.")
    return OURS.get(name, name)


def _with(module, **weights):
    """The module with these weights."""
    names = list(weights)
    new = [jnp.asarray(weights[name]) for name in names]
    return eqx.tree_at(lambda m: [getattr(m, name) for name in names], module, new)
