"""Where equations start that do not say it: not where nothing moves."""

from collections.abc import Callable, Iterable

import numpy as np

from .equation import Equation
from .expressions import CONSTANTS, Node
from .printing import to_text
from .roles import Roles

PROBES, MAP_PROBES = 10, 3
"""Small steps in which a variable must begin to move, and steps in which one of a map must."""

SCALES = (1.0, 0.1, 0.5, 2.0, -1.0, -0.1)
"""The starts that are tried where 0 does not move."""

Slope = Callable[[int, np.ndarray], np.ndarray]


def choose_start(
    slope: Slope, given: np.ndarray, derivative: np.ndarray, indexed: np.ndarray, is_map: bool
) -> np.ndarray | None:
    """A start from which all variables move and no slope is infinite.

    It is 0 where the equations do not say another, if that moves; or 1 for the first variable
    alone; or about 1 for all, no two of which are alike. Components by an index are never
    alike: where all are, many lattices stay so. Derivatives start at 0.

    Parameters
    ----------
    slope
        `slope(n, y)`: the derivative at a state after n small steps, or of a map the next
        state.
    given
        The start, NaN where it is not said.
    derivative, indexed
        Which variables are derivatives of others or earlier values, and which are components
        by an index.
    is_map
        Whether it is a map.

    Returns
    -------
    The start; None if none moves. If all is given, it is that.
    """
    free = np.isnan(given)
    if not free.any():
        return given
    place = np.arange(len(given))
    spread = np.round((place * 0.6180339887498949) % 1, 2)  # the golden ratio: never alike
    zero = np.where(indexed, spread, 0.0)
    ones = np.where(derivative, 0.0, 1 - spread / 2)
    alone = np.where(place == 0, 1.0, zero)
    best = None
    for values in (zero, alone, *(np.round(scale * ones, 2) for scale in SCALES)):
        start = np.where(free, values, given)
        moves = _moves(slope, start, is_map)
        if moves is None:
            continue
        if moves.all():
            return start
        best = start if best is None and moves.any() else best
    return best


def _moves(slope: Slope, start: np.ndarray, is_map: bool) -> np.ndarray | None:
    """Which variables move within a few small steps; None if the first slope is not finite.

    Those of a map must move at each of them.
    """
    state, moves = start, np.zeros(len(start), bool)
    for n in range(MAP_PROBES if is_map else PROBES):
        found = slope(n, state)
        if not np.isfinite(found).all():
            return None if n == 0 or is_map else moves
        step = found - state if is_map else found
        now = np.abs(step) > 1e-12 * (1 + np.abs(state))
        moves = now & moves if is_map and n else moves | now
        if moves.all() and not is_map:
            break
        state = found if is_map else state + 0.01 * found
    return moves


def check_names(node: Node, equation: Equation, known: Iterable[str], roles: Roles) -> None:
    """Refuse a start that is not a formula of numbers and parameters.

    Raises
    ------
    InputError
        With a start that is one, or with what is to be given.
    """
    for used in node.names():
        if used.symbol in {*CONSTANTS, *known}:
            continue
        rule = "a start must be a number, or a formula of parameters"
        remedy = f"Add `{used.symbol} = 1`, say."
        if used.symbol in {*roles.laws, *roles.values, "t"}:
            remedy = f"Write a number, such as `{to_text(equation.left)} = 1`."
        raise equation.error(rule, used.symbol, used.column, remedy)
