"""The dialect of a CSV file: its encoding, its separator, its header."""

import csv
import io
from pathlib import Path

from throughtime.errors import InputError

from .values import parse_numbers


def _decode(raw: bytes, path: Path) -> str:
    try:
        text = raw.decode("utf-8-sig")
        if "\0" in text:
            raise UnicodeDecodeError("utf-8", raw, raw.index(b"\0"), len(raw), "zero byte")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path.name} must be a table in UTF-8 text",
            f"byte 0x{raw[error.start]:02x} in line {line}",
            "Save it as CSV in UTF-8.",
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n").rstrip() + "\n"


def _header(text: str, separator: str) -> list[str]:
    start = io.StringIO(text[:100_000])  # a quoted name may go over several lines
    return next(csv.reader(start, delimiter=separator))


def _separator(text: str) -> str:
    return max(",;\t", key=lambda s: len(_header(text, s)))  # a comma if all are equal


def _check_header(names: list[str], text: str, path: Path) -> None:
    first, second = text.split("\n", 2)[:2]
    if len(names) == 1 and len(first.split()) == len(second.split()) > 1:
        raise InputError(
            "columns must be separated by commas, semicolons or tabs",
            f"spaces in {path.name}",
            "Replace them.",
        )
    if not parse_numbers([n for n in names if n])[1]:
        raise InputError(
            "the first line must name the columns",
            f"numbers in {path.name}",
            "Add a first line such as `time,value`.",
        )


def _check_widths(text: str, separator: str, width: int, path: Path) -> None:
    for i, row in enumerate(csv.reader(io.StringIO(text), delimiter=separator)):
        if len(row) > width:
            raise InputError(
                f"a row must not hold more than the {width} values that the header names",
                f"{len(row)} in row {i} of {path.name}",
                "Correct the row, or quote text that holds the separator.",
            )
