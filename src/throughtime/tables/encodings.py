"""The text of a table: UTF-8, UTF-16 or UTF-32, else Latin-1 or Shift JIS."""

import codecs
import re

from throughtime.errors import InputError

BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # before UTF-16: it begins with that mark
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
CONTROL = bytes({*range(32)} - {*b"\t\n\v\f\r\x1a"})


def decode(raw: bytes, name: str) -> tuple[str, list[str]]:
    r"""The text of a file, with `\n` at the end of each line, and a remark on its encoding.

    Without a byte-order mark, UTF-16 shows by its zero bytes. What is not UTF-8 and has no
    character of UTF-8 beyond ASCII in it is Windows' superset of Latin-1; what cannot be that
    either, but all of which is Japanese, is Shift JIS.

    Raises
    ------
    InputError
        If it is no text; the message names the byte and its line.
    """
    mark = next((mark for mark in BYTE_ORDER_MARKS if raw.startswith(mark)), b"")
    encoding = BYTE_ORDER_MARKS.get(mark) or _unmarked(raw)
    raw = raw[len(mark) :]
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        text, encoding = _legacy(raw) if encoding == "utf-8" else (None, encoding)
        if text is None:
            raise _no_text(raw, error.start, name) from None
    if "\0" in text:
        raise _no_text(raw, raw.index(b"\0"), name)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    remarks = {"latin-1": ["Latin-1"], "shift_jis": ["Shift JIS"], "utf-8": []}.get(
        encoding, [encoding.upper()[:6]]
    )
    return text.rstrip("\x1a\n\v\f ") + "\n", remarks


def _unmarked(raw: bytes) -> str:
    """UTF-16 if every other byte of the beginning is mostly zero, else UTF-8."""
    start = raw[:4096]
    half = len(start) // 2 or 1
    zeros = [start[i::2].count(0) / half for i in (0, 1)]
    if max(zeros) > 0.7 and min(zeros) < 0.1:
        return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    return "utf-8"


def _legacy(raw: bytes) -> tuple[str | None, str]:
    """Text in an encoding older than Unicode, and which; None if it is in none."""
    text = _latin(raw)
    if text is not None or any(byte in CONTROL for byte in set(raw)):
        return text, "latin-1"
    try:
        text = raw.decode("cp932")
    except UnicodeDecodeError:
        return None, ""
    beyond = {c for c in text if not c.isascii()}
    text = re.sub(r"\\(?=\d)", "¥", text)  # one byte stands for both
    japanese = all("\u3000" <= c <= "\u9fff" or "\uff00" <= c <= "\uffef" for c in beyond)
    return (text if japanese else None), "shift_jis"


def _latin(raw: bytes) -> str | None:
    """Text in Windows-1252, None if bytes are not plausible as such."""
    if any(byte in CONTROL for byte in set(raw)) or not raw.decode("utf-8", "ignore").isascii():
        return None
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return None


def _no_text(raw: bytes, place: int, name: str) -> InputError:
    return InputError(
        f"{name} must be a table in text",
        f"byte 0x{raw[place]:02x} in line {raw[:place].count(10) + 1}",
        "Save it as CSV in UTF-8.",
    )
