r"""A feed-forward network beside a recurrent one, on windows of the lecture's sine.

A feed-forward network reads the window at once, as 20 features; a recurrent one value after
value. A recurrent cell that takes one step from a state of zeros is a feed-forward layer,

$$h = \tanh(U x + W \cdot 0 + b)$$

whose W is never used: so it is in the lecture's Keras program, whose windows are one step of
four features.
"""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.network import Network
from throughtime.training.batches import Sequences
from throughtime.training.train import train

from .program import ProgramResult, Show, load_figures, show_nothing

WINDOW, HIDDEN, EPOCHS = 20, 64, 60
OTHER_LENGTHS = (10, 40)


def windows(values: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """All windows of a series, `(example, time, 1)`, and the value after each."""
    cut = np.lib.stride_tricks.sliding_window_view(values, window)[:-1]
    return cut[..., None].copy(), values[window:, None]


def feed_forward(folder: Path, seed: int = 0, show: Show = show_nothing) -> ProgramResult:
    """Train both on windows in order and on windows shuffled all alike; vary the length.

    Parameters
    ----------
    folder
        Folder of the pictures.
    seed
        Seed of weights and shuffling.
    show
        Called with the history of each training after each epoch.

    Returns
    -------
    ProgramResult
        The networks, their errors one step ahead on the last 200 values, and the picture.
    """
    loading = load_figures()
    t = np.linspace(0, 4 * np.pi, 1000, dtype=np.float32)
    xs, targets = windows(np.sin(t), WINDOW)
    order = np.random.default_rng(seed).permutation(WINDOW)
    cut, figures, curves, lines = 800 - WINDOW, {}, {}, []
    trained = {}
    for name, features in (("feed-forward", WINDOW), ("recurrent", 1)):
        start = Architecture(features, 1, cell="rnn", hidden=HIDDEN, last=True).build(seed)
        lines.append(f"{name}:\n{start.summary()}")
        for how, chosen in (("in order", xs), ("shuffled", xs[:, order])):
            read = chosen.reshape(len(chosen), -1, features)
            fitted = train(
                start,
                Sequences(*jax.device_put((read[:cut], targets[:cut]))),
                epochs=EPOCHS,
                key=seed,
                on_epoch=lambda _, history: show(history),
            )
            figures[f"{name}, {how}: test RMSE"] = _rmse(
                fitted.network, read[cut:], targets[cut:]
            )
            losses = np.array([row.loss for row in fitted.history])
            curves[f"{name}, {how}"] = np.arange(1, len(losses) + 1), losses
            trained[name, how] = fitted.network
        if features == WINDOW:
            before, after = (_recurrent_weights(one) for one in (start, fitted.network))
            figures["feed-forward: largest change of W"] = float(np.abs(after - before).max())
    for length in OTHER_LENGTHS:
        longer, following = windows(np.sin(t)[cut:], length)
        figures[f"recurrent, in order, windows of {length}: test RMSE"] = _rmse(
            trained["recurrent", "in order"], longer, following
        )
    loading.result()
    return ProgramResult("\n".join(lines), figures, _draw(folder, curves))


def _recurrent_weights(network: Any) -> np.ndarray:
    return np.asarray(network.cells[0].W)


def _rmse(network: Network, xs: np.ndarray, targets: np.ndarray) -> float:
    """The root of the mean squared error of the network's outputs."""
    ys = np.asarray(network(jax.device_put(xs))[0])
    return float(np.sqrt(((ys - targets) ** 2).mean()))


def _draw(folder: Path, curves: dict) -> list[Path]:
    from throughtime.reports import figure_style, general_figures  # here: Matplotlib is slow

    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / "losses.png"
    title = "A window read at once, and step by step"
    figure = general_figures.line_plot(title, curves, "epoch", "training loss", log=True)
    figure_style.save(figure, picture)
    return [picture]
