"""Commands in too little memory, on a full disk, in a folder that is read-only.

They end well, or with one line; a run that was there before stays as it was.
"""

import collections
import random
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from .commands import COMMANDS, Place
from .prepared import Ended, run

NAMES = ("forecast", "forecast of all parts", "surrogate of equations", "tasks", "search")


def limited(what: int, amount: int) -> Callable[[], None]:
    """A function that limits this process."""
    return lambda: resource.setrlimit(what, (amount, amount))


def used_now() -> int:
    """The bytes of memory that are mapped already, before a command begins."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def verdict(name: str, where: str, done: Ended, kinds, faults: list[str]) -> None:
    """Note how a command ended."""
    if done.is_clear and done.status in (0, 1, 2):
        told = "ended well" if done.status == 0 else f"one line, status {done.status}"
        kinds[f"{where}: {told}"] += 1
    else:
        faults.append(f"{name}, {where}: status {done.status}: {done.err[-300:]!r}")


def memory(folder: Path, count: int, seed: int, show=print) -> dict:
    """Commands under a limit of address space, as by `ulimit -v`."""
    chance, place, kinds, faults = random.Random(seed), Place(folder), collections.Counter(), []
    now = used_now()
    for number in range(count):
        name, more = chance.choice(NAMES), int(10 ** chance.uniform(6.5, 9.8))
        words = place.words(COMMANDS[name].words, folder / f"run-{number}")
        done = run(words, folder / "log", first=limited(resource.RLIMIT_AS, now + more))
        verdict(name, "little memory", done, kinds, faults)
        show(f"{number + 1}: {name}, {more / 2**20:.0f} MiB: {done.status}")
    return {"came of it": dict(kinds), "faults": faults}


def disk(folder: Path, count: int, seed: int, show=print) -> dict:
    """Commands on a full disk, whose files may not grow, and in a folder that is read-only."""
    chance, place, kinds, faults = random.Random(seed), Place(folder), collections.Counter(), []
    small = folder / "small"
    small.mkdir()
    for number in range(count):
        name, run_folder = chance.choice([n for n in NAMES if n != "tasks"]), small / "run"
        words = place.words(COMMANDS[name].words, run_folder)
        kind = chance.choice(["full disk", "short files", "read-only disk"])
        if kind == "short files":
            size = int(10 ** chance.uniform(2, 5.5))
            done = run(words, folder / "log", first=limited(resource.RLIMIT_FSIZE, size))
        else:
            how = (
                "ro"
                if kind == "read-only disk"
                else f"size={int(10 ** chance.uniform(3.6, 5.6))}"
            )
            if subprocess.run(["mount", "-t", "tmpfs", "-o", how, "none", small]).returncode:
                kinds[f"{kind}: cannot be tried here"] += 1
                continue
            done = run(words, folder / "log")
        left = [p.name for p in small.rglob(".*")]
        if kind != "short files":
            subprocess.run(["umount", "-l", small], check=True)
        verdict(name, kind, done, kinds, faults)
        if left:
            faults.append(f"{name}, {kind}: left {left}")
        shutil.rmtree(run_folder, ignore_errors=True)
        show(f"{number + 1}: {name}, {kind}: {done.status} {done.err.strip()[-150:]}")
    return {"came of it": dict(kinds), "faults": faults}
