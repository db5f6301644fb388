"""The training loop: epochs on the device, decisions on the host.

An ensemble is one program. Where its networks run in the compiled kernels, or on an
accelerator, all members are updated in parallel; a member then ends with the numbers that it
would have had alone up to rounding, because sums are taken in another order. Elsewhere the
program updates one member after the other, and the numbers are the same to the bit. In either
case the same training done twice gives the same bits.
"""

import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.sharding import Mesh

from throughtime._support.compilation_cache import use_compilation_cache
from throughtime._support.precision import in_precision_of_weights
from throughtime._support.seeds import Key, seed_integers
from throughtime.recurrence.network import Network

from .batches import Data
from .checks import check_members, check_networks, check_training
from .epoch import Epoch, EpochSummary, TrainState, mean_loss
from .history import Row, epoch_rows
from .losses import Loss
from .losses import loss as loss_named
from .methods import method as method_named
from .objective import Method, Objective, ravel_weights
from .program import compile_epoch, members_in_parallel
from .program import first_state as state_before
from .result import Fitted, build_result, divergence_error, should_stop, stopping_reason
from .sharding import Placement
from .teacher_forcing import Forcing
from .teacher_forcing import forcing as forcing_named

OnEpoch = Callable[[TrainState, list[Row]], bool | None]
"""What `train` calls after each epoch: `on_epoch(state, history)`.

`state` is all that the training needs to continue, `history` has a row for each epoch of each
network, the last one last. The training ends if True is returned.
"""


@in_precision_of_weights
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
    keep: str = "best",
    forcing: str | Forcing = "full",
    ensemble: int | None = None,
    key: Key,
    start: tuple[TrainState, list[Row]] | None = None,
    on_epoch: OnEpoch | None = None,
    mesh: Mesh | None = None,
) -> Fitted:
    """Train a network, or an ensemble of networks as one program.

    The members of an ensemble differ in their first weights and in the shuffling of their
    data. A search over a rate, a clip or the scale of the first weights is an ensemble too, as
    in the example, and so are networks of your own, stacked by
    `stack_networks`.

    Parameters
    ----------
    network
        The network to start from; for an ensemble as `Architecture.ensemble` or
        `stack_networks` makes it.
    data
        `Windows`, `Sequences` or `Streams`, or data of your own (see `batches`).
    loss
        The name of a loss, or a `Loss` of your own.
    method
        The name of a method, or a `Method` of your own.
    epochs
        The largest number of epochs.
    batch_size
        Examples in a batch.
    validation
        Data for the validation loss.
    patience
        Stop after this many epochs without a lower validation loss; by default, never.
    schedule
        The schedule of the rate: `constant`; `cosine`, which falls to 0 over the epochs; or
        `plateau`, which halves the rate after 5 epochs without a lower validation loss.
    keep
        Whether to keep the weights of the `best` epoch by validation loss, or of the `last`.
    forcing
        Teacher forcing, how much of its own output the network reads in place of the series:
        `full` (none of it), `scheduled`, `sparse:TAU`, `generalised:ALPHA` or `free`; see
        `teacher_forcing`.
    ensemble
        The number of members; None for one network. A member that stops early keeps its
        weights to the bit while the others continue.
    key
        A seed, or a `jax.random` key, for the shuffling; the same key gives the same training.
    start
        The state and the history of a training to continue.
    on_epoch
        Called after each epoch; see `OnEpoch`.
    mesh
        Devices over which the training is spread, those of other processes included: along its
        axis `member` the networks of the ensemble, along `batch` the examples of a batch. Every
        process makes the same call and gets the same result; see `sharding`.

    Returns
    -------
    Fitted
        The trained network, its history, and why the training ended.

    Raises
    ------
    Diverged
        When the loss is no longer finite. Where each member has a rate or clip of its own, the
        training ends for that member alone, which is named in `Fitted.diverged`; the error is
        raised once all members have diverged.
    InputError
        For arguments that are out of range or do not go together.

    Examples
    --------
    >>> shape = Architecture(1, 1, cell="gru", hidden=16, last=True)    # doctest: +SKIP
    >>> networks = shape.ensemble(3, key=0, scale=[0.5, 1, 2])          # doctest: +SKIP
    >>> search = method("adam", rate=[1e-2, 3e-3, 1e-3], clip=1.0)      # doctest: +SKIP
    >>> train(networks, data, method=search, ensemble=3, key=1)         # doctest: +SKIP
    """
    use_compilation_cache()
    loss, method = loss_named(loss), method_named(method)
    weights, rebuild = _member_weights(network, ensemble)
    objective = Objective(loss, rebuild)
    epoch = Epoch(
        objective, method, batch_size, epochs, schedule, patience, forcing_named(forcing)
    )
    check_training(epoch, network, weights, data, validation, ensemble, keep)
    place = Placement.of(mesh, ensemble, batch_size)
    run = compile_epoch(epoch, ensemble, members_in_parallel(network), place, network.cells)
    seed = seed_integers(key)
    state, history = (start[0], [*start[1]]) if start else (state_before(epoch, weights), [])
    clock = time.perf_counter() - (history[-1].seconds if history else 0.0)

    def plan(number: int) -> tuple[Any, Any]:
        members = [[*seed, i, number] for i in range(ensemble or 1)]
        return place.plan(*_plan(data, batch_size, members))

    why = ""
    number, finished = int(np.asarray(state.epoch).max()) + 1, _finished(epoch, state)
    rows, keys = plan(number)
    state, shared = place.by_member(state), place.everywhere((data, validation))
    while not finished.all():
        state, summary = run(state, *shared, rows, keys)
        steps = rows.shape[1]
        if number < epochs:  # plan the next epoch while the device is at work on this one
            rows, keys = plan(number + 1)
        summary = _on_host(place.on_host(summary))
        if should_stop(method, summary, place.on_host(state.failed)):
            state, why = place.on_host(state), "the loss diverged"
            error = divergence_error(method, summary, number, steps)
            error.fitted = build_result(state, state.best, rebuild, history, why)
            raise error
        history += epoch_rows(method, number, summary, finished, time.perf_counter() - clock)
        if on_epoch is not None and on_epoch(place.on_host(state), history):
            why = f"stopped after epoch {number}"
            break
        number, finished = number + 1, np.asarray(summary.finished)
    state = place.on_host(state)
    params = state.params if keep == "last" else state.best
    return build_result(state, params, rebuild, history, why or stopping_reason(epoch, state))


