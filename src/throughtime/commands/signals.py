"""What SIGINT (Ctrl-C) and SIGTERM do to a command."""

import signal
from pathlib import Path
from typing import Any, NoReturn


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
    """SIGTERM arrived while no epoch was being trained.

    Attributes
    ----------
    status
        The exit status of the process.
    """

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status


def raise_terminated(number: int, _: Any) -> NoReturn:
    """The handler of SIGTERM outside training."""
    raise Terminated(128 + number)


class DeferredSignals:
    """A context that records SIGINT and SIGTERM, so that the current epoch can be completed.

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
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous_handlers[number] = signal.signal(number, self._record)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)

    def _record(self, number: int, _: Any) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number
