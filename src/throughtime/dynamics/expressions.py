r"""Mathematical expressions as text: parsed into trees, never run as Python.

An expression consists of numbers, names, `+ - * / ^`, parentheses and the functions in
`FUNCTIONS`, and of nothing else. An error names the column where it was found.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax.numpy as jnp

from throughtime.errors import InputError, did_you_mean

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
"""Functions by name: the number of their arguments, and the function itself."""

CONSTANTS = {"pi": math.pi}
TIME = "t"
RESERVED = {TIME, *CONSTANTS, *FUNCTIONS}

PRIMES = ("'", "’", "′")

MAX_DEPTH = 20
"""How deeply parentheses, signs and powers may be nested."""

MAX_CHAIN = 100
"""How many operators of the same precedence may follow each other."""

MAX_HEIGHT = 150
"""The largest height of an expression's tree."""

TOKEN = re.compile(
    r"[ \t]*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*)|(?P<operator>\*\*|[-+*/^(),='’′]))"
)


class Token(NamedTuple):
    """A token of a statement; `kind` is `number`, `name`, `operator` or `end`."""

    kind: str
    text: str
    column: int


@dataclass(frozen=True)
class Node:
    """A node of an expression's tree: an operation, a name or a number.

    Attributes
    ----------
    symbol
        An operator, the name of a function, a name, or `number`.
    children
        The operands.
    value
        The value of a number.
    column
        Where the node stands in its statement.
    """

    symbol: str
    children: "tuple[Node, ...]" = ()
    value: float = 0.0
    column: int = field(default=0, compare=False)

    def names(self) -> "Iterator[Node]":
        """All names in the expression; functions are not names."""
        if not self.children and self.symbol != "number":
            yield self
        for child in self.children:
            yield from child.names()


class Equation(NamedTuple):
    """A parsed statement.

    Attributes
    ----------
    name
        The name on its left side.
    kind
        `SLOPE` for `x' = ...`, `START` for `x(0) = ...`, `VALUE` for `k = ...`.
    expression
        Its right side.
    text
        The statement itself.
    """

    name: str
    kind: str
    expression: Node
    text: str

    def error(self, rule: str, got: str, column: int, remedy: str) -> InputError:
        """An error in this statement, at a column."""
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
    """The value of an expression, given the values of its names."""
    if node.symbol == "number":
        return jnp.asarray(node.value, float)  # an array, so that 1 / 0 raises no exception
    if not node.children:
        return CONSTANTS[node.symbol] if node.symbol in CONSTANTS else values[node.symbol]
    if node.symbol == "^" and (exponent := _integer_exponent(node.children[1])) is not None:
        # An integer power has a finite derivative at 0.
        return evaluate(node.children[0], values) ** exponent
    return OPERATIONS[node.symbol](*(evaluate(child, values) for child in node.children))


def _height(node: Node) -> int:
    """The number of levels of a tree."""
    level, height = [node], 0
    while level:
        level, height = [child for one in level for child in one.children], height + 1
    return height


def _integer_exponent(node: Node) -> int | None:
    """The value of an exponent that is an integer of at most 64, else None."""
    if node.symbol == "number" and node.value == int(node.value) and node.value <= 64:
        return int(node.value)
    return None


