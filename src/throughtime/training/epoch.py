"""One epoch as one program: every batch, then the validation data, then the best weights.

Nothing here touches the host. `train` compiles it once and runs it epoch by epoch. Of an
ensemble every argument but the data has a leading axis over its members.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from throughtime.recurrence import native_kernels
from throughtime.recurrence.initialisation import on_device
from throughtime.recurrence.network import Network
from throughtime.recurrence.unroll import COMPILED

from .batches import Data
from .objective import Method, Objective
from .teacher_forcing import Forcing, forced

JUDGED = 256
"""Examples of the validation data at a time, at most."""

PLATEAU_EPOCHS, PLATEAU_FACTOR = 5, 0.5


class TrainState(NamedTuple):
    """All that training needs to go on from an epoch, bit for bit.

    Attributes
    ----------
    params, method
        The weights as one vector, and the method's state.
    best, best_loss, best_epoch
        The weights of the lowest validation loss (of the last epoch, without validation data).
    epoch
        Epochs done.
    waited
        Epochs since the loss improved or the rate was lowered.
    failed
        The loss was no longer finite.
    """

    params: Float[Array, "*member weights"]
    method: PyTree
    best: Float[Array, "*member weights"]
    best_loss: Float[Array, "*member"]
    best_epoch: Int[Array, "*member"]
    epoch: Int[Array, "*member"]
    waited: Int[Array, "*member"]
    failed: Array


class Seen(NamedTuple):
    """What one epoch tells the host.

    `bad_step` is the first whose loss, gradient or update was not finite; -1 if none was,
    and the number of steps if it was the validation loss. `finished`: there is nothing left
    to do for this network. `quantities`: of the method, as they were at the last update.
    """

    loss: Array
    validation_loss: Array
    gradient_norm: Array
    factor: Array
    bad_step: Array
    bad_loss: Array
    finished: Array
    quantities: dict[str, Array]


@dataclass(frozen=True)
class Epoch:
    """The program of one epoch.

    Attributes
    ----------
    objective, method
        What is minimised, and how.
    batch_size
        Examples an update.
    epochs
        How many are planned.
    schedule
        Of the rate.
    patience
        Epochs without improvement that end the training.
    forcing
        What the network reads while it learns; the data if None.
    """

    objective: Objective
    method: Method
    batch_size: int
    epochs: int
    schedule: str
    patience: int | None
    forcing: Forcing | None = None

    def begin(
        self, params: Float[Array | np.ndarray, " weights"], member: Any = 0
    ) -> TrainState:
        """The state before the first epoch; `member` is for a method with a rate of each."""
        zero, infinite = np.zeros((), np.int32), np.full((), np.inf, params.dtype)
        plural = getattr(self.method, "members", None) is not None
        init: Any = self.method.init
        method = init(params, member) if plural else init(params)
        state: Any = (params, method, params, infinite, zero, zero, zero, np.array(False))
        return TrainState(*state)

    def finished(self, state: TrainState) -> Array | np.ndarray:
        """Whether there is nothing left to do for this network."""
        done = state.failed | (state.epoch >= self.epochs)
        if self.patience is None:
            return done
        return done | (state.epoch - state.best_epoch >= self.patience)

    def run(
        self, state: TrainState, data: Data, validation: Data | None, rows: Array
    ) -> tuple[TrainState, Seen]:
        """Every batch once, in the order of the rows."""
        state, factor = self._scheduled(state)
        params, method, bad, seen = self._updates(state, data, rows)
        losses, weights, norms, quantities = seen
        mean = jnp.sum(losses * weights) / jnp.sum(weights)
        if validation is None:
            judged, better = jnp.full((), jnp.nan, mean.dtype), bad < 0
        else:
            size = min(self.batch_size, JUDGED)  # a large batch would be mostly padding
            judged = evaluate(self.objective, params, validation, size, self.forcing)
            better = judged < state.best_loss
            bad = jnp.where((bad < 0) & ~jnp.isfinite(judged), len(rows), bad)
        done = state.epoch + 1
        new = TrainState(
            params,
            method,
            _select(better, params, state.best),
            jnp.where(better, judged, state.best_loss),
            jnp.where(better, done, state.best_epoch),
            done,
            jnp.where(better, 0, state.waited + 1),
            state.failed | (bad >= 0),
        )
        finished = jnp.asarray(self.finished(new))
        worst, dtype = losses[bad], state.best_loss.dtype
        told = {name: values[-1].astype(dtype) for name, values in quantities.items()}
        seen = Seen(mean, judged, jnp.max(norms), factor, bad, worst, finished, told)
        return new, seen

    def idle(self, state: TrainState) -> tuple[TrainState, Seen]:
        """In place of `run` for a network that is finished."""
        nan, none = jnp.full((), jnp.nan, state.best_loss.dtype), jnp.array(-1)
        told: dict[str, Array] = {name: nan for name in getattr(self.method, "quantities", ())}
        return state, Seen(nan, nan, nan, jnp.zeros(()), none, nan, jnp.array(True), told)

    def _scheduled(self, state: TrainState) -> tuple[TrainState, Array]:
        """Set the factor on the method's rate for the coming epoch."""
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

    def _updates(self, state: TrainState, data: Data, rows: Array):
        done = state.epoch / max(1, self.epochs - 1)

        def update(carry, row):
            params, method, network_state, bad, step = carry
            batch = data.batch(row)._replace(state=network_state)
            if self.forcing is not None:
                batch = forced(batch, self.forcing, done, _key(params))
            new, new_method, info = self.method.step(self.objective, params, method, batch)
            good = (bad < 0) & jnp.isfinite(info.loss) & jnp.isfinite(info.gradient_norm)
            good &= jnp.isfinite(new).all()  # a finite gradient may still step out of range
            # From the first bad step on, nothing is updated: the last good weights stay.
            params, method = _select(good, (new, new_method), (params, method))
            bad = jnp.where(good | (bad >= 0), bad, step)
            after = info.extra.state if data.stateful else None
            seen = (info.loss, info.extra.weight, info.gradient_norm, info.quantities)
            return (params, method, after, bad, step + 1), seen

        before = state_before(self.objective.network(state.params), data, rows[0])
        start = (state.params, state.method, before, jnp.array(-1), jnp.array(0))
        (params, method, _, bad, _), seen = jax.lax.scan(update, start, rows)
        return params, method, bad, seen


