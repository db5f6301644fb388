"""Surrogates against closed forms, their own parts, and their files."""

import functools
import math
import os
import signal
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from killed import killed_at, readable
from safetensors.numpy import load_file, save
from tampering import rewrite

from throughtime._support import integrity
from throughtime.commands import surrogate_run
from throughtime.commands.signals import Interrupted
from throughtime.dynamics import saved_surrogate
from throughtime.dynamics.equations import equations
from throughtime.dynamics.linear_map import LinearMap
from throughtime.dynamics.simulate import simulate
from throughtime.dynamics.surrogate import Surrogate
from throughtime.dynamics.surrogate_evaluation import evaluate_solution
from throughtime.dynamics.systems import MAP, System, system
from throughtime.dynamics.trajectories import Trajectories, random_drive
from throughtime.forecasting.forecaster import Forecaster
from throughtime.runs import run_folder, surrogate_record
from throughtime.training.result import Diverged, Fitted

RANGES = {"damping": (0.1, 0.5), "frequency": (0.5, 2.0), "x": (-1.0, 1.0), "v": (-1.0, 1.0)}
SMALL: dict[str, Any] = {
    "trajectories": 24,
    "steps": 40,
    "window": 10,
    "hidden": 8,
    "batch_size": 16,
}
LINEAR = "x' = F - x; F = cos(w*t); w = 1.2; x(0) = 1"


@pytest.fixture(scope="module")
def model():
    return Surrogate("oscillator", ranges=RANGES, dt=0.5, epochs=40, rate=0.01, **SMALL).fit()


@pytest.fixture(scope="module")
def found(model):
    return model.evaluate(6, 50)


# --- theory ---


@functools.cache
def exact(h=0.4):
    """A network made by hand, whose steps of x' = F - x are exact if F is a parabola in a step.

    x_{n+1} = e^{-h} x_n + integral of e^{s-h} F(s); F through its three points.
    """
    shape = {"trajectories": 4, "steps": 10, "window": 5, "validation": 0.25}
    model = Surrogate(
        LINEAR, ranges={"x": (-1, 2)}, dt=h, cell="rnn", hidden=2, dtype="float64", **shape
    ).prepare()
    moments = [1 - math.exp(-h)]
    for j in (1, 2):
        moments.append(h**j - j * moments[-1])
    weights = np.linalg.solve(np.vander([0, h / 2, h], increasing=True).T, moments)
    s, mu = model.scaler_.std[0], model.scaler_.mean[0]
    q, m = model.input_scaler_.std, model.input_scaler_.mean
    change = math.exp(-h) - 1
    with jax.enable_x64(True):
        network = replace(model.architecture_, activation="identity").build(0)
        cell, readout = network.cells[0], network.readout.layers[0]
        U = [[change, *(weights * q / s)], [0.0] * 4]
        made = {
            "cell": (jnp.array(U), jnp.zeros((2, 2)), jnp.zeros(2)),
            "readout": (jnp.array([[1.0, 0.0]]), jnp.array([(change * mu + weights @ m) / s])),
        }
        cell = _with(cell, U=made["cell"][0], W=made["cell"][1], b=made["cell"][2])
        readout = _with(readout, V=made["readout"][0], c=made["readout"][1])
        network = _with(
            network, cells=(cell,), readout=_with(network.readout, layers=(readout,))
        )
    model.fitted_ = Fitted(network, [], (), "made by hand")
    return model


def _with(module, **leaves):
    """An Equinox module, some of its fields replaced."""
    new = object.__new__(type(module))
    for name in module.__dataclass_fields__:
        object.__setattr__(new, name, leaves.get(name, getattr(module, name)))
    return new


def parabola(t, p):
    return jnp.stack([0.3 + 0.2 * t - 0.1 * t**2])


def test_a_linear_network_solves_a_linear_equation():
    """Of x' = a + b t + c t^2 - x: the parabola that solves it, and a decay."""
    model, (a, b, c) = exact(), (0.3, 0.2, -0.1)
    starts = np.array([[1.0], [-2.0]])
    t = 0.4 * np.arange(41)
    stays = c * t**2 + (b - 2 * c) * t + (a - b + 2 * c)
    wanted = stays + (starts - stays[0]) * np.exp(-t)
    solved = model.solve(starts, 40, drive=parabola)
    assert solved.shape == (2, 41, 1)
    np.testing.assert_allclose(solved[..., 0], wanted, rtol=0, atol=1e-11)


