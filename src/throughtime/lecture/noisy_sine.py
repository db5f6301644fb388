"""The lecture's Keras program: a slow sine under noise, one step ahead."""

from pathlib import Path

import equinox as eqx
import jax
import numpy as np

from throughtime.recurrence.architecture import Architecture
from throughtime.training.batches import Sequences
from throughtime.training.train import train

from .program import ProgramResult, Show, draw_curves, load_figures, show_nothing


def noisy_sine(folder: Path, seed: int = 0, show: Show = show_nothing) -> ProgramResult:
    """Predict a slow sine under uniform noise one step ahead, from the last 4 values at once.

    1,000 points, the first 800 to train on; a step of 32 relu units, 8 relu units, one
    output; RMSprop at 1e-3, 100 epochs of batches of 16. Noise in [0, 2) has a variance of
    1/3: no forecast can have a lower mean squared error than that.

    Parameters
    ----------
    folder
        Folder of the pictures.
    seed
        Seed of the noise, the weights and the shuffling.
    show
        Called with the history after each epoch.

    Returns
    -------
    ProgramResult
        The network's summary, errors and pictures.
    """
    loading = load_figures()
    t = np.arange(1000)
    values = np.sin(0.02 * t) + 2 * np.random.default_rng(seed).random(1000)
    training, test = (_last_four(part) for part in (values[:800], values[800:]))
    architecture = Architecture(
        4, 1, cell="rnn", hidden=32, activation="relu", dense=(8,), last=True, init="keras"
    )
    network = architecture.build(seed)
    fitted = train(
        network,
        training,
        method="rmsprop",
        epochs=100,
        batch_size=16,
        key=seed + 1,
        on_epoch=lambda _, history: show(history),
    )
    xs = jax.device_put(np.concatenate([training.inputs, test.inputs]))
    predicted = np.asarray(eqx.filter_jit(fitted.network)(xs)[0])[:, 0]
    square = (predicted - np.concatenate([training.targets, test.targets])[:, 0]) ** 2
    figures = {
        "training MSE": float(square[:800].mean()),
        "test MSE": float(square[800:].mean()),
        "variance of the noise, the least MSE": 1 / 3,
        "seconds of training": fitted.history[-1].seconds,
    }
    lines = {
        "data": (t, values),
        "network, training": (t[4:800], predicted[:796]),
        "network, test": (t[804:], predicted[800:996]),
    }
    loading.result()
    pictures = draw_curves(folder, "A noisy sine, one step ahead", lines, fitted.history)
    return ProgramResult(network.summary(), figures, pictures)


def _last_four(values: np.ndarray) -> Sequences:
    """Four values as the features of one step, and the value after; the last is repeated."""
    values = np.append(values, np.repeat(values[-1], 4)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(values, 4)[:-1]
    return Sequences(*jax.device_put((windows[:, None, :], values[4:, None])))
