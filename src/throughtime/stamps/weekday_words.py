"""Days of the week beside dates, in any language: `Mo, 18.01.2021` and `2021/01/18(月)`.

What English calls them is part of a stamp's form. Other words are known by what they do: each
stands beside one day of the week alone.
"""

import re

import numpy as np
import polars as pl
from jaxtyping import Bool, Shaped

from .month_names import MONTHS, plain
from .stamp_form import WEEKDAYS

WORD = r"(?<before>[^\W\d_]{1,13})\.?,?\s+"
DATE = r"(?<date>[0-9]\S*(?:\s.*?)?)"
BEHIND = r"\s*[(（](?<behind>[^\W\d_]{1,9})\.?[)）](?<clock>\s+[0-9:]+)?"
KNOWN = {day[:length].lower() for day in WEEKDAYS for length in (3, None)}


def split_weekdays(texts: pl.Series) -> tuple[pl.Series, pl.Series] | None:
    """The dates of a column and the words for their days; None if there are no such words.

    Parameters
    ----------
    texts
        The column, stripped; a missing value is null.
    """
    known = texts.drop_nulls()
    first = known[0] if len(known) else ""
    for pattern in (f"^{WORD}{DATE}$", f"^{DATE}{BEHIND}$"):
        if not re.match(pattern.replace("?<", "?P<"), first):
            continue
        parts = texts.str.extract_groups(pattern).struct.unnest()
        words = parts["before" if "before" in parts.columns else "behind"]
        found = words.unique().drop_nulls().to_list()
        english = {word.lower() for word in found} <= KNOWN and "before" in parts.columns
        months = any(plain(word) in MONTHS for word in found)
        apart = "behind" in parts.columns or first.startswith(found[0] + ",")
        fewest = 1 if apart else 2  # `run 2021-01-29` is no day
        every = words.null_count() == texts.null_count() and fewest <= len(found) <= 7
        if every and not english and not months:
            clock = parts["clock"].fill_null("") if "clock" in parts.columns else ""
            return parts["date"] + clock, words
    return None


def contradicting(
    words: pl.Series, stamps: Shaped[np.ndarray, " time"]
) -> Bool[np.ndarray, " time"]:
    """The rows whose word stood beside another day before, or its day beside another word."""
    given = words.is_not_null().to_numpy() & ~np.isnat(stamps)
    days = (stamps.astype("M8[D]").astype(np.int64) + 3) % 7
    wrong = np.zeros(len(words), bool)
    day_of: dict[str, int] = {}
    word_of: dict[int, str] = {}
    for i in np.flatnonzero(given):
        word, day = words[int(i)].lower(), int(days[i])
        same = day_of.setdefault(word, day) == day and word_of.setdefault(day, word) == word
        wrong[i] = not same
    return wrong
