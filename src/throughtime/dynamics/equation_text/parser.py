r"""Statements of equations as text to trees, by recursive descent from left to right.

A statement is `left = right`, or `i = 1..40` for the range of an index. Products may be written
without `*`, as in `2x`, `x (1 - x)` and `x²y`, and a function of one name without parentheses,
as in `sin θ`, where they can be read in one way only.
"""

import math
from dataclasses import dataclass, replace

from throughtime.errors import InputError, did_you_mean

from .cursor import Cursor
from .expressions import (
    CALL,
    CONSTANTS,
    FUNCTIONS,
    NAME,
    NUMBER,
    OPERATION,
    RESERVED,
    SUM,
    TIME,
    WORDS,
    Node,
    number,
    operation,
)
from .tokens import Token, error_at

MAX_CHAIN = 100
"""How many operators of the same precedence may follow each other."""

COMPARISONS = ("<", ">", "<=", ">=", "==", "!=")

SUMS = ("sum", "Σ")

AFTER_BARE = ("+", "-", "=", ")", "]", "}", ",", "the end")
"""What may follow the argument of a function without parentheses, as in `sin θ = 0`."""


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
    """

    left: Node
    right: Node
    text: str
    last: Node | None = None

    def error(self, rule: str, got: str, column: int, remedy: str) -> InputError:
        """An error in this statement, at a column."""
        return error_at(rule, got, self.text, column, remedy)


class Statement(Cursor):
    """A parser of one statement."""

    def __init__(self, text: str):
        super().__init__(text)
        self.bars = 0

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
        return Equation(left, right, self.text, last)

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

    def condition(self) -> Node:
        """Parse `a > b and not c`, or a plain expression."""
        left = self._conjunction()
        while self.next_token().text == "or":
            token = self.take()
            left = operation("or", left, self._conjunction(), column=token.column)
        return left

    def _conjunction(self) -> Node:
        left = self._comparison()
        while self.next_token().text == "and":
            token = self.take()
            left = operation("and", left, self._comparison(), column=token.column)
        return left

    def _comparison(self) -> Node:
        """Parse `a < b`, `a < b < c` or a plain expression."""
        token = self.next_token()
        if token.text == "not":
            self.take()
            self.nest(token)
            inner = operation("not", self._comparison(), column=token.column)
            self.depth -= 1
            return inner
        left, found, count = self.sum(), None, 0
        while self.next_token().text in COMPARISONS:
            token, count = self.take(), count + 1
            if count > MAX_CHAIN:
                raise self.too_deep(token)
            right = self.sum()
            one = operation(token.text, left, right, column=token.column)
            found = one if found is None else operation("and", found, one)
            left = right
        return left if found is None else found

    def sum(self) -> Node:
        """Parse terms that are added and subtracted."""
        left, count = self.product(), 0
        while self.next_token().kind == "operator" and self.next_token().text in "+-":
            operator, count = self.take(), count + 1
            left = operation(operator.text, left, self.product(), column=operator.column)
            if count > MAX_CHAIN:  # each operator makes the tree one level higher
                raise self.too_deep(operator)
        return left

    def product(self) -> Node:
        """Parse factors that are multiplied and divided, also those without a sign."""
        begin = self.position
        left, count, divided = self.signed(), 0, False
        while True:
            token, count = self.next_token(), count + 1
            if count > MAX_CHAIN:
                raise self.too_deep(token)
            if token.kind == "operator" and token.text in ("*", "/"):
                self.take()
                divided = token.text == "/"
                begin = begin if divided else self.position
                right = self.signed()
                left = operation(token.text, left, right, column=token.column)
            elif self._begins_factor(token):
                self._check_reading(token, divided, begin)
                left = operation("*", left, self.power(), column=token.column)
            else:
                return left

    def _begins_factor(self, token: Token) -> bool:
        """Whether a token begins a factor, without a sign before it."""
        if token.kind == "name":
            return token.text not in WORDS
        return token.text == "(" or (token.text == "|" and not self.bars)

    def _check_reading(self, token: Token, divided: bool, begin: int) -> None:
        """Refuse `a/b c` and `a^2b`, which can be read in two ways.

        `8/3 z` and `a/(b) c` are read as they are always meant.
        """
        before = self.tokens[self.position - 1]
        if divided and before.text != ")":
            numbers = self.position - begin == 3 and self.tokens[begin].kind == "number"
            if not (numbers and before.kind == "number" and not token.adjacent):
                rule = "a product after a division must say what is divided"
                remedy = "Write `(a/b)*c` or `a/(b*c)`."
                raise self.error(rule, token.text, token.column, remedy)
        powers = [one.text == "^" for one in self.tokens[max(0, self.position - 3) :][:2]]
        if token.adjacent and token.kind == "name" and before.kind == "number" and any(powers):
            rule, remedy = "a power must say where it ends", "Write `a^2*b` or `a^(2*b)`."
            raise self.error(rule, token.text, token.column, remedy)

    def signed(self) -> Node:
        """Parse a power with any signs before it."""
        token = self.next_token()
        if token.kind == "operator" and token.text in ("+", "-"):
            self.take()
            self.nest(token)
            inner = self.signed()
            self.depth -= 1
            if token.text == "+":
                return inner
            return operation("negative", inner, column=token.column)
        return self.power()

    def power(self) -> Node:
        """Parse a primary and its exponent, if it has one."""
        base, token = self.primary(), self.next_token()
        if token.text != "^":
            return base
        self.take()
        self.nest(token)
        exponent = self._exponent()
        self.depth -= 1
        return operation("^", base, exponent, column=token.column)

    def _exponent(self) -> Node:
        """Parse an exponent: `2`, `-x`, `{2 x}`, or a power: they associate to the right."""
        if self.next_token().text != "{":
            return self.signed()
        self.take()
        inner = self.sum()
        self.expect("}", "a brace must be closed", "Add `}`.")
        return inner

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
            return self._function(token)
        if token.text in SUMS or token.text.startswith("sum_"):
            return self._sum_over_index(token)
        return self._name(token)

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

    def _name(self, token: Token) -> Node:
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
        return replace(node, kind=CALL, children=self._arguments())

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

    def _arguments(self) -> tuple[Node, ...]:
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

    def _function(self, token: Token) -> Node:
        """Parse `sin(x)`, or `sin^2(x)`, its square."""
        if self.next_token().kind == "primes" or self.next_token().text == "=":
            rule = "a name must not be that of the time, a constant or a function"
            raise self.error(rule, token.text, token.column, f"Rename `{token.text}`.")
        exponent = None
        if self.next_token().text == "^":
            self.take()
            exponent = self.signed()
            if exponent.kind != NUMBER or exponent.value < 1:
                rule = "a power of a function is that of its value"
                remedy = f"Write `1/{token.text}(x)`, or the inverse by its name, as `asin`."
                raise self.error(rule, token.text, token.column, remedy)
        bare = self._bare_argument()
        if bare is None and self.next_token().text != "(":
            least, factors = FUNCTIONS[token.text][0][0], self.factors(FUNCTIONS) or ["x"]
            argument = "*".join(factors) if least == 1 else ", ".join("abc"[:least])
            remedy = f"Write `{token.text}({argument})`"
            if least == 1 and len(factors) > 1:
                remedy += f", or `{token.text}({factors[0]})*{'*'.join(factors[1:])}`"
            rule = "a function needs its arguments"
            raise self.error(rule, token.text, token.column, f"{remedy}.")
        arguments = self._arguments() if bare is None else (bare,)
        least, most = FUNCTIONS[token.text][0]
        if not least <= len(arguments) <= most:
            wanted = f"{least} argument{'s' * (least > 1)}{' or more' * (most > least)}"
            rule, remedy = f"`{token.text}` takes {wanted}", f"Give it {wanted}."
            raise self.error(rule, f"{len(arguments)}", token.column, remedy)
        node = operation(token.text, *arguments, column=token.column)
        return node if exponent is None else operation("^", node, exponent)

    def _bare_argument(self) -> Node | None:
        """The name in `sin θ`, if no factor follows that might be meant too; else None."""
        token, after = self.next_token(), self.tokens[self.position : self.position + 2][-1]
        known = token.text in (*FUNCTIONS, *WORDS, *SUMS) or token.text.startswith("sum_")
        if token.kind != "name" or known or after.text not in AFTER_BARE:
            return None
        return self._name(self.take())

    def _sum_over_index(self, token: Token) -> Node:
        """Parse `sum_j(...)` or `sum(j, ...)`."""
        rule, remedy = "a sum names its index", "Write `sum_j(x_j)`, with `j = 1..10`."
        letter = Node(NAME, token.text.removeprefix("sum_"), column=token.column)
        if self.next_token().text != "(":
            raise self.error(rule, token.text, token.column, remedy)
        arguments = self._arguments()
        if token.text in SUMS:
            letter, *arguments = arguments
        if len(arguments) != 1 or letter.kind != NAME or letter.symbol in RESERVED:
            raise self.error(rule, token.text, token.column, remedy)
        return Node(SUM, letter.symbol, tuple(arguments), column=token.column)


def _integer(node: Node) -> int | None:
    """The value of `3` or `-3`; None for anything else."""
    if node.kind == OPERATION and node.symbol == "negative":
        inner = _integer(node.children[0])
        return None if inner is None else -inner
    return int(node.value) if node.kind == NUMBER and node.value.is_integer() else None


def unknown_function(name: Node, equation: Equation) -> InputError:
    """The error for a call of what is no function."""
    remedy = did_you_mean(name.symbol, FUNCTIONS)
    if name.symbol == "if":
        remedy = "Write `where(x > 0, a, b)`."
    return equation.error("a function must be a known one", name.symbol, name.column, remedy)
