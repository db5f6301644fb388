"""Learning a task: each way learns a short one, and the result reports what was done."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from conftest import refuses

from throughtime._support.seeds import generator
from throughtime.recurrence.echo_state_cell import EchoState
from throughtime.tasks.criterion import Check, Criterion
from throughtime.tasks.error_count import ErrorCount, count_errors
from throughtime.tasks.learn import TEST, learn_task, stages
from throughtime.tasks.long_range import task
from throughtime.tasks.recipes import WAYS, way
from throughtime.tasks.sampling import TaskData

SHORT = task("memorisation_5bit", 2)
FEW = {
    "lstm": replace(WAYS["lstm"], updates=4, every=2, batch_size=8),
    "hf": replace(WAYS["hf"], updates=2, every=1, batch_size=8),
    "esn": replace(WAYS["esn"], sequences=64),
    "momentum": replace(WAYS["momentum"], updates=4, every=2, batch_size=8),
}
JUDGED = Criterion(validation=16, test=32)
MET_AT_ONCE = replace(JUDGED, share=1.0, checks=1)

pytestmark = pytest.mark.usefixtures("quick_compile")
every_way = pytest.mark.parametrize("name", WAYS)


def weights(network):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(network)]


# --- each learns a short task ---


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, asked, length, units",
    [
        ("lstm", "temporal_order", 20, None),
        ("hf", "memorisation_5bit", 10, None),
        ("esn", "temporal_order", 20, 200),
        ("momentum", "memorisation_5bit", 10, None),
    ],
)
def test_a_way_learns_a_short_task(name, asked, length, units):
    """Less than 1 % of sequences never used before are wrong (Martens and Sutskever 2011)."""
    solved = learn_task(task(asked, length), way(name), seed=1, hidden=units)
    assert solved.solved and solved.mistakes.share < 0.01
    assert solved.loss < 0.2 * solved.baseline
    if solved.history:
        assert all(check.mistakes.share < 0.01 for check in solved.history[-2:])


# --- with few updates, what is done and reported ---


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
def test_the_result_reports_what_was_done(name):
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
    one = task("xor", 40)
    found = learn_task(one, FEW["lstm"], seed=5, hidden=6, criterion=JUDGED)
    test = TaskData(one, JUDGED.test, key=generator(5, TEST))
    assert found.mistakes == count_errors(found.network, test)


def test_the_baseline_of_least_squares_is_the_variance_of_the_targets():
    """All 32 sequences of 5-bit memorisation: 1/4 at 5 of 12 steps, in 2 of 3 outputs."""
    one = task("memorisation_5bit", 2)
    found = learn_task(one, FEW["esn"], seed=0, hidden=6, criterion=JUDGED)
    assert np.isclose(found.baseline, (5 * 2 * 0.25) / (12 * 3))


def test_a_training_ends_when_on_check_returns_true():
    found = learn_task(
        SHORT, FEW["lstm"], seed=0, hidden=6, criterion=JUDGED, on_check=lambda *_: True
    )
    assert found.updates == 2 and found.stopped == "stopped after 2 updates"


def test_the_criterion_needs_checks_in_a_row():
    def history(*wrong):
        return [
            Check(i, i, 0.0, 0.0, 0.0, ErrorCount(100, w, w / 100)) for i, w in enumerate(wrong)
        ]

    criterion = Criterion(share=0.02, checks=2)
    assert criterion.ends(history(9, 1, 1))
    assert not criterion.ends(history(1, 9, 1))
    assert not criterion.ends(history(1))
    assert not criterion.ends(history(2, 2))  # under, not at


def test_a_criterion_that_is_met_ends_the_training():
    """Any share of wrong sequences is under 1 when one of them is right."""
    found = learn_task(task("xor", 40), FEW["lstm"], seed=0, hidden=6, criterion=MET_AT_ONCE)
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

    found = learn_task(task("xor", 40), way, seed=0, hidden=6, criterion=JUDGED, on_check=watch)
    assert seen == [(n, 2 * n, n) for n in range(1, 11)]
    assert found.updates == 20 and found.stopped == "all 20 updates done"
    found = learn_task(task("xor", 40), way, seed=0, hidden=6, criterion=MET_AT_ONCE)
    assert found.stopped == "the criterion was met after 2 updates"
    ended = learn_task(
        task("xor", 40), way, seed=0, hidden=6, criterion=JUDGED,
        on_check=lambda rows, checks: len(checks) == 3,
    )  # fmt: skip
    assert ended.stopped == "stopped after 6 updates"


# --- mistakes of the user ---


def test_seed_and_units_are_checked():
    with refuses("`seed` must be at least 0; got -1"):
        learn_task(SHORT, FEW["lstm"], seed=-1)
    with refuses("`hidden` must be a whole number of at least 1; got 0"):
        learn_task(SHORT, FEW["lstm"], seed=0, hidden=0)
    with refuses("`share` must be above 0 and at most 1"):
        Criterion(share=0)
    with refuses("`checks` must be a whole number"):
        Criterion(checks=0)
