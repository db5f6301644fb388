"""Reading a table from a file: text in its dialects, Parquet, Feather, or a spreadsheet."""

import io
from pathlib import Path
from typing import NamedTuple

import polars as pl

from throughtime.errors import InputError

from .encodings import decode
from .file_content import Content, read_content
from .spreadsheets import read_sheet
from .text_tables import Parsed, parse_text


class FileTable(NamedTuple):
    """The table in a file.

    Attributes
    ----------
    frame
        Its columns; those of a text file or a spreadsheet are text as it is written.
    stem
        The name of the file without its ending.
    remarks
        What was understood beyond what is written.
    units
        By column, what a row of units says.
    separator
        What separates its columns, if it is text.
    """

    frame: pl.DataFrame
    stem: str
    remarks: list[str]
    units: dict[str, str]
    separator: str


def read_file(path: Path) -> FileTable:
    """Read the table in a file, which has at least one row; `-` is standard input.

    Raises
    ------
    InputError
        If there is no such file, or it does not hold a table; the message names the file or
        the line at fault.
    """
    content = read_content(path)
    try:
        frame, remarks, units, separator = _parse(content)
    except (pl.exceptions.PolarsError, OSError) as error:
        cause = str(error).strip().split("\n")[0]
        kind = {"text": "CSV", "parquet": "Parquet", "feather": "Feather"}.get(content.format)
        kind = kind or "a spreadsheet"
        remedy = f"Save the table as {kind} again, or give the file the ending of its format."
        raise InputError(f"{content.name} must hold a table", cause, remedy) from None
    if not len(frame):
        raise InputError(
            "a table must have rows under its header",
            f"none in {content.name}",
            "Add the rows, or pass another file.",
        )
    return FileTable(frame, content.stem, remarks, units, separator)


def _parse(content: Content) -> Parsed:
    if content.format == "parquet":
        return Parsed(pl.read_parquet(io.BytesIO(content.raw)), [], {})
    if content.format == "feather":
        return Parsed(pl.read_ipc(io.BytesIO(content.raw)), [], {})
    if content.format == "spreadsheet":
        return read_sheet(content.raw, content.name)
    text, remarks = decode(content.raw, content.name)
    parsed = parse_text(text, content.name, content.ending)
    return parsed._replace(remarks=remarks + parsed.remarks)
