"""Weights to start from, by name.

An *initialisation* says how each of the lecture's letters is drawn: `U` (input to
hidden), `W` (hidden to hidden), `b` (hidden bias), `V` and `c` (readout). Gated cells
stack the blocks of their gates along the first axis.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, DTypeLike, Float

from throughtime.errors import InputError, nearest

Matrix = Callable[
    [np.random.Generator, int, int, int], Float[np.ndarray, "blocks*rows columns"]
]
"""`matrix(rng, blocks, rows, columns)`: `blocks` matrices, stacked along the rows."""

Vector = Callable[[np.random.Generator, int, int], Float[np.ndarray, " rows"]]
"""`vector(rng, rows, columns)`: a bias; `columns` is what PyTorch calls fan-in."""


INCOMING = 15
"""Weights that reach a unit in a sparse matrix (Martens 2010)."""

SPARSE = 1 / math.sqrt(INCOMING)


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


def normal(scale: float | int) -> Matrix:
    """Normal with this standard deviation."""

    def draw(rng, blocks, rows, columns):
        return scale * rng.normal(size=(blocks * rows, columns))

    return draw


def sparse(scale: float | int, incoming: int = INCOMING) -> Matrix:
    """Each unit has so many incoming weights (all, if there are fewer), N(0, 1) times a scale.

    So the sum that reaches a unit is of the same size however many units there are, and units
    are more diverse (Martens 2010; Martens and Sutskever 2011).
    """
    if incoming < 1:
        raise InputError("`incoming` must be at least 1", incoming, "Raise `incoming`.")

    def draw(rng, blocks, rows, columns):
        here = np.tile(np.arange(columns) < incoming, (blocks * rows, 1))
        drawn = rng.normal(size=here.shape)
        return scale * np.where(rng.permuted(here, axis=1), drawn, 0)

    return draw


def sparse_of_radius(radius: float | int, incoming: int = INCOMING) -> Matrix:
    """Each block sparse, scaled so that its largest eigenvalue has this absolute value.

    A block without an eigenvalue but 0 (a nilpotent one) has no such scale: it is drawn anew.
    """
    draw = sparse(1.0, incoming)

    def block(rng, rows, columns):
        if rows != columns:
            rule = "only a square matrix has a spectral radius"
            raise InputError(rule, f"{rows} by {columns}", "Use it for `W` alone.")
        found = 0.0
        while not found > 0:
            W = draw(rng, 1, rows, columns)
            found = np.abs(np.linalg.eigvals(W)).max()
        return W * (radius / found)

    def blocks_of_radius(rng, blocks, rows, columns):
        return np.concatenate([block(rng, rows, columns) for _ in range(blocks)])

    return blocks_of_radius


def zeros(rng, rows, columns):
    """No bias to start with."""
    return np.zeros(rows)


def uniform_bias(rng, rows, columns):
    """Uniform in ±1/sqrt(columns)."""
    bound = 1 / math.sqrt(columns)
    return rng.uniform(-bound, bound, rows)


def chrono(longest: float | int) -> Vector:
    r"""Keep gates that forget over times spread up to `longest` steps (Tallec, Ollivier 2018).

    A gate of value f keeps a memory for about $1/(1 - f)$ steps, and a gate of bias b has the
    value f with $1/(1 - f) = 1 + e^b$. So with u uniform in [1, longest - 1]:

    $$b_f = \log u, \qquad b_i = -b_f$$

    The LSTM's keep and write gates; in the GRU the keep gate z alone, for it writes 1 - z.
    Other biases are 0. Use it with `keep=0` and `biases=1`: a second draw, added to the first,
    would be another time.

    Raises
    ------
    InputError
        If `longest` is not a finite number above 2.
    """
    if not 2 < longest < math.inf:
        raise InputError("`longest` must be finite and above 2 steps", longest, "Raise it.")
    return _Chrono(longest)


@dataclass(frozen=True)
class _Chrono:
    """The bias of `chrono`; a class, by which `initialisation` knows it."""

    longest: float | int

    def __call__(self, rng, rows, columns):
        b = np.zeros((rows // columns, columns))
        if len(b) > 1:  # (i, f, g, o) or (r, z, n); the RNN has no gates
            b[1] = np.log(rng.uniform(1, self.longest - 1, columns))
        if len(b) == 4:
            b[0] = -b[1]
        return b.ravel()


class Initialisation(NamedTuple):
    """How every weight of a network is drawn.

    Attributes
    ----------
    U, W, V
        A `Matrix` each.
    b, c
        A `Vector` each.
    biases
        How many draws of `b` a cell adds up; PyTorch's cells have two biases, one beside `U`
        and one beside `W`.
    keep
        Added to the bias of an LSTM's keep gate, so that it starts open: 1 (Gers et al. 2000;
        Jozefowicz et al. 2015 found it to help on every task). See `chrono` for another.
    """

    U: Matrix
    W: Matrix
    b: Vector
    V: Matrix
    c: Vector
    keep: float = 0.0
    biases: int = 1


def echo_state(
    inputs: float | int = 0.1,
    radius: float | int = 1.1,
    incoming: int = INCOMING,
    outputs: float | int = 0.1,
) -> Initialisation:
    r"""The echo-state initialisation (Sutskever, Martens, Dahl and Hinton 2013).

    $$\rho(W) = 1.1, \qquad U \sim 0.001\ \text{or}\ 0.1 \times N(0, 1), \qquad
      V \sim 0.1 \times N(0, 1), \qquad b = c = 0$$

    with rho the spectral radius. Then the states neither die out nor blow up: tanh bounds
    what W lets grow. The paper centres inputs and outputs, which belongs to the data.

    Parameters
    ----------
    inputs
        The scale of U. The paper has 0.001 where most of the input distracts (adding,
        multiplication) and 0.1 where every symbol counts (memorisation). In a standardised
        series every value counts, and at 0.1 it moves a unit by a tenth of its range: above
        rounding and the units' own activity, and far from saturation. So 0.1 is the default.
    radius
        Rho of each block of W.
    incoming
        The weights of a unit in W that are not 0.
    outputs
        The scale of V. At 0.1 a hundred units at work give an output of size 1 before anything
        is learned, and the first slopes teach W to be quiet: where they are clipped, it may
        never speak again. At 0.01 V learns first.

    Raises
    ------
    InputError
        For a number that is not positive.
    """
    for name, value in (("inputs", inputs), ("radius", radius), ("outputs", outputs)):
        if not 0 < value < math.inf:
            raise InputError(f"`{name}` must be positive and finite", value, f"Set `{name}`.")
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
        sparse(0.25 * SPARSE), sparse(SPARSE), zeros, sparse(SPARSE), zeros, keep=1.0
    ),
}
"""By name:

- `pytorch`, `keras`: their own rules.
- `orthogonal`: recurrent blocks that keep the length of any vector (Saxe et al. 2014).
- `identity`: the IRNN's, for a relu cell; all other weights N(0, 0.001) (Le et al. 2015).
- `echo-state`: for momentum; see `echo_state`.
- `sparse`: for Hessian-free (Martens and Sutskever 2011): 15 incoming weights a unit,
  N(0, 1) over sqrt(15), and a quarter of that from the inputs.
"""


def initialisation(name: str | Initialisation) -> Initialisation:
    """The initialisation of that name; an `Initialisation` of your own passes through.

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
            "`init` must be a known initialisation", name, nearest(name, INITIALISATIONS)
        )
    return INITIALISATIONS[name]


def on_device(values, dtype: DTypeLike) -> Array:
    """NumPy's values on the device, converted before: JAX would compile the conversion."""
    return jax.device_put(np.asarray(values, dtype))
