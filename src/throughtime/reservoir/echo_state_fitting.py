"""Fitting the readout of an echo state network: teacher-forced states, and their regression."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from numbers import Integral
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from throughtime._support.memory import require_memory
from throughtime._support.seeds import Key, generator
from throughtime.errors import InputError
from throughtime.recurrence.reservoir_weights import Reservoir

from .regression_sums import Block, Gram, Triangle
from .ridge import Readout, RidgePath
from .states import SeriesLike, as_columns, drive, run

BLOCK = 2**20
"""Numbers in a block of states: 8 MiB."""


class Memory(NamedTuple):
    """Where a network stands: the state h after the last step, and the y to be fed back."""

    h: Float[np.ndarray, "*batch units"]
    y: Float[np.ndarray, "*batch output"]


@dataclass(frozen=True)
class Training:
    r"""How the regression is set up.

    Parameters
    ----------
    washout
        Steps at the start of each series that are left out of the regression, because the state
        still depends on where it began.
    state_noise
        Standard deviation of $\nu$, the noise added to every state.
    feedback_noise
        Standard deviation of the noise added to the true y that is fed back.
    regression
        "qr" keeps all digits, "gram" takes about half the time; see `regression_sums.py`.
    seed
        Seed of the noise.

    Raises
    ------
    InputError
        For a value out of its range.
    """

    washout: int = 100
    state_noise: float | int = 0.0
    feedback_noise: float | int = 0.0
    regression: Literal["qr", "gram"] = "qr"
    seed: Key = 0

    def __post_init__(self):
        whole = isinstance(self.washout, Integral) and not isinstance(self.washout, bool)
        if not whole or self.washout < 0:
            rule = "`washout` must be a whole number of 0 or more"
            raise InputError(rule, self.washout, "Pass a number of steps, such as 100.")
        for name in ("state_noise", "feedback_noise"):
            if not 0 <= getattr(self, name) < np.inf:
                rule = f"`{name}` must be 0 or more, and finite"
                remedy = "Pass 0 for no noise, or a positive number."
                raise InputError(rule, getattr(self, name), remedy)
        if self.regression not in ("qr", "gram"):
            rule = "`regression` must be known"
            raise InputError(rule, self.regression, 'Pass "qr" or "gram".')


class EchoStateFitting:
    """A regression in progress, for a series larger than memory.

    `add` takes one series, or the next chunk of one. The sums of several machines `merge`.

    Parameters
    ----------
    reservoir
        The reservoir whose readout is fitted.
    training
        Washout, noise and kind of regression.
    """

    def __init__(self, reservoir: Reservoir, training: Training):
        self.reservoir, self.training = reservoir, training
        self.sums: Gram | Triangle | None = None
        self._noise = tuple(generator(training.seed, stream) for stream in (1, 2))
        self._memory: Memory | None = None
        self._steps = 0

    def add(
        self, series: SeriesLike, inputs: SeriesLike | None = None, *, resume: bool = False
    ) -> None:
        """Add a series; with `resume`, as the continuation of the one before.

        Parameters
        ----------
        series
            y, `(time, output)`; `(time,)` is one column.
        inputs
            x of the same steps.
        resume
            Whether the series goes on where the one before ended.

        Raises
        ------
        InputError
            For data that do not match the reservoir, each other or the series before, and if
            the series before was no longer than the washout.
        """
        series, inputs = check_data(self.reservoir, series, inputs, self._outputs())
        if not resume or self._memory is None:
            self._check_washout()
            self._memory, self._steps = zero_memory(self.reservoir, series.shape[1]), 0
        blocks = self._after_washout(series, inputs)
        first = next(blocks, None)
        if first is None:
            return
        blocks = chain([first], blocks)
        if self.sums is None:
            kind = Gram if self.training.regression == "gram" else Triangle
            self.sums = kind.of_blocks(blocks)
        else:
            self.sums = self.sums.add_blocks(blocks)

    def merge(self, other: "EchoStateFitting") -> None:
        """Add the sums of another fitting of the same reservoir.

        Raises
        ------
        InputError
            If the reservoirs or the kinds of regression differ.
        """
        if not _same_weights(self.reservoir, other.reservoir):
            rule = "fits that are merged must be of one reservoir"
            raise InputError(rule, "two that differ", "Draw both with one design and seed.")
        self._check_washout()
        other._check_washout()
        if self.sums is None or other.sums is None:
            self.sums = self.sums or other.sums
            return
        if type(self.sums) is not type(other.sums):
            kinds = f"{self.training.regression} and {other.training.regression}"
            remedy = "Fit both with one `regression`."
            raise InputError("sums that are merged must be of one kind", kinds, remedy)
        self.sums = self.sums.merge(other.sums)  # pyright: ignore[reportArgumentType]

    def path(self) -> RidgePath:
        """The readout at every penalty; see `RidgePath`."""
        return self._complete().path()

    def solve(
        self, ridge: float | int | None = None
    ) -> tuple[Reservoir, Readout, float, Memory]:
        """The parts of an `EchoStateNetwork`; for `ridge` see `EchoStateNetwork.fit`."""
        sums = self._complete()
        memory = self._memory or zero_memory(self.reservoir, sums.targets)
        if ridge is not None:
            return self.reservoir, sums.solve(ridge), ridge, memory
        path = sums.path()
        ridge = path.best()
        return self.reservoir, path.solve(ridge), ridge, memory

    def _complete(self) -> Gram | Triangle:
        self._check_washout()
        if self.sums is None:
            raise InputError("a fit needs data", "none", "Call `add` first.")
        return self.sums

    def _outputs(self) -> int | None:
        """The number of columns of the series so far."""
        if self.sums is not None:
            return self.sums.targets
        return None if self._memory is None else len(self._memory.y)

    def _check_washout(self):
        """Refuse to end a series that was no longer than the washout."""
        if self._memory is not None and self._steps <= self.training.washout:
            rule = "`washout` must be shorter than the series"
            got = f"{self.training.washout} of {self._steps} steps"
            raise InputError(rule, got, "Lower `washout`, or pass a longer series.")

    def _after_washout(self, series, inputs) -> Iterator[Block]:
        """States and targets after the washout, block by block; then the memory is updated."""
        memory, done = self._memory, self._steps
        noise = self.training, self._noise
        for rows, states in teacher_forced_states(
            self.reservoir, series, inputs, memory, noise
        ):
            if not np.isfinite(states[-1]).all():
                rule = "the states must stay finite"
                raise InputError(rule, "an overflow", "Lower the radius, or use tanh units.")
            memory = Memory(states[-1], series[rows][-1])
            washed_out = slice(max(0, self.training.washout - done), None)
            done += len(states)
            if len(states[washed_out]):
                yield states[washed_out], series[rows][washed_out]
        self._memory, self._steps = memory, done


def zero_memory(reservoir: Reservoir, outputs: int) -> Memory:
    """The memory of a network before its first step: all zero."""
    return Memory(np.zeros(reservoir.units, reservoir.dtype), np.zeros(outputs))


def _same_weights(one: Reservoir, other: Reservoir) -> bool:
    """Whether two reservoirs give the same states."""
    if one is other:
        return True
    if (one.leak, one.activation, one.dtype) != (other.leak, other.activation, other.dtype):
        return False
    if not all(np.array_equal(getattr(one, name), getattr(other, name)) for name in "UFb"):
        return False
    if type(one.W) is not type(other.W):
        return False
    differs: Any = one.W != other.W
    return not differs.sum()


def teacher_forced_states(reservoir, series, inputs, memory, noise) -> Iterator:
    """The states along data with the true y fed back, a block of steps at a time.

    Parameters
    ----------
    noise
        None, or the `Training` and its random generators for the states and the feedback.

    Yields
    ------
    tuple[slice, Float[np.ndarray, "block units"]]
        The steps of a block, and the state after each.
    """
    n, feedback_size = reservoir.units, reservoir.F.shape[1]
    block = max(BLOCK // n, 1)
    require_memory(8.0 * n * (min(block, len(series)) + 5 * n), "states and their products")
    h, last = memory
    for start in range(0, len(series), block):
        rows = slice(start, min(start + block, len(series)))
        feedback = np.concatenate([last[None], series[rows][:-1]])[:, :feedback_size]
        nu = None
        if noise is not None:
            training, (state_rng, feedback_rng) = noise
            if training.feedback_noise:
                extra = feedback_rng.normal(size=feedback.shape)
                feedback = feedback + training.feedback_noise * extra
            if training.state_noise:
                nu = training.state_noise * state_rng.normal(size=(len(feedback), n))
        states = run(reservoir, drive(reservoir, inputs[rows], feedback), h, nu)
        h, last = states[-1], series[rows][-1]
        yield rows, states


def check_data(reservoir, series, inputs, outputs=None):
    """Series and inputs in float64; refuses what does not match the reservoir or `outputs`."""
    series = as_columns("series", series, outputs)
    inputs = np.zeros((len(series), 0)) if inputs is None else as_columns("inputs", inputs)
    size, feedback_size = reservoir.U.shape[1], reservoir.F.shape[1]
    if feedback_size not in (0, series.shape[1]):
        rule = f"`series` must have the {feedback_size} columns that the reservoir feeds back"
        raise InputError(rule, series.shape[1], "Draw a reservoir with as many `outputs`.")
    if inputs.shape != (len(series), size):
        rule = f"`inputs` must be of shape ({len(series)}, {size})"
        remedy = "Pass a row for each step, and as many inputs as the reservoir has."
        raise InputError(rule, inputs.shape, remedy)
    return series, inputs
