r"""Mathematics as text: statements read to trees, never run as Python.

An expression is made of numbers, names, `+ - * / ^`, parentheses and the functions of
`FUNCTIONS`, and of nothing else. What is wrong is said with its column.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax.numpy as jnp

from throughtime.errors import InputError, nearest

FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    **{
        name: (1, getattr(jnp, name))
        for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "sqrt", "abs",
                     "sign", "floor")
    },
    "asin": (1, jnp.arcsin),
    "acos": (1, jnp.arccos),
    "atan": (1, jnp.arctan),
    "atan2": (2, jnp.arctan2),
    "min": (2, jnp.minimum),
    "max": (2, jnp.maximum),
}  # fmt: skip
"""Functions by name: how many arguments they take, and what they are."""

CONSTANTS = {"pi": math.pi}
TIME = "t"
RESERVED = {TIME, *CONSTANTS, *FUNCTIONS}

PRIMES = ("'", "’", "′")
DEEPEST, LONGEST = 20, 100
"""Parentheses, signs and powers in one another, and operators in a row, at most."""

TALLEST = 150
"""Operations on each other's results, at most."""

TOKEN = re.compile(
    r"[ \t]*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*)|(?P<operator>\*\*|[-+*/^(),='’′]))"
)


class Token(NamedTuple):
    """A piece of a statement; `kind` is number, name, operator or end."""

    kind: str
    text: str
    column: int


@dataclass(frozen=True)
class Node:
    """An operation on its parts, a name, or a number.

    Attributes
    ----------
    what
        An operator, the name of a function, a name; `number` for one.
    """

    what: str
    parts: "tuple[Node, ...]" = ()
    value: float = 0.0
    column: int = field(default=0, compare=False)

    def names(self) -> "Iterator[Node]":
        """The names in it that are no functions."""
        if not self.parts and self.what != "number":
            yield self
        for part in self.parts:
            yield from part.names()


class Equation(NamedTuple):
    """A statement: of what (`SLOPE`, `START` or `VALUE`) of which name, as which expression."""

    name: str
    of: str
    expression: Node
    text: str

    def error(self, rule: str, got: str, column: int, remedy: str) -> InputError:
        """What is wrong with it, and where."""
        return error_at(rule, got, self.text, column, remedy)


SLOPE, START, VALUE = "slope", "start", "value"

OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
    "negative": lambda a: -a,
    **{name: function for name, (_, function) in FUNCTIONS.items()},
}


def evaluate(node: Node, values: Mapping[str, Any]) -> Any:
    """The value of an expression, its names standing for `values`."""
    if node.what == "number":
        return jnp.asarray(node.value, float)  # (of which 1 / 0 is no Python error)
    if not node.parts:
        return CONSTANTS[node.what] if node.what in CONSTANTS else values[node.what]
    if node.what == "^" and (whole := _whole(node.parts[1])) is not None:
        return evaluate(node.parts[0], values) ** whole  # (its slope at 0 is no NaN)
    return OPERATIONS[node.what](*(evaluate(part, values) for part in node.parts))


def _height(node: Node) -> int:
    """The longest way down a tree."""
    level, height = [node], 0
    while level:
        level, height = [part for one in level for part in one.parts], height + 1
    return height


def _whole(node: Node) -> int | None:
    """The whole number that an exponent is, if it is a small one."""
    if node.what == "number" and node.value == int(node.value) and node.value <= 64:
        return int(node.value)
    return None


