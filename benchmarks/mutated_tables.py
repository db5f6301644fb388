"""Read tables that were damaged at random: no traceback, no number that is not written.

Each table is one of a few forms, changed by one to three mutations: characters, cells, lines,
separators, quotes, encodings. A table that is still read must give, for the date of each row,
a number that stands on a line with this date. The distinct messages are printed, each with how
often it came, so that a person can read them.

    python benchmarks/mutated_tables.py --tables 2000
"""

import argparse
import collections
import datetime as dt
import random
import re
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np

from throughtime.data.loading import to_series
from throughtime.errors import InputError

TOKEN = re.compile(r"[-+(\u2212]*\s?[$€]?\s?(?:\d[\d.,' ]*|[.,]\d+)(?:[eEdD][-+]?\d+)?")
JUNK = ["", "NA", "high", "-", "1,5", "1.234,5", "1,234.5", "12%", "$3", "1e400", "inf", "-999"]
JUNK += [
    '"',
    '""',
    "'",
    "#",
    "\0",
    "0x1F",
    "1_000",
    "٣",
    "−7",
    "(4)",
    "5 kg",
    "2021-02-30",
    "True",
]


def base(chance: random.Random) -> list[list[str]]:
    """The cells of a table with dates and one or two columns of numbers."""
    n = chance.randint(6, 30)
    days = [str(dt.date(2021, 1, 29) + dt.timedelta(days=i)) for i in range(n)]
    header = ["date", "y"]
    form = chance.choice(["{:.3f}", "{:.1f}", "{:.0f}", "{:,.2f}", "{:.4e}"])
    rows = [[day, form.format(chance.gauss(0, 2000))] for day in days]
    if chance.random() < 0.4:
        header = [*header, "note" if chance.random() < 0.5 else "u"]
        rows = [
            [*r, "ok" if header[2] == "note" else f"{chance.gauss(0, 1):.2f}"] for r in rows
        ]
    return [header, *rows]


def write(cells: list[list[str]], separator: str, decimal: str) -> str:
    """The text of a table."""
    swap = str.maketrans(",.", ".,") if decimal == "," else {}
    lines = []
    for i, row in enumerate(cells):
        texts = [c.translate(swap) if i and j else c for j, c in enumerate(row)]
        lines.append(separator.join(f'"{t}"' if separator in t else t for t in texts))
    return "\n".join(lines) + "\n"


def in_cells(cells: list[list[str]], chance: random.Random) -> None:
    """Change a cell, a column or rows."""
    i, j = chance.randrange(len(cells)), chance.randrange(len(cells[0]))
    j = min(j, len(cells[i]) - 1)
    change = chance.randrange(9)
    if change == 0:
        cells[i][j] = chance.choice(JUNK)
    elif change == 1:
        cells[i][j] = chance.choice(JUNK) + cells[i][j]
    elif change == 2:
        cells[i][j] += chance.choice(JUNK)
    elif change == 3:
        cells.insert(i, list(chance.choice(cells)))
    elif change == 4 and len(cells) > 4:
        del cells[i]
    elif change == 5:
        cells[i].append(chance.choice(JUNK))
    elif change == 6 and len(cells[i]) > 1:
        cells[i].pop()
    elif change == 7:
        other = chance.randrange(len(cells))
        cells[i], cells[other] = cells[other], cells[i]
    else:
        for row in cells[1:]:
            row[min(j, len(row) - 1)] = chance.choice([row[min(j, len(row) - 1)], "NA"])


def in_text(text: str, chance: random.Random) -> str:
    """Change characters or lines."""
    at = chance.randrange(len(text))
    lines = text.split("\n")
    line = chance.randrange(len(lines))
    change = chance.randrange(8)
    if change == 0:
        return text[:at] + text[at + 1 :]
    if change == 1:
        return text[:at] + chance.choice("0123456789,.;\t|\"' #-\n%$") + text[at:]
    if change == 2:
        return text[:at]
    if change == 3:
        lines.insert(
            line, chance.choice(["", "# a note", "Total,5", "Flow at the weir", ",,,", ";"])
        )
    elif change == 4:
        lines[line] = lines[line].replace(chance.choice(",;\t. "), chance.choice(",;\t| ."))
    elif change == 5:
        lines[line] = f" {lines[line]} "
    elif change == 6:
        lines = lines[:line] + lines[line + 1 :]
    else:
        return text + text[at:]
    return "\n".join(lines)


