"""How a command ends when it does not reach its end: a line on stderr, and a status."""

import contextlib
import sys
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
