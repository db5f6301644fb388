r"""The statements of equations as text, sorted by what they say.

| statement | what it is |
| --- | --- |
| `x' = ...`, `m x'' + k x = F`, `x[n+1] = ...` | the law of a variable |
| `k = 0.2`, `F = cos(t)`, `F(t) = cos(t)`, `a_i = 2*i` | a value |
| `f(x) = x - x^3` | a function |
| `x(0) = 1`, `x[0] = 1` | a start |
| `x(t <= 0) = cos(t)` | a start and the past before it |
| `i = 1..40` | the range of an index |
"""

import re
from dataclasses import dataclass, field, replace

from throughtime._support.precision import precision
from throughtime.errors import InputError

from .equation import Equation
from .expressions import (
    CALL,
    NAME,
    NUMBER,
    RESERVED,
    TIME,
    Node,
    evaluate,
    number,
    operation,
    substitute,
)
from .isolate import derivatives, isolate
from .rewriting import (
    defines_function,
    indexed,
    is_plain_name,
    of_steps,
    of_time,
    step_from,
    step_letter,
    step_of,
)

MAX_SIZE = 10_000
"""The largest number of components that indices may have."""


_TIME = Node(NAME, TIME)


@dataclass(frozen=True)
class Definition:
    """What a name is equal to.

    Attributes
    ----------
    name
        The name.
    letters
        Its indices, by the letters that they have on the left side.
    order
        Of a law, the order of the derivative, or of a map the step: 1 for `x[n+1]`.
    expression
        What it is equal to.
    equation
        The statement.
    """

    name: str
    letters: tuple[str, ...]
    order: int
    expression: Node
    equation: Equation


@dataclass
class Roles:
    """Statements by what they say. `index` is the letter that counts the steps of a map."""

    laws: dict[str, Definition] = field(default_factory=dict)
    values: dict[str, Definition] = field(default_factory=dict)
    functions: dict[str, tuple[tuple[str, ...], Definition]] = field(default_factory=dict)
    starts: list[tuple[Node, int, Equation]] = field(default_factory=list)
    pasts: dict[str, Definition] = field(default_factory=dict)
    ranges: dict[str, tuple[int, int]] = field(default_factory=dict)
    range_statements: dict[str, Equation] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)
    index: str | None = None


def sort(equations: list[Equation]) -> Roles:
    """The roles of statements.

    Raises
    ------
    InputError
        If the role of a statement is not clear, or a name is given twice.
    """
    roles = Roles()
    for equation in equations:
        if equation.last is not None:
            _add_range(roles, equation, equations)
    functions = {one.left.symbol for one in equations if defines_function(one.left)}
    plain = [of_time(one, functions) for one in equations if one.last is None]
    plain = [indexed(one, roles.ranges) for one in plain]
    is_flow = any(derivatives(one) for one in plain)
    if not is_flow:
        roles.index = step_letter(plain, roles.ranges)
    if roles.index is not None:
        plain = [
            of_steps(indexed(one, [*roles.ranges, roles.index]), roles.index) for one in plain
        ]
    open_: list[Equation] = []
    for equation in plain:
        if not _sort_one(roles, equation):
            open_.append(equation)
    _solve(roles, open_)
    place = {equation.text: i for i, equation in enumerate(equations)}
    by_place = sorted(roles.laws.items(), key=lambda one: place[one[1].equation.text])
    roles.laws = dict(by_place)
    if roles.index is not None:
        _move_starts(roles)
    return roles


def stated_ranges(equations: list[Equation]) -> list[Equation]:
    """The ranges that sums such as `sum_{j=1}^N` state, but for those that are given too."""
    known = {(one.left, one.right, one.last) for one in equations}
    stated = {(one.left, one.right, one.last): one for e in equations for one in e.bounds}
    return [one for key, one in stated.items() if key not in known]


