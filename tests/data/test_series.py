"""Series, splits, scalers and filling: round trips, oracles and rules."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from throughtime.data.scaler import Scaler
from throughtime.data.series import Series, Split, Times, check_values, fill
from throughtime.errors import InputError

# --- Series ------------------------------------------------------------------------------


def series(n=10, **changes):
    rng = np.random.default_rng(0)
    fields = {
        "targets": rng.normal(size=(n, 2)),
        "target_names": ("a", "b"),
        "inputs": rng.normal(size=(n, 1)),
        "input_names": ("u",),
        "times": Times(np.datetime64("2020-01-31", "us"), 1, n, "t", "month", 31),
        "name": "lab",
    }
    return Series(**fields | changes)


def test_a_slice_keeps_rows_and_stamps_together():
    whole = series()
    part = whole[3:-2]
    assert len(part) == 5
    np.testing.assert_array_equal(part.targets, whole.targets[3:8])
    np.testing.assert_array_equal(part.inputs, whole.inputs[3:8])
    assert part.times.labels() == whole.times.labels()[3:8]
    assert len(whole[4:4]) == len(whole[5:2]) == 0
    with refuses("a series is cut in one piece; got a slice with step 2."):
        whole[::2]


def test_the_fingerprint_follows_the_data_only():
    first = series()
    assert re.fullmatch("[0-9a-f]{64}", first.fingerprint())
    assert first.fingerprint() == series(name="other").fingerprint()
    fortran = series(targets=np.asfortranarray(first.targets))
    assert first.fingerprint() == fortran.fingerprint()
    changed = first.targets.copy()
    changed[5, 1] = np.nextafter(changed[5, 1], 9)
    others = [
        series(targets=changed),
        series(target_names=("a", "c")),
        series(times=Times.count(10)),
        first[:9],
    ]
    assert len({s.fingerprint() for s in [first, *others]}) == 5


def test_series_rules():
    with refuses(
        "`targets` and `inputs` must have a row per stamp and a column per name; got shapes "
        "(10, 2) and (10, 1) for 10 stamps, 1 and 1 names. Pass arrays of shape (time, names)."
    ):
        series(target_names=("a",))
    with refuses("every value must be present; got a missing value in column `u`, row 4"):
        series(inputs=np.where(np.arange(10) == 3, np.nan, 1.0)[:, None])
    values = np.ones((4, 2))
    values[2:, 1] = -np.inf
    with refuses(
        "values must be finite; got infinity in column `b`, row 13 (2 in all). "
        "Correct the value, or leave it empty and fill it."
    ):
        check_values(values, ["a", "b"], [11, 12, 13, 14], missing=True)


# --- Split -------------------------------------------------------------------------------


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


# --- Scaler ------------------------------------------------------------------------------

tables = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 30), st.integers(0, 4)),
    elements=st.floats(-1e8, 1e8, allow_subnormal=False),
)


@given(tables, st.integers(1, 29))
def test_scaler_round_trip(values, cut):
    try:
        scaler = Scaler.fit([values[:cut], values[cut:]])
    except InputError as error:
        assert (np.ptp(values, axis=0) <= 1e-13 * np.abs(values).max(axis=0)).any(), error
        return
    size = np.abs(values).max(initial=1.0)
    np.testing.assert_allclose(
        scaler.inverse(scaler.transform(values)), values, rtol=1e-9, atol=1e-9 * size
    )
    np.testing.assert_allclose(scaler.mean, values.mean(0), rtol=1e-9, atol=1e-9 * size)
    again = Scaler.from_json(json.loads(json.dumps(scaler.to_json())))
    np.testing.assert_array_equal(again.mean, scaler.mean)
    np.testing.assert_array_equal(again.std, scaler.std)


def test_scaler_agrees_with_scikit_learn():
    from sklearn.preprocessing import StandardScaler

    values = np.random.default_rng(0).normal(50, 7, (200, 3)) * [1, 1e-6, 1e9]
    ours = Scaler.fit([values[:80], values[80:]])
    theirs = StandardScaler().fit(values)
    np.testing.assert_allclose(ours.transform(values), theirs.transform(values), rtol=1e-9)
    stacked = np.stack([values[:100], values[100:]])
    np.testing.assert_array_equal(ours.transform(stacked)[1], ours.transform(values[100:]))


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_extreme_units_neither_overflow_nor_vanish(unit):
    scaler = Scaler.fit([np.array([[-1.0], [1.0]]) * unit])
    np.testing.assert_allclose(scaler.std / unit, [1.0])


def test_scaler_without_columns():
    none = Scaler.fit([np.zeros((5, 0))])
    assert none.transform(np.zeros((3, 0))).shape == (3, 0)


def test_scaler_rules():
    flat = np.stack([np.arange(5.0), np.full(5, 0.1)], axis=1)
    with refuses(
        "a column must vary in the training part; got 0.1 in each row of `b`. "
        "Leave the column out, or train on a longer part."
    ):
        Scaler.fit([flat], ["a", "b"])
    with refuses("got 0.1 in each row of `column 2`."):
        Scaler.fit([flat[:2], flat[2:]])
    for parts in ([], [np.zeros((0, 2))]):
        with refuses("a scaler needs at least one row; got none. Pass the training part."):
            Scaler.fit(parts)
    with refuses("the last axis must hold the 2 columns of the scaler; got shape (4, 3)."):
        Scaler(np.zeros(2), np.ones(2)).transform(np.ones((4, 3)))


# --- fill --------------------------------------------------------------------------------

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
        ([1, 2, nan, nan], "linear", "(the last here); got nothing in `co2`, rows 13 to 14."),
        ([nan, 1, 2, 3], "forward", "(the first here); got nothing in `co2`, rows 11 to 11."),
        (
            [nan] * 4,
            "forward",
            "a column to fill must have values; got none in `co2`. Leave the column out.",
        ),
        (
            [1, nan, nan, 3],
            "spline",
            "`fill` must be `linear` or `forward`; got spline. Change or leave out `fill`.",
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


def test_what_was_filled_is_sliced_with_the_values():
    flags = np.array([[False], [True], [False]])
    values = np.arange(3.0)[:, None]
    series = Series(values, ("y",), values[:, :0], (), Times.count(3), filled_at=flags)
    assert series[1:].filled_at.tolist() == [[True], [False]]
