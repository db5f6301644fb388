r"""The four effective ways to learn a recurrent network, as they are taken to a task.

| way | what makes it work | source |
| --- | --- | --- |
| `lstm` | gates around a memory | Hochreiter and Schmidhuber 1997; Gers et al. 2000 |
| `hf` | curvature, so that no direction is too flat | Martens and Sutskever 2011 |
| `esn` | echoes: only the readout is learned | Jaeger 2001, 2012 |
| `momentum` | weights of the right size, and momentum | Sutskever et al. 2013 |

A way is plain numbers and a few rules; `solve.solve` takes it to a task.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
import optax
from jaxtyping import Float

from throughtime._support.memory import memory
from throughtime.errors import InputError, at_least_one, nearest
from throughtime.recurrence.cells import CELLS, EchoState
from throughtime.recurrence.initialisation import (
    INITIALISATIONS,
    Initialisation,
    chrono,
    echo_state,
    normal,
)
from throughtime.recurrence.network import Dense, Network, Readout
from throughtime.reservoir.readout import sums_size
from throughtime.training.epoch import flatten
from throughtime.training.hessian_free import hessian_free
from throughtime.training.losses import LOSSES
from throughtime.training.methods import method
from throughtime.training.objective import Method

from .long_range import Task


@dataclass(frozen=True)
class Trained:
    """A way that follows the slope of the loss, update by update.

    Attributes
    ----------
    about
        In a few words.
    source
        Who described it so.
    cell
        By name. `init(task)`: how its weights are drawn, and those of the readout.
    method
        By name; `rate`, `clip` and `mu` as `methods.method` takes them, `curvature` and
        `structural` as `hessian_free` does.
    batch_size
        Sequences an update.
    updates
        At most.
    every
        Updates between checks.
    curriculum
        Parts of T, and for each the share of the updates that are done first with sequences of
        that length (Zaremba and Sutskever 2014).
    schedule
        Of the rate over the updates at full length, as `train` takes it.
    centred
        Inputs and targets of mean zero; see `Drawn`.
    recurrent
        The rate of the cells' weights (U, W, b) over that of the readout's (V, c), of a method
        that has a rate. The clip is of the whole gradient, before.
    strings
        Fields that are others where every step has a target, as when a string of symbols is to
        be repeated. They win; `way` leaves out those that it is asked to change.
    hidden
        Units, if none are asked for.
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
    strings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    hidden: int = 100

    def __post_init__(self):
        if not 0 <= self.recurrent < math.inf:
            rule = "`recurrent` must be 0 or more, and finite"
            raise InputError(rule, self.recurrent, "Set it to 1 for one rate.")

    def on(self, task: Task) -> "Trained":
        """The way as it takes this task: with `strings` if every step of it has a target."""
        return self if task.last else dataclasses.replace(self, **self.strings, strings={})

    def optimiser(self, task: Task, network: Network) -> Method:
        """The method with its numbers, for a network of this way.

        Where every step counts, the loss is a mean over the steps: the weight decay of
        Hessian-free, which its authors add to a sum, is divided by their number.
        """
        if self.method == "hessian_free":
            steps = 1 if task.last else task.steps
            hf: Any = hessian_free(
                self.curvature, structural=self.structural, weight_decay=2e-5 / steps
            )
            return hf
        found: Any = method(self.method, self.rate, clip=self.clip, mu=self.mu)
        if self.recurrent == 1:
            return found
        factors = _filled(network, self.recurrent)
        slowed = optax.stateless(lambda updates, _: updates * factors)
        return found._replace(optimiser=optax.chain(found.optimiser, slowed))

    def network(self, task: Task, hidden: int, rng: np.random.Generator) -> Network:
        """The network to start from."""
        init = self.init(task)
        cell = CELLS[self.cell](task.input_size, hidden, init=init, key=rng)  # pyright: ignore
        dense = Dense(hidden, task.output_size, init=init, key=rng)
        output = LOSSES[task.loss].output or "identity"
        return Network((cell,), Readout((dense,), output, task.last))


