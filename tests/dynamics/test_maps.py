"""Maps against the runs they stand for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from fast_compilation import quick_jit

from throughtime.dynamics import maps
from throughtime.dynamics.simulate import simulate
from throughtime.dynamics.systems import system
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.cells import RNN
from throughtime.recurrence.rollout import rollout


def network(**shape):
    return Architecture(**{"input_size": 2, "output_size": 2, "hidden": 5, **shape}).build(0)


CONTEXT = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "esn"])
@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("carry", [True, False])
def test_a_network_runs_as_its_rollout(cell, horizon, carry):
    net = network(cell=cell, output_size=2 * horizon)
    expected = quick_jit(rollout)(net, jnp.asarray(CONTEXT)[None], 6 * horizon, carry=carry)[0]
    found = maps.map_of_network(net, CONTEXT, carry=carry)
    seen = found.observe(found.run(6))
    # (with `carry` the first block has been given when the map starts)
    first = 2 * horizon - 1 if carry else horizon - 1
    np.testing.assert_allclose(
        seen[: 6 - carry], expected[first::horizon][: 6 - carry], atol=1e-6
    )
    assert found.dt == horizon


def test_inputs_are_held():
    net = network(input_size=3)
    inputs = jnp.full((1, 20, 1), 0.7)
    expected = quick_jit(rollout)(net, jnp.asarray(CONTEXT)[None], 8, inputs, carry=True)[0]
    found = maps.map_of_network(net, CONTEXT, np.array([0.7], np.float32))
    np.testing.assert_allclose(found.observe(found.run(7)), expected[1:], atol=1e-6)


def test_a_centred_network_runs_over_its_window():
    net = network(centred=2, last=True)
    expected = quick_jit(rollout)(net, jnp.asarray(CONTEXT)[None], 5)[0]
    found = maps.map_of_network(net, CONTEXT, carry=False)
    np.testing.assert_allclose(found.observe(found.run(5)), expected, atol=1e-5)
    with refuses("`carry=True`"):
        maps.map_of_network(net, CONTEXT)


def test_a_system_runs_as_it_is_solved():
    found = maps.map_of_system(system("lorenz63"), substeps=2)
    with jax.enable_x64(True):
        found = maps.map_of_system(system("lorenz63"), substeps=2)
        states = found.run(50)
    expected = simulate(system("lorenz63"), 50, scheme="rk4", substeps=2)
    np.testing.assert_allclose(states, expected[1:], rtol=1e-9)
    assert found.dt == 0.02 and found.transient == 1000


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "esn"])
def test_tangents_are_those_of_the_step(cell, float64):
    net = maps.to_float64(network(cell=cell, dtype="float64"))
    found = maps.map_of_network(net, CONTEXT.astype(np.float64))
    n = len(found.start)
    expected = jax.jit(jax.jacobian(lambda s: found.step(0, s[None])[0]))(found.start)
    np.testing.assert_allclose(jax.jit(found.jacobian)(found.start), expected, atol=1e-12)
    after, tangents = jax.jit(found.tangent)(0, found.start, jnp.eye(n)[:2])
    np.testing.assert_allclose(tangents, np.asarray(expected).T[:2], atol=1e-12)
    np.testing.assert_allclose(after, found.step(0, found.start[None])[0], atol=1e-14)


def test_a_cell_runs_with_an_input_that_is_held():
    cell = RNN(1, 4, key=0)
    found = maps.map_of_cell(cell, np.array([0.5], np.float32), seed=1)
    h = found.start
    expected = cell.step(cell.drive(jnp.full((1, 1, 1), 0.5))[0], h[None])
    np.testing.assert_allclose(found.run(1), expected, atol=1e-6)


def test_a_transient_is_run_once():
    found = maps.map_of_system(system("duffing"))  # driven: the number of the step matters
    settled = found.settled()
    np.testing.assert_allclose(
        settled.run(5), found.run(found.transient + 5)[-5:], rtol=1e-3, atol=1e-3
    )
    assert settled.transient == 0 and settled.settled() is settled


def test_what_does_not_fit_is_refused():
    with refuses("2 targets and 1 inputs"):
        maps.map_of_network(network(), CONTEXT, np.ones(1, np.float32))
    with refuses("1 of 3 steps"):
        maps.map_of_network(network(output_size=6), CONTEXT[:1], carry=False)
