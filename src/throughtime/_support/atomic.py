"""Files that are either whole or not there."""

import contextlib
import os
import re
import tempfile
from pathlib import Path


def write(path: Path, content: bytes | str) -> None:
    """Write a file so that a crash leaves the old one or the new one, never a part.

    The content goes to a temporary file in the same folder, to the disk, and is then renamed.
    """
    content = content.encode() if isinstance(content, str) else content
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())  # mkstemp makes files private
        os.replace(name, path)
        _sync(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    """The renaming to the disk too, on systems where a folder can be opened for that."""
    with contextlib.suppress(OSError):  # the file is whole with or without it
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def leftovers(path: Path) -> list[Path]:
    """The temporary files that killed writes of a file have left beside it."""
    name = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}")  # as `mkstemp` makes it
    folder = path.parent
    return [p for p in folder.iterdir() if name.fullmatch(p.name)] if folder.is_dir() else []


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