@dataclass(frozen=True)
class Fixed:
    """A way whose recurrent weights stay as they were drawn; the readout is fitted at once.

    The readout is linear and the loss the mean squared error, also where targets are classes.

    - `about`, `source`, `hidden`: as of `Trained`.
    - `design(task)`: the numbers that `cells.EchoState` takes.
    - `sequences`: that the readout is fitted to; ten times all that there are, if that is
      fewer.
    """

    about: str
    source: str
    design: Callable[[Task], dict[str, float | int]]
    sequences: int
    hidden: int = 500

    def on(self, task: Task) -> "Fixed":
        """The way as it takes this task: the same for all."""
        return self

    def drawn(self, task: Task) -> int:
        """Sequences that are drawn to fit the readout."""
        few = None if task.listing is None else 10 * task.listing.size
        return self.sequences if few is None else min(self.sequences, few)

    def network(self, task: Task, hidden: int, rng: np.random.Generator) -> Network:
        """The network, its readout yet to be fitted."""
        design: Any = self.design(task)
        cell = EchoState(task.input_size, hidden, **design, key=rng)
        dense = Dense(hidden, task.output_size, key=rng)
        return Network((cell,), Readout((dense,), last=task.last))


Way = Trained | Fixed


def _filled(network: Network, cells: float) -> Float[np.ndarray, " weights"]:
    """A number for each weight as `flatten` has them: 1 in the readout, this in the cells."""

    def fill(part, value):
        def one(w):
            return np.full(w.shape, value, w.dtype) if eqx.is_inexact_array(w) else w

        return jax.tree.map(one, part)

    ones = fill(network, 1)
    return flatten(eqx.tree_at(lambda n: n.cells, ones, fill(network.cells, cells)))[0]


def _symbols(task: Task) -> bool:
    """Whether inputs are symbols, one-hot; else they are numbers with marks."""
    return task.input_size > 2


class EchoStateStart(NamedTuple):
    """The echo-state initialisation, its inputs as the paper has them, small for marks.

    The paper has a `radius` of 1.1 and a scale of V, `outputs`, of .1. With those some draws
    learn nothing here.
    """

    radius: float
    outputs: float

    def __call__(self, task: Task) -> Initialisation:
        return echo_state(0.1 if _symbols(task) else 0.001, self.radius, outputs=self.outputs)


class OrthogonalStart(NamedTuple):
    """What goes in stays in h, turned but not shrunk, as long as tanh is nearly linear.

    Then a linear readout tells what came so many steps ago, as long as what is not known
    beforehand has no more dimensions than h (White, Lee and Sompolinsky 2004). `inputs` and
    `outputs` are the scales of U and V.
    """

    inputs: float
    outputs: float

    def __call__(self, task: Task) -> Initialisation:
        start = INITIALISATIONS["orthogonal"]
        return start._replace(U=normal(self.inputs), V=normal(self.outputs))


def _sparse(task: Task) -> Initialisation:
    """As the paper has it."""
    return INITIALISATIONS["sparse"]


def _long_memory(task: Task) -> Initialisation:
    """Keep gates that forget over all times up to the task's own."""
    return INITIALISATIONS["keras"]._replace(b=chrono(max(task.steps, 3)), keep=0.0)


def _reservoir(task: Task) -> dict[str, float | int]:
    """By what is to be remembered; found by trial on short tasks (T up to 50).

    A string of symbols needs a memory as linear as can be: fast units near the edge, hardly
    pushed. One mark among distractors needs units that saturate and forget slowly.
    """
    if not task.last:
        return {"radius": 1.0, "leak": 1.0, "input_scale": 0.1}
    return {"radius": 0.99, "leak": 0.1 if _symbols(task) else 0.2, "input_scale": 1.0}


