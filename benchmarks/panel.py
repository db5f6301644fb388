"""A panel forecast as one beside its series forecast one by one, and beside statistical models.

    python benchmarks/panel.py                      # the 22 series of employment_panel.csv
    python benchmarks/panel.py --many 1000          # seconds of 1,000 made series of 120 steps
    python benchmarks/panel.py --many 1000 --jobs 1 # seconds of a processor, of all work
    python benchmarks/panel.py --many 200 --on ray --workers 2    # spread over Ray's workers
    python benchmarks/panel.py --levels             # levels of 1e-3, 1, 1e6, beside each alone
    python benchmarks/panel.py --fresh              # series that were not in the fit

The last fifth of every series is held out; forecasts of 12 steps begin at every origin there.
Errors are RMSE over all origins and lead times, each over that of the best of AutoARIMA,
AutoETS, AutoTheta, the ridge autoregression, seasonal persistence and persistence in hindsight.
"""

import argparse
import json
import os
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from joblib import parallel_config
from machine import machine

import throughtime as tt
from throughtime.forecasting.processes import spread

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
    roles: Any = {"id": "industry", "target": "employed", "time": "month"}
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


def made(seed: int, count: int, steps: int = 120) -> list[np.ndarray]:
    """Series with a season, a walk and noise, at levels over six decades."""
    rng, t, found = np.random.default_rng(seed), np.arange(steps), []
    for _ in range(count):
        season = rng.normal() * np.sin(2 * np.pi * t / 12)
        walk = 0.2 * np.cumsum(rng.normal(size=steps)) + 0.3 * rng.normal(size=steps)
        found.append(10 ** rng.uniform(-2, 4) * (5 + season + walk))
    return found


def as_table(series: dict[str, np.ndarray]) -> pl.DataFrame:
    parts = [pl.DataFrame({"id": k, "t": np.arange(len(y)), "y": y}) for k, y in series.items()]
    return pl.concat(parts)


ROLES: Any = {"id": "id", "target": "y", "time": "t"}


def many(count: int, jobs: int | None, on: str | None, workers: int | None) -> dict:
    """Seconds of a panel of made series, by what is done.

    Those of a processor are of this process alone, so of all work with one job.
    """
    table = as_table({f"s{k}": y for k, y in enumerate(made(0, count))})
    if on == "ray":
        # Its workers else stand back from whatever runs besides, at a niceness of 15.
        os.environ.setdefault("RAY_worker_niceness", "0")
        import ray  # pyright: ignore

        ray.init(num_cpus=workers, logging_level="error", log_to_driver=False)
    laps, model = {}, tt.Forecaster()
    tasks = {
        "fit": lambda: model.fit(table, **ROLES),
        "forecast": lambda: model.predict(STEPS),
        "backtest": lambda: model.backtest(steps=STEPS),
    }
    with spread(on), parallel_config(n_jobs=jobs) if jobs else nullcontext():
        for name, task in tasks.items():
            start, cpu = time.perf_counter(), time.process_time()
            done = task()
            laps[name] = [time.perf_counter() - start, time.process_time() - cpu]
            print(f"{name:<12}{laps[name][0]:8.1f} s{laps[name][1]:8.1f} s", flush=True)
    print(done.table())
    wall, cpu = (sum(lap[i] for lap in laps.values()) for i in (0, 1))
    asked = {"count": count, "jobs": jobs, "on": on, "workers": workers}
    return asked | {"seconds": wall, "processor_seconds": cpu, "laps": laps}


def levels(seeds: int) -> dict:
    """RMSE and coverage of three series in a panel, over those of each alone."""
    rows = []
    for seed in range(seeds):
        rng, t, series = np.random.default_rng(seed), np.arange(144), {}
        for level in (1e-3, 1.0, 1e6):
            noise = 0.3 * rng.normal(size=144) + 0.1 * np.cumsum(rng.normal(size=144))
            series[f"{level:g}"] = level * (10 + 2 * np.sin(2 * np.pi * t / 12) + noise)
        together = tt.Forecaster(seed=seed).fit(as_table(series), **ROLES)
        panel = together.backtest(steps=STEPS).by_series()
        for name, y in series.items():
            alone = tt.Forecaster(seed=seed).fit(y).backtest(steps=STEPS)
            mine, own = errors(panel[name]), errors(alone)
            ratios = {method: mine[method] / own[method] for method in OURS}
            coverage = [
                float(one.scores["combination"].coverage[0]) for one in (panel[name], alone)
            ]
            rows.append({"seed": seed, "level": name, "ratios": ratios, "coverage": coverage})
            shown = "".join(f"{ratio:8.4f}" for ratio in ratios.values())
            print(f"{seed} {name:<8}{shown}  {coverage[0]:.3f} {coverage[1]:.3f}", flush=True)
    return {"series": rows}


