"""Why equations have no finite slope at their start, and what to do about it."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from throughtime._support.precision import precision
from throughtime.errors import InputError

from .equation import Equation
from .expressions import OPERATION, TIME, Node, evaluate
from .law import Entry, Law
from .resolution import ALONE

STARTS = (1.0, 0.5, 2.0, 0.1, -1.0, 10.0)
"""The starts that are tried for an advice."""


def refuse_start(law: Law, start: np.ndarray, p: Mapping[str, Any]) -> InputError:
    """The error for slopes that are not finite at the start.

    It names the part of the equations where that begins, and what makes it finite: another
    start, another time, or another parameter.

    Parameters
    ----------
    law
        The law.
    start
        The start, in float64.
    p
        The parameters.
    """
    known = _values(law, start, p)
    key = next(key for key, one in law.entries.items() if one.node and not _finite(known[key]))
    entry = law.entries[key]
    part, got = _culprit(entry, known)
    names = [one.symbol.partition("@")[0].removesuffix(ALONE) for one in part.names()]
    places = [i for i, name in enumerate(law.variables) if name in names]
    changed = [f"`{name}`" for name in dict.fromkeys(names) if name in p]
    remedy = f"Change {' or '.join(changed) or 'the equation'}."
    if places:
        remedy = _another_start(law, start, p, places) or remedy
    elif TIME in names:
        remedy = "Time begins at 0. Write `(t + 1)` for `t`, or change the equation."
    assert entry.equation is not None
    rule = "a slope must be finite at the start"
    return entry.equation.error(rule, got, part.column, remedy)


def _values(law: Law, start: np.ndarray, p: Mapping[str, Any]) -> dict[str, Any]:
    y = jnp.asarray(start)
    u = law.drive(0.0, p) if law.inputs else jnp.zeros(0)
    return law.values(0.0, y, p, u, [y] * len(law.lags))


def _finite(value: Any) -> bool:
    return bool(np.isfinite(np.asarray(value)).all())


def _culprit(entry: Entry, known: Mapping[str, Any]) -> tuple[Node, str]:
    """The smallest part that is not finite though all its parts are, and its value.

    What has indices is not looked into.
    """
    node = entry.node
    assert node is not None
    if entry.letters:
        return node, "a value that is not finite"
    while node.kind == OPERATION:
        inner = [one for one in node.children if not _finite(evaluate(one, known))]
        if not inner:
            break
        node = inner[0]
    return node, f"{float(evaluate(node, known))}"


def _another_start(law: Law, start: np.ndarray, p: Mapping[str, Any], places: list[int]) -> str:
    """Advice to start one of some variables where all is finite; "" if there is none."""
    for value in STARTS:
        for place in places:
            other = start.copy()
            other[place] = value
            known = _values(law, other, p)
            if all(_finite(known[key]) for key in law.entries):
                return f"Start elsewhere: `{law.variables[place]}(0) = {value:g}`."
    return ""


def check_divisors(node: Node, equation: Equation) -> None:
    """Refuse a division by a constant that is 0."""
    for one in node.walk():
        if one.kind == OPERATION and one.symbol == "/" and one.children[1].is_number():
            with precision("float64"):
                value = float(evaluate(one.children[1], {}))
            if value == 0:
                rule, remedy = "nothing can be divided by 0", "Change the divisor."
                raise equation.error(rule, "/", one.column, remedy)
