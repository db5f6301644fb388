r"""Echo state networks: a reservoir that is drawn, and a readout found by ridge regression.

$$h_t = (1 - a) h_{t-1} + a \, f(W h_{t-1} + U x_t + F y_{t-1} + b), \qquad
  \hat y_t = V h_t + c$$

(Jaeger 2001). x are inputs known at the step, y is what is learnt. In training the true y is
fed back (teacher forcing); left alone, the network feeds back its own $\hat y$. A reservoir
whose F has no columns feeds nothing back and maps x to y.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from numbers import Integral
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse as sparse
from jaxtyping import Float, Num, Shaped

from throughtime._support.memory import require_memory
from throughtime._support.seeds import Key, generator
from throughtime.errors import InputError, at_least_one
from throughtime.recurrence.reservoir_weights import Reservoir

from .ridge import Block, Gram, Readout, RidgePath, Triangle
from .states import Values, columns, drive, run, several, step

Series = Float[np.ndarray, "time output"]

BLOCK = 2**20
"""Numbers in a block of states: 8 MiB."""


class Memory(NamedTuple):
    """Where a network stands: the state h after the last step, and the y to be fed back."""

    h: Float[np.ndarray, "*batch units"]
    y: Float[np.ndarray, "*batch output"]


@dataclass(frozen=True)
class Training:
    r"""How the regression is set up.

    Attributes
    ----------
    washout
        Steps of each series that do not count, because the state still holds where it began.
    state_noise
        Standard deviation of $\nu$, added to every state.
    feedback_noise
        Of what is added to the true y that is fed back.
    regression
        "qr" keeps all digits, "gram" takes about half the time; see `ridge.py`.
    seed
        Of the noise.
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
            raise InputError(rule, self.washout, "Change `washout`.")
        for name in ("state_noise", "feedback_noise"):
            if not 0 <= getattr(self, name) < np.inf:
                rule = f"`{name}` must be 0 or more, and finite"
                raise InputError(rule, getattr(self, name), f"Raise `{name}`.")
        if self.regression not in ("qr", "gram"):
            rule = "`regression` must be known"
            raise InputError(rule, self.regression, 'Pass "qr" or "gram".')


