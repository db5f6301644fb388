"""Conditional exponents against closed forms, and against the product of Jacobians."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses

import throughtime as tt
from throughtime.dynamics.conditional_exponents import conditional_exponents
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.cells import RNN
from throughtime.recurrence.echo_state_cell import EchoState


def scalar(activation, w, u=1.0, b=0.0):
    cell = RNN(1, 1, activation, dtype=jnp.float64, key=0)
    return eqx.tree_at(
        lambda c: (c.U, c.W, c.b),
        cell,
        (jnp.full((1, 1), u), jnp.full((1, 1), w), jnp.array([b])),
    )


@pytest.mark.parametrize("a", [0.9, -0.3, 1.2])
def test_of_a_linear_unit_it_is_the_logarithm_of_its_weight(float64, a):
    xs = np.random.default_rng(0).normal(size=(300, 1))
    found = conditional_exponents(scalar("identity", a), xs)
    assert found.exponents[0] == pytest.approx(np.log(abs(a)), abs=1e-12)


def test_of_a_tanh_unit_at_its_fixed_point_it_is_that_of_the_slope(float64):
    w, x = 1.5, 0.4
    h = 0.5
    for _ in range(200):
        h = np.tanh(w * h + x)
    found = conditional_exponents(scalar("tanh", w), np.full((400, 1), x))
    assert found.exponents[0] == pytest.approx(np.log(w * (1 - h**2)), abs=1e-6)


def test_they_are_the_rates_of_the_singular_values_of_the_product(float64):
    """Of two units: the larger singular value, and by the determinant the smaller one."""
    cell = EchoState(2, 2, radius=0.95, leak=0.6, bias_scale=0.3, dtype=jnp.float64, key=1)
    xs = np.random.default_rng(2).normal(size=(440, 2))
    W, U, b = (np.asarray(v) for v in (cell.W, cell.U, cell.b))
    found = conditional_exponents(cell, xs, None)
    steps = len(found.times)
    h, product, volume = np.zeros(2), np.eye(2), 0.0
    for t in range(len(xs)):
        f = np.tanh(W @ h + U @ xs[t] + b)
        h = 0.4 * h + 0.6 * f
        if max(10, steps // 10) <= t < max(10, steps // 10) + steps:
            jacobian = 0.4 * np.eye(2) + 0.6 * (1 - f**2)[:, None] * W
            product, volume = jacobian @ product, volume + np.log(abs(np.linalg.det(jacobian)))
    largest = np.log(np.linalg.svd(product)[1][0])
    # A frame that has turned to the fastest direction grows as the singular value, up to O(1).
    assert found.exponents[0] == pytest.approx(largest / steps, abs=2 / steps)
    assert found.exponents.sum() == pytest.approx(volume / steps, abs=1e-10)


def test_a_network_is_driven_as_its_cell(float64):
    network = Architecture(1, 1, cell="esn", hidden=6, dtype="float64").build(0)
    xs = np.random.default_rng(0).normal(size=(60, 1))
    one, other = (conditional_exponents(m, xs) for m in (network, network.cells[0]))
    np.testing.assert_allclose(one.exponents, other.exponents, atol=1e-12)
    assert tt.conditional_exponents is conditional_exponents


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros((50, 1)), "`inputs` must be of shape (time, 2); got (50, 1)"),
        (np.zeros((5, 2)), "need inputs of 20 steps or more; got 5"),
        (np.full((50, 2), np.nan), "`inputs` must be finite"),
    ],
)
def test_inputs_are_checked(inputs, message):
    with refuses(message):
        conditional_exponents(EchoState(2, 4, key=0), inputs)
