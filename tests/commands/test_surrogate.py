"""`throughtime surrogate`: every mistake is one clear line, every success what it promises."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from command_line import call, document, fails, succeeds, tree

from throughtime.commands import surrogate_run
from throughtime.dynamics import saved_surrogate
from throughtime.dynamics.surrogate import Surrogate
from throughtime.dynamics.systems import SYSTEMS

TINY = shlex.split(
    "--trajectories 8 --steps 12 --window 6 --hidden 4 --epochs 2 --unseen 3 --unseen-steps 20"
)
RANGES = shlex.split("--range damping=0.1:0.5 --range x=-1:1 --set stiffness=2 --dt 0.5")
MAP = ["henon", *shlex.split("--range x=-0.1:0.1 --range a=1:1.3"), *TINY]
TEXT = "x' = v; v' = F - 0.2*v - x; F = cos(1.2*t)"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished surrogate, and what its command printed."""
    folder = tmp_path_factory.mktemp("finished")
    with contextlib.chdir(folder):
        done = call("surrogate", "oscillator", *RANGES, *TINY, "--out", "run")
    assert done.status == 0, done.err
    return SimpleNamespace(folder=folder / "run", done=done)


@pytest.fixture(scope="module")
def of_a_map(tmp_path_factory):
    """A finished surrogate of a map, which is drawn faster than a differential equation."""
    folder = tmp_path_factory.mktemp("map")
    with contextlib.chdir(folder):
        done = call("surrogate", *MAP, "--out", "run", "--json", "-q")
    assert done.status == 0, done.err
    return folder / "run"


@pytest.fixture
def run(here, of_a_map):
    return Path(shutil.copytree(of_a_map, "run"))


@pytest.fixture
def no_report(monkeypatch):
    """Leave out the report, which takes longer than a tiny training."""
    monkeypatch.setattr(
        "throughtime.reports.surrogate_report.write_surrogate", lambda *_, **__: None
    )


def test_the_systems_are_listed():
    plain = document(succeeds("surrogate", "--json").out)
    assert plain == {name: one.about for name, one in SYSTEMS.items()}
    lines = succeeds("surrogate").out.splitlines()
    assert [line.split()[0] for line in lines] == list(SYSTEMS)
    assert all(line.endswith(about) for line, about in zip(lines, plain.values(), strict=True))


def test_it_makes_a_folder(finished):
    names = {"surrogate.json", "weights.safetensors", "history.jsonl", "report.html"}
    assert names <= set(os.listdir(finished.folder)) <= {*names, "checkpoint"}
    model, command = saved_surrogate.load(finished.folder)
    assert command == shlex.join(
        ["throughtime", "surrogate", "oscillator", *RANGES, *TINY, "--out", "run"]
    )
    assert model.dt_ == 0.5 and model.system_.parameters["stiffness"] == 2
    assert model.ranges_ == {"damping": (0.1, 0.5), "x": (-1, 1)}
    assert (model.hidden, model.epochs, len(model.history_)) == (4, 2, 2)


def test_it_prints_results_on_stdout_and_progress_on_stderr(finished):
    out, err = finished.done.out, finished.done.err
    assert out.startswith("System:   oscillator, a mass on a spring, damped and driven by")
    assert "driven by F; steps of 0.5\nTraining: " in out
    assert "Over 3 unseen trajectories of 20 steps of 0.5 the NRMSE is " in out
    assert "Euler forward with the same steps has " in out
    assert out.endswith("Report:   run/report.html\n")
    assert err.splitlines()[0].startswith("epoch 1 of 2, loss ") and "epoch 1" not in out
    assert "\x1b" not in out + err


def test_the_report_is_one_offline_file(finished):
    page = (finished.folder / "report.html").read_text()
    assert page.lower().startswith("<!doctype html>") and page.rstrip().endswith("</html>")
    urls = set(re.findall(r"https?://[^\"' )<]+", page))
    assert urls <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not re.search(r"<(link|img|iframe|object)\b|@import|url\((?!#)", page)
    assert page.count("<script>") == 1 and "default-src &#39;none&#39;" in page
    for target in re.findall(r"(?:href|src)=\"([^\"]*)\"", page):
        assert target.startswith("#")
    shown = re.sub(r"<style.*?</style>|<script.*?</script>|<[^>]*>", " ", page, flags=re.DOTALL)
    assert not re.search(r"\b(nan|inf|None)\b", shown, flags=re.IGNORECASE)
    for text in ("A surrogate of oscillator", "0.1 to 0.5", "Runge-Kutta 4", "stiffness"):
        assert text in shown


