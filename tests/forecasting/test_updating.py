"""New rows of a series: drift that is told, and updates."""

from copy import deepcopy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from conftest import refuses
from made_models import untrained, waves

from throughtime.data.loading import to_series
from throughtime.errors import InputError
from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.updating import Growth
from throughtime.runs import forecast_record

TINY = {"cell": "rnn", "hidden": 4, "window": 12, "epochs": 3, "ensemble": 1}


def process(n, seed=0):
    t, noise = np.arange(n), np.random.default_rng(seed).normal(size=n)
    return 50 + 5 * np.sin(2 * np.pi * t / 12) + noise


@cache
def fitted_once():
    return Forecaster(**TINY).fit(process(150))


def fitted():
    """A forecaster of 150 rows, which may be updated."""
    return deepcopy(fitted_once())


def test_new_rows_that_the_intervals_did_not_promise_are_told():
    model = fitted()
    same = process(180)
    changed = same.copy()
    changed[150:] += 8 * np.random.default_rng(1).normal(size=30)
    assert model.predict(5).drift is None
    assert model.predict(5, process(150)).drift is None
    calm, wild = (model.predict(5, y).drift for y in (same, changed))
    assert not calm.found and calm.rows == 30
    assert wild.found and wild.outside > calm.outside
    assert f"{wild.outside} of 30 new values lie outside the 90 %" in wild.sentence("y")


def test_new_rows_alone_are_judged_as_they_are_after_those_of_before():
    model = Forecaster(**TINY).fit(waves(150))
    values = waves(180).targets.copy()
    values[150:, 0] += np.random.default_rng(1).normal(size=30)
    whole = replace(waves(180), targets=values)
    drift = model.predict(5, whole[150:]).drift
    assert drift.found and drift == model.predict(5, whole).drift
    assert drift.rows == 30 and model.predict(5, whole[140:]).drift.rows == 30
    read = model.data_.context_of(whole)
    assert model.predict(5, whole[155:]).drift.rows == 25 - read


def weights(model):
    return np.asarray(model.network_.readout.layers[-1].V)


def test_the_networks_go_on_from_their_weights_and_their_scale():
    model = fitted()
    before, scaler = weights(model), model.data_.scalers[0]
    drifting = model.predict(5, process(180)).drift
    assert model.update(process(180), epochs=2) is model
    assert drifting.rows == 30 and model.data_.scalers[0] is scaler
    assert model.epochs == 3 and [row.epoch for row in model.history_] == [1, 2]
    fresh = Forecaster(**TINY, patience=None).fit(process(180))
    moved = np.abs(weights(model) - before).max()
    assert 0 < moved < 0.2 * np.abs(weights(fresh) - before).max() + 0.1
    found = model.predict(5)
    assert model.data_.series[0].times.after(5).labels() == found.times.labels()
    truth = process(185)[180:]
    assert np.abs(found.mean[:, 0] - truth).mean() < 2
    assert model.backtest(steps=3).origins == 34


def test_an_updated_forecaster_is_saved_and_loaded(tmp_path):
    model = fitted().update(process(160), epochs=1)
    model.save(tmp_path / "run")
    again = Forecaster.load(tmp_path / "run")
    np.testing.assert_allclose(again.predict(4).mean, model.predict(4).mean, rtol=1e-6)


def test_an_updated_run_drops_the_command_and_the_inputs_ahead_of_its_origin(tmp_path):
    model = untrained(waves(150))
    options = {"steps": 2, "inputs": []}
    forecast_record.write(tmp_path, model.record(options=options, command="throughtime"))
    again = Forecaster.load(tmp_path)
    assert again.record().options == options
    found = again.update(waves(160), epochs=1).record()
    assert (found.options, found.command) == ({}, "")


def panel(**lengths):
    """Series of a table by their names, each with a process of its own."""
    import polars as pl

    parts = [
        pl.DataFrame({"id": [name] * n, "t": range(n), "y": 10.0**i * process(n, i)})
        for i, (name, n) in enumerate(lengths.items())
    ]
    return pl.concat(parts)


