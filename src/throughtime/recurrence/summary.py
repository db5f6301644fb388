"""A network as a table in plain text: its layers, and how many parameters each has."""

from typing import Any

import equinox as eqx
import jax

from .cells import Cell
from .echo_state_cell import EchoState


def count_parameters(module: Any) -> int:
    """The number of trainable parameters in a module; a reservoir has none."""
    weights = eqx.filter(module, eqx.is_inexact_array)
    leaves = jax.tree.leaves(weights, is_leaf=lambda node: isinstance(node, EchoState))
    return sum(leaf.size for leaf in leaves if not isinstance(leaf, EchoState))


def cell_title(cell: Cell) -> str:
    """The name of a cell's class, with its activation if it has one."""
    activation = getattr(cell, "activation", None)
    return type(cell).__name__ + (f" ({activation})" if activation else "")


def table(rows: list[tuple[str, str, int]], total: int) -> str:
    """Rows of a name, a shape and a number of parameters as a table in plain text."""
    lines = [("Layer", "Output shape", "Parameters")]
    lines += [(name, shape, f"{number:,}") for name, shape, number in rows]
    lines += [("Total", "", f"{total:,}")]
    widths = [max(len(line[i]) for line in lines) for i in range(3)]
    text = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in lines]
    rule = "-" * len(text[0])
    return "\n".join([text[0], rule, *text[1:-1], rule, text[-1]])
