"""Gradient flow while a network learns: recorded every so many epochs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float64

from throughtime._support import atomic
from throughtime._support.integrity import damaged, file_content
from throughtime.recurrence.network import Network
from throughtime.training.batches import Batch, Data
from throughtime.training.epoch import TrainState, flatten
from throughtime.training.losses import Loss
from throughtime.training.train import Row

from .gradient_flow import gradient_flow, looked_at

NAME = "gradient_flow.json"
"""Of the file in a run."""


class FlowRecord:
    """Records the gradient flow every so many epochs; give it to `train` as `on_epoch`.

    Of an ensemble it is that of the first member. The first record, epoch 0, is of the network
    before its training.

    - `epochs`, `signals`: what was recorded; see `GradientFlow.signal`.

    **Arguments:** `network` as it is given to `train`, `data` and `loss` likewise; `every`, in
    epochs; `then`, called after it, which may end the training; `folder`, of a run, to keep the
    record in.
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
        self.member = network.readout.layers[-1].V.ndim > 2
        if self.member:
            params = jax.tree.map(lambda leaf: leaf[0], params)
        first = eqx.combine(params, static)
        self.rebuild = flatten(first)[1]
        self.batch, self.loss = looked_at(data), loss
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
            self._record(epoch, self.rebuild(params[0] if self.member else params))
        return None if self.then is None else self.then(state, history)

    def _record(self, epoch: int, network: Network) -> None:
        kept = [i for i, known in enumerate(self.epochs) if known < epoch]  # of a resumed run
        flow = gradient_flow(network, self.batch, self.loss)
        self.epochs = [*(self.epochs[i] for i in kept), epoch]
        self.signals = [*(self.signals[i] for i in kept), flow.signal.tolist()]
        if self.folder is not None:
            plain = [[None if not np.isfinite(v) else v for v in row] for row in self.signals]
            text = json.dumps({"epochs": self.epochs, "signals": plain})
            atomic.write(self.folder / NAME, text + "\n")


def read(folder: Path) -> tuple[list[int], Float64[np.ndarray, "record lag"]]:
    """The epochs and signals that were recorded in a run.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    path = folder / NAME
    content = file_content(path)
    try:
        plain: Any = json.loads(content)
        epochs = [int(epoch) for epoch in plain["epochs"]]
        signals = np.array(plain["signals"], np.float64)
        sound = signals.ndim == 2 and signals.size > 0 and len(signals) == len(epochs)
        sound = sound and epochs == sorted(set(epochs))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        sound, epochs, signals = False, [], np.empty((0, 0))
    if not sound:
        raise damaged(path, "it holds no gradient flow")
    return epochs, signals
