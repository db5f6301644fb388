"""The forecaster from end to end: one tiny network in many ways."""

import functools
import math
from dataclasses import replace

import equinox as eqx
import numpy as np
import pandas as pd
import polars as pl
import pytest
from made_models import untrained
from sklearn.base import clone

import throughtime as tt
from throughtime.data.loading import to_series
from throughtime.data.series import Series
from throughtime.errors import InputError
from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.splits import WARM_UP
from throughtime.recurrence.reservoir_weights import ReservoirDesign
from throughtime.stamps.time_axis import Times
from throughtime.training.settings import Settings, check_settings

TINY = {"cell": "rnn", "hidden": 4, "window": 8, "epochs": 2, "ensemble": 1, "batch_size": 16}
TINY |= {"core": None, "prior": None}  # the network alone


def wave(n=80, seed=0):
    noise = np.random.default_rng(seed).normal(size=n)
    return 20 + 3 * np.sin(0.4 * np.arange(n)) + 0.3 * noise


def driven(n=70, seed=0):
    """y_t = 2 u_t - 1: nothing but its input tells it."""
    u = np.random.default_rng(seed).normal(size=n + 10)
    return pd.DataFrame({"u": u[:n], "y": 2 * u[:n] - 1}), u[n:]


@functools.cache
def waves() -> Forecaster:
    """A fitted network; the tests leave it as it is."""
    return Forecaster(**TINY).fit(wave())


@functools.cache
def followers() -> Forecaster:
    """A network that learnt to follow its input."""
    settings = {"epochs": 60, "rate": 0.03, "hidden": 4, "activation": "identity", "window": 4}
    table, _ = driven(200)
    return Forecaster(**{**TINY, **settings}).fit(table, target="y", inputs=["u"])


def assert_same(one, other):
    for name in ("mean", "lower", "upper"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


# --- data in, forecast out ---


def test_a_forecast_has_the_shape_and_the_times_that_were_asked_for():
    f = waves().predict(5)
    assert f.mean.shape == f.lower.shape == f.upper.shape == (5, 1)
    assert f.mean.dtype == np.float64 and np.isfinite(f.mean).all()
    assert (f.lower < f.mean).all() and (f.mean < f.upper).all()
    assert f.times.values().tolist() == [80, 81, 82, 83, 84]
    assert (f.targets, f.level) == (("x",), 0.9)
    assert abs(f.mean - 20).max() < 10, "in the units of the data"


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "column", "list", "series"])
def test_every_container_gives_the_same_forecast(kind):
    y = wave()
    table = pd.DataFrame({"x": y})
    data = {
        "pandas": table,
        "polars": pl.DataFrame({"x": y}),
        "pyarrow": pl.DataFrame({"x": y}).to_arrow(),
        "column": y[:, None],
        "list": y.tolist(),
        "series": Series(y[:, None], ("x",), np.empty((80, 0)), (), Times.count(80)),
    }[kind]
    assert_same(Forecaster(**TINY).fit(data).predict(5), waves().predict(5))
    assert_same(waves().predict(5, data), waves().predict(5))


def test_a_seed_decides_every_bit():
    other = Forecaster(**{**TINY, "seed": 1}).fit(wave()).predict(5)
    assert (other.mean != waves().predict(5).mean).all()


def test_new_data_is_continued_from_its_own_end():
    model, other = waves(), wave(60, seed=9) + 5
    found = model.predict(5, other)
    assert found.times.values().tolist() == [60, 61, 62, 63, 64]
    past = other[None, -8:, None]
    known = np.empty((1, 13, 0))
    scaler = model.data_.scalers[0]
    by_hand = model.predictor(5).rollouts(past, known, 5, scaler)[0]
    np.testing.assert_array_equal(found.mean, by_hand)
    assert (found.mean != model.predict(5).mean).all()
    changed = other.copy()
    changed[:-8] += 2
    assert_same(model.predict(5, changed), found)  # only the context counts


