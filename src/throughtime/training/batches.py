"""Data on the device, cut into batches by index.

`train` asks its data for a plan, and for a batch for each row of the plan:

- `plan(batch_size, rng)`: the rows of one epoch, shuffled by `rng`, or in order if it is None;
- `batch(row)`: the examples whose indices are in a row, gathered on the device;
- `stateful`: whether the network's state after one row is the state before the next.

Data of your own is an Equinox module with these three, so that its arrays can be on a device.

`Sequences` holds padded sequences, `Windows` cuts windows from long series without copying
them, and `Streams` runs along long series for truncated backpropagation through time.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from throughtime.errors import InputError
from throughtime.recurrence.unroll import check_lengths


class Batch(NamedTuple):
    """Examples for one update.

    Parameters
    ----------
    inputs
        What the network reads, `(batch, time, input)`.
    targets
        What its outputs are compared with, `(batch, time, output)`, or `(batch, output)` for
        outputs after the last step only.
    lengths
        Steps of each example, `(batch,)`; all of them when None.
    weights
        How much each example, `(batch,)`, or each step, `(batch, time)`, counts in the loss; 0
        for padding.
    state
        The network's state before the first step; zeros when None.
    forcing_weights
        How much of each step's input is data, from 0 to 1, `(batch, time)`; the rest is the
        network's own output. All of it is data when None. See `teacher_forcing`.
    """

    inputs: Float[Array, "batch time input"]
    targets: Float[Array, "batch *time output"]
    lengths: Int[Array, " batch"] | None
    weights: Float[Array, "batch *time"]
    state: PyTree = None
    forcing_weights: Float[Array, "batch time"] | None = None


@runtime_checkable
class Data(Protocol):
    """What `train` needs of its data; see the head of this module."""

    @property
    def stateful(self) -> bool:
        """Whether the network's state is carried from each batch to the next."""
        ...

    def plan(
        self, batch_size: int, rng: np.random.Generator | None
    ) -> Int[np.ndarray, "rows ..."]:
        """The rows of indices of one epoch, shuffled by `rng`, or in order if it is None."""
        ...

    def batch(self, row: Int[Array, "..."]) -> Batch:
        """The examples of one row of the plan."""
        ...


class Sequences(eqx.Module):
    """Sequences of any length, padded to the longest, as for classification or tagging.

    Parameters
    ----------
    inputs
        Inputs of all examples, `(examples, time, input)`.
    targets
        Targets, `(examples, time, output)`, or `(examples, output)` for outputs after the last
        step only.
    lengths
        Steps of each example, `(examples,)`, from 0 to those of the inputs; all of them when
        None.

    Raises
    ------
    InputError
        If inputs, targets and lengths are not of the same examples and steps.
    """

    inputs: Float[Array, "examples time input"]
    targets: Float[Array, "examples *time output"]
    lengths: Int[Array, " examples"] | None = None

    def __check_init__(self):
        expected, shape = self.inputs.shape[:2], self.targets.shape
        if self.inputs.ndim != 3:
            rule = "`inputs` must be of shape (examples, time, input)"
            remedy = "Add the axis that is missing, such as `inputs[..., None]`."
            raise InputError(rule, f"shape {self.inputs.shape}", remedy)
        if self.targets.ndim not in (2, 3) or shape[:-1] not in (expected, expected[:1]):
            rule = "`targets` must be (examples, time, output) or (examples, output)"
            got = f"shape {shape} beside inputs of shape {self.inputs.shape}"
            raise InputError(rule, got, "Pass a target for each step, or one for each example.")
        check_lengths(self.lengths, *expected)

    @property
    def stateful(self) -> bool:
        return False

    def plan(
        self, batch_size: int, rng: np.random.Generator | None
    ) -> Int[np.ndarray, "rows batch"]:
        return _rows(self.inputs.shape[0], batch_size, rng)

    def batch(self, row: Int[Array, " batch"]) -> Batch:
        lengths = None if self.lengths is None else self.lengths[row]
        weights = _example_weights(row, self.inputs.dtype)
        return Batch(self.inputs[row], self.targets[row], lengths, weights)


