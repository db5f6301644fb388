"""How the stamps of a table are written, so that a forecast can be written the same way."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64, Shaped

from .time_units import DAY

TOKEN = re.compile(r"%(-?)(\d?)([A-Za-z])")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EXCEL_EPOCH = np.datetime64("1899-12-30", "us")  # serial 61 is 1 March 1900


@dataclass(frozen=True)
class StampForm:
    r"""A way to write stamps.

    Attributes
    ----------
    pattern
        Text with tokens, as of `strftime` where that has them: `%Y` year, `%y` year in two
        digits, from 1930 to 2029, `%k` the same from 1969 to 2068, `%n` the next year in two
        digits, `%m` month, `%b` its name, `%q` quarter, `%h` half year, `%d` day, `%o` the
        `th` after it, `%j` day of the year, `%G` `%V` `%u` year, week and day of ISO weeks,
        `%a` `%A` day of the week in words, `%H` `%I` `%M` `%S` clock, `%3f` decimals of the
        second, `%p` AM or PM, `%z` offset from UTC, `%Z` a word for it. `%-m` has no leading
        zero. A tab stands between two columns. Numbers have one token: `%s` Unix time in
        seconds (`%3s` in thousandths, `%6s`, `%9s`), `%5E` Excel days with five decimals, `%3D`
        decimal years with three decimals, `%3C` the same for the middle of the month.
    names
        Twelve names of months for `%b`.
    zone_word
        What `%Z` stands for.
    """

    pattern: str
    names: tuple[str, ...] = ()
    zone_word: str = ""

    @property
    def dayfirst(self) -> bool | None:
        """Whether the day is written before the month; None if only one of them is a number."""
        tokens = [token for _, _, token in TOKEN.findall(self.pattern)]
        if "d" not in tokens or "m" not in tokens:
            return None
        return tokens.index("d") < tokens.index("m")

    @property
    def yearfirst(self) -> bool:
        """Whether two digits of the year come first."""
        return re.match("%-?[yk]", self.pattern) is not None

    @property
    def writes_years(self) -> bool:
        """Whether years have four digits, or there are none."""
        return not any(token in "yk" for _, _, token in TOKEN.findall(self.pattern))

    @property
    def has_zone(self) -> bool:
        """Whether each stamp says its zone."""
        return any(token in "zZs" for _, _, token in TOKEN.findall(self.pattern))

    def write(
        self, stamps: Shaped[np.ndarray, " time"], offsets: Int64[np.ndarray, " time"] | int = 0
    ) -> list[str]:
        """The stamps as text.

        Parameters
        ----------
        stamps
            (time,) `datetime64[us]`, as a clock on the wall shows them.
        offsets
            (time,) minutes by which that clock is ahead of UTC.
        """
        fields = _Fields(stamps, np.broadcast_to(offsets, stamps.shape), self)
        columns: list[list[str] | str] = []
        end = 0
        for match in TOKEN.finditer(self.pattern):
            columns.append(self.pattern[end : match.start()])
            columns.append(fields.text(match.group(3), match.group(2), bool(match.group(1))))
            end = match.end()
        columns.append(self.pattern[end:])
        full = [[part] * len(stamps) if isinstance(part, str) else part for part in columns]
        return ["".join(parts) for parts in zip(*full, strict=True)]

    def to_json(self) -> dict[str, Any]:
        """A dict of plain values, from which `StampForm(**plain)` restores the form."""
        plain = {
            "pattern": self.pattern,
            "names": list(self.names),
            "zone_word": self.zone_word,
        }
        return {key: value for key, value in plain.items() if value}


class _Fields:
    """The parts of some stamps as text, by token."""

    def __init__(self, stamps: np.ndarray, offsets: np.ndarray, form: StampForm):
        self.stamps, self.offsets, self.form = stamps, offsets, form
        self.months = stamps.astype("M8[M]")
        self.dates = stamps.astype("M8[D]")
        self.years = stamps.astype("M8[Y]").astype(np.int64) + 1970
        self.month = self.months.astype(np.int64) % 12 + 1
        self.day = (self.dates - self.months.astype("M8[D]")).astype(np.int64) + 1
        self.clock = (stamps - self.dates).astype(np.int64)  # microseconds
        self.weekday = (self.dates.astype(np.int64) + 3) % 7  # 0 is a Monday
        thursdays = self.dates + (3 - self.weekday).astype("m8[D]")
        self.iso_years = thursdays.astype("M8[Y]").astype(np.int64) + 1970
        first = thursdays.astype("M8[Y]").astype("M8[D]")
        self.week = (thursdays - first).astype(np.int64) // 7 + 1

    def text(self, token: str, digits: str, bare: bool) -> list[str]:
        """One part of each stamp."""
        if token in WIDTHS:
            numbers, width = NUMBERS[token](self), 1 if bare else WIDTHS[token]
            return [f"{number:0{width}d}" for number in numbers.tolist()]
        if token in "sEDC":
            return self._number(token, int(digits or 0))
        words: dict[str, Callable[[], list[str]]] = {
            "b": lambda: [self.form.names[m - 1] for m in self.month.tolist()],
            "o": lambda: [_ordinal(d) for d in self.day.tolist()],
            "a": lambda: [WEEKDAYS[d][:3] for d in self.weekday.tolist()],
            "A": lambda: [WEEKDAYS[d] for d in self.weekday.tolist()],
            "p": lambda: ["PM" if c >= DAY // 2 else "AM" for c in self.clock.tolist()],
            "P": lambda: ["pm" if c >= DAY // 2 else "am" for c in self.clock.tolist()],
            "f": lambda: [f"{c % 1_000_000:06d}"[: int(digits or 6)] for c in self._clocks()],
            "z": lambda: [_offset(m, "" if bare else ":") for m in self.offsets.tolist()],
            "Z": lambda: [self.form.zone_word] * len(self.stamps),
        }
        return words[token]()

    def _clocks(self) -> list[int]:
        return self.clock.tolist()

    def _number(self, token: str, digits: int) -> list[str]:
        """Stamps that are written as one number."""
        if token == "s":
            since = self.stamps.astype(np.int64) - 60_000_000 * self.offsets
            unit = 10 ** (6 - min(digits, 6))
            whole = all(value % unit == 0 for value in since.tolist())
            more = "" if digits < 9 else "000"
            if whole:
                return [f"{value // unit}{more}" for value in since.tolist()]
            return [f"{value / unit:.6f}".rstrip("0") for value in since.tolist()]
        if token == "E":
            days = (self.stamps - EXCEL_EPOCH) / np.timedelta64(1, "D")
            return [f"{day:.{digits}f}" for day in days.tolist()]
        share = (self.month - 1 + 0.5 * (token == "C")) / 12
        if token == "D" and (self.day > 1).any():
            first = self.dates.astype("M8[Y]").astype("M8[D]")
            following = (self.dates.astype("M8[Y]") + 1).astype("M8[D]")
            share = (self.dates - first) / (following - first)
        return [f"{year:.{digits}f}" for year in (self.years + share).tolist()]


NUMBERS: dict[str, Callable[[_Fields], np.ndarray]] = {
    "Y": lambda f: f.years,
    "y": lambda f: f.years % 100,
    "k": lambda f: f.years % 100,
    "n": lambda f: (f.years + 1) % 100,
    "m": lambda f: f.month,
    "q": lambda f: (f.month + 2) // 3,
    "h": lambda f: (f.month + 5) // 6,
    "d": lambda f: f.day,
    "j": lambda f: (f.dates - f.dates.astype("M8[Y]").astype("M8[D]")).astype(np.int64) + 1,
    "G": lambda f: f.iso_years,
    "V": lambda f: f.week,
    "u": lambda f: f.weekday + 1,
    "H": lambda f: f.clock // (DAY // 24),
    "I": lambda f: (f.clock // (DAY // 24) + 11) % 12 + 1,
    "M": lambda f: f.clock // 60_000_000 % 60,
    "S": lambda f: f.clock // 1_000_000 % 60,
}
WIDTHS = {token: 2 for token in "yknmdVHIMS"} | {"Y": 4, "G": 4, "j": 3, "q": 1, "h": 1, "u": 1}


def _ordinal(day: int) -> str:
    return "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _offset(minutes: int, colon: str) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}{colon}{rest:02d}"