def test_a_forecast_knows_nothing_of_what_comes_after_its_origin():
    model, y = waves(), wave(seed=4)
    backtest = model.backtest(y, steps=5)
    changed = y.copy()
    changed[50:] = -1e3
    other = model.backtest(changed, steps=5)
    first = max(8, model.data_.period() or 0)
    before = 50 - first + 1  # origins with all of their context before row 50
    for name, forecast in backtest.forecasts.items():
        np.testing.assert_array_equal(forecast[:before], other.forecasts[name][:before], name)
        if name != "seasonal persistence":  # that one looks a period back
            assert (forecast[before] != other.forecasts[name][before]).any()
    cut = model.predict(5, y[:50]).mean
    np.testing.assert_allclose(backtest.forecasts["network"][before - 1], cut, rtol=1e-5)


def test_a_backtest_forecasts_every_origin_of_the_test_part():
    model, y = waves(), wave()
    found = model.backtest(steps=5)
    split = model.data_.splits[0]
    starts = np.arange(split.validation, split.total - 4)
    np.testing.assert_array_equal(found.truth[..., 0], y[starts[:, None] + np.arange(5)])
    persistence = np.repeat(y[starts - 1, None], 5, axis=1)
    np.testing.assert_array_equal(found.forecasts["persistence"][..., 0], persistence)
    season = model.data_.period()
    assert season == 15  # 2 pi / 0.4 is 15.7
    seasonal = y[starts[:, None] + np.arange(5) - season]
    np.testing.assert_array_equal(found.forecasts["seasonal persistence"][..., 0], seasonal)
    assert next(iter(found.forecasts)) == "network" and found.period == season
    for i in (0, len(starts) - 1):
        one = model.predict(5, y[: starts[i]]).mean
        np.testing.assert_allclose(found.forecasts["network"][i], one, rtol=1e-5)


@functools.cache
def unvalidated() -> Forecaster:
    """A network of two targets that has no validation part."""
    y = np.stack([wave(), -100 * wave(seed=1)], axis=1)
    table = pd.DataFrame(y, columns=["a", "b"])
    return Forecaster(**TINY, validation=0.0).fit(table, target=["b", "a"])


def test_several_targets_are_forecast_together():
    model = unvalidated()
    f = model.predict(5)
    assert f.targets == ("b", "a") and f.mean.shape == (5, 2)
    assert (abs(f.mean - [-2000, 20]) < [1000, 10]).all()
    assert model.backtest(steps=5).rmse["network"].shape == (5, 2)


# --- inputs that are known ahead ---


def test_a_forecast_follows_the_future_input():
    _, ahead = driven(200)
    model = followers()
    found = model.predict(10, inputs=ahead[:, None]).mean[:, 0]
    np.testing.assert_allclose(found, 2 * ahead - 1, atol=0.2)
    assert_same(
        model.predict(10, inputs=pd.DataFrame({"u": ahead})), model.predict(10, inputs=ahead)
    )
    opposite = model.predict(10, inputs=-ahead).mean[:, 0]
    np.testing.assert_allclose(opposite, -2 * ahead - 1, atol=0.2)
    rmse = model.backtest(steps=10).rmse
    assert rmse["network"].max() < 0.2 < rmse["persistence"].min()
    assert rmse["ridge autoregression"].max() < 0.2, "the baseline knows the input too"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (None, "got no table of future inputs"),
        (pd.DataFrame({"v": [1.0] * 4}), "got no column `u`"),
        (np.zeros(3), "got 3 rows"),
        (np.zeros((4, 2)), "got 2 columns"),
    ],
)
def test_missing_inputs_are_named(inputs, message):
    with pytest.raises(InputError) as caught:
        followers().predict(4, inputs=inputs)
    assert "a forecast of 4 steps needs `u` for these steps" in str(caught.value)
    assert message in str(caught.value) and "\n" not in str(caught.value)


# --- several series ---


@functools.cache
def pair():
    long = pd.DataFrame(
        {
            "day": [*range(60), *range(50)],
            "unit": ["b"] * 60 + ["a"] * 50,
            "y": [*wave(60), *(wave(50, seed=3) + 50)],
        }
    )
    return long, Forecaster(**TINY).fit(long, target="y", time="day", id="unit")


def test_several_series_by_an_id():
    long, model = pair()
    found = model.predict(5)
    assert [f.name for f in found] == ["b", "a"]
    assert [f.times.values()[0] for f in found] == [60, 50]
    assert abs(found[0].mean - 20).max() < 15 and abs(found[1].mean - 70).max() < 15
    one = model.predict(5, long.loc[long.unit == "a", ["day", "y"]])
    assert_same(one, found[1])
    tested = sum(s.total - s.validation - 4 for s in model.data_.splits)
    assert model.backtest(steps=5).origins == tested


