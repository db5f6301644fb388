"""The recurrent prior: causal, free of level and unit, quantiles in order, one answer each."""

import re
from importlib import resources

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.errors import InputError
from throughtime.models import prior as prior_module
from throughtime.models.prior import (
    WEIGHTS,
    Prior,
    network_from,
    shipped_network,
    tensors_of,
)
from throughtime.models.prior_features import BASES, READ, ask, read
from throughtime.models.prior_network import MEDIAN, QUANTILES, PriorNetwork


def walk(n=120, seed=0, season=12):
    rng = np.random.default_rng(seed)
    return rng.normal(size=n).cumsum() + 3 * np.sin(2 * np.pi * np.arange(n) / season)


def known(n):
    return np.ones((1, n), bool)


def asked(values, seasons=(12, 1), origins=(40, 80), leads=(1, 5, 30)):
    reading = read(values[None], known(len(values)), np.array([seasons]))
    return reading, ask(reading, np.array(origins), np.array(leads))


@pytest.mark.parametrize("seasons", [(1, 1), (12, 1), (7, 28)])
def test_no_later_value_has_a_part_in_a_feature(seasons):
    y, other = walk(), walk(seed=1)
    t = 61
    changed = np.concatenate([y[: t + 1], 50 * other[t + 1 :]])
    (one, q), (two, p) = (asked(v, seasons, (t,)) for v in (y, changed))
    np.testing.assert_array_equal(one.features[:, : t + 1], two.features[:, : t + 1])
    for a, b in zip(q, p, strict=True):
        np.testing.assert_array_equal(a, b)


@given(st.floats(1e-3, 1e3), st.floats(-1e3, 1e3), st.integers(0, 10**6))
@settings(max_examples=25)
def test_features_have_no_level_and_no_unit(factor, level, seed):
    y = walk(seed=seed)
    (one, _), (two, _) = asked(y - y[0]), asked(factor * (y - y[0]))
    np.testing.assert_allclose(one.features, two.features, atol=0.02)
    moved = Prior((12,), small()).quantiles(factor * y + level, np.array([100]), 6)
    plain = Prior((12,), small()).quantiles(y, np.array([100]), 6)
    size = factor * np.ptp(y)
    np.testing.assert_allclose(moved, factor * plain + level, atol=1e-4 * size)


def test_the_simple_forecasts_are_what_they_are_called():
    y = walk(100, season=10)
    reading, q = asked(y, (10, 20), (69,), (1, 13))
    now, unit = y[69], reading.unit[0, 69]
    bases = q.bases[0, 0] * unit + now
    np.testing.assert_allclose(bases[:, 0], y[[60, 62]])  # the last season
    np.testing.assert_allclose(bases[:, 1], y[[60, 62]] + np.array([1, 2]) * (y[69] - y[59]))
    np.testing.assert_allclose(bases[:, 4], y[[50, 62]])  # the last long season
    drift = (y[60:70].mean() - y[50:60].mean()) / 10
    np.testing.assert_allclose(bases[:, 3], now + drift * np.array([1, 13]))
    np.testing.assert_allclose(bases[:, 6], now + (y[69] - y[68]) * np.array([1, 13]))
    np.testing.assert_allclose(bases[:, 8], y[:70].mean())
    np.testing.assert_allclose(bases[:, 9], y[60:70].mean())


def test_a_perfect_season_is_its_mean_season():
    y = np.tile(np.random.default_rng(0).normal(size=8), 12)
    _, q = asked(y, (8, 1), (60, 77), (1, 2, 9))
    for i, t in enumerate((60, 77)):
        found = q.bases[0, i, :, 2] * q.unit[0, i] + y[t]
        np.testing.assert_allclose(found, y[[t + 1, t + 2, t + 9]], atol=1e-9)


def test_what_is_missing_is_not_looked_at():
    y = walk()
    there = known(len(y))
    there[0, [30, 31, 50]] = False
    seasons = np.array([[12, 1]])
    one = read(y[None], there, seasons)
    two = read(np.where(there, y[None], 1e6), there, seasons)
    np.testing.assert_array_equal(one.features, two.features)


def small():
    return PriorNetwork(8, 8, key=1)


def test_its_representation_is_short():
    assert repr(Prior((7,))) == "Prior(seasons=(7,), name='prior', mean=False)"


