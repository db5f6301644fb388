r"""What the names in equations stand for: components of the state, values, inputs, the past.

A resolved expression has names of one kind only: keys of a table of values. `x''` of a
third-order equation has the key `x''`, `x[n-1]` of a map its own, `x(t - 2)` a key `x@0` for
the first of the delays. Indices count from 0; below and above they go round, or to what stands
at the ends.
"""

from dataclasses import replace
from functools import reduce

from throughtime.errors import InputError

from .advice import unknown_function, unknown_name
from .equation import Equation
from .expressions import (
    CALL,
    CONSTANTS,
    EULER,
    INDEX_OPERATIONS,
    NAME,
    NUMBER,
    OPERATION,
    SUM,
    TIME,
    Node,
    number,
    operation,
)
from .indices import Indices, Scope, not_in_scope
from .printing import to_text
from .roles import Definition, Roles, is_parameter, no_range, step_of, without_abbreviations

ALONE = "|"
"""At the end of a key: its components without what stands at the ends of their range."""

MAX_CALLS = 8
"""How deeply functions may call each other."""


class Resolver(Indices):
    """Resolves the names of expressions.

    Attributes
    ----------
    lags
        The delays, as expressions.
    orders
        Of how many keys the state of a variable consists.
    called
        The functions of the text that were called.
    readings
        How products without parentheses were read, as arguments of functions.
    """

    def __init__(self, roles: Roles):
        super().__init__(roles)
        self.lags: list[Node] = []
        self.called: set[str] = set()
        self.readings: list[str] = []
        self.orders = {name: self._order(law) for name, law in roles.laws.items()}

    def _order(self, law: Definition) -> int:
        """Of how many keys the state of a variable consists: derivatives, or steps."""
        if self.roles.index is None:
            return law.order
        lags = [0]
        for one in (*self.roles.laws.values(), *self.roles.values.values()):
            for node in one.expression.walk():
                step = step_of(node, self.roles.index)
                if node.kind == NAME and node.symbol == law.name and step is not None:
                    lags.append(law.order - 1 - step)
        return 1 + max(lags)

    def key(self, name: str, order: int) -> str:
        """The key of a derivative; of a map, of the value `order` steps ago."""
        if self.roles.index is None:
            return name + "'" * order
        return f"{name}[{self.roles.index}-{order}]" if order else name

    def top(self, name: str) -> str:
        """The key of what a law gives: the highest derivative, or the next value."""
        if self.roles.index is None:
            return name + "'" * self.orders[name]
        return f"{name}[{self.roles.index}+1]"

    def resolve(self, node: Node, scope: Scope) -> Node:
        """The expression with all names resolved.

        Raises
        ------
        InputError
            If a name is unknown or has another meaning than it is used for.
        """
        if node.kind == NUMBER:
            return node
        if node.kind == SUM:
            return self._sum(node, scope)
        if node.kind == CALL:
            return self._call(node, scope)
        if node.kind == NAME:
            return self._name(node, scope)
        if node.symbol == "^" and node.children[0] == Node(NAME, EULER):
            if not {EULER} & {*self.roles.values, *self.roles.laws, *scope.bound}:
                exponent = self.resolve(node.children[1], scope)
                return operation("exp", exponent, column=node.column)
        if node.bare:
            self._check_bare(node, scope)
        return replace(node, children=tuple(self.resolve(one, scope) for one in node.children))

    def _check_bare(self, node: Node, scope: Scope) -> None:
        """Refuse `sin x y`, in which x varies: is y in the argument, or after it?"""
        factors = _factors(node.children[0])
        last = factors[-1]
        if last.kind == CALL and last.symbol not in self.roles.functions:
            if not is_of_time(last.children[0]):  # x (1 - y), a product
                factors[-1:] = [replace(last, kind=NAME, children=()), *last.children]
        varying = [i for i, one in enumerate(factors[:-1]) if not self._is_steady(one, scope)]
        if not varying:
            if len(factors) > 1 and to_text(node) not in self.readings:
                self.readings.append(to_text(node))
            return
        cut, name = varying[0] + 1, node.symbol
        inside = reduce(_times, factors)
        apart = reduce(_times, [operation(name, reduce(_times, factors[:cut])), *factors[cut:]])
        rule = f"an argument without parentheses must end where it varies, as in `{name} 2t`"
        remedy = f"Write `{name}({to_text(inside)})` or `{to_text(apart)}`."
        raise scope.equation.error(rule, name, node.column, remedy)

    def _is_steady(self, node: Node, scope: Scope, depth: int = 0) -> bool:
        """Whether an expression is a number once the parameters and the indices are."""
        roles = self.roles
        for one in node.names():
            base, _ = self.component(one.symbol)
            if one.symbol in scope.bound or base in roles.laws or depth > MAX_CALLS:
                return False
            if one.symbol in {*CONSTANTS, *roles.sizes, *roles.ranges}:
                continue
            value = roles.values.get(base)
            if value is not None and not self._is_steady(value.expression, scope, depth + 1):
                return False
            if value is None and not self.has_components(base):
                return False
        return True

    def _sum(self, node: Node, scope: Scope) -> Node:
        letter = node.symbol
        if letter not in self.roles.ranges:
            raise no_range(scope.equation, node)
        inside = {one.symbol for bound in scope.bound.values() for one in bound.names()}
        if letter in scope.letters | inside:
            rule, remedy = "a sum must have an index of its own", "Use another letter in it."
            raise scope.equation.error(rule, letter, node.column, remedy)
        inner = scope._replace(letters=scope.letters | {letter})
        ends = tuple(number(end) for end in self.roles.ranges[letter])
        return replace(node, children=(self.resolve(node.children[0], inner),), indices=ends)

    def _call(self, node: Node, scope: Scope) -> Node:
        """A function that was defined, a delay, or a product without `*`."""
        roles, arguments, equation = self.roles, node.children, scope.equation
        if node.symbol in roles.functions and node.symbol not in scope.bound:
            return self._defined(node, scope)
        is_variable = self.component(node.symbol)[0] in roles.laws
        names = {*roles.values, *roles.ranges, *roles.sizes, *scope.bound, roles.index, EULER}
        is_name = is_variable or node.symbol in names or bool(node.indices)
        if not is_name or len(arguments) != 1:
            known = {*roles.laws, *roles.values, *roles.sizes, *scope.bound}
            raise unknown_function(node, equation, known)
        (argument,) = arguments
        plain = replace(node, kind=NAME, children=())
        if is_of_time(argument):
            if is_variable and node.symbol not in scope.bound:
                return self._delayed(plain, argument, scope)
            value = roles.values.get(node.symbol)
            if value is None or not value.expression.is_number():
                rule = "only variables are delayed"
                remedy = f"Write `{node.symbol}*(...)` for a product, or its formula."
                raise equation.error(rule, node.symbol, node.column, remedy)
        if is_variable and argument.kind == NUMBER and node.symbol not in scope.bound:
            rule = "a variable has no value at a number on the right side"
            remedy = f"Write `{to_text(argument)}*{to_text(plain)}` for a product."
            raise equation.error(rule, to_text(node), node.column, remedy)
        return self.resolve(operation("*", plain, argument, column=node.column), scope)

    def _defined(self, node: Node, scope: Scope) -> Node:
        """What a function that was defined stands for."""
        names, definition = self.roles.functions[node.symbol]
        self.called.add(node.symbol)
        if len(names) != len(node.children):
            wanted = f"{len(names)} argument{'s' * (len(names) > 1)}"
            rule, remedy = f"`{node.symbol}` takes {wanted}", f"Give it {wanted}."
            raise scope.equation.error(rule, f"{len(node.children)}", node.column, remedy)
        given = (self.resolve(one, scope) for one in node.children)
        bound = dict(zip(names, given, strict=True))
        inner = Scope(definition.equation, bound=bound, calls=scope.calls + 1)
        found = node if inner.calls > MAX_CALLS else self.resolve(definition.expression, inner)
        if found is node or found.is_too_large():
            rule = "functions must not call each other without end"
            remedy = "Write out what they stand for."
            raise scope.equation.error(rule, node.symbol, node.column, remedy)
        return found

    def _delayed(self, plain: Node, argument: Node, scope: Scope) -> Node:
        """`x(t - 2)`: the value of a variable some time ago."""
        rule = "a delay is the time minus what does not change"
        remedy = f"Write `{plain.symbol}(t - 2)`, or `{plain.symbol}*(...)` for a product."
        wrong = scope.equation.error(rule, to_text(argument), plain.column, remedy)
        lag = _lag(argument)
        if lag is None or self.roles.index is not None:
            raise wrong
        self.called.update(used.symbol for used in lag.names())
        lag = without_abbreviations(lag, self.roles)
        for used in lag.names():
            value = self.roles.values.get(used.symbol)
            if used.symbol not in CONSTANTS and not (value and is_parameter(value)):
                self.resolve(used, scope)  # refuses what is not given
                raise wrong
        if plain.order >= self.orders[self.component(plain.symbol)[0]]:
            rule = "a highest derivative must not be delayed"
            remedy = "Equations of the neutral kind are not solved."
            raise scope.equation.error(rule, to_text(plain), plain.column, remedy)
        lag = self.resolve(lag, Scope(scope.equation))
        if lag not in self.lags:
            self.lags.append(lag)
        found = self._name(plain, scope, delayed=True)
        key = found.symbol.removesuffix(ALONE)
        return replace(found, symbol=f"{key}@{self.lags.index(lag)}")

    def _name(self, node: Node, scope: Scope, delayed: bool = False) -> Node:
        roles, symbol = self.roles, node.symbol
        if not (node.indices or node.order) and (found := self._plain_name(node, scope)):
            return found
        step = step_of(node, roles.index)
        if step is not None:
            others = (one for one in node.indices if step_of_index(one, roles) is None)
            node = replace(node, indices=tuple(others))
        base, place = self.component(symbol)
        if base in roles.laws:
            key = self._key_of_variable(node, base, step, scope.equation)
        elif node.order:
            raise self._unknown(node, scope.equation)
        elif base in roles.values or (node.indices and self.has_components(symbol)):
            key = base
        else:
            raise self._unknown(node, scope.equation)
        if place:
            indices = tuple(map(number, place))
            return Node(NAME, key + ALONE, column=node.column, indices=indices)
        return self.with_indices(node, key, scope, delayed)

    def _plain_name(self, node: Node, scope: Scope) -> Node | None:
        """The time, a constant, an index, the size of a range, the argument of a function."""
        roles, symbol = self.roles, node.symbol
        if symbol in scope.bound:
            return scope.bound[symbol]
        if symbol in (TIME, roles.index):
            return replace(node, symbol=TIME)
        if symbol in roles.sizes:
            return number(roles.sizes[symbol], node.column)
        if symbol in roles.ranges and symbol not in scope.letters:
            raise not_in_scope(node, scope)
        return node if symbol in CONSTANTS or symbol in roles.ranges else None

    def _key_of_variable(
        self, node: Node, base: str, step: int | None, equation: Equation
    ) -> str:
        law, order = self.roles.laws[base], node.order
        if self.roles.index is None:
            if order > law.order:
                raise self._unknown(node, equation)
            return self.key(base, order)
        if step is None:
            return base
        if step > law.order:
            rule = "a map must not look ahead"
            remedy = f"Write `{base}[{self.roles.index}+{step}] = ...` for it."
            raise equation.error(rule, to_text(node), node.column, remedy)
        return self.top(base) if step == law.order else self.key(base, law.order - 1 - step)

    def _unknown(self, node: Node, equation: Equation) -> InputError:
        """The error for a name that is not given."""
        roles = self.roles
        for one in (one for index in node.indices for one in index.names()):
            if one.symbol not in {*roles.ranges, *roles.sizes, roles.index}:
                return no_range(equation, one)
        for name, law in roles.laws.items():
            base, _, letter = name.rpartition("_")
            if node.indices and base == node.symbol and letter.isalpha():
                return no_range(law.equation, Node(NAME, letter))
        laws = [law.equation for law in roles.laws.values()]
        return unknown_name(node, equation, roles.laws, {*roles.values, *roles.sizes}, laws)


