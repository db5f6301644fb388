"""Missing values: filling, with pandas as the reference, and rules."""

import numpy as np
import pandas as pd
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from stamped_tables import days, read

from throughtime.data.missing_values import check_fill, fill
from throughtime.errors import InputError

gappy = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 30), st.integers(1, 3)),
    elements=st.one_of(st.just(np.nan), st.floats(-1e6, 1e6)),
)


@given(gappy, st.sampled_from(["linear", "forward"]))
def test_fill_agrees_with_pandas_and_keeps_present_values(values, how):
    before = values.copy()
    try:
        filled = fill(values, how)
    except InputError:
        ends = values[:1] if how == "forward" else values[[0, -1]]
        assert np.isnan(ends).any()
        return
    np.testing.assert_array_equal(values, before)
    present = ~np.isnan(values)
    np.testing.assert_array_equal(filled[present], values[present])
    frame = pd.DataFrame(values)
    expected = frame.interpolate("linear") if how == "linear" else frame.ffill()
    np.testing.assert_allclose(filled, expected.to_numpy(), rtol=1e-9, atol=1e-9)


nan = np.nan


@pytest.mark.parametrize(
    ("values", "how", "message"),
    [
        (
            [nan, nan, 1, 2],
            "linear",
            "a gap before the first value or after the last cannot be filled (the first "
            "here); got nothing in `co2`, rows 11 to 12. Drop those rows.",
        ),
        (
            [1, 2, nan, nan],
            "linear",
            "(the last here); got nothing in `co2`, rows 13 to 14. Pass "
            '`fill="forward"` (`--fill forward`), or drop those rows.',
        ),
        ([nan, 1, 2, 3], "forward", "(the first here); got nothing in `co2`, rows 11 to 11."),
        (
            [nan] * 4,
            "forward",
            "a column to fill must have values; got none in `co2`. Leave the column out.",
        ),
        (
            [1, nan, nan, 3],
            "spline",
            "`fill` must be `linear`, `forward` or `seasonal`; got spline. Pass "
            '`fill="linear"` (`--fill linear`), or leave `fill` out.',
        ),
    ],
)
def test_fill_rules(values, how, message):
    with refuses(message):
        fill(np.array(values, np.float64)[:, None], how, ["co2"], [11, 12, 13, 14])


def test_fill_without_columns():
    np.testing.assert_array_equal(fill(np.array([1, nan, 3.0]), "linear"), [1, 2, 3])
    np.testing.assert_array_equal(fill(np.array([1, nan, nan]), "forward"), [1, 1, 1])
    assert fill(np.zeros((3, 0)), "linear").shape == (3, 0)
    with refuses("nothing in `column 1`, rows 1 to 1."):
        fill(np.array([nan, 1.0]), "linear")


def test_a_seasonal_fill_repeats_the_season_before_by_pandas_too():
    season = np.tile([1.0, 5.0, 2.0, 8.0], 10) + np.repeat(np.arange(10.0), 4)
    gone = season.copy()
    gone[[1, 2, 13, 14, 15, 16, 18, 30, 39]] = nan
    filled = fill(gone, "seasonal", seasons=(4,))
    linear = gone.copy()
    linear[[1, 2]] = [1 + 7 / 3, 1 + 14 / 3]  # nothing is before the first season
    by_phase = pd.DataFrame(linear.reshape(10, 4)).ffill().to_numpy().ravel()
    np.testing.assert_allclose(filled, by_phase)


@given(
    hnp.arrays(np.float64, 40, elements=st.floats(-9, 9)),
    hnp.arrays(np.bool_, 40),
    st.sampled_from(["linear", "forward", "seasonal"]),
    st.integers(1, 39),
)
def test_what_is_known_after_a_gap_is_filled_from_what_is_known_by_then(values, gone, how, end):
    """So a backtest, whose origins are measured rows, reads nothing from after them."""
    values[gone], values[0], values[end - 1] = nan, 0.5, 1.5
    values[7:14], values[-1] = 0.25, 1.5  # a season without gaps, not the first
    changed = values.copy()
    changed[end:] = np.where(np.isnan(values[end:]), nan, values[end:] + 100)
    found = [fill(one, how, seasons=(7,))[:end] for one in (values, changed)]
    np.testing.assert_array_equal(*found)


