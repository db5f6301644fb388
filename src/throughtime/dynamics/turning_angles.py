r"""Variables that turn: angles in which a law is periodic, beyond one turn in the training.

A variable is an angle if its law is the same a turn further, $f(y + 2\pi e_i) = f(y)$, and not
the same elsewhere. It is found at random states, near those of the training and far from them.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool

from throughtime._support.precision import precision
from throughtime._support.seeds import generator

from .systems import FLOW, System
from .trajectories import Trajectories

TURN = 2 * np.pi

STATES, FAR = 64, 10
"""States at which the law is compared; the outermost, in ranges of the training."""

SAME = 1e-9
"""Share of the law's values by which two of them may differ by rounding."""

GOLDEN = (1 + 5**0.5) / 2


def turning_angles(system: System, training: Trajectories) -> Bool[np.ndarray, " variable"]:
    """Which variables of a flow are angles that go further than a turn in the training.

    Periods other than 2 pi are not looked for. A variable that the law does not read is none.

    Parameters
    ----------
    system
        The flow; other kinds have no angles.
    training
        Its trajectories, from which its ranges and parameters are.
    """
    ranges = np.ptp(training.states, axis=(0, 1))
    found = ranges > TURN
    if system.kind != FLOW or not found.any():
        return np.zeros_like(found)
    law = _law_at_random_states(system, training, ranges)
    own = law(np.zeros(len(ranges)))
    finite = np.isfinite(own)
    size = np.abs(np.where(finite, own, 0))
    limit = SAME * (size + np.median(size, axis=0))  # far away a law may be huge

    def is_same(step: np.ndarray) -> bool:
        with np.errstate(invalid="ignore"):  # infinity less infinity
            same = np.abs(law(step) - own) <= limit
        return bool(same[finite].all() and finite.any())

    for i in np.flatnonzero(found):
        turn = TURN * np.eye(len(ranges))[i]
        # The golden ratio: no multiple of an angle is the same at such a part of a turn.
        found[i] = is_same(turn) and is_same(-3 * turn) and not is_same(turn / GOLDEN)
    return found


def _law_at_random_states(system: System, training: Trajectories, ranges: np.ndarray):
    """The law at random states, `(state, variable)`, as a function of a step away from them."""
    rng = generator(0)
    which = np.arange(STATES) % len(training.states)
    spread = rng.normal(size=(STATES, len(ranges))) * np.geomspace(0.1, FAR, STATES)[:, None]
    states = training.states[which, -1] + spread * ranges
    us = rng.normal(size=(STATES, len(system.inputs)))
    own = {name: values[which] for name, values in training.parameters.items()}

    def law(y, u, own):
        return system.law(0.0, y, {**system.parameters, **own}, u)

    def at(step: np.ndarray) -> np.ndarray:
        with precision("float64"), np.errstate(all="ignore"):
            each = {name: jnp.asarray(values) for name, values in own.items()}
            found = jax.vmap(law)(jnp.asarray(states + step), jnp.asarray(us), each)
            return np.asarray(found, np.float64)

    return at
