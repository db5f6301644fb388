"""Teacher forcing against closed forms: full is the trace, none is the rollout."""

from functools import cache, partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st

from throughtime.forecasting.forecaster import Forecaster
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.rollout import rollout
from throughtime.training.batches import Batch, Sequences, Streams, Windows
from throughtime.training.epoch import mean_loss
from throughtime.training.losses import loss
from throughtime.training.methods import method
from throughtime.training.objective import Objective, ravel_weights
from throughtime.training.teacher_forced_unroll import teacher_forced_unroll
from throughtime.training.teacher_forcing import Forcing, add_forcing, forcing
from throughtime.training.train import train

pytestmark = pytest.mark.usefixtures("quick_compile", "float64")
CELLS = "rnn", "gru", "lstm"
KEY = jax.random.key(0)
cells = pytest.mark.parametrize("cell", CELLS)


@partial(jax.jit, static_argnums=(0, 1))
def compiled_weights(chosen, shape, progress, key, warmup, lengths=None):
    return chosen.weights(shape, progress, key, warmup, lengths)


def weights(text, time=20, progress=0.0, warmup=0, batch=3, key=KEY):
    chosen = forcing(text)
    return np.asarray(compiled_weights(chosen, (batch, time), progress, key, warmup))


def network(cell="gru", inputs=1, outputs=1, seed=0, **settings):
    settings = {"hidden": 5, "init": "pytorch", "dtype": "float64"} | settings
    return Architecture(inputs, outputs, cell=cell, **settings).build(seed)


def series(batch, time, features, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(batch, time, features)))


def test_sparse_forces_every_so_many_steps_after_the_warm_ones():
    m = weights("sparse:4", time=13, warmup=3)[0]
    assert m.tolist() == [1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0]


def test_generalised_goes_from_one_weight_to_another():
    assert np.unique(weights("generalised:0.3", progress=0.7)[:, 1:]) == pytest.approx([0.3])
    assert weights("generalised:1:0", progress=0.25)[:, 1:] == pytest.approx(0.75)
    assert weights("generalised:1:0", progress=1.0)[:, 1:].max() == 0


@pytest.mark.parametrize(("progress", "free"), [(0.0, 1), (0.5, 10), (1.0, 19)])
def test_free_grows_from_one_step_to_all(progress, free):
    m = weights("free", time=20, progress=progress)
    assert (m == 0).sum(axis=1).tolist() == [free] * 3
    assert (np.diff(m) <= 0).all()  # forced, then free


def test_free_grows_to_what_was_asked_for():
    assert (weights("free:7", progress=1.0) == 0).sum(axis=1).tolist() == [7] * 3


def test_scheduled_forces_a_share_that_falls():
    shares = [
        weights("scheduled:0.2", 4000, progress, batch=8).mean() for progress in (0.0, 0.5, 1.0)
    ]
    assert shares == pytest.approx([1, 0.6, 0.2], abs=0.01)
    a, b = weights("scheduled", 200, 0.5), weights("scheduled", 200, 0.5, key=jax.random.key(1))
    assert (a != b).any() and (a[0] != a[1]).any()


@given(
    st.sampled_from(
        ("scheduled", "scheduled:0.5", "sparse:3", "generalised:0.1", "free", "free:4")
    ),
    st.integers(0, 9),
    st.floats(0, 1),
)
def test_every_forcing_is_a_share_and_the_warm_steps_are_forced(text, warmup, progress):
    m = weights(text, time=10, progress=progress, warmup=warmup)
    assert m.min() >= 0 and m.max() <= 1
    assert (m[:, : warmup + 1] == 1).all()


