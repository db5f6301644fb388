"""What a network reads on its way along a trajectory, against what the equations say."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.dynamics.equations import equations
from throughtime.dynamics.simulate import simulate
from throughtime.dynamics.systems import System, system
from throughtime.dynamics.trajectories import (
    check_learnable,
    input_names,
    input_parameters,
    network_inputs,
    sample_trajectories,
    with_fixed_values,
)

RANGES = {
    "damping": (0.1, 0.5),
    "frequency": (0.5, 2.0),
    "amplitude": (0.5, 1.5),
    "x": (-2, 2),
}
NEWTON = "x' = v; v' = F - eta*v - x; F = a*cos(w*t); a = 2; w = 1.2; eta = 0.2; x(0) = 1"
COUNT, STEPS, DT = 5, 12, 0.5


@pytest.fixture(scope="module")
def found():
    return sample_trajectories(system("oscillator"), RANGES, COUNT, STEPS, DT, seed=3)


def points(dt, steps):
    """The start, the middle and the end of each step: (step, 3)."""
    return dt * (np.arange(steps)[:, None] + [0, 0.5, 1])


def test_the_drive_is_sampled_at_simpsons_points(found):
    w, a = found.parameters["frequency"], found.parameters["amplitude"]
    wanted = a[:, None, None] * np.cos(w[:, None, None] * points(DT, STEPS))
    np.testing.assert_allclose(found.inputs[..., :3], wanted, atol=1e-13)
    # The end of a step is the start of the next.
    np.testing.assert_array_equal(found.inputs[:, 1:, 0], found.inputs[:, :-1, 2])


def test_of_the_parameters_only_those_of_the_law_are_inputs(found):
    newton = system("oscillator")
    assert input_parameters(newton, RANGES) == ("damping",)
    assert input_names(newton, RANGES) == ("F, start", "F, middle", "F, end", "damping")
    assert found.inputs.shape == (COUNT, STEPS, 4)
    damping = found.parameters["damping"]
    np.testing.assert_array_equal(found.inputs[..., 3], damping[:, None].repeat(STEPS, axis=1))
    assert set(found.parameters) == set(RANGES) - {"x"}


def test_equations_as_text_are_read_alike():
    text = equations(NEWTON)
    ranges = {"w": (0.5, 2.0), "eta": (0.1, 0.5), "a": (1, 2)}
    assert input_parameters(text, ranges) == ("eta",)
    found = sample_trajectories(text, ranges, 3, STEPS, DT)
    w, a = found.parameters["w"], found.parameters["a"]
    wanted = a[:, None, None] * np.cos(w[:, None, None] * points(DT, STEPS))
    np.testing.assert_allclose(found.inputs[..., :3], wanted, atol=1e-13)
    np.testing.assert_array_equal(found.inputs[:, 0, 3], found.parameters["eta"])
    np.testing.assert_array_equal(found.states[:, 0], [[1, 0]] * 3)  # what has no range


def test_a_parameter_of_law_and_drive_is_an_input():
    both = equations("x' = F - k*x; F = cos(k*t); k = 1")
    assert input_parameters(both, {"k": (1, 2)}) == ("k",)
    assert input_parameters(both, {"x": (1, 2)}) == ()


def test_several_drives_lie_side_by_side_at_each_point():
    both = equations("x' = F + G - x; F = cos(t); G = sin(2*t)")
    found = network_inputs(both, {}, (), 2, STEPS, DT)
    t = points(DT, STEPS)
    wanted = np.stack([np.cos(t), np.sin(2 * t)], axis=-1).reshape(STEPS, 6)
    np.testing.assert_allclose(found, [wanted, wanted], atol=1e-13)
    labels = [f"{u}, {point}" for point in ("start", "middle", "end") for u in ("F", "G")]
    assert input_names(both, {}) == tuple(labels)


def test_a_map_reads_its_parameter_and_has_no_points_between():
    logistic, ranges = system("logistic"), {"r": (2.5, 4.0), "x": (0.1, 0.9)}
    found = sample_trajectories(logistic, ranges, COUNT, STEPS, 1)
    assert input_names(logistic, ranges) == ("r",)
    assert found.inputs.shape == (COUNT, STEPS, 1)
    x, r = found.states[..., 0], found.inputs[..., 0]
    np.testing.assert_allclose(x[:, 1:], r * x[:, :-1] * (1 - x[:, :-1]), rtol=1e-12)


def test_the_drive_of_a_map_is_sampled_at_its_step():
    def law(n, y, p, u):
        return 0.5 * y + u

    def drive(n, p):
        return jnp.stack([jnp.cos(p["w"] * n)])

    options: dict = {"dt": 1, "inputs": ("u",), "kind": "map", "drive": drive}
    driven = System("driven", "", "", ("x",), law, {"w": 0.7}, (1.0,), **options)
    found = sample_trajectories(driven, {"w": (0.1, 1)}, COUNT, STEPS, 1)
    assert input_names(driven, {"w": (0.1, 1)}) == ("u, start",)
    w = found.parameters["w"][:, None]
    np.testing.assert_allclose(found.inputs[..., 0], np.cos(w * np.arange(STEPS)), atol=1e-13)
    x = found.states[..., 0]
    np.testing.assert_allclose(x[:, 1:], 0.5 * x[:, :-1] + found.inputs[..., 0], atol=1e-13)


def test_nothing_that_drives_and_nothing_that_varies_is_nothing_to_read():
    free = equations("x' = -x; x(0) = 1")
    found = sample_trajectories(free, {}, 2, STEPS, DT)
    assert found.inputs.shape == (2, STEPS, 0) and input_names(free, {}) == ()
    decay = np.exp(-DT * np.arange(STEPS + 1))
    np.testing.assert_allclose(found.states[..., 0], [decay, decay], rtol=1e-8)


def test_the_states_are_those_of_simulate(found):
    for which in (0, 3):
        own = {name: float(values[which]) for name, values in found.parameters.items()}
        start = found.states[which, 0]
        newton = system("oscillator", **own)
        alone = simulate(newton, STEPS, dt=DT, start=start, scheme="rk4")
        np.testing.assert_allclose(found.states[which], alone, atol=1e-7)
        assert start[1] == 0  # v has no range


def test_a_seed_gives_one_draw():
    """Of a map, whose solver is compiled sooner than that of a differential equation."""
    ranges = {"r": (2.5, 4.0), "x": (0.1, 0.9)}
    found, again, other = (
        sample_trajectories(system("logistic"), ranges, COUNT, STEPS, 1, seed)
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(found.states, again.states)
    np.testing.assert_array_equal(found.inputs, again.inputs)
    assert (found.states[:, 0, 0] != other.states[:, 0, 0]).all()
    for name, values in found.parameters.items():
        np.testing.assert_array_equal(values, again.parameters[name])
        assert (values != other.parameters[name]).all()


bounds = st.floats(-5, 5).flatmap(
    lambda least: st.tuples(st.just(least), st.floats(least + 1e-3, least + 9))
)


@settings(max_examples=15)
@given(r=bounds, x=bounds, seed=st.integers(0, 2**32))
def test_every_draw_lies_in_its_range(r, x, seed):
    """Of a map of one step, whose next state is known."""
    found = sample_trajectories(system("logistic"), {"r": r, "x": x}, 20, 1, 1, seed)
    drawn = found.parameters["r"]
    assert (drawn >= r[0]).all() and (drawn <= r[1]).all()
    start = found.states[:, 0, 0]
    assert (start >= x[0]).all() and (start <= x[1]).all()
    wanted = drawn * start * (1 - start)
    np.testing.assert_allclose(found.states[:, 1, 0], wanted, rtol=1e-12, atol=1e-12)


def test_draws_fill_their_range_evenly():
    found = sample_trajectories(system("logistic"), {"x": (0.2, 0.8)}, 2000, 1, 1)
    start = np.sort(found.states[:, 0, 0])
    even = 0.2 + 0.6 * (np.arange(2000) + 0.5) / 2000
    # Kolmogorov and Smirnov's bound at 1e-6: 2.7 / sqrt(n)
    assert np.abs(start - even).max() / 0.6 < 2.7 / math.sqrt(2000)


def test_what_cannot_be_learned_is_refused():
    with refuses("whose whole state is observed; got `mackey-glass`, which has a delay."):
        check_learnable(system("mackey-glass"))
    with refuses("must be a drive of its own; got `t` in a slope. Make it an input"):
        check_learnable(of_time(lambda t: jnp.cos(t)))
    for fine in ("x' = F - x; F = cos(t)", "x' = -x", "x' = cos(t) - x", "x' = -t*x"):
        check_learnable(equations(fine))
    check_learnable(system("henon"))


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"dampin": (0, 1)}, "got `dampin`. Did you mean `damping`?"),
        (
            {"F": (0, 1)},
            "a range must be of a variable or a parameter of `oscillator`; got `F`",
        ),
        ({"x": math.nan}, "the range of `x` must go from a number to a larger one; got nan"),
        ({"x": (2, 1)}, "got 2 to 1. Write it as `0.1:0.5`"),
        ({"damping": (0, math.inf)}, "the range of `damping` must go"),
        ({"damping": (-math.inf, 0.0)}, "got -inf to 0.0"),
        ({"damping": (math.nan, 0.0)}, "got nan to 0.0"),
    ],
)
def test_ranges_that_are_refused(ranges, message):
    with refuses(message):
        sample_trajectories(system("oscillator"), ranges, 2, 3, 0.1)


def test_numbers_that_are_refused():
    newton = system("oscillator")
    with refuses("`count`"):
        sample_trajectories(newton, {}, 0, 3, 0.1)
    with refuses("`steps`"):
        sample_trajectories(newton, {}, 2, 0, 0.1)
    for dt in (0, -0.1, math.inf, math.nan):
        with refuses("`dt` must be above 0 and finite"):
            sample_trajectories(newton, {}, 2, 3, dt)
    with refuses("a seed must not be negative; got -1."):
        sample_trajectories(newton, {}, 2, 3, 0.1, seed=-1)


def test_a_solution_that_diverges_is_refused():
    with refuses("must stay finite"):
        sample_trajectories(system("logistic"), {"r": (5, 6)}, 3, 30, 1)


def test_what_decides_the_steps_of_a_field_cannot_vary():
    flame = system("kuramoto-sivashinsky")
    with refuses("`length` of `kuramoto-sivashinsky` must be one number"):
        sample_trajectories(flame, {"length": (20, 24)}, 3, 4, 0.25)
    with refuses("`delay` of `mackey-glass` must be one number"):
        simulate(system("mackey-glass"), 3, parameters={"delay": np.array([17.0, 18.0])})


def of_time(force):
    """x' = force(t) - x, as a Python function."""
    return System("own", "", "", ("x",), lambda t, y, p, u: force(t) - y, {}, (0.0,))


