"""Compiled programs kept on disk, so that a command compiles only the first time.

This is for the command line alone: a library leaves JAX's settings to whoever uses it. They
are set in the environment, because JAX, half a second to load, has not been loaded yet.
"""

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
    and with one that is damaged, programs are compiled as they always were.
    """
    chosen = os.environ.get(SWITCH, "")
    if chosen == "0" or "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return None
    # Programs are for one processor, and a home may be shared by machines that differ.
    folder = (Path(chosen) if chosen else user_folder()) / "programs" / processor()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        prune(folder, LARGEST)
    except OSError:
        return None
    if not os.access(folder, os.W_OK):
        return None
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    # A damaged entry, or a full disk, is of no concern: the program is compiled anyway.
    warnings.filterwarnings("ignore", "Error (read|writ)ing persistent compilation cache")
    return folder


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
    """Delete the oldest programs until the rest takes at most `largest` bytes."""
    with os.scandir(folder) as entries:
        files = [(entry.stat(), entry.path) for entry in entries if entry.is_file()]
    total = sum(stat.st_size for stat, _ in files)
    for stat, path in sorted(files, key=lambda file: file[0].st_mtime):
        if total <= largest:
            break
        Path(path).unlink(missing_ok=True)  # another command may prune too
        total -= stat.st_size
