"""Commands under a limit of memory: one line, whatever a library does when it gets none."""

import os
import signal
import subprocess
import sys

import command_line
import pytest

from throughtime._support import memory
from throughtime.commands import memory_limit

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="others do not heed the limit")


def limited(*words, mib, **options):
    """Start a program whose address space is limited."""
    return subprocess.Popen(
        ["sh", "-c", f'ulimit -v {mib * 1024} && exec "$@"', "sh", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def guarded(body, before=""):
    """Run Python code in the place of a command: its status and what it printed to stderr."""
    code = (
        f"import os, sys, signal, time; sys.argv = ['throughtime', 'forecast']\n{before}"
        "from throughtime.commands.memory_limit import within_memory_limit\n"
        f"with within_memory_limit():\n    {body}\n"
    )
    process = limited(sys.executable, "-c", code, mib=2000, start_new_session=True)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def test_a_limit_in_which_nothing_can_be_computed_is_refused_before_work(tmp_path):
    words = (command_line.PROGRAM, "forecast", "sunspots", "--out", tmp_path / "run")
    process = limited(*words, mib=800)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, list(tmp_path.iterdir())) == (2, "", [])
    found = command_line.LINE.fullmatch(err)
    assert found and "1200 MiB" in found["rule"] and "800 MiB" in found["got"]


def test_help_and_the_version_are_given_under_any_limit():
    for words in (["forecast", "--help"], ["--version"]):
        process = limited(command_line.PROGRAM, *words, mib=800)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "") and out


@pytest.mark.parametrize(
    ("body", "how"),
    [
        ("os.write(2, b'bad_alloc'); os.abort()", "SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("raise NameError('half an import')", "NameError: half an import"),
        ("raise type('PanicException', (BaseException,), {})", "PanicException"),
    ],
)
def test_what_a_library_does_without_memory_is_one_line(body, how):
    status, err = guarded(body)
    assert status == 2
    found = command_line.LINE.fullmatch(err)
    assert found and how in found["got"] and "2000 MiB" in found["rule"]


def test_the_status_and_the_lines_of_a_command_are_its_own():
    assert guarded("print('told', file=sys.stderr); os._exit(3)") == (3, "told\n")


def test_a_command_that_ends_before_the_program_waits_for_it_is_not_waited_for_in_vain():
    slow = "fork = os.fork\ndef slow():\n    child = fork()\n    child and time.sleep(0.5)\n"
    slow += "    return child\nos.fork = slow\n"
    assert guarded("os._exit(3)", before=slow) == (3, "")


def test_a_signal_to_the_program_reaches_the_command():
    body = (
        "signal.signal(signal.SIGTERM, lambda *_: os._exit(143))\n"
        "    os.kill(os.getppid(), signal.SIGTERM); time.sleep(30)"
    )
    assert guarded(body) == (143, "")


def test_a_signal_to_the_group_of_processes_is_heeded_once():
    """As `timeout` and batch systems send it; the parent hands it on to a child that has it."""
    body = (
        "from throughtime.commands.signals import DeferredSignals\n"
        "    with DeferredSignals() as signals:\n"
        "        os.kill(os.getppid(), signal.SIGINT); os.kill(0, signal.SIGINT)\n"
        "        time.sleep(0.5)\n"
        "    os._exit(3 if signals.received == signal.SIGINT else 4)"
    )
    assert guarded(body) == (3, "")


def test_the_program_ends_by_the_signal_that_ended_the_command():
    """So that a shell says `Killed`, as where memory runs out."""
    assert guarded("os.kill(os.getpid(), signal.SIGKILL)") == (-signal.SIGKILL, "")


def test_a_signal_while_the_command_is_imported_is_told():
    before = "from throughtime.commands import signals\nsignals.handle(signals.end_at_once)\n"
    body = "os.kill(os.getpid(), signal.SIGINT); time.sleep(30)"
    assert guarded(body, before) == (130, "throughtime: Interrupted.\n")


def test_a_command_whose_program_was_killed_before_it_began_ends():
    """The system tells a child of its parent's end only from the moment it asks for that."""
    late = (
        "fork, pid = os.fork, os.getpid()\n"
        "def late():\n"
        "    child = fork()\n"
        "    if child: os.kill(pid, signal.SIGKILL)\n"
        "    while os.getppid() == pid: time.sleep(0.01)\n"
        "    return child\n"
        "os.fork = late\n"
    )
    assert guarded("print('goes on', file=sys.stderr)", late) == (-signal.SIGKILL, "")


def test_no_child_is_made_without_a_limit(monkeypatch):
    monkeypatch.setattr(memory_limit, "address_space_limit", lambda: None)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))
    with memory_limit.within_memory_limit():
        pass
    assert signal.SIGCHLD not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_control_group_is_bound_by_those_around_it(tmp_path):
    (tmp_path / "job" / "step").mkdir(parents=True)
    (tmp_path / "job" / "memory.max").write_text("3000\n")
    (tmp_path / "job" / "step" / "memory.max").write_text("max\n")
    old = tmp_path / "memory" / "job"
    old.mkdir(parents=True)
    (old / "memory.limit_in_bytes").write_text("2000\n")
    groups = tmp_path / "groups"
    for text, limit in (
        ("0::/job/step\n", 3000),
        ("4:memory:/job\n0::/\n", 2000),
        ("4:cpu:/job\n0::/elsewhere\n", None),
    ):
        groups.write_text(text)
        assert memory.group_limit(tmp_path, groups) == limit
    assert memory.group_limit(tmp_path, tmp_path / "none") is None
