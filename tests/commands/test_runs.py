"""Runs in a folder, and their pages."""

import json
import os
import webbrowser
from pathlib import Path

import pytest
from command_line import call, document, fails, succeeds
from made_models import untrained, waves
from rich.cells import cell_len

from throughtime.runs.run_list import WAYS
from throughtime.tasks.series_ways import SERIES_WAYS


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A folder with two forecasts, a surrogate that is not finished, and what is no run."""
    monkeypatch.chdir(tmp_path)
    for age, name in enumerate(("late", "early")):
        untrained(waves(name="lake")).save(Path("runs") / name)
        os.utime(Path("runs") / name / "run.json", (2e9 - age, 2e9 - age))
    (tmp_path / "runs/late/report.html").write_text("<p>late</p>")
    other = tmp_path / "runs/other"
    (other / "checkpoint").mkdir(parents=True)
    (other / "surrogate.json").write_text(json.dumps({"settings": {"system": "lorenz"}}))
    os.utime(other / "surrogate.json", (1e9, 1e9))
    (tmp_path / "runs/notes").mkdir()
    (tmp_path / "runs/notes.txt").write_text("mine")
    return tmp_path / "runs"


def test_runs_are_listed_by_age(runs):
    found = document(succeeds("runs", "--json").out)
    assert [entry["folder"] for entry in found] == ["runs/other", "runs/early", "runs/late"]
    assert [entry["about"] for entry in found] == ["lorenz", "lake: y", "lake: y"]
    assert [entry["kind"] for entry in found] == ["surrogate", "forecast", "forecast"]
    assert [entry["report"] for entry in found] == [None, None, "runs/late/report.html"]
    assert found[0]["state"] == "not finished" and found[1]["state"] == "all 9 epochs done"
    lines = succeeds("runs").out.splitlines()
    assert [line.split()[0] for line in lines] == [entry["folder"] for entry in found]
    assert all(entry["state"] in line for entry, line in zip(found, lines, strict=True))


def test_wide_characters_take_two_columns_of_the_list(runs):
    (runs / "late").rename(runs / "東京")
    lines, kinds = succeeds("runs").out.splitlines(), ("surrogate", "forecast", "forecast")
    ends = {cell_len(line[: line.index(kind)]) for line, kind in zip(lines, kinds, strict=True)}
    assert len(ends) == 1


def test_a_comparison_that_was_interrupted_is_listed(runs):
    assert set(SERIES_WAYS) == WAYS
    (runs / "late").rename(runs / "hf")  # a run of that name makes no comparison of `runs`
    untrained(waves(name="lake")).save(runs / "compared" / "lstm")
    found = {e["folder"]: e for e in document(succeeds("runs", "--json").out)}
    one = found.pop("runs/compared")
    assert (one["kind"], one["about"], one["state"]) == (
        "comparison",
        "lake: y",
        "not finished",
    )
    assert one["report"] is None and set(found) == {"runs/other", "runs/early", "runs/hf"}


def test_comparisons_and_searches_are_listed(runs):
    compared, searched = runs / "compared", runs / "searched"
    for folder in (compared, searched):
        folder.mkdir()
    (compared / "comparison.json").write_text('{"backtest": {"targets": ["u", "v"]}}')
    (compared / "report.html").write_text("<p>compared</p>")
    (searched / "search.json").write_text('{"command": "throughtime search a.csv --out x"}')
    (searched / "trials.jsonl").write_text("")
    os.utime(searched / "search.json", (1e9, 1e9))
    os.utime(searched / "trials.jsonl", (3e9, 3e9))
    found = {e["folder"]: e for e in document(succeeds("runs", "--json").out)}
    one, other = found["runs/compared"], found["runs/searched"]
    assert (one["kind"], one["about"], one["state"]) == ("comparison", "u, v", "finished")
    assert one["report"] == "runs/compared/report.html"
    assert (other["kind"], other["state"]) == ("search", "not finished")
    assert other["about"] == "throughtime search a.csv" and list(found)[-1] == "runs/searched"
    (compared / "comparison.json").write_text("{}")
    assert "damaged: `comparison.json`" in succeeds("runs").out


def test_a_run_is_listed_by_its_own_folder(runs):
    assert len(succeeds("runs", "runs/late").out.splitlines()) == 1


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"series": []}', "\x00"])
def test_a_damaged_run_is_named_as_one(runs, content):
    (runs / "early/run.json").write_text(content)
    damaged = [e for e in document(succeeds("runs", "--json").out) if "early" in e["folder"]]
    assert damaged[0]["state"] == "damaged: `run.json`"


@pytest.mark.parametrize("folder", ["nothing", "runs/notes", "runs/notes.txt"])
def test_a_folder_without_runs_is_refused(runs, folder):
    fails("runs", folder, rule="runs", got=f"`{folder}`", remedy="Pass")


def test_the_report_is_opened(runs, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: not opened.append(url))
    done = succeeds("open", "runs/late")
    assert (done.out, done.err) == ("runs/late/report.html\n", "")
    assert opened == [(runs / "late/report.html").as_uri()]
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    done = call("open", "runs/late")
    assert done.status == 0 and "open the file by hand" in done.err


def test_a_run_without_a_report_says_how_to_get_one(runs):
    for run, remedy in (("early", "`throughtime runs`"), ("other", "resume runs/other")):
        folder = f"runs/{run}"
        fails("open", folder, rule="have a report", got=f"`{folder}`", remedy=remedy)
