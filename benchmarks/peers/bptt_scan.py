"""Recurrent layers in plain JAX for `bptt.py`: Equinox's cells, a batch at a time, in a scan.

The input projection of all steps is one product ahead of the scan, and states and losses stay
in the scan's own order: the plain form that a person writes. `unroll=4` is up to a quarter
faster for some GRUs and much slower elsewhere.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np


class RNNCell(eqx.Module):
    """What Equinox does not have, with the names of its other cells."""

    weight_ih: jax.Array
    weight_hh: jax.Array
    bias: jax.Array

    def __init__(self, input_size: int, hidden_size: int, *, key):
        ih, hh, b = jax.random.split(key, 3)
        limit = hidden_size**-0.5

        def draw(key, *shape):
            return jax.random.uniform(key, shape, minval=-limit, maxval=limit)

        self.weight_ih = draw(ih, hidden_size, input_size)
        self.weight_hh = draw(hh, hidden_size, hidden_size)
        self.bias = draw(b, hidden_size)


CELLS = {"rnn": RNNCell, "gru": eqx.nn.GRUCell, "lstm": eqx.nn.LSTMCell}


def rnn(cell, weight, drive, h):
    return jnp.tanh(drive + h @ weight)


def gru(cell, weight, drive, h):
    drive_r, drive_z, drive_n = jnp.split(drive, 3, axis=-1)
    W_r, W_z, W_n = jnp.split(h @ weight, 3, axis=-1)
    r, z = jax.nn.sigmoid(drive_r + W_r), jax.nn.sigmoid(drive_z + W_z)
    n = jnp.tanh(drive_n + r * (W_n + cell.bias_n))
    return n + z * (h - n)


def lstm(cell, weight, drive, state):
    h, c = state
    i, f, g, o = jnp.split(drive + h @ weight, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


STEPS = {"rnn": rnn, "gru": gru, "lstm": lstm}


def prepare(cell: str, batch: int, time: int, hidden: int, inputs: int):
    """Loss over every step and its gradient by all weights, compiled."""
    layer, step = CELLS[cell](inputs, hidden, key=jax.random.key(0)), STEPS[cell]
    xs = np.random.default_rng(0).standard_normal((batch, time, inputs), dtype=np.float32)

    def loss(layer, xs):
        drive = jnp.swapaxes(xs, 0, 1) @ layer.weight_ih.T + layer.bias
        zeros = jnp.zeros((batch, hidden), xs.dtype)
        weight = layer.weight_hh.T

        def body(state, drive):
            state = step(layer, weight, drive, state)
            return state, state[0] if cell == "lstm" else state

        start = (zeros, zeros) if cell == "lstm" else zeros
        _, hs = jax.lax.scan(body, start, drive)
        return jnp.mean(hs**2)

    gradient, xs = jax.jit(jax.value_and_grad(loss)), jnp.asarray(xs)
    return lambda: jax.block_until_ready(gradient(layer, xs))
