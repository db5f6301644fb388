"""What depends on time and parameters alone: the inputs of a system."""

from dataclasses import replace

from .expressions import CONSTANTS, NAME, SUM, TIME, Node
from .law import CONSTANT, FORCING, INNER, Entry
from .printing import to_text
from .resolution import ALONE


def with_forcings(
    entries: dict[str, Entry], state: set[str], tops: set[str], p: set[str]
) -> dict[str, Entry]:
    """The entries with their kinds; what depends on time alone becomes a forcing of its own."""
    kinds: dict[str, str] = {}
    for key, entry in entries.items():
        used = {one.partition("@")[0].removesuffix(ALONE) for one in entry.used()}
        inner = used & state or INNER in {kinds.get(one) for one in used}
        driven = TIME in used or FORCING in {kinds.get(one) for one in used}
        is_inner = inner or key in tops | state
        kinds[key] = INNER if is_inner else FORCING if driven else CONSTANT
    constants = {key for key, kind in kinds.items() if kind == CONSTANT}
    steady = p | {key for key in constants if not (entries[key].letters or entries[key].ends)}
    free = {k: replace(one, kind=kinds[k]) for k, one in entries.items() if kinds[k] != INNER}
    inner = {k: one for k, one in entries.items() if kinds[k] == INNER}
    for key, entry in inner.items():
        if entry.node is not None:
            node, lifted = _lifted(entry.node, steady)
            inner[key] = replace(entry, node=node)
            for name, forcing in lifted.items():
                free[name] = Entry((), forcing, kind=FORCING, equation=entry.equation)
    return {**free, **inner}


def _lifted(node: Node, steady: set[str]) -> tuple[Node, dict[str, Node]]:
    """An expression, in which the largest parts that depend on time alone have names."""
    lifted: dict[str, Node] = {}

    def read(node: Node) -> Node:
        names = {one.symbol for one in node.names()} - {*CONSTANTS}
        if TIME not in names:
            return node
        if names - {TIME} <= steady and node.kind != SUM and node.symbol != "negative":
            name = to_text(node)
            lifted[name] = node
            return Node(NAME, name, column=node.column)
        return replace(node, children=tuple(map(read, node.children)))

    return read(node), lifted
