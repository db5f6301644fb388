"""Options of XLA are asked for, not relied on."""

import jax.numpy as jnp
import numpy as np

from throughtime._support import quick_compilation
from throughtime._support.quick_compilation import is_known, quick_jit, quick_options


def test_an_option_that_no_version_has_is_left_out(monkeypatch):
    assert not is_known("xla_no_such_option", True)
    monkeypatch.setattr(quick_compilation, "WANTED", {"xla_no_such_option": True})
    quick_options.cache_clear()
    assert quick_options() == {}
    quick_options.cache_clear()


def test_a_function_is_what_it_was():
    @quick_jit(static_argnames="power")
    def raised(x, power):
        """x to a power."""
        return jnp.asarray(x) ** power

    np.testing.assert_allclose(raised(np.arange(4.0), power=3), [0, 1, 8, 27])
    assert raised.__doc__ == "x to a power."
