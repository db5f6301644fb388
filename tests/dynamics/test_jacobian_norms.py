"""Norms of products of Jacobians: exact where theory is, and never above its bound."""

import doctest

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses

from throughtime.dynamics import jacobian_norms as module
from throughtime.dynamics.jacobian_norms import jacobian_norms, random_cell
from throughtime.recurrence.unroll import unroll

XS = np.random.default_rng(1).normal(size=(13, 1))
LAGS = np.arange(1, 13)


def norms_of(kind="rnn", radius=0.9, **options):
    cell = random_cell(kind, radius, 6, **options)
    return cell, jacobian_norms(cell, XS)


@pytest.mark.parametrize("radius", [0.9, 1.1])
def test_a_rotation_without_squashing_is_exact(radius):
    _, found = norms_of(radius=radius, rotation=True, activation="identity")
    for part in (found.measured, found.path, found.bound):
        np.testing.assert_allclose(part, LAGS * np.log10(radius), atol=1e-12)
    assert found.radius == pytest.approx(radius) and found.largest == pytest.approx(radius)


def test_a_linear_net_is_a_power_of_its_matrix():
    cell, found = norms_of(activation="identity")
    powers = [np.linalg.norm(np.linalg.matrix_power(np.asarray(cell.W), k), 2) for k in LAGS]
    np.testing.assert_allclose(found.measured, np.log10(powers), atol=1e-12)
    assert found.radius == pytest.approx(0.9)
    np.testing.assert_allclose(found.bound, LAGS * np.log10(found.largest), atol=1e-12)


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_it_is_the_derivative_and_below_its_bound(kind, float64):
    cell, found = norms_of(kind)
    xs = jnp.asarray(XS)[None]
    _, middle = unroll(cell, xs[:, :8])

    def last(flat, unflatten):
        return jax.flatten_util.ravel_pytree(unroll(cell, xs[:, 8:], unflatten(flat))[1])[0]

    by_jax = jax.jacfwd(last)(*jax.flatten_util.ravel_pytree(middle))
    assert found.measured[4] == pytest.approx(np.log10(np.linalg.norm(by_jax, 2)), abs=1e-10)
    assert (found.measured <= found.bound + 1e-12).all()
    if kind == "rnn":  # the largest slope of tanh is 1
        assert (found.bound <= LAGS * np.log10(found.largest) + 1e-12).all()


def test_without_recurrent_weights_the_keep_gates_are_all(float64):
    """Of a GRU all, of an LSTM all that its memory keeps."""
    for kind in ("gru", "lstm"):
        cell = random_cell(kind, 0.9, 6)
        cell = eqx.tree_at(lambda c: c.W, cell, 1e-12 * cell.W)
        found = jacobian_norms(cell, XS)
        if kind == "gru":
            np.testing.assert_allclose(found.measured, found.path, atol=1e-9)
        else:  # h reads the memory by at most 1: its square adds at most as much again
            assert (found.measured >= found.path - 1e-9).all()
            assert (found.measured <= found.path + np.log10(np.sqrt(2)) + 1e-9).all()


def test_saturated_units_pass_nothing_on(float64):
    cell = random_cell("rnn", 0.9, 6, activation="relu")
    cell = eqx.tree_at(lambda c: c.b, cell, cell.b - 100)
    assert np.isneginf(jacobian_norms(cell, XS).measured).all()


def test_the_example_is_true():
    found = doctest.testmod(module)
    assert found.failed == 0 and found.attempted == 3


def test_what_cannot_be_is_refused():
    with refuses("`radius` must be above 0 and finite; got -1"):
        random_cell("rnn", -1)
    with refuses("norms need two steps or more; got 1"):
        jacobian_norms(random_cell("rnn", 1.0, 2), XS[:1])
