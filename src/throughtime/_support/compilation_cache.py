"""A cache of compiled programs on disk, so that a program is compiled only the first time.

The command line turns it on by the environment, because JAX, which takes half a second to
import, is not imported yet; the library when it first trains or forecasts. Neither changes what
the user has set.
"""

import contextlib
import hashlib
import os
import platform
import sys
import warnings
from functools import cache
from pathlib import Path

VARIABLE = "THROUGHTIME_CACHE"
MAX_BYTES = 128 * 2**20  # a compiled program takes about 50,000 bytes


DIRECTORY = "JAX_COMPILATION_CACHE_DIR"
SETTINGS = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": 0,
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": -1,
}
"""JAX's settings by their names in the environment; in lower case they are its flags."""


def enable_compilation_cache() -> Path | None:
    """Let JAX, which is not imported yet, store compiled programs in `cache_folder`.

    Returns
    -------
    Path or None
        The folder, or None if nothing is cached.
    """
    folder = cache_folder()
    if folder is not None:
        os.environ[DIRECTORY] = str(folder)
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, str(value))
        _ignore_damaged_entries()
    return folder


@cache
def use_compilation_cache() -> Path | None:
    """The same for a process in which JAX may have been used; only the first call has effect.

    A folder that was set by `jax.config` is left alone too.
    """
    import jax

    if jax.config.jax_compilation_cache_dir is not None:  # pyright: ignore
        return None
    folder = cache_folder()
    if folder is not None:
        jax.config.update(DIRECTORY.lower(), str(folder))
        for name, value in SETTINGS.items():
            if name not in os.environ:
                jax.config.update(name.lower(), value)
        _ignore_damaged_entries()
    return folder


def cache_folder() -> Path | None:
    """The folder of compiled programs, made and pruned.

    `THROUGHTIME_CACHE=0` turns the cache off; a path in that variable chooses the folder. If
    JAX's own `JAX_COMPILATION_CACHE_DIR` is set, it is left alone. There is no cache either
    where its folder is not absolute or cannot be written, or where other users could write to
    it: what is read from it is executed.

    Returns
    -------
    Path or None
        The folder, or None if there is no cache.
    """
    setting = os.environ.get(VARIABLE, "")
    if setting == "0" or DIRECTORY in os.environ:
        return None
    # A program runs on one kind of processor, and machines that differ may share a home.
    base = Path(os.path.expanduser(setting)) if setting else user_cache_folder()
    folder = base / "programs" / processor_name()
    if not folder.is_absolute():
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(folder) or not os.access(folder, os.W_OK):
            return None
        prune(folder, MAX_BYTES)
    except OSError:
        return None
    return folder


def _ignore_damaged_entries() -> None:
    """Leave out a warning of JAX, which compiles if an entry is damaged or the disk is full.

    It does not replace a damaged entry: that program is compiled each time, until it is pruned.
    """
    warnings.filterwarnings("ignore", "Error (read|writ)ing persistent compilation cache")


def _is_private(folder: Path) -> bool:
    """Whether this user owns the folder and nobody else may write to it (on POSIX)."""
    if os.name != "posix":
        return True
    stat = folder.stat()
    return stat.st_uid == os.geteuid() and not stat.st_mode & 0o022


def user_cache_folder() -> Path:
    """Where this operating system keeps the files that a program can recreate."""
    if sys.platform == "darwin":
        base = "~/Library/Caches"
    elif sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(base)) / "throughtime"


def processor_name(cpuinfo: str | Path = "/proc/cpuinfo") -> str:
    """A short name for the processor: its architecture and a hash of its instruction sets."""
    machine = platform.machine()
    features = [machine, os.environ.get("PROCESSOR_IDENTIFIER", "")]  # (set on Windows)
    try:
        with open(cpuinfo, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if not line.strip():
                    break  # the other cores are alike
                if line.startswith(("model name", "flags", "CPU part", "Features", "isa")):
                    features.append(line)
    except OSError:
        pass  # only Linux has this file
    return f"{machine}-{hashlib.sha256(''.join(features).encode()).hexdigest()[:12]}"


def prune(folder: Path, max_bytes: int) -> None:
    """Delete empty programs, then the oldest files until `max_bytes` are not exceeded."""
    files = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # another command may prune too
                if entry.is_file():
                    files.append((entry.stat(), entry.path))
    total = sum(stat.st_size for stat, _ in files)
    for stat, path in sorted(files, key=lambda file: file[0].st_mtime):
        damaged = stat.st_size == 0 and path.endswith("-cache")
        if total <= max_bytes and not damaged:
            continue
        Path(path).unlink(missing_ok=True)
        total -= stat.st_size
