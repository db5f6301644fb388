"""Expressions and statements as text: what is printed, read again, is the same tree."""

import re

from .equation import Equation
from .expressions import CALL, FUNCTIONS, NAME, NUMBER, SUM, Node

STRENGTH = {
    "or": 1, "and": 2, "not": 3, **dict.fromkeys(("<", ">", "<=", ">=", "==", "!="), 4),
    "+": 5, "-": 5, "*": 6, "/": 6, "negative": 7, "^": 8,
}  # fmt: skip
"""How strongly operators bind."""

WEAKEST, STRONGEST = 0, 9


def to_text(node: Node) -> str:
    """The expression as text, with the parentheses that it needs.

    A quotient that is multiplied stands in parentheses, `(a/b)*c`, though it is read so anyway.
    """
    if node.kind == NUMBER:
        return number_text(node.value)
    if node.kind in (NAME, CALL):
        return _name(node)
    inside = ", ".join(map(to_text, node.children))
    if node.kind == SUM:
        return f"sum_{node.symbol}({inside})"
    if node.symbol in FUNCTIONS:
        return f"{node.symbol}({inside})"
    if node.symbol == "negative":
        return f"-{_operand(node.children[0], STRENGTH['negative'] + 1)}"
    if node.symbol == "not":
        return f"not ({inside})"
    left, right = node.children
    strength, gap = STRENGTH[node.symbol], "" if node.symbol in "*/^" else " "
    at_left, at_right = strength, strength + 1
    if node.symbol == "^":  # powers associate to the right, and signs bind weaker
        at_left, at_right = STRONGEST, STRENGTH["^"]
    elif strength == STRENGTH["<"]:  # a < b < c would be another tree
        at_left = at_right
    elif node.symbol == "*" and left.symbol == "/":
        at_left = at_right
    # A sign after an operator stands in parentheses.
    if right.symbol == "negative":
        at_right = STRONGEST
    return f"{_operand(left, at_left)}{gap}{node.symbol}{gap}{_operand(right, at_right)}"


def number_text(value: float) -> str:
    """The shortest text of a number that is read as the same."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def statement_text(equation: Equation) -> str:
    """The statement as it was understood."""
    left, right = to_text(equation.left), to_text(equation.right)
    if equation.last is not None:
        return f"{left} = {right}..{to_text(equation.last)}"
    return f"{left} = {right}"


def _operand(node: Node, least: int) -> str:
    text = to_text(node)
    is_operator = node.symbol in STRENGTH and node.children
    return f"({text})" if is_operator and STRENGTH[node.symbol] < least else text


def _name(node: Node) -> str:
    """`x`, `x_{i + 1}'` and `f(x)`; the indices of `x_{-1}` are a part of its name."""
    symbol = re.sub(r"_(-\d+)", r"_{\1}", node.symbol)
    inside = ", ".join(map(to_text, node.indices))
    text = symbol + "'" * node.order + (f"_{{{inside}}}" if inside else "")
    if node.kind == CALL:
        text += f"({', '.join(map(to_text, node.children))})"
    return text
