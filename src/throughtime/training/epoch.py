"""One epoch as one program: every batch, then the validation data, then the best weights.

Nothing here waits for the host: `program.py` compiles it, and `train` runs it epoch by epoch.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree, UInt32

from throughtime.recurrence.network import Network

from .batches import Data
from .objective import Method, Objective
from .teacher_forcing import Forcing, add_forcing

VALIDATION_BATCH = 256
"""The largest batch of validation data."""

PLATEAU_EPOCHS, PLATEAU_FACTOR = 5, 0.5


class TrainState(NamedTuple):
    """All that a training needs to continue after an epoch, bit for bit.

    The names of the fields are those of the tensors in a checkpoint.

    Attributes
    ----------
    params
        The weights as one vector.
    method
        The state of the method.
    best
        The weights of the epoch with the lowest validation loss; of the last epoch, without
        validation data.
    best_loss
        The validation loss of that epoch.
    best_epoch
        The number of that epoch, from 1.
    epoch
        The number of epochs done.
    waited
        Epochs since the validation loss improved, or since the rate was lowered.
    failed
        Whether the loss, the gradient or an update was not finite.
    """

    params: Float[Array, "*member weights"]
    method: PyTree
    best: Float[Array, "*member weights"]
    best_loss: Float[Array, "*member"]
    best_epoch: Int[Array, "*member"]
    epoch: Int[Array, "*member"]
    waited: Int[Array, "*member"]
    failed: Array


class EpochSummary(NamedTuple):
    """What the host learns of one epoch.

    Attributes
    ----------
    loss
        The mean loss over the batches, each before its update.
    validation_loss
        The loss over the validation data after the last update; NaN without such data.
    gradient_norm
        The largest norm of a gradient.
    factor
        The factor on the rate.
    bad_step
        The index of the first step whose loss, gradient or update was not finite; -1 if all
        were finite, and the number of steps if only the validation loss was not.
    bad_loss
        The loss at that step.
    finished
        Whether the training of this network is over.
    quantities
        The quantities of the method after the last update, by name.
    """

    loss: Array
    validation_loss: Array
    gradient_norm: Array
    factor: Array
    bad_step: Array
    bad_loss: Array
    finished: Array
    quantities: dict[str, Array]


class Epoch(eqx.Module):
    """An epoch of one network: what `compile_epoch` compiles.

    The numbers that no shape depends on are leaves of a pytree: epochs that differ in them
    alone share a program.

    Parameters
    ----------
    objective
        What is minimised.
    method
        How it is minimised.
    batch_size
        Examples in a batch.
    epochs
        The largest number of epochs.
    schedule
        The schedule of the rate: `constant`, `cosine` or `plateau`.
    patience
        Epochs without improvement after which the training ends; no limit if None.
    forcing
        The teacher forcing; None for the data alone.
    """

    objective: Objective
    method: Method
    batch_size: int = eqx.field(static=True)
    epochs: int
    schedule: str = eqx.field(static=True)
    patience: int | None
    forcing: Forcing | None = None

    def first_state(
        self, params: Float[Array | np.ndarray, " weights"], member: Any = 0
    ) -> TrainState:
        """The state before the first epoch."""
        zero, infinite = np.zeros((), np.int32), np.full((), np.inf, params.dtype)
        per_member = getattr(self.method, "members", None) is not None
        init: Any = self.method.init
        method = init(params, member) if per_member else init(params)
        state: Any = (params, method, params, infinite, zero, zero, zero, np.array(False))
        return TrainState(*state)

    def finished(self, state: TrainState) -> Array | np.ndarray:
        """Whether the training of this network is over."""
        over = state.failed | (state.epoch >= self.epochs)
        if self.patience is None:
            return over
        return over | (state.epoch - state.best_epoch >= self.patience)

    def run(
        self,
        state: TrainState,
        data: Data,
        validation: Data | None,
        rows: Array,
        key: UInt32[Array, "2"],
    ) -> tuple[TrainState, EpochSummary]:
        """Train on every batch once, in the order of the rows, and validate.

        What is random on the device, in the forcing, follows from `key` and the number of the
        step.
        """
        state, factor = self._with_scheduled_rate(state)
        params, method, bad_step, records = self._run_batches(state, data, rows, key)
        losses, weights, norms, quantities = records
        loss = jnp.sum(losses * weights) / jnp.sum(weights)
        if validation is None:
            validation_loss, better = jnp.full((), jnp.nan, loss.dtype), bad_step < 0
        else:
            size = min(self.batch_size, VALIDATION_BATCH)  # a large one would be mostly padding
            validation_loss = mean_loss(self.objective, params, validation, size, self.forcing)
            better = validation_loss < state.best_loss
            bad_here = (bad_step < 0) & ~jnp.isfinite(validation_loss)
            bad_step = jnp.where(bad_here, len(rows), bad_step)
        epoch = state.epoch + 1
        new = TrainState(
            params,
            method,
            _select(better, params, state.best),
            jnp.where(better, validation_loss, state.best_loss),
            jnp.where(better, epoch, state.best_epoch),
            epoch,
            jnp.where(better, 0, state.waited + 1),
            state.failed | (bad_step >= 0),
        )
        dtype = state.best_loss.dtype
        summary = EpochSummary(
            loss,
            validation_loss,
            jnp.max(norms),
            factor,
            bad_step,
            losses[bad_step],
            jnp.asarray(self.finished(new)),
            {name: values[-1].astype(dtype) for name, values in quantities.items()},
        )
        return new, summary

    def skip(self, state: TrainState) -> tuple[TrainState, EpochSummary]:
        """In place of `run`, for a network whose training is over."""
        nan, none = jnp.full((), jnp.nan, state.best_loss.dtype), jnp.array(-1)
        quantities: dict[str, Array] = dict.fromkeys(
            getattr(self.method, "quantities", ()), nan
        )
        return state, EpochSummary(
            nan, nan, nan, jnp.zeros(()), none, nan, jnp.array(True), quantities
        )

    def _with_scheduled_rate(self, state: TrainState) -> tuple[TrainState, Array]:
        """The state with the coming epoch's factor on the rate, and the factor."""
        if self.schedule == "constant":
            return state, jnp.ones(())
        if self.schedule == "cosine":
            factor = 0.5 * (1 + jnp.cos(jnp.pi * state.epoch / self.epochs))
            waited = state.waited
        else:
            lower = state.waited >= PLATEAU_EPOCHS
            factor = state.method.factor * jnp.where(lower, PLATEAU_FACTOR, 1.0)
            waited = jnp.where(lower, 0, state.waited)
        factor = factor.astype(state.method.factor.dtype)
        method = state.method._replace(factor=factor)
        return state._replace(method=method, waited=waited), factor

    def _run_batches(self, state: TrainState, data: Data, rows: Array, key: Array):
        """One update for each row: weights, method's state, first bad step, what it reports."""
        progress = state.epoch / jnp.maximum(1, self.epochs - 1)
        epoch_key = jax.random.wrap_key_data(key, impl="threefry2x32")

        def update(carry, row):
            params, method, network_state, bad_step, step = carry
            batch = data.batch(row)._replace(state=network_state)
            if self.forcing is not None:
                step_key = jax.random.fold_in(epoch_key, step)
                batch = add_forcing(batch, self.forcing, progress, step_key)
            new, new_method, info = self.method.step(self.objective, params, method, batch)
            good = (bad_step < 0) & jnp.isfinite(info.loss) & jnp.isfinite(info.gradient_norm)
            good &= jnp.isfinite(new).all()  # a finite gradient may still step out of range
            # From the first bad step on nothing is updated: the last good weights remain.
            params, method = _select(good, (new, new_method), (params, method))
            bad_step = jnp.where(good | (bad_step >= 0), bad_step, step)
            after = info.auxiliary.state if data.stateful else None
            record = (info.loss, info.auxiliary.weight, info.gradient_norm, info.quantities)
            return (params, method, after, bad_step, step + 1), record

        network = self.objective.network(state.params)
        before = initial_network_state(network, data, rows[0])
        start = (state.params, state.method, before, jnp.array(-1), jnp.array(0))
        (params, method, _, bad_step, _), records = jax.lax.scan(update, start, rows)
        return params, method, bad_step, records


