"""The training loop: one epoch is one compiled program.

An epoch runs every batch, evaluates the validation data and keeps the best weights, all
on the device; the host sees one row of numbers and decides whether to go on.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from .batches import Batch, Data
from .errors import InputError, nearest
from .losses import Loss
from .losses import loss as loss_named
from .methods import Method
from .methods import method as method_named
from .network import Network

SCHEDULES = ("constant", "cosine", "plateau")
PLATEAU_EPOCHS, PLATEAU_FACTOR = 5, 0.5


class TrainState(NamedTuple):
    """All that training needs to go on from an epoch, bit for bit.

    - `params`, `method`: the weights, and the method's state.
    - `best`, `best_loss`, `best_epoch`: the weights of the lowest validation loss.
    - `epoch`: epochs done. `waited`: epochs since the rate was lowered or the loss improved.
    """

    params: PyTree
    method: PyTree
    best: PyTree
    best_loss: Float[Array, ""]
    best_epoch: Int[Array, ""]
    epoch: Int[Array, ""]
    waited: Int[Array, ""]


class Row(NamedTuple):
    """One epoch of the history.

    - `loss`: mean over the epoch's batches, each before its update.
    - `validation_loss`: after the epoch's last update; NaN without validation data.
    - `gradient_norm`: the largest of the epoch. `factor`: on the rate.
    - `seconds`: since training started.
    """

    epoch: int
    loss: float
    validation_loss: float
    gradient_norm: float
    factor: float
    seconds: float


@dataclass(frozen=True)
class Fitted:
    """What `train` returns.

    - `network`: with the weights of the best epoch (of the last, without validation data).
    - `history`: a `Row` per epoch. `best_epoch`: counted from 1.
    - `stopped`: why training ended, in words.
    """

    network: Network
    history: list[Row]
    best_epoch: int
    stopped: str


class Diverged(InputError):
    """The loss or its gradient became infinite or NaN; `fitted` holds the last good weights."""

    fitted: Fitted

    def __init__(self, rule: str, got: object, remedy: str, fitted: Fitted | None = None):
        super().__init__(rule, got, remedy)
        if fitted is not None:
            self.fitted = fitted


def train(
    network: Network,
    data: Data,
    loss: str | Loss = "mse",
    method: str | Method = "adam",
    *,
    epochs: int = 100,
    batch_size: int = 32,
    validation: Data | None = None,
    patience: int | None = None,
    schedule: str = "constant",
    key: PRNGKeyArray,
    start: tuple[TrainState, list[Row]] | None = None,
    on_epoch: Callable[[TrainState, list[Row]], bool | None] | None = None,
) -> Fitted:
    """Train a network.

    **Arguments:**

    - `data`, `validation`: `Windows`, `Sequences`, `Streams`, or your own (see `batches`).
    - `loss`, `method`: by name, or your own.
    - `epochs`, `batch_size`: at most so many epochs of batches of that many examples.
    - `patience`: stop after so many epochs without a lower validation loss.
    - `schedule`: of the rate: `constant`; `cosine`, down to 0 over the epochs; `plateau`,
      halved after 5 epochs without a lower validation loss.
    - `key`: shuffles; the same key gives the same training.
    - `start`: a state and its history to go on from.
    - `on_epoch`: called after each epoch; training ends early if it returns True.

    **Returns:** a `Fitted`.

    **Raises:** `Diverged` when the loss is no longer finite; `InputError` for bad arguments.
    """
    loss, method = loss_named(loss), method_named(method)
    _check(network, loss, epochs, batch_size, validation, patience, schedule)
    params, static = eqx.partition(network, eqx.is_inexact_array)
    state, history = start or (_begin(params, method), [])
    run_epoch = _compile(static, loss, method, batch_size)
    clock = time.perf_counter() - (history[-1].seconds if history else 0.0)
    history = list(history)
    stopped = f"all {epochs} epochs done"

    for epoch in range(int(state.epoch), epochs):
        factor = _factor(schedule, state, history, epoch, epochs)
        state = _with_factor(state, factor, schedule)
        state, seen = run_epoch(state, data, validation, jax.random.fold_in(key, epoch))
        seen = jax.device_get(seen)
        seconds = time.perf_counter() - clock
        row = Row(
            epoch + 1,
            float(seen.loss),
            float(seen.validation_loss),
            float(seen.gradient_norm),
            factor,
            seconds,
        )
        if seen.bad_step >= 0:
            fitted = _fitted(state, static, history, "the loss diverged")
            raise _diverged(method, seen, epoch, fitted)
        history.append(row)
        if on_epoch is not None and on_epoch(state, history):
            stopped = f"stopped after epoch {epoch + 1}"
            break
        if patience is not None and epoch + 1 - int(state.best_epoch) >= patience:
            stopped = f"no lower validation loss in {patience} epochs"
            break
    return _fitted(state, static, history, stopped)


def evaluate(
    network: Network, data: Data, loss: str | Loss = "mse", batch_size: int = 256
) -> float:
    """The mean loss of a network over data; it does not depend on how batches are split."""
    loss = loss_named(loss)
    params, static = eqx.partition(network, eqx.is_inexact_array)
    total = jax.jit(partial(_evaluate, static, loss, batch_size))
    return float(total(params, data))


class _Extra(NamedTuple):
    """What the objective gives beside the loss: the final state, and the batch's weight."""

    state: PyTree
    weight: Float[Array, ""]


