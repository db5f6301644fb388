r"""Systems through time: the lecture's own schemes, and Diffrax to a stated tolerance.

| scheme | a step | order |
| --- | --- | --- |
| `euler` | $y + h f(y)$, the lecture's: a recurrent network without weights | 1 |
| `rk4` | Runge and Kutta's, four slopes a step | 4 |
| `adaptive` | Dormand and Prince's, its steps set by the tolerance (Diffrax) | 8 |

Where `adaptive` cannot go on, because the equations are stiff, Kvaerno's implicit scheme of
order 5 takes its place. A delay goes by `rk4` with cubic interpolation of its past, a field by
exponential time differencing of order 4 (Cox and Matthews 2002; Kassam and Trefethen 2005).
All is done in float64.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float64

from throughtime._support.precision import precision
from throughtime.errors import InputError, at_least_one, nearest

from .systems import DELAY, FIELD, FLOW, MAP, System

State = Float[Array, " state"]
Step = Callable[[Any, State], State]
Parameters = Mapping[str, Any]

SCHEMES = ("adaptive", "euler", "rk4")

INNER = {FLOW: 0.01, DELAY: 0.1, FIELD: 0.25}
"""Steps inside a time step are at most so long, if their number is not asked for."""

MOST = 1000
"""Steps of an adaptive solution between two that are kept, at most, on average."""


class Span(NamedTuple):
    """A time step, how many of them are dropped at the start, and how many are kept."""

    dt: float
    before: int
    steps: int


def simulate(
    system: System,
    steps: int,
    *,
    dt: float | int | None = None,
    start: Any = None,
    parameters: Mapping[str, Any] | None = None,
    transient: float | int = 0.0,
    scheme: str = "adaptive",
    substeps: int | None = None,
    tolerance: float | int = 1e-9,
    finite: bool = True,
) -> Float64[np.ndarray, "*trajectory time variable"]:
    """Solve a system: the state at the times 0, dt, ..., steps * dt.

    Parameters
    ----------
    system
        As `systems.system` gives it.
    steps
        How many time steps.
    dt
        The time between two states; the system's own by default.
    start
        The first state, `(variable,)`, or of many trajectories `(n, variable)`; the system's
        own by default. Of a delay it is the constant past.
    parameters
        Numbers, or arrays `(n,)` with one for each trajectory.
    transient
        Time that is solved before time 0, and dropped.
    scheme
        `adaptive`, `euler` or `rk4`; a map, a delay and a field have one of their own.
    substeps
        Steps of `euler` and `rk4` within dt.
    tolerance
        Absolute and relative, of `adaptive`.
    finite
        Refuse solutions that do not stay finite; else they are NaN or infinite.

    Returns
    -------
    Float64[np.ndarray, '*trajectory time variable']
        The states, with the time axis before the last, in float64. The time axis starts with
        the first state.

    Raises
    ------
    InputError
        For bad arguments, and for a solution that does not stay finite.

    Examples
    --------
    >>> simulate(system("oscillator"), 1000).shape     # doctest: +SKIP
    (1001, 2)
    """
    dt = system.dt if dt is None else dt
    _check(system, steps, dt, scheme, tolerance)
    start = np.asarray(system.start if start is None else start, np.float64)
    if start.shape[-1:] != (len(system.variables),) or start.ndim > 2:
        rule = f"`start` must have {len(system.variables)} variables, and one row a trajectory"
        raise InputError(rule, f"shape {start.shape}", f"Give {', '.join(system.variables)}.")
    system.with_parameters(**{name: 0.0 for name in parameters or {}})
    shared, own, starts = _apart({**system.parameters, **(parameters or {})}, start)
    _check_shared(system, own)
    before = math.ceil(transient / dt - 1e-9)
    span = Span(dt, before, steps)
    ways = [partial(_fixed, system, span, scheme, substeps, shared)]
    if system.kind == FLOW and scheme == "adaptive":
        ways = [partial(_adaptive, system, span, tolerance, stiff, shared) for stiff in (0, 1)]
    solved = np.empty(0)
    for one in ways:
        with precision("float64"):
            solved = np.asarray(jax.jit(jax.vmap(one))(own, starts))
        if np.isfinite(solved).all():
            break
    if finite:
        _check_finite(system, solved, span)
    return solved if own or start.ndim == 2 else solved[0]


def stepper(
    system: System,
    dt: float | int,
    parameters: Parameters | None = None,
    *,
    scheme: str = "rk4",
    substeps: int | None = None,
) -> tuple[Step, Callable[[Array], State], Callable[[State], Array]]:
    """The map over one time step, what it starts from, and what is seen of it.

    `step(t, state)` is the state at t + dt; `begin(y)` the state of a first y, and `see(state)`
    the y of a state. Of a flow, a map and a field a state is y; of a delay it is all of its
    past that counts. All three can be differentiated.
    """
    p = system.parameters if parameters is None else parameters
    if system.kind == MAP:
        return (lambda n, y: system.law(n, y, p, system.forcing(n, p))), _same, _same
    inner = substeps or max(1, math.ceil(dt / INNER[system.kind] - 1e-9))
    h = dt / inner
    if system.kind == FIELD:
        one, begin, see = _field(system, h, p), _same, _same
    elif system.kind == DELAY:
        one, begin, see = _delayed(system, h, p)
    else:
        one, begin, see = _scheme(system, h, p, scheme), _same, _same

    def step(t, state):
        if inner == 1:
            return one(t, state)
        return jax.lax.fori_loop(0, inner, lambda i, s: one(t + i * h, s), state)

    return step, begin, see


def _scheme(system: System, h: float, p: Parameters, scheme: str) -> Step:
    def slope(t, y):
        return system.law(t, y, p, system.forcing(t, p))

    def euler(t, y):
        return y + h * slope(t, y)

    def rk4(t, y):
        k1 = slope(t, y)
        k2 = slope(t + h / 2, y + h / 2 * k1)
        k3 = slope(t + h / 2, y + h / 2 * k2)
        k4 = slope(t + h, y + h * k3)
        return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    return euler if scheme == "euler" else rk4


def _delayed(system: System, h: float, p: Parameters):
    """Of one variable: y at t - delay - h, t - delay, ..., t."""
    lags = round(float(p["delay"]) / h)
    if lags < 2 or abs(lags * h - float(p["delay"])) > 1e-9 * lags:
        rule = "a delay must be a multiple, at least twice, of the step inside a time step"
        remedy = "Change `dt`, `substeps` or `delay`."
        raise InputError(rule, f"a delay of {float(p['delay']):g} and steps of {h:g}", remedy)

    def slope(t, y, delayed):
        return system.law(t, y, p, system.forcing(t, p), delayed)

    def step(t, past):
        y, (before, first, last, after) = past[-1], past[:4]
        middle = (9 * (first + last) - before - after) / 16  # the cubic through the four
        k1 = slope(t, y, first)
        k2 = slope(t + h / 2, y + h / 2 * k1, middle)
        k3 = slope(t + h / 2, y + h / 2 * k2, middle)
        k4 = slope(t + h, y + h * k3, last)
        new = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return jnp.concatenate([past[1:], new[None]])

    return step, lambda y: jnp.broadcast_to(y, (lags + 2,)), lambda past: past[-1:]


def _field(system: System, h: float, p: Parameters) -> Step:
    """Exponential time differencing, its coefficients as means over a circle."""
    points = len(system.variables)
    waves = 2 * np.pi / float(p["length"]) * np.arange(points // 2 + 1)
    linear = np.asarray(system.linear(waves, p)) * h  # pyright: ignore
    derivative = 1j * np.where(np.arange(points // 2 + 1) == points / 2, 0, waves)
    circle = linear[:, None] + np.exp(1j * np.pi * (np.arange(32) + 0.5) / 32)

    def mean(values):
        return h * values.real.mean(axis=1)

    e = np.exp(circle)
    half = mean((np.exp(circle / 2) - 1) / circle)
    f1 = mean((-4 - circle + e * (4 - 3 * circle + circle**2)) / circle**3)
    f2 = mean((2 + circle + e * (circle - 2)) / circle**3)
    f3 = mean((-4 - 3 * circle - circle**2 + e * (4 - circle)) / circle**3)
    whole, root = np.exp(linear), np.exp(linear / 2)

    def rest(t, v):
        y = jnp.fft.irfft(v, points)
        return derivative * jnp.fft.rfft(system.law(t, y, p, system.forcing(t, p)))

    def step(t, y):
        v = jnp.fft.rfft(y)
        n1 = rest(t, v)
        a = root * v + half * n1
        n2 = rest(t + h / 2, a)
        b = root * v + half * n2
        n3 = rest(t + h / 2, b)
        c = root * a + half * (2 * n3 - n1)
        n4 = rest(t + h, c)
        return jnp.fft.irfft(whole * v + f1 * n1 + 2 * f2 * (n2 + n3) + f3 * n4, points)

    return step


def _fixed(system, span, scheme, substeps, shared, own, y):
    """One trajectory by steps of equal length."""
    p = {**shared, **own}
    step, begin, see = stepper(system, span.dt, p, scheme=scheme, substeps=substeps)

    def forward(n, state):
        return step((n - span.before) * span.dt, state)

    def seen(state, n):
        state = forward(n, state)
        return state, see(state)

    state = jax.lax.fori_loop(0, span.before, forward, begin(y))
    _, ys = jax.lax.scan(seen, state, span.before + jnp.arange(span.steps))
    return jnp.concatenate([see(state)[None], ys])


def _adaptive(system, span, tolerance, stiff, shared, own, y):
    """One trajectory by steps that keep to the tolerance."""
    import diffrax  # here: it takes a while to load

    def slope(t, y, p):
        return system.law(t, y, p, system.forcing(t, p))

    times = span.dt * jnp.arange(span.steps + 1)
    control = diffrax.ClipStepSizeController(  # (what is interpolated is less exact)
        diffrax.PIDController(
            rtol=tolerance, atol=tolerance, dtmin=1e-12 * span.dt, force_dtmin=False
        ),
        step_ts=times,
    )
    return diffrax.diffeqsolve(
        diffrax.ODETerm(slope),
        diffrax.Kvaerno5() if stiff else diffrax.Dopri8(),
        t0=-span.before * span.dt,
        t1=span.steps * span.dt,
        dt0=None,
        y0=y,
        args={**shared, **own},
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=control,
        max_steps=MOST * (span.before + span.steps + 1),
        throw=False,
    ).ys


def _apart(values: Parameters, start: np.ndarray):
    """The parameters that all trajectories share, those that they do not, and the starts."""
    arrays = {name: np.asarray(value, np.float64) for name, value in values.items()}
    own = {name: value for name, value in arrays.items() if value.ndim}
    counts = {value.shape for value in own.values()}
    counts |= {start.shape[:1]} if start.ndim == 2 else set()
    if len(counts) > 1 or any(len(count) != 1 for count in counts):
        rule = "parameters and starts must be one number each, or one for each trajectory"
        got = ", ".join(map(str, sorted(counts)))
        raise InputError(rule, f"shapes {got}", "Give arrays of one length.")
    shared = {name: float(value) for name, value in arrays.items() if not value.ndim}
    many = counts.pop()[0] if counts else 1
    return shared, own, np.broadcast_to(start, (many, start.shape[-1]))


def _same(y):
    return y


def _check(system: System, steps: int, dt: float | int, scheme: str, tolerance: float) -> None:
    at_least_one("steps", steps)
    if not 0 < dt < math.inf:
        raise InputError("`dt` must be above 0 and finite", dt, "Change `dt`.")
    if scheme not in SCHEMES:
        raise InputError("`scheme` must be a known one", scheme, nearest(scheme, SCHEMES))
    if not 0 < tolerance < 1:
        rule = "`tolerance` must lie between 0 and 1"
        raise InputError(rule, tolerance, "1e-9 keeps nine digits a step.")


def _check_shared(system: System, own: Parameters) -> None:
    """Refuse a parameter of each trajectory's own that decides how a step is made."""
    fixed = {DELAY: ["delay"], FIELD: list(own)}.get(system.kind, [])
    for name in own:
        if name in fixed:
            rule = f"`{name}` of `{system.name}` must be one number for all trajectories"
            raise InputError(rule, f"{len(own[name])}", "Solve one after the other.")


def _check_finite(system: System, solved: np.ndarray, span: Span) -> None:
    """Refuse a solution that went to infinity, or whose steps became too short."""
    sound = np.isfinite(solved).all(axis=-1)
    if sound.all():
        return
    first = int(np.argmin(sound.all(axis=0)))
    where = (
        "in its transient" if first == 0 and span.before else f"near time {first * span.dt:.6g}"
    )
    rule = f"the solution of `{system.name}` must stay finite"
    remedy = "Change its parameters or its start, or take fewer steps."
    raise InputError(rule, f"one that is lost {where}", remedy)
