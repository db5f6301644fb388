"""Statements in which every name is written in one way: `x_i` as x with the index i."""

import re
from collections.abc import Iterable
from dataclasses import replace

from .equation import Equation
from .expressions import CALL, NAME, NUMBER, OPERATION, TIME, Node

_TIME = Node(NAME, TIME)


def indexed(equation: Equation, letters: Iterable[str]) -> Equation:
    """The equation, in which `x_i` has the index i if that is one."""
    known = "".join(map(re.escape, letters)) if all(len(one) == 1 for one in letters) else ""
    pattern = re.compile(rf"(.*[^_])_([{known}](?:_?[{known}])*)" if known else r"(?!)")
    long = [one for one in letters if len(one) > 1]

    def apart(index: Node) -> list[Node]:
        """The i and the j of `a_{ij}`."""
        both = index.symbol if is_plain_name(index) and index.symbol not in letters else ""
        if len(both) > 1 and {*both} <= {*letters}:
            return [replace(index, symbol=one) for one in both]
        return [index]

    def read(node: Node) -> Node:
        children = tuple(map(read, node.children))
        indices = tuple(one for index in node.indices for one in apart(read(index)))
        base = node.symbol
        if node.kind in (NAME, CALL):
            match = pattern.fullmatch(base)
            base, found = (match[1], list(match[2].replace("_", ""))) if match else (base, [])
            for letter in long:
                if base.endswith(f"_{letter}"):
                    base, found = base.removesuffix(f"_{letter}"), [letter]
            indices = (*(Node(NAME, one, column=node.column) for one in found), *indices)
        return replace(node, symbol=base, children=children, indices=indices)

    return replace(equation, left=read(equation.left), right=read(equation.right))


def defines_function(left: Node) -> bool:
    """Whether a left side is `f(x)`, but not `f(t)`."""
    called = left.kind == CALL and all(map(is_plain_name, left.children))
    return called and left.children != (_TIME,)


def of_time(equation: Equation, functions: Iterable[str]) -> Equation:
    """The equation, in which `x(t)` is x unless it is a function that is called."""

    def read(node: Node) -> Node:
        children = tuple(map(read, node.children))
        if node.kind == CALL and node.symbol not in functions and children == (_TIME,):
            return replace(node, kind=NAME, children=())
        return replace(node, children=children)

    return replace(equation, left=read(equation.left), right=read(equation.right))


def step_from(node: Node) -> tuple[str, int] | None:
    """The letter and the number of an index such as `n`, `n+1` or `n-2`; None for others."""
    if node.kind == NAME and not (node.order or node.indices):
        return node.symbol, 0
    if node.kind != OPERATION or node.symbol not in ("+", "-"):
        return None
    left, right = node.children
    if left.kind == NUMBER and node.symbol == "+":
        left, right = right, left
    if left.kind != NAME or right.kind != NUMBER or not right.value.is_integer():
        return None
    return left.symbol, int(right.value) * (1 if node.symbol == "+" else -1)


def step_letter(equations: list[Equation], ranges: Iterable[str]) -> str | None:
    """The letter n of a map `x[n+1] = ...`, or of `x[n] = ...` with `x[n-1]` on the right."""

    def steps(side: Node) -> list[tuple[str, int]]:
        inside = (
            [*node.indices, *(node.children if node.kind == CALL else ())]
            for node in side.walk()
        )
        found = (step_from(one) for each in inside for one in each)
        return [one for one in found if one is not None and one[0] not in ranges]

    letters = {letter for one in equations for letter, n in steps(one.left) if n >= 1}
    for one in equations:
        name = one.left.symbol
        for letter, n in steps(one.right):
            called = {letter for letter, _ in steps(one.left)}
            if n < 0 and (letter in called or name.endswith(f"_{letter}")):
                letters.add(letter)
    if len(letters) > 1:
        one = next(one for one in equations if any(n for _, n in steps(one.left)))
        rule, got = "a map counts its steps by one letter", " and ".join(sorted(letters))
        raise one.error(rule, got, 0, "Write `x[n+1] = ...; y[n+1] = ...`.")
    return letters.pop() if letters else None


def of_steps(equation: Equation, index: str) -> Equation:
    """The equation of a map, in which `x(n+1)` has the index n + 1."""

    def read(node: Node) -> Node:
        children = tuple(map(read, node.children))
        if node.kind == CALL and len(children) == 1:
            step = step_from(children[0])
            if step is not None and step[0] == index:
                return replace(node, kind=NAME, children=(), indices=(*node.indices, *children))
        return replace(node, children=children)

    return replace(equation, left=read(equation.left), right=read(equation.right))


def step_of(node: Node, index: str | None) -> int | None:
    """The number of steps after n of `x[n+1]`; None for a name without such an index."""
    steps = [step_from(one) for one in node.indices]
    found = [one[1] for one in steps if one is not None and one[0] == index]
    return found[0] if len(found) == 1 and index is not None else None


def is_plain_name(node: Node) -> bool:
    return node.kind == NAME and not (node.order or node.indices)
