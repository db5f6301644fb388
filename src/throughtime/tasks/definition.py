"""What a long-range task is: a sampler of sequences, and a criterion for wrong answers.

A task samples one sequence from a `jax.random` key, so that a batch is a `vmap` over keys and
everything is sampled on the device. It knows the loss of the best guess that does not look at
the inputs, and what its paper counts as a wrong answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from throughtime.errors import InputError

Whole = Int[Array, ""]
Outputs = Float[Array, "batch *time output"]


class Example(NamedTuple):
    """One sequence, in single precision.

    Attributes
    ----------
    inputs
        `(steps, input)`; zero from `length` on.
    targets
        `(steps, output)`, or `(output,)` for the last step only.
    length
        How many steps the sequence has; all of them if None.
    """

    inputs: Float[Array, "steps input"]
    targets: Float[Array, "*steps output"]
    length: Whole | None = None


class Enumeration(NamedTuple):
    """All sequences of a task, where they can be numbered.

    Attributes
    ----------
    size
        How many there are.
    sequence
        The sequence of a number from 0 to `size` - 1.
    """

    size: int
    sequence: Callable[[Whole], Example]


@dataclass(frozen=True)
class Task:
    """A long-range task; `throughtime.task` makes one by its name.

    Attributes
    ----------
    name
        Its name in `TASKS`.
    length
        T, in steps.
    steps
        Steps of the longest sequence.
    output_size
        Features of an output.
    draw
        Samples one sequence from a key.
    wrong
        The number of wrong answers in each sequence of a batch, from outputs after sigma_y and
        targets, by the criterion of the task's paper. A NaN is wrong.
    loss
        Name of the loss, a key of `losses.LOSSES`.
    baseline
        The mean loss of the best guess that knows the step but not the inputs.
    input_mean
        The mean of each input feature over all steps of all sequences.
    target_mean
        The mean of each output; None for classes, which are not centred.
    last
        Whether the target is asked for at the last step only.
    enumeration
        All sequences, where they can be numbered.
    """

    name: str
    length: int
    steps: int
    output_size: int
    draw: Callable[[PRNGKeyArray], Example]
    wrong: Callable[[Outputs, Outputs], Int[Array, " batch"]]
    loss: str
    baseline: float
    input_mean: tuple[float, ...]
    target_mean: tuple[float, ...] | None = None
    last: bool = True
    enumeration: Enumeration | None = None

    @property
    def input_size(self) -> int:
        """Features of an input."""
        return len(self.input_mean)


def check_length(least: int, name: str, length: int) -> None:
    """Refuse a task of too few steps."""
    if length < least:
        rule = f"the task `{name}` needs a `length` of at least {least} steps"
        raise InputError(rule, length, f"Pass a `length` of {least} or more.")


def longest(T: int) -> int:
    """1.1 T, rounded down: the longest of sequences whose lengths vary."""
    return T + T // 10


def uniform(key: PRNGKeyArray, count: int) -> Float[Array, " numbers"]:
    """All random numbers of a sequence, in one call: each call takes a second to compile."""
    return jax.random.uniform(key, (count,), jnp.float32)


def whole_number(first: int, last: int, u: Float[Array, "*shape"]) -> Int[Array, "*shape"]:
    """Whole numbers, uniform in [first, last] up to 1 in 2^23, from numbers in [0, 1)."""
    return first + jnp.floor(u * (last - first + 1)).astype(jnp.int32)


def one_hot(letters: Int[Array, "*steps"], size: int) -> Float[Array, "*steps size"]:
    """One-hot vectors in single precision."""
    return jax.nn.one_hot(letters, size, dtype=jnp.float32)


def zero_padding(inputs: Float[Array, "steps input"], length: Whole | None) -> Array:
    """The inputs with zeros from `length` on."""
    if length is None:
        return inputs
    return jnp.where(jnp.arange(len(inputs))[:, None] < length, inputs, 0)


def beyond_tolerance(
    tolerance: float, outputs: Outputs, targets: Outputs
) -> Int[Array, " batch"]:
    """1 for a sequence with an output that is not within the tolerance of its target."""
    return 1 - (jnp.abs(outputs - targets) < tolerance).all(axis=-1).astype(int)
