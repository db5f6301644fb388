"""Simulated trajectories on which an in-context network learns dynamics.

    python benchmarks/dynamics_prior/generator.py --out /tmp/dynamics

Laws: the library's flows and the tuning flows of `chaotic_flows.py`, each with random
parameters and a small random polynomial on top, and two families of random laws that stay
bounded by construction. None of the twelve flows on which the network is judged. A law is kept
if its trajectory is bounded and goes on moving. Cycles are at most a third of a family, or ten:
the others are chaotic, trajectories that begin a millionth of a spread apart lose each other.

Trajectories have 160 points a period, so that training can take every second to every eighth.
`HELD_OUT` are laws that validate and never train.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from chaotic_flows import TUNING, mean_period

from throughtime.dynamics.systems import SYSTEMS

PER_PERIOD, POINTS = 160, 6000
HELD_OUT = "Halvorsen", "Chua", "Thomas", "fitzhugh-nagumo"
NAMED = (
    *("van-der-pol", "duffing", "lotka-volterra", "fitzhugh-nagumo", "lorenz63", "rossler"),
    *("lorenz96", "double-pendulum"),
)
COUNT = 64
"""Laws drawn of each name; of a random family four times as many."""


class Family(NamedTuple):
    """Laws that differ by their parameters.

    Attributes
    ----------
    law
        The derivative, `law(y, p)`.
    draw
        `draw(rng, count)`: parameters, with a first axis for the law.
    start
        A start of each law, `(count, variable)`.
    period
        A rough period.
    """

    law: Callable
    draw: Callable
    start: Callable
    period: float


def near(start, share=0.05):
    """Starts around one."""
    start = np.asarray(start, float)

    def draw(rng, count):
        size = np.abs(start).mean() + 0.1
        return start + share * size * rng.standard_normal((count, len(start)))

    return draw


def named(name: str) -> Family:
    """A flow of the library; a drive is two variables more, on a circle that attracts."""
    system = SYSTEMS[name]
    parameters = dict(system.parameters)
    start = system.start[:5]

    def draw(rng, count):
        return {
            key: value * np.exp(0.15 * rng.standard_normal(count))
            for key, value in parameters.items()
        }

    def law(y, p):
        if not system.inputs:
            return system.law(0.0, y, p, None)
        free, (c, s) = y[:-2], y[-2:]
        turn, back = p["frequency"], 1 - c**2 - s**2
        slope = system.law(0.0, free, p, jnp.stack([p["amplitude"] * c]))
        return jnp.concatenate([slope, jnp.stack([back * c - turn * s, back * s + turn * c])])

    if system.inputs:
        start = (*start, 1.0, 0.0)
    return Family(law, draw, near(start), 50 * float(system.dt))


def tuning(name: str) -> Family:
    """A flow of `chaotic_flows.py` that nothing is judged on; its parameters are fixed."""
    flow = TUNING[name]

    def law(y, p):
        return jnp.stack([jnp.asarray(v, float) for v in flow.law(y)])

    return Family(law, lambda rng, count: {}, near(flow.start), flow.period)


def energy(size: int) -> Family:
    """Forced, damped, and coupled by squares that conserve |y|^2, as in atmospheric models."""

    def draw(rng, count):
        B = rng.standard_normal((count, size, size, size))
        B = (B + B.swapaxes(2, 3)) / 2
        total = (B + B.transpose(0, 2, 3, 1) + B.transpose(0, 3, 1, 2)) / 3
        L = rng.standard_normal((count, size, size))
        damping = np.exp(rng.uniform(-2.5, 0.5, (count, size)))
        force = 4 * rng.standard_normal((count, size))
        return {"B": B - total, "L": L - L.swapaxes(1, 2), "damping": damping, "force": force}

    def law(y, p):
        return (p["B"] @ y) @ y + p["L"] @ y - p["damping"] * y + p["force"]

    return Family(law, draw, near(np.ones(size), 1.0), 2.0)


def sines(size: int) -> Family:
    """Damped variables that are driven by sines of each other."""

    def draw(rng, count):
        return {
            "K": rng.standard_normal((count, size, size)),
            "A": 3 * rng.standard_normal((count, size, size)) / np.sqrt(size),
            "damping": np.exp(rng.uniform(-2, 0, (count, 1))),
        }

    def law(y, p):
        return p["A"] @ jnp.sin(p["K"] @ y) - p["damping"] * y

    return Family(law, draw, near(np.ones(size), 1.0), 6.0)


FAMILIES = {
    **{name: named(name) for name in NAMED},
    **{name: tuning(name) for name in TUNING},
    **{f"energy {size}": energy(size) for size in (3, 4, 5)},
    **{f"sines {size}": sines(size) for size in (3, 4)},
}


@partial(jax.jit, static_argnums=(0, 4, 5))
def solve(law, p, start, step, points, every):
    """Points of many laws by Runge-Kutta steps, `every` steps apart: `(point, law, variable)`.

    `step (law,)` is the time of a step of each.
    """

    def advance(y, h, p):
        a = law(y, p)
        b = law(y + h / 2 * a, p)
        c = law(y + h / 2 * b, p)
        return y + h / 6 * (a + 2 * b + 2 * c + law(y + h * c, p))

    steps = jax.vmap(advance)

    def point(y, _):
        return jax.lax.fori_loop(0, every, lambda _, y: steps(y, step, p), y), y

    return jax.lax.scan(point, start, None, length=points)[1]


def bent(law):
    """A law with a small polynomial of degree two on top, in standardised variables."""

    def found(y, p):
        bend = p["bend"]
        z = (y - bend["centre"]) / bend["spread"]
        more = bend["constant"] + bend["linear"] @ z + (bend["square"] @ z) @ z
        return law(y, p) + bend["spread"] * more

    return found


def bend(rng, count, centre, spread, period):
    """Parameters of that polynomial; a third of the laws have none."""
    size = centre.shape[1]
    rate = 0.5 * np.exp(rng.uniform(-3, 0, count)) * (rng.random(count) > 1 / 3) / period
    return {
        "centre": centre, "spread": spread,
        "constant": rate[:, None] * rng.standard_normal((count, size)),
        "linear": rate[:, None, None] * rng.standard_normal((count, size, size)),
        "square": rate[:, None, None, None] * rng.standard_normal((count, *3 * [size])) / 3,
    }  # fmt: skip


def sound(y) -> np.ndarray:
    """Which laws stay bounded and go on moving."""
    first, late = (part.std(axis=0) for part in np.array_split(y, 2))
    bounded = np.isfinite(y).all(axis=(0, 2)) & (np.abs(y).max(axis=(0, 2)) < 1e4)
    return bounded & (late > 0.3 * first).all(axis=1) & (late > 1e-3).all(axis=1)


def draw(family: Family, rng, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Standardised trajectories `(law, point, variable)`, and which are chaotic."""
    p, y = family.draw(rng, count), family.start(rng, count)
    law, step = bent(family.law), np.full(count, family.period / 400)
    straight = bend(rng, count, np.zeros(y.shape), np.ones(y.shape), np.full(count, np.inf))
    pilot = np.asarray(solve(law, p | {"bend": straight}, y, step, POINTS, 2))
    kept, pilot = sound(pilot), pilot[POINTS // 3 :]
    spread = np.where(kept[:, None], pilot.std(axis=0), 1.0)
    periods = [mean_period(pilot[:, i], 2 * step[i]) if kept[i] else 1 for i in range(count)]
    step = np.array(periods) / PER_PERIOD / 2
    p |= {"bend": bend(rng, count, pilot.mean(axis=0), spread, np.array(periods))}
    y = np.asarray(solve(law, p, pilot[-1], step, POINTS, 2))
    kept, spread, y = kept & sound(y), y.std(axis=0), y[-1]
    twin = y + 1e-6 * spread * rng.standard_normal(y.shape)
    y, other = (np.asarray(solve(law, p, one, step, POINTS, 2)) for one in (y, twin))
    kept &= sound(y)
    apart = (np.abs(y - other)[-1000:] / spread).max(axis=(0, 2)) > 0.1
    y = (y - y.mean(axis=0)) / y.std(axis=0)
    return y[:, kept].swapaxes(0, 1).astype(np.float32), apart[kept]


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("/tmp/dynamics"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for number, (name, family) in enumerate(FAMILIES.items()):
        part = options.out / ("validation" if name in HELD_OUT else "training")
        part.mkdir(parents=True, exist_ok=True)
        if (part / f"{name}.npz").exists():
            continue
        begun, rng = time.process_time(), np.random.default_rng((options.seed, number))
        count = COUNT * (4 if name[-1].isdigit() and " " in name else 1)
        with jax.enable_x64(True), np.errstate(all="ignore"):
            y, chaotic = draw(family, rng, count)
        # Cycles are many among random laws: at most half as many as what is chaotic.
        cycles = np.flatnonzero(~chaotic)[: max(chaotic.sum() // 2, 10)]
        rows = np.sort(np.concatenate([np.flatnonzero(chaotic), cycles]))
        np.savez(part / f"{name}.npz", y=y[rows], chaotic=chaotic[rows])
        seconds = time.process_time() - begun
        print(f"{name:18}{count:5} drawn{len(y):5} sound{chaotic.sum():5} chaotic"
              f"{len(rows):5} kept{seconds:6.1f} s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