@dataclass(frozen=True)
class EchoStateNetwork:
    """A reservoir with its readout; see the head of this module.

    Attributes
    ----------
    readout
        V and c.
    ridge
        The penalty that it was found with.
    memory
        Where the training data ended, so that `generate` goes on from there.
    """

    reservoir: Reservoir
    readout: Readout
    ridge: float | int
    memory: Memory

    @classmethod
    def fit(
        cls,
        reservoir: Reservoir,
        series: Values | Sequence[Values],
        inputs: Values | Sequence[Values] | None = None,
        ridge: float | int | None = None,
        training: Training | None = None,
    ) -> "EchoStateNetwork":
        """Fit the readout to one series or several.

        Parameters
        ----------
        series
            Y, `(time, output)`, or a list of such; `(time,)` is one column.
        inputs
            X likewise.
        ridge
            The penalty; by generalised cross-validation if None.
        training
            Washout, noise and kind of regression.

        Raises
        ------
        InputError
            For data that do not fit the reservoir or each other, a washout that leaves no step,
            and a singular system.
        """
        fitting = EchoStateFitting(reservoir, training or Training())
        all_series = several(series)
        all_inputs = [None] * len(all_series) if inputs is None else several(inputs)
        if len(all_series) != len(all_inputs) or not all_series:
            got = f"{len(all_series)} and {len(all_inputs)}"
            raise InputError("there must be inputs for each series", got, "Pass as many.")
        for y, x in zip(all_series, all_inputs, strict=True):
            fitting.add(y, x)
        return cls(*fitting.solve(ridge))

    def predict(
        self,
        series: Values | None,
        inputs: Values | None = None,
        memory: Memory | None = None,
    ) -> tuple[Series, Memory]:
        """One step ahead along data: y at each step from all before it.

        Parameters
        ----------
        series
            The true y, `(time, output)`; None if nothing is fed back.
        inputs
            X at the same steps.
        memory
            Where to begin; at rest if None.

        Returns
        -------
        tuple[Series, Memory]
            The predictions, `(time, output)`, and the memory after the last step.

        Raises
        ------
        InputError
            For data or a memory that do not fit the network.
        """
        outputs = len(self.readout.c)
        if series is None:
            steps = 0 if inputs is None else len(inputs)
            series = np.zeros((steps, outputs))
            if self.reservoir.F.shape[1]:
                rule = "`series` must be given where it is fed back"
                raise InputError(rule, None, "Pass `series`, or use `generate`.")
        series, inputs = _checked(self.reservoir, series, inputs, outputs)
        memory = self._fitting(memory or rest(self.reservoir, outputs), stacked=False)
        predictions = np.empty(series.shape)
        for rows, states in _states(self.reservoir, series, inputs, memory, None):
            predictions[rows] = self.readout(states)
            memory = Memory(states[-1], series[rows][-1])
        return predictions, memory

    def generate(
        self,
        steps: int,
        memory: Memory | None = None,
        inputs: Num[np.ndarray, "steps *batch_and_input"] | None = None,
    ) -> Float[np.ndarray, "steps *batch output"]:
        """Run free: each prediction is fed back.

        Parameters
        ----------
        steps
            How many.
        memory
            From `predict`, or several stacked; the end of the training data if None.
        inputs
            x of those steps, `(steps, input)`, if the reservoir has any; with several memories
            `(steps, batch, input)`.

        Returns
        -------
        Float[np.ndarray, 'steps *batch output']
            y of each step. One that diverges is infinite.

        Raises
        ------
        InputError
            For less than one step, and inputs or a memory that do not fit the network.
        """
        at_least_one("steps", steps)
        h, y = self._fitting(memory or self.memory)
        if inputs is None:
            inputs = np.zeros((steps, *h.shape[:-1], 0))
        inputs = np.asarray(inputs, np.float64)
        if inputs.ndim == h.ndim == 1:
            inputs = inputs[:, None]
        if inputs.shape != (steps, *h.shape[:-1], self.reservoir.U.shape[1]):
            rule = f"`inputs` must be {self.reservoir.U.shape[1]} for each of {steps} steps"
            raise InputError(rule, f"shape {inputs.shape}", "Pass the inputs of those steps.")
        outputs = np.empty((steps, *y.shape))
        with np.errstate(over="ignore", invalid="ignore"):
            for t in range(steps):
                fed = y[..., : self.reservoir.F.shape[1]]
                h = step(self.reservoir, drive(self.reservoir, inputs[t], fed), h)
                outputs[t] = y = self.readout(h)
        return outputs

    def _fitting(self, memory: Memory, stacked: bool = True) -> Memory:
        """The memory, if it is of this network; refuses another."""
        (h, y), units, outputs = memory, self.reservoir.units, len(self.readout.c)
        runs = h.shape[:-1]
        if (h.shape, y.shape) != ((*runs, units), (*runs, outputs)) or len(runs) > int(stacked):
            rule = f"a memory must be of shapes ({units},) and ({outputs},)"
            rule += ", or several stacked" if stacked else ""
            remedy = "Pass one that `predict` of this network gave."
            raise InputError(rule, f"{h.shape} and {y.shape}", remedy)
        return memory

    def arrays(self) -> dict[str, Shaped[np.ndarray, "..."]]:
        """All of it as plain arrays by name, to be saved; `from_arrays` reads them."""
        r = self.reservoir
        W = sparse.csr_array(r.W)
        return {
            **{"W.data": W.data, "W.indices": W.indices, "W.indptr": W.indptr},
            **{"U": r.U, "F": r.F, "b": r.b, "leak": np.array(r.leak)},
            "linear": np.array(r.activation == "linear"),
            "sparse": np.array(sparse.issparse(r.W)),
            **{"V": self.readout.V, "c": self.readout.c, "ridge": np.array(self.ridge)},
            **{"memory.h": self.memory.h, "memory.y": self.memory.y},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Shaped[np.ndarray, "..."]]) -> "EchoStateNetwork":
        """The network whose `arrays` these are."""
        of = dict(arrays)
        n = len(of["b"])
        W = sparse.csr_array((of["W.data"], of["W.indices"], of["W.indptr"]), shape=(n, n))
        activation = "linear" if of["linear"] else "tanh"
        W = W if of["sparse"] else W.toarray()
        reservoir = Reservoir(W, of["U"], of["F"], of["b"], float(of["leak"]), activation)
        memory = Memory(of["memory.h"], of["memory.y"])
        return cls(reservoir, Readout(of["V"], of["c"]), float(of["ridge"]), memory)


