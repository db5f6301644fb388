"""What is minimised, and the contract of a way to do it.

The *objective* is the mean loss of a batch as a function of the weights. A *method* is a pair
of functions:

- `init(params) -> state`
- `step(objective, params, state, batch) -> params, state, info`

A method with a rate or a clip for each member of an ensemble says of how many in `members`,
and its `init(params, member)` takes the number of the member, from 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from throughtime.recurrence.network import Network

from .batches import Batch
from .losses import Loss
from .teacher_forced_unroll import fed_back

MeanLoss = Callable[[PyTree, Batch], tuple[Float[Array, ""], Any]]
"""`objective(params, batch)` gives the loss and what came with it; `Objective` is one."""


class Extra(NamedTuple):
    """What the objective gives beside the loss: the final state, and the batch's weight."""

    state: PyTree
    weight: Float[Array, ""]


@dataclass(frozen=True)
class Objective:
    """The mean loss of a batch as a function of the weights: `average` of `outputs`.

    The weights are one vector: a step on it is one operation, not one for each matrix,
    which is most of the time and of the compilation of a small network.

    Attributes
    ----------
    loss
        What is averaged.
    network
        Gives the network with the weights of a vector.
    """

    loss: Loss
    network: Callable[[Float[Array, " weights"]], Network]

    def __call__(
        self, params: Float[Array, " weights"], batch: Batch
    ) -> tuple[Float[Array, ""], Extra]:
        ys, _, state = self.outputs(params, batch)
        mean, weight = self.average(ys, batch)
        return mean, Extra(state, weight)

    def outputs(
        self, params: Float[Array, " weights"], batch: Batch
    ) -> tuple[Array, tuple[Array, ...], PyTree]:
        """What the loss takes, the hidden states of every cell, and the final state.

        The first is y before sigma_y for a loss that belongs to one output, after it for the
        others: the loss is convex in it.
        """
        network = self.network(params)
        if batch.forced is None:
            ys, hs, state = network.trace(batch.inputs, batch.state, batch.lengths)
        else:
            ys, hs, state = fed_back(
                network, batch.inputs, batch.forced, batch.state, batch.lengths
            )
        return (network.readout.activate(ys) if self.loss.output is None else ys), hs, state

    def average(self, ys: Array, batch: Batch) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """The mean loss of outputs, and how much the batch counts."""
        weights = counted(batch, ys)  # (batch, time) or (batch,)
        total = weights.sum()
        # Padding may hold anything, even NaN. It is selected away before the loss too: 0 * NaN
        # in the loss's gradient would be NaN.
        sound = (weights[..., None] > 0) | jnp.isfinite(batch.targets)
        each = self.loss.function(ys, jnp.where(sound, batch.targets, 0))
        summed = jnp.where(weights > 0, each * weights, 0).sum()
        return summed / jnp.where(total > 0, total, 1), total


class Info(NamedTuple):
    """What a step saw: the loss before it, its gradient's norm, and the objective's extra.

    `quantities` is what else a method tells, by name; `Method.quantities` then lists the names.
    """

    loss: Float[Array, ""]
    gradient_norm: Float[Array, ""]
    extra: Any
    quantities: dict[str, Float[Array, ""]] = {}  # noqa: RUF012 (never written to)


@runtime_checkable
class Method(Protocol):
    """The contract; see the head of this module."""

    def init(self, params: PyTree) -> PyTree: ...

    def step(
        self, objective: MeanLoss, params: PyTree, state: PyTree, batch: Batch
    ) -> tuple[PyTree, PyTree, Info]: ...


def counted(batch: Batch, ys: Array) -> Float[Array, "batch *time"]:
    """How much each step of `ys` counts, or each example where they have no time axis."""
    weights = batch.weights
    if ys.ndim == 2:
        return weights
    if weights.ndim == 1:
        weights = jnp.broadcast_to(weights[:, None], ys.shape[:2])
    if batch.lengths is not None:
        weights = weights * (jnp.arange(ys.shape[1]) < batch.lengths[:, None])
    return weights
