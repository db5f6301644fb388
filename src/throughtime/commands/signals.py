"""What SIGINT (Ctrl-C), SIGTERM and SIGHUP (the terminal is closed) do to a command.

While the program is imported, a signal ends it at once. Later it becomes an exception, so that
what was begun is cleaned up; while a network trains, it waits for the end of the epoch.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""The signals that ask a program to end; Windows has no SIGHUP."""

REPEAT = 0.1
"""Seconds in which a signal that comes again asks for nothing more.

`timeout` and batch systems tell a process and its group; under a limit of memory a parent hands
on to its child what both have got.
"""

_came: dict[int, float] = {}
"""When each signal came last."""

SAID: dict[int, str] = {signal.SIGINT: "Interrupted."}


class Interrupted(Exception):
    """A signal ended a training, which can be resumed.

    Attributes
    ----------
    signal
        The number of the signal.
    folder
        The folder of the run.
    epoch
        The last epoch that was completed.
    """

    def __init__(self, number: int, folder: Path, epoch: int):
        super().__init__(f"signal {number} after epoch {epoch}")
        self.signal, self.folder, self.epoch = number, folder, epoch


class Terminated(BaseException):
    """SIGTERM or SIGHUP arrived while no epoch was being trained.

    Attributes
    ----------
    status
        The exit status of the process.
    """

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status


def handle(handler: Any) -> None:
    """Set the handler of all signals that end a program, but of those that are ignored.

    `nohup` ignores SIGHUP, and a shell SIGINT for what it runs in the background.
    """
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def end_at_once(number: int, _: Any) -> NoReturn:
    """The handler while modules are imported: no file is being written then.

    An exception there could come out of the import as another one.
    """
    # To the descriptor: a handler may not print in the middle of a print.
    with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr is closed, or none
        line = f"throughtime: {SAID.get(number, 'Terminated.')}\n"
        os.write(sys.stderr.fileno(), line.encode())
    os._exit(128 + number)


def raise_ending(number: int, frame: FrameType | None) -> None:
    """The handler outside training: a `KeyboardInterrupt` for SIGINT, else `Terminated`."""
    if _imports(frame):
        end_at_once(number, frame)
    if _repeats(number):
        return
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated(128 + number)


def _repeats(number: int) -> bool:
    """Whether a signal is the one just before it, told twice."""
    now = time.monotonic()
    before, _came[number] = _came.get(number, -REPEAT), now
    return now - before < REPEAT


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported, perhaps by C++, which an exception would abort."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def send_again(unraisable: Any) -> None:
    """A hook for exceptions that Python drops, as in a destructor: their signal comes again."""
    error = unraisable.exc_value
    if isinstance(error, KeyboardInterrupt | Terminated):
        number = error.status - 128 if isinstance(error, Terminated) else signal.SIGINT
        _came.clear()
        threading.Timer(0.01, os.kill, (os.getpid(), number)).start()
    else:
        sys.__unraisablehook__(unraisable)


class DeferredSignals:
    """A context that records the signals, so that the current epoch can be completed.

    A second signal raises `KeyboardInterrupt` at once.

    Attributes
    ----------
    received
        The number of the signal that arrived; None until one does.
    """

    def __init__(self):
        self.received: int | None = None
        self._previous_handlers: dict[int, Any] = {}

    def __enter__(self) -> "DeferredSignals":
        before = {number: signal.getsignal(number) for number in ENDING}
        self._previous_handlers = {n: handler for n, handler in before.items() if handler}
        handle(self._record)
        _came.clear()  # what came before was for what ran before
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)

    def _record(self, number: int, _: Any) -> None:
        if _repeats(number):
            return
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number
