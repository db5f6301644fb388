"""Weights to start from, by name.

An *initialisation* says how each of the lecture's letters is drawn: `U` (input to
hidden), `W` (hidden to hidden), `b` (hidden bias), `V` and `c` (readout). Gated cells
stack the blocks of their gates along the first axis.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, DTypeLike, Float, PRNGKeyArray

from .errors import InputError, nearest

Matrix = Callable[[PRNGKeyArray, int, int, int, DTypeLike], Float[Array, "blocks*rows columns"]]
"""`matrix(key, blocks, rows, columns, dtype)`: `blocks` matrices, stacked along the rows."""

Vector = Callable[[PRNGKeyArray, int, int, DTypeLike], Float[Array, " rows"]]
"""`vector(key, rows, columns, dtype)`: a bias; `columns` is what PyTorch calls fan-in."""


def uniform_fan_in(key, blocks, rows, columns, dtype):
    """Uniform in ±1/sqrt(columns): PyTorch's rule for a dense layer."""
    bound = 1 / math.sqrt(columns)
    return jax.random.uniform(key, (blocks * rows, columns), dtype, -bound, bound)


def uniform_hidden(key, blocks, rows, columns, dtype):
    """Uniform in ±1/sqrt(rows), rows being the hidden units: PyTorch's recurrent rule."""
    bound = 1 / math.sqrt(rows)
    return jax.random.uniform(key, (blocks * rows, columns), dtype, -bound, bound)


def glorot(key, blocks, rows, columns, dtype):
    """Uniform in ±sqrt(6/(columns + blocks rows)): all blocks as one (Glorot, Bengio 2010)."""
    bound = math.sqrt(6 / (columns + blocks * rows))
    return jax.random.uniform(key, (blocks * rows, columns), dtype, -bound, bound)


def orthogonal(key, blocks, rows, columns, dtype):
    """Each block a random (semi-)orthogonal matrix (Saxe et al. 2014)."""
    draw = jax.nn.initializers.orthogonal()
    keys = jax.random.split(key, blocks)
    return jnp.concatenate([draw(k, (rows, columns), dtype) for k in keys])


def orthogonal_stack(key, blocks, rows, columns, dtype):
    """All blocks as one semi-orthogonal matrix: Keras' rule for the recurrent weights."""
    return jax.nn.initializers.orthogonal()(key, (blocks * rows, columns), dtype)


def identity(key, blocks, rows, columns, dtype):
    """Each block the identity (Le, Jaitly and Hinton 2015)."""
    return jnp.tile(jnp.eye(rows, columns, dtype=dtype), (blocks, 1))


def small_normal(key, blocks, rows, columns, dtype):
    """Normal with standard deviation 0.001 (Le, Jaitly and Hinton 2015)."""
    return 0.001 * jax.random.normal(key, (blocks * rows, columns), dtype)


def zeros(key, rows, columns, dtype):
    """No bias to start with."""
    return jnp.zeros(rows, dtype)


def uniform_bias(key, rows, columns, dtype):
    """Uniform in ±1/sqrt(columns)."""
    bound = 1 / math.sqrt(columns)
    return jax.random.uniform(key, (rows,), dtype, -bound, bound)


class Initialisation(NamedTuple):
    """How every weight of a network is drawn.

    - `U`, `W`, `V`: a `Matrix` each.
    - `b`, `c`: a `Vector` each.
    - `keep`: added to the bias of an LSTM's keep gate, so that it starts open.
    """

    U: Matrix
    W: Matrix
    b: Vector
    V: Matrix
    c: Vector
    keep: float = 0.0


INITIALISATIONS: dict[str, Initialisation] = {
    "pytorch": Initialisation(
        uniform_hidden, uniform_hidden, uniform_bias, uniform_fan_in, uniform_bias
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
