"""Keras' recurrent layers on its JAX backend for `bptt.py`, compiled as `fit` does."""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np
from rounds import serve

LAYERS = {"rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}


def prepare(what: str, cell: str, batch: int, time: int, hidden: int, inputs: int):
    """Loss over every step and its gradient by all weights."""
    keras.utils.set_random_seed(0)
    layer = LAYERS[cell](hidden, return_sequences=True)
    layer.build((batch, time, inputs))
    xs = np.random.default_rng(0).standard_normal((batch, time, inputs), dtype=np.float32)
    trained = [variable.value for variable in layer.trainable_variables]
    other = [variable.value for variable in layer.non_trainable_variables]

    def loss(trained, xs):
        hs, _ = layer.stateless_call(trained, other, xs)
        return jnp.mean(hs**2)

    gradient, xs = jax.jit(jax.value_and_grad(loss)), jnp.asarray(xs)
    return lambda: jax.block_until_ready(gradient(trained, xs))


def main(device: str, **_) -> None:
    if device == "cuda" and jax.default_backend() != "gpu":
        print(json.dumps({"missing": "its JAX sees no CUDA device"}))
        return
    serve({"keras": keras.__version__, "backend": jax.default_backend()}, prepare)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
