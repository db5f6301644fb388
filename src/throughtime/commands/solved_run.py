"""A surrogate of equations that solves them: from a start, with its own outputs fed back."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from throughtime._support.memory import require_memory
from throughtime.errors import InputError, check_positive_integer, did_you_mean

from .named_values import number, pairs

BYTES = 200.0
"""Of memory for a number of the solution and its text."""

if TYPE_CHECKING:
    from throughtime.dynamics.surrogate import Surrogate


def solve_run(
    run: Path,
    steps: int,
    start: list[str] | None,
    values: list[str] | None,
    *,
    exact: bool = True,
) -> str:
    """The solution of a surrogate of equations, from time 0 on, as CSV.

    What is not given starts as in the equations. What lies outside of the ranges of the
    training is told on stderr.

    Parameters
    ----------
    run, steps, start, values
        The argument and the options of `predict`.
    exact
        Whether values have all digits, or six of what tells the rows apart.

    Raises
    ------
    InputError
        If the run is refused, a name is unknown, a parameter did not vary in the training, or
        the solution does not fit in memory.
    """
    from throughtime.dynamics.saved_surrogate import load_surrogate
    from throughtime.dynamics.systems import MAP

    from .forecast_csv import as_csv, written

    check_positive_integer("steps", steps)
    texts = [part for text in start or [] for part in text.split(",")]
    starts = {name: number(text, "--start") for name, text in pairs(texts, "--start")}
    own = {name: number(text, "--set") for name, text in pairs(values, "--set")}
    model = load_surrogate(run)
    system = model.system_
    for name in starts:
        if name not in system.variables:
            rule = "`--start` must name variables of the equations"
            raise InputError(rule, f"`{name}`", did_you_mean(name, system.variables))
    size = BYTES * steps * (1 + len(system.variables))
    require_memory(size, f"{steps} steps", "a solution", "Lower `--steps`.")
    own_start = system.with_parameters(**own).start  # it may follow the parameters
    first = dict(zip(system.variables, own_start, strict=True)) | starts
    states = model.solve(np.array([*first.values()]), steps, own)
    times = [f"{n * model.dt_:.12g}" for n in range(len(states))]
    for remark in _remarks(model, starts | own, states, times):
        print(remark, file=sys.stderr)
    head = ["n" if system.kind == MAP else "t", *system.variables]
    rows = zip(times, written(states, exact), strict=True)
    return as_csv(head, [[time, *row] for time, row in rows])


def _remarks(
    model: "Surrogate", given: dict[str, float], states: np.ndarray, times: list[str]
) -> Iterator[str]:
    """What was given outside of the ranges of the training, and where the network runs away."""
    for name, value in given.items():
        least, largest = model.ranges_.get(name, (value, value))
        if not least <= value <= largest:
            yield f"{name} = {value:g} is outside of its training, {least:g} to {largest:g}."
    finite = np.isfinite(states).all(axis=1)
    if not finite.all():
        yield f"The network runs away: nothing is finite from {times[int(finite.argmin())]} on."
