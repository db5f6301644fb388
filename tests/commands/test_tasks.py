"""`throughtime tasks`: what it prints, and its one line for every mistake."""

import json
import os
import signal
from importlib import import_module

import numpy as np
import pytest
import typer
from conftest import refuses
from typer.testing import CliRunner

from throughtime.commands.tasks import ABOUTS, tasks, text, to_json
from throughtime.tasks.criterion import Check
from throughtime.tasks.error_count import ErrorCount
from throughtime.tasks.learn import TaskResult
from throughtime.tasks.long_range import TASKS, task
from throughtime.tasks.recipes import WAYS

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(tasks)
TINY = ["--length", "3", "--updates", "2", "--batch-size", "8", "--hidden", "4"]
KEYS = {"task", "length", "way", "hidden", "seed", "source", "solved", "wrong", "of", "answers"}
KEYS |= {"loss", "baseline", "updates", "sequences", "seconds", "stopped", "history"}


def call(*arguments):
    """An `InputError` goes through: `__main__.main` makes a line of it, and status 2."""
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def test_without_a_name_it_lists_the_tasks():
    done = call()
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(TASKS)
    assert json.loads(call("--json").stdout) == ABOUTS


def test_every_task_is_described():
    assert list(ABOUTS) == list(TASKS)


def test_help_has_an_example():
    assert "throughtime tasks adding --way lstm" in call("--help").stdout


def test_text_says_what_was_asked_and_what_came_of_it():
    done = call("memorisation_5bit", "--seed", "3", *TINY)
    assert done.exit_code == 0
    task_line, way_line, wrong, loss, cost, verdict = done.stdout.splitlines()
    assert task_line.startswith("Task:  memorisation_5bit") and "length 3" in task_line
    assert way_line.startswith("Way:   lstm") and "4 units, seed 3" in way_line
    assert wrong.startswith("Wrong: ") and "of 32 test sequences" in wrong
    assert f"{task('memorisation_5bit', 3).baseline:.4g}" in loss
    assert cost.startswith("Cost:  2 updates, 16 sequences") and "all 2 updates done" in cost
    assert verdict.startswith("Not solved")
    assert "epoch 1 of 1, loss" in done.stderr
    assert call("memorisation_5bit", "-q", *TINY).stderr == ""


@pytest.mark.parametrize("way", ["lstm", "esn"])
def test_json_has_everything(way):
    options = TINY if way == "lstm" else ["--length", 3, "--hidden", 4]
    done = call("memorisation_5bit", "--way", way, "--json", "-q", *options)
    found = json.loads(done.stdout)
    trained = {"method", "rate", "recurrent", "clip", "schedule", "batch_size"}
    assert set(found) == KEYS | (trained if way == "lstm" else set())
    assert (found["task"], found["length"], found["way"]) == ("memorisation_5bit", 3, way)
    assert found["of"] == 32 and 0 <= found["wrong"] <= 32
    assert found["solved"] == (found["wrong"] / found["of"] < 0.01)
    assert len(found["history"]) == (way == "lstm")
    if way == "lstm":
        assert found["history"][0]["mistakes"]["sequences"] == 32


def result(share, loss, stopped="all 2 updates done"):
    wrong = ErrorCount(1000, round(1000 * share), share)
    one = Check(2, 16, 1.0, loss, loss, wrong)
    network = WAYS["lstm"].network(task("adding", 20), 2, np.random.default_rng(0))
    return TaskResult(network, wrong, loss, 0.5, 2, 16, 1.0, [one], share < 0.01, stopped)


@pytest.mark.parametrize(
    "share, loss, verdict",
    [
        (0.0, 0.001, "Solved: less than 1 % of the sequences are wrong."),
        (0.5, 0.1, "Not solved, but something is learned: the loss is 0.2 of the guess."),
        (1.0, 0.51, "Not solved: no better than a guess that does not look at the inputs."),
    ],
)
def test_the_verdict(share, loss, verdict):
    assert text(result(share, loss)).splitlines()[-1] == verdict
    assert to_json(WAYS["hf"], result(share, loss))["solved"] == (share < 0.01)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["addign"], "`name` must be a known task; got addign. Did you mean `adding`?"),
        (["adding", "--way", "lsmt"], "`way` must be a known way; got lsmt."),
        (
            ["adding", "--length", "3"],
            "the task `adding` needs a `length` of at least 10 steps",
        ),
        (["adding", "--way", "hf", "--rate", "1"], "the way `hf` takes no `rate`"),
        (["adding", "--way", "esn", "--updates", "1"], "the way `esn` takes no `updates`"),
        (["adding", "--updates", "0"], "`updates` must be a whole number of at least 1; got 0"),
        (["adding", "--rate", "-1"], "`rate` must be positive; got -1.0"),
        (["adding", "--hidden", "0"], "`hidden` must be a whole number of at least 1; got 0"),
        (["adding", "--seed", "-1"], "`seed` must be at least 0; got -1"),
        (["adding", "--length", "1000000000"], "way and task must fit into memory"),
    ],
)
def test_a_mistake_is_refused(arguments, message):
    with refuses(message):
        call(*arguments)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_one_line(number, monkeypatch):
    """After the updates that are being done; a second one would not wait."""
    before = signal.getsignal(number)
    solving = import_module("throughtime.tasks.learn")
    original = solving.train

    def train(*arguments, **options):
        os.kill(os.getpid(), number)
        return original(*arguments, **options)

    monkeypatch.setattr(solving, "train", train)
    done = call("memorisation_5bit", "-q", *TINY)
    assert done.exit_code == 128 + number
    (line,) = done.stderr.splitlines()
    assert line.startswith("throughtime: Stopped after 2 updates")
    assert line.endswith("of 32 sequences wrong.")
    assert "Wrong" not in done.stdout
    assert signal.getsignal(number) == before
