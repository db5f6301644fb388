"""Lorenz-63 from noisy data: does the free run have the attractor, the spectrum, the exponent?

    python benchmarks/noisy_lorenz.py [--points 5000 20000] [--noise 0.05] [--seeds 3]

`tt.Surrogate().fit(y, dt=0.01)` with its defaults, from points with white noise, a share of
each variable's standard deviation. A free run of 100,000 steps is compared with a trajectory
without noise from another start: state-space divergence (30 bins an axis), spectrum distance.
`true system` is what a third trajectory of the system has. Published for generalised teacher
forcing, at 5 % noise and 100,000 points: .26 and .09 (Hess et al. 2023).
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from machine import machine
from scipy.integrate import solve_ivp

import throughtime as tt
from throughtime.dynamics.attractor_metrics import spectrum_distance, state_space_divergence

DT, LONG = 0.01, 100_000
STARTS = [1.0, 2.0, 20.0], [-3.0, -5.0, 25.0], [5.0, 5.0, 15.0]


def trajectory(start: list[float], points: int) -> np.ndarray:
    """A solution on the attractor, `(time, 3)`."""

    def slope(t, y):
        a, b, c = y
        return 10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c

    times = 20 + DT * np.arange(points)
    found = solve_ivp(
        slope, (0, times[-1]), start, "DOP853", t_eval=times, rtol=1e-8, atol=1e-8
    )
    return found.y.T


def distances(truth: np.ndarray, run: np.ndarray) -> dict:
    """Both distances."""
    return {
        "divergence": state_space_divergence(truth, run),
        "spectrum": spectrum_distance(truth, run),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=int, nargs="+", default=[5000, 20_000])
    parser.add_argument("--noise", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=3)
    results = Path(__file__).parent / "results" / "noisy_lorenz.json"
    parser.add_argument("--out", type=Path, default=results)
    options = parser.parse_args()
    first, truth, third = (trajectory(s, max(LONG, *options.points)) for s in STARTS)
    truth = truth[:LONG]
    rows = [{"points": "true system"} | distances(truth, third[:LONG])]
    print(f"{'points':>12}{'seed':>6}{'divergence':>12}{'spectrum':>10}", end="")
    print(f"{'exponent':>10}{'cpu s':>8}")
    for points in options.points:
        for seed in range(options.seeds):
            y, rng = first[:points], np.random.default_rng(seed)
            noisy = y + options.noise * y.std(axis=0) * rng.standard_normal(y.shape)
            cpu = time.process_time()
            model = tt.Surrogate(seed=seed).fit(noisy, dt=DT)
            cpu = time.process_time() - cpu
            found = model.measured_.invariants()
            row = {"points": points, "seed": seed, "noise": options.noise}
            row |= distances(truth, model.predict(LONG))
            row |= {"exponent": found.exponent, "error": found.error, "processor_seconds": cpu}
            rows.append(row)
            print(f"{points:12}{seed:6}{row['divergence']:12.3f}{row['spectrum']:10.3f}"
                  f"{found.exponent:10.3f}{cpu:8.1f}", flush=True)  # fmt: skip
            options.out.write_text(json.dumps({"rows": rows, **machine()}, indent=1) + "\n")
    print(f"{'true system':>18}{rows[0]['divergence']:12.3f}{rows[0]['spectrum']:10.3f}")


if __name__ == "__main__":
    main()