def test_a_panel_may_grow_by_a_series_and_one_that_is_left_out_stays():
    model = Forecaster(**TINY).fit(panel(a=150, b=150, c=150), id="id", target="y", time="t")
    before = model.data_
    new = panel(a=160, b=0, c=153, d=90)
    model.update(new, epochs=1)
    names = [one.name for one in model.data_.series]
    assert names == ["a", "c", "d", "b"] and model.data_.series[3] is before.series[1]
    assert model.data_.scalers[:2] + model.data_.scalers[3:] == [
        before.scalers[i] for i in (0, 2, 1)
    ]
    growth = Growth.between(before, model.data_)
    assert growth == Growth(10 + 3 + 90, ("b",))
    assert growth.sentence("runs/x") == "Updated with 103 new rows (none of `b`): runs/x"
    assert len(model.predict(3)) == 4


def test_an_update_has_the_settings_of_the_fit():
    """What was set since the fit, and not fitted with, is not what the run says."""
    model, same = (untrained(waves(150)) for _ in range(2))
    model.set_params(test=0.5, validation=0.5, window=20, rate=0.5)
    model.update(waves(170), epochs=1)
    same.update(waves(170), epochs=1)
    assert model.data_.splits == same.data_.splits and model.data_.window == same.data_.window
    np.testing.assert_array_equal(weights(model), weights(same))


def test_rows_that_were_learned_from_are_not_tested_on():
    model = fitted()
    with pytest.raises(InputError, match="Pass the whole series with its new rows"):
        model.update(process(150)[:110])
    with pytest.raises(InputError, match="Call `fit` first"):
        Forecaster(**TINY).update(process(150))


def test_inputs_of_the_past_keep_their_scale_too(tmp_path):
    import polars as pl

    u = np.random.default_rng(1).normal(size=170)
    table = pl.DataFrame({"y": process(170), "u": np.r_[u[:150], 50 + 9 * u[150:]]})
    model = Forecaster(**TINY).fit(table[:150], target="y", past_inputs="u")
    scaler = model.data_.past_scaler
    model.update(table, epochs=1)
    np.testing.assert_array_equal(model.data_.past_scaler.mean, scaler.mean)
    model.save(tmp_path / "run")
    again = Forecaster.load(tmp_path / "run")
    np.testing.assert_array_equal(again.data_.past_scaler.std, scaler.std)
    np.testing.assert_allclose(again.predict(4).mean, model.predict(4).mean, rtol=1e-6)


@pytest.mark.parametrize(("length", "level"), [(40, 0), (40, 900), (200, 0)])
def test_rows_without_stamps_that_do_not_begin_with_those_of_before_are_no_update(
    length, level
):
    model = untrained(process(160))
    before = model.data_
    with refuses(f"got `series`, {length} rows that do not begin with those. Pass the whole"):
        model.update(process(160 + length)[160:] + level)
    assert model.data_ is before


def test_new_rows_alone_of_a_series_of_a_panel_are_no_update():
    """Though another series of the panel goes further than they begin."""
    import polars as pl

    reading = {"id": "id", "target": "y", "time": "t"}
    model = untrained(to_series(panel(a=160, b=260), **reading))
    grown = panel(a=200, b=270)
    ahead = grown.filter((pl.col("id") == "a") & (pl.col("t") >= 160))
    for new in (ahead, pl.concat([ahead, grown.filter(pl.col("id") == "b")])):
        with refuses("got `a`, which begins at 160. Pass the whole series"):
            model.update(new, epochs=1)
    with refuses("got `a`, which begins at 0 and ends at 158. Pass"):
        model.update(panel(a=159), epochs=1)
    model.update(grown.filter(pl.col("id") == "a"), epochs=1)
    assert [len(one) for one in model.data_.series] == [200, 260]


def test_rows_that_are_left_out_at_the_start_stay():
    table = waves(200)
    whole, late = untrained(table[:150]), untrained(table[:150])
    whole.update(table, epochs=1)
    late.update(table[20:], epochs=1)
    (one,), (other,) = whole.data_.series, late.data_.series
    np.testing.assert_array_equal(one.targets, other.targets)
    assert one.times == other.times and whole.data_.splits == late.data_.splits


def test_a_still_series_may_grow_and_be_revised():
    model = untrained(np.r_[process(100), np.full(60, 50.0)])
    still = np.r_[process(100), np.full(70, 50.0)]
    still[:40] += 0.1
    assert len(model.update(still, epochs=1).data_.series[0]) == 170


def test_new_rows_alone_are_no_update():
    table = waves(200)
    model = untrained(table[:150])
    before = model.data_
    with refuses("got `waves`, which begins at 2013-07-01. Pass the whole series"):
        model.update(table[150:])
    assert model.data_ is before
