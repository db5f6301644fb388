"""The gradient flow while a network learns: when it is recorded, and that it is the flow."""

import json
import os
import signal

import equinox as eqx
import jax
import numpy as np
import pytest
from conftest import refuses

from throughtime._support.precision import precision
from throughtime.commands import forecast_run
from throughtime.commands.signals import Interrupted
from throughtime.data.series import Series
from throughtime.dynamics.flow_record import NAME, FlowRecord, read
from throughtime.dynamics.gradient_flow import gradient_flow
from throughtime.forecasting.forecaster import Forecaster
from throughtime.recurrence.architecture import Architecture
from throughtime.stamps.time_axis import Times
from throughtime.training.batches import Sequences
from throughtime.training.train import train

SHAPE = Architecture(1, 1, cell="rnn", hidden=3)


def data(examples=12, time=6):
    rng = np.random.default_rng(0)
    xs, ys = rng.normal(size=(2, examples, time, 1)).astype(np.float32)
    return Sequences(*jax.device_put((xs, ys)))


def first(network):
    """The first member of an ensemble."""
    params, static = eqx.partition(network, eqx.is_inexact_array)
    return eqx.combine(jax.tree.map(lambda leaf: leaf[0], params), static)


def after(epochs, network, ensemble, **options):
    """The network after so many epochs of the same training."""
    if not epochs:
        return network
    options = {"batch_size": 4, "key": 1, "ensemble": ensemble, "keep": "last", **options}
    return train(network, data(), epochs=epochs, **options).network


@pytest.mark.parametrize("ensemble", [None, 2])
@pytest.mark.parametrize("every, recorded", [(1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (9, [0])])
def test_each_record_is_the_flow_of_the_weights_of_that_epoch(ensemble, every, recorded):
    network = SHAPE.build(0) if ensemble is None else SHAPE.ensemble(ensemble, 0)
    record = FlowRecord(network, data(), every=every)
    after(4, network, ensemble, on_epoch=record)
    assert record.epochs == recorded
    for epoch, signal_ in zip(record.epochs, record.signals, strict=True):
        then = after(epoch, network, ensemble)
        flow = gradient_flow(then if ensemble is None else first(then), data())
        np.testing.assert_allclose(signal_, flow.signal, rtol=1e-6)
    assert len({signal_[-1] for signal_ in record.signals}) == len(recorded)  # it moves


def test_the_function_that_it_calls_may_end_the_training():
    calls = []

    def then(state, history):
        calls.append(history[-1].epoch)
        return len(calls) == 2

    record = FlowRecord(SHAPE.build(0), data(), every=1, then=then)
    after(4, SHAPE.build(0), None, on_epoch=record)
    assert calls == [1, 2] and record.epochs == [0, 1, 2]


def test_a_record_in_a_folder_goes_on(tmp_path):
    """What was recorded after the epoch that is resumed is replaced."""
    network = SHAPE.build(0)
    states = {}

    def keep(state, history):
        states[history[-1].epoch] = jax.tree.map(np.asarray, state), list(history)

    whole = FlowRecord(network, data(), every=1, then=keep, folder=tmp_path)
    after(4, network, None, on_epoch=whole)
    epochs, signals = read(tmp_path)
    assert epochs == whole.epochs == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(signals, whole.signals)

    again = FlowRecord(network, data(), every=1, folder=tmp_path)
    assert again.epochs == whole.epochs  # nothing is computed anew
    spoilt = json.loads((tmp_path / NAME).read_text())
    spoilt["signals"][3:] = spoilt["signals"][:2]  # of another training, after epoch 2
    (tmp_path / NAME).write_text(json.dumps(spoilt))
    resumed = FlowRecord(network, data(), every=1, folder=tmp_path)
    after(4, network, None, start=states[2], on_epoch=resumed)
    epochs, again = read(tmp_path)
    assert epochs == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(again, signals, rtol=1e-6)


def test_what_is_not_finite_is_null_in_the_file(tmp_path):
    network = SHAPE.build(0)
    record = FlowRecord(network, data(), folder=tmp_path)
    record.signals[0][-1] = np.inf
    record._record(5, network)
    text = (tmp_path / NAME).read_text()
    assert "null" in text and "NaN" not in text and "Infinity" not in text
    assert np.isnan(read(tmp_path)[1][0, -1])


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "3", "{}", '{"epochs": [0]}', '{"epochs": [0], "signals": []}',
     '{"epochs": [], "signals": []}', '{"epochs": [0, 1], "signals": [[1.0, 0.5]]}',
     '{"epochs": [0, 1], "signals": [[1.0, 0.5], [1.0]]}',
     '{"epochs": ["a"], "signals": [[1.0]]}', '{"epochs": [0], "signals": [["a"]]}',
     '{"epochs": [1e999], "signals": [[1.0, 0.5]]}', '{"epochs": [0], "signals": [[]]}',
     '{"epochs": [5, 0], "signals": [[1.0, 0.5], [1.0, 0.5]]}',
     '{"epochs": [0, 0], "signals": [[1.0, 0.5], [1.0, 0.5]]}', "[" * 100_000],
)  # fmt: skip
def test_a_damaged_record_is_refused(tmp_path, content):
    (tmp_path / NAME).write_text(content)
    with refuses(f"`{tmp_path / NAME}`, but it holds no gradient flow"):
        read(tmp_path)
    with refuses("it holds no gradient flow"):
        FlowRecord(SHAPE.build(0), data(), folder=tmp_path)
    assert (tmp_path / NAME).read_text() == content


