"""Parallel reservoirs against the networks they are made of, and laws that they contain."""

import numpy as np
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st

import throughtime as tt
from throughtime.reservoir.echo_state import EchoStateNetwork
from throughtime.reservoir.echo_state_fitting import Memory, Training
from throughtime.reservoir.local_model import LocalModel
from throughtime.reservoir.local_window_search import search_local_windows, valid_steps
from throughtime.reservoir.local_windows import LocalWindows
from throughtime.reservoir.next_generation import NextGeneration
from throughtime.reservoir.parallel_reservoirs import ParallelReservoirs


def lorenz96(steps, points=12, dt=0.01, seed=0):
    """Euler's scheme, which is a polynomial of order 2 in the points next to each."""
    y = [8 + np.random.default_rng(seed).normal(size=points)]
    for _ in range(steps - 1):
        x = y[-1]
        slope = (np.roll(x, -1) - np.roll(x, 2)) * np.roll(x, 1) - x + 8
        y.append(x + dt * slope)
    return np.array(y)


def advected(steps, points=12, seed=0):
    """Noise that moves by one point a step around a circle."""
    u = np.random.default_rng(seed).normal(size=points)
    return np.stack([np.roll(u, t) for t in range(steps)])


def echo_model(width, units=60, **changes):
    design = tt.ReservoirDesign(units, outputs=width, feedback_scale=0.2, bias_scale=0.3)
    return LocalModel(design.draw(0), **changes)