def test_a_list_of_series_is_the_table_with_an_id():
    long, model = pair()
    tables = [long.loc[long.unit == name, ["day", "y"]] for name in ("b", "a")]
    again = Forecaster(**TINY).fit(tables, target="y", time="day")
    for one, other in zip(again.predict(5), model.predict(5), strict=True):
        assert_same(one, other)


# --- ways to train and to forecast ---


@functools.cache
def varied(name) -> Forecaster:
    """The ways a network is trained and forecasts, on one series."""
    ways = {
        "direct": {"horizon": 4},
        "truncated": {"truncated": True, "ensemble": 2},
        "float64": {"dtype": "float64", "residual": True, "dense": (3,)},
    }
    return Forecaster(**{**TINY, **ways[name]}).fit(wave(120))


def test_a_direct_forecast_is_what_the_network_answers():
    import jax

    model, y = varied("direct"), wave(120)
    parts = model.data_
    net = jax.tree.map(lambda leaf: leaf[0], model.network_)
    past = parts.scalers[0].transform(y[None, -8:, None]).astype(np.float32)
    answer = np.asarray(eqx.filter_jit(net)(jax.numpy.asarray(past))[0])[0, -1].reshape(4, 1)
    wanted = parts.scalers[0].inverse(answer.astype(float))
    np.testing.assert_allclose(model.predict(4).mean, wanted, rtol=1e-5)
    np.testing.assert_array_equal(model.predict(2).mean, model.predict(4).mean[:2])


def test_truncated_training_forecasts_from_a_carried_state():
    model = varied("truncated")
    assert model.data_.read_before(model.data_.series[0]) == WARM_UP * 8
    f = model.predict(6)
    assert f.mean.shape == (6, 1) and np.isfinite(f.mean).all()
    assert {row.member for row in model.history_} == {0, 1}
    assert np.isfinite([row.validation_loss for row in model.history_]).all()
    with pytest.raises(InputError, match=r"at least the 32 steps .* got 31 steps"):
        model.predict(6, wave(31))
    assert np.isfinite(model.backtest(steps=6).rmse["network"]).all()


def test_double_precision_leaves_jaxs_setting_alone():
    import jax

    before = jax.config.jax_enable_x64
    model = varied("float64")
    assert {leaf.dtype.name for leaf in jax.tree.leaves(model.network_)} == {"float64"}
    assert np.isfinite(model.predict(2).mean).all()
    assert jax.config.jax_enable_x64 == before
    assert jax.numpy.zeros(1).dtype == np.float32


# --- shares that are held out ---


def test_without_a_validation_part_there_is_no_interval():
    model = unvalidated()
    f = model.predict(5)
    assert np.isfinite(f.mean).all()
    assert (f.lower == -np.inf).all() and (f.upper == np.inf).all()
    assert model.fitted_.best_epochs == (2,) and len(model.history_) == 2
    backtest = model.backtest(steps=5)
    assert np.isnan(backtest.coverage).all() and np.isnan(backtest.mean_coverage())


def test_without_a_test_part_there_is_no_backtest():
    model = untrained(wave(), test=0.0, **TINY)
    with pytest.raises(InputError, match=r"needs data that was held out; got `test=0`"):
        model.backtest(steps=5)
    with pytest.raises(InputError, match="got only rows that the fit saw"):
        model.backtest(wave(40), steps=5)
    assert model.backtest(wave(40, seed=1), steps=5).origins > 0
    assert np.isfinite(model.predict(5).upper).all()


def test_intervals_end_where_the_validation_part_does():
    """13 rows: from lead 5 on there are fewer than 9 residuals, too few for 0.9."""
    model = waves()
    split = model.data_.splits[0]
    assert split.validation - split.train == 13
    f = model.predict(20)
    counts = 13 - np.arange(20)
    np.testing.assert_array_equal(np.isfinite(f.upper[:, 0]), counts >= 9)
    np.testing.assert_array_equal(np.isfinite(f.lower[:, 0]), counts >= 9)
    np.testing.assert_array_equal(model.predict(5).mean, f.mean[:5])


