"""The layout of a table: titles, the names of its columns, units, data, notes at the end.

Rows are told apart by their cells: in a column of numbers or dates, a row of data has cells
that are written like the ones below it.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from .dialect import NUMBER, usual_width
from .missing_codes import is_missing

Row = Sequence[str]

UNIT = re.compile(r"[(\[].*[)\]]|[^\W\d]{1,3}|deg\s?[CFK]?|.*[%°/^²³µΩ$€£].*", re.IGNORECASE)
TIME = re.compile(r"date|time|datetime|timestamp|ds|datum|day|month|year|period", re.IGNORECASE)
NOTE = re.compile(
    r"(?:(?:source|notes?|copyright|remarks?|legend|quelle|anmerkung|hinweis|stand|fuente|fonte"
    r"|nota|источник|примечание|(?:grand |sub-?)?totals?|totale|totaux|overall|sums?|summe"
    r"|summa|suma|somma|soma|(?:ins)?gesamt\w*|totaal|итого|всего|mean|average|median|mittelwert"
    r"|durchschnitt|moyenne|media|promedio|среднее)\b|[総总小合][計计]|平均|出典|資料|注|©|\*|\(c\))",
    re.IGNORECASE,
)
"""How a note below a table begins, or a row that sums it up."""
MOST_UNITS = 2


class Layout(NamedTuple):
    """Where in a table its data stand, and what its columns are called.

    Attributes
    ----------
    names
        A name for each column, all different.
    first
        The number of the first row of data.
    remarks
        What was skipped or made up.
    units
        By column, what a row of units says.
    """

    names: list[str]
    first: int
    remarks: list[str]
    units: dict[str, str]


@dataclass(frozen=True)
class Columns:
    """What the cells of each column look like, seen in rows that are surely data."""

    rows: Sequence[Row]
    width: int

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Columns":
        """Those of the first rows of a table: what stands in the latter half is data."""
        width = usual_width(rows)
        usual = [row for row in rows if len(row) == width]
        return cls(usual[len(usual) // 2 :] if len(usual) > 1 else usual, width)

    @cached_property
    def shapes(self) -> list[set[str]]:
        """The shapes of the cells of each column, empty where they hold no digits."""
        found = []
        for column in zip(*self.rows, strict=True):
            present = [cell for cell in column if not is_missing(cell)]
            typed = [cell for cell in present if any(c.isdigit() for c in cell)]
            regular = typed and len(typed) >= 0.6 * len(present)
            found.append({shape(cell) for cell in typed} if regular else set())
        return found

    @cached_property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers, in any form."""
        columns = zip(*self.rows, strict=True)
        return [any(re.fullmatch(NUMBER, cell) for cell in column) for column in columns]

    def votes(self, row: Row) -> list[int]:
        """Whether each cell is like those below (1), unlike (-1), or does not tell (0)."""
        known = zip(row, self.shapes, self.numeric, strict=False)
        return [
            0 if is_missing(cell) or not shapes else 1 if _like(cell, shapes, numeric) else -1
            for cell, shapes, numeric in known
        ]

    def is_data(self, row: Row) -> bool:
        """Whether a row has data in it."""
        return 1 in self.votes(row)

    def all_empty(self, column: int) -> bool:
        """Whether a column has no value."""
        return not any(row[column] for row in self.rows)


def _like(cell: str, shapes: set[str], numeric: bool) -> bool:
    return shape(cell) in shapes or (numeric and re.fullmatch(NUMBER, cell) is not None)


def shape(cell: str) -> str:
    """A cell with 9 for each run of digits and `a` for each run of letters.

    Examples
    --------
    >>> shape("31-Jan-21")
    '9-a-9'
    """
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", cell))


def find_layout(rows: Sequence[Row], columns: Columns, separator: str = ",") -> Layout:
    """Find the header of a table and where its data begin.

    Parameters
    ----------
    rows
        The first rows, without blank ones.
    columns
        What their cells look like.
    separator
        What separates them; a comma may also be a decimal mark that was not quoted.
    """
    data = next((i for i, row in enumerate(rows) if columns.is_data(row)), None)
    if data is None:
        data = min(1, len(rows))
    elif _is_header_of_labels(rows[data], columns, first=not data):
        data += 1
    while data > 1 and all(map(is_missing, rows[data - 1])) and any(rows[data - 1]):
        data -= 1  # values may be missing from the beginning on
    header, row_names = _header_row(rows, data, columns, separator)
    if header is None:
        names, remarks = _made_names(columns.width), ["no header"] if data < len(rows) else []
        return Layout(names, data, _count(data, "line", "title") + remarks, {})
    units = sum(map(any, rows[header + 1 : data]))
    names = [*(["row"] if row_names else []), *rows[header]]
    names, renamed = _distinct(names, columns)
    remarks = (
        _count(sum(map(any, rows[:header])), "line", "title")
        + _count(units, "row", "units")
        + renamed
    )
    below = rows[header + 1] if units else []
    said = {n: unit.strip("()[] ") for n, unit in zip(names, below, strict=False) if unit}
    return Layout(names, data, remarks + ["row names"] * row_names, said)


