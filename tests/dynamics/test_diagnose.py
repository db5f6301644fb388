"""Networks whose weights are known, so that all that is told of them is known, too."""

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

from throughtime.data.series import Series
from throughtime.data.time_axis import Times
from throughtime.dynamics.behaviour import OSCILLATES, SETTLES
from throughtime.dynamics.diagnose import common_delay, delay, diagnose, embedded, subject
from throughtime.dynamics.surrogate import Surrogate
from throughtime.forecasting.forecaster import Forecaster
from throughtime.reports.diagnosis_report import write_diagnosis

STEPS = 256


@pytest.fixture(scope="module", autouse=True)
def few_starts():
    """One fixed point is found from few starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["throughtime.diagnose"], "STARTS", 8)
        yield


def wave(rows=300, inputs=()):
    """A sine around 3, and noise as inputs."""
    y = 3 + 2 * np.sin(2 * np.pi * np.arange(rows) / 20)[:, None]
    u = np.random.default_rng(0).normal(size=(rows, len(inputs)))
    return Series(y, ("y",), u, inputs, Times.count(rows), "wave")


def fitted(series, **settings):
    """A linear network of two units, one epoch old."""
    tiny = {"cell": "rnn", "activation": "identity", "hidden": 2, "window": 8, "epochs": 1}
    tiny |= {"ensemble": 1, "patience": None, "centred": False, "dtype": "float64"}
    return Forecaster(**{**tiny, **settings}).fit(series)


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
    """With h' = A h + b, which the output y = h_0 that is read back is a part of."""
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
    scaler = carried.parts_.scaler
    rest = scaler.mean[0] + scaler.std[0] * np.linalg.solve(np.eye(2) - A, b)[0]
    assert found.behaviour.kind == SETTLES
    np.testing.assert_allclose(
        found.behaviour.spectrum.exponents[:2], np.log([0.9, 0.5]), atol=1e-3
    )
    (point,) = found.points
    assert point.stable and point.starts == 8
    np.testing.assert_allclose(point.eigenvalues[:2], [0.9, 0.5], atol=1e-9)
    assert found.free[-1, 0] == pytest.approx(rest, rel=1e-9)

    told = " ".join(found.sentences())
    assert f"Left alone: it settles at ({rest:.4g});" in told
    assert f"1 fixed point found, 1 stable: ({rest:.4g}), stable" in told
    assert "|eigenvalue| 0.9" in told and "drift" not in told and "held" not in told
    assert f"exponents per step: {math.log(0.9):.4g}, {math.log(0.5):.4g}" in told
    numbers = plain(found)
    assert numbers["behaviour"] == SETTLES and numbers["period"] is None
    assert numbers["fixed_points"][0]["at"] == pytest.approx([rest])
    assert numbers["fixed_points"][0]["eigenvalues"][0] == pytest.approx([0.9, 0])
    assert numbers["lyapunov_exponents"][2] is None  # (of the output, -infinity)
    assert numbers["state_space_divergence"] is None  # it stands still

    path = tmp_path / "diagnosis.html"
    write_diagnosis(path, found, tmp_path, command="throughtime diagnose run")
    page = path.read_text()
    assert "Fixed points" in page and "stable" in page
    assert not re.search(r'[="( ](nan|inf)\b', re.sub(r"-inf(inity)?", "", page))


@pytest.mark.parametrize("period", [7.3])
def test_a_rotation_oscillates_with_its_period(carried, period):
    found = diagnose(linear(carried, rotation(period)), STEPS)
    assert found.behaviour.kind == OSCILLATES
    assert found.behaviour.period == pytest.approx(period, rel=1e-5)
    np.testing.assert_allclose(found.behaviour.spectrum.exponents[:2], 0, atol=2e-3)
    assert f"it oscillates with a period of {period:.5g};" in found.sentences()[1]
    assert found.points[0].eigenvalues[0] == pytest.approx(
        np.exp(2j * np.pi / period * np.sign(found.points[0].eigenvalues[0].imag)), abs=1e-9
    )
    # what it does is what is compared: of the same mean, over and over
    n = round(10 * period)
    np.testing.assert_allclose(found.later[n : n + 50], found.later[:50], atol=1e-6)
    assert math.isfinite(found.divergence) and 0 <= found.distance <= 1
    assert plain(found)["period"] == found.behaviour.period


