"""The program as others end it: signals, a closed pipe, no terminal or a dumb one."""

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import conftest
import numpy as np
import pytest

PROGRAM = str(Path(sys.executable).with_name("throughtime"))
ENVIRONMENT = os.environ | {
    "JAX_COMPILATION_CACHE_DIR": str(conftest.CACHE),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
TINY = shlex.split("--hidden 4 --epochs 2 --ensemble 1 --window 8 --steps 3 --plain")
LONG = [*TINY, *shlex.split("--epochs 1000 --patience 100000")]  # seconds, and many epochs
RESUME = r"throughtime: Stopped after epoch (\d+)\. Resume with: throughtime resume (\S+)\n"


def start(*arguments, **options):
    pipe = subprocess.PIPE
    options = {"stdout": pipe, "stderr": pipe, "text": True, "env": ENVIRONMENT} | options
    return subprocess.Popen([PROGRAM, *map(str, arguments)], **options)


def end(process):
    """Wait for a process: its status, stdout and stderr."""
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in (err or "")
    return process.returncode, out, err


def epochs(folder):
    """How many epochs a run has noted."""
    path = folder / "history.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def wait_for_epochs(process, folder, at_least):
    until = time.monotonic() + 120
    while epochs(folder) < at_least:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)


def results(folder):
    """The bytes that must not depend on an interruption."""
    return {
        name: (folder / name).read_bytes() for name in ("weights.safetensors", "forecast.csv")
    }


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "y.csv"
    wave = np.sin(np.arange(120) / 5)
    path.write_text("t,y\n" + "".join(f"{i},{v:.6f}\n" for i, v in enumerate(wave)))
    return path


@pytest.fixture(scope="module", autouse=True)
def undisturbed(table):
    """A run that nobody ends; it trains beside the first tests, with no terminal at all."""
    folder = table.parent / "undisturbed"
    process = start(
        *("forecast", table, *LONG, "--out", folder, "--json"),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env={k: v for k, v in ENVIRONMENT.items() if k not in ("TERM", "COLUMNS")},
    )
    said = []

    def finished():
        said.extend(() if said else end(process))
        status, out, err = said
        assert status == 0 and json.loads(out)["run"] == str(folder)
        assert re.fullmatch(r"(epoch \d+ of 1000, .+\n)+", err)
        return folder

    yield finished
    if process.poll() is None:
        process.kill()
        process.communicate()


def test_a_run_that_is_stopped_twice_resumes_to_the_same_bits(table, tmp_path, undisturbed):
    """By SIGINT and, when it goes on, by SIGTERM."""
    folder = tmp_path / "run"
    process = start("forecast", table, *LONG, "--out", folder, "-q")
    last = 0
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        wait_for_epochs(process, folder, last + 50)
        process.send_signal(number)
        returned, out, err = end(process)
        assert (returned, out) == (status, "")
        said = re.fullmatch(RESUME, err)
        assert said, err
        assert int(said[1]) == epochs(folder) > last and Path(said[2]) == folder
        assert (folder / "checkpoint" / "state.safetensors").exists()
        assert not (folder / "weights.safetensors").exists()
        assert not list(folder.rglob(".*"))  # nothing half-written
        last = int(said[1])
        process = start("resume", folder, "-q")
    assert end(process)[0] == 0
    assert results(folder) == results(undisturbed())
    assert epochs(folder) == 1000


def test_a_run_that_is_killed_resumes_to_the_same_bits(table, tmp_path, undisturbed):
    """Wherever it was: in the middle of an epoch, or of a checkpoint."""
    folder = tmp_path / "run"
    process = start("forecast", table, *LONG, "--out", folder, "-q")
    rng = np.random.default_rng()
    for files in ("history.jsonl", "checkpoint/state.safetensors"):
        while not (folder / files).exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.5))
        process.kill()
        assert end(process)[0] in (-signal.SIGKILL, 0)
        process = start("resume", folder, "-q")
    assert end(process)[0] == 0
    assert results(folder) == results(undisturbed())


