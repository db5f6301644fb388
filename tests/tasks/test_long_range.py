"""The long-range tasks, recomputed from their inputs in plain NumPy, and drawn as data."""

import math
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from throughtime.recurrence.network import Architecture
from throughtime.tasks.long_range import TASKS, task
from throughtime.tasks.sampling import Drawn, mistakes
from throughtime.training.batches import Data
from throughtime.training.losses import LOSSES
from throughtime.training.train import evaluate, train

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


@partial(jax.jit, static_argnums=(0, 2))
def drawn(asked, seed, examples):
    return jax.vmap(asked.draw)(jax.random.split(jax.random.key(seed), examples))


def draw(asked, seed=0, examples=50):
    """Inputs, targets and lengths in NumPy."""
    inputs, targets, lengths = drawn(asked, seed, examples)
    lengths = np.full(examples, asked.steps) if lengths is None else np.asarray(lengths)
    assert inputs.shape == (examples, asked.steps, asked.input_size)
    assert inputs.dtype == targets.dtype == np.float32
    return np.asarray(inputs), np.asarray(targets), lengths


def many(name):
    """A large draw of the task at T = 25."""
    return draw(task(name, 25), examples=6000)


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


@given(T=st.sampled_from([10, 19, 250]), seed=seeds)
@few
def test_marks_in_the_convention_of_hochreiter_and_schmidhuber(T, seed):
    inputs, _, lengths = draw(task("adding", T), seed)
    assert (lengths >= T).all() and (lengths <= 1.1 * T).all()
    for sequence, length in zip(inputs, lengths, strict=True):
        assert not sequence[length:].any() and sequence[:length, 0].any()
    s1, s2 = marks(inputs)[0].T
    assert (T / 100 <= s1).all() and (s1 <= T / 10).all()
    assert (T // 10 < s2).all() and (s2 <= T / 2).all()


@given(T=st.sampled_from([2, 11]), seed=seeds)
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
@given(T=st.sampled_from([20, 23, 211]), seed=seeds)
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


@given(T=st.sampled_from([2, 50]), seed=seeds)
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
@given(T=st.sampled_from([1, 30]), seed=seeds)
@few
def test_memorisation_reproduces_the_symbols_after_the_delay(name, symbols, count, T, seed):
    asked = task(name, T)
    inputs, targets, _ = draw(asked, seed)
    blank, cue = symbols, symbols + 1
    assert asked.listing.size == symbols**count >= 2 ** int(name[13:-3] or 30)
    assert (inputs.sum(axis=-1) == 1).all() and (targets.sum(axis=-1) == 1).all()
    read, said = inputs.argmax(axis=-1), targets.argmax(axis=-1)
    assert (read[:, :count] < symbols).all()
    assert (read[:, count + T - 1] == cue).all() and ((read == cue).sum(axis=1) == 1).all()
    assert (np.delete(read[:, count:], T - 1, axis=1) == blank).all()
    assert (said[:, : count + T] == blank).all()
    np.testing.assert_array_equal(said[:, count + T :], read[:, :count])


def test_lengths_and_marks_are_uniform():
    inputs, _, lengths = draw(task("adding", 300), examples=4000)
    assert uniform(lengths, 300, 330)
    first, second = marks(inputs)[0].T
    assert uniform(first, 3, 30) and uniform(second, 31, 150)
    assert stats.kstest(inputs[:, :300, 0].ravel(), "uniform").pvalue > 1e-4
    first, second = marks(draw(task("adding_halves", 41), examples=4000)[0])[0].T
    assert uniform(first, 1, 20) and uniform(second, 21, 41)
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
    targets = jax.vmap(asked.listing.sequence)(jnp.array([0, 1, 31, 31, 31])).targets
    outputs = jax.nn.one_hot(jnp.zeros((5, asked.steps), int), 3)  # always the first symbol
    outputs = outputs.at[3, -2, 2].set(5).at[4].set(jnp.nan)
    outputs = outputs.at[2, -1].set(targets[2, -1])
    np.testing.assert_array_equal(asked.wrong(outputs, targets), [0, 1, 4, 5, 5])
    np.testing.assert_array_equal(asked.wrong(targets, targets), 0)


# --- as data ----------------------------------------------------------------------------------

batch = eqx.filter_jit(lambda data, row: data.batch(row))


@one_of_a_kind
def test_an_example_does_not_depend_on_how_a_batch_is_split(name):
    data = Drawn(task(name, 20), 40, key=3, centred=True)
    assert isinstance(data, Data) and not data.stateful
    names = data.plan(12, np.random.default_rng(0))
    whole = batch(data, jnp.asarray(names[0], jnp.int32))
    alone = batch(data, jnp.asarray(names[0, 5:7][::-1], jnp.int32))
    part = jax.tree.map(lambda values: values[5:7][::-1], whole)
    for one, other in zip(jax.tree.leaves(part), jax.tree.leaves(alone), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("examples", "batch_size"), [(6, 3), (20, 8)])
def test_a_plan_names_every_example_once(examples, batch_size):
    data = Drawn(task("adding", 20), examples, key=0)
    for rng in (None, np.random.default_rng(0)):
        names = data.plan(batch_size, rng).reshape(-1, 2)
        present = names[:, 1] >= 0
        np.testing.assert_array_equal(names[present, 1], np.arange(examples))
        assert (names[~present] == -1).all() and len(names) % batch_size == 0
        weights = batch(data, jnp.asarray(names, jnp.int32)).weights
        np.testing.assert_array_equal(weights, present)


@given(seed=seeds)
def test_no_training_reads_the_fixed_stream(seed):
    data = Drawn(task("adding", 20), 5, key=0)
    assert (data.plan(5, None)[..., 0] == 0).all()
    rng = np.random.default_rng(seed)
    streams = [data.plan(5, rng).astype(np.int32)[0, :, 0] for _ in range(20)]
    assert np.min(streams) >= 1 and len(np.unique(streams)) == 20


@pytest.mark.parametrize("name", ["adding", "memorisation_20bit"])
def test_test_sequences_are_not_training_sequences(name):
    asked, rng = task(name, 20), np.random.default_rng(0)
    data, other = Drawn(asked, 200, key=0), Drawn(asked, 200, key=1)

    def sequences(data, rng):
        inputs = batch(data, jnp.asarray(data.plan(200, rng)[0], jnp.int32)).inputs
        return {sequence.tobytes() for sequence in np.asarray(inputs)}

    draws = [sequences(data, None), sequences(data, rng), sequences(data, rng)]
    draws += [sequences(other, None), sequences(other, rng)]
    assert len(set.union(*draws)) == 1000  # with 5^10 sequences a repetition is unlikely
    assert sequences(data, None) == draws[0]


def test_the_fixed_stream_is_all_sequences_where_there_are_few():
    data = Drawn(task("memorisation_5bit", 4), 100, key=0)
    names = data.plan(32, None)
    assert names.shape == (1, 32, 2)
    symbols = np.asarray(batch(data, jnp.asarray(names[0])).inputs)[:, :5].argmax(axis=-1)
    expected = [[int(digit) for digit in f"{number:05b}"] for number in range(32)]
    np.testing.assert_array_equal(symbols, expected)
    assert data.plan(100, np.random.default_rng(0)).shape == (1, 100, 2)
    assert Drawn(data.task, 31, key=0).plan(31, None).shape == (1, 31, 2)


@one_of_a_kind
def test_centring_subtracts_the_means_and_leaves_the_padding(name):
    asked = task(name, 25)
    row = jnp.asarray(Drawn(asked, 500, key=0).plan(500, None)[0])
    plain = batch(Drawn(asked, 500, key=0), row)
    centred = batch(Drawn(asked, 500, key=0, centred=True), row)
    lengths = np.full(len(row), asked.steps) if plain.lengths is None else plain.lengths
    counts = (np.arange(asked.steps) < np.asarray(lengths)[:, None])[..., None]
    expected = np.where(counts, np.asarray(plain.inputs) - np.array(asked.input_mean), 0)
    np.testing.assert_allclose(centred.inputs, expected, atol=1e-6)
    mean = asked.target_mean or 0
    np.testing.assert_allclose(centred.targets, plain.targets - np.array(mean), atol=1e-6)
    assert abs(expected.sum(axis=(0, 1)) / counts.sum()).max() < 0.05


# --- networks ---------------------------------------------------------------------------------


def network(asked, hidden=16, cell="rnn"):
    output = LOSSES[asked.loss].output or "identity"
    shape = (asked.input_size, asked.output_size)
    return Architecture(
        *shape, cell=cell, hidden=hidden, output=output, last=asked.last, init="orthogonal"
    ).build(0)


def constant(asked, values):
    """A network that says the same whatever it reads."""
    zero = jax.tree.map(jnp.zeros_like, network(asked, hidden=1))
    return eqx.tree_at(lambda n: n.readout.layers[-1].c, zero, jnp.array(values, jnp.float32))


def test_mistakes_of_the_constant_guess():
    r"""$P(|x_1 + x_2 - 1| \ge \epsilon) = (1 - \epsilon)^2$ for the sum, 2 epsilon for half."""
    for name, right in (("adding", 0.04), ("adding_mean", 0.08)):
        asked = task(name, 10)
        data = Drawn(asked, 4000, key=0)
        guess = constant(asked, asked.target_mean)
        found = mistakes(guess, data)
        assert found.sequences == 4000 and found.answers == found.share == found.wrong / 4000
        error = math.sqrt(0.08 * 0.92 / 4000)
        assert abs(found.share - (1 - right) ** 2) < 4 * error
        assert evaluate(guess, data, asked.loss) == pytest.approx(asked.baseline, rel=0.05)
        centred = mistakes(constant(asked, [0]), Drawn(asked, 4000, key=0, centred=True))
        assert abs(centred.wrong - found.wrong) <= 2  # rounding at the border


def test_mistakes_of_one_symbol_for_all():
    asked = task("memorisation_5bit", 2)
    found = mistakes(constant(asked, [1, 0, 0]), Drawn(asked, 1000, key=0), batch_size=7)
    assert found == (32, 31, 2.5)
    assert mistakes(constant(asked, [0, 0, 0]), Drawn(asked, 32, key=0)) == (32, 32, 5.0)


@pytest.mark.parametrize("name", ["temporal_order_3", "xor", "copy"])
def test_mistakes_do_not_depend_on_the_batches(name):
    asked = task(name, 20)
    data, net = Drawn(asked, 50, key=0), network(asked)
    found = mistakes(net, data, batch_size=50)
    assert mistakes(net, data, batch_size=7) == found
    fixed = batch(data, jnp.asarray(data.plan(50, None)[0]))
    outputs, _ = net(fixed.inputs, lengths=fixed.lengths)
    counts = np.asarray(asked.wrong(outputs, fixed.targets))
    assert found.wrong == np.count_nonzero(counts)
    assert found.answers == pytest.approx(counts.mean())


@pytest.mark.parametrize("centred", [False, True])
def test_an_rnn_learns_a_short_task(centred):
    asked = task("adding", 10)
    data = Drawn(asked, 500, key=0, centred=centred)
    fitted = train(
        network(asked),
        data,
        asked.loss,
        "adam",
        epochs=30,
        batch_size=20,
        validation=data,
        key=0,
    )
    assert fitted.history[-1].loss < 0.5 * asked.baseline
    assert evaluate(fitted.network, data, asked.loss) < 0.5 * asked.baseline
    assert mistakes(fitted.network, data).share < mistakes(network(asked), data).share


def test_an_ensemble_trains_on_steps_and_classes():
    asked = task("memorisation_5bit", 3)
    shape = Architecture(asked.input_size, asked.output_size, cell="gru", output="softmax")
    members, data = shape.ensemble(2, key=0), Drawn(asked, 64, key=0)
    fitted = train(members, data, asked.loss, epochs=20, batch_size=16, ensemble=2, key=0)
    first, last = fitted.history[:2], fitted.history[-2:]
    assert all(
        after.loss < 0.8 * before.loss for before, after in zip(first, last, strict=True)
    )


# --- mistakes of the user ---------------------------------------------------------------------


def test_an_unknown_task_is_refused():
    with refuses("`name` must be a known task; got ading. Did you mean `adding`?"):
        task("ading", 10)


@every_task
def test_a_length_too_short_is_refused(name):
    jax.eval_shape(task(name, LEAST[name]).draw, jax.random.key(0))
    with refuses(f"the task `{name}` needs a `length` of at least {LEAST[name]} steps"):
        task(name, LEAST[name] - 1)


def test_no_example_is_refused():
    with refuses("`examples` must be at least 1; got 0"):
        Drawn(task("adding", 10), 0, key=0)


def test_a_network_of_another_shape_is_refused():
    data = Drawn(task("adding", 10), 5, key=0)
    with refuses("`adding` needs 2 inputs and 1 outputs, last step only: True; got 4 inputs"):
        mistakes(network(task("memorisation_5bit", 3)), data)
