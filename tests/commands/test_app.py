"""The command line: every mistake is one clear line, every success what it promises."""

import contextlib
import csv
import datetime as dt
import hashlib
import inspect
import io
import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import conftest
import numpy as np
import pytest
import typer
from command_line import CACHE, LINE, TINY, call, cut, document, fails, succeeds, table, tree

from throughtime.commands import app
from throughtime.commands import program as process
from throughtime.commands.exit_status import resumable
from throughtime.commands.forecast import forecast
from throughtime.data import datasets
from throughtime.forecasting.forecaster import Forecaster
from throughtime.lecture import programs
from throughtime.lecture.program import Program, ProgramResult
from throughtime.recurrence import native_kernels
from throughtime.training.history import Row

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"

COMMANDS = "forecast predict update resume example play search compare surrogate".split()
COMMANDS += ["diagnose", "gradients", "figures", "tasks", "runs", "open", "info"]

# Settings of a `Forecaster` that the command line leaves at their defaults.
ONLY_IN_PYTHON = {"dense", "core", "prior"}
# Options of `forecast` that are no settings: of the data, of the output.
ONLY_IN_COMMANDS = {
    "data",
    "target",
    "inputs",
    "past_inputs",
    "static",
    "calendar",
    "time",
    "id",
    "fill",
    "future",
    "steps",
}
ONLY_IN_COMMANDS |= {"flow_every", "out", "overwrite", "as_json", "quiet", "plain"}
ONLY_IN_COMMANDS |= {"no_time", "dayfirst", "time_zone", "fill_limit", "decimal", "missing"}
ONLY_IN_COMMANDS |= {"baselines", "on"}


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


