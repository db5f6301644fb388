"""Twelve chaotic flows as equation text, each learned with the defaults of `tt.Surrogate`.

    python benchmarks/equation_flows.py [--flows a,b] [--hidden N] [--out FILE]

The flows are those of `trajectories.py`, whose table has what reservoirpy reaches from 8,000
points of each. Here the text is all that is given. Then twelve free runs of up to eight
Lyapunov times from starts on the attractor that the training never saw; valid: the error over
all variables within .4 standard deviations. The largest exponent of the network, left alone, is
compared with that of the flow; a flow that is driven has none here.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
from chaotic_flows import JUDGED
from machine import machine
from trajectories import LYAPUNOV_TIMES, SHARE, STARTS

import throughtime as tt
from throughtime.dynamics.lyapunov import lyapunov_of_map
from throughtime.dynamics.simulate import solution
from throughtime.dynamics.trained_network import from_surrogate

HERE = Path(__file__).parent
TEXTS = {
    "Rucklidge": "x' = -2 x + 6.7 y - y z; y' = x; z' = -z + y²; x(0) = 1; z(0) = 4.5",
    "Rabinovich-Fabrikant": "x' = y (z - 1 + x²) + γ x; y' = x (3 z + 1 - x²) + γ y;"
    " z' = -2 z (α + x y); γ = 0.87; α = 1.1; x(0) = -1; z(0) = 0.5",
    "Arneodo": "x''' = 5.5 x - 3.5 x' - x'' - x³; x(0) = 0.2; x'(0) = 0.2; x''(0) = -0.75",
    "Sprott's jerk": "x''' + 0.6 x'' + x' + |x| = 1",
    "food chain": "x' = x (1 - x) - a1 x y/(1 + b1 x);"
    " y' = a1 x y/(1 + b1 x) - a2 y z/(1 + b2 y) - d1 y; z' = a2 y z/(1 + b2 y) - d2 z;"
    " a1 = 5; b1 = 3; a2 = 0.1; b2 = 2; d1 = 0.4; d2 = 0.01;"
    " x(0) = 0.76; y(0) = 0.16; z(0) = 9.9",
    "Rossler's hyperchaos": "x' = -y - z; y' = x + 0.25 y + w; z' = 3 + x z;"
    " w' = -0.5 z + 0.05 w; x(0) = -10; y(0) = -6; w(0) = 10",
    "Henon-Heiles": "x'' = -x - 2 x y; y'' = -y - x² + y²; y(0) = -0.25; x'(0) = 0.42",
    "Moore-Spiegel": "x''' = -x'' + 9 x' - x² x' - 5 x; x(0) = 0.1; x'(0) = 0.1",
    "forced pendulum": "θ'' + 0.5 θ' + sin θ = 1.15 cos(2 t/3)",
    "Dadras": "x' = y - 3 x + 2.7 y z; y' = 1.7 y - x z + z; z' = 2 x y - 9 z;"
    " x(0) = 1; y(0) = 1",
    "Lorenz-84": "x' = -y² - z² - a x + a F; y' = x y - b x z - y + G; z' = b x y + x z - z;"
    " a = 0.25; b = 4; F = 8; G = 1; x(0) = 1",
    "Hopfield": "x' = -x + 2 tanh(x) - 1.2 tanh(y);"
    " y' = -y + 1.9 tanh(x) + 1.71 tanh(y) + 1.15 tanh(z);"
    " z' = -z - 4.75 tanh(x) + 1.1 tanh(z); x(0) = 0.1",
}  # fmt: skip


def judged(text: str, exponent: float, hidden: int | None) -> dict:
    """Learn one text, run it free, and compare it with the solution."""
    wall, cpu = time.perf_counter(), time.process_time()
    model = tt.Surrogate(text, hidden=hidden).fit(verbose=False)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    dt, system = model.dt_, model.system_
    steps = min(int(LYAPUNOV_TIMES / exponent / dt), 20_000)
    own = solution(system, 40_000, dt=dt).states
    starts = own[np.linspace(10_000, 40_000, STARTS).astype(int)]
    truth = solution(system, steps, dt=dt, start=starts).states
    spread = own[5000:].std(axis=0)
    errors = np.sqrt(np.square((model.solve(starts, steps) - truth) / spread).mean(axis=-1))
    valid = np.logical_and.accumulate(errors[:, 1:] <= SHARE, axis=1).sum(axis=1)
    row = {"seconds": wall, "processor_seconds": cpu, "dt": dt, "exponent": exponent}
    row |= {"cap": steps * dt * exponent, "valid": (valid * dt * exponent).tolist()}
    if not system.inputs:
        with jax.enable_x64(True):
            # From a start on the attractor: the training's own may lead elsewhere.
            there = model.scaler_.transform(starts[:1])
            dynamics = replace(from_surrogate(model), context=there).dynamics()
            found = lyapunov_of_map(dynamics, exponents=1, steps=100_000)
        row["free_run_exponent"] = float(found.exponents[0])
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--flows", help="names, `a,b`; by default all")
    parser.add_argument("--hidden", type=int, help="units; by default those of the library")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "equation_flows.json")
    options = parser.parse_args()
    measured = json.loads((HERE / "results" / "trajectories.json").read_text())["rows"]
    clean = {row["flow"]: row for row in measured if row["noise"] == 0}
    rows = json.loads(options.out.read_text())["rows"] if options.out.exists() else []
    for name in options.flows.split(",") if options.flows else JUDGED:
        beside = clean[name]
        row = {"flow": name, "text": TEXTS[name]}
        row |= judged(TEXTS[name], beside["exponent"], options.hidden)
        row |= {peer: beside[peer] for peer in ("tutorial", "search")}
        rows = [other for other in rows if other["flow"] != name] + [row]
        medians = {key: round(float(np.median(row[key])), 2)
                   for key in ("valid", "tutorial", "search")}  # fmt: skip
        print(name, medians, f"of {row['cap']:.1f},", f"exponent {row['exponent']:.4f}",
              f"{row.get('free_run_exponent', np.nan):.4f}, {row['processor_seconds']:.1f} s",
              flush=True)  # fmt: skip
        options.out.write_text(json.dumps({"rows": rows, **machine()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
