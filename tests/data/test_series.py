"""Series: slices, fingerprints and rules."""

import re

import numpy as np
from conftest import refuses

from throughtime.data.missing_values import check_values
from throughtime.data.series import Series
from throughtime.stamps.time_axis import Times


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
        check_values(values, ["a", "b"], [11, 12, 13, 14], allow_missing=True)


def test_what_was_filled_is_sliced_with_the_values():
    flags = np.array([[False], [True], [False]])
    values = np.arange(3.0)[:, None]
    series = Series(values, ("y",), values[:, :0], (), Times.count(3), filled_at=flags)
    assert series[1:].filled_at.tolist() == [[True], [False]]


def test_a_long_series_has_a_short_repr(lab):
    assert repr(lab) == "Series(series: y; 3 steps of 1 month, 2020-01-31 to 2020-03-31)"
    values = np.zeros((10_000, 300))
    names = tuple(f"y{i}" for i in range(300))
    wide = Series(values, names, np.empty((10_000, 0)), (), Times.count(10_000), "wide")
    assert len(repr(wide)) < 200 and "10000 steps" in repr(wide)