DAYS = [dt.date(2021, 1, 1) + dt.timedelta(days=i) for i in range(119)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder with a table, `lab.csv`: t, y, u, v."""
    monkeypatch.chdir(tmp_path)
    Path("lab.csv").write_text(table())
    Path("y.csv").write_text(cut(table(), "t", "y"))
    return tmp_path


@pytest.fixture(scope="module")
def no_report():
    """Leave out the report, which takes longer than a tiny training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("throughtime.reports.forecast_report.write_report", lambda *_, **__: None)
        yield


@pytest.fixture
def untrained(monkeypatch):
    """End a forecast when its folder is made; gives the folders."""
    folders = []
    monkeypatch.setattr(
        "throughtime.commands.forecast.train_and_print",
        lambda folder, *_: folders.append(folder),
    )
    return folders


@pytest.fixture(scope="module")
def finished(tmp_path_factory, no_report):
    """A finished run, and what its command printed."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "y.csv").write_text(cut(table(), "t", "y"))
    with contextlib.chdir(folder):
        done = call("forecast", "y.csv", *TINY, "--out", "run")
    return SimpleNamespace(folder=folder / "run", done=done)


@pytest.fixture
def run(here, finished):
    """A copy of a finished run, in the working folder."""
    return Path(shutil.copytree(finished.folder, "run"))


# --- mistakes ---


@pytest.mark.parametrize(
    ("text", "rule", "got", "remedy"),
    [
        ("", "a data file must hold a table", "bad.csv, empty", "Pass another file."),
        ("t,y\n", "a table must have rows under its header", "none in bad.csv", "Add the rows"),
        ("0,1\n1,2\n", "`target` must be named", "`column1` (0, 1, ...)", "--target"),
        (
            "t,y\n" + "".join(f"{i},{'high' if i == 7 else i % 5}\n" for i in range(100)),
            "column `y` must hold numbers",
            "'high' in row 8",
            "Correct the value",
        ),
        (
            "t,y\n" + "".join(f"{i},{'' if i == 7 else i % 5}\n" for i in range(100)),
            "every value must be present",
            "a missing value in column `y`, row 8",
            "--fill linear",
        ),
        (
            "t,y\n" + "".join(f"{i},{'nan' if i == 7 else i % 5}\n" for i in range(100)),
            "every value must be present",
            "a missing value in column `y`, row 8",
            "--fill linear",
        ),
        (
            "t,y\n" + "".join(f"{i},{'inf' if i == 7 else i % 5}\n" for i in range(100)),
            "finite",
            "row 8",
            "",
        ),
        (
            "t,y\n" + "".join(f"{i},{i % 5}\n" for i in range(100) if i != 7),
            "stamps in `t` must have one step",
            "8 in row 8 after 6 in row 7",
            "`--fill linear`",
        ),
        (
            "t,y\n" + "".join(f"{i + 0.3 * (i == 7)},{i % 5}\n" for i in range(100)),
            "stamps in `t` must have one step",
            "7.3 in row 8 after 6 in row 7",
            "",
        ),
        (
            "t,y\n" + "".join(f"{i - (i == 7)},{i % 5}\n" for i in range(100)),
            "stamps in `t` must not repeat",
            "6 in row 7 and with other values in row 8",
            "Drop one of the rows",
        ),
        (
            "t,y\n" + "".join(f"{i - 5 * (i == 7)},{i % 5}\n" for i in range(100)),
            "stamps in `t` must have one step",  # rows are sorted, the copy of row 3 is dropped
            "8 in row 9 after 6 in row 7",
            "`--fill linear`",
        ),
        ("date,y\n2020-01-01,1\n2020-13-01,2\n2020-01-03,3\n", "dates", "row 2", "Correct it"),
        (
            "t,y\n0,1\n1,2\n",
            "a series must have at least 3 rows",
            "2 in `bad`",
            "Pass a longer",
        ),
        (
            table(),
            "`target` must be named",
            "`y` (0.0, -0.132105, 0.534739, ...), `u` (",
            "--target",
        ),
        (
            "t,name\n0,a\n1,b\n2,c\n",
            "a table needs a column of numbers",
            "`name` (a, b, c, ...)",
            "Add one",
        ),
    ],
)
def test_bad_data(here, text, rule, got, remedy):
    Path("bad.csv").write_text(text)
    fails("forecast", "bad.csv", *TINY, rule=rule, got=got, remedy=remedy)


@pytest.mark.parametrize(
    ("data", "rule", "got", "remedy"),
    [
        ("lap.csv", "the data file must exist", "lap.csv", "Did you mean `lab.csv`?"),
        ("no/lab.csv", "the data file must exist", "no/lab.csv", "Correct the path."),
        ("sunspot", "the data file must exist", "sunspot", "Correct the path."),
        (".", "data must be a file", "the folder `.`", "Name a file in it."),
        ("lab.xlsx", "must exist", "lab.xlsx", "Did you mean `lab.csv`?"),
        ("/dev/null", "a data file must hold a table", "null, empty", "Pass another file."),
    ],
)
def test_bad_paths(here, data, rule, got, remedy):
    fails("forecast", data, *TINY, rule=rule, got=got, remedy=remedy)


@pytest.mark.parametrize(
    ("options", "rule", "got", "remedy"),
    [
        ("--target temp", "`target` must name a column", "temp", "Change `target`, or rename"),
        ("--target yy", "`target` must name a column", "yy", "Did you mean `y`?"),
        ("--target y --inputs w", "`inputs` must name a column", "w", "Change `inputs`, or"),
        ("--target y --inputs y", "a column must have one role", "`y` as `target` and", "Name"),
        ("--target y --time T", "`time` must name a column", "T", "Did you mean `t`?"),
        ("--target y --id who", "`id` must name a column", "who", "Change `id`, or rename"),
        ("--target ,", "`target` must name at least one column", "','", "`t`, `y`, `u`, `v`"),
        ("--target y --fill zero", "`fill` must be", "zero", "or leave `fill` out."),
        ("--target y --window 77", "`window` must be shorter", "77 of 77 steps", "Lower `win"),
        ("--target y --window 70 --horizon 9", "together", "70 + 9 of 77 steps", "Lower `hor"),
        ("--target y --horizon 21", "`horizon` must not be longer", "21 of 19", "Lower `hor"),
        ("--target y --steps 2000", "`steps` must not be over", "2000 of 120", "Lower `--st"),
        ("--target y --test 0.9 --window 11", "`window` must be", "11 of 10 steps", "Lower"),
        ("--target y --cell lsmt", "`cell` must be", "lsmt", "Did you mean `lstm`?"),
        ("--target y --method adm", "`method` must be", "adm", "Did you mean `adam`?"),
        (
            "--target y --cell esn --method nag",
            "needs the default `method`",
            "nag",
            "Leave `method` at",
        ),
        ("--target y --cell esn --leak 2", "`leak` must be at most 1", "2", "Lower `leak`."),
        ("--target y --schedule cosin", "`schedule` must be", "cosin", "`cosine`?"),
        ("--target y --dtype float16", "`dtype` must be", "float16", "float32, float64"),
        ("--target y --inputs u", "needs `u`", "no table of future inputs", "Pass one"),
        ("--target y --inputs u --future no.csv", "must exist", "no.csv", "Correct the path."),
        ("--target y --inputs u --future short.csv", "3 steps needs `u`", "no row for 122", ""),
        ("--target y --inputs u --future past.csv", "3 steps needs `u`", "no row for 120", ""),
        ("--target y --inputs u --future few.csv", "3 steps needs `u`", "2 rows", "more rows"),
        ("--target y --inputs u --future y.csv", "3 steps needs `u`", "no column `u`", "Pass"),
        ("--target y --inputs u --future hole.csv", "must be present", "column `u`, row 2", ""),
        ("--target y --inputs u --past-inputs u", "must have one role", "`u` as", "Name"),
        ("--target y --calendar weekday", "needs stamps that are", "numbers", "`--time`"),
        ("--target y --static u", "must have one value in each series", "of `u`", "Pass"),
        ("--target y --out lab.csv", "must be writable", "`lab.csv`", "Pass another `--out`."),
        ("--target y --out lab.csv/run", "must be writable", "`lab.csv/run`", "Pass another"),
        ("--target y --out lab.csv --overwrite", "must be writable", "`lab.csv`", "Pass an"),
        ("--target y --out /proc/run", "must be writable", "`/proc/run`", "Pass another"),
        ("--target y --out used", "must be new or empty", "`used`", "Pass `--overwrite`"),
        ("--target y --out .", "must be new or empty", "`.`", "Pass `--overwrite`"),
        ("--target y --hidden abc", "`--hidden` must be a whole number", "`abc`", "See `th"),
        ("--target y --hidden=1.5", "`--hidden` must be a whole number", "`1.5`", "--help"),
        ("--target y --epochs 1e3", "`--epochs` must be a whole number", "`1e3`", "--help"),
        (
            "--target y --validation 0 --schedule plateau",
            "plateau schedule",
            "0",
            "`--validation`",
        ),
        ("--target y --rate fast", "`--rate` must be a number", "`fast`", "--help`."),
        ("--target y --steps ''", "`--steps` must be a whole number", "``", "--help`."),
        ("--target y --seed 5000000000", "`seed` must be below", "5000000000", "Lower `seed`."),
        (
            "--target y --hiden 4",
            "must be a known one",
            "`--hiden`",
            "Did you mean `--hidden`?",
        ),
        ("--target y -x", "must be a known one", "`-x`", "--hidden"),
        ("--target", "`--target` must be followed by a value", "none", "See `throughtime"),
        ("--target y --truncated=yes", "`--truncated` takes no value", "`yes`", "See `thr"),
        (
            "--target y again",
            "no other arguments",
            "`again`",
            "forecast --help`.",
        ),
    ],
)
def test_bad_options(here, options, rule, got, remedy):
    future = cut(table(5, first=120), "t", "u")
    lines = future.splitlines(keepends=True)
    Path("short.csv").write_text("".join(lines[:3]))
    Path("few.csv").write_text("".join(line.split(",")[1] for line in lines[:3]))
    Path("past.csv").write_text(cut(table(), "t", "u"))
    Path("hole.csv").write_text("t,u\n120,1\n121,\n122,1\n")
    Path("used").mkdir()
    Path("used/notes.txt").write_text("mine")
    fails(
        "forecast", "lab.csv", *TINY, *shlex.split(options), rule=rule, got=got, remedy=remedy
    )


POSITIVE = (
    "hidden depth window horizon ensemble epochs batch-size patience steps rate clip "
    "radius leak input-scale ridge"
).split()


@pytest.mark.parametrize("value", ["0", "-1"])
@pytest.mark.parametrize("name", POSITIVE)
def test_numbers_that_are_not_positive(here, name, value):
    setting = name.replace("-", "_")
    remedy = f"Raise `{setting}`."
    options = [*TINY, f"--{name}={value}"]
    fails("forecast", "y.csv", *options, rule=f"`{setting}` must be", got=value, remedy=remedy)


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "test": ["-0.1", "1", "1.5", "nan"],
        "validation": ["-0.1", "1", "inf", "nan"],
        "level": ["0", "1", "-1", "90", "nan"],
        "rate": ["nan", "inf"],
        "clip": ["nan", "inf"],
        "seed": ["-1"],
        "washout": ["-1"],
    }.items(),
)
def test_numbers_out_of_range(here, name, values):
    for value in values:
        got = value.removesuffix(".0")
        fails(
            "forecast", "y.csv", *TINY, f"--{name}={value}", rule=f"`{name}` must be", got=got
        )


@pytest.mark.parametrize(
    ("command", "rule", "got", "remedy"),
    [
        ("forcast", "a command must be a known one", "`forcast`", "Did you mean `forecast`?"),
        ("--what", "an option of `throughtime` must be", "`--what`", ""),
        ("predict", "`throughtime predict` must be given its RUN", "none", "predict --help`."),
        ("resume", "`throughtime resume` must be given its RUN", "none", "resume --help`."),
        ("predict nothing", "a run is a folder with", "`nothing`", "Pass the folder"),
        ("resume nothing", "a run is a folder with", "`nothing`", "Pass the folder"),
        ("predict lab.csv", "a run is a folder with", "`lab.csv`", "Pass the folder"),
        ("resume .", "a run is a folder with", "`.`", "Pass the folder"),
        ("example sin", "an example must be a known one", "sin", "Did you mean `sine`?"),
        ("example sine --seed -1", "`seed` must be at least 0", "-1", "Raise `seed`."),
        ("example sine --out y.csv", "must be writable", "`y.csv`", "Pass another `--out`."),
        ("example sine --out /proc/x", "must be writable", "`/proc/x`", "Pass another"),
        (
            "info here",
            "no other arguments",
            "`here`",
            "See `throughtime info",
        ),
    ],
)
def test_bad_commands(here, command, rule, got, remedy):
    fails(*command.split(), rule=rule, got=got, remedy=remedy)


@pytest.mark.parametrize(
    ("options", "rule", "got", "remedy"),
    [
        ("--steps 0", "`steps` must be a whole number of at least 1", "0", "Raise `steps`."),
        ("--steps -3", "`steps` must be a whole number of at least 1", "-3", "Raise `steps`."),
        ("--steps 9999", "`steps` must not be over 10 times", "9999 of", "Lower `--steps`."),
        ("--steps many", "`--steps` must be a whole number", "`many`", "predict --help`."),
        ("--data no.csv", "the data file must exist", "no.csv", "Correct the path."),
        ("--data short.csv", "at least 8 steps", "7 steps", "Pass more of the series."),
        ("--data other.csv", "`target` must name a column", "y", "Change `target`, or rename"),
        ("--out no/f.csv", "the output file must be writable", "`no/f.csv`", "Pass another"),
        ("--out run", "the output file must be writable", "`run`", "Pass another `--out`."),
        ("--out /proc/f.csv", "the output file must be writable", "`/proc/f.csv`", "Pass"),
        ("--data y.csv --out ./y.csv", "must not be one that is read", "`y.csv`", "Pass"),
    ],
)
def test_bad_predictions(run, options, rule, got, remedy):
    Path("short.csv").write_text("".join(Path("y.csv").read_text().splitlines(True)[:8]))
    Path("other.csv").write_text(cut(table(), "t", "v"))
    fails("predict", run, *options.split(), rule=rule, got=got, remedy=remedy)


def flipped(content):
    """With one bit in the middle changed."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGE = {
    "flipped": flipped,
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
    "other": lambda _: b"[1, 2]",
    "missing": None,
}


