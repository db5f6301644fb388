"""Letters that stand side by side as a product: `xy`, where x and y are names and xy is none.

The letters become tokens of their own, and the statement is parsed again: `xy²` is `x*y²`, and
`1/xy` has two readings and is refused as `1/x y` is.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from .advice import NOISE, lag_of
from .equation import Equation
from .expressions import CALL, CONSTANTS, FUNCTIONS, NAME, TIME, Node
from .parser import Statement
from .rewriting import defines_function
from .tokens import Token

LETTERS = re.compile(r"([^\W\d_]{2,})(_\w*)?")
"""Letters side by side, the last of which may have an index."""


def with_products(found: list[Equation]) -> tuple[list[Equation], list[str]]:
    """The statements with such products, and each product as it was read: `x*y`."""
    names, products = _Names.of(found), dict[str, None]()
    read: list[Equation] = []
    for one in found:
        known = names.known | _arguments(one.left)
        called = ((node.symbol, node.kind == CALL) for node in one.right.names())
        if any(names.factors(name, known, is_call) for name, is_call in called):
            statement, before = Statement(one.text), len(products)
            statement.tokens = [*_split(statement.tokens, names, known, products)]
            one = statement.read() if len(products) > before else one
        read.append(one)
    return read, [*products]


@dataclass
class _Names:
    """What is given on the left sides.

    Attributes
    ----------
    all, known
        All names; those that may be factors: no function, no index and no end of a range.
    functions
        The names of functions.
    """

    all: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, found: list[Equation]) -> "_Names":
        indices: set[str] = set()
        names = cls()
        for one in found:
            if one.last is not None:
                ends = (one.left, one.right, one.last)
                indices |= {node.symbol for end in ends for node in end.names()}
                continue
            left = one.left
            if left.kind in (NAME, CALL):
                names.all.add(left.symbol)
            names.all |= {node.symbol for node in left.names() if node.order}
            if defines_function(left):
                names.functions.add(left.symbol)
        names.known = {*names.all, TIME, *CONSTANTS} - indices - names.functions
        return names

    def factors(self, name: str, known: Collection[str], called: bool = False) -> list[str]:
        """`x`, `y_n` for `xy_n`; [] for a name that may mean something else."""
        match = LETTERS.fullmatch(name)
        if match is None or name in {*self.all, *known, "dt"} or NOISE.fullmatch(name):
            return []
        letters, index = [*match[1]], match[2] or ""
        bases = {one.partition("_")[0] for one in self.all if index and "_" in one}
        last = {*known, *bases, *(self.functions if called else ())}
        if letters[-1] not in last or not {*letters[:-1]} <= {*known}:
            return []
        if name.startswith(tuple(FUNCTIONS)) or lag_of(name, self.all, self.all):
            return []
        return [*letters[:-1], letters[-1] + index]


def _split(
    tokens: list[Token], names: _Names, known: Collection[str], products: dict[str, None]
) -> Iterator[Token]:
    """The tokens, those on the right side with a token for each factor; products are noted.

    Indices stay as they are, and so does an exponent: `x^ab` may be `x^a b` or `x^(a b)`.
    """
    right, depth, before = False, 0, tokens[0]
    for token, following in zip(tokens, [*tokens[1:], tokens[-1]], strict=True):
        opened = token.text in ("[", "{")
        depth += opened - (token.text in ("]", "}"))
        factors = []
        if right and token.kind == "name" and not (depth or token.order or before.text == "^"):
            factors = names.factors(token.text, known, following.text == "(")
        if factors:
            products["*".join(factors)] = None
        column = token.column
        for i, factor in enumerate(factors):
            adjacent = token.adjacent or i > 0
            yield token._replace(text=factor, column=column + i, adjacent=adjacent)
        if not factors:
            yield token
        right, before = right or token.text == "=", token


def _arguments(left: Node) -> set[str]:
    """The names of the arguments of `f(x, y)`."""
    return {one.symbol for one in left.children} if defines_function(left) else set()
