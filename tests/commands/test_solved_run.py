"""`throughtime predict` of a surrogate of equations, against their solution."""

import csv
import io

import numpy as np
import pytest
from command_line import fails, succeeds, tree

import throughtime as tt

DECAY = "x' = -k (x - v); v' = -v; k = 0.5; x(0) = k; v(0) = 1"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("solved") / "run"
    ranges = {"x": (-1.0, 1.0), "v": (-1.0, 1.0), "k": (0.4, 0.7)}
    few = {"trajectories": 30, "steps": 20, "hidden": 40, "dt": 0.25}
    model = tt.Surrogate(DECAY, ranges=ranges, **few).fit(verbose=False)
    tt.save_surrogate(model, folder)
    return folder


def table(text):
    head, *rows = csv.reader(io.StringIO(text))
    return head, np.array(rows, float)


def solution(t, x, v, k):
    """x of a chain of two decays, in closed form."""
    return x * np.exp(-k * t) + k * v / (1 - k) * (np.exp(-k * t) - np.exp(-t))


def test_it_solves_from_a_start_with_parameters(run):
    options = ["--start", "x=-0.5,v=0.8", "--set", "k=0.6"]
    done = succeeds("predict", run, *options)
    head, rows = table(done.out)
    t, x, v = rows.T
    assert head == ["t", "x", "v"] and not done.err
    np.testing.assert_allclose(t, 0.25 * np.arange(11))
    np.testing.assert_allclose(x, solution(t, -0.5, 0.8, 0.6), atol=1e-3)
    np.testing.assert_allclose(v, 0.8 * np.exp(-t), atol=1e-3)


def test_what_is_not_given_is_as_in_the_equations(run):
    """The start of x is k, whatever its value."""
    rows = table(succeeds("predict", run, "--set", "k=0.7", "--steps", 1).out)[1]
    np.testing.assert_array_equal(rows[0], [0, 0.7, 1])
    rows = table(succeeds("predict", run, "--start", "v=0", "--steps", 1).out)[1]
    np.testing.assert_array_equal(rows[0], [0, 0.5, 0])


def test_what_is_outside_of_the_training_is_told(run):
    done = succeeds("predict", run, "--start", "x=3", "--start", "v=0.5", "--set", "k=0.9")
    assert done.err == (
        "x = 3 is outside of its training, -1 to 1.\n"
        "k = 0.9 is outside of its training, 0.4 to 0.7.\n"
    )


def test_a_map_counts_its_steps(tmp_path):
    few = {"trajectories": 20, "steps": 20, "hidden": 40}
    model = tt.Surrogate("henon", ranges={"a": (1.0, 1.2)}, **few).fit(verbose=False)
    tt.save_surrogate(model, tmp_path / "run")
    head, rows = table(succeeds("predict", tmp_path / "run", "--steps", 3).out)
    assert head[0] == "n" and rows[:, 0].tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(rows[:, 1:], model.solve(model.system_.start, 3))


def test_it_does_not_write_over_its_run(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = tree(run)
    rule = "the output file must not be one that is read"
    for name in ("surrogate.json", "weights.safetensors"):
        fails("predict", run, "--out", run / name, rule=rule, got=name, remedy="--out")
    assert tree(run) == before
    succeeds("predict", run, "--steps", 1, "--out", run / "forecast.csv")
    (run / "forecast.csv").unlink()


@pytest.mark.parametrize(
    ("options", "rule", "got", "remedy"),
    [
        ("--start y=1", "`--start` must name variables of the equations", "`y`", ""),
        ("--start x=a", "`--start` must give numbers", "`a`", ""),
        ("--start x", "must be a name, `=` and a value", "`x`", "`--start x=1,v=0`"),
        ("--start x=1,x=2", "must name each", "`x` twice", ""),
        ("--start x=nan", "`start` must be finite numbers", "NaN", ""),
        ("--set k=nan", "`k`", "nan", ""),
        ("--set q=1", "parameter", "q", "Known: k"),
        ("--steps 0", "`steps`", "0", ""),
        ("--steps 1000000000000", "a solution must fit in memory", "steps", "`--steps`"),
        ("--data new.csv", "`--data` is for what goes on from data", "of equations", ""),
        ("--paths 3", "`--paths` is for a forecasting run", "of equations", ""),
    ],
)
def test_what_is_refused(run, options, rule, got, remedy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fails("predict", run, *options.split(), rule=rule, got=got, remedy=remedy)
