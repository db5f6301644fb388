"""Models of measured trajectories against the maps that the data come from, and their files."""

import json

import numpy as np
import pytest
from command_line import call
from conftest import refuses

import throughtime as tt
from throughtime.dynamics.measured_data import search_data
from throughtime.dynamics.surrogate import Surrogate


def logistic(steps, start=0.3, r=3.9):
    """The map y -> r y (1 - y)."""
    y = [start]
    for _ in range(steps - 1):
        y.append(r * y[-1] * (1 - y[-1]))
    return np.array(y)


@pytest.fixture(scope="module")
def model():
    return Surrogate().fit(logistic(400), dt=0.5)


def test_a_map_is_found_and_followed(model):
    found = model.measured_
    assert found.traits.kind == "map"
    np.testing.assert_allclose(model.predict(10)[:, 0], logistic(410)[400:], atol=1e-6)
    past = logistic(30, 0.7)
    ahead = model.predict(8, past[:20])
    np.testing.assert_allclose(ahead[:, 0], past[20:28], atol=1e-6)


def test_its_invariants_are_those_of_the_map(model):
    """The exponent is the mean of ln |r (1 - 2y)|, here per step of .5."""
    found = model.measured_.invariants()
    exponent = np.log(np.abs(3.9 * (1 - 2 * logistic(100_000)))).mean() / 0.5
    assert found.bounded
    assert abs(found.exponent / exponent - 1) < 0.02
    assert found.spectrum < 0.2
    sentences = " ".join(model.measured_.sentences(found))
    assert "look like a map" in sentences
    assert "chaotic" in sentences


def test_padding_does_not_count():
    parts = [logistic(n, start) for n, start in ((150, 0.3), (120, 0.4), (90, 0.6), (140, 0.2))]
    padded = np.full((4, 150, 1), 7.0)
    for row, part in zip(padded, parts, strict=True):
        row[: len(part), 0] = part
    one = Surrogate().fit(parts)
    other = Surrogate().fit(padded, lengths=[len(part) for part in parts])
    np.testing.assert_array_equal(one.predict(5), other.predict(5))


def test_inputs_drive_a_linear_system():
    rng = np.random.default_rng(0)
    u, y = rng.normal(size=400), np.zeros(400)
    for t in range(1, 400):
        y[t] = 0.8 * y[t - 1] + u[t]
    model = Surrogate().fit(y[:300], inputs=u[:300])
    np.testing.assert_allclose(
        model.predict(50, inputs=u[300:350])[:, 0], y[300:350], atol=1e-4
    )
    with refuses("`inputs` must be of shape (50, 1)"):
        model.predict(50)


def test_a_saved_model_goes_on_as_before(model, tmp_path):
    tt.save(model, tmp_path / "run")
    again = tt.load_surrogate(tmp_path / "run")
    np.testing.assert_array_equal(again.predict(20), model.predict(20))
    assert again.measured_.trials == model.measured_.trials
    weights = tmp_path / "run" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with refuses("as it was written"):
        tt.load_surrogate(tmp_path / "run")


@pytest.mark.parametrize(
    ("rule", "call"),
    [
        ("learn a system or trajectories", lambda: Surrogate().fit()),
        ("learn a system or trajectories", lambda: Surrogate("pendulum").fit(logistic(90))),
        ("needs 50 steps", lambda: Surrogate().fit(logistic(20))),
        ("must move", lambda: Surrogate().fit(np.ones(90))),
        ("must be finite", lambda: Surrogate().fit([np.r_[logistic(90), np.nan]])),
        ("a row for each step", lambda: Surrogate().fit(logistic(90), inputs=logistic(80))),
        ("a length for each", lambda: Surrogate().fit(logistic(90), lengths=[1, 2])),
        ("`dt` must be positive", lambda: Surrogate().fit(logistic(90), dt=0.0)),
        ("only a surrogate of measured", lambda: Surrogate("pendulum").predict(3)),
        ("only a surrogate of equations", lambda: Surrogate().solve([1.0], 3)),
    ],
)
def test_mistakes(rule, call):
    with refuses(rule):
        call()


