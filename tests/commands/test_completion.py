"""Completion in bash, zsh and fish, as the shells ask for it."""

import os
import subprocess

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
