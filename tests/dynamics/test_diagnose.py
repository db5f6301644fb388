"""Networks whose weights are known, so that everything a diagnosis says of them is known."""

import dataclasses
import json
import math
import re
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from made_models import untrained
from matplotlib.figure import Figure

from throughtime.data.series import Series
from throughtime.dynamics.behaviour import OSCILLATES, SETTLES
from throughtime.dynamics.diagnose import diagnose
from throughtime.dynamics.state_space import common_delay, embedding
from throughtime.dynamics.surrogate import Surrogate
from throughtime.dynamics.trained_network import trained_network
from throughtime.forecasting.forecaster import Forecaster
from throughtime.reports.diagnosis_report import write_diagnosis
from throughtime.reservoir.delay_embedding import decorrelation
from throughtime.stamps.time_axis import Times
from throughtime.training.result import Fitted

STEPS = 256


@pytest.fixture(scope="module", autouse=True)
def few_starts():
    """One fixed point is found from few starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["throughtime.dynamics.diagnose"], "STARTS", 8)
        yield


def wave(rows=300, inputs=()):
    """A sine around 3, and noise as inputs."""
    y = 3 + 2 * np.sin(2 * np.pi * np.arange(rows) / 20)[:, None]
    u = np.random.default_rng(0).normal(size=(rows, len(inputs)))
    return Series(y, ("y",), u, inputs, Times.count(rows), "wave")


def fitted(series, **settings):
    """Linear networks of two units, as if they were fitted: their weights are set later."""
    tiny = {"cell": "rnn", "activation": "identity", "hidden": 2, "centred": False}
    tiny |= {"ensemble": 1, "dtype": "float64"} | settings
    with jax.enable_x64(True):
        return untrained(series, best=(1,) * tiny["ensemble"], **tiny)


def weighted(model, *, U, W, b=(0.0, 0.0), V, c=0.0):
    """The model with other weights: of one network, or of each with a leading axis."""

    def where(network):
        cell, read = network.cells[0], network.readout.layers[-1]
        return cell.U, cell.W, cell.b, read.V, read.c

    with jax.enable_x64(True):
        network = model.fitted_.network
        leaves = zip((U, W, b, V, c), where(network), strict=True)
        weights = [
            jnp.asarray(np.broadcast_to(w, leaf.shape), leaf.dtype) for w, leaf in leaves
        ]
        model.fitted_ = dataclasses.replace(
            model.fitted_, network=eqx.tree_at(where, network, weights)
        )
    return model


@pytest.fixture(scope="module")
def carried():
    """A forecaster that carries its state along the series."""
    return fitted(wave(), truncated=True)


def linear(model, A, b=(0.0, 0.0)):
    """With h' = A h + b; the output y = h_0, which the network reads again, is part of it."""
    U, V = np.array([[1.0], [0.0]]), np.array([[1.0, 0.0]])
    return weighted(model, U=U, W=np.asarray(A) - U @ V, b=b, V=V)


def rotation(period):
    angle = 2 * np.pi / period
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def plain(found):
    """As JSON, which has neither NaN nor infinity."""
    return json.loads(json.dumps(found.to_json(), allow_nan=False))


