"""The runs of a scan: at each value a transient, then what is observed and its exponent.

All values run side by side as one program. To follow an attractor they run one after the
other, each from the end of the one before.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from .scan_families import Family

STRETCHES = 10
"""Stretches of a run whose spread gives the standard error of the exponent."""

TOGETHER = 500
"""Values that run side by side, at most."""

NUDGE = 1e-6
"""By how much a followed state is moved, so that it can leave what has lost its stability."""


class Runs(NamedTuple):
    """What was observed at each value.

    Attributes
    ----------
    observed
        The variable after the transient, `(value, step)`.
    spread
        The range of the state in each stretch, in its most moving component.
    size
        The root mean square of the state.
    exponents
        The largest exponent of each stretch, per step.
    """

    observed: Float64[np.ndarray, "value step"]
    spread: Float64[np.ndarray, "value stretch"]
    size: Float64[np.ndarray, " value"]
    exponents: Float64[np.ndarray, "value stretch"]


def run_values(
    family: Family,
    values: Float64[np.ndarray, " value"],
    variable: int,
    transient: int,
    steps: int,
    *,
    traceable: bool,
    follow: bool,
) -> Runs:
    """Run the map of each value; in double precision where JAX has that switched on.

    Parameters
    ----------
    family
        The map at a value.
    values
        The values of the parameter.
    variable
        The index of the variable that is observed.
    transient, steps
        Steps that are dropped, and that are observed: a multiple of `STRETCHES`.
    traceable
        Whether all values can be traced as one program.
    follow
        Whether each value starts where the one before ended.
    """

    def one(value, start=None):
        return _observe(family, value, variable, transient, steps, start)

    if follow:

        def next_value(state, value):
            found, last = one(value, state)
            alive = jnp.isfinite(last).all()  # after a divergence the old start serves again
            first = family(value).start
            return jnp.where(alive, last + NUDGE * (1 + jnp.abs(last)), first), found

        @jax.jit
        def all_values(values):
            first = family(values[0]).start
            return jax.lax.scan(next_value, first, values)[1]

        return Runs(*map(np.asarray, all_values(jnp.asarray(values))))
    if not traceable:
        parts = [[np.asarray(a)[None] for a in one(float(value))[0]] for value in values]
    else:
        together = jax.jit(jax.vmap(lambda value: one(value)[0]))
        chunks = np.array_split(values, -(-len(values) // TOGETHER))
        parts = [[np.asarray(a) for a in together(jnp.asarray(chunk))] for chunk in chunks]
    return Runs(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _observe(family, value, variable, transient, steps, start):
    """The run at one value, and its last state."""
    dynamics = family(value)
    state = dynamics.start if start is None else start
    state = jax.lax.fori_loop(0, transient, lambda n, s: dynamics.step(n, s[None])[0], state)
    tangent = jnp.asarray(np.random.default_rng(0).standard_normal(state.shape), state.dtype)
    stretch = steps // STRETCHES

    def forward(carry, n):
        state, tangent = carry
        state, tangents = dynamics.tangent(n, state, tangent[None])
        length = jnp.linalg.norm(tangents[0])
        tangent = jnp.where(length > 0, tangents[0] / length, tangent)
        return (state, tangent), (state, jnp.log(length))

    def over_stretch(carry, first):
        carry, (states, logs) = jax.lax.scan(forward, carry, first + jnp.arange(stretch))
        spread = (states.max(axis=0) - states.min(axis=0)).max()
        seen = dynamics.observe(states)[:, variable]
        return carry, (seen, spread, (states**2).mean(), logs.mean())

    warm_up = max(10, stretch)  # over these the tangent turns towards what grows fastest
    carry, _ = jax.lax.scan(forward, (state, tangent), transient + jnp.arange(warm_up))
    firsts = transient + warm_up + stretch * jnp.arange(STRETCHES)
    (last, _), (seen, spread, square, rates) = jax.lax.scan(over_stretch, carry, firsts)
    return (seen.ravel(), spread, jnp.sqrt(square.mean()), rates), last
