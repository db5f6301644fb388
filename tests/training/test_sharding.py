"""A training over two processes gives what one process gives."""

import runpy
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from conftest import refuses

from throughtime.training.sharding import check_mesh

SCRIPT = Path(__file__).with_name("sharded_training.py")


def free_port():
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return one.getsockname()[1]


def run(processes, out, port):
    """Start the script once for each process: those that were started."""
    return [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(rank), str(processes), str(port), str(out)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(processes)
    ]


def test_two_processes_train_what_one_trains(tmp_path):
    started = [*run(1, tmp_path / "one.npz", 0), *run(2, tmp_path / "two.npz", free_port())]
    try:
        for process in started:
            said, _ = process.communicate(timeout=300)
            assert process.returncode == 0, said
    finally:
        for process in started:
            process.kill()
            process.communicate()
    one, two = np.load(tmp_path / "one.npz"), np.load(tmp_path / "two.npz")
    assert set(one) == set(two) and len(one) == 6
    for name in one:
        assert np.isfinite(one[name]).all() and one[name].any()
        np.testing.assert_allclose(two[name], one[name], rtol=1e-6, atol=1e-9, err_msg=name)


def test_a_mesh_must_fit_the_training():
    with refuses("the axes of a `mesh` must be `member`, `batch` or both; got `model`."):
        check_mesh(jax.make_mesh((1,), ("model",)), None, 32)
    mesh = SimpleNamespace(axis_names=("member", "batch"), shape={"member": 2, "batch": 3})
    with refuses("`ensemble` must be a multiple of the devices along `member`; got 1 over 2."):
        check_mesh(mesh, None, 6)
    with refuses("`batch_size` must be a multiple of the devices along `batch`; got 4 over 3."):
        check_mesh(mesh, 2, 4)


@pytest.mark.usefixtures("quick_compile")
def test_a_mesh_of_one_device_changes_nothing(float64):
    """The same program without a mesh: every array is where it was."""
    fit = runpy.run_path(str(SCRIPT))["fit"]
    for ensemble in (None, 2):
        mesh = jax.make_mesh((1, 1), ("member", "batch"))
        for a, b in zip(fit(ensemble, None), fit(ensemble, mesh), strict=True):
            np.testing.assert_allclose(np.hstack(a), np.hstack(b), rtol=1e-9)
