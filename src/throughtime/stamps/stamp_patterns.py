"""From the text of one stamp to the patterns in which it may be written.

The date is cut into numbers, words and what is between them; their order says what each may
be. What two orders can mean is not decided here: both patterns are returned.
"""

import re

from .month_names import MONTHS, plain
from .stamp_form import WEEKDAYS

PIECE = re.compile(r"\d+|[年月日년월일]\s*|[QqHh](?=[Ff][Yy])|[^\W\d_]+\.?|[\W_]+?(?=\w|$)")
WEEKDAY = re.compile(r"([^\W\d_]{3,9}),?\s+(?=.*\d)")
CLOCK = re.compile(
    r"(?P<between>[\sT,]+|(?<=\d{4}):|^)"
    r"(?P<hour>\d{1,2})(?P<colon>[:.h])(?P<minute>\d{1,2})"
    r"(?:(?P=colon)(?P<second>\d{1,2})(?:(?P<point>[.,])(?P<fraction>\d{1,9}))?)?"
    r"(?P<space>\s?)(?P<half>[AaPp]\.?[Mm]\.?)?(?P<gap>\s?)(?P<zone>[^\s\d]\S*)?$"
)
HOUR = re.compile(
    r"(?P<between>[\sT,]+)(?P<hour>\d{1,2})(?:(?P<space>\s?)(?P<half>[AaPp]\.?[Mm]\.?))?$"
)
COMPACT_CLOCK = re.compile(
    r"(?<=\d)(?P<between>[T ])(?P<clock>\d{4}(?:\d{2})?)(?P<zone>[Z+-]\S*)?$"
)
CTIME = re.compile(
    r"(?P<date>[^\W\d_]+\s+\d{1,2})(?P<clock>\s+\d{1,2}:\d{2}:\d{2})"
    r"(?P<zone>\s+[A-Z]{3,4})?\s+\d{4}"
)
"""A clock between the day and the year, as the C library and `date` write it."""
OFFSET = r"[+-]\d{2}:?\d{2}|[+-]\d{2}"
ZONE_WORDS = {"Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 60, "CET": 60, "CEST": 120}
ZONE_WORDS |= {"EET": 120, "EEST": 180}
"""Minutes ahead of UTC; only words that mean one zone."""

NUMERIC = {
    "nnY": ("%d{0}%m{1}%Y", "%m{0}%d{1}%Y"),
    "Ynn": ("%Y{0}%m{1}%d",),
    "nnn": ("%d{0}%m{1}%y", "%m{0}%d{1}%y", "%y{0}%m{1}%d"),
    "Yn": ("%Y{0}%m", "%Y{0}%q", "%Y{0}%n"),
    "nY": ("%m{0}%Y", "%q{0}%Y"),
    "Y3": ("%Y{0}%j",),
    "nbY": ("%d{0}%b{1}%Y",),
    "nbn": ("%d{0}%b{1}%y", "%y{0}%b{1}%d"),
    "bnY": ("%b{0}%d{1}%Y",),
    "bnn": ("%b{0}%d{1}%y",),
    "Ybn": ("%Y{0}%b{1}%d",),
    "bY": ("%b{0}%Y",),
    "Yb": ("%Y{0}%b",),
    "bn": ("%b{0}%y",),
    "nobY": ("%d{0}%o{1}%b{2}%Y",),
    "bnoY": ("%b{0}%d{1}%o{2}%Y",),
    "YMn": ("%Y{0}{L}{1}%m",),
    "MnY": ("{L}{0}%m{1}%Y",),
    "YQn": ("%Y{0}{L}{1}%q",),
    "QnY": ("{L}{0}%q{1}%Y",),
    "nQY": ("%q{0}{L}{1}%Y",),
    "Qnn": ("{L}{0}%q{1}%y",),
    "nQn": ("%q{0}{L}{1}%y",),
    "YHn": ("%Y{0}{L}{1}%h",),
    "HnY": ("{L}{0}%h{1}%Y",),
    "YWn": ("%G{0}{L}{1}%V",),
    "WnY": ("{L}{0}%V{1}%G",),
    "FY": ("{L}{0}%Y",),
    "Fn": ("{L}{0}%y",),
    "FYQn": ("{L}{0}%Y{1}{K}{2}%q",),
    "FnQn": ("{L}{0}%y{1}{K}{2}%q",),
    "QnFY": ("{L}{0}%q{1}{K}{2}%Y",),
    "QnFn": ("{L}{0}%q{1}{K}{2}%y",),
    "nQFY": ("%q{0}{L}{1}{K}{2}%Y",),
    "nQFn": ("%q{0}{L}{1}{K}{2}%y",),
    "FYHn": ("{L}{0}%Y{1}{K}{2}%h",),
    "FnHn": ("{L}{0}%y{1}{K}{2}%h",),
    "HnFY": ("{L}{0}%h{1}{K}{2}%Y",),
    "HnFn": ("{L}{0}%h{1}{K}{2}%y",),
    "nHFY": ("%h{0}{L}{1}{K}{2}%Y",),
    "nHFn": ("%h{0}{L}{1}{K}{2}%y",),
    "YWnn": ("%G{0}{L}{1}%V{2}%u",),
}
"""Patterns by the kinds of the pieces: `Y` a year of four digits, `n` one or two digits, `3`
three digits, `b` a month, `o` an ordinal ending, other letters a word of `WORDS`; `{0}` is what
stands after the first piece, `{L}` the word, `{K}` a second one."""

WORDS = {
    "Q": "q k t qtr quarter",
    "H": "h s",
    "M": "m",
    "W": "w u v kw week",
    "F": "fy",
    "o": "st nd rd th",
}

COMPACT = {
    6: ("%Y%m", "%y%m%d", "%d%m%y", "%m%d%y"),
    7: ("%Y%j",),
    8: ("%Y%m%d", "%d%m%Y", "%m%d%Y"),
    10: ("%Y%m%d%H",),
    12: ("%Y%m%d%H%M",),
    14: ("%Y%m%d%H%M%S",),
}
"""Patterns of whole numbers, by the count of their digits."""


def patterns_of(text: str) -> list[str]:
    """The patterns of `StampForm` in which a text may be written; none for other text.

    Examples
    --------
    >>> patterns_of("31-Jan-2021")
    ['%d-%b-%Y']
    >>> patterns_of("1/2/2021 5:30 PM")
    ['%d/%m/%Y %I:%M %p', '%m/%d/%Y %I:%M %p']
    """
    text = text.strip()
    start, week = "", WEEKDAY.match(text)
    if week and any(week.group(1) in (day, day[:3]) for day in WEEKDAYS):
        token = "%a" if len(week.group(1)) == 3 else "%A"
        start, text = token + text[week.end(1) : week.end()], text[week.end() :]
    if match := CTIME.fullmatch(text):
        known = bool(_date_patterns(match["date"]))
        clock = "%H:%M:%S" + " %Z" * bool(match["zone"])
        return [f"{start}%b %d {clock} %Y"] if known else []
    found = _date_patterns(text) or [date + clock for date, clock in _with_clock(text)]
    return [start + pattern for pattern in found]


def _with_clock(text: str) -> list[tuple[str, str]]:
    """Pairs of a pattern of the date, which may be empty, and one of the clock after it."""
    for regex in (CLOCK, HOUR, COMPACT_CLOCK):
        match = regex.search(text)
        if match is None:
            continue
        date = text[: match.start()]
        dates = _date_patterns(date) if date else [""]
        if not dates or (not date and match.group("between")) or _bare_dots(match, date):
            continue
        if _complete(dates):
            clock = match.group("between") + _clock_pattern(match.groupdict())
            return [(one, clock) for one in dates]
    return []


def _bare_dots(match: re.Match[str], date: str) -> bool:
    """Whether numbers with points may be a date or a decimal rather than a clock."""
    return not date and match.groupdict().get("colon") != ":"


def _complete(dates: list[str]) -> bool:
    """Whether a clock may follow: after a day, or where no date is."""
    return all(not d or "%d" in d or "%j" in d or "%u" in d for d in dates)


def _clock_pattern(found: dict[str, str | None]) -> str:
    if found.get("clock"):
        clock = "%H%M%S"[: len(found["clock"] or "")]  # a token is as long as its digits
        return clock + _zone_pattern(found["zone"] or "")
    half, colon = found.get("half"), found.get("colon") or ""
    pattern = "%I" if half else "%H"
    if colon:
        pattern += f"{colon}%M"
    if found.get("second"):
        pattern += f"{colon}%S"
    if found.get("fraction"):
        pattern += f"{found['point']}%{min(len(found['fraction'] or ''), 6)}f"
    if half:
        pattern += (found.get("space") or "") + ("%P" if half.islower() else "%p")
    if zone := found.get("zone"):
        space = found.get("gap") or ("" if half else found.get("space")) or ""
        pattern += space + _zone_pattern(zone)
    return pattern


def _zone_pattern(zone: str) -> str:
    if not zone:
        return ""
    if re.fullmatch(OFFSET, zone):
        return "%z" if ":" in zone else "%-z"
    return "%Z"


def _date_patterns(text: str) -> list[str]:
    """The patterns of a date without a clock."""
    if text.isascii() and text.isdigit():
        return list(COMPACT.get(len(text), ()))
    pieces = PIECE.findall(text)
    if "".join(pieces) != text:
        return []
    kinds, between, words = "", [], []
    for piece in pieces:
        kind = _kind(piece)
        if kind == " ":
            if not kinds or len(between) >= len(kinds):
                return []
            between.append(piece)
            continue
        if kind is None:
            return []
        between += [""] * (len(kinds) - len(between))
        kinds += kind
        words += [piece] if kind in "QHMWF" else []
    end = between.pop() if len(between) == len(kinds) > 0 else ""
    if end and end not in "年月日년월일":
        return []
    first, second, *_ = *words, "", ""
    patterns = NUMERIC.get(kinds, ())
    return [
        pattern.format(*between, "", "", "", L=first, K=second) + end for pattern in patterns
    ]


def _kind(piece: str) -> str | None:
    """What a piece of a date is, as in `NUMERIC`; a space for what stands between."""
    if piece[0].isdigit():
        return {1: "n", 2: "n", 3: "3", 4: "Y"}.get(len(piece)) if piece.isascii() else None
    if piece[0] in "年月日년월일":
        return " "
    if not piece[0].isalpha():
        return " " if re.fullmatch(r"[-/.,:\s]{1,3}", piece) else None
    if plain(piece) in MONTHS:
        return "b"
    word = piece.lower()
    return next((kind for kind, words in WORDS.items() if word in words.split()), None)
