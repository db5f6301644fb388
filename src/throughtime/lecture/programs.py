"""The lecture's own programs: the same data, model, batches, epochs and optimiser.

`sine` is its PyTorch program, a sine wave forecast by its own predictions; `noisy-sine` its
Keras program, a slow sine under noise, one step ahead. `oscillator` is its differential
equation: Euler's scheme as a recurrent network, and a network that takes longer steps.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from throughtime._support.precision import precision
from throughtime.errors import InputError, nearest
from throughtime.recurrence.network import Architecture, Network
from throughtime.recurrence.rollout import rollout
from throughtime.training.batches import Sequences, Windows
from throughtime.training.train import Row, train


@dataclass(frozen=True)
class Result:
    """What an example reached.

    Attributes
    ----------
    summary
        Of the network.
    figures
        What was measured, by name.
    pictures
        The files that were drawn.
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
    warming = _warm()
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
    warming.join()
    pictures = _draw(folder, "A sine wave, forecast closed-loop", lines, fitted.history)
    return Result(network.summary(), figures, pictures)


def noisy_sine(folder: Path, seed: int = 0, show: Callable[[list[Row]], None] = lambda _: None):
    """One step ahead of a slow sine under uniform noise, from the last 4 values at once.

    1,000 points, the first 800 to train on; a step of 32 relu units, 8 relu units, one
    output; RMSprop at 1e-3, 100 epochs of batches of 16. Noise in [0, 2) has a variance of
    1/3: no forecast can have a lower mean squared error than that.
    """
    warming = _warm()
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
    warming.join()
    pictures = _draw(folder, "A noisy sine, one step ahead", lines, fitted.history)
    return Result(network.summary(), figures, pictures)


ETA, STEP, LONG = 0.2, 0.05, 0.5
"""The lecture's damping; the time steps of Euler's scheme, and of the network."""

RANGES = {
    "damping": (0.1, 0.5),
    "frequency": (0.5, 2.0),
    "amplitude": (0.5, 1.5),
    "x": (-2.0, 2.0),
    "v": (-2.0, 2.0),
}
"""What the network is to solve the oscillator over."""


def oscillator(folder: Path, seed: int = 0, show: Callable[[list[Row]], None] = lambda _: None):
    """Newton's equation with damping and a force: Euler's scheme as a network, and better ones.

    v_i = v_{i-1} + dt (F_{i-1} - eta v_{i-1} - x_{i-1}) is a linear cell that reads x and F,
    with W = 1 - eta dt, U = (-dt, dt). A cell that starts from other weights learns these from
    Euler's own steps. Then a surrogate of 200 trajectories takes steps ten times as long.
    """
    from throughtime.dynamics.simulate import (
        simulate,  # here, as below: the other examples do without them
    )
    from throughtime.dynamics.surrogate import Surrogate
    from throughtime.dynamics.systems import system

    warming = _warm()
    newton = system("oscillator", damping=ETA)
    euler = simulate(newton, 400, dt=STEP, scheme="euler", substeps=1)
    force = np.cos(newton.parameters["frequency"] * STEP * np.arange(400))
    xs, vs = np.stack([euler[:-1, 0], force], axis=-1), euler[1:, 1:]
    with precision("float64"):
        exact, found = _euler_cell(1.0), _euler_cell(0.5)
        data = Sequences(*jax.device_put((xs[None], vs[None])))
        difference = np.abs(exact(data.inputs)[0] - data.targets).max()
        found = train(found, data, method="hessian_free", epochs=40, keep="last", key=seed)
        cell: Any = found.network.cells[0]
        W = float(cell.W[0, 0])
    model = Surrogate("oscillator", ranges=RANGES, dt=LONG, seed=seed).prepare()
    model.train(on_epoch=lambda _, history: show(history))
    judged = model.judge()
    figures = {
        "Euler's velocity less the linear cell's, largest": float(difference),
        "W of Euler's scheme, 1 - eta dt": 1 - ETA * STEP,
        "W learned from Euler's steps": W,
        "network, steps of 0.5: median NRMSE": float(np.median(judged.errors)),
        "network, steps of 0.5: worst NRMSE": float(judged.errors.max()),
        "Euler, steps of 0.5: median NRMSE": float(np.median(judged.schemes["Euler forward"])),
        "Runge-Kutta 4, steps of 0.5: median NRMSE": float(
            np.median(judged.schemes["Runge-Kutta 4"])
        ),
        "linear map that reads the same: median NRMSE": float(np.median(judged.linear)),
        "seconds of training": model.history_[-1].seconds,
    }
    warming.join()
    pictures = _draw_oscillator(folder, model, judged)
    return Result(model.trained().summary(), figures, pictures)


