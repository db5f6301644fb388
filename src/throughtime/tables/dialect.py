"""The dialect of a text table: what separates its columns, and which lines are none of it."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from throughtime.errors import InputError

SEPARATORS = "\t;|, "
NAMES = {",": [], ";": ["semicolons"], "\t": ["tabs"], "|": ["bars"], " ": ["spaces"], "": []}
COMMENT = re.compile(
    r"\s*\"?(?:#(?![,;\t|]|N/?A|DIV/0!|VALUE!|REF!|NULL!|NUM!|NAME\?)|//)", re.IGNORECASE
)
LEADING_COMMENT = re.compile(r"\s*[%!]")
NUMBER = (
    r"[-+]?(?i:inf|infinity)|[-+(−]?\s?[$€£¥]?\s?(?:[0-9][0-9., '’\u00a0\u202f]*|[.,][0-9]+)"
    r"(?:[eEdD][-+]?[0-9]+)?\s?[%$€£)]?"
)
LEAST = 0.3
STRONG = ("\t", ";", "|")
RULE = re.compile(r"\s*[|+][-|+:= ]*---[-|+:= ]*$")
DATE_AND_NUMBER = re.compile(r"[0-9][-/.][0-9]{1,2}[-/.][0-9]{1,4}\s+[-+]?[0-9]+(?:\.[0-9]*)?$")
DATE_COMMA = re.compile(
    r"^[^\W\d]{2,10}\.?, (?=[^,]*\d)|(?<=[^\W\d] \d\d), (?=\d{4})"
    r"|(?:(?<=\d{4})|(?<=-\d\d)), (?=\d{1,2}[:.]\d\d)"
)
"""The comma in `Mo, 18.01.2021`, `Jan 18, 2021` and `18.01.2021, 08.30`."""
LOOSE_COMMA = re.compile(r",(?!\d)|(?<!\d),")
BLANKS = re.compile(r"[ \t]+")
GROUPED = re.compile(r"[-+]?\d{1,3}(?: \d{3})+(?:[.,]\d+)?|\d{1,3}")


class Lines(NamedTuple):
    """Lines of a text, split into cells.

    Attributes
    ----------
    rows
        The cells of each row, stripped.
    starts
        The number of the physical line on which each row begins, from 0.
    """

    rows: list[list[str]]
    starts: list[int]


class Dialect(NamedTuple):
    """How a text table is written.

    Attributes
    ----------
    separator
        The character between values; a space for any number of blanks; "" for one column.
    width
        The usual number of cells in a row.
    lines
        The lines that were looked at, split by it.
    """

    separator: str
    width: int
    lines: Lines


def sniff_dialect(lines: Sequence[str], tabs: bool = False) -> Dialect:
    """Find the separator that splits lines most evenly into cells that make sense.

    Parameters
    ----------
    lines
        The first lines of the file.
    tabs
        Whether tabs are sure to separate the columns, as in a .tsv file.
    """
    best, most = Dialect("", 1, split_lines(lines, "")), (LEAST, 0.0)
    for separator in "\t" if tabs else SEPARATORS:
        if separator == " " and best.separator in STRONG and most[0] > 0.5:
            continue  # blanks are part of the values
        split = split_lines(lines, separator)
        width = usual_width(split.rows)
        if width == 1:
            continue
        lower = split.rows[len(split.rows) // 2 :]  # titles stand above
        below = _evenness(lower, width, separator)
        score = (round(below, 3), round(_evenness(split.rows, width, separator), 3))
        if score > most and not _is_one_column(lines, split, separator, width):
            best, most = Dialect(separator, width, split), score
    return best


def split_lines(lines: Sequence[str], separator: str, strict: bool = False) -> Lines:
    """Split lines into stripped cells; comments and blank lines are left out.

    Raises
    ------
    InputError
        If `strict`, for quotes that do not close; the message names the row.
    """
    kept = [(i, line) for i, line in enumerate(lines) if line.strip() and not is_comment(line)]
    first = next((k for k, (_, line) in enumerate(kept) if not LEADING_COMMENT.match(line)), 0)
    kept = kept[first:]
    if separator == " ":
        texts = (BLANKS.sub(" ", line.strip()) for _, line in kept)
    else:
        texts = (line for _, line in kept)
    options = {"delimiter": separator or "\1", "skipinitialspace": True, "strict": strict}
    reader, rows, starts, done = csv.reader(texts, **options), [], [], 0
    try:
        for row in reader:
            rows.append([cell.strip() for cell in row])
            starts.append(kept[done][0])
            done = reader.line_num
    except csv.Error as error:
        got = f"row {len(rows) + 1} ({error})"
        remedy = "Close the quotes around a value, and double those within."
        raise InputError("quotes must close before the next value", got, remedy) from None
    return Lines(rows, starts)


def is_comment(line: str) -> bool:
    """Whether a line begins as a comment does, or is drawn: `|---|---|`."""
    return COMMENT.match(line) is not None or RULE.match(line) is not None


def usual_width(rows: Sequence[Sequence[str]]) -> int:
    """The most frequent number of cells in a row, above 1 if there is any.

    The latter half counts: titles stand above. The others decide where two are as frequent.
    """
    every = Counter(len(row) for row in rows)
    below = Counter(len(row) for row in rows[len(rows) // 2 :])
    several = [width for width in below if width > 1]
    return max(several, key=lambda width: (below[width], every[width], width), default=1)


def _evenness(rows: Sequence[Sequence[str]], width: int, separator: str) -> float:
    """The share of rows of the usual width, times that of their cells that make sense."""
    usual = [row for row in rows if len(row) == width]
    cells = [cell for row in usual for cell in row]
    sound = sum(_makes_sense(cell, separator) for cell in cells) / len(cells)
    return len(usual) / len(rows) * sound**2


def _makes_sense(cell: str, separator: str) -> bool:
    """Whether no other separator is left in a cell, except for commas between digits.

    The separator itself can only be there in quotes. A date and a number in one cell,
    `2021-01-29 1`, are two.
    """
    if '"' in cell or DATE_AND_NUMBER.search(cell):
        return False
    others = ";\t|".replace(separator, "") if separator else ";\t|"
    loose = separator != "," and LOOSE_COMMA.search(DATE_COMMA.sub(" ", cell))
    return not loose and not any(mark in cell for mark in others)


def _is_one_column(lines: Sequence[str], split: Lines, separator: str, width: int) -> bool:
    """Whether the separator is part of the numbers of a single column: `10 000`, `10,5`."""
    if width != 2 or separator not in ", ":
        return False
    first, body = split.rows[0], split.rows[1:]
    texts = [lines[i].strip() for i in split.starts]
    if separator == ",":
        return len(first) == 1 and all(
            re.fullmatch(r"[-+]?\d*,\d+|[-+]?\d+", t) for t in texts[1:]
        )
    if all(GROUPED.fullmatch(text) for text in texts[1:]):
        return len(first) == 1 or GROUPED.fullmatch(texts[0]) is not None
    second = {row[1] for row in body if len(row) == 2}
    unit = len(second) == 1 and not any(c.isdigit() for c in next(iter(second)))
    return len(first) == 1 and unit
