"""The four ways on one series: the same parts, the same seconds, one verdict."""

import json

import numpy as np
import pytest
from conftest import refuses
from typer import Typer
from typer.testing import CliRunner

from throughtime import Forecaster, load
from throughtime.backtest import Backtest
from throughtime.compare import WAYS, Comparison, Entry, compare, score
from throughtime.compare_command import compare as command
from throughtime.tables import to_series

SETTINGS = {"window": 12, "hidden": 6, "ensemble": 1, "seed": 0, "washout": 4}


def waves(steps=160):
    t = np.arange(steps)
    return (
        np.sin(t / 3)
        + 0.3 * np.sin(t / 1.7)
        + 0.01 * np.random.default_rng(0).normal(size=steps)
    )


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    seen = []
    result = compare(
        to_series(waves()),
        list(WAYS),
        folder,
        seconds=0.5,
        steps=3,
        settings=SETTINGS,
        show=lambda way, history: seen.append((way, history[-1].epoch)),
    )
    return result, folder, seen


def test_every_way_is_trained_and_kept(found):
    result, folder, seen = found
    assert [entry.way for entry in result.entries] == list(WAYS)
    assert {way for way, _ in seen} == set(WAYS) - {"esn"}
    for entry in result.entries:
        assert np.isfinite(entry.model.predict(2).mean).all()
        np.testing.assert_array_equal(
            load(folder / entry.way).predict(2).mean, entry.model.predict(2).mean
        )


def test_the_errors_are_those_of_each_way_alone(found):
    result, _, _ = found
    for entry in result.entries:
        alone = entry.model.backtest(steps=3)
        np.testing.assert_array_equal(result.backtest.rmse[entry.name], alone.rmse["network"])
        np.testing.assert_array_equal(
            result.backtest.rmse["ridge autoregression"], alone.rmse["ridge autoregression"]
        )


def test_the_seconds_are_kept_to(found):
    """But for the epoch under way, and compilation, which comes before its end."""
    result, _, _ = found
    for entry in result.entries:
        history = entry.model.history_
        assert all(row.seconds <= 0.5 for row in history[:-1])


def test_only_the_readout_of_an_echo_state_network_is_learned(found):
    result, _, _ = found
    weights = {entry.way: entry.weights for entry in result.entries}
    assert weights["esn"] == 300 + 1
    assert weights["momentum"] == weights["hf"] == 6 * (1 + 6 + 1) + 6 + 1


def test_the_json_holds_it_all(found):
    result, folder, _ = found
    read = json.loads((folder / "comparison.json").read_text())
    assert read == json.loads(json.dumps(result.to_json()))
    assert set(read["ways"]) == set(WAYS)
    assert read["best"] == result.best.way


def backtest(**errors):
    rmse = {name: np.array([[value]]) for name, value in errors.items()}
    nothing = np.full((1, 1), np.nan)
    truth = np.zeros((1, 1, 1))
    return Backtest(truth, {}, rmse, rmse, nothing, nothing, 0.9, None, ("y",))


def entry(way, error, seconds):
    return Entry(way, Forecaster(), backtest(network=error), seconds, 10)


def test_the_verdict_names_the_best_and_the_costs():
    entries = (entry("lstm", 2.0, 9.0), entry("esn", 1.0, 0.1))
    errors = {"LSTM": 2.0, "echo state network": 1.0, "persistence": 4.0}
    said = Comparison(entries, 1.0, backtest(**errors)).sentences()
    assert said[0] == (
        "Echo state network forecasts best: its RMSE, one step ahead, is 1.000; that of LSTM, "
        "the next best, is 2.000."
    )
    assert "Quickest to train: echo state network, 0.1 s; slowest: LSTM, 9 s." in said[1]


def test_the_verdict_says_when_a_baseline_wins():
    errors = {"LSTM": 2.0, "persistence": 1.0}
    said = Comparison((entry("lstm", 2.0, 9.0),), 1.0, backtest(**errors)).sentences()
    assert said[0].startswith("Persistence forecasts best")
    assert said[1] == "None of the four ways beats this baseline here."


def test_a_forecast_that_is_not_finite_comes_last():
    errors = {"LSTM": np.nan, "persistence": 1.0}
    assert score(backtest(**errors), "LSTM") == np.inf


def run(tmp_path, *arguments):
    app = Typer()
    app.command()(command)
    np.savetxt(tmp_path / "y.csv", waves(), header="y", comments="")
    data = [str(tmp_path / "y.csv"), "--window", "12", "--hidden", "6", "--seconds", "0.2"]
    return CliRunner().invoke(app, [*data, "--steps", "2", *arguments])


def test_the_command_writes_a_report(tmp_path):
    out = tmp_path / "out"
    result = run(tmp_path, "--ways", "esn,lstm", "--out", str(out))
    assert result.exit_code == 0, result.output
    page = (out / "report.html").read_text()
    assert "forecasts best" in page and "forecasts best" in result.output
    assert page.count("<svg") == 2 and "http" not in page.replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ways", "lstm,magic"], "a way must be a known one; got `magic`"),
        (["--ways", "esn,esn"], "ways must be named, each once"),
        (["--ways", ""], "ways must be named, each once"),
        (["--seconds", "0"], "`--seconds` must be positive"),
        (["--steps", "500"], "`steps`"),
        (["--out", "."], "the output folder must be new or empty"),
    ],
)
def test_a_mistake_is_refused_before_any_training(tmp_path, arguments, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(tmp_path, *arguments)
    assert result.exit_code == 1
    assert message in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["y.csv"]


def test_an_unknown_way_has_a_remedy(tmp_path):
    with refuses("Did you mean `lstm`"):
        compare([], ["lstn"], tmp_path, seconds=1, steps=1, settings={}, show=print)
