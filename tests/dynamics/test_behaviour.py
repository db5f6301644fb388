"""Maps that are known to settle, to oscillate, or to be chaotic."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses

from throughtime.dynamics import maps
from throughtime.dynamics.behaviour import (
    CHAOTIC,
    OSCILLATES,
    QUASI,
    SETTLES,
    behaviour,
    find_period,
)
from throughtime.dynamics.systems import system
from throughtime.recurrence.cells import RNN

pytestmark = pytest.mark.usefixtures("float64")


def linear(W):
    cell = RNN(1, len(W), "identity", dtype="float64", key=0)
    weights = jnp.asarray(W), jnp.zeros(len(W))
    return maps.map_of_cell(eqx.tree_at(lambda c: (c.W, c.b), cell, weights))


def rotation(period):
    angle = 2 * np.pi / period
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@pytest.mark.parametrize("rho", [0.5, 0.9, 0.995, 0.998])
def test_a_contraction_settles(rho):
    found = behaviour(linear(rho * rotation(7.3)), 2048)
    assert found.kind == SETTLES
    assert found.spectrum.exponents[0] == pytest.approx(np.log(rho), abs=1e-9)
    assert "settles at (" in found.describe()


def test_a_map_onto_a_point_has_no_infinity_in_its_text():
    found = behaviour(linear(np.zeros((2, 2))), 256)
    assert found.kind == SETTLES and np.isneginf(found.spectrum.exponents[0])
    assert found.describe() == "It settles at (0, 0); nearby states meet within a step."


def test_a_line_of_fixed_points_keeps_distances():
    """Where it settles, depends on where it starts: an exponent of 0 is no sign of motion."""
    found = behaviour(linear(np.diag([1.0, 0.0])), 256)
    assert found.kind == SETTLES
    assert found.describe().endswith(
        "depends on where it starts: nearby states keep their distance."
    )


@pytest.mark.parametrize("period", [2.0, 3.0, 7.3, 41.9])
def test_a_rotation_oscillates_with_its_period(period):
    found = behaviour(linear(rotation(period)), 2048)
    assert found.kind == OSCILLATES and found.period == pytest.approx(period, rel=1e-6)
    assert f"period of {period:.5g}" in found.describe()


def test_two_rotations_that_no_period_fits_are_quasi_periodic():
    both = np.zeros((4, 4))
    both[:2, :2], both[2:, 2:] = rotation(7.3), rotation(np.sqrt(90))
    assert behaviour(linear(both), 1024).kind == QUASI


@pytest.mark.parametrize("seed", range(4))
def test_a_strong_random_net_is_chaotic(seed):
    cell = RNN(1, 500, key=0)
    W = 3 * np.random.default_rng(seed).normal(size=(500, 500)) / np.sqrt(500)
    weights = jnp.asarray(W, jnp.float32), jnp.zeros(500, jnp.float32)
    cell = eqx.tree_at(lambda c: (c.W, c.b), cell, weights)
    found = behaviour(maps.map_of_cell(cell, seed=seed), 400)
    assert found.kind == CHAOTIC and found.spectrum.exponents[0] > 0.2


@pytest.mark.parametrize(
    "name, parameters, kind, period",
    [
        ("lorenz63", {}, CHAOTIC, None),
        ("lorenz63", {"rho": 14.0}, SETTLES, None),
        ("rossler", {"c": 2.5}, OSCILLATES, None),
        ("van-der-pol", {}, OSCILLATES, 6.6633),
        ("oscillator", {}, OSCILLATES, 2 * np.pi / 1.2),
        ("fitzhugh-nagumo", {}, OSCILLATES, None),
        ("henon", {}, CHAOTIC, None),
        ("logistic", {"r": 3.5}, OSCILLATES, 4),
        ("logistic", {"r": 3.83}, OSCILLATES, 3),
        ("logistic", {"r": 2.8}, SETTLES, None),
    ],
)
def test_systems(name, parameters, kind, period):
    found = behaviour(maps.map_of_system(system(name, **parameters)), 1500)
    assert found.kind == kind, found.describe()
    if period is not None:
        assert found.period == pytest.approx(period, rel=1e-4)


def test_a_doubled_period_is_found():
    n = np.arange(3000)[:, None]
    y = np.sin(2 * np.pi * n / 20) + 0.1 * np.sin(2 * np.pi * n / 40)
    period, left = find_period(y)
    assert period == pytest.approx(40, rel=1e-6) and left < 1e-8
    noise = np.random.default_rng(0).normal(size=(1000, 1))
    assert find_period(noise)[1] > 0.5


def test_what_goes_to_infinity_is_refused():
    with refuses("stay finite"):
        behaviour(linear(1.5 * rotation(7.3)))
    with refuses("`steps`"):
        behaviour(linear(rotation(7.3)), 10)


def test_a_long_transient_hides_no_cycle():
    found = behaviour(maps.map_of_system(system("logistic", r=3.9605)))
    assert found.kind == "oscillates" and found.period == pytest.approx(4)


def test_a_run_that_is_too_short_is_undecided():
    """Rossler's exponent of .07 is e to the power 6 over 80 units of time."""
    found = behaviour(maps.map_of_system(system("rossler"), 0.1), 800)
    assert found.kind == "is undecided" and "Observe more steps" in found.describe()
    assert behaviour(maps.map_of_system(system("rossler"), 0.1), 2048).kind == "is chaotic"


def test_a_line_drifts():
    step = maps.Map(lambda n, rows: rows + 0.1, jnp.zeros(1), lambda rows: rows)
    found = behaviour(step, 512)
    assert found.kind == "drifts" and "drifts away" in found.describe()
