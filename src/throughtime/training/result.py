"""What a training ends with: the trained networks, or the error that it diverged."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from throughtime.errors import InputError
from throughtime.recurrence.ensemble import stack_networks
from throughtime.recurrence.network import Network

from .epoch import Epoch, EpochSummary, TrainState
from .history import History, Row, member_rate
from .objective import Method


@dataclass(frozen=True)
class Fitted:
    """What `train` returns.

    Attributes
    ----------
    network
        The trained network, with the weights of the best epoch; of the last epoch, without
        validation data or with `keep="last"`. An ensemble gives the mean of its members.
    history
        A `History`, with a `Row` for each epoch of each member.
    best_epochs
        The best epoch of each member, from 1.
    stopped
        Why the training ended, in words.
    diverged
        The indices of the members whose loss did not stay finite; they have their last good
        weights.
    """

    network: Network
    history: list[Row]
    best_epochs: tuple[int, ...]
    stopped: str
    diverged: tuple[int, ...] = ()

    def __post_init__(self):
        object.__setattr__(self, "history", History(self.history))

    @property
    def networks(self) -> list[Network]:
        """The trained networks, one by one: a single one, or the members of the ensemble."""
        return self.network.networks


class Diverged(InputError):
    """The loss or its gradient became infinite or NaN.

    Attributes
    ----------
    fitted
        What the training had reached, with the last good weights.
    """

    fitted: Fitted | None = None


def build_result(
    state: TrainState,
    params: Array,
    rebuild: Callable[[Array], Network],
    history: list[Row],
    stopped: str,
) -> Fitted:
    """The result of a training, with these weights."""
    best_epochs = tuple(np.atleast_1d(jax.device_get(state.best_epoch)).tolist())
    members = [rebuild(member) for member in np.atleast_2d(jax.device_get(params))]
    network = stack_networks(members) if params.ndim == 2 else members[0]
    failed = np.flatnonzero(np.atleast_1d(jax.device_get(state.failed)))
    return Fitted(network, history, best_epochs, stopped, tuple(failed.tolist()))


def stopping_reason(epoch: Epoch, state: TrainState) -> str:
    """Why a training ended that nobody stopped, in words."""
    done, failed = map(np.atleast_1d, jax.device_get((state.epoch, state.failed)))
    if failed.all():
        return "all members diverged" if len(failed) > 1 else "the loss diverged"
    reason = f"no lower validation loss in {epoch.patience} epochs"
    if np.min(done[~failed]) >= epoch.epochs:
        reason = f"all {epoch.epochs} epochs done"
    if not failed.any():
        return reason
    return f"{reason}; diverged: {', '.join(f'member {i}' for i in np.flatnonzero(failed))}"


def should_stop(method: Method, summary: EpochSummary, failed: Any) -> bool:
    """Whether a divergence ends the training; `failed` tells which members have diverged.

    It does for networks that share a rate and a clip; where each member has its own, only when
    all of them have diverged.
    """
    bad = summary.bad_step >= 0
    if getattr(method, "members", None) is None:
        return bool(bad.any())
    return bool(bad.any() and np.all(failed))


def divergence_error(
    method: Method, summary: EpochSummary, number: int, steps: int
) -> Diverged:
    """The error for a loss that is no longer finite, with its likely cause."""
    member = int(np.argmax(summary.bad_step >= 0))
    step = int(summary.bad_step[member])
    what = "gradient or update" if math.isfinite(float(summary.bad_loss[member])) else "loss"
    got = f"a {what} that is not finite at step {step + 1} of epoch {number}"
    if step == steps:
        got = f"a validation loss that is not finite after epoch {number}"
    rate = member_rate(method, member)
    current = f" (now {rate:g})" if math.isfinite(rate) else ""
    if number == 1 and step == 0:
        cause = "numbers in the data or in the first weights that are too large: scale the data"
    else:
        cause = f"a rate{current} too large for this loss: lower `rate`, or set `clip` to 1"
    remedy = f"The likely cause is {cause}. The last good weights are kept."
    return Diverged("the loss must stay finite", got, remedy)