def test_a_seasonal_fill_takes_the_longest_season_that_shows_twice():
    values = np.array([1.0, 2.0] * 6)
    values[5] = nan
    assert fill(values, "seasonal", seasons=(2, 7))[5] == 2
    with refuses(
        "a seasonal fill needs two seasons of the calendar; got seasons of 7 steps in 12 "
        'steps. Pass `fill="linear"` (`--fill linear`).'
    ):
        fill(values, "seasonal", seasons=(7,))
    with refuses("got none in 12 steps."):
        fill(values, "seasonal")
    values[1::2] = nan
    with refuses("got none in `flow` at step 2 of 2."):
        fill(values, "seasonal", ["flow"], seasons=(2,))


def test_a_limit_on_the_length_of_a_gap():
    values = np.array([1, nan, 3, nan, nan, nan, 7, 8])
    np.testing.assert_allclose(fill(values, "linear", limit=3), np.arange(1.0, 9))
    with refuses(
        "a gap to fill must not be longer than `fill_limit` (`--fill-limit`), 2; got 3 missing "
        "in `flow` from row 4 on. Raise it to 3, or leave it out."
    ):
        fill(values[:, None], "linear", ["flow"], limit=2)
    with refuses("`fill_limit` must be a whole number of at least 1; got 0."):
        fill(values, "linear", limit=0)
    with refuses("`fill_limit` (`--fill-limit`) needs a way to fill; got 3."):
        check_fill(None, 3)


def test_missing_rows_are_put_in_and_marked(tmp_path):
    stamps, values = days(40), np.arange(40.0)
    rest = [i for i in range(40) if i not in (15, 16, 20)]
    at = {"values": [values[i] for i in rest]}
    series = read(tmp_path, [stamps[i] for i in rest], fill="linear", **at)
    np.testing.assert_allclose(series.targets[:, 0], values)
    assert series.filled == 3 and series.times.labels() == stamps
    assert np.flatnonzero(series.filled_at[:, 0]).tolist() == [15, 16, 20]
    assert series.remarks == ("3 missing rows put in",)
    seasonal = read(tmp_path, [stamps[i] for i in rest], fill="seasonal", **at)
    before = [*range(15), 8, 9, *range(17, 20), 13, *range(21, 40)]  # a week before
    np.testing.assert_allclose(seasonal.targets[:, 0], before)
    with refuses("got 2 missing in `y` from row 15 on. Raise it to 2"):
        read(tmp_path, [stamps[i] for i in rest], fill="linear", fill_limit=1, **at)


def test_gaps_at_the_ends(tmp_path):
    """Rows before the first value are left out, and told; the last ones need `forward`."""
    stamps = days(30)
    values = ["", "", *range(2, 28), "", ""]
    with refuses('(the last here); got nothing in `y`, rows 29 to 30. Pass `fill="forward"`'):
        read(tmp_path, stamps, values=values, fill="linear")
    with refuses('Pass `fill="forward"` (`--fill forward` on the command line)'):
        read(tmp_path, stamps, values=values)
    series = read(tmp_path, stamps, values=values, fill="forward")
    assert series.times.labels() == stamps[2:] and series.targets[-3:, 0].tolist() == [27] * 3
    assert series.remarks == ("the first 2 rows left out: no value yet",)
    assert series.filled == 2


def test_the_limit_that_is_named_is_right_for_all_columns():
    gaps = np.array([[1, 1], [np.nan, 2], [np.nan, np.nan], [4, np.nan], [5, np.nan], [6, 6]])
    with refuses("Raise it to 3, or leave it out."):
        fill(gaps, "linear", limit=1)
    assert np.isfinite(fill(gaps, "linear", limit=3)).all()
