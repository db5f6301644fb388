"""The search against fits of its own settings alone, and what it must not see."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from conftest import refuses
from hypothesis import assume, given
from hypothesis import strategies as st

from throughtime.recurrence.reservoir_weights import ReservoirDesign
from throughtime.reservoir import search_space, settings_search
from throughtime.reservoir.echo_state import EchoStateNetwork
from throughtime.reservoir.echo_state_fitting import Training
from throughtime.reservoir.search_space import Space
from throughtime.reservoir.settings_search import Search, scaled, search

RIDGES = (1e-4, 1e-2, 1.0)
SPACE = Space(ridges=RIDGES)
QUICK = Search(40, 20, trials=4, space=SPACE, seeds=(0, 7), training=Training(20), threads=1)
DESIGN = ReservoirDesign(15, 1, 1, incoming=4, radius=0.8, bias_scale=0.3)


def data(steps=200, seed=0):
    """A damped wave that a random input drives."""
    x, y = np.random.default_rng(seed).uniform(-1, 1, (steps, 1)), np.zeros((steps, 1))
    for t in range(2, steps):
        y[t] = np.tanh(1.6 * y[t - 1] - 0.8 * y[t - 2] + 0.4 * x[t])
    return y, x


def alone(design, trial, y, x, options):
    """The error of a trial from networks that are fitted and run one by one."""
    end = len(y) - options.validation
    errors = []
    for seed in options.seeds:
        own = replace(
            design,
            leak=trial.leak,
            radius=trial.radius,
            input_scale=design.input_scale * trial.input_scale,
            feedback_scale=design.feedback_scale * trial.input_scale,
        )
        network = EchoStateNetwork.fit(
            own.draw(seed), y[:end], x[:end], trial.ridge, options.training
        )
        memory, before, squares = None, 0, []
        for origin in range(end, len(y) - options.horizon + 1, options.horizon):
            ahead = slice(origin, origin + options.horizon)
            _, memory = network.predict(y[before:origin], x[before:origin], memory)
            before = origin
            found = network.generate(options.horizon, memory, x[ahead])
            squares.append(((found - y[ahead]) ** 2).sum(axis=1).mean())
        errors.append(np.sqrt(np.mean(squares) / y[:end].var(axis=0).sum()))
    return np.exp(np.mean(np.log(errors)))


@pytest.mark.parametrize("topology", ["sparse", "dense", "cycle"])
@pytest.mark.parametrize("horizon", [1, 20])
@pytest.mark.parametrize("regression", ["qr", "gram"])
def test_a_trial_is_the_fit_of_its_settings_alone(topology, horizon, regression):
    y, x = data()
    training = Training(20, regression=regression)
    options = replace(QUICK, horizon=horizon, training=training)
    design = replace(DESIGN, topology=topology, feedback_scale=0.5)
    found = search(design, y, options, x)
    assert len(found.trials) == 4 and found.best == min(found.trials, key=lambda t: t.error)
    trial = found.best
    errors = [alone(design, trial._replace(ridge=r), y, x, options) for r in RIDGES]
    assert trial.ridge == RIDGES[int(np.argmin(errors))]
    np.testing.assert_allclose(trial.error, min(errors), rtol=1e-7)


@pytest.mark.parametrize("regression", ["qr", "gram"])
def test_one_penalty_alone_is_that_penalty_among_others(regression):
    y, x = data()
    options = replace(QUICK, training=Training(20, regression=regression))
    found = search(DESIGN, y, options, x)
    only = replace(options, space=replace(SPACE, ridges=(found.best.ridge,)))
    again = search(DESIGN, y, only, x)
    np.testing.assert_allclose(again.best, found.best, rtol=1e-7)
    V = again.network.readout.V
    np.testing.assert_allclose(V, found.network.readout.V, rtol=0, atol=1e-10)


@pytest.mark.parametrize("noise", [{}, {"state_noise": 0.01}, {"feedback_noise": 0.01}])
def test_the_network_is_the_fit_of_the_best_settings_to_all_of_the_series(noise):
    y, x = data()
    training = Training(20, seed=3, **noise)
    options = replace(QUICK, training=training)
    found = search(DESIGN, y, options, x)
    error = alone(DESIGN, found.best, y, x, options)  # noise is for training alone
    np.testing.assert_allclose(found.best.error, error, rtol=1e-7)
    reservoir = scaled(DESIGN, DESIGN.draw(0), found.best)
    same = EchoStateNetwork.fit(reservoir, y, x, found.best.ridge, training)
    assert found.network.ridge == same.ridge
    np.testing.assert_allclose(found.network.readout.V, same.readout.V, rtol=0, atol=1e-10)
    ahead = data(30, seed=1)[1]
    np.testing.assert_allclose(
        found.network.generate(30, inputs=ahead), same.generate(30, inputs=ahead), atol=1e-10
    )


def test_several_targets_without_inputs_and_without_feedback():
    y, x = data()
    both = np.concatenate([y, np.roll(y, 3, axis=0)], axis=1)
    closed = replace(DESIGN, inputs=0, outputs=2)
    found = search(closed, both, QUICK)
    error = alone(closed, found.best, both, np.zeros((200, 0)), QUICK)
    np.testing.assert_allclose(found.best.error, error, rtol=1e-7)
    driven = replace(DESIGN, outputs=0)
    a_step, a_run = (search(driven, both, replace(QUICK, horizon=h), x) for h in (1, 20))
    for one, other in zip(a_step.trials, a_run.trials, strict=True):
        np.testing.assert_allclose(one.error, other.error, rtol=1e-9)  # nothing is fed back


def test_the_same_seed_gives_the_same_trials_however_they_are_run(monkeypatch):
    y, x = data()
    options = replace(QUICK, trials=7)
    trials = search(DESIGN, y, options, x).trials
    assert search(DESIGN, y, options, x).trials == trials
    settings = [trial[:3] for trial in trials]
    assert len(set(settings)) == 7
    other = search(DESIGN, y, replace(options, seed=1), x).trials
    assert not set(settings) & {trial[:3] for trial in other}
    for group, numbers, threads in ((16, 1, 2), (3, 2**24, 3)):
        monkeypatch.setattr(settings_search, "GROUP", group)
        monkeypatch.setattr(settings_search, "MOST_NUMBERS", numbers)
        again = search(DESIGN, y, replace(options, threads=threads), x).trials
        np.testing.assert_allclose(again, trials, rtol=1e-9)


def test_a_series_of_one_axis_is_one_column():
    y, x = data()
    expected, found = search(DESIGN, y, QUICK, x), search(DESIGN, y[:, 0], QUICK, x[:, 0])
    assert found.trials == expected.trials
    with refuses("`series` must be of shape (time, columns); got shape (200, 1, 1)"):
        search(DESIGN, y[..., None], QUICK, x)


@given(
    u=st.tuples(*[st.floats(0, 1)] * 3),
    ends=st.tuples(*[st.floats(0.01, 1)] * 3),
    wide=st.floats(1.1, 50),
)
def test_a_setting_is_on_the_edge_in_the_outer_fiftieths_of_its_range(u, ends, wide):
    assume(all(abs(min(x, 1 - x) - 0.02) > 1e-6 for x in u))
    leak, radius, scale = ends
    ranges = (leak / wide, leak), (radius, radius * wide), (scale, scale * wide)
    space = Space(*ranges, RIDGES)
    outer = [not 0.02 < x < 0.98 for x in u]
    if leak == 1:
        outer[0] = u[0] < 0.02  # no leak is beyond 1
    names = ("leak", "radius", "input_scale")
    expected = tuple(name for name, here in zip(names, outer, strict=True) if here)
    assert space.on_edge(space.at(np.array(u)), 1e-2) == expected
    assert space.on_edge(space.at(np.array(u)), 1.0) == (*expected, "ridge")


def test_where_there_is_nothing_beyond_there_is_no_edge():
    assert Space().on_edge((1.0, 0.8, 1.0), 1e-3) == ()
    assert Space().on_edge((0.1, 0.8, 1.0), 1e-3) == ("leak",)
    assert Space(leak=(0.2, 0.9)).on_edge((0.9, 0.8, 1.0), 1e-3) == ("leak",)
    penalties = Space(ridges=(1.0, 0.0, 0.1))
    assert penalties.on_edge((0.5, 0.8, 1.0), 0.0) == ()
    assert penalties.on_edge((0.5, 0.8, 1.0), 1.0) == ("ridge",)
    fixed = Space((0.5, 0.5), (0.8, 0.8), (2.0, 2.0), (0.1,))
    assert fixed.on_edge((0.5, 0.8, 2.0), 0.1) == ()


def test_draws_lie_in_the_space_and_fill_it():
    space = Space((0.2, 0.8), (0.5, 0.5), (0.01, 100.0), RIDGES)
    points = np.random.default_rng(0).uniform(size=(4000, 3))
    leak, radius, scale = np.array([space.at(u) for u in points]).T
    assert 0.2 <= leak.min() < 0.21 and 0.79 < leak.max() <= 0.8
    assert (radius == 0.5).all()
    assert abs(np.median(np.log10(scale))) < 0.1  # as many under 1 as over
    assert abs(np.mean(leak < np.sqrt(0.2 * 0.8)) - 0.5) < 0.03


def test_training_does_not_see_the_validation_part():
    """What follows the last horizon changes no error, and whatever the validation part is, its
    readouts are those of the steps before it."""
    y, x = data()
    options = replace(QUICK, validation=50)  # two origins; the last ten steps are not used
    before = search(DESIGN, y, options, x).trials
    changed, inputs = y.copy(), x.copy()
    changed[190:], inputs[190:] = 5.0, -3.0
    np.testing.assert_allclose(search(DESIGN, changed, options, inputs).trials, before)
    changed[150:] = y[150:] + 100
    far = search(DESIGN, changed, replace(options, horizon=1), x)
    error = alone(DESIGN, far.best, changed, x, replace(options, horizon=1))
    np.testing.assert_allclose(far.best.error, error, rtol=1e-7)


def test_settings_that_fail_lose():
    y, x = data()
    singular = replace(QUICK, space=replace(SPACE, ridges=(0.0, 1e-2)), trials=3)
    wide = replace(DESIGN, units=150)  # more than the 140 rows of training: 0 is singular
    assert {trial.ridge for trial in search(wide, y, singular, x).trials} == {1e-2}
    with refuses("a search must find settings with a finite error; got none in 3 trials"):
        only = replace(SPACE, ridges=(0.0,))
        search(wide, y, replace(singular, space=only), x)
    growing = replace(DESIGN, activation="linear")
    space = replace(SPACE, leak=(1.0, 1.0), radius=(0.5, 4.0))
    found = search(growing, y, replace(QUICK, space=space, trials=16), x)
    assert not all(np.isfinite(trial.error) for trial in found.trials)
    assert np.isfinite(found.best.error)


def test_a_search_finds_the_penalty_that_noise_asks_for():
    y, x = data(400)
    noisy = y + 0.5 * np.random.default_rng(3).normal(size=y.shape)
    space = Space((1.0, 1.0), (0.8, 0.8), (0.5, 0.5), (1e-10, 10.0))
    options = replace(QUICK, validation=100, space=space, trials=1)
    wide = replace(DESIGN, units=100)
    options = replace(options, horizon=1)
    clean, noise = search(wide, y, options, x), search(wide, noisy, options, x)
    assert clean.best.ridge == 1e-10 and noise.best.ridge == 10.0
    assert clean.on_edge == noise.on_edge == ("ridge",)
    wider = replace(options, space=replace(space, ridges=(1e-10, 10.0, 1e6)))
    assert search(wide, noisy, wider, x).on_edge == ()


@pytest.mark.skipif(find_spec("optuna") is None, reason="Optuna is optional")
def test_optuna_draws_too_and_learns():
    y, x = data()
    options = replace(QUICK, sampler="optuna", trials=40, seeds=(0,))
    found = search(DESIGN, y, options, x)
    assert len(found.trials) == 40
    for trial in found.trials[::20]:
        np.testing.assert_allclose(trial.error, alone(DESIGN, trial, y, x, options), rtol=1e-7)
    assert search(DESIGN, y, options, x).trials == found.trials
    errors = [trial.error for trial in found.trials]
    assert np.median(errors[16:]) < np.median(errors[:16])  # the first 16 are random


def test_without_optuna_its_sampler_is_refused(monkeypatch):
    monkeypatch.setattr(search_space, "find_spec", lambda name: None)
    y, x = data()
    with refuses('the sampler "optuna" needs Optuna; got none installed. Run `pip install'):
        search(DESIGN, y, replace(QUICK, sampler="optuna"), x)
    assert search(DESIGN, y, replace(QUICK, threads=None), x).trials


def test_a_mistake_is_refused():
    y, x = data()
    with refuses("`horizon` must not be longer than the validation part; got 20 of 10 steps"):
        Search(10, 20)
    with refuses("`trials` must be a whole number of at least 1; got 0"):
        Search(10, trials=0)
    with refuses("`threads` must be a whole number of at least 1; got 0"):
        Search(10, threads=0)
    with refuses("`seeds` must not be empty"):
        Search(10, seeds=())
    ordered = "must be (low, high) with 0 < low <= high"
    with refuses(f"the range of `leak` {ordered} <= 1; got (0.5, 1.5)"):
        Space(leak=(0.5, 1.5))
    with refuses(f"the range of `radius` {ordered}, finite; got (1.0, 0.5)"):
        Space(radius=(1.0, 0.5))
    with refuses("`ridges` must not be empty"):
        Space(ridges=())
    for wrong in (-1e-3, np.inf, np.nan):
        with refuses(f"`ridges` must be 0 or more, and finite; got {wrong}"):
            Space(ridges=(0.0, wrong, 1.0))
    with refuses("`washout` and `validation` must be shorter than the series; got 20 and 190"):
        search(DESIGN, y, replace(QUICK, validation=190), x)
    with refuses("`inputs` must be of shape (200, 1); got (200, 0)"):
        search(DESIGN, y, QUICK)
    with refuses("`series` must have the 1 columns that the design feeds back; got 2"):
        search(DESIGN, np.concatenate([y, y], axis=1), QUICK, x)
    with refuses("`series` must be finite; got NaN in column 0 at step 3"):
        search(DESIGN, np.where(np.arange(200)[:, None] == 3, np.nan, y), QUICK, x)
    with refuses("a series must vary before its validation part"):
        search(DESIGN, np.ones((200, 1)), QUICK, x)
