"""The reservoir of an echo state network as a cell."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, DTypeLike, Float

from throughtime._support.seeds import Key

from .angles import angle_count, read_angles
from .cells import Cell, Drive, Hidden
from .initialisation import on_device

BIAS_SCALE = 0.2
"""The default scale of the biases."""


class EchoState(Cell):
    r"""The reservoir of an echo state network: leaky units with random, fixed weights.

    $$h_t = (1 - a) h_{t-1} + a \tanh(W h_{t-1} + U x_t + b)$$

    No gradient reaches U, W and b: training a network with this cell trains only the layers
    that read it, and `fit_readout` fits those by regression. The state is h, of shape
    `(batch, hidden)`.

    Parameters
    ----------
    input_size, hidden_size
        Number of features of x and of units of h.
    radius
        Spectral radius of W, its largest absolute eigenvalue; it is set exactly. Below 1 the
        echo of old inputs fades for almost any input, but not always for a weak one; above 1 it
        may fade too. With 0 there is no W, and with a leak of 1 no memory either: the units are
        random features of x.
    leak
        Leak rate a, above 0 and at most 1. A unit forgets over about 1/a steps; with 1 it has
        no memory except through W.
    input_scale, bias_scale
        The weights of U and b are uniform within plus and minus this scale.
    angles
        The radians of a unit of each of the first features, 0 for what is no angle: U reads the
        sine of an angle in its place, and its cosine after the last feature.
    incoming
        Number of non-zero weights into each unit in W, which are normal; at most all of them.
    dtype
        Type of the weights.
    key
        A seed, a NumPy generator or a `jax.random` key.

    Raises
    ------
    InputError
        For a number out of its range, and for a W that does not fit in memory: it is stored
        dense, with its zeros.

    References
    ----------
    Jaeger (2001); with leaky-integrator units, Jaeger, Lukosevicius, Popovici and Siewert
    (2007).
    """

    U: Float[Array, "hidden read"]
    W: Float[Array, "hidden hidden"]
    b: Float[Array, " hidden"]
    leak: float = eqx.field(static=True)
    connected: bool = eqx.field(static=True)
    input_size: int = eqx.field(static=True)
    hidden_size: int = eqx.field(static=True)
    angles: tuple[float, ...] = eqx.field(static=True, default=())

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        radius: float | int = 0.9,
        leak: float | int = 1.0,
        input_scale: float | int = 1.0,
        bias_scale: float | int = BIAS_SCALE,
        angles: tuple[float, ...] = (),
        incoming: int = 10,
        dtype: DTypeLike = jnp.float32,
        key: Key,
    ):
        # Imported here because SciPy takes a while to load.
        from throughtime._support.memory import require_memory

        from .reservoir_weights import ReservoirDesign

        # The weights are drawn in float64 and then copied in their own type.
        bytes_each = 8.0 + jnp.dtype(dtype).itemsize
        read = input_size + angle_count(angles)
        weights = hidden_size * (hidden_size + read)
        require_memory(bytes_each * weights, "its dense weights")
        design = ReservoirDesign(
            hidden_size,
            read,
            incoming=min(incoming, hidden_size),
            radius=radius,
            leak=leak,
            input_scale=input_scale,
            bias_scale=bias_scale,
        )
        reservoir: Any = design.draw(key)
        self.U, self.W = on_device(reservoir.U, dtype), on_device(reservoir.W.toarray(), dtype)
        self.b, self.leak = on_device(reservoir.b, dtype), float(leak)
        self.connected = radius > 0
        self.input_size, self.hidden_size = input_size, hidden_size
        self.angles = tuple(angles)

    def drive(self, xs: Float[Array, "time batch input"]) -> Drive:
        U, b = jax.lax.stop_gradient((self.U, self.b))
        return read_angles(xs, self.angles, jnp) @ U.T + b

    def step(self, drive: Drive, state: Hidden) -> Hidden:
        h, a, W = state, self.leak, jax.lax.stop_gradient(self.W)
        fed = drive + h @ W.T if self.connected else drive
        return (1 - a) * h + a * jnp.tanh(fed)

    def initial_state(self, batch: int) -> Hidden:
        return jnp.zeros((batch, self.hidden_size), self.W.dtype)

    def hidden(self, state: Hidden) -> Hidden:
        return state
