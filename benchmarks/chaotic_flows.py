"""Chaotic flows that the library has no name for: to tune a search on, and to judge it on.

Trajectories are solved in double precision by Runge-Kutta steps of a thousandth of a period,
and so is the variational equation, which gives the largest exponent. Both are kept in a folder,
since the exponents take a while.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Law = Callable[[jax.Array], list]

PER_PERIOD = 50
"""Points of a trajectory in a period."""

SUBSTEPS = 20
"""Steps of the scheme between two points."""


class Flow(NamedTuple):
    """A law, a start in the basin of its attractor, and a rough period."""

    law: Law
    start: tuple[float, ...]
    period: float
    kind: str


def _halvorsen(y):
    a, (x, u, v) = 1.27, y
    return [-a * x - 4 * u - 4 * v - u**2, -a * u - 4 * v - 4 * x - v**2,
            -a * v - 4 * x - 4 * u - x**2]  # fmt: skip


def _chua(y):
    x, u, z = y
    bent = -0.714 * x - 0.2145 * (abs(x + 1) - abs(x - 1))
    return [15.6 * (u - x - bent), x - u + z, -28 * u]


def _thomas(y):
    x, u, z = y
    return [jnp.sin(u) - 0.18 * x, jnp.sin(z) - 0.18 * u, jnp.sin(x) - 0.18 * z]


def _hindmarsh_rose(y):
    x, u, z = y
    return [u - x**3 + 3 * x**2 - z + 3.25, 1 - 5 * x**2 - u, 0.006 * (4 * (x + 1.6) - z)]


TUNING = {
    "Halvorsen": Flow(_halvorsen, (-1.48, -1.51, 2.04), 1.0, "quadratic, cyclic"),
    "Chua": Flow(_chua, (0.7, 0.0, 0.0), 2.3, "piecewise linear"),
    "Thomas": Flow(_thomas, (0.1, 1.1, -0.1), 12.0, "sines, weakly dissipative"),
    "Hindmarsh-Rose": Flow(_hindmarsh_rose, (-1.0, 0.0, 2.0), 12.0, "bursts"),
    "Sprott B": Flow(
        lambda y: [y[1] * y[2], y[0] - y[1], 1 - y[0] * y[1]], (0.1, 0.1, 0.1), 5.7, "quadratic"
    ),
}
"""The flows that the settings of the search were chosen on, beside those of the library."""


def _rucklidge(y):
    x, u, z = y
    return [-2 * x + 6.7 * u - u * z, x, -z + u**2]


def _rabinovich_fabrikant(y):
    x, u, z = y
    return [u * (z - 1 + x**2) + 0.87 * x, x * (3 * z + 1 - x**2) + 0.87 * u,
            -2 * z * (1.1 + x * u)]  # fmt: skip


def _arneodo(y):
    return [y[1], y[2], 5.5 * y[0] - 3.5 * y[1] - y[2] - y[0] ** 3]


def _absolute_jerk(y):
    return [y[1], y[2], -0.6 * y[2] - y[1] - abs(y[0]) + 1]


def _food_chain(y):
    x, u, z = y
    first, second = 5 * x / (1 + 3 * x), 0.1 * u / (1 + 2 * u)
    return [x * (1 - x) - first * u, first * u - second * z - 0.4 * u, second * z - 0.01 * z]


def _hyperchaos(y):
    x, u, z, w = y
    return [-u - z, x + 0.25 * u + w, 3 + x * z, -0.5 * z + 0.05 * w]


def _henon_heiles(y):
    x, u, p, q = y
    return [p, q, -x - 2 * x * u, -u - x**2 + u**2]


def _moore_spiegel(y):
    x, u, z = y
    return [u, z, -z + 9 * u - x**2 * u - 5 * x]


def _forced_pendulum(y):
    """A driven damped pendulum; the phase of the drive as a point on the circle."""
    speed, c, s, ch, sh = y
    return [-0.5 * speed - s + 1.15 * ch, -s * speed, c * speed,
            -2 / 3 * sh, 2 / 3 * ch]  # fmt: skip


def _dadras(y):
    x, u, z = y
    return [u - 3 * x + 2.7 * u * z, 1.7 * u - x * z + z, 2 * x * u - 9 * z]


def _lorenz84(y):
    x, u, z = y
    return [-(u**2) - z**2 - 0.25 * x + 0.25 * 8, x * u - 4 * x * z - u + 1,
            4 * x * u + x * z - z]  # fmt: skip


def _hopfield(y):
    """Three Hopfield neurons."""
    x, u, z = (jnp.tanh(v) for v in y)
    return [-y[0] + 2 * x - 1.2 * u, -y[1] + 1.9 * x + 1.71 * u + 1.15 * z,
            -y[2] - 4.75 * x + 1.1 * z]  # fmt: skip


JUDGED = {
    "Rucklidge": Flow(_rucklidge, (1.0, 0.0, 4.5), 2.5, "convection, quadratic"),
    "Rabinovich-Fabrikant": Flow(_rabinovich_fabrikant, (-1.0, 0.0, 0.5), 6.0, "cubic"),
    "Arneodo": Flow(_arneodo, (0.2, 0.2, -0.75), 4.0, "cubic jerk"),
    "Sprott's jerk": Flow(_absolute_jerk, (0.0, 0.0, 0.0), 6.3, "jerk with |x|"),
    "food chain": Flow(_food_chain, (0.76, 0.16, 9.9), 50.0, "rational"),
    "Rossler's hyperchaos": Flow(_hyperchaos, (-10.0, -6.0, 0.0, 10.0), 6.0, "two exponents"),
    "Henon-Heiles": Flow(_henon_heiles, (0.0, -0.25, 0.42, 0.0), 6.3, "conservative"),
    "Moore-Spiegel": Flow(_moore_spiegel, (0.1, 0.1, 0.0), 2.0, "oscillating convection"),
    "forced pendulum": Flow(_forced_pendulum, (0.0, 1.0, 0.0, 1.0, 0.0), 9.42, "driven"),
    "Dadras": Flow(_dadras, (1.0, 1.0, 0.0), 1.5, "four wings"),
    "Lorenz-84": Flow(_lorenz84, (1.0, 0.0, 0.0), 2.5, "general circulation"),
    "Hopfield": Flow(_hopfield, (0.1, 0.0, 0.0), 5.0, "three neurons, tanh"),
}
"""The flows that it is judged on, of kinds that `throughtime.dynamics.systems` lacks."""


def rk4(flow: Flow, step: float) -> Callable:
    """A step of the classical scheme."""

    def law(y):
        return jnp.stack([jnp.asarray(v, y.dtype) for v in flow.law(y)])

    def advance(y):
        a = law(y)
        b = law(y + step / 2 * a)
        c = law(y + step / 2 * b)
        return y + step / 6 * (a + 2 * b + 2 * c + law(y + step * c))

    return advance


def solve(flow: Flow, start, dt: float, steps: int) -> np.ndarray:
    """The trajectory at 0, dt, ..."""
    advance = rk4(flow, dt / SUBSTEPS)

    def point(y, _):
        return jax.lax.fori_loop(0, SUBSTEPS, lambda _, y: advance(y), y), y

    run = jax.jit(lambda y: jax.lax.scan(point, y, None, length=steps)[1])
    return np.asarray(run(jnp.asarray(start, float)))


def mean_period(y: np.ndarray, dt: float) -> float:
    """The inverse of the mean frequency, weighted by the power of the fastest variable."""
    y = (y - y.mean(0)) / y.std(0)
    power = np.abs(np.fft.rfft(y * np.hanning(len(y))[:, None], axis=0)) ** 2
    frequency = np.fft.rfftfreq(len(y), dt)
    return float(1 / max((power * frequency[:, None]).sum(0) / power.sum(0)))


def largest_exponent(flow: Flow, start, step: float, steps: int) -> float:
    """By the variational equation: the mean rate at which a tangent grows."""
    advance = rk4(flow, step)

    def grow(carry, _):
        y, tangent = jax.jvp(advance, (carry[0],), (carry[1],))
        size = jnp.linalg.norm(tangent)
        return (y, tangent / size), jnp.log(size)

    @jax.jit
    def run(y, tangent):
        return jax.lax.scan(grow, (y, tangent), None, length=steps)[1]

    tangent = np.random.default_rng(0).standard_normal(len(start))
    logs = np.asarray(run(jnp.asarray(start, float), jnp.asarray(tangent)))
    settled = steps // 20
    return float(logs[settled:].mean() / step)


def measured(name: str, flow: Flow, steps: int, folder: Path) -> dict:
    """A trajectory of that many points, 50 a period, its step and the largest exponent."""
    path = folder / f"{name.replace(' ', '-')}-{steps}.npz"
    if path.exists():
        found = np.load(path)
        return {"y": found["y"], "dt": float(found["dt"]), "exponent": float(found["exponent"])}
    with jax.enable_x64(True):
        dt = flow.period / PER_PERIOD
        settled = solve(flow, flow.start, dt, 8000)
        period = mean_period(settled[2000:], dt)
        dt = period / PER_PERIOD
        y = solve(flow, settled[-1], dt, steps)
        exponent = largest_exponent(flow, y[0], period / PER_PERIOD / SUBSTEPS, 2_000_000)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(path, y=y, dt=dt, exponent=exponent)
    return {"y": y, "dt": dt, "exponent": exponent}


if __name__ == "__main__":
    import sys

    for name, flow in {**TUNING, **JUDGED}.items():
        got = measured(name, flow, 20_000, Path(sys.argv[1]))
        spread = got["y"].std(0).round(3).tolist()
        print(json.dumps({"flow": name, "dt": got["dt"], "exponent": got["exponent"],
                          "periods a Lyapunov time":
                          1 / got["exponent"] / got["dt"] / PER_PERIOD,
                          "std": spread}), flush=True)  # fmt: skip
