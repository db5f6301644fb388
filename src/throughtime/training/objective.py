r"""What is minimised: the mean loss of a batch as a function of the weights.

$$L(\theta) = \frac{\sum_{i,t} w_{it}\, \ell(\hat y_{it}, y_{it})}{\sum_{i,t} w_{it}}$$

with i over the examples and t over the steps. The weights $w_{it}$ are the mask of the loss:
`step_weights` makes them, 0 for padding and for the washout, and `Objective.masked_mean` is
the only place that applies them.

A *method* minimises the objective. It is a pair of functions:

- `init(params) -> state`
- `step(objective, params, state, batch) -> params, state, info`

A method with a separate rate or clip for each member of an ensemble has an attribute
`members`, their number, and its `init(params, member)` takes the member's index, from 0.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from throughtime.recurrence.initialisation import on_device
from throughtime.recurrence.network import Network

from .batches import Batch
from .losses import Loss
from .teacher_forced_unroll import teacher_forced_unroll

MeanLoss = Callable[[PyTree, Batch], tuple[Float[Array, ""], Any]]
"""`objective(params, batch)` gives the loss and auxiliary output; an `Objective` is one."""


class Auxiliary(NamedTuple):
    """What the objective returns beside the loss.

    Attributes
    ----------
    state
        The network's final state.
    weight
        The sum of the step weights, by which the losses of batches are averaged.
    """

    state: PyTree
    weight: Float[Array, ""]


class Objective(eqx.Module):
    """The mean loss of a batch as a function of the weights: `masked_mean` of `outputs`.

    The weights are one vector (see `ravel_weights`): an update is then one operation and not
    one for each matrix, which saves most of the time and of the compilation of a small network.

    Parameters
    ----------
    loss
        The loss of one example and step.
    network
        Rebuilds the network from a vector of weights.
    """

    loss: Loss = eqx.field(static=True)
    network: Callable[[Float[Array, " weights"]], Network]

    def __call__(
        self, params: Float[Array, " weights"], batch: Batch
    ) -> tuple[Float[Array, ""], Auxiliary]:
        ys, _, state = self.outputs(params, batch)
        mean, weight = self.masked_mean(ys, batch)
        return mean, Auxiliary(state, weight)

    def outputs(
        self, params: Float[Array, " weights"], batch: Batch
    ) -> tuple[Array, tuple[Array, ...], PyTree]:
        r"""Run the network over a batch.

        Returns
        -------
        ys : Array, (batch, time, output) or (batch, output)
            The outputs as the loss takes them: before $\sigma_y$ for a loss that belongs to
            one output function, after it for the others. The built-in losses are convex in
            them.
        hs : tuple of Array, (batch, time, hidden)
            The hidden states of each cell.
        state : PyTree
            The final state.
        """
        network = self.network(params)
        if batch.forcing_weights is None:
            ys, hs, state = network.trace(batch.inputs, batch.state, batch.lengths)
        else:
            ys, hs, state = teacher_forced_unroll(
                network, batch.inputs, batch.forcing_weights, batch.state, batch.lengths
            )
        return (network.readout.activate(ys) if self.loss.output is None else ys), hs, state

    def masked_mean(self, ys: Array, batch: Batch) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """The mean loss of the outputs over the steps that count, and their total weight."""
        weights = step_weights(batch, ys)  # (batch, time) or (batch,)
        total = weights.sum()
        # Padding may hold anything. NaN and infinity there are replaced before the loss too:
        # otherwise the gradient would contain 0 * NaN = NaN.
        usable = (weights[..., None] > 0) | jnp.isfinite(batch.targets)
        losses = self.loss.function(ys, jnp.where(usable, batch.targets, 0))
        summed = jnp.where(weights > 0, losses * weights, 0).sum()
        return summed / jnp.where(total > 0, total, 1), total


def step_weights(batch: Batch, ys: Array) -> Float[Array, "batch *time"]:
    """The mask of the loss: the weight of each step, 0 where it does not count.

    Parameters
    ----------
    batch
        Its `weights` are one for each example or for each step; steps beyond `lengths` do not
        count.
    ys
        Outputs, `(batch, time, output)`, or `(batch, output)` after the last step only.

    Returns
    -------
    Array, (batch, time) or (batch,)
        Weights for each step, or for each example where the outputs have no time axis.
    """
    weights = batch.weights
    if ys.ndim == 2:
        return weights
    if weights.ndim == 1:
        weights = jnp.broadcast_to(weights[:, None], ys.shape[:2])
    if batch.lengths is not None:
        weights = weights * (jnp.arange(ys.shape[1]) < batch.lengths[:, None])
    return weights


def ravel_weights(network: Network) -> "tuple[np.ndarray, Rebuild]":
    """The weights of a network as one vector, and the function that rebuilds the network.

    In both directions NumPy arrays are handled by NumPy alone, so that nothing is compiled.
    """
    leaves = jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array))
    vector = np.concatenate([np.asarray(leaf).ravel() for leaf in leaves])
    return vector, Rebuild(jax.tree.map(_shape_of_weights, network))


class Rebuild(eqx.Module):
    """Rebuilds a network from its weights as one vector.

    Two of them are equal where their networks differ in nothing but the weights.

    Parameters
    ----------
    like
        The network with the shapes and types of its weights in their place.
    """

    like: PyTree

    def __call__(self, vector: Array | np.ndarray) -> Network:
        leaves, structure = jax.tree.flatten(self.like)
        shapes = [leaf for leaf in leaves if isinstance(leaf, jax.ShapeDtypeStruct)]
        ends = np.cumsum([math.prod(shape.shape) for shape in shapes])[:-1].tolist()
        on_host = not isinstance(vector, jax.Array)
        split = iter((np if on_host else jnp).split(vector, ends))
        shaped = on_device if on_host else jnp.asarray

        def weights(leaf):
            if not isinstance(leaf, jax.ShapeDtypeStruct):
                return leaf
            return shaped(next(split).reshape(leaf.shape), leaf.dtype)

        return jax.tree.unflatten(structure, map(weights, leaves))


def _shape_of_weights(leaf: Any) -> Any:
    if not eqx.is_inexact_array(leaf):
        return leaf
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)


class Info(NamedTuple):
    """What a method reports of one update.

    Attributes
    ----------
    loss
        The loss of the batch before the update.
    gradient_norm
        The norm of its gradient.
    auxiliary
        The auxiliary output of the objective.
    quantities
        Further quantities by name; the method lists their names in its attribute `quantities`.
    """

    loss: Float[Array, ""]
    gradient_norm: Float[Array, ""]
    auxiliary: Any
    quantities: dict[str, Float[Array, ""]] = {}  # noqa: RUF012 (never written to)


@runtime_checkable
class Method(Protocol):
    """A way to minimise the objective.

    Methods by name come from `method`, and any Optax transformation becomes one there. A
    method of your own is any object with these two functions.
    """

    def init(self, params: PyTree) -> PyTree:
        """The state before the first update.

        A field named `factor`, if there is one, is what `train` multiplies the rate by.
        """
        ...

    def step(
        self, objective: MeanLoss, params: PyTree, state: PyTree, batch: Batch
    ) -> tuple[PyTree, PyTree, Info]:
        """One update: the new weights, the new state, and what is reported of it."""
        ...