class _Seen(NamedTuple):
    loss: Array
    validation_loss: Array
    gradient_norm: Array
    bad_step: Array
    bad_loss: Array


@dataclass(frozen=True)
class _Objective:
    """The mean loss of a batch as a function of the weights."""

    static: Any
    loss: Loss

    def __call__(self, params: PyTree, batch: Batch) -> tuple[Float[Array, ""], _Extra]:
        network = eqx.combine(params, self.static)
        activate = self.loss.output is None
        ys, state = network(batch.inputs, batch.state, batch.lengths, activate=activate)
        each = self.loss.function(ys, batch.targets)  # (batch, time) or (batch,)
        weights = _weights(batch, each)
        total = weights.sum()
        # Padding is selected away, not multiplied: it may hold anything, even NaN.
        loss = jnp.where(weights > 0, each * weights, 0).sum() / jnp.maximum(total, 1e-30)
        return loss, _Extra(state, total)


def _weights(batch: Batch, each: Array) -> Array:
    weights = batch.weights
    if each.ndim == 1:
        return weights
    if weights.ndim == 1:
        weights = jnp.broadcast_to(weights[:, None], each.shape)
    if batch.lengths is not None:
        weights = weights * (jnp.arange(each.shape[1]) < batch.lengths[:, None])
    return weights


def _compile(static, loss: Loss, method: Method, batch_size: int):
    """The program of one epoch; compiled at its first call, never again."""
    objective = _Objective(static, loss)

    def run_epoch(state: TrainState, data: Data, validation: Data | None, key: PRNGKeyArray):
        rows = data.plan(batch_size, key)

        def update(carry, row):
            params, method_state, network_state, bad, step = carry
            batch = data.batch(row)._replace(state=network_state)
            new, new_method, info = method.step(objective, params, method_state, batch)
            good = (bad < 0) & jnp.isfinite(info.loss) & jnp.isfinite(info.gradient_norm)
            # From the first bad step on, nothing is updated: the last good weights stay.
            params, method_state = _select(good, (new, new_method), (params, method_state))
            bad = jnp.where(good | (bad >= 0), bad, step)
            after = info.extra.state if data.stateful else None
            seen = (info.loss, info.extra.weight, info.gradient_norm)
            return (params, method_state, after, bad, step + 1), seen

        before = _state_before(eqx.combine(state.params, static), data, rows)
        start = (state.params, state.method, before, jnp.array(-1), jnp.array(0))
        (params, method_state, _, bad, _), seen = jax.lax.scan(update, start, rows)
        losses, weights, norms = seen
        mean = jnp.sum(losses * weights) / jnp.sum(weights)
        if validation is None:
            judged = jnp.full((), jnp.nan, mean.dtype)
            better = bad < 0
        else:
            judged = _evaluate(static, loss, batch_size, params, validation)
            better = judged < state.best_loss
        done = state.epoch + 1
        new = TrainState(
            params,
            method_state,
            _select(better, params, state.best),
            jnp.where(better, judged, state.best_loss),
            jnp.where(better, done, state.best_epoch),
            done,
            jnp.where(better, 0, state.waited + 1),
        )
        return new, _Seen(mean, judged, jnp.max(norms), bad, losses[bad])

    return jax.jit(run_epoch)


