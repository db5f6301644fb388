"""How tables write that a value is missing: words and signs, and numbers that stand for it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from jaxtyping import Float64

from throughtime.errors import InputError

CODES = frozenset(
    """na n/a #n/a #na n.a. nan -nan null (null) #null! none nil nat <na> missing n/d n.d.
    #div/0! #value! #ref! #num! #name? 1.#qnan -1.#ind 1.#ind ? - -- --- – — . .. ... * :
    """.split()
) | {"", "#n/a n/a", "no data"}
"""Texts that stand for a missing value, in lower case."""

FILL_VALUES = (9.96921e36, 3.4028235e38, *(10.0**p for p in (20, 30, 34, 35, 36, 37)))
WHOLE_TYPES = (32767.0, -32768.0, 2147483647.0, -2147483648.0)


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, `pandas.NA`, or text that stands for a missing value."""
    if value is None or type(value).__name__ == "NAType":  # pandas.NA has no truth value
        return True
    return value.strip().lower() in CODES if isinstance(value, str) else bool(value != value)


def likely_sentinels(values: Float64[np.ndarray, " time"]) -> list[float]:
    """Numbers in a column that look like codes for missing: -999, 9999, 1e36.

    Such a number is all nines, the largest of a type, or a power of ten that is in use as a
    fill value; and it is further from every other value than these are from each other.

    Parameters
    ----------
    values
        (time,) the column; missing values are NaN.
    """
    rest, suspects = values[np.isfinite(values)], []
    while len(rest) > 2:  # a code lies outside the range of all else
        ends = [v for v in (float(rest.min()), float(rest.max())) if _looks_like_code(v)]
        if not ends:
            break
        suspects += ends
        rest = rest[~np.isin(rest, ends)]
    if not suspects or not len(rest):
        return []
    low, high = float(rest.min()), float(rest.max())
    reach = max(high - low, 1e-6 * max(abs(low), abs(high)))
    return sorted(v for v in set(suspects) if v > high + reach or v < low - reach)


def _looks_like_code(value: float) -> bool:
    if value in WHOLE_TYPES or any(
        math.isclose(abs(value), v, rel_tol=1e-6) for v in FILL_VALUES
    ):
        return True
    digits = f"{abs(value):.10g}".replace(".", "", 1)
    return len(digits) >= 2 and set(digits) == {"9"}


@dataclass(frozen=True)
class Codes:
    """Codes for missing values that the user names.

    Attributes
    ----------
    texts
        Those that are no numbers, in lower case.
    numbers
        Those that are.
    """

    texts: tuple[str, ...]
    numbers: tuple[float, ...]

    @classmethod
    def of(cls, missing: Any) -> "Codes":
        """One code or several, numbers or text.

        Raises
        ------
        InputError
            If a code is neither.
        """
        several = [missing] if isinstance(missing, str | Real) else missing
        if not isinstance(several, Iterable):
            several = [several]
        several = list(several)
        wrong = [code for code in several if not isinstance(code, str | Real)]
        if wrong:
            rule = "`missing` must be numbers or texts that stand for a missing value"
            raise InputError(rule, repr(wrong[0]), "Pass one such as `missing=-999`.")
        texts = [str(code).strip().lower() for code in several]
        numbers = tuple(n for n in map(_number, texts) if n is not None)
        return cls(tuple(t for t in texts if _number(t) is None), numbers)

    def drop_from(
        self, values: Float64[np.ndarray, "time columns"], names: Sequence[str]
    ) -> tuple[Float64[np.ndarray, "time columns"], list[str]]:
        """The values with NaN in place of the codes, and remarks on codes, found or likely."""
        coded = np.isin(values, np.asarray(self.numbers, np.float64))
        remarks = [coded_remark(int(coded.sum()))] if coded.any() else []
        values = np.where(coded, np.nan, values)
        for name, column in zip(names, values.T, strict=True):
            for code in likely_sentinels(column):
                count = int((column == code).sum())
                times = "once" if count == 1 else f"{count} times"
                remarks.append(
                    f"{code:.10g} in `{name}` {times} and far from all else as data "
                    f"(if it stands for missing: `--missing {_exact(code)}`)"
                )
        return values, remarks


def coded_remark(count: int) -> str:
    """The remark on how many values were codes."""
    return "1 value coded as missing" if count == 1 else f"{count} values coded as missing"


def _exact(code: float) -> str:
    """A number as a text that is read back as the same."""
    short = f"{code:.10g}"
    return short if float(short) == code else repr(float(code))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
