"""The four ways: what each is made of, and that each learns a short task to its criterion."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses

from throughtime._support.seeds import generator
from throughtime.recurrence.cells import LSTM, RNN, EchoState
from throughtime.tasks import recipes
from throughtime.tasks.learn import TEST, Check, Criterion, learn_task, stages
from throughtime.tasks.long_range import TASKS, task
from throughtime.tasks.recipes import WAYS, Fixed, Trained, check_fit, way
from throughtime.tasks.sampling import Drawn, Mistakes, mistakes
from throughtime.training.train import train

SHORT = task("memorisation_5bit", 2)
FEW = {
    "lstm": replace(WAYS["lstm"], updates=4, every=2, batch_size=8),
    "hf": replace(WAYS["hf"], updates=2, every=1, batch_size=8),
    "esn": replace(WAYS["esn"], sequences=64),
    "momentum": replace(WAYS["momentum"], updates=4, every=2, batch_size=8),
}
JUDGED = Criterion(validation=16, test=32)

every_way = pytest.mark.parametrize("name", WAYS)


def weights(network):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(network)]


# --- each learns a short task ---


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, asked, length",
    [
        ("lstm", "temporal_order", 30),
        ("hf", "memorisation_5bit", 30),
        ("esn", "temporal_order", 30),
        ("momentum", "memorisation_5bit", 30),
    ],
)
def test_a_way_learns_a_short_task(name, asked, length):
    """Less than 1 % of sequences never used before are wrong (Martens and Sutskever 2011)."""
    solved = learn_task(task(asked, length), way(name), seed=1)
    assert solved.solved and solved.mistakes.share < 0.01
    assert solved.loss < 0.2 * solved.baseline
    if solved.history:
        assert all(check.mistakes.share < 0.01 for check in solved.history[-2:])


# --- what they are made of ---


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
def test_strings_are_kept_by_orthogonal_weights(name):
    """As it starts, h holds a string long after it: least squares read each symbol out.

    Ten symbols of five, 60 steps before; the readout of h is exact up to what tanh bends.
    """
    one = task("memorisation_20bit", 50)
    chosen = WAYS[name].on(one)
    network = chosen.network(one, 100, rng())
    (cell,) = network.cells
    W = np.asarray(cell.W, np.float64)
    assert np.allclose(W @ W.T, np.eye(100), atol=1e-6)
    data = Drawn(one, 800, key=0, centred=chosen.centred)
    batch = data.batch(jnp.asarray(data.plan(800, None)[0]))
    _, (h,), _ = network.trace(batch.inputs)
    for step in range(-10, 0):  # each symbol where it is to be repeated
        x = np.c_[np.asarray(h[:, step], np.float64), np.ones(800)]
        y = np.asarray(batch.targets[:, step])
        V, *_ = np.linalg.lstsq(x[:600], y[:600], rcond=None)
        right = (x[600:] @ V).argmax(axis=1) == y[600:].argmax(axis=1)
        assert right.mean() > 0.99


@pytest.mark.parametrize("name", ["hf", "momentum"])
def test_a_way_knows_what_a_string_needs(name):
    chosen, marks, string = WAYS[name], task("adding", 20), task("copy", 20)
    assert chosen.on(marks) is chosen and chosen.strings
    for label, value in chosen.strings.items():
        assert getattr(chosen.on(string), label) == value != getattr(chosen, label)
    asked = way("momentum", rate=0.5)
    assert asked.on(marks).rate == asked.on(string).rate == 0.5  # what is asked for stands


def test_the_cells_learn_at_a_rate_of_their_own():
    """One update: U, W and b go a tenth of the way that the same slope sends them else."""
    one = task("copy", 5)
    start = WAYS["lstm"].network(one, 7, rng())
    data = Drawn(one, 8, key=0)

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
    last, every = (WAYS["hf"].on(one).optimiser(one, network) for one in (marks, string))
    assert last.curvature == every.curvature == WAYS["hf"].curvature
    assert (last.weight_decay, every.weight_decay) == (2e-5, 2e-5 / string.steps)
    assert (last.structural, every.structural) == (0.03, 1.0)


@every_way
@pytest.mark.parametrize("asked", TASKS)
def test_a_network_has_the_shape_of_every_task(name, asked):
    one = task(asked, 20)
    network = WAYS[name].network(one, 11, rng())
    data = Drawn(one, 2, key=0)

    def run(row):
        batch = data.batch(row)
        return network(batch.inputs, lengths=batch.lengths)[0], batch.targets

    outputs, targets = jax.eval_shape(run, jnp.asarray(data.plan(2, None)[0]))
    assert outputs.shape == targets.shape
    classes = {"cross_entropy": "softmax", "binary_cross_entropy": "logistic"}
    linear = isinstance(WAYS[name], Fixed)  # least squares, also of classes
    assert network.readout.output == (
        "identity" if linear else classes.get(one.loss, "identity")
    )


# --- solve ---


@every_way
def test_the_same_seed_gives_the_same_and_another_another(name):
    first, again, other = (
        learn_task(SHORT, FEW[name], seed=seed, hidden=6, criterion=JUDGED)
        for seed in (3, 3, 4)
    )
    for a, b in zip(weights(first.network), weights(again.network), strict=True):
        assert np.array_equal(a, b)
    assert (first.mistakes, first.loss) == (again.mistakes, again.loss)
    assert first.loss != other.loss


@every_way
def test_what_is_told_is_what_was_done(name):
    shown = []

    def show(history, checks):
        shown.append((history[-1].epoch, checks[-1]))

    found = learn_task(SHORT, FEW[name], seed=0, hidden=6, criterion=JUDGED, on_check=show)
    (cell,) = found.network.cells
    assert cell.hidden_size == 6 and cell.input_size == SHORT.input_size
    if name == "esn":
        assert isinstance(cell, EchoState)
        assert (found.updates, found.sequences, found.history) == (0, 64, [])
        return
    chosen = FEW[name]
    assert (
        found.updates == chosen.updates and found.stopped == f"all {found.updates} updates done"
    )
    assert found.sequences == chosen.updates * 8
    assert [check for _, check in shown] == found.history
    assert [check.updates for check in found.history] == [
        epoch * chosen.every for epoch, _ in shown
    ]
    assert 0 < found.history[0].seconds <= found.history[-1].seconds <= found.seconds
    assert found.baseline == SHORT.baseline


def test_the_test_draw_is_a_stream_of_its_own():
    one = task("adding", 12)
    found = learn_task(one, FEW["lstm"], seed=5, hidden=6, criterion=JUDGED)
    test = Drawn(one, JUDGED.test, key=generator(5, TEST))
    assert found.mistakes == mistakes(found.network, test)


def test_the_baseline_of_least_squares_is_the_variance_of_the_targets():
    """All 32 sequences of 5-bit memorisation: 1/4 at 5 of 12 steps, in 2 of 3 outputs."""
    one = task("memorisation_5bit", 2)
    found = learn_task(one, FEW["esn"], seed=0, hidden=6, criterion=JUDGED)
    assert np.isclose(found.baseline, (5 * 2 * 0.25) / (12 * 3))


def test_a_training_ends_when_its_watcher_says_so():
    found = learn_task(
        SHORT, FEW["lstm"], seed=0, hidden=6, criterion=JUDGED, on_check=lambda *_: True
    )
    assert found.updates == 2 and found.stopped == "stopped after 2 updates"


def test_the_criterion_needs_checks_in_a_row():
    def history(*wrong):
        return [
            Check(i, i, 0.0, 0.0, 0.0, Mistakes(100, w, w / 100)) for i, w in enumerate(wrong)
        ]

    criterion = Criterion(share=0.02, checks=2)
    assert criterion.ends(history(9, 1, 1))
    assert not criterion.ends(history(1, 9, 1))
    assert not criterion.ends(history(1))
    assert not criterion.ends(history(2, 2))  # under, not at


def test_a_criterion_that_is_met_ends_the_training():
    """Any share of wrong sequences is under 1 when one of them is right."""
    sure = Criterion(share=1.0, checks=1, validation=64, test=32)
    found = learn_task(task("xor", 10), FEW["lstm"], seed=0, hidden=6, criterion=sure)
    assert found.solved and found.stopped == "the criterion was met after 2 updates"


@pytest.mark.parametrize(
    "updates, every, expected", [(1, 5, (1, 1)), (10, 5, (2, 5)), (11, 5, (3, 3))]
)
def test_checks_never_exceed_the_updates(updates, every, expected):
    asked = task("adding", 20)
    way = replace(WAYS["lstm"], updates=updates, every=every)
    assert stages(asked, way) == [(asked, *expected)]


LONGER = replace(WAYS["lstm"], curriculum=((0.25, 0.1), (0.5, 0.2)), updates=100, every=5)


def test_a_curriculum_begins_with_shorter_sequences():
    """A quarter of 40 steps is too short to teach anything, and is left out."""
    names = [
        (one.task.length, one.checks * one.every) for one in stages(task("xor", 80), LONGER)
    ]
    assert names == [(20, 10), (40, 20), (80, 70)]
    names = [
        (one.task.length, one.checks * one.every) for one in stages(task("xor", 40), LONGER)
    ]
    assert names == [(20, 20), (40, 80)]
    assert {one.task.name for one in stages(task("copy", 80), LONGER)} == {"copy"}


def test_checks_of_a_curriculum_go_on_from_stage_to_stage():
    """Counts, epochs and criterion are those of the whole; the network goes on as well."""
    way = replace(LONGER, updates=20, every=2, batch_size=8)
    seen = []

    def watch(rows, checks):
        seen.append((rows[-1].epoch, checks[-1].updates, len(checks)))

    found = learn_task(task("xor", 80), way, seed=0, hidden=6, criterion=JUDGED, on_check=watch)
    assert seen == [(n, 2 * n, n) for n in range(1, 11)]
    assert found.updates == 20 and found.stopped == "all 20 updates done"
    sure = Criterion(share=1.0, checks=1, validation=64, test=32)
    found = learn_task(task("xor", 80), way, seed=0, hidden=6, criterion=sure)
    assert found.stopped == "the criterion was met after 2 updates"
    ended = learn_task(
        task("xor", 80), way, seed=0, hidden=6, criterion=JUDGED,
        on_check=lambda rows, checks: len(checks) == 3,
    )  # fmt: skip
    assert ended.stopped == "stopped after 6 updates"


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


def test_seed_and_units_are_checked():
    with refuses("`seed` must be at least 0; got -1"):
        learn_task(SHORT, FEW["lstm"], seed=-1)
    with refuses("`hidden` must be a whole number of at least 1; got 0"):
        learn_task(SHORT, FEW["lstm"], seed=0, hidden=0)
    with refuses("`share` must be above 0 and at most 1"):
        Criterion(share=0)
    with refuses("`checks` must be a whole number"):
        Criterion(checks=0)


@every_way
def test_a_way_and_a_task_that_do_not_fit(name, monkeypatch):
    """Of 1000 steps and 100 units; the limit lies beside what is needed."""
    one, chosen = task("memorisation_20bit", 980), WAYS[name]
    numbers = {"lstm": 8, "hf": 4, "esn": 2, "momentum": 2}[name]
    sequences = 256 if isinstance(chosen, Fixed) else chosen.batch_size
    if isinstance(chosen, Trained) and chosen.curvature:
        sequences = min(sequences, chosen.curvature)
    needed = 4 * numbers * sequences * 1000 * 100
    squares = {"lstm": 28 * 4, "hf": 28, "esn": 12, "momentum": 28}[name]
    needed += squares * 100**2 + (40 * 106**2 if name == "esn" else 0)
    monkeypatch.setattr(recipes, "_device_memory", lambda: needed)
    check_fit(one, chosen, 100)
    monkeypatch.setattr(recipes, "_device_memory", lambda: needed - 1)
    with refuses("way and task must fit into memory"):
        learn_task(one, chosen, seed=0, hidden=100)
    monkeypatch.setattr(recipes, "_device_memory", lambda: None)
    check_fit(one, chosen, 10**12)


def test_the_memory_of_this_machine_is_known():
    memory = recipes._device_memory()
    assert memory is None or memory > 2**28
