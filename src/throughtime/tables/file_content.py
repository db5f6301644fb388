"""The content of a data file: found, unpacked, and of which format it is."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

from throughtime.errors import InputError, closest_name

TEXTS = ("", "csv", "tsv", "txt", "dat", "data", "asc", "prn")
FORMATS = {"parquet": "Parquet", "feather": "Feather", "arrow": "Feather"} | dict.fromkeys(
    ("xlsx", "ods"), "a spreadsheet"
)
PACKED = {"gz": gzip.decompress, "bz2": bz2.decompress, "xz": lzma.decompress, "zip": None}
ENDINGS = (*TEXTS, *FORMATS, *PACKED)
STANDARD_INPUT = "-"


class Content(NamedTuple):
    """What a data file holds.

    Attributes
    ----------
    raw
        Its bytes, unpacked.
    name
        Its name, for messages.
    stem
        Its name without endings, as the name of a series.
    format
        `text`, `parquet`, `feather` or `spreadsheet`.
    ending
        Its ending, without that of its packing: `csv`.
    """

    raw: bytes
    name: str
    stem: str
    format: str
    ending: str


def read_content(path: Path) -> Content:
    """Read a file that exists, has a known ending and is not empty; `-` is standard input.

    Raises
    ------
    InputError
        If there is no such file, or it is not one table.
    """
    if str(path) == STANDARD_INPUT:
        raw, name, ending = _read_standard_input(), "standard input", ""
    else:
        raw, name, ending = _read_bytes(path), path.name, path.suffix.lower()[1:]
    stem = "stdin" if name == "standard input" else path.stem
    for _ in range(2):  # data.csv.gz in data.zip
        packed = _packing(raw)
        if packed is None:
            break
        raw, inner = _unpack(raw, packed, name)
        inner = inner or stem
        stem, ending = Path(inner).stem, Path(inner).suffix.lower()[1:]
    if not raw[:1000].strip() and not raw.strip():
        raise InputError(
            "a data file must hold a table", f"{name}, empty", "Pass another file."
        )
    return Content(raw, name, stem, _format(raw, name, ending), ending)


def _read_standard_input() -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError(
            "standard input must hold a table",
            "a terminal",
            "Pipe a table in, such as `throughtime forecast - < data.csv`.",
        )
    return sys.stdin.buffer.read()


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise InputError("data must be a file", f"the folder `{path}`", "Name a file in it.")
    if not path.exists():
        neighbours = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        close = closest_name(path.name, neighbours)
        hint = "" if close is None else f" Did you mean `{close}`?"
        raise InputError("the data file must exist", path, f"Correct the path.{hint}")
    if path.suffix.lower()[1:] not in ENDINGS:
        raise InputError(
            f"a data file must end in {', '.join('.' + e for e in ENDINGS[1:-1])} or .zip",
            path.name,
            "Save the table as CSV or Parquet.",
        )
    try:
        return path.read_bytes()
    except OSError as error:
        remedy = "Get permission to read it, or pass another file."
        raise InputError("the data file must be readable", error, remedy) from None


def _packing(raw: bytes) -> str | None:
    """How bytes are packed, by their first ones."""
    if raw.startswith((b"PK\3\4", b"PK\5\6")):
        return None if _is_spreadsheet(raw) else "zip"
    starts = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz"}
    return next((kind for start, kind in starts.items() if raw.startswith(start)), None)


def _is_spreadsheet(raw: bytes) -> bool:
    try:
        members = zipfile.ZipFile(io.BytesIO(raw)).namelist()
    except zipfile.BadZipFile:
        return False
    return "xl/workbook.xml" in members or {"mimetype", "content.xml"} <= set(members)


def _unpack(raw: bytes, kind: str, name: str) -> tuple[bytes, str]:
    """The only table in a packed file, and its name if that is stored."""
    try:
        if kind == "zip":
            return _only_member(zipfile.ZipFile(io.BytesIO(raw)), name)
        return PACKED[kind](raw), ""
    except (OSError, EOFError, ValueError, RuntimeError, zlib.error, lzma.LZMAError) as error:
        cause = error
    except zipfile.BadZipFile as error:
        cause = error
    raise InputError(
        f"{name} must be a whole .{kind} file", cause, "Pack or download it again."
    ) from None


def _only_member(archive: zipfile.ZipFile, name: str) -> tuple[bytes, str]:
    members = [m for m in archive.namelist() if not m.endswith("/") and "__MACOSX" not in m]
    tables = [m for m in members if Path(m).suffix.lower()[1:] in ENDINGS] or members
    if len(tables) != 1:
        shown = ", ".join(f"`{Path(m).name}`" for m in tables[:5]) or "none"
        raise InputError(
            f"{name} must hold one table", shown, "Unpack it, and pass one of its files."
        )
    return archive.read(tables[0]), tables[0]


def _format(raw: bytes, name: str, ending: str) -> str:
    """The format of unpacked bytes, which must be that of a binary ending."""
    if raw.startswith(b"PAR1"):
        return "parquet"
    if raw.startswith(b"ARROW1"):
        return "feather"
    if raw.startswith(b"PK\3\4"):
        return "spreadsheet"
    if ending in FORMATS:
        kind = FORMATS[ending]
        remedy = f"Save the table as {kind} again, or give the file the ending of its format."
        raise InputError(f"{name} must hold a table", f"no content of {kind}", remedy)
    return "text"
