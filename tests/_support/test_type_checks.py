"""What pytest checks of the library: the types of the first calls in each test."""

import numpy as np
import pytest
import type_checks
from jaxtyping import TypeCheckError

from throughtime.reservoir.monomials import monomials


@pytest.mark.parametrize("test", ["one", "another"])
def test_the_first_calls_in_a_test_are_checked_and_no_later_ones(test):
    rows, integers = np.ones((1, 2)), np.ones((1, 2), int)
    for _ in range(type_checks.CALLS):
        with pytest.raises(TypeCheckError):
            monomials(integers, 2)
    assert monomials(integers, 2).shape == monomials(rows, 2).shape == (1, 6)
