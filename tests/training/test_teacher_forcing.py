"""Teacher forcing against closed forms: full is the trace, none is the rollout."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st

from throughtime.forecasting.forecaster import Forecaster
from throughtime.recurrence.network import Architecture
from throughtime.recurrence.rollout import rollout
from throughtime.training.batches import Batch, Sequences, Windows
from throughtime.training.epoch import flatten
from throughtime.training.methods import method
from throughtime.training.teacher_forced_unroll import fed_back
from throughtime.training.teacher_forcing import Forcing, forced, forcing
from throughtime.training.train import train

pytestmark = pytest.mark.usefixtures("float64")
CELLS = "rnn", "gru", "lstm"
cells = pytest.mark.parametrize("cell", CELLS)


def weights(text, time=20, done=0.0, warm=0, batch=3, seed=0):
    by = forcing(text)
    assert by is not None
    return np.asarray(by.weights((batch, time), done, jax.random.key(seed), warm))


def network(cell="gru", inputs=1, outputs=1, **settings):
    settings = {"hidden": 5, "init": "pytorch", "dtype": "float64"} | settings
    return Architecture(inputs, outputs, cell=cell, **settings).build(0)


def series(batch, time, features, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(batch, time, features)))


def test_sparse_forces_every_so_many_steps_after_the_warm_ones():
    m = weights("sparse:4", time=13, warm=3)[0]
    assert m.tolist() == [1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0]


def test_generalised_goes_from_one_weight_to_another():
    assert np.unique(weights("generalised:0.3", done=0.7)[:, 1:]) == pytest.approx([0.3])
    assert weights("generalised:1:0", done=0.25)[:, 1:] == pytest.approx(0.75)
    assert weights("generalised:1:0", done=1.0)[:, 1:].max() == 0


@pytest.mark.parametrize(("done", "free"), [(0, 1), (0.5, 10), (1, 19)])
def test_free_grows_from_one_step_to_all(done, free):
    m = weights("free", time=20, done=done)
    assert (m == 0).sum(axis=1).tolist() == [free] * 3
    assert (np.diff(m) <= 0).all()  # forced, then free


def test_free_grows_to_what_was_asked_for():
    assert (weights("free:7", done=1.0) == 0).sum(axis=1).tolist() == [7] * 3


def test_scheduled_forces_a_share_that_falls():
    shares = [weights("scheduled:0.2", 4000, done, batch=8).mean() for done in (0, 0.5, 1)]
    assert shares == pytest.approx([1, 0.6, 0.2], abs=0.01)
    a, b = weights("scheduled", 200, 0.5), weights("scheduled", 200, 0.5, seed=1)
    assert (a != b).any() and (a[0] != a[1]).any()


@given(
    st.sampled_from(
        ("scheduled", "scheduled:0.5", "sparse:3", "generalised:0.1", "free", "free:4")
    ),
    st.integers(0, 9),
    st.floats(0, 1),
)
def test_every_forcing_is_a_share_and_the_warm_steps_are_forced(text, warm, done):
    m = weights(text, time=10, done=done, warm=warm)
    assert m.min() >= 0 and m.max() <= 1
    assert (m[:, : warm + 1] == 1).all()


@cells
@pytest.mark.parametrize("settings", [{}, {"residual": 1}, {"centred": 1}, {"depth": 2}])
def test_what_is_forced_at_every_step_is_the_trace(cell, settings):
    net, xs = network(cell, **settings), series(3, 9, 1)
    lengths = jnp.asarray([9, 4, 7])
    ys, hs, state = fed_back(net, xs, jnp.ones((3, 9)), None, lengths)
    expected, hidden, final = net.trace(xs, None, lengths)
    counted = np.arange(9) < np.asarray(lengths)[:, None]
    np.testing.assert_allclose(ys[counted], expected[counted], atol=1e-12)
    for h, other in zip(hs, hidden, strict=True):
        np.testing.assert_allclose(h[counted], other[counted], atol=1e-12)
    for one, other in zip(jax.tree.leaves(state), jax.tree.leaves(final), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


@cells
@pytest.mark.parametrize("settings", [{}, {"residual": 2}, {"depth": 2}])
def test_what_is_never_forced_is_the_rollout(cell, settings):
    net, xs = network(cell, 3, 2, **settings), series(4, 16, 3)
    warm = 6
    m = jnp.broadcast_to(jnp.arange(16) < warm, (4, 16)).astype(float)
    ys, _, _ = fed_back(net, xs, m)
    # (the input at t is known for t + 1, and the last forecast needs one more)
    known = jnp.pad(xs[..., 2:], ((0, 0), (1, 1), (0, 0)))
    free = rollout(net, xs[:, :warm, :2], 16 - warm + 1, known, carry=True)
    np.testing.assert_allclose(ys[:, warm - 1 :], free, atol=1e-12)


def test_a_centred_network_is_fed_back_from_the_level_of_its_first_value():
    net, xs = network(centred=1), series(2, 8, 1)
    m = jnp.zeros((2, 8)).at[:, :3].set(1)
    moved = fed_back(net, xs + 5, m)[0]
    np.testing.assert_allclose(moved, fed_back(net, xs, m)[0] + 5, atol=1e-12)


@cells
def test_the_gradient_flows_through_what_is_fed_back(cell):
    net, xs = network(cell), series(2, 7, 1)
    m = jnp.full((2, 7), 0.4).at[:, 0].set(1)
    params, static = eqx.partition(net, eqx.is_inexact_array)

    def loss(params):
        return (fed_back(eqx.combine(params, static), xs, m)[0] ** 2).sum()

    slope = jax.grad(loss)(params)
    way = jax.tree.map(
        lambda w: jnp.asarray(np.random.default_rng(1).normal(size=w.shape)), params
    )
    h = 1e-6
    ahead, behind = (
        loss(jax.tree.map(lambda w, v, s=s: w + s * h * v, params, way)) for s in (1, -1)
    )
    along = sum(map(jnp.vdot, jax.tree.leaves(slope), jax.tree.leaves(way)))
    assert (ahead - behind) / (2 * h) == pytest.approx(float(along), rel=1e-6)


def test_the_steps_that_count_nothing_are_warm():
    ones = jnp.ones((2, 8, 1))
    batch = Batch(ones, ones, None, jnp.ones((2, 8)).at[:, :5].set(0))
    m = forced(batch, Forcing("generalised", (0.0,)), 0.0, jax.random.key(0)).forced
    assert m is not None and m[0].tolist() == [1] * 6 + [0] * 2
    each = batch._replace(weights=jnp.ones(2))
    m = forced(each, Forcing("generalised", (0.0,)), 0.0, jax.random.key(0)).forced
    assert m is not None and m[0].tolist() == [1] + [0] * 7


def windows(noise=0.05):
    ys = np.sin(0.3 * np.arange(160)) + noise * np.random.default_rng(0).normal(size=160)
    starts = jnp.arange(0, 120, 3)
    return Windows(
        jnp.asarray(ys[:, None]), jnp.zeros((160, 0)), starts, 30, 1, every=True, washout=8
    )


@pytest.mark.parametrize("text", ["scheduled", "sparse:5", "generalised:0.2", "free:12"])
@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_training_learns_with_each(text, cell):
    net, data = network(cell, hidden=8), windows()
    before = rollout_error(net, data)
    settings = {"method": method("adam", 0.02, clip=1.0), "forcing": text, "epochs": 40}
    done = train(net, data, batch_size=8, validation=data, key=0, **settings)
    assert done.history[-1].validation_loss < done.history[0].validation_loss / 2
    assert rollout_error(done.network, data) < before / 5
    again = train(net, data, batch_size=8, validation=data, key=0, **settings)
    assert [row.loss for row in again.history] == [row.loss for row in done.history]


def rollout_error(net, data):
    xs = data.batch(jnp.arange(len(data.starts))).inputs
    return float(jnp.mean((rollout(net, xs[:, :10], 20, carry=True) - xs[:, 10:]) ** 2))


def test_free_running_at_the_end_is_what_is_judged():
    """With the loss of the last epoch's forcing, of which the validation is."""
    net, data = network(hidden=6), windows()
    seen = []
    train(
        net, data, forcing="generalised:1:0", epochs=1, batch_size=8, validation=data, key=0,
        method="sgd", on_epoch=lambda state, history: seen.append((state, history)),
    )  # fmt: skip
    state, history = seen[0]
    trained = flatten(net)[1](np.asarray(state.params))
    batch = data.batch(jnp.arange(len(data.starts)))
    m = jnp.ones((1, 30)) * (jnp.arange(30) <= 8)
    ys = fed_back(trained, batch.inputs, jnp.broadcast_to(m, (len(data.starts), 30)))[0]
    expected = float(jnp.mean((ys - batch.targets)[:, 8:] ** 2))
    assert history[0].validation_loss == pytest.approx(expected, rel=1e-12)