def test_calibrated_intervals_cover_what_they_promise():
    """AR(1) with Gaussian noise, one step ahead: residuals are nearly independent."""
    rng = np.random.default_rng(0)
    y = np.zeros(900)
    for t in range(1, 900):
        y[t] = 0.7 * y[t - 1] + rng.normal()
    settings = {**TINY, "epochs": 8, "window": 4, "rate": 0.02, "activation": "identity"}
    model = Forecaster(**settings, level=0.8, validation=0.4, test=0.4).fit(y)
    found = model.backtest(steps=1)
    # Binomial spread of the test part, and of the quantile from the validation part.
    spread = np.sqrt(0.8 * 0.2 * (1 / 360 + 1 / 216))
    assert found.origins == 360 and abs(found.mean_coverage() - 0.8) < 3 * spread
    assert found.rmse["network"].item() == pytest.approx(1.0, abs=0.12)  # the noise itself
    widths = []
    for level in (0.5, 0.9):
        model.level = level
        f = model.predict(1)
        widths.append((f.upper - f.lower).item())
    # Half the widths are the quantiles of a Gaussian with the noise's size.
    np.testing.assert_allclose(widths, [2 * 0.674, 2 * 1.645], rtol=0.15)


# --- an echo state network ---

RESERVOIR = {"cell": "esn", "hidden": 30, "window": 12, "ensemble": 2, "dtype": "float64"}
RESERVOIR |= {"core": None, "prior": None}


def henon(n=600):
    """y_t = 1 - 1.4 y_{t-1}^2 + 0.3 y_{t-2}: chaos that two steps decide."""
    y = [0.1, 0.2]
    for _ in range(n + 98):
        y.append(1 - 1.4 * y[-1] ** 2 + 0.3 * y[-2])
    return np.array(y[100:])


HENON = {**RESERVOIR, "hidden": 60, "radius": 0.3, "input_scale": 0.5, "centred": False}


@functools.cache
def echoes() -> Forecaster:
    return Forecaster(**HENON).fit(henon())


def test_a_reservoir_learns_a_map_that_no_linear_one_can():
    rmse = echoes().backtest(steps=2).rmse
    assert (rmse["network"] < 0.01 * rmse["ridge autoregression"]).all()
    f = echoes().predict(2)
    y = henon(602)
    np.testing.assert_allclose(f.mean[:, 0], y[-2:], atol=0.01)
    assert (f.lower < f.mean).all() and (f.mean < f.upper).all()


def test_a_reservoir_has_a_row_for_each_member():
    rows = echoes().history_
    assert [(row.member, row.epoch) for row in rows] == [(0, 1), (1, 1)]
    assert all(0 < row.loss < 1e-5 and 0 < row.validation_loss < 1e-5 for row in rows)
    assert all(row.quantities["ridge"] > 0 for row in rows)


def test_a_reservoir_that_was_saved_forecasts_the_same_bits(tmp_path):
    echoes().save(tmp_path / "run")
    again = tt.load(tmp_path / "run")
    assert_same(again.predict(2), echoes().predict(2))
    assert again.fitted_.stopped == "readouts fitted by ridge regression"
    assert again.settings_ == echoes().settings_


@pytest.mark.parametrize(
    "settings",
    [
        {"truncated": True},
        {"depth": 2},
        {"horizon": 3},
        {"residual": True},
        {"validation": 0.0},
    ],
)
def test_a_reservoir_takes_what_other_networks_take(settings):
    model = Forecaster(**{**RESERVOIR, "centred": True, **settings}).fit(wave(200))
    rmse = model.backtest(steps=3).rmse
    assert rmse["network"].mean() < rmse["persistence"].mean()
    assert np.isnan(model.history_[0].validation_loss) == (settings == {"validation": 0.0})


def test_settings_of_a_training_do_not_move_a_reservoir():
    other = Forecaster(**HENON, epochs=3, batch_size=7, patience=1)
    assert_same(other.fit(henon()).predict(2), echoes().predict(2))


