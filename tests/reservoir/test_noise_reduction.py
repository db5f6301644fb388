"""Noise taken away by a map, against the smoother of linear maps and against known flows."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from throughtime.reservoir.closed_loop import Features, Settings
from throughtime.reservoir.monomials import monomial_slopes, monomials
from throughtime.reservoir.noise_filter import NoiseFilter
from throughtime.reservoir.noise_reduction import (
    _estimate,
    _evidence,
    _regression,
    find_filter,
    measurement_noise,
)
from throughtime.reservoir.ridge import Readout
from throughtime.reservoir.series_traits import series_traits
from throughtime.reservoir.trajectory_smoothing import (
    Noise,
    as_weights,
    linearise,
    smoothed_trajectory,
)

TURN = 0.98 * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
LINEAR = Features(Settings(residual=False), None)
KNOWN = Readout(TURN, np.array([0.1, -0.2]))


def no_inputs(y):
    return y, np.zeros((len(y), 0))


def linear_series(steps, sigma, q, seed=0):
    """A damped rotation with noise of its own, and noise of the measurement."""
    rng, s = np.random.default_rng(seed), [np.array([1.0, 0.0])]
    for _ in range(steps - 1):
        s.append(KNOWN(s[-1]) + q * rng.normal(size=2))
    truth = np.array(s)
    return truth, truth + sigma * rng.normal(size=truth.shape)


def kalman(y, sigma, q, wide=1e6):
    """Kalman's filter and the smoother of Rauch, Tung and Striebel; the log-likelihood."""
    A, c = KNOWN
    mean, P, means, spreads, ahead, likelihood = np.zeros(2), wide * np.eye(2), [], [], [], 0.0
    for t, value in enumerate(y):
        if t:
            mean, P = A @ mean + c, A @ P @ A.T + q**2 * np.eye(2)
            ahead.append((mean, P))
        S = P + sigma**2 * np.eye(2)
        gap = value - mean
        if t:
            likelihood -= (gap @ np.linalg.solve(S, gap) + np.linalg.slogdet(S)[1]) / 2
        gain = P @ np.linalg.inv(S)
        mean, P = mean + gain @ gap, P - gain @ P
        means.append(mean)
        spreads.append(P)
    smooth = [means[-1]]
    for t in range(len(y) - 2, -1, -1):
        predicted, Q = ahead[t]
        gain = spreads[t] @ A.T @ np.linalg.inv(Q)
        smooth.append(means[t] + gain @ (smooth[-1] - predicted))
    return np.array(smooth[::-1]), likelihood


def lorenz(steps, dt=0.02, fine=20):
    """Lorenz-63 by Runge-Kutta steps, standardised."""

    def slope(y):
        a, b, c = y
        return np.array([10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c])

    y, found, h = np.array([1.0, 2.0, 20.0]), [], dt / fine
    for step in range(steps + 500):
        for _ in range(fine):
            k1 = slope(y)
            k2 = slope(y + h / 2 * k1)
            k3 = slope(y + h / 2 * k2)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(y + h * k3))
        if step >= 500:
            found.append(y)
    found = np.array(found)
    return (found - found.mean(axis=0)) / found.std(axis=0)


def test_slopes_of_monomials_are_their_derivatives():
    x = np.random.default_rng(0).normal(size=(4, 3))
    for order in (1, 2, 4):
        slopes = monomial_slopes(x, order)
        for row, point in zip(slopes, x, strict=True):
            numeric = approx_fprime(point, lambda p, n=order: monomials(p[None], n)[0], 1e-7)
            np.testing.assert_allclose(row, numeric, atol=2e-5)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(order=3),
        Settings(delays=3, spacing=2, order=2),
        Settings(units=6, radius=0.0, order=2),
        Settings(delays=2, order=2, residual=False),
    ],
    ids=["order", "delays", "units", "value"],
)
def test_downhill_is_minus_the_gradient(settings):
    rng = np.random.default_rng(1)
    features = Features(settings, settings.draw(2, 1))
    pair = rng.normal(size=(9, 2)), rng.normal(size=(9, 1))
    count = features.along(*pair).shape[1] + 1
    weights, noise = 0.2 * rng.normal(size=(count, 2)), Noise(np.array([0.5, 0.8]), np.ones(2))
    s = rng.normal(size=(9, 2))

    def J(flat):
        return linearise(features, weights, pair, flat.reshape(9, 2), noise).value

    numeric = approx_fprime(s.ravel(), J, 1e-7)
    downhill = linearise(features, weights, pair, s, noise).downhill
    np.testing.assert_allclose(downhill.ravel(), -numeric, rtol=1e-4, atol=1e-4)


