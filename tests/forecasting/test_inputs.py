"""Inputs of every kind in a forecaster: learned, saved, read back, and never ahead of time."""

import functools
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import refuses
from made_models import untrained

import throughtime as tt
from throughtime.forecasting.rolling_origins import RollingOrigins

PAGE = Path(__file__).parents[2] / "docs" / "inputs.md"
TINY: dict[str, Any] = {
    "cell": "rnn",
    "hidden": 4,
    "window": 8,
    "epochs": 2,
    "ensemble": 1,
    "batch_size": 16,
}
COLUMNS: dict[str, Any] = {
    "target": "y",
    "inputs": ["sky", "open"],
    "past_inputs": ["p", "kind"],
    "calendar": ["weekday", "holidays:DE"],
}


def table(n=200, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "day": pd.date_range("2023-01-01", periods=n, freq="D"),
            "y": rng.normal(size=n),
            "sky": rng.choice(["rain", "snow", "sun"], n),
            "open": rng.random(n) > 0.5,
            "p": rng.normal(size=n),
            "kind": rng.choice(["i", "ii"], n),
        }
    )


@functools.cache
def model(**settings):
    return tt.Forecaster(**TINY | settings).fit(table()[:180], **COLUMNS)


def with_past(series, values):
    return replace(series, past_inputs=values)


@pytest.mark.parametrize("horizon", [1, 4])
def test_no_forecast_reads_inputs_of_the_past_after_its_origin(horizon):
    fitted = model() if horizon == 1 else model(horizon=horizon)
    (series,), origins = fitted.data_.series, np.array([150, 160])
    predictor = fitted.predictor(5)
    changed = series.past_inputs.copy()
    changed[origins[-1] :] += 100
    other = with_past(series, changed)
    parts, intervals = predictor.from_origins(series, origins, 5)
    found, around = predictor.from_origins(other, origins, 5)
    assert set(parts) == {"combination", "prior", "linear core", "network"}
    for name, values in parts.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    np.testing.assert_array_equal(around.upper, intervals.upper)
    rolling = [
        RollingOrigins.between(one, 160, 161, fitted.data_.context_of(one), 1, complete=True)
        for one in (series, other)
    ]
    baselines = predictor.network.baselines
    ridge = [baselines.forecasts(series, one, 1) for one in rolling]
    for name, values in ridge[0].items():
        np.testing.assert_array_equal(ridge[1][name], values, err_msg=name)
    changed[: origins[0]] *= -1  # what is known is read
    found, _ = predictor.from_origins(with_past(series, changed), origins, 5)
    assert (found["network"][0] != parts["network"][0]).all()


def test_nothing_after_the_training_part_reaches_the_networks_that_are_trained():
    frame = table()[:180]
    end = model().data_.splits[0].train
    frame.loc[end:, "p"] = 50.0
    other = tt.Forecaster(**TINY).fit(frame, **COLUMNS)
    np.testing.assert_array_equal(other.data_.past_scaler.mean, model().data_.past_scaler.mean)
    assert other.history_[-1].loss == model().history_[-1].loss


@pytest.mark.parametrize("plain", [True, False])
def test_a_forecaster_is_saved_with_what_its_inputs_were_made_of(tmp_path, plain):
    fitted = model(core=None, prior=None) if plain else model()
    fitted.save(tmp_path / "run")
    loaded = tt.load(tmp_path / "run")
    (one,), (other,) = fitted.data_.series, loaded.data_.series
    assert one.columns == other.columns and one.fingerprint() == other.fingerprint()
    ahead = table()[180:].drop(columns=["p", "kind", "y"])
    expected = fitted.predict(7, inputs=ahead)
    np.testing.assert_array_equal(loaded.predict(7, inputs=ahead).mean, expected.mean)
    newer = table()[100:190]  # in which not every level needs to occur
    newer["sky"] = np.where(np.arange(90) < 60, "sun", "rain")
    assert loaded.predict(2, newer, inputs=table()[190:]).mean.shape == (2, 1)


def test_a_run_with_numbers_known_ahead_is_written_as_before(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"y": rng.normal(size=60), "u": rng.normal(size=60)})
    tt.Forecaster(**TINY).fit(frame, target="y", inputs="u").save(tmp_path / "run")
    (series,) = json.loads((tmp_path / "run" / "run.json").read_text())["series"]
    assert not {"columns", "past_names"} & set(series)


def test_a_static_input_tells_the_networks_which_series_it_is():
    """The target follows its input in one series, and its negative in the other."""
    rng = np.random.default_rng(0)
    u = rng.normal(size=(2, 300))
    y = np.array([[1.0], [-1.0]]) * u + 0.5 * rng.normal(size=u.shape)
    frame = pd.DataFrame(
        {
            "id": np.repeat(["a", "b"], 300),
            "day": [*range(300)] * 2,
            "sign": np.repeat(["plus", "minus"], 300),
            "u": u.ravel(),
            "y": y.ravel(),
        }
    )
    settings = {"core": None, "prior": None, "hidden": 8, "epochs": 60, "window": 4}
    fitted = tt.Forecaster(**TINY | settings | {"rate": 0.02, "centred": False})
    fitted.fit(frame, target="y", inputs="u", static="sign", id="id", time="day")
    swapped = frame.assign(sign=np.repeat(["minus", "plus"], 300))

    def slopes(data):
        up, down = (fitted.predict(1, data, inputs=np.array([[v]])) for v in (1.0, -1.0))
        return [float((a.mean - b.mean)[0, 0]) / 2 for a, b in zip(up, down, strict=True)]

    assert slopes(frame) == pytest.approx([1, -1], abs=0.35)
    assert slopes(swapped) == pytest.approx([-1, 1], abs=0.35)


