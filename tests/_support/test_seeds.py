"""Seeds: the same one gives the same numbers, and each names streams of its own."""

import copy

import jax
import numpy as np
import pytest

from throughtime._support.seeds import generator, seed_integers
from throughtime.recurrence.architecture import Architecture

KINDS = {
    "int": lambda seed: seed,
    "numpy int": lambda seed: np.int64(seed),
    "key": jax.random.key,
    "old key": jax.random.PRNGKey,
    "generator": np.random.default_rng,
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def draw(key, *stream, size=5):
    return generator(key, *stream).random(size)


@every_kind
def test_the_same_seed_gives_the_same_numbers(kind):
    for stream in ((), (3,), (3, 1)):
        one, again, other = (draw(kind(seed), *stream) for seed in (7, 7, 8))
        np.testing.assert_array_equal(one, again)
        assert (one != other).all()


def test_a_whole_number_is_numpys_seed():
    """The numbers are NumPy's own: the same on every device and version of JAX."""
    np.testing.assert_array_equal(draw(7), np.random.default_rng([7]).random(5))
    np.testing.assert_array_equal(draw(7, 2, 4), np.random.default_rng([7, 2, 4]).random(5))
    assert seed_integers(7) == seed_integers(np.int32(7)) == (7,)
    assert seed_integers(2**80) == (2**80,)


def test_a_key_is_its_data():
    """Both kinds of `jax.random` key, and seeds above 32 bits' worth of one word."""
    key = jax.random.key(7)
    data = tuple(np.asarray(jax.random.key_data(key)).tolist())
    assert seed_integers(key) == seed_integers(jax.random.PRNGKey(7)) == data
    assert all(type(word) is int for word in seed_integers(key))
    np.testing.assert_array_equal(draw(key), np.random.default_rng(data).random(5))
    one, two = jax.random.split(key)
    assert len({seed_integers(key), seed_integers(one), seed_integers(two)}) == 3
    assert (draw(one) != draw(two)).all()


def test_a_generator_without_a_stream_is_used_as_it_is():
    rng = np.random.default_rng(7)
    assert generator(rng) is rng
    twin = np.random.default_rng(7)
    np.testing.assert_array_equal(draw(rng), twin.random(5))
    np.testing.assert_array_equal(draw(rng), twin.random(5))  # it went on


def test_a_generator_gives_its_next_numbers_as_a_seed():
    rng = np.random.default_rng(7)
    twin = copy.deepcopy(rng)
    first = seed_integers(rng)
    assert first == tuple(twin.integers(2**32, size=4).tolist()) and seed_integers(rng) != first
    one, other = (draw(np.random.default_rng(7), stream) for stream in (0, 1))
    assert (one != other).all()


def test_zeros_at_the_end_of_a_stream_do_not_count():
    """NumPy's rule, and why epochs are counted from 1."""
    np.testing.assert_array_equal(draw(7), draw(7, 0))


@every_kind
def test_streams_are_independent(kind):
    """No number is shared and no pair of streams is correlated, to five standard errors.

    These are the streams of members and of their epochs, counted from 1; and no stream.
    """
    streams = [(), (1,), (2,), (0, 1), (0, 2), (1, 1), (1, 2)]
    n = 4000
    drawn = np.array([draw(kind(7), *stream, size=n) for stream in streams])
    assert len(np.unique(drawn)) == drawn.size
    apart = np.corrcoef(drawn)[np.triu_indices(len(streams), 1)]
    assert np.abs(apart).max() < 5 / np.sqrt(n)


def test_drawing_leaves_the_key_as_it_was():
    """A whole number or a key can seed anything twice; a generator moves on."""
    shape = Architecture(1, 1, "rnn", 2)
    for seed in (3, jax.random.key(3)):
        one, again = shape.build(seed), shape.build(seed)
        np.testing.assert_array_equal(one.cells[0].W, again.cells[0].W)
    rng = np.random.default_rng(3)
    assert (shape.build(rng).cells[0].W != shape.build(rng).cells[0].W).all()
