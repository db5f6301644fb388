"""Numbers in the forms that people write: `1.234,5`, `$1,000`, `10 %`, `(5)`, `1.0D+03`.

A form is read only where a whole column agrees on it. Where a column has two readings, as
1,234 may be 1234 or 1.234, nothing is guessed: the column brings its question.
"""

import re
from itertools import product
from typing import NamedTuple

import polars as pl

from throughtime.errors import InputError

from .values import correct_or_code, in_all

CURRENCY = (
    r"(?:US|A|C|R|NZ|HK|S)?\$|[€£¥₹₽₩₪₺₴฿₫₦%]|Fr\.|[kK]r\.?|Rs\.?|zł|"
    r"USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|RUB|TRY|KRW"
)
UNIT = r"(?:m[23]|[\p{L}%‰°µΩ€$£¥₹])(?:m[23]|-[123]|[\p{L}%‰°µΩ/·²³^ ⁻¹.-]){0,14}?"
FORM = (
    rf"^(?P<lead>[-+(]*) ?(?P<currency>{CURRENCY})? ?(?P<inner>[-+(]*) ?"
    rf"(?P<digits>[0-9][0-9.,' ]*|[.,][0-9]+)(?P<exponent>[eEdD][-+]?[0-9]+|[-+][0-9]{{3}})? ?"
    rf"(?P<unit>{UNIT})?(?P<end>[)-]?)$"
)
DATE = r"^[0-9]{1,4}[. ]+[0-9]{1,2}[. ]+[0-9]{1,4}\.?$"  # 31.1.2021
NO_UNIT = re.compile(
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mai|okt|dez|mär)[a-zä]*\.?"
    r"|[ap]\.?m\.?|[ab]\.?[cd]\.?|utc|gmt|z|t|st|nd|rd|th|q|w|c?e?st|cet",
    re.IGNORECASE,
)
MARKS = {",": "commas", ".": "points", " ": "spaces", "'": "apostrophes"}


EVERY_PAIR = [(p, g) for p, g in product(".,", ["", *MARKS]) if p != g]


class Reading(NamedTuple):
    """A column of text, read.

    Attributes
    ----------
    column
        The numbers, float64, or what else it holds.
    remarks
        What its form is.
    decimal
        The decimal mark, if the values can be read with no other.
    unit
        What all numbers have before or after them: a currency, a percent sign, a unit.
    """

    column: pl.Series
    remarks: tuple[str, ...] = ()
    decimal: str | None = None
    unit: str = ""


def read_numbers(texts: pl.Series, decimal: str | None = None) -> Reading | InputError | None:
    """Read a column of text as numbers of one form.

    Parameters
    ----------
    texts
        The values, stripped; a missing value is null.
    decimal
        The decimal mark, `.` or `,`; by default the one that the values show.

    Returns
    -------
    Reading, InputError or None
        The error if the column has several readings, or most of its values are numbers but not
        all of them, or not in one form; None if it does not hold numbers.
    """
    if _share_of_numbers(texts.drop_nulls().head(100)) < 0.5:
        return None
    parts = _split(texts)
    wrong = parts["digits"].is_null() & texts.is_not_null()
    if _is_dates(parts) or 2 * wrong.sum() > len(texts):
        return None
    if wrong.any():
        return not_a_number(texts, wrong, correct_or_code(texts.filter(wrong)))
    unit, question = _unit(texts, parts)
    if question is not None:
        return question
    negative, signs, question = _negative(texts, parts)
    if question is not None:
        return question
    marks = _marks(texts, parts["digits"], decimal)
    if marks is None or isinstance(marks, InputError):
        return marks
    point, group, sure = marks
    numbers = _convert(parts, point, group)
    numbers = pl.select(pl.when(negative).then(-numbers).otherwise(numbers)).to_series()
    remarks = [] if point != "," else ["decimal commas"]
    remarks += [f"thousands by {MARKS[group]}"] if group else []
    remarks += [f"`{texts.name}` in {unit}"] if unit else []
    return Reading(numbers.alias(texts.name), (*remarks, *signs), sure, unit)


class NotANumber(InputError):
    """A value of a column of numbers is none."""


class TwoReadings(InputError):
    """A mark in numbers may be the decimal mark or separate thousands."""


def not_a_number(texts: pl.Series, wrong: pl.Series, remedy: str) -> NotANumber:
    """The error for the values of a column that are not numbers."""
    i = wrong.arg_max() or 0
    return NotANumber(
        f"column `{texts.name}` must hold numbers",
        f"{texts[i]!r} in row {i + 1}{in_all(int(wrong.sum()))}",
        remedy,
    )


