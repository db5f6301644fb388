"""Runs two programs in turn, as whole processes, and compares wall time, memory and result.

Ours runs twice: `cold`, where programs that JAX compiled are kept in a new, empty folder, and
`warm`, in a folder that one run ahead, which does not count, has filled. The peer too has a
run ahead that does not count. All else that a program might have kept for itself, such as
Matplotlib's list of fonts, is new in every run.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import machine
from rounds import options, save

SIDES = ("cold", "warm", "peer")


def compare(name: str, ours: list[str], theirs: list[str], read_ours, read_theirs) -> None:
    """Run all in turn, each time with an empty home, and print the table.

    `ours` are arguments of throughtime, `theirs` of the peer's Python; `{out}` and `{seed}`
    in them are replaced. Who goes first moves on. The readers turn what a program printed
    into measures by name.
    """
    asked = options(f"{name}. {__doc__}", name).parse_args()
    started, table = machine(), {side: [] for side in SIDES}
    ours = [sys.executable, "-m", "throughtime", *ours]
    with tempfile.TemporaryDirectory() as filled:
        _run(ours, 0, read_ours, filled)
        _run([asked.peer, *theirs], 0, read_theirs, None)
        for seed in range(asked.rounds):
            for side in SIDES[seed % 3 :] + SIDES[: seed % 3]:
                if side == "peer":
                    row = _run([asked.peer, *theirs], seed, read_theirs, None)
                else:
                    row = _run(ours, seed, read_ours, filled if side == "warm" else None)
                table[side].append(row)
                print(side, json.dumps(row), file=sys.stderr)
    medians = _show(name, table)
    save(asked.out, asked.peer, started, benchmark=name, medians=medians, runs=table)


def _run(command: list[str], seed: int, read, cache: str | None) -> dict[str, float]:
    """One process; compiled programs are kept in `cache`, or in a new folder."""
    with tempfile.TemporaryDirectory() as home:
        out, empty = Path(home) / "out", Path(home) / "cache"
        out.mkdir()
        empty.mkdir()
        filled = [part.format(out=out, seed=seed) for part in command]
        environment = {**os.environ, "HOME": home, "JAX_PLATFORMS": "cpu"}
        for name in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "JAX_COMPILATION_CACHE_DIR"):
            environment.pop(name, None)
        environment["THROUGHTIME_CACHE"] = cache or str(empty)
        with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as told:
            clock = time.perf_counter()
            process = subprocess.Popen(filled, env=environment, stdout=said, stderr=told)
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - clock
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            told.seek(0)
            if process.returncode:
                raise SystemExit(f"{' '.join(filled)}\n{told.read()}")
            measures = read(json.load(said))
    cpu, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    return {"seed": seed, "wall_s": wall, "cpu_s": cpu, "memory_mib": memory, **measures}


def _show(name: str, table: dict[str, list[dict[str, float]]]) -> dict:
    """Print the medians and their ratios to the peer's."""
    print(f"{name}: median of {len(table['peer'])} runs, in turn\n")
    heads = ("cold", "warm", "peer", "cold / peer", "warm / peer")
    print(f"{'':<18}" + "".join(f"{head:>14}" for head in heads))
    medians = {}
    for measure in table["peer"][0]:
        if measure == "seed" or measure not in table["cold"][0]:
            continue
        found = {side: statistics.median(row[measure] for row in table[side]) for side in SIDES}
        found |= {f"{side} / peer": found[side] / found["peer"] for side in ("cold", "warm")}
        medians[measure] = found
        print(f"{measure:<18}" + "".join(f"{found[head]:>14.4g}" for head in heads))
    return medians