@pytest.mark.parametrize(
    ("name", "value", "got"),
    [
        ("method", "nag", "nag"),
        ("loss", "mae", "mae"),
        ("dense", (3, 2), "3, 2"),
        ("activation", "relu", "relu"),
        ("init", "echo-state", "echo-state"),
        ("rate", 0.5, "0.5"),
        ("clip", None, "None"),
        ("schedule", "cosine", "cosine"),
    ],
)
def test_a_reservoir_refuses_what_only_a_gradient_can_follow(name, value, got):
    with pytest.raises(
        InputError, match=rf"needs the default `{name}`; got {got}\. Leave `{name}`"
    ):
        Forecaster(**RESERVOIR, **{name: value}).fit(henon())


RESERVOIRS = {"radius": 1.2, "leak": 0.5, "input_scale": 0.3}


@pytest.mark.parametrize("name", RESERVOIRS)
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_another_cell_refuses_what_only_a_reservoir_can_follow(cell, name):
    message = rf"`{cell}` takes no `{name}`.*; got {RESERVOIRS[name]}\. Leave `{name}` at its d"
    with pytest.raises(InputError, match=message):
        Forecaster(**{**TINY, "cell": cell, name: RESERVOIRS[name]}).prepare(wave())


def test_a_default_that_is_named_is_no_change():
    named = {name: getattr(Forecaster, name) for name in RESERVOIRS} | {"leak": 1}
    Forecaster(**TINY, **named).prepare(wave())
    plain = {name: getattr(Forecaster, name) for name in ("activation", "init", "rate", "clip")}
    Forecaster(**RESERVOIR, **plain).prepare(wave())


def test_a_run_from_before_they_were_refused_is_still_read(tmp_path):
    settings = {"radius": 1.2, "leak": 0.5, "washout": 9}
    model = Forecaster(**TINY).fit(wave())
    model.settings_ |= settings
    shape = {name: settings[name] for name in ("radius", "leak")}
    model.architecture_ = replace(model.architecture_, **shape)
    model.save(tmp_path / "run")
    again = tt.load(tmp_path / "run")
    assert_same(again.predict(5), waves().predict(5))
    assert again.settings_ == waves().settings_ | settings
    with pytest.raises(InputError, match="takes no `radius`"):
        again.fit(wave())


@pytest.mark.parametrize("hidden", [30_000, 60_000])
def test_a_reservoir_larger_than_memory_is_refused_before_it_is_drawn(hidden, monkeypatch):
    monkeypatch.setattr("throughtime._support.memory.total_memory", lambda: 24 * 2**30)
    monkeypatch.setattr(ReservoirDesign, "draw", no_draw)
    fixed = {"radius": 0.9, "leak": 1, "input_scale": 1, "ridge": 1e-6, "residual": False}
    fixed |= {"centred": True, "truncated": False}  # so that nothing is searched
    model = Forecaster(cell="esn", hidden=hidden, ensemble=1, **fixed).prepare(wave())
    for use in (model.train, model.first_state):
        with pytest.raises(InputError, match="must fit in memory, 24 GiB here; got ") as caught:
            use()
        assert "its weights and the sums of its regression" in str(caught.value)


def no_draw(*_):
    raise AssertionError("it was drawn")


def test_what_a_reservoir_is_not_given_is_found():
    made = Forecaster(cell="esn", core=None, prior=None, ensemble=1, dtype="float64")
    model = made.fit(np.sin(0.25 * np.arange(250)))
    found = model.settings_
    assert (found["centred"], found["truncated"], found["hidden"]) == (False, True, 50)
    assert found["ridge"] > 0 and made.radius is None
    run = np.abs(model.predict(400).mean[-100:])
    assert 0.9 < run.max() < 1.1  # it neither drifts nor dies out


def test_what_a_reservoir_is_given_stays():
    given = {"leak": 0.7, "centred": True, "hidden": 9, "ridge": 0.01}
    found = Forecaster(cell="esn", core=None, prior=None, **given).prepare(wave()).settings_
    assert given.items() <= found.items() and not found["truncated"]


def test_a_loaded_reservoir_searches_again_as_the_first_fit_did(tmp_path, few_reservoirs):
    given = {"leak": 0.7, "ridge": 0.01, "window": 12, "core": None, "prior": None}
    first = Forecaster(cell="esn", ensemble=1, **given).fit(wave(60))
    first.save(tmp_path / "run")
    loaded = Forecaster.load(tmp_path / "run")
    assert loaded.settings_ == first.settings_
    assert (loaded.radius, loaded.hidden, loaded.leak) == (None, None, 0.7)
    np.testing.assert_array_equal(loaded.predict(3).mean, first.predict(3).mean)
    loaded.save(tmp_path / "again")
    loaded = Forecaster.load(tmp_path / "again")
    other = np.random.default_rng(0).normal(size=60)
    wanted = Forecaster(cell="esn", ensemble=1, **given).prepare(other).settings_
    assert loaded.prepare(other).settings_ == wanted