@pytest.mark.parametrize("command", ["predict", "resume"])
@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize(
    "name", ["run.json", "weights.safetensors", "series.safetensors", "history.jsonl"]
)
def test_damaged_runs(run, command, name, how):
    path = run / name
    if DAMAGE[how]:
        path.write_bytes(DAMAGE[how](path.read_bytes()))
    else:
        path.unlink()
    rule = f"`{name}` of a run must be as it was written"
    if name == "run.json" and how == "missing":
        rule = "a run is a folder with a `run.json`"
    fails(command, run, rule=rule, got="run")


@pytest.mark.parametrize("command", ["predict", "resume"])
def test_a_run_of_a_newer_version(run, command):
    plain = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**plain, "format": 99}))
    rule, remedy = "a run's format must be at most 1", "Install a newer version of throughtime."
    fails(command, run, rule=rule, got="99", remedy=remedy)


def test_a_run_that_is_not_finished(here, untrained):
    succeeds("forecast", "y.csv", *TINY, "--out", "half")
    remedy = "Resume it with `throughtime resume half`."
    fails("predict", "half", rule="trained to its end", got="`half`", remedy=remedy)


def test_a_damaged_checkpoint(here, untrained, monkeypatch):
    succeeds("forecast", "y.csv", *TINY, "--out", "half")
    monkeypatch.undo()
    monkeypatch.chdir(here)
    Path("half/checkpoint").mkdir()
    for content in (b"", b"not safetensors"):
        Path("half/checkpoint/state.safetensors").write_bytes(content)
        rule = "`state.safetensors` of a run must be as it was written"
        fails("resume", "half", "-q", rule=rule, got="half/checkpoint")


