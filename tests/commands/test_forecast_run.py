"""The work behind the commands: what is checked, stored, and left by an interruption."""

import csv
import io
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from conftest import refuses
from safetensors.numpy import load_file
from tampering import rewrite

from throughtime.commands import forecast_run
from throughtime.commands.forecast_csv import predictions_csv
from throughtime.commands.signals import DeferredSignals, Interrupted
from throughtime.data.series import Series
from throughtime.forecasting.forecast import Forecast
from throughtime.forecasting.forecaster import Forecaster
from throughtime.runs import forecast_record
from throughtime.stamps.time_axis import Times
from throughtime.stamps.time_units import DAY
from throughtime.training.checkpoint import CHECKPOINT, LAST_GOOD
from throughtime.training.result import Diverged

EPOCHS = 4
SETTINGS = {"hidden": 4, "ensemble": 1, "window": 8, "epochs": EPOCHS, "patience": None}
SETTINGS |= {"core": None, "prior": None}  # the network alone


def series(rows=60, inputs=0, name="wave"):
    """A wave, and noise as inputs."""
    rng = np.random.default_rng(0)
    wave = np.sin(np.arange(rows) / 5)[:, None]
    names = tuple(f"u{i}" for i in range(inputs))
    return Series(
        wave, ("y",), rng.normal(size=(rows, inputs)), names, Times(0, 1, rows, "t"), name
    )


def begin(folder, settings=(), **options):
    model = Forecaster(**{**SETTINGS, **dict(settings)})
    forecast_run.begin(model, [series()], folder, **{"steps": 3, "command": "again", **options})
    return folder


def complete(folder, show=lambda _: None):
    return forecast_run.complete(folder, show, report=False)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return complete(begin(tmp_path_factory.mktemp("undisturbed") / "run"))


def results(folder):
    """The bytes that must not depend on an interruption."""
    return [(folder / name).read_bytes() for name in ("weights.safetensors", "forecast.csv")]


def signals_at(epoch, number):
    """What `show` may be: the signal, once that epoch is done."""

    def show(history):
        if history[-1].epoch == epoch:
            os.kill(os.getpid(), number)

    return show


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("epoch", range(1, EPOCHS + 1))
def test_a_run_resumes_to_the_same_bits(tmp_path, undisturbed, epoch, number):
    folder = begin(tmp_path / "run")
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Interrupted) as stop:
        complete(folder, signals_at(epoch, number))
    assert (stop.value.signal, stop.value.folder, stop.value.epoch) == (number, folder, epoch)
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert (folder / "checkpoint" / "state.safetensors").exists()
    assert not (folder / "weights.safetensors").exists()
    outcome = complete(folder)
    assert results(folder) == results(undisturbed.folder)
    assert [row.epoch for row in outcome.model.history_] == list(range(1, EPOCHS + 1))
    assert outcome.model.fitted_.stopped == undisturbed.model.fitted_.stopped


def test_a_run_that_is_interrupted_every_epoch(tmp_path, undisturbed):
    folder = begin(tmp_path / "run")
    for epoch in range(1, EPOCHS + 1):
        with pytest.raises(Interrupted):
            complete(folder, signals_at(epoch, signal.SIGTERM))
    complete(folder)
    assert results(folder) == results(undisturbed.folder)


def test_double_precision_resumes_to_the_same_bits(tmp_path):
    settings = {"dtype": "float64", "ensemble": 2}
    whole = complete(begin(tmp_path / "whole", settings))
    folder = begin(tmp_path / "run", settings)
    with pytest.raises(Interrupted):
        complete(folder, signals_at(2, signal.SIGTERM))
    complete(folder)
    assert results(folder) == results(whole.folder)
    weights = load_file(folder / "weights.safetensors")
    assert {str(values.dtype) for values in weights.values()} == {"float64"}


def test_the_last_good_weights_of_a_training_that_diverges_are_kept(tmp_path):
    wild = {"rate": 1e30, "clip": 1e30, "method": "sgd"}
    folder = begin(tmp_path / "run", wild)
    with refuses(f"are kept. They are in `{folder / LAST_GOOD}`.") as caught:
        complete(folder)
    assert isinstance(caught.value, Diverged) and caught.value.fitted is not None
    weights = load_file(folder / LAST_GOOD)
    assert weights and all(np.isfinite(values).all() for values in weights.values())
    begin(folder, overwrite=True)
    assert not (folder / LAST_GOOD).exists()


