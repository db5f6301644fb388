"""Work on many series, in several processes."""

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from joblib import Parallel, delayed

MANY = 32
"""Series from which on further processes pay for their start."""

Result = TypeVar("Result")


def in_parallel(tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    """The results of all tasks; many of them in as many processes as there are cores.

    The processes are those of joblib. `joblib.parallel_config` chooses others, such as a
    cluster of Ray or Dask.
    """
    if len(tasks) < MANY:
        return [task() for task in tasks]
    return cast(list[Result], Parallel(n_jobs=-1)(delayed(task)() for task in tasks))
