"""How a command that fails or is interrupted ends: a line on stderr, and an exit status."""

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator
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
    with telling_what_is_kept(lambda: resume):
        try:
            yield
        except Interrupted as stop:
            line = f"Stopped after epoch {stop.epoch}. {resume}"
            raise SystemExit(fail(line, 128 + stop.signal)) from None


@contextlib.contextmanager
def telling_what_is_kept(kept: Callable[[], str]) -> Iterator[None]:
    """A context in which an interruption ends the process with what `kept` then says.

    It goes on as it came where nothing is said.
    """
    try:
        yield
    except (KeyboardInterrupt, Terminated) as stop:
        said = kept()
        if not said:
            raise
        how, status = "Interrupted", 130
        if isinstance(stop, Terminated):
            how, status = "Terminated", stop.status
        raise SystemExit(fail(f"{how}. {said}", status)) from None
