"""Single or double precision within a block; JAX's global setting is left alone."""

from contextlib import nullcontext

import jax


def precision(dtype: str):
    """A context in which JAX computes with `dtype`, `"float32"` or `"float64"`."""
    return jax.enable_x64(True) if dtype == "float64" else nullcontext()