def test_a_contraction_settles_at_its_fixed_point(carried, tmp_path):
    A, b = np.array([[0.9, 0.2], [0.0, 0.5]]), np.array([0.1, 0.2])
    found = diagnose(linear(carried, A, b), STEPS)
    scaler = carried.data_.scalers[0]
    rest = scaler.mean[0] + scaler.std[0] * np.linalg.solve(np.eye(2) - A, b)[0]
    assert found.behaviour.kind == SETTLES
    np.testing.assert_allclose(
        found.behaviour.spectrum.exponents[:2], np.log([0.9, 0.5]), atol=1e-3
    )
    (point,) = found.fixed_points
    assert point.stable and point.starts == 8
    np.testing.assert_allclose(point.eigenvalues[:2], [0.9, 0.5], atol=1e-9)
    assert found.free_run[-1, 0] == pytest.approx(rest, rel=1e-9)

    text = " ".join(found.of_network())
    assert f"In a free run it settles at ({rest:.4g});" in text
    assert f"1 fixed point found, 1 stable: ({rest:.4g}), stable" in text
    assert "0.9" in text and "drift" not in text and "held" not in text
    assert f"exponents per step: {math.log(0.9):.4g}, {math.log(0.5):.4g}" in text
    numbers = plain(found)
    assert numbers["behaviour"] == SETTLES and numbers["period"] is None
    assert numbers["fixed_points"][0]["at"] == pytest.approx([rest])
    assert numbers["fixed_points"][0]["eigenvalues"][0] == pytest.approx([0.9, 0])
    assert numbers["lyapunov_exponents"][2] is None  # (of the output, -infinity)
    assert numbers["state_space_divergence"] is None  # it stands still

    values = dict(found.to_polars().iter_rows())
    assert values["fixed_points"] == values["stable_fixed_points"] == 1
    assert values["lyapunov_exponent_1"] == pytest.approx(math.log(0.9), abs=1e-3)
    axes = found.plot(Figure().add_subplot())
    (run,) = (line for line in axes.get_lines() if line.get_label() == "free run")
    assert run.get_ydata()[-1] == pytest.approx(rest, rel=1e-9) and run.get_xdata()[0] == 0
    assert repr(found).endswith(f"a free run {SETTLES})") and len(repr(found)) < 100
    assert found._repr_html_().count("<li>") == len(found.sentences())

    path = tmp_path / "diagnosis.html"
    write_diagnosis(path, found, tmp_path, command="throughtime diagnose run")
    page = path.read_text()
    assert "Fixed points" in page and "stable" in page
    assert not re.search(r'[="( ](nan|inf)\b', re.sub(r"-inf(inity)?", "", page))


def test_a_point_has_no_distance_from_the_series(carried):
    """Nor what is left of the way to it, which is long here."""
    found = diagnose(linear(carried, 0.98 * rotation(7.3)), STEPS)
    assert found.behaviour.kind == SETTLES and np.ptp(found.attractor) > 0
    assert math.isnan(found.divergence) and math.isnan(found.distance)
    assert not any("differs from the series" in text for text in found.of_network())


@pytest.mark.parametrize("period", [7.3])
def test_a_rotation_oscillates_with_its_period(carried, period):
    found = diagnose(linear(carried, rotation(period)), STEPS)
    assert found.behaviour.kind == OSCILLATES
    assert found.behaviour.period == pytest.approx(period, rel=1e-5)
    np.testing.assert_allclose(found.behaviour.spectrum.exponents[:2], 0, atol=2e-3)
    assert f"it oscillates with a period of {period:.5g};" in found.of_network()[1]
    assert found.fixed_points[0].eigenvalues[0] == pytest.approx(
        np.exp(2j * np.pi / period * np.sign(found.fixed_points[0].eigenvalues[0].imag)),
        abs=1e-9,
    )
    # the run that is compared repeats itself
    n = round(10 * period)
    np.testing.assert_allclose(found.attractor[n : n + 50], found.attractor[:50], atol=1e-6)
    assert math.isfinite(found.divergence) and 0 <= found.distance <= 1
    assert plain(found)["period"] == found.behaviour.period


@pytest.mark.parametrize("growth", [1.145, 3.0, 1e60])
def test_a_network_that_explodes_goes_to_infinity(carried, growth, tmp_path):
    """Also where nothing is infinite yet after the steps that are observed."""
    found = diagnose(linear(carried, growth * rotation(7.3)), STEPS)
    assert found.behaviour is None and found.fixed_points is None and found.drift == []
    assert found.of_network()[1:] == ["In a free run it goes to infinity."]
    assert plain(found)["behaviour"] is None
    assert plain(found)["sentences"] == found.sentences()
    path = tmp_path / "diagnosis.html"
    write_diagnosis(path, found, tmp_path, command="throughtime diagnose run")
    assert "goes to infinity" in path.read_text()
    assert "goes to infinity" in repr(found) and "<img" not in found._repr_html_()