def test_its_error_on_a_wave_is_that_of_simpsons_points():
    """A wave is no parabola: off by less than (h w)^3 / 8, and by an 8th at h / 2."""
    errors = []
    for h in (0.4, 0.2):
        solved = exact(h).solve([1.0], round(12 / h))[:, 0]
        errors.append(np.abs(solved - wave(h * np.arange(len(solved)))).max())
    assert errors[0] < 0.4**3 * 1.2**3 / 8
    assert math.log2(errors[0] / errors[1]) > 2.8


def wave(t, w=1.2):
    """Of x' = cos(w t) - x from 1."""
    stays = (np.cos(w * t) + w * np.sin(w * t)) / (1 + w**2)
    return stays + (1 - 1 / (1 + w**2)) * np.exp(-t)


def test_a_parameter_of_the_drive_alone_changes_the_force():
    """The network was made for every F, so also for one of another frequency."""
    solved = exact(0.2).solve([1.0], 50, {"w": np.array([0.5, 1.0])})
    for row, w in zip(solved, (0.5, 1.0), strict=True):
        np.testing.assert_allclose(row[:, 0], wave(0.2 * np.arange(51), w), atol=1e-3)


# --- learning ---


def test_it_learns(model):
    losses = [row.validation_loss for row in model.history_]
    assert len(losses) == 40 and min(losses) < 0.1 * losses[0]
    held = model.scaler_.transform(model.validation_trajectories_.states)
    still = np.mean(np.diff(held, axis=1) ** 2)  # the error of predicting no change
    assert min(losses) < 0.02 * still
    assert model.fitted_.best_epochs[0] == 1 + int(np.argmin(losses))


def test_parts_are_whole_trajectories(model, found):
    training, held = model.training_trajectories_, model.validation_trajectories_
    starts = [part.states[:, 0, 0] for part in (training, held, found.unseen)]
    assert [len(values) for values in starts] == [20, 4, 6]  # 0.15 of 24 is 3.6
    assert len(set(np.concatenate(starts))) == 30
    for values, scaled in (
        (training.states[:, :-1], model.training_data().inputs[..., :2]),
        (training.states[:, 1:], model.training_data().targets),
    ):
        assert scaled.shape == (4 * 20, 10, 2)
        windows = model.scaler_.transform(values).reshape(20, 4, 10, 2).swapaxes(0, 1)
        np.testing.assert_allclose(scaled, windows.reshape(80, 10, 2), atol=1e-6)


def test_no_step_is_left_out_of_the_windows():
    model = Surrogate("logistic", **{**SMALL, "steps": 12, "window": 5}).prepare()
    starts = np.asarray(model.training_data().inputs)[::20, 0, 0]  # of the first trajectory
    states = model.scaler_.transform(model.training_trajectories_.states)[0, :, 0]
    np.testing.assert_allclose(starts, states[[0, 5, 7]], atol=1e-6)


def test_scalers_see_the_training_part_only(model):
    training, held = model.training_trajectories_, model.validation_trajectories_
    flat = training.states.reshape(-1, 2)
    np.testing.assert_allclose(model.scaler_.mean, flat.mean(axis=0))
    np.testing.assert_allclose(model.scaler_.std, flat.std(axis=0))
    inputs = training.inputs.reshape(-1, 4)
    np.testing.assert_allclose(model.input_scaler_.mean, inputs.mean(axis=0))
    np.testing.assert_allclose(model.input_scaler_.std, inputs.std(axis=0))
    both = np.concatenate([training.states, held.states]).reshape(-1, 2)
    assert np.abs(both.mean(axis=0) - model.scaler_.mean).max() > 1e-6
    assert model.input_names() == ("F, start", "F, middle", "F, end", "damping")


def test_a_constant_input_is_scaled_by_one():
    drive = lambda n, p: jnp.full(1, 2.0)  # noqa: E731
    constant = Surrogate(
        halved(inputs=("u",), drive=drive), ranges={"x": (-1, 1)}, **SMALL
    ).prepare()
    np.testing.assert_array_equal(constant.input_scaler_.std, 1.0)
    assert np.isfinite(np.asarray(constant.training_data().inputs)).all()


def test_without_the_range_of_a_variable_starts_vary_as_the_trajectory_does():
    model = Surrogate("logistic", **{**SMALL, "steps": 1000}).prepare()
    own = simulate(system("logistic"), 1000)
    np.testing.assert_allclose(model.ranges_["x"], (own.min(), own.max()))
    parts = model.training_trajectories_, model.validation_trajectories_
    starts = np.concatenate([part.states[:, 0, 0] for part in parts])
    assert own.min() <= starts.min() < starts.max() <= own.max()


