"""Two commands in one folder, threads, processes that are spawned, and forks of a training."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from .commands import COMMANDS, Place, found
from .prepared import checkpoints_at_every_epoch, end, run, start

PROGRAM = """
import multiprocessing, sys, threading, warnings
import numpy as np
import throughtime as tt
warnings.simplefilter("ignore")
def fit(seed=0):
    y = np.sin(np.arange(90) / 5)
    model = tt.Forecaster(core=None, prior=None, hidden=3, window=8, ensemble=1, epochs=2)
    return model.fit(y).predict(3).mean.tolist()
def tell(queue):
    try:
        queue.put(fit())
    except Exception as error:
        queue.put(f"{type(error).__name__}: {error}")
if __name__ == "__main__":
    one = fit()
    if sys.argv[1] == "threads":
        found = []
        crew = [threading.Thread(target=lambda: found.append(fit())) for _ in range(4)]
        [each.start() for each in crew]
        [each.join() for each in crew]
        print("same" if found == [one] * 4 else found)
    else:
        context = multiprocessing.get_context(sys.argv[1])
        queue = context.Queue()
        process = context.Process(target=tell, args=(queue,))
        process.start()
        answer = queue.get(timeout=120)
        process.join()
        print("same" if answer == one else answer)
"""


def run_part(folder: Path, count: int, seed: int, show=print) -> dict:
    """Two processes `count` times in one folder; threads, `spawn` and `fork` once."""
    chance, place, faults, kinds = random.Random(seed), Place(folder), [], {}
    for name, wanted in (
        ("threads", "same"),
        ("spawn", "same"),
        ("fork", "InputError: a proc"),
    ):
        path = folder / "program.py"
        path.write_text(PROGRAM)
        done = subprocess.run(
            [sys.executable, path, name], capture_output=True, text=True, timeout=300
        )
        kinds[name] = done.stdout.strip()[:200]
        if not done.stdout.startswith(wanted) or done.returncode:
            faults.append(f"{name}: {done.stdout} {done.stderr[-300:]}")
        show(f"{name}: {kinds[name]}")
    refused = 0
    command = COMMANDS["forecast"]
    whole = folder / "whole"
    run(place.words(command.words, whole), folder / "log", first=checkpoints_at_every_epoch)
    wanted = found(command, whole, "")
    for number in range(count):
        folder_of_both = folder / f"both-{number}"
        words = place.words(command.words, folder_of_both)
        first = start(words, folder / "first", checkpoints_at_every_epoch)
        while not (folder_of_both / "history.jsonl").exists() and not _ended(first):
            time.sleep(0.005)
        os.kill(first, signal.SIGSTOP)  # it still holds the folder
        other = chance.choice([command.again or "", command.over or ""])
        done = run(place.words(other, folder_of_both), folder / "log")
        os.kill(first, signal.SIGCONT)
        ended = end(first, folder / "first", time.monotonic())
        refused += done.status == 2 and "another process" in done.err
        if not done.is_clear or not ended.is_clear or ended.status:
            faults.append(f"two: {done.status} {done.err[-200:]} / {ended.err[-200:]}")
        elif found(command, folder_of_both, "") != wanted:
            faults.append("two: other bits than alone")
        show(f"{number + 1}: {done.status}: {done.err.strip()}")
    kinds |= {"two in one folder": count, "the second refused in one line": refused}
    return {"came of it": kinds, "faults": faults}


def _ended(process: int) -> bool:
    """Whether a process has ended, without taking its status."""
    state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state == "Z"