@given(
    group=st.integers(1, 4),
    groups=st.integers(1, 6),
    overlap=st.integers(0, 6),
    variables=st.integers(1, 3),
    periodic=st.booleans(),
)
def test_each_column_is_predicted_once_and_read_by_those_around_it(
    group, groups, overlap, variables, periodic
):
    points = group * groups
    overlap = min(overlap, (points - group) // 2)
    w = LocalWindows(points, variables, group, overlap, periodic)
    assert sorted(w.own.ravel()) == list(range(points * variables))
    for own, read in zip(w.own, w.read, strict=True):
        assert set(own) <= set(read) and len(set(read)) == w.width * variables
        if periodic:  # the middle of the window is the group
            np.testing.assert_array_equal(read[overlap * variables :][: len(own)], own)
    parts = np.random.default_rng(0).normal(size=(groups, 2, group * variables))
    whole = w.joined(parts)
    np.testing.assert_array_equal(whole[:, w.own].swapaxes(0, 1), parts)


def test_one_group_without_overlap_is_an_echo_state_network():
    y = lorenz96(400, 6) / 8
    model = echo_model(6)
    assert model.reservoir is not None
    network = EchoStateNetwork.fit(model.reservoir, y[:300], None, 1e-6, Training(50))
    field = ParallelReservoirs.fit(model, y[:300], 6, 0, ridge=1e-6, washout=50)
    np.testing.assert_allclose(field.V[0], network.readout.V, atol=1e-8)
    np.testing.assert_allclose(field.generate(30), network.generate(30), atol=1e-6)
    found, memory = field.predict(y[300:], field.memory)
    expected, _ = network.predict(y[300:], None, network.memory)
    np.testing.assert_allclose(found, expected, atol=1e-7)
    again, _ = field.predict(y)
    np.testing.assert_allclose(again[300:], found, atol=1e-7)
    assert np.isnan(again[0]).all() and np.isfinite(again[1:]).all()
    np.testing.assert_array_equal(memory.y, y[-1:])


def test_one_group_without_overlap_is_a_next_generation_reservoir():
    y = lorenz96(300, 4, dt=0.02) / 8
    model = LocalModel(delays=2, spacing=3, order=2, residual=True)
    network = NextGeneration.fit(y, 2, 3, 2, ridge=0)
    field = ParallelReservoirs.fit(model, y, 4, 0, ridge=0, washout=0)
    np.testing.assert_allclose(field.V[0], network.readout.V[:, 1:], atol=1e-6)
    np.testing.assert_allclose(field.c[0], network.readout.V[:, 0], atol=1e-6)
    np.testing.assert_allclose(field.generate(20), network.generate(20), atol=1e-6)
    found, _ = field.predict(y)
    np.testing.assert_allclose(found[4:], network.predict(y)[:-1][-len(found) + 4 :], atol=1e-7)


@pytest.mark.parametrize("regression", ["qr", "gram"])
def test_a_shift_around_the_circle_is_learned_exactly(regression):
    y = advected(40)
    found = ParallelReservoirs.fit(
        LocalModel(order=1), y, 2, 1, ridge=1e-12, washout=0, regression=regression
    )
    np.testing.assert_allclose(found.V, [[[1, 0, 0, 0], [0, 1, 0, 0]]], atol=1e-8)
    np.testing.assert_allclose(found.generate(30), advected(70)[40:], atol=1e-6)


def test_lorenz_96_is_found_from_the_points_next_to_each():
    y = lorenz96(600)
    model = LocalModel(order=2, residual=True)
    found = ParallelReservoirs.fit(model, y[:400], 1, 2, ridge=0)
    # 1, then the points from -2 to 2, then their products in order
    law = {0: 8, 3: -1, 7: -1, 13: 1}  # -x_{-2} x_{-1} and x_{-1} x_{+1}
    expected = 0.01 * np.array([law.get(i, 0) for i in range(21)])
    np.testing.assert_allclose(np.r_[found.c[0], found.V[0, 0]], expected, atol=1e-8)
    np.testing.assert_allclose(found.generate(100), y[400:500], atol=1e-5)
    starts = np.array([420, 450])
    np.testing.assert_array_equal(valid_steps(found, y, starts, 100), 100)


def test_a_rod_with_ends_has_a_map_for_each_group():
    rng, steps, points = np.random.default_rng(3), 60, 9
    law = np.eye(points) * 0.4 + 0.3 * (np.eye(points, k=1) + np.eye(points, k=-1))
    y = [rng.normal(size=points)]
    for _ in range(steps):
        y.append(law @ y[-1])
    y = [np.array(y), np.array(y) @ np.diag(np.linspace(0.5, 2, points))]
    field = np.stack(y, axis=2)  # two variables that do not touch
    found = ParallelReservoirs.fit(
        LocalModel(order=1), field[:40], 3, 2, shared=False, periodic=False, ridge=1e-13,
        washout=0,
    )  # fmt: skip
    assert len(found.V) == 3 and found.generate(5).shape == (5, 9, 2)
    np.testing.assert_allclose(found.generate(20), field[40:60], atol=1e-6)


def test_a_field_that_begins_shifted_goes_on_shifted():
    y = lorenz96(300) / 8
    found = ParallelReservoirs.fit(echo_model(7), y, 3, 2, ridge=1e-6)
    h, past = found.memory
    moved = Memory(np.roll(h, 2, axis=0), np.roll(past, 6, axis=1))
    expected = found.generate(40)
    stacked = Memory(*(np.stack(part) for part in zip(found.memory, moved, strict=True)))
    both = found.generate(40, stacked)
    np.testing.assert_allclose(both[:, 0], expected, atol=1e-9)
    np.testing.assert_allclose(both[:, 1], np.roll(expected, 6, axis=1), atol=1e-9)


def test_a_search_finds_the_overlap_that_the_law_needs():
    y = lorenz96(900)
    found = search_local_windows(
        lambda width: LocalModel(order=2, residual=True), y, [(1, 1), (1, 2)], 300,
        ridges=(1e-9, 1e3),
    )  # fmt: skip
    assert (found.best.group, found.best.overlap, found.best.ridge) == (1, 2, 1e-9)
    assert len(found.trials) == 4 and set(found.best.valid) == {150}
    one = next(trial for trial in found.trials if trial.overlap == 1)
    assert np.mean(one.valid) < 100
    np.testing.assert_allclose(found.network.memory.y, y[-1:])


def test_what_does_not_fit_is_refused():
    y = lorenz96(300)
    model = LocalModel(order=1)
    with refuses("must divide the 12 points of the field; got 5. Pass `group=4`."):
        ParallelReservoirs.fit(model, y, 5, 1)
    ParallelReservoirs.fit(model, y, 4, 1, ridge=1e-3)
    with refuses("must fit into the 12 points; got `overlap` 5. Pass 4 or less."):
        ParallelReservoirs.fit(model, y, 4, 5)
    with refuses("got 6, and 0 inputs. Draw one with `outputs=8`"):
        ParallelReservoirs.fit(echo_model(6), y, 4, 2)
    with refuses("those at its ends differ; got `shared=True`"):
        ParallelReservoirs.fit(model, y, 4, 1, periodic=False)
    with refuses("got `washout` 300 of 300 steps"):
        ParallelReservoirs.fit(model, y, 4, 1, washout=300)
    with refuses("got `order` 0. Pass a reservoir, or `order=2`."):
        LocalModel()
    with refuses("must be of shape (time, point) or (time, point, variable); got shape (300,)"):
        ParallelReservoirs.fit(model, y[:, 0], 4, 1)
    found = ParallelReservoirs.fit(model, y, 4, 1, ridge=1e-3)
    with refuses("must be of 12 points with 1 variables each; got shape (300, 6)"):
        found.predict(y[:, :6])
    with refuses("shapes (3, 0) and (1, 12), or several stacked; got (3, 0) and (12,)"):
        found.generate(3, Memory(np.zeros((3, 0)), y[-1]))
