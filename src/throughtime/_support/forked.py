"""A process that was forked from one in which JAX computes: it would wait forever."""

import os

from throughtime.errors import InputError

_computing: int | None = None


def refuse_forked() -> None:
    """Note the process that computes first, and refuse to compute in one forked from it.

    JAX computes by threads, and a fork has none of them.

    Raises
    ------
    InputError
        In a process that was forked after this was called.
    """
    global _computing
    process = os.getpid()
    if _computing is None:
        _computing = process
    if _computing != process:
        rule = "a process forked from one that has computed with JAX cannot compute"
        got = f"process {process}, a fork of {_computing}"
        remedy = 'Start processes by `multiprocessing.get_context("spawn")`.'
        raise InputError(rule, got, remedy)
