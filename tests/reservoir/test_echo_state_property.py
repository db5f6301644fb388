"""Contraction and memory against what is proved of linear reservoirs."""

import numpy as np
import pytest
from conftest import refuses

from throughtime.recurrence.reservoir_weights import Reservoir, ReservoirDesign
from throughtime.reservoir.echo_state_property import echo_state_report, memory_capacity

NONE = np.zeros((400, 0))


def inputs(steps=400, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (steps, 1))


@pytest.mark.parametrize("radius", [0.5, 0.9, 1.05])
@pytest.mark.parametrize("topology", ["cycle", "sparse"])
def test_a_linear_reservoir_forgets_at_the_rate_of_its_radius(topology, radius):
    design = ReservoirDesign(20, 1, 0, topology, 5, radius, activation="linear")
    report = echo_state_report(design.draw(0), inputs(3000), np.zeros((3000, 0)))
    tolerance = 1e-10 if topology == "cycle" else 2e-3
    assert abs(report.rate - np.log(radius)) < tolerance
    np.testing.assert_allclose(report.effective_radius, radius, rtol=1e-8)
    assert report.converged == (radius < 1)
    assert np.isnan(report.saturated)
    if topology == "cycle":  # a multiple of a rotation: all singular values are the radius
        np.testing.assert_allclose(report.bound, radius, rtol=1e-8)


def test_two_states_of_a_cycle_close_in_as_the_weight_to_the_steps():
    design = ReservoirDesign(10, 1, 0, "cycle", radius=0.95, activation="linear")
    report = echo_state_report(design.draw(0), inputs(), NONE)
    np.testing.assert_allclose(report.distance, 0.95**400, rtol=1e-5)


@pytest.mark.parametrize("leak", [0.2, 0.7])
def test_a_leak_moves_the_radius_as_the_eigenvalues_do(leak):
    reservoir = ReservoirDesign(30, 1, 0, incoming=6, radius=0.8, leak=leak).draw(1)
    report = echo_state_report(reservoir, inputs(), NONE)
    values = (1 - leak) + leak * np.linalg.eigvals(reservoir.W.toarray())
    np.testing.assert_allclose(report.effective_radius, np.abs(values).max(), rtol=1e-8)
    norm = np.linalg.norm(reservoir.W.toarray(), 2)
    np.testing.assert_allclose(report.bound, 1 - leak + leak * norm, rtol=1e-8)
    dense = Reservoir(reservoir.W.toarray(), reservoir.U, reservoir.F, reservoir.b, leak)
    again = echo_state_report(dense, inputs(), NONE)
    np.testing.assert_allclose(again, report, rtol=1e-6)


def test_under_the_bound_every_input_is_forgotten_and_a_chaotic_one_is_found_out():
    quiet = ReservoirDesign(50, 1, 0, "dense", radius=0.45, leak=0.5).draw(0)
    report = echo_state_report(quiet, inputs(), NONE)
    assert report.bound < 1 and report.converged and report.rate <= np.log(report.bound)
    wild = ReservoirDesign(200, 1, 0, "dense", radius=3.0, input_scale=0.01).draw(0)
    report = echo_state_report(wild, inputs(), NONE)
    assert not report.converged and report.rate > 0.1 and report.bound > 1


def test_saturated_units_are_those_driven_hard():
    """Without W, the activity is tanh of the input times its weight: |x| > atanh(.9)/|U|."""
    U = np.array([[0.0], [2.0], [100.0]])
    ring = 1e-6 * np.roll(np.eye(3), 1, axis=0)
    reservoir = Reservoir(ring, U, np.zeros((3, 0)), np.zeros(3), 0.5)
    x = inputs(20_000)
    report = echo_state_report(reservoir, x, np.zeros((20_000, 0)))
    expected = np.mean([(np.abs(x) > np.arctanh(0.9) / u).mean() for u in (2.0, 100.0)]) * 2 / 3
    np.testing.assert_allclose(report.saturated, expected, rtol=1e-3)


@pytest.mark.parametrize("units, r", [(20, 0.95), (37, 0.9), (50, 0.97)])
def test_a_cycle_remembers_as_much_as_its_theorem_says(units, r):
    """Rodan and Tino 2011, theorem 1: N - 1 + r^2N over delays from 1 on, if the rotations
    of the input weights are linearly independent. Delays k fall in steps of N, by r^2N."""
    design = ReservoirDesign(units, 1, 0, "cycle", radius=r, activation="linear")
    reservoir = design.draw(0)
    assert np.abs(np.fft.fft(reservoir.U[:, 0])).min() > 1e-6  # linearly independent
    found = memory_capacity(reservoir, 4 * units, 20_000)
    each = (1 - r ** (2 * units)) * r ** (2 * units * (np.arange(4 * units + 1) // units))
    np.testing.assert_allclose(found, each, atol=0.03)
    later = r ** (2 * units * 5) + each[-1] * (units - 1)  # of the delays not measured
    assert abs(found[1:].sum() + later - (units - 1 + r ** (2 * units))) < 0.02 * units


def test_a_reservoir_remembers_no_more_than_its_units():
    reservoir = ReservoirDesign(25, 1, 0, "dense", radius=0.9, activation="linear").draw(0)
    linear = memory_capacity(reservoir, 60)
    assert 20 < linear.sum() < 25.5
    design = ReservoirDesign(25, 1, 0, "dense", radius=0.9, input_scale=2.0)
    assert memory_capacity(design.draw(0), 60).sum() < 0.8 * linear.sum()


def test_what_has_no_capacity_or_report_is_refused():
    with refuses("is of one input and no feedback; got 2 and 0 columns"):
        memory_capacity(ReservoirDesign(20, 2).draw(0), 5)
    remedy = "Pass `delays` of 0 or more, and 40 steps or more"
    with refuses(f"`steps` at least 2 per unit; got 5 and 30. {remedy}"):
        memory_capacity(ReservoirDesign(20, 1).draw(0), 5, 30)
    with refuses("needs data of 2 steps or more; got 1"):
        echo_state_report(ReservoirDesign(20, 1).draw(0), inputs(1), NONE[:1])