def test_starts_from_which_solutions_diverge_are_left_out():
    """The attractor of Henon's map, written as one variable, lies in no box of its basin."""
    text = "x[n+1] = 1 - a x[n]^2 + b x[n-1]; a = 1.4; b = 0.3"
    model = Surrogate(text, **{**SMALL, "trajectories": 100}).prepare()
    own = simulate(equations(text), 1000)
    (least, largest), middle = model.ranges_["x"], np.median(own[:, 0])
    assert own[:, 0].min() < least < middle < largest < own[:, 0].max()
    assert np.isfinite(model.training_trajectories_.states).all()
    assert simulate(equations(text), 1000, start=[least, largest]).max() < 2


def test_a_fixed_start_is_kept_and_saved_as_a_range():
    model = Surrogate("logistic", ranges={"x": 0.3, "r": (3.0, 3.5)}, **SMALL).prepare()
    starts = model.training_trajectories_.states[:, 0, 0]
    np.testing.assert_array_equal(starts, 0.3)
    assert model.ranges_ == {"r": (3.0, 3.5)}
    assert saved_surrogate.surrogate_settings(model).ranges["x"] == (0.3, 0.3)


def halved(**options):
    """A map of one's own: x_{n+1} = x_n / 2."""
    law = lambda n, y, p, u: y / 2  # noqa: E731
    return System("own", "", "", ("x",), law, {}, (1.0,), dt=1, kind=MAP, **options)


# --- solving ---


def test_one_start_is_its_row_of_a_batch(model):
    starts = np.random.default_rng(0).uniform(-1, 1, (5, 2))
    damping = np.linspace(0.1, 0.5, 5)
    many = model.solve(starts, 30, {"damping": damping, "frequency": 0.7})
    assert many.shape == (5, 31, 2)
    np.testing.assert_array_equal(many[:, 0], starts)
    one = model.solve(starts[3], 30, {"damping": float(damping[3]), "frequency": 0.7})
    assert one.shape == (31, 2)
    np.testing.assert_allclose(one, many[3], atol=1e-5)
    same = model.solve(starts[3], 30, {"damping": damping})  # one start for all
    assert same.shape == (5, 31, 2)
    np.testing.assert_array_equal(same[:, 0], np.tile(starts[3], (5, 1)))


def test_a_solution_is_the_network_that_reads_its_own_outputs(model):
    start, damping, steps = np.array([0.5, -0.2]), 0.3, 12
    solved = model.solve(start, steps, {"damping": damping, "frequency": 1.7})
    network, state, y = model.trained(), None, start
    for n in range(steps):
        u = np.cos(1.7 * 0.5 * (n + np.array([0, 0.5, 1])))
        known = model.input_scaler_.transform(np.array([*u, damping])[None])[0]
        x = np.concatenate([model.scaler_.transform(y[None])[0], known])
        ys, state = network(jnp.asarray(x[None, None], jnp.float32), state)
        y = model.scaler_.inverse(np.asarray(ys[0], np.float64))[0]
        np.testing.assert_allclose(solved[n + 1], y, atol=1e-4)


def test_another_force_is_read_in_place_of_its_own(model):
    faster = model.solve([0.5, 0.0], 20, {"frequency": 1.9})
    given = model.solve([0.5, 0.0], 20, drive=lambda t, p: jnp.stack([jnp.cos(1.9 * t)]))
    np.testing.assert_allclose(given, faster, atol=1e-5)
    assert np.abs(model.solve([0.5, 0.0], 20) - faster).max() > 1e-2


def test_a_parameter_that_the_network_does_not_read_must_be_as_it_was(model):
    with refuses("`stiffness` must be as it was when the network was trained; got 2.0. Train"):
        model.solve([1.0, 0.0], 5, {"stiffness": 2.0})
    same = model.solve([1.0, 0.0], 5, {"stiffness": 1})
    np.testing.assert_array_equal(same, model.solve([1.0, 0.0], 5))


@pytest.mark.parametrize(
    ("start", "options", "message"),
    [
        ([1.0], {}, "`start` must have 2 variables, and one row a trajectory; got shape (1,)."),
        (np.zeros((2, 2, 2)), {}, "got shape (2, 2, 2)."),
        (1.0, {}, "got shape ()."),
        ([1.0, 0.0], {"steps": 0}, "`steps`"),
        ([1.0, 0.0], {"parameters": {"dampin": 0.2}}, "Did you mean `damping`?"),
        (
            np.zeros((2, 2)),
            {"parameters": {"damping": np.full(3, 0.2)}},
            "arrays of one length",
        ),
        ([1.0, 0.0], {"parameters": {"damping": np.ones((2, 2))}}, "one number each"),
    ],
)
def test_what_cannot_be_solved(model, start, options, message):
    with refuses(message):
        model.solve(start, **{"steps": 5, **options})


