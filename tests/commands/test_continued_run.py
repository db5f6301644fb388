"""`throughtime predict` of measured trajectories with inputs, against their map."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import fails, succeeds

import throughtime as tt
from throughtime.dynamics.surrogate import Surrogate
from throughtime.reservoir.closed_loop import Settings

STEPS, AHEAD = 150, 6
WORDS = np.array(["high", "low", "off"])


def driven(steps):
    """y -> .5 y - .3 y^2 + u + (.2 where a switch is high), the drive, and the switch."""
    rng = np.random.default_rng(0)
    u, switch = rng.uniform(-0.3, 0.3, steps), rng.integers(0, 3, steps)
    y = np.zeros(steps)
    for i in range(1, steps):
        y[i] = 0.5 * y[i - 1] - 0.3 * y[i - 1] ** 2 + u[i] + 0.2 * (switch[i] == 0)
    return y, u, WORDS[switch]


def write(path, rows, *columns, blank=0):
    """Some columns of the series at these rows, the last `blank` without their y."""
    y, u, switch = driven(STEPS + AHEAD)
    of = {
        "t": [f"{10 + 0.5 * i}" for i in range(STEPS + AHEAD)],
        "u": [f"{v!r}" for v in u.tolist()],
    }
    of |= {"y": [f"{v!r}" for v in y.tolist()], "switch": switch.tolist()}
    known = range(rows.start, rows.stop - blank)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for i in rows:
            writer.writerow([of[c][i] if c != "y" or i in known else "" for c in columns])


@pytest.fixture(scope="module", autouse=True)
def _one_trial():
    """A search takes time, and this map is a quadratic."""
    with pytest.MonkeyPatch.context() as patch:
        search = "throughtime.reservoir.closed_loop_search"
        patch.setattr("throughtime.dynamics.measured_surrogate.TRIALS", 1)
        patch.setattr(
            f"{search}.first_settings", lambda *_: [Settings(order=2, residual=False)]
        )
        yield


@pytest.fixture(scope="module")
def learned(_one_trial, tmp_path_factory):
    """A run, and one whose table has three rows of inputs more."""
    folder = tmp_path_factory.mktemp("driven")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for run, more in (("run", 0), ("longer", 3)):
            table = f"{run}.csv"
            write(table, range(STEPS + more), "t", "y", "u", "switch", blank=more)
            options = "--target", "y", "--inputs", "u,switch", "--out", run, "-q"
            succeeds("surrogate", table, *options)
        write("ahead.csv", range(STEPS - 20, STEPS + AHEAD), "t", "u", "switch")
        write("plain.csv", range(STEPS, STEPS + AHEAD), "switch", "u")
        write("newer.csv", range(20, 90), "t", "y", "u", "switch")
        write("newer-and-ahead.csv", range(20, 90), "t", "y", "u", "switch", blank=AHEAD)
    return folder


@pytest.fixture
def here(learned, tmp_path, monkeypatch):
    shutil.copytree(learned, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "first", "told"),
    [
        ("run --steps 6 --future ahead.csv", STEPS, ""),  # found by their stamps
        ("run --steps 6 --future plain.csv", STEPS, "by their position"),
        ("longer --steps 3", STEPS, ""),
        ("longer --steps 6 --future ahead.csv", STEPS, ""),
        ("run --steps 6 --data newer-and-ahead.csv", 90 - AHEAD, ""),
        ("run --steps 6 --data newer-and-ahead.csv --future newer.csv", 90 - AHEAD, ""),
    ],
)
def test_a_driven_run_goes_on_with_its_future_inputs(arguments, first, told):
    done = succeeds("predict", *arguments.split())
    assert told in done.err and bool(told) == bool(done.err)
    (head, *rows) = csv.reader(done.out.splitlines())
    assert head == ["t", "y"]
    truth = driven(STEPS + AHEAD)[0][first : first + len(rows)]
    np.testing.assert_allclose([float(row[1]) for row in rows], truth, atol=5e-3)


@pytest.mark.usefixtures("here")
def test_without_them_the_command_is_told_that_works():
    remedy = "Write 6 rows of `u`, `switch` to a table: `throughtime predict run --steps 6"
    rule = "goes on with those of the steps to come"
    fails(
        "predict", "run", "--steps", "6", rule=rule, got="no `--future`",
        remedy=f"{remedy} --future ahead.csv`",
    )  # fmt: skip
    fails(
        "predict", "run", "--steps", "6", "--data", "newer.csv", rule=rule,
        got="no `--future`", remedy=f"{remedy} --data newer.csv --future ahead.csv`",
    )  # fmt: skip
    fails("predict", "longer", "--steps", "4", rule="4 steps needs `u`, `switch`", got="3 rows")
    for text, rule, got in (
        ("t,u\n85.0,1\n", "needs `u`, `switch`", "no column `switch`"),
        ("u,switch\n1,off\n", "a forecast of 6 steps", "1 rows"),
        ("u,switch\n" + "1,sometimes\n" * 6, "`switch`", "`sometimes`"),
    ):
        Path("wrong.csv").write_text(text)
        fails(
            "predict", "run", "--steps", "6", "--future", "wrong.csv", rule=rule, got=got
        )  # fmt: skip
    fails("predict", "run", "--steps", "0", rule="`steps` must be a whole number", got="0")


def test_a_model_saved_from_python_takes_a_table_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    y, u, _ = driven(STEPS + AHEAD)
    y = np.zeros_like(y)
    for i in range(1, len(y)):
        y[i] = 0.5 * y[i - 1] - 0.3 * y[i - 1] ** 2 + u[i]
    names = ["y"], ["u"]
    tt.save(Surrogate().fit(y[:STEPS], inputs=u[:STEPS], names=names), "run")
    write("plain.csv", range(STEPS, STEPS + AHEAD), "u")
    rows = succeeds("predict", "run", "--steps", "6", "--future", "plain.csv").out.splitlines()
    found = [float(row.split(",")[1]) for row in rows[1:]]
    np.testing.assert_allclose(found, y[STEPS:], atol=5e-3)
    tt.save(Surrogate().fit(y[:STEPS]), "alone")
    fails(
        "predict", "alone", "--future", "plain.csv", got="without",
        rule="`--future` is for a model with inputs", remedy="Leave it out",
    )  # fmt: skip
