"""Training: its optimum, its bits, its stops, its masks and its truncated gradients."""

import inspect
import math
import re
import sys
from dataclasses import replace
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from throughtime._support.seeds import seed_integers
from throughtime.errors import InputError
from throughtime.recurrence import native_kernels
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.cells import RNN
from throughtime.recurrence.network import Dense, Network, Readout
from throughtime.training.batches import Sequences, Streams, Windows
from throughtime.training.losses import Loss, squared_error
from throughtime.training.methods import method
from throughtime.training.objective import Info, ravel_weights
from throughtime.training.program import members_in_parallel
from throughtime.training.result import Diverged, stopping_reason
from throughtime.training.train import evaluate, train

pytestmark = pytest.mark.usefixtures("quick_compile")
KEY = jax.random.key(0)
EXAMPLES, TIME = 11, 3


def network(seed=0, **options):
    shape = {"input_size": 2, "output_size": 1, "cell": "rnn", "hidden": 3, "last": True}
    return Architecture(**{**shape, "dtype": "float64", **options}).build(jax.random.key(seed))


def sequences(examples=EXAMPLES, seed=0, slope=1.0):
    rng = np.random.default_rng(seed)
    xs = rng.normal(size=(examples, TIME, 2))
    ys = slope * xs.sum(axis=(1, 2))[:, None] + 0.5 * rng.normal(size=(examples, 1))
    return Sequences(jnp.asarray(xs), jnp.asarray(ys))


# Compiled once for each shape, here and not inside the tests.


@eqx.filter_jit
def outputs(net, xs):
    return net(xs)[0]


@eqx.filter_jit
@eqx.filter_grad
def mean_gradient(net, xs, ys):
    """The gradient of the mean squared error of true sequences, nothing padded."""
    return jnp.mean((net(xs)[0] - ys) ** 2)


def example_gradients(net, data):
    """The gradient of each example alone, as NumPy arrays."""
    xs, ys = data.inputs[:, None], data.targets[:, None]
    each = [mean_gradient(net, x, y) for x, y in zip(xs, ys, strict=True)]
    return jax.tree.map(lambda *g: np.stack(g), *each)


def error(net, data):
    """The mean squared error, by NumPy."""
    return np.mean((np.asarray(outputs(net, data.inputs)) - np.asarray(data.targets)) ** 2)


def sgd(rate):
    return method("sgd", rate)


class Counting:
    """A method that leaves the weights alone and tells how many updates it has seen."""

    quantities = ("updates",)

    def init(self, params):
        return jnp.zeros((), params.dtype)

    def step(self, objective, params, state, batch):
        value, extra = objective(params, batch)
        info = Info(value, jnp.zeros_like(value), extra, {"updates": state + 1})
        return params, state + 1, info


class Accumulate:
    """A method that leaves the weights alone and adds up the gradients."""

    def init(self, params):
        return jax.tree.map(jnp.zeros_like, params)

    def step(self, objective, params, state, batch):
        (value, extra), slope = jax.value_and_grad(objective, has_aux=True)(params, batch)
        return params, jax.tree.map(jnp.add, state, slope), Info(value, jnp.zeros(()), extra)


def gradient_seen(net, data, batch_size=99, loss="mse"):
    """The sum of the gradients of all updates of one epoch, in the shape of `net`."""
    seen = []
    train(
        net, data, loss, Accumulate(), epochs=1, batch_size=batch_size, key=KEY,
        on_epoch=lambda state, history: seen.append(state.method),
    )  # fmt: skip
    return ravel_weights(net)[1](seen[0])


