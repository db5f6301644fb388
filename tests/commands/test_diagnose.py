"""`throughtime diagnose`: text, JSON and a page that needs no network, of every kind of run."""

import contextlib
import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import cut, document, fails, succeeds, table
from pages import BROWSER, Page

# All of one cell, so that programs are compiled once; what each cell does is tested elsewhere.
FORECAST = "--cell rnn --hidden 3 --epochs 2 --ensemble 1 --window 8 --steps 3".split()
FORECAST += "--no-centred --plain --quiet".split()
SURROGATE = "--cell rnn --hidden 3 --epochs 2 --trajectories 8 --steps 10 --window 5".split()
SURROGATE += "--unseen 2 --unseen-steps 10 --quiet".split()
LOOK = ["--steps", 128]
ADDRESSES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


@pytest.fixture(scope="module", autouse=True)
def few_starts():
    """The search for fixed points has tests of its own."""
    from throughtime.dynamics.diagnose import diagnose

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[diagnose.__module__], "STARTS", 4)
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with a run of every kind."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "lab.csv").write_text(table())
    (folder / "y.csv").write_text(cut(table(), "t", "y"))
    future = cut(table(5, first=120), "t", "u")
    (folder / "future.csv").write_text(future)
    made = {
        "plain": ["forecast", "y.csv", *FORECAST],
        "recorded": ["forecast", "y.csv", *FORECAST, "--flow-every", 1],
        "esn": ["forecast", "y.csv", *FORECAST, "--cell", "esn"],
        "driven": ["forecast", "lab.csv", *FORECAST, "--target", "y", "--inputs", "u"],
        "surrogate": ["surrogate", "logistic", *SURROGATE],
    }
    made["driven"] += ["--future", "future.csv", "--ensemble", 2]
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
        for module in ("forecast_report.write_report", "surrogate_report.write_surrogate"):
            # They take long, and have tests of their own.
            patch.setattr(f"throughtime.reports.{module}", lambda *_, **__: None)
        for name, arguments in made.items():
            succeeds(*arguments, "--out", name)
    return folder


