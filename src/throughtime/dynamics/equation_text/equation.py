"""A statement that was read: its two sides, and the errors in it."""

from dataclasses import dataclass

from throughtime.errors import InputError

from .expressions import Node
from .tokens import error_at


@dataclass(frozen=True)
class Equation:
    """A parsed statement.

    Attributes
    ----------
    left, right
        Its two sides.
    text
        The statement itself.
    last
        For a range `i = 1..40`, its end, and `right` its beginning; None for an equation.
    bounds
        The ranges that its sums state, as `sum_{j=1}^N` does.
    """

    left: Node
    right: Node
    text: str
    last: Node | None = None
    bounds: "tuple[Equation, ...]" = ()

    def error(self, rule: str, got: str, column: int, remedy: str) -> InputError:
        """An error in this statement, at a column."""
        return error_at(rule, got, self.text, column, remedy)
