"""Training as a person watches it: a bar on a terminal, plain lines in a log."""

import time
from collections import deque
from typing import Protocol, runtime_checkable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from throughtime.training.train import Row


@runtime_checkable
class Display(Protocol):
    """Shows how a training goes; a context manager."""

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
            TextColumn("{task.fields[said]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self.task = self.progress.add_task("training", total=epochs, said="")

    def __enter__(self) -> "Bar":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def show(self, history: list[Row]) -> None:
        said = _losses(history)
        self.progress.update(self.task, completed=history[-1].epoch, said=said)


class Lines:
    """A plain line now and then, for a log."""

    def __init__(self, console: Console, epochs: int, seconds: float = 2.0):
        self.console, self.epochs, self.seconds = console, epochs, seconds
        self.last = -float("inf")

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, history: list[Row]) -> None:
        now, epoch = time.monotonic(), history[-1].epoch
        if now - self.last >= self.seconds or epoch == self.epochs:
            self.last = now
            line = f"epoch {epoch} of {self.epochs}, {_losses(history)}"
            self.console.print(line, highlight=False, soft_wrap=True)


class Silent:
    """Nothing."""

    def __enter__(self) -> "Silent":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, history: list[Row]) -> None:
        return None


def show_progress(epochs: int, quiet: bool = False, console: Console | None = None) -> Display:
    """A bar on a terminal, plain lines in a log, nothing where that was asked for.

    Parameters
    ----------
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
    judged = sum(row.validation_loss for row in rows) / len(rows)
    said = f"loss {loss:.4g}"
    return said if judged != judged else f"{said}, validation {judged:.4g}"