def test_members_of_an_ensemble_are_as_trained_alone():
    shape = Architecture(1, 1, cell="gru", hidden=4, dtype="float64")
    networks, data = shape.ensemble(2, key=0), windows()
    both = train(networks, data, forcing="sparse:3", ensemble=2, epochs=2, batch_size=8, key=3)
    first = jax.tree.map(lambda w: w[0], eqx.filter(networks, eqx.is_inexact_array))
    alone = eqx.combine(first, networks)
    one = train(alone, data, forcing="sparse:3", epochs=2, batch_size=8, key=3)
    losses = [row.loss for row in both.history if row.member == 0]
    assert losses == pytest.approx([row.loss for row in one.history], rel=1e-10)


def test_a_forecaster_takes_a_forcing_and_keeps_it(tmp_path):
    ys = np.sin(0.3 * np.arange(200))
    settings = {"window": 20, "epochs": 3, "hidden": 4, "ensemble": 2, "cell": "rnn"}
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
    rule = "what is fed back must be the next input"
    for net in (
        network(outputs=2),
        network(last=True),
        network(inputs=3, outputs=2, centred=1),
    ):
        with refuses(rule):
            fed_back(net, series(1, 5, net.input_size), jnp.ones((1, 5)))
    data = Sequences(series(2, 5, 1), series(2, 5, 2))
    with refuses(rule):
        train(network(outputs=2), data, forcing="free", key=0)
    with refuses("one step ahead"):
        Forecaster(horizon=2, forcing="free").fit(np.arange(100.0))
    with refuses("fitted by linear regression"):
        Forecaster(cell="esn", forcing="free").fit(np.arange(100.0))


