"""What the primitives take and return, and how lengths are converted."""

import jax.numpy as jnp
import numpy as np
import pytest

from throughtime.recurrence.primitive_arguments import sequence_lengths, signatures
from throughtime.recurrence.step_equations import RECURRENCES

TIME, INPUT = 4, 2
every_kind = pytest.mark.parametrize("kind", RECURRENCES)


@pytest.mark.parametrize(
    "lengths",
    [
        np.array([[2**32, 2, -(2**32)]], np.int64),
        np.array([[3_000_000_000, 2, 0]], np.uint32),
        jnp.array([[3_000_000_000, 2, 0]], jnp.uint32),
        np.array([[200, 2, 0]], np.uint8),
    ],
)
def test_lengths_are_cut_to_the_time_before_they_are_cut_to_32_bits(lengths):
    xs = np.empty((1, 3, TIME, INPUT))
    found = sequence_lengths(lengths, xs)
    assert found.dtype == jnp.int32
    long = np.minimum(np.asarray(found), TIME)
    np.testing.assert_array_equal(np.maximum(long, 0), [[TIME, 2, 0]])


def test_lengths_of_few_bits_may_be_fewer_than_the_steps():
    xs = np.empty((1, 1, 300, INPUT))
    assert sequence_lengths(jnp.array([[255]], jnp.uint8), xs)[0, 0] == 255


@every_kind
@pytest.mark.parametrize("inputs", [True, False])
def test_the_results_of_one_map_are_the_arguments_of_its_transpose(kind, inputs):
    known = signatures(kind, inputs=inputs)
    tangent, adjoint = known["unroll_tangent"], known["unroll_adjoint"]
    assert ("dxs" in tangent.linear) == inputs
    assert tangent.fixed == adjoint.fixed
    for one, other in ((tangent, adjoint), (adjoint, tangent)):
        assert list(one.results.values()) == list(other.linear.values())
