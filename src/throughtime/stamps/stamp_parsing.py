"""Reading a column of text as stamps of one form, all rows at once.

A pattern becomes a regular expression with a group for each token; what the groups hold is
put together by whole-number arithmetic. A row that does not fit, or is no date of the calendar
(30 February), is never bent to one: it is reported.
"""

import re
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Bool, Int64, Shaped

from .month_names import MONTHS, all_names, plain
from .stamp_form import TOKEN, WEEKDAYS, WIDTHS, StampForm
from .stamp_patterns import OFFSET, ZONE_WORDS
from .time_units import days_in

NO_DATE = np.datetime64("1970-01-01", "M")
"""The month of a time of day without a date."""

GROUPS = {
    "b": r"[\pL]+\.?",
    "a": r"[\pL]{3}",
    "A": r"[\pL]{6,9}",
    "o": r"(?:st|nd|rd|th)",
    "f": r"[0-9]{1,9}",
    "p": r"[AaPp]\.?[Mm]\.?",
    "P": r"[AaPp]\.?[Mm]\.?",
    "z": rf"Z|{OFFSET}",
    "Z": "|".join(ZONE_WORDS),
} | dict.fromkeys("YG", "[0-9]{4}")
DIGITS = "YykGmndqhjVuHIMS"
"""Tokens of digits: where two of them touch, each has all of its digits."""
EXACT = {"q": "[1-4]", "h": "[12]", "u": "[1-7]"}
EXACT |= dict.fromkeys("ykn", "[0-9]{2}")


@dataclass(frozen=True, eq=False)
class Parsed:
    """A column read as stamps of one form.

    Attributes
    ----------
    stamps
        (time,) `datetime64[us]` as written, of a clock on the wall; NaT where there is none.
    offsets
        (time,) minutes by which that clock is ahead of UTC; None if it is not said.
    wrong
        (time,) rows that hold text of another form, or no date of the calendar.
    form
        The form, with the widths and the names that the column has.
    """

    stamps: Shaped[np.ndarray, " time"]
    offsets: Int64[np.ndarray, " time"] | None
    wrong: Bool[np.ndarray, " time"]
    form: StampForm


def parse(texts: pl.Series, pattern: str) -> Parsed:
    """Read all rows of a column by a pattern of `StampForm`; null is no stamp."""
    quick = _quick(texts, pattern)
    if quick is not None:
        return quick
    fields = texts.str.extract_groups(regex_of(pattern)).struct.unnest()
    table = _Table(fields, len(texts))
    months = table.months()
    days = table.days(months)
    clock = table.clock()
    dates = months.astype("M8[D]") + (days - 1).astype("m8[D]")
    table.check_weekday(dates)
    stamps = dates.astype("M8[us]") + clock.astype("m8[us]")
    given = texts.is_not_null().to_numpy()
    wrong = given & ~table.valid
    stamps = np.where(given & table.valid, stamps, np.datetime64("NaT", "us"))
    return Parsed(stamps, table.offsets(), wrong, table.form(pattern, given & table.valid))


def regex_of(pattern: str) -> str:
    """The regular expression of a pattern, with a group of the token's letter for each.

    The clock may be missing after a date, and seconds and their decimals after a clock:
    programs leave out what is zero.
    """
    parts: list[str] = []
    opened, end = 0, 0
    found = list(TOKEN.finditer(pattern))
    for number, match in enumerate(found):
        following = found[number + 1] if number + 1 < len(found) else None
        before, token = pattern[end : match.start()], match.group(3)
        touching = (bool(parts) and not before and found[number - 1].group(3) in DIGITS) or (
            following is not None
            and following.start() == match.end()
            and following.group(3) in DIGITS
        )
        if (token in "HI" and parts and before) or (token in "Sf" and before):
            parts.append("(?:")
            opened += 1
        if token in "pPzZ" and opened:
            # What follows the seconds is always there; the clock as a whole may be missing.
            closing = opened if _date_alone(pattern) and token in "zZ" else opened - 1
            parts.append(")?" * min(closing, opened))
            opened -= min(closing, opened)
        parts.append(r"\s*" if token in "pPzZ" and not before.strip() else _literal(before))
        digits = "[0-9]{2}" if touching and token not in "fzZpP" else "[0-9]{1,2}"
        if token == "j":
            digits = "[0-9]{3}" if touching else "[0-9]{1,3}"
        parts.append(f"(?<{token}>{GROUPS.get(token) or EXACT.get(token) or digits})")
        end = match.end()
    return f"^{''.join(parts)}{')?' * opened}{_literal(pattern[end:])}$"


