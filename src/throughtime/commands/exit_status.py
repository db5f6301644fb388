"""How a command ends when it does not reach its end: a line on stderr, and a status."""

import contextlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn


class Terminated(BaseException):
    """SIGTERM came when no epoch was being trained; `status`: to exit with."""

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status


def terminated(number: int, _: Any) -> NoReturn:
    """The handler of SIGTERM."""
    raise Terminated(128 + number)


def fail(line: str, status: int) -> int:
    """Say what went wrong; gives the status back."""
    say(f"throughtime: {line}")
    return status


def say(line: str) -> None:
    """To stderr, if it is there and somebody reads it."""
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None:
            print(line, file=sys.stderr)


@contextlib.contextmanager
def resumable(folder: Path) -> Iterator[None]:
    """Within it an interruption ends the process in one line that says how to go on."""
    from .checkpointed_run import Interrupted

    again = f"Resume with: throughtime resume {shlex.quote(str(folder))}"
    try:
        yield
    except Interrupted as stop:
        line = f"Stopped after epoch {stop.epoch}. {again}"
        raise SystemExit(fail(line, 128 + stop.signal)) from None
    except KeyboardInterrupt:
        raise SystemExit(fail(f"Interrupted. {again}", 130)) from None
    except Terminated as stop:
        raise SystemExit(fail(f"Terminated. {again}", stop.status)) from None
