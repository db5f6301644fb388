r"""How a gradient shrinks or grows over the steps of one cell, beside what theory says.

Backpropagation multiplies Jacobians of the steps:

$$\frac{\partial h_T}{\partial h_{T-k}} = J_T J_{T-1} \cdots J_{T-k+1}, \qquad
  J_t = \frac{\partial h_t}{\partial h_{t-1}}$$

For the simple network $J_t = \mathrm{diag}(\sigma_h'(a_t)) \, W$, so that

$$\Big\lVert \frac{\partial h_T}{\partial h_{T-k}} \Big\rVert
  \leq \prod_t \lVert J_t \rVert \leq (\max \sigma_h' \cdot s_1(W))^k$$

with the largest singular value $s_1$; without squashing it goes as $\rho^k$, with the spectral
radius of W, and is exactly that if W is $\rho$ times a rotation (Bengio, Simard and Frasconi
1994; Pascanu, Mikolov and Bengio 2013). In a GRU and an LSTM a gradient has a path past the
weights, through the keep gates alone. The state is all that a cell passes on: h, and the memory
c of an LSTM.
"""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Float64

from throughtime._support.precision import precision
from throughtime.errors import InputError, check_known_name, check_positive_integer
from throughtime.recurrence.cells import GRU, LSTM, RNN, Cell
from throughtime.recurrence.initialisation import Initialisation, glorot, normal, zeros
from throughtime.recurrence.spectral_radius import (
    largest_singular_value,
    scale_to_radius,
    spectral_radius,
)

CELLS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}
"""The cells of which the norms are known beside theory."""


@dataclass(frozen=True)
class JacobianNorms:
    r"""Decimal logarithms of norms, for the lags k = 1, 2, ...

    Attributes
    ----------
    measured
        Of $\partial h_T / \partial h_{T-k}$, its largest singular value.
    bound
        Of the product of the largest singular values of each step, which is never less.
    path
        Of what theory gives: for the simple network $\rho^k$; for a GRU and an LSTM the product
        of the keep gates, in the unit that keeps most.
    radius
        The spectral radius of W; of a gated cell, of its last block.
    largest
        The largest singular value of the same.
    """

    measured: Float64[np.ndarray, " lag"]
    bound: Float64[np.ndarray, " lag"]
    path: Float64[np.ndarray, " lag"]
    radius: float
    largest: float


def random_cell(
    kind: str,
    radius: float | int,
    hidden: int = 64,
    *,
    rotation: bool = False,
    activation: str = "tanh",
    seed: int = 0,
) -> RNN | GRU | LSTM:
    """A cell in double precision whose recurrent blocks have this spectral radius.

    Parameters
    ----------
    kind
        `rnn`, `gru` or `lstm`. The keep gate of an LSTM starts open, its bias at 1.
    radius
        The spectral radius of each block of W.
    hidden
        Units.
    rotation
        Whether each block is a rotation times the radius; else it is drawn from the normal
        distribution.
    activation
        The function sigma_h of an `rnn`.
    seed
        Seed of the weights.

    Raises
    ------
    InputError
        For a name that is not known, and for a number out of its range.
    """
    check_known_name("cell", kind, CELLS)
    check_positive_integer("hidden", hidden)
    if not 0 < radius < np.inf:
        rule = "`radius` must be above 0 and finite"
        raise InputError(rule, radius, "The default is 0.9.")
    rng = np.random.default_rng(seed)

    def blocks(_, gates, rows, columns):
        found = []
        for _ in range(gates):
            W = rng.normal(size=(rows, columns))
            if rotation:
                found.append(radius * np.linalg.qr(W)[0])
            else:
                found.append(scale_to_radius(W, radius))
        return np.concatenate(found)

    rule = Initialisation(glorot, blocks, zeros, normal(1.0), zeros, keep=1.0)
    options: dict[str, Any] = {"activation": activation} if kind == "rnn" else {}
    with precision("float64"):
        return CELLS[kind](1, hidden, init=rule, dtype=jnp.float64, key=rng, **options)


def jacobian_norms(
    cell: RNN | GRU | LSTM, xs: Float[np.ndarray | Array, "time input"]
) -> JacobianNorms:
    """The norms of the last state's derivative by each state before it.

    Parameters
    ----------
    cell
        A cell in double precision.
    xs
        What it reads, `(time, input)`, from a state of zeros.

    Raises
    ------
    InputError
        For fewer than two steps.

    Examples
    --------
    >>> cell = random_cell("rnn", 0.9, rotation=True, activation="identity")
    >>> norms = jacobian_norms(cell, np.ones((11, 1)))
    >>> bool(np.allclose(norms.measured, np.arange(1, 11) * np.log10(0.9)))
    True
    """
    if len(xs) < 2:
        raise InputError("norms need two steps or more", len(xs), "Pass more steps.")
    with precision("float64"):
        parts = _jacobians(cell, jnp.asarray(xs, jnp.float64))
    jacobians, keep = (np.asarray(part)[:0:-1] for part in parts)  # from the last step back
    with np.errstate(divide="ignore"):  # the logarithm of a norm of 0
        bound = np.cumsum(np.log10(np.linalg.norm(jacobians, 2, axis=(1, 2))))
        path = np.cumsum(np.log10(keep), axis=0).max(axis=1)
        measured = _log_norms(jacobians)
    W = np.asarray(cell.W)[-cell.hidden_size :]
    radius, largest = spectral_radius(W), largest_singular_value(W)
    if isinstance(cell, RNN):
        path = np.arange(1, len(xs)) * np.log10(radius)
    return JacobianNorms(measured, bound, path, radius, largest)


@eqx.filter_jit
def _jacobians(cell: Cell, xs: Array) -> tuple[Array, Array]:
    """The Jacobian and the keep gates of each step."""
    flat, unflatten = ravel_pytree(cell.initial_state(1))

    def step(state, drive):
        return ravel_pytree(cell.step(drive, unflatten(state)))[0]

    def forward(state, drive):
        return step(state, drive), (jax.jacfwd(step)(state, drive), _keep(cell, state, drive))

    return jax.lax.scan(forward, flat, cell.drive(xs[:, None]))[1]


def _log_norms(jacobians: np.ndarray) -> np.ndarray:
    """The decimal logarithms of the norms of the products of the first 1, 2, ... of them."""
    product, scale, logs = np.eye(jacobians.shape[1]), 0.0, []
    for jacobian in jacobians:
        product = product @ jacobian
        norm = np.linalg.norm(product, 2)
        scale += np.log10(norm)
        product = product / (norm or 1)  # so that nothing overflows
        logs.append(scale)
    return np.array(logs)


def _keep(cell: Any, state: Array, drive: Array) -> Array:
    """The keep gate of each unit at a step; ones for a cell without."""
    if isinstance(cell, RNN):
        return jnp.ones(cell.hidden_size)
    a = drive[0] + cell.W @ state[: cell.hidden_size]  # (the first part of a state is h)
    n = cell.hidden_size
    return jax.nn.sigmoid(a[n : 2 * n])  # the second gate of both: z of a GRU, f of an LSTM