# --- the washout ---


@pytest.mark.parametrize("cell", ["rnn", "esn"])
@pytest.mark.parametrize(("washout", "window"), [(50, 40), (40, 40), (9, 9), (10**6, 12)])
def test_a_washout_as_long_as_the_window_is_refused(cell, washout, window):
    got = f"got {washout} of {window} steps. Lower `washout`, or raise `window`."
    with pytest.raises(InputError) as caught:
        Forecaster(cell=cell, washout=washout, window=window).fit(wave(200))
    assert str(caught.value) == f"`washout` must be shorter than `window`; {got}"


@pytest.mark.parametrize("window", [1, 2, 10])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "esn"])
def test_the_default_washout_leaves_the_last_step_of_a_short_window(cell, window):
    model = Forecaster(cell=cell, window=window, truncated=False).prepare(wave())
    assert model.training_data().washout == window - 1


# --- an estimator ---


def test_parameters_are_those_of_scikit_learn():
    model = Forecaster(**TINY, dense=(5, 3))
    params = model.get_params()
    assert set(params) == set(Settings.model_fields)
    assert params["dense"] == (5, 3) and params["hidden"] == 4
    assert Forecaster(**params).get_params() == params
    assert model.set_params(hidden=7, rate=None) is model
    assert (model.hidden, model.rate) == (7, None)
    with pytest.raises(InputError, match=r"got `hiden`\. Did you mean `hidden`\?"):
        model.set_params(hiden=3)


@pytest.mark.parametrize("fitted", [False, True])
def test_it_is_cloned(fitted):
    model = varied("float64") if fitted else Forecaster(**TINY, dense=(5, 3))
    copy = clone(model)
    assert copy.get_params() == model.get_params() and copy is not model
    assert not hasattr(copy, "fitted_")
    with pytest.raises(InputError, match="must be fitted"):
        copy.predict(1)


def test_settings_changed_after_a_fit_are_not_those_of_the_fit(tmp_path):
    model = Forecaster(**TINY).fit(wave())
    model.set_params(hidden=9, window=20)
    np.testing.assert_array_equal(model.predict(5).mean, waves().predict(5).mean)
    model.save(tmp_path / "run")
    assert tt.load(tmp_path / "run").settings_ == waves().settings_


def test_a_network_does_not_survive_a_fit_that_failed():
    """Else it would forecast other data than it was trained on."""
    model = Forecaster(**TINY).fit(wave())
    with pytest.raises(InputError):
        model.fit(wave(5))
    assert_same(model.predict(5), waves().predict(5))  # refused data change nothing
    model.prepare(wave(90))
    with pytest.raises(InputError, match="must be fitted"):
        model.predict(2)


