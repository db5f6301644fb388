"""The progress of a training on stderr: a bar on a terminal, plain lines in a log."""

import math
import time
from collections import deque
from typing import Protocol, runtime_checkable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from throughtime.training.history import Row


@runtime_checkable
class Display(Protocol):
    """Shows the progress of a training; a context manager."""

    def __enter__(self) -> "Display": ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, history: list[Row]) -> None: ...


class Bar:
    """A progress bar, for a terminal."""

    def __init__(self, console: Console, epochs: int):
        self.progress = Progress(
            TextColumn("training"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[losses]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self.task = self.progress.add_task("training", total=epochs, losses="")

    def __enter__(self) -> "Bar":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def show(self, history: list[Row]) -> None:
        losses = _losses(history)
        self.progress.update(self.task, completed=history[-1].epoch, losses=losses)


class Lines:
    """A plain line every few seconds, for a log."""

    def __init__(self, console: Console, epochs: int, seconds: float = 2.0):
        self.console, self.epochs, self.seconds = console, epochs, seconds
        self.last_shown = -float("inf")

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, history: list[Row]) -> None:
        now, epoch = time.monotonic(), history[-1].epoch
        if now - self.last_shown >= self.seconds or epoch == self.epochs:
            self.last_shown = now
            line = f"epoch {epoch} of {self.epochs}, {_losses(history)}"
            self.console.print(line, highlight=False, soft_wrap=True)


class Silent:
    """No output at all."""

    def __enter__(self) -> "Silent":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, history: list[Row]) -> None:
        return None


def show_progress(epochs: int, quiet: bool = False, console: Console | None = None) -> Display:
    """Choose how progress is shown: a bar on a terminal, plain lines in a log.

    Parameters
    ----------
    epochs
        The largest number of epochs of the training.
    quiet
        Whether nothing is shown.
    console
        Where to write; stderr by default.
    """
    console = console or Console(stderr=True)
    if quiet:
        return Silent()
    return Bar(console, epochs) if console.is_terminal else Lines(console, epochs)


def _losses(history: list[Row]) -> str:
    """The losses of the latest epoch, averaged over the members that still train."""
    rows: deque[Row] = deque()
    for row in reversed(history):
        if row.epoch != history[-1].epoch:
            break
        rows.append(row)
    loss = sum(row.loss for row in rows) / len(rows)
    validation = sum(row.validation_loss for row in rows) / len(rows)
    text = f"loss {loss:.4g}"
    return text if math.isnan(validation) else f"{text}, validation {validation:.4g}"
