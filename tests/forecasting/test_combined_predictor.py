"""The combination from end to end: weights, parts, intervals, panels, inputs, words."""

import functools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joblib import parallel_config

from throughtime.errors import InputError
from throughtime.forecasting.composition import composition, percentages
from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.network_component import NetworkComponent, NetworkForecasts
from throughtime.forecasting.verdict import notes
from throughtime.models import model_kinds
from throughtime.models.drive import Drive
from throughtime.models.series_model import first_judged
from throughtime.models.smoothing import Smoothing
from throughtime.runs.run_folder import prepare_folder

TINY = {"cell": "rnn", "hidden": 4, "window": 12, "epochs": 3, "ensemble": 1}
PARTS = ["combination", "prior", "linear core", "network"]


def monthly(n=120, seed=0):
    t = np.arange(n)
    noise = np.random.default_rng(seed).normal(size=n)
    return 50 + 0.1 * t + 5 * np.sin(2 * np.pi * t / 12) + 0.5 * noise


def table(**columns):
    dates = pd.date_range("2010-01-31", periods=120, freq="ME")
    return pd.DataFrame({"month": dates, **columns})


@functools.cache
def fitted() -> Forecaster:
    return Forecaster(**TINY).fit(table(y=monthly()), target="y", time="month")


def test_a_backtest_shows_the_combination_its_parts_and_the_baselines():
    found = fitted().backtest(steps=6)
    assert list(found.forecasts)[:4] == PARTS and found.method == "combination"
    assert found.baselines() == ["ridge autoregression", "seasonal persistence", "persistence"]
    assert found.rmse["combination"].mean() < found.rmse["seasonal persistence"].mean()
    lower, upper = found.interval(3)
    assert (lower < found.forecasts["combination"][3]).all()
    bounds = found.intervals["combination"].at(0.9)
    inside = (bounds[0] <= found.truth) & (found.truth <= bounds[1])
    np.testing.assert_allclose(found.coverage, inside.mean(axis=0))
    np.testing.assert_allclose(upper, bounds[1][3])


