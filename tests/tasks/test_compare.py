"""The four ways on one series: the same parts, the same seconds, one verdict."""

import csv
import itertools
import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import refuses
from typer import Typer
from typer.testing import CliRunner

from throughtime import Forecaster, load
from throughtime.commands.compare import compare as command
from throughtime.commands.compare import keeping
from throughtime.commands.signals import Terminated
from throughtime.data.loading import to_series
from throughtime.forecasting.backtest import Backtest
from throughtime.reports.comparison_report import draw_comparison, write_comparison
from throughtime.reports.figure_files import FigureFiles
from throughtime.tasks import compare as comparing
from throughtime.tasks import recipes
from throughtime.tasks.compare import compare
from throughtime.tasks.comparison import Comparison, Entry, relative_rmse
from throughtime.tasks.saved_comparison import read_errors
from throughtime.tasks.series_ways import SERIES_WAYS, forecaster
from throughtime.training.result import Diverged

pytestmark = pytest.mark.usefixtures("quick_compile", "few_reservoirs")

# Those that the command of `run` passes, so that all tests share their compiled programs.
SETTINGS = {"window": 12, "hidden": 6, "ensemble": 1, "seed": 0}
STEPS = 2


def waves(steps=160):
    t = np.arange(steps)
    return (
        np.sin(t / 3)
        + 0.3 * np.sin(t / 1.7)
        + 0.01 * np.random.default_rng(0).normal(size=steps)
    )


