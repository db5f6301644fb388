"""A search: what its trials see, that it goes on as if it had not stopped, its verdict."""

import json
import math
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import refuses
from made_models import waves

from throughtime.forecasting.forecaster import Forecaster
from throughtime.tuning.judging import Judged, compare
from throughtime.tuning.search import search
from throughtime.tuning.trial import Trial, alike, median_bars, run_trial
from throughtime.tuning.workers import ThisProcess

pytestmark = pytest.mark.usefixtures("quick_compile", "few_reservoirs")

BASE = Forecaster(
    cell="rnn", hidden=2, window=8, ensemble=1, epochs=3, core=None, prior=None, dtype="float64"
)
SPACE = {"cell": ["rnn", "esn"], "rate": (1e-3, 1e-1), "leak": (0.3, 1.0)}


def tried(series, trials, folder=None, **more):
    return search(
        [series], BASE, trials=trials, steps=3, space=SPACE, seeds=1, folder=folder, **more
    )


@pytest.fixture(scope="module")
def series():
    return waves()


@pytest.fixture(scope="module")
def found(series, quick_compile):
    return tried(series, 14)


def same(trials):
    return [replace(trial, seconds=0.0) for trial in trials]


def test_a_search_that_was_interrupted_goes_on_as_if_it_had_not_been(series, found, tmp_path):
    def stop(trial, best):
        if trial.number == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tried(series, 14, tmp_path / "s", show=stop)
    with open(tmp_path / "s" / "trials.jsonl", "a") as file:
        file.write('{"number": 13, "sett')  # a crash while it was written
    for name in (".result.json.abcdefgh", ".report.html.12345678"):
        (tmp_path / "s" / name).write_text("half")
    again = tried(series, 14, tmp_path / "s")
    assert same(again.trials) == same(found.trials)
    assert not list((tmp_path / "s").glob(".*"))
    lines = (tmp_path / "s" / "trials.jsonl").read_text().splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(1, 15))
    with refuses("a search goes on with what it began with; got other data than those of"):
        tried(series[:150], 14, tmp_path / "s")


def test_no_trial_sees_the_test_part(series, found):
    """Whatever the last fifth is, the trials are the same; the judgement is not."""
    values = series.targets.copy()
    values[128:] = np.random.default_rng(1).normal(size=(32, 1))
    other = tried(replace(series, targets=values), 14)
    assert same(other.trials) == same(found.trials)
    assert other.judged[0].errors != found.judged[0].errors


def test_the_winner_has_the_lowest_error_and_is_judged_as_any_forecaster(series, found):
    first = found.trials[0]
    assert first.settings == {"cell": "rnn", "rate": 3e-3}
    assert found.best.error == min(t.error for t in found.trials if t.error is not None)
    assert {t.settings["cell"] for t in found.trials} == {"rnn", "esn"}
    assert all(("leak" in t.settings) == (t.settings["cell"] == "esn") for t in found.trials)
    alone = Forecaster(**BASE.get_params() | found.best.settings | {"rate": None})
    if found.best.settings["cell"] == "rnn":
        alone.set_params(rate=found.best.settings["rate"])
    rmse = alone.fit(series).backtest(steps=3).rmse
    error = rmse["network"].mean() / rmse["persistence"].mean()
    assert found.judged[0].errors["network"] == pytest.approx(error, rel=1e-9)
    assert {one.settings for one in found.judged} == {"winner", "start"}
    assert found.importance == {}  # of so few trials
    table = found.to_polars()
    assert table["trial"].to_list() == list(range(1, 15))
    assert found.plot().get_xlabel() == "trial"


def test_a_trial_is_judged_on_the_end_of_what_it_sees(series):
    """Its error is that of the same networks in a forecaster of those rows alone."""
    state, error, losses, _, _ = run_trial([series[:128]], BASE.get_params(), 3)
    model = Forecaster(**BASE.get_params()).fit(series[:128])
    rmse = model.backtest(steps=3).rmse
    assert state == "finished" and len(losses) == 3
    assert error == pytest.approx(rmse["network"].mean() / rmse["persistence"].mean())
    assert losses == tuple(row.validation_loss for row in model.history_)


def test_a_trial_stops_after_the_epoch_in_which_it_is_above_the_median(series):
    state, error, losses, _, _ = run_trial(
        [series[:128]], BASE.get_params(), 3, [math.inf, 0.0, 0.0]
    )
    assert (state, error, len(losses)) == ("pruned", None, 2)
    state, _, losses, _, why = run_trial(
        [series[:128]], BASE.get_params() | {"rate": 1e200, "clip": None}, 3
    )
    assert (state, why) == ("failed", "the loss diverged")