def assert_close(ours, wanted, tolerance=1e-12):
    for one, other in zip(jax.tree.leaves(ours), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def assert_same_bits(one, other):
    """Networks and histories, less the clock."""
    for a, b in zip(jax.tree.leaves(one.network), jax.tree.leaves(other.network), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(rows(one), rows(other))


def rows(fitted):
    """The history, less the clock."""
    plain = [row._replace(seconds=0.0)._asdict() for row in fitted.history]
    return [[*row.pop("quantities").values(), *row.values()] for row in plain]


def test_a_linear_network_finds_the_least_squares_solution(float64):
    """Linear in its input, wide enough: the optimum is the regression on all inputs."""
    rng = np.random.default_rng(0)
    xs = rng.normal(size=(30, 2, 1))
    ys = xs @ [0.7] @ [[1.0], [-0.5]] + 0.3 + 0.1 * rng.normal(size=(30, 1))
    A = np.column_stack([xs[:, :, 0], np.ones(30)])
    fit = A @ np.linalg.lstsq(A, ys)[0]
    data = Sequences(jnp.asarray(xs), jnp.asarray(ys))
    net = network(input_size=1, hidden=4, activation="identity")
    done = train(
        net, data, method=method("adam", 0.03), epochs=300, batch_size=30, schedule="cosine",
        key=KEY,
    )  # fmt: skip
    assert evaluate(done.network, data) == pytest.approx(np.mean((fit - ys) ** 2), rel=1e-9)
    np.testing.assert_allclose(outputs(done.network, data.inputs), fit, atol=1e-5)


def test_nothing_is_traced_or_compiled_after_the_first_epoch():
    """Not even when the plateau lowers the rate: nine epochs without a better loss."""
    compiled, traced, counts = [], [], []

    def listen(event, seconds, **_):
        if event.endswith("backend_compile_duration"):
            compiled.append(event)

    def counted(outputs, targets):
        traced.append(1)
        return squared_error(outputs, targets)

    data, worse = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32), (sequences(), sequences(slope=-1.0))
    )
    net = network(dtype="float32")
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        train(
            net, data, Loss("counted", counted), "momentum", epochs=9, batch_size=4,
            validation=worse, patience=10, schedule="plateau", key=KEY,
            on_epoch=lambda *_: counts.append((len(compiled), len(traced))),
        )  # fmt: skip
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert len(counts) == 9 and counts[0] > (0, 0)
    assert set(counts) == {counts[0]}


# The plain training below is compiled once; what other tests change are its numbers. It asks
# for the opposite of what is learned: the first epoch is the best, and no other is better.
EPOCHS = 4


def plain(net=None, data=None, **options):
    common = {"epochs": EPOCHS, "batch_size": 4, "key": KEY}
    unseen = sequences(5, slope=-1.0)
    data = sequences() if data is None else data
    return train(net or network(), data, validation=unseen, **{**common, **options})


def through(**options):
    """A training and its states after each epoch."""
    states = {}

    def keep(state, history):
        on_disk = jax.tree.map(np.asarray, state)
        states[int(np.max(state.epoch))] = (jax.tree.map(jnp.asarray, on_disk), list(history))

    return plain(**options, on_epoch=keep), states


@pytest.fixture(scope="module")
def lone(quick_compile):
    with jax.enable_x64(True):
        return through()


def test_a_key_decides_every_bit(lone, float64):
    fitted, _ = lone
    assert_same_bits(fitted, plain(key=jax.random.key(0)))
    for seed in (1, np.random.default_rng(0), jax.random.key(1)):
        other = plain(key=seed, keep="last")
        assert not eqx.tree_equal(fitted.network, other.network)
        assert other.history[0].loss != fitted.history[0].loss
    assert fitted.best_epochs == (1,) and fitted.stopped == "all 4 epochs done"


def test_a_whole_number_and_a_generator_are_keys_too(float64):
    one, again = (plain(key=np.random.default_rng(5)) for _ in range(2))
    assert_same_bits(one, again)
    shuffles = []

    class Watched(Sequences):
        def plan(self, batch_size, rng):
            rows = super().plan(batch_size, rng)
            shuffles.append(rows)
            return rows

    watched = Watched(sequences().inputs, sequences().targets)
    plain(data=watched, key=7)
    for number, rows in enumerate(shuffles, 1):
        wanted = sequences().plan(4, np.random.default_rng([7, 0, number]))
        np.testing.assert_array_equal(rows, wanted)
    assert len(shuffles) == EPOCHS


