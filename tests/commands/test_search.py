"""`throughtime search`: its folder, its page, the command that it ends with."""

import csv
import json
import shlex
from pathlib import Path

import pytest
from command_line import call, document, fails, succeeds, table
from pages import Page

from throughtime.forecasting.forecaster import Forecaster, load

pytestmark = pytest.mark.usefixtures("quick_compile")

SEARCH = shlex.split(
    "search lab.csv --target y --plain --window 8 --ensemble 1 --epochs 2 --steps 3 "
    "--seeds 1 --vary hidden=2,3 --vary rate=1e-3:1e-1 --seed 5 --out found"
)


@pytest.fixture(scope="module")
def found(tmp_path_factory, quick_compile):
    """The folder of a search of two trials, of three when called again, and both results."""
    folder = tmp_path_factory.mktemp("search")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "lab.csv").write_text(table())
        first = succeeds(*SEARCH, "--trials", "2")
        again = succeeds(*SEARCH, "--trials", "3", "--json")
        return folder, first, again


def test_a_second_call_goes_on(found):
    folder, first, again = found
    assert first.err.count("trial ") == 2 and again.err.count("trial ") == 1
    lines = (folder / "found" / "trials.jsonl").read_text().splitlines()
    numbers = [json.loads(line)["number"] for line in lines]
    assert numbers == [1, 2, 3]
    best = document(again.out)["best"]
    assert best["error"] == min(json.loads(line)["error"] for line in lines)


def test_the_winner_is_a_run_and_its_command_has_its_settings(found, monkeypatch):
    folder, _, again = found
    monkeypatch.chdir(folder)
    run = load("found/winner")
    best = document(again.out)["best"]["settings"]
    assert {name: run.get_params()[name] for name in best} == best
    command = json.loads((folder / "found" / "winner" / "run.json").read_text())["command"]
    done = document(succeeds(*shlex.split(command)[1:], "--json", "-q", "--out", "again").out)
    judged = [one for one in document(again.out)["judged"] if one["settings"] == "winner"]
    rmse = {name: sum(e[0] for e in rows) for name, rows in done["backtest"]["rmse"].items()}
    assert judged[0]["errors"]["network"] == pytest.approx(
        rmse["network"] / rmse["persistence"], rel=1e-5
    )


def test_the_page_has_the_verdict_every_trial_and_the_command(found):
    folder, _, again = found
    text = (folder / "found" / "report.html").read_text()
    page, said = Page(text), document(again.out)["sentences"]
    assert len(set(page.ids)) == len(page.ids)
    assert "http" not in page.texts.get("script", "").replace("http://www.w3.org", "")
    assert page.texts["p"].replace("\u00a0", " ").count(said[0]) == 1
    assert any(len(one) == 1 + 3 and one[0][0] == "trial" for one in page.tables)
    assert any(one[0] == ["Setting", "winner", "begun with"] for one in page.tables)
    assert "throughtime forecast lab.csv" in page.texts["pre"]


def test_its_figures_are_written_again_from_the_folder(found, monkeypatch):
    folder, _, again = found
    monkeypatch.chdir(folder)
    written = succeeds("figures", "found", "--out", "paper").out.split()
    names = {f"paper/errors-of-trials.{suffix}" for suffix in ("svg", "pdf", "png", "csv")}
    assert set(written) == names
    rows = list(csv.DictReader(Path("paper/errors-of-trials.csv").read_text().splitlines()))
    lowest = [float(row["lowest so far"]) for row in rows if row["lowest so far"]]
    assert min(lowest) == pytest.approx(document(again.out)["best"]["error"], rel=1e-6)


def test_what_is_no_run_itself_names_the_one_to_pass(found, monkeypatch):
    folder, _, _ = found
    monkeypatch.chdir(folder)
    remedy = shlex.join(["throughtime", *SEARCH, "--trials", "2"])
    fails("resume", "found", rule="a search goes on by its own command", got="`found`",
          remedy=remedy)  # fmt: skip
    wanted = {"rule": "a forecasting run", "got": "a search", "remedy": "`found/winner`"}
    fails("update", "found", "lab.csv", **wanted)
    fails("predict", "found", **wanted)
    with monkeypatch.context() as patch:
        patch.setattr("throughtime.tuning.journal.RESULT", "none")
        rule = "a search must have ended"
        fails("figures", "found", rule=rule, got="`found`", remedy=remedy)


def test_an_interruption_says_how_to_go_on(found, monkeypatch):
    folder, _, _ = found
    monkeypatch.chdir(folder)

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Forecaster, "train", stop)
    done = call(*SEARCH, "--trials", "4")
    assert done.status == 130
    line = done.err.splitlines()[-1]
    assert line.startswith("throughtime: Interrupted. 3 trials are kept. Go on with: ")
    assert line.endswith(shlex.join(["throughtime", *SEARCH, "--trials", "4"]))


def test_mistakes_are_refused(found, monkeypatch):
    folder, _, _ = found
    monkeypatch.chdir(folder)
    fails(*SEARCH, "--vary", "hidden", rule="what is varied", got="`hidden`")
    fails(
        *SEARCH, "--window", "9", rule="goes on with what it began with", got="other settings"
    )
    fails(*SEARCH, "--on", "dask", rule="`on` must be `ray`", got="`dask`")
    fails(*SEARCH, "--inputs", "u", rule="needs `u` for these steps", got="no table")
    fails(*SEARCH, "--trials", "0", rule="`trials` must be a whole number", got="0")
