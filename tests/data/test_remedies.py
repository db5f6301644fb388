"""Every remedy of a refused table is followed to the letter, and the table is read."""

import ast
import re

import numpy as np
import pytest

from throughtime.data.loading import to_series
from throughtime.errors import InputError

DAYS = [f"2021-01-{i:02}" for i in range(1, 13)]


def table(header, *columns):
    return "\n".join([header, *(";".join(row) for row in zip(DAYS, *columns, strict=True))])


COMMAS = [f"{i},{137 * i % 1000:03}" for i in range(1, 13)]
POINTS = ["1.234", "999", *["2.345", "812"] * 5]
NUMBERS = [f"{(7 * i) % 5 + 0.5}" for i in range(12)]
OTHER = [f"{(3 * i) % 7 + 0.5}" for i in range(12)]
GAPS = ["NA" if i == 4 else v for i, v in enumerate(NUMBERS)]
ENDS = ["" if i > 8 else v for i, v in enumerate(NUMBERS)]
CODES = ["-999" if i == 4 else v for i, v in enumerate(NUMBERS)]


@pytest.mark.parametrize(
    ("text", "options", "follows"),
    [
        (table("date;y", COMMAS), {}, "decimal"),
        (table("date;y", POINTS), {}, "decimal"),
        (table("date;a;b", NUMBERS, OTHER), {}, "target"),
        (table("date;y", GAPS), {}, "fill"),
        (table("date;y;u", ENDS, OTHER), {"target": "y"}, "inputs"),
        (table("date;y", GAPS), {"fill": "spline"}, "fill"),
    ],
)
def test_the_option_that_a_refusal_names_settles_it(write, text, options, follows):
    path = write(text)
    with pytest.raises(InputError) as refused:
        to_series(path, **options)
    named = dict(re.findall(r"`(\w+)=(.+?)`", refused.value.remedy))
    assert follows in named
    (series,) = to_series(path, **options | {follows: ast.literal_eval(named[follows])})
    assert np.isfinite(series.targets).all()


def test_the_option_that_a_remark_names_settles_it(write):
    path = write(table("date;y", CODES))
    (told,) = [r for r in to_series(path)[0].remarks if "--missing" in r]
    (code,) = re.findall(r"`--missing (.+?)`", told)
    with pytest.raises(InputError) as refused:
        to_series(path, missing=code)
    named = dict(re.findall(r"`(\w+)=(.+?)`", refused.value.remedy))
    (series,) = to_series(path, missing=code, fill=ast.literal_eval(named["fill"]))
    assert series.filled == 1 and series.targets.min() > 0


@pytest.mark.parametrize(
    ("text", "wrong", "right"),
    [
        ("t,flow\n0,1\n1,3\n2,2\n", {"target": "Flow"}, "target"),
        ("t,flow,rain\n0,1,1\n1,3,5\n2,2,4\n", {"target": "flow", "inputs": "Rain"}, "inputs"),
        ("time,flow\n0,1\n1,3\n2,2\n", {"target": "flow", "time": "Time"}, "time"),
    ],
)
def test_the_name_that_is_suggested_is_right(write, text, wrong, right):
    path = write(text)
    with pytest.raises(InputError) as refused:
        to_series(path, **wrong)
    (name,) = re.findall(r"Did you mean `(.+?)`", refused.value.remedy)
    assert len(to_series(path, **wrong | {right: name})[0]) == 3


def test_a_row_that_is_corrected_as_told_is_read(write):
    rows = ["t,y", "0,1,5", "1,2,5", "2,4,5"]
    with pytest.raises(InputError, match="write decimals with a point"):
        to_series(write("\n".join(rows)))
    pointed = [row[::-1].replace(",", ".", 1)[::-1] for row in rows[1:]]
    (series,) = to_series(write("\n".join([rows[0], *pointed])))
    assert series.targets[:, 0].tolist() == [1.5, 2.5, 4.5]
    quoted = [re.sub(r",(.*)", r',"\1"', row) for row in rows[1:]]
    (series,) = to_series(write("\n".join([rows[0], *quoted])))
    assert series.targets[:, 0].tolist() == [1.5, 2.5, 4.5]
