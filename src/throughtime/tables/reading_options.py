"""How a user says that the numbers of a table are written."""

from dataclasses import dataclass
from typing import Any, Literal

from throughtime.errors import InputError

from .missing_codes import Codes


@dataclass(frozen=True)
class ReadingOptions:
    """What was said of the numbers of a table; it holds for newer tables of the series too.

    Attributes
    ----------
    decimal
        The decimal mark of numbers that are text, `.` or `,`; None for the one that shows.
    missing
        Codes for a missing value, as text.
    """

    decimal: Literal[".", ","] | None = None
    missing: tuple[str, ...] = ()

    @classmethod
    def of(cls, decimal: Any = None, missing: Any = ()) -> "ReadingOptions":
        """The options as `to_series` takes them.

        Raises
        ------
        InputError
            If the mark is no decimal mark, or a code neither a number nor text.
        """
        if decimal not in (None, ".", ","):
            rule = "`decimal` must be `.` or `,`"
            remedy = "Leave it out, or pass the one that the table has (`--decimal`)."
            raise InputError(rule, decimal, remedy)
        codes = Codes.of(missing)
        return cls(decimal, (*codes.texts, *map(repr, codes.numbers)))

    def codes(self) -> Codes:
        """The codes for a missing value, numbers and others apart."""
        return Codes.of(self.missing)


AS_WRITTEN = ReadingOptions()
"""Nothing said: forms and codes are those that show."""
