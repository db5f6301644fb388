"""A task as data: which sequences are sampled, in which batches, and their means."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import QUICK_COMPILE, refuses
from hypothesis import given
from hypothesis import strategies as st

from throughtime.tasks.long_range import task
from throughtime.tasks.sampling import TaskData
from throughtime.training.batches import Data

seeds = st.integers(0, 2**31 - 1)
one_of_a_kind = pytest.mark.parametrize(
    "name", ["adding", "adding_halves", "temporal_order", "random_permutation", "copy"]
)
batch = jax.jit(lambda data, row: data.batch(row), compiler_options=QUICK_COMPILE)


@one_of_a_kind
def test_an_example_does_not_depend_on_how_a_batch_is_split(name):
    data = TaskData(task(name, 20), 40, key=3, centred=True)
    assert isinstance(data, Data) and not data.stateful
    names = data.plan(12, np.random.default_rng(0))
    whole = batch(data, jnp.asarray(names[0], jnp.int32))
    alone = batch(data, jnp.asarray(names[0, 5:7][::-1], jnp.int32))
    part = jax.tree.map(lambda values: values[5:7][::-1], whole)
    for one, other in zip(jax.tree.leaves(part), jax.tree.leaves(alone), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("examples", "batch_size"), [(6, 3), (20, 8)])
def test_a_plan_names_every_example_once(examples, batch_size):
    data = TaskData(task("adding", 20), examples, key=0)
    for rng in (None, np.random.default_rng(0)):
        names = data.plan(batch_size, rng).reshape(-1, 2)
        present = names[:, 1] >= 0
        np.testing.assert_array_equal(names[present, 1], np.arange(examples))
        assert (names[~present] == -1).all() and len(names) % batch_size == 0
        weights = batch(data, jnp.asarray(names, jnp.int32)).weights
        np.testing.assert_array_equal(weights, present)


@given(seed=seeds)
def test_no_training_reads_the_fixed_stream(seed):
    data = TaskData(task("adding", 20), 5, key=0)
    assert (data.plan(5, None)[..., 0] == 0).all()
    rng = np.random.default_rng(seed)
    streams = [data.plan(5, rng).astype(np.int32)[0, :, 0] for _ in range(20)]
    assert np.min(streams) >= 1 and len(np.unique(streams)) == 20


@pytest.mark.parametrize("name", ["adding", "memorisation_20bit"])
def test_test_sequences_are_not_training_sequences(name):
    asked, rng = task(name, 20), np.random.default_rng(0)
    data, other = TaskData(asked, 200, key=0), TaskData(asked, 200, key=1)

    def sequences(data, rng):
        inputs = batch(data, jnp.asarray(data.plan(200, rng)[0], jnp.int32)).inputs
        return {sequence.tobytes() for sequence in np.asarray(inputs)}

    draws = [sequences(data, None), sequences(data, rng), sequences(data, rng)]
    draws += [sequences(other, None), sequences(other, rng)]
    assert len(set.union(*draws)) == 1000  # with 5^10 sequences a repetition is unlikely
    assert sequences(data, None) == draws[0]


def test_the_fixed_stream_is_all_sequences_where_there_are_few():
    data = TaskData(task("memorisation_5bit", 4), 100, key=0)
    names = data.plan(32, None)
    assert names.shape == (1, 32, 2)
    symbols = np.asarray(batch(data, jnp.asarray(names[0])).inputs)[:, :5].argmax(axis=-1)
    expected = [[int(digit) for digit in f"{number:05b}"] for number in range(32)]
    np.testing.assert_array_equal(symbols, expected)
    assert data.plan(100, np.random.default_rng(0)).shape == (1, 100, 2)
    assert TaskData(data.task, 31, key=0).plan(31, None).shape == (1, 31, 2)


@one_of_a_kind
def test_centring_subtracts_the_means_and_leaves_the_padding(name):
    asked = task(name, 25)
    row = jnp.asarray(TaskData(asked, 500, key=0).plan(500, None)[0])
    plain = batch(TaskData(asked, 500, key=0), row)
    centred = batch(TaskData(asked, 500, key=0, centred=True), row)
    lengths = np.full(len(row), asked.steps) if plain.lengths is None else plain.lengths
    counts = (np.arange(asked.steps) < np.asarray(lengths)[:, None])[..., None]
    expected = np.where(counts, np.asarray(plain.inputs) - np.array(asked.input_mean), 0)
    np.testing.assert_allclose(centred.inputs, expected, atol=1e-6)
    mean = asked.target_mean or 0
    np.testing.assert_allclose(centred.targets, plain.targets - np.array(mean), atol=1e-6)
    assert abs(expected.sum(axis=(0, 1)) / counts.sum()).max() < 0.05


def test_no_example_is_refused():
    with refuses("`examples` must be at least 1; got 0"):
        TaskData(task("adding", 10), 0, key=0)
