"""Splits by time: their sizes and rules."""

import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.split import Split
from throughtime.errors import InputError


@given(st.integers(1, 5000), st.floats(0, 0.99), st.floats(0, 0.99))
def test_split_parts_cover_the_series_in_order(length, validation, test):
    try:
        split = Split.by_time(length, validation, test)
    except InputError as error:
        assert "must have at least one row" in str(error)
        return
    assert 0 < split.train <= split.validation <= split.total == length
    assert (split.validation > split.train) == (validation > 0)
    assert (split.total > split.validation) == (test > 0)
    assert abs((split.total - split.validation) - test * length) <= 0.5
    assert abs((split.validation - split.train) - validation * split.validation) <= 0.5


def test_split_defaults():
    assert Split.by_time(100) == Split(64, 80, 100)
    assert Split.by_time(100, 0, 0) == Split(100, 100, 100)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (100, 1.0, 0.2),
            "`validation` must be a share of at least 0 and below 1; got 1.0. "
            "Pass `validation=0.2` for a fifth.",
        ),
        ((100, 0.2, -0.1), "`test` must be a share of at least 0 and below 1; got -0.1."),
        ((100, 0.2, float("nan")), "`test` must be a share"),
        (
            (3, 0.1, 0.4),
            "the validation part must have at least one row; got 3 rows, validation=0.1 and "
            "test=0.4. Pass a longer series or other shares.",
        ),
        ((3, 0.4, 0.1), "the test part must have at least one row"),
        ((3, 0.0, 0.9), "the training part must have at least one row"),
    ],
)
def test_split_rules(arguments, message):
    with refuses(message):
        Split.by_time(*arguments)
