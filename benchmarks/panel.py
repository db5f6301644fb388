"""A panel forecast as one beside its series forecast one by one, and beside statistical models.

    python benchmarks/panel.py                      # the 22 series of employment_panel.csv
    python benchmarks/panel.py --many 1000          # seconds of 1,000 made series of 120 steps

The last fifth of every series is held out; forecasts of 12 steps begin at every origin there.
Errors are RMSE over all origins and lead times, each over that of the best of AutoARIMA,
AutoETS, AutoTheta, the ridge autoregression, seasonal persistence and persistence in hindsight.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import polars as pl
from machine import machine

import throughtime as tt

HERE = Path(__file__).parent
DATA = Path(os.environ.get("THROUGHTIME_DATA", HERE.parent.parent / "shared" / "data"))
STEPS = 12
OURS = ("combination", "prior", "linear core", "network")


def errors(backtest: tt.Backtest) -> dict[str, float]:
    """The RMSE of each method over all origins and lead times."""
    return {
        name: float(np.sqrt(np.nanmean((made - backtest.truth) ** 2)))
        for name, made in backtest.forecasts.items()
    }


def employment(data: Path) -> dict:
    """The panel as one and series by series."""
    table = pl.read_csv(data / "suite" / "employment_panel.csv")
    roles = {"id": "industry", "target": "employed", "time": "month"}
    start = time.perf_counter()
    model = tt.Forecaster().fit(table, **roles)
    together = model.backtest(steps=STEPS, statistical=True).by_series()
    seconds, rows = time.perf_counter() - start, {}
    for name, backtest in together.items():
        own = table.filter(pl.col("industry") == name).drop("industry")
        alone = tt.Forecaster().fit(own, target="employed", time="month").backtest(steps=STEPS)
        found = errors(backtest)
        best = min(value for key, value in found.items() if key not in OURS and value > 0)
        rows[name] = {
            "panel": found["combination"] / best,
            "alone": errors(alone)["combination"] / best,
            "coverage": float(backtest.scores["combination"].coverage[0]),
            "best": best,
            "errors": found,
        }
        print(f"{name:<40}{rows[name]['panel']:8.3f}{rows[name]['alone']:8.3f}", flush=True)
    return {"series": rows, "seconds": seconds}


def many(count: int) -> dict:
    """Seconds of a panel of made series: a season, a walk, noise, levels over six decades."""
    rng, parts, t = np.random.default_rng(0), [], np.arange(120)
    for k in range(count):
        season = rng.normal() * np.sin(2 * np.pi * t / 12)
        walk = 0.2 * np.cumsum(rng.normal(size=120)) + 0.3 * rng.normal(size=120)
        y = 10 ** rng.uniform(-2, 4) * (5 + season + walk)
        parts.append(pl.DataFrame({"id": [f"s{k}"] * 120, "t": t, "y": y}))
    start, cpu = time.perf_counter(), time.process_time()
    model = tt.Forecaster().fit(pl.concat(parts), id="id", target="y", time="t")
    model.predict(STEPS)
    backtest = model.backtest(steps=STEPS)
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(backtest.table())
    return {"count": count, "seconds": wall, "processor_seconds": cpu}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--many", type=int, help="so many made series instead")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of `suite`")
    options = parser.parse_args()
    if options.many:
        found, name = many(options.many), f"panel_{options.many}.json"
        print(f"{found['seconds']:.0f} s, {found['processor_seconds']:.0f} s of a processor")
    else:
        found, name = employment(options.data), "panel.json"
        for way in ("panel", "alone"):
            ratios = [row[way] for row in found["series"].values()]
            mean = np.exp(np.mean(np.log(ratios)))
            print(f"{way}: {mean:.3f} of the best model in hindsight, geometric mean")
    (HERE / "results" / name).write_text(json.dumps(machine() | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
