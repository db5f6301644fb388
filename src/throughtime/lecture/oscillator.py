"""The lecture's differential equation: Euler's scheme as a network, and longer steps."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from throughtime._support.precision import precision
from throughtime.recurrence.network import Network
from throughtime.recurrence.simple_network import simple_network
from throughtime.training.batches import Sequences
from throughtime.training.train import train

from .program import ProgramResult, Show, load_figures, show_nothing

ETA, STEP, LONG = 0.2, 0.05, 0.5
"""The lecture's damping, the time step of Euler's scheme, and that of the network."""

RANGES = {
    "damping": (0.1, 0.5),
    "frequency": (0.5, 2.0),
    "amplitude": (0.5, 1.5),
    "x": (-2.0, 2.0),
    "v": (-2.0, 2.0),
}
"""The ranges of parameters and initial values that the network learns."""


def oscillator(folder: Path, seed: int = 0, show: Show = show_nothing) -> ProgramResult:
    r"""Solve a driven, damped oscillator by Euler's scheme as a network, and in longer steps.

    $$v_i = v_{i-1} + \Delta t \, (F_{i-1} - \eta v_{i-1} - x_{i-1})$$

    is a linear cell that reads x and F, with $W = 1 - \eta \, \Delta t$ and
    $U = (-\Delta t, \Delta t)$. A cell that starts from other weights learns these from Euler's
    own steps. Then a surrogate, trained on 200 trajectories, takes steps ten times as long.

    Parameters
    ----------
    folder
        Folder of the pictures.
    seed
        Seed of weights and trajectories.
    show
        Called with the history of the surrogate's training after each epoch.

    Returns
    -------
    ProgramResult
        The network's summary, errors and pictures.
    """
    # Imported here, as below, since the other programs do without them.
    from throughtime.dynamics.simulate import simulate
    from throughtime.dynamics.surrogate import Surrogate
    from throughtime.dynamics.systems import system

    loading = load_figures()
    newton = system("oscillator", damping=ETA)
    euler = simulate(newton, 400, dt=STEP, scheme="euler", substeps=1)
    force = np.cos(newton.parameters["frequency"] * STEP * np.arange(400))
    xs, vs = np.stack([euler[:-1, 0], force], axis=-1), euler[1:, 1:]
    with precision("float64"):
        exact, start = _euler_cell(1.0), _euler_cell(0.5)
        data = Sequences(*jax.device_put((xs[None], vs[None])))
        difference = np.abs(exact(data.inputs)[0] - data.targets).max()
        fitted = train(start, data, method="hessian_free", epochs=40, keep="last", key=seed)
        cell: Any = fitted.network.cells[0]
        W = float(cell.W[0, 0])
    model = Surrogate("oscillator", ranges=RANGES, dt=LONG, cell="gru", seed=seed).prepare()
    model.train(on_epoch=lambda _, history: show(history))
    evaluation = model.evaluate()
    figures = {
        "Euler's velocity less the linear cell's, largest": float(difference),
        "W of Euler's scheme, 1 - eta dt": 1 - ETA * STEP,
        "W learned from Euler's steps": W,
        "network, steps of 0.5: median NRMSE": float(np.median(evaluation.errors)),
        "network, steps of 0.5: worst NRMSE": float(evaluation.errors.max()),
        "Euler, steps of 0.5: median NRMSE": float(
            np.median(evaluation.schemes["Euler forward"])
        ),
        "Runge-Kutta 4, steps of 0.5: median NRMSE": float(
            np.median(evaluation.schemes["Runge-Kutta 4"])
        ),
        "linear map that reads the same: median NRMSE": float(np.median(evaluation.linear)),
        "seconds of training": model.history_[-1].seconds,
    }
    loading.result()
    pictures = _draw_oscillator(folder, model, evaluation)
    return ProgramResult(model.trained().summary(), figures, pictures)


def _euler_cell(share: float) -> Network:
    """Euler's step as a linear cell, its U and W multiplied by `share`."""
    U, W = share * np.array([[-STEP, STEP]]), share * np.array([[1 - ETA * STEP]])
    zero, one = np.zeros(1), np.ones((1, 1))
    return simple_network(U, W, zero, one, zero, "identity", "float64")


def _draw_oscillator(folder: Path, model: Any, evaluation: Any) -> list[Path]:
    """Draw the trajectory of median error, over time and in state space, and the losses."""
    from throughtime.reports import dynamics_figures, figure_style, general_figures

    folder.mkdir(parents=True, exist_ok=True)
    which = int(np.argsort(evaluation.errors)[len(evaluation.errors) // 2])
    truth, network = evaluation.unseen.states[which, :121], evaluation.solution[which, :121]
    t, euler = LONG * np.arange(121), evaluation.scheme("euler", which)[:121]
    title = "An unseen oscillator, from its start alone"
    names = "truth", "network", "Euler, the same steps"
    curves = {n: (t, y[:, 0]) for n, y in zip(names, (truth, network, euler), strict=True)}
    orbits = {n: (y[:, 0], y[:, 1]) for n, y in zip(names, (truth, network), strict=False)}
    figures = {
        "prediction.png": dynamics_figures.time_series(curves, title, ("time", "x")),
        "portrait.png": dynamics_figures.phase_portrait(orbits, ("x", "v")),
        "losses.png": general_figures.training_losses(
            model.history_, model.fitted_.best_epochs
        ),
    }
    for name, figure in figures.items():
        figure_style.save(figure, folder / name)
    return [folder / name for name in figures]