def test_an_unfitted_one_solves_nothing():
    model = Surrogate("oscillator")
    for ask in (
        lambda: model.solve([1.0, 0.0], 3),
        lambda: model.evaluate(2, 3),
        model.trained,
    ):
        with refuses("a surrogate must be fitted before it solves"):
            ask()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 41}, "`window` must be at most the steps of a trajectory; got 41 of 40."),
        ({"window": 0}, "`window` must be above 0; got 0."),
        ({"validation": 0.0}, "must be held out; got `validation` 0 of 24 `trajectories`."),
        ({"validation": 0.99}, "must be held out"),
        ({"validation": math.nan}, "`validation` must be a finite number"),
        ({"trajectories": 1}, "must be held out"),
        ({"trajectories": 0}, "`trajectories`"),
        ({"steps": 0}, "`steps`"),
        ({"dt": 0}, "`dt` must be above 0"),
        ({"dt": math.inf}, "`dt` must be above 0"),
        ({"ranges": {"dampin": (0, 1)}}, "Did you mean `damping`?"),
        ({"ranges": {"x": (1, 0)}}, "the range of `x`"),
        ({"parameters": {"k": 1}}, "must be one that it has; got `k`."),
        ({"parameters": {"damping": math.nan}}, "must be a finite number"),
        ({"system": "oscilator"}, "Did you mean `oscillator`?"),
        ({"system": "mackey-glass"}, "has a delay"),
        ({"system": "x' = -x(t - 1)"}, "has a delay"),
        (
            {"system": "x' = -x; y' = -y; x(0) = 0", "ranges": {"y": (0, 1)}},
            "every variable must move along the trajectories; got `x`",
        ),
        ({"system": "henon", "dt": 0.5}, "a map goes by steps of 1; got `dt` 0.5."),
        ({"cell": "esn"}, "an `esn` is fitted by regression and needs the default `window`"),
        ({"cell": "lsmt"}, "Did you mean `lstm`?"),
        ({"hidden": 0}, "`hidden` must be above 0"),
        ({"epochs": 0}, "`epochs` must be above 0"),
        ({"batch_size": 0}, "`batch_size` must be above 0"),
        ({"rate": math.nan}, "`rate`"),
        ({"forcing": "fulll"}, "`forcing` must be a known one"),
        ({"schedule": "cos"}, "`schedule`"),
        ({"method": "adm"}, "Did you mean `adam`?"),
        ({"dtype": "float16"}, "`dtype`"),
        ({"seed": -1}, "`seed` must be at least 0"),
    ],
)
def test_settings_that_are_refused(tmp_path, settings, message):
    folder, given = tmp_path / "run", {"system": "oscillator", **SMALL, **settings}
    with refuses(message):
        surrogate_run.begin(Surrogate(**given), folder, {"unseen": 2, "unseen_steps": 5})
    assert not folder.exists()


# --- its error ---


def test_errors_are_those_written_out(model, found):
    truth, solved = found.unseen.states, found.solution
    own = {name: values for name, values in found.unseen.parameters.items()}
    np.testing.assert_allclose(solved, model.solve(truth[:, 0], 50, own), atol=1e-5)
    assert found.steps == 50 and found.errors.shape == found.valid_times.shape == (6,)
    for which in range(6):
        y, off = (v[which, 1:] / model.scaler_.std for v in (truth, solved - truth))
        wanted = np.linalg.norm(off) / np.linalg.norm(y - y.mean(axis=0))
        np.testing.assert_allclose(found.errors[which], wanted, rtol=1e-10)
        near = np.sqrt(np.mean(off**2, axis=1)) <= 0.4
        valid = 50 if near.all() else int(np.argmin(near))
        np.testing.assert_allclose(found.valid_times[which], 0.5 * valid)


def test_the_earlier_names_of_evaluate_go_on_working():
    assert Surrogate.judge is Surrogate.evaluate
    assert Surrogate.judge_driven is Surrogate.evaluate_random_drive


