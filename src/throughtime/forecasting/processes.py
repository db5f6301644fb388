"""Work on many series, in several processes of this machine or on a cluster of Ray."""

import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar, cast

from joblib import Parallel, delayed, parallel_config

from throughtime.errors import InputError

MANY = 32
"""Series from which on further processes pay for their start."""

CLUSTERS = ("ray",)

Result = TypeVar("Result")


def in_parallel(tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    """The results of all tasks; many of them in as many processes as there are cores.

    The processes are those of joblib. `joblib.parallel_config` chooses others or fewer, and
    `spread` those of Ray.
    """
    if len(tasks) < MANY:
        return [task() for task in tasks]
    with parallel_config() as config:
        jobs = config["n_jobs"] if isinstance(config["n_jobs"], int) else -1  # if it was asked
    return cast(list[Result], Parallel(n_jobs=jobs)(delayed(task)() for task in tasks))


@contextmanager
def spread(over: str | None) -> Iterator[None]:
    """Within it, the work on many series is done by the workers of a cluster.

    Parameters
    ----------
    over
        `ray`: the cluster that the environment variable `RAY_ADDRESS` names, or else one that
        is started on this machine. With None, nothing changes.

    Raises
    ------
    InputError
        For another cluster, or one whose package is not installed.
    """
    if over is None:
        yield
        return
    check_cluster(over)
    connect()
    from ray.util.joblib import register_ray  # pyright: ignore

    register_ray()
    with parallel_config(backend="ray"):
        yield


def check_cluster(on: str) -> None:
    """Refuse a cluster that is not known, or whose package is not installed.

    Raises
    ------
    InputError
        Which says what to pass, or to install.
    """
    if on not in CLUSTERS:
        raise InputError("`on` must be `ray`", f"`{on}`", "Leave it out, or pass `ray`.")
    if importlib.util.find_spec("ray") is None:
        remedy = 'Install it with `pip install "throughtime[ray]"`.'
        raise InputError("Ray needs the package `ray`", "an environment without it", remedy)


def connect() -> None:
    """Connect to Ray's cluster of `RAY_ADDRESS`, or start one on this machine; see `spread`.

    Raises
    ------
    InputError
        If the cluster does not answer.
    """
    import ray  # pyright: ignore

    if ray.is_initialized():
        return
    # Ray's workers stand back behind all else, even their driver, by a niceness of 15.
    os.environ.setdefault("RAY_worker_niceness", "0")
    try:
        with warnings.catch_warnings():
            # Ray's processes are new programs, so threads that JAX has stay behind.
            warnings.filterwarnings("ignore", message=r"os\.fork", category=RuntimeWarning)
            ray.init(logging_level="error", log_to_driver=False)
    except ConnectionError as error:
        got = str(error).splitlines()[0]
        remedy = "Start it with `ray start --head`, or unset `RAY_ADDRESS`."
        raise InputError("the cluster of Ray must answer", got, remedy) from None