@pytest.mark.parametrize("growth", [1.145, 3.0, 1e60])
def test_what_explodes_is_told_to(carried, growth, tmp_path):
    """Also where nothing is infinite yet after the steps that are watched."""
    found = diagnose(linear(carried, growth * rotation(7.3)), STEPS)
    assert found.behaviour is None and found.points is None and found.drift == []
    assert found.sentences()[1:] == ["Left alone it goes to infinity."]
    assert plain(found)["behaviour"] is None
    assert plain(found)["sentences"] == found.sentences()
    path = tmp_path / "diagnosis.html"
    write_diagnosis(path, found, tmp_path, command="throughtime diagnose run")
    assert "goes to infinity" in path.read_text()


def test_of_a_centred_network_the_level_is_left_out_and_its_drift_told():
    """Read from the start of its window, y(n + 1) = y(n) + 0.3 has no level, but a slope."""
    model = fitted(wave(), centred=True)
    weighted(model, U=[[1.0], [0.0]], W=np.zeros((2, 2)), b=[0.3, 0.0], V=[[1.0, 0.0]])
    found, scaler = diagnose(model, STEPS), model.parts_.scaler
    step = 0.3 * scaler.std[0]
    assert found.drift == pytest.approx([step])
    assert f"Its level drifts by {step:.3g} a step" in " ".join(found.sentences())
    np.testing.assert_allclose(np.diff(found.free[:, 0]), step, rtol=1e-9)
    # what is left is the window less its first value, which does not change
    assert found.behaviour.kind == SETTLES
    np.testing.assert_allclose(found.behaviour.seen[-1], 7 * step, rtol=1e-9)
    assert found.points is None and "no level is a fixed point" in found.sentences()[3]
    np.testing.assert_array_equal(found.later, found.free)
    plain(found)


def test_a_network_that_gives_several_steps_at_once_is_shown_step_by_step():
    """y' = y/2 + 0.3, two steps of it at a time."""
    model = fitted(wave(), horizon=2)
    halves = {"V": [[0.5, 0.0], [0.25, 0.0]], "c": [0.3, 0.45]}
    weighted(model, U=[[1.0], [0.0]], W=np.zeros((2, 2)), **halves)
    found, scaler = diagnose(model, STEPS), model.parts_.scaler
    y, wanted = float(found.subject.context[-1, 0]), []
    for _ in range(30):
        y = y / 2 + 0.3
        wanted.append(scaler.mean[0] + scaler.std[0] * y)
    np.testing.assert_allclose(found.free[:30, 0], wanted, rtol=1e-9)
    assert found.behaviour.spectrum.exponents[0] == pytest.approx(-math.log(2), abs=1e-9)
    rest = scaler.mean[0] + 0.6 * scaler.std[0]
    assert found.points[0].eigenvalues[0] == pytest.approx(0.25, abs=1e-9)
    assert f"({rest:.4g}), stable" in found.sentences()[3]


def test_inputs_are_held_and_the_first_network_is_looked_at():
    """The second network explodes, and inputs would make a difference."""
    model = fitted(wave(inputs=("wind", "sun")), truncated=True, ensemble=2)
    U, V = np.array([[1.0, 5.0, 5.0], [0.0, 0.0, 0.0]]), np.array([[1.0, 0.0]])
    first = np.array([[0.0, 0.0], [0.0, 0.5]]) - U[:, :1] @ (0.2 * V)
    weighted(model, U=U, W=np.stack([first, 9 * np.eye(2)]), V=V)
    found = diagnose(model, STEPS)
    assert found.behaviour.kind == SETTLES  # at 0: the mean of what is scaled
    rest = model.parts_.scaler.mean[0]
    assert found.free[-1, 0] == pytest.approx(rest, rel=1e-9)
    assert (
        "What it reads beside the series was held at its mean: wind, sun." in found.sentences()
    )
    assert "This is the first of 2 networks." in found.sentences()
    assert math.isnan(found.divergence)  # nothing to compare: the series had other inputs
    plain(found)

    weighted(model, U=U, W=np.stack([9 * np.eye(2), first]), V=V)
    told = diagnose(model, STEPS).sentences()
    assert told[1:] == ["Left alone it goes to infinity.", *found.sentences()[-2:]]