class Statement:
    """One statement, read from left to right by recursive descent."""

    def __init__(self, text: str):
        self.text = text.strip()
        self.tokens = list(self._tokens())
        self.at = self.depth = 0

    def _tokens(self) -> Iterator[Token]:
        at = 0
        while self.text[at:].strip():
            found = TOKEN.match(self.text, at)
            if found is None:
                at += len(self.text[at:]) - len(self.text[at:].lstrip())
                remedy = "Use numbers, names, + - * / ^ ( ) and the known functions."
                if self.text[at] == ".":
                    remedy = "Names have no parts; write numbers as 0.5."
                raise self.error("a statement must be mathematics", self.text[at], at, remedy)
            kind = str(found.lastgroup)
            at = found.end()
            yield Token(kind, found[kind], found.start(kind))
        yield Token("end", "the end", len(self.text))

    def read(self) -> Equation:
        """The whole statement: a name, what of it is given, `=` and an expression."""
        name = self.take("name", "a statement must begin with a name", "Write `x' = ...`.")
        if name.text in RESERVED:
            rule = "a name of one's own must not be one that is taken"
            raise self.error(rule, name.text, name.column, "Call it otherwise.")
        if "__" in name.text:
            raise self._dunder(name)
        of = VALUE
        if self.now().text in PRIMES:
            self.at, of = self.at + 1, SLOPE
        elif self.now().text == "(":
            self._zero()
            of = START
        self.take("=", "a name must be followed by `=`", "Write `x' = ...` or `k = ...`.")
        expression = self.sum()
        if self.now().kind != "end":
            raise self._unexpected("Write products with `*`, as in `2*x`.")
        if _height(expression) > TALLEST:
            raise self._deep(name)
        return Equation(name.text, of, expression, self.text)

    def _zero(self) -> None:
        """`(0)` after the name of a variable."""
        rule, remedy = "a start is written `x(0) = 1`", "Write `x(0)`."
        self.at += 1
        zero = self.take("number", rule, remedy)
        if float(zero.text):
            raise self.error(rule, zero.text, zero.column, remedy)
        self.take(")", rule, remedy)

    def sum(self) -> Node:
        """Terms, added and subtracted."""
        return self._row(self.product, "+-")

    def product(self) -> Node:
        """Factors, multiplied and divided."""
        return self._row(self.signed, "*/")

    def _row(self, part: Callable[[], Node], operators: str) -> Node:
        left, many = part(), 0
        while self.now().kind == "operator" and self.now().text in operators:
            operator = self.tokens[self.at]
            self.at += 1
            left = Node(operator.text, (left, part()), column=operator.column)
            many += 1  # (each makes the tree one deeper)
            if many > LONGEST:
                raise self._deep(operator)
        return left

    def signed(self) -> Node:
        """A power, with signs before it."""
        token = self.now()
        if token.kind == "operator" and token.text in "+-":
            self.at += 1
            self._deeper(token)
            inner = self.signed()
            self.depth -= 1
            return inner if token.text == "+" else Node("negative", (inner,))
        return self.power()

    def power(self) -> Node:
        """A number, a name, a call or a parenthesis, and what it is raised to."""
        base, token = self.primary(), self.now()
        if token.text not in ("^", "**"):
            return base
        self.at += 1
        self._deeper(token)
        exponent = self.signed()  # (so that it goes from right to left)
        self.depth -= 1
        return Node("^", (base, exponent), column=token.column)

    def primary(self) -> Node:
        token = self.now()
        self.at += 1
        if token.kind == "number":
            if math.isinf(float(token.text)):
                rule, remedy = "a number must be finite", "Write a smaller one."
                raise self.error(rule, token.text, token.column, remedy)
            return Node("number", value=float(token.text), column=token.column)
        if token.text == "(" or (token.kind == "name" and self.now().text == "("):
            self._deeper(token)
            node = self._call(token) if token.kind == "name" else self._inside()
            self.depth -= 1
            return node
        if token.kind != "name":
            self.at -= 1
            raise self._unexpected("A number, a name or a parenthesis belongs there.")
        if "__" in token.text:
            raise self._dunder(token)
        if token.text in FUNCTIONS:
            rule = "a function needs its arguments"
            remedy = f"Write `{token.text}(x)`."
            raise self.error(rule, token.text, token.column, remedy)
        return Node(token.text, column=token.column)

    def _inside(self) -> Node:
        node = self.sum()
        self.take(")", "a parenthesis must be closed", "Add `)`.")
        return node

    def _call(self, name: Token) -> Node:
        if name.text not in FUNCTIONS:
            rule, remedy = "a function must be a known one", nearest(name.text, FUNCTIONS)
            raise self.error(rule, name.text, name.column, remedy)
        self.at += 1
        parts = [self.sum()]
        while self.now().text == ",":
            self.at += 1
            parts.append(self.sum())
        self.take(")", "a parenthesis must be closed", "Add `)`.")
        wanted = FUNCTIONS[name.text][0]
        if len(parts) != wanted:
            rule = f"`{name.text}` takes {wanted} argument{'s' * (wanted > 1)}"
            raise self.error(rule, f"{len(parts)}", name.column, "Give as many.")
        return Node(name.text, tuple(parts), column=name.column)

    def now(self) -> Token:
        return self.tokens[min(self.at, len(self.tokens) - 1)]

    def take(self, wanted: str, rule: str, remedy: str) -> Token:
        """The next token, which must be of that kind or text."""
        token = self.now()
        if wanted not in (token.kind, token.text):
            raise self.error(rule, token.text, token.column, remedy)
        self.at += 1
        return token

    def _deeper(self, token: Token) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._deep(token)

    def _deep(self, token: Token) -> InputError:
        rule = "an expression must not be nested too deep"
        remedy = "Give parts of it names of their own."
        return self.error(rule, token.text, token.column, remedy)

    def _dunder(self, token: Token) -> InputError:
        rule = "a name must not have two underscores in a row"
        return self.error(rule, token.text, token.column, "Call it otherwise.")

    def _unexpected(self, remedy: str) -> InputError:
        token = self.now()
        return self.error("an expression must be complete", token.text, token.column, remedy)

    def error(self, rule: str, got: str, column: int, remedy: str) -> InputError:
        return error_at(rule, got, self.text, column, remedy)


def error_at(rule: str, got: str, said: str, column: int, remedy: str) -> InputError:
    where = f"`{got}`" if got != "the end" else got
    return InputError(rule, f"{where} at column {column + 1} of `{short(said)}`", remedy)


def short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."