def test_a_run_without_a_setting(run):
    plain = json.loads((run / "run.json").read_text())
    del plain["digest"], plain["settings"]["epochs"]
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
    plain["digest"] = hashlib.sha256(canonical).hexdigest()
    (run / "run.json").write_text(json.dumps(plain))
    fails("resume", run, rule="`epochs` must be given", got="nothing")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_when_a_run_is_there_names_how_to_resume(here, monkeypatch, number):
    monkeypatch.setattr(
        "throughtime.commands.forecast_run.complete", lambda *_: os.kill(os.getpid(), number)
    )
    done = call("forecast", "y.csv", *TINY, "--out", "half", "-q")
    word = "Terminated" if number == signal.SIGTERM else "Interrupted"
    assert done.status == 128 + number
    assert done.err == f"throughtime: {word}. Resume with: throughtime resume half\n"


def test_a_run_saved_from_python_has_nothing_to_resume(run):
    Forecaster.load(run).train().save("saved")
    rule = "a run must be one that `throughtime forecast` began"
    fails("resume", "saved", rule=rule, got="`saved`", remedy="Use `throughtime predict`.")
    assert rows_of(succeeds("predict", "saved", "--steps", 3).out)


def test_a_training_that_diverges(here):
    options = [*TINY, *"--rate 1e30 --clip 1e30 --method sgd --out run".split()]
    done = call("forecast", "y.csv", *options)
    assert done.status == 2 and done.out == ""
    line = done.err.splitlines(keepends=True)[-1]
    assert LINE.fullmatch(line) and "finite" in line and "rate" in line
    assert "They are in `run/checkpoint/last_good.safetensors`." in line


def test_no_command_shows_the_help():
    done = call()
    assert done.status == 2
    assert all(command in done.out for command in COMMANDS)
    assert LINE.fullmatch(done.err)


# --- success ---


def test_forecast_makes_a_run(finished):
    """The files, and a forecast that goes on where the series ends."""
    assert finished.done.status == 0
    names = "run.json series.safetensors weights.safetensors history.jsonl forecast.csv"
    assert set(names.split()) <= set(os.listdir(finished.folder))
    rows = rows_of((finished.folder / "forecast.csv").read_text())
    assert [row["t"] for row in rows] == ["120", "121", "122"]
    assert list(rows[0]) == ["t", "y", "y_lower_90", "y_upper_90"]
    for row in rows:
        assert float(row["y_lower_90"]) < float(row["y"]) < float(row["y_upper_90"])
    lines = (finished.folder / "history.jsonl").read_text().splitlines()
    history = [json.loads(line) for line in lines]
    assert [row["epoch"] for row in history] == [1, 2]


def test_forecast_prints_results_on_stdout_and_progress_on_stderr(finished):
    out, err = finished.done.out, finished.done.err
    assert "y: 120 steps of 1, 0 to 119" in out
    assert all(line in out for line in ("network", "persistence", "ridge", "Intervals of 90 %"))
    (verdict,) = re.findall("^Averaged over lead times 1 to 3, the network's .+", out, re.M)
    assert "of the best baseline, " in verdict
    assert "Forecast: run/forecast.csv" in out and "Report:   run/report.html" in out
    assert err.splitlines()[0].startswith("epoch 1 of 2, loss ") and "epoch 1" not in out
    assert "\x1b" not in out + err


def test_what_was_understood_is_said_once_and_stays(here, no_report):
    """On stderr, and in `run.json`; the forecast goes on in the table's own form."""
    lines = [f"{day:%d/%m/%Y},{day.day % 7 + day.month}" for day in DAYS[::-1]]
    Path("eu.csv").write_text("\n".join(["date,y", *lines, *lines[:1], ""]))
    done = succeeds("forecast", "eu.csv", *TINY, "--out", "run", "-q")
    told = ["day first", "rows sorted by `date`", "1 exact copy of a row dropped"]
    assert done.err == f"read as: {', '.join(told)}\n"
    assert json.loads(Path("run/run.json").read_text())["series"][0]["remarks"] == told
    rows = rows_of(Path("run/forecast.csv").read_text())
    assert [row["date"] for row in rows] == ["30/04/2021", "01/05/2021", "02/05/2021"]


