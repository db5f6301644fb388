"""Initial weights, by name.

An *initialisation* defines the distribution of each of the lecture's weights: `U` (input to
hidden), `W` (hidden to hidden), `b` (hidden bias), `V` and `c` (readout). Gated cells stack the
blocks of their gates along the first axis.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, DTypeLike, Float

from throughtime._support.precision import precision
from throughtime.errors import InputError, did_you_mean

MatrixSampler = Callable[
    [np.random.Generator, int, int, int], Float[np.ndarray, "blocks*rows columns"]
]
"""`matrix(rng, blocks, rows, columns)`: random matrices, `blocks` of them stacked by rows."""

BiasSampler = Callable[[np.random.Generator, int, int], Float[np.ndarray, " rows"]]
"""`bias(rng, rows, columns)`: a random bias; `columns` is the fan-in in PyTorch's terms."""

INCOMING = 15
"""Number of non-zero weights into each unit of a sparse matrix (Martens 2010)."""

SPARSE_SCALE = 1 / math.sqrt(INCOMING)
"""The scale of sparse weights with which the sum into a unit has variance 1."""


def uniform_fan_in(rng, blocks, rows, columns):
    """Uniform within ±1/sqrt(columns): PyTorch's rule for a dense layer."""
    bound = 1 / math.sqrt(columns)
    return rng.uniform(-bound, bound, (blocks * rows, columns))


def uniform_hidden(rng, blocks, rows, columns):
    """Uniform within ±1/sqrt(rows), with the hidden units as rows: PyTorch's recurrent rule."""
    bound = 1 / math.sqrt(rows)
    return rng.uniform(-bound, bound, (blocks * rows, columns))


def glorot(rng, blocks, rows, columns):
    """Uniform within ±sqrt(6 / (columns + blocks rows)) (Glorot and Bengio 2010)."""
    bound = math.sqrt(6 / (columns + blocks * rows))
    return rng.uniform(-bound, bound, (blocks * rows, columns))


def orthogonal(rng, blocks, rows, columns):
    """Each block a random (semi-)orthogonal matrix (Saxe et al. 2014)."""
    return np.concatenate([orthogonal_stack(rng, 1, rows, columns) for _ in range(blocks)])


def orthogonal_stack(rng, blocks, rows, columns):
    """All blocks as one semi-orthogonal matrix: Keras's rule for the recurrent weights."""
    tall = rng.normal(size=(max(blocks * rows, columns), min(blocks * rows, columns)))
    Q, R = np.linalg.qr(tall)
    Q = Q * np.sign(np.diag(R))  # so that every orthogonal matrix is equally likely
    return Q if blocks * rows >= columns else Q.T


def identity(rng, blocks, rows, columns):
    """Each block the identity (Le, Jaitly and Hinton 2015)."""
    return np.tile(np.eye(rows, columns), (blocks, 1))


def normal(scale: float | int) -> MatrixSampler:
    """Normal weights with this standard deviation."""

    def draw(rng, blocks, rows, columns):
        return scale * rng.normal(size=(blocks * rows, columns))

    return draw


def sparse(scale: float | int, incoming: int = INCOMING) -> MatrixSampler:
    """Weights of which each unit has a fixed number, normal with this standard deviation.

    The sum that reaches a unit then has the same size however many units there are, and the
    units are more diverse.

    Parameters
    ----------
    scale
        Standard deviation of the non-zero weights.
    incoming
        Number of non-zero weights into each unit; at most all of them.

    Raises
    ------
    InputError
        If `incoming` is less than 1.

    References
    ----------
    Martens (2010); Martens and Sutskever (2011).
    """
    if incoming < 1:
        raise InputError("`incoming` must be at least 1", incoming, "Raise `incoming`.")

    def draw(rng, blocks, rows, columns):
        present = np.tile(np.arange(columns) < incoming, (blocks * rows, 1))
        weights = rng.normal(size=present.shape)
        return scale * np.where(rng.permuted(present, axis=1), weights, 0)

    return draw


