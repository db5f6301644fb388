"""Wrong answers are counted by each task's criterion, and networks learn to give fewer."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses

from throughtime.recurrence.architecture import Architecture
from throughtime.tasks.error_count import count_errors
from throughtime.tasks.long_range import task
from throughtime.tasks.sampling import TaskData
from throughtime.training.losses import LOSSES
from throughtime.training.train import evaluate, train

pytestmark = pytest.mark.usefixtures("quick_compile")


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
        data = TaskData(asked, 4000, key=0)
        guess = constant(asked, asked.target_mean)
        found = count_errors(guess, data)
        assert found.sequences == 4000 and found.answers == found.share == found.wrong / 4000
        error = math.sqrt(0.08 * 0.92 / 4000)
        assert abs(found.share - (1 - right) ** 2) < 4 * error
        assert evaluate(guess, data, asked.loss) == pytest.approx(asked.baseline, rel=0.05)
        centred = count_errors(constant(asked, [0]), TaskData(asked, 4000, key=0, centred=True))
        assert abs(centred.wrong - found.wrong) <= 2  # rounding at the border


def test_mistakes_of_one_symbol_for_all():
    asked = task("memorisation_5bit", 2)
    found = count_errors(constant(asked, [1, 0, 0]), TaskData(asked, 1000, key=0), batch_size=7)
    assert found == (32, 31, 2.5)
    assert count_errors(constant(asked, [0, 0, 0]), TaskData(asked, 32, key=0)) == (32, 32, 5.0)


@pytest.mark.parametrize("name", ["temporal_order_3", "xor", "copy"])
def test_mistakes_do_not_depend_on_the_batches(name):
    asked = task(name, 20)
    data, net = TaskData(asked, 50, key=0), network(asked)
    found = count_errors(net, data, batch_size=50)
    assert count_errors(net, data, batch_size=7) == found

    @eqx.filter_jit
    def wrong(row):
        fixed = data.batch(row)
        return asked.wrong(net(fixed.inputs, lengths=fixed.lengths)[0], fixed.targets)

    counts = np.asarray(wrong(jnp.asarray(data.plan(50, None)[0])))
    assert found.wrong == np.count_nonzero(counts)
    assert found.answers == pytest.approx(counts.mean())


@pytest.mark.parametrize("centred", [False, True])
def test_an_rnn_learns_a_short_task(centred):
    asked = task("adding", 10)
    data = TaskData(asked, 500, key=0, centred=centred)
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
    assert count_errors(fitted.network, data).share < count_errors(network(asked), data).share


def test_an_ensemble_trains_on_steps_and_classes():
    asked = task("memorisation_5bit", 3)
    shape = Architecture(asked.input_size, asked.output_size, cell="gru", output="softmax")
    members, data = shape.ensemble(2, key=0), TaskData(asked, 64, key=0)
    fitted = train(members, data, asked.loss, epochs=20, batch_size=16, ensemble=2, key=0)
    first, last = fitted.history[:2], fitted.history[-2:]
    assert all(
        after.loss < 0.8 * before.loss for before, after in zip(first, last, strict=True)
    )


def test_a_network_of_another_shape_is_refused():
    data = TaskData(task("adding", 10), 5, key=0)
    with refuses("`adding` needs 2 inputs and 1 outputs, last step only: True; got 4 inputs"):
        count_errors(network(task("memorisation_5bit", 3)), data)