def test_the_combination_is_what_its_weights_make_of_its_models():
    model = fitted()
    predictor = model.predictor(6)
    split, y = model.data_.splits[0], model.data_.series[0].targets[:, 0]
    models = predictor._fitted(0, 6, refit=False)
    series = model.data_.series[0]
    origins = np.arange(split.validation, split.total - 5)
    (rollouts,) = predictor._rolled_out([(series, series.inputs, origins)], 6)
    combination = models[0].on(Drive.of(series), NetworkComponent(rollouts, 0))
    weights = combination.weights_of(6)
    expected = sum(
        weights[:, i] * one.forecast(y, origins, 6)
        for i, one in enumerate(combination.components)
    )
    found = model.backtest(steps=6).forecasts["combination"][..., 0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert combination.groups.count("network") == 1


def test_a_forecast_beyond_the_end_is_made_of_all_values():
    model = fitted()
    n = len(model.data_.series[0])
    models = model.predictor(6)._fitted(0, 6, refit=True)
    assert len(models[0].values) == n
    expected = models[0].combination
    shares = model.predictor(6).shares(6)[0][0]
    assert shares == pytest.approx(expected.shares(6)) and sum(shares.values()) > 0.97
    f = model.predict(6)
    assert (f.lower < f.mean).all() and (f.mean < f.upper).all()
    truth = 50 + 0.1 * np.arange(120, 126) + 5 * np.sin(2 * np.pi * np.arange(120, 126) / 12)
    assert np.abs(f.mean[:, 0] - truth).mean() < 1


def test_without_refit_the_models_of_the_backtest_forecast():
    settings = {**TINY, "refit": False, "epochs": 1}
    model = Forecaster(**settings).fit(monthly())
    model.predict(4)
    ((of_one,),) = model.models_.values()
    assert len(of_one[0].values) == model.data_.splits[0].validation


def test_it_is_fitted_once_for_each_length():
    model = Forecaster(**TINY).fit(monthly())
    one = model.predict(4)
    kept = dict(model.models_)
    np.testing.assert_array_equal(model.predict(4).mean, one.mean)
    assert {k: id(v) for k, v in model.models_.items()} == {k: id(v) for k, v in kept.items()}
    model.season = 7
    assert not np.array_equal(model.predict(4).mean, one.mean)
    model.fit(monthly(seed=1))
    assert not model.models_


def test_a_series_too_short_for_a_backtest_is_left_out():
    found = Forecaster(**TINY).fit([monthly(), monthly(40, seed=1)]).backtest(steps=12)
    assert found.series_counts == (1, 2)
    assert found.forecasts["combination"].shape == found.truth.shape


@pytest.mark.parametrize("settings", [{"season": 12}, {"transform": "log"}])
def test_what_the_network_alone_does_not_read_is_refused(settings):
    model = Forecaster(**TINY, core=None, prior=None, **settings)
    with pytest.raises(InputError, match="needs the linear core or the recurrent prior"):
        model.prepare(monthly())


def test_a_series_that_stands_still_is_continued():
    model = Forecaster(**TINY).fit(np.full(100, 3.5))
    found, tested = model.predict(5), model.backtest(steps=3)
    np.testing.assert_allclose(found.mean, 3.5)
    np.testing.assert_allclose(tested.rmse["combination"], 0, atol=1e-9)
    assert any("the networks learned nothing" in note for note in notes(model, tested, []))


def test_a_series_that_starts_to_move_does_not_spoil_the_figures_of_the_others():
    """It stands still while the networks learn, and jumps where they are validated."""
    moving = [monthly(seed=s) for s in range(2)]
    jump = np.append(np.full(80, 7.0), 1e6 + 1e5 * monthly()[:40])
    without, with_it = (
        Forecaster(**TINY, core=None, prior=None).fit(series).backtest(steps=3)
        for series in (moving, [*moving, jump])
    )
    np.testing.assert_allclose(
        with_it.by_series()["series 1"].intervals["network"].lower,
        without.by_series()["series 1"].intervals["network"].lower,
    )
    late = np.append(np.full(100, 7.0), 1e6 * np.ones(20))
    panel = Forecaster(**TINY).fit([*moving, late])
    tested = panel.backtest(steps=3)
    assert tested.scores["combination"].mase < 3
    assert any("`series 3` does not vary" in note for note in notes(panel, tested, []))


def test_new_data_are_scaled_by_what_comes_before_the_rows_they_are_judged_on():
    model = fitted()
    predictor, other = model.predictor(4), 1e4 * monthly(seed=5) + 7
    (series,) = model.data_.read_new(table(y=other))
    origins = np.arange(first_judged(120), 120)
    spoilt = replace(series, targets=np.append(series.targets[: origins[0]], [[1e9]] * 24, 0))
    judged, spoilt = (
        one.forecast(origins[:1], 4)
        for one in predictor._rolled_out(
            [(one, one.inputs, origins) for one in (series, spoilt)], 4
        )
    )
    np.testing.assert_array_equal(judged, spoilt)


def test_models_of_the_training_part_are_fitted_once_for_backtest_and_forecast(monkeypatch):
    model, fits = Forecaster(**TINY).fit(monthly()), []
    fit = Smoothing.fit
    monkeypatch.setattr(
        model_kinds, "CORE", (lambda y, *rest: fits.append(len(y)) or fit(y, *rest),)
    )
    model.backtest(steps=4)
    split = model.data_.splits[0]
    assert fits == [split.train, split.validation]
    found = model.predict(4).mean
    assert fits == [split.train, split.validation, split.total]
    again = Forecaster(**TINY).fit(monthly()).predict(4).mean
    np.testing.assert_array_equal(found, again)


def test_another_stretch_is_recognised_by_one_length():
    """Its last rows jump: it is the fitted series all the same, in every question asked."""
    model = fitted()
    stretch = monthly(seed=9)
    stretch[90:] += 1e4
    found = model.backtest(table(y=stretch)[:100], steps=4)
    assert found.origins > 0
    with pytest.raises(InputError, match="got 4 of 2 steps"):
        model.backtest(table(y=stretch + 1e6)[:12], steps=4)


def test_logarithms_need_positive_values():
    with pytest.raises(InputError, match="logarithms need positive values"):
        Forecaster(**TINY, transform="log").prepare(monthly() - 60)


@pytest.mark.parametrize("season", [96, (12, 100)])
def test_a_season_that_no_series_can_have_is_refused(season):
    with pytest.raises(InputError, match=r"`season` must be shorter .* of 96 steps\."):
        Forecaster(**TINY, season=season).prepare([monthly(), monthly(60)])
    Forecaster(**TINY, season=95).prepare([monthly(), monthly(60)])


def test_a_bound_above_most_values_is_refused():
    series = monthly()
    median = np.median(series[:96])
    Forecaster(**TINY, lower=median).prepare(series)
    Forecaster(**TINY, lower="none").prepare(series)
    with pytest.raises(InputError, match="`lower` must not lie above most values"):
        Forecaster(**TINY, lower=median + 1e-6).prepare([series + 1, series])


def test_a_run_is_loaded_with_the_same_digits(tmp_path):
    model = fitted()
    folder = prepare_folder(tmp_path / "run", False)
    model.save(folder, overwrite=True)
    again = Forecaster.load(folder)
    assert (again.core, again.prior, again.refit) == ("linear", "recurrent", True)
    np.testing.assert_allclose(again.predict(6).mean, model.predict(6).mean, rtol=1e-6)


def test_new_rows_are_forecast_by_the_models_of_the_fit():
    model = fitted()
    whole = table(y=monthly())
    one = model.predict(3, whole[:110])
    assert one.times.start == np.datetime64("2019-03-31")
    assert np.isfinite(one.mean).all()
    other = model.predict(3, whole.assign(y=1e4 * whole.y + 7)[:110])  # models of its own
    np.testing.assert_allclose(other.mean, 1e4 * one.mean + 7, rtol=0.05)


def test_each_target_and_each_series_has_weights_of_its_own():
    wide = table(a=monthly(), b=-3 * monthly(seed=1))
    model = Forecaster(**TINY).fit(wide, target=["a", "b"], time="month")
    f = model.predict(4)
    assert f.mean.shape == (4, 2) and (f.mean[:, 0] > 0).all() and (f.mean[:, 1] < 0).all()
    assert len(model.predictor(4).shares(4)[0]) == 2
    assert model.backtest(steps=4).forecasts["prior"].shape[2] == 2
    lines = composition(model, 4)
    assert lines[0].startswith("a: made of ") and any("b: season of 12" in x for x in lines)
    long = pd.concat([table(y=monthly(seed=s), id=name) for s, name in enumerate("pq")])
    panel = Forecaster(**TINY).fit(long, target="y", time="month", id="id")
    assert [one.name for one in panel.predict(3)] == ["p", "q"]
    assert panel.backtest(steps=3).series_counts == (2, 2)
    assert composition(panel, 3)[0].startswith("p: made of ")


def test_inputs_reach_networks_and_core_and_the_weights_say_so():
    """The target is its input: what does not see it is at a loss."""
    u = np.random.default_rng(0).normal(size=200)
    frame = pd.DataFrame({"y": 2 * u - 1, "u": u})
    settings = {**TINY, "activation": "identity", "epochs": 60, "rate": 0.03, "window": 4}
    model = Forecaster(**settings).fit(frame[:190], target="y", inputs=["u"])
    shares = model.predictor(3).shares(3)[0][0]
    assert shares["network"] + shares["driven autoregression"] > 0.95
    f = model.predict(3, inputs=frame[["u"]][190:])
    np.testing.assert_allclose(f.mean[:, 0], frame["y"][190:193], atol=0.4)


def test_a_network_alone_is_made_of_nothing_else():
    model = Forecaster(**TINY, core=None, prior=None).fit(monthly())
    assert composition(model, 3) == []
    assert model.backtest(steps=3).method == "network"


def test_without_a_validation_part_the_networks_are_left_out():
    model = Forecaster(**{**TINY, "epochs": 1}, validation=0.0).fit(monthly())
    found = model.backtest(steps=3)
    assert "network" not in found.forecasts and np.isfinite(model.predict(3).mean).all()


def test_network_forecasts_are_made_once_and_need_their_context():
    calls = []

    def rollouts(contexts, inputs, steps):
        calls.append(len(contexts))
        return contexts[:, -1:] + np.arange(1, steps + 1)[None, :, None] + inputs[:, -1:, :1]

    y = np.arange(20.0)[:, None]
    forecasts = NetworkForecasts(rollouts, 5, y, np.zeros((23, 1)), y.shape[1])
    found = forecasts.forecast(np.array([3, 10, 20]), 3)
    assert np.isnan(found[0]).all() and calls == [2]
    np.testing.assert_array_equal(found[1:, :, 0], [[10, 11, 12], [20, 21, 22]])
    np.testing.assert_array_equal(forecasts.forecast(np.array([20]), 2), found[2:, :2])
    assert calls == [2]


@pytest.mark.parametrize("n", [10, 24, 48])
def test_a_short_series_is_forecast_in_one_call(n):
    """The default window of 40 does not fit, and nobody has to know."""
    small = {"hidden": 2, "epochs": 1, "ensemble": 1}
    model = Forecaster(**small).fit(monthly(n))
    assert model.data_.window < 40 and np.isfinite(model.predict(3).upper).all()
    assert any("instead of 40: the series is short" in note for note in notes(model, None, []))
    with pytest.raises(InputError, match="`window`"):
        Forecaster(**small, core=None, prior=None).fit(monthly(n))
    with pytest.raises(InputError, match="`window`"):
        Forecaster(**small, window=39).fit(monthly(n))


def test_other_processes_make_the_same_models():
    """As many as `joblib.parallel_config` says; networks stay in this one."""
    series = [10.0**k * monthly(60, seed=k) for k in range(3)]
    settings = {**TINY, "epochs": 1, "window": 8}
    here = Forecaster(**settings).fit(series).predict(3)
    with parallel_config(n_jobs=2):
        there = Forecaster(**settings).fit(series).predict(3)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-6)
        np.testing.assert_allclose(one.upper, other.upper, rtol=1e-6)


