"""What a benchmark ran on."""

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

PACKAGES = (
    *("torch", "keras", "reservoirpy", "jax", "jaxlib", "equinox", "numpy", "scipy"),
    *("matplotlib", "throughtime"),
)


def machine() -> dict:
    """Processor, cores, load, Python, commit and command, for the head of a result."""
    argv = ["python", *sys.orig_argv[1:]]
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "cores_used": len(cores()),
        "load_average": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "commit": _commit(),
        "command": " ".join(Path(part).name if os.path.isabs(part) else part for part in argv),
    }


class Peak:
    """The best multiply-add rate of one core so far, in flop/s; NaN without the kernels.

    `status` is what the kernels say of themselves.
    """

    def __init__(self, wanted: bool = True):
        try:
            from throughtime.recurrence import native_kernels
        except ImportError:
            native_kernels = None
        there = native_kernels is not None
        self.all: list[float] = []
        usable = there and wanted and native_kernels.available()
        self.native = native_kernels if usable else None
        self.status = asdict(native_kernels.status()) if there else {"available": False}
        self.status.pop("path", None)

    def measure(self) -> None:
        if self.native:
            self.all.append(float(self.native.fma_peak("float32", 0.1)))

    @property
    def best(self) -> float:
        return max(self.all, default=float("nan"))


def cores() -> list[int]:
    """The cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def versions(python: str = sys.executable) -> dict[str, str]:
    """Of what decides the speed, as a Python has them installed."""
    ask = (
        "import json, importlib.metadata as m; names = {d.name for d in m.distributions()};"
        f"print(json.dumps({{n: m.version(n) for n in {PACKAGES} if n in names}}))"
    )
    said = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    return json.loads(said.stdout)


def _commit() -> str | None:
    """The commit and whether files were changed since; none outside a repository."""
    ask = ["git", "describe", "--always", "--dirty"]
    try:
        said = subprocess.run(ask, cwd=Path(__file__).parent, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return said.stdout.strip() or None


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    for line in facts.read_text().splitlines() if facts.exists() else ():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor() or platform.machine()
