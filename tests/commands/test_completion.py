"""Completion in bash, zsh and fish, as the shells ask for it."""

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from command_line import PROGRAM

SHELLS = ("bash", "zsh", "fish")


def ask(action, shell, line=""):
    """What the program answers to a shell."""
    words = line.split(" ")
    asked = {
        "_THROUGHTIME_COMPLETE": f"{action}_{shell}",
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run([PROGRAM], env=os.environ | asked, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_printed_for_each_shell(shell):
    script = ask("source", shell)
    assert f"_THROUGHTIME_COMPLETE=complete_{shell}" in script and "throughtime" in script


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "wanted", "other"),
    [
        ("throughtime sur", "surrogate", "forecast"),
        ("throughtime forecast --ense", "--ensemble", "--epochs"),
        ("throughtime predict --ste", "--steps", "--out"),
    ],
)
def test_commands_and_options_are_completed(shell, line, wanted, other):
    found = ask("complete", shell, line)
    assert wanted in found and other not in found


class Terminal:
    """An interactive shell in a terminal, in a home that has only what a test puts there."""

    def __init__(self, command, home):
        self.own, end = pty.openpty()
        path = f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {"PATH": path, "HOME": str(home), "TERM": "dumb", "PS1": "> "}
        self.process = subprocess.Popen(
            command, stdin=end, stdout=end, stderr=end, cwd=home, env=self.environment,
            start_new_session=True,
        )  # fmt: skip
        os.close(end)

    def type(self, text, until, seconds=60):
        """Type, and read until this appears."""
        os.write(self.own, text.encode())
        read, end = "", time.monotonic() + seconds
        while until not in read and time.monotonic() < end:
            if select.select([self.own], [], [], 0.1)[0]:
                read += os.read(self.own, 4096).decode()
        assert until in read, read
        return read

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.own)


@pytest.fixture(params=["bash", "zsh"])
def terminal(request, tmp_path):
    """A new shell after `--install-completion` in one like it."""
    shell = shutil.which(request.param)
    if shell is None:
        pytest.skip(f"no {request.param} on this machine")
    (tmp_path / "laboratory.csv").touch()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    install = f"{PROGRAM} --install-completion; true"
    subprocess.run([shell, "-c", install], env=environment, check=True, capture_output=True)
    interactive = {"bash": ["-i"], "zsh": ["-i", "--no-global-rcs"]}[request.param]
    terminal = Terminal([shell, *interactive], tmp_path)
    terminal.type("echo rea''dy\n", "\nready")
    yield terminal
    terminal.close()


def test_the_first_tab_completes_and_files_are_completed_too(terminal):
    terminal.type("throughtime surro\t", "surrogate ")
    terminal.type("\x15throughtime forecast --ensem\t", "--ensemble ")
    terminal.type("\x15throughtime forecast labor\t", "laboratory.csv ")


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish on this machine")
def test_fish_completes_after_an_installation(tmp_path):
    (tmp_path / "laboratory.csv").touch()
    path = f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}"
    asked = {"PATH": path, "HOME": str(tmp_path)}

    def fish(command):
        options = {"env": asked, "cwd": tmp_path, "check": True}
        return subprocess.run(
            ["fish", "-c", command], capture_output=True, text=True, **options
        )

    fish("throughtime --install-completion; true")
    lines = ["surro", "forecast --ensem", "forecast labor"]
    found = fish("; ".join(f"complete -C 'throughtime {line}'" for line in lines)).stdout
    assert [line.split("\t")[0] for line in found.split("\n") if line] == [
        "surrogate", "--ensemble", "laboratory.csv",
    ]  # fmt: skip
