"""The baselines by hand, and the ridge against scikit-learn and the process that it fits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import linear_model

from throughtime.data import datasets
from throughtime.data.split import Split
from throughtime.models import baselines
from throughtime.models.baselines import (
    PENALTIES,
    Ridge,
    find_period,
    persistence,
    seasonal_persistence,
)


def process(n, seed=0, noise=0.0):
    """An AR(2) process with a constant, driven by an input known at the time of the target."""
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(n, 1))
    y = np.zeros((n, 1))
    for t in range(2, n):
        y[t] = 0.3 + 1.2 * y[t - 1] - 0.6 * y[t - 2] + 0.5 * u[t] + noise * rng.normal()
    return y, u


def rows(y, u, lags):
    """The regression, one row at a time."""
    X = [[*u[t], *y[t - lags : t].ravel()] for t in range(lags, len(y))]
    return np.array(X), y[lags:]


def none(y):
    return np.zeros((len(y), 0))


def test_persistence_repeats_the_last_value():
    contexts = np.arange(12.0).reshape(2, 3, 2)
    found = persistence(contexts, 4)
    assert found.shape == (2, 4, 2)
    np.testing.assert_array_equal(found[0], [[4, 5]] * 4)
    np.testing.assert_array_equal(found[1], [[10, 11]] * 4)


def test_seasonal_persistence_repeats_the_last_period():
    contexts = np.arange(10.0).reshape(2, 5, 1)
    found = seasonal_persistence(contexts, 7, 3)[..., 0]
    np.testing.assert_array_equal(found[0], [2, 3, 4, 2, 3, 4, 2])
    np.testing.assert_array_equal(found[1], [7, 8, 9, 7, 8, 9, 7])


@given(
    season=st.integers(1, 9),
    steps=st.integers(1, 30),
    more=st.integers(0, 5),
    seed=st.integers(),
)
def test_seasonal_persistence_knows_a_periodic_series(season, steps, more, seed):
    pattern = np.random.default_rng(abs(seed)).normal(size=season)
    values = pattern[np.arange(season + more + steps) % season]
    contexts = values[None, : season + more, None]
    found = seasonal_persistence(contexts, steps, season)
    np.testing.assert_array_equal(found[0, :, 0], values[season + more :])


@pytest.mark.parametrize("season", [4, 7, 12, 25])
def test_the_period_of_a_sine(season):
    t = np.arange(200)
    rng = np.random.default_rng(season)
    wave = np.sin(2 * np.pi * t / season + 0.4)
    assert find_period(wave) == season
    assert find_period(5 + 3 * wave + 0.1 * t) == season, "a trend and a scale change nothing"
    assert find_period(wave + 0.3 * rng.normal(size=200)) == season
    assert find_period(wave + 0.4 * np.sin(4 * np.pi * t / season)) == season, "nor an overtone"


def test_the_period_of_a_sum_is_that_of_the_whole():
    t = np.arange(360)
    both = np.sin(2 * np.pi * t / 4) + np.sin(2 * np.pi * t / 6)
    assert find_period(both) == 12


@pytest.mark.parametrize("seed", range(20))
def test_noise_has_no_period(seed):
    rng = np.random.default_rng(seed)
    assert find_period(rng.normal(size=300)) is None


def test_no_period_in_a_constant_a_line_a_short_or_an_aperiodic_series():
    t = np.arange(100.0)
    assert find_period(np.zeros(100)) is None
    assert find_period(np.full(100, 0.1)) is None
    assert find_period(1e9 + 0.3 * t) is None
    assert find_period(np.sin(t[:11])) is None
    assert find_period(t**2) is None, "a curve is not a season"
    assert find_period(np.sin(2 * np.pi * t / 60)) is None, "nor is a period beyond a third"


def test_a_code_for_missing_does_not_hide_the_period():
    y = 20 + 8 * np.sin(2 * np.pi * np.arange(96) / 12)
    y += np.random.default_rng(0).normal(size=96)
    y[[17, 55, 90]] = -999
    assert find_period(y) == 12


@pytest.mark.parametrize(("name", "known"), [("sunspots", 11), ("elnino", 12)])
def test_the_period_of_the_bundled_data(name, known):
    """Eleven years of the sun, twelve months, seen in the training part alone."""
    values = datasets.load_dataset(name).targets[:, 0]
    assert find_period(values[: Split.by_time(len(values)).train]) == known


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("inputs", [0, 2])
def test_ridge_is_scikit_learns(targets, inputs):
    rng = np.random.default_rng(targets + inputs)
    y, u = rng.normal(size=(120, targets)) + 3, rng.normal(size=(120, inputs))
    lags = 4
    X, Y = rows(y, u, lags)
    found = Ridge.fit([(y, u)], [], lags)
    assert found.penalty == 1
    wanted = linear_model.Ridge(alpha=1.0, solver="cholesky").fit(X, Y)
    coefficients = wanted.coef_.reshape(targets, -1).T
    np.testing.assert_allclose(found.weights[1:], coefficients, atol=1e-8)
    np.testing.assert_allclose(found.weights[0], np.ravel(wanted.intercept_), atol=1e-8)


def test_the_constant_is_not_shrunk():
    """So a shift of the data shifts the forecast, whatever the penalty."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=(60, 1))
    low, high = (Ridge.fit([(y + s, none(y))], [], 3) for s in (0.0, 50.0))
    contexts = y[None, -3:]
    shift = high.predict(contexts + 50, 5, np.zeros((1, 5, 0))) - low.predict(
        contexts, 5, np.zeros((1, 5, 0))
    )
    np.testing.assert_allclose(shift, 50, atol=1e-7)


