"""Codes for missing values: words, signs, and numbers that look like codes."""

import numpy as np
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from throughtime.data.loading import to_series
from throughtime.tables.missing_codes import Codes, is_missing, likely_sentinels

LEVELS = np.array([10.0, 12, 9, 11, 14, 13, 10, 12])


@pytest.mark.parametrize("code", "NA n/a #N/A nan NULL None ? - -- . * <na> Missing".split())
def test_codes_are_missing_in_any_case(code):
    assert all(map(is_missing, (code, code.upper(), code.lower(), f" {code} ")))


def test_words_and_numbers_are_values():
    assert not any(map(is_missing, ("0", "x", "-1", "Nantes", "low", 0, 0.0, False)))


@pytest.mark.parametrize(
    "code", [-999, -9999, 9999, 99, -99.9, 1e36, 9.96921e36, -1e34, 32767, -2147483648, 1e20]
)
def test_a_number_far_from_all_else_that_codes_have_is_likely_one(code):
    assert likely_sentinels(np.insert(LEVELS, 3, [code, code])) == [code]
    assert likely_sentinels(np.insert(LEVELS, 3, [code, np.nan])) == [code]


def test_two_codes_are_both_found():
    assert likely_sentinels(np.insert(LEVELS, 3, [-999, -9999])) == [-9999, -999]


@given(hnp.arrays(np.float64, st.integers(3, 30), elements=st.floats(-90, 90)))
def test_ordinary_values_are_never_codes(values):
    assert likely_sentinels(values) == []
    assert likely_sentinels(np.linspace(900, 1100, 201)) == []


def test_a_likely_code_is_data_and_is_told_until_it_is_named(write):
    rows = [f"2021-01-{i:02},{v}" for i, v in enumerate([10, 12, -999, 11, 14, -999.0, 9], 1)]
    path = write("\n".join(["date,y", *rows]))
    (series,) = to_series(path)
    assert series.targets.min() == -999
    (remark,) = series.remarks
    assert remark.startswith("-999 in `y` 2 times and far from all else as data")
    assert "`--missing -999`" in remark
    with refuses("a missing value in column `y`, row 3 (2 in all)"):
        to_series(path, missing=-999)
    for missing in (-999, ["-999"], (-999.0, "BDL"), np.int64(-999)):
        (series,) = to_series(path, missing=missing, fill="linear")
        assert series.filled == 2 and series.remarks == ("2 values coded as missing",)


def test_words_can_be_codes(write):
    path = write("date,y\n2021-01-01,1\n2021-01-02,BDL\n2021-01-03,3\n")
    with refuses("column `y` must hold numbers; got 'BDL' in row 2"):
        to_series(path)
    (series,) = to_series(path, missing="bdl", fill="linear")
    assert series.targets[:, 0].tolist() == [1, 2, 3]


def test_codes_are_numbers_or_text():
    with refuses("`missing` must be numbers or texts that stand for a missing value"):
        Codes.of([None])


def test_a_code_may_stand_in_most_rows():
    column = np.full(100, -999.0)
    column[::4] = LEVELS[:25] if len(LEVELS) >= 25 else np.linspace(3, 9, 25)
    assert likely_sentinels(column) == [-999]
    assert likely_sentinels(np.full(9, -999.0)) == []
