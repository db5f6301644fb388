"""Numbers that are dates: 20210131, 199107, Unix times, Excel's days, decimal years.

A number is read so only if all numbers of its column can be; that two readings are possible is
for the step of the series to decide, or for the name of the column.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl
from jaxtyping import Bool, Shaped

from .stamp_form import EXCEL_EPOCH, StampForm
from .stamp_parsing import parse
from .stamp_patterns import COMPACT
from .time_units import DAY

DATE_NAMES = frozenset(
    "date dates datetime time timestamp ds day days month quarter period year years datum data "
    "fecha dato дата 日期 日付 날짜 unix epoch utc yyyymmdd yyyymm yearmonth ym".split()
)
"""Names of columns whose numbers are dates where they can be."""

UNIX_NAMES = frozenset("ts t stamp tstamp unixtime".split())
"""Names of columns whose numbers are Unix times where they can be, and nothing else."""

UNIX_SPAN = (3e8, 4.2e9)
"""Seconds since 1970, from July 1979 to 2103, that are read as such."""
UNIX_LIKELY = (631_152_000, 4_102_444_800)
"""Seconds since 1970, from 1990 to 2099, that are no plain numbers where their step is even."""
EXCEL_SPAN = (18_000, 80_000)
"""Days since 1900, from 1949 to 2119, that are read as such."""
YEAR_SPAN = (1500, 2200)

Numbers = Shaped[np.ndarray, " time"]


def says_date(name: str) -> bool:
    """Whether the name of a column says that its numbers are dates."""
    return _says(name, DATE_NAMES)


def says_unix(name: str) -> bool:
    """Whether the name of a column says that its numbers may be Unix times."""
    return _says(name, UNIX_NAMES)


def _says(name: str, names: frozenset[str]) -> bool:
    words = name.strip().lower().replace("-", "_").replace(" ", "_")
    return words in names or bool(names & set(words.split("_")))


def dates_in(numbers: Numbers) -> Iterator[tuple[Numbers, StampForm, str]]:
    """The readings of whole or decimal numbers as dates, none of which may be right.

    Yields
    ------
    stamps
        (time,) `datetime64[us]`, in UTC for Unix times; NaT where there is no number.
    form
        How they are written.
    words
        The reading in words.
    """
    known = numbers[~np.isnan(numbers)] if numbers.dtype.kind == "f" else numbers
    if not len(known):
        return
    whole = bool((known == np.rint(known)).all())
    low, high = float(known.min()), float(known.max())
    if whole and abs(high) < 1e15:
        yield from _compact(numbers)
    yield from _unix(numbers, low, high)
    if EXCEL_SPAN[0] <= low and high <= EXCEL_SPAN[1]:
        yield from _excel(numbers, whole)
    if not whole and YEAR_SPAN[0] <= low and high <= YEAR_SPAN[1]:
        yield from _decimal_years(numbers)


def is_compact_date(numbers: Numbers) -> bool:
    """Whether whole numbers are all dates such as 20210131 or 199107, in order."""
    if numbers.dtype.kind != "i" or len(numbers) < 3:
        return False
    rising = np.diff(numbers)
    if not ((rising > 0).all() or (rising < 0).all()):
        return False
    low, high = int(numbers.min()), int(numbers.max())
    if 18000101 <= low and high <= 21001231:
        return any(True for _ in _compact(numbers))
    months = numbers % 100
    in_span = 180001 <= low and high <= 210012 and high - low > 11
    return bool(in_span and months.min() >= 1 and months.max() <= 12)


def are_dates(numbers: Numbers) -> bool:
    """Whether numbers in order can all be dates."""
    gaps = np.diff(numbers)
    ordered = len(numbers) > 2 and bool((gaps > 0).all() or (gaps < 0).all())
    return ordered and any(True for _ in dates_in(numbers))


def are_unix_times(numbers: Numbers) -> bool:
    """Whether whole numbers are Unix times since 1990, all whole steps from each other.

    They may go back, as in a table of several series.
    """
    if numbers.dtype.kind != "i" or len(numbers) < 3:
        return False
    low, high = int(numbers.min()), int(numbers.max())
    scales = (10**digits for digits in (0, 3, 6, 9))
    first, last = UNIX_LIKELY
    if not any(first * scale <= low and high < last * scale for scale in scales):
        return False
    gaps = np.diff(np.unique(numbers))
    return len(gaps) > 1 and bool((gaps % gaps.min() == 0).all())


def _compact(numbers: Numbers) -> Iterator[tuple[Numbers, StampForm, str]]:
    """Digits of dates without anything between: the leading zero of a day may be lost."""
    known = ~np.isnan(numbers) if numbers.dtype.kind == "f" else np.ones(len(numbers), bool)
    if (numbers[known] < 0).any():
        return
    digits = np.where(known, numbers, 0).astype(np.int64).astype(str)
    lengths = np.char.str_len(digits[known])
    shortest, longest = int(lengths.min()), int(lengths.max())
    for width, patterns in COMPACT.items():
        # The leading zero of a day or a month is lost in a number.
        lost = width - 1 == shortest and longest <= width
        if not (shortest == longest == width or lost):
            continue
        texts = pl.Series(np.char.zfill(digits, width), dtype=pl.String)
        texts = texts.set(pl.Series(~known), None)
        for pattern in patterns:
            if lost and pattern[1] not in "dm":
                continue
            parsed = parse(texts, pattern)
            if not parsed.wrong.any():
                form = StampForm(f"%-{pattern[1:]}") if lost else parsed.form
                yield parsed.stamps, form, "digits of dates"


def _unix(
    numbers: Numbers, low: float, high: float
) -> Iterator[tuple[Numbers, StampForm, str]]:
    for digits, words in (
        (0, ""),
        (3, " in milliseconds"),
        (6, " in microseconds"),
        (9, " in nanoseconds"),
    ):
        scale = 10.0**digits
        if not (UNIX_SPAN[0] * scale <= low and high <= UNIX_SPAN[1] * scale):
            continue
        known = ~np.isnan(numbers) if numbers.dtype.kind == "f" else np.ones(len(numbers), bool)
        if numbers.dtype.kind == "i":
            factor = 10 ** max(0, 6 - digits)
            fine = numbers % 1000 if digits == 9 else np.zeros(1, np.int64)
            if fine.any():
                return
            micro = numbers * factor // (1000 if digits == 9 else 1)
        else:
            micro = np.rint(np.where(known, numbers, 0) * 10.0 ** (6 - digits)).astype(np.int64)
        stamps = np.where(known, micro.astype("M8[us]"), np.datetime64("NaT", "us"))
        pattern = f"%{digits}s" if digits else "%s"
        yield stamps, StampForm(pattern), f"Unix times{words}"


def _excel(numbers: Numbers, whole: bool) -> Iterator[tuple[Numbers, StampForm, str]]:
    """Days of the spreadsheets' calendar; a time of day is rounded to the second."""
    known = ~np.isnan(numbers)
    seconds = np.rint(np.where(known, numbers, 0) * 86_400).astype(np.int64)
    stamps = EXCEL_EPOCH + (seconds * 1_000_000).astype("m8[us]")
    stamps = np.where(known, stamps, np.datetime64("NaT", "us"))
    yield stamps, StampForm("%0E" if whole else "%6E"), "Excel's days since 1900"


