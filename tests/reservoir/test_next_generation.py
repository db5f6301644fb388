"""The next-generation reservoir against maps that it contains."""

import math

import numpy as np
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st

from throughtime.reservoir.monomials import monomials
from throughtime.reservoir.next_generation import NextGeneration


def henon(steps, a=1.4, b=0.3):
    y = [np.array([0.1, 0.2])]
    for _ in range(steps - 1):
        y.append(np.array([1 - a * y[-1][0] ** 2 + y[-1][1], b * y[-1][0]]))
    return np.array(y)


def logistic(steps, r=3.9):
    y = [0.3]
    for _ in range(steps - 1):
        y.append(r * y[-1] * (1 - y[-1]))
    return np.array(y)[:, None]


@given(columns=st.integers(1, 5), order=st.integers(1, 4), seed=st.integers(0, 99))
def test_monomials_are_as_many_as_there_are_and_the_powers_are_among_them(columns, order, seed):
    x = np.random.default_rng(seed).uniform(0.5, 2, (3, columns))
    found = monomials(x, order)
    assert found.shape == (3, math.comb(columns + order, order))
    np.testing.assert_array_equal(found[:, 0], 1)
    np.testing.assert_array_equal(found[:, 1 : 1 + columns], x)
    for column in x.T:
        assert np.isclose(found, (column**order)[:, None]).all(axis=0).any()
    ones = monomials(np.full((1, columns), 2.0), order)
    powers = np.bincount(np.log2(ones[0]).astype(int))
    degrees = [
        round(np.prod([(columns + i) / (i + 1) for i in range(d)])) for d in range(order + 1)
    ]
    np.testing.assert_array_equal(powers, degrees)


def test_the_logistic_map_is_found():
    network = NextGeneration.fit(logistic(50), delays=1, ridge=0)
    np.testing.assert_allclose(network.readout.V, [[0, 3.9 - 1, -3.9]], atol=1e-12)
    np.testing.assert_array_equal(network.readout.c, 0)


def test_the_henon_map_is_found_and_continued():
    y = henon(120)
    network = NextGeneration.fit(y[:100], delays=1, ridge=0)
    # 1, y1, y2, y1 y1, y1 y2, y2 y2
    expected = [[1, -1, 1, -1.4, 0, 0], [0, 0.3, -1, 0, 0, 0]]
    np.testing.assert_allclose(network.readout.V, expected, atol=1e-10)
    np.testing.assert_allclose(network.generate(15), y[100:115], atol=1e-6)
    np.testing.assert_allclose(network.generate(15, y[:30]), y[30:45], atol=1e-6)
    np.testing.assert_allclose(network.predict(y[:-1]), y[1:], atol=1e-10)


def test_a_map_of_one_column_and_its_delay_is_found():
    """Henon's first column alone: y_{t+1} = 1 - a y_t^2 + b y_{t-s}, spaced by s."""
    spacing = 3
    y = [0.1, 0.2, 0.0, 0.1]
    for _ in range(300):
        y.append(1 - 1.2 * y[-1] ** 2 + 0.2 * y[-1 - spacing])
    y = np.array(y)[:, None]
    network = NextGeneration.fit([y[:150], y[150:280]], 2, spacing, ridge=0)
    expected = [[1, -1, 0.2, -1.2, 0, 0]]
    np.testing.assert_allclose(network.readout.V, expected, atol=1e-9)
    np.testing.assert_allclose(network.generate(10), y[280:290], atol=1e-6)
    assert network.predict(y).shape == (len(y) - spacing, 1)


def test_a_cubic_map_needs_the_order_of_three():
    y = [0.4]
    for _ in range(80):
        y.append(2.6 * y[-1] * (1 - y[-1] ** 2))
    y = np.array(y)[:, None]
    cubic = NextGeneration.fit(y, delays=1, order=3, ridge=0)
    np.testing.assert_allclose(cubic.readout.V, [[0, 1.6, 0, -2.6]], atol=1e-9)
    quadratic = NextGeneration.fit(y, delays=1, order=2, ridge=0)
    assert np.abs(quadratic.predict(y[:-1]) - y[1:]).max() > 1e-3


def test_all_weights_are_shrunk_as_gauthiers_are():
    y = henon(60)
    network = NextGeneration.fit(y, delays=2, ridge=0.5)
    X = monomials(np.concatenate([y[1:-1], y[:-2]], axis=1), 2)
    V = np.linalg.solve(X.T @ X + 0.5 * np.eye(15), X.T @ (y[2:] - y[1:-1])).T
    np.testing.assert_allclose(network.readout.V, V, rtol=1e-9, atol=1e-12)


def test_noise_raises_the_penalty_that_is_picked():
    y = henon(200)
    noisy = y + 0.05 * np.random.default_rng(0).normal(size=y.shape)
    assert NextGeneration.fit(noisy, 1).ridge > NextGeneration.fit(y, 1).ridge


@pytest.mark.parametrize("name", ["delays", "spacing", "order"])
def test_numbers_under_one_are_refused(name):
    with refuses(f"`{name}` must be a whole number of at least 1; got 0. Raise `{name}`."):
        NextGeneration.fit(henon(20), **{name: 0})


def test_what_cannot_be_fitted_is_refused():
    y = henon(30)
    with refuses("must hold the 31 steps that its delays span; got 29"):
        NextGeneration.fit(y, delays=4, spacing=10)
    with refuses("must hold the 4 steps that its delays span; got 3"):
        NextGeneration.fit(y, delays=4, ridge=1.0).generate(5, y[:3])
    with refuses("the regression must not be singular"):
        NextGeneration.fit(y, delays=2, ridge=0)  # the second delay says what the first says
    with refuses("for its monomials"):
        NextGeneration.fit(y, delays=10, order=9)
    y[3, 1] = np.inf
    with refuses("`series` must be finite; got inf in column 1 at step 3"):
        NextGeneration.fit(y)


def test_a_series_of_one_axis_is_one_column():
    y = logistic(50)
    expected = NextGeneration.fit(y, delays=1, ridge=0)
    for flat in (y[:, 0], y[:, 0].tolist(), [y[:, 0]]):
        found = NextGeneration.fit(flat, delays=1, ridge=0)
        np.testing.assert_array_equal(found.readout.V, expected.readout.V)
        np.testing.assert_array_equal(found.past, expected.past)
    for flat in (y[:20, 0], y[:20, 0].tolist()):
        np.testing.assert_array_equal(expected.predict(flat), expected.predict(y[:20]))
        np.testing.assert_array_equal(expected.generate(5, flat), expected.generate(5, y[:20]))


def test_data_of_other_columns_are_refused():
    y = henon(60)
    network = NextGeneration.fit(y, delays=1, ridge=0.1)
    columns = "must have 2 columns, like the data of the fit; got"
    with refuses(f"`series` {columns} 1"):
        NextGeneration.fit([y, y[:, :1]])
    for wrong in (y[:, :1], y[:, 0], np.ones((60, 3))):
        with refuses(f"`series` {columns}"):
            network.predict(wrong)
        with refuses(f"`past` {columns}"):
            network.generate(3, wrong)
    with refuses("`series` must be of shape (time, columns); got shape (60, 2, 1)"):
        NextGeneration.fit(y[..., None])
    for steps in (0, -1):
        with refuses(f"`steps` must be a whole number of at least 1; got {steps}"):
            network.generate(steps)