def test_a_linear_map_smooths_as_rauch_tung_and_striebel():
    _, y = linear_series(80, 0.3, 0.05)
    noise = Noise(np.full(2, 0.3), np.full(2, 0.05))
    found = smoothed_trajectory(LINEAR, KNOWN, no_inputs(y), noise, y)
    np.testing.assert_allclose(found, kalman(y, 0.3, 0.05, 1e9)[0], atol=1e-6)


def test_the_evidence_of_a_linear_map_is_kalmans_likelihood():
    """They differ by a constant, which does not depend on the noises."""
    _, y = linear_series(60, 0.3, 0.05)
    pair, weights = no_inputs(y), as_weights(KNOWN)

    def difference(sigma, q):
        noise = Noise(np.full(2, sigma), np.full(2, q))
        s = smoothed_trajectory(LINEAR, KNOWN, pair, noise, y)
        likelihood = kalman(y, sigma, q, 1e9)[1]
        return _evidence(LINEAR, weights, [pair], [s], noise) - likelihood

    others = [difference(*at) for at in ((0.3, 0.02), (0.2, 0.1), (0.5, 0.5))]
    np.testing.assert_allclose(others, difference(0.3, 0.05), atol=1e-4)


def test_the_map_is_estimated_without_the_bias_of_a_regression():
    """Noise in what is read makes a regression's weights too small; together they are right."""
    truth, y = linear_series(1500, 0.5, 0.2, seed=3)
    features = Features(Settings(residual=False), None)
    plain = _regression(features, [no_inputs(y)], [y])
    found = _estimate(features, [no_inputs(y)], np.full(2, 0.5), 0)
    exact = as_weights(KNOWN)
    assert np.abs(plain - exact).max() > 0.1
    assert np.abs(found.weights - exact).max() < 0.05
    assert found.ratio == 0.3  # of .2 / .5 = .4
    smoothed = found.trajectories[0]
    assert (smoothed - truth).std() < 0.8 * (y - truth).std()


def test_the_noise_of_a_chaotic_flow_goes():
    """A local cubic leaves .3 of it; the map that is found leaves less than .15."""
    truth = lorenz(2500)
    y = truth + 0.03 * np.random.default_rng(0).normal(size=truth.shape)
    known = find_filter([no_inputs(y[:2000])], series_traits([y]), 100)
    assert known is not None
    assert known.features.settings.order >= 2
    assert np.all(np.abs(known.noise.sigma / 0.03 - 1) < 0.1)
    left = known.smooth(no_inputs(y[2000:])) - truth[2000:]
    assert (left[20:-20].std(axis=0) < 0.15 * 0.03).all()
    assert (np.abs(left[-1]) < 0.03).all()


def test_pieces_join_without_a_seam():
    _, y = linear_series(4000, 0.3, 0.05)
    noise = Noise(np.full(2, 0.3), np.full(2, 0.05))
    known = NoiseFilter(LINEAR, KNOWN, noise, 0)
    whole = smoothed_trajectory(LINEAR, KNOWN, no_inputs(y), noise, y)
    np.testing.assert_allclose(known.smooth(no_inputs(y)), whole, atol=1e-6)


def test_what_no_map_explains_stays():
    """A smooth random curve with noise has no law of few weights."""
    rng = np.random.default_rng(0)
    smooth = np.convolve(rng.normal(size=3000), np.hanning(41), "valid")
    y = (smooth / smooth.std())[:, None] + 0.05 * rng.normal(size=(len(smooth), 1))
    assert find_filter([no_inputs(y)], series_traits([y]), 100) is None


def test_a_series_on_which_the_map_fails_stays_as_it_is():
    cubic = Features(Settings(order=3), None)
    readout = Readout(np.full((1, 3), 1e200), np.zeros(1))
    y = np.random.default_rng(0).normal(size=(50, 1))
    known = NoiseFilter(cubic, readout, Noise(np.ones(1), np.full(1, 1e-3)), 0)
    np.testing.assert_array_equal(known.smooth(no_inputs(y)), y)
    np.testing.assert_array_equal(known.smooth(no_inputs(y[:2])), y[:2])


def test_the_noise_of_each_variable_is_its_own():
    truth = lorenz(3000)
    scales = np.array([0.01, 0.03, 0.1])
    y = truth + scales * np.random.default_rng(0).normal(size=truth.shape)
    assert np.all(np.abs(measurement_noise(y) / scales - 1) < 0.1)
