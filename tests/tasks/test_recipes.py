"""The four ways: what each is made of, and how its numbers are changed."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import QUICK_COMPILE, refuses

from throughtime.recurrence.cells import LSTM, RNN
from throughtime.tasks.long_range import TASKS, task
from throughtime.tasks.recipes import WAYS, way
from throughtime.tasks.sampling import TaskData
from throughtime.tasks.way import ReservoirWay
from throughtime.training.train import train

every_way = pytest.mark.parametrize("name", WAYS)


def rng():
    return np.random.default_rng(0)


def test_the_lstm_keeps_for_as_long_as_the_task():
    """1 + exp(b) steps, from 2 to the longest sequence; what is kept is not written over."""
    network = WAYS["lstm"].network(task("adding", 200), 50, rng())
    (cell,) = network.cells
    assert isinstance(cell, LSTM)
    write, keep, others = np.split(np.asarray(cell.b), [50, 100])
    assert np.array_equal(write, -keep) and not others.any()
    steps = 1 + np.exp(keep)
    assert 2 <= steps.min() < 40 and 180 < steps.max() <= 220


def test_momentum_starts_at_the_edge_of_chaos_with_inputs_by_task():
    """Spectral radius 1.2, no bias; U of .001 for marked values, .1 for symbols."""
    for asked, scale in (("adding", 0.001), ("temporal_order", 0.1)):
        network = WAYS["momentum"].network(task(asked, 20), 100, rng())
        (cell,) = network.cells
        assert isinstance(cell, RNN) and cell.activation == "tanh"
        radius = np.abs(np.linalg.eigvals(np.asarray(cell.W, np.float64))).max()
        assert np.isclose(radius, 1.2, rtol=1e-5)
        assert (np.count_nonzero(cell.W, axis=1) == 15).all()
        assert np.isclose(np.std(cell.U), scale, rtol=0.2)
        assert not cell.b.any() and not network.readout.layers[0].c.any()
    assert WAYS["momentum"].centred and WAYS["momentum"].mu == 0.995


@pytest.mark.parametrize("name", ["hf", "momentum"])
def test_strings_are_remembered_with_orthogonal_weights(name):
    """Before any training, least squares read each symbol of a string from h long after it.

    These are ten symbols of five, 60 steps before; the readout of h is exact but for tanh.
    """
    one = task("memorisation_20bit", 50)
    chosen = WAYS[name].for_task(one)
    network = chosen.network(one, 100, rng())
    (cell,) = network.cells
    W = np.asarray(cell.W, np.float64)
    assert np.allclose(W @ W.T, np.eye(100), atol=1e-6)
    data = TaskData(one, 800, key=0, centred=chosen.centred)

    @partial(jax.jit, compiler_options=QUICK_COMPILE)
    def states(row):
        batch = data.batch(row)
        return batch, network.trace(batch.inputs)[1]

    batch, (h,) = states(jnp.asarray(data.plan(800, None)[0]))
    for step in range(-10, 0):  # each symbol where it is to be repeated
        x = np.c_[np.asarray(h[:, step], np.float64), np.ones(800)]
        y = np.asarray(batch.targets[:, step])
        V, *_ = np.linalg.lstsq(x[:600], y[:600], rcond=None)
        right = (x[600:] @ V).argmax(axis=1) == y[600:].argmax(axis=1)
        assert right.mean() > 0.99


@pytest.mark.parametrize("name", ["hf", "momentum"])
def test_a_way_has_other_values_for_strings(name):
    chosen, marks, string = WAYS[name], task("adding", 20), task("copy", 20)
    assert chosen.for_task(marks) is chosen and chosen.string_overrides
    for label, value in chosen.string_overrides.items():
        assert getattr(chosen.for_task(string), label) == value != getattr(chosen, label)
    asked = way("momentum", rate=0.5)
    assert (
        asked.for_task(marks).rate == asked.for_task(string).rate == 0.5
    )  # what is asked for takes precedence


@pytest.mark.usefixtures("quick_compile")
def test_the_cells_learn_at_a_rate_of_their_own():
    """In one update U, W and b change by a tenth of what the same gradient does otherwise."""
    one = task("copy", 5)
    start = WAYS["lstm"].network(one, 7, rng())
    data = TaskData(one, 8, key=0)

    def after(recurrent):
        chosen = replace(WAYS["momentum"], rate=1.0, recurrent=recurrent, clip=None)
        method = chosen.optimiser(one, start)
        done = train(start, data, one.loss, method, epochs=1, batch_size=8, key=0)
        return done.network

    slow, fast = after(0.1), after(1)
    for letter in "UWb":
        before, a, b = (getattr(n.cells[0], letter) for n in (start, slow, fast))
        assert np.allclose(a - before, 0.1 * (b - before), atol=1e-6) and (b != before).any()
    for a, b in zip(*(jax.tree.leaves(n.readout) for n in (slow, fast)), strict=True):
        assert np.array_equal(a, b)


def test_hessian_free_starts_sparse():
    marks, string = task("adding", 20), task("memorisation_5bit", 20)
    network = WAYS["hf"].network(marks, 100, rng())
    (cell,) = network.cells
    assert (np.count_nonzero(cell.W, axis=1) == 15).all()
    assert np.isclose(np.std(cell.W[cell.W != 0]), 15**-0.5, rtol=0.1)
    last, every = (WAYS["hf"].for_task(one).optimiser(one, network) for one in (marks, string))
    assert last.curvature == every.curvature == WAYS["hf"].curvature
    assert (last.weight_decay, every.weight_decay) == (2e-5, 2e-5 / string.steps)
    assert (last.structural, every.structural) == (0.03, 1.0)


@every_way
@pytest.mark.parametrize("asked", TASKS)
def test_a_network_has_the_shape_of_every_task(name, asked):
    one = task(asked, 20)
    network = WAYS[name].network(one, 11, rng())
    data = TaskData(one, 2, key=0)

    def run(row):
        batch = data.batch(row)
        return network(batch.inputs, lengths=batch.lengths)[0], batch.targets

    outputs, targets = jax.eval_shape(run, jnp.asarray(data.plan(2, None)[0]))
    assert outputs.shape == targets.shape
    classes = {"cross_entropy": "softmax", "binary_cross_entropy": "logistic"}
    linear = isinstance(WAYS[name], ReservoirWay)  # least squares, also of classes
    assert network.readout.output == (
        "identity" if linear else classes.get(one.loss, "identity")
    )


# --- mistakes of the user ---


def test_an_unknown_way():
    with refuses("`way` must be a known way; got lsmt. Did you mean `lstm`?"):
        way("lsmt")


@pytest.mark.parametrize(
    "name, changes",
    [
        ("hf", {"rate": 0.1}),
        ("esn", {"rate": 0.1}),
        ("esn", {"updates": 5}),
        ("esn", {"batch_size": 5}),
    ],
)
def test_a_number_that_a_way_does_not_take(name, changes):
    (label,) = changes
    with refuses(f"the way `{name}` takes no `{label}`"):
        way(name, **changes)


@pytest.mark.parametrize("changes", [{"updates": 0}, {"batch_size": -1}, {"updates": 2.5}])
def test_a_number_out_of_its_range(changes):
    with refuses("must be a whole number of at least 1"):
        way("lstm", **changes)


def test_the_share_of_the_rate_is_checked():
    for recurrent in (-1, float("nan"), float("inf")):
        with refuses("`recurrent` must be 0 or more, and finite"):
            replace(WAYS["momentum"], recurrent=recurrent)


def test_numbers_are_changed():
    changed = way("lstm", rate=0.5, updates=7, batch_size=None)
    assert changed == replace(WAYS["lstm"], rate=0.5, updates=7)
    assert way(changed) is not None and way("esn") == WAYS["esn"]
