"""How a command that fails or is interrupted ends: a line on stderr, and an exit status."""

import contextlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from .signals import Interrupted, Terminated


def fail(line: str, status: int) -> int:
    """Print what went wrong, and return the exit status unchanged."""
    print_error(f"throughtime: {line}")
    return status


def print_error(line: str) -> None:
    """Print a line to stderr, unless stderr is closed."""
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None:
            print(line, file=sys.stderr)


@contextlib.contextmanager
def resumable(folder: Path, on: str | None = None) -> Iterator[None]:
    """A context in which an interruption ends the process with a line on how to resume.

    The line names the cluster that the work is spread over, if there is one.
    """
    resume = f"Resume with: throughtime resume {shlex.quote(str(folder))}"
    resume += f" --on {on}" if on else ""
    try:
        yield
    except Interrupted as stop:
        line = f"Stopped after epoch {stop.epoch}. {resume}"
        raise SystemExit(fail(line, 128 + stop.signal)) from None
    except KeyboardInterrupt:
        raise SystemExit(fail(f"Interrupted. {resume}", 130)) from None
    except Terminated as stop:
        raise SystemExit(fail(f"Terminated. {resume}", stop.status)) from None
