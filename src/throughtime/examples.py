"""The lecture's own programs: the same data, model, batches, epochs and optimiser.

`sine` is its PyTorch program, a sine wave forecast by its own predictions; `noisy-sine` its
Keras program, a slow sine under noise, one step ahead.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import equinox as eqx
import jax
import numpy as np

from .batches import Sequences, Windows
from .errors import InputError, nearest
from .network import Architecture
from .rollout import rollout
from .train import Row, train


@dataclass(frozen=True)
class Result:
    """What an example reached.

    - `summary`: of the network. `figures`: what was measured, by name.
    - `pictures`: the files that were drawn.
    """

    summary: str
    figures: dict[str, float]
    pictures: list[Path]


@dataclass(frozen=True)
class Example:
    """A program: `run(folder, seed, show)` draws into a folder; `show` watches the training."""

    about: str
    epochs: int
    run: Callable[[Path, int, Callable[[list[Row]], None]], Result]


def sine(folder: Path, seed: int = 0, show: Callable[[list[Row]], None] = lambda _: None):
    """Forecast a sine wave from windows of 20 steps, then 200 steps from its own predictions.

    1,000 points over two periods, the first 800 to train on; 64 tanh units, Adam at 1e-3,
    100 epochs of batches of 32.
    """
    drawing = _warm()
    t = np.linspace(0, 4 * np.pi, 1000, dtype=np.float32)
    wave = np.sin(t)[:, None]
    training, validation = (_windows(part, 20) for part in (wave[:800], wave[800:]))
    network = Architecture(1, 1, cell="rnn", hidden=64, last=True).build(seed)
    fitted = train(
        network,
        training,
        epochs=100,
        validation=validation,
        keep="last",
        key=seed + 1,
        on_epoch=lambda _, history: show(history),
    )
    ahead = jax.jit(rollout, static_argnames="steps")
    forecast = np.asarray(ahead(fitted.network, wave[None, 780:800], steps=200))[0, :, 0]
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
    drawing.join()
    pictures = _draw(folder, "A sine wave, forecast closed-loop", lines, fitted.history)
    return Result(network.summary(), figures, pictures)


def noisy_sine(folder: Path, seed: int = 0, show: Callable[[list[Row]], None] = lambda _: None):
    """One step ahead of a slow sine under uniform noise, from the last 4 values at once.

    1,000 points, the first 800 to train on; a step of 32 relu units, 8 relu units, one
    output; RMSprop at 1e-3, 100 epochs of batches of 16. Noise in [0, 2) has a variance of
    1/3: no forecast can have a lower mean squared error than that.
    """
    drawing = _warm()
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
    drawing.join()
    pictures = _draw(folder, "A noisy sine, one step ahead", lines, fitted.history)
    return Result(network.summary(), figures, pictures)


EXAMPLES = {
    "sine": Example("the PyTorch program: a sine wave, closed-loop", 100, sine),
    "noisy-sine": Example("the Keras program: a noisy sine, one step ahead", 100, noisy_sine),
}
"""The examples by name."""


def example(name: str) -> Example:
    """The example of that name.

    **Raises:** `InputError` for an unknown name.
    """
    if name not in EXAMPLES:
        raise InputError("an example must be a known one", name, nearest(name, EXAMPLES))
    return EXAMPLES[name]


def _windows(values: np.ndarray, window: int) -> Windows:
    """Every window of a series and the value after it.

    Arrays are made by NumPy: each of JAX's own operations would be compiled by itself.
    """
    none = np.zeros((len(values), 0), values.dtype)
    starts = np.arange(len(values) - window)
    targets, inputs, starts = jax.device_put((values, none, starts))
    return Windows(targets, inputs, starts, window, 1)


def _last_four(values: np.ndarray) -> Sequences:
    """Four values as the features of one step, and the value after; the last is repeated."""
    values = np.append(values, np.repeat(values[-1], 4)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(values, 4)[:-1]
    return Sequences(*jax.device_put((windows[:, None, :], values[4:, None])))


def _warm() -> threading.Thread:
    """Load Matplotlib while the network is compiled and trained, which leaves Python idle."""
    figures = "throughtime.figures"
    thread = threading.Thread(target=import_module, args=(figures,), daemon=True)
    thread.start()
    return thread


def _draw(folder: Path, title: str, curves: dict, history: list[Row]) -> list[Path]:
    """The lecture's two pictures: the prediction and the losses."""
    from . import drawing, figures  # here: Matplotlib takes a while to load

    folder.mkdir(parents=True, exist_ok=True)
    epochs = np.array([row.epoch for row in history])
    losses = {"training": (epochs, np.array([row.loss for row in history]))}
    if math.isfinite(history[-1].validation_loss):
        losses["validation"] = epochs, np.array([row.validation_loss for row in history])
    pictures = [folder / "prediction.png", folder / "losses.png"]
    drawing.save(figures.lines(title, curves), pictures[0])
    drawing.save(figures.lines("Losses", losses, "epoch", "loss", log=True), pictures[1])
    return pictures
