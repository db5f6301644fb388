"""Echo state networks against plain regressions on their states, and on known tasks."""

import pickle
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sparse
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.forecasting.metrics import nrmse
from throughtime.recurrence.reservoir_weights import Reservoir, ReservoirDesign
from throughtime.reservoir import echo_state_fitting
from throughtime.reservoir.echo_state import EchoStateNetwork
from throughtime.reservoir.echo_state_fitting import EchoStateFitting, Memory, Training

QUICK = Training(washout=5)


def mackey_glass(steps, tau=17, substeps=10):
    """The delay equation by Runge-Kutta of order 4, steps of 0.1, after a transient."""

    def slope(x, delayed):
        return 0.2 * delayed / (1 + delayed**10) - 0.1 * x

    lag, h = tau * substeps, 1 / substeps
    x = [1.2] * (lag + 1)
    for t in range(lag, lag + (steps + 500) * substeps):
        old, new = x[t - lag], x[t - lag + 1]
        k1 = slope(x[t], old)
        k2 = slope(x[t] + h / 2 * k1, (old + new) / 2)
        k3 = slope(x[t] + h / 2 * k2, (old + new) / 2)
        k4 = slope(x[t] + h * k3, new)
        x.append(x[t] + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return np.tanh(np.array(x[-steps * substeps :: substeps]) - 1)[:, None]


def small(inputs=1, outputs=1, units=8, **others):
    design = ReservoirDesign(units, inputs, outputs, incoming=3, bias_scale=0.3, **others)
    return design.draw(0)


def data(steps=60, inputs=1, outputs=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (steps, outputs)), rng.uniform(-1, 1, (steps, inputs))


def loop(reservoir, series, inputs, h=None, y=None):
    """The states with the true y fed back, step by step."""
    h = np.zeros(reservoir.units) if h is None else h
    y = np.zeros(series.shape[1]) if y is None else y
    states = []
    for t in range(len(series)):
        z = reservoir.W @ h + reservoir.U @ inputs[t] + reservoir.b
        if reservoir.F.shape[1]:
            z = z + reservoir.F @ y
        h = (1 - reservoir.leak) * h + reservoir.leak * np.tanh(z)
        y = series[t]
        states.append(h)
    return np.array(states)


@pytest.mark.parametrize("outputs", [0, 2])
@pytest.mark.parametrize("regression", ["qr", "gram"])
def test_a_readout_is_the_ridge_regression_on_the_states(outputs, regression):
    reservoir = small(outputs=outputs, leak=0.6)
    y, x = data(outputs=2)
    network = EchoStateNetwork.fit(reservoir, y, x, 0.1, Training(7, regression=regression))
    states = loop(reservoir, y, x)
    X, Y = states[7:] - states[7:].mean(axis=0), y[7:] - y[7:].mean(axis=0)
    V = np.linalg.solve(X.T @ X + 0.1 * np.eye(8), X.T @ Y).T
    np.testing.assert_allclose(network.readout.V, V, rtol=1e-8, atol=1e-10)
    c = y[7:].mean(axis=0) - V @ states[7:].mean(axis=0)
    np.testing.assert_allclose(network.readout.c, c, rtol=1e-8, atol=1e-10)
    predictions, memory = network.predict(y, x)
    np.testing.assert_allclose(predictions, states @ V.T + c, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(memory.h, states[-1])
    np.testing.assert_array_equal(memory.y, y[-1])


def test_generating_is_predicting_what_was_generated():
    reservoir = small(outputs=2)
    y, x = data(outputs=2)
    network = EchoStateNetwork.fit(reservoir, y, x, 0.1, QUICK)
    _, ahead = data(20, seed=1)
    generated = network.generate(20, inputs=ahead)
    again, _ = network.predict(generated, ahead, network.memory)
    np.testing.assert_allclose(again, generated, rtol=1e-10)
    _, early = network.predict(y[:30], x[:30])
    both = Memory(*(np.stack(v) for v in zip(network.memory, early, strict=True)))
    together = network.generate(20, both, np.stack([ahead, ahead], axis=1))
    np.testing.assert_allclose(together[:, 0], generated, rtol=1e-10)
    np.testing.assert_allclose(together[:, 1], network.generate(20, early, ahead), rtol=1e-10)


@settings(max_examples=30)
@given(
    cuts=st.lists(st.integers(1, 59), max_size=4),
    washout=st.integers(0, 40),
    noise=st.sampled_from([0.0, 0.01]),
)
def test_a_series_in_chunks_is_the_series_whole(cuts, washout, noise):
    reservoir = small()
    y, x = data()
    training = Training(washout, state_noise=noise, feedback_noise=noise, seed=3)
    whole = EchoStateNetwork.fit(reservoir, y, x, 0.1, training)
    fitting, edges = EchoStateFitting(reservoir, training), sorted({0, 60, *cuts})
    for a, b in pairwise(edges):
        fitting.add(y[a:b], x[a:b], resume=True)
    chunked = EchoStateNetwork(*fitting.solve(0.1))
    np.testing.assert_allclose(chunked.readout.V, whole.readout.V, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(chunked.memory.h, whole.memory.h, rtol=1e-10)


@pytest.mark.parametrize("regression", ["qr", "gram"])
def test_blocks_of_states_change_nothing(monkeypatch, regression):
    reservoir, (y, x) = small(), data(200)
    training = Training(30, regression=regression)
    whole = EchoStateNetwork.fit(reservoir, y, x, 0.01, training)
    monkeypatch.setattr(echo_state_fitting, "BLOCK", 8)
    blocks = EchoStateNetwork.fit(reservoir, y, x, 0.01, training)
    np.testing.assert_allclose(blocks.readout.V, whole.readout.V, rtol=1e-8)
    np.testing.assert_allclose(blocks.predict(y, x)[0], whole.predict(y, x)[0], rtol=1e-8)


@pytest.mark.parametrize("regression", ["qr", "gram"])
def test_a_chunk_that_overflows_leaves_the_fit_as_it_was(monkeypatch, regression):
    """Its first blocks are finite; none of them is in the sums when the next chunk comes."""
    monkeypatch.setattr(echo_state_fitting, "BLOCK", 8)
    reservoir, training = small(activation="linear"), Training(5, regression=regression)
    (y, x), (more_y, more_x) = data(40), data(40, seed=1)
    wild = more_x.copy()
    wild[20:] = 1.7e308
    plain, tried = (EchoStateFitting(reservoir, training) for _ in range(2))
    for fitting in (plain, tried):
        fitting.add(y, x)
    with refuses("the states must stay finite"), np.errstate(all="ignore"):
        tried.add(more_y, wild, resume=True)
    for fitting in (plain, tried):
        fitting.add(more_y, more_x, resume=True)
    np.testing.assert_array_equal(tried.solve(0.1)[1].V, plain.solve(0.1)[1].V)


@pytest.mark.parametrize("regression", ["qr", "gram"])
def test_several_series_fitted_apart_and_merged_are_one_fit(regression):
    reservoir, training = small(), Training(10, regression=regression)
    parts = [data(steps, seed=steps) for steps in (30, 50, 40)]
    ys, xs = [y for y, _ in parts], [x for _, x in parts]
    together = EchoStateNetwork.fit(reservoir, ys, xs, 0.1, training)
    first, second = (EchoStateFitting(reservoir, training) for _ in range(2))
    first.add(*parts[0])
    second.add(*parts[1])
    second.add(*parts[2])
    first.merge(second)
    merged = EchoStateNetwork(*first.solve(0.1))
    np.testing.assert_allclose(merged.readout.V, together.readout.V, rtol=1e-8)
    states = np.concatenate([loop(reservoir, y, x)[10:] for y, x in parts])
    Y = np.concatenate([y[10:] for y in ys])
    X, Y = states - states.mean(axis=0), Y - Y.mean(axis=0)
    V = np.linalg.solve(X.T @ X + 0.1 * np.eye(8), X.T @ Y).T
    np.testing.assert_allclose(together.readout.V, V, rtol=1e-8)


def test_noise_on_the_state_shrinks_the_readout_as_a_penalty_does():
    """Without feedback or recurrence, noise of variance v on n states is a ridge of n v."""
    still = Reservoir(np.zeros((3, 3)), np.eye(3), np.zeros((3, 0)), np.zeros(3), 1.0, "linear")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(10_000, 3))
    y = x @ np.array([[1.0], [-2.0], [0.5]])
    noisy = EchoStateNetwork.fit(still, y, x, 0.0, Training(0, state_noise=0.7))
    shrunk = EchoStateNetwork.fit(still, y, x, 10_000 * 0.49, Training(0))
    np.testing.assert_allclose(noisy.readout.V, shrunk.readout.V, atol=0.04)
    plain = EchoStateNetwork.fit(still, y, x, 0.0, Training(0))
    np.testing.assert_allclose(plain.readout.V, [[1, -2, 0.5]], rtol=1e-9)


def test_noise_on_the_feedback_shrinks_the_readout_too():
    """The state is the y before: the best prediction of a y that repeats is y times its
    share in what is fed back."""
    relay = Reservoir(np.zeros((1, 1)), np.zeros((1, 0)), np.eye(1), np.zeros(1), 1.0, "linear")
    y = np.repeat(np.random.default_rng(0).normal(size=6_000), 2)[:, None]
    clean = EchoStateNetwork.fit(relay, y, None, 0.0, Training(1)).readout.V[0, 0]
    noisy = EchoStateNetwork.fit(relay, y, None, 0.0, Training(1, feedback_noise=1.0))
    np.testing.assert_allclose(noisy.readout.V[0, 0], clean / 2, rtol=0.05)


def test_mackey_glass_is_continued():
    z = mackey_glass(1600)
    design = ReservoirDesign(
        200, 0, 1, radius=0.95, leak=0.4, feedback_scale=0.5, bias_scale=0.2
    )
    network = EchoStateNetwork.fit(design.draw(0), z[:1500], None, 1e-12, Training(200))
    assert nrmse(z[1500:1584], network.generate(84)) < 0.02
    one_step, _ = network.predict(z)
    assert nrmse(z[300:], one_step[300:]) < 5e-4


def test_cross_validation_picks_the_penalty_where_none_is_given():
    reservoir, (y, x) = small(outputs=0), data(80)
    network = EchoStateNetwork.fit(reservoir, y, x, training=QUICK)
    fitting = EchoStateFitting(reservoir, QUICK)
    fitting.add(y, x)
    assert network.ridge == fitting.path().best()
    assert network.ridge > 1e-3  # noise: there is nothing to learn


@pytest.mark.parametrize("topology", ["sparse", "dense", "cycle"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_arrays_hold_all_of_a_network(topology, dtype):
    reservoir = small(topology=topology, leak=0.5).astype(dtype)
    y, x = data()
    network = EchoStateNetwork.fit(reservoir, y, x, 0.1, QUICK)
    arrays = network.arrays()
    assert all(isinstance(v, np.ndarray) and v.dtype != object for v in arrays.values())
    again = EchoStateNetwork.from_arrays(arrays)
    assert again.reservoir.dtype == dtype and type(again.reservoir.W) is type(reservoir.W)
    np.testing.assert_array_equal(
        again.generate(10, inputs=x[:10]), network.generate(10, inputs=x[:10])
    )


def test_what_does_not_fit_is_refused():
    reservoir, (y, x) = small(), data()
    with refuses("`washout` must be shorter than the series; got 60 of 60 steps"):
        EchoStateNetwork.fit(reservoir, y, x, 0.1, Training(60))
    with refuses("`washout` must be shorter than the series; got 50 of 40 steps"):
        EchoStateNetwork.fit(reservoir, [y[:40], y], [x[:40], x], 0.1, Training(50))
    for wrong in (-1, 10.5, True, np.nan):
        training = Training()
        object.__setattr__(training, "washout", wrong)  # tests would refuse another type
        with refuses(f"`washout` must be a whole number of 0 or more; got {wrong}"):
            training.__post_init__()
    with refuses("`state_noise` must be 0 or more"):
        Training(state_noise=-0.1)
    with refuses("the regression must not be singular; got `ridge` 0"):
        EchoStateNetwork.fit(small(units=40), y, x, 0, Training(30))
    with refuses("`inputs` must be of shape (60, 1); got (60, 0)"):
        EchoStateNetwork.fit(reservoir, y)
    with refuses("`series` must have the 1 columns that the reservoir feeds back; got 2"):
        EchoStateNetwork.fit(reservoir, np.concatenate([y, y], axis=1), x)
    with refuses("there must be a series, and inputs for each; got 2 series and 1 inputs"):
        EchoStateNetwork.fit(reservoir, [y, y], [x])
    bad = y.copy()
    bad[7] = np.nan
    with refuses("`series` must be finite; got NaN in column 0 at step 7"):
        EchoStateNetwork.fit(reservoir, bad, x)
    with refuses("`inputs` must be finite; got NaN in column 0 at step 7"):
        EchoStateNetwork.fit(reservoir, y, bad)
    growing = small(activation="linear", radius=1e9)
    with refuses("the states must stay finite"), np.errstate(all="ignore"):
        EchoStateNetwork.fit(growing, y, x, 0.1, QUICK)
    qr, gram = (EchoStateFitting(reservoir, Training(5, regression=r)) for r in ("qr", "gram"))
    qr.add(y, x)
    gram.add(y, x)
    with refuses("must be of one kind; got qr and gram"):
        qr.merge(gram)
    with refuses("a fit needs data"):
        EchoStateFitting(reservoir, QUICK).solve(0.1)
    network = EchoStateNetwork.fit(reservoir, y, x, 0.1, QUICK)
    with refuses("`inputs` must be 1 for each of 5 steps"):
        network.generate(5)
    with refuses("`series` must be given where it is fed back"):
        network.predict(None, x)


def plain(network):
    """What a network has learnt, as arrays."""
    return [*network.readout, *network.memory]


def test_a_series_of_one_axis_is_one_column():
    reservoir, (y, x) = small(), data()
    expected = EchoStateNetwork.fit(reservoir, y, x, 0.1, QUICK)
    flat = EchoStateNetwork.fit(reservoir, y[:, 0], x[:, 0], 0.1, QUICK)
    numbers = EchoStateNetwork.fit(reservoir, y[:, 0].tolist(), x[:, 0].tolist(), 0.1, QUICK)
    listed = EchoStateNetwork.fit(reservoir, [y[:, 0]], [x[:, 0]], 0.1, QUICK)
    for found in (flat, numbers, listed):
        for one, other in zip(plain(found), plain(expected), strict=True):
            np.testing.assert_array_equal(one, other)
    for one, other in ((y[:, 0], x[:, 0]), (y[:, 0].tolist(), x[:, 0].tolist())):
        predictions, memory = expected.predict(one, other)
        np.testing.assert_array_equal(predictions, expected.predict(y, x)[0])
        np.testing.assert_array_equal(memory.y, y[-1])
    np.testing.assert_array_equal(
        expected.generate(9, inputs=x[:9, 0]), expected.generate(9, inputs=x[:9])
    )


@pytest.mark.parametrize("shape", [(), (60, 1, 1)])
def test_a_series_of_other_axes_is_refused(shape):
    network = EchoStateNetwork.fit(small(), *data(), 0.1, QUICK)
    of = f"must be of shape (time, columns); got shape {shape}"
    for series, inputs, name in (
        (np.ones(shape), data()[1], "series"),
        (data()[0], np.ones(shape), "inputs"),
    ):
        with refuses(f"`{name}` {of}"):
            EchoStateNetwork.fit(small(), series, inputs)
        with refuses(f"`{name}` {of}"):
            network.predict(series, inputs)


@pytest.mark.parametrize("regression", ["qr", "gram"])
def test_series_of_other_columns_than_before_are_refused(regression):
    reservoir, training = small(outputs=0), Training(5, regression=regression)
    (one, x), (two, _) = data(), data(outputs=2)
    with refuses("`series` must have 1 columns, like the data of the fit; got 2"):
        EchoStateNetwork.fit(reservoir, [one, two], [x, x], 0.1, training)
    for seen in (3, 60):  # in the washout, and after it
        fitting = EchoStateFitting(reservoir, training)
        fitting.add(two[:seen], x[:seen])
        with refuses("`series` must have 2 columns, like the data of the fit; got 1"):
            fitting.add(one, x, resume=True)
    apart = [EchoStateFitting(reservoir, training) for _ in range(3)]
    apart[0].add(one, x)
    apart[1].add(two, x)
    with refuses("rows that are summed must be of the same columns"):
        apart[0].merge(apart[1])
    apart[2].merge(apart[0])
    with refuses("`series` must have 1 columns"):
        apart[2].add(two, x)
    network = EchoStateNetwork.fit(reservoir, one, x, 0.1, training)
    with refuses("`series` must have 1 columns, like the data of the fit; got 2"):
        network.predict(two, x)


def test_a_memory_of_another_network_and_steps_under_one_are_refused():
    (y, x), ahead = data(outputs=2), np.zeros((4, 1))
    network = EchoStateNetwork.fit(small(outputs=2), y, x, 0.1, QUICK)
    h, fed = network.memory
    expected = "a memory must be of shapes (8,) and (2,)"
    for wrong in (
        Memory(h[:7], fed),
        Memory(h, fed[:1]),
        Memory(np.stack([h, h]), fed),
        Memory(np.zeros((2, 2, 8)), np.zeros((2, 2, 2))),
    ):
        with refuses(expected):
            network.generate(4, wrong, ahead)
        with refuses(expected):
            network.predict(y, x, wrong)
    with refuses(expected + "; got (3, 8) and (3, 2). Pass one"):
        network.predict(y, x, Memory(np.stack([h] * 3), np.stack([fed] * 3)))
    for steps in (0, -2):
        with refuses(f"`steps` must be a whole number of at least 1; got {steps}"):
            network.generate(steps, inputs=ahead)


@pytest.mark.parametrize("topology", ["sparse", "dense"])
def test_fits_merge_if_and_only_if_their_reservoirs_are_equal(topology):
    y, x = data()

    def fitting(reservoir):
        found = EchoStateFitting(reservoir, QUICK)
        found.add(y, x)
        return found

    mine = small(topology=topology)
    once = fitting(mine).solve(0.1)[1]
    twice = fitting(mine)
    twice.merge(fitting(pickle.loads(pickle.dumps(mine))))
    np.testing.assert_allclose(twice.solve(0.2)[1].V, once.V, rtol=1e-8)
    other = ReservoirDesign(8, 1, 1, topology, 3, bias_scale=0.3).draw(1)
    weights = [replace(mine, **{name: getattr(other, name)}) for name in "WUFb"]
    dense = np.zeros((8, 8)) if topology == "sparse" else sparse.csr_array((8, 8))
    settings = [
        replace(mine, leak=0.5),
        replace(mine, activation="linear"),
        replace(mine, W=dense),
    ]
    for reservoir in (*weights, *settings, mine.astype(np.float32), small(units=9)):
        with refuses("fits that are merged must be of one reservoir"):
            fitting(mine).merge(fitting(reservoir))