class EchoStateFitting:
    """The sums of a regression that is under way, for a series larger than memory.

    `add` takes one series, or the next chunk of one. Sums of several machines `merge`.
    """

    def __init__(self, reservoir: Reservoir, training: Training):
        self.reservoir, self.training = reservoir, training
        self.sums: Gram | Triangle | None = None
        self._noise = tuple(generator(training.seed, stream) for stream in (1, 2))
        self._memory: Memory | None = None
        self._seen = 0

    def add(self, series: Values, inputs: Values | None = None, *, resume: bool = False):
        """Take in a series; with `resume`, as what comes next in the one before.

        Raises
        ------
        InputError
            For data that do not fit the reservoir, each other or the series before, and if that
            was no longer than the washout.
        """
        series, inputs = _checked(self.reservoir, series, inputs, self._outputs())
        if not resume or self._memory is None:
            self._ended()
            self._memory, self._seen = rest(self.reservoir, series.shape[1]), 0
        blocks = self._harvest(series, inputs)
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
        """Take in the sums of another fitting of this reservoir.

        Raises
        ------
        InputError
            If it is of another reservoir, or by the other kind of regression.
        """
        if not _same(self.reservoir, other.reservoir):
            rule = "fits that are merged must be of one reservoir"
            raise InputError(rule, "two that differ", "Draw both with one design and seed.")
        self._ended()
        other._ended()
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
        """What an `EchoStateNetwork` is made of; `ridge` as in its `fit`."""
        sums = self._complete()
        memory = self._memory or rest(self.reservoir, sums.targets)
        if ridge is not None:
            return self.reservoir, sums.solve(ridge), ridge, memory
        path = sums.path()
        ridge = path.best()
        return self.reservoir, path.solve(ridge), ridge, memory

    def _complete(self) -> Gram | Triangle:
        self._ended()
        if self.sums is None:
            raise InputError("a fit needs data", "none", "Call `add` first.")
        return self.sums

    def _outputs(self) -> int | None:
        """The columns of the series so far."""
        if self.sums is not None:
            return self.sums.targets
        return None if self._memory is None else len(self._memory.y)

    def _ended(self):
        if self._memory is not None and self._seen <= self.training.washout:
            rule = "`washout` must be shorter than the series"
            got = f"{self.training.washout} of {self._seen} steps"
            raise InputError(rule, got, "Lower `washout`, or pass a longer series.")

    def _harvest(self, series, inputs) -> Iterator[Block]:
        """States and targets that count, a block at a time; at the end the memory moves on."""
        memory, seen = self._memory, self._seen
        noise = self.training, self._noise
        for rows, states in _states(self.reservoir, series, inputs, memory, noise):
            if not np.isfinite(states[-1]).all():
                rule = "the states must stay finite"
                raise InputError(rule, "an overflow", "Lower the radius, or use tanh units.")
            memory = Memory(states[-1], series[rows][-1])
            kept = slice(max(0, self.training.washout - seen), None)
            seen += len(states)
            if len(states[kept]):
                yield states[kept], series[rows][kept]
        self._memory, self._seen = memory, seen


def rest(reservoir: Reservoir, outputs: int) -> Memory:
    """A network that has seen nothing."""
    return Memory(np.zeros(reservoir.units, reservoir.dtype), np.zeros(outputs))


def _same(one: Reservoir, other: Reservoir) -> bool:
    """Whether two reservoirs give the same states."""
    if one is other:
        return True
    if (one.leak, one.activation, one.dtype) != (other.leak, other.activation, other.dtype):
        return False
    if not all(np.array_equal(getattr(one, name), getattr(other, name)) for name in "UFb"):
        return False
    if type(one.W) is not type(other.W):
        return False
    apart: Any = one.W != other.W
    return not apart.sum()


def _states(reservoir, series, inputs, memory, noise) -> Iterator:
    """The states along data with the true y fed back, a block of steps at a time."""
    n, fed = reservoir.units, reservoir.F.shape[1]
    block = max(BLOCK // n, 1)
    require_memory(8.0 * n * (min(block, len(series)) + 5 * n), "states and their products")
    h, last = memory
    for start in range(0, len(series), block):
        rows = slice(start, min(start + block, len(series)))
        before = np.concatenate([last[None], series[rows][:-1]])[:, :fed]
        shape, nu = (len(before), n), None
        if noise is not None:
            training, (state_rng, feedback_rng) = noise
            if training.feedback_noise:
                extra = feedback_rng.normal(size=before.shape)
                before = before + training.feedback_noise * extra
            if training.state_noise:
                nu = training.state_noise * state_rng.normal(size=shape)
        states = run(reservoir, drive(reservoir, inputs[rows], before), h, nu)
        h, last = states[-1], series[rows][-1]
        yield rows, states


def _checked(reservoir, series, inputs, outputs=None):
    """Both as arrays of float64; refuses what does not fit the reservoir, or `outputs`."""
    series = columns("series", series, outputs)
    inputs = np.zeros((len(series), 0)) if inputs is None else columns("inputs", inputs)
    size, fed = reservoir.U.shape[1], reservoir.F.shape[1]
    if fed not in (0, series.shape[1]):
        rule = f"`series` must have the {fed} columns that the reservoir feeds back"
        raise InputError(rule, series.shape[1], "Draw a reservoir with as many `outputs`.")
    if inputs.shape != (len(series), size):
        rule = f"`inputs` must be of shape ({len(series)}, {size})"
        raise InputError(rule, inputs.shape, "Pass as many inputs as the reservoir has.")
    return series, inputs
