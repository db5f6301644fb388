"""Options with which XLA compiles a program for one use.

Tests run many small programs once or twice, and compiling them costs far more than running
them. The numbers stay within rounding of those of a program that is optimised.
"""

from functools import partial

import equinox as eqx

from throughtime._support.quick_compilation import is_known

WANTED = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}


FAST = {name: value for name, value in WANTED.items() if is_known(name, value)}
"""For `jax.jit(..., compiler_options=FAST)`."""

quick_jit = partial(eqx.filter_jit, compiler_options=FAST)
"""`equinox.filter_jit` with these options."""
