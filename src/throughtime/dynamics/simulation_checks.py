"""What is refused before a system is solved."""

import math
from collections.abc import Mapping
from typing import Any

from throughtime._support.memory import require_memory
from throughtime.errors import InputError, check_positive_integer, did_you_mean

from .systems import DELAY, FIELD, System
from .time_step import check_step

SCHEMES = ("adaptive", "euler", "rk4")

MOST_STEPS = 10**9
"""Steps of a solution with its transient; more would take days."""


def check_arguments(
    steps: int, dt: float | int, transient: float | int, scheme: str, tolerance: float
) -> None:
    """Refuse steps, times, a scheme or a tolerance that cannot be meant."""
    check_positive_integer("steps", steps)
    check_step(dt, "Change `dt`.")
    if not 0 <= transient < math.inf:
        rule = "`transient` must be a finite time of at least 0"
        raise InputError(rule, transient, "Leave it out for 0.")
    if (count := steps + transient / dt) > MOST_STEPS:
        rule = f"a solution and its transient must have at most {MOST_STEPS:,} steps"
        raise InputError(rule, f"{count:.3g}", "Lower `steps` or `transient`, or raise `dt`.")
    if scheme not in SCHEMES:
        raise InputError("`scheme` must be a known one", scheme, did_you_mean(scheme, SCHEMES))
    if not 0 < tolerance < 1:
        rule = "`tolerance` must lie between 0 and 1"
        raise InputError(rule, tolerance, "Leave it out for the default of 1e-9.")


def check_shared(system: System, individual: Mapping[str, Any]) -> None:
    """Refuse different values of a parameter that the scheme itself depends on."""
    fixed = {DELAY: system.delay_parameters, FIELD: tuple(individual)}.get(system.kind, ())
    for name in individual:
        if name in fixed:
            rule = f"`{name}` of `{system.name}` must be one number for all trajectories"
            remedy = f"Solve for one value of `{name}` after the other."
            raise InputError(rule, f"{len(individual[name])}", remedy)


def check_size(trajectories: int, steps: int, variables: int) -> None:
    """Refuse a solution that memory could not hold, which needs it about three times."""
    size, purpose = 3 * 8.0 * trajectories * (steps + 1) * variables, f"{steps:,} steps"
    require_memory(size, purpose, "a solution", "Lower `steps`, or solve fewer trajectories.")
