"""Features of few variables: which they are, what they are good for, and the step."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime._support.precision import precision
from throughtime.dynamics.equations import equations
from throughtime.dynamics.flow_map_regression import fit_flow_map
from throughtime.dynamics.local_features import (
    FIELD,
    STEPS,
    coupling,
    receptive_fields,
    step_for,
    with_local_features,
)
from throughtime.dynamics.saved_surrogate import (
    load_surrogate,
    save_surrogate,
    surrogate_settings,
)
from throughtime.dynamics.surrogate import Surrogate
from throughtime.dynamics.trajectories import sample_trajectories

LORENZ_96 = "x_i' = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + 8; i = 1..%d"
CHAIN = "x_i'' = k (x_{i+1} - 2 x_i + x_{i-1}); k = 1; x_0 = 0; x_4 = 0; i = 1..3; x_1(0) = 1"
RING = "θ_i' = 2 + sin(θ_{i+1} - θ_i) + 0.1*i; i = 1..6"
SMALL: dict[str, Any] = {"trajectories": 20, "steps": 30, "hidden": 60}


def coupled(text, **ranges):
    system = equations(text)
    given = {name: (-1, 1) for name in system.variables} | ranges
    return coupling(system, sample_trajectories(system, given, 10, 20, 0.1))


def test_lorenz_96_reads_two_below_one_below_one_above_and_itself():
    i = np.arange(7)
    away = (i - i[:, None]) % 7
    np.testing.assert_array_equal(coupled(LORENZ_96 % 7), np.isin(away, [0, 1, 5, 6]))


def test_a_chain_reads_its_neighbours_alone_whatever_the_parameter():
    eye, between = np.eye(3), np.abs(np.subtract.outer(range(3), range(3))) <= 1
    names = equations(CHAIN).variables
    order = [names.index(name) for name in names if "'" not in name]
    expected = np.block([[0 * eye, eye], [between, 0 * eye]]).astype(bool)
    assert order == [0, 1, 2]
    np.testing.assert_array_equal(coupled(CHAIN, k=(0.5, 2.0)), expected)


@given(variables=st.integers(1, 9), seed=st.integers(0, 99), share=st.floats(0, 1))
def test_each_unit_reads_what_is_upstream_of_one_variable(variables, seed, share):
    reads = np.random.default_rng(seed).uniform(size=(variables, variables)) < share
    fields = receptive_fields(reads, 2 * variables, seed)
    reached = np.linalg.matrix_power(reads | np.eye(variables, dtype=bool), variables) > 0
    for unit, field in enumerate(fields):
        upstream = reached[unit % variables]
        assert field[unit % variables] and not (field & ~upstream).any()
        assert field.sum() == min(FIELD, upstream.sum())


def test_few_variables_are_read_by_every_unit():
    model = Surrogate("x' = y; y' = z; z' = w; w' = -x - w; x(0) = 1", **SMALL).prepare()
    network = model.untrained()
    known = model.system_, model.training_trajectories_, 0
    assert with_local_features(network, *known) is network


def test_of_an_angle_sine_and_cosine_are_read_together():
    model = Surrogate(RING, **SMALL).prepare()
    with precision("float64"):
        known = model.system_, model.training_trajectories_, 0
        cell: Any = with_local_features(model.untrained(), *known).cells[0]
        U = np.asarray(cell.U)
    assert U.shape == (60, 12) and model.architecture_.angles
    np.testing.assert_array_equal(U[:, :6] != 0, U[:, 6:] != 0)
    np.testing.assert_array_equal((U[:, :6] != 0).sum(axis=1), FIELD)


def test_a_chain_of_springs_is_learned_better_by_units_that_read_few():
    cubic = CHAIN.replace("; k", " + (x_{i+1} - x_i)^3 - (x_i - x_{i-1})^3; k", 1)
    model = Surrogate(cubic, **{**SMALL, "hidden": 200}, dt=0.1).prepare().train()
    with precision("float64"):
        training = model._steps(model.training_trajectories_)
        validation = model._steps(model.validation_trajectories_)
        whole = fit_flow_map(model.untrained(), training, validation)
    errors = [min(row.validation_loss for row in f.history) for f in (model.fitted_, whole)]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize(("rate", "step"), [(1, 0.1), (9, 0.05), (20, 0.02), (200, STEPS[-1])])
def test_the_step_is_short_against_the_time_of_the_law(rate, step):
    text = f"x_i' = {rate} cos(x_{{i+1}}) - {rate} x_i; i = 1..6"
    turning = f"x_i'' = -{rate**2} x_i; i = 1..3; x_1(0) = 1; x_2(0) = 1; x_3(0) = 2"
    assert step_for(equations(turning), True) == step
    assert step_for(equations(text), False) == 0.1


def test_the_step_of_few_variables_and_of_stiff_ones_is_their_own():
    assert step_for(equations("x'' = -400 x; x(0) = 1"), True) == 0.1
    stiff = "x_i' = -100000 (x_i - cos(x_{i+1})); i = 1..6; x_1(0) = 1"
    assert step_for(equations(stiff), True) == 0.1


def test_the_chosen_step_is_saved_and_that_of_earlier_runs_stays(tmp_path):
    model = Surrogate(LORENZ_96 % 5, **SMALL).prepare()
    assert model.dt_ == surrogate_settings(model).dt == 0.02
    # Earlier versions took the system's own step and wrote none.
    earlier = Surrogate(LORENZ_96 % 5, dt=0.1, **SMALL).fit(verbose=False)
    assert surrogate_settings(earlier).dt is None
    save_surrogate(earlier, tmp_path / "old")
    again, start = load_surrogate(tmp_path / "old"), [[1.0, 2.0, 3.0, 4.0, 5.0]]
    assert again.dt_ == 0.1
    np.testing.assert_array_equal(again.solve(start, 20), earlier.solve(start, 20))
