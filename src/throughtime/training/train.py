"""The training loop: epochs on the device, decisions on the host.

An ensemble is one program. Where its networks run in the compiled kernels, or on an
accelerator, every update is done for all members at once: a member then ends with the numbers
that it would have had alone up to rounding, which sums in another order. Elsewhere the program
goes from member to member, and the numbers are the same to the bit. Either way the same
training done twice gives the same bits.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array

from throughtime._support.seeds import Key, words
from throughtime.errors import InputError, nearest
from throughtime.recurrence.network import Network

from .batches import Data
from .epoch import Epoch, Seen, TrainState, at_once, begin, flatten, program
from .epoch import evaluate as mean_loss
from .losses import Loss
from .losses import loss as loss_named
from .methods import method as method_named
from .objective import Method, Objective
from .teacher_forced_unroll import check_fed_back
from .teacher_forcing import Forcing
from .teacher_forcing import forcing as forcing_named

SCHEDULES = ("constant", "cosine", "plateau")


class Row(NamedTuple):
    """One epoch of one network.

    Attributes
    ----------
    member
        Of an ensemble, from 0.
    epoch
        From 1.
    loss
        Mean over the epoch's batches, each before its update.
    validation_loss
        After the epoch's last update; NaN without validation data.
    gradient_norm
        The largest of the epoch.
    factor
        On the rate.
    seconds
        Since training started.
    rate
        Of this member in this epoch, the factor in it; NaN if its method tells none.
    quantities
        What its method tells beside these, by name, as of the last update.
    """

    member: int
    epoch: int
    loss: float
    validation_loss: float
    gradient_norm: float
    factor: float
    seconds: float
    rate: float = math.nan
    quantities: dict[str, float] = {}  # noqa: RUF012 (never written to)


OnEpoch = Callable[[TrainState, list[Row]], bool | None]


@dataclass(frozen=True)
class Fitted:
    """What `train` returns.

    Attributes
    ----------
    network
        With the weights of the best epoch (of the last, without validation data, or if that was
        asked for); of an ensemble, weights with a leading axis over the members.
    history
        A `Row` for each epoch of each member.
    best_epochs
        Of each member, from 1.
    stopped
        Why training ended, in words.
    diverged
        Members whose loss did not stay finite, with their last good weights.
    """

    network: Network
    history: list[Row]
    best_epochs: tuple[int, ...]
    stopped: str
    diverged: tuple[int, ...] = ()


class Diverged(InputError):
    """The loss or its gradient became infinite or NaN; `fitted` holds the last good weights."""

    fitted: Fitted | None = None


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
) -> Fitted:
    """Train a network, or an ensemble of networks as one program.

    The members of an ensemble differ in their first weights and in their shuffling; a search
    over a rate, a clip or the scale of the first weights is an ensemble too, and so are
    networks of your own, stacked by `jax.tree.map(lambda *w: jnp.stack(w), *networks)`:

    When the loss of one network is no longer finite, training ends with an error. With a rate
    or a clip for each member it ends for that member alone, named in `Fitted.diverged`, and is
    an error if it is so for all of them.

    Parameters
    ----------
    network
        To start from. For an ensemble its weights have a leading axis over the members, as
        `Architecture.ensemble` makes them.
    data, validation
        `Windows`, `Sequences`, `Streams`, or your own (see `batches`).
    loss, method
        By name, or your own.
    epochs, batch_size
        At most so many epochs of batches of that many examples.
    patience
        Stop after so many epochs without a lower validation loss.
    schedule
        Of the rate: `constant`; `cosine`, down to 0 over the epochs; `plateau`, halved after 5
        epochs without a lower validation loss.
    forcing
        Teacher forcing, what is read in place of the series: `full`, the data; `scheduled`,
        `sparse:TAU`, `generalised:ALPHA` or `free`; see `teacher_forcing`.
    keep
        The weights of the `best` epoch by validation loss, or of the `last`.
    ensemble
        The number of members, each with its own shuffling. A member that stops early keeps its
        weights to the bit while others go on.
    key
        A seed, or a `jax.random` key; it shuffles, and the same one gives the same training.
    start
        A state and its history to go on from.
    on_epoch
        Called with the state and the history after each epoch; training ends early if it
        returns True.

    Returns
    -------
    Fitted
        A `Fitted`.

    Raises
    ------
    Diverged
        When the loss is no longer finite.
    InputError
        For bad arguments.

    Examples
    --------
    >>> shape = Architecture(1, 1, cell="gru", hidden=16, last=True)    # doctest: +SKIP
    >>> networks = shape.ensemble(3, key=0, scale=[0.5, 1, 2])          # doctest: +SKIP
    >>> search = method("adam", rate=[1e-2, 3e-3, 1e-3], clip=1.0)      # doctest: +SKIP
    >>> train(networks, data, method=search, ensemble=3, key=1)         # doctest: +SKIP
    """
    loss, method = loss_named(loss), method_named(method)
    weights, rebuild = _flatten(network, ensemble)
    objective, free = Objective(loss, rebuild), forcing_named(forcing)
    epoch = Epoch(objective, method, batch_size, epochs, schedule, patience, free)
    _check(epoch, network, weights, data, validation, ensemble)
    if keep not in ("best", "last"):
        raise InputError("`keep` must be best or last", keep, nearest(keep, ("best", "last")))
    run = program(epoch, ensemble, at_once(network))
    seed = words(key)
    state, history = start or (begin(epoch, weights), [])
    history = list(history)
    clock = time.perf_counter() - (history[-1].seconds if history else 0.0)

    def plan(number: int) -> np.ndarray:
        """The rows of an epoch, for each member."""
        rows = [
            data.plan(batch_size, np.random.default_rng([*seed, member, number]))
            for member in range(ensemble or 1)
        ]
        return np.stack(rows).astype(np.int32)

    stopped = ""
    number, idle = int(np.max(state.epoch)) + 1, _idle(epoch, state)
    rows = plan(number)
    while not idle.all():
        state, seen = run(state, data, validation, rows)
        steps = rows.shape[1]
        if number < epochs:  # draw the next epoch's while the device is at work on this one
            rows = plan(number + 1)
        seen = _host(seen)
        if _lost(method, seen, state):
            error = _diverged(method, seen, number, steps)
            error.fitted = _fitted(state, state.best, rebuild, history, "the loss diverged")
            raise error
        history += _rows(method, number, seen, idle, time.perf_counter() - clock)
        if on_epoch is not None and on_epoch(state, history):
            stopped = f"stopped after epoch {number}"
            break
        number, idle = number + 1, np.asarray(seen.finished)
    params = state.params if keep == "last" else state.best
    return _fitted(state, params, rebuild, history, stopped or _reason(epoch, state))


def first_state(
    network: Network, method: str | Method = "adam", *, ensemble: int | None = None
) -> TrainState:
    """The state of a training before its first epoch; a checkpoint has this shape."""
    weights, rebuild = _flatten(network, ensemble)
    objective = Objective(loss_named("mse"), rebuild)
    epoch = Epoch(objective, method_named(method), 1, 1, "constant", None)
    _check_members(epoch.method, ensemble)
    return begin(epoch, weights)


def evaluate(
    network: Network, data: Data, loss: str | Loss = "mse", batch_size: int = 256
) -> float:
    """The mean loss of a network over data; it does not depend on how batches are split."""
    return float(_evaluate(network, data, loss_named(loss), batch_size))


@eqx.filter_jit
def _evaluate(network: Network, data: Data, loss: Loss, batch_size: int):
    weights = jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array))[0].ravel()
    return mean_loss(Objective(loss, lambda _: network), weights, data, batch_size)


def _flatten(network: Network, ensemble: int | None):
    """The weights as one vector, or one for each member, and the way back from one vector."""
    if ensemble is None:
        return flatten(network)
    params, static = eqx.partition(network, eqx.is_inexact_array)
    params = jax.tree.map(np.asarray, params)
    shapes = {leaf.shape[:1] for leaf in jax.tree.leaves(params)}
    if shapes != {(ensemble,)}:
        rule = "the weights of an ensemble must have a leading axis of as many members"
        got = f"`ensemble` {ensemble} and weights of {_counts(shapes)}"
        raise InputError(rule, got, "Build them with `Architecture.ensemble`.")
    members = [
        flatten(eqx.combine(jax.tree.map(lambda w, i=i: w[i], params), static))
        for i in range(ensemble)
    ]
    return np.stack([weights for weights, _ in members]), members[0][1]


def _idle(epoch: Epoch, state: TrainState) -> np.ndarray:
    """Which members have nothing left to do."""
    failed, done, best = map(np.atleast_1d, (state.failed, state.epoch, state.best_epoch))
    return np.asarray(
        epoch.finished(state._replace(failed=failed, epoch=done, best_epoch=best))
    )


def _host(seen: Seen) -> Seen:
    """On the host, with an axis over the members. This is where it waits for the device."""
    return jax.tree.map(np.atleast_1d, seen)


def _rate(method: Method, member: int) -> float:
    """The rate of a member before any factor; NaN if its method tells none."""
    rate = getattr(method, "rate", None)
    rate = rate[member] if isinstance(rate, tuple) else rate
    return float(rate) if isinstance(rate, int | float) else math.nan


def _rows(
    method: Method, number: int, seen: Seen, idle: np.ndarray, seconds: float
) -> list[Row]:
    """A row for each member that was still training."""
    return [
        Row(
            member,
            number,
            float(seen.loss[member]),
            float(seen.validation_loss[member]),
            float(seen.gradient_norm[member]),
            float(seen.factor[member]),
            seconds,
            _rate(method, member) * float(seen.factor[member]),
            {name: float(values[member]) for name, values in seen.quantities.items()},
        )
        for member in np.flatnonzero(~idle).tolist()
    ]


def _fitted(
    state: TrainState,
    params: Array,
    rebuild: Callable[[Array], Network],
    history: list[Row],
    stopped: str,
) -> Fitted:
    best_epochs = tuple(np.atleast_1d(jax.device_get(state.best_epoch)).tolist())
    members = [rebuild(member) for member in np.atleast_2d(jax.device_get(params))]
    network = members[0]
    if params.ndim == 2:
        network = jax.tree.map(lambda *w: jax.device_put(np.stack(w)), *members)
    failed = np.flatnonzero(np.atleast_1d(jax.device_get(state.failed)))
    return Fitted(network, history, best_epochs, stopped, tuple(failed.tolist()))


def _reason(epoch: Epoch, state: TrainState) -> str:
    done, failed = map(np.atleast_1d, jax.device_get((state.epoch, state.failed)))
    if failed.all():
        return "all members diverged" if len(failed) > 1 else "the loss diverged"
    why = f"no lower validation loss in {epoch.patience} epochs"
    if np.min(done[~failed]) >= epoch.epochs:
        why = f"all {epoch.epochs} epochs done"
    if not failed.any():
        return why
    return f"{why}; diverged: {', '.join(f'member {i}' for i in np.flatnonzero(failed))}"


def _lost(method: Method, seen: Seen, state: TrainState) -> bool:
    """Whether the training must end: a network diverged, or all do that have their own rate."""
    bad = seen.bad_step >= 0
    if getattr(method, "members", None) is None:
        return bool(bad.any())
    return bool(bad.any() and np.all(state.failed))


def _diverged(method: Method, seen: Seen, number: int, steps: int) -> Diverged:
    """The error for a loss that is no longer finite, with its likely cause."""
    member = int(np.argmax(seen.bad_step >= 0))
    step = int(seen.bad_step[member])
    what = "gradient or update" if math.isfinite(float(seen.bad_loss[member])) else "loss"
    got = f"a {what} that is not finite at step {step + 1} of epoch {number}"
    if step == steps:
        got = f"a validation loss that is not finite after epoch {number}"
    rate = _rate(method, member)
    said = f" (now {rate:g})" if math.isfinite(rate) else ""
    if number == 1 and step == 0:
        cause = "numbers in the data or in the first weights that are too large: scale the data"
    else:
        cause = f"a rate{said} too large for this loss: lower `rate`, or set `clip` to 1"
    remedy = f"The likely cause is {cause}. The last good weights are kept."
    return Diverged("the loss must stay finite", got, remedy)


def _check(
    epoch: Epoch,
    network: Network,
    weights: np.ndarray,
    data: Data,
    validation: Data | None,
    ensemble: int | None,
):
    numbers = {
        "epochs": epoch.epochs,
        "batch_size": epoch.batch_size,
        "patience": epoch.patience,
        "ensemble": ensemble,
    }
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise InputError(f"`{name}` must be at least 1", value, f"Raise `{name}`.")
    if epoch.schedule not in SCHEDULES:
        rule = "`schedule` must be a known schedule"
        raise InputError(rule, epoch.schedule, nearest(epoch.schedule, SCHEDULES))
    if validation is None and (epoch.patience is not None or epoch.schedule == "plateau"):
        rule = "`patience` and the plateau schedule need validation data"
        raise InputError(rule, "none", "Pass `validation`.")
    if epoch.forcing is not None:
        check_fed_back(epoch.objective.network(np.atleast_2d(weights)[0]))
    _check_members(epoch.method, ensemble)
    state = jax.eval_shape(epoch.method.init, weights)
    if epoch.schedule != "constant" and not hasattr(state, "factor"):
        rule = f"the {epoch.schedule} schedule needs a method whose state has a `factor`"
        raise InputError(rule, type(epoch.method).__name__, 'Use `schedule="constant"`.')
    if data.stateful and network.centred:
        rule = "a centred network measures windows from their start, and cannot read streams"
        raise InputError(rule, "`Streams`", "Build the network with `centred=0`.")
    loss, output = epoch.objective.loss, network.readout.output
    if loss.output not in (None, output):
        rule = f"the loss `{loss.name}` needs a network with a {loss.output} output"
        raise InputError(rule, output, f'Build the network with `output="{loss.output}"`.')


def _check_members(method: Method, ensemble: int | None) -> None:
    members = getattr(method, "members", None)
    if members is not None and members != ensemble:
        rule = "a rate or clip for each member needs an ensemble of as many members"
        got = f"{members} of them and `ensemble` {ensemble}"
        raise InputError(rule, got, f"Pass `ensemble={members}`.")


def _counts(shapes: set[tuple[int, ...]]) -> str:
    return ", ".join(str(shape[0]) if shape else "no axis" for shape in sorted(shapes))