def test_the_weights_of_the_best_or_of_the_last_epoch_are_kept(lone, float64):
    best, states = lone
    last = plain(keep="last")
    assert best.best_epochs == last.best_epochs == (1,)
    for fitted, epoch in ((best, 1), (last, EPOCHS)):
        np.testing.assert_array_equal(ravel_weights(fitted.network)[0], states[epoch][0].params)
    assert not eqx.tree_equal(best.network, last.network)
    assert rows(best) == rows(last)


def test_early_stopping_keeps_the_weights_of_the_best_epoch(float64):
    """Noise is learned by heart: the validation loss turns."""
    data, unseen = sequences(8, seed=0, slope=0.3), sequences(8, seed=1, slope=0.3)
    done = train(
        network(hidden=12), data, epochs=400, batch_size=3, validation=unseen, patience=4,
        method="rmsprop", key=KEY,
    )  # fmt: skip
    judged = [row.validation_loss for row in done.history]
    best = int(np.argmin(judged))
    assert 0 < best and len(judged) < 400, "the test needs a validation loss that turns"
    assert done.best_epochs == (best + 1,) and len(judged) == best + 1 + 4
    assert evaluate(done.network, unseen) == pytest.approx(min(judged), rel=1e-12)
    assert done.stopped == "no lower validation loss in 4 epochs"


def test_evaluate_does_not_depend_on_the_batches(float64):
    net, data = network(), sequences()
    expected = error(net, data)
    for batch_size in (4, EXAMPLES, 64):
        assert evaluate(net, data, batch_size=batch_size) == pytest.approx(expected, rel=1e-12)


def test_evaluate_counts_every_step_of_every_length_once(float64):
    net, lengths = network(last=False), np.array([3, 1, 2, 0, 3])
    xs, rng = np.asarray(sequences(5).inputs), np.random.default_rng(3)
    ys = rng.normal(size=(5, TIME, 1))
    counted = np.arange(TIME) < lengths[:, None]
    errors = (np.asarray(outputs(net, jnp.asarray(xs))) - ys) ** 2
    padded = [jnp.asarray(np.where(counted[..., None], part, np.nan)) for part in (xs, ys)]
    data = Sequences(*padded, jnp.asarray(lengths))
    for batch_size in (1, 2):
        found = evaluate(net, data, batch_size=batch_size)
        assert found == pytest.approx(errors[counted].mean(), rel=1e-12)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "plateau"])
def test_training_resumed_gives_the_bits_of_training_through(schedule, lone, float64):
    epochs, cut = {"constant": (4, 2), "cosine": (4, 3), "plateau": (13, 6)}[schedule]
    options = {"schedule": schedule, "epochs": epochs}
    fitted, states = lone if schedule == "constant" else through(**options)
    resumed = plain(network(seed=9), start=states[cut], **options)
    assert_same_bits(resumed, fitted)
    assert resumed.best_epochs == fitted.best_epochs
    seconds = [row.seconds for row in resumed.history]
    assert seconds == sorted(seconds)
    factors = [row.factor for row in fitted.history]
    if schedule == "plateau":  # the first epoch is the best; each five without a better halve
        assert fitted.best_epochs == (1,)
        assert factors == [1.0] * 6 + [0.5] * 5 + [0.25] * 2
    elif schedule == "cosine":
        expected = [0.5 * (1 + math.cos(math.pi * k / 4)) for k in range(4)]
        np.testing.assert_allclose(factors, expected, rtol=1e-6)
    else:
        assert factors == [1.0] * 4


