"""What the inputs of a series are made of: columns, levels of categories, the calendar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import narwhals as nw
import numpy as np
from jaxtyping import Float64

from throughtime.stamps.time_axis import Times
from throughtime.tables import categories
from throughtime.tables.values import to_numbers

from .calendar_features import calendar_columns, calendar_names


@dataclass(frozen=True)
class InputColumns:
    """How the inputs of a series follow from the columns of its table and from its stamps.

    Attributes
    ----------
    known
        Columns that are known ahead.
    static
        Columns that are constant within each series of a panel.
    past
        Columns that are known up to the origin of a forecast only.
    levels
        By column that holds categories, its levels.
    calendar
        Features of the calendar; see `calendar_features.py`.
    """

    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    calendar: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """The columns of the table: known ahead, static, of the past."""
        return (*self.known, *self.static, *self.past)

    @property
    def plain(self) -> bool:
        """Whether each column is an input as it is."""
        return not (self.static or self.levels or self.calendar)

    def names(self) -> tuple[str, ...]:
        """The names of the inputs that are known ahead."""
        columns = map(self.features, (*self.known, *self.static))
        return (*chain(*columns), *calendar_names(self.calendar))

    def past_names(self) -> tuple[str, ...]:
        """The names of the inputs of the past."""
        return tuple(chain(*map(self.features, self.past)))

    def with_levels(self, frame: nw.DataFrame[Any]) -> "InputColumns":
        """These columns with the levels that a table has, unless they are known."""
        found = {n: frame[n] for n in self.all if n not in self.levels}
        new = {
            n: categories.find_levels(column)
            for n, column in found.items()
            if categories.is_category(column)
        }
        return replace(self, levels={**self.levels, **new}) if new else self

    def read(self, column: nw.Series[Any]) -> Float64[np.ndarray, " time"]:
        """The values of one of these columns: numbers, or the numbers of levels."""
        if column.name in self.levels:
            return categories.to_codes(column, self.levels[column.name])
        return to_numbers(column)

    def ahead(
        self, values: Float64[np.ndarray, "time columns"], times: Times
    ) -> Float64[np.ndarray, "time inputs"]:
        """The inputs known ahead, from the values of the columns `known` and `static`."""
        read = self._encoded((*self.known, *self.static), values)
        return np.concatenate([read, calendar_columns(self.calendar, times)], axis=1)

    def of_past(
        self, values: Float64[np.ndarray, "time columns"]
    ) -> Float64[np.ndarray, "time inputs"]:
        """The inputs of the past, from the values of their columns."""
        return self._encoded(self.past, values)

    def describe(self) -> str:
        """The columns in words, for a report."""
        kinds = {"": self.known, "static: ": self.static, "past only: ": self.past}
        said = [
            kind + ", ".join(map(self._describe, names))
            for kind, names in kinds.items()
            if names
        ]
        if self.calendar:
            said.append(f"calendar: {', '.join(self.calendar)}")
        return "; ".join(said) or "none"

    def features(self, column: str) -> tuple[str, ...]:
        """The names of the inputs that a column becomes."""
        levels = self.levels.get(column)
        return (column,) if levels is None else categories.feature_names(column, levels)

    def _describe(self, column: str) -> str:
        levels = self.levels.get(column)
        return column if levels is None else f"{column} ({', '.join(levels)})"

    def _encoded(self, names: Sequence[str], values: np.ndarray) -> np.ndarray:
        parts = [
            categories.one_hot(column, self.levels[name])
            if name in self.levels
            else column[:, None]
            for name, column in zip(names, values.T, strict=True)
        ]
        return np.concatenate([np.empty((len(values), 0)), *parts], axis=1)
