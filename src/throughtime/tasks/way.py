"""A way to learn a recurrent network: plain numbers, and rules that depend on the task."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from throughtime.errors import InputError
from throughtime.recurrence.architecture import CELLS
from throughtime.recurrence.echo_state_cell import EchoState
from throughtime.recurrence.initialisation import Initialisation
from throughtime.recurrence.network import Dense, Network, Readout
from throughtime.training.hessian_free import hessian_free
from throughtime.training.losses import LOSSES
from throughtime.training.methods import method
from throughtime.training.objective import Method, ravel_weights

from .definition import Task


@dataclass(frozen=True)
class TrainedWay:
    """A way that trains all weights by the gradient of the loss, update by update.

    Parameters
    ----------
    about
        The way in a few words.
    source
        The papers that describe it.
    cell
        Name of the cell.
    init
        The initialisation of the cell and of the readout, for a task.
    method
        Name of the method.
    rate, clip, mu
        Learning rate, bound on the gradient's norm and momentum; see `methods.method`.
    batch_size
        Sequences per update.
    updates
        The most updates.
    every
        Updates between checks.
    curvature, structural
        Sequences for the curvature, and weight of the structural damping, of Hessian-free
        optimisation; see `hessian_free`.
    schedule
        How the rate changes over the updates at full length; see `train`.
    curriculum
        Pairs (part, share): sequences of that part of T come first, for that share of the
        updates (Zaremba and Sutskever 2014).
    centred
        Whether inputs and targets have mean zero; see `TaskData`.
    recurrent
        The rate of the cells' weights (U, W, b) as a multiple of the readout's (V, c), for a
        method with a rate. The gradient is clipped as a whole, before.
    string_overrides
        Fields that have another value for tasks with a target at every step, as when a string
        of symbols is to be repeated. They take precedence, but for those changed by `way`.
    hidden
        Hidden units by default.

    Raises
    ------
    InputError
        For `recurrent` out of its range.
    """

    about: str
    source: str
    cell: str
    init: Callable[[Task], Initialisation]
    method: str
    rate: float | int | None
    batch_size: int
    updates: int
    every: int
    clip: float | int | None = None
    mu: float | None = None
    curvature: int | None = None
    structural: float | int = 0.03
    schedule: str = "constant"
    curriculum: tuple[tuple[float, float], ...] = ()
    centred: bool = False
    recurrent: float | int = 1.0
    string_overrides: Mapping[str, Any] = field(default_factory=dict, hash=False)
    hidden: int = 100

    def __post_init__(self):
        if not 0 <= self.recurrent < math.inf:
            rule = "`recurrent` must be 0 or more, and finite"
            raise InputError(rule, self.recurrent, "Set it to 1 for one rate.")

    def for_task(self, task: Task) -> "TrainedWay":
        """The way with its values for this task; see `string_overrides`."""
        if task.last:
            return self
        return dataclasses.replace(self, **self.string_overrides, string_overrides={})

    def optimiser(self, task: Task, network: Network) -> Method:
        """The method with its numbers, for a network of this way.

        Where every step has a target, the loss is a mean over the steps. The authors of
        Hessian-free add the weight decay to a sum, so it is divided by the number of steps.
        """
        if self.method == "hessian_free":
            steps = 1 if task.last else task.steps
            hf: Any = hessian_free(
                self.curvature, structural=self.structural, weight_decay=2e-5 / steps
            )
            return hf
        first_order: Any = method(self.method, self.rate, clip=self.clip, mu=self.mu)
        if self.recurrent == 1:
            return first_order
        factors = _rate_factors(network, self.recurrent)
        return dataclasses.replace(first_order, factors=factors)

    def network(self, task: Task, hidden: int, rng: np.random.Generator) -> Network:
        """The initial network."""
        init = self.init(task)
        cell = CELLS[self.cell](task.input_size, hidden, init=init, key=rng)  # pyright: ignore
        dense = Dense(hidden, task.output_size, init=init, key=rng)
        output = LOSSES[task.loss].output or "identity"
        return Network((cell,), Readout((dense,), output, task.last))


@dataclass(frozen=True)
class ReservoirWay:
    """A way whose recurrent weights stay as drawn; a readout is fitted in closed form.

    The readout is linear and the loss the mean squared error, also where targets are classes.

    Parameters
    ----------
    about
        The way in a few words.
    source
        The papers that describe it.
    design
        The arguments of `EchoState`, for a task.
    sequences
        Sequences that the readout is fitted to; ten times all that there are, if that is fewer.
    hidden
        Hidden units by default.
    """

    about: str
    source: str
    design: Callable[[Task], dict[str, float | int]]
    sequences: int
    hidden: int = 500

    def for_task(self, task: Task) -> "ReservoirWay":
        """The way itself: it is the same for all tasks."""
        return self

    def training_sequences(self, task: Task) -> int:
        """Sequences that are sampled to fit the readout."""
        if task.enumeration is None:
            return self.sequences
        return min(self.sequences, 10 * task.enumeration.size)

    def network(self, task: Task, hidden: int, rng: np.random.Generator) -> Network:
        """The network, before its readout is fitted."""
        design: Any = self.design(task)
        cell = EchoState(task.input_size, hidden, **design, key=rng)
        dense = Dense(hidden, task.output_size, key=rng)
        return Network((cell,), Readout((dense,), last=task.last))


Way = TrainedWay | ReservoirWay


def _rate_factors(network: Network, cells: float) -> Float[np.ndarray, " weights"]:
    """A factor for each weight, ordered as by `ravel_weights`: `cells`, or 1 in the readout."""

    def fill(part, value):
        def constant(w):
            return np.full(w.shape, value, w.dtype) if eqx.is_inexact_array(w) else w

        return jax.tree.map(constant, part)

    ones = fill(network, 1)
    return ravel_weights(eqx.tree_at(lambda n: n.cells, ones, fill(network.cells, cells)))[0]