def _decimal_years(numbers: Numbers) -> Iterator[tuple[Numbers, StampForm, str]]:
    """Years with a share of the year behind the point, or with the month (1991.07)."""
    known = ~np.isnan(numbers)
    filled = np.where(known, numbers, 2000.0)
    digits = _decimals(filled[known])
    years = np.floor(filled + 1e-9).astype(np.int64)
    share = filled - years
    error = 6 * 10.0**-digits  # half a unit of the last digit, in months
    error = 1e-6 + (error if error < 0.25 else 0)
    for token, shift in (("D", 0.0), ("C", 0.5)):
        months = np.rint(share * 12 - shift).astype(np.int64)
        if (np.abs(share * 12 - shift - months) <= error).all():
            stamps = _month_starts(years * 12 + months, known)
            yield stamps, StampForm(f"%{digits}{token}"), "decimal years, by months"
    months = np.rint(share * 100).astype(np.int64)
    if digits <= 2 and (months >= 1).all() and (months <= 12).all():
        stamps = _month_starts(years * 12 + months - 1, known)
        yield stamps, StampForm("%Y.%m"), "years and months"
    elif digits >= 4:
        yield from _decimal_days(years, share, digits, known)


def _decimal_days(
    years: Numbers, share: Numbers, digits: int, known: Bool[np.ndarray, " time"]
) -> Iterator[tuple[Numbers, StampForm, str]]:
    first = (years - 1970).astype("M8[Y]").astype("M8[D]")
    length = ((years - 1969).astype("M8[Y]").astype("M8[D]") - first).astype(np.int64)
    days = np.rint(share * length).astype(np.int64)
    if (np.abs(share * length - days) <= 0.5 * 10.0**-digits * 366 + 1e-4).all():
        stamps = np.where(known, (first + days).astype("M8[us]"), np.datetime64("NaT", "us"))
        if len(np.unique((stamps - stamps.astype("M8[M]")) / np.timedelta64(DAY, "us"))) > 1:
            yield stamps, StampForm(f"%{digits}D"), "decimal years, by days"


def _month_starts(months: Numbers, known: Bool[np.ndarray, " time"]) -> Numbers:
    stamps = (months - 1970 * 12).astype("M8[M]").astype("M8[us]")
    return np.where(known, stamps, np.datetime64("NaT", "us"))


def _decimals(values: Numbers) -> int:
    """The most decimals that any of some numbers is written with."""
    for digits in range(1, 9):
        if np.allclose(values, np.round(values, digits), rtol=0, atol=1e-10):
            return digits
    return 9
