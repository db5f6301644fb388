"""What each notebook of `docs/notebooks/` costs: a process of its own, twice.

The first time nothing is compiled yet, the second time what was compiled is kept. Seconds are
of the processor, imports and pictures included.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import machine

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "docs" / "_ext"))

from notebook_files import code, pages  # noqa: E402

RUN = """
import json, sys
import matplotlib.pyplot as plt
names = {}
for cell in json.load(sys.stdin):
    exec(cell, names)
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()
        plt.close(number)
"""


def run(cells: list[str], cache: str) -> dict[str, float]:
    """Seconds of the processor and of the clock that the cells take, in a new process."""
    wanted = {"MPLBACKEND": "Agg", "JAX_PLATFORMS": "cpu", "THROUGHTIME_CACHE": cache}
    clock = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        env=os.environ | wanted,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin
    process.stdin.write(json.dumps(cells))
    process.stdin.close()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"a notebook failed: {os.waitstatus_to_exitcode(status)}")
    seconds = time.perf_counter() - clock
    return {"processor_seconds": used.ru_utime + used.ru_stime, "seconds": seconds}


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    found = {}
    for name, text in pages().items():
        with tempfile.TemporaryDirectory() as cache:
            first, again = (run(code(text), cache) for _ in range(2))
        found[name] = {"first": first, "again": again}
        shown = (f"{each['processor_seconds']:.1f} s" for each in (first, again))
        print(f"{name:26} {' then '.join(shown)}", flush=True)
    result = machine() | {"notebooks": found}
    (HERE / "results" / "notebooks.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