def as_thousands(texts: pl.Series) -> pl.Series | None:
    """Numbers such as 1.234 where points separate thousands; None if there are none."""
    parts = _split(texts)
    digits = parts["digits"]
    if not digits.str.contains(".", literal=True).any():
        return None
    if parts["exponent"].count() or not _fits(digits, ",", "."):
        return None
    numbers = _convert(parts, ",", ".")
    negative = parts["lead"].str.contains("-", literal=True).fill_null(False)
    return (
        pl.select(pl.when(negative).then(-numbers).otherwise(numbers))
        .to_series()
        .alias(texts.name)
    )


def asks_for_thousands(texts: pl.Series, separator: str) -> InputError | None:
    """The question that 1.340 raises where its point may separate thousands.

    It may among semicolons, which stand where a comma is the decimal mark; beside numbers
    without a point, such as 999, unless commas separate the columns; and anywhere if the three
    digits end in a zero, which no program writes that leaves out the zeros of 999.000.
    """
    digits = _split(texts)["digits"]
    mixed = _mixed_thousands(digits)
    padded = digits.str.contains(r"\..*0$").any()
    asks = separator == ";" or (mixed and (separator != "," or padded))
    return _two_readings(texts, digits) if asks else None


def _split(texts: pl.Series) -> pl.DataFrame:
    """The parts of each number, null where it is none."""
    plain = texts.str.replace_all("[\u2212\ufe63\uff0d\u2013]", "-")
    # A tab within a number is no space between its thousands: it parts two cells.
    plain = plain.str.strip_chars().str.replace_all(r"[^\S\t\r\n]", " ")
    plain = plain.str.replace_all("[’‘`´]", "'")
    parts = plain.str.extract_groups(FORM).struct.unnest()
    digits = parts["digits"].str.strip_chars()
    digits = digits.set(parts["exponent"].is_not_null() & (digits != parts["digits"]), None)
    short = parts["exponent"].str.contains("^[-+]").fill_null(False)
    if short.any() and not _is_fortran(digits, parts["exponent"]):
        digits = digits.set(short, None)
    return parts.with_columns(digits)


def _is_fortran(digits: pl.Series, exponent: pl.Series) -> bool:
    """Whether 1.5-103 is 1.5e-103, as Fortran writes it, rather than a range.

    All numbers have an exponent then, one digit at most before the point and equally many
    behind, and some exponent shows itself by a letter or a plus sign.
    """
    present = digits.is_not_null()
    decimals = digits.filter(present).str.extract(r"^[0-9]?\.([0-9]+)$").str.len_bytes()
    short = exponent.str.contains(r"^[-+][123][0-9]{2}$") | exponent.str.contains("^[eEdD]")
    return bool(
        decimals.null_count() == 0
        and decimals.n_unique() == 1
        and short.filter(present).fill_null(False).all()
        and exponent.str.contains(r"^[eEdD+]").any()
    )


def _share_of_numbers(texts: pl.Series) -> float:
    if not len(texts):
        return 0.0
    return _split(texts)["digits"].is_not_null().mean()  # pyright: ignore


def _is_dates(parts: pl.DataFrame) -> bool:
    """Whether some are dates, or are followed by months, hours of the day or the like."""
    if parts["digits"].str.contains(DATE).any():
        return True
    units = parts["unit"].drop_nulls().unique().head(50).to_list()
    return any(NO_UNIT.fullmatch(unit.strip()) for unit in units)


def _unit(texts: pl.Series, parts: pl.DataFrame) -> tuple[str, InputError | None]:
    """What all numbers have before or after them."""
    found = []
    for kind in ("currency", "unit"):
        affix = parts[kind].str.strip_chars().fill_null("")
        present = affix.filter(texts.is_not_null())
        if present.n_unique() > 1:
            return "", _not_one_unit(texts, affix)
        found += present.head(1).to_list()
    return " ".join(filter(None, found)), None


def _not_one_unit(texts: pl.Series, affix: pl.Series) -> InputError:
    there = [i for i in range(len(texts)) if texts[i] is not None]
    first = there[0]
    other = next(i for i in there if affix[i] != affix[first])
    return InputError(
        f"the values of column `{texts.name}` must have one unit",
        f"{texts[first]!r} in row {first + 1} and {texts[other]!r} in row {other + 1}",
        "Write all values in one unit, or all without; take out flags such as `p`.",
    )


