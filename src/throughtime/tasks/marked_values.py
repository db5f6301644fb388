"""Tasks about two marked values: their sum, mean, product or exclusive or."""

import math
from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from .definition import (
    Example,
    Task,
    beyond_tolerance,
    check_length,
    longest,
    uniform,
    whole_number,
    zero_padding,
)


class Operation(NamedTuple):
    """What is asked for of the two marked values.

    Attributes
    ----------
    function
        The answer, from the two values.
    mean
        The mean answer; None if it is a class.
    loss, baseline
        See `Task`.
    tolerance
        An error of this size or more is wrong.
    """

    function: Callable[[Array, Array], Array]
    mean: float | None
    loss: str
    baseline: float
    tolerance: float


OPERATIONS: dict[str, Operation] = {
    "sum": Operation(lambda x1, x2: x1 + x2, 1.0, "mse", 1 / 6, 0.04),
    "mean": Operation(lambda x1, x2: (x1 + x2) / 2, 0.5, "mse", 1 / 24, 0.04),
    "product": Operation(lambda x1, x2: x1 * x2, 0.25, "mse", 1 / 9 - 1 / 16, 0.04),
    "xor": Operation(
        lambda x1, x2: jnp.abs(x1 - x2), None, "binary_cross_entropy", math.log(2), 0.5
    ),
}
"""The operations by name; each baseline is the variance of the answer, or its entropy."""


def marked_values(
    name: str,
    length: int,
    operation: Literal["sum", "mean", "product", "xor"],
    convention: Literal["hs", "halves"] = "hs",
) -> Task:
    r"""The task of combining two marked values at the end of a sequence.

    The input is $(x_t, m_t)$: $x_t$ is uniform in [0, 1] (for `xor` a fair bit), $m_t$ is 1 at
    the two steps $s_1 < s_2$ and 0 elsewhere. There are two conventions:

    | `convention` | length | $s_1$ in steps | $s_2$ in steps |
    | --- | --- | --- | --- |
    | `hs` (HS 1997, with the ranges of MS 2011) | [T, 1.1 T] | [T/100, T/10] | (T/10, T/2] |
    | `halves` (Arjovsky et al. 2016) | T | [1, T/2] | (T/2, T] |

    `hs` is judged by the share of sequences that are wrong, those with
    $|\hat y - y| \ge 0.04$, and `halves` by the loss. With `xor`, an answer on the wrong side
    of 1/2 is wrong (MS 2011).

    The plain sum is the target of MS 2011. HS 1997 draw values in [-1, 1] and ask for
    $0.5 + (x_1 + x_2)/4$, which is the `mean` of the same values scaled to [0, 1]; Sutskever
    et al. 2013, too, speak of targets with mean 0.5. The tolerance of 0.04 applies to either
    target, and an error in the mean is half the error in the sum. The
    marks of -1 that HS 1997 and the program of MS 2011 set near the ends of a sequence are left
    out.

    Parameters
    ----------
    name
        Name of the task.
    length
        T, in steps.
    operation
        The answer, as a function of the two values; a key of `OPERATIONS`.
    convention
        How long sequences are, and where the marks lie.

    Raises
    ------
    InputError
        For fewer than 10 steps, or fewer than 2 with `halves`.
    """
    hs = convention == "hs"
    check_length(10 if hs else 2, name, length)
    steps = longest(length) if hs else length
    f = OPERATIONS[operation]
    return Task(
        name=name,
        length=length,
        steps=steps,
        output_size=1,
        draw=partial(_draw, length, f.function, hs, operation == "xor"),
        wrong=partial(beyond_tolerance, f.tolerance),
        loss=f.loss,
        baseline=f.baseline,
        input_mean=(0.5, 2 / ((length + steps) / 2)),
        target_mean=None if f.mean is None else (f.mean,),
    )


def _draw(T: int, function: Callable, hs: bool, bits: bool, key: PRNGKeyArray) -> Example:
    steps = longest(T) if hs else T
    u = uniform(key, steps + 3)
    x = jnp.round(u[:steps]) if bits else u[:steps]
    length = whole_number(T, steps, u[-1]) if hs else None
    if hs:
        s1 = whole_number(-(-T // 100), T // 10, u[-2])
        s2 = whole_number(T // 10 + 1, T // 2, u[-3])
    else:
        s1, s2 = whole_number(1, T // 2, u[-2]), whole_number(T // 2 + 1, T, u[-3])
    step = jnp.arange(1, steps + 1)
    m = ((step == s1) | (step == s2)).astype(x.dtype)
    y = function(x[s1 - 1], x[s2 - 1])
    return Example(zero_padding(jnp.stack([x, m], axis=-1), length), y[None], length)