def mean_loss(
    objective: Objective,
    params: Float[Array, " weights"],
    data: Data,
    batch_size: int,
    forcing: Forcing | None = None,
) -> Array:
    """The mean loss over data, whatever the batches, with the forcing of the last epoch."""
    rows = jnp.asarray(data.plan(batch_size, None))

    def add(carry, row):
        total, weight, network_state = carry
        batch = data.batch(row)._replace(state=network_state)
        if forcing is not None:
            batch = add_forcing(batch, forcing, 1.0, None)  # (what is random, at its mean)
        value, auxiliary = objective(params, batch)
        after = auxiliary.state if data.stateful else None
        total = total + value * auxiliary.weight
        return (total, weight + auxiliary.weight, after), None

    before = initial_network_state(objective.network(params), data, rows[0])
    zero = jnp.zeros((), params.dtype)
    (total, weight, _), _ = jax.lax.scan(add, (zero, zero, before), rows)
    return total / weight


def initial_network_state(network: Network, data: Data, row: Array) -> PyTree:
    """The network's state before the first batch of an epoch; None if none is carried."""
    if not data.stateful:
        return None
    streams = jax.eval_shape(data.batch, row).inputs.shape[0]
    return network.initial_state(streams)


def _select(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    return jax.tree.map(lambda n, o: jnp.where(condition, n, o), new, old)