def count_notes(rows: Sequence[Row], columns: Columns) -> int:
    """How many of the last rows are notes below the data, or sums of them."""
    count = 0
    for row in reversed(rows):
        if not _is_note(row, columns):
            break
        count += 1
    return count


def _is_header_of_labels(row: Row, columns: Columns, first: bool) -> bool:
    """Whether a first row that has numbers in it names the columns: `site,2001,2002`."""
    votes = columns.votes(row)
    labels = [cell for cell, vote in zip(row, votes, strict=False) if vote == 1]
    if not first or not all(re.fullmatch(r"\d{1,4}", cell) for cell in labels):
        return False
    numbers = list(map(int, labels))
    rising = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return rising and (-1 in votes or 2 < len(numbers) < len(row))


def _header_row(
    rows: Sequence[Row], data: int, columns: Columns, separator: str
) -> tuple[int | None, bool]:
    """The row of the names, None if there is none, and whether it lacks that of row names."""
    width = columns.width
    above = list(enumerate(rows[:data]))
    full = [i for i, row in above if len(row) == width and any(row)]
    if width == 1 and full:
        units = [i for i in full[1:] if UNIT.fullmatch(rows[i][0])]
        return (full[0] if len(units) == len(full) - 1 else full[-1]), False
    padded = [i for i in full if rows[i][0] and not any(rows[i][1:])]
    names = [i for i in full if i not in padded] or full
    for i in [i for i in names if sum(map(any, rows[i + 1 : data])) <= MOST_UNITS][:1]:
        return i, False
    if not above:
        return None, False
    last = rows[data - 1]
    trailing = [columns.all_empty(j) for j in range(len(last), width)]
    if len(last) > width or (trailing and all(trailing)):
        return data - 1, False
    if len(last) == width - 1 and _has_row_names(last, columns, separator):
        return data - 1, True
    return (data - 1, False) if len(last) > 1 else (None, False)


def _has_row_names(header: Row, columns: Columns, separator: str) -> bool:
    """Whether the first cells name the rows, as R writes them, below a header one short."""
    firsts = [row[0] for row in columns.rows]
    if len(set(firsts)) < len(firsts) or not any(columns.shapes[1:]):
        return False
    if TIME.fullmatch(header[0]) and not all(first.isdigit() for first in firsts):
        return False  # the dates have a name: it is another column that has none
    pairs = list(zip(columns.rows[0], columns.rows[0][1:], strict=False))
    whole = r"[-+]?\d+"
    decimal_commas = any(re.fullmatch(whole, a) and b.isdigit() for a, b in pairs)
    return separator != "," or not decimal_commas


def _is_note(row: Row, columns: Columns) -> bool:
    present = [cell for cell in row if cell]
    if not present:
        return columns.width > 1
    votes = columns.votes(row)
    first = row[0] or present[0]
    if len(present) == 1 and re.fullmatch(r"[-_=*~]{4,}", first):
        return True  # a line drawn below the data
    words = any(c.isalpha() for c in first)
    if columns.width == 1:
        sentence = len(first.split()) > 1 or NOTE.match(first) is not None
        return votes == [-1] and words and sentence
    if votes[:1] == [-1] and words and NOTE.match(first):
        return True
    return 1 not in votes and -1 in votes and words and len(present) == 1


def _distinct(names: Sequence[str], columns: Columns) -> tuple[list[str], list[str]]:
    """Names for all columns that have values, all different, and what was made up."""
    names = [" ".join(name.split()).strip(" \"'") for name in names]
    while len(names) > columns.width and not names[-1]:
        names.pop()
    unnamed = range(len(names), columns.width)
    names += [""] * len(unnamed) if all(map(columns.all_empty, unnamed)) else []
    remarks, taken, counts = [], [], Counter(names)
    for i, name in enumerate(names):
        if not name and i == 0:
            name = "index"  # pandas writes its index without a name
        elif not name:
            name = f"column {i + 1}"
            if i < columns.width and not columns.all_empty(i):
                remarks.append(f"`{name}` for one without a name")
        number = 2
        unique = name
        while unique in taken or (unique != name and unique in counts):
            unique, number = f"{name}_{number}", number + 1
        if unique != name:
            remarks.append(f"`{unique}` for another `{name}`")
        taken.append(unique)
    return taken, remarks


def _made_names(width: int) -> list[str]:
    return ["column"] if width == 1 else [f"column{i}" for i in range(1, width + 1)]


def _count(n: int, unit: str, what: str) -> list[str]:
    return [f"{n} {unit}{'' if n == 1 else 's'} of {what} skipped"] if n else []
