"""A command writes to its run and to caches alone, and opens no connection.

Beside our own cache there is that of Matplotlib, with its list of fonts.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WATCHED = """
import json, os, sys
told = open(os.environ["TOLD"], "w", buffering=1)
changing = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.symlink",
            "os.link", "os.truncate", "shutil.rmtree", "shutil.copyfile", "tempfile.mkstemp"}
remote = {"socket.connect", "socket.bind", "socket.getaddrinfo", "urllib.Request",
          "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"}

def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        writes = writes or (isinstance(mode, str) and set(mode) & set("wax+"))
        if writes and path != told.name and not isinstance(path, int):
            told.write(json.dumps(["write", os.fsdecode(path)]) + "\\n")
    elif event in changing:
        for one in arguments[:2]:
            if isinstance(one, (str, bytes, os.PathLike)):
                told.write(json.dumps(["write", os.path.abspath(os.fsdecode(one))]) + "\\n")
    elif event in remote or event.startswith(("ftplib", "smtplib", "http.client")):
        told.write(json.dumps([event, repr(arguments)[:200]]) + "\\n")

sys.addaudithook(watch)
from throughtime.__main__ import run
sys.argv[0] = "throughtime"
run()
"""

TINY = "--plain --hidden 4 --epochs 2 --ensemble 1 --window 8 --steps 3 -q --out RUN"
EQUATION = "x[n+1] = 3.9*x[n]*(1 - x[n]); x[0] = 0.3"
COMMANDS = {
    "forecast": ["forecast", "DATA", *TINY.split()],
    "predict": ["predict", "RUN", "--steps", "3"],
    "runs": ["runs", "RUN"],
    "resume": ["resume", "RUN", "-q"],
    "tasks": ["tasks", "adding", "--way", "momentum", "--length", "10", "--updates", "2", "-q"],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("watched")
    lines = [f"{i},{(i * 7 % 13) / 13 + i / 100:.4f}" for i in range(90)]
    (folder / "y.csv").write_text("t,y\n" + "\n".join(lines) + "\n")
    (folder / "home").mkdir()
    return folder


@pytest.mark.parametrize("name", COMMANDS)
def test_only_the_run_and_the_cache_are_written(name, place):
    named = {"DATA": str(place / "y.csv"), "RUN": str(place / "run")}
    words = [named.get(word, word) for word in COMMANDS[name]]
    told, cache = place / "told.jsonl", place / "cache"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_COMPILATION")}
    environment |= {"TOLD": str(told), "THROUGHTIME_CACHE": str(cache)}
    environment |= {"HOME": str(place / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"MPLCONFIGDIR": str(place / "fonts")}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *words],
        cwd=place,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in told.read_text().splitlines()]
    written = {Path(path).absolute() for kind, path in events if kind == "write"}
    allowed = (place / "run", cache, place / "fonts", Path(os.devnull))
    outside = [p for p in written if not any(p == a or a in p.parents for a in allowed)]
    assert not outside
    assert not [event for event in events if event[0].startswith(("socket", "urllib", "http"))]
    started = [event for event in events if event[0].startswith(("os.", "subprocess"))]
    assert not [event for event in started if "fc-list" not in event[1]]  # Matplotlib's fonts
    assert not list((place / "home").rglob("*"))
    if name == "forecast":  # the watch sees what is written
        assert place / "run" / "history.jsonl" in written