class Poisoned(eqx.Module):
    """Examples in order, the target of one of them NaN."""

    clean: Sequences
    bad: jax.Array

    @property
    def stateful(self):
        return False

    def plan(self, batch_size, rng):
        return self.clean.plan(batch_size, None)

    def batch(self, row):
        batch = self.clean.batch(row)
        poison = jnp.where((row == self.bad)[:, None], jnp.nan, batch.targets)
        return batch._replace(targets=poison)


def finite(net):
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(net))


def test_a_nan_in_the_middle_stops_the_training_and_is_named(float64):
    with pytest.raises(Diverged) as caught:
        train(network(), Poisoned(sequences(), jnp.array(5)), epochs=3, batch_size=2, key=KEY)
    message = str(caught.value)
    assert "got a loss that is not finite at step 3 of epoch 1." in message
    assert "rate (now 0.001)" in message and "last good weights are kept" in message
    assert finite(caught.value.fitted.network) and caught.value.fitted.history == []


def test_a_nan_in_the_first_step_points_to_the_data(float64):
    with pytest.raises(Diverged, match=r"step 1 of epoch 1\. .*scale the data"):
        train(network(), Poisoned(sequences(), jnp.array(1)), epochs=3, batch_size=2, key=KEY)


def test_a_rate_too_large_leaves_the_last_good_weights(float64):
    ends = []
    with pytest.raises(Diverged, match=r"step \d+ of epoch \d+\. .*`clip` to 1") as caught:
        train(
            network(activation="identity"), sequences(), method=sgd(0.5), epochs=500,
            batch_size=4, key=KEY, on_epoch=lambda state, _: ends.append(state.params),
        )  # fmt: skip
    fitted = caught.value.fitted
    assert len(fitted.history) == len(ends) and finite(fitted.network)
    assert ends, "the test needs an epoch that ends well"
    np.testing.assert_array_equal(ravel_weights(fitted.network)[0], ends[-1])


def test_an_update_that_overflows_is_not_kept():
    """Loss and gradient are finite, the new weights are not."""
    data = jax.tree.map(lambda leaf: 1e3 * leaf.astype(jnp.float32), sequences())
    with pytest.raises(Diverged) as caught:
        train(
            network(dtype="float32", activation="identity"), data, method=sgd(1e38), epochs=3,
            batch_size=99, key=KEY,
        )  # fmt: skip
    assert finite(caught.value.fitted.network)


def test_a_gradient_that_is_not_finite_is_told_from_a_loss(float64):
    """sqrt has an infinite slope at a perfect fit."""
    net = jax.tree.map(jnp.zeros_like, network())
    data = Sequences(sequences().inputs, jnp.zeros((EXAMPLES, 1)))
    root = Loss("root", lambda outputs, targets: jnp.sqrt(squared_error(outputs, targets)))
    with pytest.raises(
        Diverged, match="a gradient or update that is not finite at step 1 of epoch 1"
    ):
        train(net, data, root, epochs=1, key=KEY)


def test_a_partial_batch_weighs_its_own_examples(float64):
    net, data = network(), sequences()
    each = example_gradients(net, data)
    assert_close(gradient_seen(net, data, 16), jax.tree.map(lambda g: g.mean(axis=0), each))
    order = data.plan(4, np.random.default_rng([*seed_integers(KEY), 0, 1]))
    rows = [row[row >= 0] for row in order]
    assert [len(row) for row in rows] == [4, 4, 3]
    expected = jax.tree.map(lambda g: sum(g[row].mean(axis=0) for row in rows), each)
    assert_close(gradient_seen(net, data, 4), expected)


def test_padded_steps_send_no_gradient_even_of_nan(float64):
    net, rng = network(last=False), np.random.default_rng(0)
    xs, ys = rng.normal(size=(2, TIME, 2)), rng.normal(size=(2, TIME, 1))
    lengths = np.array([TIME, 1])
    gone = (np.arange(TIME) >= lengths[:, None])[..., None]
    padded = [jnp.asarray(np.where(gone, np.nan, part)) for part in (xs, ys)]
    ours = gradient_seen(net, Sequences(*padded, jnp.asarray(lengths)))
    long = mean_gradient(net, jnp.asarray(xs[:1]), jnp.asarray(ys[:1]))
    short = mean_gradient(net, jnp.asarray(xs[1:, :1]), jnp.asarray(ys[1:, :1]))
    assert_close(ours, jax.tree.map(lambda a, b: (3 * np.asarray(a) + b) / 4, long, short))