def test_of_a_centred_network_the_level_is_left_out_and_its_drift_reported():
    """y(n + 1) = y(n) + 0.3, measured from its window's start, has a slope and no level."""
    model = fitted(wave(), centred=True)
    weighted(model, U=[[1.0], [0.0]], W=np.zeros((2, 2)), b=[0.3, 0.0], V=[[1.0, 0.0]])
    found, scaler = diagnose(model, STEPS), model.data_.scalers[0]
    step = 0.3 * scaler.std[0]
    assert found.drift == pytest.approx([step])
    assert f"Its level drifts by {step:.3g} per step" in " ".join(found.of_network())
    np.testing.assert_allclose(np.diff(found.free_run[:, 0]), step, rtol=1e-9)
    # the window less its first value does not change
    assert found.behaviour.kind == SETTLES
    np.testing.assert_allclose(found.behaviour.observed[-1], 7 * step, rtol=1e-9)
    assert found.fixed_points is None and "no level is a fixed point" in found.of_network()[3]
    np.testing.assert_array_equal(found.attractor, found.free_run)
    plain(found)


def test_a_network_that_predicts_several_steps_at_once_is_observed_at_each():
    """y' = y/2 + 0.3, two steps of it at a time."""
    model = fitted(wave(), horizon=2)
    halves = {"V": [[0.5, 0.0], [0.25, 0.0]], "c": [0.3, 0.45]}
    weighted(model, U=[[1.0], [0.0]], W=np.zeros((2, 2)), **halves)
    found, scaler = diagnose(model, STEPS), model.data_.scalers[0]
    y, wanted = float(found.model.context[-1, 0]), []
    for _ in range(30):
        y = y / 2 + 0.3
        wanted.append(scaler.mean[0] + scaler.std[0] * y)
    np.testing.assert_allclose(found.free_run[:30, 0], wanted, rtol=1e-9)
    assert found.behaviour.spectrum.exponents[0] == pytest.approx(-math.log(2), abs=1e-9)
    rest = scaler.mean[0] + 0.6 * scaler.std[0]
    assert found.fixed_points[0].eigenvalues[0] == pytest.approx(0.25, abs=1e-9)
    assert f"({rest:.4g}), stable" in found.of_network()[3]


def test_inputs_are_held_constant_and_the_first_network_is_diagnosed():
    """The second network explodes, and inputs would make a difference."""
    model = fitted(wave(inputs=("wind", "sun")), truncated=True, ensemble=2)
    U, V = np.array([[1.0, 5.0, 5.0], [0.0, 0.0, 0.0]]), np.array([[1.0, 0.0]])
    first = np.array([[0.0, 0.0], [0.0, 0.5]]) - U[:, :1] @ (0.2 * V)
    weighted(model, U=U, W=np.stack([first, 9 * np.eye(2)]), V=V)
    found = diagnose(model, STEPS)
    assert found.behaviour.kind == SETTLES  # at 0: the mean of what is scaled
    rest = model.data_.scalers[0].mean[0]
    assert found.free_run[-1, 0] == pytest.approx(rest, rel=1e-9)
    assert "Its other inputs were held at their means: wind, sun." in found.of_network()
    assert "This is the first of 2 networks." in found.of_network()
    assert math.isnan(found.divergence)  # nothing to compare: the series had other inputs
    plain(found)

    weighted(model, U=U, W=np.stack([9 * np.eye(2), first]), V=V)
    text = diagnose(model, STEPS).of_network()
    assert text[1:] == ["In a free run it goes to infinity.", *found.of_network()[-2:]]


@pytest.fixture(scope="module")
def surrogate():
    small = {"hidden": 8, "trajectories": 20, "steps": 20, "window": 5, "epochs": 20}
    return Surrogate("logistic", cell="rnn", **small).fit()


