"""The progress of a training: a bar on a terminal or in a notebook, plain lines in a log.

Rich is imported where something is shown.
"""

import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .epoch import TrainState
from .history import Row
from .train import OnEpoch

if TYPE_CHECKING:
    from rich.console import Console


@runtime_checkable
class Display(Protocol):
    """Shows the progress of a training; a context manager."""

    def __enter__(self) -> "Display": ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, history: list[Row]) -> None: ...


class Bar:
    """A progress bar, for a terminal."""

    def __init__(self, console: "Console", epochs: int):
        from rich import progress

        self.progress = progress.Progress(
            progress.TextColumn("training"),
            progress.BarColumn(bar_width=None),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[losses]}"),
            progress.TimeElapsedColumn(),
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

    def __init__(self, console: "Console", epochs: int, seconds: float = 2.0):
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


class NotebookBar:
    """A progress bar in the output of a notebook's cell, which it leaves empty at the end."""

    def __init__(self, epochs: int):
        self.epochs = epochs
        self.handle: Any = None

    def __enter__(self) -> "NotebookBar":
        from IPython.display import display  # (a notebook has it)

        self.handle = display(self._html(0, ""), raw=True, display_id=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._update({"text/plain": "", "text/html": ""})

    def show(self, history: list[Row]) -> None:
        self._update(self._html(history[-1].epoch, _losses(history)))

    def _update(self, content: dict[str, str]) -> None:
        if self.handle is not None:  # (it is None outside of a running kernel)
            self.handle.update(content, raw=True)

    def _html(self, epoch: int, losses: str) -> dict[str, str]:
        text = f"epoch {epoch} of {self.epochs}"
        text += f", {losses}" if losses else ""
        bar = f'<progress value="{epoch}" max="{self.epochs}"></progress>'
        return {"text/plain": text, "text/html": f"{bar} {text}"}


class Silent:
    """No output at all."""

    def __enter__(self) -> "Silent":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, history: list[Row]) -> None:
        return None


def show_progress(
    epochs: int, quiet: bool = False, console: "Console | None" = None
) -> Display:
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
    if quiet:
        return Silent()
    console = console or _stderr()
    return Bar(console, epochs) if console.is_terminal else Lines(console, epochs)


@contextmanager
def fit_progress(
    epochs: int, verbose: bool | None, on_epoch: OnEpoch | None
) -> Iterator[OnEpoch | None]:
    """What a `fit` gives to `train` as `on_epoch`, so that its progress is shown.

    Parameters
    ----------
    epochs
        The largest number of epochs.
    verbose
        Whether progress is shown; if None, on a terminal and in a notebook.
    on_epoch
        The user's own, which is called too.
    """
    console = _stderr()
    interactive = console.is_terminal or console.is_jupyter
    if not (interactive if verbose is None else verbose):
        yield on_epoch
        return
    shown = NotebookBar(epochs) if console.is_jupyter else show_progress(epochs, False, console)
    with shown as display:

        def after(state: TrainState, history: list[Row]) -> bool:
            display.show(history)
            return bool(on_epoch is not None and on_epoch(state, history))

        yield after


def _stderr() -> "Console":
    """Where progress is shown."""
    from rich.console import Console

    return Console(stderr=True)


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
