"""Names with indices: their components, and what stands outside of the range of an index."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from throughtime.errors import InputError

from .advice import index_as_lag
from .equation import Equation
from .expressions import (
    INDEX_OPERATIONS,
    NAME,
    NUMBER,
    OPERATION,
    Node,
    index_value,
    number,
    operation,
    substitute,
)
from .printing import to_text
from .roles import Definition, Roles, no_range


@dataclass
class Family:
    """Components by an index, and what stands outside of its range, if not they themselves."""

    letters: tuple[str, ...]
    ends: dict[int, Node]


class Scope(NamedTuple):
    """Where an expression stands.

    Attributes
    ----------
    equation
        Its statement, for errors.
    letters
        The indices that have a value there.
    bound
        In the definition of a function, what its arguments stand for.
    calls
        How many functions it is inside of.
    """

    equation: Equation
    letters: frozenset[str] = frozenset()
    bound: Mapping[str, Node] = MappingProxyType({})
    calls: int = 0


class Indices(ABC):
    """Resolves indices; a base of `Resolver`.

    Attributes
    ----------
    families
        By key, the components that have indices.
    goes_round
        A sentence on an index that goes round; "" if none does.
    """

    def __init__(self, roles: Roles):
        self.roles = roles
        self.families: dict[str, Family] = {}
        self.goes_round = ""
        for name, definition in {**roles.laws, **roles.values}.items():
            self._check_components(name, definition)

    @abstractmethod
    def resolve(self, node: Node, scope: Scope) -> Node:
        """The expression with all names resolved."""

    def _check_components(self, name: str, definition: Definition) -> None:
        """Refuse `x_3' = ...` beside `x_i' = ...` where i goes over 3."""
        base, index = self.component(name)
        if index and base in {*self.roles.laws, *self.roles.values}:
            rule, remedy = (
                "a name must be given once",
                f"Leave out `{name}`, or change the range.",
            )
            raise definition.equation.error(rule, name, 0, remedy)

    def component(self, name: str) -> tuple[str, tuple[int, ...]]:
        """`x_3` as the name x and its index, from 0, if x has indices that include it."""
        parts = name.split("_")
        for cut in range(1, len(parts)):
            base, rest = "_".join(parts[:cut]), parts[cut:]
            definition = self.roles.laws.get(base) or self.roles.values.get(base)
            if definition is None or len(rest) != len(definition.letters):
                continue
            if all(one.lstrip("-").isdecimal() for one in rest):
                spans = [self.roles.ranges[letter] for letter in definition.letters]
                places = [int(one) for one in rest]
                if all(a <= i <= b for i, (a, b) in zip(places, spans, strict=True)):
                    return base, tuple(i - a for i, (a, _) in zip(places, spans, strict=True))
        return name, ()

    def has_components(self, name: str) -> bool:
        """Whether there are names such as `a_1`."""
        parts = (one.rpartition("_") for one in {**self.roles.values, **self.roles.laws})
        return any(base == name and index.isdecimal() for base, _, index in parts)

    def with_indices(self, node: Node, key: str, scope: Scope, delayed: bool) -> Node:
        """The name with its indices, counted from 0."""
        base, equation = node.symbol, scope.equation
        definition = self.roles.laws.get(base) or self.roles.values.get(base)
        letters = definition.letters if definition else ()
        count = len(letters) if definition else 1
        if len(node.indices) != count:
            rule = f"`{base}` has {count or 'no'} {'index' if count == 1 else 'indices'}"
            remedy = f"Write `{'_'.join((base, *letters))}`."
            if not count and (lag := index_as_lag(node, self.roles.values)):
                rule, remedy = "a delay is written with its time", f"Write `{lag}`."
            raise equation.error(rule, to_text(node), node.column, remedy)
        if not count:
            return Node(NAME, key, column=node.column)
        spans = [self.roles.ranges[letter] for letter in letters] or [(0, -1)]
        family = self.families.setdefault(key, Family(letters, {}))
        indices = []
        for (first, last), one in zip(spans, node.indices, strict=True):
            index = self._index(one, scope)
            outside = [i for i in self._values(index) if not first <= i <= last]
            if outside:
                self._outside(family, node, outside, (first, last), equation, delayed)
            indices.append(operation("-", index, number(first)))
        return Node(NAME, key, column=node.column, indices=tuple(indices))

    def _index(self, node: Node, scope: Scope) -> Node:
        """An index, made of letters, whole numbers and the sizes of ranges."""
        for one in node.walk():
            if one.kind == NAME and not (one.order or one.indices):
                if one.symbol in scope.letters or one.symbol in self.roles.sizes:
                    continue
                if one.symbol not in self.roles.ranges:
                    raise no_range(scope.equation, one)
                raise not_in_scope(one, scope)
            whole = one.kind == NUMBER and one.value.is_integer() and abs(one.value) < 1e9
            if not (whole or (one.kind == OPERATION and one.symbol in INDEX_OPERATIONS)):
                rule = "an index must be a whole number, below a billion"
                remedy = "Write `x_{i+1}`, say."
                raise scope.equation.error(rule, to_text(node), node.column, remedy)
        sizes = {name: number(value) for name, value in self.roles.sizes.items()}
        return substitute(node, sizes)

    def _values(self, index: Node) -> set[int]:
        """All values of an index."""
        letters = sorted({one.symbol for one in index.names()})
        spans = (range(a, b + 1) for a, b in (self.roles.ranges[one] for one in letters))
        pairs = (
            dict(zip(letters, values, strict=True)) for values in itertools.product(*spans)
        )
        return {index_value(index, values) for values in pairs}

    def _outside(
        self,
        family: Family,
        node: Node,
        outside: list[int],
        span: tuple[int, int],
        equation: Equation,
        delayed: bool,
    ) -> None:
        """Note what stands outside of a range: `x_0 = 0`; or that the index goes round."""
        base, (first, last) = node.symbol, span
        if not self.has_components(base):
            self.goes_round = self.goes_round or f"{base}_{first - 1} is {base}_{last}"
            return
        # One by one: the first that has no value ends it, however far the index reaches.
        for i in itertools.chain(range(min(outside), first), range(last + 1, max(outside) + 1)):
            name = f"{base}_{i}"
            if delayed or not (name in self.roles.values or name in self.roles.laws):
                rule = "an index must stay in its range, or have values outside of it"
                raise equation.error(rule, name, node.column, f"Add `{name} = 0`, say.")
            if i not in family.ends:
                end = Node(NAME, name, column=node.column, order=node.order)
                family.ends[i] = self.resolve(end, Scope(equation))


def not_in_scope(letter: Node, scope: Scope) -> InputError:
    """The error for an index that has no value where it stands."""
    rule = "an index must stand on the left side too, or be summed over"
    remedy = f"Write `x_{letter.symbol}' = ...`, or `sum_{letter.symbol}(...)`."
    return scope.equation.error(rule, letter.symbol, letter.column, remedy)
