"""Exponents against theory, and against those published."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses

from throughtime.dynamics.lyapunov import kaplan_yorke, lyapunov_of_system, lyapunov_spectrum
from throughtime.dynamics.systems import system


def linear(W):
    return lambda n, state, tangents: (W @ state, tangents @ W.T)


def test_of_a_linear_map_they_are_the_logarithms_of_the_moduli(float64):
    rng = np.random.default_rng(0)
    moduli = np.array([1.1, 0.9, 0.9, 0.3])
    D = np.diag([1.1, 0, 0, 0.3])
    D[1:3, 1:3] = 0.9 * np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])
    P = rng.normal(size=(4, 4))
    W = jnp.asarray(P @ D @ np.linalg.inv(P))
    found = lyapunov_spectrum(linear(W), jnp.zeros(4), 4, 3000)
    np.testing.assert_allclose(found.exponents, np.log(moduli), atol=2e-3)
    assert found.exponents.sum() == pytest.approx(np.log(abs(np.linalg.det(W))), abs=1e-10)


def test_of_a_normal_map_they_are_the_logarithms_of_the_singular_values(float64):
    Q = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    values = np.array([2.0, 1.5, 1.0, 0.5, 0.1])
    W = jnp.asarray(Q @ np.diag(values) @ Q.T)
    found = lyapunov_spectrum(linear(W), jnp.zeros(5), 5, 500, time=0.5)
    np.testing.assert_allclose(found.exponents, np.log(values) / 0.5, atol=1e-10)
    assert found.times[-1] == 250


@pytest.mark.parametrize("seed", range(4))
def test_a_direction_that_dies_at_once_has_no_finite_exponent(float64, seed):
    """A map of rank 2: what rounding leaves of the other directions is not an exponent."""
    rng = np.random.default_rng(seed)
    W = np.zeros((4, 4))  # in the basis of its first two dimensions, exactly of rank 2
    W[:2] = rng.normal(size=(2, 4))
    W[:2, :2] = [[0.9, W[0, 1]], [0, 0.5]]
    mixed = rng.permutation(4)
    found = lyapunov_spectrum(linear(jnp.asarray(W[mixed][:, mixed])), jnp.zeros(4), 4, 400)
    np.testing.assert_allclose(found.exponents[:2], np.log([0.9, 0.5]), atol=0.05)
    assert np.isneginf(found.exponents[2:]).all()


def test_lorenz_63():
    found = lyapunov_of_system(system("lorenz63"), time=600, substeps=4)
    published = system("lorenz63").exponents
    assert found.exponents[0] == pytest.approx(published[0], rel=0.02)
    assert found.exponents[1] == pytest.approx(0, abs=0.01)
    assert found.exponents[2] == pytest.approx(published[2], rel=0.01)
    assert found.exponents.sum() == pytest.approx(-41 / 3, abs=1e-3)
    assert found.kaplan_yorke == pytest.approx(2.06, abs=0.01)
    assert abs(found.exponents[0] - published[0]) < 5 * found.errors[0]


def test_maps():
    henon = lyapunov_of_system(system("henon"), time=50_000)
    np.testing.assert_allclose(henon.exponents, [0.419, -1.623], atol=0.004)
    assert henon.exponents.sum() == pytest.approx(np.log(0.3), abs=1e-12)
    logistic = lyapunov_of_system(system("logistic"), time=50_000)
    assert logistic.exponents[0] == pytest.approx(np.log(2), abs=1e-3)


def test_the_driven_damped_oscillators_exponents_are_those_of_its_friction():
    found = lyapunov_of_system(system("oscillator"), time=400)
    np.testing.assert_allclose(found.exponents, [-0.1, -0.1], atol=2e-3)
    assert found.kaplan_yorke == 0 and found.lyapunov_time == float("inf")


def test_of_a_delay_the_largest_are_found():
    found = lyapunov_of_system(system("mackey-glass", delay=17.0), time=3000, exponents=3)
    assert found.exponents.shape == (3,) and found.dimensions == 3 * 171
    assert 0.003 < found.exponents[0] < 0.008  # Farmer 1982: .007


def test_the_dimension_of_kaplan_and_yorke():
    assert kaplan_yorke([0.906, 0.0, -14.572]) == pytest.approx(2 + 0.906 / 14.572)
    assert kaplan_yorke([-0.1, -0.2]) == 0
    assert kaplan_yorke([0.2, 0.1]) == 2
    assert kaplan_yorke([0.2, 0.1], complete=False) is None


def test_the_convergence_is_told(float64):
    W = jnp.asarray(np.diag([0.9, 0.5]))
    found = lyapunov_spectrum(linear(W), jnp.ones(2), 1, 50)
    assert found.running.shape == (50, 1) and found.dimensions == 2
    assert found.kaplan_yorke == 0  # the largest is below 0
    np.testing.assert_allclose(found.running[-1], found.exponents)


def test_it_is_the_same_from_any_first_directions(float64):
    step = jax.jit(lambda y: jnp.stack([1 - 1.4 * y[0] ** 2 + y[1], 0.3 * y[0]]))

    def advance(n, state, tangents):
        state, forward = jax.linearize(step, state)
        return state, jax.vmap(forward)(tangents)

    start = jnp.array([0.1, 0.1])
    one, other = (lyapunov_spectrum(advance, start, 2, 4000, seed=seed) for seed in (0, 1))
    np.testing.assert_allclose(one.exponents, other.exponents, atol=1e-8)


def test_bad_arguments_are_refused():
    lorenz = system("lorenz63")
    with refuses("3 exponents"):
        lyapunov_of_system(lorenz, exponents=4)
    with refuses("`time / dt`"):
        lyapunov_of_system(lorenz, time=0.001)
    with refuses("`dt`"):
        lyapunov_of_system(lorenz, dt=-1.0)
    blow = system("henon", a=3.0)
    with refuses("stay finite"):
        lyapunov_of_system(blow, time=100)
