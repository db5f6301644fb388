"""Recurrent cells: the contract, then the Elman RNN, the GRU, the LSTM and the reservoir.

A cell is a map that is run through time. The input projection `U x + b` of every step
is done at once by `drive`, because it does not depend on the state; `step` is what is
left: one step of the recurrence.

Letters are those of the lecture: `U` (input to hidden), `W` (hidden to hidden), `b`.
Gates are stacked along the first axis in PyTorch's order, so weights move to and from
PyTorch by a copy.
"""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, DTypeLike, Float, PyTree

from throughtime._support.seeds import Key, generator
from throughtime.errors import InputError, nearest

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
    """What `unroll` runs through time. Interface only: subclass it to write your own cell.

    The state is any pytree of arrays of shape `(batch, ...)`.
    """

    input_size: eqx.AbstractVar[int]
    hidden_size: eqx.AbstractVar[int]

    @abc.abstractmethod
    def drive(self, xs: Float[Array, "time batch input"]) -> PyTree[Array]:
        """The part of the update that depends on the inputs alone, for all steps at once."""

    @abc.abstractmethod
    def step(self, drive: PyTree[Array], state: State) -> State:
        """One step: the drive at time t and the state at t-1 to the state at t."""

    @abc.abstractmethod
    def initial_state(self, batch: int) -> State:
        """The state before the first step: zeros."""

    @abc.abstractmethod
    def hidden(self, state: State) -> Hidden:
        """The part of a state (or of a stack of states) that the next layer sees."""


class RNN(Cell):
    r"""The Elman network (Elman 1990), the simplest map through time.

    $$a_t = U x_t + W h_{t-1} + b, \qquad h_t = \sigma(a_t)$$

    Parameters
    ----------
    input_size, hidden_size
        Features of x and units of h.
    activation
        Sigma, one of `tanh`, `relu`, `logistic`, `identity`.
    init
        An initialisation by name, or your own.
    dtype
        Of the weights.
    key
        A seed, or a `jax.random` key.

    Notes
    -----
    State: h, of shape `(batch, hidden)`.
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
            raise InputError(rule, activation, nearest(activation, ACTIVATIONS))
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

    with sigma the logistic function. Rows of `U`, `W`, `b` are stacked (r, z, n), as in
    PyTorch; `d` is the recurrent bias of the candidate, which the reset gate scales
    (PyTorch's `bias_hh` of n; Keras with `reset_after=True`).

    **Arguments:** as for `RNN`, less the activation. State: h, `(batch, hidden)`.
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
        # A second bias, beside W, is inside the reset gate's reach for the candidate alone.
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
    """The state of an LSTM: what is read out, `h`, and the memory, `c`."""

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

    with sigma the logistic function. Rows of `U`, `W`, `b` are stacked (i, f, g, o), as in
    PyTorch and Keras.

    **Arguments:** as for `RNN`, less the activation. State: `LSTMState(h, c)`.
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


class EchoState(Cell):
    r"""The reservoir of an echo state network: leaky units that are drawn and never trained.

    $$h_t = (1 - a) h_{t-1} + a \tanh(W h_{t-1} + U x_t + b)$$

    (Jaeger 2001; leaky-integrator units: Jaeger, Lukosevicius, Popovici and Siewert 2007.) No
    gradient reaches U, W and b, so that whatever trains a network with this cell trains what
    reads it; `readout.fit_readout` does that by regression.

    Parameters
    ----------
    input_size, hidden_size
        Features of x and units of h.
    radius
        The largest absolute eigenvalue of W, set exactly. Below 1 the echo of old inputs fades,
        for almost any input; it need not for a weak one, nor must it above 1.
    leak
        A. A unit forgets over about 1/a steps; 1 has no memory but through W.
    input_scale, bias_scale
        U and b are uniform within ±scale.
    incoming
        The weights of a unit in W that are not 0, normal; all, if there are fewer.
    dtype
        Of the weights.
    key
        A seed, or a `jax.random` key.

    Raises
    ------
    InputError
        For a number out of its range, and for a W that memory does not hold: here it is dense,
        its zeros in it.

    Notes
    -----
    State: h, of shape `(batch, hidden)`.
    """

    U: Float[Array, "hidden input"]
    W: Float[Array, "hidden hidden"]
    b: Float[Array, " hidden"]
    leak: float = eqx.field(static=True)
    input_size: int = eqx.field(static=True)
    hidden_size: int = eqx.field(static=True)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        radius: float | int = 0.9,
        leak: float | int = 1.0,
        input_scale: float | int = 1.0,
        bias_scale: float | int = 0.2,
        incoming: int = 10,
        dtype: DTypeLike = jnp.float32,
        key: Key,
    ):
        # Here: SciPy takes a while to load.
        from throughtime._support.memory import require_memory

        from .reservoir_weights import ReservoirDesign

        # It is drawn in float64, and stays there until it is cast.
        number = 8.0 + jnp.dtype(dtype).itemsize
        require_memory(number * hidden_size * (hidden_size + input_size), "its dense weights")
        design = ReservoirDesign(
            hidden_size,
            input_size,
            incoming=min(incoming, hidden_size),
            radius=radius,
            leak=leak,
            input_scale=input_scale,
            bias_scale=bias_scale,
        )
        drawn: Any = design.draw(key)
        self.U, self.W = on_device(drawn.U, dtype), on_device(drawn.W.toarray(), dtype)
        self.b, self.leak = on_device(drawn.b, dtype), float(leak)
        self.input_size, self.hidden_size = input_size, hidden_size

    def drive(self, xs: Float[Array, "time batch input"]) -> Drive:
        U, b = jax.lax.stop_gradient((self.U, self.b))
        return xs @ U.T + b

    def step(self, drive: Drive, state: Hidden) -> Hidden:
        h, a, W = state, self.leak, jax.lax.stop_gradient(self.W)
        return (1 - a) * h + a * jnp.tanh(drive + h @ W.T)

    def initial_state(self, batch: int) -> Hidden:
        return jnp.zeros((batch, self.hidden_size), self.W.dtype)

    def hidden(self, state: Hidden) -> Hidden:
        return state


CELLS: dict[str, type[Cell]] = {"rnn": RNN, "gru": GRU, "lstm": LSTM, "esn": EchoState}
"""The cells by name."""


def _weights(init, gates, input_size, hidden_size, dtype, rng):
    """U and W on the device, and every draw of the bias as a NumPy array."""
    rule = initialisation(init)
    U = rule.U(rng, gates, hidden_size, input_size)
    W = rule.W(rng, gates, hidden_size, hidden_size)
    b = [rule.b(rng, gates * hidden_size, hidden_size) for _ in range(rule.biases)]
    return on_device(U, dtype), on_device(W, dtype), b
