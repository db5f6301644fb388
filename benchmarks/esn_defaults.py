"""What `Forecaster(cell="esn")` does by itself over kinds of series, the network alone.

    python benchmarks/esn_defaults.py LABEL [--kinds sine Rossler] [--set hidden=300 leak=.5]

Of each series: the root mean squared error of its backtest over lead times 1 to 10, relative to
that of the ridge autoregression of the library; the level of a free run of 1,000 steps from its
end, in standard deviations of the series; of chaotic ones, the median valid time over 12 starts
in Lyapunov times (until the error first exceeds .4 standard deviations). Seconds are those of
the processor. Results stand in `results/esn_defaults.json` under their label.
"""

import argparse
import ast
import json
import time
import warnings
from pathlib import Path

import numpy as np
from chaotic_flows import TUNING, Flow, measured
from machine import machine
from verdicts import henon, iterated, logistic

import throughtime as tt

HERE = Path(__file__).parent
OUT = HERE / "results" / "esn_defaults.json"
POINTS, STARTS, FREE, LIMIT = 8000, 12, 1000, 0.4
ROSSLER = Flow(
    lambda y: [-y[1] - y[2], y[0] + 0.2 * y[1], 0.2 + y[2] * (y[0] - 5.7)],
    (1.0, 1.0, 0.0),
    5.9,
    "quadratic",
)
FLOWS = {"Rossler": ROSSLER} | {name: TUNING[name] for name in ("Halvorsen", "Sprott B")}
SUITE = "airpassengers nottem lakehuron nile treering unemployment wwwusage".split()


def kinds(suite: Path, cache: Path) -> dict:
    """Functions that make a series and its largest exponent a step, by name."""
    rng = np.random.default_rng(0)
    n, noise = np.arange(2000), rng.normal(size=2000)
    sine = np.sin(2 * np.pi * n / 25.3)
    start = np.array([0.1, 0.1])
    made = {
        "sine": lambda: (sine, None),
        "noisy sine": lambda: (sine + 0.1 * noise, None),
        "damped": lambda: (np.exp(-n / 400) * sine, None),
        "logistic 3.5": lambda: (iterated(logistic(3.5), 0.3, 2000), None),
        "logistic 3.9": lambda: (iterated(logistic(3.9), 0.3, 2000), 0.4945),
        "Henon": lambda: (iterated(henon, start, 2000), 0.4192),
        "random walk": lambda: (np.cumsum(noise), None),
        "autoregression": lambda: (_autoregression(noise), None),
        "sunspots": lambda: ("sunspots", None),
        "elnino": lambda: ("elnino", None),
        "short sine": lambda: (sine[:200], None),
    }

    def flow(name):
        got = measured(name, FLOWS[name], POINTS, cache)
        return got["y"], got["exponent"] * got["dt"]

    made |= {name: lambda name=name: flow(name) for name in FLOWS}
    made |= {name: lambda name=name: (str(suite / f"{name}.csv"), None) for name in SUITE}
    return made


def _autoregression(noise):
    y = np.zeros(len(noise))
    for t in range(1, len(y)):
        y[t] = 0.8 * y[t - 1] + noise[t]
    return y


def measure(series, exponent: float | None, given: dict) -> dict:
    """The figures of one series."""
    clock = time.process_time()
    model = tt.Forecaster(cell="esn", core=None, prior=None, **given)
    model.fit(series, verbose=False)
    seconds = time.process_time() - clock
    test = model.backtest(steps=10)
    seconds_of_all = time.process_time() - clock
    own = model.data_.series[0]
    values, rows = own.targets, len(own)
    found = {"backtest": float(test.rmse["network"].mean())
             / float(test.rmse["ridge autoregression"].mean()),
             "one step": float(np.mean(test.rmse["network"][0] / values.std(0))),
             "seconds": seconds, "with backtest": seconds_of_all}  # fmt: skip
    with np.errstate(all="ignore"):
        run = free_runs(model, np.array([rows]), FREE)[0]
        late = (run[FREE // 2 :] - values.mean(0)) / values.std(0)
    found |= {"level": float(late.mean()), "spread": float(late.std()),
              "largest": float(np.abs(late).max())}  # fmt: skip
    if exponent:
        steps = min(rows // 6, int(12 / exponent))
        first = int(0.8 * rows)
        starts = np.linspace(first, rows - steps, STARTS).astype(int)
        truth = values[starts[:, None] + np.arange(steps)]
        off = (free_runs(model, starts, steps) - truth) / values.std(0)
        off = np.sqrt(np.square(off).mean(axis=2))
        times = np.logical_and.accumulate(off <= LIMIT, axis=1).sum(axis=1) * exponent
        found |= {"valid": float(np.median(times)), "cap": steps * exponent}
    chosen = ("hidden", "radius", "leak", "input_scale", "residual", "centred", "truncated")
    found["settings"] = {name: model.settings_[name] for name in chosen}

    return found


def free_runs(model: tt.Forecaster, starts: np.ndarray, steps: int) -> np.ndarray:
    """Free runs from some rows of the fitted series, without their intervals."""
    data, own = model.data_, model.data_.series[0]
    past = own.measured[starts[:, None] + np.arange(-data.read_before(own), 0)]
    inputs = np.zeros((len(starts), past.shape[1] + steps, 0))
    return model.predictor(1).rollouts(past, inputs, steps, data.scalers[0])


def _value(text: str):
    """A number or a truth value as what it is, and other text as text."""
    try:
        return ast.literal_eval(text)
    except ValueError:
        return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("label")
    parser.add_argument("--kinds", nargs="+")
    parser.add_argument("--set", nargs="+", default=[], help="settings, such as `hidden=300`")
    parser.add_argument("--suite", type=Path, default=HERE.parent / "shared" / "data" / "suite")
    parser.add_argument("--cache", type=Path, default=Path("/tmp/flows"))
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    given = {name: _value(text) for name, text in (pair.split("=") for pair in options.set)}
    made = kinds(options.suite, options.cache)
    results = json.loads(options.out.read_text()) if options.out.exists() else {}
    rows = results.setdefault(options.label, {})
    for name in options.kinds or made:
        series, exponent = made[name]()
        rows[name] = measure(series, exponent, given)
        options.out.write_text(json.dumps(results | machine(), indent=1) + "\n")
        row = rows[name]
        valid = f"{row['valid']:6.2f} of {row['cap']:.1f}" if "valid" in row else ""
        print(f"{name:15}{row['backtest']:8.3f}{row['one step']:10.4f}{row['level']:8.2f}"
              f"{row['spread']:8.2f}{row['largest']:9.2f}{row['seconds']:7.1f} s  {valid}"
              f"  {row['settings']}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
