"""The folder of a run is written by one process at a time."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from throughtime.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_held: set[tuple[int, int]] = set()


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """A context in which no other process writes to an existing folder.

    The folder itself is locked, so that no file is left behind, and the system unlocks it when
    the process ends, however it ends. Within one process it may be entered again. Where a
    folder cannot be locked, as on some network drives, nothing is.

    Raises
    ------
    InputError
        If another process is writing there.
    """
    key = _identity(folder)
    if fcntl is None or key is None or key in _held:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            rule = "the folder of a run is written by one process at a time"
            got = f"`{folder}`, which another process is writing"
            remedy = "Wait until that has ended, or pass another folder."
            raise InputError(rule, got, remedy) from None
        except OSError:
            yield
            return
        _held.add(key)
        try:
            yield
        finally:
            _held.discard(key)
    finally:
        os.close(descriptor)


def _identity(folder: Path) -> tuple[int, int] | None:
    """The device and the number of a folder, whatever its path; None if it cannot be opened."""
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if os.access(folder, os.R_OK) else None
