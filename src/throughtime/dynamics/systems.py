r"""Dynamical systems, each a law of a few lines with its parameters and known properties.

A *flow* is given by its time derivative, $\dot y = f(t, y, p, u)$, a *map* by its next state,
$y_{n+1} = f(n, y_n, p, u)$. p are named parameters and u are inputs that drive the system. Laws
are written in `jax.numpy` for a single state, so that they can be differentiated and mapped
over many states. For a system of your own, construct a `System` with a Python function, or
write it as text (`equations.equations`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float64

from throughtime._support.precision import precision
from throughtime.errors import InputError, did_you_mean

from .equation_text.printing import number_text

Law = Callable[[Any, Array, Mapping[str, Any], Any], Array]

FLOW, MAP, DELAY, FIELD = "flow", "map", "delay", "field"


@dataclass(frozen=True)
class System:
    r"""A dynamical system: its law, parameters, initial state and known properties.

    Parameters
    ----------
    name, about, source
        Its name, a short description, and who first described it.
    variables
        Names of the components of a state.
    law
        `law(t, y, p, u)`: the time derivative of a flow, or the next state of a map. For a
        `delay`, `law(t, y, p, u, delayed)`, where `delayed` is the state at `t - p["delay"]`,
        or with `delays` those at the times that it gives, as rows.
        For a `field`, the part of the derivative that `linear` does not cover; see `kind`.
    parameters
        Their values by name.
    start
        The default initial state.
    dt
        A time step that resolves the motion; 1 for a map.
    unit
        The unit of time, for figures.
    inputs
        Names of the inputs u.
    kind
        `flow`, `map`, `delay`, or `field`: a partial differential equation on a circle,
        $\dot y = L y + \partial_x f$, with values of y at equally spaced points.
    linear
        For a `field`, `linear(wavenumbers, p)`: the linear operator L in Fourier space.
    transient
        Time after which a trajectory has reached the attractor.
    exponents
        Known Lyapunov exponents per unit of time, largest first.
    period
        Known period of the cycle that the system settles on, in units of time.
    drive
        `drive(t, p)`: the inputs at time t. Without it they are 0.
    delays
        For a `delay`, `delays(p)`: how far back its law looks, a number for each delay.
    delay_parameters
        The parameters that the delays depend on.
    past
        For a `delay`, `past(t, p)`: the state before time 0; constant without it.
    start_of
        `start_of(p)`: the default initial state, where it depends on parameters.
    jumps
        Whether the law has jumps, as `sign` has: no scheme keeps its order there.
    remarks
        What was chosen where the equations do not say it, a sentence each.
    statements
        Of equations as text, the statements as they were understood, without the parameters.
    """

    name: str
    about: str
    source: str
    variables: tuple[str, ...]
    law: Callable[..., Array]
    parameters: Mapping[str, float | int]
    start: tuple[float, ...]
    dt: float | int = 0.01
    unit: str = ""
    inputs: tuple[str, ...] = ()
    kind: str = FLOW
    linear: Callable[..., Array] | None = None
    transient: float | int = 0.0
    exponents: tuple[float, ...] = ()
    period: float | None = None
    drive: Callable[[Any, Mapping[str, Any]], Array] | None = field(default=None, repr=False)
    delays: Callable[[Mapping[str, Any]], tuple[float, ...]] | None = None
    delay_parameters: tuple[str, ...] = ("delay",)
    past: Callable[[Any, Mapping[str, Any]], Array] | None = None
    start_of: Callable[[Mapping[str, Any]], Array] | None = field(default=None, repr=False)
    jumps: bool = False
    remarks: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Short: the equations as they were understood, or the name; and the parameters."""
        parameters = [
            f"{name} = {number_text(value)}" for name, value in self.parameters.items()
        ]
        if self.statements:
            return f'equations("{"; ".join([*self.statements, *parameters])}")'
        variables, more = ", ".join(self.variables[:4]), ", ..." * (len(self.variables) > 4)
        with_ = f"; {', '.join(parameters)}" if parameters else ""
        return f"System({self.name!r}, a {self.kind} of {variables}{more}{with_})"

    def forcing(self, t, p: Mapping[str, Any]) -> Float[Array, " input"]:
        """The inputs u at time t: given by `drive`, or 0 without one."""
        if self.drive is not None:
            return self.drive(t, p)
        return jnp.zeros(len(self.inputs))

    @property
    def lyapunov_time(self) -> float | None:
        """Inverse of the largest exponent; None unless that is known to be positive."""
        known = self.exponents and self.exponents[0] > 0
        return 1 / self.exponents[0] if known else None

    def start_at(self, parameters: Mapping[str, Any]) -> Float64[np.ndarray, "*count variable"]:
        """The default initial state where some parameters have other values.

        Parameters
        ----------
        parameters
            Numbers, or arrays with one value per trajectory: then a start for each.
        """
        if self.start_of is None:
            return np.asarray(self.start, np.float64)
        p = {**self.parameters, **parameters}
        counts = {np.shape(value) for value in p.values()} - {()}
        with precision("float64"):
            if not counts:
                return np.asarray(self.start_of(p), np.float64)
            (count,) = counts
            each = {
                name: jnp.broadcast_to(jnp.asarray(value, float), count)
                for name, value in p.items()
            }
            return np.asarray(jax.vmap(self.start_of)(each), np.float64)

    def with_parameters(self, **values: float | int) -> "System":
        """A copy with some parameters changed, and then without the known properties.

        Raises
        ------
        InputError
            If the system has no such parameter, or a value is not finite.
        """
        for name, value in values.items():
            if name not in self.parameters:
                rule = f"a parameter of `{self.name}` must be one that it has"
                raise InputError(rule, f"`{name}`", did_you_mean(name, self.parameters))
            if not float("-inf") < value < float("inf"):
                rule = f"the parameter `{name}` must be a finite number"
                raise InputError(rule, value, f"Set `{name}` to a finite number.")
        changed = any(self.parameters[name] != value for name, value in values.items())
        known: dict[str, Any] = {"exponents": (), "period": None} if changed else {}
        if self.start_of is not None:
            known |= {"start": tuple(self.start_at(values).tolist())}
        return replace(self, parameters={**self.parameters, **values}, **known)