def test_stamps_are_read_by_the_options_of_their_names(here, untrained):
    lines = [f"{day:%d/%m/%Y},{day.day % 7 + day.month}" for day in DAYS if day.day != 9]
    Path("gaps.csv").write_text("\n".join(["date,y", *lines, ""]))
    first = {"rule": "must have one step", "got": "10/01/2021", "remedy": "`--fill linear`"}
    fails("forecast", "gaps.csv", *TINY, **first)
    fills = "--fill seasonal --fill-limit 1 --dayfirst -q".split()
    succeeds("forecast", "gaps.csv", *TINY, *fills, "--out", "a")
    succeeds("forecast", "gaps.csv", *TINY, "--no-time", "-q", "--out", "b")
    lengths = [json.loads((f / "run.json").read_text())["series"] for f in untrained]
    assert [one[0]["times"]["length"] for one in lengths] == [119, 115]
    both = {"rule": "exclude each other", "got": "`date`"}
    fails("forecast", "gaps.csv", *TINY, "--no-time", "--time", "date", **both)


def test_forecast_as_json(here, no_report):
    done = succeeds("forecast", "y.csv", *TINY, "--out", "run", "--json", "--quiet")
    assert done.err == ""
    plain = document(done.out)
    assert plain["run"] == "run" and plain["stopped"]
    (forecast,) = plain["forecasts"]
    assert forecast["time"] == ["120", "121", "122"] and forecast["targets"] == ["y"]
    rows = rows_of(Path("run/forecast.csv").read_text())
    means = [float(row["y"]) for row in rows]
    np.testing.assert_allclose(np.ravel(forecast["mean"]), means, rtol=1e-7)
    assert plain["backtest"]["steps"] == 3


def test_an_echo_state_network_is_a_forecaster_like_the_others(here, no_report, monkeypatch):
    options = ["y.csv", *TINY, *shlex.split("--cell esn --hidden 20 --leak 0.5 -q")]
    done = succeeds("forecast", *options, "--out", "run")
    assert "readouts fitted by ridge regression" in done.out
    predicted = succeeds("predict", "run", "--steps", 3)
    assert predicted.out == Path("run/forecast.csv").read_text()
    with monkeypatch.context() as patch:
        # it ends before it is trained
        patch.setattr("throughtime.commands.forecast.train_and_print", lambda *_: None)
        succeeds("forecast", *options, "--out", "half")
    assert not Path("half/weights.safetensors").exists()
    succeeds("resume", "half", "-q")
    for name in ("weights.safetensors", "forecast.csv"):
        assert Path("half", name).read_bytes() == Path("run", name).read_bytes()


def test_nothing_held_out(here, no_report):
    options = [*TINY, *"--test 0 --validation 0 --out run --json -q".split()]
    plain = document(succeeds("forecast", "y.csv", *options).out)
    assert plain["backtest"] is None
    rows = rows_of(Path("run/forecast.csv").read_text())
    assert [row["y_lower_90"] for row in rows] == ["", "", ""]
    assert np.isfinite([float(row["y"]) for row in rows]).all()


def test_predict_says_what_forecast_said(run):
    assert succeeds("predict", run, "--steps", 3).out == (run / "forecast.csv").read_text()
    done = succeeds("predict", run, "--steps", 3, "--out", "f.csv")
    assert (done.out, done.err) == ("", "")
    assert Path("f.csv").read_text() == (run / "forecast.csv").read_text()
    succeeds("predict", run, "--steps", 2, "--out", "f.csv")
    assert len(rows_of(Path("f.csv").read_text())) == 2
    (plain,) = document(succeeds("predict", run, "--steps", 3, "--json").out)
    rows = rows_of((run / "forecast.csv").read_text())
    assert plain["time"] == [row["t"] for row in rows]
    np.testing.assert_allclose(
        np.ravel(plain["mean"]), [float(row["y"]) for row in rows], rtol=1e-7
    )


def test_an_update_learns_from_new_rows(run):
    rows = Path("y.csv").read_text().splitlines()
    n = len(rows) - 1
    new = [f"{n + i},{50 * (-1) ** i}" for i in range(20)]
    Path("longer.csv").write_text("\n".join([*rows, *new]) + "\n")
    Path("late.csv").write_text("\n".join([rows[0], *rows[11:], *new]) + "\n")
    before, kept = tree(run), (run / "models.safetensors").exists()
    rule, got = "the output folder must be new or empty", "`other`"
    shutil.copytree(run, "other")
    fails("update", run, "longer.csv", "--out", "other", rule=rule, got=got, remedy="overwrite")
    assert tree(Path("other")) == before
    done = succeeds("update", run, "longer.csv", "--out", "other", "--overwrite", "--epochs", 1)
    assert done.out == "Updated with 20 new rows: other\n" and tree(run) == before
    done = succeeds("update", run, "late.csv", "--epochs", 1)
    assert done.out == f"Updated with 20 new rows: {run}\n"
    assert (run / "models.safetensors").exists() == kept
    (first, _) = rows_of(succeeds("predict", run, "--steps", 2).out)
    assert float(first["t"]) == n + 20
    fails("update", run, "longer.csv", "--epochs", 0, rule="at least 1", got="0", remedy="")


