"""Recurrent cells: the interface, then the Elman RNN, the GRU and the LSTM.

A cell is a map that is run through time. Its `step` is one step of the recurrence, written to
be read. The input projection `U x + b` does not depend on the state, so `drive` computes it for
all steps at once. `step_equations.py` holds the same steps with their derivatives written out,
by which `unroll` runs the RNN, the GRU and the LSTM; the tests hold the two equal.

The letters are those of the lecture: `U` (input to hidden), `W` (hidden to hidden), `b`. Gates
are stacked along the first axis in PyTorch's order, so that weights are copied to and from
PyTorch as they are.
"""

import abc
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, DTypeLike, Float, PyTree

from throughtime._support.seeds import Key, generator
from throughtime.errors import InputError, did_you_mean

from .initialisation import Initialisation, initialisation, on_device

State = PyTree[Float[Array, "batch ..."]]
Drive = Float[Array, "*time batch blocks"]
Hidden = Float[Array, "*time batch hidden"]

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "logistic": jax.nn.sigmoid,
    "identity": lambda a: a,
}


class Cell(eqx.Module):
    """The interface of what `unroll` runs through time. Subclass it to write your own cell.

    The state is any pytree of arrays of shape `(batch, ...)`.

    Attributes
    ----------
    input_size
        Number of features of an input.
    hidden_size
        Number of units that the next layer sees.
    """

    input_size: eqx.AbstractVar[int]
    hidden_size: eqx.AbstractVar[int]

    @abc.abstractmethod
    def drive(self, xs: Float[Array, "time batch input"]) -> PyTree[Array]:
        """The part of the steps that depends on the inputs alone, for all steps at once."""

    @abc.abstractmethod
    def step(self, drive: PyTree[Array], state: State) -> State:
        """One step: the state at time t from the drive at t and the state at t-1."""

    @abc.abstractmethod
    def initial_state(self, batch: int) -> State:
        """The state before the first step, usually zeros."""

    @abc.abstractmethod
    def hidden(self, state: State) -> Hidden:
        """The part of a state, or of the states of all steps, that the next layer sees."""


class RNN(Cell):
    r"""The Elman network (Elman 1990), the simplest map through time.

    $$a_t = U x_t + W h_{t-1} + b, \qquad h_t = \sigma(a_t)$$

    The state is h, of shape `(batch, hidden)`.

    Parameters
    ----------
    input_size, hidden_size
        Number of features of x and of units of h.
    activation
        The function sigma: `tanh`, `relu`, `logistic` or `identity`.
    init
        An initialisation, by name or as an `Initialisation`.
    dtype
        Type of the weights.
    key
        A seed, a NumPy generator or a `jax.random` key.

    Raises
    ------
    InputError
        For an unknown activation or initialisation.
    """

    U: Float[Array, "hidden input"]
    W: Float[Array, "hidden hidden"]
    b: Float[Array, " hidden"]
    activation: str = eqx.field(static=True)
    input_size: int = eqx.field(static=True)
    hidden_size: int = eqx.field(static=True)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        activation: str = "tanh",
        *,
        init: str | Initialisation = "pytorch",
        dtype: DTypeLike = jnp.float32,
        key: Key,
    ):
        if activation not in ACTIVATIONS:
            rule = "`activation` must be a known function"
            raise InputError(rule, activation, did_you_mean(activation, ACTIVATIONS))
        rng = generator(key)
        self.U, self.W, b = _weights(init, 1, input_size, hidden_size, dtype, rng)
        self.b = on_device(sum(b), dtype)
        self.activation = activation
        self.input_size, self.hidden_size = input_size, hidden_size

    def drive(self, xs: Float[Array, "time batch input"]) -> Drive:
        return xs @ self.U.T + self.b

    def step(self, drive: Drive, state: Hidden) -> Hidden:
        h = state
        a = drive + h @ self.W.T
        return ACTIVATIONS[self.activation](a)

    def initial_state(self, batch: int) -> Hidden:
        return jnp.zeros((batch, self.hidden_size), self.W.dtype)

    def hidden(self, state: Hidden) -> Hidden:
        return state


