"""The lecture's PyTorch program: a sine wave, forecast by its own predictions."""

import math
from pathlib import Path

import jax
import numpy as np

from throughtime._support.quick_compilation import quick_jit
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.rollout import rollout
from throughtime.training.batches import Windows
from throughtime.training.train import train

from .program import ProgramResult, Show, draw_curves, in_background, load_figures, show_nothing


def sine(folder: Path, seed: int = 0, show: Show = show_nothing) -> ProgramResult:
    """Forecast a sine wave from windows of 20 steps, then 200 steps from its own predictions.

    1,000 points over two periods, the first 800 to train on; 64 tanh units, Adam at 1e-3,
    100 epochs of batches of 32.

    Parameters
    ----------
    folder
        Folder of the pictures.
    seed
        Seed of weights and shuffling.
    show
        Called with the history after each epoch.

    Returns
    -------
    ProgramResult
        The network's summary, errors and pictures.
    """
    loading = load_figures()
    ahead = quick_jit(static_argnames="steps")(rollout)
    t = np.linspace(0, 4 * np.pi, 1000, dtype=np.float32)
    wave = np.sin(t)[:, None]
    training, validation = (_windows(part, 20) for part in (wave[:800], wave[800:]))
    network = Architecture(1, 1, cell="rnn", hidden=64, last=True).build(seed)
    last = wave[None, 780:800]
    compiling = in_background(lambda: ahead(network, last, steps=200))
    fitted = train(
        network,
        training,
        epochs=100,
        validation=validation,
        keep="last",
        key=seed + 1,
        on_epoch=lambda _, history: show(history),
    )
    compiling.result()
    forecast = np.asarray(ahead(fitted.network, last, steps=200))[0, :, 0]
    truth = wave[800:, 0]
    figures = {
        "training MSE, last epoch": fitted.history[-1].loss,
        "validation MSE, last epoch": fitted.history[-1].validation_loss,
        "closed-loop RMSE over 200 steps": math.sqrt(np.mean((forecast - truth) ** 2)),
        "seconds of training": fitted.history[-1].seconds,
    }
    lines = {
        "truth": (t[800:], truth),
        "network, from its own predictions": (t[800:], forecast),
    }
    loading.result()
    pictures = draw_curves(folder, "A sine wave, forecast closed-loop", lines, fitted.history)
    return ProgramResult(network.summary(), figures, pictures)


def _windows(values: np.ndarray, window: int) -> Windows:
    """Every window of a series and the value after it.

    NumPy makes the arrays: each of JAX's operations would be compiled on its own.
    """
    none = np.zeros((len(values), 0), values.dtype)
    starts = np.arange(len(values) - window)
    targets, inputs, starts = jax.device_put((values, none, starts))
    return Windows(targets, inputs, starts, window, 1)
