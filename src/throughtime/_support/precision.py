"""Single or double precision for a while; JAX's own setting is left alone."""

from contextlib import nullcontext

import jax


def precision(dtype: str):
    """A context in which JAX computes with that type."""
    return jax.enable_x64(True) if dtype == "float64" else nullcontext()