def test_a_second_signal_ends_at_once(table, tmp_path):
    """Even while an epoch, which the first signal waits for, takes a minute."""
    folder = tmp_path / "run"
    program = (
        "import sys, time\n"
        "from throughtime import __main__\n"
        "from throughtime.training import progress\n"
        "class Slow(progress.Silent):\n"
        "    def show(self, history):\n"
        "        print('ready', flush=True)\n"
        "        for _ in range(600): time.sleep(0.1)\n"
        "progress.show_progress = lambda *_: Slow()\n"
        "__main__.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, "forecast", table, *LONG, "--out", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    line = f"throughtime: Interrupted. Resume with: throughtime resume {folder}\n"
    assert end(process) == (130, "", line)
    assert time.monotonic() - begin < 20
    assert (folder / "run.json").exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_when_nothing_trains(number, status):
    """One line, and the same status; nothing there is to resume."""
    program = (
        "import time\n"
        "from throughtime import __main__\n"
        "from throughtime._support import versions\n"
        "def package_versions():\n"
        "    print('ready', flush=True)\n"
        "    for _ in range(600): time.sleep(0.1)\n"
        "versions.package_versions = package_versions\n"
        "__main__.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, "info"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    returned, _, err = end(process)
    assert returned == status
    assert err in ("throughtime: Interrupted.\n", "throughtime: Terminated.\n")


@pytest.mark.parametrize("arguments", ["predict RUN --steps 1200", "forecast --help"])
def test_a_reader_that_goes_is_no_error(undisturbed, arguments):
    """As with `| head -1`."""
    arguments = arguments.replace("RUN", str(undisturbed()))
    done = subprocess.run(
        ["bash", "-c", f"{PROGRAM} {arguments} | head -1; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert done.stderr == "" and done.stdout.count("\n") == 1
    assert done.returncode in (0, 1, 141)  # 1: what Rich says of a closed pipe


@pytest.mark.parametrize("term", ["dumb", "xterm-256color"])
def test_a_terminal(table, tmp_path, term):
    """A bar where a terminal can draw one; no control codes where it cannot."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "forecast", table, *TINY, "--out", tmp_path / "run"],
        stdout=subprocess.PIPE,
        stderr=follower,
        text=True,
        env=ENVIRONMENT | {"TERM": term},
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(leader)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, shown
    assert "Forecast: " in out and "\x1b" not in out
    assert (b"\x1b[" in shown) == (term != "dumb")
    if term != "dumb":
        assert b"training" in shown and shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h")


HERE = """
import os, signal, sys
from throughtime.commands import signals
signals.handle(signals.raise_ending)
class Dropped:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        for _ in range(100): pass
sys.unraisablehook = signals.send_again
try:
    {body}
    import time
    time.sleep(20)
except (KeyboardInterrupt, signals.Terminated):
    print("raised", flush=True)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize(
    ("body", "status", "out", "err"),
    [
        ("del Dropped.x", 0, "raised\n", ""),  # Python drops what a destructor raises
        ("import interrupts", None, "", "throughtime: {said}\n"),
        ("os.kill(os.getpid(), signal.{name})", 0, "raised\n", ""),
    ],
    ids=["destructor", "import", "elsewhere"],
)
def test_no_signal_is_lost(name, body, status, out, err, tmp_path):
    number = getattr(signal, name)
    kill = f"import os, signal\nos.kill(os.getpid(), signal.{name})\nprint('went on')\n"
    (tmp_path / "interrupts.py").write_text(kill)
    prepared = "Dropped.x = Dropped(); " if "Dropped" in body else ""
    program = HERE.format(name=name, body=prepared + body.format(name=name))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = "Interrupted." if name == "SIGINT" else "Terminated."
    assert done.returncode == (128 + number if status is None else status), done.stderr
    assert (done.stdout, done.stderr) == (out, err.format(said=said))


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_a_signal_that_is_ignored_stays_so(name):
    """As by `nohup`, and for what a shell runs in the background."""
    number = getattr(signal, name)
    program = (
        f"import os, signal; signal.signal({number:d}, signal.SIG_IGN); "
        "from throughtime.commands import signals; "
        "signals.handle(signals.end_at_once); "
        f"os.kill(os.getpid(), {number:d}); print('goes on')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "goes on\n")


def test_a_signal_during_the_import_is_one_line(table, tmp_path):
    process = start("forecast", table, *TINY, "--out", tmp_path / "run")
    until = time.monotonic() + 60
    while time.monotonic() < until:  # as soon as SIGHUP is heeded, which Python alone does not
        status = Path(f"/proc/{process.pid}/status").read_text()
        if int(re.search(r"SigCgt:\s+(\w+)", status)[1], 16) & 1:
            break
    process.send_signal(signal.SIGHUP)
    assert end(process) == (129, "", "throughtime: Terminated.\n")
    assert not (tmp_path / "run").exists()
