"""The command line, called in this process, and what every mistake must look like."""

import contextlib
import csv
import hashlib
import io
import json
import re
import shlex
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import conftest
import numpy as np
import pytest

from throughtime.commands import program as process
from throughtime.commands import signals

TINY = shlex.split("--hidden 4 --epochs 2 --ensemble 1 --window 8 --steps 3 --plain")

PROGRAM = str(Path(sys.executable).with_name("throughtime"))

# Programs that were compiled are shared with the other tests: see `conftest.py`.
CACHE = {
    "JAX_COMPILATION_CACHE_DIR": str(conftest.CACHE),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


LINE = re.compile(r"throughtime: (?P<rule>[^;]+); got (?P<got>.+?)\. (?P<remedy>[A-Z].+[.?])\n")


def table(rows=120, first=0):
    """A time, a target, an input that drives it, and another target, as CSV."""
    rng = np.random.default_rng(0)
    drive = rng.normal(size=rows + first)
    y = np.zeros(rows + first)
    for i in range(1, rows + first):
        y[i] = 0.8 * y[i - 1] + drive[i]
    wave = np.sin(np.arange(rows + first) / 5)
    lines = [f"{i},{y[i]:.6f},{drive[i]:.6f},{wave[i]:.6f}" for i in range(first, rows + first)]
    return "t,y,u,v\n" + "\n".join(lines) + "\n"


def cut(text, *columns):
    """Some columns of a CSV."""
    rows = list(csv.DictReader(io.StringIO(text)))
    return (
        "\n".join([",".join(columns), *(",".join(r[c] for c in columns) for r in rows)]) + "\n"
    )


def call(*arguments):
    """Run a command in this process: its status, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    before, argv = {n: signal.getsignal(n) for n in signals.ENDING}, sys.argv
    hook = sys.unraisablehook
    sys.argv = ["throughtime", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            with pytest.raises(SystemExit) as end:
                process.main()
    finally:
        sys.argv, sys.unraisablehook = argv, hook
        for number, handler in before.items():
            signal.signal(number, handler)
    return SimpleNamespace(status=end.value.code, out=out.getvalue(), err=err.getvalue())


def succeeds(*arguments):
    done = call(*arguments)
    assert done.status == 0, done.err
    return done


def tree(folder):
    """All that is in a folder, by digest."""
    return {
        str(path.relative_to(folder)): path.is_file()
        and hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
    }


def fails(*arguments, rule, got, remedy=""):
    """A mistake: status 2, one line with rule, value and remedy, and nothing written."""
    assert not Path("pyproject.toml").exists(), "other tests write here"
    before = tree(Path.cwd())
    done = call(*arguments)
    assert tree(Path.cwd()) == before
    assert done.status == 2, done.err
    assert done.out == ""
    found = LINE.fullmatch(done.err)
    assert found, done.err
    assert rule in found["rule"] and got in found["got"] and remedy in found["remedy"], done.err


def document(text):
    """The one JSON document that a text is, without NaN or infinity."""

    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    assert text.endswith("\n") and text.count("\n") == 1
    return json.loads(text, parse_constant=refuse)
