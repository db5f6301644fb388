"""The arguments of `train`, checked before anything is compiled."""

import equinox as eqx
import jax
import numpy as np

from throughtime.errors import InputError, did_you_mean
from throughtime.recurrence.network import Network

from .batches import Data
from .epoch import Epoch
from .objective import Method
from .teacher_forced_unroll import check_one_step_ahead

SCHEDULES = ("constant", "cosine", "plateau")
KEEP = ("best", "last")


def check_training(
    epoch: Epoch,
    network: Network,
    weights: np.ndarray,
    data: Data,
    validation: Data | None,
    ensemble: int | None,
    keep: str,
) -> None:
    """Refuse arguments that are out of range, or that do not go together.

    Raises
    ------
    InputError
        For the first that is wrong.
    """
    _check_numbers(epoch, ensemble)
    if keep not in KEEP:
        raise InputError("`keep` must be best or last", keep, did_you_mean(keep, KEEP))
    _check_schedule(epoch, weights)
    if validation is None and (epoch.patience is not None or epoch.schedule == "plateau"):
        rule = "`patience` and the plateau schedule need validation data"
        raise InputError(rule, "none", "Pass `validation`.")
    if epoch.forcing is not None:
        check_one_step_ahead(epoch.objective.network(np.atleast_2d(weights)[0]))
    check_members(epoch.method, ensemble)
    if data.stateful and network.centred:
        rule = "a centred network measures windows from their start, and cannot read streams"
        raise InputError(rule, "`Streams`", "Build the network with `centred=0`.")
    loss, output = epoch.objective.loss, network.readout.output
    if loss.output not in (None, output):
        rule = f"the loss `{loss.name}` needs a network with a {loss.output} output"
        raise InputError(rule, output, f'Build the network with `output="{loss.output}"`.')


def _check_numbers(epoch: Epoch, ensemble: int | None) -> None:
    numbers = {
        "epochs": epoch.epochs,
        "batch_size": epoch.batch_size,
        "patience": epoch.patience,
        "ensemble": ensemble,
    }
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise InputError(f"`{name}` must be at least 1", value, f"Raise `{name}`.")


def _check_schedule(epoch: Epoch, weights: np.ndarray) -> None:
    if epoch.schedule not in SCHEDULES:
        rule = "`schedule` must be a known schedule"
        raise InputError(rule, epoch.schedule, did_you_mean(epoch.schedule, SCHEDULES))
    state = jax.eval_shape(lambda w: epoch.method.init(w), weights)
    if epoch.schedule != "constant" and not hasattr(state, "factor"):
        rule = f"the {epoch.schedule} schedule needs a method whose state has a `factor`"
        raise InputError(rule, type(epoch.method).__name__, 'Use `schedule="constant"`.')


def check_members(method: Method, ensemble: int | None) -> None:
    """Refuse rates or clips that are not one for each member of the ensemble.

    Raises
    ------
    InputError
        If there are fewer or more of them.
    """
    members = getattr(method, "members", None)
    if members is not None and members != ensemble:
        rule = "a rate or clip for each member needs an ensemble of as many members"
        got = f"{members} of them and `ensemble` {ensemble}"
        raise InputError(rule, got, f"Pass `ensemble={members}`.")


def check_networks(network: Network, ensemble: int | None) -> None:
    """Refuse a network where an ensemble is asked for, and an ensemble of another number.

    Raises
    ------
    InputError
        If the networks are not as many as `ensemble` says.
    """
    rule = "`ensemble` must be the number of networks that are given"
    if network.members is None and ensemble is not None:
        remedy = f"Build them with `Architecture.ensemble({ensemble}, key)`."
        raise InputError(rule, f"{ensemble} and one network", remedy)
    if network.members != ensemble:
        remedy = f"Pass `ensemble={network.members}`."
        raise InputError(rule, f"{ensemble} and {network.members} networks", remedy)
    counts = {
        leaf.shape[:1] for leaf in jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array))
    }
    if ensemble is not None and counts != {(ensemble,)}:
        rule = f"each of the {ensemble} networks must have weights of its own"
        got = "weights of " + ", ".join(str(n[0]) if n else "one" for n in sorted(counts))
        raise InputError(rule, got, "Stack the networks with `stack_networks`.")