def fresh(data: Path, cuts: int) -> dict:
    """Every third series of the employment panel is left out, and forecast after the fit.

    Its error is over that of a panel with it; before 12, 24, ... months of each.
    """
    table = pl.read_csv(data / "suite" / "employment_panel.csv")
    names, rows = table["industry"].unique(maintain_order=True).to_list(), []
    series = {n: table.filter(pl.col("industry") == n)["employed"].to_numpy() for n in names}
    left = names[::3]
    for cut in range(STEPS, (cuts + 1) * STEPS, STEPS):
        known = {name: y[:-cut].astype(float) for name, y in series.items()}
        model = tt.Forecaster().fit(as_table(known), **ROLES)
        together: Any = model.predict(STEPS)
        refit = {one.name: one for one in together}
        kept = {name: y for name, y in known.items() if name not in left}
        model = tt.Forecaster().fit(as_table(kept), **ROLES)
        model.predict(STEPS)
        model.predict(STEPS, as_table({left[0]: known[left[0]]}))  # compiled once
        for name in left:
            new = as_table({name: known[name]})
            wall, cpu = time.perf_counter(), time.process_time()
            found: Any = model.predict(STEPS, new)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            truth = series[name][len(known[name]) :][:STEPS]
            error, other = (
                float(np.sqrt(np.mean((one.mean[:, 0] - truth) ** 2)))
                for one in (found, refit[name])
            )
            inside = (truth >= found.lower[:, 0]) & (truth <= found.upper[:, 0])
            row = {"cut": cut, "series": name, "ratio": error / other}
            row |= {"coverage": float(inside.mean()), "ms": 1e3 * wall, "cpu_ms": 1e3 * cpu}
            rows.append(row)
            print(f"{cut:3} {name:<40}{error / other:8.3f}{1e3 * cpu:8.0f} ms", flush=True)
    logs = np.log([row["ratio"] for row in rows])
    return {
        "rows": rows,
        "mean": float(np.exp(logs.mean())),
        "standard_error": float(logs.std() / np.sqrt(len(logs))),
        "median_ms_of_a_processor": float(np.median([row["cpu_ms"] for row in rows])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--many", type=int, help="so many made series instead")
    parser.add_argument("--jobs", type=int, help="processes; by default one for each core")
    parser.add_argument("--on", help="`ray`")
    parser.add_argument("--workers", type=int, help="cores of Ray")
    parser.add_argument("--levels", action="store_true", help="three levels instead")
    parser.add_argument("--fresh", action="store_true", help="series left out instead")
    parser.add_argument("--seeds", type=int, default=3, help="of `--levels`; cuts of `--fresh`")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of `suite`")
    options = parser.parse_args()
    if options.many:
        found = many(options.many, options.jobs, options.on, options.workers)
        more = [f"jobs_{options.jobs}"] * bool(options.jobs)
        more += [f"{options.on}_{options.workers}"] * bool(options.on)
        name = "_".join(["panel", str(options.many), *more])
        print(f"{found['seconds']:.0f} s, {found['processor_seconds']:.0f} s of a processor")
    elif options.levels:
        found, name = levels(options.seeds), "panel_levels"
    elif options.fresh:
        found, name = fresh(options.data, options.seeds), "panel_fresh"
        print(f"{found['mean']:.3f} +- {found['standard_error']:.3f} of a refit")
    else:
        found, name = employment(options.data), "panel"
        for way in ("panel", "alone"):
            ratios = [row[way] for row in found["series"].values()]
            mean = np.exp(np.mean(np.log(ratios)))
            print(f"{way}: {mean:.3f} of the best model in hindsight, geometric mean")
    text = json.dumps(machine() | found, indent=1)
    (HERE / "results" / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