@pytest.fixture
def here(runs, tmp_path, monkeypatch):
    """A copy of them, as the working folder."""
    shutil.copytree(runs, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def page_of(name):
    """The page of a run: one file, which fetches nothing and runs one script of its own."""
    page = Path(name, "diagnosis.html").read_text(encoding="utf-8")
    parsed = Page(page)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert set(re.findall(r"https?://[^\"' )<]+", page)) <= ADDRESSES
    assert not {"link", "img", "iframe", "object"} & set(parsed.tags)
    assert page.count("<script>") == 1 and "default-src &#39;none&#39;" in page
    assert not re.search(r"@import|url\((?!#)", page)
    return page, parsed


def test_a_forecast_with_a_record_of_its_gradient_flow(here):
    before = {path.name for path in Path("recorded").iterdir()}
    assert "gradient_flow.json" in before
    done = succeeds("diagnose", "recorded", *LOOK)
    *sentences, last = done.out.splitlines()
    assert last == "Report: recorded/diagnosis.html" and done.err == ""
    assert sentences[0].startswith("The gradient ") and len(sentences) >= 4
    assert {path.name for path in Path("recorded").iterdir()} == before | {"diagnosis.html"}
    page, parsed = page_of("recorded")
    assert {"gradients", "free", "exponents"} <= set(parsed.ids)
    assert "The same quantity over the course of the training." in page
    assert "3 epochs from 0 to 2" in page
    assert "throughtime diagnose recorded --steps 128" in page.replace("</span>", "")
    # with the record, two pictures more: heat, wide and narrow
    assert parsed.tags.count("svg") >= 2 * 6


def test_a_forecast_without_a_record_in_json(here):
    found = document(succeeds("diagnose", "plain", *LOOK, "--json").out)
    assert found["run"] == "plain" and found["name"] == "y"
    assert found["gradient"]["signal"][0] == 1
    assert abs(sum(found["gradient"]["share"]) - 1) < 1e-6
    assert len(found["sentences"]) >= 2
    page, _ = page_of("plain")
    assert "while the network learned" not in page


def test_a_run_with_inputs_says_what_is_held(here):
    found = document(succeeds("diagnose", "driven", *LOOK, "--json").out)
    assert "Its other inputs were held at their means: u." in found["sentences"]
    assert "This is the first of 2 networks." in found["sentences"]
    assert "Its other inputs were held at their means: u." in page_of("driven")[0]


def test_a_surrogate(here):
    found = document(succeeds("diagnose", "surrogate", *LOOK, "--json").out)
    assert found["run"] == "surrogate" and found["name"] == "logistic"
    assert "Diagnosis of logistic" in page_of("surrogate")[0]


@pytest.mark.parametrize(
    ("arguments", "rule", "got", "remedy"),
    [
        (["none"], "a run is a folder with a `run.json`", "`none`", "Pass the folder"),
        (["."], "a run is a folder with a `run.json`", "`.`", "Pass the folder"),
        (["y.csv"], "what is diagnosed is the run of a model", "`y.csv`", "surrogate y.csv`"),
        (["plain", "--steps", 10], "`steps` must be at least 64", "10", "Raise `steps`."),
        (["plain", "--seed", -1], "`--seed` must be at least 0", "-1", "Raise `--seed`."),
        (["plain", "--stps", 10], "must be a known one", "`--stps`", "`--steps`"),
    ],
)
def test_mistakes(here, arguments, rule, got, remedy):
    fails("diagnose", *arguments, rule=rule, got=got, remedy=remedy)


@pytest.mark.parametrize("name", ["plain", "surrogate"])
def test_a_run_that_is_not_finished(here, name):
    path = Path(name, "run.json" if name == "plain" else "surrogate.json")
    from throughtime._support.integrity import write_json

    if name == "surrogate":
        plain = json.loads(path.read_text())
        del plain["digest"]
        write_json(path, {**plain, "stopped": None, "best_epochs": []})
        fails("diagnose", name, rule="must be trained to its end", got=name, remedy="resume")
        return
    from throughtime.commands import forecast_run
    from throughtime.data.loading import to_series
    from throughtime.forecasting.forecaster import Forecaster

    forecast_run.begin(
        Forecaster(hidden=3, window=8), to_series("y.csv"), Path("half"), steps=3
    )
    fails("diagnose", "half", rule="must be trained to its end", got="half", remedy="resume")


@pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")
def test_a_browser_draws_the_page(here, tmp_path):
    """Of an echo state network."""
    assert "In a free run" in succeeds("diagnose", "esn", *LOOK).out
    assert "gradients" in page_of("esn")[1].ids
    picture = tmp_path / "page.png"
    quiet = "headless no-sandbox disable-gpu disable-quic no-first-run hide-scrollbars"
    flags = [f"--{flag}" for flag in quiet.split()]
    flags += [f"--user-data-dir={tmp_path / 'user'}", "--window-size=500,1200"]
    page = Path("esn/diagnosis.html").resolve().as_uri()
    command = [BROWSER, *flags, f"--screenshot={picture}", page]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    assert picture.stat().st_size > 20_000


def test_a_scan_of_equations_writes_a_page_a_picture_and_tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "x[n+1] = r x[n] (1 - x[n])"
    out = succeeds("diagnose", text, "--scan", "r=2.9:3.5", "--values", 4, "--out", "scan").out
    assert "r = 3.1 to 3.3: period 2" in out and "scan/scan.html" in out
    page = Path("scan", "scan.html").read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\"' )<]+", page)) <= ADDRESSES
    assert "period 2" in page and "--scan r=2.9:3.5" in page
    for suffix, start in (("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")):
        assert Path("scan", f"scan.{suffix}").read_bytes().startswith(start)
    rule = "a scan has its figure in its folder"
    fails("figures", "scan", rule=rule, got="`scan`", remedy="`scan/scan.pdf`")
    rows = list(csv.DictReader(Path("scan", "scan.csv").read_text().splitlines()))
    assert [row["period"] for row in rows] == ["1", "2", "2", "4"]
    points = Path("scan", "points.csv").read_text().splitlines()
    assert points[0] == "of,r,x" and len(points) == 1 + 1 + 2 * 2 + 4
    again = ["diagnose", "logistic", "--scan", "r=2.9:3.5", "--values", 2, "--json"]
    again = document(succeeds(*again).out)
    assert again["scans"]["logistic"]["period"] == [1, 4]


def test_a_scan_of_a_run_sets_the_network_beside_the_system(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    learned = ["surrogate", "logistic", *SURROGATE, "--range", "r=2.8:3.4"]
    succeeds(*learned, "--out", "run")
    out = succeeds("diagnose", "run", "--scan", "r=2.9:3.3", "--values", 3).out
    assert "logistic, r from" in out and "the network of logistic, r from" in out
    rows = list(csv.DictReader(Path("run", "scan.csv").read_text().splitlines()))
    assert len(rows) == 6


@pytest.mark.parametrize(
    ("arguments", "rule", "got"),
    [
        (["lorenz63", "--scan", "rho"], "`--scan` must be a name", "`rho`"),
        (["lorenz63", "--scan", "rho=1:1"], "a scan needs two values or more", "`1:1`"),
        (["lorenz63", "--scan", "rho=1:x"], "`--scan` must give numbers", "`x`"),
        (["lorenz63", "--scan", "rho=1:inf"], "must go from one finite number", "`1:inf`"),
        (["lorenz63", "--scan", "q=1:2"], "the parameter of a scan must be one of", "`q`"),
        (
            ["lorenz63", "--scan", "rho=1:2", "--set", "rho=3"],
            "cannot also have",
            "`--set rho`",
        ),
        (["x' = -x"], "a system is diagnosed along a parameter", "without `--scan`"),
        (["lorenz63", "--follow"], "`--follow` is for a scan", "no `--scan`"),
        (["plain", "--scan", "rho=1:2"], "a scan needs a system", "`plain`"),
    ],
)
def test_what_cannot_be_scanned_is_told_in_a_line(here, arguments, rule, got):
    fails("diagnose", *arguments, rule=rule, got=got)