@pytest.fixture(scope="module")
def surrogate():
    small = {"hidden": 8, "trajectories": 20, "steps": 20, "window": 5, "epochs": 20}
    return Surrogate("logistic", cell="rnn", **small).fit()


def test_of_a_surrogate_the_systems_exponents_are_told(surrogate):
    found = diagnose(surrogate, STEPS)
    known = math.log(2)  # of x' = 4 x (1 - x)
    assert found.subject.known == pytest.approx((known,))
    assert found.subject.names == ("x",) and found.subject.unit == "step"
    assert found.behaviour is not None
    assert f"(of the system: {known:.4g})" in found.sentences()[2]
    assert 0 <= found.subject.truth.min() < 0.01 < 0.99 < found.subject.truth.max() <= 1
    assert len(found.subject.truth) > 1000 and found.subject.members == 1
    plain(found)


def test_what_is_driven_is_held_and_time_has_its_unit():
    quick = {"hidden": 2, "trajectories": 4, "steps": 10, "window": 5, "epochs": 1}
    model = Surrogate("oscillator", dt=0.5, **quick).fit()
    what = subject(model, "a name")
    assert what.name == "a name" and what.unit == "unit of time" and what.time == 0.5
    assert what.held == ("F",)  # its force, told at three points of a step
    chaos = subject(Surrogate("lorenz63", **quick).fit())
    assert chaos.name == "lorenz63" and chaos.known[0] == pytest.approx(0.906, abs=1e-3)


@pytest.mark.parametrize("period", [30, 50, 120])
def test_the_delay_of_a_sine_is_where_its_correlation_falls_below_1_over_e(period):
    y = 7 + np.sin(2 * np.pi * np.arange(40 * period) / period)
    wanted = math.ceil(period * math.acos(1 / math.e) / (2 * math.pi))
    assert delay(y) == wanted
    assert common_delay(y[:, None], y[:, None]) == wanted
    assert common_delay(y[:, None], y[:10, None]) == 5


def test_the_delay_of_what_has_none_is_a_step():
    assert delay(np.full(100, 2.5)) == 1
    assert delay(np.random.default_rng(0).normal(size=1000)) == 1


def test_one_variable_is_embedded_by_itself_a_delay_before():
    y = np.arange(10.0)[:, None]
    np.testing.assert_array_equal(embedded(y, 3), np.stack([y[3:, 0], y[:7, 0]], axis=1))
    assert embedded(y, 0).shape == (10, 2)
    several = np.ones((10, 3))
    assert embedded(several) is several


def test_mistakes_are_named(carried):
    with refuses("`steps` must be at least 64; got 10"):
        diagnose(linear(carried, 0.5 * rotation(7.3)), 10)
    with refuses("must be fitted"):
        diagnose(Forecaster())
    with refuses("must be fitted"):
        subject(Surrogate("lorenz63"))


def test_a_window_of_one_step_is_looked_at_without_its_gradient():
    settings = {"window": 1, "washout": 0, "epochs": 1, "ensemble": 1, "centred": False}
    model = Forecaster(cell="rnn", hidden=3, **settings).fit(np.sin(np.arange(80.0)))
    found = diagnose(model, 256)
    assert found.flow is None and found.to_json()["gradient"] is None
    assert found.sentences()[0].startswith("It learns from single steps")
    assert found.behaviour is not None