@pytest.mark.parametrize(
    "options",
    [{}, {"steps": None}, {"steps": 0}, {"steps": "3"}, {"steps": 2.5}, {"steps": 10**30},
     {"steps": 13}, {"steps": 3, "inputs": 1}, {"steps": 3, "inputs": [[["a"]]]},
     {"steps": 3, "inputs": [[[1.0], [], [2.0]]]}, {"steps": 3, "inputs": [[[1.0]]]},
     {"steps": 3, "more": 1}, {"steps": 3, "inputs": []}],
)  # fmt: skip
def test_forged_options_are_refused_before_training(tmp_path, options):
    folder = tmp_path / "run"
    model = Forecaster(**SETTINGS)
    forecast_run.begin(model, [series(inputs=1)], folder, steps=3, future=np.zeros((3, 1)))
    rewrite(folder, lambda plain: plain.update(options=options))
    with refuses("must"):
        complete(folder)
    assert not (folder / "history.jsonl").exists()


def test_a_checkpoint_that_is_too_small_is_refused_before_memory_is_asked_for(tmp_path):
    folder = begin(tmp_path / "run")
    (folder / CHECKPOINT).parent.mkdir()
    (folder / CHECKPOINT).write_bytes(bytes(1000))

    def enlarge(plain):
        plain["settings"]["ensemble"] = 10**9

    rewrite(folder, enlarge)
    with refuses("it holds too few weights"):
        complete(folder)
    (folder / CHECKPOINT).unlink()
    with refuses("the networks must have fewer than 2,000,000,000 weights; got `hidden` 4"):
        complete(folder)


def test_a_second_signal_interrupts_at_once():
    with pytest.raises(KeyboardInterrupt), DeferredSignals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGINT
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interruption_between_epochs_leaves_a_run_that_resumes(tmp_path, undisturbed):
    """Also one that is not waited for, as by a second Ctrl-C."""
    folder = begin(tmp_path / "run")

    def show(history):
        if history[-1].epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        complete(folder, show)
    complete(folder)
    assert results(folder) == results(undisturbed.folder)


def test_a_finished_run_is_not_trained_again(undisturbed):
    before = results(undisturbed.folder)

    def show(history):
        raise AssertionError("it trains")

    outcome = complete(undisturbed.folder, show)
    assert results(undisturbed.folder) == before
    np.testing.assert_array_equal(outcome.forecasts[0].mean, undisturbed.forecasts[0].mean)


def test_what_is_stored(undisturbed):
    record = forecast_record.read(undisturbed.folder)
    assert record.options == {"steps": 3, "inputs": []}
    assert record.command == "again"
    assert record.settings["hidden"] == 4 and len(record.history) == EPOCHS
    assert undisturbed.backtest.steps == 3
    forecast = undisturbed.forecasts[0]
    rows = list(csv.DictReader(io.StringIO((undisturbed.folder / "forecast.csv").read_text())))
    assert [float(row["t"]) for row in rows] == [60, 61, 62]
    for name, empty in (("mean", "nan"), ("lower", "-inf"), ("upper", "inf")):
        column = "y" if name == "mean" else f"y_{name}_90"
        found = [float(row[column] or empty) for row in rows]
        np.testing.assert_allclose(found, getattr(forecast, name)[:, 0], rtol=1e-7)


def test_inputs_that_nothing_asks_for_are_refused(tmp_path):
    model = Forecaster(**SETTINGS)
    with refuses("which was fitted without"):
        forecast_run.begin(
            model, [series()], tmp_path / "run", steps=3, future=np.zeros((3, 1))
        )
    assert not (tmp_path / "run").exists()