class Statement:
    """A parser of one statement, by recursive descent from left to right."""

    def __init__(self, text: str):
        self.text = text.strip()
        self.tokens = list(self._tokenise())
        self.position = self.depth = 0

    def _tokenise(self) -> Iterator[Token]:
        at = 0
        while self.text[at:].strip():
            match = TOKEN.match(self.text, at)
            if match is None:
                at += len(self.text[at:]) - len(self.text[at:].lstrip())
                remedy = "Use numbers, names, + - * / ^ ( ) and the known functions."
                if self.text[at] == ".":
                    remedy = "Names have no attributes; write numbers as 0.5."
                raise self.error("a statement must be mathematics", self.text[at], at, remedy)
            kind = str(match.lastgroup)
            at = match.end()
            yield Token(kind, match[kind], match.start(kind))
        yield Token("end", "the end", len(self.text))

    def read(self) -> Equation:
        """Parse the whole statement: `x' = ...`, `x(0) = ...` or `k = ...`."""
        name = self.expect("name", "a statement must begin with a name", "Write `x' = ...`.")
        if name.text in RESERVED:
            rule = "a name must not be that of the time, a constant or a function"
            raise self.error(rule, name.text, name.column, f"Rename `{name.text}`.")
        if "__" in name.text:
            raise self._double_underscore(name)
        kind = VALUE
        if self.next_token().text in PRIMES:
            self.position, kind = self.position + 1, SLOPE
        elif self.next_token().text == "(":
            self._zero()
            kind = START
        self.expect("=", "a name must be followed by `=`", "Write `x' = ...` or `k = ...`.")
        expression = self.sum()
        if self.next_token().kind != "end":
            raise self._incomplete("Write products with `*`, as in `2*x`.")
        if _height(expression) > MAX_HEIGHT:
            raise self._too_deep(name)
        return Equation(name.text, kind, expression, self.text)

    def _zero(self) -> None:
        """Parse the `(0)` of `x(0) = 1`."""
        rule, remedy = "a start is written `x(0) = 1`", "Write `x(0)`."
        self.position += 1
        zero = self.expect("number", rule, remedy)
        if float(zero.text):
            raise self.error(rule, zero.text, zero.column, remedy)
        self.expect(")", rule, remedy)

    def sum(self) -> Node:
        """Parse terms that are added and subtracted."""
        return self._left_associative(self.product, "+-")

    def product(self) -> Node:
        """Parse factors that are multiplied and divided."""
        return self._left_associative(self.signed, "*/")

    def _left_associative(self, operand: Callable[[], Node], operators: str) -> Node:
        left, count = operand(), 0
        while self.next_token().kind == "operator" and self.next_token().text in operators:
            operator = self.tokens[self.position]
            self.position += 1
            left = Node(operator.text, (left, operand()), column=operator.column)
            count += 1  # each operator makes the tree one level higher
            if count > MAX_CHAIN:
                raise self._too_deep(operator)
        return left

    def signed(self) -> Node:
        """Parse a power with any signs before it."""
        token = self.next_token()
        if token.kind == "operator" and token.text in "+-":
            self.position += 1
            self._nest(token)
            inner = self.signed()
            self.depth -= 1
            return inner if token.text == "+" else Node("negative", (inner,))
        return self.power()

    def power(self) -> Node:
        """Parse a primary and its exponent, if it has one."""
        base, token = self.primary(), self.next_token()
        if token.text not in ("^", "**"):
            return base
        self.position += 1
        self._nest(token)
        exponent = self.signed()  # recursive, so that powers associate to the right
        self.depth -= 1
        return Node("^", (base, exponent), column=token.column)

    def primary(self) -> Node:
        """Parse a number, a name, a function call or a parenthesis."""
        token = self.next_token()
        self.position += 1
        if token.kind == "number":
            if math.isinf(float(token.text)):
                rule, remedy = "a number must be finite", "Write a smaller one."
                raise self.error(rule, token.text, token.column, remedy)
            return Node("number", value=float(token.text), column=token.column)
        if token.text == "(" or (token.kind == "name" and self.next_token().text == "("):
            self._nest(token)
            node = self._call(token) if token.kind == "name" else self._parenthesis()
            self.depth -= 1
            return node
        if token.kind != "name":
            self.position -= 1
            raise self._incomplete("Put a number, a name or a parenthesis there.")
        if "__" in token.text:
            raise self._double_underscore(token)
        if token.text in FUNCTIONS:
            rule = "a function needs its arguments"
            remedy = f"Write `{token.text}(x)`."
            raise self.error(rule, token.text, token.column, remedy)
        return Node(token.text, column=token.column)

    def _parenthesis(self) -> Node:
        node = self.sum()
        self.expect(")", "a parenthesis must be closed", "Add `)`.")
        return node

    def _call(self, name: Token) -> Node:
        if name.text not in FUNCTIONS:
            rule, remedy = "a function must be a known one", did_you_mean(name.text, FUNCTIONS)
            raise self.error(rule, name.text, name.column, remedy)
        self.position += 1
        arguments = [self.sum()]
        while self.next_token().text == ",":
            self.position += 1
            arguments.append(self.sum())
        self.expect(")", "a parenthesis must be closed", "Add `)`.")
        wanted = FUNCTIONS[name.text][0]
        if len(arguments) != wanted:
            number = f"{wanted} argument{'s' * (wanted > 1)}"
            rule, remedy = f"`{name.text}` takes {number}", f"Give it {number}."
            raise self.error(rule, f"{len(arguments)}", name.column, remedy)
        return Node(name.text, tuple(arguments), column=name.column)

    def next_token(self) -> Token:
        """The token at the parser's position; it is not consumed."""
        return self.tokens[min(self.position, len(self.tokens) - 1)]

    def expect(self, wanted: str, rule: str, remedy: str) -> Token:
        """Consume the next token, which must be of this kind or have this text."""
        token = self.next_token()
        if wanted not in (token.kind, token.text):
            raise self.error(rule, token.text, token.column, remedy)
        self.position += 1
        return token

    def _nest(self, token: Token) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._too_deep(token)

    def _too_deep(self, token: Token) -> InputError:
        rule = "an expression must not be nested too deep"
        remedy = "Give names to parts of it: `a = ...`."
        return self.error(rule, token.text, token.column, remedy)

    def _double_underscore(self, token: Token) -> InputError:
        rule = "a name must not have two underscores in a row"
        return self.error(rule, token.text, token.column, f"Rename `{token.text}`.")

    def _incomplete(self, remedy: str) -> InputError:
        token = self.next_token()
        return self.error("an expression must be complete", token.text, token.column, remedy)

    def error(self, rule: str, got: str, column: int, remedy: str) -> InputError:
        """An error in this statement, at a column."""
        return error_at(rule, got, self.text, column, remedy)


def error_at(rule: str, got: str, text: str, column: int, remedy: str) -> InputError:
    """An error that quotes a statement and the column of what is wrong in it."""
    where = f"`{got}`" if got != "the end" else got
    return InputError(rule, f"{where} at column {column + 1} of `{shortened(text)}`", remedy)


def shortened(text: str) -> str:
    """The text in one line of at most 60 characters."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."
