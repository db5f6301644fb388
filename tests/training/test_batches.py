"""Batches by index against plain NumPy slicing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.errors import InputError
from throughtime.training.batches import Data, Sequences, Streams, Windows

few = settings(max_examples=12)


@jax.jit
def gather(data, row):
    return data.batch(row)


def series(time, features, first=0.0):
    """Numbers that all differ, so that a wrong index cannot hide."""
    values = np.arange(time * features, dtype=np.float32).reshape(time, features)
    return values + np.float32(first)


@pytest.mark.parametrize(
    ("window", "horizon", "targets", "inputs", "every", "washout"),
    [
        (1, 1, 1, 0, False, 0),
        (1, 2, 2, 2, True, 0),
        (3, 1, 2, 2, False, 2),
        (3, 2, 1, 0, True, 1),
        (3, 1, 1, 2, True, 2),
        (3, 2, 2, 2, False, 0),
    ],
)
def test_windows_are_slices(window, horizon, targets, inputs, every, washout):
    time = 6 + window + horizon  # the last possible start is 6
    y, u = series(time, targets), series(time, inputs, first=1000)
    held = tuple(map(jnp.asarray, (y, u)))

    @given(starts=st.lists(st.integers(0, 6), min_size=4, max_size=4))
    @few
    def check(starts):
        cut = Windows(*held, jnp.asarray(starts), window, horizon, every, washout)
        assert isinstance(cut, Data) and not cut.stateful
        row = np.append(np.arange(len(starts))[::-1], -1)
        batch = jax.tree.map(np.asarray, gather(cut, jnp.asarray(row)))
        assert batch.lengths is None and batch.state is None
        counts = (row >= 0)[:, None] & (np.arange(window) >= washout)
        np.testing.assert_array_equal(batch.weights, counts if every else row >= 0)
        for i, s in enumerate(starts[::-1]):
            context, asked = [], []
            for t in range(s, s + window):
                ahead = slice(t + 1, t + 1 + horizon)
                context.append(np.concatenate([y[t], u[ahead].ravel()]))
                asked.append(y[ahead].ravel())
            np.testing.assert_array_equal(batch.inputs[i], context)
            np.testing.assert_array_equal(batch.targets[i], asked if every else asked[-1])

    check()


def test_the_last_window_ends_with_the_series():
    y = series(10, 1)
    windows = Windows(jnp.asarray(y), jnp.zeros((10, 0)), jnp.array([4]), 4, 2)
    batch = gather(windows, jnp.array([0]))
    np.testing.assert_array_equal(batch.inputs[0, :, 0], [4, 5, 6, 7])
    np.testing.assert_array_equal(batch.targets[0], [8, 9])


@pytest.mark.parametrize(("examples", "batch_size"), [(1, 1), (6, 3), (7, 10), (20, 8)])
@pytest.mark.parametrize("kind", ["sequences", "windows"])
def test_a_plan_names_every_example_once(examples, batch_size, kind):
    if kind == "sequences":
        data = Sequences(jnp.zeros((examples, 1, 1)), jnp.zeros((examples, 1)))
    else:
        data = Windows(jnp.zeros((40, 1)), jnp.zeros((40, 0)), jnp.arange(examples), 3, 1)
    ordered = data.plan(batch_size, None)
    shuffled = data.plan(batch_size, np.random.default_rng(examples))
    assert isinstance(ordered, np.ndarray) and isinstance(shuffled, np.ndarray)
    missing = ordered.size - examples
    assert ordered.shape == shuffled.shape == (-(-examples // batch_size), batch_size)
    np.testing.assert_array_equal(ordered.ravel(), [*range(examples), *[-1] * missing])
    np.testing.assert_array_equal(np.sort(shuffled.ravel()[:examples]), np.arange(examples))
    assert (shuffled.ravel()[examples:] == -1).all()


def test_plans_of_different_seeds_differ():
    data = Sequences(jnp.zeros((50, 1, 1)), jnp.zeros((50, 1)))
    one, again, other = (data.plan(8, np.random.default_rng(k)) for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any() and (one.ravel()[:50] != np.arange(50)).any()


@pytest.mark.parametrize("every", [False, True])
def test_sequences(every):
    inputs, lengths = series(12, 2).reshape(4, 3, 2), np.array([3, 1, 2, 3])
    targets = inputs[..., :1] + 0.5 if every else series(4, 1)
    data = Sequences(*map(jnp.asarray, (inputs, targets, lengths)))
    assert isinstance(data, Data) and not data.stateful
    row = [2, 0, -1]
    batch = data.batch(jnp.array(row))
    np.testing.assert_array_equal(batch.inputs[:2], inputs[row[:2]])
    np.testing.assert_array_equal(batch.targets[:2], targets[row[:2]])
    np.testing.assert_array_equal(batch.lengths[:2], lengths[row[:2]])
    np.testing.assert_array_equal(batch.weights, [1, 1, 0])
    whole = Sequences(jnp.asarray(inputs), jnp.asarray(targets))
    assert whole.batch(jnp.array(row)).lengths is None


@pytest.mark.parametrize(
    ("time", "chunk", "streams"), [(1, 1, 1), (12, 3, 2), (13, 5, 2), (7, 2, 3), (4, 3, 4)]
)
def test_streams_hold_the_series_in_order(time, chunk, streams):
    xs, ys = series(time, 2, first=1), series(time, 1, first=1)
    cut = Streams.cut(jnp.asarray(xs), jnp.asarray(ys), chunk, streams)
    assert isinstance(cut, Data) and cut.stateful and cut.inputs.shape[0] == streams
    assert cut.inputs.shape[1] % chunk == 0
    counted = np.asarray(cut.weights).ravel()
    np.testing.assert_array_equal(counted, np.arange(counted.size) < time)
    for given_, held in ((xs, cut.inputs), (ys, cut.targets)):
        held = np.asarray(held).reshape(-1, given_.shape[1])
        np.testing.assert_array_equal(held[:time], given_)
        assert not held[time:].any()


def test_chunks_come_in_the_order_of_time():
    xs = series(12, 1)
    cut = Streams.cut(jnp.asarray(xs), jnp.asarray(-xs), chunk=2, streams=2)
    rows = cut.plan(99, np.random.default_rng(0))
    np.testing.assert_array_equal(rows, [0, 1, 2])  # not shuffled, whatever the seed
    for row, first in ((0, 0), (1, 2), (2, 4)):
        batch = gather(cut, jnp.asarray(rows[row]))
        expected = np.array([[first, first + 1], [first + 6, first + 7]])
        np.testing.assert_array_equal(batch.inputs[..., 0], expected)
        np.testing.assert_array_equal(batch.targets[..., 0], -expected)
        np.testing.assert_array_equal(batch.weights, np.ones((2, 2)))


def test_joined_streams_are_padded_to_the_longest():
    long, short = (
        Streams.cut(jnp.asarray(series(time, 1, 1)), jnp.asarray(series(time, 1, 1)), 2)
        for time in (7, 3)
    )
    joined = Streams.join([long, short])
    expected = [[1, 2, 3, 4, 5, 6, 7, 0], [1, 2, 3, 0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(joined.inputs[..., 0], expected)
    np.testing.assert_array_equal(joined.weights.sum(axis=1), [7, 3])
    assert joined.chunk == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chunk": 0}, r"`chunk` must be at least 1; got 0\."),
        ({"chunk": 2, "streams": 0}, r"between 1 and the 5 steps of the series; got 0\."),
        ({"chunk": 2, "streams": 6}, r"between 1 and the 5 steps of the series; got 6\."),
    ],
)
def test_streams_refuse(options, message):
    with pytest.raises(InputError, match=message):
        Streams.cut(jnp.zeros((5, 1)), jnp.zeros((5, 1)), **options)


@pytest.mark.parametrize("starts", [[-1, 0], [0, 5], []])
def test_windows_lie_in_the_series(starts):
    with pytest.raises(InputError, match=r"windows of 4 \+ 2 steps must lie in the 10 rows"):
        Windows(jnp.ones((10, 1)), jnp.ones((10, 0)), jnp.array(starts, jnp.int32), 4, 2)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([3, 6, 1], r"from 0 to the 5 steps of the sequences; got 6 for sequence 1\."),
        ([3, 2, -1], r"from 0 to the 5 steps of the sequences; got -1 for sequence 2\."),
        ([3, 2], r"3 whole numbers, one for each sequence; got an array of shape \(2,\)"),
        ([[3], [2], [1]], r"got an array of shape \(3, 1\)"),
        ([3.0, 2.0, 1.0], r"3 whole numbers, one for each sequence; got float"),
        ([True, False, True], r"got bool"),
    ],
)
@pytest.mark.usefixtures("as_installed")
def test_lengths_are_steps_of_the_sequences(lengths, message):
    xs = jnp.zeros((3, 5, 1))
    with pytest.raises(InputError, match=message):
        Sequences(xs, xs, jnp.asarray(lengths))
    with pytest.raises(InputError, match=r"one for each sequence; got \[3, 2, 1\]"):
        Sequences(xs, xs, [3, 2, 1])  # pyright: ignore[reportArgumentType]
    assert Sequences(xs, xs, jnp.array([0, 5, 1])).lengths is not None


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        ((3, 5), (3, 5, 1), r"`inputs` must be of shape \(examples, time, input\)"),
        ((3, 5, 1), (2, 5, 1), r"got shape \(2, 5, 1\) beside inputs of shape \(3, 5, 1\)"),
        ((3, 5, 1), (3, 4, 1), r"got shape \(3, 4, 1\)"),
        ((3, 5, 1), (4, 1), r"got shape \(4, 1\)"),
        ((3, 5, 1), (3,), r"got shape \(3,\)"),
    ],
)
@pytest.mark.usefixtures("as_installed")
def test_sequences_and_targets_go_together(inputs, targets, message):
    with pytest.raises(InputError, match=message):
        Sequences(jnp.zeros(inputs), jnp.zeros(targets))


@pytest.mark.usefixtures("as_installed")
def test_streams_are_whole_chunks_of_the_same_steps():
    xs, weights = jnp.zeros((2, 6, 1)), jnp.zeros((2, 6))
    with pytest.raises(InputError, match="whole chunks; got 6 steps in chunks of 4"):
        Streams(xs, xs, weights, 4)
    for others in ((xs[:, :3], weights), (xs, weights[:1])):
        with pytest.raises(InputError, match="the same streams and steps"):
            Streams(xs, *others, chunk=3)
