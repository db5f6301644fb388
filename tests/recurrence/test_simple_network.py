"""A network of given weights: the equations, and the examples in the docstrings."""

import doctest

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses

from throughtime.recurrence import bptt, simple_network
from throughtime.recurrence.simple_network import simple_network as network_of


@pytest.mark.parametrize("module", [bptt, simple_network])
def test_the_examples_are_true(module):
    names = {"simple_network": network_of}
    found = doctest.testmod(module, extraglobs=names, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.failed == 0 and found.attempted > 2


def test_it_has_the_weights_that_were_given(float64):
    rng = np.random.default_rng(0)
    U, W, b = rng.normal(size=(3, 2)), rng.normal(size=(3, 3)), rng.normal(size=3)
    V, c = rng.normal(size=(1, 3)), rng.normal(size=1)
    xs, h = rng.normal(size=(1, 4, 2)), np.zeros(3)
    ys, _ = network_of(U, W, b, V, c, dtype="float64")(jnp.asarray(xs))
    for x, y in zip(xs[0], ys[0], strict=True):
        h = np.tanh(U @ x + W @ h + b)
        np.testing.assert_allclose(y, V @ h + c, atol=1e-14)


def test_weights_that_do_not_fit_are_refused(as_installed):
    zero = np.zeros
    with refuses("Pass weights of the shapes (3, 2), (3, 3), (3,), (1, 3), (1,)."):
        network_of(zero((3, 2)), zero((3, 3)), zero(2), zero((1, 3)), zero(1))