def test_a_missing_record_is_refused():
    from pathlib import Path

    with refuses("but the file is missing"):
        read(Path("/nowhere"))


# --- of a run ---

SETTINGS = {"hidden": 3, "ensemble": 2, "window": 8, "epochs": 4, "patience": None}
SETTINGS |= {"core": None, "prior": None}  # the network alone


def begin(folder, every, **settings):
    wave = np.sin(np.arange(60) / 5)[:, None]
    series = Series(wave, ("y",), np.empty((60, 0)), (), Times(0, 1, 60, "t"), "wave")
    model = Forecaster(**{**SETTINGS, **settings})
    forecast_run.begin(
        model, [series], folder, steps=3, flow_every=every, overwrite=folder.exists()
    )
    return model


def complete(folder, show=lambda _: None):
    return forecast_run.complete(folder, show, report=False)


def test_a_run_keeps_its_record_and_resumes_it(tmp_path):
    model = begin(tmp_path / "whole", 2)
    complete(tmp_path / "whole")
    epochs, signals = read(tmp_path / "whole")
    assert epochs == [0, 2, 4]
    with precision("float32"):
        untrained, windows = first(model.untrained()), model.training_data()
    np.testing.assert_allclose(signals[0], gradient_flow(untrained, windows).signal, rtol=1e-6)

    def interrupt(history):
        if history[-1].epoch == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    begin(tmp_path / "run", 2)
    with pytest.raises(Interrupted):
        complete(tmp_path / "run", interrupt)
    assert read(tmp_path / "run")[0] == [0, 2]
    complete(tmp_path / "run")
    files = [(tmp_path / name / NAME).read_bytes() for name in ("whole", "run")]
    assert files[0] == files[1]

    begin(tmp_path / "run", None)  # another run in its place has no record of this one
    assert not (tmp_path / "run" / NAME).exists()


def test_what_has_no_flow_to_record_is_refused(tmp_path):
    folder = tmp_path / "run"
    with refuses("`flow_every` must be a whole number of at least 1; got 0"):
        begin(folder, 0)
    with refuses("is trained by its gradient; got an `esn`. Leave out `--flow-every`."):
        begin(folder, 2, cell="esn")
    assert not folder.exists()
