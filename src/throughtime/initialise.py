"""Weights to start from, by name.

An *initialisation* says how each of the lecture's letters is drawn: `U` (input to
hidden), `W` (hidden to hidden), `b` (hidden bias), `V` and `c` (readout). Gated cells
stack the blocks of their gates along the first axis.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, DTypeLike, Float

from .errors import InputError, nearest

Matrix = Callable[
    [np.random.Generator, int, int, int], Float[np.ndarray, "blocks*rows columns"]
]
"""`matrix(rng, blocks, rows, columns)`: `blocks` matrices, stacked along the rows."""

Vector = Callable[[np.random.Generator, int, int], Float[np.ndarray, " rows"]]
"""`vector(rng, rows, columns)`: a bias; `columns` is what PyTorch calls fan-in."""


def uniform_fan_in(rng, blocks, rows, columns):
    """Uniform in ±1/sqrt(columns): PyTorch's rule for a dense layer."""
    bound = 1 / math.sqrt(columns)
    return rng.uniform(-bound, bound, (blocks * rows, columns))


def uniform_hidden(rng, blocks, rows, columns):
    """Uniform in ±1/sqrt(rows), rows being the hidden units: PyTorch's recurrent rule."""
    bound = 1 / math.sqrt(rows)
    return rng.uniform(-bound, bound, (blocks * rows, columns))


def glorot(rng, blocks, rows, columns):
    """Uniform in ±sqrt(6/(columns + blocks rows)): all blocks as one (Glorot, Bengio 2010)."""
    bound = math.sqrt(6 / (columns + blocks * rows))
    return rng.uniform(-bound, bound, (blocks * rows, columns))


def orthogonal(rng, blocks, rows, columns):
    """Each block a random (semi-)orthogonal matrix (Saxe et al. 2014)."""
    return np.concatenate([orthogonal_stack(rng, 1, rows, columns) for _ in range(blocks)])


def orthogonal_stack(rng, blocks, rows, columns):
    """All blocks as one semi-orthogonal matrix: Keras' rule for the recurrent weights."""
    tall = rng.normal(size=(max(blocks * rows, columns), min(blocks * rows, columns)))
    Q, R = np.linalg.qr(tall)
    Q = Q * np.sign(np.diag(R))  # so that every orthogonal matrix is as likely
    return Q if blocks * rows >= columns else Q.T


def identity(rng, blocks, rows, columns):
    """Each block the identity (Le, Jaitly and Hinton 2015)."""
    return np.tile(np.eye(rows, columns), (blocks, 1))


def small_normal(rng, blocks, rows, columns):
    """Normal with standard deviation 0.001 (Le, Jaitly and Hinton 2015)."""
    return 0.001 * rng.normal(size=(blocks * rows, columns))


def zeros(rng, rows, columns):
    """No bias to start with."""
    return np.zeros(rows)


def uniform_bias(rng, rows, columns):
    """Uniform in ±1/sqrt(columns)."""
    bound = 1 / math.sqrt(columns)
    return rng.uniform(-bound, bound, rows)


class Initialisation(NamedTuple):
    """How every weight of a network is drawn.

    - `U`, `W`, `V`: a `Matrix` each.
    - `b`, `c`: a `Vector` each. `biases`: how many draws of `b` a cell adds up; PyTorch's
      cells have two biases, one beside `U` and one beside `W`.
    - `keep`: added to the bias of an LSTM's keep gate, so that it starts open.
    """

    U: Matrix
    W: Matrix
    b: Vector
    V: Matrix
    c: Vector
    keep: float = 0.0
    biases: int = 1


INITIALISATIONS: dict[str, Initialisation] = {
    "pytorch": Initialisation(
        uniform_hidden, uniform_hidden, uniform_bias, uniform_fan_in, uniform_bias, biases=2
    ),
    "keras": Initialisation(glorot, orthogonal_stack, zeros, glorot, zeros, keep=1.0),
    "orthogonal": Initialisation(glorot, orthogonal, zeros, glorot, zeros, keep=1.0),
    "identity": Initialisation(small_normal, identity, zeros, small_normal, zeros),
}
"""By name: PyTorch's and Keras' own, orthogonal recurrent blocks, the IRNN's identity."""


def initialisation(name: str | Initialisation) -> Initialisation:
    """The initialisation of that name; an `Initialisation` of your own passes through.

    **Raises:** `InputError` for an unknown name.
    """
    if isinstance(name, Initialisation):
        return name
    if name not in INITIALISATIONS:
        raise InputError(
            "`init` must be a known initialisation", name, nearest(name, INITIALISATIONS)
        )
    return INITIALISATIONS[name]


def on_device(values, dtype: DTypeLike) -> Array:
    """NumPy's values on the device, converted before: JAX would compile the conversion."""
    return jax.device_put(np.asarray(values, dtype))
