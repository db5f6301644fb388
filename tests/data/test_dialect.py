"""The dialect of a CSV file, found in its first lines."""

from pathlib import Path

import pytest
from conftest import refuses

from throughtime.data.dialect import Dialect, decode, sniff_dialect


@pytest.mark.parametrize(
    ("text", "name", "dialect"),
    [
        ("t,y\n0,1\n", "lab.csv", Dialect(",", ["t", "y"])),
        ("t ; y\n0;1,5\n", "lab.csv", Dialect(";", ["t", "y"])),
        ("t\ty\n0\t1\n", "lab.txt", Dialect("\t", ["t", "y"])),
        ("a,b\tc\n0\t1\n", "lab.TSV", Dialect("\t", ["a,b", "c"])),
        ('"a,b";c\n0;1\n', "lab.csv", Dialect(";", ["a,b", "c"])),
        ('"a\nb",c\n0,1\n', "lab.csv", Dialect(",", ["a\nb", "c"])),
        ("y\n1\n", "lab.csv", Dialect(",", ["y"])),
        (",y,\n0,1,\n", "lab.csv", Dialect(",", ["", "y", ""])),
    ],
)
def test_separator_and_names_are_found(text, name, dialect):
    assert sniff_dialect(text, Path(name)) == dialect


def test_the_byte_at_fault_is_named_after_a_byte_order_mark_too():
    raw = "\ufefft,y\n0,1\n".encode() + b"1,\xe9\n2,3\n"
    with refuses("got byte 0xe9 in line 3"):
        decode(raw, Path("lab.csv"))