@cells
@pytest.mark.parametrize("settings", [{}, {"residual": 1}, {"centred": 1}, {"depth": 2}])
def test_what_is_forced_at_every_step_is_the_trace(cell, settings):
    net, xs = network(cell, **settings), series(3, 9, 1)
    lengths = jnp.asarray([9, 4, 7])

    @eqx.filter_jit
    def both(net):
        forced = teacher_forced_unroll(net, xs, jnp.ones((3, 9)), None, lengths)
        return forced, net.trace(xs, None, lengths)

    (ys, hs, state), (expected, hidden, final) = both(net)
    inside = np.arange(9) < np.asarray(lengths)[:, None]
    np.testing.assert_allclose(ys[inside], expected[inside], atol=1e-12)
    for h, other in zip(hs, hidden, strict=True):
        np.testing.assert_allclose(h[inside], other[inside], atol=1e-12)
    for one, other in zip(jax.tree.leaves(state), jax.tree.leaves(final), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


@cells
@pytest.mark.parametrize("settings", [{}, {"residual": 2}, {"depth": 2}])
def test_what_is_never_forced_is_the_rollout(cell, settings):
    net, xs = network(cell, 3, 2, **settings), series(4, 16, 3)
    warm = 6
    m = jnp.broadcast_to(jnp.arange(16) < warm, (4, 16)).astype(float)
    # (the input at t is known for t + 1, and the last forecast needs one more)
    known = jnp.pad(xs[..., 2:], ((0, 0), (1, 1), (0, 0)))

    @eqx.filter_jit
    def both(net):
        free = rollout(net, xs[:, :warm, :2], 16 - warm + 1, known, carry=True)
        return teacher_forced_unroll(net, xs, m)[0], free

    ys, free = both(net)
    np.testing.assert_allclose(ys[:, warm - 1 :], free, atol=1e-12)


def test_a_centred_network_is_fed_back_from_the_level_of_its_first_value():
    net, xs = network(centred=1), series(2, 8, 1)
    m = jnp.zeros((2, 8)).at[:, :3].set(1)
    run = eqx.filter_jit(lambda xs: teacher_forced_unroll(net, xs, m)[0])
    np.testing.assert_allclose(run(xs + 5), run(xs) + 5, atol=1e-12)


@cells
def test_the_gradient_flows_through_what_is_fed_back(cell):
    net, xs = network(cell), series(2, 7, 1)
    m = jnp.full((2, 7), 0.4).at[:, 0].set(1)
    params, static = eqx.partition(net, eqx.is_inexact_array)

    @jax.jit
    @jax.value_and_grad
    def loss(params):
        return (teacher_forced_unroll(eqx.combine(params, static), xs, m)[0] ** 2).sum()

    gradient = loss(params)[1]
    random = np.random.default_rng(1)
    direction = jax.tree.map(lambda w: jnp.asarray(random.normal(size=w.shape)), params)
    h = 1e-6
    ahead, behind = (
        loss(jax.tree.map(lambda w, v, s=s: w + s * h * v, params, direction))[0]
        for s in (1, -1)
    )
    along = sum(map(jnp.vdot, jax.tree.leaves(gradient), jax.tree.leaves(direction)))
    assert (ahead - behind) / (2 * h) == pytest.approx(float(along), rel=1e-6)


def test_the_steps_that_count_nothing_are_warm():
    ones = jnp.ones((2, 8, 1))
    batch = Batch(ones, ones, None, jnp.ones((2, 8)).at[:, :5].set(0))
    each = batch._replace(weights=jnp.ones(2))
    free = Forcing("generalised", (0.0,))
    add = jax.jit(lambda batch: add_forcing(batch, free, 0.0, None).forcing_weights)
    assert add(batch)[0].tolist() == [1] * 6 + [0] * 2
    assert add(each)[0].tolist() == [1] + [0] * 7


def windows(noise=0.05):
    ys = np.sin(0.3 * np.arange(160)) + noise * np.random.default_rng(0).normal(size=160)
    starts = jnp.arange(0, 120, 3)
    return Windows(
        jnp.asarray(ys[:, None]), jnp.zeros((160, 0)), starts, 30, 1, every=True, washout=8
    )


LEARNING = {"method": method("adam", 0.02, clip=1.0), "epochs": 40, "batch_size": 8, "key": 0}


@cache
def learn(text, cell):
    """A training, and its states after each epoch."""
    states, data = [], windows()
    done = train(
        network(cell, hidden=8), data, forcing=text, validation=data, **LEARNING,
        on_epoch=lambda state, _: states.append(jax.device_get(state)),
    )  # fmt: skip
    return done, states


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("scheduled", "lstm"),
        ("sparse:5", "rnn"),
        ("generalised:0.2", "gru"),
        ("free:12", "rnn"),
    ],
)
def test_training_learns_with_each(text, cell):
    """A forcing does not depend on the cell, so each is paired with one."""
    net, data = network(cell, hidden=8), windows()
    done, _ = learn(text, cell)
    assert done.history[-1].validation_loss < done.history[0].validation_loss / 2
    assert rollout_error(done.network, data) < rollout_error(net, data) / 5
    again, _ = learn.__wrapped__(text, cell)
    assert [row.loss for row in again.history] == [row.loss for row in done.history]