def test_levels_far_apart_are_forecast_as_each_alone():
    """To the last digits by all models but the networks, which are those of the panel."""
    settings = {**TINY, "epochs": 1}
    levels = [1e-3, 1.0, 1e6]
    series = [level * monthly(seed=k) for k, level in enumerate(levels)]
    panel = Forecaster(**settings).fit(series)
    together = panel.backtest(steps=4).by_series()
    for i, (one, found) in enumerate(zip(series, together.values(), strict=True)):
        alone = Forecaster(**settings).fit(one)
        own = alone.backtest(steps=4)
        ratio = found.rmse["combination"].mean() / own.rmse["combination"].mean()
        assert ratio == pytest.approx(1, abs=0.02)
        assert found.scores["combination"].coverage[0] > 0.6
        mine, theirs = (
            model.predictor(4)._fitted(k, 4, refit=False)[0].combination.components[:-1]
            for model, k in ((panel, i), (alone, 0))
        )
        origins = np.array([100, 120])
        for a, b in zip(mine, theirs, strict=True):
            pair = [each.forecast(one, origins, 4) for each in (a, b)]
            np.testing.assert_allclose(*pair, rtol=1e-9)
    for one, forecast in zip(series, panel.predict(4), strict=True):
        assert (np.abs(forecast.upper - forecast.lower) < 3 * np.std(one)).all()


def test_filled_values_neither_weigh_nor_narrow_anything():
    """Between its neighbours a filled value is easy; noise with gaps stays as uncertain."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=300)
    gaps = np.where(rng.random(300) < 0.5, np.nan, y)
    gaps[[0, -1]] = y[[0, -1]]
    settings = {**TINY, "epochs": 1, "prior": None}
    whole = Forecaster(**settings).fit(y).predict(3)
    filled = Forecaster(**settings).fit(gaps, fill="linear")
    around = filled.predict(3)
    ratio = (around.upper - around.lower) / (whole.upper - whole.lower)
    assert (ratio > 0.8).all()
    assert filled.backtest(steps=3).mean_coverage() > 0.8


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=9))
def test_percentages_add_to_that_of_their_sum(parts):
    shares = [part / sum(parts) for part in parts]
    whole = percentages(shares)
    assert sum(whole) == 100
    assert all(abs(n - 100 * share) < 1 for n, share in zip(whole, shares, strict=True))
