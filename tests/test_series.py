"""Times, series, splits, scalers and filling: round trips, oracles and rules."""

import datetime as dt
import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from throughtime.errors import InputError
from throughtime.series import Scaler, Series, Split, Times, check_values, fill


def refuses(message):
    return pytest.raises(InputError, match=re.escape(message))


def times(start, step, length, unit="number", day=1):
    if unit != "number":
        start = np.datetime64(start, "us")
    return Times(start, step, length, "t", unit, day)


# --- Times -------------------------------------------------------------------------------

moments = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))


@st.composite
def axes(draw):
    length = draw(st.integers(3, 60))
    kind = draw(st.sampled_from(["integer", "float", "duration", "month", "month end"]))
    if kind == "integer":
        return times(draw(st.integers(-5000, 5000)), draw(st.integers(1, 1000)), length)
    if kind == "float":
        start = draw(st.floats(-1e3, 1e3, allow_subnormal=False))
        return times(start, draw(st.floats(1e-3, 1e3)), length)
    moment = draw(moments)
    if kind == "duration":
        return times(moment, draw(st.integers(1, 10**13)), length, "microsecond")
    step = draw(st.sampled_from([1, 2, 3, 6, 12, 24]))
    if kind == "month":
        moment = moment.replace(day=draw(st.integers(1, 28)))
        return times(moment, step, length, "month", moment.day)
    moment = (moment.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    return times(moment - dt.timedelta(days=1), step, length, "month", 31)


@given(axes())
def test_stamps_are_read_back(axis):
    again = Times.from_stamps(axis.values(), "t")
    assert (len(again), again.column) == (len(axis), "t")
    if axis.unit == "number":
        np.testing.assert_allclose(again.values(), axis.values(), rtol=1e-9, atol=1e-9)
    else:
        np.testing.assert_array_equal(again.values(), axis.values())
    assert again.values().dtype == axis.values().dtype


@given(axes(), st.integers(1, 40))
def test_after_continues_the_axis(axis, n):
    longer = times(axis.start, axis.step, len(axis) + n, axis.unit, axis.day)
    both = np.concatenate([axis.values(), axis.after(n).values()])
    if axis.unit == "number":
        np.testing.assert_allclose(both, longer.values(), rtol=1e-12, atol=1e-12)
    else:
        np.testing.assert_array_equal(both, longer.values())
    assert axis.after(n).describe() == axis.describe()


@given(axes(), st.integers(-70, 70), st.integers(-70, 70))
def test_slices_are_those_of_the_values(axis, first, last):
    part, expected = axis[first:last], axis.values()[first:last]
    assert len(part) == len(expected)
    if axis.unit == "number":
        np.testing.assert_allclose(part.values(), expected, rtol=1e-12, atol=1e-12)
    else:
        np.testing.assert_array_equal(part.values(), expected)


@given(axes())
def test_json_is_exact(axis):
    assert Times.from_json(json.loads(json.dumps(axis.to_json()))) == axis


@given(axes())
def test_labels_are_distinct_and_parse_to_the_values(axis):
    labels, values = axis.labels(), axis.values()
    assert len(set(labels)) == len(axis)
    if axis.unit == "number":
        np.testing.assert_allclose([float(x) for x in labels], values, atol=1e-6)
    else:
        np.testing.assert_array_equal(np.array(labels, "M8[us]"), values)


@pytest.mark.parametrize(
    ("frequency", "words"),
    [
        ("ME", "1 month"),
        ("MS", "1 month"),
        ("QE", "1 quarter"),
        ("QS", "1 quarter"),
        ("2MS", "2 months"),
        ("YE", "1 year"),
        ("YS", "1 year"),
        ("10YE", "10 years"),
        ("W", "1 week"),
        ("D", "1 day"),
        ("10D", "10 days"),
        ("h", "1 hour"),
        ("15min", "15 minutes"),
        ("90s", "90 seconds"),
        ("250ms", "250 milliseconds"),
        ("7us", "7 microseconds"),
    ],
)
def test_steps_agree_with_pandas(frequency, words):
    """The same stamps as pandas' calendar, over leap years and four centuries' turn."""
    index = pd.date_range("1896-01-31 00:00", periods=60, freq=frequency)
    axis = Times.from_stamps(index[:40].to_numpy(), "t")
    assert axis.describe() == words
    np.testing.assert_array_equal(axis.values(), index[:40].to_numpy())
    np.testing.assert_array_equal(axis.after(20).values(), index[40:].to_numpy())


@pytest.mark.parametrize(
    ("stamps", "following"),
    [
        (["2023-12-31", "2024-01-31"], "2024-02-29"),
        (["2024-01-31", "2024-02-29"], "2024-03-31"),
        (["2023-01-30", "2023-02-28", "2023-03-30"], "2023-04-30"),
        (["2020-02-29", "2021-02-28", "2022-02-28"], "2023-02-28"),
        (["2023-02-28", "2023-05-31"], "2023-08-31"),
        (["2023-07-01", "2023-08-01"], "2023-09-01"),
        (["2023-01-31", "2023-02-28", "2023-03-28"], "2023-04-25"),  # 28 days, not a month
        (["2024-02-28", "2024-02-29"], "2024-03-01"),
        (["2023-02-01T06:00", "2023-03-01T06:00"], "2023-04-01T06:00:00"),
    ],
)
def test_calendar_or_duration(stamps, following):
    axis = Times.from_stamps(np.array(stamps, "M8[us]"), "date")
    assert axis.after(1).labels() == [following]


def test_labels():
    assert times(0.0, 0.1, 4).labels() == ["0", "0.1", "0.2", "0.3"]
    assert times(1700, 1, 2).labels() == ["1700", "1701"]
    assert times(1e9, 1e-4, 2).labels() == ["1000000000", "1000000000.0001"]
    hours = times("2020-01-01T00:00", 3_600_000_000, 25, "microsecond")
    assert hours.labels()[:2] == ["2020-01-01T00:00:00", "2020-01-01T01:00:00"]
    assert hours[24:].labels() == ["2020-01-02T00:00:00"]
    fine = times("2020-01-01", 1500, 2, "microsecond")
    assert fine.labels()[1] == "2020-01-01T00:00:00.001500"
    assert Times.count(3).labels() == ["0", "1", "2"]
    assert Times.count(3).column is None
    assert Times.count(3).after(2).labels() == ["3", "4"]
    assert Times.count(0).labels() == []


def test_microseconds_stay_exact_over_centuries():
    axis = times("1700-01-01T00:00:00.000001", 86_400_000_007, 100_000, "microsecond")
    last = dt.datetime(1700, 1, 1, 0, 0, 0, 1) + 99_999 * dt.timedelta(days=1, microseconds=7)
    assert axis.values()[-1] == np.datetime64(last)


@pytest.mark.parametrize(
    "stamps",
    [
        np.arange(1000) * np.float64(0.1) + 12345.6,
        np.arange(1000, dtype=np.float32) * np.float32(0.01) + np.float32(100),
        np.cumsum(np.full(1000, 0.1)),
        1 / 30 * np.arange(100) + np.random.default_rng(0).uniform(-1e-8, 1e-8, 100),
    ],
)
def test_rounded_floats_are_regular(stamps):
    axis = Times.from_stamps(stamps, "t")
    np.testing.assert_allclose(axis.values(), stamps, rtol=1e-6)


def test_a_jitter_beyond_rounding_is_not_regular():
    stamps = np.array([0.0, 0.1, 0.200001, 0.3])
    with refuses(
        "stamps in `t` must have one step; got 0.200001 in row 3 after 0.1 in row 2; "
        "the step expected is 0.1."
    ):
        Times.from_stamps(stamps, "t")


FILL_IN = (
    "Add a row for each missing stamp, with empty values, and pass `fill`; or resample; "
    "or drop `date` to count steps instead."
)
ID = "if the table holds several series, name the column that tells them apart as `id`."


@pytest.mark.parametrize(
    ("stamps", "message"),
    [
        (
            ["2020-01-01", "2020-01-02", "2020-01-05", "2020-01-06"],
            "stamps in `date` must have one step; got 2020-01-05 in row 3 after 2020-01-02 in "
            f"row 2; the step expected is 1 day. {FILL_IN}",
        ),
        (
            ["1950-01-01", "1950-02-01", "1950-03-01", "1950-05-01", "1950-06-01"],
            "stamps in `date` must have one step; got 1950-05-01 in row 4 after 1950-03-01 in "
            f"row 3; the step expected is 1 month. {FILL_IN}",
        ),
        (
            ["1950-01-31", "1950-02-28", "1950-03-31", "1950-04-29", "1950-05-31"],
            "got 1950-04-29 in row 4 after 1950-03-31 in row 3; the step expected is 1 month.",
        ),
        (
            ["2020-01-01", "2020-01-02", "2020-01-02", "2020-01-03"],
            "stamps in `date` must not repeat; got 2020-01-02 in row 3 after 2020-01-02 in "
            f"row 2; the step expected is 1 day. Drop one of the rows; {ID}",
        ),
        (
            ["2020-01-01", "2020-01-03", "2020-01-02", "2020-01-04"],
            "stamps in `date` must be in order; got 2020-01-02 in row 3 after 2020-01-03 in "
            "row 2",
        ),
        (
            ["2020-01-03", "2020-01-02", "2020-01-01"],
            "stamps in `date` must be in order; got 2020-01-02 in row 2 after 2020-01-03 in "
            f"row 1; the step expected is 1 day. Sort the rows by `date`; {ID}",
        ),
        (
            ["2020-01-01"] * 3,
            "must not repeat; got 2020-01-01 in row 2 after 2020-01-01 in row 1.",
        ),
        (
            ["2020-01-01T00:00", "2020-01-01T01:00", "2020-01-01T02:30"],
            "got 2020-01-01T02:30:00 in row 3 after 2020-01-01T01:00:00 in row 2; the step "
            "expected is 1 hour.",
        ),
        (
            ["2020-01-01", "NaT", "2020-01-03", "NaT"],
            "the time column `date` must have a stamp in each row; got none in row 2 "
            "(2 missing in all). Write the stamp, or drop the row.",
        ),
        (
            ["2020-01-01"],
            "the time column `date` needs two rows to show its step; got 1. "
            "Pass a longer series.",
        ),
        ([], "needs two rows to show its step; got 0."),
    ],
)
def test_irregular_stamps_are_named(stamps, message):
    with refuses(message):
        Times.from_stamps(np.array(stamps, "M8[us]"), "date")


def test_irregular_numbers_are_named_by_their_row_in_the_table():
    with refuses("got 1705 in row 9 after 1702 in row 7; the step expected is 1."):
        Times.from_stamps(np.array([1700, 1701, 1702, 1705]), "year", [3, 5, 7, 9])
    with refuses("got none in row 2 (1 missing in all)"):
        Times.from_stamps(np.array([1.0, np.nan, 3.0]), "year")
    with refuses("must hold numbers or dates; got values of type bool. Name another column"):
        Times.from_stamps(np.array([False, True]), "flag")
    with refuses(
        "dates in `t` must be whole microseconds; got 2020-01-01T00:00:00.000000001 in row 2. "
        "Write the time as a number, such as seconds since the start."
    ):
        Times.from_stamps(
            np.array(["2020-01-01", "2020-01-01T00:00:00.000000001"], "M8[ns]"), "t"
        )


@given(axes(), st.data())
def test_a_dropped_row_is_always_found(axis, data):
    assume(len(axis) >= 5)
    gone = data.draw(st.integers(1, len(axis) - 2))
    with refuses("must have one step"):
        Times.from_stamps(np.delete(axis.values(), gone), "t")


# --- Series ------------------------------------------------------------------------------


def series(n=10, **changes):
    rng = np.random.default_rng(0)
    fields = {
        "targets": rng.normal(size=(n, 2)),
        "target_names": ("a", "b"),
        "inputs": rng.normal(size=(n, 1)),
        "input_names": ("u",),
        "times": times("2020-01-31", 1, n, "month", 31),
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


def test_scaler_without_columns_and_identity():
    none = Scaler.fit([np.zeros((5, 0))])
    assert none.transform(np.zeros((3, 0))).shape == (3, 0)
    values = np.random.default_rng(0).normal(size=(4, 2))
    np.testing.assert_array_equal(Scaler.identity(2).transform(values), values)


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
        Scaler.identity(2).transform(np.ones((4, 3)))


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
