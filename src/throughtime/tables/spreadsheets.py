"""Sheets of .xlsx and .ods files, by the optional package fastexcel."""

import importlib.util
import io
from collections.abc import Sequence

import polars as pl

from throughtime.errors import InputError

from .layout import Columns, count_notes, find_layout
from .text_tables import Parsed

MIDNIGHT = " 00:00:00"


def read_sheet(raw: bytes, name: str) -> Parsed:
    """The first sheet with content, as columns of text.

    Raises
    ------
    InputError
        If fastexcel is not installed, or no sheet holds anything.
    """
    if importlib.util.find_spec("fastexcel") is None:
        raise InputError(
            "a spreadsheet is read by the package fastexcel",
            f"{name} without it",
            'Install it: `pip install "throughtime[spreadsheets]"`; or save the sheet as CSV.',
        )
    sheets = _all_sheets(raw, name)
    filled = {key: sheet for key, sheet in sheets.items() if len(sheet)}
    if not filled:
        raise InputError(
            "a data file must hold a table", f"{name}, empty", "Pass another file."
        )
    key, sheet = next(iter(filled.items()))
    rows = [[(cell or "").strip() for cell in row] for row in sheet.iter_rows()]
    rows = [row for row in rows if any(row)]
    columns = Columns.of(rows)
    layout = find_layout(rows, columns)
    end = len(rows) - count_notes(rows[layout.first :], columns)
    body = [_days(column) for column in zip(*rows[layout.first : end], strict=True)]
    data = {n: [*c] for n, c in zip(layout.names, body, strict=False)}
    table = pl.DataFrame(data, schema=dict.fromkeys(layout.names, pl.String))
    remarks = [f"sheet `{key}` of {len(sheets)}"] if len(sheets) > 1 else []
    return Parsed(table, remarks + layout.remarks, layout.units)


def _days(column: Sequence[str]) -> Sequence[str]:
    """Dates without the midnight that a column of days has in a spreadsheet."""
    if all(cell.endswith(MIDNIGHT) for cell in column if cell):
        return [cell.removesuffix(MIDNIGHT) for cell in column]
    return column


def _all_sheets(raw: bytes, name: str) -> dict[str, pl.DataFrame]:
    """All sheets by name, their cells as text."""
    try:
        return pl.read_excel(
            io.BytesIO(raw),
            sheet_id=0,
            engine="calamine",
            has_header=False,
            raise_if_empty=False,
            infer_schema_length=0,
            read_options={"dtypes": "string"},
        )
    except Exception as error:  # fastexcel's own, which cannot be named without importing it
        cause = str(error).strip().split("\n")[0]
        remedy = "Save the spreadsheet again, or save the sheet as CSV."
        raise InputError(f"{name} must hold a spreadsheet", cause, remedy) from None
