"""Equations solved for a derivative: `m x'' + k x = F` to `x'' = (F - k x)/m`."""

from .equation import Equation
from .expressions import NAME, OPERATION, Node, number, operation


def isolate(target: Node, equation: Equation) -> Node:
    """What a name is equal to, by an equation in which it stands linearly.

    Parameters
    ----------
    target
        The name, with its order.
    equation
        The equation, which contains it on either side.

    Raises
    ------
    InputError
        If the name stands in a function, a power, a divisor or a product with itself.
    """
    factor, rest = linear(operation("-", equation.left, equation.right), target, equation)
    assert factor is not None  # the target is in the equation
    negative = number(0) if rest is None else operation("negative", rest)
    return negative if factor == number(1) else operation("/", negative, factor)


def linear(node: Node, target: Node, equation: Equation) -> tuple[Node | None, Node | None]:
    """The factor a and the rest b of an expression a*target + b; None for 0.

    Raises
    ------
    InputError
        If the expression is not linear in it.
    """
    if node == target:
        return number(1), None
    if not any(one == target for one in node.walk()):
        return None, node
    if node.kind == OPERATION and node.symbol in ("+", "-", "negative"):
        parts = [linear(child, target, equation) for child in node.children]
        if node.symbol == "negative":
            return _negative(parts[0][0]), _negative(parts[0][1])
        (a, b), (c, d) = parts
        return _added(node.symbol, a, c), _added(node.symbol, b, d)
    if node.kind == OPERATION and node.symbol in ("*", "/"):
        left, right = node.children
        (a, b), (c, d) = (linear(child, target, equation) for child in node.children)
        if c is None:
            return _scaled(node.symbol, a, right), _scaled(node.symbol, b, right)
        if a is None and node.symbol == "*":
            return _scaled("*", c, left), _scaled("*", d, left)
    name = target.symbol + "'" * target.order
    rule = "an equation must be linear in its highest derivative"
    remedy = f"Solve it for `{name}`, and write `{name} = ...`."
    raise equation.error(rule, name, node.column, remedy)


def _negative(node: Node | None) -> Node | None:
    return None if node is None else operation("negative", node)


def _added(symbol: str, left: Node | None, right: Node | None) -> Node | None:
    if left is None:
        return _negative(right) if symbol == "-" else right
    return left if right is None else operation(symbol, left, right)


def _scaled(symbol: str, node: Node | None, factor: Node) -> Node | None:
    if node is None or (node == number(1) and symbol == "*"):
        return None if node is None else factor
    return operation(symbol, node, factor)


def derivatives(equation: Equation) -> dict[str, Node]:
    """For each name that is differentiated in an equation, the highest derivative of it."""
    found: dict[str, Node] = {}
    for side in (equation.left, equation.right):
        for node in side.walk():
            if node.kind == NAME and node.order > getattr(found.get(node.symbol), "order", 0):
                found[node.symbol] = node
    return found