def test_of_a_surrogate_the_exponents_of_the_system_are_reported(surrogate):
    found = diagnose(surrogate, STEPS)
    known = math.log(2)  # of x' = 4 x (1 - x)
    assert found.model.exponents == pytest.approx((known,))
    assert found.model.variables == ("x",) and found.model.unit == "step"
    assert found.behaviour is not None
    assert f"(of the system: {known:.4g})" in found.of_network()[2]
    assert 0 <= found.model.truth.min() < 0.01 < 0.99 < found.model.truth.max() <= 1
    assert len(found.model.truth) > 1000 and found.model.members == 1
    plain(found)


def test_without_memory_the_map_is_of_the_variables_alone():
    """Its step and its eigenvalues are those of the map with the units, whose others are 0."""
    model = Surrogate("henon", hidden=20, trajectories=10, steps=20).fit()
    short = trained_network(model)
    with jax.enable_x64(True):
        one, whole = short.dynamics(), dataclasses.replace(short, carry=True).dynamics()
        y = one.step(0, one.start[None])[0]
        assert one.start.shape == (2,) and whole.start.shape == (22,)
        np.testing.assert_allclose(whole.observe(whole.start[None])[0], y, rtol=1e-12)
        own = np.linalg.eigvals(one.jacobian(y))
        of_all = sorted(np.linalg.eigvals(whole.jacobian(whole.start)), key=abs)
        np.testing.assert_allclose(of_all[:20], 0, atol=1e-5)
        np.testing.assert_allclose(of_all[20:], sorted(own, key=abs), rtol=1e-6)


def test_a_drive_is_held_constant_and_time_has_its_unit():
    quick = {"hidden": 2, "trajectories": 4, "steps": 10, "window": 5}

    def unfitted(name, **options):
        model = Surrogate(name, ranges={"x": (0.5, 1.0)}, **options, **quick).prepare()
        model.fitted_ = Fitted(model.untrained(), [], (1,), "not trained")
        return model

    driven = trained_network(unfitted("oscillator", dt=0.5), "a name")
    assert driven.name == "a name" and driven.unit == "unit of time" and driven.dt == 0.5
    assert driven.constant_inputs == (
        "F",
    )  # its force, which the network reads at three points of a step
    chaos = trained_network(unfitted("lorenz63"))
    assert chaos.name == "lorenz63" and chaos.exponents[0] == pytest.approx(0.906, abs=1e-3)


@pytest.mark.parametrize("period", [30, 50, 120])
def test_the_delay_of_a_sine_is_where_its_correlation_falls_below_1_over_e(period):
    y = 7 + np.sin(2 * np.pi * np.arange(40 * period) / period)
    wanted = math.ceil(period * math.acos(1 / math.e) / (2 * math.pi))
    assert decorrelation(y) == wanted
    assert common_delay(y[:, None], y[:, None]) == wanted
    assert common_delay(y[:, None], y[:10, None]) == 5


def test_the_delay_of_a_constant_and_of_noise_is_a_step():
    assert decorrelation(np.full(100, 2.5)) == 1
    assert decorrelation(np.random.default_rng(0).normal(size=1000)) == 1


def test_one_variable_is_embedded_with_its_value_a_delay_ago():
    y = np.arange(10.0)[:, None]
    np.testing.assert_array_equal(embedding(y, 3), np.stack([y[3:, 0], y[:7, 0]], axis=1))
    assert embedding(y, 0).shape == (10, 2)
    several = np.ones((10, 3))
    assert embedding(several) is several


def test_mistakes_are_named(carried):
    with refuses("`steps` must be at least 64; got 10"):
        diagnose(linear(carried, 0.5 * rotation(7.3)), 10)
    with refuses("must be fitted"):
        diagnose(Forecaster())
    with refuses("must be fitted"):
        trained_network(Surrogate("lorenz63"))


def test_a_window_of_one_step_is_diagnosed_without_its_gradient():
    settings = {"window": 1, "washout": 0, "epochs": 1, "ensemble": 1, "centred": False}
    model = Forecaster(cell="rnn", hidden=3, **settings).fit(np.sin(np.arange(80.0)))
    found = diagnose(model, 256)
    assert found.flow is None and found.to_json()["gradient"] is None
    assert found.of_network()[0].startswith("It was trained on single steps")
    assert found.behaviour is not None
