"""A run is written by one process at a time."""

import subprocess
import sys

import pytest
from conftest import refuses

from throughtime.runs import run_folder
from throughtime.runs.run_lock import writing

HOLD = """
import sys
from pathlib import Path
from throughtime.runs.run_lock import writing
with writing(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that writes to `tmp_path`."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=pipe, stdout=pipe, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_folder_that_another_process_writes_to_is_refused(tmp_path, other):
    for use in (lambda: writing(tmp_path).__enter__(), lambda: prepare(tmp_path)):
        with refuses("which another process is writing. Wait until that has ended"):
            use()
    assert not list(tmp_path.iterdir())


def prepare(folder):
    run_folder.prepare_folder(folder, overwrite=False)


def test_a_process_that_is_killed_holds_nothing(tmp_path, other):
    other.kill()
    other.wait()
    with writing(tmp_path), writing(tmp_path / "." / ""):  # of this process, twice
        prepare(tmp_path)
    assert not list(tmp_path.iterdir())


def test_it_is_free_again_after_the_context_even_with_an_error(tmp_path):
    with pytest.raises(KeyboardInterrupt), writing(tmp_path):
        raise KeyboardInterrupt
    script = HOLD.replace("    sys.stdin.read()\n", "")
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_a_folder_that_is_not_there_is_nobodys(tmp_path):
    with writing(tmp_path / "none"):
        assert not (tmp_path / "none").exists()
