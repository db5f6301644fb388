"""The 359 weekly series of the M4 competition: 13 weeks, official sMAPE.

    python benchmarks/m4_weekly.py [--validation] [--methods NAME ...] [--workers 2]

sMAPE is the mean over series and steps of 200 |f - y| / (|f| + |y|). Nothing is known of a
series but its values: a method may be told that they are weekly, not where a year begins.
`--validation` forecasts the last 13 weeks of the training file instead, from what is before
them; defaults are chosen on that. Published: ES-RNN, the competition's winner, 7.817;
FFORMA 7.625 (Makridakis, Spiliotis and Assimakopoulos 2020).
"""

import argparse
import csv
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from forecasting import DATA, finite
from machine import cores, machine
from peers import statistical_forecasts

HERE = Path(__file__).parent
STEPS, SEASON = 13, 52


# The methods: each is a function of the values `(time,)` and the steps, and returns the
# forecast `(steps,)`.


def naive(values, steps):
    return np.repeat(values[-1:], steps)


def peer(method, logarithm, values, steps):
    """A linear peer of `forecasting.py`, on the values or on their logarithms."""
    values = np.log(values) if logarithm else values
    season = SEASON if len(values) > 3 * SEASON else 1
    (mean, *_), _ = method(values, np.array([len(values)]), steps, season)
    return np.exp(mean[0]) if logarithm else mean[0]


def of_component(fit, values, steps):
    """A component of the library's forecast, by its `fit(values, seasons, steps)`."""
    component = fit(values, (SEASON,), steps)
    return component.forecast(values, np.array([len(values)]), steps)[0]


def combined(core, prior, values, steps):
    """The library's forecast without a network, as for a table with weekly stamps."""
    from throughtime.models.series_model import SeriesModel
    from throughtime.models.traits import Recipe
    from throughtime.stamps.time_axis import Times

    times = Times(np.datetime64("2000-01-01", "us"), 7 * 86400 * 10**6, len(values), "week")
    times = replace(times, unit="microsecond")
    model = SeriesModel.fit(values, steps, Recipe(core, prior), times=times)
    return model.forecast(model.known(values), np.array([len(values)]), steps)[0]


METHODS = {
    "throughtime, no network": partial(combined, True, True),
    "prior": partial(combined, False, True),
    "core": partial(combined, True, False),
    "naive": naive,
    "autoregression": partial(peer, statistical_forecasts.autoregression, False),
    "direct linear": partial(peer, statistical_forecasts.direct_linear, False),
    "direct linear, logarithms": partial(peer, statistical_forecasts.direct_linear, True),
}


def read(path: Path) -> list[np.ndarray]:
    """A series a row: its name, then its values; shorter rows end in empty cells."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [np.array([float(cell) for cell in row[1:] if cell]) for row in rows]


def smape(truth: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """Of each series, in per cent, from (series, steps)."""
    error = 200 * np.abs(forecast - truth) / (np.abs(forecast) + np.abs(truth))
    return error.mean(axis=1)


def forecasts(name: str, known: list[np.ndarray], workers: int) -> np.ndarray:
    """What a method forecasts for all series, (series, steps)."""
    if workers == 1:
        return np.stack([one(name, values) for values in known])
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        return np.stack(list(pool.map(partial(one, name), known, chunksize=8)))


def one(name: str, values: np.ndarray) -> np.ndarray:
    return METHODS[name](values, STEPS)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--validation", action="store_true", help="in the training file")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--workers", type=int, default=len(cores()), help="processes (cores)")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of `m4_weekly`")
    options = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of the workers
    known = read(options.data / "m4_weekly" / "train.csv")
    if options.validation:
        truth = np.stack([values[-STEPS:] for values in known])
        known = [values[:-STEPS] for values in known]
    else:
        truth = np.stack(read(options.data / "m4_weekly" / "test.csv"))
    out = HERE / "results" / f"forecasting_m4_weekly{'_validation' * options.validation}.json"
    rows = {}
    if out.exists():
        rows = {row["method"]: row for row in json.loads(out.read_text())["rows"]}
    print(f"{'sMAPE of ' + str(len(known)) + ' series':<28}{'mean':>8}{'median':>8}{'s':>8}")
    for name in options.methods:
        clock = time.perf_counter()
        errors = smape(truth, forecasts(name, known, options.workers))
        row = {"method": name, "smape": errors.mean().item()}
        row |= {"median": np.median(errors).item(), "seconds": time.perf_counter() - clock}
        row |= {"workers": options.workers}
        rows[name] = finite(row)
        print(f"{name:<28}{row['smape']:>8.2f}{row['median']:>8.2f}{row['seconds']:>8.1f}")
    out.write_text(json.dumps({**machine(), "rows": list(rows.values())}, indent=1) + "\n")
    print(out)


if __name__ == "__main__":
    main()