def test_a_network_without_the_core_finds_a_cause_that_was_measured():
    rng = np.random.default_rng(1)
    p = rng.normal(size=400)
    y = np.roll(p, 2) + 0.1 * rng.normal(size=400)
    settings = {"core": None, "prior": None, "hidden": 8, "epochs": 60, "window": 6}
    fitted = tt.Forecaster(**TINY | settings | {"rate": 0.02, "centred": False})
    fitted.fit(pd.DataFrame({"y": y, "p": p})[2:], target="y", past_inputs="p")
    errors = fitted.backtest(steps=3).rmse["network"][:, 0]
    assert (errors[:2] < 0.5).all() and errors[2] > 0.8


def test_mistakes():
    frame = table()[:180]
    with refuses("a column must have one role; got `p` as `inputs` and `past_inputs`."):
        tt.to_series(frame, target="y", inputs="p", past_inputs="p")
    rare = frame.assign(sky=np.where(np.arange(180) > 170, "storm", frame["sky"]))
    with refuses(
        "the training part must show every level of an input, and more than one; got "
        "`sky=storm` in no row of it. Merge the level with another, or hold out less (`test`, "
        "`validation`)."
    ):
        tt.Forecaster(**TINY).fit(rare, target="y", inputs="sky")
    with refuses("a static input must have one value in each series; got 3 values of `sky`"):
        tt.Forecaster(**TINY).fit(frame, target="y", static="sky")
    with refuses("a static input must differ between series; got one value of `one` in all."):
        tt.Forecaster(**TINY).fit(frame.assign(one="x"), target="y", static="one")
    with refuses("got no column `sky`"):
        model().predict(2, inputs=pd.DataFrame({"day": ["2023-06-30"], "open": [True]}))
    with refuses("a missing value in column `p`, row 3"):
        holes = frame.assign(p=frame["p"].where(frame.index != 2))
        tt.Forecaster(**TINY).fit(holes, target="y", past_inputs="p")
    with refuses("`past_inputs` must name a column of the table"):
        tt.to_series(frame, target="y", past_inputs="q")


def test_a_panel_is_scored_by_name_with_its_categories_and_calendar():
    n, rng = 60, np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=n)
    parts = [
        pd.DataFrame({"shop": shop, "day": days, "y": level + rng.normal(size=n)})
        for shop, level in (("a", 10), ("b", 1000))
    ]
    both = pd.concat(parts).assign(
        sky=lambda one: np.where(one["day"].dt.day % 3, "dry", "wet")
    )
    roles = {"id": "shop", "target": "y", "time": "day", "inputs": "sky", "calendar": "weekday"}
    model = untrained(tt.to_series(both[both["day"] < days[50]], **roles))
    later = both[both["day"] >= days[50]]
    found = {}
    for shop, forecast in zip("ab", model.predict(10, inputs=later), strict=True):
        truth = later.loc[later["shop"] == shop, ["y"]].to_numpy()
        found[shop] = (
            1 - ((truth - forecast.mean) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
        )
        assert model.score(later[later["shop"] == shop]) == pytest.approx(found[shop])
    assert model.score(later[::-1]) == pytest.approx(np.mean([*found.values()]))
    with refuses("a series must have the name of a fitted one; got `c`. Known: a, b."):
        model.score(later.assign(shop="c").iloc[:10])


@pytest.mark.parametrize("fill", ["linear", "forward", "seasonal"])
def test_a_gap_of_the_past_is_filled_by_what_was_known_then(fill):
    p, u = np.arange(40.0), np.arange(40.0)
    p[[6, 15, 16, 38, 39]] = u[[6, 15, 16]] = np.nan
    days = pd.date_range("2024-01-01", periods=40)
    frame = pd.DataFrame({"day": days, "y": np.sin(np.arange(40)), "p": p, "u": u})
    (series,) = tt.to_series(frame, target="y", inputs="u", past_inputs="p", fill=fill)
    expected = pd.Series(p).ffill()
    np.testing.assert_array_equal(series.past_inputs[:, 0], expected)
    if fill == "linear":  # what is known ahead is interpolated
        np.testing.assert_allclose(series.inputs[:, 0], np.arange(40))


def test_a_month_that_was_not_trained_on_moves_no_network():
    frame = table(120)[["day", "y"]]
    fitted = tt.Forecaster(**TINY | {"core": None, "prior": None})
    fitted.fit(frame, target="y", calendar="month")
    (series,) = fitted.data_.series
    december = series.inputs.copy()
    december[100:] = np.eye(12)[11]  # the training part ends in March
    nothing = series.inputs.copy()
    nothing[100:] = 0
    scaled = [fitted.data_.input_scaler.transform(u)[100:, 11] for u in (december, nothing)]
    np.testing.assert_allclose(scaled[0], scaled[1], atol=1e-20)


def test_the_page_of_inputs_runs(capsys):
    names = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(code.replace("epochs=20", "epochs=1"), names)
    assert names["model"].data_.series[0].columns.static == ("river",)
