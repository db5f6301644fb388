"""All sides of a comparison timed in turn, on the same cores, so that noise falls on all.

A side has `times(calls)`: seconds of so many calls, after one that is not timed. It is a
function of this process (`Local`), or a program beside it that waits while others run (`Peer`,
whose other end is `serve`). Only the standard library is imported here: peers need no more.
"""

import argparse
import importlib.util
import json
import math
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from machine import cores, machine, versions

HERE = Path(__file__).parent


class Local:
    """A function that returns when its result is there."""

    def __init__(self, run: Callable[[], object]):
        self.run = run

    def times(self, calls: int) -> list[float]:
        self.run()
        seconds = []
        for _ in range(calls):
            clock = time.perf_counter()
            self.run()
            seconds.append(time.perf_counter() - clock)
        return seconds


class Peer:
    """A program that times what it is asked to; questions and answers are lines of JSON.

    `about` is what it says of itself at the start.
    """

    def __init__(self, *command: str):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=HERE, stdin=pipe, stdout=pipe, text=True)
        self.command, self.about = command, self._answer()

    def prepare(self, **point) -> "Peer":
        """Set up what `times` will time."""
        self._ask(point)
        return self

    def times(self, calls: int) -> list[float]:
        return self._ask({"calls": calls})

    def _ask(self, what: dict):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.command)} ended with {self.process.wait()}")
        return json.loads(line)


def serve(about: dict, prepare: Callable[..., Callable[[], object]]) -> None:
    """The other end of a `Peer`: `prepare(**point)` gives the function to be timed."""
    print(json.dumps(about), flush=True)
    side = None
    for line in sys.stdin:
        asked = json.loads(line)
        if "calls" in asked:
            answer = side.times(asked["calls"])
        else:
            side, answer = Local(prepare(**asked)), "ready"
        print(json.dumps(answer), flush=True)


def peer(module: str, python: str, package: str, **settings) -> Peer | None:
    """The program `peers/<module>.py`, or None with a line that says why."""
    found = f"import importlib.util, sys; sys.exit(not importlib.util.find_spec({package!r}))"
    if python == sys.executable:
        missing = importlib.util.find_spec(package) is None
    else:
        missing = subprocess.run([python, "-c", found]).returncode
    if missing:
        print(f"without {package}: {python} does not have it; see --peer", file=sys.stderr)
        return None
    beside = Peer(python, "-m", f"peers.{module}", json.dumps(settings))
    if "missing" in beside.about:
        print(f"without {package}: {beside.about['missing']}", file=sys.stderr)
        return None
    return beside


def pin(threads: str) -> int:
    """Keep this process and those it starts to so many cores; call it before JAX computes.

    The libraries size their pools of threads by the cores that they find then.
    """
    allowed = cores()
    count = len(allowed) if threads == "all" else min(int(threads), len(allowed))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, allowed[-count:])
    elif count < len(allowed):
        print("not pinned: this system cannot keep a process to a core", file=sys.stderr)
    return count


def in_turn(
    sides: dict[str, Local | Peer],
    rounds: int,
    seconds: float,
    between: Callable[[], object] = lambda: None,
    most: int = 100,
) -> dict[str, list[float]]:
    """Seconds of each call: in each round, every side for so many `seconds` or `most` calls.

    The order moves on by one from round to round; `between` is called before each.
    """
    calls = {name: _calls(side, seconds, most) for name, side in sides.items()}
    taken, order = {name: [] for name in sides}, list(sides)
    for _ in range(rounds):
        between()
        for name in order:
            taken[name] += sides[name].times(calls[name])
        order = order[1:] + order[:1]
    between()
    return taken


def _calls(side: Local | Peer, seconds: float, most: int) -> int:
    return max(3, min(most, round(seconds / min(side.times(2)))))


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, values)))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    return sorted(values)[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def options(about: str, name: str | None) -> argparse.ArgumentParser:
    """A parser with what all benchmarks take."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    out = HERE / "results" / f"{name}.json" if name else None
    parser.add_argument("--out", type=Path, default=out, help="where the JSON goes")
    parser.add_argument("--peer", default=sys.executable, help="a Python with the peers")
    parser.add_argument(
        "--rounds", "--runs", type=int, default=5, help="turns of each side (5)"
    )
    return parser


def save(out: Path | None, python: str, started: dict, **result) -> None:
    """Write a result below the facts of the machine, `started` as they were at the start."""
    if out is None:
        print("\na part only: written if `--out` names a file")
        return
    found = {"throughtime": versions(), "peer": versions(python)}
    head = {**started, "load_average_after": machine()["load_average"], "versions": found}
    out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_plain({**head, **result}), indent=1)
    text = re.sub(r"\[[-\d.e,\s]+\]", lambda numbers: " ".join(numbers[0].split()), text)
    out.write_text(text + "\n")
    print(f"\n{out}")


def _plain(value):
    """Six digits of every number, and None for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
