"""Forecasts of 26 measured series by throughtime and by the peers, from the same origins.

    python benchmarks/forecasting.py --peers --peer .venv-peers/bin/python   # once; hours
    python benchmarks/forecasting.py                                         # throughtime
    python benchmarks/forecasting.py --table                                 # no computing

The last fifth of every series is held out. What a method chooses and fits comes from the values
before it; its parameters are then carried forward to 20 equally spaced origins, fewer where the
part is short, each with all its lead times inside the part. RMSE is the root of the mean square
over origins and lead times; MASE and the Winkler score are in units of the mean absolute
seasonal difference before the first origin. Where a method draws random numbers, a measure is
the median over its seeds. Values that were missing are interpolated, and never an origin nor
scored. `--validation` does all this within the first four fifths: defaults are chosen on that.

The peers are installed apart: `pip install statsforecast torch`. Their forecasts are kept in
`results/cache`, a file a series and method; what is there is not computed again. Set
OPENBLAS_NUM_THREADS=1 to compare seconds, which are processor seconds of fit and forecasts.
"""

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from forecasting_tables import show
from machine import machine

HERE = Path(__file__).parent
DATA = Path(os.environ.get("THROUGHTIME_DATA", HERE.parent.parent / "shared" / "data"))
BUNDLED = HERE.parent / "src" / "throughtime" / "data" / "bundled"
CACHE = HERE / "results" / "cache"
ORIGINS, LEVEL, SEEDS = 20, 0.9, 3

KINDS = {  # lead times, season, unit of the stamps, units in a step
    "yearly": (10, 1, "", 1),
    "quarterly": (8, 4, "M", 3),
    "monthly": (12, 12, "M", 1),
    "weekly": (13, 52, "D", 7),
    "daily": (14, 7, "D", 1),
    "hourly": (24, 24, "m", 60),
    "half-hourly": (48, 48, "m", 30),
    "counted": (10, 1, "", 1),
}
SUITE = {
    "yearly": "lakehuron nhtemp nile treering",
    "quarterly": "austres johnsonjohnson ukgas",
    "monthly": "airpassengers lungdeaths manaus nottem unemployment usaccdeaths",
    "daily": "seattle_daily",
    "hourly": "seattle_hourly",
    "half-hourly": "sea_surface",
    "counted": "bjsales wwwusage",
}
COLUMNS = {"seattle_daily": "temp_max", "seattle_hourly": "temp"}
"""The column that is forecast, where a file has several; else the last."""
SECTORS = 4
"""Sectors of `employment_panel.csv`: the first in alphabetical order."""
OF_PACKAGE = {"co2": "weekly", "elnino": "monthly", "laser": "counted", "sunspots": "yearly"}

Method = Callable[..., dict[str, np.ndarray]]

STATISTICAL = (
    *("naive", "seasonal naive", "AutoARIMA", "AutoETS", "AutoTheta"),
    *("autoregression", "direct linear"),
)
PEERS = (*STATISTICAL, "LSTM")


# The methods of the library. Each is a function of the values and the time axis, the end of
# what it may choose and fit from, the origins, the steps and a seed; it returns `mean`, `lower`
# and `upper`, each (origin, steps). `upper` and `lower` may be left out.


