"""From the text of a table to its columns of text."""

import io
import re
from itertools import islice, pairwise
from typing import NamedTuple

import polars as pl

from throughtime.errors import InputError

from .dialect import NAMES, Dialect, is_comment, sniff_dialect, split_lines
from .layout import Columns, Layout, count_notes, find_layout

SAMPLE = 200
TAIL = 20
VALUES_BEHIND_MARK = re.compile(r"^\"?#[^\s,;\t|]+[,;\t|].*\d", re.MULTILINE)
"""`#1,2021-01-29,0.5`: a row whose id begins with the mark of comments, or one left out."""
DATE_AND_CLOCK = re.compile(
    r"^([ \t]*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})[ \t]+(\d{1,2}:\d{2}\S*)", re.MULTILINE
)
QUOTES = re.compile(r"[,;|\t] +\"|(?:^|[,;|\t\n])'")
IRREGULAR = ("\n\n", "\n#", '\n"#', "\n//")
NO_SEPARATOR = "\x01"
OTHER_FORMATS = {
    "{": "JSON",
    "[{": "JSON",
    "[[": "JSON",
    "<!": "HTML",
    "<html": "HTML",
    "<?xml": "XML",
}


class Parsed(NamedTuple):
    """A table in text, or what is made into one.

    Attributes
    ----------
    frame
        All columns as text as it is written; a value that is absent is null.
    remarks
        What was understood beyond what is written.
    units
        By column, what a row of units says.
    separator
        What separates the columns of text; "" if there is one column.
    """

    frame: pl.DataFrame
    remarks: list[str]
    units: dict[str, str]
    separator: str = ","


def parse_text(text: str, name: str, ending: str) -> Parsed:
    """Parse a text table in any dialect.

    Parameters
    ----------
    text
        The text, with `\\n` at the end of each line.
    name
        The name of its file, for errors.
    ending
        The ending of its file: `tsv` for tabs.

    Raises
    ------
    InputError
        If a row holds more values than the header has names, or quotes do not close.
    """
    other = next((f for start, f in OTHER_FORMATS.items() if text.startswith(start)), None)
    if other is not None:
        rule = f"{name} must be a table, with a line for each row"
        raise InputError(rule, other, "Save the table as CSV.")
    _check_comments(text, name)
    head = list(islice(io.StringIO(text), SAMPLE))
    dialect = sniff_dialect(head, tabs=ending == "tsv")
    rows = dialect.lines.rows
    if not rows:
        rule, remedy = "a data file must hold a table", "Pass another file."
        raise InputError(rule, f"{name}, comments alone", remedy)
    columns = Columns.of(rows)
    layout = find_layout(rows, columns, dialect.separator)
    layout = _named_by_comment(layout, head, dialect)
    whole = len(layout.names) == dialect.width and "no header" not in layout.remarks
    if dialect.separator == " " and not whole and (joined := _with_whole_stamps(text)):
        return parse_text(joined, name, ending)
    if layout.first >= len(rows):
        return Parsed(pl.DataFrame(schema=dict.fromkeys(layout.names, pl.String)), [], {})
    start = dialect.lines.starts[layout.first]
    body = text[sum(map(len, head[:start])) :]
    body, notes = _without_notes(body, dialect, columns)
    remarks = [*NAMES[dialect.separator if ending != "tsv" else ""], *layout.remarks, *notes]
    body, comments = _without_comments(body, len(layout.names))
    table = _parse_plain(body, dialect.separator, layout.names)
    if table is None:
        table = _parse_rows(body, dialect, layout.names, name)
    table, headers = _without_headers(table)
    remarks += [*comments, *headers]
    table = _without_empty_ends(table, layout)
    return Parsed(table, remarks, layout.units, dialect.separator)


def _check_comments(text: str, name: str) -> None:
    """Refuse comments that are a good part of the rows: their ids may begin with the mark."""
    begins = "\n#" in text or '\n"#' in text
    marked = VALUES_BEHIND_MARK.findall(text) if begins else []
    if 4 * len(marked) > text.count("\n"):
        raise InputError(
            "lines that begin with `#` are comments",
            f"{len(marked)} lines of values in {name}, such as `{marked[0][:60]}`",
            "Write ids without the mark, or let another column be the first.",
        )


def _with_whole_stamps(text: str) -> str:
    """The text with a `T` between date and clock at the start of lines; empty without these.

    The blank between them is none between columns, where the header has no name for it.
    """
    joined, count = DATE_AND_CLOCK.subn(r"\1T\2", text)
    return joined if 2 * count > text.count("\n") else ""


def _named_by_comment(layout: Layout, head: list[str], dialect: Dialect) -> Layout:
    """The names in the last comment above data without a header, as NumPy and gnuplot write."""
    start = (
        dialect.lines.starts[layout.first] if layout.first < len(dialect.lines.starts) else 0
    )
    comments = [line for line in head[:start] if line.strip()]
    if "no header" not in layout.remarks or layout.first or not comments:
        return layout
    bare = comments[-1].strip().lstrip("#%!/").strip()
    (cells,) = split_lines([bare], dialect.separator).rows or [[]]
    if len(cells) != dialect.width or not all(c[:1].isalpha() for c in cells):
        return layout
    return Layout(cells, 0, [], {}) if len(set(cells)) == len(cells) else layout