def sparse_of_radius(radius: float | int, incoming: int = INCOMING) -> MatrixSampler:
    """Sparse square blocks, each scaled to this spectral radius.

    A nilpotent block, which has no eigenvalue but 0, cannot be scaled and is drawn again.

    Parameters
    ----------
    radius
        The largest absolute eigenvalue of each block.
    incoming
        Number of non-zero weights into each unit; at most all of them.
    """
    draw = sparse(1.0, incoming)

    def block(rng, rows, columns):
        if rows != columns:
            rule = "only a square matrix has a spectral radius"
            raise InputError(rule, f"{rows} by {columns}", "Use it for `W` alone.")
        largest = 0.0
        while not largest > 0:
            W = draw(rng, 1, rows, columns)
            largest = np.abs(np.linalg.eigvals(W)).max()
        return W * (radius / largest)

    def blocks_of_radius(rng, blocks, rows, columns):
        return np.concatenate([block(rng, rows, columns) for _ in range(blocks)])

    return blocks_of_radius


def zeros(rng, rows, columns):
    """A bias of zeros."""
    return np.zeros(rows)


def uniform_bias(rng, rows, columns):
    """Uniform within ±1/sqrt(columns)."""
    bound = 1 / math.sqrt(columns)
    return rng.uniform(-bound, bound, rows)


def chrono(longest: float | int) -> BiasSampler:
    r"""Keep gates that forget over random times of up to `longest` steps.

    A gate of value f keeps a memory for about $1/(1 - f)$ steps, and a gate with bias b has the
    value f with $1/(1 - f) = 1 + e^b$. So with u uniform in [1, longest - 1]:

    $$b_f = \log u, \qquad b_i = -b_f$$

    These are the LSTM's keep and write gates; in the GRU it is the keep gate z alone, because
    it writes with 1 - z. Other biases are 0. Use it with `keep=0` and `biases=1`: the sum of
    two samples would be another time.

    Parameters
    ----------
    longest
        The longest memory, in steps.

    Raises
    ------
    InputError
        If `longest` is not a finite number above 2.

    References
    ----------
    Tallec and Ollivier (2018).
    """
    if not 2 < longest < math.inf:
        remedy = "Pass the longest lag that matters, such as 100 steps."
        raise InputError("`longest` must be finite and above 2 steps", longest, remedy)
    return _Chrono(longest)