@pytest.mark.parametrize("use", ["predict", "backtest", "save"])
def test_it_must_be_fitted_first(use, tmp_path):
    calls = {
        "predict": lambda m: m.predict(3),
        "backtest": lambda m: m.backtest(),
        "save": lambda m: m.save(tmp_path / "run"),
    }
    with pytest.raises(InputError) as caught:
        calls[use](Forecaster())
    rule = "a forecaster must be fitted before it forecasts; got one that is not. Call `fit`"
    assert str(caught.value) == f"{rule} first."
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: m.predict(0),
            "`steps` must be a whole number of at least 1; got 0. Raise `steps`.",
        ),
        (lambda m: m.backtest(steps=-1), "whole number of at least 1; got -1. Raise `steps`."),
        (
            lambda m: m.predict(2, wave(7)),
            "8 steps of context; got 7 steps in `series`.",
        ),
        (lambda m: m.predict(2, np.ones((20, 2))), "(`x0`, `x1`); got x."),
        (lambda m: m.backtest(steps=17), "got 17 of 16 steps. Lower `steps`."),
        (lambda m: m.backtest(wave(19, seed=1), steps=5), "got 5 of 4 steps. Lower `steps`."),
        (
            lambda m: m.backtest(wave(15, seed=1), steps=1),
            "longer than the context of 15 steps; got 15 steps.",
        ),
    ],
)
def test_what_cannot_be_forecast_is_refused(call, message):
    with pytest.raises(InputError) as caught:
        call(waves())
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_filled_values_are_neither_evaluated_nor_forecast_from():
    """Those of a line between neighbours know the value that comes next."""
    y = wave(200, seed=2)
    gaps = np.random.default_rng(0).choice(np.arange(100, 199), 45, replace=False)
    y[gaps] = np.nan
    model = untrained(to_series(y, fill="linear"), **TINY)
    found = model.backtest(steps=5)
    first = model.data_.splits[0].validation
    starts = np.arange(first, 200 - 4)
    errors = (y[starts] - y[starts - 1])[:, None]
    kept = ~np.isnan(errors)
    assert 5 < kept.sum() < len(starts) - 5
    np.testing.assert_allclose(
        found.rmse["persistence"][0], np.sqrt(np.mean(errors[kept] ** 2))
    )
    known = (~np.isnan(y[starts[:, None] + np.arange(5)])).any(axis=1)
    assert found.origins == (known & ~np.isnan(y[starts - 1])).sum() < len(starts)
    assert np.isfinite(found.nmse()).all() and np.isfinite(found.mean_coverage())


def test_a_test_part_that_was_filled_cannot_be_evaluated():
    y = wave(100)
    y[80:99] = np.nan
    model = Forecaster(**TINY).prepare(y, fill="linear")
    with pytest.raises(InputError, match="only filled ones at lead time 1"):
        model.data_.check_steps(3)


def test_a_fitted_series_that_is_passed_is_evaluated_on_its_test_part():
    model = waves()
    one, other = model.backtest(wave(), steps=5), model.backtest(steps=5)
    np.testing.assert_array_equal(one.truth, other.truth)
    assert model.backtest(wave(79), steps=5).origins == other.origins - 1


def test_series_that_are_too_short_to_be_evaluated_are_counted():
    model = untrained([wave(), wave(40, seed=1)], **TINY)
    assert model.backtest(steps=5).series_counts == (2, 2)
    assert model.backtest(steps=10).series_counts == (1, 2)


def test_data_of_another_step_is_refused():
    _, model = pair()
    days = np.arange(0, 120, 2)
    with pytest.raises(InputError, match=r"one time step, 1; got 2 in .* Resample"):
        model.predict(3, pd.DataFrame({"day": days, "y": wave(60)}))


@pytest.mark.parametrize("use", ["predict", "backtest"])
def test_a_gap_in_new_data_is_filled_as_its_message_says(use):
    y = wave()
    y[30] = np.nan
    model = waves()

    def run(**fill):
        return model.predict(3, y, **fill) if use == "predict" else model.backtest(y, **fill)

    with pytest.raises(InputError, match=r"a missing value .*`fill=\"linear\"`"):
        run()
    found = run(fill="linear")
    if use == "backtest":
        assert np.isfinite(found.truth).all() and np.isfinite(found.rmse["network"]).all()
    else:
        assert np.isfinite(found.mean).all()


def test_inputs_for_a_series_without_are_refused():
    with pytest.raises(InputError, match="fitted without"):
        waves().predict(3, inputs=np.ones((3, 1)))


# --- settings ---

