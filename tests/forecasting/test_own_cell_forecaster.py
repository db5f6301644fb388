"""Forecasts by cells of one's own: fitted, saved, and read back with the cell alone."""

import json

import jax
import numpy as np
import pytest
from conftest import refuses
from own_cells import LEM, CoRNN

from throughtime.commands.diagnose import diagnose as diagnose_command
from throughtime.dynamics.save import save
from throughtime.forecasting.forecaster import Forecaster, load
from throughtime.recurrence.cells import GRU
from throughtime.reports.forecast_report import settings_table

pytestmark = pytest.mark.usefixtures("quick_compile")
WAVE = np.sin(np.arange(120) / 4) + 0.05 * np.random.default_rng(0).normal(size=120)
QUICK = {"core": None, "prior": None, "window": 10, "epochs": 12, "ensemble": 2, "hidden": 4}


def fit(cell, **settings):
    return Forecaster(cell=cell, **QUICK | settings).fit(WAVE)


@pytest.fixture(scope="module")
def fitted(quick_compile):
    return fit(LEM, dtype="float64")


def test_it_learns_and_comes_back_to_the_bit(fitted, tmp_path):
    first, *_, last = [row.loss for row in fitted.history_ if row.member == 0]
    assert last < 0.7 * first
    assert {w.dtype for w in jax.tree.leaves(fitted.network_)} == {np.dtype("float64")}
    forecast = fitted.predict(6).mean
    save(fitted, tmp_path / "run")
    again = load(tmp_path / "run", cell=LEM)
    np.testing.assert_array_equal(again.predict(6).mean, forecast)
    again.save(tmp_path / "again")
    twice = Forecaster.load(tmp_path / "again", cell=lambda i, h, key: LEM(i, h, key=key))
    np.testing.assert_array_equal(twice.predict(6).mean, forecast)
    assert "network" in again.backtest(steps=3).rmse


def test_a_run_holds_no_code_and_asks_for_the_cell(fitted, tmp_path, monkeypatch):
    run = tmp_path / "run"
    fitted.save(run)
    plain = json.loads((run / "run.json").read_text())
    assert plain["settings"]["cell"] == {"own": "LEM"}
    assert plain["architecture"]["cell"]["values"] == {
        "dt": 1.0,
        "input_size": 1,
        "hidden_size": 4,
    }
    with refuses(
        "got no cell for `LEM`. Pass it in Python: `throughtime.load(folder, cell=LEM)"
    ):
        load(run)
    with refuses("got no cell for `LEM`"):
        diagnose_command(str(run))
    with refuses("the cell must be the one that was trained; got a `CoRNN`. Pass `LEM`."):
        load(run, cell=CoRNN)
    with refuses("got `make_cell` with `dt` 0.5. Pass it with `dt` 1.0, as it was trained."):
        load(run, cell=lambda i, h, key: LEM(i, h, dt=0.5, key=key))
    fit(GRU, epochs=1).save(tmp_path / "class")  # a built-in cell, given as a class
    assert load(tmp_path / "class", cell=GRU).predict(2)
    fit("gru", epochs=1).save(tmp_path / "name")
    with refuses("got one with the cell `gru`. Leave out `cell`."):
        load(tmp_path / "name", cell=LEM)


def test_an_instance_has_its_own_size(tmp_path):
    cell = CoRNN(1, 6, dt=0.5, key=jax.random.key(0))
    model = fit(cell, epochs=2)
    assert model.network_.cells[0].hidden_size == 6
    assert settings_table(model)["cell"] == "CoRNN"
    model.save(tmp_path / "run")
    again = load(tmp_path / "run", cell=cell)
    np.testing.assert_array_equal(again.predict(3).mean, model.predict(3).mean)
    again = load(tmp_path / "run", cell=CoRNN(1, 6, dt=0.5, key=jax.random.key(7)))
    np.testing.assert_array_equal(again.predict(3).mean, model.predict(3).mean)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            CoRNN(2, 4, key=jax.random.key(0)),
            "`CoRNN` must read the values and the inputs, 1 in",
        ),
        (len, "is made by `cell(input_size, hidden_size, key=key)`; got `len`"),
        ("corn", "`cell` must be a known one; got corn. Known: esn, gru, lstm, rnn."),
        (3, "a cell of your own must be a `Cell`, or a function that makes one"),
        (None, "a cell of your own must be a `Cell`, or a function that makes one"),
    ],
)
@pytest.mark.usefixtures("as_installed")
def test_what_is_no_cell_is_refused(cell, message):
    with refuses(message):
        Forecaster(**QUICK | {"cell": cell}).fit(WAVE)


def test_settings_of_a_reservoir_are_refused():
    with refuses("the cell `LEM` takes no `leak`, a setting of the cell `esn`; got 0.5"):
        fit(LEM, leak=0.5)