def test_schemes_take_the_same_steps(model, found):
    assert set(found.schemes) == {"Euler forward", "Runge-Kutta 4"}
    for name, scheme in (("Euler forward", "euler"), ("Runge-Kutta 4", "rk4")):
        own = {key: float(values[2]) for key, values in found.unseen.parameters.items()}
        start, truth = found.unseen.states[2, 0], found.unseen.states[2, 1:]
        newton = system("oscillator", **own)
        y = simulate(newton, 50, dt=0.5, start=start, scheme=scheme, substeps=1)
        np.testing.assert_allclose(found.scheme(scheme, 2), y, rtol=1e-9, atol=1e-12)
        off = (y[1:] - truth) / model.scaler_.std
        size = np.linalg.norm((truth - truth.mean(axis=0)) / model.scaler_.std)
        wanted = np.linalg.norm(off) / size
        np.testing.assert_allclose(found.schemes[name][2], wanted, rtol=1e-7)
    assert (found.schemes["Runge-Kutta 4"] < found.schemes["Euler forward"]).all()


def test_a_force_can_be_put_in_the_place_of_the_systems_own(model, found):
    other = model.evaluate(6, 20, drive=lambda t, p: jnp.stack([jnp.cos(1.9 * t)]))
    starts = found.unseen.states[:, 0]
    np.testing.assert_array_equal(other.unseen.states[:, 0], starts)
    fast = {**other.unseen.parameters, "frequency": np.full(6, 1.9)}
    truth = simulate(
        system("oscillator"), 20, dt=0.5, start=starts, parameters=fast, scheme="rk4"
    )
    np.testing.assert_allclose(other.unseen.states, truth, atol=1e-7)


def evaluate(law, dt, truth, solved, spread):
    """Beside a linear map of the truth itself."""
    return evaluate_solution(law, dt, truth, solved, LinearMap.fit(truth, 0), spread, 0.1)


def stiff():
    """x' = k (F - x) on its slow solution, in closed form."""
    k, t = 1000.0, np.arange(121.0)
    law = equations(f"x' = {k}*(F - x); F = cos(t)")
    x = k / (1 + k**2) * (k * np.cos(t) + np.sin(t)) * np.ones((2, 1))
    return law, Trajectories(x[..., None], np.zeros((2, 120, 0)), {})


def test_a_scheme_that_goes_to_infinity_is_infinitely_wrong():
    law, truth = stiff()
    found = evaluate(law, 1.0, truth, truth.states, np.ones(1))
    np.testing.assert_array_equal(found.errors, 0)
    np.testing.assert_allclose(found.valid_times, 120.0)
    for errors in found.schemes.values():
        np.testing.assert_array_equal(errors, np.inf)
    text = found.sentences()
    assert text[0].startswith("Over 2 unseen trajectories of 120 steps of 1 the NRMSE is 0 ")
    assert text[-2:] == [
        f"{name} with the same steps diverges." for name in ("Euler forward", "Runge-Kutta 4")
    ]
    schemes = found.to_json()["schemes"]
    assert schemes["Euler forward"] == {"median": None, "mean": None, "worst": None}


def test_a_network_that_goes_to_infinity_is_infinitely_wrong():
    law, truth = stiff()
    solved = truth.states.copy()
    solved[0, 5:] = np.nan
    solved[1, 31:] += 0.5  # beyond .4 standard deviations, from step 31 on
    found = evaluate(law, 1.0, truth, solved, np.ones(1))
    assert found.errors[0] == np.inf and 0 < found.errors[1] < 1
    np.testing.assert_allclose(found.valid_times, [4.0, 30.0])
    assert "has not learned the system" in found.sentences()[0]
    assert "for 17 units of time (median)." in found.sentences()[2]
    plain = found.to_json()
    assert plain["nrmse"] == {"median": None, "mean": None, "worst": None}
    assert plain["valid_time"] == 17.0 and plain["trajectories"] == 2


@pytest.mark.parametrize(("follows", "learned"), [(200, True), (4, False)])
def test_a_solution_that_parts_after_a_while_is_no_failure(follows, learned):
    """A chaotic truth, and its own continuation from another state after so many steps."""
    law = system("lorenz63")
    states = simulate(law, 1200, dt=0.02, start=np.array([[1.0, 1.0, 1.0], [-3.0, 2.0, 20.0]]))
    truth = Trajectories(states[:, 200:], np.zeros((2, 1000, 0)), {})
    solved = truth.states.copy()
    solved[:, follows:] = truth.states[::-1, follows:]
    found = evaluate(law, 0.02, truth, solved, truth.states.std((0, 1)))
    assert np.median(found.errors) > 1 and found.parted == learned
    assert ("has not learned" in found.sentences()[0]) != learned
    assert ("judge it by the time" in found.sentences()[0]) == learned


