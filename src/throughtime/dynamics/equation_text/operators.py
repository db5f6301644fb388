"""Operators between primaries, by recursive descent from left to right: sums, products, powers.

Products may be written without `*`, as in `2x`, `x (1 - x)` and `x²y`, where they can be read
in one way only.
"""

from abc import ABC, abstractmethod

from throughtime.errors import InputError

from .cursor import Cursor
from .expressions import FUNCTIONS, WORDS, Node, operation
from .tokens import Token

MAX_CHAIN = 100
"""How many operators of the same precedence may follow each other."""

COMPARISONS = ("<", ">", "<=", ">=", "==", "!=")

SUMS = ("sum", "Σ")


class Operators(Cursor, ABC):
    """A parser of expressions, up to their primaries.

    Attributes
    ----------
    bars
        How many bars of an absolute value are open.
    """

    def __init__(self, text: str):
        super().__init__(text)
        self.bars = 0

    @abstractmethod
    def primary(self) -> Node:
        """Parse a number, a name, a function call, a parenthesis or an absolute value."""

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
        left, count, divided, loose = self.signed(), 0, False, False
        while True:
            token, count = self.next_token(), count + 1
            if count > MAX_CHAIN:
                raise self.too_deep(token)
            if token.kind == "operator" and token.text in ("*", "/"):
                self.take()
                divided, loose = token.text == "/", False
                begin = begin if divided else self.position
                right = self.signed()
                left = operation(token.text, left, right, column=token.column)
            elif self.begins_factor(token):
                self.check_reading(token, divided, begin)
                if token.text == "|" and loose:
                    rule, remedy = "bars must have one reading", "Write `abs(x)` for `|x|`."
                    raise self.error(rule, "|", token.column, remedy)
                loose = loose or self.tokens[self.position - 1].text == "|" != token.text
                left = operation("*", left, self.power(), column=token.column)
            else:
                return left

    def begins_factor(self, token: Token) -> bool:
        """Whether a token begins a factor, without a sign before it."""
        if token.kind == "name":
            return token.text not in WORDS
        return token.text == "(" or (token.text == "|" and not self.bars)

    def check_reading(self, token: Token, divided: bool, begin: int) -> None:
        """Refuse `a/b c` and `a^2b`, which can be read in two ways.

        `8/3 z`, `a/(b) c` and `g/l sin(θ)` are read as they are always meant.
        """
        before = self.tokens[self.position - 1]
        if divided and before.text != ")":
            numbers = self.position - begin == 3 and self.tokens[begin].kind == "number"
            apart = not (before.kind == "number" and token.adjacent)
            if not (apart and (is_function(token) or (numbers and before.kind == "number"))):
                raise self._two_readings(token, begin)
        powers = [one.text == "^" for one in self.tokens[max(0, self.position - 3) :][:2]]
        if token.adjacent and token.kind == "name" and before.kind == "number" and any(powers):
            rule, remedy = "a power must say where it ends", "Write `a^2*b` or `a^(2*b)`."
            raise self.error(rule, token.text, token.column, remedy)

    def _two_readings(self, token: Token, begin: int) -> InputError:
        """The error for `a/b c`: what to write for `(a/b)*c`, and what for `a/(b*c)`."""
        here = self.position
        slash = max(i for i in range(begin, here) if self.tokens[i].text == "/")
        above, below = self.source(begin, slash), self.source(slash + 1)
        self.power()
        factor = self.source(here)
        rule = "a product after a division must say what is divided"
        remedy = f"Write `({above}/{below})*{factor}` or `{above}/({below}*{factor})`."
        return self.error(rule, token.text, token.column, remedy)

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
        exponent = self.exponent()
        self.depth -= 1
        return operation("^", base, exponent, column=token.column)

    def exponent(self) -> Node:
        """Parse an exponent: `2`, `-x`, `{2 x}`, or a power: they associate to the right."""
        if self.next_token().text != "{":
            return self.signed()
        self.take()
        inner = self.sum()
        self.expect("}", "a brace must be closed", "Add `}`.")
        return inner


def is_function(token: Token) -> bool:
    """Whether a token is the name of a function, or a sum."""
    return token.kind == "name" and (token.text in FUNCTIONS or is_sum(token))


def is_sum(token: Token) -> bool:
    return token.text in SUMS or token.text.startswith(tuple(f"{one}_" for one in SUMS))