@dataclass(frozen=True)
class _Chrono:
    """The bias of `chrono`; a class, so that `initialisation` can recognise it."""

    longest: float | int

    def __call__(self, rng, rows, columns):
        b = np.zeros((rows // columns, columns))
        if len(b) > 1:  # (i, f, g, o) or (r, z, n); the RNN has no gates
            b[1] = np.log(rng.uniform(1, self.longest - 1, columns))
        if len(b) == 4:
            b[0] = -b[1]
        return b.ravel()


class Initialisation(NamedTuple):
    """The distribution of every weight of a network.

    Parameters
    ----------
    U, W, V
        How each matrix is drawn: `matrix(rng, blocks, rows, columns)` returns `blocks` matrices
        stacked by rows.
    b, c
        How each bias is drawn: `bias(rng, rows, columns)` returns `rows` numbers, for a layer
        of `columns` inputs.
    biases
        How many samples of `b` a cell adds up; PyTorch's cells have two biases, one beside `U`
        and one beside `W`.
    keep
        A number added to the bias of an LSTM's keep (forget) gate. With 1 the gate starts open
        (Gers et al. 2000), which Jozefowicz et al. (2015) found to help on every task. See
        `chrono` for another way.
    """

    U: MatrixSampler
    W: MatrixSampler
    b: BiasSampler
    V: MatrixSampler
    c: BiasSampler
    keep: float = 0.0
    biases: int = 1


def echo_state(
    inputs: float | int = 0.1,
    radius: float | int = 1.1,
    incoming: int = INCOMING,
    outputs: float | int = 0.1,
) -> Initialisation:
    r"""The echo-state initialisation, for training with momentum.

    $$\rho(W) = 1.1, \qquad U \sim 0.001\ \text{or}\ 0.1 \times N(0, 1), \qquad
      V \sim 0.1 \times N(0, 1), \qquad b = c = 0$$

    Here rho is the spectral radius. With it the states neither die out nor blow up: tanh bounds
    what W lets grow. The paper also centres inputs and outputs, which is left to the data.

    Parameters
    ----------
    inputs
        Standard deviation of U. The paper has 0.001 where most of the input distracts (adding,
        multiplication) and 0.1 where every symbol counts (memorisation). In a standardised
        series every value counts, and at 0.1 it moves a unit by a tenth of its range: above
        rounding and the units' own activity, and far from saturation. So 0.1 is the default.
    radius
        Spectral radius of each block of W.
    incoming
        Number of non-zero weights into each unit in W; at most all of them.
    outputs
        Standard deviation of V. At 0.1 a hundred active units give an output of size 1 before
        anything is learned, and the first gradients teach W to silence the units; where
        gradients are clipped, they may stay silent. At 0.01 V learns first.

    Raises
    ------
    InputError
        For a number that is not positive and finite.

    References
    ----------
    Sutskever, Martens, Dahl and Hinton (2013).
    """
    for name, value in (("inputs", inputs), ("radius", radius), ("outputs", outputs)):
        if not 0 < value < math.inf:
            remedy = f"Pass {1.1 if name == 'radius' else 0.1}."
            raise InputError(f"`{name}` must be positive and finite", value, remedy)
    W = sparse_of_radius(radius, incoming)
    return Initialisation(normal(inputs), W, zeros, normal(outputs), zeros, keep=1.0)


INITIALISATIONS: dict[str, Initialisation] = {
    "pytorch": Initialisation(
        uniform_hidden, uniform_hidden, uniform_bias, uniform_fan_in, uniform_bias, biases=2
    ),
    "keras": Initialisation(glorot, orthogonal_stack, zeros, glorot, zeros, keep=1.0),
    "orthogonal": Initialisation(glorot, orthogonal, zeros, glorot, zeros, keep=1.0),
    "identity": Initialisation(normal(0.001), identity, zeros, normal(0.001), zeros),
    "echo-state": echo_state(),
    "sparse": Initialisation(
        U=sparse(0.25 * SPARSE_SCALE),
        W=sparse(SPARSE_SCALE),
        b=zeros,
        V=sparse(SPARSE_SCALE),
        c=zeros,
        keep=1.0,
    ),
}
"""The initialisations by name:

- `pytorch`, `keras`: the defaults of these libraries.
- `orthogonal`: recurrent blocks that keep the length of every vector (Saxe et al. 2014).
- `identity`: that of the IRNN, for a relu cell; all other weights have the standard deviation
  0.001 (Le et al. 2015).
- `echo-state`: for training with momentum; see `echo_state`.
- `sparse`: for Hessian-free training (Martens and Sutskever 2011): 15 weights into each unit,
  N(0, 1) / sqrt(15), and a quarter of that from the inputs.
"""


def initialisation(name: str | Initialisation) -> Initialisation:
    """The initialisation of this name; an `Initialisation` is returned as it is.

    Raises
    ------
    InputError
        For an unknown name, and for a bias of `chrono` that would be drawn more than once.
    """
    if isinstance(name, Initialisation):
        if isinstance(name.b, _Chrono) and name.biases > 1:
            rule = "a bias of `chrono` must be drawn once"
            raise InputError(rule, f"`biases` {name.biases}", "Set `biases=1`.")
        return name
    if name not in INITIALISATIONS:
        raise InputError(
            "`init` must be a known initialisation", name, did_you_mean(name, INITIALISATIONS)
        )
    return INITIALISATIONS[name]


def on_device(values, dtype: DTypeLike) -> Array:
    """NumPy's values on the device, converted first by NumPy: JAX would compile a program."""
    with precision(np.dtype(dtype).name):
        return jax.device_put(np.asarray(values, dtype))