def streams(chunk, time=4):
    rng = np.random.default_rng(0)
    xs, ys = rng.normal(size=(2, time, 2)), rng.normal(size=(2, time, 1))
    return Streams(jnp.asarray(xs), jnp.asarray(ys), jnp.ones((2, time)), chunk)


def test_streams_carry_the_state_from_chunk_to_chunk(float64):
    net = network(last=False)
    whole = streams(4)
    expected = error(net, whole)
    for chunk in (1, 2, 4):
        assert evaluate(net, streams(chunk)) == pytest.approx(expected, rel=1e-12)
    assert_close(gradient_seen(net, whole), mean_gradient(net, whole.inputs, whole.targets))


def test_no_gradient_crosses_a_border_between_chunks(float64):
    """Two chunks: the second starts from the first's final state, taken as a constant."""
    net, data = network(last=False), streams(2)

    @eqx.filter_jit
    @eqx.filter_grad
    def truncated(net, cut):
        total, state = 0.0, None
        for part in (slice(0, 2), slice(2, 4)):
            ys, state = net(data.inputs[:, part], state)
            stopped = jax.lax.stop_gradient(state)
            state = jax.tree.map(lambda s, h: jnp.where(cut, s, h), stopped, state)
            total = total + jnp.mean((ys - data.targets[:, part]) ** 2)
        return total

    ours = gradient_seen(net, data)
    assert_close(ours, truncated(net, jnp.array(True)))
    whole = truncated(net, jnp.array(False))
    assert not np.allclose(ours.cells[0].W, whole.cells[0].W)  # the cut can be seen


def test_truncated_gradient_by_hand(float64):
    """h1 = u x1, h2 = w h1 + u x2, y = v h: cut after h1, dE2/du has no w x1."""
    x, target = np.array([0.5, -2.0]), np.array([1.0, 0.3])
    u, w, v = 0.7, 0.9, 1.3
    net = network(input_size=1, hidden=1, activation="identity", last=False)
    net = eqx.tree_at(
        lambda n: (n.cells[0].U, n.cells[0].W, n.readout.layers[0].V, n.cells[0].b,
                   n.readout.layers[0].c),
        net,
        [jnp.full((1, 1), value) for value in (u, w, v)] + [jnp.zeros(1)] * 2,
    )  # fmt: skip
    data = [jnp.asarray(values)[None, :, None] for values in (x, target)]
    slope = gradient_seen(net, Streams(*data, jnp.ones((1, 2)), 1))
    h = np.array([u * x[0], w * u * x[0] + u * x[1]])
    error = 2 * (v * h - target)
    assert_close(slope.cells[0].U, [[error[0] * v * x[0] + error[1] * v * x[1]]])
    assert_close(slope.cells[0].W, [[error[1] * v * h[0]]])
    assert_close(slope.readout.layers[0].V, [[error @ h]])


def test_updates_between_chunks_start_from_the_carried_state(float64):
    """SGD on two chunks is two updates; the second from the state of the first weights."""
    net, data, rate = network(last=False), streams(2), 0.1

    @eqx.filter_jit
    @eqx.filter_grad(has_aux=True)
    def slope_of(net, xs, ys, state):
        outputs, after = net(xs, state)
        return jnp.mean((outputs - ys) ** 2), after

    wanted, state = net, net.initial_state(2)
    for part in (slice(0, 2), slice(2, 4)):
        parts = (data.inputs[:, part], data.targets[:, part])
        slope, state = slope_of(wanted, *parts, state)
        wanted = jax.tree.map(lambda p, g: p - rate * g, wanted, slope)
    done = train(net, data, method=sgd(rate), epochs=1, key=KEY)
    assert_close(done.network, wanted)


