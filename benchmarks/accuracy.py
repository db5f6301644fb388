"""The default settings on the bundled series, beside the baselines, for several seeds.

    python benchmarks/accuracy.py [--seeds 5]

The last fifth of each series is held out; docs/forecasting.md says what was seen of it before.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from machine import machine

import throughtime as tt

STEPS = 10


def measure(name: str, seed: int) -> dict:
    """Errors of one network and of the baselines, averaged over lead times 1 to 10."""
    clock = time.perf_counter()
    series = tt.load_dataset(name, fill="linear" if name == "co2" else None)
    backtest = tt.Forecaster(core=None, prior=None, seed=seed).fit(series).backtest(steps=STEPS)
    return {
        "series": name,
        "seed": seed,
        "rmse": {method: float(v.mean()) for method, v in backtest.rmse.items()},
        "mae": {method: float(v.mean()) for method, v in backtest.mae.items()},
        "nmse_one_step": {method: float(backtest.nmse(method)[0]) for method in backtest.rmse},
        "coverage": backtest.mean_coverage(),
        "seconds": time.perf_counter() - clock,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--series", default="sunspots,elnino,co2,laser")
    options = parser.parse_args()
    rows = []
    for name in options.series.split(","):
        for seed in range(options.seeds):
            rows.append(measure(name, seed))
            print(json.dumps(rows[-1]), flush=True)
        show([row for row in rows if row["series"] == name])
    path = Path(__file__).parent / "results" / "accuracy.json"
    path.write_text(json.dumps({**machine(), "steps": STEPS, "runs": rows}, indent=2) + "\n")
    print(path)


def show(rows: list[dict]) -> None:
    """Median and range over the seeds."""
    print(f"\n{rows[0]['series']}: mean over lead times 1 to {STEPS}, and one-step NMSE")
    for method in rows[0]["rmse"]:
        cells = []
        for measure in ("rmse", "mae", "nmse_one_step"):
            values = [row[measure][method] for row in rows]
            spread = f" ({min(values):.4g} to {max(values):.4g})" if np.ptp(values) else ""
            cells.append(f"{measure} {np.median(values):.4g}{spread}")
        print(f"  {method:<22}" + "   ".join(cells))
    print()


if __name__ == "__main__":
    main()
