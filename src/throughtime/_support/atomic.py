"""Writing files that are either complete or absent, even after a crash."""

import contextlib
import os
import re
import tempfile
from pathlib import Path


def write(path: Path, content: bytes | str) -> None:
    """Write a file so that a crash leaves the old content or the new, never a part of it.

    The content goes to a temporary file in the same folder and is flushed to disk; then that
    file is renamed.
    """
    content = content.encode() if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes files private
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def leftovers(path: Path) -> list[Path]:
    """The temporary files beside `path` that interrupted calls of `write` left behind."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}")  # as `mkstemp` names it
    folder = path.parent
    return [p for p in folder.iterdir() if pattern.fullmatch(p.name)] if folder.is_dir() else []


def _sync_folder(folder: Path) -> None:
    """Flush a renaming to disk, on systems where a folder can be opened for that."""
    with contextlib.suppress(OSError):  # the file is complete either way
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
