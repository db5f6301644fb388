"""Statements as they were understood, to be printed; read again, they are the same system."""

from collections.abc import Collection
from dataclasses import replace

from .equation import Equation
from .expressions import CALL, NAME, Node, operation
from .printing import statement_text
from .resolution import is_of_time
from .rewriting import step_from
from .roles import Roles


def understood(
    equations: list[Equation], roles: Roles, parameters: Collection[str]
) -> tuple[str, ...]:
    """The statements without those of the parameters, `k (x - y)` as a product."""

    def read(node: Node) -> Node:
        children, indices = tuple(map(read, node.children)), tuple(map(read, node.indices))
        node = replace(node, children=children, indices=indices)
        if node.kind != CALL or node.symbol in roles.functions or len(children) != 1:
            return node
        if is_of_time(children[0]) or (step_from(children[0]) or ("",))[0] == roles.index:
            return node
        return operation("*", replace(node, kind=NAME, children=()), *children)

    statements = (one for one in equations if one.left.symbol not in parameters)
    return tuple(statement_text(replace(one, right=read(one.right))) for one in statements)