class Windows(eqx.Module):
    r"""Windows of long series, gathered by index.

    The input at step t of a window is $(y_t, u_{t+1}, \dots, u_{t+H})$ and its target is
    $(y_{t+1}, \dots, y_{t+H})$, with y the series, u the inputs known ahead and H the horizon.

    Parameters
    ----------
    targets
        The values y of all series, one series after the other, `(time, target)`.
    inputs
        The inputs u known ahead, in the same order, `(time, input)`.
    starts
        The row at which each window begins, `(windows,)`.
    window
        Steps of a window.
    horizon
        H, the number of steps ahead that are forecast.
    every
        Whether there is a target at every step of a window, or only after its last.
    washout
        With `every`, the number of steps at the start of a window that do not count in the
        loss, because the network has read too little by then.

    Raises
    ------
    InputError
        If a window does not lie within the series.
    """

    targets: Float[Array, "time target"]
    inputs: Float[Array, "time input"]
    starts: Int[Array, " windows"]
    window: int = eqx.field(static=True)
    horizon: int = eqx.field(static=True)
    every: bool = eqx.field(static=True, default=False)
    washout: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        rows, span = min(len(self.targets), len(self.inputs)), self.window + self.horizon
        starts = np.asarray(self.starts)
        if not len(starts) or starts.min() < 0 or starts.max() + span > rows:
            steps = f"{self.window} + {self.horizon} steps"
            rule = f"windows of {steps} must lie in the {rows} rows"
            got = f"starts {starts.min()} to {starts.max()}" if len(starts) else "no start"
            remedy = f"Pass starts from 0 to {rows - span}."
            if rows < span:
                remedy = "Lower `window` or `horizon`, or pass a longer series."
            raise InputError(rule, got, remedy)

    @property
    def stateful(self) -> bool:
        return False

    def plan(
        self, batch_size: int, rng: np.random.Generator | None
    ) -> Int[np.ndarray, "rows batch"]:
        return _rows(self.starts.shape[0], batch_size, rng)

    def batch(self, row: Int[Array, " batch"]) -> Batch:
        steps = self.starts[row][:, None] + jnp.arange(self.window)  # (batch, window)
        ahead = steps[..., None] + jnp.arange(1, self.horizon + 1)  # (batch, window, horizon)
        context = self.targets[steps]
        known = _merge_last_axes(self.inputs[ahead])
        targets = _merge_last_axes(self.targets[ahead if self.every else ahead[:, -1]])
        inputs = jnp.concatenate([context, known], axis=-1)
        weights = _example_weights(row, inputs.dtype)
        if self.every:
            weights = weights[:, None] * (jnp.arange(self.window) >= self.washout)
        return Batch(inputs, targets, None, weights)


