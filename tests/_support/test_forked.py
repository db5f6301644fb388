"""A fork of a process that computes says so, where it would wait forever."""

import subprocess
import sys

import pytest

from throughtime._support import forked
from throughtime.errors import InputError

FORK = """
import os, sys, warnings
warnings.simplefilter("ignore")  # JAX warns too
import numpy as np
import throughtime as tt
from throughtime.errors import InputError
if sys.argv[1] == "after":
    network = tt.Architecture(1, 1, hidden=2).ensemble(1, 0)
    network(np.zeros((1, 3, 1), "float32"))
child = os.fork()
if not child:
    try:
        network = tt.Architecture(1, 1, hidden=2).ensemble(1, 0)
        network(np.zeros((1, 3, 1), "float32"))
        print("computed", flush=True)
    except InputError as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fork_computes_only_if_nothing_was_computed_before(when):
    done = subprocess.run(
        [sys.executable, "-c", FORK, when], capture_output=True, text=True, timeout=120
    )
    if when == "before":
        assert done.stdout == "computed\n", done.stderr
    else:
        assert "cannot compute; got process" in done.stdout, done.stderr
        assert 'multiprocessing.get_context("spawn")' in done.stdout


def test_the_process_that_computes_goes_on(monkeypatch):
    forked.refuse_forked()
    forked.refuse_forked()
    monkeypatch.setattr("os.getpid", lambda: 1)
    with pytest.raises(InputError, match="process 1, a fork of"):
        forked.refuse_forked()
