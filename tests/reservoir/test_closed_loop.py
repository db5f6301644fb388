"""Closed-loop models against maps whose readout is known, and what data say of themselves."""

from dataclasses import replace

import numpy as np
import pytest

from throughtime.reservoir.closed_loop import Features, Place, Settings, free_runs, places
from throughtime.reservoir.closed_loop_model import (
    ClosedLoopModel,
    filtered_series,
    largest_exponent,
)
from throughtime.reservoir.delay_embedding import embedding_dimension, first_minimum
from throughtime.reservoir.noise_filter import smoothed
from throughtime.reservoir.ridge import Readout
from throughtime.reservoir.series_traits import series_traits


def logistic(steps, r=4.0, start=0.3):
    """The map y -> r y (1 - y)."""
    y = [start]
    for _ in range(steps - 1):
        y.append(r * y[-1] * (1 - y[-1]))
    return np.array(y)[:, None]


def exact_logistic(r=4.0):
    """The map as a model: no reservoir, the monomials y and y^2."""
    features = Features(Settings(order=2, residual=False), None)
    readout = Readout(np.array([[r, -r]]), np.zeros(1))
    y = logistic(200, r)
    past = y, np.zeros((len(y), 0))
    return ClosedLoopModel(np.zeros(1), np.ones(1), features, readout, past)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(units=7, leak=0.6, order=2),
        Settings(delays=3, spacing=2, order=3),
        Settings(units=5, delays=2, spacing=3, order=2, residual=False),
    ],
    ids=["reservoir", "delays", "both"],
)
def test_features_along_a_series_are_those_of_each_step(settings):
    rng = np.random.default_rng(0)
    y, x = rng.normal(size=(30, 2)), rng.normal(size=(30, 1))
    features = Features(settings, settings.draw(2, 1))
    along = features.along(y, x)
    rows = np.arange(settings.span, 30)
    each, _ = features.next(places(features, y, x, rows), x[rows])
    np.testing.assert_allclose(each, along, atol=1e-13)
    assert along.shape[0] == 30 - settings.span


def test_a_run_does_not_begin_before_its_delays():
    """A row before them would be counted from the end of the series."""
    features = Features(Settings(delays=4, spacing=20), None)
    y = np.arange(90.0)[:, None]
    with pytest.raises(IndexError, match="reads 61 steps"):
        places(features, y, np.zeros((90, 0)), np.array([60]))
    np.testing.assert_array_equal(
        places(features, y, np.zeros((90, 0)), np.array([61])).y[0], y[:61]
    )


def test_a_free_run_of_the_exact_map_is_its_orbit():
    model = exact_logistic(3.2)
    np.testing.assert_allclose(
        model.generate(20, past=np.array([[0.3]])), logistic(21, 3.2)[1:], rtol=1e-12
    )


def test_a_run_that_leaves_the_truth_is_given_up():
    model = exact_logistic()
    V, c = (np.stack([part, part]) for part in model.readout)
    place = Place(np.empty((2, 0)), np.array([[[0.3]], [[0.9]]]))
    truth = np.repeat(logistic(61)[1:, None], 2, axis=1)
    found = free_runs(model.features, V, c, place, np.zeros((60, 2, 0)), truth, 1e-3)
    assert np.isnan(found[-1, 1])
    assert np.isfinite(found[:20]).all()


@pytest.mark.parametrize(("r", "exponent"), [(4.0, np.log(2)), (3.2, np.log(0.16) / 2)])
def test_the_exponent_of_the_logistic_map(r, exponent):
    """ln 2 at r = 4; on the cycle of period 2 half the logarithm of 4 + 2r - r^2."""
    found, error, _ = largest_exponent(exact_logistic(r), 1000)
    assert abs(found - exponent) < max(4 * error, 1e-6)


def test_there_is_no_exponent_where_a_run_diverges():
    """Beyond 1 the logistic map goes to minus infinity."""
    model = exact_logistic()
    y, x = model.past
    y = y.copy()
    y[-1] = 1.5
    assert np.isnan(largest_exponent(replace(model, past=(y, x)), 100)[0])


def test_a_known_rotation_filters_noise():
    """With a share of .2 of the data the noise of a blend is a third: sqrt(a / (2 - a))."""
    angle = 0.1
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    features = Features(Settings(residual=False), None)
    truth = np.stack([np.cos(angle * np.arange(4000)), np.sin(angle * np.arange(4000))], axis=1)
    noise = 0.1 * np.random.default_rng(0).normal(size=truth.shape)
    inputs, readout = np.zeros((4000, 0)), Readout(turn, np.zeros(2))
    found = filtered_series(features, readout, truth + noise, inputs, 0.2)
    left = (found - truth)[200:].std() / 0.1
    assert abs(left - np.sqrt(0.2 / 1.8)) < 0.03
    np.testing.assert_array_equal(filtered_series(features, readout, truth, inputs, 1.0), truth)


def test_a_local_cubic_leaves_a_cubic_as_it_is():
    t = np.linspace(-1, 1, 60)[:, None]
    np.testing.assert_allclose(smoothed(t**3 - t, 4), t**3 - t, atol=1e-12)


def test_a_flow_is_told_from_a_map_and_its_noise_is_measured():
    wave = np.sqrt(2) * np.sin(0.1 * np.arange(5000))[:, None]
    noise = 0.05 * np.random.default_rng(0).normal(size=wave.shape)
    clean, noisy = series_traits([wave]), series_traits([wave + noise])
    assert (clean.kind, clean.noise) == ("flow", 0.0)
    assert noisy.kind == "flow"
    assert abs(noisy.noise / 0.05 - 1) < 0.1
    chaos = logistic(2000, 3.9)
    assert series_traits([(chaos - chaos.mean()) / chaos.std()]).kind == "map"


def test_the_embedding_of_a_sine_and_of_maps():
    """A sine: a quarter of its period, and two values. Henon's x needs two, logistic y one."""
    wave = np.sin(2 * np.pi / (40.5 + 1 / np.pi) * np.arange(4000))
    noise = np.random.default_rng(0).normal(size=4000)
    assert abs(first_minimum(wave + 0.3 * noise, 40) - 10) <= 1
    assert embedding_dimension(wave, 10) == 2
    assert embedding_dimension(logistic(3000, 3.9)[:, 0], 1) == 1
    x = [0.1, 0.1]
    for _ in range(3000):
        x.append(1 - 1.4 * x[-1] ** 2 + 0.3 * x[-2])
    assert embedding_dimension(np.array(x), 1) == 2
