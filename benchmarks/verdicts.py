"""Verdicts on series whose behaviour is known, from their data alone.

    python benchmarks/verdicts.py [--steps 1000 2000 4000] [--seeds 3] [--out FILE]
    python benchmarks/verdicts.py --size [--steps 300 400 1000] [--draws 40] [--out FILE]

Right: the verdict is the known one. Can't tell: it says so, with a reason. Wrong: all else.
Of a period and of a largest exponent, the error beside the known value is kept.

With `--size` it counts how often linear noise is taken for something that no spectrum tells
(`nonlinear`), and how often only a line speaks against that (`surrogates`: the verdict is then
that it can't tell); and, as the power of the test, how often chaos is.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
from machine import machine
from scipy.integrate import solve_ivp
from scipy.signal import lfilter

from throughtime.dynamics.behaviour import (
    CHAOTIC,
    DRIFTS,
    OSCILLATES,
    QUASI,
    SETTLES,
    UNDECIDED,
)
from throughtime.dynamics.determinism import local_prediction
from throughtime.dynamics.series_behaviour import NOISE, series_behaviour
from throughtime.reservoir.delay_embedding import embedding_delay

HERE = Path(__file__).parent
GOLDEN = (1 + 5**0.5) / 2


def flow(law, start, dt, steps, transient=100.0):
    """The first variable of a flow, after a transient."""
    begun = solve_ivp(law, (0, transient), start, rtol=1e-8, atol=1e-8).y[:, -1]
    times = dt * np.arange(steps)
    return solve_ivp(law, (0, times[-1]), begun, t_eval=times, rtol=1e-9, atol=1e-9).y[0]


def iterated(law, state, steps, transient=5000):
    """The first variable of a map, after a transient."""
    found = []
    for _ in range(transient + steps):
        state = law(state)
        found.append(np.ravel(state)[0].real)
    return np.array(found[transient:])


def logistic(growth):
    return lambda x: growth * x * (1 - x)


def lorenz(t, s):
    return [10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]]


def rossler(t, s):
    return [-s[1] - s[2], s[0] + 0.2 * s[1], 0.2 + s[2] * (s[0] - 5.7)]


def lorenz96(t, s):
    return (np.roll(s, -1) - np.roll(s, 2)) * np.roll(s, 1) - s + 8


def van_der_pol(mu):
    return lambda t, s: [s[1], mu * (1 - s[0] ** 2) * s[1] - s[0]]


def duffing(t, s):
    return [s[1], s[0] - s[0] ** 3 - 0.3 * s[1] + 0.5 * np.cos(1.2 * t)]


def ikeda(z):
    return 1 + 0.9 * z * np.exp(1j * (0.4 - 6 / (1 + abs(z) ** 2)))


def henon(s):
    return np.array([1 - 1.4 * s[0] ** 2 + s[1], 0.3 * s[0]])


def series(steps: int, seed: int) -> dict[str, tuple]:
    """Series by name: the values, the behaviour, and a known period or exponent a step."""
    rng = np.random.default_rng(seed)
    n, noise, phase = np.arange(steps), rng.normal(size=steps), rng.uniform(0, 6)
    sine = np.sin(2 * np.pi * n / 25.3 + phase)
    second = np.sin(2 * np.pi * n / 25.3 / GOLDEN)
    third = np.sin(2 * np.pi * n / 25.3 / 7**0.5)
    x, near = rng.uniform(0.2, 0.8), 1 + 0.1 * rng.normal()
    flow_lorenz = flow(lorenz, [1, near, 20], 0.05, steps)
    flow_rossler = flow(rossler, [1, near, 0], 0.2, steps)
    of_henon = iterated(henon, np.array([0.1, 0.1 * near]), steps)
    return {
        "sine": (sine, OSCILLATES, 25.3),
        "noisy sine, .1": (sine + 0.1 * noise, OSCILLATES, 25.3),
        "noisy sine, .7": (sine + 0.7 * noise, OSCILLATES, 25.3),
        "logistic map 3.5": (iterated(logistic(3.5), x, steps), OSCILLATES, 4.0),
        "logistic map 3.83": (iterated(logistic(3.83), x, steps), OSCILLATES, 3.0),
        "Van der Pol, 2": (flow(van_der_pol(2), [2, near], 0.15, steps), OSCILLATES, None),
        "Van der Pol, 10": (flow(van_der_pol(10), [2, near], 0.3, steps), OSCILLATES, None),
        "damped": (np.exp(-8 * n / steps) * sine, SETTLES, None),
        "damped, noise": (np.exp(-8 * n / steps) * sine + 0.01 * noise, SETTLES, None),
        "torus": (sine + 0.7 * second, QUASI, None),
        "torus, product": (np.exp(0.8 * sine) * second, QUASI, None),
        "three sines": (sine + 0.7 * second + 0.5 * third, QUASI, None),
        "random walk": (np.cumsum(noise), DRIFTS, None),
        "trend": (0.01 * n + 0.3 * noise, DRIFTS, None),
        "white noise": (noise, NOISE, None),
        "autoregression": (lfilter([1], [1, -0.7], noise), NOISE, None),
        "broad peak": (lfilter([1], [1, -1.84, 0.9025], noise), NOISE, None),
        "logistic map 3.57": (
            iterated(logistic(3.5699456718709), x, steps),
            UNDECIDED,
            None,
        ),
        "logistic map 3.9": (iterated(logistic(3.9), x, steps), CHAOTIC, 0.4945),
        "Henon": (of_henon, CHAOTIC, 0.4192),
        "Henon, noise .02": (of_henon + 0.02 * noise, CHAOTIC, 0.4192),
        "Ikeda": (iterated(ikeda, 0.1 * near + 0.1j, steps), CHAOTIC, 0.507),
        "Lorenz-63": (flow_lorenz, CHAOTIC, 0.05 * 0.9056),
        "Lorenz-63, noise .05": (
            flow_lorenz + 0.05 * flow_lorenz.std() * noise,
            CHAOTIC,
            0.05 * 0.9056,
        ),
        "Rossler": (flow_rossler, CHAOTIC, 0.2 * 0.0714),
        "Rossler, noise .05": (
            flow_rossler + 0.05 * flow_rossler.std() * noise,
            CHAOTIC,
            0.2 * 0.0714,
        ),
        "Duffing, forced": (flow(duffing, [0.1, near], 0.1, steps), CHAOTIC, None),
        "Lorenz-96, 8": (
            flow(lorenz96, 8 + rng.normal(size=8), 0.05, steps, 50),
            CHAOTIC,
            None,
        ),
    }


def judged(name: str, steps: int, seed: int, values, wanted: str, known) -> dict:
    """A row of the table."""
    found = series_behaviour(values)
    outcome = "right" if found.kind == wanted else "wrong"
    if outcome == "wrong" and found.kind == UNDECIDED:
        outcome = "can't tell"
    measured = found.period if wanted == OSCILLATES else None
    if found.exponent is not None and wanted == CHAOTIC:
        measured = found.exponent.exponent
    off = measured / known - 1 if known and measured and outcome == "right" else None
    row = {"series": name, "steps": steps, "seed": seed, "wanted": wanted, "found": found.kind}
    return row | {"outcome": outcome, "why": found.why, "error": off}


def second_order(radius: float):
    """An autoregression with a root of this radius, at half a radian a step."""
    coefficients = [1, -2 * radius * np.cos(0.5), radius**2]
    return lambda steps, rng: lfilter([1], coefficients, rng.normal(size=steps + 1000))[1000:]


LINEAR_NOISE = {
    "AR(1), 0.7": lambda steps, rng: lfilter([1], [1, -0.7], rng.normal(size=steps + 500))[
        500:
    ],
    **{f"AR(2), {radius}": second_order(radius) for radius in (0.8, 0.9, 0.97, 0.99)},
    "exp of AR(2), 0.9": lambda steps, rng: np.exp(
        np.asarray(second_order(0.9)(steps, rng)) / 3
    ),
}
CHAOS = {
    "logistic map 3.9": lambda steps, rng: iterated(
        logistic(3.9), rng.uniform(0.2, 0.8), steps
    ),
    "Henon": lambda steps, rng: iterated(
        henon, np.array([0.1, 0.1 + 0.01 * rng.normal()]), steps
    ),
    "Lorenz-63": lambda steps, rng: flow(lorenz, [1, 1 + 0.1 * rng.normal(), 20], 0.05, steps),
    "Rossler": lambda steps, rng: flow(rossler, [1, 1 + 0.1 * rng.normal(), 0], 0.2, steps),
}


def counted(name: str, make, steps: int, draws: int) -> dict:
    """How many draws of a process the test of linear noise refuses."""
    found = []
    for seed in range(draws):
        values = make(steps, np.random.default_rng(seed))
        found.append(local_prediction(values, embedding_delay(values)))
    return {
        "series": name,
        "steps": steps,
        "draws": draws,
        "nonlinear": sum(one.nonlinear for one in found),
        "surrogates": sum(one.beats_surrogates for one in found),
    }


def count_all(options) -> None:
    """The size and the power of the test of linear noise, printed and stored row by row."""
    cases = [(LINEAR_NOISE, n, options.draws) for n in options.steps or (300, 400, 1000)]
    cases += [(CHAOS, n, options.draws // 4) for n in options.chaos_steps]
    rows = []
    for processes, steps, draws in cases:
        for name, make in processes.items():
            if draws and (not options.only or name in options.only):
                row = counted(name, make, steps, draws)
                rows.append(row)
                text = json.dumps(machine() | {"series": rows}, indent=1)
                options.out.write_text(text + "\n")
                counts = (
                    f"{row['nonlinear']:4} nonlinear{row['surrogates']:4} by surrogates alone"
                )
                print(f"{name:20}{steps:6}{draws:5} draws{counts}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, nargs="+", help="default: 1000 2000 4000")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0, help="for runs in pieces")
    parser.add_argument("--size", action="store_true", help="count the test of linear noise")
    parser.add_argument("--draws", type=int, default=40, help="with --size")
    parser.add_argument("--chaos-steps", type=int, nargs="*", default=[500, 2000])
    parser.add_argument("--only", nargs="+", help="with --size: these processes")
    parser.add_argument("--out", type=Path, help="default: verdicts.json in results")
    options = parser.parse_args()
    name = "verdicts_size.json" if options.size else "verdicts.json"
    options.out = options.out or HERE / "results" / name
    if options.size:
        return count_all(options)
    warnings.simplefilter("ignore")
    rows = []
    for steps in options.steps or (1000, 2000, 4000):
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            for name, (values, wanted, known) in series(steps, seed).items():
                rows.append(judged(name, steps, seed, values, wanted, known))
            text = json.dumps(machine() | {"series": rows}, indent=1)
            options.out.write_text(text + "\n")
    for name in dict.fromkeys(row["series"] for row in rows):
        own = [row for row in rows if row["series"] == name]
        errors = [abs(row["error"]) for row in own if row["error"] is not None]
        counts = [sum(r["outcome"] == o for r in own) for o in ("right", "can't tell", "wrong")]
        off = f"{np.median(errors):.2g}" if errors else ""
        print(f"{name:24}{counts[0]:4} right{counts[1]:4} can't tell{counts[2]:4} wrong  {off}")
    totals = [sum(r["outcome"] == o for r in rows) for o in ("right", "can't tell", "wrong")]
    print(f"{totals[0]} right, {totals[1]} can't tell, {totals[2]} wrong")


if __name__ == "__main__":
    main()
