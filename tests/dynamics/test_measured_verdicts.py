"""What is said of noise, of a line, and of driven and noisy data, against closed forms."""

import json
from dataclasses import replace

import numpy as np
import pytest
from command_line import call

import throughtime as tt
from throughtime.dynamics.measured_data import search_data
from throughtime.dynamics.measured_invariants import invariants
from throughtime.dynamics.measured_surrogate import MeasuredSurrogate
from throughtime.dynamics.surrogate import Surrogate
from throughtime.reservoir import closed_loop_baselines, closed_loop_search
from throughtime.reservoir.closed_loop import Features, Settings
from throughtime.reservoir.closed_loop_baselines import baselines
from throughtime.reservoir.closed_loop_model import ClosedLoopModel, largest_exponent
from throughtime.reservoir.closed_loop_search import valid_times
from throughtime.reservoir.noise_filter import NoiseFilter
from throughtime.reservoir.ridge import Readout
from throughtime.reservoir.series_traits import Traits
from throughtime.reservoir.trajectory_smoothing import Noise


@pytest.fixture(scope="module", autouse=True)
def _few_trials():
    """The first settings tell noise from motion; further ones take time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("throughtime.dynamics.measured_surrogate.TRIALS", 10)
        patch.setattr("throughtime.reservoir.closed_loop_search.LARGE", (100,))
        patch.setattr("throughtime.dynamics.measured_invariants.EXPONENT_STEPS", 200)
        yield


def linear(steps, factor, seed=0, inputs=None):
    """y_t = factor y_{t-1} + u_t, of white noise u or of the inputs given."""
    rng = np.random.default_rng(seed)
    u, y = rng.normal(size=steps) if inputs is None else inputs, np.zeros(steps)
    for t in range(1, steps):
        y[t] = factor * y[t - 1] + u[t]
    return y


def logistic(steps):
    """The map y -> 3.9 y (1 - y)."""
    y = [0.3]
    for _ in range(steps - 1):
        y.append(3.9 * y[-1] * (1 - y[-1]))
    return np.array(y)


def law_of(y, settings, V):
    """The data of a search, and a model of these weights."""
    data, _ = search_data([y], [np.zeros((len(y), 0))])
    readout = Readout(V, np.zeros(len(V)))
    past = data.everything()[-1]
    return data, ClosedLoopModel(data.mean, data.scale, Features(settings, None), readout, past)


@pytest.fixture(scope="module")
def of_noise():
    """A model that was searched in white noise."""
    return Surrogate().fit(np.random.default_rng(3).normal(size=300))


def test_of_noise_it_is_said_first_that_nothing_can_be_foretold(of_noise):
    found = of_noise.measured_
    first, *others = found.sentences(found.invariants())
    assert first.startswith("Nothing here can be foretold")
    assert "chaotic" not in " ".join(others)
    assert not found.baselines.beats_mean
    assert not found.baselines.beats_linear
    assert abs(found.baselines.one_step["mean"] - 1) < 0.15


def test_the_law_of_shuffled_chaos_is_no_better_than_the_mean():
    """The law holds for no two neighbours of a shuffled orbit, and for all of the orbit."""
    y = logistic(800)
    for values, better in ((y, True), (np.random.default_rng(0).permutation(y), False)):
        data, _ = search_data([values[:, None]], [np.zeros((800, 0))])
        mean, scale = float(data.mean[0]), float(data.scale[0])
        # 3.9 y (1 - y) of y = mean + scale z, in the same units.
        V = np.array([[3.9 * (1 - 2 * mean), -3.9 * scale]])
        c = np.array([(3.9 * mean * (1 - mean) - mean) / scale])
        features = Features(Settings(order=2, residual=False), None)
        past = data.everything()[-1]
        model = ClosedLoopModel(data.mean, data.scale, features, Readout(V, c), past)
        beside = baselines(model, data)
        assert (beside.beats_mean, beside.beats_linear) == (better, better)


@pytest.mark.parametrize("factor", [0.9, 1.0], ids=["AR(1)", "random walk"])
def test_of_linear_noise_it_is_said_first_that_a_line_does_as_well(factor, monkeypatch):
    """Not even its exact law is better; one step ahead all have the noise, of variance 1."""
    monkeypatch.setattr("throughtime.dynamics.measured_data.find_filter", lambda *_: None)
    y = linear(1200, factor)
    data, model = law_of(y[:, None], Settings(residual=False), np.array([[factor]]))
    beside = baselines(model, data)
    assert beside.beats_mean
    assert not beside.beats_linear
    assert beside.steps == 300
    assert abs(beside.one_step["autoregression"] * data.scale[0] - 1) < 0.15
    traits = Traits("map", 0.0, 0, 1)
    found = MeasuredSurrogate(("y",), (), 1.0, model, traits, (), np.array([1.0]), 9.0, beside)
    first = found.sentences(found.invariants())[0]
    assert first.startswith("A linear autoregression foretells these data as well")


def test_a_verdict_is_kept_with_the_run(of_noise, tmp_path):
    found = of_noise.measured_
    tt.save(of_noise, tmp_path / "run")
    assert tt.load_surrogate(tmp_path / "run").measured_.baselines == found.baselines
    data, model, *_ = call("diagnose", tmp_path / "run").out.splitlines()
    assert data.startswith("By the data alone, y1 is noise")
    assert model.startswith("Nothing here can be foretold")
    told = json.loads(call("diagnose", tmp_path / "run", "--json").out)["baselines"]
    assert told["beats_mean"] is False
    assert told["one_step"] == found.baselines.one_step


def test_the_forecast_of_a_noisy_sine_is_right_for_as_long_as_is_looked(monkeypatch):
    """The exact law, y_t = 2 cos(w) y_{t-1} - y_{t-2}, from noiseless starts: readings that
    are far off do not end it."""
    dt, noise = 0.05, 0.14
    monkeypatch.setattr("throughtime.dynamics.measured_data.find_filter", lambda *_: None)
    phase = 1.3 * dt * np.arange(3000)
    clean = np.sqrt(2) * np.sin(phase)[:, None]
    y = clean + noise * np.random.default_rng(0).normal(size=clean.shape)
    law = np.array([[2 * np.cos(1.3 * dt), -1.0]])
    data, model = law_of(y, Settings(delays=2, residual=False), law)
    truth = (clean - data.mean) / data.scale
    (one,) = data.trajectories
    pasts = [(truth[:row], one.x[:row]) for row in one.starts]
    found = {}
    for name, known in (("smoothed", one.truth), ("read", one.y)):
        held = [one._replace(pasts=pasts, truth=known)]
        found[name] = valid_times(model, replace(data, trajectories=held))
    np.testing.assert_array_equal(found["smoothed"], data.horizon)
    assert found["read"].min() < data.horizon


def test_clean_data_are_compared_as_they_are():
    y = np.sin(0.1 * np.arange(500))[:, None]
    data, _ = search_data([y], [np.zeros((500, 0))])
    assert data.trajectories[0].truth is data.trajectories[0].y


def test_a_driven_free_run_lies_over_the_data():
    """A cycle of 60.3 steps: begun again after the end, the drive would jump."""
    drive = np.sin(2 * np.pi * np.arange(620) / 60.3)
    y = linear(620, 0.8, inputs=drive)
    features = Features(Settings(residual=False), None)
    readout = Readout(np.array([[0.8, 1.0]]), np.zeros(1))
    past = y[:, None], drive[:, None]
    model = ClosedLoopModel(np.zeros(2), np.ones(2), features, readout, past)
    found = invariants(model)
    np.testing.assert_allclose(found.free_run[:, 0], y[found.begin :], atol=1e-9)
    assert found.begin + len(found.free_run) == 620
    assert found.alike
    assert found.spectrum < 1e-6
    np.testing.assert_allclose(found.exponent, np.log(0.8), rtol=1e-6)


def test_the_exponent_of_a_driven_model_needs_no_inputs_after_their_end():
    """Of y_t = .8 y_{t-1} + u_t it is ln .8, whatever the drive."""
    u = np.r_[1e300, np.zeros(399)]  # inputs that are begun again would meet it
    features = Features(Settings(residual=False), None)
    readout = Readout(np.array([[0.8, 1.0]]), np.zeros(1))
    past = (np.zeros((400, 1)), u[:, None])
    model = ClosedLoopModel(np.zeros(2), np.ones(2), features, readout, past)
    found = largest_exponent(model, 4000)
    np.testing.assert_allclose(found.rate, np.log(0.8), rtol=1e-6)
    assert found.steps <= 400


def test_a_driven_model_is_not_bounded_by_a_jump_of_its_drive():
    """y_t = u_t: bounded by its inputs as they come, whatever the first ones are."""
    u = np.r_[np.linspace(-1, 1, 400)]
    data, _ = search_data([u[:, None]], [u[:, None]])
    scales = np.array([[0.0, 1.0]])
    features = Features(Settings(residual=False), None)
    model = ClosedLoopModel(
        data.mean, data.scale, features, Readout(scales, np.zeros(1)), data.everything()[0]
    )
    assert closed_loop_search._is_bounded(model, data)


def test_delays_may_span_more_steps_than_a_filter_reads():
    """The law y_t = y_{t-1}, written with a delay of 300 steps that has no weight."""
    y = np.sin(0.1 * np.arange(1600))[:, None]
    settings = Settings(delays=2, spacing=299)
    data, model = law_of(y, settings, np.zeros((1, 2)))
    (one,) = data.trajectories

    noiseless = Noise(np.ones(1), np.ones(1))
    known = NoiseFilter(model.features, model.readout, noiseless, 0)
    rows = np.array([1300, 1500])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NoiseFilter, "smooth", lambda self, pair: pair[0])
        found = closed_loop_baselines._one_step(model, one, rows, known)
    np.testing.assert_allclose(found, one.y[rows - 1])


def test_a_free_run_at_rest_is_not_alike():
    """Of data that move, the mean as a model is bounded, and moves not at all."""
    y = np.sin(0.3 * np.arange(400))[:, None]
    _, model = law_of(y, Settings(residual=False), np.array([[0.5]]))
    found = invariants(model)
    assert found.bounded
    assert found.spread < 0.1
    assert not found.alike


def test_a_model_shows_what_was_found(of_noise):
    model = of_noise
    assert repr(model) == f"Surrogate(seed=0, found={model.measured_!r})"
    assert repr(model.measured_).startswith("MeasuredSurrogate(y1: ")
    assert "hidden" not in repr(model)
    assert len(repr(model)) < 150
    assert "trajectories=200" in repr(tt.Surrogate("pendulum"))
