"""Tasks about symbols: in which order some appeared, and which they were."""

import math
from functools import partial
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, PRNGKeyArray

from .definition import (
    Enumeration,
    Example,
    Outputs,
    Task,
    beyond_tolerance,
    check_length,
    longest,
    one_hot,
    uniform,
    whole_number,
    zero_padding,
)


def temporal_order(name: str, length: int, symbols: Literal[2, 3]) -> Task:
    """The task of telling in which order X and Y appeared at two or three steps (HS 1997).

    These are experiments 6a and 6b of the paper. A sequence starts with E and ends with B;
    between them stand distractors a, b, c and d, except for an X or a Y at 2 steps, in
    [.1 T, .2 T] and [.5 T, .6 T], or at 3 steps, in [.1 T, .2 T], [.33 T, .43 T] and
    [.66 T, .76 T]. Lengths are uniform in [T, 1.1 T]. The inputs are one-hot: a, b, c, d, X, Y,
    E, B. The class asked for at the last step is the binary number with X = 0 and Y = 1, the
    first symbol first.

    A sequence is wrong unless every output is within 0.3 of its target, as in HS 1997, who
    train logistic outputs on squared errors. Here the output is a softmax with its
    cross-entropy, as in MS 2011, who take the largest output for the answer and use other
    ranges of steps.

    Parameters
    ----------
    name
        Name of the task.
    length
        T, in steps.
    symbols
        How many symbols are X or Y.

    Raises
    ------
    InputError
        For fewer than 20 steps.
    """
    check_length(20, name, length)
    mean = (length + longest(length)) / 2
    times = [(mean - 2 - symbols) / 4] * 4 + [symbols / 2] * 2 + [1, 1]
    return Task(
        name=name,
        length=length,
        steps=longest(length),
        output_size=2**symbols,
        draw=partial(_draw_order, length, (10, 50) if symbols == 2 else (10, 33, 66)),
        wrong=partial(beyond_tolerance, 0.3),
        loss="cross_entropy",
        baseline=symbols * math.log(2),
        input_mean=tuple(time / mean for time in times),
    )


def _draw_order(T: int, percents: tuple[int, ...], key: PRNGKeyArray) -> Example:
    steps, symbols = longest(T), len(percents)
    u = uniform(key, steps + 2 * symbols + 1)
    letter = whole_number(0, 3, u[:steps])
    order = whole_number(0, 1, u[steps : steps + symbols])
    length = whole_number(T, steps, u[-1])
    step = jnp.arange(1, steps + 1)
    for i, percent in enumerate(percents):
        first, last = -(-percent * T // 100), (percent + 10) * T // 100
        s = whole_number(first, last, u[steps + symbols + i])
        letter = jnp.where(step == s, 4 + order[i], letter)
    letter = jnp.where(step == 1, 6, jnp.where(step == length, 7, letter))
    kind = jnp.sum(order << np.arange(symbols)[::-1])
    inputs = zero_padding(one_hot(letter, 8), length)
    return Example(inputs, one_hot(kind, 2 ** len(percents)), length)


def random_permutation(name: str, length: int) -> Task:
    """The task of recalling the first of T symbols at the end (MS 2011).

    There are 100 symbols, one-hot. The first of a sequence is one of two; the others are drawn
    from the remaining 98 (with replacement, in spite of the task's name). The target is asked
    for at the last step, as by Pascanu et al. 2013; MS 2011 ask for the next symbol at every
    other step too, where it is noise. An answer is wrong if it is not the largest output.

    Parameters
    ----------
    name
        Name of the task.
    length
        T, in steps.

    Raises
    ------
    InputError
        For fewer than 2 steps.
    """
    check_length(2, name, length)
    return Task(
        name=name,
        length=length,
        steps=length,
        output_size=100,
        draw=partial(_draw_permutation, length),
        wrong=lambda outputs, targets: _not_largest(outputs, targets).astype(int),
        loss="cross_entropy",
        baseline=math.log(2),
        input_mean=(0.5 / length,) * 2 + ((length - 1) / 98 / length,) * 98,
    )


def _draw_permutation(T: int, key: PRNGKeyArray) -> Example:
    u = uniform(key, T)
    letters = jnp.concatenate([whole_number(0, 1, u[:1]), whole_number(2, 99, u[1:])])
    return Example(one_hot(letters, 100), one_hot(letters[0], 100))


def memorisation(name: str, length: int, symbols: int, count: int) -> Task:
    """The task of repeating `count` symbols after a delay of T steps (Jaeger 2012; MS 2011).

    The input is the symbols, T - 1 blanks, the cue to answer and `count` blanks; the target is
    T + `count` blanks and then the symbols. Both are one-hot: the symbols, the blank, and in
    the inputs also the cue. Wrong symbols are counted at the last `count` steps; a symbol is
    wrong if it is not the largest output.

    Parameters
    ----------
    name
        Name of the task.
    length
        T, in steps.
    symbols
        How many different symbols there are.
    count
        How many symbols are to be repeated.

    Raises
    ------
    InputError
        For fewer than 1 step.
    """
    check_length(1, name, length)
    steps = length + 2 * count
    spell = partial(_repeated, length, symbols)
    places = symbols ** np.arange(count, dtype=np.int32)[::-1]

    def draw(key):
        return spell(whole_number(0, symbols - 1, uniform(key, count)))

    def sequence(number):  # its symbols are the digits of the number
        return spell(number // places % symbols)

    def wrong(outputs, targets):
        return _not_largest(outputs[:, -count:], targets[:, -count:]).sum(axis=1)

    return Task(
        name=name,
        length=length,
        steps=steps,
        output_size=symbols + 1,
        draw=draw,
        wrong=wrong,
        loss="cross_entropy",
        baseline=count * math.log(symbols) / steps,
        input_mean=(count / symbols / steps,) * symbols
        + ((length - 1 + count) / steps, 1 / steps),
        last=False,
        enumeration=Enumeration(symbols**count, sequence),
    )


def _repeated(T: int, symbols: int, letters: Int[Array, " count"]) -> Example:
    count = len(letters)
    blank, cue = symbols, jnp.array([symbols + 1])
    blanks = partial(jnp.full, fill_value=blank)
    inputs = jnp.concatenate([letters, blanks(T - 1), cue, blanks(count)])
    targets = jnp.concatenate([blanks(T + count), letters])
    return Example(one_hot(inputs, symbols + 2), one_hot(targets, symbols + 1))


def _not_largest(outputs: Outputs, targets: Outputs) -> Bool[Array, "batch *time"]:
    """Where the output of the target's class is not the largest; so with ties and NaN."""
    own = jnp.where(targets > 0, outputs, -jnp.inf).max(axis=-1)
    others = jnp.where(targets > 0, -jnp.inf, outputs).max(axis=-1)
    return ~(own > others)