def _without_notes(body: str, dialect: Dialect, columns: Columns) -> tuple[str, list[str]]:
    """The data without the notes below them."""
    tail = body[-10_000:].split("\n")[-TAIL - 1 :]
    lines = split_lines(tail, dialect.separator)
    count = min(count_notes(lines.rows, columns), len(lines.rows))
    if not count:
        return body, []
    dropped = len(tail) - lines.starts[-count]
    kept = body.rsplit("\n", dropped)[0].rstrip() + "\n"
    said = sum(any(row) for row in lines.rows[-count:])
    ends = (
        "the last line is no data and was"
        if said == 1
        else f"the last {said} lines are no data and were"
    )
    return kept, [f"{ends} skipped"] if said else []


def _parse_plain(body: str, separator: str, names: list[str]) -> pl.DataFrame | None:
    """Parse regular lines at Polars' speed; None if they are not regular."""
    if separator == " " and '"' not in body:
        body = _with_single_spaces(body)
    elif separator == " " or (('"' in body or "'" in body) and QUOTES.search(body)):
        return None
    if any(mark in body for mark in IRREGULAR):
        return None
    try:
        table = pl.read_csv(
            body.encode(),
            has_header=False,
            separator=separator or NO_SEPARATOR,
            schema=dict.fromkeys(names, pl.String),
        )
    except pl.exceptions.PolarsError:
        return None
    if table[:, -1].null_count():  # a line of blanks, or a comment behind some
        short = table[:, 0].filter(table[:, -1].is_null()).str.strip_chars()
        odd = short.str.contains('^(#|"#|//|$)').any() or (len(names) > 1 and short.has_nulls())
        if odd:
            return None
    return table


def _with_single_spaces(body: str) -> str:
    """The lines with one space between their cells and none around them."""
    body = body.replace("\t", " ")
    while "  " in body:
        body = body.replace("  ", " ")
    return body.replace("\n ", "\n").replace(" \n", "\n").lstrip(" ")


def _without_comments(body: str, width: int) -> tuple[str, list[str]]:
    """The lines without comments and, unless they are missing values, without blank ones."""
    if '"' in body or not any(mark in body for mark in IRREGULAR):
        return body, []
    lines = body.split("\n")[:-1]
    kept = [line for line in lines if not is_comment(line)]
    comments = len(lines) - len(kept)
    if width > 1 or _is_spaced(kept):
        kept = [line for line in kept if line and not line.isspace()]
    told = [f"{comments} line{'s' * (comments > 1)} of comments skipped"] if comments else []
    return "\n".join([*kept, ""]), told


def _parse_rows(body: str, dialect: Dialect, names: list[str], name: str) -> pl.DataFrame:
    """Parse lines one by one."""
    lines, width = body.split("\n")[:-1], len(names)
    if width == 1:
        lines = [line or '""' for line in lines]  # a value is missing
    rows = split_lines(lines, dialect.separator, strict=True).rows
    for i, row in enumerate(rows):
        if len(row) > width and any(row[width:]):
            raise _too_long(row, i, width, name, dialect.separator)
        if dialect.separator == " " and len(row) < width:
            # Which of the values is the one that is not there, blanks do not tell.
            rule = "a row of values between blanks must have a value for each column"
            got = f"{len(row)} of {width} values in row {i + 1} of the data of {name}"
            raise InputError(rule, got, "Write `NA` where a value is missing.")
    padding = [""] * width
    columns = list(zip(*[(row + padding)[:width] for row in rows], strict=True))
    data = {n: list(c) for n, c in zip(names, columns, strict=False)}
    return pl.DataFrame(data, schema=dict.fromkeys(names, pl.String))


def _without_headers(table: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The rows without those that repeat the names: tables that were put together."""
    headers = table[:, 0] == table.columns[0]
    if not headers.any():
        return table, []
    headers = pl.select(pl.all_horizontal([(c == c.name).fill_null(False) for c in table]))
    count = headers.to_series().sum()
    told = [f"{count} repeated header{'s' * (count > 1)} skipped"] if count else []
    return table.filter(~headers.to_series()), told


def _is_spaced(lines: list[str]) -> bool:
    """Whether a blank line follows every line, as layout rather than as a missing value."""
    blank = [not line.strip() for line in lines]
    return (
        any(blank)
        and not any(a and b for a, b in pairwise(blank))
        and (all(blank[1::2]) or all(blank[::2]))
    )


def _too_long(row: list[str], i: int, width: int, name: str, separator: str) -> InputError:
    remedy = "Correct the row, or quote text that holds the separator."
    if separator == ",":
        remedy = (
            "Correct the row, quote text that holds commas, or write decimals with a point."
        )
    return InputError(
        f"a row must not hold more than the {width} values that the header names",
        f"{len(row)} in row {i + 1} of {name}",
        remedy,
    )


def _without_empty_ends(table: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """The table without nameless columns that hold nothing: rows that end in a separator."""
    nameless = [n for i, n in enumerate(layout.names) if n == f"column {i + 1}"]
    nameless += [n for n in layout.names[:1] if n == "index"]
    empty = [n for n in nameless if not (table[n].fill_null("") != "").any()]
    return table.drop(empty)
