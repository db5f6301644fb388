"""The epoch: weights as one vector and back, and when a training is over."""

from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.cells import RNN
from throughtime.recurrence.network import Dense, Network, Readout, count_parameters
from throughtime.training.batches import Batch
from throughtime.training.epoch import Epoch, TrainState
from throughtime.training.losses import loss
from throughtime.training.methods import method
from throughtime.training.objective import Objective, ravel_weights

SHAPES = {
    "rnn": Architecture(2, 1, "rnn", 3, last=True, residual=1),
    "deep": Architecture(2, 3, "gru", 3, depth=2, dense=(4,), output="softmax"),
    "float64": Architecture(2, 1, "lstm", 3, dtype="float64"),
}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


class Counted(RNN):
    """A user's own cell that holds whole numbers: no weights."""

    table: jax.Array

    def __init__(self, *sizes, key):
        super().__init__(*sizes, key=key)
        self.table = jnp.arange(5)


@every_shape
def test_flatten_and_back(shape, float64):
    network = shape.build(0)
    vector, rebuild = ravel_weights(network)
    assert vector.shape == (count_parameters(network),) and vector.dtype == jnp.dtype(
        shape.dtype
    )
    assert eqx.tree_equal(rebuild(vector), network)  # to the bit, with all that is static
    again, _ = ravel_weights(rebuild(vector))
    np.testing.assert_array_equal(again, vector)
    leaves = [np.ravel(leaf) for leaf in jax.tree.leaves(network)]
    np.testing.assert_array_equal(vector, np.concatenate(leaves))


@every_shape
def test_the_way_back_takes_any_vector(shape, float64):
    """Also of another network of the same shape."""
    _, rebuild = ravel_weights(shape.build(0))
    other = shape.build(1)
    assert eqx.tree_equal(rebuild(ravel_weights(other)[0]), other)


def test_what_is_no_weight_stays_beside_the_vector():
    cell = Counted(2, 3, key=0)
    network = Network((cell,), Readout((Dense(3, 1, key=0),)))
    vector, rebuild = ravel_weights(network)
    assert vector.size == count_parameters(network) == 3 * 2 + 3 * 3 + 3 + 3 + 1
    back = rebuild(jnp.zeros_like(vector))
    np.testing.assert_array_equal(back.cells[0].table, np.arange(5))
    assert not any(np.any(leaf) for leaf in (back.cells[0].U, back.readout.layers[0].V))


def test_the_objective_of_the_vector_is_the_loss_of_the_network(float64):
    """Value and gradient, the gradient in the vector's order."""
    network = Architecture(2, 1, "rnn", 3, last=True, dtype="float64").build(0)
    rng = np.random.default_rng(0)
    xs, ys = jnp.asarray(rng.normal(size=(4, 3, 2))), jnp.asarray(rng.normal(size=(4, 1)))
    vector, rebuild = ravel_weights(network)
    objective = Objective(loss("mse"), rebuild)

    @jax.jit
    def both(vector, network):
        weights = jnp.array([1.0, 1.0, 1.0, 0.0])
        ours = jax.value_and_grad(objective, has_aux=True)(vector, Batch(xs, ys, None, weights))
        plain = jax.value_and_grad(lambda n: jnp.mean((n(xs[:3])[0] - ys[:3]) ** 2))(network)
        return ours, plain

    ((value, extra), slope), (wanted, slopes) = both(vector, network)
    assert float(value) == pytest.approx(float(wanted), rel=1e-14)
    np.testing.assert_allclose(slope, ravel_weights(slopes)[0], rtol=1e-12, atol=1e-14)
    assert float(extra.weight) == 3.0


@pytest.mark.parametrize(
    ("patience", "wanted"),
    [
        (None, [False, False, False, True, True]),
        (3, [False, False, True, True, True]),
        (1, [False, True, True, True, True]),
    ],
)
def test_finished(patience, wanted):
    """After all epochs, after `patience` of them without a better loss, or after a failure."""
    epoch = Epoch(
        Objective(loss("mse"), lambda vector: vector), method(), 4, 6, "constant", patience
    )
    done, best, failed = np.transpose(
        [(2, 2, False), (4, 2, False), (5, 2, False), (6, 6, False), (1, 1, True)]
    )
    nothing = jnp.zeros((5, 1))
    state = TrainState(
        nothing, (), nothing, nothing[:, 0], best, done, done - best, failed.astype(bool)
    )
    np.testing.assert_array_equal(epoch.finished(state), wanted)


def test_an_idle_epoch_changes_nothing_and_tells_nothing():
    plain, told = method(), ("damping",)
    telling = SimpleNamespace(init=plain.init, step=plain.step, quantities=told)
    epoch = Epoch(Objective(loss("mse"), lambda v: v), telling, 4, 6, "constant", None)
    state = epoch.first_state(jnp.arange(3.0))
    after, seen = epoch.skip(state)
    assert after is state and int(seen.bad_step) == -1
    assert np.isnan([seen.loss, seen.validation_loss, seen.gradient_norm]).all()
    assert list(seen.quantities) == ["damping"] and np.isnan(seen.quantities["damping"])
