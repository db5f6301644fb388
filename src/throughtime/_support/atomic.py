"""Writing files that are either complete or absent, even after a crash."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path


def write(path: Path, content: bytes | str) -> None:
    """Write a file so that a crash leaves the old content or the new, never a part of it.

    The content goes to a temporary file in the same folder and is flushed to disk; then that
    file is renamed.
    """
    temporary = _written_beside(path, content)
    try:
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_together(folder: Path, files: Mapping[str, bytes | str], first: str) -> None:
    """Write files so that a crash leaves the old ones or the new ones, never some of each.

    All are written beside their places and flushed to disk. Then `first`, which tells the
    digests of the others, is renamed: from then on these count, in their places or, after a
    crash, still beside them; see `integrity.read_verified`.
    """
    beside: dict[str, Path] = {}
    try:
        for name, content in files.items():
            beside[name] = _written_beside(folder / name, content)
        os.replace(beside[first], folder / first)
    except BaseException:
        if first not in beside or beside[first].exists():  # nothing counts yet
            for temporary in beside.values():
                temporary.unlink(missing_ok=True)
        raise
    _sync_folder(folder)
    for name in files.keys() - {first}:
        os.replace(beside[name], folder / name)
    _sync_folder(folder)


def _written_beside(path: Path, content: bytes | str) -> Path:
    """A temporary file in the folder of `path` with the content, which is on disk."""
    content = content.encode() if isinstance(content, str) else content
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes files private
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def leftovers(path: Path) -> list[Path]:
    """The temporary files beside `path` that interrupted writing left behind."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}")  # as `mkstemp` names it
    folder = path.parent
    return [p for p in folder.iterdir() if pattern.fullmatch(p.name)] if folder.is_dir() else []


def delete_leftovers(paths: Iterable[Path]) -> None:
    """Delete what `leftovers` finds beside each of the paths."""
    for path in paths:
        for temporary in leftovers(path):
            temporary.unlink()


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