WAYS: dict[str, Way] = {
    "lstm": Trained(
        about="long short-term memory, its keep gates open for as long as the task, Adam",
        source="Hochreiter and Schmidhuber 1997; Gers et al. 2000; Tallec and Ollivier 2018",
        cell="lstm",
        init=_long_memory,
        method="adam",
        rate=1e-2,
        clip=1.0,
        batch_size=20,
        updates=20_000,
        every=100,
    ),
    "hf": Trained(
        about="tanh units, sparse weights, Hessian-free optimisation",
        source="after Martens and Sutskever 2011",
        cell="rnn",
        init=_sparse,
        method="hessian_free",
        rate=None,
        curvature=300,
        batch_size=300,
        updates=500,
        every=2,
        strings={
            "about": "tanh units, orthogonal weights, Hessian-free optimisation that holds the"
            " states firmly",
            "init": OrthogonalStart(0.1, 0.01),
            "structural": 1.0,
            "centred": True,
        },
    ),
    "esn": Fixed(
        about="an echo state network: fixed weights, a readout by ridge regression",
        source="Jaeger 2001, 2012",
        design=_reservoir,
        sequences=10_000,
    ),
    "momentum": Trained(
        about="tanh units, echo-state initialisation, Nesterov's gradient with momentum .995",
        source="after Sutskever, Martens, Dahl and Hinton 2013",
        cell="rnn",
        init=EchoStateStart(1.2, 0.01),
        method="nag",
        rate=1e-3,
        clip=1.0,
        mu=0.995,
        batch_size=100,
        updates=50_000,
        every=250,
        schedule="cosine",
        curriculum=((0.25, 0.04), (0.5, 0.04)),
        centred=True,
        strings={
            "about": "tanh units, orthogonal weights, a readout that learns first, Nesterov's"
            " gradient with momentum .995",
            "init": OrthogonalStart(0.1, 0.01),
            "rate": 1.0,
            "recurrent": 1e-4,
            "curriculum": (),
        },
    ),
}
"""The ways by name. What differs from the papers, and why, is in `docs/four-ways.md`."""


def way(name: str | Way, **changes: float | int | None) -> Way:
    """The way of that name, some of its numbers changed, for all tasks; None changes nothing.

    Raises
    ------
    InputError
        For an unknown name, a number that the way does not take, or one below its range.
    """
    if isinstance(name, str):
        if name not in WAYS:
            raise InputError("`way` must be a known way", name, nearest(name, WAYS))
        found = WAYS[name]
    else:
        found = name
    asked = {label: value for label, value in changes.items() if value is not None}
    for label, value in asked.items():
        if getattr(found, label, None) is None:
            rule = f"the way `{name}` takes no `{label}`"
            raise InputError(rule, value, "Leave it out.")
        if label != "rate":
            at_least_one(label, value)
    if isinstance(found, Trained):
        strings = {label: v for label, v in found.strings.items() if label not in asked}
        found = dataclasses.replace(found, strings=strings)
    return dataclasses.replace(found, **asked)


def check_fit(task: Task, way: Way, hidden: int) -> None:
    """Refuse a task whose states and weights would not fit into memory while it is learned.

    As many numbers are counted for each step, sequence and unit as `unroll` says are held (for
    Hessian-free also those of a product with the curvature); an `esn` keeps none but h. Of a
    recurrent weight, there are its draw in double precision, and five numbers of a training:
    itself, its slope, the method's two, the best; of an `esn` itself, and five squares of the
    regression.

    Raises
    ------
    InputError
        If they are more than the device has.
    """
    kept, gates = {"lstm": 8, "gru": 6, "rnn": 2}, {"lstm": 4, "gru": 3, "rnn": 1}
    if isinstance(way, Trained):
        sequences = min(way.batch_size, way.curvature or way.batch_size)
        numbers = kept[way.cell] * (2 if way.curvature else 1)
        weights = (8 + 5 * 4) * gates[way.cell] * hidden**2
    else:
        sequences, numbers = min(256, way.drawn(task)), 2
        weights = (8 + 4) * hidden**2 + sums_size(hidden, task.output_size)
    bytes_needed = 4 * numbers * sequences * task.steps * hidden + weights
    limit = _device_memory()
    if limit is not None and bytes_needed > limit:
        rule = f"way and task must fit into memory, {limit / 2**30:.1f} GiB"
        got = (
            f"{bytes_needed / 2**30:.1f} GiB of states and weights for `{task.name}` of length"
            f" {task.length}, {sequences} sequences at a time and {hidden} units"
        )
        raise InputError(rule, got, "Lower the length, the batch size or the units.")


def _device_memory() -> int | None:
    """Bytes of the device that computes; None if it does not say."""
    if jax.default_backend() != "cpu":
        return (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    return memory()
