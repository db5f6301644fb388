"""Many tasks: in other processes, in order, and on Ray where it is installed."""

import importlib.util
import os
from functools import partial

import pytest
from conftest import refuses
from joblib import parallel_config

from throughtime.forecasting.processes import MANY, in_parallel, spread


def check(found, count):
    """Squares, and a process that is not this one where there are many."""
    assert found[:count] == [i * i for i in range(count)]
    assert all((pid == os.getpid()) == (2 * count < MANY) for pid in found[count:])


def tasks(count):
    return [partial(pow, i, 2) for i in range(count)] + [os.getpid] * count


@pytest.mark.parametrize("count", [0, 3, MANY])
def test_results_are_in_order_and_few_tasks_start_no_process(count):
    check(in_parallel(tasks(count)), count)


def test_joblib_limits_the_processes():
    with parallel_config(n_jobs=1):
        found = in_parallel(tasks(MANY))
    assert set(found[MANY:]) == {os.getpid()}


def test_ray_does_the_work_where_it_is_installed():
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, logging_level="error", log_to_driver=False, include_dashboard=False)
    try:
        with spread("ray"):
            check(in_parallel(tasks(MANY)), MANY)
    finally:
        ray.shutdown()


def test_what_cannot_be_had_is_refused(monkeypatch):
    with refuses("`on` must be `ray`; got `dask`."), spread("dask"):
        pass
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with refuses('Install it with `pip install "throughtime[ray]"`.'), spread("ray"):
        pass
