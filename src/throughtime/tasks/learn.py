"""A long-range task, learned in one of the four ways and judged once.

Sequences are drawn anew for every update. What ends the training is seen on a validation draw;
the test draw is read when all is done.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from throughtime._support.seeds import generator
from throughtime.errors import InputError, at_least_one
from throughtime.recurrence.network import Network
from throughtime.reservoir.readout import fit_readout
from throughtime.training.epoch import flatten
from throughtime.training.train import Row, evaluate, train

from .long_range import Task
from .long_range import task as task_named
from .recipes import Fixed, Trained, Way, check_fit
from .sampling import Drawn, Mistakes, mistakes

WEIGHTS, TRAINING, VALIDATION, TEST = 1, 2, 3, 4
"""The streams of a seed that weights and sequences are drawn from."""


SHORTEST = 20
"""Steps of a task in a curriculum, at least: fewer teach little about remembering."""


class Check(NamedTuple):
    """What was seen after some updates.

    Attributes
    ----------
    updates, sequences, seconds
        So far; the seconds from the start, compilation in.
    loss
        Mean since the check before.
    validation_loss, mistakes
        Of the validation draw.
    """

    updates: int
    sequences: int
    seconds: float
    loss: float
    validation_loss: float
    mistakes: Mistakes


@dataclass(frozen=True)
class Criterion:
    """When a task counts as solved, and on how many sequences that is judged.

    Attributes
    ----------
    share
        Less than this of the sequences are wrong; .01 is that of Martens and Sutskever (2011).
    checks
        So many in a row end a training.
    validation, test
        Sequences. 2560 are those of Hochreiter and Schmidhuber (1997).

    Raises
    ------
    InputError
        For a number that is out of its range.
    """

    share: float | int = 0.01
    checks: int = 2
    validation: int = 1000
    test: int = 2560

    def __post_init__(self):
        if not 0 < self.share <= 1:
            rule = "`share` must be above 0 and at most 1"
            raise InputError(rule, self.share, "Set `share`.")
        for name in ("checks", "validation", "test"):
            at_least_one(name, getattr(self, name))

    def met(self, mistakes: Mistakes) -> bool:
        """Whether so few are wrong."""
        return mistakes.share < self.share

    def ends(self, history: list[Check]) -> bool:
        """Whether it was met by the latest checks."""
        latest = history[-self.checks :]
        return len(latest) == self.checks and all(self.met(c.mistakes) for c in latest)


OnCheck = Callable[[list[Row], list[Check]], bool | None]


@dataclass(frozen=True)
class Solved:
    """What `learn_task` returns.

    Attributes
    ----------
    network
        With the weights of the lowest validation loss.
    mistakes, loss
        Of the test draw.
    baseline
        The loss of the best guess that knows the step, not the inputs.
    updates, sequences, seconds
        Of the training, compilation in.
    history
        The checks.
    solved
        Whether the criterion is met by the test draw.
    stopped
        Why training ended, in words.
    """

    network: Network
    mistakes: Mistakes
    loss: float
    baseline: float
    updates: int
    sequences: int
    seconds: float
    history: list[Check]
    solved: bool
    stopped: str


def learn_task(
    task: Task,
    way: Way,
    *,
    seed: int,
    hidden: int | None = None,
    criterion: Criterion | None = None,
    on_check: OnCheck | None = None,
) -> Solved:
    """Learn a task in one of the four ways, and judge it on sequences never used before.

    Weights, training, validation and test sequences are streams of one seed that do not
    depend on each other. A way with a curriculum begins with shorter sequences; checks are
    always of the task itself. A training ends when the criterion is met by the validation
    draw, or with the way's last update. Where a task has no more sequences than are asked for
    (32 in 5-bit memorisation), validation and test are all of them.

    Parameters
    ----------
    task, way
        As `tasks.task` and `way` give them.
    seed
        The same gives the same result.
    hidden
        Units; by default the way's own.
    criterion
        When a task is solved; by default `Criterion()`.
    on_check
        Called after each check with the history of the training and all checks; training ends
        early if it returns True. An `esn` is fitted at once, without checks.

    Returns
    -------
    Solved
        A `Solved`.

    Raises
    ------
    Diverged
        When the loss is no longer finite.
    InputError
        For bad arguments.
    """
    criterion, way = criterion or Criterion(), way.on(task)
    hidden = way.hidden if hidden is None else hidden
    at_least_one("hidden", hidden)
    if seed < 0:
        raise InputError("`seed` must be at least 0", seed, "Raise `seed`.")
    check_fit(task, way, hidden)
    clock = time.perf_counter()
    if isinstance(way, Trained):
        draws = _Draws(task, seed, way.centred)
        network, history, stopped = _trained(way, draws, hidden, criterion, on_check, clock)
        updates, sequences = history[-1].updates, history[-1].sequences
    else:
        draws = _Draws(task, seed)
        network, history, stopped = _fitted(way, draws, hidden, criterion), [], "fitted at once"
        updates, sequences = 0, way.drawn(task)
    seconds = time.perf_counter() - clock
    test = draws(TEST, criterion.test)
    found = mistakes(network, test)
    least_squares = isinstance(way, Fixed)
    loss = evaluate(network, test, "mse" if least_squares else task.loss)
    baseline = _spread(test) if least_squares else task.baseline
    return Solved(
        network, found, loss, baseline, updates, sequences, seconds, history,
        criterion.met(found), stopped,
    )  # fmt: skip


class _Draws(NamedTuple):
    """The sequences of a task, by the stream of a seed and how many are asked for."""

    task: Task
    seed: int
    centred: bool = False

    def __call__(self, stream: int, examples: int) -> Drawn:
        key = generator(self.seed, stream)
        return Drawn(self.task, examples, key=key, centred=self.centred)


class Stage(NamedTuple):
    """A part of a training: so many checks, and updates between them, on a task."""

    task: Task
    checks: int
    every: int


def stages(task: Task, way: Trained) -> list[Stage]:
    """The shorter tasks of a way's curriculum, then the task: at most `way.updates` in all."""
    plan, left = [], way.updates
    for part, share in way.curriculum:
        length, updates = int(part * task.length), int(share * way.updates)
        if length >= SHORTEST and updates:
            plan.append(_stage(task_named(task.name, length), updates, way.every))
            left -= updates
    return [*plan, _stage(task, left, way.every)]


