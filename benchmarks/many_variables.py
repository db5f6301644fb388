"""Flows of five to twenty variables as equation text: units that read few variables, or all.

    python benchmarks/many_variables.py [--flows a,b] [--out FILE]

Each is learned with the defaults, and as small systems are: 500 units that read every variable,
steps of .1. Then 30 solutions from unseen starts over the ranges of the training, 10 units of
time each: how long the error over all variables stays within .4 standard deviations, and the
error after one unit of time. The largest exponent is that of the flow from its own start.
"""

import argparse
import json
import time
from pathlib import Path
from unittest import mock

import numpy as np
from machine import machine

import throughtime as tt
from throughtime.dynamics import equation_surrogate
from throughtime.dynamics.lyapunov import lyapunov_of_system
from throughtime.dynamics.trajectories import sample_trajectories

HERE = Path(__file__).parent
SHARE, TIME, STARTS = 0.4, 10, 30
LORENZ_96 = "x_i' = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + 8; i = 1..%d"
SPRINGS = (
    "x_i'' = x_{i+1} - 2 x_i + x_{i-1} + 0.5 (x_{i+1} - x_i)^3 - 0.5 (x_i - x_{i-1})^3;"
    " x_0 = 0; x_%d = 0; i = 1..%d; x_1(0) = 1"
)
TEXTS = {
    "Lorenz-96, 5": LORENZ_96 % 5,
    "Lorenz-96, 8": LORENZ_96 % 8,
    "Lorenz-96, 12": LORENZ_96 % 12,
    "Lorenz-96, 20": LORENZ_96 % 20,
    "two Lorenz systems": "x' = 10 (y - x); y' = x (28 - z) - y;"
    " z' = x y - 8/3 z + 0.1 (c - z);"
    " a' = 10 (b - a); b' = a (35 - c) - b + 0.5 (y - b); c' = a b - 8/3 c;"
    " x(0) = 1; y(0) = 1; z(0) = 20; a(0) = -1; b(0) = 1; c(0) = 20",
    "two Rössler systems": "x' = -y - z + 0.1 (a - x); y' = x + 0.2 y; z' = 0.2 + z (x - 5.7);"
    " a' = -1.05 b - c + 0.1 (x - a); b' = 1.05 a + 0.2 b; c' = 0.2 + c (a - 5.7);"
    " x(0) = 1; a(0) = -2; b(0) = 1",
    "chain of 4 springs": SPRINGS % (5, 4),
    "chain of 8 springs": SPRINGS % (9, 8),
    "ring of 8 oscillators": "θ_i' = ω_i + K sin(θ_{i+1} - θ_i) + K sin(θ_{i-1} - θ_i);"
    " ω_i = 0.1*i; K = 0.5; i = 1..8",
    "ring of 5 nerves": "v_i' = v_i - v_i^3/3 - w_i + 0.5 + 0.1 (v_{i+1} - 2 v_i + v_{i-1});"
    " w_i' = 0.08 (v_i + 0.7 - 0.8 w_i); i = 1..5; v_1(0) = 1; v_2(0) = -1",
    "5 competitors": "x_i' = r_i x_i (1 - x_i - 1.3 x_{i+1} - 0.6 x_{i-1} - 0.2 x_{i+2});"
    " r_i = 0.8 + 0.1*i; i = 1..5;"
    " x_1(0) = 0.3; x_2(0) = 0.2; x_3(0) = 0.25; x_4(0) = 0.1; x_5(0) = 0.3",
    "Hopfield net of 6": "x_i' = -x_i + 3 tanh(x_{i+1}) - 2 tanh(x_{i-1}) + 1.4 tanh(x_i)"
    " - 2 tanh(x_{i+2}); i = 1..6; x_1(0) = 0.3; x_2(0) = -0.4; x_4(0) = 0.8",
    "two predators, food web": "r' = r (1 - r) - 5 r y/(1 + 3 r) - 2 r w/(1 + 3 r);"
    " y' = 5 r y/(1 + 3 r) - 0.1 y z/(1 + 2 y) - 0.4 y; z' = 0.1 y z/(1 + 2 y) - 0.01 z;"
    " w' = 2 r w/(1 + 3 r) - 0.15 w - 0.05 w v/(1 + w); v' = 0.05 w v/(1 + w) - 0.01 v;"
    " r(0) = 0.7; y(0) = 0.16; z(0) = 9; w(0) = 0.2; v(0) = 3",
}  # fmt: skip


def judged(text: str, **settings) -> dict:
    """Learn a text, solve from unseen starts, and compare with the solution."""
    cpu = time.process_time()
    model = tt.Surrogate(text, **settings).fit(verbose=False)
    row = {"processor_seconds": time.process_time() - cpu, "dt": model.dt_}
    row["units"] = model.hidden_
    steps, seed = round(TIME / model.dt_), model.seed + equation_surrogate.UNSEEN
    unseen = sample_trajectories(model.system_, model.ranges_, STARTS, steps, model.dt_, seed)
    found = model.solve(unseen.states[:, 0], steps)
    errors = np.square((found - unseen.states) / model.scaler_.std).mean(axis=-1) ** 0.5
    valid = np.logical_and.accumulate(errors[:, 1:] <= SHARE, axis=1).sum(axis=1)
    row["valid"] = (valid * model.dt_).tolist()
    row["after_one"] = errors[:, round(1 / model.dt_)].tolist()
    return row


def exponent(text: str) -> float:
    """The largest exponent of the flow."""
    return float(lyapunov_of_system(tt.equations(text), exponents=1).exponents[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--flows", help="names, `a;b`; by default all")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "many_variables.json")
    options = parser.parse_args()
    rows = json.loads(options.out.read_text())["rows"] if options.out.exists() else []
    for name in options.flows.split(";") if options.flows else TEXTS:
        text = TEXTS[name]
        row = {"flow": name, "text": text, "variables": len(tt.equations(text).variables)}
        row |= {"exponent": exponent(text), "few": judged(text)}
        with mock.patch.object(equation_surrogate, "with_local_features", lambda n, *_: n):
            row["all"] = judged(text, hidden=500, dt=0.1)
        rows = [other for other in rows if other["flow"] != name] + [row]
        rows.sort(key=lambda row: [*TEXTS].index(row["flow"]))
        for way in ("all", "few"):
            valid, after = (np.median(row[way][k]) for k in ("valid", "after_one"))
            print(f"{name:24} {way:4} dt {row[way]['dt']:g}: valid {valid:.3g}, {after:.2g}"
                  f" after 1, {row[way]['processor_seconds']:.1f} s,"
                  f" exponent {row['exponent']:.3g}", flush=True)  # fmt: skip
        options.out.write_text(json.dumps({"rows": rows, **machine()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