def _add_range(roles: Roles, equation: Equation, equations: list[Equation]) -> None:
    """Read `i = 1..40` or `i = 1..N`, where N is a number given elsewhere."""
    letter = equation.left
    rule = "a range must be of an index"
    if letter.kind != NAME or letter.order or letter.indices or letter.symbol in RESERVED:
        raise equation.error(rule, "..", 0, "Write `i = 1..40`.")
    if letter.symbol in roles.ranges:
        raise given_twice(equation, letter.symbol)
    numbers = {
        one.left.symbol: one.right
        for one in equations
        if one.left.kind == NAME and one.last is None and one.right.is_number()
    }
    ends = []
    assert equation.last is not None
    for end in (equation.right, equation.last):
        for used in end.names():
            if used.symbol not in numbers:
                remedy = f"Add `{used.symbol} = 40`, say."
                raise equation.error(
                    "a range must be of numbers", used.symbol, used.column, remedy
                )
            roles.sizes[used.symbol] = _number(numbers[used.symbol], {})
        ends.append(_number(end, roles.sizes))
    first, last = ends
    whole = all(end.is_integer() and abs(end) <= MAX_SIZE for end in ends)
    if not whole or not 0 < last - first < MAX_SIZE:
        rule = f"a range must go from a whole number up to another, {MAX_SIZE:,} at most"
        raise equation.error(rule, f"{first:g}..{last:g}", 0, "Write `i = 1..40`.")
    roles.ranges[letter.symbol] = int(first), int(last)
    roles.range_statements[letter.symbol] = equation


def _sort_one(roles: Roles, equation: Equation) -> bool:
    """Give a statement its role; False if it must be solved for a derivative first."""
    left, right = equation.left, equation.right
    is_called = left.kind == CALL and len(left.children) == 1
    if left.kind == NAME and _is_step(roles, left):
        _add_map(roles, equation)
    elif left.kind == NAME and left.order:
        plain = _plain(left)
        if plain.symbol in {node.symbol for node in right.walk() if node.order >= plain.order}:
            return False  # as in x'' = -x - 0.1 x''
        letters = letters_of(plain, equation, roles)
        _check_name(plain, equation)
        definition = Definition(plain.symbol, letters, plain.order, right, equation)
        _add(roles.laws, definition)
    elif is_called and left.children[0].kind == NUMBER:
        _add_start(roles, _plain(left), left.children[0], equation)
    elif is_called and _is_past(left.children[0]):
        _add(roles.pasts, _value(_plain(left), equation, roles))
    elif left.kind == NAME:
        _check_name(left, equation)
        _add(roles.values, _value(_plain(left), equation, roles))
    elif derivatives(equation):
        return False
    elif left.kind == CALL and all(is_plain_name(one) for one in left.children):
        _check_name(left, equation)
        names = tuple(one.symbol for one in left.children)
        _add_function(roles, names, Definition(left.symbol, (), 0, right, equation))
    else:
        remedy = "Write `x' = ...` or `k = ...`."
        got = left.symbol or f"{left.value:g}"
        raise equation.error("a name must be followed by `=`", got, left.column, remedy)
    return True


def _value(left: Node, equation: Equation, roles: Roles) -> Definition:
    letters = letters_of(left, equation, roles)
    return Definition(left.symbol, letters, 0, equation.right, equation)


def _add(known: dict[str, Definition], definition: Definition) -> None:
    if definition.name in known:
        raise given_twice(definition.equation, definition.name)
    known[definition.name] = definition


def _add_function(roles: Roles, names: tuple[str, ...], definition: Definition) -> None:
    if definition.name in roles.functions:
        raise given_twice(definition.equation, definition.name)
    roles.functions[definition.name] = names, definition


def _add_start(roles: Roles, left: Node, at: Node, equation: Equation) -> None:
    """Add `x(0) = 1`, or `x(1) = 1` of a map."""
    if at.value and (roles.index is None or not at.value.is_integer()):
        rule = f"a start is written `{left.symbol}(0) = 1`"
        remedy = f"Write `{left.symbol}(0)`."
        raise equation.error(rule, f"{at.value:g}", at.column, remedy)
    roles.starts.append((left, int(at.value), equation))


def _add_map(roles: Roles, equation: Equation) -> None:
    """Add `x[n+1] = ...`."""
    left = equation.left
    others = tuple(one for one in left.indices if (step_from(one) or ("",))[0] != roles.index)
    plain = replace(left, indices=others)
    _check_name(plain, equation)
    letters, step = letters_of(plain, equation, roles), step_of(left, roles.index)
    if step is None or any(law.order != step for law in roles.laws.values()):
        rule, remedy = (
            "all variables of a map must go by the same step",
            "Write `x[n+1] = ...`.",
        )
        raise equation.error(rule, left.symbol, left.column, remedy)
    _add(roles.laws, Definition(plain.symbol, letters, step, equation.right, equation))