def test_the_network_is_the_equations_of_its_module():
    """In NumPy, step by step, for one origin and lead time."""
    network = PriorNetwork(5, 4, key=3)
    y = walk(60)
    reading, q = asked(y, (12, 1), (50,), (3,))
    w = {k: np.float64(v) for k, v in tensors_of(network).items()}

    def gelu(x):
        return np.asarray(jax.nn.gelu(x))

    h, states = np.zeros(5), []
    for x in reading.features[0]:
        e = gelu(w["reader.A"] @ x + w["reader.a"])
        drive = w["cell.U"] @ e + w["cell.b"]
        r, z = (
            1 / (1 + np.exp(-(drive[i : i + 5] + w["cell.W"][i : i + 5] @ h))) for i in (0, 5)
        )
        n = np.tanh(drive[10:] + r * (w["cell.W"][10:] @ h + w["cell.d"]))
        h = (1 - z) * n + z * h
        states.append(gelu(w["state.A"] @ np.concatenate([h + e, x]) + w["state.a"]))
    d = w["of_state.A"] @ states[50] + w["of_state.a"]
    d = gelu(d + w["of_question.A"] @ q.features[0, 0, 0] + w["of_question.a"])
    out = w["output.A"] @ gelu(w["inner.A"] @ d + w["inner.a"]) + w["output.a"]
    median = out[:BASES] @ q.bases[0, 0, 0] + out[BASES] + out[BASES + 1] * q.fineness[0, 0]
    steps = np.log1p(np.exp(out[BASES + 3 :])) * np.exp(out[BASES + 2])
    below, above = median - np.cumsum(steps[:MEDIAN])[::-1], median + np.cumsum(steps[MEDIAN:])
    single = jax.tree.map(lambda v: jnp.asarray(v, None if v.dtype.kind == "i" else "f4"), q)
    found = network(jnp.float32(reading.features), single)[0, 0, 0]
    np.testing.assert_allclose(found, [*below, median, *above], rtol=2e-4, atol=2e-5)


def test_quantiles_are_in_order_and_the_forecast_is_the_median():
    model = Prior((12,))
    y, origins = walk(200), np.array([20, 100, 200])
    found = model.quantiles(y, origins, 20)
    assert found.shape == (3, 20, len(QUANTILES))
    assert (np.diff(found, axis=-1) > 0).all()
    np.testing.assert_array_equal(model.forecast(y, origins, 20), found[..., MEDIAN])


def test_an_origin_has_one_answer_whatever_is_asked_beside_it():
    model, y = Prior((12,)), walk(300)
    together = model.forecast(y, np.array([60, 150, 299, 300]), 12)
    alone = [model.forecast(y[:n], np.array([n]), 12)[0] for n in (60, 150, 299, 300)]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(model.forecast(y, np.array([300, 60]), 12), together[[3, 0]])


def test_long_series_are_read_from_their_last_thousand_steps():
    model, y = Prior((12,)), walk(2400)
    context, block = prior_module.CONTEXT, prior_module.BLOCK
    origin = 2200
    first = origin - context - block
    other = np.concatenate([walk(first, seed=9), y[first:]])
    found = (model.forecast(v, np.array([origin]), 5) for v in (y, other))
    np.testing.assert_array_equal(*found)


def test_what_is_beyond_the_trained_lead_times_is_rolled():
    model = Prior((12,))
    y = 10 * np.sin(2 * np.pi * np.arange(240) / 12) + 0.1 * walk(240)
    far = model.quantiles(y, np.array([240]), 200)[0]
    near = model.quantiles(y, np.array([240]), 128)[0]
    np.testing.assert_allclose(far[:128], near)
    assert np.isfinite(far).all() and (np.diff(far, axis=-1) > 0).all()
    truth = 10 * np.sin(2 * np.pi * np.arange(240, 440) / 12)
    assert np.abs(far[:, MEDIAN] - truth).mean() < 5


@pytest.mark.parametrize("y", [[3.0], [1.0, 2.0], [5.0] * 40, [0.0] * 9, [1e300, -1e300]])
def test_any_series_has_a_finite_forecast(y):
    found = Prior((4,)).quantiles(np.array(y), np.array([len(y)]), 6)
    assert np.isfinite(found).all()
    if len(set(y)) == 1:
        np.testing.assert_allclose(found[..., MEDIAN], y[0], atol=1e-3)


def test_what_is_shipped_forecasts_a_season_better_than_its_repetition():
    rng = np.random.default_rng(5)
    t = np.arange(240)
    truth = 0.02 * t + np.sin(2 * np.pi * t / 12) + 0.5 * np.sin(2 * np.pi * t / 4)
    y = truth + 0.3 * rng.normal(size=len(t))
    origins = np.arange(120, 228)
    rows = origins[:, None] + np.arange(12)
    error = np.abs(Prior((12,)).forecast(y, origins, 12) - truth[rows]).mean()
    repeated = np.abs(y[rows - 12] - truth[rows]).mean()
    assert error < 0.7 * repeated


def test_weights_keep_their_names_and_are_small_enough_to_ship():
    network = small()
    again = network_from(tensors_of(network))
    assert all(
        np.array_equal(a, b)
        for a, b in zip(jax.tree.leaves(network), jax.tree.leaves(again), strict=True)
    )
    assert shipped_network().reader.A.shape[1] == READ
    file = resources.files("throughtime.models").joinpath(WEIGHTS)
    assert len(file.read_bytes()) < 2_000_000


@pytest.mark.parametrize(
    ("values", "origins", "steps", "message"),
    [
        ([1.0, 2.0], [2], 0, "`steps` must be at least 1; got 0."),
        ([1.0, 2.0], [0], 3, "got 0 to 0 of 2 values. Pass whole numbers from 1 to 2."),
        ([1.0, 2.0], [1, 3], 3, "got 1 to 3 of 2 values."),
        ([np.nan, np.nan, 3.0], [2], 3, "measured before its origin; got none before 2."),
    ],
)
def test_what_cannot_be_forecast_is_refused(values, origins, steps, message):
    with pytest.raises(InputError, match=re.escape(message)):
        Prior().forecast(np.array(values), np.array(origins), steps)