def test_what_is_more_accurate_than_the_network_is_named():
    """x' = -x in closed form: a linear map is exact, Euler's scheme is not."""
    x = np.exp(-0.1 * np.arange(41)) * np.array([[1.0], [2.0]])
    truth = Trajectories(x[..., None], np.zeros((2, 40, 0)), {})
    for wrong, named in (
        (1e-2, "a linear map with the same inputs and Runge-Kutta 4 with the same steps."),
        (1e-9, "a linear map with the same inputs."),
    ):
        found = evaluate(equations("x' = -x"), 0.1, truth, truth.states + wrong, np.ones(1))
        assert found.sentences()[-1] == f"The network has a larger median error than {named}"
    exact = evaluate(equations("x' = -x"), 0.1, truth, truth.states, np.ones(1))
    assert not any("larger median error" in sentence for sentence in exact.sentences())


def test_where_nothing_moves_only_a_constant_solution_is_right():
    still = Trajectories(np.ones((2, 4, 1)), np.zeros((2, 3, 0)), {})
    solved = np.ones((2, 4, 1))
    solved[1, 2] = 1.5
    law = equations("x' = 0*x; x(0) = 1")
    found = evaluate(law, 0.1, still, solved, np.ones(1))
    np.testing.assert_array_equal(found.errors, [0, np.inf])
    for errors in found.schemes.values():
        np.testing.assert_array_equal(errors, 0)


def test_valid_times_are_reported_in_lyapunov_times():
    lorenz = system("lorenz63")
    states = simulate(lorenz, 40, start=np.array([[1.0, 1, 25], [2, 1, 25]]), scheme="rk4")
    solved = states.copy()
    solved[:, 11:] += 100
    truth = Trajectories(states, np.zeros((2, 40, 0)), {})
    found = evaluate(lorenz, 0.02, truth, solved, states.std(axis=(0, 1)))
    np.testing.assert_allclose(found.valid_times, 0.2)
    assert f"for 0.2 units of time (median, {0.2 * 0.9056:.1f} L" in found.sentences()[2]


def test_a_map_has_no_scheme_beside_it():
    shape = {**SMALL, "epochs": 1}
    model = Surrogate("henon", ranges={"x": (-0.1, 0.1), "a": (1.0, 1.3)}, **shape).fit()
    found = model.evaluate(3, 20)
    assert found.schemes == {} and model.input_names() == ("a",)
    assert not any("same steps" in sentence for sentence in found.sentences())
    assert model.evaluate_random_drive(3, 20) is None


def test_beside_a_map_of_a_linear_system_is_a_linear_map():
    """x_{n+1} = x_n / 2 is found up to rounding, whatever the start."""
    model = Surrogate(halved(), ranges={"x": (-1, 1)}, **SMALL).prepare()
    model.fitted_ = Fitted(model.untrained(), [], (), "not trained")
    linear = LinearMap.fit(model.training_trajectories_, 0)
    np.testing.assert_allclose(linear.coefficients, [[0], [0.5]], atol=1e-13)
    assert model.evaluate(3, 8).linear.max() < 1e-11


def test_the_drive_of_another_kind_is_as_large_and_as_fast(model):
    drive = random_drive(model.training_trajectories_, model.system_, 0.5, seed=3)
    assert drive is not None
    t = np.arange(0, 4000, 0.05)
    u = np.asarray(jax.vmap(lambda t: drive(t, {}))(t))[:, 0]
    points = model.training_trajectories_.inputs[..., :3]
    assert u.mean() == pytest.approx(points.mean(), abs=0.05)
    assert u.std() == pytest.approx(points.std(), rel=0.05)
    w = model.training_trajectories_.parameters["frequency"]
    speed = np.std(np.gradient(u, 0.05))
    assert 0.3 < speed / (points.std() * w.mean()) < 2  # (eight draws of a frequency)
    free = replace(model.system_, inputs=(), drive=None)
    assert random_drive(model.training_trajectories_, free, 0.5) is None


# --- kept ---

TINY: dict[str, Any] = {"trajectories": 8, "steps": 12, "window": 6, "hidden": 4, "epochs": 4}
ASKED = {"unseen": 2, "unseen_steps": 5}


def begin(folder, **options):
    """Of a map: it is drawn faster than a differential equation is."""
    given = {"ranges": {"a": (1.0, 1.3), "x": (-0.1, 0.1)}, **TINY, **options}
    surrogate_run.begin(Surrogate("henon", **given), folder, ASKED, command="again")
    return folder