def _oscillator(t, y, p, u):
    x, v = y
    return jnp.stack([v, u[0] - p["damping"] * v - p["stiffness"] * x])


def _pendulum(t, y, p, u):
    angle, speed = y
    pull = p["gravity"] / p["length"] * jnp.sin(angle)
    return jnp.stack([speed, u[0] - pull - p["damping"] * speed])


def _van_der_pol(t, y, p, u):
    x, v = y
    return jnp.stack([v, p["mu"] * (1 - x**2) * v - x])


def _duffing(t, y, p, u):
    x, v = y
    force = u[0] - p["damping"] * v - p["linear"] * x - p["cubic"] * x**3
    return jnp.stack([v, force])


def _cosine(t, p):
    return jnp.stack([p["amplitude"] * jnp.cos(p["frequency"] * t)])


def _lotka_volterra(t, y, p, u):
    prey, hunters = y
    return jnp.stack(
        [
            p["birth"] * prey - p["eaten"] * prey * hunters,
            p["growth"] * prey * hunters - p["death"] * hunters,
        ]
    )


def _fitzhugh_nagumo(t, y, p, u):
    v, w = y
    return jnp.stack([v - v**3 / 3 - w + p["current"], p["rate"] * (v + p["a"] - p["b"] * w)])


def _lorenz63(t, y, p, u):
    x, y, z = y
    return jnp.stack([p["sigma"] * (y - x), x * (p["rho"] - z) - y, x * y - p["beta"] * z])


def _lorenz96(t, x, p, u):
    ahead, behind, two_behind = jnp.roll(x, -1), jnp.roll(x, 1), jnp.roll(x, 2)
    return (ahead - two_behind) * behind - x + p["force"]


def _rossler(t, y, p, u):
    x, y, z = y
    return jnp.stack([-y - z, x + p["a"] * y, p["b"] + z * (x - p["c"])])


def _double_pendulum(t, y, p, u):
    """Two equal point masses on massless rods of equal length, angles from the vertical."""
    first, second, speed, other = y
    pull, difference = p["gravity"] / p["length"], first - second
    sin, cos = jnp.sin(difference), jnp.cos(difference)
    # M (a, b) = (f, g), with the mass matrix M = (2, cos; cos, 1)
    f = -(other**2) * sin - 2 * pull * jnp.sin(first)
    g = speed**2 * sin - pull * jnp.sin(second)
    determinant = 2 - cos**2
    return jnp.stack(
        [speed, other, (f - cos * g) / determinant, (2 * g - cos * f) / determinant]
    )


def _logistic(n, y, p, u):
    return p["r"] * y * (1 - y)


def _henon(n, y, p, u):
    x, y = y
    return jnp.stack([1 - p["a"] * x**2 + y, p["b"] * x])


def _mackey_glass(t, y, p, u, delayed):
    return p["beta"] * delayed / (1 + delayed ** p["power"]) - p["gamma"] * y


def _kuramoto_sivashinsky(t, y, p, u):
    """The function under the spatial derivative: -u u_x = d/dx (-u^2 / 2)."""
    return -(y**2) / 2


def _kuramoto_sivashinsky_linear(wavenumbers, p):
    """-u_xx - u_xxxx in Fourier space: long waves grow, short ones decay."""
    return wavenumbers**2 - wavenumbers**4


_TWO_PI = 2 * 3.141592653589793

