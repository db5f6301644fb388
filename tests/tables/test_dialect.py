"""The dialect of a text table: its separator, and what is no cell."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.tables.dialect import sniff_dialect, split_lines


@pytest.mark.parametrize(
    ("text", "separator", "width"),
    [
        ("t,y\n0,1\n", ",", 2),
        ("t ; y\n0;1,5\n", ";", 2),
        ("t\ty\n0\t1\n", "\t", 2),
        ("a,b\tc\n0\t1\n", "\t", 2),
        ('"a,b";c\n0;1\n', ";", 2),
        ("y\n1\n", "", 1),
        (",y,\n0,1,\n", ",", 3),
        ("date|flow|note\n1|2,5|a;b\n", "|", 3),
        ("   0     10.000\n   1     11.857\n", " ", 2),
        ("2021-01-29 00:00,10\n2021-01-29 01:00,11\n", ",", 2),
        ("29.01.2021;10,5\n30.01.2021;11,5\n", ";", 2),
        ('"flow"\n"1" 10.5\n"2" 11\n', " ", 2),
        ("flow\n10 000\n11 857\n", "", 1),
        ("flow\n10,5\n11,8\n", "", 1),
        ("flow\n10.5 kg\n11 kg\n", "", 1),
        ("date y u\n2021-01-29 1,438.70 -1\n2021-01-30 2,423.19 1\n", " ", 3),
        ("2021-01-29 1,438.70\n2021-01-30 2,423.19\n2021-01-31 1,423\n", " ", 2),
        ("date y\n2021-01-29 1,438.70\n2021-01-30 2,423.19\n", " ", 2),
        ("date,tags,y\n2021,a;b,1\n2022,c;d,2\n", ",", 3),
    ],
)
def test_the_separator_is_found(text, separator, width):
    dialect = sniff_dialect(text.splitlines(keepends=True))
    assert (dialect.separator, dialect.width) == (separator, width)


def test_a_tsv_file_has_tabs():
    assert sniff_dialect(["a,b\tc,d\n", "1,2\t3,4\n"], tabs=True).separator == "\t"


def test_comments_and_blank_lines_are_no_rows():
    lines = ["% MATLAB\n", "# station, 12\n", "\n", "a,b\n", '"# note",\n', "#N/A,2\n", "//x\n"]
    split = split_lines(lines, ",")
    assert split.rows == [["a", "b"], ["#N/A", "2"]] and split.starts == [3, 5]


cells = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=8).filter(
    lambda cell: not cell.startswith(("#", "%", "!", "//"))
)


@given(st.lists(st.lists(cells, min_size=2, max_size=4).filter(any), min_size=1, max_size=5))
def test_what_csv_writes_is_split_into_the_same_cells(rows):
    class Lines(list):
        write = list.append

    written = Lines()
    csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    rows = [row for row in rows if not row[0].startswith("#")]
    assert split_lines(written, ",", strict=True).rows == rows
