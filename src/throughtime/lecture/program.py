"""What the lecture's programs have in common: what a program is, and its pictures."""

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from throughtime.training.history import Row

Show = Callable[[list[Row]], None]
"""Called with the history after each epoch."""


@dataclass(frozen=True)
class ProgramResult:
    """The result of a program.

    Attributes
    ----------
    summary
        A summary of the network.
    figures
        The measured numbers, by name.
    pictures
        The files that were drawn.
    """

    summary: str
    figures: dict[str, float]
    pictures: list[Path]


@dataclass(frozen=True)
class Program:
    """One of the lecture's programs.

    Attributes
    ----------
    about
        The program in a few words.
    epochs
        Epochs of its training.
    run
        Runs it, from the folder of its pictures, a seed, and a function that is called with the
        history after each epoch.
    """

    about: str
    epochs: int
    run: Callable[[Path, int, Show], ProgramResult]


def show_nothing(history: list[Row]) -> None:
    """Show no progress."""


def in_background(task: Callable[[], Any]) -> Future[Any]:
    """Run a task in a thread, while compilation and training leave Python idle."""
    future = Future()

    def run():
        try:
            future.set_result(task())
        except BaseException as error:  # it is raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def load_figures() -> Future[Any]:
    """Load Matplotlib in the background."""
    return in_background(_import_figures)


def _import_figures():
    from throughtime.reports import general_figures

    return general_figures


def draw_curves(folder: Path, title: str, curves: dict, history: list[Row]) -> list[Path]:
    """Draw the lecture's two pictures: the prediction and the losses."""
    from throughtime.reports import figure_style, general_figures

    folder.mkdir(parents=True, exist_ok=True)
    epochs = np.array([row.epoch for row in history])
    losses = {"training": (epochs, np.array([row.loss for row in history]))}
    if math.isfinite(history[-1].validation_loss):
        losses["validation"] = epochs, np.array([row.validation_loss for row in history])
    pictures = [folder / "prediction.png", folder / "losses.png"]
    figure_style.save(general_figures.line_plot(title, curves), pictures[0])
    figure_style.save(
        general_figures.line_plot("Losses", losses, "epoch", "loss", log=True), pictures[1]
    )
    return pictures
