"""Signals at random moments of a command, from the start of Python on.

Whatever runs, the import and the compilation included: one line, the status of the signal, no
traceback, and no file that is half written.
"""

import collections
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from .commands import COMMANDS, Place

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def heeds(process: subprocess.Popen) -> bool:
    """Whether the program has begun to heed SIGHUP; what comes before is Python's own start."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return False
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) & 1)


def phase(out: str, folder: Path, seconds: float) -> str:
    """Roughly what a command was doing when it was ended."""
    if not folder.exists():
        return "import" if seconds < 1.0 else "reading, compiling"
    if (folder / "history.jsonl").exists():
        return "training and results"
    return "compiling, first epoch"


def run_part(folder: Path, count: int, seed: int, show=print) -> dict:
    """Send `count` signals."""
    chance, place = random.Random(seed), Place(folder)
    program = [sys.executable, "-m", "throughtime"]
    names = ["forecast of all parts", "surrogate of equations", "search", "tasks", "compare"]
    kinds, faults = collections.Counter(), []
    sent = 0
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    while sent < count:
        name, number = chance.choice(names), chance.choice(list(STATUS))
        run = folder / f"run-{sent}-{chance.randrange(10**6)}"
        words = place.words(COMMANDS[name].words, run)
        # Most moments are in the first second: the import, and what is compiled.
        wait = chance.random() ** 2 * 6
        process = subprocess.Popen(
            [*program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        while process.poll() is None and not heeds(process):
            time.sleep(0.005)
        began = time.monotonic()
        time.sleep(wait)
        if process.poll() is not None:
            process.communicate()
            continue
        os.kill(process.pid, number)
        try:
            _, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            faults.append(f"{name}: {number.name} after {wait:.2f} s was not heeded")
            continue
        sent += 1
        took = time.monotonic() - began - wait
        label = phase("", run, wait)
        kinds[f"{number.name}, {label}"] += 1
        status = process.returncode
        lines = [line for line in err.splitlines() if line.startswith("throughtime:")]
        if status == 0:
            kinds["ended before it"] += 1
        elif status != STATUS[number] or len(lines) != 1 or "Traceback" in err:
            faults.append(f"{name}: {number.name} after {wait:.2f} s: {status}: {err[-300:]!r}")
        if left := [p.name for p in run.rglob(".*")]:
            faults.append(f"{name}: {number.name} after {wait:.2f} s left {left}")
        if took > 10:
            faults.append(f"{name}: {number.name} after {wait:.2f} s: {took:.0f} s to end")
        if sent % 10 == 0:
            show(f"{sent} signals, faults: {faults}")
    return {"tried": sent, "came of it": dict(sorted(kinds.items())), "faults": faults}
