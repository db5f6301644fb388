r"""Solutions of systems: the lecture's own schemes, and Diffrax to a given tolerance.

| scheme | a step | order |
| --- | --- | --- |
| `euler` | $y + h f(y)$, the lecture's: a recurrent network without weights | 1 |
| `rk4` | the classical Runge-Kutta scheme, four slopes a step | 4 |
| `adaptive` | Dormand and Prince's, with steps chosen by the tolerance (Diffrax) | 8 |

Where `adaptive` takes too many steps because the equations are stiff, Kvaerno's implicit scheme
of order 3 replaces it; where it fails at jumps, `rk4` with 100 steps within dt. A delay is
solved by `method_of_steps`, a field by exponential time differencing of order 4 (Cox and
Matthews 2002; Kassam and Trefethen 2005).
Everything is computed in float64.
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
from throughtime.errors import InputError

from .method_of_steps import delay_scheme, delays, substeps_within
from .simulation_checks import check_arguments, check_shared, check_size
from .systems import DELAY, FIELD, FLOW, MAP, System

State = Float[Array, " state"]
Step = Callable[[Any, State], State]
Parameters = Mapping[str, Any]

MAX_SUBSTEP = {FLOW: 0.01, DELAY: 0.1, FIELD: 0.25}
"""The longest substep by kind of system, unless `substeps` is given."""

EXPLICIT_STEPS, IMPLICIT_STEPS = 30, 1000
"""Steps of `adaptive` per time step, at most, on average."""

JUMP_SUBSTEPS = 100
"""Steps of `rk4` within a time step, where the law has jumps."""


STIFF = (
    "The equations are stiff: they were solved by Kvaerno's implicit scheme, as an explicit one"
    f" takes more than {EXPLICIT_STEPS} steps within dt."
)
JUMPS = (
    "The equations have jumps that stop a scheme with error control: they were solved by"
    f" Runge and Kutta's with {JUMP_SUBSTEPS} steps within dt."
)


class Solution(NamedTuple):
    """The states of `simulate`, and a sentence on how they were found if that is unusual."""

    states: Float64[np.ndarray, "*trajectory time variable"]
    remark: str = ""


class Span(NamedTuple):
    """A time step, the number of steps of the transient, and the number after it."""

    dt: float
    transient_steps: int
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
    """Solve a system: its states at the times 0, dt, ..., steps * dt.

    Parameters
    ----------
    system
        The system, as `systems.system` returns it.
    steps
        The number of time steps.
    dt
        The time between two states; the system's own by default.
    start
        The initial state, `(variable,)`, or those of many trajectories, `(n, variable)`; the
        system's own by default. For a delay it is the constant past.
    parameters
        Numbers, or arrays `(n,)` with one value per trajectory.
    transient
        Time that is solved before time 0 and dropped.
    scheme
        `adaptive`, `euler` or `rk4`. A map, a delay and a field have a scheme of their own.
    substeps
        Steps of `euler` or `rk4` within dt.
    tolerance
        Absolute and relative tolerance of `adaptive`.
    finite
        Whether a solution that does not stay finite is an error. If not, it is returned with
        its NaN or infinite values.

    Returns
    -------
    Array, (time, variable) or (n, time, variable)
        The states in float64, from the initial one on.

    Raises
    ------
    InputError
        If an argument is wrong, or a solution does not stay finite.

    Examples
    --------
    >>> simulate(system("oscillator"), 1000).shape     # doctest: +SKIP
    (1001, 2)
    """
    options = {"dt": dt, "start": start, "parameters": parameters, "transient": transient}
    options |= {"scheme": scheme, "substeps": substeps, "tolerance": tolerance}
    return solution(system, steps, finite=finite, **options).states


def solution(
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
) -> Solution:
    """Solve a system as `simulate` does, and say how."""
    dt = system.dt if dt is None else dt
    check_arguments(steps, dt, transient, scheme, tolerance)
    own, start = start is None, np.asarray(system.start if start is None else start, np.float64)
    count = trajectory_count(system, start, parameters or {})
    start = system.start_at(parameters or {}) if own else start
    shared, individual = _by_sharing({**system.parameters, **(parameters or {})})
    check_shared(system, individual)
    check_size(count or 1, steps, start.shape[-1])
    starts = np.broadcast_to(start, (1 if count is None else count, start.shape[-1]))
    span = Span(dt, math.ceil(transient / dt - 1e-9), steps)
    fixed = partial(_fixed_steps, system, span)
    solvers: list[tuple[str, Any]] = [("", partial(fixed, scheme, substeps, shared))]
    if system.kind == FLOW and scheme == "adaptive":
        adaptive = partial(_adaptive, system, span, tolerance)
        finely = partial(fixed, "rk4", JUMP_SUBSTEPS, shared)
        solvers = [
            ("", partial(adaptive, False, EXPLICIT_STEPS, shared)),
            (STIFF, partial(adaptive, True, IMPLICIT_STEPS, shared)),
        ]
        if system.jumps:
            solvers[1:] = [(JUMPS, finely)]
    states, said = np.full((len(starts), steps + 1, starts.shape[-1]), np.nan), ""
    left = np.arange(len(starts))
    for remark, solver in solvers:
        own = {name: values[left] for name, values in individual.items()}
        with precision("float64"):
            run, escaped = jax.jit(jax.vmap(solver))(own, starts[left])
        states[left], said = run, remark
        # Another solver may find what this one did not, but not what went to infinity.
        left = left[~(np.isfinite(states[left]).all(axis=(1, 2)) | np.asarray(escaped))]
        if not len(left):
            break
    if finite:
        _check_finite(system, states, span)
    return Solution(states[0] if count is None else states, said)


def trajectory_count(
    system: System, start: np.ndarray, parameters: Mapping[str, Any]
) -> int | None:
    """How many trajectories starts and parameters describe; None for a single one without axis.

    Raises
    ------
    InputError
        If the shapes do not match the system or each other, or a parameter is unknown.
    """
    if start.shape[-1:] != (len(system.variables),) or start.ndim > 2:
        rule = f"`start` must have {len(system.variables)} variables, and one row a trajectory"
        raise InputError(rule, f"shape {start.shape}", f"Give {', '.join(system.variables)}.")
    system.with_parameters(**{name: 0.0 for name in parameters})  # refuses unknown names
    shapes = {np.shape(value) for value in parameters.values() if np.ndim(value)}
    shapes |= {start.shape[:1]} if start.ndim == 2 else set()
    if len(shapes) > 1 or any(len(shape) != 1 for shape in shapes):
        rule = "parameters and starts must be one number each, or one for each trajectory"
        got = f"shapes {', '.join(map(str, sorted(shapes)))}"
        raise InputError(rule, got, "Give arrays of one length.")
    return shapes.pop()[0] if shapes else None


def stepper(
    system: System,
    dt: Any,
    parameters: Parameters | None = None,
    *,
    scheme: str = "rk4",
    substeps: int | None = None,
) -> tuple[Step, Callable[[Array], State], Callable[[State], Array]]:
    """The map of a system over one time step, which may be traced if substeps are given.

    Returns
    -------
    step
        `step(t, state)` is the state at t + dt. The state of a flow, a map or a field is y;
        that of a delay holds the part of the past that the future depends on.
    begin
        `begin(y)` is the state that belongs to an initial y.
    observe
        `observe(state)` is the y of a state.

    Notes
    -----
    All three functions can be differentiated.
    """
    p = system.parameters if parameters is None else parameters
    if system.kind == MAP:
        return (lambda n, y: system.law(n, y, p, system.forcing(n, p))), _identity, _identity
    longest = MAX_SUBSTEP[system.kind]
    if system.kind == DELAY:
        substeps = substeps_within(delays(system, p), dt, longest, substeps)
    substeps = substeps or max(1, math.ceil(dt / longest - 1e-9))
    h = dt / substeps
    if system.kind == FIELD:
        substep, begin, observe = _field(system, h, p), _identity, _identity
    elif system.kind == DELAY:
        substep, begin, observe = delay_scheme(system, h, p)
    else:
        substep, begin, observe = _scheme(system, h, p, scheme), _identity, _identity

    def step(t, state):
        if substeps == 1:
            return substep(t, state)
        return jax.lax.fori_loop(0, substeps, lambda i, s: substep(t + i * h, s), state)

    return step, begin, observe


def _scheme(system: System, h: Any, p: Parameters, scheme: str) -> Step:
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

    def nonlinear(t, v):
        y = jnp.fft.irfft(v, points)
        return derivative * jnp.fft.rfft(system.law(t, y, p, system.forcing(t, p)))

    def step(t, y):
        v = jnp.fft.rfft(y)
        n1 = nonlinear(t, v)
        a = root * v + half * n1
        n2 = nonlinear(t + h / 2, a)
        b = root * v + half * n2
        n3 = nonlinear(t + h / 2, b)
        c = root * a + half * (2 * n3 - n1)
        n4 = nonlinear(t + h, c)
        return jnp.fft.irfft(whole * v + f1 * n1 + 2 * f2 * (n2 + n3) + f3 * n4, points)

    return step


def _fixed_steps(system, span, scheme, substeps, shared, individual, y):
    """One trajectory by steps of equal length."""
    p = {**shared, **individual}
    step, begin, observe = stepper(system, span.dt, p, scheme=scheme, substeps=substeps)

    def forward(n, state):
        return step((n - span.transient_steps) * span.dt, state)

    def observed(state, n):
        state = forward(n, state)
        return state, observe(state)

    state = jax.lax.fori_loop(0, span.transient_steps, forward, begin(y))
    _, ys = jax.lax.scan(observed, state, span.transient_steps + jnp.arange(span.steps))
    return jnp.concatenate([observe(state)[None], ys]), False


def _adaptive(system, span, tolerance, implicit, most, shared, individual, y):
    """One trajectory by steps whose errors stay within the tolerance, and whether it escapes.

    It escapes to infinity in a finite time if it is a million times as large as at its start
    and grows by its own size within a billionth of dt.
    """
    import diffrax  # here: it takes a while to load

    def slope(t, y, p):
        return system.law(t, y, p, system.forcing(t, p))

    def escapes(t, now, args, **_):
        size = jnp.abs(now).max()
        rate = jnp.abs(slope(t, now, args)).max() * span.dt
        return (size > 1e6 * (1 + jnp.abs(y).max())) & (rate > 1e9 * size)

    times = span.dt * jnp.arange(span.steps + 1)
    control = diffrax.ClipStepSizeController(  # steps end at `times`: interpolation is coarser
        diffrax.PIDController(
            # Less than the rounding errors of `times`, to which steps are cut.
            rtol=tolerance,
            atol=tolerance,
            dtmin=1e-18 * span.dt,
            force_dtmin=False,
        ),
        step_ts=times,
    )
    found = diffrax.diffeqsolve(
        diffrax.ODETerm(slope),
        # Kvaerno5's iteration fails at some starts of Van der Pol's equation with mu = 1000.
        diffrax.Kvaerno3() if implicit else diffrax.Dopri8(),
        t0=-span.transient_steps * span.dt,
        t1=span.steps * span.dt,
        dt0=None,
        y0=y,
        args={**shared, **individual},
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=control,
        max_steps=most * (span.transient_steps + span.steps + 1),
        event=diffrax.Event(escapes),
        throw=False,
    )
    return found.ys, found.result == diffrax.RESULTS.event_occurred


def _by_sharing(parameters: Parameters) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """The parameters that all trajectories share, and those that they do not."""
    arrays = {name: np.asarray(value, np.float64) for name, value in parameters.items()}
    shared = {name: float(value) for name, value in arrays.items() if not value.ndim}
    return shared, {name: value for name, value in arrays.items() if value.ndim}


def _identity(y):
    return y


def _check_finite(system: System, solution: np.ndarray, span: Span) -> None:
    """Refuse a solution that went to infinity, or whose steps became too short."""
    finite = np.isfinite(solution).all(axis=-1)
    if finite.all():
        return
    first = int(np.argmin(finite.all(axis=0)))
    where = f"near time {first * span.dt:.6g}"
    if first == 0 and span.transient_steps:
        where = "in its transient"
    rule = f"the solution of `{system.name}` must stay finite"
    remedy = "Change its parameters or its start, or take fewer steps."
    raise InputError(rule, f"one that diverges {where}", remedy)
