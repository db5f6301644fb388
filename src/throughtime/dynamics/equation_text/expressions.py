r"""Mathematical expressions as trees, and their values; nothing in them is run as Python.

An expression consists of numbers, names, operators and the functions in `FUNCTIONS`, and of
nothing else. `parser` makes trees from text.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp

ONE, TWO, ANY = (1, 1), (2, 2), (2, 9)
"""How many arguments a function takes: at least, and at most."""

FUNCTIONS: dict[str, tuple[tuple[int, int], Callable[..., Any]]] = {
    **{
        name: (ONE, getattr(jnp, name))
        for name in (
            "sin cos tan sinh cosh tanh asinh acosh atanh exp expm1 log log10 log2 log1p sqrt"
            " cbrt abs sign floor ceil round sinc"
        ).split()
    },
    "ln": (ONE, jnp.log),
    "sgn": (ONE, jnp.sign),
    "asin": (ONE, jnp.arcsin), "arcsin": (ONE, jnp.arcsin),
    "acos": (ONE, jnp.arccos), "arccos": (ONE, jnp.arccos),
    "atan": (ONE, jnp.arctan), "arctan": (ONE, jnp.arctan),
    "atan2": (TWO, jnp.arctan2),
    "sec": (ONE, lambda x: 1 / jnp.cos(x)),
    "csc": (ONE, lambda x: 1 / jnp.sin(x)),
    "cot": (ONE, lambda x: 1 / jnp.tan(x)),
    "sech": (ONE, lambda x: 1 / jnp.cosh(x)),
    "coth": (ONE, lambda x: 1 / jnp.tanh(x)),
    "erf": (ONE, jax.scipy.special.erf),
    "heaviside": (ONE, lambda x: jnp.heaviside(x, 0.5)),
    "min": (ANY, lambda *xs: reduce(jnp.minimum, xs)),
    "max": (ANY, lambda *xs: reduce(jnp.maximum, xs)),
    "mod": (TWO, jnp.mod),
    "where": ((3, 3), lambda condition, a, b: jnp.where(condition != 0, a, b)),
}  # fmt: skip
"""Functions by name: how many arguments they take, and the function itself."""

JUMPS = {"sign", "sgn", "floor", "ceil", "round", "heaviside", "mod", "where"}
"""Functions with jumps, at which no scheme keeps its order."""

CONSTANTS = {"pi": math.pi, "π": math.pi}
TIME, EULER = "t", "e"
WORDS = {"and", "or", "not"}
RESERVED = {TIME, *CONSTANTS, *FUNCTIONS, *WORDS}

NUMBER, NAME, CALL, OPERATION, SUM = "number", "name", "call", "operation", "sum"

MAX_HEIGHT = 150
"""The largest height of an expression's tree."""

MAX_NODES = 20_000
"""The largest number of nodes of an expression's tree."""


@dataclass(frozen=True)
class Node:
    """A node of an expression's tree.

    Attributes
    ----------
    kind
        `NUMBER`; `NAME`; `CALL`, a name with something in parentheses after it, which are its
        children; `OPERATION`, an operator or a function of its children; or `SUM`, of its only
        child over an index.
    symbol
        The name, the operator or the function.
    children
        The operands.
    value
        The value of a number.
    column
        Where the node stands in its statement.
    order
        For a name, how often it is differentiated: 2 for `x''`.
    indices
        For a name, its indices; for a sum, its first and its last index.
    bare
        Whether it is a function whose argument has no parentheses, as in `sin 2t`.
    """

    kind: str
    symbol: str = ""
    children: "tuple[Node, ...]" = ()
    value: float = 0.0
    column: int = field(default=0, compare=False)
    order: int = 0
    indices: "tuple[Node, ...]" = ()
    bare: bool = field(default=False, compare=False)

    def walk(self) -> "Iterator[Node]":
        """This node and all below it, indices included."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            pending += [*reversed(node.children), *node.indices]

    def names(self) -> "Iterator[Node]":
        """All names in the expression, also those that are called; functions are not names."""
        return (node for node in self.walk() if node.kind in (NAME, CALL))

    def is_too_large(self) -> bool:
        """Whether the tree is higher than `MAX_HEIGHT`, or larger than `MAX_NODES`."""
        level, height, size = [self], 0, 0
        while level and height <= MAX_HEIGHT and size <= MAX_NODES:
            size, height = size + len(level), height + 1
            level = [child for one in level for child in (*one.children, *one.indices)]
        return bool(level)

    def is_number(self) -> bool:
        """Whether the expression has a value of its own."""
        return not any(node.symbol not in CONSTANTS for node in self.names())


def number(value: float | int, column: int = 0) -> Node:
    """The node of a number."""
    return Node(NUMBER, value=float(value), column=column)


def operation(symbol: str, *children: Node, column: int = 0) -> Node:
    """The node of an operator or a function."""
    return Node(OPERATION, symbol, children, column=column)


def _compare(operator: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A comparison whose value is 1 or 0, so that it can be multiplied with."""
    return lambda a, b: operator(a, b).astype(jnp.result_type(float))


OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
    "negative": lambda a: -a,
    "<": _compare(jnp.less),
    ">": _compare(jnp.greater),
    "<=": _compare(jnp.less_equal),
    ">=": _compare(jnp.greater_equal),
    "==": _compare(jnp.equal),
    "!=": _compare(jnp.not_equal),
    "and": lambda a, b: jnp.where(a != 0, b, 0.0),
    "or": lambda a, b: jnp.where(a != 0, a, b),
    "not": lambda a: jnp.where(a != 0, 0.0, 1.0),
    **{name: function for name, (_, function) in FUNCTIONS.items()},
}


def evaluate(node: Node, values: Mapping[str, Any]) -> Any:
    """The value of an expression, given the values of its names.

    Every value is an array: nothing raises an exception, and what has no value is NaN or
    infinite. A name with indices takes a component of its values, which go round.
    """
    if node.kind == NUMBER:
        return jnp.asarray(node.value, float)
    if node.kind == NAME:
        if node.symbol in CONSTANTS:
            return jnp.asarray(CONSTANTS[node.symbol], float)
        known = jnp.asarray(values[node.symbol])
        if node.indices:
            at = (index_value(one, values) for one in node.indices)
            known = known[tuple(i % n for i, n in zip(at, known.shape, strict=True))]
        return jnp.asarray(known, jnp.result_type(known, float))
    if node.kind == SUM:
        first, last = (int(one.value) for one in node.indices)
        return tabulate(node.children[0], [(node.symbol, first, last)], values).sum()
    if node.symbol == "^" and (exponent := _integer_exponent(node.children[1])) is not None:
        # An integer power has a finite derivative at 0.
        return evaluate(node.children[0], values) ** exponent
    return OPERATIONS[node.symbol](*(evaluate(child, values) for child in node.children))


def tabulate(node: Node, ranges: list[tuple[str, int, int]], values: Mapping[str, Any]) -> Any:
    """The values of an expression for all values of some indices, one axis for each."""
    if not ranges:
        return evaluate(node, values)
    (letter, first, last), *others = ranges

    def at(i):
        return tabulate(node, others, {**values, letter: i})

    return jax.vmap(at)(jnp.arange(first, last + 1))


INDEX_OPERATIONS = {"+", "-", "*", "negative"}
"""What indices may be made by."""


def index_value(node: Node, values: Mapping[str, Any]) -> Any:
    """The value of an index, an integer."""
    if node.kind == NUMBER:
        return int(node.value)
    if node.kind == NAME:
        return values[node.symbol]
    return OPERATIONS[node.symbol](*(index_value(child, values) for child in node.children))


def substitute(node: Node, known: Mapping[str, Node]) -> Node:
    """The expression with some of its plain names replaced by expressions."""
    if node.kind == NAME and node.symbol in known and not (node.order or node.indices):
        return known[node.symbol]
    children = tuple(substitute(child, known) for child in node.children)
    indices = tuple(substitute(one, known) for one in node.indices)
    if children == node.children and indices == node.indices:
        return node
    return replace(node, children=children, indices=indices)


def _integer_exponent(node: Node) -> int | None:
    """The value of an exponent that is an integer of at most 64, else None."""
    if node.kind == NUMBER and node.value == int(node.value) and node.value <= 64:
        return int(node.value)
    return None
