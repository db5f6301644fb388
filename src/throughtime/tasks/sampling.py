"""Sequences of a long-range task as data: drawn afresh for every epoch, on the device."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from throughtime._support.seeds import Key, generator
from throughtime.errors import InputError
from throughtime.recurrence.network import Network
from throughtime.training.batches import Batch

from .long_range import Example, Listing, Task


class Drawn(eqx.Module):
    """Data for `train` that is never stored: an example is drawn when its batch is.

    An example is named by two whole numbers, its stream and its number in it, and its key is
    made from these and `key` alone: it is the same however a batch was split. An epoch of a
    training is a stream of its own, drawn from 1 on. Stream 0 is the fixed one that validation
    and tests read, so they never see a sequence of a training. For validation and test sets
    that differ from each other, pass different keys.

    Where a task has no more sequences than `examples` (32 in 5-bit memorisation), the fixed
    stream is all of them, in order.

    Parameters
    ----------
    key
        A seed, or a `jax.random` key.

    Attributes
    ----------
    task
        What is drawn.
    examples
        Sequences in an epoch, and in the fixed stream.
    centred
        Subtract the task's mean input at each step and its mean target, so that both have mean
        zero (Sutskever et al. 2013); targets that are classes are left as they are.

    Raises
    ------
    InputError
        For no example.
    """

    key: PRNGKeyArray
    task: Task = eqx.field(static=True)
    examples: int = eqx.field(static=True)
    centred: bool = eqx.field(static=True)

    def __init__(self, task: Task, examples: int, *, key: Key, centred: bool = False):
        if examples < 1:
            raise InputError("`examples` must be at least 1", examples, "Raise `examples`.")
        self.key = jax.random.key(generator(key).integers(2**31))
        self.task, self.examples, self.centred = task, examples, centred

    @property
    def stateful(self) -> bool:
        return False

    def plan(
        self, batch_size: int, rng: np.random.Generator | None
    ) -> Int[np.ndarray, "rows batch 2"]:
        """Stream and number of each example; the last row is filled up with -1."""
        stream = 0 if rng is None else int(rng.integers(1, 2**31))
        fixed = self._listing if rng is None else None
        number = np.arange(self.examples if fixed is None else fixed.size)
        names = np.stack([np.full_like(number, stream), number], axis=-1)
        fill = -len(names) % batch_size
        names = np.pad(names, ((0, fill), (0, 0)), constant_values=-1)
        return names.reshape(-1, batch_size, 2)

    def batch(self, row: Int[Array, "batch 2"]) -> Batch:
        inputs, targets, lengths = jax.vmap(self._example)(row)
        if self.centred:
            mean = jnp.asarray(self.task.input_mean, inputs.dtype)
            counts = True
            if lengths is not None:  # the padding stays zero
                counts = jnp.arange(inputs.shape[1])[:, None] < lengths[:, None, None]
            inputs = jnp.where(counts, inputs - mean, 0)
            if self.task.target_mean is not None:
                targets = targets - jnp.asarray(self.task.target_mean, targets.dtype)
        return Batch(inputs, targets, lengths, (row[:, 1] >= 0).astype(inputs.dtype))

    def _example(self, name: Int[Array, "2"]) -> Example:
        stream, number = name
        key = jax.random.fold_in(jax.random.fold_in(self.key, stream), number)
        example = self.task.draw(key)
        if self._listing is None:
            return example
        listed = self._listing.sequence(number)
        return jax.tree.map(lambda a, b: jnp.where(stream == 0, a, b), listed, example)

    @property
    def _listing(self) -> Listing | None:
        """All sequences that there are, if the fixed stream holds them."""
        listing = self.task.listing
        return None if listing is None or listing.size > self.examples else listing


class Mistakes(NamedTuple):
    """What a network gets wrong.

    Attributes
    ----------
    sequences
        How many were tried.
    wrong
        How many of them hold a wrong answer.
    answers
        The mean number of wrong answers in a sequence. It is the count that the memorisation
        tasks are judged by, and `share` where a sequence has one answer.
    """

    sequences: int
    wrong: int
    answers: float

    @property
    def share(self) -> float:
        """Wrong sequences of all."""
        return self.wrong / self.sequences


def mistakes(network: Network, data: Drawn, batch_size: int = 256) -> Mistakes:
    """Count what a network gets wrong of the fixed stream, by the criterion of its task.

    Parameters
    ----------
    network
        Trained on data that was centred if this is, and not otherwise.
    batch_size
        Sequences at a time; the counts do not depend on it.

    Returns
    -------
    Mistakes
        `Mistakes`.

    Raises
    ------
    InputError
        If the network is not of the task's shape.
    """
    _check_shape(network, data.task)
    counts = np.asarray(_count(network, data, batch_size))
    return Mistakes(len(counts), int((counts > 0).sum()), float(counts.mean()))


@eqx.filter_jit
def _count(network: Network, data: Drawn, batch_size: int) -> Int[Array, " examples"]:
    rows = data.plan(batch_size, None)
    examples = int((rows[..., 1] >= 0).sum())

    def count(row):
        batch = data.batch(row)
        outputs, _ = network(batch.inputs, lengths=batch.lengths)
        return data.task.wrong(outputs, batch.targets)

    return jax.lax.map(count, jnp.asarray(rows)).ravel()[:examples]


def _check_shape(network: Network, task: Task) -> None:
    asked = (task.input_size, task.output_size, task.last)
    shape = (network.input_size, network.output_size, network.readout.last)
    if shape != asked:
        words = "{} inputs and {} outputs, last step only: {}".format
        rule = f"a network for the task `{task.name}` needs {words(*asked)}"
        remedy = "Build it with the task's `input_size`, `output_size` and `last`."
        raise InputError(rule, words(*shape), remedy)