def test_on_epoch_can_stop(float64):
    done = plain(on_epoch=lambda _, rows: len(rows) == 3)
    assert done.stopped == "stopped after epoch 3"
    assert [row.epoch for row in done.history] == [1, 2, 3]


class InOrder(Sequences):
    """Examples that are never shuffled, so that a lone training sees what any member sees."""

    def plan(self, batch_size, rng):
        return super().plan(batch_size, None)


def member(fitted, i):
    """What an ensemble tells of one member, as if it had been alone."""
    network = jax.tree.map(lambda leaf: np.asarray(leaf)[i], fitted.network)
    rows = [row._replace(member=0) for row in fitted.history if row.member == i]
    return replace(fitted, network=network, history=rows, best_epochs=(fitted.best_epochs[i],))


@pytest.fixture(params=["at once", "in turn"])
def in_turn(request, monkeypatch):
    """Both ways to train an ensemble, whatever this machine would choose."""
    in_turn = request.param == "in turn"
    monkeypatch.setattr(
        sys.modules["throughtime.training.train"], "members_in_parallel", lambda _: not in_turn
    )
    return in_turn


def assert_as_alone(one, alone, in_turn):
    """Promised: to the bit where members take turns, else up to rounding."""
    if in_turn:
        assert_same_bits(one, alone)
    assert_close(one.network, alone.network)
    np.testing.assert_allclose(rows(one), rows(alone), rtol=1e-11)
    assert one.best_epochs == alone.best_epochs


def alone(stacked, i):
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[i]), stacked)


def test_the_first_member_of_an_ensemble_has_the_numbers_it_has_alone(lone, in_turn, float64):
    """Promised: member 0 draws the shuffles of a lone training. The others draw their own."""
    others = [network(seed=seed) for seed in (0, 0)]
    stacked = jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *others)
    together = plain(stacked, ensemble=2)
    assert_as_alone(member(together, 0), lone[0], in_turn)
    assert len(together.history) == 2 * EPOCHS and together.best_epochs[0] == 1
    one, other = (member(together, i).history for i in range(2))
    assert one[0].loss != other[0].loss  # of the same weights: the shuffles differ


def test_in_single_precision_a_member_is_as_alone_up_to_rounding(in_turn):
    data = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), sequences())
    stacked = Architecture(2, 1, "gru", 5, last=True).ensemble(3, 0)
    together = train(stacked, data, epochs=5, batch_size=4, ensemble=3, key=0)
    one = train(alone(stacked, 0), data, epochs=5, batch_size=4, key=0)
    assert_close(member(together, 0).network, one.network, 1e-5)


def test_a_member_that_stops_early_is_not_changed_by_the_others(in_turn, float64):
    """Promised: with the same batches every member has the numbers it has alone, whenever the
    others stop; and from when it stops its weights are the same to the bit."""
    data = InOrder(*jax.tree.leaves(sequences(8, slope=0.3)))
    options = {"epochs": 12, "patience": 2, "method": method("rmsprop", 0.03)}
    stacked = Architecture(2, 1, "rnn", 3, last=True, dtype="float64").ensemble(3, KEY)
    states = []
    together = plain(
        stacked, data, ensemble=3, **options,
        on_epoch=lambda state, _: states.append(jax.device_get(state)),
    )  # fmt: skip
    for i in range(3):
        assert_as_alone(member(together, i), plain(alone(stacked, i), data, **options), in_turn)
        ended = len(member(together, i).history)
        for state in states[ended:]:
            same = jax.tree.map(lambda a, b, i=i: np.array_equal(a[i], b[i]), state, states[-1])
            assert all(jax.tree.leaves(same))
    lengths = [len(member(together, i).history) for i in range(3)]
    assert len(set(lengths)) > 1, "the test needs members that stop at different epochs"


