"""The work behind the commands: from data to a finished run folder, and on from a half one."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx

from throughtime._support.integrity import damaged
from throughtime._support.precision import precision
from throughtime.dynamics.flow_record import FlowRecord
from throughtime.training.checkpoint import (
    CHECKPOINT,
    Checkpoints,
    read_checkpoint,
    write_last_good,
)
from throughtime.training.train import Diverged, Row


class Interrupted(Exception):
    """A signal ended the training; the run can be resumed.

    - `signal`: its number. `folder`: of the run. `epoch`: the last one done.
    """

    def __init__(self, number: int, folder: Path, epoch: int):
        super().__init__(f"signal {number} after epoch {epoch}")
        self.signal, self.folder, self.epoch = number, folder, epoch


def train_kept(
    model: Any, folder: Path, show: Callable[[list[Row]], None], flow_every: int | None = None
) -> None:
    """Train a model from the last checkpoint in its folder, keeping others as it goes.

    Parameters
    ----------
    flow_every
        Epochs after which the gradient flow is recorded, if it is.

    Raises
    ------
    Interrupted
        At SIGINT or SIGTERM.
    Diverged, InputError
    """
    path = folder / CHECKPOINT
    if path.exists() and path.stat().st_size < model.fewest_weights():
        raise damaged(path, "it holds too few weights")
    with precision(model.dtype):
        start = read_checkpoint(folder, model.first_state())
    with Signals() as signals:

        def watch(state: Any, history: list[Row]) -> bool:
            show(history)
            return signals.seen is not None

        keep: Any = Checkpoints(folder, watch)
        if flow_every is not None:
            with precision(model.dtype):
                data, network = model.training_data(), model.untrained()
            keep = FlowRecord(network, data, model.loss, flow_every, then=keep, folder=folder)
        try:
            model.train(start=start, on_epoch=keep)
        except Diverged as error:
            raise _kept(error, folder) from None
        if signals.seen is not None:
            raise Interrupted(signals.seen, folder, model.history_[-1].epoch)


def _kept(error: Diverged, folder: Path) -> Diverged:
    """The error of a training that diverged, once its last good weights are in a file."""
    if error.fitted is None:
        return error
    path = write_last_good(folder, eqx.filter(error.fitted.network, eqx.is_inexact_array))
    named = Diverged(error.rule, error.got, f"{error.remedy} They are in `{path}`.")
    named.fitted = error.fitted
    return named


class Signals:
    """Notes SIGINT and SIGTERM so that an epoch can end; a second one interrupts at once."""

    def __init__(self):
        self.seen: int | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> "Signals":
        for number in (signal.SIGINT, signal.SIGTERM):
            self.before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: Any) -> None:
        if self.seen is not None:
            raise KeyboardInterrupt
        self.seen = number