def test_a_free_run_ends_where_its_sequence_ends():
    """A padded sequence is free over the same steps as it is alone."""
    by = forcing("free:4")
    assert by is not None
    alone = by.weights((1, 6), 1.0, None, 0)[0]
    padded = by.weights((2, 12), 1.0, None, 0, jnp.asarray([6, 12]))
    np.testing.assert_array_equal(padded[0, :6], alone)
    assert (padded == 0).sum(axis=1).tolist() == [4 + 6, 4]  # (what is padding counts nothing)


def test_validation_takes_the_mean_of_what_is_random():
    by = forcing("scheduled:0.25")
    assert by is not None
    m = np.asarray(by.weights((3, 9), 1.0, None, 2))
    assert (m[:, :3] == 1).all() and m[:, 3:] == pytest.approx(0.25)
    net, data = network(hidden=4), windows()
    still = {"method": method("sgd", 1e-30), "forcing": "scheduled:0.5", "epochs": 1}
    fits = [train(net, data, batch_size=b, validation=data, key=0, **still) for b in (4, 16)]
    losses = [fitted.history[0].validation_loss for fitted in fits]
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)


@pytest.mark.parametrize("text", ["free:inf", "sparse:inf", "sparse:nan"])
def test_numbers_without_an_end_are_refused(text):
    with refuses(f"`{text}`"):
        forcing(text)