@eqx.filter_jit
def rollout_error(net, data):
    xs = data.batch(jnp.arange(len(data.starts))).inputs
    return jnp.mean((rollout(net, xs[:, :10], 20, carry=True) - xs[:, 10:]) ** 2)


@eqx.filter_jit
def forced_error(net, data, m):
    """The mean squared error after the washout, with weights m on the data."""
    batch = data.batch(jnp.arange(len(data.starts)))
    weights = jnp.broadcast_to(m, batch.inputs.shape[:2])
    ys, _, _ = teacher_forced_unroll(net, batch.inputs, weights)
    return jnp.mean((ys - batch.targets)[:, data.washout :] ** 2)


def test_the_validation_loss_is_that_of_the_last_epochs_forcing():
    """After the first epoch, in which one step was free, it has the last 12 steps free."""
    done, states = learn("free:12", "rnn")
    trained = ravel_weights(network("rnn", hidden=8))[1](np.asarray(states[0].params))
    m = jnp.where(jnp.arange(30) < 30 - 12, 1.0, 0.0)
    expected = float(forced_error(trained, windows(), m))
    assert done.history[0].validation_loss == pytest.approx(expected, rel=1e-12)


def test_members_of_an_ensemble_are_as_trained_alone():
    networks = [network("rnn", seed=seed, hidden=8) for seed in (0, 1)]
    stacked, data = jax.tree.map(lambda *w: jnp.stack(w), *networks), windows()
    both = train(
        stacked, data, forcing="sparse:5", ensemble=2, **LEARNING,
        on_epoch=lambda state, _: int(state.epoch[0]) == 2,
    )  # fmt: skip
    losses = [row.loss for row in both.history if row.member == 0]
    alone, _ = learn("sparse:5", "rnn")
    expected = [row.loss for row in alone.history[:2]]
    assert losses == pytest.approx(expected, rel=1e-10)


def test_a_forecaster_takes_a_forcing_and_keeps_it(tmp_path):
    ys = np.sin(0.3 * np.arange(200))
    settings = {"window": 20, "epochs": 3, "hidden": 4, "ensemble": 1, "cell": "rnn"}
    settings |= {"core": None, "prior": None}
    full = Forecaster(**settings).fit(ys)
    free = Forecaster(**settings, forcing="generalised:0.1").fit(ys)
    assert full.history_[-1].loss != free.history_[-1].loss
    free.save(tmp_path / "run")
    loaded = Forecaster.load(tmp_path / "run")
    assert loaded.forcing == "generalised:0.1"
    assert str(loaded.predict(5)) == str(free.predict(5))


def test_hessian_free_follows_a_forcing_too():
    net, data = network("rnn", hidden=6), windows()
    done = train(
        net, data, method="hessian_free", forcing="sparse:6", epochs=12, batch_size=40, key=0
    )
    assert done.history[-1].loss < done.history[0].loss / 2


@pytest.mark.parametrize(
    ("text", "got", "remedy"),
    [
        ("sprase:3", "sprase:3", "sparse"),
        ("sparse", "`sparse`", "`sparse:20`"),
        ("sparse:0", "`sparse:0`", "`sparse:20`"),
        ("sparse:2.5", "`sparse:2.5`", "`sparse:20`"),
        ("generalised", "`generalised`", "from 0 to 1"),
        ("generalised:1.2", "`generalised:1.2`", "from 0 to 1"),
        ("generalised:nan", "`generalised:nan`", "from 0 to 1"),
        ("generalised:a", "`generalised:a`", "from 0 to 1"),
        ("scheduled:0.5:0.1", "`scheduled:0.5:0.1`", "a share"),
        ("free:-1", "`free:-1`", "steps"),
        ("full:1", "`full:1`", "`full`"),
    ],
)
def test_a_forcing_that_is_not_one_is_refused(text, got, remedy):
    with refuses(remedy):
        forcing(text)
    with refuses(got):
        Forecaster(forcing=text).fit(np.arange(100.0))


def test_full_is_no_change():
    assert forcing("full") is None and forcing(None) is None


def test_what_cannot_be_fed_back_is_refused():
    rule = "a network that reads its own outputs must forecast one step ahead"
    for net in (
        network(outputs=2),
        network(last=True),
        network(inputs=3, outputs=2, centred=1),
    ):
        with refuses(rule):
            teacher_forced_unroll(net, series(1, 5, net.input_size), jnp.ones((1, 5)))
    data = Sequences(series(2, 5, 1), series(2, 5, 2))
    with refuses(rule):
        train(network(outputs=2), data, forcing="free", key=0)
    with refuses("one step ahead"):
        Forecaster(horizon=2, forcing="free").fit(np.arange(100.0))
    with refuses("fitted by linear regression"):
        Forecaster(cell="esn", forcing="free").fit(np.arange(100.0))


