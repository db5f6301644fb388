"""Numbers as people write them: read where a column agrees, asked where it has two readings."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.errors import InputError
from throughtime.tables.column_types import read_columns
from throughtime.tables.number_forms import read_numbers


@pytest.mark.parametrize(
    ("texts", "numbers", "remarks"),
    [
        (["1,5", "2,25"], [1.5, 2.25], ["decimal commas"]),
        (["1,234", "12,34"], [1.234, 12.34], ["decimal commas"]),
        (["0,125", "1,250"], [0.125, 1.25], ["decimal commas"]),
        (["10,000.0", "-1,185.70"], [1e4, -1185.7], ["thousands by commas"]),
        (["1,234,567", "1,234"], [1234567, 1234], ["thousands by commas"]),
        (["12,34,567.5"], [1234567.5], ["thousands by commas"]),
        (["1.234.567"], [1234567], ["thousands by points"]),
        (["1.234,5"], [1234.5], ["decimal commas", "thousands by points"]),
        (["1 234,5"], [1234.5], ["decimal commas", "thousands by spaces"]),
        (["10\u202f000", "999"], [10000, 999], ["thousands by spaces"]),
        (["1'234.5", "1’000"], [1234.5, 1000], ["thousands by apostrophes"]),
        (["$1,000.00", "$2.00"], [1000, 2], ["thousands by commas", "`y` in $"]),
        (["10.5%", "-3 %"], [10.5, -3], ["`y` in %"]),
        (["10 kg/m3", "5 kg/m3"], [10, 5], ["`y` in kg/m3"]),
        (["5 W m-2"], [5], ["`y` in W m-2"]),
        (["\u22125", "6", "+7"], [-5, 6, 7], []),
        (["(5)", "6"], [-5, 6], ["brackets as minus"]),
        (
            ["($1,000.5)", "$5"],
            [-1000.5, 5],
            ["thousands by commas", "`y` in $", "brackets as minus"],
        ),
        (["5-", "4"], [-5, 4], ["minus after the number"]),
        (["1.0D+03", "-2.5d-1"], [1000, -0.25], []),
        (["1.5-103", "2.5+101"], [1.5e-103, 2.5e101], []),
    ],
)
def test_each_form_is_read(texts, numbers, remarks):
    reading = read_numbers(pl.Series("y", [*texts, None]))
    assert reading.column.to_list() == [*numbers, None]
    assert sorted(reading.remarks) == sorted(remarks)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["1,234", "2,345"], "must have one reading; got '1,234' in row 1, where `,` may be"),
        (["1.234 kg", "999 kg"], "got '1.234 kg' in row 1, where `.` may be"),
        (["10%", "0"], "must have one unit; got '10%' in row 1 and '0' in row 2."),
        (["10 kg", "10 g"], "must have one unit"),
        (["$5", "€5"], "must have one unit"),
        (["(5)", "-5"], "must be written in one way"),
        (["1,5", "2,5", "low"], "must hold numbers; got 'low' in row 3"),
        (["1,234.5", "1.234,5"], "must hold numbers; got '1,234.5' in row 1"),
    ],
)
def test_what_has_no_one_reading_is_asked(texts, message):
    question = read_numbers(pl.Series("y", texts))
    assert isinstance(question, InputError) and message in str(question)


@pytest.mark.parametrize(
    "texts",
    [
        ["1991 Jul", "1992 Jul"],
        ["1970 Q1", "1970 Q2"],
        ["29.01.2021", "30.01.2021"],
        ["12:00 AM", "1:00 AM"],
        ["31. 1. 2021", "1. 2. 2021"],
        ["5 May", "6 May"],
        ["1991M07", "1991M08"],
        ["2021-01-29", "2021-01-30"],
        ["a", "b"],
        ["site1", "site2"],
        ["10.0.0.1", "10.0.0.2"],
        ["398\t340", "1\t000"],
    ],
)
def test_what_is_no_number_stays_text(texts):
    assert read_numbers(pl.Series("y", texts)) is None


def columns(**texts):
    return read_columns(pl.DataFrame(texts), **{})


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [(["21 %", "22 %"], [21, 22]), (["(5)", "7"], [-5, 7]), (["€ 5", "€ 7"], [5, 7])],
)
def test_what_has_no_mark_asks_for_none(texts, numbers):
    """Even among semicolons, where a point would be a question, and beside decimal commas."""
    found = read_columns(pl.DataFrame({"y": texts}), separator=";")
    assert found.frame["y"].to_list() == numbers and not found.questions
    found = columns(y=texts, z=["1,5", "2,5"])
    assert found.frame["y"].to_list() == numbers
    assert "thousands by points" not in found.remarks


def test_other_columns_settle_what_a_comma_or_a_point_is():
    found = columns(a=["1,234", "2,345"], b=["1.5", "2.5"])
    assert found.frame["a"].to_list() == [1234, 2345] and not found.questions
    found = columns(a=["1,234", "2,345"], b=["1,5", "2,5"])
    assert found.frame["a"].to_list() == [1.234, 2.345] and not found.questions
    found = columns(a=["1.234", "2.345"], b=["1,5", "2,5"])
    assert found.frame["a"].to_list() == [1234, 2345]
    assert "thousands by points" in found.remarks
    found = columns(a=["1,234", "2,345"], b=["1,5", "2,5"], c=["1.5", "2.5"])
    assert list(found.questions) == ["a"]


def test_the_user_settles_it():
    frame = pl.DataFrame({"a": ["1,234", "2,345"], "b": ["1.234", "2.345"]})
    found = read_columns(frame, decimal=",")
    assert found.frame.rows() == [(1.234, 1234), (2.345, 2345)] and not found.questions
    found = read_columns(frame, decimal=".")
    assert found.frame.rows() == [(1234, 1.234), (2345, 2.345)] and not found.questions


@pytest.mark.parametrize(
    ("texts", "separators"),
    [
        (["1.340", "900"], [";", "\t", "", " ", "|", ","]),
        (["1.234", "999"], [";", "\t", "", " ", "|"]),
        (["1.234", "2.340"], [";"]),
        (["1.234", "0.5"], []),
        (["1.234", "0.234"], []),
        (["1.234", "1234"], []),
        (["1.234", "9.99"], []),
    ],
)
def test_points_are_asked_where_they_may_separate_thousands(texts, separators):
    frame = pl.DataFrame({"a": texts})
    for separator in [";", "\t", "", " ", "|", ","]:
        found = read_columns(frame, separator=separator)
        assert list(found.questions) == ["a"] * (separator in separators)
        if separator not in separators:
            assert found.frame["a"].to_list() == list(map(float, texts))
        for mark, without in ((".", ""), (",", ".")):  # what the question asks for answers it
            told = read_columns(frame, separator=separator, decimal=mark)
            if not told.questions:
                expected = [float(t.replace(without, "") if without else t) for t in texts]
                assert told.frame["a"].to_list() == expected
            assert not (told.questions and separator in separators)
    settled = read_columns(frame.with_columns(b=pl.Series(["0.5", "1.5"])), separator=";")
    assert not settled.questions and settled.frame["a"].to_list() == list(map(float, texts))


def test_numbers_beyond_double_precision_are_refused():
    found = columns(a=["1e400", "2"], b=["-inf", "2"])
    assert "'1e400' in row 1 of column `a`" in str(found.questions["a"])
    assert found.frame["b"].to_list() == [-float("inf"), 2]


def test_the_id_stays_text_and_truth_is_no_number():
    frame = pl.DataFrame({"id": ["01", "NA"], "b": ["True", "false"]})
    found = read_columns(frame, "id").frame
    assert found.rows() == [("01", True), ("NA", False)]


@given(st.lists(st.floats(-1e15, 1e15), min_size=1), st.sampled_from([" ", "'", "."]))
def test_grouped_numbers_with_decimal_commas_are_exact(values, group):
    def write(value):
        return f"{value:,.5f}".replace(",", "\0").replace(".", ",").replace("\0", group)

    reading = read_numbers(pl.Series("y", [write(v) for v in [*values, 1234.5]]))
    assert reading.column.to_list() == [float(f"{v:.5f}") for v in [*values, 1234.5]]


@pytest.mark.parametrize(
    "texts",
    [
        ["10.5-100", "2", "5", "5.5"],  # one of them is a range
        ["10.5-100", "10.5-110", "10.5-120"],
        ["1.5-200", "2.5-300", "3.5-400"],
        ["1.50E+00", "2.5-101", "1.0E+00"],
    ],
)
def test_ranges_are_no_exponents(texts):
    found = columns(y=texts)
    assert found.questions or found.frame["y"].dtype == pl.String


def test_exponents_of_three_digits_stand_among_others():
    texts = ["0.150-103", "-0.250E+02", "0.000E+00", "0.125+101"]
    expected = [0.15e-103, -25, 0, 0.125e101]
    assert read_numbers(pl.Series("y", texts)).column.to_list() == expected
