"""Runs two programs in turn, as whole processes, and compares wall time, memory and result."""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import machine

HERE = Path(__file__).parent


def compare(name: str, ours: list[str], theirs: list[str], read_ours, read_theirs) -> None:
    """Run both in turn, each time with an empty home and no caches, and print the table.

    `ours` are arguments of throughtime, `theirs` of the peer's Python; `{out}` and `{seed}`
    in them are replaced. Who goes first alternates. The readers turn what a program printed
    into measures by name.
    """
    options = _options()
    table = {"throughtime": [], "peer": []}
    for seed in range(options.runs):
        sides = [
            ("throughtime", [sys.executable, "-m", "throughtime", *ours], read_ours),
            ("peer", [options.peer, *theirs], read_theirs),
        ]
        for side, command, read in sides if seed % 2 else reversed(sides):
            row = _run(command, seed, read)
            table[side].append(row)
            print(side, json.dumps(row), file=sys.stderr)
    _report(name, table, options.peer)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--peer", default=sys.executable, help="a Python with the peer installed"
    )
    parser.add_argument("--runs", type=int, default=3, help="runs of each, each its own seed")
    return parser.parse_args()


def _run(command: list[str], seed: int, read) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        out = Path(home) / "out"
        out.mkdir()
        filled = [part.format(out=out, seed=seed) for part in command]
        environment = {**os.environ, "HOME": home, "JAX_PLATFORMS": "cpu"}
        for cache in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "JAX_COMPILATION_CACHE_DIR"):
            environment.pop(cache, None)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        clock = time.perf_counter()
        done = subprocess.run(filled, env=environment, capture_output=True, text=True)
        wall = time.perf_counter() - clock
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise SystemExit(f"{' '.join(filled)}\n{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seed": seed, "wall_s": wall, "cpu_s": cpu, **read(json.loads(done.stdout))}


def _report(name: str, table: dict[str, list[dict[str, float]]], peer: str) -> None:
    measures = [
        key for key in table["peer"][0] if key != "seed" and key in table["throughtime"][0]
    ]
    print(f"{name}: median of {len(table['peer'])} runs, in turn, empty caches\n")
    print(f"{'':<18}{'throughtime':>14}{'peer':>14}{'ratio':>10}")
    medians = {}
    for measure in measures:
        ours, theirs = (
            statistics.median(row[measure] for row in table[side])
            for side in ("throughtime", "peer")
        )
        medians[measure] = {"throughtime": ours, "peer": theirs, "ratio": ours / theirs}
        print(f"{measure:<18}{ours:>14.4g}{theirs:>14.4g}{ours / theirs:>10.3f}")
    versions = {"throughtime": _versions(sys.executable), "peer": _versions(peer)}
    result = {"benchmark": name, **machine(), "versions": versions, "medians": medians}
    result["runs"] = table
    path = HERE / "results" / f"{name}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\n{path}")


def _versions(python: str) -> dict[str, str]:
    """Of what decides the speed, as a Python has them installed."""
    ask = (
        "import json, importlib.metadata as m; names = {d.name for d in m.distributions()};"
        "print(json.dumps({n: m.version(n) for n in"
        " ('torch', 'keras', 'jax', 'jaxlib', 'numpy', 'matplotlib', 'throughtime')"
        " if n in names}))"
    )
    said = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    return json.loads(said.stdout)
