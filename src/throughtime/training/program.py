"""An epoch as a compiled program: one for each architecture, shape, method and precision.

The data, the state and the numbers of an epoch are arguments of its program, so that a second
training of the same kind compiles nothing. Methods and losses of one's own have a program for
each training: what their functions refer to may have changed since the last.

For an ensemble every argument but the data has a leading axis over the members.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from throughtime._support.quick_compilation import quick_filter_jit
from throughtime.recurrence import native_kernels
from throughtime.recurrence.cells import Cell
from throughtime.recurrence.network import Network
from throughtime.recurrence.unroll import in_kernels

from .epoch import Epoch, TrainState
from .first_order import FirstOrder
from .hessian_free import HessianFree
from .losses import LOSSES
from .sharding import HERE, Placement


def compile_epoch(
    epoch: Epoch,
    ensemble: int | None,
    parallel: bool,
    place: Placement = HERE,
    cells: tuple[Cell, ...] = (),
) -> Callable:
    """The program of an epoch of one network, or of an ensemble, in parallel or in turn.

    Where all cells run in the kernels, what is left for a first-order method is a few percent
    of its work, and XLA compiles that in half the time.
    """
    quick = bool(cells) and isinstance(epoch.method, FirstOrder) and in_kernels(cells)
    if ensemble is None:
        return _compiled(_run_one, epoch, place, quick)
    together = parallel or place.mesh is not None
    return _compiled(_run_in_parallel if together else _run_in_turn, epoch, place, quick)


def first_state(
    epoch: Epoch, weights: Float[Array | np.ndarray, "*member weights"]
) -> TrainState:
    """The state before the first epoch, of one network or of all members of an ensemble."""
    if weights.ndim == 1:
        # In one program, if it may be traced: else each array of zeros is one of its own.
        if not _is_shareable(epoch):
            return epoch.first_state(weights)
        return _compiled(_first_state, epoch)(weights)
    members = np.arange(len(weights), dtype=np.int32)
    return _compiled(_first_states, epoch)(weights, members)


def members_in_parallel(network: Network) -> bool:
    """Whether the members of an ensemble are updated in parallel, or one after the other.

    On a CPU only the compiled kernels gain from it: they spread the members over the cores,
    while a scan of small batched products is no faster than the members in turn.
    """
    return jax.default_backend() != "cpu" or in_kernels(network.cells)


def _compiled(
    function: Callable, epoch: Epoch, place: Placement = HERE, quick: bool = False
) -> Callable:
    """`function(epoch, ...)` as a program, shared where the epoch allows it."""
    if not _is_shareable(epoch):
        return jax.jit(partial(function, epoch))
    traced = _with_traced_numbers(epoch, place)
    shared = _quickly_shared if quick else _shared
    return partial(shared, function, native_kernels.available(), traced)


@eqx.filter_jit
def _shared(function: Callable, native: bool, epoch: Epoch, *arguments: Any):
    # (`native` tells programs with the compiled kernels from those without)
    return function(epoch, *arguments)


@quick_filter_jit
def _quickly_shared(function: Callable, native: bool, epoch: Epoch, *arguments: Any):
    return function(epoch, *arguments)


def _with_traced_numbers(epoch: Epoch, place: Placement) -> Epoch:
    """The epoch, its numbers and those of its method as arrays, so that they are traced."""

    def numbers(epoch):
        return epoch.epochs, epoch.patience, epoch.method

    arrays = jax.tree.map(
        lambda leaf: place.number(leaf) if isinstance(leaf, int | float) else leaf,
        numbers(epoch),
    )
    return eqx.tree_at(numbers, epoch, arrays, is_leaf=lambda leaf: leaf is None)


def _is_shareable(epoch: Epoch) -> bool:
    """Whether the method and the loss are built in, and all that is static can be compared."""
    method, loss = epoch.method, epoch.objective.loss
    if type(method) not in (FirstOrder, HessianFree) or LOSSES.get(loss.name) is not loss:
        return False
    leaves, structure = jax.tree.flatten(eqx.filter(epoch, eqx.is_array, inverse=True))
    try:
        hash((tuple(leaves), structure))
    except TypeError:  # a cell of one's own may have any field
        return False
    return True


def _first_state(epoch, weights):
    return epoch.first_state(weights)


def _first_states(epoch, weights, members):
    return jax.vmap(epoch.first_state)(weights, members)


def _run_one(epoch, state, data, validation, rows, keys):
    return epoch.run(state, data, validation, rows[0], keys[0])


def _run_member(epoch, data, validation, state_rows_and_key):
    """One member's epoch, or nothing if its training is over.

    `cond` under `vmap` runs both branches and selects: a finished member stays as it is.
    """
    state, rows, key = state_rows_and_key
    return jax.lax.cond(
        epoch.finished(state),
        lambda s: epoch.skip(s),
        lambda s: epoch.run(s, data, validation, rows, key),
        state,
    )


def _run_in_parallel(epoch, states, data, validation, rows, keys):
    run_member = partial(_run_member, epoch, data, validation)
    return jax.vmap(run_member)((states, rows, keys))


def _run_in_turn(epoch, states, data, validation, rows, keys):
    def run_member(each):  # (`lax.map` hashes its function, and a partial of arrays has none)
        return _run_member(epoch, data, validation, each)

    return jax.lax.map(run_member, (states, rows, keys))
