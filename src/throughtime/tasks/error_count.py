"""How many answers of a long-range task a network gets wrong, by the criterion of its paper."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from throughtime.errors import InputError
from throughtime.recurrence.network import Network

from .definition import Task
from .sampling import TaskData


class ErrorCount(NamedTuple):
    """The wrong answers of a network.

    Attributes
    ----------
    sequences
        How many sequences were tried.
    wrong
        How many of them have a wrong answer.
    answers
        The mean number of wrong answers in a sequence. The memorisation tasks are judged by it;
        where a sequence has one answer it equals `share`.
    """

    sequences: int
    wrong: int
    answers: float

    @property
    def share(self) -> float:
        """The share of sequences with a wrong answer."""
        return self.wrong / self.sequences


def count_errors(network: Network, data: TaskData, batch_size: int = 256) -> ErrorCount:
    """Count the wrong answers of a network to the fixed stream of a task.

    Parameters
    ----------
    network
        Trained on data that was centred if this is, and not otherwise.
    data
        The task; its fixed stream is read.
    batch_size
        Sequences at a time; the counts do not depend on it.

    Returns
    -------
    ErrorCount
        Sequences, and how many of them are wrong.

    Raises
    ------
    InputError
        If the network is not of the task's shape.
    """
    _check_shape(network, data.task)
    counts = np.asarray(_wrong_answers(network, data, batch_size))
    return ErrorCount(len(counts), int((counts > 0).sum()), float(counts.mean()))


@eqx.filter_jit
def _wrong_answers(
    network: Network, data: TaskData, batch_size: int
) -> Int[Array, " examples"]:
    rows = data.plan(batch_size, None)
    examples = int((rows[..., 1] >= 0).sum())

    def count(row):
        batch = data.batch(row)
        outputs, _ = network(batch.inputs, lengths=batch.lengths)
        return data.task.wrong(outputs, batch.targets)

    return jax.lax.map(count, jnp.asarray(rows)).ravel()[:examples]


def _check_shape(network: Network, task: Task) -> None:
    needed = (task.input_size, task.output_size, task.last)
    shape = (network.input_size, network.output_size, network.readout.last)
    if shape != needed:
        words = "{} inputs and {} outputs, last step only: {}".format
        rule = f"a network for the task `{task.name}` needs {words(*needed)}"
        remedy = "Build it with the task's `input_size`, `output_size` and `last`."
        raise InputError(rule, words(*shape), remedy)
