r"""The long-range tasks by name, with the question of each and its source.

| name | what is asked for at the end | source |
| --- | --- | --- |
| `adding`, `adding_mean` | the sum, half the sum of two marked values | HS 1997; MS 2011 |
| `adding_halves` | the sum, with one mark in each half | Arjovsky et al. 2016 |
| `multiplication`, `xor` | the product of two marked values, XOR of two marked bits | MS 2011 |
| `temporal_order`, `temporal_order_3` | the order of 2, 3 symbols | HS 1997 |
| `random_permutation` | the first symbol | MS 2011; Pascanu et al. 2013 |
| `memorisation_5bit`, `memorisation_20bit` | 5 of 2, 10 of 5 symbols | Jaeger 2012; MS 2011 |
| `copy` | 10 of 8 symbols | Arjovsky et al. 2016 |

HS: Hochreiter and Schmidhuber. MS: Martens and Sutskever. Steps are counted from 1,
as in these papers.
"""

from collections.abc import Callable
from functools import cache, partial

from throughtime.errors import InputError, did_you_mean

from .definition import Task
from .marked_values import marked_values
from .symbols import memorisation, random_permutation, temporal_order

TASKS: dict[str, Callable[[str, int], Task]] = {
    "adding": partial(marked_values, operation="sum"),
    "adding_mean": partial(marked_values, operation="mean"),
    "adding_halves": partial(marked_values, operation="sum", convention="halves"),
    "multiplication": partial(marked_values, operation="product"),
    "xor": partial(marked_values, operation="xor"),
    "temporal_order": partial(temporal_order, symbols=2),
    "temporal_order_3": partial(temporal_order, symbols=3),
    "random_permutation": random_permutation,
    "memorisation_5bit": partial(memorisation, symbols=2, count=5),
    "memorisation_20bit": partial(memorisation, symbols=5, count=10),
    "copy": partial(memorisation, symbols=8, count=10),
}
"""The tasks by name; each is made from its name and T."""


@cache  # the same task is the same object, so that a program is compiled for it once
def task(name: str, length: int) -> Task:
    """A long-range task by its name.

    Parameters
    ----------
    name
        A key of `TASKS`.
    length
        T, in steps: about the length of a sequence, or in the memorisation tasks the delay.

    Returns
    -------
    Task
        The task; the same object for the same name and length.

    Raises
    ------
    InputError
        For an unknown name, or a T too short for the task.

    Examples
    --------
    >>> task("adding", 100).input_size
    2
    """
    if name not in TASKS:
        raise InputError("`name` must be a known task", name, did_you_mean(name, TASKS))
    return TASKS[name](name, length)
