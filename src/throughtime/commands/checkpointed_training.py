"""A training that keeps checkpoints in the folder of its run, and continues from them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx

from throughtime._support.integrity import damaged_file
from throughtime._support.precision import precision
from throughtime.dynamics.flow_record import FlowRecord
from throughtime.training.checkpoint import (
    CHECKPOINT,
    Checkpoints,
    read_checkpoint,
    write_last_good,
)
from throughtime.training.history import Row
from throughtime.training.result import Diverged

from .signals import DeferredSignals, Interrupted


def train_with_checkpoints(
    model: Any, folder: Path, show: Callable[[list[Row]], None], flow_every: int | None = None
) -> None:
    """Train a model from the last checkpoint in its folder, if any, and write new ones.

    Parameters
    ----------
    model
        A `Forecaster` or a `Surrogate` that is prepared but not trained.
    folder
        The folder of the run.
    show
        Called with the training history after each epoch.
    flow_every
        Record the gradient flow whenever this many epochs are done; None records none.

    Raises
    ------
    Interrupted
        At SIGINT or SIGTERM, once the current epoch is done.
    Diverged
        If the loss is no longer finite; the last good weights are then in the folder.
    InputError
        If the checkpoint is damaged.
    """
    path = folder / CHECKPOINT
    if path.exists() and path.stat().st_size < model.fewest_weights():
        raise damaged_file(path, "it holds too few weights")
    with precision(model.dtype):
        start = read_checkpoint(folder, model.first_state())
    with DeferredSignals() as signals:

        def watch(state: Any, history: list[Row]) -> bool:
            show(history)
            return signals.received is not None

        on_epoch: Any = Checkpoints(folder, watch)
        if flow_every is not None:
            with precision(model.dtype):
                data, network = model.training_data(), model.untrained()
            on_epoch = FlowRecord(
                network, data, model.loss, flow_every, then=on_epoch, folder=folder
            )
        try:
            model.train(start=start, on_epoch=on_epoch)
        except Diverged as error:
            raise _with_last_good(error, folder) from None
        if signals.received is not None:
            raise Interrupted(signals.received, folder, model.history_[-1].epoch)


def _with_last_good(error: Diverged, folder: Path) -> Diverged:
    """Write the last good weights to a file, and return the error with its path added."""
    if error.fitted is None:
        return error
    path = write_last_good(folder, eqx.filter(error.fitted.network, eqx.is_inexact_array))
    named = Diverged(error.rule, error.got, f"{error.remedy} They are in `{path}`.")
    named.fitted = error.fitted
    return named