@pytest.mark.parametrize(
    "force", [lambda t: jnp.sign(jnp.sin(t)), lambda t: jnp.maximum(0, t - 5), jnp.floor]
)
def test_time_is_found_where_its_derivative_is_zero(force):
    with refuses("what changes with time must be a drive of its own"):
        check_learnable(of_time(force))


def test_time_in_a_slope_of_a_text_is_a_drive():
    found = equations("x' = a*cos(w*t) - t*x; a = 2; w = 1.2")
    assert found.inputs == ("a*cos(w*t)", "t")
    read = network_inputs(found, {}, (), 1, STEPS, DT)[0].reshape(STEPS, 3, 2)
    t = points(DT, STEPS)
    np.testing.assert_allclose(read, np.stack([2 * np.cos(1.2 * t), t], axis=-1), atol=1e-13)


def test_a_single_value_is_no_range():
    system_, ranges = with_fixed_values(
        equations(NEWTON), {"x": 0.5, "eta": (0.3, 0.3), "a": (1, 2)}
    )
    assert system_.start == (0.5, 0.0) and system_.parameters["eta"] == 0.3
    assert ranges == {"a": (1, 2)}
    found = sample_trajectories(system("logistic"), {"x": 0.3, "r": 4}, 3, 5, 1)
    wanted = np.sin(2.0 ** np.arange(6) * np.arcsin(np.sqrt(0.3))) ** 2
    np.testing.assert_allclose(found.states[..., 0], [wanted] * 3, atol=1e-12)
    assert found.inputs.shape == (3, 5, 0)


def test_a_parameter_is_an_input_where_its_derivative_is_zero():
    law = equations("x' = sign(k) * (1 - x) + 0 * unused + cos(F t); k = 1; unused = 2; F = 3")
    assert input_parameters(law, {"k": (0, 1), "unused": (0, 1), "F": (0, 1)}) == (
        "k",
        "unused",
    )
