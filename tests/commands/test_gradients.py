"""The command `throughtime gradients`: theory beside measurement, and its mistakes."""

import math
from pathlib import Path

import pytest
from command_line import document, fails, succeeds

from throughtime.commands.gradients import _power

EXACT = ["--cell", "rnn", "--activation", "identity", "--rotation", "--hidden", "4"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_rotation_is_exact():
    done = succeeds("gradients", *EXACT, "--radius", "0.5", "--steps", "20")
    last = done.out.splitlines()[-2].split()
    assert last == ["20", *3 * ["9.537e-07"]]  # 2 to the power of -20
    assert Path("runs/gradients/gradients.png").exists()


def test_json_has_every_lag():
    done = succeeds("gradients", *EXACT, "--radius", "2", "--steps", "12", "--json")
    found = document(done.out)["rnn"]
    for name in ("measured", "path", "bound"):
        expected = [k * math.log10(2) for k in range(1, 13)]
        assert found[f"log10_{name}"] == pytest.approx(expected)
    assert found["radius"] == pytest.approx(2) and found["largest"] == pytest.approx(2)


def test_large_and_small_numbers_are_written_out():
    assert _power(0.0) == "1.000e+00" and _power(-1000.5) == "3.162e-1001"
    assert _power(-math.inf) == "0" and _power(math.log10(9.9999)) == "1.000e+01"


@pytest.mark.parametrize(
    ("options", "rule", "got"),
    [
        ("--cell esn", "`cell` must be", "esn"),
        ("--radius 0", "`radius` must be above 0 and finite", "0"),
        ("--steps 0", "`steps` must be", "0"),
        ("--steps 2001", "`steps` must be at most 2000", "2001"),
        ("--activation sine", "`activation` must be", "sine"),
        ("--hidden 0", "`hidden` must be", "0"),
        ("--seed -1", "`seed` must be at least 0", "-1"),
    ],
)
def test_mistakes(options, rule, got):
    fails("gradients", *options.split(), rule=rule, got=got)