class GRU(Cell):
    r"""The gated recurrent unit (Cho et al. 2014), reset applied after the product.

    $$
    \begin{aligned}
    r_t &= \sigma(U_r x_t + W_r h_{t-1} + b_r) && \text{reset}\\
    z_t &= \sigma(U_z x_t + W_z h_{t-1} + b_z) && \text{keep}\\
    n_t &= \tanh(U_n x_t + b_n + r_t \odot (W_n h_{t-1} + d)) && \text{candidate}\\
    h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}
    \end{aligned}
    $$

    Here sigma is the logistic function. The rows of `U`, `W`, `b` are stacked (r, z, n), as in
    PyTorch; `d` is the recurrent bias of the candidate, which the reset gate scales
    (PyTorch's `bias_hh` of n; Keras with `reset_after=True`). The state is h, of shape
    `(batch, hidden)`.

    Parameters
    ----------
    input_size, hidden_size
        Number of features of x and of units of h.
    init
        An initialisation, by name or as an `Initialisation`.
    dtype
        Type of the weights.
    key
        A seed, a NumPy generator or a `jax.random` key.

    Raises
    ------
    InputError
        For an unknown initialisation.
    """

    U: Float[Array, "3*hidden input"]
    W: Float[Array, "3*hidden hidden"]
    b: Float[Array, " 3*hidden"]
    d: Float[Array, " hidden"]
    input_size: int = eqx.field(static=True)
    hidden_size: int = eqx.field(static=True)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        init: str | Initialisation = "pytorch",
        dtype: DTypeLike = jnp.float32,
        key: Key,
    ):
        rng = generator(key)
        self.U, self.W, b = _weights(init, 3, input_size, hidden_size, dtype, rng)
        # The second bias, beside W, can be added to the first except in the candidate.
        candidate = np.arange(3 * hidden_size) // hidden_size == 2
        self.b = on_device(b[0] + np.where(candidate, 0, sum(b[1:])), dtype)
        self.d = on_device(b[1][candidate] if b[1:] else np.zeros(hidden_size), dtype)
        self.input_size, self.hidden_size = input_size, hidden_size

    def drive(self, xs: Float[Array, "time batch input"]) -> Drive:
        return xs @ self.U.T + self.b

    def step(self, drive: Drive, state: Hidden) -> Hidden:
        h = state
        drive_r, drive_z, drive_n = jnp.split(drive, 3, axis=-1)
        W_r, W_z, W_n = jnp.split(h @ self.W.T, 3, axis=-1)  # the products W h
        r = jax.nn.sigmoid(drive_r + W_r)
        z = jax.nn.sigmoid(drive_z + W_z)
        n = jnp.tanh(drive_n + r * (W_n + self.d))
        return (1 - z) * n + z * h

    def initial_state(self, batch: int) -> Hidden:
        return jnp.zeros((batch, self.hidden_size), self.W.dtype)

    def hidden(self, state: Hidden) -> Hidden:
        return state


class LSTMState(NamedTuple):
    """The state of an LSTM.

    Attributes
    ----------
    h
        The hidden state, which the next layer sees, `(batch, hidden)`.
    c
        The memory, `(batch, hidden)`.
    """

    h: Hidden
    c: Hidden


class LSTM(Cell):
    r"""Long short-term memory (Hochreiter and Schmidhuber 1997; keep gate: Gers et al. 2000).

    $$
    \begin{aligned}
    i_t &= \sigma(U_i x_t + W_i h_{t-1} + b_i) && \text{write (input) gate}\\
    f_t &= \sigma(U_f x_t + W_f h_{t-1} + b_f) && \text{keep (forget) gate}\\
    g_t &= \tanh(U_g x_t + W_g h_{t-1} + b_g) && \text{candidate}\\
    o_t &= \sigma(U_o x_t + W_o h_{t-1} + b_o) && \text{read (output) gate}\\
    c_t &= f_t \odot c_{t-1} + i_t \odot g_t\\
    h_t &= o_t \odot \tanh(c_t)
    \end{aligned}
    $$

    Here sigma is the logistic function. The rows of `U`, `W`, `b` are stacked (i, f, g, o), as
    in PyTorch and Keras. The state is `LSTMState(h, c)`.

    Parameters
    ----------
    input_size, hidden_size
        Number of features of x and of units of h.
    init
        An initialisation, by name or as an `Initialisation`.
    dtype
        Type of the weights.
    key
        A seed, a NumPy generator or a `jax.random` key.

    Raises
    ------
    InputError
        For an unknown initialisation.
    """

    U: Float[Array, "4*hidden input"]
    W: Float[Array, "4*hidden hidden"]
    b: Float[Array, " 4*hidden"]
    input_size: int = eqx.field(static=True)
    hidden_size: int = eqx.field(static=True)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        init: str | Initialisation = "pytorch",
        dtype: DTypeLike = jnp.float32,
        key: Key,
    ):
        rng = generator(key)
        self.U, self.W, b = _weights(init, 4, input_size, hidden_size, dtype, rng)
        keep_gate = np.arange(4 * hidden_size) // hidden_size == 1
        self.b = on_device(sum(b) + initialisation(init).keep * keep_gate, dtype)
        self.input_size, self.hidden_size = input_size, hidden_size

    def drive(self, xs: Float[Array, "time batch input"]) -> Drive:
        return xs @ self.U.T + self.b

    def step(self, drive: Drive, state: LSTMState) -> LSTMState:
        h, c = state
        i, f, g, o = jnp.split(drive + h @ self.W.T, 4, axis=-1)
        i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
        c = f * c + i * g
        h = o * jnp.tanh(c)
        return LSTMState(h, c)

    def initial_state(self, batch: int) -> LSTMState:
        zeros = jnp.zeros((batch, self.hidden_size), self.W.dtype)
        return LSTMState(zeros, zeros)

    def hidden(self, state: LSTMState) -> Hidden:
        return state.h


def _weights(init, gates, input_size, hidden_size, dtype, rng):
    """U and W on the device, and each draw of the bias as a NumPy array."""
    rule = initialisation(init)
    U = rule.U(rng, gates, hidden_size, input_size)
    W = rule.W(rng, gates, hidden_size, hidden_size)
    b = [rule.b(rng, gates * hidden_size, hidden_size) for _ in range(rule.biases)]
    return on_device(U, dtype), on_device(W, dtype), b