WHOLE = ("hidden", "depth", "window", "horizon", "epochs", "batch_size", "ensemble")
NAMES = ("cell", "activation", "init", "loss", "method", "schedule", "dtype")
WRONG = [
    *((name, 0, f"`{name}` must be above 0; got 0. Raise `{name}`.") for name in WHOLE),
    *(
        (n, 2.0, f"`{n}` must be a whole number; got 2.0. Set `{n}` to a whole number.")
        for n in WHOLE
    ),
    *(
        (n, "4", f"`{n}` must be a whole number; got '4'. Set `{n}` to a whole number.")
        for n in WHOLE
    ),
    *((n, "lsmt", f"`{n}` must be a known one; got lsmt. ") for n in NAMES),
    *((n, None, f"`{n}` must be a known one; got None. ") for n in NAMES if n != "cell"),
    *(
        (n, "no", f"`{n}` must be True or False; got 'no'. Set `{n}` to True or False.")
        for n in ("residual", "truncated", "centred", "refit")
    ),
    ("core", "liner", "`core` must be a known one; got liner. Did you mean `linear`?"),
    ("prior", "x", "`prior` must be a known one; got x. Known: recurrent."),
    ("lower", "x", "`lower` must be a finite number or `none`; got 'x'. Set `lower` to"),
    ("lower", math.inf, "`lower` must be a finite number or `none`; got inf. Set `lower`"),
    ("transform", "sqrt", "`transform` must be a known one; got sqrt. Known: log, none."),
    ("season", 0, "`season` must be above 0; got 0. Raise `season`."),
    (
        "season",
        2.5,
        "`season` must be a whole number, or several; got 2.5. Set `season` to a whole",
    ),
    ("season", (12, 0), "`season` must be a whole number, or several; got (12, 0)."),
    ("cell", "lsmt", "Did you mean `lstm`? Known: esn, gru, lstm, rnn."),
    ("loss", "cross_entropy", "`loss` must be a known one"),
    ("washout", -1, "`washout` must be at least 0; got -1. Raise `washout`."),
    ("dense", (3, 0), "`dense` must be above 0; got (3, 0). Raise `dense`."),
    (
        "dense",
        3,
        "`dense` must be a tuple of whole numbers; got 3. Set `dense` to a tuple",
    ),
    ("dense", (1.5,), "`dense` must be a tuple of whole numbers; got (1.5,)."),
    ("rate", 0.0, "`rate` must be above 0; got 0.0. Raise `rate`."),
    ("rate", np.inf, "`rate` must be a finite number; got inf. Set `rate` to a finite number."),
    ("clip", -1.0, "`clip` must be above 0; got -1.0. Raise `clip`."),
    ("forcing", "ful", "`forcing` must be a known one; got ful. Did you mean `full`?"),
    ("clip", "1", "`clip` must be a number; got '1'. Set `clip` to a number."),
    ("radius", 0.0, "`radius` must be above 0; got 0.0. Raise `radius`."),
    ("leak", 0.0, "`leak` must be above 0; got 0.0. Raise `leak`."),
    ("leak", 1.5, "`leak` must be at most 1; got 1.5. Lower `leak`."),
    ("ridge", 0.0, "`ridge` must be above 0; got 0.0. Raise `ridge`."),
    ("input_scale", 0.0, "`input_scale` must be above 0; got 0.0. Raise `input_scale`."),
    ("patience", 0, "`patience` must be above 0; got 0. Raise `patience`."),
    ("test", -0.1, "`test` must be at least 0; got -0.1. Raise `test`."),
    ("test", 1.0, "`test` must be below 1; got 1.0. Lower `test`."),
    (
        "validation",
        20,
        "`validation` must be below 1; got 20. Lower `validation`, to 0.2 for 20 %.",
    ),
    ("validation", np.nan, "`validation` must be a finite number; got nan."),
    ("level", 0.0, "`level` must be above 0; got 0.0. Raise `level`."),
    ("level", 95, "`level` must be below 1; got 95. Lower `level`, to 0.95 for 95 %."),
    ("seed", -1, "`seed` must be at least 0; got -1. Raise `seed`."),
    ("seed", 2**32, "`seed` must be below 4.29497e+09; got 4294967296. Lower `seed`."),
    ("hiden", 3, "every setting must be a known one; got `hiden`. Did you mean `hidden`?"),
]


@pytest.mark.parametrize(("name", "value", "message"), WRONG)
def test_a_wrong_setting_is_refused_in_one_line(name, value, message):
    with pytest.raises(InputError) as caught:
        check_settings({**Forecaster().get_params(), name: value})
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_every_setting_is_checked_before_the_data_is_read():
    assert {name for name, *_ in WRONG} >= set(Settings.model_fields)
    with pytest.raises(InputError, match="`hidden`"):
        Forecaster(hidden=0).fit("no such file.csv")
    left_out = {k: v for k, v in Forecaster().get_params().items() if k != "cell"}
    with pytest.raises(InputError, match=r"`cell` must be given; got nothing\. Set `cell`\."):
        check_settings(left_out)
    assert check_settings({**Forecaster().get_params(), "dense": [3]}).dense == (3,)