def set_clock(patch):
    """Give comparisons a clock that moves by a second whenever it is read, and processors."""
    clock = SimpleNamespace(
        perf_counter=itertools.count(0.0).__next__,
        process_time=itertools.count(0.0, 100.0).__next__,
    )
    patch.setattr(comparing, "time", clock)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The speed of the machine decides nothing here."""
    set_clock(monkeypatch)


@pytest.fixture(scope="module")
def found(tmp_path_factory, quick_compile):
    """All ways, compared."""
    folder = tmp_path_factory.mktemp("compared")
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        set_clock(patch)
        patch.setattr(comparing, "LEAKS", (1.0,))  # one program to compile
        result = compare(
            to_series(waves()),
            list(SERIES_WAYS),
            folder,
            seconds=5,
            steps=STEPS,
            settings=SETTINGS,
            show=lambda way, history: shown.append((way, history[-1].epoch)),
        )
    return result, folder, shown


def test_a_way_on_a_series_is_that_of_the_tasks():
    """The same cells and methods, and where no comment says otherwise the same numbers."""
    for name in ("lstm", "hf", "momentum"):
        recipe, settings = recipes.WAYS[name], SERIES_WAYS[name].settings
        assert (settings["cell"], settings["method"]) == (recipe.cell, recipe.method)
    assert SERIES_WAYS["momentum"].settings["rate"] == recipes.WAYS["momentum"].rate == 1e-3
    assert SERIES_WAYS["lstm"].settings["rate"] == 3e-3
    assert SERIES_WAYS["esn"].settings == {"cell": "esn", "hidden": 300}


def test_every_way_is_trained_and_kept(found):
    result, folder, shown = found
    assert [entry.way for entry in result.entries] == list(SERIES_WAYS)
    assert {way for way, _ in shown} == set(SERIES_WAYS)
    for entry in result.entries:
        assert np.isfinite(entry.model.predict(2).mean).all()
        np.testing.assert_array_equal(
            load(folder / entry.way).predict(2).mean, entry.model.predict(2).mean
        )


def test_the_errors_are_those_of_each_way_alone(found):
    result, _, _ = found
    for entry in result.entries:
        alone = entry.model.backtest(steps=STEPS)
        np.testing.assert_array_equal(result.backtest.rmse[entry.name], alone.rmse["network"])
        np.testing.assert_array_equal(
            result.backtest.rmse["ridge autoregression"], alone.rmse["ridge autoregression"]
        )


def test_the_seconds_are_kept_to(found):
    """The clock is read once after each epoch: the sixth is over after more than 5 seconds.

    It is read once after each setting too, and a fifth would end after no less than 5 seconds.
    """
    result, _, shown = found
    for way in ("lstm", "hf", "momentum"):
        assert [epoch for shown_way, epoch in shown if shown_way == way] == [1, 2, 3, 4, 5, 6]
    for entry in result.entries:
        if entry.way == "esn":
            assert entry.trials == 4 and entry.stopped == "the best of 4 settings"
        else:
            assert entry.epochs == 6 and entry.stopped == "the seconds were over"
            assert entry.seconds == 8  # from before the training to after it


@pytest.fixture
def search(monkeypatch):
    """Searches that start from poor settings."""
    poor = {"cell": "esn", "hidden": 20, "radius": 0.01, "input_scale": 1e-4}
    monkeypatch.setitem(SERIES_WAYS, "esn", SERIES_WAYS["esn"]._replace(settings=poor))
    monkeypatch.setattr(comparing, "LEAKS", (1.0,))  # one program to compile

    def search(folder, series, **settings):
        set_clock(monkeypatch)
        losses = []

        def show(way, history):
            losses[:] = [row.validation_loss for row in history]

        options = {"steps": STEPS, "settings": SETTINGS | settings, "show": show}
        (entry,) = compare(to_series(series), ["esn"], folder, seconds=4, **options).entries
        return entry, losses

    return search


def test_the_best_of_the_settings_tried_is_kept(search, tmp_path):
    entry, losses = search(tmp_path, waves())
    assert entry.trials == len(losses) == 3
    assert entry.stopped == "the best of 3 settings"
    assert entry.model.history_[-1].validation_loss == min(losses) < losses[0]
    assert entry.model.radius != 0.01
    assert load(tmp_path / "esn").radius == entry.model.radius


def test_a_setting_that_is_asked_for_is_not_searched(search, tmp_path):
    entry, _ = search(tmp_path, waves(), leak=0.7)
    assert entry.trials > 1 and entry.model.leak == 0.7 and entry.model.radius != 0.01


def test_the_seconds_of_a_search_are_not_compared(found):
    entry = next(entry for entry in found[0].entries if entry.trials > 1)
    backtest = entry.backtest
    both = Comparison((entry, replace(entry, way="hf", trials=1)), 1.0, backtest)
    rmse = backtest.rmse | {e.name: backtest.rmse["network"] for e in both.entries}
    sentences = replace(both, backtest=replace(backtest, rmse=rmse)).sentences()
    assert not any("Quickest" in sentence for sentence in sentences)


def test_a_search_does_not_see_the_test_part(search, tmp_path):
    """With another test part, all settings, losses and the choice are the same."""
    entry, losses = search(tmp_path / "a", waves())
    series = waves()
    series[-30:] = series[-30:][::-1]  # of 32 test steps
    other, others = search(tmp_path / "b", series)
    assert losses == others
    assert entry.model.get_params() == other.model.get_params()


def test_without_a_validation_part_no_settings_are_searched(tmp_path):
    found = compared(tmp_path, "esn", validation=0.0)
    assert found.entries[0].trials == 1
    assert found.entries[0].stopped == "readouts fitted by ridge regression"


def test_only_the_readout_of_an_echo_state_network_is_learned(found):
    result, _, _ = found
    weights = {entry.way: entry.weights for entry in result.entries}
    assert weights["esn"] == 300 + 1
    assert weights["momentum"] == weights["hf"] == 6 * (1 + 6 + 1) + 6 + 1


def test_the_json_holds_it_all(found):
    result, folder, _ = found
    read = json.loads((folder / "comparison.json").read_text())
    assert read == json.loads(json.dumps(result.to_json()))
    assert set(read["ways"]) == set(SERIES_WAYS)
    assert read["best"] == result.best.way


def drawn(found):
    """The curves of the figure of a comparison: those of the page, or of its file."""
    ways = [entry.name for entry in found.entries] if isinstance(found, Comparison) else None
    errors, ways = (found.backtest, ways) if ways else read_errors(found)
    files = FigureFiles()
    draw_comparison(files, errors, ways)
    return files.files["compare-methods.csv"].decode()


def test_its_figure_is_drawn_again_from_the_file(found):
    result, folder, _ = found
    text = drawn(folder)
    assert text == drawn(result)
    head, *rows = csv.reader(text.splitlines())
    ours = head.index(result.entries[0].name)
    rmse = result.backtest.rmse[result.entries[0].name][:, 0]
    np.testing.assert_allclose([float(row[ours]) for row in rows], rmse, rtol=1e-6)


def test_a_file_that_is_no_comparison_is_refused(tmp_path):
    for text in "{}", '{"ways": {}, "backtest": {"rmse": {}, "targets": ["y"], "period": 3}}':
        (tmp_path / "comparison.json").write_text(text)
        with refuses("comparison.json"):
            read_errors(tmp_path)


# --- a way that diverges ---

EXPLODES = {
    "cell": "rnn", "activation": "identity", "method": "sgd", "rate": 1e30, "clip": None,
}  # fmt: skip


@pytest.fixture
def explodes(monkeypatch):
    """Makes ways diverge in their first epoch."""

    def of(*ways):
        for way in ways:
            monkeypatch.setitem(SERIES_WAYS, way, SERIES_WAYS[way]._replace(settings=EXPLODES))

    return of


def compared(folder, *ways, series=None, **changes):
    return compare(
        to_series(waves() if series is None else series),
        ways,
        folder,
        seconds=0.3,
        steps=STEPS,
        settings=SETTINGS | changes,
        show=lambda *_: None,
    )


def test_a_way_that_diverges_is_last_and_the_others_go_on(tmp_path, explodes):
    explodes("lstm")
    found = compared(tmp_path, "lstm", "esn")
    lost, sound = found.entries
    assert np.isinf(found.backtest.rmse["LSTM"]).all()
    assert relative_rmse(found.backtest, "LSTM") == np.inf and found.best is sound
    assert lost.stopped.startswith("diverged: a ") and lost.epochs == 0
    with refuses("must be fitted before it forecasts"):
        lost.model.predict(2)
    assert not (tmp_path / "lstm").exists() and load(tmp_path / "esn").predict(2)
    assert "Diverged, and therefore last: LSTM." in found.sentences()
    assert not any("Quickest" in sentence for sentence in found.sentences())
    read = json.loads((tmp_path / "comparison.json").read_text())
    assert read["backtest"]["rmse"]["LSTM"] == [[None], [None]]
    assert drawn(tmp_path) == drawn(found) and "LSTM" not in drawn(found)
    assert read["ways"]["lstm"]["diverged"] and not read["ways"]["esn"]["diverged"]
    write_comparison(tmp_path / "report.html", found, title="t", command="c")
    page = (tmp_path / "report.html").read_text()
    assert "diverged: a " in page and "predict" in page


def test_the_baselines_are_judged_though_all_ways_diverge(tmp_path, explodes):
    explodes("lstm", "momentum")
    found = compared(tmp_path, "lstm", "momentum")
    assert found.best is None and np.isnan(found.backtest.coverage).all()
    best, verdict, diverged = found.sentences()
    assert best.split(" forecasts")[0].lower() not in ("lstm", "initialisation and momentum")
    assert verdict == "None of the four ways beats this baseline here."
    assert diverged == "Diverged, and therefore last: LSTM, initialisation and momentum."
    read = json.loads((tmp_path / "comparison.json").read_text())
    assert read["best"] is None and read["backtest"]["rmse"]["persistence"][0][0] > 0
    write_comparison(tmp_path / "report.html", found, title="t", command="c")
    page = (tmp_path / "report.html").read_text()
    assert "None of the ways has weights that could be kept" in page


def test_the_command_ends_well_though_all_ways_diverge(tmp_path, explodes):
    explodes("lstm")
    result = run(tmp_path, "--ways", "lstm", "--out", str(tmp_path / "out"), "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["best"] is None


@pytest.mark.parametrize("epochs", [1, 3])
def test_weights_from_before_a_divergence_are_kept(epochs, tmp_path, monkeypatch):
    train, before = Forecaster.train, []

    def diverging(self, on_epoch):
        train(self, on_epoch=lambda _, history: history[-1].epoch == epochs)
        before.append(self.predict(2).mean)
        error = Diverged("the loss must stay finite", "a loss that is not", "Lower `rate`.")
        error.fitted = replace(self.fitted_, stopped="the loss diverged")
        del self.fitted_
        raise error

    monkeypatch.setattr(Forecaster, "train", diverging)
    found = compared(tmp_path, "lstm")
    (entry,) = found.entries
    many = "1 epoch" if epochs == 1 else f"{epochs} epochs"
    assert entry.stopped == f"diverged after {many}, the weights before are kept"
    assert entry.diverged is None and found.best is entry and entry.epochs == epochs
    for model in (entry.model, load(tmp_path / "lstm")):
        np.testing.assert_array_equal(model.predict(2).mean, before[0])
    assert np.isfinite(found.backtest.rmse["LSTM"]).all()


def test_a_way_is_passed_only_the_settings_that_it_takes():
    settings = SETTINGS | {"leak": 0.5, "schedule": "cosine"}
    models = [forecaster(way, settings).prepare(to_series(waves())) for way in ("lstm", "esn")]
    lstm, esn = (model.settings_ for model in models)
    assert (lstm["leak"], lstm["schedule"]) == (None, "cosine")
    assert (esn["leak"], esn["schedule"]) == (0.5, "constant")


# --- the verdict ---


def backtest(**errors):
    rmse = {name: np.array([[value]]) for name, value in errors.items()}
    nothing = np.full((1, 1), np.nan)
    truth = np.zeros((1, 1, 1))
    return Backtest(truth, {}, rmse, rmse, {}, {}, nothing, 0.9, None, ("y",))


def entry(way, error, seconds):
    return Entry(way, Forecaster(), backtest(network=error), seconds, 10)


def test_the_verdict_names_the_best_and_the_costs():
    entries = (entry("lstm", 2.0, 9.0), entry("esn", 1.0, 0.1))
    errors = {"LSTM": 2.0, "echo state network": 1.0, "persistence": 4.0}
    sentences = Comparison(entries, 1.0, backtest(**errors)).sentences()
    assert sentences[0] == (
        "Echo state network forecasts best: its RMSE, one step ahead, is 1.000; that of LSTM, "
        "the next best, is 2.000."
    )
    assert "Quickest to train: echo state network, 0.1 s; slowest: LSTM, 9 s." in sentences[1]


def test_the_verdict_says_that_the_machine_was_busy():
    for worked, told in ((8.9, False), (2.25, True), (np.inf, False)):
        one = replace(entry("lstm", 2.0, 9.0), processor_seconds=worked)
        errors = {"LSTM": 2.0, "persistence": 4.0}
        text = " ".join(Comparison((one,), 9.0, backtest(**errors)).sentences())
        assert ("a way had 25 % of a core" in text) == told


def test_the_verdict_says_who_was_still_learning_and_who_searched(found):
    result, *_ = found
    text = " ".join(result.sentences())
    assert "Still learning when the seconds were over: LSTM (after 6 epochs), Hess" in text
    assert "Left out, as it searches for all its seconds: echo state network." in text


def test_the_verdict_says_when_a_baseline_wins():
    errors = {"LSTM": 2.0, "persistence": 1.0}
    sentences = Comparison((entry("lstm", 2.0, 9.0),), 1.0, backtest(**errors)).sentences()
    assert sentences[0].startswith("Persistence forecasts best")
    assert sentences[1] == "None of the four ways beats this baseline here."


def test_with_several_targets_the_verdict_tells_the_error_that_ranks():
    """In units of their own, the sum of errors would rank the other way round."""
    rmse = {
        "LSTM": np.array([[1.0, 300.0]]),
        "echo state network": np.array([[4.0, 100.0]]),
        "persistence": np.array([[10.0, 400.0]]),
    }
    nothing, truth = np.full((1, 2), np.nan), np.zeros((1, 1, 2))
    whole = Backtest(truth, {}, rmse, rmse, {}, {}, nothing, 0.9, None, ("a", "b"))
    entries = (entry("lstm", 150.5, 9.0), entry("esn", 52.0, 0.1))
    found = Comparison(entries, 1.0, whole)
    assert found.sentences()[0] == (
        "Echo state network forecasts best: its RMSE, one step ahead and over the targets, is "
        "0.325 of persistence; that of LSTM, the next best, is 0.425 of persistence."
    )


def test_a_next_best_without_a_finite_error_is_left_out():
    errors = {"LSTM": np.inf, "persistence": 1.0}
    sentences = Comparison((entry("lstm", np.inf, 9.0),), 1.0, backtest(**errors)).sentences()
    assert sentences[0] == "Persistence forecasts best: its RMSE, one step ahead, is 1.000."


def test_with_several_targets_the_table_of_costs_has_the_error_that_ranks(tmp_path):
    two = np.stack([waves(), -1000 * waves()[::-1]], axis=1)
    found = compared(tmp_path, "esn", series=two)
    assert found.cost()[0][1].endswith(" of persistence")
    ratio = relative_rmse(found.backtest, found.entries[0].name)
    assert found.cost()[0][1].startswith(f"{ratio:#.3g}")


def test_a_forecast_that_is_not_finite_comes_last():
    errors = {"LSTM": np.nan, "persistence": 1.0}
    assert relative_rmse(backtest(**errors), "LSTM") == np.inf


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
    assert page.count("<svg") == 2 and not re.search(
        "https?:", page.replace("http://www.w3.org", "")
    )


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


@pytest.mark.parametrize(
    ("stop", "status", "said"),
    [(KeyboardInterrupt(), 130, "Interrupted"), (Terminated(143), 143, "Terminated")],
)
def test_an_interruption_tells_what_it_leaves(tmp_path, capsys, stop, status, said):
    folder = tmp_path / "runs"
    with pytest.raises(type(stop)), keeping(folder):  # nothing
        raise stop
    (folder / "lstm").mkdir(parents=True)
    (folder / "lstm" / "run.json").touch()
    with pytest.raises(SystemExit) as end, keeping(folder):
        raise stop
    assert end.value.code == status
    err = capsys.readouterr().err
    assert err.startswith(f"throughtime: {said}. ") and f"runs: `{folder / 'lstm'}`." in err


def test_an_unknown_way_has_a_remedy(tmp_path):
    with refuses("Did you mean `lstm`"):
        compare([], ["lstn"], tmp_path, seconds=1, steps=1, settings={}, show=print)
