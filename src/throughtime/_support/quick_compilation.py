"""Compilation with fewer optimisations: what runs for milliseconds, or mostly in kernels."""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import equinox as eqx
import jax
import numpy as np

WANTED = {
    "xla_backend_optimization_level": 1,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}
"""XLA's options: the rest of its work would take longer than it saves.

By default a program is split into as many as 32 modules, each with a cost of its own.
"""


@cache
def quick_options() -> dict[str, Any]:
    """Those of the options that the installed version of XLA has; it may drop any."""
    if _takes(WANTED):  # together, since each question compiles a program
        return WANTED
    return {name: value for name, value in WANTED.items() if is_known(name, value)}


def is_known(name: str, value: Any) -> bool:
    """Whether this version of XLA has an option."""
    return _takes({name: value})


def _takes(options: dict[str, Any]) -> bool:
    lowered = jax.jit(lambda x: x).lower(np.zeros((), np.float32))
    try:
        lowered.compile(compiler_options=options)
    except jax.errors.JaxRuntimeError:
        return False
    return True


def quick_filter_jit(function: Callable) -> Callable:
    """A decorator like `equinox.filter_jit` with these options."""

    @cache
    def compiled():
        options: Any = {"compiler_options": quick_options()}
        return eqx.filter_jit(function, **options)

    @wraps(function)
    def call(*args, **options):
        return compiled()(*args, **options)

    return call


def quick_jit(static_argnames: str) -> Callable:
    """A decorator like `jax.jit` with these options, which are looked up at the first call."""

    def decorate(function):
        @cache
        def compiled():
            return jax.jit(
                function, static_argnames=static_argnames, compiler_options=quick_options()
            )

        @wraps(function)
        def call(*args, **options):
            return compiled()(*args, **options)

        return call

    return decorate