def encode(text: str, chance: random.Random) -> bytes:
    """The bytes of a text, of which one may be changed."""
    kind = chance.choice(["utf-8"] * 6 + ["utf-16", "latin-1", "utf-8-sig"])
    raw = bytearray(text.encode(kind, "replace"))
    if chance.random() < 0.1 and raw:
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


def mutated(chance: random.Random) -> tuple[bytes, str | None]:
    """The bytes of a table that was damaged, and which target to ask for."""
    cells = base(chance)
    for _ in range(chance.randint(0, 1)):
        in_cells(cells, chance)
    separator = chance.choice(",,,;;\t| ")
    text = write(cells, separator, chance.choice("..,") if separator in ";\t" else ".")
    for _ in range(chance.randint(0, 2)):
        text = in_text(text, chance) if text else text
    return encode(text, chance), "y" if len(cells[0]) > 2 else None


def readings(text: str) -> set[float]:
    """All numbers that a line can be read to hold."""
    found = set()
    for match in TOKEN.finditer(text.replace("\u2212", "-")):
        token = re.sub(r"[$€'\s]", "", match[0])
        for start in range(len(token)):
            for end in range(len(token), start, -1):
                found |= set(_values(token[start:end]))
    return found


def _values(token: str) -> list[float]:
    found = []
    bare = token.lstrip("-+(").lower().replace("d", "e")
    for plain in (bare.replace(",", ""), bare.replace(".", "").replace(",", ".")):
        try:
            found += [float(plain), -float(plain)]
        except ValueError:
            continue
    return found


def misread(raw: bytes, series: list) -> str | None:
    """What of some series is not written in the file they were read from; None if all is."""
    text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1")
    lines = re.split(r"[\n\r]", text)
    for one in series:
        days = [str(stamp)[:10] for stamp in one.times.values()]
        for label, values in zip(days, one.targets, strict=True):
            near = [line for line in lines if len(label) == 10 and label in line] or lines
            for value in values:
                known = set().union(*map(readings, near))
                if not any(np.isclose(value, k, rtol=1e-12, atol=0) for k in known):
                    return f"{value!r} at {label}"
    return None


def main() -> None:
    """Read mutated tables, and print what became of them."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tables", type=int, default=2000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--show", action="store_true", help="print a table for each message")
    given = options.parse_args()
    messages, examples = collections.Counter(), {}
    outcome = collections.Counter()
    folder = Path(tempfile.mkdtemp())
    for number in range(given.tables):
        chance = random.Random(given.seed * 1_000_003 + number)
        raw, target = mutated(chance)
        path = folder / f"lab{number}.csv"
        path.write_bytes(raw)
        try:
            series = to_series(path, target=target)
        except InputError as error:
            outcome["refused"] += 1
            kind = re.sub(r"'.*?'|`.*?`|-?\d[\d.e+:T-]*", "_", str(error))
            messages[kind] += 1
            examples.setdefault(kind, (str(error), number, raw))
        except Exception:
            outcome["traceback"] += 1
            traceback.print_exc(limit=-3)
            print(number, raw, file=sys.stderr)
        else:
            wrong = misread(raw, series)
            outcome["misread" if wrong else "read"] += 1
            if wrong:
                print("MISREAD", number, wrong, series[0].remarks, raw[:400])
        path.unlink()
    for kind, count in messages.most_common():
        print(f"{count:5d}  {examples[kind][0][:300]}")
        if given.show:
            print(f"       table {examples[kind][1]}: {examples[kind][2][:160]!r}")
    print(dict(outcome))


if __name__ == "__main__":
    main()
