r"""Statements of equations as text to trees.

A statement is `left = right`, or `i = 1..40` for the range of an index. `operators` parses what
stands between primaries, `applied` functions and sums, and this module the rest.
"""

import math
from dataclasses import replace

from .applied import Applied
from .equation import Equation
from .expressions import (
    CALL,
    CONSTANTS,
    FUNCTIONS,
    NAME,
    NUMBER,
    OPERATION,
    TIME,
    WORDS,
    Node,
    number,
    operation,
)
from .operators import COMPARISONS, is_sum
from .tokens import Token


class Statement(Applied):
    """A parser of one statement."""

    def read(self) -> Equation:
        """Parse the whole statement."""
        if self.next_token().kind == "primes" or self.next_token().text in ("=", "*", "/"):
            token = self.next_token()
            rule, remedy = "a statement must begin with a name", "Write `x' = ...`."
            raise self.error(rule, token.text, token.column, remedy)
        left = self.sum()
        if self.next_token().text in (*COMPARISONS, ".."):
            raise self.not_expected("Write `x' = ...` or `k = ...`.")
        self.expect("=", "a name must be followed by `=`", "Write `x' = ...` or `k = ...`.")
        right, last = self.sum(), None
        if self.next_token().text in ("..", ","):
            last = self._end_of_range()
        token = self.next_token()
        if token.text == "=":
            raise self.not_expected("Put `;` between two equations.")
        if token.text in COMPARISONS or token.text in WORDS:
            raise self.not_expected("Write conditions as in `where(x > 0, 1, 0)`.")
        if token.kind != "end":
            raise self.not_expected("Write products with `*`, as in `2*x`.")
        if left.is_too_large() or right.is_too_large():
            raise self.too_deep(token)
        return Equation(left, right, self.text, last, tuple(self.bounds))

    def _end_of_range(self) -> Node:
        """Parse what follows the beginning of `1..40`, `1, ..., 40` or `1, 2, ..., 40`."""
        if self.next_token().text == ",":
            self.position += 1
            if self.next_token().kind == "number":
                self.position += 1
                self.expect(",", "a range is written `1..40`", "Write `i = 1..40`.")
            self.expect("..", "a range is written `1..40`", "Write `i = 1..40`.")
            self.expect(",", "a range is written `1..40`", "Write `i = 1..40`.")
        else:
            self.position += 1
        return self.sum()

    def primary(self) -> Node:
        """Parse a number, a name, a function call, a parenthesis or an absolute value."""
        token = self.next_token()
        if token.kind == "number":
            self.take()
            if math.isinf(float(token.text)):
                rule, remedy = "a number must be finite", "Write a smaller one."
                raise self.error(rule, token.text, token.column, remedy)
            return number(float(token.text), token.column)
        if token.text in ("(", "|"):
            self.take()
            return self._enclosed(token)
        if token.kind != "name" or token.text in WORDS:
            raise self.not_expected("Put a number, a name or a parenthesis there.")
        self.take()
        if "__" in token.text:
            rule = "a name must not have two underscores in a row"
            raise self.error(rule, token.text, token.column, f"Rename `{token.text}`.")
        if token.text in FUNCTIONS:
            return self.function(token)
        if is_sum(token):
            return self.sum_over_index(token)
        return self.name(token)

    def _enclosed(self, token: Token) -> Node:
        """Parse what is between `(` and `)`, or between two bars."""
        self.nest(token)
        outside, self.bars = self.bars, int(token.text == "|")
        if token.text == "|":
            node = operation("abs", self.sum(), column=token.column)
            self.expect("|", "a bar must be closed", "Add `|`, or write `abs(x)`.")
        else:
            node = self.condition()
            self.expect(")", "a parenthesis must be closed", "Add `)`.")
        self.depth, self.bars = self.depth - 1, outside
        return node

    def name(self, token: Token) -> Node:
        """Parse a name with its primes, its indices and what it is called with."""
        node = Node(NAME, token.text, column=token.column, order=token.order)
        node = self._with_indices(self._with_primes(node))
        following = self.next_token()
        if node.order and following.kind == "name" and following.text.startswith("_"):
            if following.adjacent:  # x'_i
                self.take()
                node = self._with_indices(replace(node, symbol=node.symbol + following.text))
        node = self._with_primes(node)
        if node.symbol.endswith("_") and not node.indices:
            rule, remedy = "an index must follow `_`", "Write `x_1` or `x_{i+1}`."
            raise self.error(rule, node.symbol, node.column, remedy)
        is_constant = node.symbol in CONSTANTS or node.symbol == TIME
        if is_constant and (node.order or node.indices):
            rule = "a name must not be that of the time, a constant or a function"
            raise self.error(rule, node.symbol, node.column, f"Rename `{node.symbol}`.")
        if self.next_token().text != "(" or is_constant:
            return node
        return replace(node, kind=CALL, children=self.arguments())

    def _with_primes(self, node: Node) -> Node:
        """The node of a name, the primes that follow counted."""
        order = node.order
        while self.next_token().kind == "primes" and self.next_token().adjacent:
            order += self.take().order
        if order > 9:
            rule, remedy = "a derivative must be of order 9 at most", "Leave out some primes."
            raise self.error(rule, f"{order} primes", node.column, remedy)
        return replace(node, order=order)

    def _with_indices(self, node: Node) -> Node:
        """The node of a name with what stands in `x[...]`, `x_{...}` or `x_(...)`."""
        closed, opened = (
            {"[": "]", "{": "}", "(": ")"},
            "[{(" if node.symbol[-1] == "_" else "[",
        )
        while self.next_token().adjacent and self.next_token().text in [*opened]:
            found = self._list(closed[self.next_token().text])
            numbers, symbol = [_integer(one) for one in found], node.symbol.removesuffix("_")
            if None in numbers or node.indices:
                node = replace(node, symbol=symbol, indices=(*node.indices, *found))
            else:
                node = replace(node, symbol="_".join((symbol, *map(str, numbers))))
            opened = "["
        return node

    def arguments(self) -> tuple[Node, ...]:
        return self._list(")")

    def _list(self, closed: str) -> tuple[Node, ...]:
        """Parse expressions between brackets, separated by commas."""
        token = self.take()
        self.nest(token)
        outside, self.bars = self.bars, 0
        found = [self.condition()]
        while self.next_token().text == ",":
            self.take()
            found.append(self.condition())
        opened = "parenthesis" if closed == ")" else "bracket"
        self.expect(closed, f"a {opened} must be closed", f"Add `{closed}`.")
        self.depth, self.bars = self.depth - 1, outside
        return tuple(found)


def _integer(node: Node) -> int | None:
    """The value of `3` or `-3`; None for anything else."""
    if node.kind == OPERATION and node.symbol == "negative":
        inner = _integer(node.children[0])
        return None if inner is None else -inner
    return int(node.value) if node.kind == NUMBER and node.value.is_integer() else None
