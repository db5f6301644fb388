r"""
A cell of your own
==================

Leaky tanh units, :math:`h_t = (1 - a) h_{t-1} + a \tanh(W h_{t-1} + U x_t)`. A cell is a class
with ``drive``, ``step``, ``initial_state`` and ``hidden``; whatever is built on `unroll` then
works with it.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import throughtime as tt


class LeakyRNN(tt.Cell):
    U: Array
    W: Array
    leak: float
    input_size: int = eqx.field(static=True)
    hidden_size: int = eqx.field(static=True)

    def drive(self, xs):
        return xs @ self.U.T

    def step(self, drive, state):
        return (1 - self.leak) * state + self.leak * jnp.tanh(state @ self.W.T + drive)

    def initial_state(self, batch):
        return jnp.zeros((batch, self.hidden_size))

    def hidden(self, state):
        return state


# %%
# Sequences in two pieces give the same states as in one: the state is carried.

rng = np.random.default_rng(0)
cell = LeakyRNN(
    jnp.asarray(rng.normal(size=(8, 1)), jnp.float32),
    jnp.asarray(rng.normal(size=(8, 8)) / 8, jnp.float32),
    leak=0.3,
    input_size=1,
    hidden_size=8,
)
xs = jnp.asarray(rng.normal(size=(4, 50, 1)), jnp.float32)
whole, _ = tt.unroll(cell, xs)
first, state = tt.unroll(cell, xs[:, :20])
second, _ = tt.unroll(cell, xs[:, 20:], state)
print("in two pieces as in one:", bool(jnp.allclose(whole[:, 20:], second, atol=1e-6)))

# %%
# The cell under a linear readout learns to say what came three steps ago.

network = tt.Network((cell,), tt.Readout((tt.Dense(8, 1, key=0),)))
delayed = jnp.roll(xs, 3, axis=1).at[:, :3].set(0)  # the task: what came three steps ago
adam = tt.method("adam", rate=1e-2)
fitted = tt.train(network, tt.Sequences(xs, delayed), method=adam, epochs=500, key=0)
print(f"loss {fitted.history[0].loss:.3f} to {fitted.history[-1].loss:.3f}")