def _stage(task: Task, updates: int, every: int) -> Stage:
    checks = math.ceil(updates / every)
    return Stage(task, checks, updates // checks)


def _trained(
    way: Trained,
    draws: _Draws,
    hidden: int,
    criterion: Criterion,
    on_check: OnCheck | None,
    clock: float,
) -> tuple[Network, list[Check], str]:
    """Update by update; the network, the checks, and why it ended."""
    task, seed, _ = draws
    network = way.network(task, hidden, generator(seed, WEIGHTS))
    _, rebuild = flatten(network)
    validation = draws(VALIDATION, criterion.validation)
    checks: list[Check] = []
    before: list[Row] = []
    ended = False
    plan = stages(task, way)

    def check(every: int, state, history: list[Row]) -> bool:
        nonlocal ended
        updates = every + (checks[-1].updates if checks else 0)
        sequences, seconds = updates * way.batch_size, time.perf_counter() - clock
        found = mistakes(rebuild(np.asarray(state.params)), validation)
        seen = history[-1].loss, history[-1].validation_loss, found
        checks.append(Check(updates, sequences, seconds, *seen))
        told = before + [row._replace(epoch=row.epoch + len(before)) for row in history]
        stop = on_check is not None and on_check(told, checks)
        ended = bool(stop) or criterion.ends(checks)
        return ended

    for stage in plan:
        last = stage is plan[-1]
        fitted = train(
            network,
            draws._replace(task=stage.task)(TRAINING, stage.every * way.batch_size),
            task.loss,
            way.optimiser(task, network),
            epochs=stage.checks,
            batch_size=way.batch_size,
            validation=validation,
            schedule=way.schedule if last else "constant",
            keep="best" if last else "last",
            key=seed,
            on_epoch=partial(check, stage.every),
        )
        network, before = fitted.network, before + fitted.history
        if ended:
            break
    updates = checks[-1].updates
    stopped = f"all {updates} updates done"
    if criterion.ends(checks):
        stopped = f"the criterion was met after {updates} updates"
    elif len(checks) < sum(stage.checks for stage in plan):
        stopped = f"stopped after {updates} updates"
    return network, checks, stopped


def _fitted(way: Fixed, draws: _Draws, hidden: int, criterion: Criterion) -> Network:
    """A fixed cell with a readout by ridge regression."""
    task, seed, _ = draws
    network = way.network(task, hidden, generator(seed, WEIGHTS))
    training = draws(TRAINING, way.drawn(task))
    validation = draws(VALIDATION, criterion.validation)
    return fit_readout(network, training, validation=validation, key=seed).network


def _spread(data: Drawn) -> float:
    """The variance of the targets at each step: what least squares cost without the inputs."""
    rows = data.plan(data.examples, None)
    targets = np.asarray(data.batch(jnp.asarray(rows[0])).targets, np.float64)
    targets = targets[rows[0, :, 1] >= 0]
    return float(targets.var(axis=0).mean())


solve = learn_task
"""The earlier name of `learn_task`."""
