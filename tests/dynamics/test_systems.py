"""Laws against what is known of them: conserved energies, divergences, closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses

from throughtime.dynamics.simulate import simulate
from throughtime.dynamics.systems import FLOW, SYSTEMS, System, system


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_runs_from_its_start(name):
    found = system(name)
    y = simulate(found, 50, scheme="rk4")
    assert y.shape == (51, len(found.variables)) and np.isfinite(y).all()
    np.testing.assert_array_equal(y[0], found.start)
    assert np.ptp(y[:, 0]) > 0
    assert found.about and found.source


def test_the_lorenz_equations_shrink_volumes_by_the_trace(float64):
    found = system("lorenz63")
    J = jax.jacobian(lambda y: found.law(0.0, y, found.parameters, ()))(jnp.array([1.0, -2, 3]))
    assert np.trace(J) == pytest.approx(-10 - 1 - 8 / 3, abs=1e-12)
    assert sum(found.exponents) == pytest.approx(-10 - 1 - 8 / 3, abs=1e-3)


def test_a_pendulum_without_friction_keeps_its_energy():
    free = system("pendulum", damping=0.0)
    angle, speed = simulate(free, 400, scheme="rk4", substeps=20).T
    energy = speed**2 / 2 - 9.81 * np.cos(angle)
    np.testing.assert_allclose(energy, energy[0], rtol=1e-8)


def test_a_pendulum_swings_with_the_period_of_the_elliptic_integral():
    from scipy.special import ellipk

    free, start = system("pendulum", damping=0.0), (1.5, 0.0)
    period = 4 / np.sqrt(9.81) * ellipk(np.sin(0.75) ** 2)
    y = simulate(free, 1, dt=period, start=start, scheme="rk4")
    np.testing.assert_allclose(y[1], start, atol=1e-7)


def test_a_double_pendulum_keeps_its_energy():
    states = simulate(system("double-pendulum"), 300, scheme="rk4", substeps=10)
    first, second, speed, other = states.T
    motion = speed**2 + other**2 / 2 + speed * other * np.cos(first - second)
    height = -2 * np.cos(first) - np.cos(second)
    energy = motion + 9.81 * height
    np.testing.assert_allclose(energy, energy[0], atol=1e-6)


def test_prey_and_hunters_keep_the_integral_of_lotka_and_volterra():
    found = system("lotka-volterra")
    p, (prey, hunters) = found.parameters, simulate(found, 300, scheme="rk4", substeps=50).T
    kept = p["growth"] * prey - p["death"] * np.log(prey)
    kept += p["eaten"] * hunters - p["birth"] * np.log(hunters)
    np.testing.assert_allclose(kept, kept[0], rtol=1e-8)


@pytest.mark.parametrize("name", ["van-der-pol", "oscillator"])
def test_a_cycle_closes_after_its_known_period(name):
    found = system(name)
    options = {"dt": found.period, "transient": 20 * found.period, "scheme": "rk4"}
    y = simulate(found, 1, **options)
    np.testing.assert_allclose(y[1], y[0], atol=1e-4)


def test_the_driven_oscillator_has_the_amplitude_of_resonance():
    p = system("oscillator").parameters
    x = simulate(system("oscillator"), 400, transient=200.0, scheme="rk4")[:, 0]
    w, k, c = p["frequency"], p["stiffness"], p["damping"]
    assert np.abs(x).max() == pytest.approx(1 / np.hypot(k - w**2, c * w), rel=1e-3)


def test_the_waves_of_lorenz_96_keep_their_energy_without_force_and_friction(float64):
    found = system("lorenz96")
    x = jnp.asarray(np.random.default_rng(0).normal(size=40))
    slope = found.law(0.0, x, {"force": 0.0}, ()) + x
    assert float(x @ slope) == pytest.approx(0, abs=1e-12)


def test_logistic_map_has_its_closed_form():
    x = simulate(system("logistic"), 20, start=(np.sin(0.3) ** 2,))[:, 0]
    np.testing.assert_allclose(x, np.sin(2.0 ** np.arange(21) * 0.3) ** 2, atol=1e-8)


def test_a_flame_front_keeps_its_mean():
    y = simulate(system("kuramoto-sivashinsky"), 200)
    np.testing.assert_allclose(y.mean(axis=1), y[0].mean(), atol=1e-12)
    assert np.abs(y[-1]).max() > 1


def test_parameters_are_changed_by_name_and_what_was_known_is_dropped():
    changed = system("lorenz63", rho=14.0)
    assert changed.parameters["rho"] == 14 and changed.exponents == ()
    assert changed.lyapunov_time is None
    assert system("lorenz63", rho=28.0).lyapunov_time == pytest.approx(1.104, abs=1e-3)


def test_what_is_not_known_is_refused():
    with refuses("Did you mean `lorenz63`"):
        system("lorentz63")
    with refuses("`tau`"):
        system("lorenz63", tau=1.0)
    with refuses("finite"):
        system("lorenz63", rho=float("nan"))


def test_a_system_of_ones_own():
    decay = System("decay", "", "", ("x",), lambda t, y, p, u: -p["k"] * y, {"k": 2.0}, (1.0,))
    y = simulate(decay, 10, dt=0.1)
    assert decay.kind == FLOW
    np.testing.assert_allclose(y[:, 0], np.exp(-0.2 * np.arange(11)), rtol=1e-8)
