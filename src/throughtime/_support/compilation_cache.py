"""Compiled programs kept on disk, so that a command compiles only the first time.

This is for the command line alone: a library leaves JAX's settings to whoever uses it. They
are set in the environment, because JAX, half a second to load, has not been loaded yet.
"""

import contextlib
import hashlib
import os
import platform
import sys
import warnings
from pathlib import Path

SWITCH = "THROUGHTIME_CACHE"
LARGEST = 128 * 2**20  # bytes; a program takes about 50,000


def keep_programs() -> Path | None:
    """Have JAX keep what it compiles, and give the folder; None where nothing is kept.

    `THROUGHTIME_CACHE=0` turns it off, and a path chooses the folder. Whoever has set JAX's
    own `JAX_COMPILATION_CACHE_DIR` has chosen already. Without a folder that can be written,
    and with one that is damaged, programs are compiled as they always were. So they are when
    the folder is no absolute path, and when others may write it: a program is executed.
    """
    chosen = os.environ.get(SWITCH, "")
    if chosen == "0" or "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return None
    # Programs are for one processor, and a home may be shared by machines that differ.
    base = Path(os.path.expanduser(chosen)) if chosen else user_folder()
    folder = base / "programs" / processor()
    if not folder.is_absolute():
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_own(folder) or not os.access(folder, os.W_OK):
            return None
        prune(folder, LARGEST)
    except OSError:
        return None
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    # With a damaged entry, or a full disk, the program is compiled anyway. JAX does not replace
    # an entry that is damaged: its program is compiled each time, until the entry is pruned.
    warnings.filterwarnings("ignore", "Error (read|writ)ing persistent compilation cache")
    return folder


def _is_own(folder: Path) -> bool:
    """Whether the folder is this user's and nobody else may write it (on POSIX)."""
    if os.name != "posix":
        return True
    stat = folder.stat()
    return stat.st_uid == os.geteuid() and not stat.st_mode & 0o022


def user_folder() -> Path:
    """Where the system keeps what a program may lose."""
    if sys.platform == "darwin":
        base = "~/Library/Caches"
    elif sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(base)) / "throughtime"


def processor(said: str | Path = "/proc/cpuinfo") -> str:
    """A short name for the processor and its instructions."""
    told = [platform.machine(), os.environ.get("PROCESSOR_IDENTIFIER", "")]  # (of Windows)
    try:
        with open(said, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if not line.strip():
                    break  # the other cores are alike
                if line.startswith(("model name", "flags", "CPU part", "Features", "isa")):
                    told.append(line)
    except OSError:
        pass  # only Linux has this file
    return f"{told[0]}-{hashlib.sha256(''.join(told).encode()).hexdigest()[:12]}"


def prune(folder: Path, largest: int) -> None:
    """Delete empty programs, and the oldest until the rest takes at most `largest` bytes."""
    files = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # another command may prune too
                if entry.is_file():
                    files.append((entry.stat(), entry.path))
    total = sum(stat.st_size for stat, _ in files)
    for stat, path in sorted(files, key=lambda file: file[0].st_mtime):
        damaged = stat.st_size == 0 and path.endswith("-cache")
        if total <= largest and not damaged:
            continue
        Path(path).unlink(missing_ok=True)
        total -= stat.st_size
