"""Learn a long-range task in one of the four ways, and test the result once.

Sequences are sampled anew for every update. The training is monitored on validation sequences;
the test sequences are read at the end.
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
from throughtime.errors import InputError, check_positive_integer
from throughtime.recurrence.network import Network
from throughtime.reservoir.readout import fit_readout
from throughtime.training.history import Row
from throughtime.training.objective import ravel_weights
from throughtime.training.train import evaluate, train

from .criterion import Check, Criterion
from .definition import Task
from .error_count import ErrorCount, count_errors
from .long_range import task as task_named
from .memory_check import check_memory
from .sampling import TaskData
from .way import ReservoirWay, TrainedWay, Way

WEIGHTS, TRAINING, VALIDATION, TEST = 1, 2, 3, 4
"""The random streams of a seed."""

SHORTEST = 20
"""The least steps of a task in a curriculum: fewer teach little about remembering."""

OnCheck = Callable[[list[Row], list[Check]], bool | None]


@dataclass(frozen=True)
class TaskResult:
    """The result of `learn_task`.

    Attributes
    ----------
    network
        The network, with the weights of the lowest validation loss.
    mistakes
        The wrong answers to the test sequences.
    loss
        The loss of the test sequences.
    baseline
        The loss of the best guess that knows the step but not the inputs.
    updates, sequences
        Updates and training sequences.
    seconds
        Seconds of the training, compilation included.
    history
        The checks of the training.
    solved
        Whether the test sequences meet the criterion.
    stopped
        Why the training ended, in words.
    """

    network: Network
    mistakes: ErrorCount
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
) -> TaskResult:
    """Learn a task in one of the four ways, and test the network on unseen sequences.

    Weights, training, validation and test sequences come from independent random streams of
    one seed. A way with a curriculum begins with shorter sequences; checks are always of the
    task itself. A training ends when validation sequences meet the criterion, or with the way's
    last update. Where a task has no more sequences than the criterion asks for (32 in 5-bit
    memorisation), both validation and test hold all of them.

    Parameters
    ----------
    task
        A task from `throughtime.task`.
    way
        A way from `throughtime.way`.
    seed
        Seed of weights and sequences, 0 or more.
    hidden
        Hidden units; by default those of the way.
    criterion
        When the task is solved; by default `Criterion()`.
    on_check
        Called after each check with the history of the training and all checks; the training
        ends early if it returns True. An `esn` is fitted in closed form, without checks.

    Returns
    -------
    TaskResult
        The network, its wrong answers, its loss beside the baseline, and the cost.

    Raises
    ------
    Diverged
        If the loss is no longer finite.
    InputError
        For an argument out of its range, and for a task that does not fit in memory.
    """
    criterion, way = criterion or Criterion(), way.for_task(task)
    hidden = way.hidden if hidden is None else hidden
    check_positive_integer("hidden", hidden)
    if seed < 0:
        raise InputError("`seed` must be at least 0", seed, "Pass 0 or a positive number.")
    check_memory(task, way, hidden)
    clock = time.perf_counter()
    if isinstance(way, TrainedWay):
        data = _DataStreams(task, seed, way.centred)
        network, history, stopped = _train(way, data, hidden, criterion, on_check, clock)
        updates, sequences = history[-1].updates, history[-1].sequences
        loss, baseline = task.loss, task.baseline
    else:
        data = _DataStreams(task, seed)
        network, history = _fit_readout(way, data, hidden, criterion), []
        updates, sequences = 0, way.training_sequences(task)
        stopped = "fitted at once"
        loss, baseline = "mse", None
    seconds = time.perf_counter() - clock
    test = data.sample(TEST, criterion.test)
    errors = count_errors(network, test)
    return TaskResult(
        network=network,
        mistakes=errors,
        loss=evaluate(network, test, loss),
        baseline=_target_variance(test) if baseline is None else baseline,
        updates=updates,
        sequences=sequences,
        seconds=seconds,
        history=history,
        solved=criterion.is_met(errors),
        stopped=stopped,
    )


class _DataStreams(NamedTuple):
    """The random streams of a seed that sequences of a task come from."""

    task: Task
    seed: int
    centred: bool = False

    def sample(self, stream: int, examples: int) -> TaskData:
        """So many sequences of a stream."""
        key = generator(self.seed, stream)
        return TaskData(self.task, examples, key=key, centred=self.centred)


class Stage(NamedTuple):
    """A part of a training, on sequences of one length.

    Attributes
    ----------
    task
        The task of that length.
    checks
        Number of checks.
    every
        Updates between checks.
    """

    task: Task
    checks: int
    every: int


def stages(task: Task, way: TrainedWay) -> list[Stage]:
    """The shorter tasks of the curriculum, then the task; at most `way.updates` in all."""
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


def _train(
    way: TrainedWay,
    data: _DataStreams,
    hidden: int,
    criterion: Criterion,
    on_check: OnCheck | None,
    clock: float,
) -> tuple[Network, list[Check], str]:
    """Train stage by stage; returns the network, the checks, and why the training ended."""
    task, seed, _ = data
    network = way.network(task, hidden, generator(seed, WEIGHTS))
    _, rebuild = ravel_weights(network)
    validation = data.sample(VALIDATION, criterion.validation)
    checks: list[Check] = []
    earlier: list[Row] = []
    ended = False
    plan = stages(task, way)

    def check(every: int, state, history: list[Row]) -> bool:
        nonlocal ended
        updates = every + (checks[-1].updates if checks else 0)
        sequences, seconds = updates * way.batch_size, time.perf_counter() - clock
        errors = count_errors(rebuild(np.asarray(state.params)), validation)
        losses = history[-1].loss, history[-1].validation_loss
        checks.append(Check(updates, sequences, seconds, *losses, errors))
        rows = earlier + [row._replace(epoch=row.epoch + len(earlier)) for row in history]
        stop = on_check is not None and on_check(rows, checks)
        ended = bool(stop) or criterion.ends(checks)
        return ended

    for stage in plan:
        last = stage is plan[-1]
        fitted = train(
            network,
            data._replace(task=stage.task).sample(TRAINING, stage.every * way.batch_size),
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
        network, earlier = fitted.network, earlier + fitted.history
        if ended:
            break
    updates = checks[-1].updates
    stopped = f"all {updates} updates done"
    if criterion.ends(checks):
        stopped = f"the criterion was met after {updates} updates"
    elif len(checks) < sum(stage.checks for stage in plan):
        stopped = f"stopped after {updates} updates"
    return network, checks, stopped


def _fit_readout(
    way: ReservoirWay, data: _DataStreams, hidden: int, criterion: Criterion
) -> Network:
    """A fixed cell with a readout by ridge regression."""
    task, seed, _ = data
    network = way.network(task, hidden, generator(seed, WEIGHTS))
    training = data.sample(TRAINING, way.training_sequences(task))
    validation = data.sample(VALIDATION, criterion.validation)
    return fit_readout(network, training, validation=validation, key=seed).network


def _target_variance(data: TaskData) -> float:
    """The variance of the targets at each step: the least squared error without the inputs."""
    rows = data.plan(data.examples, None)
    targets = np.asarray(data.batch(jnp.asarray(rows[0])).targets, np.float64)
    targets = targets[rows[0, :, 1] >= 0]
    return float(targets.var(axis=0).mean())


solve = learn_task
"""The earlier name of `learn_task`."""
