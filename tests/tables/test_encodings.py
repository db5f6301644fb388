"""The encoding of a text: any that has a mark or cannot be another."""

import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st

from throughtime.tables.encodings import decode

TABLE = "date,T °C\n2020,1\n"


@pytest.mark.parametrize(
    ("encoding", "remarks"),
    [
        ("utf-8", []),
        ("utf-8-sig", []),
        ("utf-16", ["UTF-16"]),
        ("utf-16-le", ["UTF-16"]),
        ("utf-16-be", ["UTF-16"]),
        ("utf-32", ["UTF-32"]),
        ("latin-1", ["Latin-1"]),
        ("cp1252", ["Latin-1"]),
    ],
)
def test_each_encoding_gives_the_text(encoding, remarks):
    assert decode(TABLE.encode(encoding), "lab.csv") == (TABLE, remarks)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"])))
def test_utf_8_is_never_taken_for_another(text):
    assert decode(text.encode(), "lab.csv") == (text.rstrip("\v\f ") + "\n", [])


def test_what_is_no_text_is_refused():
    rule = "lab.csv must be a table in text; got byte"
    with refuses(f"{rule} 0x89 in line 1. Save it as CSV in UTF-8."):
        decode(b"\x89PNG\r\n\x1a\n\0\0", "lab.csv")
    with refuses(f"{rule} 0xff in line 3."):  # UTF-8 elsewhere: a damaged file
        decode("T °C\n1\n".encode() + b"\xff\n", "lab.csv")
    with refuses(f"{rule} 0x00 in line 2."):
        decode(b"y\n1\0\n2\n3\n", "lab.csv")


def test_japanese_text_of_spreadsheets():
    text = "日付,売上\n2021/01/18,¥1\n"
    assert decode(text.replace("¥", "\\").encode("cp932"), "a.csv") == (text, ["Shift JIS"])