def test_inputs_are_stored_for_each_series(tmp_path):
    """Each series has its own: those of the steps after its own end."""
    both = [series(60, 1, "a"), series(50, 1, "b")]
    future = {"t": np.arange(70), "u0": np.arange(70) / 10}
    model = Forecaster(**SETTINGS)
    frame = pytest.importorskip("polars").DataFrame(future)
    forecast_run.begin(model, both, tmp_path / "run", steps=3, future=frame)
    inputs = forecast_record.read(tmp_path / "run").options["inputs"]
    assert inputs == [[[6.0], [6.1], [6.2]], [[5.0], [5.1], [5.2]]]
    outcome = complete(tmp_path / "run")
    for one, ahead, forecast in zip(both, inputs, outcome.forecasts, strict=True):
        alone = outcome.model.predictor(3).forecast([one], 3, np.array(ahead))[0]
        np.testing.assert_array_equal(forecast.mean, alone.mean)
        assert forecast.name == one.name


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        ({"hidden": 0}, {}, "`hidden` must be above 0; got 0. Raise `hidden`."),
        ({"schedule": "plateau", "validation": 0.0}, {}, "Raise `validation` (`--validation`)"),
        ({"hidden": 10**6}, {}, "the networks must have fewer than 2,000,000,000 weights"),
        ({"window": 60}, {}, "`window` must be shorter than the training series"),
        ({}, {"steps": 0}, "`steps` must be a whole number of at least 1; got 0."),
        ({}, {"steps": 1001}, "`steps` must not be over 10 times the length of the series"),
    ],
)
def test_nothing_is_written_for_a_mistake(tmp_path, settings, options, message):
    folder = tmp_path / "run"
    with refuses(message):
        model = Forecaster(**{**SETTINGS, **settings})
        forecast_run.begin(model, [series()], folder, **{"steps": 3, **options})
    assert not folder.exists()


def test_a_folder_in_use_is_left_alone(tmp_path):
    folder = begin(tmp_path / "run")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with refuses("the output folder must be new or empty"):
        begin(folder, steps=2)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    begin(folder, steps=2, overwrite=True)
    assert forecast_record.read(folder).options["steps"] == 2


def forecast(name="a", upper=3.0, column: str | None = "t"):
    values = np.array([[1.0, 1e-9], [2.0, 123456.789]])
    bound = np.full((2, 2), upper)
    return Forecast(values, -bound, bound, Times(5, 1, 2, column), ("y", "z"), 0.9, name)


def test_a_run_keeps_its_inputs_of_each_kind(tmp_path):
    days = Times(np.datetime64("2024-01-01", "us"), DAY, 60, "day", "microsecond")
    past = np.random.default_rng(1).normal(size=(60, 1))
    one = replace(series(inputs=1), times=days, past_inputs=past, past_names=("p",))
    one, ahead = one.with_calendar(("weekday",)), np.ones((3, 1))
    forecast_run.begin(Forecaster(**SETTINGS), [one], tmp_path / "run", steps=3, future=ahead)
    complete(tmp_path / "run")
    expected = Forecaster.load(tmp_path / "run").predict(3, inputs=ahead)
    assert (tmp_path / "run" / "forecast.csv").read_text() == predictions_csv([expected])


def test_predictions_as_csv():
    assert predictions_csv([forecast()]) == (
        "t,y,y_lower_90,y_upper_90,z,z_lower_90,z_upper_90\n5,1,-3,3,1e-09,-3,3\n6,2,-3,3,123456.79,-3,3\n"
    )


def test_predictions_of_several_series_and_without_bounds():
    """A name with a comma is quoted; a bound that is not known is left empty."""
    several = [forecast("a,b", np.inf, None), forecast("c", 3.0, None)]
    assert predictions_csv(several).splitlines() == [
        "series,step,y,y_lower_90,y_upper_90,z,z_lower_90,z_upper_90",
        '"a,b",5,1,,,1e-09,,',
        '"a,b",6,2,,,123456.789,,',
        "c,5,1,-3,3,1e-09,-3,3",
        "c,6,2,-3,3,123456.79,-3,3",
    ]
    values = np.zeros((3, 2))
    past = Series(values, ("y", "z"), values[:, :0], (), Times.count(3), name="a", id="shop")
    several = [replace(one, past=past) for one in several]
    assert predictions_csv(several).startswith("shop,step,y,")
