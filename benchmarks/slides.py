"""Each slide's command and each cell of the lecture's page, run as a stranger would run them.

    git clone <this repository> fresh && cd fresh && scripts/demo
    .venv/bin/python benchmarks/slides.py

The commands are those of `docs/slides.md`, the cells those of `docs/lecture.md`. A command runs
in an empty folder, with a home of its own that is empty too: nothing is compiled yet. The cells
run in their order in one process, in a folder and a home of their own. Processor seconds are
those of the process and of what it started.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from machine import machine

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
ROW = re.compile(r"^\| (\d[^|]*) \| [^|]+ \| `([^|]+)` \| .*\(lecture\.md#([\w-]+)\) \|$", re.M)
CELL = re.compile(r"^```\{code-cell\} python\n(.*?)^```\n", re.DOTALL | re.MULTILINE)

RUN_CELLS = """
import json, subprocess, sys, time, resource
def used():
    every = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    parts = [resource.getrusage(who) for who in every]
    return sum(part.ru_utime + part.ru_stime for part in parts)
try:
    import IPython.display
except ImportError:  # a fresh clone has no notebooks: a picture must be there, no more
    import types
    from pathlib import Path
    shows = types.ModuleType("IPython.display")
    shows.Image = lambda name: Path(name).read_bytes()
    sys.modules["IPython"] = types.ModuleType("IPython")
    sys.modules["IPython.display"] = shows
names, found = {}, []
for number, code in enumerate(json.load(sys.stdin)):
    before, clock, error = used(), time.perf_counter(), ""
    try:
        if code.startswith("%%bash\\n"):
            said = subprocess.run(["bash", "-ec", code[7:]], capture_output=True, text=True)
            error = said.stderr if said.returncode else ""
        else:
            exec(compile(code, f"cell {number + 1}", "exec"), names)
    except Exception as failure:
        error = repr(failure)
    row = {"code": code, "exit": int(bool(error)), "error": error[-300:]}
    seconds = {"seconds": time.perf_counter() - clock, "processor_seconds": used() - before}
    found.append(row | seconds)
sys.__stderr__.write("\\nCELLS " + json.dumps(found))
"""


def environment(home: Path) -> dict[str, str]:
    """What a new user's shell has, with this Python's programs in its path."""
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "JAX_PLATFORMS": "cpu"}


def run_command(command: str) -> dict:
    """The exit status of a command, its seconds, what it wrote and the end of what it said."""
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as folder:
        clock = time.perf_counter()
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=folder,
            env=environment(Path(home)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - clock
        written = sorted(p.suffix for p in Path(folder).rglob("*") if p.is_file())
        return {
            "exit": os.waitstatus_to_exitcode(status),
            "seconds": seconds,
            "processor_seconds": used.ru_utime + used.ru_stime,
            "pictures": written.count(".png"),
            "files": len(written),
            "said": said[-200:],
        }


def run_cells(text: str) -> list[dict]:
    """Every cell of the lecture's page, with the title of the section that it stands in."""
    sections = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    pairs = [("", sections[0]), *zip(sections[1::2], sections[2::2], strict=True)]
    cells = [(title, code) for title, part in pairs for code in CELL.findall(part)]
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(
            [sys.executable, "-c", RUN_CELLS],
            cwd=folder,
            env=environment(Path(home)),
            input=json.dumps([code for _, code in cells]),
            capture_output=True,
            text=True,
        )
    found = json.loads(ran.stderr.split("\nCELLS ")[-1])
    return [{"section": title} | row for (title, _), row in zip(cells, found, strict=True)]


def anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def shown(code: str, section: str, cells: list[dict]) -> dict | None:
    """The cell below that heading of the lecture's page that calls what a slide's row names."""
    called = re.findall(r"[\w.]+(?=\()", code)[0].split(".")[-1]
    for cell in cells:
        if anchor(cell["section"]) == section and re.search(rf"\b{called}\(", cell["code"]):
            return cell
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1, help="commands at a time")
    jobs = parser.parse_args().jobs
    listed = ROW.findall((DOCS / "slides.md").read_text(encoding="utf-8"))
    commands = dict.fromkeys(code for _, code, _ in listed if code.startswith("throughtime"))
    with ThreadPoolExecutor(jobs) as pool:
        page = pool.submit(run_cells, (DOCS / "lecture.md").read_text(encoding="utf-8"))
        started = {command: pool.submit(run_command, command) for command in commands}
        ran, cells = {name: run.result() for name, run in started.items()}, page.result()
    rows = []
    for slides, code, section in listed:
        row = ran.get(code) or shown(code, section, cells)
        if row is None:
            row = {"exit": 1, "said": f"no cell below {section} calls it"}
        kept = "exit", "seconds", "processor_seconds", "pictures", "files", "said"
        row = {"slides": slides, "code": code} | {
            name: row[name] for name in kept if name in row
        }
        rows.append(row)
        state = "ok" if row["exit"] == 0 else f"FAILED: {row.get('said')}"
        print(f"{slides:>9}  {row.get('processor_seconds', 0):6.1f} s  {state:4} {code}")
    for cell in cells:
        if cell["exit"]:
            print(f"FAILED, below {cell['section']}: {cell['error']}\n{cell['code']}")
    result = machine() | {"rows": rows, "cells": cells}
    (HERE / "results" / "slides.json").write_text(json.dumps(result, indent=1) + "\n")
    sys.exit(any(row["exit"] for row in [*rows, *cells]))


if __name__ == "__main__":
    main()