def test_an_update_that_is_interrupted_leaves_the_run(run, monkeypatch):
    from throughtime._support import atomic

    text = Path("y.csv").read_text()
    Path("longer.csv").write_text(text + f"{len(text.splitlines()) - 1},1\n")
    before, calls = tree(run), []

    def interrupt(path, content):
        calls.append(path.name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return written(path, content)

    written = atomic._written_beside
    monkeypatch.setattr(atomic, "_written_beside", interrupt)
    done = call("update", run, "longer.csv", "--epochs", 1)
    assert done.status == 130 and tree(run) == before


def test_an_interruption_names_the_cluster(run):
    with (
        pytest.raises(SystemExit),
        contextlib.redirect_stderr(io.StringIO()) as said,
        resumable(Path(run), "ray"),
    ):
        raise KeyboardInterrupt
    assert said.getvalue().endswith(f"Resume with: throughtime resume {run} --on ray\n")
    fails("resume", run, "--on", "dask", rule="`on` must be `ray`", got="`dask`")


def test_what_work_is_spread_over_is_checked_first(here):
    rule, got = "`on` must be `ray`", "`dask`"
    fails("forecast", "y.csv", "--on", "dask", rule=rule, got=got, remedy="Leave it out")
    assert not Path("runs").exists()


def test_predict_prints_sample_paths(run):
    lines = succeeds("predict", run, "--steps", 3, "--paths", 4).out.splitlines()
    assert lines[0].split(",")[0] == "path" and len(lines) == 1 + 4 * 3
    assert [line.split(",")[0] for line in lines[1:]] == [
        str(i) for i in range(1, 5) for _ in "abc"
    ]
    fails("predict", run, "--paths", 0, rule="`paths` must be", got="0", remedy="Raise")


def test_predict_leaves_the_run_alone(run):
    before = tree(run)
    succeeds("predict", run, "--steps", 3)
    assert tree(run) == before


def test_predict_continues_newer_data(run):
    lines = Path("y.csv").read_text().splitlines(keepends=True)
    Path("same.csv").write_text("".join([lines[0], *lines[-20:]]))
    same = succeeds("predict", run, "--steps", 3, "--data", "same.csv").out
    assert same == (run / "forecast.csv").read_text()
    Path("new.csv").write_text(cut(table(30, first=100), "t", "y"))
    rows = rows_of(succeeds("predict", run, "--steps", 3, "--data", "new.csv").out)
    assert [row["t"] for row in rows] == ["130", "131", "132"]


def test_inputs_that_are_known_ahead(here, no_report):
    Path("f.csv").write_text(cut(table(5, first=120), "t", "u"))
    options = [*TINY, *"--target y --inputs u --future f.csv --test 0 --out run -q".split()]
    succeeds("forecast", "lab.csv", *options)
    text = Path("run/forecast.csv").read_text()
    assert succeeds("predict", "run", "--steps", 3, "--future", "f.csv").out == text
    other = cut(table(5, first=120), "t", "u").replace("\n120,", "\n120,9")
    Path("other.csv").write_text(other)
    assert succeeds("predict", "run", "--steps", 3, "--future", "other.csv").out != text
    fails("predict", "run", rule="needs `u`", got="no table of future inputs")


def test_several_targets(here, no_report):
    done = succeeds("forecast", "lab.csv", *TINY, "--target", "y, v", "--out", "run", "-q")
    rows = rows_of(Path("run/forecast.csv").read_text())
    names = "t y y_lower_90 y_upper_90 v v_lower_90 v_upper_90".split()
    assert list(rows[0]) == names and len(rows) == 3
    assert "y, 22 forecasts" in done.out and "v, 22 forecasts" in done.out


def test_several_series_with_inputs_each_of_its_own_end(here, no_report):
    """Each series is continued with the inputs after its own end."""
    lines, ends = table().splitlines(), {"a": 100, "b": 110}
    rows = [f"{who},{line}" for who, end in ends.items() for line in lines[1 : end + 1]]
    Path("long.csv").write_text("\n".join([f"who,{lines[0]}", *rows]) + "\n")
    Path("f.csv").write_text(cut(table(), "t", "u"))
    options = "--target y --inputs u --id who --future f.csv --test 0 --out run -q".split()
    done = succeeds("forecast", "long.csv", *TINY, *options)
    assert "a: 100 steps" in done.out and "b: 110 steps" in done.out
    text = Path("run/forecast.csv").read_text()
    rows = rows_of(text)
    assert [(row["who"], row["t"]) for row in rows] == [
        *(("a", str(t)) for t in (100, 101, 102)),
        *(("b", str(t)) for t in (110, 111, 112)),
    ]
    assert succeeds("predict", "run", "--steps", 3, "--future", "f.csv").out == text


@pytest.mark.parametrize("name", [*datasets.NAMES, None])
def test_bundled_series_by_name(here, untrained, name):
    options = ["--fill", "linear"] if name == "co2" else []
    succeeds("forecast", *([name] if name else []), *options)
    folder = Path("runs") / (name or "sunspots")
    assert untrained == [folder]
    plain = json.loads((folder / "run.json").read_text())
    series = datasets.load_dataset(name or "sunspots", fill="linear")
    assert plain["series"][0]["fingerprint"] == series.fingerprint()


def test_a_file_wins_over_a_bundled_series(here, untrained):
    Path("laser").write_text(cut(table(), "t", "y"))
    succeeds("forecast", "laser", *TINY, "--out", "run")
    (series,) = json.loads(Path("run/run.json").read_text())["series"]
    assert series["target_names"] == ["y"]


def test_the_default_folder_is_a_new_one(here, untrained):
    for _ in range(3):
        succeeds("forecast", "y.csv", *TINY)
    assert untrained == [Path("runs/y"), Path("runs/y-2"), Path("runs/y-3")]


def test_overwrite_replaces_the_run_and_nothing_else(run, untrained):
    (run / "notes.txt").write_text("mine")
    succeeds("forecast", "y.csv", *TINY, "--out", run, "--overwrite")
    left = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    assert left == {"notes.txt", "run.json", "series.safetensors"}


def test_resume_of_a_finished_run_changes_nothing(run, no_report):
    before = tree(run)
    done = succeeds("resume", run, "--json", "-q")
    assert done.err == "" and document(done.out)["run"] == "run"
    assert tree(run) == before


def test_the_stored_command_repeats_the_run(run, no_report):
    command = shlex.split(json.loads((run / "run.json").read_text())["command"])
    assert command[0] == "throughtime"
    before = tree(run)
    fails(*command[1:], rule="the output folder must be new", got="`run`")
    shutil.rmtree(run)
    succeeds(*command[1:])
    again = tree(run)
    for name in ("weights.safetensors", "series.safetensors", "forecast.csv"):
        assert again[name] == before[name]


def test_info():
    plain = document(succeeds("info", "--json").out)
    parts = {"versions", "platform", "devices", "kernels", "precision", "cache", "extras"}
    assert set(plain) == parts
    assert plain["platform"] == "cpu" and plain["devices"] == ["cpu:0 cpu"]
    kernels = native_kernels.status()
    assert plain["kernels"] == {
        "available": kernels.available,
        "instruction_set": kernels.instruction_set,
        "path": str(kernels.path) if kernels.path else None,
        "why": kernels.why,
        "remedy": kernels.remedy,
    }
    lines = dict(line.split(maxsplit=1) for line in succeeds("info").out.splitlines())
    assert lines == plain["versions"] | {
        "platform": "cpu",
        "devices": "cpu:0 cpu",
        "kernels": kernels.text(),
        "precision": "float32; float64 with `--dtype float64`",
        "cache": lines["cache"],
        "extras": lines["extras"],
    }
    files = list(conftest.CACHE.iterdir())
    assert lines["cache"].startswith(f"{conftest.CACHE}, ")
    assert 0 < plain["cache"]["programs"] <= len(files)
    known = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    assert set(plain["extras"]) == set(known) - {"docs", "test"}
    assert plain["extras"]["search"] and "not installed: " in lines["extras"]


def test_info_without_kernels(monkeypatch):
    monkeypatch.setenv("THROUGHTIME_NATIVE", "0")
    plain = document(succeeds("info", "--json").out)["kernels"]
    assert plain["available"] is False and plain["why"] == "`THROUGHTIME_NATIVE` is 0"
    lines = dict(line.split(maxsplit=1) for line in succeeds("info").out.splitlines())
    assert lines["kernels"].endswith("`THROUGHTIME_NATIVE` is 0. Unset `THROUGHTIME_NATIVE`.")


def test_examples_are_listed():
    names = list(programs.PROGRAMS)
    assert list(document(succeeds("example", "--json").out)) == names
    lines = succeeds("example").out.splitlines()
    assert [line.split()[0] for line in lines] == names


@pytest.fixture
def quick(monkeypatch):
    """An example that trains nothing."""

    def run(folder, seed, show):
        show([Row(0, 1, 0.5, math.nan, 1.0, 1.0, 0.1)])
        (folder / "losses.png").touch()
        return ProgramResult("a network", {"error": 0.25}, [folder / "losses.png"])

    monkeypatch.setitem(programs.PROGRAMS, "sine", Program("quick", 1, run))


def test_an_example_as_text(here, quick):
    done = succeeds("example", "sine")
    lines = done.out.splitlines()
    assert lines[0] == "a network" and lines[1].split() == ["error", "0.25"]
    assert lines[2] == "Picture: runs/example-sine/losses.png"
    assert Path("runs/example-sine/losses.png").exists()
    assert done.err == "epoch 1 of 1, loss 0.5\n"


def test_an_example_as_json(here, quick):
    done = succeeds("example", "sine", "--json", "--quiet", "--out", "pictures")
    assert done.err == "" and document(done.out) == {"error": 0.25}
    assert os.listdir("pictures") == ["losses.png"]


# --- help and defaults ---


def words(text):
    """A help without its frame and line breaks."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("command", COMMANDS)
def test_help(command, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    for option in ("--help", "-h"):
        done = succeeds(command, option)
        assert done.err == "" and f"Example: throughtime {command}" in words(done.out)
        assert max(map(len, done.out.splitlines())) <= columns


def test_help_of_the_program(monkeypatch):
    for columns in ("40", "80"):
        monkeypatch.setenv("COLUMNS", columns)
        text = words(succeeds("--help").out)
        assert all(command in text for command in COMMANDS)


def test_commands_are_these():
    assert list(typer.main.get_command(app.app).commands) == COMMANDS  # pyright: ignore


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_of_a_help_is_a_command_that_exists(command):
    known = typer.main.get_command(app.app).commands[command]  # pyright: ignore
    example = re.search(r"Example: `throughtime (\w+) ?(.*?)`", known.help)
    assert example and example[1] == command
    known.make_context(command, shlex.split(example[2]))  # parses, or raises


def test_defaults_are_those_of_the_forecaster():
    options = {
        name: option.default for name, option in inspect.signature(forecast).parameters.items()
    }
    settings = {field.name: field.default for field in fields(Forecaster)}
    assert set(options) - set(settings) == ONLY_IN_COMMANDS
    assert set(settings) - set(options) == ONLY_IN_PYTHON
    both = set(settings) & set(options)
    assert {name: options[name] for name in both} == {name: settings[name] for name in both}


OTHERS = {
    "cell": "lstm",
    "hidden": 5,
    "depth": 2,
    "radius": 1.2,
    "leak": 0.5,
    "input_scale": 0.3,
    "ridge": 1e-3,
    "window": 7,
    "washout": 3,
    "horizon": 2,
    "ensemble": 2,
    "activation": "relu",
    "init": "keras",
    "loss": "huber",
    "method": "sgd",
    "rate": 0.25,
    "clip": 0.5,
    "forcing": "sparse:3",
    "schedule": "cosine",
    "epochs": 7,
    "batch_size": 9,
    "patience": 4,
    "level": 0.8,
    "season": (7, 24),
    "transform": "none",
    "lower": -0.5,
    "test": 0.3,
    "validation": 0.1,
    "dtype": "float64",
    "seed": 11,
}


TAKEN_BY_NONE = {
    "lstm": {"radius", "leak", "input_scale", "ridge", "forcing"},
    "gru": {"radius", "leak", "input_scale", "ridge", "horizon"},
    "esn": {"activation", "init", "loss", "method", "rate", "clip", "forcing", "schedule"},
}


@pytest.mark.parametrize("cell", TAKEN_BY_NONE)
def test_every_option_arrives(here, untrained, cell):
    settings = {field.name: field.default for field in fields(Forecaster)}
    others = {k: v for k, v in OTHERS.items() if k not in TAKEN_BY_NONE[cell]} | {"cell": cell}
    flags = {
        name: not value
        for name, value in settings.items()
        if name not in (*OTHERS, *ONLY_IN_PYTHON)
    }
    assert all(value in (True, False) for value in flags.values())
    texts = others | {"season": "7, 24"}
    given = [f"--{name.replace('_', '-')}={value}" for name, value in texts.items()]
    given += [f"--{'' if value else 'no-'}{name}" for name, value in flags.items()]
    succeeds("forecast", "y.csv", *given, "--out", "run")
    stored = json.loads(Path("run/run.json").read_text())["settings"]
    expected = {**settings, **others, **flags, "dense": [], "season": [7, 24]}
    assert stored == expected
    assert all(OTHERS[name] != settings[name] for name in OTHERS)


def test_the_version_is_printed():
    from importlib.metadata import version

    assert succeeds("--version").out == f"throughtime {version('throughtime')}\n"


def test_plain_is_the_network_alone(here, untrained):
    succeeds("forecast", "y.csv", "--plain", "--out", "run")
    stored = json.loads(Path("run/run.json").read_text())["settings"]
    assert stored["core"] is None and stored["prior"] is None


@pytest.mark.parametrize("season", ["0", "12,", "a", "1.5", "-3"])
def test_a_season_that_is_not_a_whole_number_is_a_line(here, season):
    rule = "`--season` must be whole numbers of at least 1, separated by commas"
    remedy = "Pass it like this: `--season 24,168`."
    fails(
        "forecast", "y.csv", f"--season={season}", rule=rule, got=f"`{season}`", remedy=remedy
    )


def test_out_of_memory_is_a_line(here, monkeypatch):
    def forecaster(**_):
        raise MemoryError

    monkeypatch.setattr("throughtime.forecasting.forecaster.Forecaster", forecaster)
    rule = "the network, the data and the steps must fit into memory"
    fails("forecast", "y.csv", rule=rule, got="more than fits", remedy="Lower one of them.")


def test_the_system_s_refusal_is_a_line(here, monkeypatch):
    def forecaster(**_):
        raise OSError(28, "No space left on device", "run.json")

    monkeypatch.setattr("throughtime.forecasting.forecaster.Forecaster", forecaster)
    done = call("forecast", "y.csv")
    assert done.status == 1 and done.out == ""
    assert done.err == (
        "throughtime: The operating system refused (No space left on device): `run.json`.\n"
    )


class Ended(Exception):
    """The process would have ended here."""


class Gone(io.StringIO):
    """A stream that cannot be flushed, as when a disk is full or a reader has gone."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def flush(self):
        raise self.error


@pytest.mark.parametrize(
    ("code", "out", "status", "err"),
    [
        (None, io.StringIO(), 0, ""),
        (0, None, 0, ""),
        (3, io.StringIO(), 3, ""),
        ("It is over.", None, 1, "It is over.\n"),
        (0, Gone(BrokenPipeError()), 141, ""),
        (130, Gone(BrokenPipeError()), 130, ""),
        (0, Gone(OSError(28, "No space left on device")), 1, ""),
    ],
)
@pytest.mark.parametrize("told", ["well", "nobody", "gone"])
def test_the_process_ends_by_a_status_alone(monkeypatch, code, out, status, err, told):
    def leave():
        raise SystemExit(code)

    def end(status):
        raise Ended(status)

    stderr = {"well": io.StringIO(), "nobody": None, "gone": Gone(BrokenPipeError())}[told]
    with monkeypatch.context() as context:
        context.setattr(process, "main", leave)
        context.setattr(process.atexit, "_run_exitfuncs", lambda: None)
        context.setattr(process, "handle", lambda _: None)
        context.setattr(os, "_exit", end)
        context.setattr(sys, "stdout", out)
        context.setattr(sys, "stderr", stderr)
        with pytest.raises(Ended) as ended:
            process.run()
    assert ended.value.args == (status,)
    assert told != "well" or stderr.getvalue() == err


# --- as a program ---


def program(*arguments, **environment):
    """Run a command as the installed program."""
    path = Path(sys.executable).with_name("throughtime")
    environment = os.environ | CACHE | environment
    arguments = [path, *map(str, arguments)]
    return subprocess.run(arguments, capture_output=True, text=True, env=environment)


def test_the_program_makes_a_report(here):
    done = program("forecast", "y.csv", *TINY, "--out", "run", TERM="dumb", COLUMNS="40")
    assert done.returncode == 0, done.stderr
    assert "Report:   run/report.html" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert re.fullmatch(r"(epoch \d of 2, .+\n)+", done.stderr), done.stderr
    report = Path("run/report.html").read_text().strip().lower()
    assert report.startswith("<!doctype html>") and report.endswith("</html>")


def test_the_program_refuses(here):
    done = program("predict", "nothing")
    assert done.returncode == 2 and done.stdout == "" and LINE.fullmatch(done.stderr)