def test_a_free_run_ends_where_its_sequence_ends():
    """A padded sequence is free over the same steps as it is alone."""
    chosen = forcing("free:4")
    alone = compiled_weights(chosen, (1, 6), 1.0, None, 0)[0]
    padded = compiled_weights(chosen, (2, 12), 1.0, None, 0, jnp.asarray([6, 12]))
    np.testing.assert_array_equal(padded[0, :6], alone)
    assert (padded == 0).sum(axis=1).tolist() == [4 + 6, 4]  # (what is padding counts nothing)


def test_validation_takes_the_mean_of_what_is_random():
    m = weights("scheduled:0.25", time=9, progress=1.0, warmup=2, key=None)
    assert (m[:, :3] == 1).all() and m[:, 3:] == pytest.approx(0.25)
    data, chosen = windows(), forcing("scheduled:0.5")
    vector, rebuild = ravel_weights(network("rnn", hidden=6))
    objective, vector = Objective(loss("mse"), rebuild), jnp.asarray(vector)

    @partial(jax.jit, static_argnums=0)
    def validate(batch_size):
        return mean_loss(objective, vector, data, batch_size, chosen)

    m = jnp.where(jnp.arange(30) <= 8, 1.0, 0.5)
    expected = float(forced_error(rebuild(vector), data, m))
    for batch_size in (4, 16):
        assert float(validate(batch_size)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("text", ["free:inf", "sparse:inf", "sparse:nan"])
def test_numbers_without_an_end_are_refused(text):
    with refuses(f"`{text}`"):
        forcing(text)


def test_a_chunk_that_does_not_count_is_forced_as_a_whole():
    """A stream is read into its state until it counts, whatever the streams beside it do."""
    net, xs, ys = network("gru"), series(2, 12, 1), series(2, 12, 1, seed=1)
    counts = jnp.arange(12) >= jnp.array([[8], [4]])
    streams = Streams(xs, ys, counts.astype(float), chunk=4)
    vector, rebuild = ravel_weights(net)
    objective = Objective(loss("mse"), rebuild)

    @jax.jit
    def both(vector):
        total = 0.0
        for row, free_from in ((0, 8), (1, 4)):
            x = xs[row : row + 1]
            _, state = net(x[:, :free_from])
            for first in range(free_from, 12, 4):  # each chunk begins with a step of data
                m = (jnp.arange(4) == 0).astype(float)[None]
                part = slice(first, first + 4)
                out, _, state = teacher_forced_unroll(net, x[:, part], m, state)
                total += jnp.sum((out - ys[row, part]) ** 2)
        return total / 12, mean_loss(objective, vector, streams, 1, forcing("generalised:0"))

    expected, found = both(jnp.asarray(vector))
    assert float(found) == pytest.approx(float(expected), rel=1e-12)


def frozen(seed, copies=4, ensemble=None):
    """The losses of a network that does not move, by epoch: what is random is the forcing."""
    data = windows()
    ys = jnp.tile(data.batch(jnp.array([0])).inputs, (copies, 1, 1))
    nets = network("rnn")
    if ensemble:
        nets = jax.tree.map(lambda w: jnp.stack([w] * ensemble), nets)
    done = train(
        nets, Sequences(ys, ys), method=method("sgd", 1e-300), forcing="scheduled:0.5",
        epochs=4, batch_size=4, ensemble=ensemble, key=seed,
    )  # fmt: skip
    return [row.loss for row in done.history]


def test_what_is_random_follows_from_the_seed_the_member_and_the_step():
    one, other = frozen(0), frozen(1)
    assert one == frozen(0)
    assert one[0] == pytest.approx(other[0], rel=1e-12)  # all data: nothing is random yet
    assert not set(one[1:]) & set(other[1:])
    two_batches = frozen(0, copies=8)  # of the same sequences, but not of the same forcing
    assert not set(one[1:]) & set(two_batches[1:])
    first, second = np.reshape(frozen(0, ensemble=2), (4, 2)).T
    assert first == pytest.approx(one, rel=1e-12) and not set(first[1:]) & set(second[1:])
