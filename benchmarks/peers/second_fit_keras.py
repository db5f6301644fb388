"""Keras' side of `second_fit.py`, on its JAX backend."""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"
sys.path.insert(0, str(Path(__file__).parents[1]))

import keras
import numpy as np
from second_fit import BATCH, EPOCHS, FITS, HIDDEN, WASHOUT, timed, windows

KEPT = {}


def built(steps):
    """A compiled model; with `again`, the one of before, its first weights put back."""
    if KEPT and sys.argv[1] == "again":
        KEPT["model"].set_weights(KEPT["weights"])
        return KEPT["model"]
    layers = [keras.layers.GRU(HIDDEN, return_sequences=True), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((steps, 1)), *layers])
    model.compile(keras.optimizers.Adam(3e-3, clipnorm=1.0), "mse")
    KEPT.update(model=model, weights=model.get_weights())
    return model


def fit(values):
    xs, ys, other_xs, other_ys = windows(values)
    counted = np.broadcast_to(np.arange(xs.shape[1]) >= WASHOUT, xs.shape[:2]).astype("f")
    built(xs.shape[1]).fit(
        xs, ys, batch_size=BATCH, epochs=EPOCHS, verbose=0, sample_weight=counted,
        validation_data=(other_xs, other_ys, counted[: len(other_xs)]),
    )  # fmt: skip


timed(fit, FITS if sys.argv[1] == "again" else 3)
