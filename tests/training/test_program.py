"""A program is compiled once for each architecture, shape, method and precision."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compilations import compilations
from hypothesis import given
from hypothesis import strategies as st

from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.rollouts import blocks_of_program
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.cells import RNN
from throughtime.recurrence.network import Dense, Network, Readout
from throughtime.training.batches import Sequences
from throughtime.training.losses import Loss
from throughtime.training.methods import METHODS, WITH_MOMENTUM, method
from throughtime.training.objective import ravel_weights
from throughtime.training.train import train

pytestmark = pytest.mark.usefixtures("quick_compile")


def data(seed, examples=7):
    rng = np.random.default_rng(seed)
    xs, ys = rng.normal(size=(examples, 3, 2)), rng.normal(size=(examples, 1))
    return Sequences(*jax.device_put((xs.astype(np.float32), ys.astype(np.float32))))


def shape(hidden=3, **options):
    return Architecture(2, 1, cell="rnn", hidden=hidden, last=True, **options)


def trained(seed, chosen="adam", network=None, **options):
    """A training whose data, first weights and shuffling follow from the seed."""
    network = shape().build(seed) if network is None else network
    options = {"epochs": 1, "batch_size": 4, **options}
    return train(network, data(seed), method=chosen, key=seed, **options)


@pytest.mark.parametrize("name", METHODS)
def test_another_training_of_the_same_kind_compiles_nothing(name):
    numbers = [{}, {}] if name == "hessian_free" else [
        {"rate": 1e-2, "clip": 2.0}, {"rate": 3e-3, "clip": 1.0}
    ]  # fmt: skip
    if name in WITH_MOMENTUM:
        numbers = [{**one, "mu": mu} for one, mu in zip(numbers, (0.8, 0.5), strict=True)]
    first, second = (method(name, **one) for one in numbers)
    kept = {"validation": data(9, 5), "patience": 3, "schedule": "constant"}
    trained(0, first, epochs=2, **kept)
    with compilations() as compiled:
        trained(1, second, epochs=4, **kept | {"patience": 1})
    assert not compiled


def test_the_members_of_an_ensemble_are_one_program_too():
    rates = [[1e-2, 1e-3], [3e-2, 3e-3]]
    ensembles = [shape().ensemble(2, key) for key in (0, 1)]
    trained(0, method("adam", rates[0]), ensembles[0], ensemble=2)
    with compilations() as compiled:
        trained(1, method("adam", rates[1]), ensembles[1], ensemble=2)
    assert not compiled


@pytest.mark.parametrize(
    "other",
    [
        lambda: trained(1, network=shape(hidden=4).build(1)),
        lambda: trained(1, network=shape(activation="relu").build(1)),
        lambda: trained(1, network=shape(dtype="float64").build(1)),
        lambda: trained(1, "sgd"),
        lambda: trained(1, loss="mae"),
        lambda: trained(1, batch_size=3),
    ],
)
def test_another_kind_of_training_has_a_program_of_its_own(other):
    jax.clear_caches()
    trained(0)
    with compilations() as compiled:
        other()
    assert compiled


def test_a_shared_program_computes_with_the_numbers_that_it_is_given():
    """One step of gradient descent is proportional to its rate."""
    start, ends = shape().build(0), []
    for rate in (0.01, 0.03):
        fitted = trained(0, method("sgd", rate), start, batch_size=7)
        ends.append(ravel_weights(fitted.network)[0])
    before = ravel_weights(start)[0]
    np.testing.assert_allclose(ends[1] - before, 3 * (ends[0] - before), rtol=2e-3, atol=1e-6)


def test_a_loss_of_ones_own_is_read_anew_by_each_training():
    scale = 1.0

    def scaled(ys, targets):
        return scale * jnp.mean((ys - targets) ** 2, axis=-1)

    losses = [trained(0, loss=Loss("scaled", scaled)).history[0].loss]
    scale = 4.0
    losses.append(trained(0, loss=Loss("scaled", scaled)).history[0].loss)
    assert losses[1] == pytest.approx(4 * losses[0], rel=1e-5)


class Listed(RNN):
    """A cell with a field that has no hash."""

    names: list[str] = eqx.field(static=True)

    def __init__(self, input_size, hidden_size, *, key):
        super().__init__(input_size, hidden_size, key=key)
        self.names = ["x", "h"]


def test_a_cell_that_cannot_be_compared_is_trained_all_the_same():
    own = Network((Listed(2, 3, key=0),), Readout((Dense(3, 1, key=0),), last=True))
    alike = Network((RNN(2, 3, key=0),), Readout((Dense(3, 1, key=0),), last=True))
    found = [ravel_weights(trained(0, network=each).network)[0] for each in (own, alike)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def series():
    rng = np.random.default_rng(0)
    return np.sin(np.arange(60) / 4) + 0.1 * rng.normal(size=(2, 60))


PLAIN = {"core": None, "prior": None, "hidden": 3, "window": 8, "ensemble": 2, "epochs": 1}


def test_another_fit_and_forecast_compile_nothing(series):
    Forecaster(**PLAIN).fit(series[0]).predict(5)
    with compilations() as compiled:
        Forecaster(**PLAIN, rate=1e-2, seed=3).fit(series[1]).predict(6)
    assert not compiled


@pytest.mark.parametrize("horizon", [1, 4])
def test_the_first_steps_do_not_depend_on_how_many_are_asked_for(series, horizon):
    model = Forecaster(**PLAIN, horizon=horizon).fit(series[0])
    longest = model.predict(13).mean
    for steps in (1, 5, 8):
        np.testing.assert_allclose(model.predict(steps).mean, longest[:steps], rtol=1e-5)


@given(st.integers(1, 10**6))
def test_the_blocks_of_a_program_are_at_most_half_as_many_again(blocks):
    run = blocks_of_program(blocks)
    assert blocks <= run < 1.5 * blocks + 1 and blocks_of_program(run) == run