def test_equations_as_json(here):
    done = succeeds("surrogate", TEXT, *TINY, "--json", "-q")
    assert done.err == ""
    plain = document(done.out)
    assert plain["run"] == "runs/surrogate-equations" and plain["stopped"]
    assert (plain["trajectories"], plain["steps"], plain["dt"]) == (3, 20, 0.1)
    assert 0 <= plain["nrmse"]["median"] <= plain["nrmse"]["worst"]
    for judged in (plain, plain["under_another_drive"]):
        assert judged["schemes"]["Runge-Kutta 4"]["worst"] < 1e-3
        assert judged["linear_map"]["worst"] < 1e-3  # the system is linear
    page = Path(plain["run"], "report.html").read_text()
    assert "<title>A surrogate of equations" in page and "x&#39; = v" in page


def test_the_default_folder_is_a_new_one(here, monkeypatch):
    folders = []
    monkeypatch.setattr(
        "throughtime.commands.surrogate.train_and_print",
        lambda folder, *_: folders.append(folder),
    )
    for _ in range(2):
        succeeds("surrogate", *MAP)
    assert folders == [Path("runs/surrogate-henon"), Path("runs/surrogate-henon-2")]


def test_resume_of_a_finished_one_changes_nothing(run, no_report):
    before = tree(run)
    done = succeeds("resume", run, "--json", "-q")
    plain = document(done.out)
    assert done.err == "" and plain["run"] == "run"
    assert plain["schemes"] == {} and plain["under_another_drive"] is None
    assert tree(run) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_one_is_resumed(here, of_a_map, no_report, monkeypatch, number):
    with monkeypatch.context() as patch:
        patch.setattr(
            "throughtime.commands.surrogate_run.complete",
            lambda *_: (os.kill(os.getpid(), number), time.sleep(5)),  # until it arrives
        )
        done = call("surrogate", *MAP, "--out", "half", "-q")
    word = "Terminated" if number == signal.SIGTERM else "Interrupted"
    assert done.status == 128 + number and done.out == ""
    assert done.err == f"throughtime: {word}. Resume with: throughtime resume half\n"
    assert not Path("half/weights.safetensors").exists()
    succeeds("resume", "half", "-q")
    weights = [folder / "weights.safetensors" for folder in (Path("half"), of_a_map)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_signal_in_an_epoch_ends_after_it(here, no_report, monkeypatch):
    """The checkpoint is written, and `resume` goes on from it."""
    complete = surrogate_run.complete

    def interrupted(folder, show, prepared):
        return complete(folder, lambda _: os.kill(os.getpid(), signal.SIGTERM), prepared)

    with monkeypatch.context() as patch:
        patch.setattr("throughtime.commands.surrogate_run.complete", interrupted)
        done = call("surrogate", *MAP, "--out", "half", "-q")
    assert done.status == 143
    line = "Stopped after epoch 1. Resume with: throughtime resume half\n"
    assert done.err == f"throughtime: {line}"
    assert Path("half/checkpoint/state.safetensors").exists()
    succeeds("resume", "half", "-q")
    rows = Path("half/history.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == [1, 2]


def test_a_finished_one_is_overwritten_only_if_asked(run, monkeypatch):
    options = ["surrogate", *MAP, "--out", "run"]
    (run / "notes.txt").write_text("mine")
    rule = "the output folder must be new or empty"
    with monkeypatch.context() as before_work:
        before_work.setattr(Surrogate, "prepare", lambda *_: pytest.fail("has begun"))
        fails(*options, rule=rule, got="`run`", remedy="--overwrite")
    monkeypatch.setattr("throughtime.commands.surrogate.train_and_print", lambda *_: None)
    succeeds(*options, "--overwrite")
    assert {path.name for path in run.iterdir()} == {"notes.txt", "surrogate.json"}


def test_what_is_no_run_is_not_overwritten(here):
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    options = ["surrogate", *MAP, "--out", "mine", "--overwrite"]
    fails(*options, rule="only a run can be overwritten", got="`mine`", remedy="another folder")


def test_a_damaged_one_is_not_resumed(run):
    path = run / "surrogate.json"
    path.write_text(path.read_text().replace('"hidden": 4', '"hidden": 5'))
    rule = "`surrogate.json` of a run must be as it was written"
    fails("resume", "run", rule=rule, got="does not match its digest")


@pytest.mark.parametrize(
    ("options", "rule", "got", "remedy"),
    [
        (
            "oscilator",
            "`system` must be the name of a known system",
            "oscilator",
            "Did you mean `osc",
        ),
        (
            "mackey-glass",
            "whose whole state is observed",
            "has a delay",
            "tt.simulate(system, 5000)",
        ),
        ('"x\' = -x(t - 1)"', "whose whole state is observed", "has a delay", "Forecaster"),
        ('"x\' = -y"', "every name must be given", "`y` at column 7", "Add `y = 1`"),
        ('"x\' = 2 *"', "", "column", ""),
        ("\"x' = v; v' = (x\"", "", "column", ""),
        ("oscillator --range x", "`--range` must be a name, `=` and a value", "`x`", "x=-2:2"),
        ("oscillator --range x=a:b", "`--range` must give numbers", "`a`", "Write it as"),
        ("oscillator --range x=a", "`--range` must give numbers", "`a`", "Write it as"),
        ("oscillator --range x=2:1", "the range of `x`", "2.0 to 1.0", "Write it as"),
        ("oscillator --range x=0:inf", "the range of `x`", "0.0 to inf", "Write it as"),
        ("oscillator --range y=0:1", "of a variable or a parameter", "`y`", "Known: "),
        ("oscillator --range =0:1", "must be a name", "`=0:1`", ""),
        ("oscillator --set damping", "`--set` must be a name", "`damping`", "stiffness=2"),
        ("oscillator --set damping=a", "`--set` must give numbers", "`a`", "0.5"),
        (
            "oscillator --set damping=nan",
            "must be a finite number",
            "nan",
            "Set `damping` to a finite number",
        ),
        ("oscillator --set dampin=1", "must be one that it has", "`dampin`", "Did you mean"),
        ("oscillator --seed -1", "`seed` must be at least 0", "-1", "Raise `seed`."),
        ("oscillator --window 13", "at most the steps", "13 of 12", "Lower `window`"),
        (
            "oscillator --trajectories 1",
            "must be held out",
            "1 `trajectories`",
            "Set `validation` to 0.15",
        ),
        ("oscillator --dt 0", "`dt` must be above 0", "0.0", "Change `dt`."),
        ("oscillator --epochs 0", "`epochs` must be above 0", "0", "Raise `epochs`."),
        ("oscillator --hidden many", "must be a whole number", "`many`", "surrogate --help"),
        ("oscillator --cell esn", "the default `window`", "6", "another `cell`"),
        ("oscillator --forcing no", "`forcing` must be a known one", "no", "Known: "),
        ("oscillator --method no", "`method` must be a known one", "no", "Known: "),
        ("oscillator --rate -1", "`rate` must be above 0", "-1", "Raise `rate`."),
        ("oscillator --unseen 0", "`unseen` must be", "0", "Raise `unseen`."),
        ("oscillator --unseen-steps 0", "`unseen_steps` must be", "0", "Raise"),
        ("henon --dt 0.5", "a map goes by steps of 1", "`dt` 0.5", "Leave out `dt`."),
        ("oscillator --out /proc/x", "must be writable", "`/proc/x`", "Pass another `--out`."),
        (
            "oscillator again",
            "no other arguments",
            "`again`",
            "surrogate --help",
        ),
    ],
)
def test_mistakes(here, options, rule, got, remedy):
    options = shlex.split(options)
    fails("surrogate", *options[:1], *TINY, *options[1:], rule=rule, got=got, remedy=remedy)
