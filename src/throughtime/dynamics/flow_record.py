"""The gradient flow of a network while it learns, recorded at regular epochs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float64

from throughtime._support import atomic
from throughtime._support.integrity import damaged_file, read_file_bytes
from throughtime.recurrence.network import Network
from throughtime.training.batches import Batch, Data
from throughtime.training.epoch import TrainState
from throughtime.training.history import Row
from throughtime.training.losses import Loss
from throughtime.training.objective import ravel_weights

from .gradient_flow import example_batch, gradient_flow

NAME = "gradient_flow.json"
"""The file of a run that holds its record."""


class FlowRecord:
    """Records the gradient flow at regular epochs; pass it to `train` as `on_epoch`.

    For an ensemble, the gradient flow is that of the first member. The first record, of epoch
    0, is of the untrained network.

    Parameters
    ----------
    network, data, loss
        As they are given to `train`.
    every
        The number of epochs between two records.
    then
        Another `on_epoch`, called after each epoch; it may end the training.
    folder
        The folder of a run, to write the record to.

    Attributes
    ----------
    epochs
        The epochs that have been recorded.
    signals
        The signal at each of them; see `GradientFlow.signal`.
    """

    def __init__(
        self,
        network: Network,
        data: Data | Batch,
        loss: str | Loss = "mse",
        every: int = 5,
        *,
        then: Callable[..., bool | None] | None = None,
        folder: Path | None = None,
    ):
        params, static = eqx.partition(network, eqx.is_inexact_array)
        self.is_ensemble = network.readout.layers[-1].V.ndim > 2
        if self.is_ensemble:
            params = jax.tree.map(lambda leaf: leaf[0], params)
        first = eqx.combine(params, static)
        self.unravel = ravel_weights(first)[1]
        self.batch, self.loss = example_batch(data), loss
        self.every, self.then, self.folder = every, then, folder
        self.epochs: list[int] = []
        self.signals: list[list[float]] = []
        if folder is not None and (folder / NAME).exists():
            self.epochs, signals = read(folder)
            self.signals = signals.tolist()
        else:
            self._record(0, first)

    def __call__(self, state: TrainState, history: list[Row]) -> bool | None:
        epoch = history[-1].epoch
        if epoch % self.every == 0:
            params = np.asarray(state.params)
            self._record(epoch, self.unravel(params[0] if self.is_ensemble else params))
        return None if self.then is None else self.then(state, history)

    def _record(self, epoch: int, network: Network) -> None:
        # A resumed run may have recorded later epochs before: these are dropped.
        earlier = [i for i, known in enumerate(self.epochs) if known < epoch]
        flow = gradient_flow(network, self.batch, self.loss)
        self.epochs = [*(self.epochs[i] for i in earlier), epoch]
        self.signals = [*(self.signals[i] for i in earlier), flow.signal.tolist()]
        if self.folder is not None:
            plain = [[None if not np.isfinite(v) else v for v in row] for row in self.signals]
            text = json.dumps({"epochs": self.epochs, "signals": plain})
            atomic.write(self.folder / NAME, text + "\n")


def read(folder: Path) -> tuple[list[int], Float64[np.ndarray, "record lag"]]:
    """The recorded epochs, and the signal at each of them, from the folder of a run.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    path = folder / NAME
    content = read_file_bytes(path)
    try:
        plain: Any = json.loads(content)
        epochs = [int(epoch) for epoch in plain["epochs"]]
        signals = np.array(plain["signals"], np.float64)
        valid = signals.ndim == 2 and signals.size > 0 and len(signals) == len(epochs)
        valid = valid and epochs == sorted(set(epochs))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        valid, epochs, signals = False, [], np.empty((0, 0))
    if not valid:
        raise damaged_file(path, "it holds no gradient flow")
    return epochs, signals