SYSTEMS: dict[str, System] = {
    system.name: system
    for system in (
        System(
            "oscillator", "a mass on a spring, damped and driven by a force F(t)",
            "Newton 1687; the lecture", ("x", "v"), _oscillator,
            {"damping": 0.2, "stiffness": 1.0, "amplitude": 1.0, "frequency": 1.2},
            (1.0, 0.0), dt=0.1, unit="s", inputs=("F",), drive=_cosine, period=_TWO_PI / 1.2,
            transient=100.0,
        ),
        System(
            "pendulum", "a damped pendulum, driven by a torque",
            "Huygens 1673", ("angle", "speed"), _pendulum,
            {"gravity": 9.81, "length": 1.0, "damping": 0.1, "amplitude": 0.0,
             "frequency": 1.0},
            (1.0, 0.0), dt=0.05, unit="s", inputs=("torque",), drive=_cosine,
        ),
        System(
            "van-der-pol", "a self-sustained oscillator", "van der Pol 1926",
            ("x", "v"), _van_der_pol, {"mu": 1.0}, (2.0, 0.0), dt=0.1, transient=50.0,
            exponents=(0.0, -1.059), period=6.6632868593231301896996820305,
        ),
        System(
            "duffing", "a beam between two magnets, driven by a periodic force",
            "Duffing 1918; Holmes 1979", ("x", "v"), _duffing,
            {"damping": 0.3, "linear": -1.0, "cubic": 1.0, "amplitude": 0.5,
             "frequency": 1.2},
            (1.0, 0.0), dt=0.1, inputs=("F",), drive=_cosine, transient=200.0,
        ),
        System(
            "lotka-volterra", "predators and prey", "Lotka 1925; Volterra 1926",
            ("prey", "hunters"), _lotka_volterra,
            {"birth": 1.1, "eaten": 0.4, "growth": 0.1, "death": 0.4}, (10.0, 10.0), dt=0.1,
        ),
        System(
            "fitzhugh-nagumo", "a spiking nerve cell, with a fast and a slow variable",
            "FitzHugh 1961; Nagumo et al. 1962", ("v", "w"), _fitzhugh_nagumo,
            {"current": 0.5, "rate": 0.08, "a": 0.7, "b": 0.8}, (0.5, 0.0), dt=0.4,
            transient=400.0,
        ),
        System(
            "lorenz63", "convection, reduced to three variables", "Lorenz 1963",
            ("x", "y", "z"), _lorenz63, {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3},
            (1.0, 1.0, 25.0), dt=0.02, transient=20.0, exponents=(0.9056, 0.0, -14.5723),
        ),
        System(
            "lorenz96", "waves around a circle of latitude, 40 points", "Lorenz 1996",
            tuple(f"x{i}" for i in range(40)), _lorenz96, {"force": 8.0},
            (8.01,) + (8.0,) * 39, dt=0.05, unit="5 days", transient=50.0,
        ),
        System(
            "rossler", "chaos from a single fold", "Rossler 1976", ("x", "y", "z"), _rossler,
            {"a": 0.2, "b": 0.2, "c": 5.7}, (1.0, 1.0, 0.0), dt=0.1, transient=200.0,
            exponents=(0.0714, 0.0, -5.3943),
        ),
        System(
            "double-pendulum", "a pendulum that hangs from another pendulum",
            "Shinbrot, Grebogi, Wisdom and Yorke 1992",
            ("angle", "angle2", "speed", "speed2"), _double_pendulum,
            {"gravity": 9.81, "length": 1.0}, (2.0, 2.0, 0.0, 0.0), dt=0.02, unit="s",
        ),
        System(
            "logistic", "a population whose growth is limited", "May 1976", ("x",), _logistic,
            {"r": 4.0}, (0.3,), dt=1.0, kind=MAP, transient=100.0,
            exponents=(0.6931471805599453,),
        ),
        System(
            "henon", "a map that stretches and folds the plane", "Henon 1976", ("x", "y"),
            _henon, {"a": 1.4, "b": 0.3}, (0.1, 0.1), dt=1.0, kind=MAP, transient=100.0,
            exponents=(0.4192, -1.6232),
        ),
        System(
            "mackey-glass", "the production of blood cells, with a delay",
            "Mackey and Glass 1977", ("x",), _mackey_glass,
            {"beta": 0.2, "gamma": 0.1, "power": 10.0, "delay": 17.0}, (1.2,), dt=1.0,
            kind=DELAY, transient=1000.0,
        ),
        System(
            "kuramoto-sivashinsky", "a flame front, 64 points on a circle of length 22",
            "Kuramoto 1978; Sivashinsky 1977; Cvitanovic, Davidchack and Siminos 2010",
            tuple(f"u{i}" for i in range(64)), _kuramoto_sivashinsky, {"length": 22.0},
            tuple(0.1 * (1 + i % 5) * (-1.0) ** (i // 7) for i in range(64)), dt=0.25,
            kind=FIELD, linear=_kuramoto_sivashinsky_linear, transient=200.0,
        ),
    )
}  # fmt: skip
"""All systems that have a name."""


def system(name: str, **parameters: float | int) -> System:
    """A system by its name, with some parameters changed if given.

    Raises
    ------
    InputError
        If the system or a parameter is unknown.

    Examples
    --------
    >>> system("lorenz63", rho=14.0).parameters["rho"]
    14.0
    """
    if name not in SYSTEMS:
        raise InputError(
            "`system` must be the name of a known system", name, did_you_mean(name, SYSTEMS)
        )
    return SYSTEMS[name].with_parameters(**parameters)