def test_an_ensemble_has_the_same_bits_again_and_when_resumed(in_turn, float64):
    stacked = Architecture(2, 1, "gru", 3, last=True, dtype="float64").ensemble(3, KEY)
    options = {"ensemble": 3, "method": method("adam", [0.1, 0.01, 0.001])}
    fitted, states = through(net=stacked, **options)
    assert_same_bits(fitted, plain(stacked, **options))
    assert_same_bits(fitted, plain(stacked, start=states[2], **options))


def test_every_member_has_its_own_rate_and_clip(in_turn, float64):
    """Each is what it is when trained alone with its numbers."""
    data, rates, clips = InOrder(*jax.tree.leaves(sequences())), [0.1, 0.01], [0.5, math.inf]
    stacked = Architecture(2, 1, "rnn", 3, last=True, dtype="float64").ensemble(2, KEY)
    for name in ("rmsprop", "nesterov"):
        search = method(name, jnp.array(rates), clip=np.array(clips))
        together = plain(stacked, data, ensemble=2, method=search, schedule="cosine")
        for i in range(2):
            own = method(name, rates[i], clip=clips[i])
            lone = plain(alone(stacked, i), data, method=own, schedule="cosine")
            assert_close(member(together, i).network, lone.network)
            factors = [0.5 * (1 + math.cos(math.pi * k / EPOCHS)) for k in range(EPOCHS)]
            for fitted in (member(together, i), lone):
                found = [row.rate for row in fitted.history]
                np.testing.assert_allclose(found, np.array(factors) * rates[i], rtol=1e-6)


def test_a_search_goes_on_without_a_member_that_diverges(in_turn, float64):
    data = InOrder(*jax.tree.leaves(sequences()))
    shape = Architecture(2, 1, "rnn", 3, activation="identity", last=True, dtype="float64")
    stacked, options = shape.ensemble(2, KEY), {"epochs": 200, "batch_size": 4, "key": KEY}
    found = train(stacked, data, method=method("sgd", [0.5, 0.01]), ensemble=2, **options)
    assert found.diverged == (0,) and finite(found.network)
    assert found.stopped == "all 200 epochs done; diverged: member 0"
    lost = member(found, 0).history
    assert len(lost) < 200 and not math.isfinite(lost[-1].loss + lost[-1].gradient_norm)
    lone = train(alone(stacked, 1), data, method=method("sgd", 0.01), **options)
    assert lone.diverged == () and len(member(found, 1).history) == 200
    assert_close(member(found, 1).network, lone.network, 1e-10)
    with pytest.raises(Diverged, match=r"a rate \(now 0\.[56]\) too large") as caught:
        train(stacked, data, method=method("sgd", [0.5, 0.6]), ensemble=2, **options)
    assert caught.value.fitted.diverged == (0, 1) and finite(caught.value.fitted.network)


def test_without_rates_of_its_own_a_member_that_diverges_ends_the_training(in_turn, float64):
    good = Architecture(2, 1, "rnn", 3, last=True, dtype="float64").ensemble(2, KEY)
    bad = jax.tree.map(lambda leaf: leaf.at[1].set(jnp.nan), good)
    with pytest.raises(Diverged, match="not finite at step 1 of epoch 1") as caught:
        plain(bad, ensemble=2)
    assert caught.value.fitted.diverged == (1,)


def test_members_are_trained_at_once_where_that_is_faster(monkeypatch):
    """By the kernels, which take built-in cells; on a CPU else in turn."""

    class Own(RNN):
        pass

    built_in = network(dtype="float32")
    own = Network((Own(2, 3, key=0),), Readout((Dense(3, 1, key=0),)))
    for available in (False, True):
        monkeypatch.setattr(native_kernels, "available", lambda available=available: available)
        assert members_in_parallel(built_in) == available and not members_in_parallel(own)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert members_in_parallel(own)