def _euler_cell(share: float) -> Network:
    """Euler's step as a linear cell, or one with weights that are a share of these."""
    shape = Architecture(2, 1, cell="rnn", activation="identity", hidden=1, dtype="float64")
    weights = [[-STEP, STEP]], [[1 - ETA * STEP]], [0.0], [[1.0]], [0.0]
    scaled = [share * np.array(weight) for weight in weights[:2]]

    def leaves(network):
        cell, readout = network.cells[0], network.readout.layers[0]
        return [cell.U, cell.W, cell.b, readout.V, readout.c]

    arrays = jax.device_put([*scaled, *map(np.array, weights[2:])])
    return eqx.tree_at(leaves, shape.build(0), arrays)


def _draw_oscillator(folder: Path, model: Any, judged: Any) -> list[Path]:
    """The median trajectory, over time and in state space, and the losses."""
    from throughtime.reports import (  # here: as in `_draw`
        dynamics_figures,
        figure_style,
        forecast_figures,
    )

    folder.mkdir(parents=True, exist_ok=True)
    which = int(np.argsort(judged.errors)[len(judged.errors) // 2])
    truth, network = judged.unseen.states[which, :121], judged.solved[which, :121]
    t, euler = LONG * np.arange(121), judged.scheme("euler", which)[:121]
    title = "An unseen oscillator, from its start alone"
    names = "truth", "network", "Euler, the same steps"
    curves = {n: (t, y[:, 0]) for n, y in zip(names, (truth, network, euler), strict=True)}
    orbits = {n: (y[:, 0], y[:, 1]) for n, y in zip(names, (truth, network), strict=False)}
    drawn = {
        "prediction.png": dynamics_figures.against(curves, title, ("time", "x")),
        "portrait.png": dynamics_figures.portrait(orbits, ("x", "v")),
        "losses.png": forecast_figures.training(model.history_, model.fitted_.best_epochs),
    }
    for name, figure in drawn.items():
        figure_style.save(figure, folder / name)
    return [folder / name for name in drawn]


EXAMPLES = {
    "sine": Example("the PyTorch program: a sine wave, closed-loop", 100, sine),
    "noisy-sine": Example("the Keras program: a noisy sine, one step ahead", 100, noisy_sine),
    "oscillator": Example(
        "its equation: Euler's scheme as a network, and longer steps", 300, oscillator
    ),
}
"""The examples by name."""


def example(name: str) -> Example:
    """The example of that name.

    Raises
    ------
    InputError
        For an unknown name.
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
    from throughtime.reports import (  # here: Matplotlib takes a while to load
        figure_style,
        forecast_figures,
    )

    folder.mkdir(parents=True, exist_ok=True)
    epochs = np.array([row.epoch for row in history])
    losses = {"training": (epochs, np.array([row.loss for row in history]))}
    if math.isfinite(history[-1].validation_loss):
        losses["validation"] = epochs, np.array([row.validation_loss for row in history])
    pictures = [folder / "prediction.png", folder / "losses.png"]
    figure_style.save(forecast_figures.lines(title, curves), pictures[0])
    figure_style.save(
        forecast_figures.lines("Losses", losses, "epoch", "loss", log=True), pictures[1]
    )
    return pictures
