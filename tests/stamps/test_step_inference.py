"""The step of time stamps: calendar or duration, rounding, and irregular stamps."""

import numpy as np
import pytest
from conftest import refuses

from throughtime.stamps.time_axis import Times


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


def test_a_jitter_beyond_a_small_share_of_the_step_is_not_regular():
    stamps = np.array([0.0, 0.1, 0.21, 0.3])
    with refuses(
        "stamps in `t` must have one step; got 0.21 in row 3 after 0.1 in row 2; "
        "the step expected is 0.1."
    ):
        Times.from_stamps(stamps, "t")


COUNT = "or pass `time=False` (`--no-time`) to count the rows as steps."
RISE = "Sort the rows, and keep one of each stamp."


@pytest.mark.parametrize(
    ("stamps", "message"),
    [
        (
            ["2020-01-01", "2020-01-02", "2020-01-05", "2020-01-06"],
            "stamps in `date` must have one step; got 2020-01-05 in row 3 after 2020-01-02 in "
            'row 2; the step expected is 1 day. Pass `fill="linear"` (`--fill linear`) to put '
            f"in the 2 missing rows; {COUNT}",
        ),
        (
            ["1950-01-01", "1950-02-01", "1950-03-01", "1950-05-01", "1950-06-01"],
            "stamps in `date` must have one step; got 1950-05-01 in row 4 after 1950-03-01 in "
            'row 3; the step expected is 1 month. Pass `fill="linear"` (`--fill linear`) to '
            f"put in the 1 missing row; {COUNT}",
        ),
        (
            ["1950-01-31", "1950-02-28", "1950-03-31", "1950-04-29", "1950-05-31"],
            "got 1950-04-29 in row 4 after 1950-03-31 in row 3; the step expected is 1 month.",
        ),
        (
            ["2020-01-01", "2020-01-02", "2020-01-02", "2020-01-03"],
            f"stamps in `date` must rise; got 2020-01-02 in row 3 after 2020-01-02. {RISE}",
        ),
        (
            ["2020-01-01", "2020-01-03", "2020-01-02", "2020-01-04"],
            f"stamps in `date` must rise; got 2020-01-02 in row 3 after 2020-01-03. {RISE}",
        ),
        (
            ["2020-01-03", "2020-01-02", "2020-01-01"],
            f"stamps in `date` must rise; got 2020-01-02 in row 2 after 2020-01-03. {RISE}",
        ),
        (
            ["2020-01-01"] * 3,
            f"must rise; got 2020-01-01 in row 2 after 2020-01-01. {RISE}",
        ),
        (
            ["2020-01-01T00:00", "2020-01-01T01:00", "2020-01-01T02:30"],
            "got 2020-01-01T02:30:00 in row 3 after 2020-01-01T01:00:00 in row 2; the step "
            "expected is 1 hour.",
        ),
        (
            ["2020-01-01", "NaT", "2020-01-03", "NaT"],
            "the time column `date` must have a stamp in each row; got none in row 2 "
            f"(2 missing in all). Write the stamp, or drop the row, {COUNT}",
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
