"""Where a network's free run is not what its series is: level, spread, period, behaviour."""

import numpy as np
from jaxtyping import Float64

from .behaviour import CHAOTIC, DRIFTS, OSCILLATES, QUASI, SETTLES, UNDECIDED, Behaviour
from .series_behaviour import NOISE, SeriesBehaviour

OFF = 1.0
"""The level of a free run may be this many standard deviations of the series away."""

SPREAD = 2.0
"""Its spread may differ by this factor."""

PERIOD = 0.05
"""Its period may differ by this fraction."""

COMPATIBLE = {
    NOISE: {SETTLES},  # the mean of noise is the best that a free run can be
    OSCILLATES: {OSCILLATES},
    QUASI: {QUASI, OSCILLATES},
    SETTLES: {SETTLES},
    DRIFTS: {DRIFTS, SETTLES},
    CHAOTIC: {CHAOTIC},
}
"""What a free run may do, by what the series does."""


def disagreements(
    truth: Float64[np.ndarray, " time"],
    series: SeriesBehaviour,
    free_run: Float64[np.ndarray, "step variable"],
    behaviour: Behaviour | None,
) -> list[str]:
    """Where a free run differs from the series, in clauses; empty if it does not.

    Parameters
    ----------
    truth
        The series, `(time,)`.
    series
        What it does.
    free_run
        Of the network, after the transient; the first variable is compared.
    behaviour
        What the network does; None if it goes to infinity.
    """
    if behaviour is None:
        return ["it goes to infinity, the series does not"]
    found = []
    allowed = COMPATIBLE.get(series.kind)
    if allowed and behaviour.kind not in allowed and behaviour.kind != UNDECIDED:
        found.append(f"it {behaviour.kind}, the series {series.kind}")
    elif series.period and behaviour.period:
        ratio = behaviour.period / series.period
        if abs(ratio - 1) > PERIOD:
            found.append(f"its period is {ratio:.3g} times that of the series")
    if series.kind != DRIFTS and len(free_run) and truth.std() > 0:
        run = free_run[:, 0]
        level = truth[-1] if series.kind == SETTLES else truth.mean()
        shift = (run.mean() - level) / truth.std()
        if abs(shift) > OFF:
            found.append(f"its level is {shift:+.2g} standard deviations away")
        spread = run.std() / truth.std()
        least = 0 if series.kind in (NOISE, SETTLES) else 1 / SPREAD
        if not least <= spread < SPREAD:
            found.append(f"its spread is {spread:.2g} times that of the series")
    return found
