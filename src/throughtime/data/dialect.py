"""The dialect of a CSV file: its encoding, its separator and the names in its header.

`sniff_dialect` finds the last two in the text that `decode` gives.
"""

import codecs
import csv
import io
from pathlib import Path
from typing import NamedTuple

from throughtime.errors import InputError

from .values import parse_numbers

SEPARATORS = ",;\t"


class Dialect(NamedTuple):
    """How a CSV file is written.

    Attributes
    ----------
    separator
        The character between values: a comma, a semicolon or a tab.
    names
        The names in the header, stripped of white space; some may be empty.
    """

    separator: str
    names: list[str]


def decode(raw: bytes, path: Path) -> str:
    r"""The text of a CSV file in UTF-8, with `\n` at the end of each line.

    Raises
    ------
    InputError
        If a byte is not UTF-8 text; the message names it and its line.
    """
    try:
        text = raw.removeprefix(codecs.BOM_UTF8).decode()
        if "\0" in text:
            raise UnicodeDecodeError("utf-8", raw, raw.index(b"\0"), len(raw), "zero byte")
    except UnicodeDecodeError as error:
        raw = error.object  # without the byte-order mark
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path.name} must be a table in UTF-8 text",
            f"byte 0x{raw[error.start]:02x} in line {line}",
            "Save it as CSV in UTF-8.",
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n").rstrip() + "\n"


def sniff_dialect(text: str, path: Path) -> Dialect:
    """Find the separator and the header of a CSV file.

    The separator is a tab in a file that ends in .tsv, otherwise the one that splits the first
    line into the most columns; a comma if all are equal.

    Raises
    ------
    InputError
        If spaces separate the columns, or if the first line holds numbers instead of names.
    """
    if path.suffix.lower() == ".tsv":
        separator = "\t"
    else:
        separator = max(SEPARATORS, key=lambda s: len(_header(text, s)))
    names = [name.strip() for name in _header(text, separator)]
    first, second = text.split("\n", 2)[:2]
    if len(names) == 1 and len(first.split()) == len(second.split()) > 1:
        raise InputError(
            "columns must be separated by commas, semicolons or tabs",
            f"spaces in {path.name}",
            "Replace the spaces between columns by commas.",
        )
    if not parse_numbers([n for n in names if n])[1]:
        raise InputError(
            "the first line must name the columns",
            f"numbers in {path.name}",
            "Add a first line such as `time,value`.",
        )
    return Dialect(separator, names)


def _header(text: str, separator: str) -> list[str]:
    start = io.StringIO(text[:100_000])  # a quoted name may go over several lines
    return next(csv.reader(start, delimiter=separator))


def check_row_lengths(text: str, dialect: Dialect, path: Path) -> None:
    """Refuse a row that holds more values than the header has names.

    Raises
    ------
    InputError
        If there is such a row; the message names the first.
    """
    width = len(dialect.names)
    for i, row in enumerate(csv.reader(io.StringIO(text), delimiter=dialect.separator)):
        if len(row) > width:
            raise InputError(
                f"a row must not hold more than the {width} values that the header names",
                f"{len(row)} in row {i} of {path.name}",
                "Correct the row, or quote text that holds the separator.",
            )