def default(values, times, train_end, origins, steps, seed) -> dict[str, np.ndarray]:
    """The forecast that a user gets: linear core, recurrent prior and networks, weighed."""
    import throughtime as tt

    series = as_series(values, times)
    window = min(40, train_end * 2 // 5)
    model = tt.Forecaster(seed=seed, test=0.0, window=window).fit(series[:train_end])
    predictor = model.predictor(steps)
    found, around = predictor.from_origins(series, origins, steps, refit=True)
    lower, upper = around.at(LEVEL)
    mean = found["combination"]
    return {"mean": mean[..., 0], "lower": lower[..., 0], "upper": upper[..., 0]}


def without_network(recipe: dict[str, bool]) -> Method:
    """The combination of the core, of the prior or of both, without a network."""

    def method(values, times, train_end, origins, steps, seed):
        from throughtime.models.series_model import SeriesModel
        from throughtime.models.traits import Recipe

        known = values[:train_end]
        model = SeriesModel.fit(known, steps, Recipe(**recipe), times=times[:train_end])
        mean = model.forecast(values, origins, steps)
        around = model.intervals(values, origins, mean, [LEVEL], adapted=True)
        lower, upper = around.at(LEVEL)
        return {"mean": mean, "lower": lower, "upper": upper}

    return method


def as_series(values, times):
    import throughtime as tt

    return tt.Series(values[:, None], ("value",), np.zeros((len(values), 0)), (), times)


def plain(values, times, train_end, origins, steps, seed) -> dict[str, np.ndarray]:
    """The network alone, as in the lecture; a shorter window where 40 steps do not fit."""
    import throughtime as tt

    series = as_series(values, times)[:train_end]
    window = min(40, train_end * 2 // 5)
    model = tt.Forecaster(seed=seed, test=0.0, window=window, core=None, prior=None)
    model.fit(series)
    contexts = values[origins[:, None] + np.arange(-window, 0), None]
    predictor = model.predictor(steps)
    inputs = np.zeros((len(origins), window + steps, 0))
    scaler = predictor.data.scalers[0]
    mean = predictor.rollouts(contexts, inputs, steps, scaler)[..., 0]
    margins = (scaler.std * predictor.margins("network", steps, [LEVEL])[0])[:, 0]
    return {"mean": mean, "lower": mean - margins, "upper": mean + margins}


def prior(values, times, train_end, origins, steps, seed) -> dict[str, np.ndarray]:
    """The recurrent prior alone, as shipped."""
    from throughtime.models.prior import QUANTILES, Prior
    from throughtime.models.seasonality import find_seasons

    model = Prior(find_seasons(values[:train_end], times[:train_end]))
    found = model.quantiles(values, origins, steps)
    quantiles = {"mean": 0.5, "lower": 0.05, "upper": 0.95}
    return {key: found[..., QUANTILES.index(q)] for key, q in quantiles.items()}


def component(module: str, fit: str) -> Method:
    """A model of `throughtime.forecasting` alone, by the name of the function that fits it."""

    def method(values, times, train_end, origins, steps, seed):
        from throughtime.models.seasonality import find_seasons

        known = values[:train_end]
        found = getattr(import_module(f"throughtime.forecasting.{module}"), fit)
        model = found(known, find_seasons(known, times[:train_end]), steps)
        return {"mean": model.forecast(values, origins, steps)}

    return method


METHODS: dict[str, Method] = {
    "throughtime": default,
    "throughtime, no network": without_network({}),
    "core": without_network({"prior": False}),
    "prior": prior,
    "throughtime --plain": plain,
}
PARTS: dict[str, Method] = {
    "core: autoregression": component("autoregression", "fit_autoregression"),
    "core: differenced": component("autoregression", "fit_differenced_autoregression"),
    "core: direct linear": component("direct_linear", "fit_direct_linear"),
    "prior, transformed": without_network({"core": False}),
}
"""Computed if `--methods` names them."""

FIXED = {"throughtime, no network", "core", "prior", *PARTS}
"""Methods that draw no random numbers: one seed is enough."""


@dataclass(frozen=True)
class Problem:
    """One series with the origins from which it is forecast."""

    name: str
    kind: str
    stamps: np.ndarray
    values: np.ndarray
    measured: np.ndarray
    origins: np.ndarray
    steps: int

    @classmethod
    def of(cls, name, kind, stamps, values, validation: bool) -> "Problem":
        """The last fifth is forecast; or, for `validation`, that of the first four fifths."""
        end = len(values)
        steps, *_ = KINDS[kind]
        if kind == "yearly" and end - 4 * end // 5 < 2 * steps:
            steps = 6
        if validation:
            end = 4 * end // 5
        stamps, values = stamps[:end], values[:end]
        measured = ~np.isnan(values)
        rows = np.arange(end)
        filled = np.interp(rows, rows[measured], values[measured])
        possible = [o for o in range(4 * end // 5, end - steps + 1) if measured[o - 1]]
        some = np.unique(np.linspace(0, len(possible) - 1, ORIGINS).round().astype(int))
        return cls(name, kind, stamps, filled, measured, np.array(possible)[some], steps)

    @property
    def season(self) -> int:
        return KINDS[self.kind][1]

    @property
    def train_end(self) -> int:
        return int(self.origins[0])

    def times(self):
        """The time axis as the library has it."""
        from throughtime.stamps.time_axis import Times

        if self.kind == "counted":
            return Times.count(len(self.values))
        stamps = self.stamps if self.kind == "yearly" else self.stamps.astype("M8[us]")
        return Times.from_stamps(stamps, "time")

    def scores(self, mean, lower, upper) -> dict[str, float | list[float]]:
        """The measures; medians over seeds where `mean` is (seed, origin, steps)."""
        ahead = self.origins[:, None] + np.arange(self.steps)
        truth, known = self.values[ahead], self.measured[ahead]
        past = self.values[: self.train_end]
        scale = np.mean(np.abs(past[self.season :] - past[: -self.season]))

        def average(errors):  # (seed, origin, steps) to (seed,)
            errors = np.broadcast_to(errors, (*errors.shape[:-2], *truth.shape))
            return np.atleast_1d(np.mean(errors, axis=(-2, -1), where=known))

        misses = np.maximum(lower - truth, 0) + np.maximum(truth - upper, 0)
        winkler = average(upper - lower + 2 / (1 - LEVEL) * misses) / scale
        inside = np.where(np.isnan(lower), np.nan, (lower <= truth) & (truth <= upper))
        rmse, mae = np.sqrt(average((mean - truth) ** 2)), average(np.abs(mean - truth))
        measures = {"rmse": rmse, "mae": mae, "mase": mae / scale, "winkler": winkler}
        measures["coverage"] = average(inside)
        found = {name: float(np.median(by_seed)) for name, by_seed in measures.items()}
        return found | ({"rmse_of_seeds": rmse.tolist()} if len(rmse) > 1 else {})


def problems(validation: bool, data: Path) -> list[Problem]:
    """All series, shortest first."""
    suite, found = data / "suite", []
    for kind, names in SUITE.items():
        for name in names.split():
            table = read(suite / f"{name}.csv")
            found.append((name, kind, *on_grid(table, COLUMNS.get(name), kind)))
    panel = read(suite / "employment_panel.csv")
    for sector in sorted({row["industry"] for row in panel})[:SECTORS]:
        rows = [row for row in panel if row["industry"] == sector]
        found.append((f"employment_{sector}", "monthly", *on_grid(rows, "employed", "monthly")))
    for name, kind in OF_PACKAGE.items():
        found.append((name, kind, *on_grid(read(BUNDLED / f"{name}.csv"), None, kind)))
    return [Problem.of(*one, validation) for one in sorted(found, key=lambda s: len(s[3]))]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def on_grid(table: list[dict[str, str]], column: str | None, kind: str):
    """Stamps without gaps, and the values there: NaN for none, the first of several."""
    _, _, unit, step = KINDS[kind]
    time_column, *_, last = table[0]
    text = [row[time_column] for row in table]
    stamps = np.array(text, f"M8[{unit}]") if unit else np.array(text, int)
    places, rows = np.unique((stamps - stamps[0]).astype(int), return_index=True)
    if (places % step).any():
        raise SystemExit(f"{kind} stamps expected in `{time_column}`")
    values = np.full(places[-1] // step + 1, np.nan)
    values[places // step] = [float(table[row][column or last] or "nan") for row in rows]
    return stamps[0] + step * np.arange(len(values)), values


def run_peers(asked: list[Problem], split: Path, methods: list[str], python: str) -> None:
    """Compute what is not kept yet, all series in one process for each program."""
    for problem in asked:
        write_job(problem, split / problem.name)
    for program, able in (("statistical_forecasts", STATISTICAL), ("lstm_forecast", ("LSTM",))):
        if names := [m for m in methods if m in able]:
            folders = [(split / problem.name).resolve() for problem in asked]
            command = [python, "-m", f"peers.{program}", ",".join(names), *folders]
            subprocess.run(command, cwd=HERE, check=True)


def write_job(problem: Problem, folder: Path) -> None:
    """What a peer is told; forecasts of another job are removed."""
    job = {key: getattr(problem, key) for key in ("values", "origins", "steps", "season")}
    path = folder / "job.npz"
    if path.exists():
        before = np.load(path)
        if all(np.array_equal(before[key], value) for key, value in job.items()):
            return
        for stale in folder.glob("*.npz"):
            stale.unlink()
    np.savez_compressed(path, **job)


def run_library(problem: Problem, folder: Path, name: str, seeds: int) -> None:
    """Forecast with a method of the library, and keep the forecasts as the peers' are kept."""
    from peers.statistical_forecasts import save

    asked = problem.values, problem.times(), problem.train_end, problem.origins, problem.steps
    wall, cpu = time.perf_counter(), time.process_time()
    count = 1 if name in FIXED else seeds
    found = [(METHODS | PARTS)[name](*asked, seed) for seed in range(count)]
    seconds = [(time.perf_counter() - wall) / count, (time.process_time() - cpu) / count]
    nothing = np.full_like(found[0]["mean"], np.nan)
    parts = [[f.get(k, nothing) for f in found] for k in ("mean", "lower", "upper")]
    save(folder / f"{name}.npz", *map(np.stack, parts), "", *seconds)
    print(f"{problem.name:<24}{name:<24}{seconds[1]:>8.1f} s", flush=True)


def scored(asked: list[Problem], folder: Path, out: Path) -> list[dict]:
    """A row for each series and method that is kept, and the other rows of `out`."""
    rows = {}
    if out.exists():
        before = json.loads(out.read_text())["rows"]
        rows = {(row["series"], row["method"]): row for row in before}
    for problem in asked:
        about = {"kind": problem.kind, "rows": len(problem.values), "steps": problem.steps}
        about |= {"season": problem.season, "origins": len(problem.origins)}
        for method in (*PEERS, *METHODS, *PARTS):
            path = folder / problem.name / f"{method}.npz"
            if path.exists():
                kept = np.load(path)
                measures = problem.scores(*(kept[k] for k in ("mean", "lower", "upper")))
                measures |= {"seconds": float(kept["cpu"]), "wall_seconds": float(kept["wall"])}
                row = {"series": problem.name, "method": method, **about, **measures}
                rows[problem.name, method] = row | {"note": str(kept["note"])}
    partial = out.with_suffix(f".{os.getpid()}.part")
    text = [json.dumps(finite(row)) for row in rows.values()]
    head = json.dumps(machine(), indent=1)[:-2]
    partial.write_text(head + ',\n "rows": [\n  ' + ",\n  ".join(text) + "\n ]\n}\n")
    partial.replace(out)
    return list(rows.values())


def finite(row: dict) -> dict:
    """Six digits of every number, and None for NaN and infinity, which JSON does not have."""
    return {
        key: (float(f"{v:.6g}") if math.isfinite(v) else None) if isinstance(v, float) else v
        for key, v in row.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--validation", action="store_true", help="within the first four fifths"
    )
    parser.add_argument("--peers", action="store_true", help="compute the peers instead")
    parser.add_argument("--peer", default=sys.executable, help="a Python with the peers")
    parser.add_argument("--table", action="store_true", help="compute nothing")
    parser.add_argument("--full", action="store_true", help="a line a series and method too")
    parser.add_argument("--series", nargs="+", metavar="NAME", help="these only")
    parser.add_argument("--methods", nargs="+", metavar="NAME", help="these only")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"of throughtime ({SEEDS})")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of `suite`")
    options = parser.parse_args()
    split = "validation" if options.validation else "final"
    out = (
        HERE
        / "results"
        / ("forecasting_validation.json" if options.validation else "forecasting.json")
    )
    every = problems(options.validation, options.data)
    asked = [p for p in every if not options.series or p.name in options.series]
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    methods = options.methods or (PEERS if options.peers else METHODS)
    for problem in asked:
        (CACHE / split / problem.name).mkdir(parents=True, exist_ok=True)
    if options.peers:
        run_peers(asked, CACHE / split, methods, options.peer)
    elif not options.table:
        for problem in asked:
            for name in methods:
                run_library(problem, CACHE / split / problem.name, name, options.seeds)
    show(scored(every, CACHE / split, out), [*METHODS, *PARTS], PEERS, options.full)


if __name__ == "__main__":
    main()