def _date_alone(pattern: str) -> bool:
    return "%d" in pattern or "%-d" in pattern


def _literal(text: str) -> str:
    return re.sub(r"\s+", r"\\s+", re.escape(text).replace("\\ ", " ").replace("\\\t", "\t"))


class _Table:
    """The parts of a column of stamps, by token, and which rows are valid."""

    def __init__(self, fields: pl.DataFrame, length: int):
        self.fields, self.length = fields, length
        first = fields.columns[0]
        names = [n for n in fields.columns if n not in "fHIMSpPzZ"] or [first]
        self.valid = fields[names[0]].is_not_null().to_numpy()

    def number(self, token: str, default: int = 0) -> Int64[np.ndarray, " time"]:
        """The numbers of a token; the default where it is missing."""
        if token not in self.fields.columns:
            return np.full(self.length, default)
        numbers = self.fields[token].cast(pl.Int64, strict=False)
        return numbers.fill_null(default).to_numpy()

    def has(self, token: str) -> bool:
        """Whether the pattern has a token."""
        return token in self.fields.columns

    def begins_with_year(self) -> bool:
        """Whether the year is the first of the parts."""
        return self.fields.columns[0] in "YG"

    def check(self, good: np.ndarray) -> None:
        """Rows that break a rule of the calendar are not valid."""
        self.valid = self.valid & good

    def months(self) -> Shaped[np.ndarray, " time"]:
        """The month of each stamp."""
        if not any(self.has(t) for t in "YykG"):
            return np.full(self.length, NO_DATE)
        year = self.number("Y") if self.has("Y") else self.number("G")
        if self.has("y"):
            year = 1930 + (self.number("y") - 30) % 100
        if self.has("k"):
            year = 1969 + (self.number("k") - 69) % 100
        month = np.ones(self.length, np.int64)
        if self.has("n"):
            self.check(self.number("n") == (year + 1) % 100)
        for token, size in (("m", 1), ("q", 3), ("h", 6)):
            if self.has(token):
                month = (self.number(token, 1) - 1) * size + 1
        if self.has("b"):
            month = self._named_months()
        self.check(
            (year >= (1 if self.begins_with_year() else 1000)) & (month >= 1) & (month <= 12)
        )
        count = np.where(self.valid, (year - 1970) * 12 + month - 1, 0)
        return count.astype("M8[M]")

    def _named_months(self) -> Int64[np.ndarray, " time"]:
        names = self.fields["b"].unique().drop_nulls().to_list()
        numbers = {name: MONTHS.get(plain(name), 0) for name in names}
        found = self.fields["b"].replace_strict(numbers, default=0, return_dtype=pl.Int64)
        return found.fill_null(0).to_numpy()

    def days(self, months: Shaped[np.ndarray, " time"]) -> Int64[np.ndarray, " time"]:
        """The day, counted from the first of the month, which may lie in another month."""
        if self.has("j"):
            day = self.number("j", 1)
            leap = (months + 12 - months.astype("M8[D]")).astype("m8[D]").astype(np.int64)
            self.check((day >= 1) & (day <= leap))
            return day
        if self.has("V"):
            return self._iso_days(months)
        day = self.number("d", 1)
        self.check((day >= 1) & (day <= days_in(months)))
        return day

    def _iso_days(self, months: Shaped[np.ndarray, " time"]) -> Int64[np.ndarray, " time"]:
        """The day of an ISO week, counted from 1 January: week 1 holds 4 January."""
        week, weekday = self.number("V", 1), self.number("u", 1)
        first = (months.astype("M8[D]").astype(np.int64) + 3) % 7  # 0 is a Monday
        last = ((months + 12).astype("M8[D]").astype(np.int64) + 3) % 7
        monday = np.where(first <= 3, 1 - first, 8 - first)
        days = (months + 12).astype("M8[D]") - months.astype("M8[D]")
        following = days.astype(np.int64) + np.where(last <= 3, 1 - last, 8 - last)
        self.check((week >= 1) & (monday + 7 * (week - 1) < following))
        return monday + 7 * (week - 1) + weekday - 1

    def check_weekday(self, dates: Shaped[np.ndarray, " time"]) -> None:
        """A day of the week in words must be that of the date."""
        for token, length in (("a", 3), ("A", None)):
            if self.has(token):
                names = np.array([day[:length] for day in WEEKDAYS])
                own = pl.Series(names[(dates.astype(np.int64) + 3) % 7])
                self.check((self.fields[token] == own).fill_null(False).to_numpy())

    def clock(self) -> Int64[np.ndarray, " time"]:
        """The time of day in microseconds; 24:00 is the end of a day."""
        hour = self.number("H")
        minute, second = self.number("M"), self.number("S")
        if self.has("I"):
            token = "p" if self.has("p") else "P"
            afternoon = self.fields[token].str.to_lowercase().str.starts_with("p")
            twelve = self.number("I", 12)
            self.check((twelve >= 1) & (twelve <= 12))
            hour = twelve % 12 + 12 * afternoon.fill_null(False).to_numpy()
        fraction = np.zeros(self.length, np.int64)
        if self.has("f"):
            padded = self.fields["f"].str.pad_end(9, "0").cast(pl.Int64, strict=False)
            fraction = padded.fill_null(0).to_numpy()
            self.check(fraction % 1000 == 0)  # finer than a microsecond
        self.check((minute < 60) & (second < 60))
        self.check((hour < 24) | ((hour == 24) & (minute + second + fraction == 0)))
        return ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction // 1000

    def offsets(self) -> Int64[np.ndarray, " time"] | None:
        """Minutes ahead of UTC; None if the pattern has no zone."""
        token = "z" if self.has("z") else "Z"
        if not self.has(token):
            return None
        words = self.fields[token].unique().drop_nulls().to_list()
        minutes = {word: _minutes(word) for word in words}
        found = self.fields[token].replace_strict(minutes, default=0, return_dtype=pl.Int64)
        return found.fill_null(0).to_numpy()

    def form(self, pattern: str, good: Bool[np.ndarray, " time"]) -> StampForm:
        """The form: narrow tokens where numbers have no leading zero, and names of months."""
        fields = self.fields.filter(pl.Series(good))
        for token in self._bare_tokens(fields):
            pattern = pattern.replace(f"%{token}", f"%-{token}")
        if self.has("f"):
            digits = min(6, fields["f"].str.len_bytes().max() or 6)  # pyright: ignore
            pattern = re.sub(r"%\d?f", f"%{digits}f", pattern)
        names: tuple[str, ...] = ()
        if self.has("b") and len(fields):
            names = all_names(fields["b"].unique(maintain_order=True).to_list())
        word = fields["Z"][0] if self.has("Z") and len(fields) else ""
        return StampForm(pattern, names, word or "")

    def _bare_tokens(self, fields: pl.DataFrame) -> list[str]:
        """The tokens of numbers without a leading zero; those that are never below 10 follow
        the others."""
        bare: dict[str, bool | None] = {}
        for token in [t for t in "mdVjHI" if self.has(t)]:
            texts = fields[token].drop_nulls()
            short = bool((texts.str.len_bytes() < WIDTHS[token]).any())
            bare[token] = True if short else False if _leading_zero(texts) else None
        fallback = any(bare.values())
        return [t for t, own in bare.items() if (fallback if own is None else own)]


