"""Single or double precision within a block; JAX's global setting is left alone."""

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import ParamSpec, TypeVar

import jax
import numpy as np
from jaxtyping import PyTree

from .forked import refuse_forked

P = ParamSpec("P")
R = TypeVar("R")


def precision(dtype: str):
    """A context in which JAX computes with `dtype`, `"float32"` or `"float64"`.

    Raises
    ------
    InputError
        In a process that was forked after JAX has computed.
    """
    refuse_forked()
    return jax.enable_x64(True) if dtype == "float64" else nullcontext()


def precision_of(weights: PyTree):
    """A context in which JAX computes in the type of these weights.

    Without it, and unless its global flag is set, JAX would compute with weights in float64 as
    if they were in float32.
    """
    types = {getattr(leaf, "dtype", None) for leaf in jax.tree.leaves(weights)}
    return precision("float64" if np.dtype("float64") in types else "float32")


def in_precision_of_weights(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function in the precision of its first argument, a network or a cell."""
    first = next(iter(inspect.signature(function).parameters))

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with precision_of(args[0] if args else kwargs.get(first)):
            return function(*args, **kwargs)

    return run