def _plan(data: Data, batch_size: int, seeds: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """What is random in an epoch, by the seed of each member.

    The rows, `(member, rows, ...)`, and a key for the device, `(member, 2)`, of another stream.
    """
    rows = [data.plan(batch_size, np.random.default_rng(seed)) for seed in seeds]
    keys = [
        np.random.default_rng([*seed, 1]).integers(2**32, size=2, dtype=np.uint32)
        for seed in seeds
    ]
    return np.stack(rows).astype(np.int32), np.stack(keys)


@in_precision_of_weights
def first_state(
    network: Network, method: str | Method = "adam", *, ensemble: int | None = None
) -> TrainState:
    """The state of a training before its first epoch; a checkpoint has the same structure."""
    weights, rebuild = _member_weights(network, ensemble)
    objective = Objective(loss_named("mse"), rebuild)
    epoch = Epoch(objective, method_named(method), 1, 1, "constant", None)
    check_members(epoch.method, ensemble)
    return state_before(epoch, weights)


@in_precision_of_weights
def evaluate(
    network: Network, data: Data, loss: str | Loss = "mse", batch_size: int = 256
) -> float:
    """The mean loss of a network over data, which does not depend on the batch size.

    Parameters
    ----------
    network
        The network.
    data
        `Windows`, `Sequences` or `Streams`, or data of your own.
    loss
        The name of a loss, or a `Loss` of your own.
    batch_size
        Examples that are evaluated at a time.

    Returns
    -------
    float
        The mean loss.
    """
    return float(_evaluate(network, data, loss_named(loss), batch_size))


@eqx.filter_jit
def _evaluate(network: Network, data: Data, loss: Loss, batch_size: int):
    weights = jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array))[0].ravel()
    return mean_loss(Objective(loss, lambda _: network), weights, data, batch_size)


def _member_weights(network: Network, ensemble: int | None):
    """The weights as one vector, or one for each member, and the way back from one vector."""
    check_networks(network, ensemble)
    if ensemble is None:
        return ravel_weights(network)
    members = [ravel_weights(member) for member in network.networks]
    return np.stack([weights for weights, _ in members]), members[0][1]


def _finished(epoch: Epoch, state: TrainState) -> np.ndarray:
    """Which members have nothing left to do."""
    failed, done, best = map(np.atleast_1d, (state.failed, state.epoch, state.best_epoch))
    return np.asarray(
        epoch.finished(state._replace(failed=failed, epoch=done, best_epoch=best))
    )


def _on_host(summary: EpochSummary) -> EpochSummary:
    """The summary on the host, with an axis over the members; this waits for the device."""
    return jax.tree.map(np.atleast_1d, summary)
