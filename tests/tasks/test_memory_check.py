"""A task that would not fit in memory is refused before anything is computed."""

import pytest
from conftest import refuses

from throughtime.tasks import memory_check
from throughtime.tasks.learn import learn_task
from throughtime.tasks.long_range import task
from throughtime.tasks.memory_check import check_memory
from throughtime.tasks.recipes import WAYS
from throughtime.tasks.way import ReservoirWay, TrainedWay


@pytest.mark.parametrize("name", WAYS)
def test_a_way_and_a_task_that_do_not_fit(name, monkeypatch):
    """With 1000 steps and 100 units, at a limit of what is needed and just below."""
    one, chosen = task("memorisation_20bit", 980), WAYS[name]
    numbers = {"lstm": 8, "hf": 4, "esn": 2, "momentum": 2}[name]
    sequences = 256 if isinstance(chosen, ReservoirWay) else chosen.batch_size
    if isinstance(chosen, TrainedWay) and chosen.curvature:
        sequences = min(sequences, chosen.curvature)
    needed = 4 * numbers * sequences * 1000 * 100
    squares = {"lstm": 28 * 4, "hf": 28, "esn": 12, "momentum": 28}[name]
    needed += squares * 100**2 + (40 * 106**2 if name == "esn" else 0)
    monkeypatch.setattr(memory_check, "_device_memory", lambda: needed)
    check_memory(one, chosen, 100)
    monkeypatch.setattr(memory_check, "_device_memory", lambda: needed - 1)
    with refuses("way and task must fit into memory"):
        learn_task(one, chosen, seed=0, hidden=100)
    monkeypatch.setattr(memory_check, "_device_memory", lambda: None)
    check_memory(one, chosen, 10**12)


def test_the_memory_of_this_machine_is_known():
    memory = memory_check._device_memory()
    assert memory is None or memory > 2**28
