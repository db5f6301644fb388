"""Settings that were not given: found by free runs, and put into the units of the series."""

import numpy as np
import pytest
from conftest import refuses

from throughtime.reservoir.echo_state import EchoStateNetwork
from throughtime.reservoir.monomials import change_of_units, monomials
from throughtime.reservoir.next_generation import NextGeneration
from throughtime.reservoir.unset_settings import found_reservoir

pytestmark = pytest.mark.usefixtures("few_reservoirs")


def henon(steps):
    y = np.zeros((steps, 2))
    for t in range(1, steps):
        y[t] = 1 - 1.4 * y[t - 1, 0] ** 2 + y[t - 1, 1], 0.3 * y[t - 1, 0]
    return y


@pytest.mark.parametrize("order", [1, 2, 4])
def test_monomials_of_standardised_values_are_those_of_the_values(order):
    rng = np.random.default_rng(order)
    x, mean, scale = rng.normal(size=(30, 3)), rng.normal(size=3), rng.uniform(0.5, 2, 3)
    change = change_of_units(mean, scale, order)
    wanted = monomials((x - mean) / scale, order)
    np.testing.assert_allclose(monomials(x, order) @ change, wanted, atol=1e-12)


def test_a_polynomial_of_a_map_is_the_map_in_its_own_units():
    """Of y = 50 + 20 x, for the Henon map x: free runs are those of the law."""
    y, ahead = 50 + 20 * henon(460)[:, :1], 15
    found = NextGeneration.fit(y[:400])
    assert found.delays >= 2 and found.order >= 2
    np.testing.assert_allclose(found.generate(ahead), y[400 : 400 + ahead], atol=1e-2)
    np.testing.assert_allclose(found.predict(y)[:-1], y[found.delays :], atol=1e-5)


def test_what_is_given_of_a_polynomial_stays():
    y = henon(300)
    assert NextGeneration.fit(y, delays=1).order == 2
    assert NextGeneration.fit(y, ridge=0.5).ridge == 0.5


def test_a_network_does_not_depend_on_the_units_of_its_series():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 0.5, (400, 1))
    y = np.zeros((400, 1))
    for t in range(1, 400):
        y[t] = 0.5 * y[t - 1] + np.sin(3 * x[t])
    plain = EchoStateNetwork.for_series(y, x, units=40)
    other = EchoStateNetwork.for_series(1000 + 7 * y, 30 + 2 * x, units=40)
    assert plain.reservoir.units == other.reservoir.units == 40
    first, second = plain.predict(y, x)[0], other.predict(1000 + 7 * y, 30 + 2 * x)[0]
    np.testing.assert_allclose((second[150:] - 1000) / 7, first[150:], atol=1e-4)


def test_several_series_are_read():
    y = henon(300)
    network = EchoStateNetwork.for_series([y[:150], y[150:]], units=35)
    assert network.memory.y == pytest.approx(y[-1])
    assert NextGeneration.fit([y[:150], y[150:]]).generate(3).shape == (3, 2)


def test_the_weights_absorb_mean_and_scale():
    y = henon(200)
    one = found_reservoir([y], [np.zeros((200, 0))], 20, 0).reservoir
    other = found_reservoir([100 + 5 * y], [np.zeros((200, 0))], 20, 0).reservoir
    np.testing.assert_allclose(one.F, 5 * other.F, rtol=1e-6)
    np.testing.assert_allclose(one.F @ y[7] + one.b, other.F @ (100 + 5 * y[7]) + other.b)


@pytest.mark.parametrize("fit", [EchoStateNetwork.for_series, NextGeneration.fit])
def test_what_cannot_be_searched(fit):
    with refuses("settings are searched on a series of at least 30 steps; got 20."):
        fit(np.arange(20.0) % 3)
    with refuses("a series must vary"):
        fit(np.ones(50))
    with refuses("`series` must have 2 columns"):
        fit([henon(50), henon(50)[:, :1]])


def test_inputs_match_the_series():
    y = henon(100)
    with refuses("`inputs` must have 100 steps"):
        EchoStateNetwork.for_series(y, y[:50])
    with refuses("there must be a series, and inputs for each"):
        EchoStateNetwork.for_series(y, [y, y])
    with refuses("`units`"):
        EchoStateNetwork.for_series(y, units=0)