def _is_step(roles: Roles, node: Node) -> bool:
    steps = [step_from(one) for one in node.indices]
    return any(one is not None and one[0] == roles.index for one in steps)


def letters_of(left: Node, equation: Equation, roles: Roles) -> tuple[str, ...]:
    """The letters of the indices on a left side."""
    for one in left.indices:
        if one.kind != NAME or one.symbol not in roles.ranges:
            if one.kind == NAME and not one.indices:
                raise no_range(equation, one)
            rule = "an index on the left side must be a letter"
            remedy = f"Write `{left.symbol}_i' = ...`, and `i = 1..40`."
            raise equation.error(rule, left.symbol, left.column, remedy)
    letters = tuple(one.symbol for one in left.indices)
    if len(set(letters)) < len(letters):
        rule, remedy = "indices on the left side must differ", "Rename one of them."
        raise equation.error(rule, letters[0], left.column, remedy)
    return letters


def no_range(equation: Equation, letter: Node) -> InputError:
    """The error for an index whose values are not given."""
    remedy = f"Add `{letter.symbol} = 1..40`, say."
    return equation.error("an index must have a range", letter.symbol, letter.column, remedy)


def _move_starts(roles: Roles) -> None:
    """Make `x[0] = 1` of a map a start: it was read as the value of a name `x_0`."""
    for name, value in list(roles.values.items()):
        base, _, step = name.rpartition("_")
        if base in roles.laws and re.fullmatch(r"-?\d+", step):
            if not roles.laws[base].letters:
                del roles.values[name]
                left = replace(value.equation.left, symbol=base)
                roles.starts.append((left, int(step), value.equation))


def _plain(left: Node) -> Node:
    """A left side without what it is called with."""
    return replace(left, kind=NAME, children=())


def _is_past(argument: Node) -> bool:
    return argument.symbol in ("<", "<=") and argument == operation(
        argument.symbol, _TIME, number(0)
    )


def _check_name(left: Node, equation: Equation) -> None:
    if left.symbol in RESERVED:
        rule = "a name must not be that of the time, a constant or a function"
        raise equation.error(rule, left.symbol, left.column, f"Rename `{left.symbol}`.")


def given_twice(equation: Equation, name: str) -> InputError:
    """The error for a name with two meanings."""
    remedy = "Leave out one of the two."
    return equation.error("a name must be given once", name, equation.left.column, remedy)


def _solve(roles: Roles, equations: list[Equation]) -> None:
    """Solve equations for the highest derivative of the one variable that is still open."""
    pending = list(equations)
    orders: dict[str, int] = {}
    for equation in equations:
        for name, node in derivatives(equation).items():
            orders[name] = max(orders.get(name, 0), node.order)
    while pending:
        for equation in pending:
            found = derivatives(equation)
            highest = [
                node
                for name, node in found.items()
                if name not in roles.laws and node.order == orders[name]
            ]
            if len(highest) == 1:
                break
        else:
            equation, found = pending[0], derivatives(pending[0])
            names = " and ".join(one.symbol + "'" * one.order for one in found.values())
            rule = "an equation must have one highest derivative of its own"
            remedy = "Solve the equations for their highest derivatives, one after the other."
            raise equation.error(rule, names, equation.left.column, remedy)
        pending.remove(equation)
        target = highest[0]
        letters = letters_of(target, equation, roles)
        expression = isolate(target, equation)
        roles.laws[target.symbol] = Definition(
            target.symbol, letters, target.order, expression, equation
        )


def _number(node: Node, known: dict[str, float]) -> float:
    """The value of an expression, with all its digits."""
    with precision("float64"):
        return float(evaluate(node, known))


def is_parameter(value: Definition) -> bool:
    """Whether a name is given a number."""
    return value.expression.is_number() and not value.letters


def without_abbreviations(node: Node, roles: Roles) -> Node:
    """An expression, in which what abbreviates others is written out, down to parameters.

    Names that stand for each other stay.
    """
    plain = {
        name: one.expression
        for name, one in roles.values.items()
        if not (is_parameter(one) or one.letters or name in roles.sizes)
    }
    for _ in plain:
        node = substitute(node, plain)
    return node