def _negative(
    texts: pl.Series, parts: pl.DataFrame
) -> tuple[pl.Series, list[str], InputError | None]:
    """Which numbers are negative, by a minus before or after them or by brackets."""
    lead = (parts["lead"].fill_null("") + parts["inner"].fill_null("")).str.replace(
        "+", "", literal=True
    )
    end = parts["end"].fill_null("")
    minus = (lead == "-") & (end == "")
    brackets = (lead == "(") & (end == ")")
    after = (lead == "") & (end == "-")
    ways = [w.any() for w in (minus, brackets, after)]
    odd = ~(minus | brackets | after | ((lead == "") & (end == "")))
    remarks = ["brackets as minus"] * bool(ways[1]) + ["minus after the number"] * bool(ways[2])
    question = None
    if odd.any():
        question = not_a_number(texts, odd, "Write the number with one sign.")
    elif sum(ways) > 1:
        i, j = (w.arg_max() for w in [w for w in (minus, brackets, after) if w.any()][:2])
        question = InputError(
            f"negative numbers in column `{texts.name}` must be written in one way",
            f"{texts[i]!r} in row {i + 1} and {texts[j]!r} in row {j + 1}",  # pyright: ignore
            "Write a minus sign before all of them.",
        )
    return minus | brackets | after, remarks, question


def _marks(
    texts: pl.Series, digits: pl.Series, decimal: str | None
) -> tuple[str, str, str | None] | InputError | None:
    """The decimal mark, the mark between thousands, and the former again if it is sure."""
    points = [decimal] if decimal else [".", ","]
    present = [m for m in MARKS if digits.str.contains(m, literal=True).any()]
    options = {
        (point, group if group in present else "")
        for point, group in EVERY_PAIR
        if point in points and _fits(digits, point, group)
    }
    readings = {(p if p in present else "", g) for p, g in options}
    if not readings and not any(_fitting(digits, *marks).any() for marks in EVERY_PAIR):
        return None  # 10.0.0.1 is no number
    if not readings:
        other = digits.is_not_null() & ~digits.str.contains(r"^[0-9]+\.?[0-9]*$|^\.[0-9]+$")
        remedy = "Write decimals with one mark, and no mark between thousands."
        if decimal is not None:
            remedy = f'{remedy[:-1]}, or leave out `decimal="{decimal}"` (`--decimal`).'
        return not_a_number(texts, other if other.any() else digits.is_not_null(), remedy)
    if len(readings) == 1:
        point, group = next(iter(readings))
        sure = {".": ",", ",": "."}.get(group) or point or None
        return point, group, sure
    if readings == {(".", ""), ("", ".")} and not _mixed_thousands(digits):
        return ".", "", None  # 1.234 is a number like any other, unless other columns say more
    return _two_readings(texts, digits)


def _fits(digits: pl.Series, point: str, group: str) -> bool:
    """Whether all numbers can be read with these marks for decimals and thousands."""
    return bool(_fitting(digits, point, group).all())


def _fitting(digits: pl.Series, point: str, group: str) -> pl.Series:
    """Which numbers can be read with these marks."""
    p, g = re.escape(point), re.escape(group)
    whole = r"[0-9]+"
    if group:
        whole = rf"(?:0|[1-9][0-9]{{0,2}}(?:{g}[0-9]{{3}})*)"
        if group == " ":
            whole = rf"(?:{whole}|[1-9][0-9]{{3}})"  # four digits often stand together
        if group == ",":
            whole = rf"(?:{whole}|[1-9][0-9]?(?:,[0-9][0-9])+,[0-9]{{3}})"  # lakhs and crores
    return digits.str.contains(rf"^(?:{whole}(?:{p}[0-9]*)?|{p}[0-9]+)$")


def _mixed_thousands(digits: pl.Series) -> bool:
    """Whether some numbers end in a point and three digits and others have no point at all."""
    with_point = digits.str.contains(".", literal=True)
    return bool(with_point.any() and not with_point.drop_nulls().all())


def _two_readings(texts: pl.Series, digits: pl.Series) -> TwoReadings:
    i = digits.str.contains("[.,]").arg_max() or 0
    return TwoReadings(
        f"numbers in column `{texts.name}` must have one reading",
        f"{texts[i]!r} in row {i + 1}, where `{'.' if '.' in texts[i] else ','}` may be the "
        "decimal mark or separate thousands",
        'Pass `decimal="."` or `decimal=","` (`--decimal` on the command line).',
    )


def _convert(parts: pl.DataFrame, point: str, group: str) -> pl.Series:
    """The numbers without their sign, float64."""
    digits = parts["digits"]
    if group:
        digits = digits.str.replace_all(group, "", literal=True)
    digits = digits.str.replace(point, ".", literal=True) if point else digits
    exponent = parts["exponent"].fill_null("").str.replace("[dD]", "e")
    exponent = exponent.str.replace("^([-+])", "e$1")
    return (digits + exponent).cast(pl.Float64)