def test_bars_are_medians_of_the_lowest_losses_so_far():
    def trial(*losses, state="finished"):
        return Trial(1, {}, state, 1.0, losses, 0.0)

    long = [trial(*(k + np.arange(8, 0, -1.0))) for k in range(4)]
    short = trial(2.0, 5.0)  # it keeps its lowest loss, 2
    bars = median_bars([*long, short, trial(0.0, state="pruned")])
    assert bars[:5] == [math.inf] * 5
    assert bars[5:] == [4.0, 3.0, 2.0]  # of k + 3 - i and 2, for k = 0..3
    assert median_bars(long) == []


def test_two_means_differ_by_students_t_or_are_equal():
    def judged(winner, start):
        pairs = [("winner", e) for e in winner] + [("start", e) for e in start]
        return [Judged(name, i, {"network": e}) for i, (name, e) in enumerate(pairs)]

    # Variances 0.01 of three: the standard error is 0.0816, times 2.776 for 4 degrees: 0.2267.
    spread = np.array([-0.1, 0.0, 0.1])
    for difference, answer in ((0.22, "equal"), (0.23, "better"), (-0.23, "worse")):
        assert compare(judged(1 + spread, 1 + difference + spread), "network") == answer
    assert compare(judged([1.0], [1.1]), "network") == "better"


def test_what_cannot_be_searched_is_refused(series, tmp_path):
    with refuses("a search needs rows that are held out: `test` must be above 0; got 0."):
        search([series], Forecaster(test=0.0), trials=2)
    with refuses("a search varies settings of networks and their training; got `level`."):
        search([series], BASE, space={"level": [0.8]})
    with refuses("`hidden` must be above 0; got 0."):
        search([series], BASE, space={"hidden": (0, 4)})
    (tmp_path / "notes.txt").write_text("mine")
    with refuses("the folder of a search must be new, empty, or that of this search"):
        tried(series, 2, tmp_path)


class LastFirst(ThisProcess):
    """Two workers, of which the one that began last ends first."""

    size = 2

    def next(self):
        ticket, function, arguments = self.calls.pop()
        return ticket, function(*arguments)


@pytest.mark.parametrize("start", [0.5, 2.0])
def test_the_start_is_that_whichever_trial_ends_first(series, tmp_path, monkeypatch, start):
    first = {"cell": "rnn", "rate": 3e-3}

    def known(_, settings, *__):
        return "finished", start if settings["rate"] == 3e-3 else 1.0, (1.0,), 0.0, ""

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("throughtime.tuning.search.workers", lambda on: LastFirst())
    monkeypatch.setattr("throughtime.tuning.search.run_trial", known)
    with pytest.raises(KeyboardInterrupt):
        tried(series, 3, tmp_path / "s", show=stop)
    found = tried(series, 3, tmp_path / "s")
    settings = [trial.settings for trial in found.trials]
    assert found.start == first and settings[0] != first and settings.count(first) == 1
    best = first if start < 1 else settings[0]
    assert found.best.settings == best
    assert found.settings == {k: v for k, v in best.items() if v != first.get(k)}
    assert {one.settings for one in found.judged} == {"winner", *(["start"] * (start > 1))}
    assert (
        f"with the settings at the start it is {start:.3f}" in " ".join(found.sentences())
    ) == (start > 1)


def test_settings_from_a_file_are_those_that_were_written():
    assert alike({"dense": [16, 8], "rate": 0.1}, {"rate": 0.1, "dense": (16, 8)})
    assert not alike({"dense": []}, {"dense": (1,)})


def workers_at_work():
    """The processes of Ray that run a trial."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if entry.read_bytes().startswith(b"ray::run_trial"):
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.filterwarnings(r"ignore:os\.fork")
def test_a_killed_worker_loses_nothing(series, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # 15 by default, forever on a busy machine
    ray.init(num_cpus=2, logging_level="error", log_to_driver=False, include_dashboard=False)
    killed = []

    def kill(trial, best):
        if not killed and (pids := workers_at_work()):
            os.kill(pids[0], signal.SIGKILL)
            killed.append(pids[0])

    try:
        found = tried(series, 8, tmp_path / "s", on="ray", show=kill)
    finally:
        ray.shutdown()
    assert killed
    assert [trial.number for trial in found.trials] == list(range(1, 9))
    assert all(t.state in ("finished", "pruned") or "diverged" in t.why for t in found.trials)
    here = tried(series, 1)
    same_first = [t for t in found.trials if t.settings == here.trials[0].settings]
    assert same_first[0].error == pytest.approx(here.trials[0].error, rel=1e-9)