def silent(_):
    pass


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = begin(tmp_path_factory.mktemp("kept") / "run")
    return surrogate_run.complete(folder, silent)[0], folder


def copy(folder, to):
    to.mkdir()
    for path in folder.iterdir():
        if path.is_file():
            (to / path.name).write_bytes(path.read_bytes())
    return to


def test_what_is_kept_solves_to_the_same_bits(kept):
    model, folder = kept
    loaded, command = saved_surrogate.load(folder)
    assert command == "again" and loaded.history_ == model.history_
    assert loaded.fitted_.best_epochs == model.fitted_.best_epochs
    starts = np.random.default_rng(0).normal(size=(3, 2))
    own = {"a": np.array([1.0, 1.1, 1.3])}
    np.testing.assert_array_equal(loaded.solve(starts, 9, own), model.solve(starts, 9, own))
    assert loaded.system_.parameters == model.system_.parameters
    np.testing.assert_array_equal(loaded.evaluate(2, 5).errors, model.evaluate(2, 5).errors)


def test_a_folder_is_that_of_a_surrogate_or_of_none(kept, tmp_path):
    assert surrogate_record.is_surrogate(kept[1]) and not surrogate_record.is_surrogate(
        tmp_path
    )
    assert saved_surrogate.max_epochs(kept[1]) == 4
    with refuses("a run is a folder with a `run.json`, or of another kind"):
        saved_surrogate.load(tmp_path)
    with refuses("the folder must hold a forecasting run"):
        Forecaster.load(kept[1])


def interrupts(epoch):
    def show(history):
        if history[-1].epoch == epoch:
            os.kill(os.getpid(), signal.SIGTERM)

    return show


@pytest.mark.parametrize("dtype, method", [("float32", "adam"), ("float64", "nag")])
def test_an_interrupted_one_resumes_to_the_same_bits(tmp_path, dtype, method):
    options = {"dtype": dtype, "method": method}
    whole, folder = begin(tmp_path / "whole", **options), begin(tmp_path / "run", **options)
    surrogate_run.complete(whole, silent)
    for epoch in (1, 3):
        with pytest.raises(Interrupted) as stop:
            surrogate_run.complete(folder, interrupts(epoch))
        assert stop.value.epoch == epoch
        assert not (folder / "weights.safetensors").exists()
    with refuses("a surrogate must be trained to its end before it solves"):
        saved_surrogate.load(folder)
    model, found = surrogate_run.complete(folder, silent)
    assert [row.epoch for row in model.history_] == [1, 2, 3, 4]
    assert found.stopped == surrogate_run.complete(whole, silent)[1].stopped
    both = [(path / "weights.safetensors").read_bytes() for path in (whole, folder)]
    assert both[0] == both[1]
    weights = load_file(folder / "weights.safetensors")
    assert {str(values.dtype) for values in weights.values()} == {dtype}


def test_a_finished_one_is_not_trained_again(kept):
    before = (kept[1] / "weights.safetensors").read_bytes()

    def show(history):
        raise AssertionError("it trains")

    surrogate_run.complete(kept[1], show)
    assert (kept[1] / "weights.safetensors").read_bytes() == before


def test_the_last_good_weights_of_one_that_diverges_are_kept(tmp_path):
    folder = begin(tmp_path / "run", rate=1e30, clip=1e30, method="sgd")
    with pytest.raises(Diverged, match="They are in"):
        surrogate_run.complete(folder, silent)
    weights = load_file(folder / "checkpoint" / "last_good.safetensors")
    assert weights and all(np.isfinite(values).all() for values in weights.values())


@pytest.mark.parametrize("number", range(16))
def test_a_kill_while_it_is_overwritten_leaves_the_old_one_or_the_new_one(
    number, kept, tmp_path
):
    """Whichever call of the system is the last one: the files are all of one of them."""
    folder, model = copy(kept[1], tmp_path / "run"), copy_of(kept[0])
    old = readable(folder, run_folder.SURROGATE)
    saved_surrogate.save_surrogate(model, tmp_path / "new")
    new = readable(tmp_path / "new", run_folder.SURROGATE)
    assert not old.items() & new.items()
    with killed_at(number):
        saved_surrogate.save_surrogate(model, folder, overwrite=True)
    assert readable(folder, run_folder.SURROGATE) in (old, new)