def _evaluate(
    static, loss: Loss, batch_size: int, params: PyTree, data: Data
) -> Float[Array, ""]:
    objective = _Objective(static, loss)
    rows = data.plan(batch_size, None)

    def add(carry, row):
        total, weight, network_state = carry
        value, extra = objective(params, data.batch(row)._replace(state=network_state))
        after = extra.state if data.stateful else None
        return (total + value * extra.weight, weight + extra.weight, after), None

    before = _state_before(eqx.combine(params, static), data, rows)
    zero = jnp.zeros((), jax.tree.leaves(params)[0].dtype)
    (total, weight, _), _ = jax.lax.scan(add, (zero, zero, before), rows)
    return total / weight


def _state_before(network: Network, data: Data, rows: Array) -> PyTree:
    """The state that the first batch starts from, if states are carried."""
    if not data.stateful:
        return None
    streams = jax.eval_shape(data.batch, rows[0]).inputs.shape[0]
    return network.initial_state(streams)


def _select(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    return jax.tree.map(lambda n, o: jnp.where(condition, n, o), new, old)


def _begin(params: PyTree, method: Method) -> TrainState:
    dtype = jax.tree.leaves(params)[0].dtype
    zero = jnp.zeros((), jnp.int32)
    infinite = jnp.full((), jnp.inf, dtype)
    return TrainState(params, method.init(params), params, infinite, zero, zero, zero)


def initial_state(network: Network, method: str | Method = "adam") -> TrainState:
    """The state before the first epoch: what a checkpoint of this training looks like."""
    return _begin(eqx.filter(network, eqx.is_inexact_array), method_named(method))


def _factor(schedule: str, state: TrainState, history: list[Row], epoch: int, epochs: int):
    """The factor on the rate for the coming epoch."""
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * epoch / epochs))
    factor = history[-1].factor if history else 1.0
    if schedule == "plateau" and int(state.waited) >= PLATEAU_EPOCHS:
        return factor * PLATEAU_FACTOR
    return factor


def _with_factor(state: TrainState, factor: float, schedule: str) -> TrainState:
    if schedule == "constant":
        return state
    old = state.method.factor
    lowered = schedule == "plateau" and factor < float(old)
    waited = jnp.zeros_like(state.waited) if lowered else state.waited
    method = state.method._replace(factor=jnp.asarray(factor, old.dtype))
    return state._replace(method=method, waited=waited)


def _fitted(state: TrainState, static, history: list[Row], stopped: str) -> Fitted:
    best_epoch = int(state.best_epoch)
    params = state.best if best_epoch else state.params
    return Fitted(eqx.combine(params, static), history, best_epoch, stopped)


def _diverged(method, seen: _Seen, epoch: int, fitted: Fitted) -> Diverged:
    """The error for a loss that is no longer finite, with its likely cause."""
    step = int(seen.bad_step)
    what = "loss" if not math.isfinite(float(seen.bad_loss)) else "gradient"
    got = f"a {what} that is not finite at step {step + 1} of epoch {epoch + 1}"
    rate = getattr(method, "rate", None)
    said = f" (now {rate:g})" if rate else ""
    if epoch == 0 and step == 0:
        cause = "numbers in the data or in the first weights that are too large: scale the data"
    else:
        cause = f"a rate{said} too large for this loss: lower `rate`, or set `clip=1`"
    remedy = f"The likely cause is {cause}. The last good weights are kept."
    return Diverged("the loss must stay finite", got, remedy, fitted)


def _check(network, loss, epochs, batch_size, validation, patience, schedule):
    for name, value in (("epochs", epochs), ("batch_size", batch_size), ("patience", patience)):
        if value is not None and value < 1:
            raise InputError(f"`{name}` must be at least 1", value, f"Raise `{name}`.")
    if schedule not in SCHEDULES:
        rule = "`schedule` must be a known schedule"
        raise InputError(rule, schedule, nearest(schedule, SCHEDULES))
    if validation is None and (patience is not None or schedule == "plateau"):
        rule = "`patience` and the plateau schedule need validation data"
        raise InputError(rule, "none", "Pass `validation`.")
    output = network.readout.output
    if loss.output not in (None, output):
        rule = f"the loss `{loss.name}` needs a network with a {loss.output} output"
        raise InputError(rule, output, f'Build the network with `output="{loss.output}"`.')
