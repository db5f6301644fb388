"""A long-range task as training data: sequences sampled anew in every epoch, on the device."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from throughtime._support.seeds import Key, generator
from throughtime.errors import InputError
from throughtime.training.batches import Batch

from .definition import Enumeration, Example, Task


class TaskData(eqx.Module):
    """Sequences of a task as data for `train`, sampled batch by batch and never stored.

    An example is identified by two whole numbers, a stream and its number in the stream, and
    its random key is made from these and `key` alone, so it does not depend on how batches are
    split. Each epoch of a training is a stream of its own, at random from 1 on. Stream 0 is the
    fixed one for validation and tests, which therefore never see a sequence of a training. For
    validation and test sets that differ from each other, pass different keys.

    Where a task has no more sequences than `examples` (32 in 5-bit memorisation), the fixed
    stream holds all of them, in order.

    Parameters
    ----------
    task
        The task that is sampled.
    examples
        Sequences in an epoch, and in the fixed stream.
    key
        A seed, or a `jax.random` key.
    centred
        Subtract the task's mean input at each step and its mean target, so that both have mean
        zero (Sutskever et al. 2013); targets that are classes are left as they are.

    Raises
    ------
    InputError
        For less than one example.
    """

    key: PRNGKeyArray
    task: Task = eqx.field(static=True)
    examples: int = eqx.field(static=True)
    centred: bool = eqx.field(static=True)

    def __init__(self, task: Task, examples: int, *, key: Key, centred: bool = False):
        if examples < 1:
            remedy = "Pass a number of sequences, such as 1000."
            raise InputError("`examples` must be at least 1", examples, remedy)
        self.key = jax.random.key(generator(key).integers(2**31))
        self.task, self.examples, self.centred = task, examples, centred

    @property
    def stateful(self) -> bool:
        """False: no state is carried from batch to batch."""
        return False

    def plan(
        self, batch_size: int, rng: np.random.Generator | None
    ) -> Int[np.ndarray, "rows batch 2"]:
        """Stream and number of each example of an epoch, in rows of a batch.

        The last row is filled up with -1. Without a generator, the epoch is the fixed stream.
        """
        stream = 0 if rng is None else int(rng.integers(1, 2**31))
        every = self._enumeration if rng is None else None
        number = np.arange(self.examples if every is None else every.size)
        examples = np.stack([np.full_like(number, stream), number], axis=-1)
        padding = -len(examples) % batch_size
        examples = np.pad(examples, ((0, padding), (0, 0)), constant_values=-1)
        return examples.reshape(-1, batch_size, 2)

    def batch(self, row: Int[Array, "batch 2"]) -> Batch:
        """Sample the examples of a row of the plan; the filling has a weight of 0."""
        inputs, targets, lengths = jax.vmap(self._example)(row)
        if self.centred:
            mean = jnp.asarray(self.task.input_mean, inputs.dtype)
            valid = True
            if lengths is not None:  # the padding stays zero
                valid = jnp.arange(inputs.shape[1])[:, None] < lengths[:, None, None]
            inputs = jnp.where(valid, inputs - mean, 0)
            if self.task.target_mean is not None:
                targets = targets - jnp.asarray(self.task.target_mean, targets.dtype)
        return Batch(inputs, targets, lengths, (row[:, 1] >= 0).astype(inputs.dtype))

    def _example(self, identity: Int[Array, "2"]) -> Example:
        stream, number = identity
        key = jax.random.fold_in(jax.random.fold_in(self.key, stream), number)
        example = self.task.draw(key)
        if self._enumeration is None:
            return example
        numbered = self._enumeration.sequence(number)
        return jax.tree.map(lambda a, b: jnp.where(stream == 0, a, b), numbered, example)

    @property
    def _enumeration(self) -> Enumeration | None:
        """All sequences of the task, if the fixed stream holds them."""
        every = self.task.enumeration
        return None if every is None or every.size > self.examples else every