def copy_of(model):
    """A model with other weights and another history."""
    other, fitted = Surrogate("henon", ranges={"x": (0, 0.1)}, **TINY).prepare(), model.fitted_
    network = jax.tree.map(lambda w: 2 * w, fitted.network)
    other.fitted_ = replace(fitted, network=network, history=fitted.history[:-1])
    return other


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGE = {
    "flipped": flipped,
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
    "other": lambda _: b"[1, 2]",
    "code": lambda _: b"cos\nsystem\n(S'touch executed'\ntR.",  # a pickle that runs a command
}


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", ["surrogate.json", "weights.safetensors", "history.jsonl"])
def test_what_was_damaged_is_refused(kept, tmp_path, monkeypatch, name, how):
    monkeypatch.chdir(tmp_path)
    folder = copy(kept[1], tmp_path / "run")
    (folder / name).write_bytes(DAMAGE[how]((folder / name).read_bytes()))
    for read in (saved_surrogate.load, lambda folder: surrogate_run.complete(folder, silent)):
        with refuses(f"`{name}` of a run must be as it was written"):
            read(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    (folder / name).unlink()
    missing = f"`{name}` of a run must be as it was written"
    with refuses("a run is a folder" if name == "surrogate.json" else missing):
        saved_surrogate.load(folder)


def forge(folder, change):
    """Change `surrogate.json` and make its digest right again, as a forger would."""
    plain = integrity.json.loads((folder / "surrogate.json").read_text())
    plain.pop("digest")
    change(plain)
    integrity.write_json(folder / "surrogate.json", plain)
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda plain: plain.update(format=99), "a run's format must be at most 1; got 99."),
        (lambda plain: plain.update(options={}), "`options` is not valid"),
        (lambda plain: plain["options"].update(unseen=0), "`options` is not valid"),
        (lambda plain: plain.update(more=1), "`more` is not valid"),
        (lambda plain: plain["settings"].update(more=1), "`settings` is not valid"),
        (lambda plain: plain["settings"].update(hidden="eight"), "`settings` is not valid"),
        (lambda plain: plain["settings"].update(hidden=-1), "`hidden` must be above 0"),
        (lambda plain: plain["settings"].update(hidden=5), "has another shape"),
        (lambda plain: plain["settings"].update(cell="lstm"), "other tensors"),
        (lambda plain: plain["settings"].update(depth=2), "other tensors"),
        (
            lambda plain: plain["settings"].update(system="__import__('os')"),
            "name of a known system",
        ),
        (lambda plain: plain["settings"].update(system="x' = open(x)"), "got `open`"),
        (lambda plain: plain["settings"].update(ranges={"a": [0.5, 0.1]}), "range of `a`"),
    ],
)
def test_what_was_forged_is_refused(kept, tmp_path, change, message):
    folder = forge(copy(kept[1], tmp_path / "run"), change)
    with refuses(message):
        saved_surrogate.load(folder)


def test_a_system_of_ones_own_is_not_kept(tmp_path):
    model = Surrogate(halved(), ranges={"x": (-1, 1)}, **TINY)
    with refuses("got a system of your own function. Write its equations as text."):
        surrogate_run.begin(model, tmp_path / "run", ASKED)
    assert not (tmp_path / "run").exists()
    assert model.fit().solve([0.5], 3).shape == (4, 1)  # but it is learned


def test_a_folder_in_use_is_left_alone(kept, tmp_path):
    folder = copy(kept[1], tmp_path / "run")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with refuses("the output folder must be new or empty"):
        begin(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    (folder / "notes.txt").write_text("mine")
    surrogate_run.begin(
        Surrogate("henon", ranges={"x": (0, 0.1)}, **TINY), folder, ASKED, overwrite=True
    )
    assert {path.name for path in folder.iterdir()} == {"notes.txt", run_folder.SURROGATE}


def test_zeros_are_not_saved_and_are_read_where_earlier_versions_wrote_them(tmp_path):
    model = Surrogate("henon", hidden=200, trajectories=5, steps=20).fit(verbose=False)
    saved_surrogate.save_surrogate(model, tmp_path)
    file = tmp_path / "weights.safetensors"
    tensors = load_file(file)
    assert file.stat().st_size < 8 * 200 * 20 and "cells.0.W" not in tensors
    earlier = save({**tensors, "cells.0.W": np.zeros((200, 200))})
    for content in (file.read_bytes(), earlier):
        rewrite(tmp_path, lambda _: None, "surrogate.json", weights=content)
        again = saved_surrogate.load_surrogate(tmp_path)
        np.testing.assert_array_equal(again.solve([0.1, 0.1], 9), model.solve([0.1, 0.1], 9))
