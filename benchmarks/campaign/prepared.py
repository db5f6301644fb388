"""Commands in processes of their own that start in milliseconds.

This process imports what the commands import and forks. No thread runs here and JAX has no
device yet, so a child is as good as a new process: it parses its arguments, opens its device,
trains, writes, and can be killed.
"""

import importlib
import os
import pkgutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

IMPORTED = (
    *("jax", "equinox", "optax", "numpy", "jinja2", "matplotlib.figure", "scipy.signal"),
    *("scipy.stats", "scipy.sparse", "scipy.optimize", "throughtime.__main__"),
)
ROOMS = ("_support", "recurrence", "training", "runs", "reservoir", "models")
"""None that needs Polars, which starts threads when it is imported."""


@dataclass(frozen=True)
class Ended:
    """A process that has ended.

    Attributes
    ----------
    status
        Its exit status; the negative number of the signal that ended it.
    out, err
        What it printed.
    seconds
        How long it ran.
    """

    status: int
    out: str
    err: str
    seconds: float

    @property
    def is_clear(self) -> bool:
        """Whether it ended well, or with one line that names what is wrong."""
        last = self.err.splitlines()[-1:] or [""]
        told = last[0].startswith("throughtime: ") and self.err.count("throughtime: ") == 1
        return "Traceback" not in self.err and (self.status == 0 or told)


def prepare(cache: Path) -> None:
    """Import what the commands import; compiled programs are kept in `cache`."""
    os.environ |= {
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    for name in IMPORTED:
        importlib.import_module(name)
    for room in ROOMS:
        package = importlib.import_module(f"throughtime.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def start(words: Sequence[str], log: Path, first: Callable[[], object] = lambda: None) -> int:
    """Fork a process that runs a command; returns its number.

    Parameters
    ----------
    words
        The arguments of `throughtime`.
    log
        Beside it go `.out` and `.err`, what the process prints.
    first
        Called in the process before the command.
    """
    threads = len(os.listdir("/proc/self/task"))
    assert threads == 1, f"{threads} threads would not be forked"
    child = os.fork()
    if child:
        return child
    try:
        for stream, name in ((1, f"{log}.out"), (2, f"{log}.err")):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv = ["throughtime", *words]
        first()
        from throughtime.__main__ import run

        run()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(70)


def end(child: int, log: Path, began: float, after: float | None = None) -> Ended:
    """Wait for a process; it is killed once it has run for `after` seconds."""
    until = None if after is None else began + after
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if until is not None and time.monotonic() >= until:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            break
        time.sleep(0.002)
    out, err = (Path(f"{log}{end}").read_text(errors="replace") for end in (".out", ".err"))
    seconds = time.monotonic() - began
    return Ended(os.waitstatus_to_exitcode(status), out, err, seconds)


def run(
    words: Sequence[str],
    log: Path,
    *,
    first: Callable[[], object] = lambda: None,
    after: float | None = None,
) -> Ended:
    """Run a command to its end, or until it is killed `after` so many seconds."""
    began = time.monotonic()
    return end(start(words, log, first), log, began, after)


def killed_at_write(number: int) -> Callable[[], None]:
    """A function that lets this process be killed at its so-manieth call that changes a file.

    These are the moments at which a file could be lost: before a file is opened for writing,
    flushed, renamed or deleted, and after it.
    """

    def arrange() -> None:
        calls = iter(range(number))

        def counted(call: Callable) -> Callable:
            def run(*arguments, **options):
                if next(calls, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                done = call(*arguments, **options)
                if next(calls, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                return done

            return run

        for name in ("fsync", "replace", "unlink", "mkdir", "rmdir", "chmod"):
            setattr(os, name, counted(getattr(os, name)))

    return arrange


def checkpoints_at_every_epoch() -> None:
    """Let a training write its checkpoint after each epoch, not every two seconds."""
    from throughtime.training.checkpoint import Checkpoints

    Checkpoints.__init__.__defaults__ = (0.0,)