def test_a_noiseless_process_is_recovered():
    y, u = process(400)
    found = Ridge.fit([(y[:300], u[:300])], [(y[298:], u[298:])], 2)
    assert found.penalty == PENALTIES[0], "nothing is gained by shrinking"
    np.testing.assert_allclose(found.weights[:, 0], [0.3, 0.5, -0.6, 1.2], atol=1e-7)
    more, driven = process(40, seed=5)
    ahead = found.predict(more[None, 10:20], 20, driven[None, 20:])
    np.testing.assert_allclose(ahead[0], more[20:], atol=1e-5)


def test_a_vector_autoregression_is_recovered():
    A = np.array([[0.5, 0.4], [-0.4, 0.5]])
    rng = np.random.default_rng(2)
    y = np.empty((200, 2))
    y[0] = 1.0, -1.0
    u = rng.normal(size=(200, 1))
    for t in range(1, 200):
        y[t] = A @ y[t - 1] + [0.1, -0.2] + u[t] * [1.0, 0.5]
    found = Ridge.fit([(y[:150], u[:150])], [(y[149:], u[149:])], 1)
    np.testing.assert_allclose(found.weights[2:].T, A, atol=1e-7)
    np.testing.assert_allclose(found.weights[1], [1.0, 0.5], atol=1e-7)
    np.testing.assert_allclose(found.weights[0], [0.1, -0.2], atol=1e-7)


def test_forecasts_are_fed_back():
    """weights: constant, input, two lags of two targets, oldest first."""
    weights = np.array([[1, 0], [10, 0], [0, 0], [0, 0], [1, 0], [0, 2]], float)
    ridge = Ridge(2, weights, 1.0)
    contexts = np.array([[[9, 9], [9, 9], [1, 1]], [[9, 9], [9, 9], [5, 3]]], float)
    ahead = np.array([[[0], [1], [0]], [[0], [0], [1]]], float)
    found = ridge.predict(contexts, 3, ahead)
    np.testing.assert_array_equal(found[0], [[2, 2], [13, 4], [14, 8]])
    np.testing.assert_array_equal(found[1], [[6, 6], [7, 12], [18, 24]])
    oldest = Ridge(2, np.array([[0], [1], [0]], float), 1.0)
    found = oldest.predict(np.array([[[7], [8]]], float), 3, np.zeros((1, 3, 0)))
    np.testing.assert_array_equal(found[0, :, 0], [7, 8, 7])