def step_of_index(index: Node, roles: Roles) -> int | None:
    """The step of one index of a map, `n + 1`; None for others."""
    return step_of(Node(NAME, indices=(index,)), roles.index)


def _times(left: Node, right: Node) -> Node:
    return operation("*", left, right)


def _factors(node: Node) -> list[Node]:
    """The factors of a product."""
    if node.kind == OPERATION and node.symbol == "*":
        return [*_factors(node.children[0]), node.children[1]]
    return [node]


def is_of_time(argument: Node) -> bool:
    """Whether an argument is a time, `t - 2` or `2*t`, and not `1 + cos(t)`."""
    if argument.kind == OPERATION and argument.symbol in (*INDEX_OPERATIONS, "/", "^"):
        return any(map(is_of_time, argument.children))
    return argument == Node(NAME, TIME)


def _lag(argument: Node) -> Node | None:
    """What is taken from t in `t - lag`; None for other expressions."""
    if argument.kind == OPERATION and argument.symbol in ("-", "+"):
        left, right = argument.children
        in_right = any(one == Node(NAME, TIME) for one in right.walk())
        if argument.symbol == "-" and not in_right:
            if left == Node(NAME, TIME):
                return right
            inner = _lag(left)  # t - a - b
            return None if inner is None else operation("+", inner, right)
        if argument.symbol == "+" and left.symbol == "negative" and right == Node(NAME, TIME):
            return left.children[0]
    return None
