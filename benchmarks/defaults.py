"""How the default settings were chosen: variants on earlier stretches of the bundled series.

    python benchmarks/defaults.py [--seeds 2] [--ensemble 3]

Only the first 80 % of each series is used, not the part that `accuracy.py` reports on.
Stretches of 50, 65 and 80 % of a series are split, fitted and backtested as a whole
series would be; the figure is the network's mean RMSE over lead times 1 to 10, over the ridge
autoregression's.
"""

import argparse
import json
import math
import time
from pathlib import Path

from machine import machine

import throughtime as tt

VARIANTS = {
    "default": {},
    "not centred": {"centred": False},
    "residual": {"residual": True},
    "residual, not centred": {"residual": True, "centred": False},
    "last step only": {"washout": 39},
    "16 units": {"hidden": 16},
    "LSTM": {"cell": "lstm"},
    "cosine, 60 epochs": {"schedule": "cosine", "epochs": 60, "patience": None},
    "plateau": {"schedule": "plateau"},
}
SHARES = (0.5, 0.65, 0.8)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--ensemble", type=int, default=3)
    parser.add_argument("--series", default="sunspots,elnino,co2")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    options = parser.parse_args()
    runs = []
    for name in options.series.split(","):
        series = tt.load_dataset(name, fill="linear" if name == "co2" else None)
        for share in SHARES:
            stretch = series[: int(share * len(series))]
            for variant in options.variants:
                for seed in range(options.seeds):
                    runs.append(measure(stretch, variant, seed, options.ensemble))
                    runs[-1] |= {"series": name, "share": share}
                    print(json.dumps(runs[-1]), flush=True)
    table(runs, options.variants)
    path = Path(__file__).parent / "results" / "defaults.json"
    path.write_text(json.dumps({**machine(), "runs": runs}, indent=1) + "\n")
    print(path)


def measure(stretch: tt.Series, variant: str, seed: int, ensemble: int) -> dict:
    """One variant on one stretch."""
    clock = time.perf_counter()
    model = tt.Forecaster(
        core=None, prior=None, seed=seed, ensemble=ensemble, **VARIANTS[variant]
    ).fit(stretch)
    backtest = model.backtest(steps=10)
    return {
        "variant": variant,
        "seed": seed,
        "ratio": ratio(backtest.rmse),
        "ratio_mae": ratio(backtest.mae),
        "seconds": time.perf_counter() - clock,
    }


def ratio(errors: dict) -> float:
    """Of the mean errors of network and ridge autoregression."""
    return float(errors["network"].mean() / errors["ridge autoregression"].mean())


def table(runs: list[dict], variants: list[str]) -> None:
    """The geometric mean over seeds, for each variant and stretch."""
    places = sorted({(run["series"], run["share"]) for run in runs})
    print(f"{'':<24}" + "".join(f"{name[:5]}{share:>6.0%}" for name, share in places))
    for variant in variants:
        cells = []
        for place in places:
            logs = [
                math.log(run["ratio"])
                for run in runs
                if run["variant"] == variant and (run["series"], run["share"]) == place
            ]
            cells.append(f"{math.exp(sum(logs) / len(logs)):>11.2f}")
        print(f"{variant:<24}" + "".join(cells))


if __name__ == "__main__":
    main()