def test_the_penalty_is_the_best_one_on_the_validation_part():
    y, u = process(60, noise=1.0)
    lags, cut = 12, 40
    train, validation = (y[:cut], u[:cut]), (y[cut - lags :], u[cut - lags :])
    X, Y = rows(*train, lags)
    V, W = rows(*validation, lags)
    assert len(W) == len(y) - cut
    last = V[:, -1:], X[:, -1:]
    models = {
        (p, to_last): linear_model.Ridge(alpha=p).fit(X, Y - to_last * last[1])
        for p in PENALTIES
        for to_last in (False, True)
    }

    def best(truth):
        errors = {
            (p, to_last): np.mean(
                (m.predict(V).reshape(truth.shape) + to_last * last[0] - truth) ** 2
            )
            for (p, to_last), m in models.items()
        }
        return min(errors, key=errors.__getitem__)

    found = Ridge.fit([train], [validation], lags)
    assert (found.penalty, found.to_last) == best(W)
    coefficients = models[best(W)].coef_.ravel() + found.to_last * np.eye(lags + 1)[-1]
    np.testing.assert_allclose(found.weights[1:, 0], coefficients, atol=1e-8)
    other = Ridge.fit([train], [(np.flip(validation[0]).copy(), validation[1])], lags)
    same = models[other.penalty, other.to_last].coef_.ravel()
    np.testing.assert_allclose(
        other.weights[1:, 0],
        same + other.to_last * np.eye(lags + 1)[-1],
        atol=1e-8,
        err_msg="validation was fitted to",
    )


def test_of_a_random_walk_the_ridge_is_nearly_persistence():
    """Persistence is the optimum. Shrunk towards 0 alone, 40 lags return to the mean."""
    ratios, steps, lags = [], 10, 40
    for seed in range(12):
        y = np.random.default_rng(seed).normal(size=(500, 1)).cumsum(axis=0)
        y = (y - y[:320].mean()) / y[:320].std()
        parts = [(y[:320], none(y[:320]))], [(y[280:400], none(y[280:400]))]
        origins = np.arange(400, 491)
        contexts = y[origins[:, None] + np.arange(-lags, 0)]
        truth = y[origins[:, None] + np.arange(steps)]
        found = Ridge.fit(*parts, lags).predict(contexts, steps, np.zeros((91, steps, 0)))
        naive = persistence(contexts, steps)
        ratios.append(np.mean((found - truth) ** 2) / np.mean((naive - truth) ** 2))
    assert np.exp(np.mean(np.log(ratios)) / 2) < 1.1


def test_series_are_not_glued_together():
    y, u = process(100, noise=0.5)
    parts = [(y[:40], u[:40]), (y[60:], u[60:])]
    X, Y = (np.concatenate(v) for v in zip(*(rows(*part, 5) for part in parts), strict=True))
    wanted = linear_model.Ridge(alpha=1.0).fit(X, Y)
    found = Ridge.fit(parts, [], 5)
    np.testing.assert_allclose(found.weights[1:, 0], wanted.coef_.ravel(), atol=1e-8)


def test_a_regression_in_blocks_is_that_of_all_rows(monkeypatch):
    y, u = process(400, noise=0.3)
    parts = [(y[:250], u[:250]), (y[30:90], u[30:90])], [(y[247:], u[247:])], 3
    whole = Ridge.fit(*parts)
    monkeypatch.setattr(baselines, "BLOCK", 7)
    in_blocks = Ridge.fit(*parts)
    assert in_blocks.penalty == whole.penalty
    np.testing.assert_allclose(in_blocks.weights, whole.weights, rtol=1e-9, atol=1e-12)