def test_a_past_must_fit(model):
    with refuses("`past` must have 1 columns"):
        model.predict(3, np.ones((9, 2)))


def test_a_table_becomes_a_run(tmp_path):
    table, run = tmp_path / "runs.csv", tmp_path / "run"
    rows = [f"{k},{i},{v!r}" for k in "ab" for i, v in enumerate(logistic(200, 0.3).tolist())]
    table.write_text("run,t,y\n" + "\n".join(rows) + "\n")
    done = call("surrogate", table, "--id", "run", "--out", run, "--json", "--quiet")
    assert done.status == 0, done.err
    assert json.loads(done.out)["kind"] == "map"
    assert (run / "report.html").read_text().count("<svg") >= 2
    ahead = call("predict", run, "--steps", 3).out.splitlines()
    assert ahead[0] == "step,y"
    values = [float(line.split(",")[1]) for line in ahead[1:]]
    np.testing.assert_allclose(values, logistic(203)[200:], atol=1e-5)
    assert "chaotic" in call("diagnose", run).out
    again = call("surrogate", table, "--id", "run", "--out", run)
    assert again.status == 2
    assert "new or empty" in again.err


def test_options_of_a_table_are_refused_for_a_system():
    done = call("surrogate", "pendulum", "--target", "x")
    assert done.status == 2
    assert "`--target` is for a table" in done.err


@pytest.mark.parametrize("series", [np.exp(-np.arange(300) / 60.0), np.arange(300.0)])
def test_slow_series_are_not_asked_for_delays_longer_than_they_are(series):
    found = Surrogate().fit(series).measured_
    assert max(trial.settings.span for trial in found.trials) <= 75
    assert np.isfinite(found.predict(5)).all()


def test_delays_reach_over_steps_that_every_trajectory_has():
    """Before a start there are as many steps as the longest delays span."""
    rng = np.random.default_rng(0)
    parts = [np.sin(0.05 * np.arange(n) + rng.uniform(0, 6)) for n in (240, 120, 60, 50)]
    data, _ = search_data(
        [part[:, None] for part in parts], [np.zeros((len(p), 0)) for p in parts]
    )
    assert data.longest_span <= 20
    for one in data.trajectories:
        assert (one.starts >= data.longest_span).all()


def test_what_is_held_out_does_not_scale_what_is_learned():
    rng = np.random.default_rng(0)
    y = np.cumsum(rng.normal(size=(400, 2)), axis=0)
    other = y.copy()
    other[300:] = 50 + 7 * rng.normal(size=(100, 2))
    (one, kind), (two, same) = (search_data([z], [np.zeros((400, 0))]) for z in (y, other))
    np.testing.assert_array_equal(one.training()[0][0], two.training()[0][0])
    assert kind == same


def test_a_rotation_is_not_chaotic():
    """A neutral direction grows for a while: more than its spread over runs says."""
    phase = 2 * np.pi * np.arange(600) / 37.3
    found = Surrogate().fit(np.stack([np.sin(phase), np.cos(phase)], axis=1)).measured_
    invariants = found.invariants()
    assert not invariants.chaotic
    assert "is chaotic" not in " ".join(found.sentences(invariants))


def test_a_noisy_flow_is_saved_with_what_takes_its_noise(tmp_path):
    t = 0.1 * np.arange(1500)
    y = np.stack([np.sin(t), np.cos(t)], axis=1)
    noisy = y + 0.05 * np.random.default_rng(0).normal(size=y.shape)
    model = Surrogate().fit(noisy)
    known = model.measured_.model.filter
    assert known is not None
    past = noisy[100:300]
    ahead = model.predict(20, past)
    assert np.abs(ahead - y[300:320]).max() < 0.04  # less than the noise of the last step
    tt.save(model, tmp_path / "run")
    np.testing.assert_array_equal(tt.load(tmp_path / "run").predict(20, past), ahead)
