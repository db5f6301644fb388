"""Two cells as a user would write them, from their papers."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

import throughtime as tt


class CoRNN(tt.Cell):
    """Coupled oscillators (Rusch and Mishra 2021): y is a position, z its velocity."""

    W: Array
    Z: Array
    V: Array
    b: Array
    dt: float
    gamma: float
    epsilon: float
    input_size: int = eqx.field(static=True)
    hidden_size: int = eqx.field(static=True)

    def __init__(self, input_size, hidden_size, *, dt=0.3, gamma=1.0, epsilon=1.0, key):
        one, two, three = jax.random.split(key, 3)
        scale = hidden_size**-0.5
        self.W = scale * jax.random.normal(one, (hidden_size, hidden_size))
        self.Z = scale * jax.random.normal(two, (hidden_size, hidden_size))
        self.V = jax.random.normal(three, (hidden_size, input_size))
        self.b = jnp.zeros(hidden_size)
        self.dt, self.gamma, self.epsilon = dt, gamma, epsilon
        self.input_size, self.hidden_size = input_size, hidden_size

    def drive(self, xs):
        return xs @ self.V.T + self.b

    def step(self, drive, state):
        y, z = state
        force = jnp.tanh(y @ self.W.T + z @ self.Z.T + drive)
        z = z + self.dt * (force - self.gamma * y - self.epsilon * z)
        return y + self.dt * z, z

    def initial_state(self, batch):
        zeros = jnp.zeros((batch, self.hidden_size))
        return zeros, zeros

    def hidden(self, state):
        return state[0]


class LEM(tt.Cell):
    """Long expressive memory (Rusch, Mishra, Erichson and Mahoney 2022)."""

    W: Array  # of the two time steps and of z, (3 * hidden, hidden)
    W_y: Array
    V: Array  # (4 * hidden, input)
    b: Array
    dt: float = eqx.field(static=True)
    input_size: int = eqx.field(static=True)
    hidden_size: int = eqx.field(static=True)

    def __init__(self, input_size, hidden_size, *, dt=1.0, key):
        one, two, three = jax.random.split(key, 3)
        scale = hidden_size**-0.5
        self.W = scale * jax.random.normal(one, (3 * hidden_size, hidden_size))
        self.W_y = scale * jax.random.normal(two, (hidden_size, hidden_size))
        self.V = scale * jax.random.normal(three, (4 * hidden_size, input_size))
        self.b = jnp.zeros(4 * hidden_size)
        self.dt, self.input_size, self.hidden_size = dt, input_size, hidden_size

    def drive(self, xs):
        return xs @ self.V.T + self.b

    def step(self, drive, state):
        y, z = state
        d_1, d_2, d_z, d_y = jnp.split(drive, 4, axis=-1)
        a_1, a_2, a_z = jnp.split(y @ self.W.T, 3, axis=-1)
        step_z = self.dt * jax.nn.sigmoid(a_1 + d_1)
        step_y = self.dt * jax.nn.sigmoid(a_2 + d_2)
        z = (1 - step_z) * z + step_z * jnp.tanh(a_z + d_z)
        y = (1 - step_y) * y + step_y * jnp.tanh(z @ self.W_y.T + d_y)
        return y, z

    def initial_state(self, batch):
        zeros = jnp.zeros((batch, self.hidden_size))
        return zeros, zeros

    def hidden(self, state):
        return state[0]
