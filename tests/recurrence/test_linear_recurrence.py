"""A parallel scan of a linear recurrence is the loop, and its derivative the loop's."""

import jax.numpy as jnp
import numpy as np
import pytest
from fast_compilation import quick_jit
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.recurrence.linear_recurrence import linear_recurrence

UNITS = 3
run = quick_jit(linear_recurrence)


def loop(A, b, start):
    states, s = [], start
    for t in range(len(b)):
        s = b[t] + (A[t] * s if A.ndim == b.ndim else np.einsum("...ij,...j->...i", A[t], s))
        states.append(s)
    return np.stack(states)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("diagonal", [True, False])
@pytest.mark.parametrize("time", [1, 2, 7])
@given(seed=st.integers(0, 2**32 - 1), started=st.booleans())
@settings(max_examples=5)
def test_the_parallel_scan_is_the_loop(diagonal, time, seed, started):
    rng = np.random.default_rng(seed)
    b, start = rng.normal(size=(time, 2, UNITS)), rng.normal(size=(2, UNITS)) * started
    A = rng.normal(size=b.shape if diagonal else (*b.shape, UNITS))
    found = run(A, b, jnp.asarray(start) if started else None)
    np.testing.assert_allclose(found, loop(A, b, start), rtol=1e-10, atol=1e-10)
