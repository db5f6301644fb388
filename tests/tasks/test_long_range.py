"""The long-range tasks, recomputed from their inputs in plain NumPy."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import QUICK_COMPILE, refuses
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from throughtime.tasks.long_range import TASKS, task
from throughtime.training.losses import LOSSES

few = settings(max_examples=8)  # each length is another program to compile
seeds = st.integers(0, 2**31 - 1)
every_task = pytest.mark.parametrize("name", TASKS)
one_of_a_kind = pytest.mark.parametrize(
    "name", ["adding", "adding_halves", "temporal_order", "random_permutation", "copy"]
)
LEAST = {name: 20 if "order" in name else 10 for name in TASKS} | {
    "adding_halves": 2,
    "random_permutation": 2,
    "memorisation_5bit": 1,
    "memorisation_20bit": 1,
    "copy": 1,
}


MANY = 6000


@partial(jax.jit, static_argnums=0, compiler_options=QUICK_COMPILE)
def sample(asked, seed):
    return jax.vmap(asked.draw)(jax.random.split(jax.random.key(seed), MANY))


def draw(asked, seed=0, examples=50):
    """Inputs, targets and lengths in NumPy: the first of many, so that one program serves."""
    inputs, targets, lengths = sample(asked, seed)
    assert inputs.shape == (MANY, asked.steps, asked.input_size)
    assert inputs.dtype == targets.dtype == np.float32
    lengths = np.full(MANY, asked.steps) if lengths is None else np.asarray(lengths)
    return np.asarray(inputs)[:examples], np.asarray(targets)[:examples], lengths[:examples]


def many(name):
    """A large draw of the task at T = 25."""
    return draw(task(name, 25), examples=MANY)


def uniform(values, first, last):
    """Whether whole numbers are uniform in [first, last], by a chi-square test."""
    assert values.min() == first and values.max() == last
    counts = np.bincount(values - first, minlength=last - first + 1)
    return stats.chisquare(counts).pvalue > 1e-4


# --- each task, from its inputs alone ---------------------------------------------------------


def marks(inputs):
    """The two marked steps of each sequence, from 1, and the numbers there."""
    values, mark = inputs[..., 0], inputs[..., 1]
    assert set(np.unique(mark)) <= {0, 1} and (mark.sum(axis=1) == 2).all()
    steps = np.nonzero(mark)[1].reshape(-1, 2)
    return steps + 1, np.take_along_axis(values, steps, axis=1)


OPERATIONS = {
    "adding": lambda x: x[:, 0] + x[:, 1],
    "adding_mean": lambda x: (x[:, 0] + x[:, 1]) / 2,
    "adding_halves": lambda x: x[:, 0] + x[:, 1],
    "multiplication": lambda x: x[:, 0] * x[:, 1],
    "xor": lambda x: (x[:, 0] != x[:, 1]).astype(np.float32),
}


@given(T=st.sampled_from([10, 25, 250]), seed=seeds)
@few
def test_marks_in_the_convention_of_hochreiter_and_schmidhuber(T, seed):
    inputs, _, lengths = draw(task("adding", T), seed)
    assert (lengths >= T).all() and (lengths <= 1.1 * T).all()
    for sequence, length in zip(inputs, lengths, strict=True):
        assert not sequence[length:].any() and sequence[:length, 0].any()
    s1, s2 = marks(inputs)[0].T
    assert (T / 100 <= s1).all() and (s1 <= T / 10).all()
    assert (T // 10 < s2).all() and (s2 <= T / 2).all()


@given(T=st.sampled_from([2, 25]), seed=seeds)
@few
def test_one_mark_in_each_half(T, seed):
    inputs, _, lengths = draw(task("adding_halves", T), seed)
    s1, s2 = marks(inputs)[0].T
    assert (s1 <= T // 2).all() and (s2 > T // 2).all() and (lengths == T).all()


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_target_is_made_of_the_marked_numbers(name):
    inputs, targets, _ = many(name)
    x = marks(inputs)[1]
    assert (x >= 0).all() and (x <= 1).all() and (name != "xor" or (x == np.round(x)).all())
    np.testing.assert_allclose(targets[:, 0], OPERATIONS[name](x), rtol=1e-6)


def test_the_target_of_hochreiter_and_schmidhuber_is_the_mean():
    """Their values are in [-1, 1], their target is 0.5 + (x1 + x2) / 4."""
    inputs, targets, _ = many("adding_mean")
    theirs = 2 * marks(inputs)[1].astype(float) - 1
    np.testing.assert_allclose(targets[:, 0], 0.5 + theirs.sum(axis=1) / 4, rtol=1e-6)


RANGES = {
    "temporal_order": [(0.1, 0.2), (0.5, 0.6)],
    "temporal_order_3": [(0.1, 0.2), (0.33, 0.43), (0.66, 0.76)],
}


@pytest.mark.parametrize("name", RANGES)
@given(T=st.sampled_from([20, 25, 211]), seed=seeds)
@few
def test_temporal_order(name, T, seed):
    inputs, targets, lengths = draw(task(name, T), seed)
    assert (lengths >= T).all() and (lengths <= 1.1 * T).all()
    for sequence, target, length in zip(inputs, targets, lengths, strict=True):
        assert (sequence[:length].sum(axis=1) == 1).all() and not sequence[length:].any()
        text = "".join("abcdXYEB"[i] for i in sequence[:length].argmax(axis=1))
        assert text[0] == "E" and text[-1] == "B" and not set("EB") & set(text[1:-1])
        relevant = [(i + 1, letter) for i, letter in enumerate(text) if letter in "XY"]
        assert len(relevant) == len(RANGES[name])
        for (step, _), (first, last) in zip(relevant, RANGES[name], strict=True):
            assert first * T - 1e-9 <= step <= last * T + 1e-9
        digits = "".join("01"["XY".index(letter)] for _, letter in relevant)
        np.testing.assert_array_equal(target, np.eye(len(target))[int(digits, 2)])


@given(T=st.sampled_from([2, 25]), seed=seeds)
@few
def test_random_permutation_asks_for_the_first_symbol(T, seed):
    inputs, targets, _ = draw(task("random_permutation", T), seed)
    letters = inputs.argmax(axis=-1)
    assert (inputs.sum(axis=-1) == 1).all()
    assert (letters[:, 0] < 2).all() and (letters[:, 1:] >= 2).all()
    np.testing.assert_array_equal(targets, inputs[:, 0])


@pytest.mark.parametrize(
    ("name", "symbols", "count"),
    [("memorisation_5bit", 2, 5), ("memorisation_20bit", 5, 10), ("copy", 8, 10)],
)
@given(T=st.sampled_from([1, 25]), seed=seeds)
@few
def test_memorisation_reproduces_the_symbols_after_the_delay(name, symbols, count, T, seed):
    asked = task(name, T)
    inputs, targets, _ = draw(asked, seed)
    blank, cue = symbols, symbols + 1
    assert asked.enumeration.size == symbols**count >= 2 ** int(name[13:-3] or 30)
    assert (inputs.sum(axis=-1) == 1).all() and (targets.sum(axis=-1) == 1).all()
    read, expected = inputs.argmax(axis=-1), targets.argmax(axis=-1)
    assert (read[:, :count] < symbols).all()
    assert (read[:, count + T - 1] == cue).all() and ((read == cue).sum(axis=1) == 1).all()
    assert (np.delete(read[:, count:], T - 1, axis=1) == blank).all()
    assert (expected[:, : count + T] == blank).all()
    np.testing.assert_array_equal(expected[:, count + T :], read[:, :count])


def test_lengths_and_marks_are_uniform():
    inputs, _, lengths = draw(task("adding", 250), examples=MANY)
    assert uniform(lengths, 250, 275)
    first, second = marks(inputs)[0].T
    assert uniform(first, 3, 25) and uniform(second, 26, 125)
    assert stats.kstest(inputs[:, :250, 0].ravel(), "uniform").pvalue > 1e-4
    first, second = marks(many("adding_halves")[0])[0].T
    assert uniform(first, 1, 12) and uniform(second, 13, 25)
    assert uniform(many("temporal_order")[2], 25, 27)


@pytest.mark.parametrize(
    ("name", "classes"), [("temporal_order", 4), ("temporal_order_3", 8), ("xor", 2)]
)
def test_classes_are_as_likely(name, classes):
    targets = many(name)[1]
    kinds = targets.astype(int)[:, 0] if name == "xor" else targets.argmax(axis=-1)
    assert uniform(kinds, 0, classes - 1)


def test_symbols_are_as_likely():
    letters = many("random_permutation")[0].argmax(axis=-1)
    assert uniform(letters[:, 0], 0, 1) and uniform(letters[:, 1:].ravel(), 2, 99)
    symbols = many("copy")[0].argmax(axis=-1)[:, :10]
    assert all(uniform(column, 0, 7) for column in symbols.T)


# --- baselines and means ----------------------------------------------------------------------

LOGITS = {  # the outputs, before sigma_y, that say a probability or a value
    "mse": lambda mean: mean,
    "binary_cross_entropy": lambda mean: np.log(mean / (1 - mean)),
    "cross_entropy": lambda mean: np.log(np.maximum(mean, 1e-30)),
}


@every_task
def test_a_baseline_is_the_loss_of_the_best_guess(name):
    asked = task(name, 25)
    _, targets, _ = many(name)
    guess = LOGITS[asked.loss](targets.mean(axis=0, keepdims=True))
    outputs = np.broadcast_to(guess, targets.shape)
    measured = LOSSES[asked.loss].function(jnp.asarray(outputs), jnp.asarray(targets))
    np.testing.assert_allclose(measured.mean(), asked.baseline, rtol=0.03)


def test_published_baselines():
    assert round(task("adding_halves", 750).baseline, 3) == 0.167  # Arjovsky et al. 2016
    assert task("copy", 1000).baseline == pytest.approx(10 * math.log(8) / 1020)
    assert task("temporal_order", 50).baseline == pytest.approx(1.386, abs=1e-3)  # ln 4


@every_task
def test_means_are_those_of_the_draw(name):
    asked = task(name, 25)
    inputs, targets, lengths = many(name)
    measured = inputs.sum(axis=(0, 1), dtype=float) / lengths.sum()
    np.testing.assert_allclose(measured, asked.input_mean, rtol=0.1, atol=2e-3)
    assert asked.input_size == len(asked.input_mean)
    assert (asked.target_mean is None) == (asked.loss != "mse")
    if asked.target_mean is not None:
        np.testing.assert_allclose(targets.mean(axis=0), asked.target_mean, rtol=0.03)


@every_task
def test_a_task_names_its_loss_and_its_shape(name):
    asked = task(name, 25)
    assert asked.name == name and asked.length == 25 and asked.loss in LOSSES
    targets = jax.eval_shape(asked.draw, jax.random.key(0)).targets
    steps = () if asked.last else (asked.steps,)
    assert targets.shape == (*steps, asked.output_size)
    assert task(name, 25) is asked  # so that a program is compiled for it once


@one_of_a_kind
def test_sequences_do_not_depend_on_the_precision(name, float64):
    double = draw(task(name, 25))
    with jax.enable_x64(False):
        single = draw(task(name, 25))
    for one, other in zip(double, single, strict=True):
        np.testing.assert_array_equal(one, other)


# --- what is wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["adding", "adding_mean", "adding_halves", "multiplication"])
def test_an_error_of_four_hundredths_is_wrong(name):
    outputs = jnp.array([[0.5], [0.5391], [0.5409], [0.4591], [0.4609], [jnp.nan], [jnp.inf]])
    wrong = task(name, 20).wrong(outputs, jnp.full((7, 1), 0.5))
    np.testing.assert_array_equal(wrong, [0, 0, 1, 1, 0, 1, 1])


def test_the_wrong_side_of_one_half_is_wrong():
    outputs = jnp.array([[0.51], [0.49], [0.49], [0.51], [jnp.nan], [0.5]])
    targets = jnp.array([[1.0], [1.0], [0.0], [0.0], [0.0], [1.0]])
    np.testing.assert_array_equal(task("xor", 20).wrong(outputs, targets), [0, 1, 0, 1, 1, 1])


def test_every_output_must_be_within_three_tenths():
    targets = jnp.array([[0.0, 1.0, 0.0, 0.0]] * 4)
    right = [0.1, 0.72, 0.09, 0.09]
    outputs = [right, [0.31, 0.69, 0, 0], [0.2, 0.6, 0.1, 0.1], [jnp.nan] * 4]
    wrong = task("temporal_order", 20).wrong(jnp.array(outputs), targets)
    np.testing.assert_array_equal(wrong, [0, 1, 1, 1])


def test_the_largest_output_is_the_answer():
    targets = jax.nn.one_hot(jnp.array([1, 1, 1, 0]), 100)
    outputs = jnp.array(0.01 * targets).at[1, 7].set(0.02).at[2, 7].set(0.01)
    outputs = outputs.at[3].set(jnp.nan)
    wrong = task("random_permutation", 9).wrong(outputs, targets)
    np.testing.assert_array_equal(wrong, [0, 1, 1, 1])  # right, another, a tie, no number


def test_wrong_symbols_are_counted_where_they_are_asked():
    asked = task("memorisation_5bit", 3)
    targets = jax.vmap(asked.enumeration.sequence)(jnp.array([0, 1, 31, 31, 31])).targets
    outputs = jax.nn.one_hot(jnp.zeros((5, asked.steps), int), 3)  # always the first symbol
    outputs = outputs.at[3, -2, 2].set(5).at[4].set(jnp.nan)
    outputs = outputs.at[2, -1].set(targets[2, -1])
    np.testing.assert_array_equal(asked.wrong(outputs, targets), [0, 1, 4, 5, 5])
    np.testing.assert_array_equal(asked.wrong(targets, targets), 0)


# --- mistakes of the user ---------------------------------------------------------------------


def test_an_unknown_task_is_refused():
    with refuses("`name` must be a known task; got ading. Did you mean `adding`?"):
        task("ading", 10)


@every_task
def test_a_length_too_short_is_refused(name):
    jax.eval_shape(task(name, LEAST[name]).draw, jax.random.key(0))
    with refuses(f"the task `{name}` needs a `length` of at least {LEAST[name]} steps"):
        task(name, LEAST[name] - 1)
