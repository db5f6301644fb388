"""Trouble of every kind, at random and again: kills, signals, damaged files, full disks.

Each part says how often it was tried and what it found: a fault is a traceback, a hang, a
result that was lost, or a number that changed in silence. Every piece is added to the summary
as soon as it ends, so hours can be made of minutes, each with another seed.

    python benchmarks/campaign                          # minutes
    python benchmarks/campaign --only kills --count 300 # as many as one likes
"""

import argparse
import importlib
import json
import os
import resource
import shutil
import sys
import sysconfig
import tempfile
import time
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "tests")]

from machine import machine  # noqa: E402

CACHE = HERE.parents[1] / ".pytest_cache" / "campaign"
COUNTS = {"kills": 40, "tampering": 1000, "signals": 40, "memory": 10, "disk": 15}
COUNTS |= {"processes": 3, "texts": 500, "tables": 300}


def piece(part: str, count: int, seed: int, cache: Path) -> dict:
    """What came of one part."""
    from campaign import prepared

    prepared.prepare(cache)
    # In memory where that is possible: a killed process leaves the same there, and it is fast.
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="campaign-", dir=base))
    try:
        run = importlib.import_module(f"campaign.{part}").run_part
        with warnings.catch_warnings():
            # A user sees a library's warning as a fault of the command, and so does this.
            warnings.simplefilter("error", RuntimeWarning)
            return run(folder, count, seed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def seconds() -> float:
    """Processor seconds of this process and those it has waited for."""
    own, others = (
        resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def add(out: Path, part: str, found: dict) -> dict:
    """Add a piece to the summary; returns the summary."""
    summary = json.loads(out.read_text()) if out.exists() else {}
    summary.setdefault("pieces", []).append({"part": part, **found})
    of = [one for one in summary["pieces"] if one["part"] == part]
    totals = summary.setdefault("totals", {})
    totals[part] = {
        "tried": sum(one["tried"] for one in of),
        "faults": sum(len(one["faults"]) for one in of),
        "processor seconds": round(sum(one["processor seconds"] for one in of)),
    }
    out.parent.mkdir(exist_ok=True)
    text = json.dumps(summary, indent=1)
    for folder in (sysconfig.get_path("purelib"), HERE.parents[1]):  # a traceback names them
        text = text.replace(f"{folder}/", "")
    out.write_text(text + "\n")
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=COUNTS, help="one part; by default all in turn")
    parser.add_argument("--count", type=int, help="how often; by default a few minutes' worth")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of this piece")
    parser.add_argument("--out", type=Path, default=HERE.parent / "results" / "campaign.json")
    parser.add_argument(
        "--cache", type=Path, default=HERE.parents[1] / ".pytest_cache" / "campaign"
    )
    options = parser.parse_args()
    for part in [options.only] if options.only else COUNTS:
        count = options.count or COUNTS[part]
        before = seconds()
        found = piece(part, count, options.seed, options.cache)
        found["tried"] = found.pop("kills", found.get("tried", count))
        found |= {"seed": options.seed, "processor seconds": round(seconds() - before)}
        found["commit"] = machine()["commit"]
        add(options.out, part, found)
        print(f"{part}: {found['tried']}, {len(found['faults'])} faults")
        for fault in found["faults"]:
            print(f"  {fault}")


if __name__ == "__main__":
    main()
    os._exit(0)
