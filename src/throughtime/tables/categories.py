"""Categories: columns of words, each of which becomes a column of zeros and ones."""

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
from jaxtyping import Float64

from throughtime.errors import InputError, closest_name

from .values import is_numeric, is_text

MOST_LEVELS = 50
"""Levels of a category; more are names or free text, of which each is seen too rarely."""

SHOWN = 3
"""Levels that a message shows."""


def is_category(column: nw.Series[Any]) -> bool:
    """Whether a column holds words, or is a category whatever its values are."""
    return is_declared(column) or (is_text(column) and not is_numeric(column))


def is_declared(column: nw.Series[Any]) -> bool:
    """Whether a column has a type of categories."""
    return column.dtype in (nw.Categorical, nw.Enum)


def find_levels(column: nw.Series[Any]) -> tuple[str, ...]:
    """The levels of a category, sorted.

    Raises
    ------
    InputError
        If there are too many.
    """
    levels = sorted({word for word in _words(column) if word is not None})
    if len(levels) > MOST_LEVELS:
        shown = ", ".join(f"`{level}`" for level in levels[:SHOWN])
        raise InputError(
            f"an input of text must have at most {MOST_LEVELS} levels",
            f"{len(levels)} in column `{column.name}`, such as {shown}",
            "Merge them into groups, write numbers, or leave the column out.",
        )
    return tuple(levels)


def to_codes(column: nw.Series[Any], levels: Sequence[str]) -> Float64[np.ndarray, " time"]:
    """The number of each value among the levels; a missing value is NaN.

    Raises
    ------
    InputError
        If a value is none of the levels.
    """
    numbers = {level: float(i) for i, level in enumerate(levels)} | {None: np.nan}
    words = _words(column)
    new = next((i for i, word in enumerate(words) if word not in numbers), None)
    if new is not None:
        known = ", ".join(f"`{level}`" for level in levels[:10])
        close = closest_name(words[new], levels)
        hint = "" if close is None else f" Did you mean `{close}`?"
        raise InputError(
            f"`{column.name}` must be one of the levels that the model has learned: {known}",
            f"`{words[new]}` in row {new + 1}",
            f"Write one of these, or fit with data that have it.{hint}",
        )
    return np.array([numbers[word] for word in words], np.float64)


def feature_names(column: str, levels: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns that a category becomes, of two levels a single one."""
    return tuple(f"{column}={level}" for level in _coded(levels))


def one_hot(
    codes: Float64[np.ndarray, " time"], levels: Sequence[str]
) -> Float64[np.ndarray, "time level"]:
    """A column for each level, 1 where it holds; of two levels, for the second alone."""
    first = len(levels) - len(_coded(levels))
    return (codes[:, None] == np.arange(first, len(levels))).astype(np.float64)


def _coded(levels: Sequence[str]) -> Sequence[str]:
    return levels[1:] if len(levels) == 2 else levels


def _words(column: nw.Series[Any]) -> list[str | None]:
    """The values as text without blanks around; None where one is missing."""
    found = []
    for value in column.to_list():
        word = None if value is None or value != value else str(value).strip()
        found.append(word or None)
    return found
