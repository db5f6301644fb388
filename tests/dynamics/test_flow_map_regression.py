"""The map of an equation by regression: closed forms, its own optimum, and its free runs."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st

from throughtime._support.precision import precision
from throughtime.commands import surrogate_run
from throughtime.dynamics import saved_surrogate
from throughtime.dynamics.equations import equations
from throughtime.dynamics.flow_map_regression import (
    CEILING,
    FLOOR,
    PENALTIES,
    SCALES,
    Steps,
    fit_flow_map,
    free_runs,
    run_error,
    scaled_features,
)
from throughtime.dynamics.surrogate import Surrogate
from throughtime.dynamics.surrogate_data import with_random_drives
from throughtime.dynamics.trajectories import sample_trajectories
from throughtime.recurrence import native_kernels
from throughtime.recurrence.architecture import Architecture
from throughtime.reservoir.ridge import Readout

SMALL = {"trajectories": 40, "steps": 60, "hidden": 60}
PENDULUM = "θ'' + c θ' + sin θ = 0; c = 0.1; θ(0) = 1"
FORCED = "x' = F - x; F = cos(w*t); w = 1.2; x(0) = 1"


@pytest.fixture(scope="module")
def pendulum():
    return Surrogate(PENDULUM, ranges={"c": (0.05, 0.2)}, **SMALL).fit(verbose=False)


def random_steps(trajectories=6, steps=20, seed=0):
    rng = np.random.default_rng(seed)
    shape = trajectories, steps
    return Steps(rng.normal(size=(trajectories, steps + 1, 2)), rng.normal(size=(*shape, 1)))


def untrained(hidden=12):
    shape = Architecture(3, 2, cell="esn", hidden=hidden, radius=0, residual=2, dtype="float64")
    with precision("float64"):
        return shape.build(0)


def test_a_linear_equation_is_solved_to_many_digits():
    model = Surrogate("x' = -x; x(0) = 1", **SMALL).fit(verbose=False)
    t = model.dt_ * np.arange(31)
    assert np.abs(model.solve([0.7], 30)[:, 0] - 0.7 * np.exp(-t)).max() < 1e-8


def test_van_der_pols_oscillator_is_solved_better_than_by_runge_and_kutta():
    text = "x'' = μ (1 - x²) x' - x; μ = 1.5"
    model = Surrogate(text, **{**SMALL, "hidden": 150}).fit(verbose=False)
    found = model.evaluate(10, 300)
    assert np.median(found.errors) < 0.1 * np.median(found.schemes["Runge-Kutta 4"])
    assert np.median(found.errors) < 1e-4


def test_units_without_weights_between_them_remember_nothing():
    cell = untrained().cells[0]
    with precision("float64"):
        xs = jnp.asarray(np.random.default_rng(1).normal(size=(1, 2, 3)))
        drive = cell.drive(xs)[0]
        one = cell.step(drive, cell.initial_state(2))
        other = cell.step(drive, 5 + cell.initial_state(2))
        np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(one, np.tanh(xs[0] @ cell.U.T + cell.b), rtol=1e-12)
    assert not np.asarray(cell.W).any()


def test_the_readout_is_the_optimum_of_ridge_regression():
    steps = random_steps()
    fitted = fit_flow_map(untrained(), steps, steps)
    row = fitted.history[fitted.best_epochs[0] - 1]
    cell, layer = fitted.network.cells[0], fitted.network.readout.layers[0]
    read = np.concatenate([steps.ys[:, :-1], steps.us], -1).reshape(-1, 3)
    X = np.tanh(read @ np.asarray(cell.U).T + np.asarray(cell.b))
    X -= X.mean(axis=0)
    change = np.diff(steps.ys, axis=1).reshape(-1, 2)
    ridge = row.quantities["penalty"] * np.linalg.svd(X)[1].max() ** 2
    stacked = np.concatenate([X, np.sqrt(ridge) * np.eye(12)])
    Y = np.concatenate([change - change.mean(axis=0), np.zeros((12, 2))])
    V = np.linalg.lstsq(stacked, Y, rcond=None)[0].T
    np.testing.assert_allclose(layer.V, V, rtol=1e-6, atol=1e-9)
    loss = np.square(X @ V.T + change.mean(axis=0) - change).mean()
    assert row.loss == pytest.approx(loss, rel=1e-6)


def test_scale_and_penalty_are_those_of_the_best_free_run():
    steps, network = random_steps(), untrained()
    fitted = fit_flow_map(network, steps, steps)
    errors = [row.validation_loss for row in fitted.history]
    assert [row.quantities["input_scale"] for row in fitted.history] == list(SCALES)
    assert fitted.best_epochs == (1 + int(np.argmin(errors)),)
    cell, layer = fitted.network.cells[0], fitted.network.readout.layers[0]
    run = free_runs(cell, [Readout(np.asarray(layer.V), np.asarray(layer.c))], steps)
    assert run_error(steps.ys, run)[0] == pytest.approx(min(errors))
    assert all(row.quantities["penalty"] in PENALTIES for row in fitted.history)


def test_steps_that_are_all_alike_are_told():
    with refuses("needs steps that differ; got 1 alike. Raise `steps` or `trajectories`"):
        Surrogate("henon", trajectories=2, steps=1, validation=0.5).fit(verbose=False)


def test_a_trial_that_says_stop_is_the_last():
    steps = random_steps()
    fitted = fit_flow_map(untrained(), steps, steps, lambda _, history: len(history) == 2)
    assert len(fitted.history) == 2


def test_its_free_run_is_the_networks(pendulum):
    part = pendulum.validation_trajectories_
    layer, cell = pendulum.trained().readout.layers[0], pendulum.trained().cells[0]
    readout = Readout(np.asarray(layer.V), np.asarray(layer.c))
    run = free_runs(cell, [readout], pendulum._steps(part))[0]
    own = pendulum.solve(part.states[:, 0], SMALL["steps"], part.parameters)
    np.testing.assert_allclose(pendulum.scaler_.inverse(run), own, atol=1e-9)


def test_the_kernel_solves_as_jax_does(pendulum, monkeypatch):
    part = pendulum.validation_trajectories_
    given = pendulum.scale(part.states[:, 0], part.inputs)
    fast = pendulum.solve_scaled(*given)
    with jax.enable_x64(True):
        slopes = jax.grad(lambda first: pendulum.solve_scaled(first, given[1]).sum())(given[0])
    assert np.isfinite(slopes).all()
    monkeypatch.setenv(native_kernels.SWITCH, "0")
    plain = pendulum.solve_scaled(*given)
    assert isinstance(plain, jax.Array)
    np.testing.assert_allclose(fast, plain, rtol=1e-9, atol=1e-9)


def test_a_run_that_goes_to_infinity_is_stopped():
    steps, cell = random_steps(), untrained().cells[0]
    away = Readout(np.full((2, 12), 1e6), np.full(2, 1e6))
    run = free_runs(cell, [away], steps)
    assert np.isfinite(run).all()
    assert run_error(steps.ys, run)[0] > CEILING / 10


@given(st.floats(1e-9, 100), st.integers(1, 4), st.integers(1, 5))
def test_the_error_of_a_constant_distance_is_that_distance(distance, trajectories, steps):
    truth = np.zeros((trajectories, steps + 1, 3))
    runs = np.stack([truth + distance, truth])
    np.testing.assert_allclose(run_error(truth, runs), [distance, FLOOR], rtol=1e-9)


def test_of_errors_that_grow_exponentially_the_smaller_start_is_better():
    t = np.arange(41)[None, :, None]
    grows = [np.minimum(start * np.exp(0.5 * t), 1.4) for start in (1e-6, 1e-3)]
    small, large = run_error(np.zeros((1, 41, 1)), np.stack(grows))
    assert small < large
    assert np.log(large) == pytest.approx(
        np.log(np.minimum(1e-3 * np.exp(0.5 * t[0, 1:]), 1.4)).mean()
    )


def test_features_are_scaled_from_one_draw():
    cell = untrained().cells[0]
    double = scaled_features(cell, 2.0)
    np.testing.assert_allclose(double.U, 2 * np.asarray(cell.U))
    assert np.abs(np.asarray(double.b)).max() <= 2
    assert eqx.tree_equal(double.W, cell.W)


# --- which network ---


@pytest.mark.parametrize(
    ("options", "cell", "units", "dtype"),
    [
        ({}, "esn", 500, "float64"),
        ({"hidden": 9, "dtype": "float32"}, "esn", 9, "float32"),
        ({"epochs": 7}, "gru", 64, "float32"),
        ({"rate": 0.01, "hidden": 9}, "gru", 9, "float32"),
        ({"cell": "lstm"}, "lstm", 64, "float32"),
        ({"cell": "esn"}, "esn", 500, "float64"),
        ({"dense": []}, "esn", 500, "float64"),
        ({"dense": [5]}, "gru", 64, "float32"),
    ],
)
def test_the_network_is_regressed_unless_a_setting_of_gradients_is_given(
    options, cell, units, dtype
):
    few = {"trajectories": 8, "steps": 25}
    model = Surrogate("henon", ranges={"a": (1.0, 1.2)}, **few, **options).prepare()
    assert (model.cell_, model.hidden_, model.dtype_) == (cell, units, dtype)


def test_an_esn_takes_no_setting_of_gradients():
    with refuses("needs the default `epochs`; got 7. Leave `epochs` at its default"):
        Surrogate("henon", cell="esn", epochs=7).prepare()


# --- drives ---


def test_every_second_trajectory_is_driven_at_random():
    system, ranges, h = equations(FORCED), {"x": (-1.0, 1.0), "w": (0.5, 2.0)}, 0.05
    own = sample_trajectories(system, ranges, 8, 200, h, 0)
    mixed = with_random_drives(system, ranges, own, h, 1)
    np.testing.assert_array_equal(mixed.states[1::2], own.states[1::2])
    x, F = mixed.states[::2, :, 0], mixed.inputs[::2]
    # Simpson's rule for the integral of e^{s-h} F(s), exact to h^5.
    weights = h / 6 * np.array([np.exp(-h), 4 * np.exp(-h / 2), 1])
    np.testing.assert_allclose(x[:, 1:], np.exp(-h) * x[:, :-1] + F @ weights, atol=2e-8)
    assert set(mixed.parameters) == {"x", "w"} & set(own.parameters)
    np.testing.assert_allclose(F[..., 0].std(), own.inputs[..., 0].std(), rtol=0.3)
    apart = np.abs(np.diff(F[..., 0], axis=0)).max(axis=1)
    assert (apart > 0.1).all()  # (each begins at a time of its own)


def test_without_a_drive_nothing_is_shaken():
    system, ranges = equations("x' = -x; x(0) = 1"), {"x": (0.5, 1.0)}
    own = sample_trajectories(system, ranges, 4, 10, 0.1, 0)
    assert with_random_drives(system, ranges, own, 0.1, 1) is own


def test_the_parameters_of_a_driven_map_are_not_taken_for_its_drive():
    system = equations("x[n+1] = a x[n] + b + F; F = cos(0.3 n); a = 0.5; b = 0.1")
    ranges = {"a": (0.3, 0.6), "b": (0.1, 0.3)}
    own = sample_trajectories(system, ranges, 4, 10, 1, 0)
    assert own.inputs.shape[-1] == 3  # as many columns as points of a flow's drive
    assert with_random_drives(system, ranges, own, 1, 1) is own


# --- files ---


def test_what_is_kept_solves_to_the_same_bits(pendulum, tmp_path):
    saved_surrogate.save_surrogate(pendulum, tmp_path / "run")
    read = saved_surrogate.load_surrogate(tmp_path / "run")
    start, own = [[0.5, 0.0], [0.3, 0.1]], {"c": np.array([0.1, 0.15])}
    np.testing.assert_array_equal(read.solve(start, 50, own), pendulum.solve(start, 50, own))
    assert read.history_ == pendulum.history_
    assert saved_surrogate.max_epochs(tmp_path / "run") == len(SCALES)


def test_a_run_that_was_only_begun_is_brought_to_its_end(tmp_path):
    model = Surrogate("henon", ranges={"a": (1.0, 1.2)}, **SMALL)
    surrogate_run.begin(model, tmp_path / "run", {"unseen": 3, "unseen_steps": 10})
    shown = []
    read, record = surrogate_run.complete(tmp_path / "run", shown.append)
    assert len(shown) == len(SCALES) and "regression" in (record.stopped or "")
    model.train()
    np.testing.assert_array_equal(read.solve([0.1, 0.1], 20), model.solve([0.1, 0.1], 20))