class Streams(eqx.Module):
    r"""Long series read side by side in chunks, for truncated backpropagation through time.

    Each update reads the next `chunk` steps of every stream, starting from the state in which
    the chunk before ended, and no gradient crosses the border between two chunks (Williams and
    Peng 1990).

    Parameters
    ----------
    inputs
        What the network reads, `(stream, time, input)`; `time` is a multiple of `chunk`.
    targets
        What its outputs are compared with, `(stream, time, output)`.
    weights
        How much each step counts in the loss, `(stream, time)`; 0 where a shorter stream is
        padded.
    chunk
        Steps that the gradient flows through.

    Raises
    ------
    InputError
        If inputs, targets and weights are not of the same steps, or the steps are not whole
        chunks.
    """

    inputs: Float[Array, "stream time input"]
    targets: Float[Array, "stream time output"]
    weights: Float[Array, "stream time"]
    chunk: int = eqx.field(static=True)

    def __check_init__(self):
        shapes = [array.shape for array in (self.inputs, self.targets, self.weights)]
        if len({shape[:2] for shape in shapes}) > 1:
            rule = "inputs, targets and weights must be of the same streams and steps"
            remedy = "Pass arrays (stream, time, ...) of the same length."
            raise InputError(rule, f"shapes {', '.join(map(str, shapes))}", remedy)
        if self.chunk < 1 or shapes[0][1] % self.chunk:
            rule = "the steps of a stream must be whole chunks"
            got = f"{shapes[0][1]} steps in chunks of {self.chunk}"
            raise InputError(rule, got, "Cut the series by `Streams.cut`, which pads it.")

    @property
    def stateful(self) -> bool:
        return True

    @classmethod
    def cut(
        cls,
        inputs: Float[Array, "time input"],
        targets: Float[Array, "time output"],
        chunk: int,
        streams: int = 1,
    ) -> "Streams":
        """Cut one long series into streams of equal length, the last one padded.

        Parameters
        ----------
        inputs
            Inputs of the whole series, `(time, input)`.
        targets
            Targets of the whole series, `(time, output)`.
        chunk
            Steps that the gradient flows through.
        streams
            The number of streams.

        Returns
        -------
        Streams
            The series, side by side.

        Raises
        ------
        InputError
            For more streams than steps, or a chunk of no steps.
        """
        time = inputs.shape[0]
        if not 1 <= streams <= time:
            rule = f"`streams` must be between 1 and the {time} steps of the series"
            raise InputError(rule, streams, "Lower `streams`.")
        if chunk < 1:
            raise InputError("`chunk` must be at least 1", chunk, "Raise `chunk`.")
        length = -(-time // streams)
        length = -(-length // chunk) * chunk
        pad = streams * length - time

        def stretch(values):
            values = jnp.pad(values, ((0, pad), (0, 0)))
            return values.reshape(streams, length, values.shape[-1])

        weights = stretch(jnp.ones((time, 1), inputs.dtype))[..., 0]
        return cls(stretch(inputs), stretch(targets), weights, chunk)

    @classmethod
    def join(cls, streams: "list[Streams]") -> "Streams":
        """Put several side by side, the shorter ones padded to the longest."""
        time = max(stream.inputs.shape[1] for stream in streams)

        def pad(values):
            widths = [(0, 0), (0, time - values.shape[1])] + [(0, 0)] * (values.ndim - 2)
            return jnp.pad(values, widths)

        def side_by_side(*values):
            return jnp.concatenate([pad(value) for value in values])

        return jax.tree.map(side_by_side, *streams)

    def plan(
        self, batch_size: int, rng: np.random.Generator | None
    ) -> Int[np.ndarray, " rows"]:
        return np.arange(
            self.inputs.shape[1] // self.chunk
        )  # (in order of time: never shuffled)

    def batch(self, row: Int[Array, ""]) -> Batch:
        def chunk(values):
            return jax.lax.dynamic_slice_in_dim(values, row * self.chunk, self.chunk, axis=1)

        return Batch(chunk(self.inputs), chunk(self.targets), None, chunk(self.weights))


def _rows(examples: int, batch_size: int, rng: np.random.Generator | None):
    """The indices of all examples in rows of `batch_size`; -1 fills up the last row."""
    order = np.arange(examples) if rng is None else rng.permutation(examples)
    fill = -examples % batch_size
    return np.pad(order, (0, fill), constant_values=-1).reshape(-1, batch_size)


def _example_weights(row: Int[Array, " batch"], dtype) -> Float[Array, " batch"]:
    """1 for each example, 0 for each -1 that fills up the row."""
    return (row >= 0).astype(dtype)


def _merge_last_axes(values: Array) -> Array:
    """The last two axes merged into one."""
    return values.reshape(*values.shape[:-2], values.shape[-2] * values.shape[-1])