def at_once(network: Network) -> bool:
    """Whether every update is done for all members at once, or member after member.

    On a CPU only the compiled kernels gain from it: they spread the members over the cores,
    while a scan of small batched products is no faster than the members in a row.
    """
    if jax.default_backend() != "cpu":
        return True
    compiled = all(type(cell) in COMPILED for cell in network.cells)
    return compiled and native_kernels.available()


def begin(epoch: Epoch, weights: np.ndarray) -> TrainState:
    """The state before the first epoch, of one network or of all members."""
    if weights.ndim == 1:
        return epoch.begin(weights)
    return jax.jit(jax.vmap(epoch.begin))(weights, np.arange(len(weights), dtype=np.int32))


def program(epoch: Epoch, ensemble: int | None, at_once: bool):
    """An epoch of one network or of an ensemble, compiled once."""
    if ensemble is None:

        def run_one(state, data, validation, rows):
            return epoch.run(state, data, validation, rows[0])

        return jax.jit(run_one)

    def run_all(states, data, validation, rows):
        def member(state_and_rows):
            state, rows = state_and_rows
            return jax.lax.cond(
                epoch.finished(state),
                epoch.idle,
                lambda s: epoch.run(s, data, validation, rows),
                state,
            )

        # (`cond` of a mapped condition does both and selects: what is idle stays as it is)
        each = (states, rows)
        return jax.vmap(member)(each) if at_once else jax.lax.map(member, each)

    return jax.jit(run_all)


def flatten(network: Network) -> tuple[np.ndarray, Callable[[Array | np.ndarray], Network]]:
    """The weights of a network as one vector, and the way back.

    Both ways NumPy's arrays go through NumPy alone, so there is nothing to compile.
    """
    params, static = eqx.partition(network, eqx.is_inexact_array)
    leaves, structure = jax.tree.flatten(params)
    shapes, types = [leaf.shape for leaf in leaves], [leaf.dtype for leaf in leaves]
    ends = np.cumsum([leaf.size for leaf in leaves])[:-1].tolist()

    def rebuild(vector):
        on_host = not isinstance(vector, jax.Array)
        split = (np if on_host else jnp).split(vector, ends)
        shaped = on_device if on_host else jnp.asarray
        pieces = zip(split, shapes, types, strict=True)
        leaves = [shaped(piece.reshape(shape), dtype) for piece, shape, dtype in pieces]
        return eqx.combine(jax.tree.unflatten(structure, leaves), static)

    return np.concatenate([np.asarray(leaf).ravel() for leaf in leaves]), rebuild


def evaluate(
    objective: Objective,
    params: Float[Array, " weights"],
    data: Data,
    batch_size: int,
    forcing: Forcing | None = None,
) -> Array:
    """The mean loss over data, whatever the batches, with the forcing as at the last epoch."""
    rows = jnp.asarray(data.plan(batch_size, None))

    def add(carry, row):
        total, weight, network_state = carry
        batch = data.batch(row)._replace(state=network_state)
        if forcing is not None:
            batch = forced(batch, forcing, 1.0, None)  # (what is random, at its mean)
        value, extra = objective(params, batch)
        after = extra.state if data.stateful else None
        return (total + value * extra.weight, weight + extra.weight, after), None

    before = state_before(objective.network(params), data, rows[0])
    zero = jnp.zeros((), params.dtype)
    (total, weight, _), _ = jax.lax.scan(add, (zero, zero, before), rows)
    return total / weight


def state_before(network: Network, data: Data, row: Array) -> PyTree:
    """The state that the first batch of an epoch starts from; None if none is carried."""
    if not data.stateful:
        return None
    streams = jax.eval_shape(data.batch, row).inputs.shape[0]
    return network.initial_state(streams)


def _key(params: Float[Array, " weights"]) -> Any:
    """A random key of the weights, which differ for each seed, member and step."""
    bits = jax.lax.bitcast_convert_type(params.sum().astype(jnp.float32), jnp.uint32)
    return jax.random.key(bits)


def _select(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    return jax.tree.map(lambda n, o: jnp.where(condition, n, o), new, old)