class Bare(Accumulate):
    """A method of the user's own: its state has no factor on the rate."""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, r"`epochs` must be at least 1; got 0\. Raise `epochs`\."),
        ({"batch_size": 0}, r"`batch_size` must be at least 1; got 0\."),
        ({"patience": 0, "validation": sequences}, r"`patience` must be at least 1; got 0\."),
        ({"patience": 3}, r"need validation data; got none\. Pass `validation`\."),
        ({"schedule": "plateau"}, r"need validation data; got none"),
        ({"schedule": "cosin"}, r"got cosin\. Did you mean `cosine`\?"),
        ({"loss": "cross_entropy"}, r"needs a network with a softmax output; got identity\."),
        ({"loss": "binary_cross_entropy"}, r'got identity\. .*`output="logistic"`'),
        ({"loss": "msee"}, r"got msee\. Did you mean `mse`\?"),
        ({"method": "adaam"}, r"got adaam\. Did you mean `adam`\?"),
        (
            {"method": Bare(), "schedule": "plateau", "validation": sequences},
            r"plateau schedule needs a method whose state has a `factor`; got Bare\.",
        ),
        ({"method": Bare(), "schedule": "cosine"}, r"cosine schedule needs .* got Bare\."),
        (
            {"method": method("adam", [0.1, 0.2])},
            r"got 2 of them and `ensemble` None\. Pass `ensemble=2`\.",
        ),
        (
            {"ensemble": 3},
            r"number of networks that are given; got 3 and one network\. Build them",
        ),
    ],
)
def test_bad_arguments(options, message, float64):
    options = {
        name: value() if value is sequences else value for name, value in options.items()
    }
    with pytest.raises(InputError) as caught:
        train(network(), sequences(), key=KEY, **options)
    assert re.search(message, str(caught.value)) and not isinstance(caught.value, Diverged)


def test_a_validation_loss_that_is_not_finite_is_not_silent():
    waves = jnp.sin(jnp.arange(60.0))[:, None]
    good = Windows(waves, jnp.zeros((60, 0)), jnp.arange(40), 5, 1)
    bad = Windows(waves.at[50].set(jnp.nan), jnp.zeros((60, 0)), jnp.arange(40, 54), 5, 1)
    network = Architecture(1, 1, cell="rnn", hidden=2, last=True).build(0)
    with pytest.raises(Diverged, match="a validation loss that is not finite after epoch 1"):
        train(network, good, validation=bad, epochs=2, key=0)


def test_streams_and_a_centred_network_do_not_go_together():
    streams = Streams.cut(jnp.ones((8, 1)), jnp.ones((8, 1)), 4)
    network = Architecture(1, 1, hidden=2, centred=1).build(0)
    with pytest.raises(InputError, match="cannot read streams"):
        train(network, streams, epochs=1, key=0)


@pytest.mark.parametrize(
    ("done", "failed", "said"),
    [
        ([3, 4], [True, True], "all members diverged"),
        ([2], [True], "the loss diverged"),
        ([9, 4], [False, True], "all 9 epochs done; diverged: member 1"),
    ],
)
def test_when_all_diverged_no_epoch_is_said_to_be_done(done, failed, said):
    state = SimpleNamespace(epoch=np.array(done), failed=np.array(failed))
    assert inspect.unwrap(stopping_reason)(SimpleNamespace(epochs=9, patience=2), state) == said


@pytest.mark.parametrize("ensemble", [None, 2])
def test_the_quantities_of_a_method_are_in_the_history(ensemble, float64):
    """As of the last update of each epoch, also where a member may be idle."""
    net = network()
    if ensemble:
        net = jax.tree.map(lambda *leaves: jnp.stack(leaves), net, network(1))
    done = train(
        net, sequences(), method=Counting(), epochs=2, batch_size=4, ensemble=ensemble, key=KEY
    )
    told = [(row.epoch, row.quantities) for row in done.history]
    members = ensemble or 1
    assert told == [(1, {"updates": 3})] * members + [(2, {"updates": 6})] * members