def _leading_zero(texts: pl.Series) -> bool:
    return bool(texts.str.starts_with("0").any())


def _minutes(zone: str) -> int:
    if zone in ZONE_WORDS:
        return ZONE_WORDS[zone]
    digits = zone[1:].replace(":", "").ljust(4, "0")
    sign = -1 if zone[0] == "-" else 1
    return sign * (60 * int(digits[:2]) + int(digits[2:]))


def _quick(texts: pl.Series, pattern: str) -> Parsed | None:
    """ISO dates of one width, by Polars' own reader; None for the rest."""
    if not re.fullmatch(r"%Y-%m-%d(?:[ T]%H:%M(?::%S)?)?", pattern):
        return None
    width = len(StampForm(pattern).write(np.array(["2000-01-01"], "M8[us]"))[0])
    if not (texts.str.len_bytes() == width).all():
        return None
    if texts.str.ends_with(":60").any():  # Polars reads a leap second as the next minute
        return None
    form = pattern if pattern.endswith(("%d", "%S")) else f"{pattern}:%S"
    texts = texts if form == pattern else texts + ":00"
    stamps = texts.str.to_datetime(form, strict=False, time_unit="us", ambiguous="null")
    if stamps.null_count() > texts.null_count():
        return None
    nothing = np.zeros(len(texts), bool)
    return Parsed(stamps.to_numpy(), None, nothing, StampForm(pattern))
