r"""Delay equations by the method of steps: a Runge-Kutta scheme over an interpolated past.

The classical scheme of order 4 takes steps h no longer than the shortest delay, so that what a
step needs of the past is known. Between two points the past is the cubic through both values
and both slopes (Hermite), whose error is of order 4 too. The order is kept where steps end at
the points at which derivatives jump, time 0 and the multiples of the delays after it.

Bellen and Zennaro, Numerical methods for delay differential equations, 2003, section 6.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from throughtime.errors import InputError

from .systems import System

MAX_POINTS = 20_000
"""The largest number of points of the past."""


def delays(system: System, p) -> tuple[float, ...]:
    """How far back the law of a system looks.

    Raises
    ------
    InputError
        If a delay is not above 0 and finite.
    """
    found = system.delays(p) if system.delays else (float(p["delay"]),)
    for lag in found:
        if not 0 < lag < math.inf:
            names = " or ".join(f"`{name}`" for name in system.delay_parameters)
            rule = "a delay must be above 0 and finite"
            raise InputError(rule, f"{lag:g}", f"Change {names or 'the equation'}.")
    return found


def substeps_within(
    lags: tuple[float, ...], dt: float, longest: float, given: int | None = None
) -> int:
    """The number of steps in dt: none longer than a delay or than `longest`.

    If there is such a number up to ten times the least, all delays are whole numbers of steps.
    Otherwise it is four times the least, for the jumps of the slope then lie between points.

    Raises
    ------
    InputError
        If the given number is too small, or the past would have too many points.
    """
    if given is not None and dt / given > min(lags) * (1 + 1e-9):
        rule = "a step inside a time step must not be longer than a delay"
        got = f"{given} steps in `dt` {dt:g}, and a delay of {min(lags):g}"
        raise InputError(rule, got, "Raise `substeps`, or leave it out.")
    least = given or max(1, math.ceil(dt / min(longest, *lags) - 1e-9))
    if max(lags) * least / dt > MAX_POINTS:
        rule = f"the past of a delay equation must have at most {MAX_POINTS:,} steps"
        got = f"delays of {min(lags):g} and {max(lags):g} with `dt` {dt:g}"
        raise InputError(rule, got, "Leave out the shortest delay, or raise `dt`.")

    def fits(count: int) -> bool:
        steps = [lag * count / dt for lag in lags]
        return all(abs(n - round(n)) < 1e-9 * n for n in steps)

    return given or next((n for n in range(least, 10 * least + 1) if fits(n)), 4 * least)


def delay_scheme(
    system: System, h: float, p
) -> tuple[Callable[..., Array], Callable[..., Array], Callable[..., Array]]:
    """A step of length h, the state of a start, and the variables of a state.

    A state holds three rows for each point of the past, the oldest first: the variables, and
    their slopes after and before the point, which differ at time 0 only. That after the last
    point is found in the next step.
    """
    lags, size = delays(system, p), len(system.variables)
    points = max(math.ceil(max(lags) / h - 1e-9), 1) + 1

    def slope(t, y, late):
        rows = jnp.stack(late)
        return system.law(t, y, p, system.forcing(t, p), rows if system.delays else rows[0])

    def late_values(past, stage: float) -> list[Array]:
        return [_hermite(past, h, points - 1 + stage - lag / h) for lag in lags]

    def step(t, state):
        past = state.reshape(points, 3, size)
        y = past[-1, 0]
        k1 = slope(t, y, late_values(past, 0.0))
        past = past.at[-1, 1].set(k1)
        middle, last = late_values(past, 0.5), late_values(past, 1.0)
        k2 = slope(t + h / 2, y + h / 2 * k1, middle)
        k3 = slope(t + h / 2, y + h / 2 * k2, middle)
        k4 = slope(t + h, y + h * k3, last)
        new = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        before = slope(t + h, new, last)
        point = jnp.stack([new, before, before])[None]
        return jnp.concatenate([past[1:], point]).ravel()

    def begin(y):
        """The past: constant, or that of the system, moved to where the start is."""
        past = system.past
        if past is None:
            rows = jnp.broadcast_to(y, (points, size))
            return jnp.stack([rows, 0 * rows, 0 * rows], axis=1).ravel()
        times = jnp.asarray(h * np.arange(1 - points, 1), y.dtype)
        rows, slopes = jax.jvp(
            jax.vmap(lambda t: past(t, p)), (times,), (jnp.ones_like(times),)
        )
        return jnp.stack([y + rows - rows[-1], slopes, slopes], axis=1).ravel()

    return step, begin, lambda state: state.reshape(points, 3, size)[-1, 0]


def _hermite(past: Array, h: float, place: float) -> Float[Array, " variable"]:
    """The cubic between two points; `place` counts them from the oldest."""
    k = min(max(math.floor(place + 1e-9), 0), len(past) - 2)
    s = place - k
    (y0, after, _), (y1, _, before) = past[k], past[k + 1]
    rise = s * s * (3 - 2 * s)
    return (1 - rise) * y0 + rise * y1 + h * s * (1 - s) * ((1 - s) * after - s * before)
