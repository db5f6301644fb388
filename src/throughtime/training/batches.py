"""Data on the device, cut into batches by index.

What `train` takes is a plan and a batch for each of its rows:

- `plan(batch_size, rng)`: the rows of one epoch, shuffled by `rng` or in order without;
- `batch(row)`: the examples that a row names, gathered on the device;
- `stateful`: whether the state after one row is the state before the next.

Data of your own is an Equinox module with these three, so that it can be on a device.

`Sequences` holds padded sequences, `Windows` cuts windows from long series without ever
copying them out, `Streams` runs along long series for truncated backpropagation.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from throughtime.errors import InputError


class Batch(NamedTuple):
    """Examples for one update.

    Attributes
    ----------
    inputs
        `(batch, time, input)`.
    targets
        `(batch, time, output)`, or `(batch, output)` for the last step only.
    lengths
        How many steps of each example count; all when None.
    weights
        How much each example, or each of its steps, counts; 0 for padding.
    state
        Of the network before the first step; zeros when None.
    forced
        How much of each step is read from the inputs, and not from what the network said, from
        0 to 1; all when None. See `teacher_forcing`.
    """

    inputs: Float[Array, "batch time input"]
    targets: Float[Array, "batch *time output"]
    lengths: Int[Array, " batch"] | None
    weights: Float[Array, "batch *time"]
    state: PyTree = None
    forced: Float[Array, "batch time"] | None = None


@runtime_checkable
class Data(Protocol):
    """What `train` needs of data; see the head of this module."""

    @property
    def stateful(self) -> bool: ...

    def plan(
        self, batch_size: int, rng: np.random.Generator | None
    ) -> Int[np.ndarray, "rows ..."]: ...

    def batch(self, row: Int[Array, "..."]) -> Batch: ...


class Sequences(eqx.Module):
    """Sequences of any length, padded to the longest: a classification or tagging set.

    **Arguments:** `inputs`, `targets` and `lengths` as in `Batch`, over all examples.
    """

    inputs: Float[Array, "examples time input"]
    targets: Float[Array, "examples *time output"]
    lengths: Int[Array, " examples"] | None = None

    @property
    def stateful(self) -> bool:
        return False

    def plan(
        self, batch_size: int, rng: np.random.Generator | None
    ) -> Int[np.ndarray, "rows batch"]:
        return _rows(self.inputs.shape[0], batch_size, rng)

    def batch(self, row: Int[Array, " batch"]) -> Batch:
        lengths = None if self.lengths is None else self.lengths[row]
        weights = _present(row, self.inputs.dtype)
        return Batch(self.inputs[row], self.targets[row], lengths, weights)


class Windows(eqx.Module):
    r"""Windows of long series, gathered by index.

    The input at step t of a window is $(y_t, u_{t+1}, \dots, u_{t+H})$ and its target is
    $(y_{t+1}, \dots, y_{t+H})$, with y the series, u the inputs known ahead and H the horizon.

    Attributes
    ----------
    targets
        y of all series, one after the other, `(time, target)`.
    inputs
        U likewise, `(time, input)`.
    starts
        Where each window begins.
    window
        Steps of context.
    horizon
        H.
    every
        Targets at every step of the window, or only after its last.
    washout
        With `every`, the first steps of a window that do not count in the loss, because the
        network has seen too little by then.
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
            raise InputError(rule, got, "Pass starts from 0 on that leave room for a window.")

    @property
    def stateful(self) -> bool:
        return False

    def plan(
        self, batch_size: int, rng: np.random.Generator | None
    ) -> Int[np.ndarray, "rows batch"]:
        return _rows(self.starts.shape[0], batch_size, rng)

    def batch(self, row: Int[Array, " batch"]) -> Batch:
        first = self.starts[row][:, None] + jnp.arange(self.window)  # (batch, window)
        ahead = first[..., None] + jnp.arange(1, self.horizon + 1)  # (batch, window, horizon)
        context = self.targets[first]
        known = _flat(self.inputs[ahead])
        asked = _flat(self.targets[ahead if self.every else ahead[:, -1]])
        inputs = jnp.concatenate([context, known], axis=-1)
        weights = _present(row, inputs.dtype)
        if self.every:
            weights = weights[:, None] * (jnp.arange(self.window) >= self.washout)
        return Batch(inputs, asked, None, weights)


class Streams(eqx.Module):
    r"""Long series read side by side in chunks, for truncated backpropagation through time.

    Each update sees the next `chunk` steps of every stream, starts from the state that the
    chunk before ended in, and sends no gradient across that border (Williams and Peng 1990).

    Attributes
    ----------
    inputs, targets
        `(stream, time, feature)`; `time` is a multiple of `chunk`.
    weights
        `(stream, time)`; 0 where a shorter stream is padded.
    chunk
        Steps between two cuts of the gradient.
    """

    inputs: Float[Array, "stream time input"]
    targets: Float[Array, "stream time output"]
    weights: Float[Array, "stream time"]
    chunk: int = eqx.field(static=True)

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
        """One long series as `streams` stretches of equal length, the last one padded.

        Raises
        ------
        InputError
            For more streams than steps, or an empty chunk.
        """
        time = inputs.shape[0]
        if not 1 <= streams <= time:
            rule = f"`streams` must be between 1 and the {time} steps of the series"
            raise InputError(rule, streams, "Lower `streams`.")
        if chunk < 1:
            raise InputError("`chunk` must be at least 1", chunk, "Raise `chunk`.")
        long = -(-time // streams)
        long = -(-long // chunk) * chunk
        pad = streams * long - time

        def stretch(values):
            values = jnp.pad(values, ((0, pad), (0, 0)))
            return values.reshape(streams, long, values.shape[-1])

        weights = stretch(jnp.ones((time, 1), inputs.dtype))[..., 0]
        return cls(stretch(inputs), stretch(targets), weights, chunk)

    @classmethod
    def join(cls, streams: "list[Streams]") -> "Streams":
        """Several side by side, the shorter ones padded to the longest."""
        time = max(one.inputs.shape[1] for one in streams)

        def pad(values):
            behind = [(0, 0), (0, time - values.shape[1])] + [(0, 0)] * (values.ndim - 2)
            return jnp.pad(values, behind)

        def side_by_side(*values):
            return jnp.concatenate([pad(value) for value in values])

        return jax.tree.map(side_by_side, *streams)

    def plan(
        self, batch_size: int, rng: np.random.Generator | None
    ) -> Int[np.ndarray, " rows"]:
        return np.arange(self.inputs.shape[1] // self.chunk)  # time has an order

    def batch(self, row: Int[Array, ""]) -> Batch:
        def chunk(values):
            return jax.lax.dynamic_slice_in_dim(values, row * self.chunk, self.chunk, axis=1)

        return Batch(chunk(self.inputs), chunk(self.targets), None, chunk(self.weights))


def _rows(examples: int, batch_size: int, rng: np.random.Generator | None):
    """Indices in rows of `batch_size`; the last row is filled up with -1."""
    order = np.arange(examples) if rng is None else rng.permutation(examples)
    fill = -examples % batch_size
    return np.pad(order, (0, fill), constant_values=-1).reshape(-1, batch_size)


def _present(row: Int[Array, " batch"], dtype) -> Float[Array, " batch"]:
    return (row >= 0).astype(dtype)


def _flat(values: PyTree) -> Array:
    """The last two axes as one."""
    return values.reshape(*values.shape[:-2], values.shape[-2] * values.shape[-1])
