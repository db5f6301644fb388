"""Ensembles as networks: the mean of their members, stacked and taken apart; precision."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from fast_compilation import quick_jit

from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.cells import GRU, LSTM
from throughtime.recurrence.ensemble import split_networks, stack_networks
from throughtime.recurrence.network import Dense, Network, Readout
from throughtime.recurrence.rollout import rollout
from throughtime.training.batches import Sequences
from throughtime.training.train import evaluate, first_state, train

pytestmark = pytest.mark.usefixtures("quick_compile")
XS = np.random.default_rng(0).normal(size=(5, 7, 2))


@quick_jit
def run(network, *arguments):
    return network(*arguments)


@quick_jit
def free(network, xs):
    return rollout(network, xs, 2, carry=True)


def build(cell="gru", members=3, **options):
    shape = Architecture(2, 2, cell=cell, hidden=4, dtype="float64", **options)
    return shape.ensemble(members, 0)


@pytest.mark.parametrize("cell", ["lstm", "esn"])
def test_an_ensemble_is_the_mean_of_its_networks(cell):
    ensemble = build(cell, output="softmax", depth=2)
    xs = jnp.asarray(XS, jnp.float32)
    ys, state = run(ensemble, xs)
    alone = [run(network, xs) for network in ensemble.networks]
    np.testing.assert_allclose(ys, np.mean([y for y, _ in alone], axis=0), atol=1e-14)
    np.testing.assert_allclose(np.asarray(ys).sum(axis=-1), 1, atol=1e-14)
    for i, (_, final) in enumerate(alone):
        own = jax.tree.map(lambda s, i=i: s[i], state)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-14), own, final)
    first, carried = run(ensemble, xs[:, :3])
    second, _ = run(ensemble, xs[:, 3:], carried)
    both = np.concatenate([first, second], axis=1)
    np.testing.assert_allclose(both, ys, atol=1e-14)
    assert (ensemble.members, ensemble.input_size, ensemble.output_size) == (3, 2, 2)
    zeros = ensemble.initial_state(5)
    np.testing.assert_array_equal(run(ensemble, xs, zeros)[0], ys)


def test_an_ensemble_runs_free_by_its_mean():
    ensemble, context = build(), jnp.asarray(XS[:, :4], jnp.float32)
    two = free(ensemble, context)

    def mean(xs):
        outputs = [np.asarray(run(network, xs)[0]) for network in ensemble.networks]
        return np.mean(outputs, axis=0)[:, -1]

    first = mean(context)
    np.testing.assert_allclose(two[:, 0], first, atol=1e-14)
    read = np.concatenate([context, first[:, None]], axis=1)
    with jax.enable_x64(True):
        np.testing.assert_allclose(two[:, 1], mean(jnp.asarray(read)), atol=1e-14)


def test_stacking_and_splitting_are_inverse():
    ensemble = build("lstm", members=4)
    members = split_networks(ensemble)
    assert len(members) == 4 and all(member.members is None for member in members)
    again = stack_networks(members)
    assert eqx.tree_equal(again, ensemble)
    assert members[0].networks == [members[0]]
    for i in (0, 3):  # a member is the network of its own seed
        alone = Architecture(2, 2, cell="lstm", hidden=4, dtype="float64").build(
            np.random.default_rng([0, i])
        )
        assert eqx.tree_equal(members[i], alone)


def test_a_number_that_is_no_array_is_no_weight():
    """It stays as it is, the same for all members, and is not trained."""

    class Leaky(GRU):
        leak: float

        def __init__(self, leak, key):
            super().__init__(1, 3, key=key)
            self.leak = leak

    def one(seed, leak=0.5):
        cell = Leaky(leak, seed)
        return Network((cell,), Readout((Dense(3, 1, key=seed),)))

    ensemble = stack_networks([one(0), one(1)])
    assert ensemble.cells[0].leak == 0.5 and ensemble.cells[0].W.shape == (2, 9, 3)  # pyright: ignore
    with refuses("must differ in the values of their weights alone"):
        stack_networks([one(0), one(1, 0.6)])
    with refuses("must differ in the values of their weights alone"):
        stack_networks([build(members=1), build("rnn", members=1)])


def test_what_takes_one_network_refuses_an_ensemble():
    ensemble = build()
    data = Sequences(jnp.asarray(XS), jnp.asarray(XS))
    with refuses("takes one network; got an ensemble of 3. Pass one of its `networks`"):
        ensemble.trace(jnp.asarray(XS))
    with refuses("`ensemble` must be the number of networks that are given; got None and 3"):
        train(ensemble, data, key=0)
    with refuses("got 2 and 3 networks. Pass `ensemble=3`"):
        train(ensemble, data, ensemble=2, key=0)
    wrong = eqx.tree_at(lambda n: n.cells[0].b, ensemble, jnp.zeros(12))
    with refuses("each of the 3 networks must have weights of its own; got weights of 3, 12"):
        train(wrong, data, ensemble=3, key=0)


def test_a_fitted_ensemble_is_called_and_its_networks_are_listed():
    ensemble, xs = build(), jnp.asarray(XS, jnp.float32)
    fitted = train(ensemble, Sequences(xs, xs), ensemble=3, epochs=2, key=0)
    alone = [run(network, xs)[0] for network in fitted.networks]
    np.testing.assert_allclose(run(fitted.network, xs)[0], np.mean(alone, axis=0), atol=1e-14)
    single = train(fitted.networks[1], Sequences(xs, xs), epochs=1, key=0)
    assert single.networks == [single.network]


@pytest.mark.parametrize("cell", ["gru", "esn"])
def test_float64_means_float64_whatever_the_flag_of_jax_says(cell):
    shape = Architecture(2, 2, cell=cell, hidden=4, dtype="float64")
    data = Sequences(jnp.asarray(XS, jnp.float32), jnp.asarray(XS[..., :2], jnp.float32))

    def results():
        network = shape.build(0)
        xs = data.inputs
        ys, state = network(xs)
        jitted = run(network, xs)[0]
        ahead = free(network, xs)
        loss = evaluate(network, data)
        fitted = train(network, data, epochs=3, key=0)
        begin = first_state(network)
        weights = jax.tree.leaves(fitted.network)
        return ys, jitted, ahead, begin.params, *jax.tree.leaves(state), *weights, loss

    found = results()
    with jax.enable_x64(True):
        expected = results()
    for one, other in zip(found, expected, strict=True):
        assert np.asarray(one).dtype == np.float64
        np.testing.assert_array_equal(one, other)


def test_layers_must_fit_on_each_other():
    readout = Readout((Dense(4, 1, key=0),))
    lower, upper = GRU(2, 6, key=0), LSTM(5, 4, key=0)
    with refuses("LSTM must read the 6 units of GRU below it; got an input size of 5. Build"):
        Network((lower, upper), readout)
    with refuses("the readout must read the 6 units of GRU below it; got an input size of 4"):
        Network((lower,), readout)
    with refuses("a cell and a readout of a layer, or more of each; got 0 cells"):
        Network((), readout)
