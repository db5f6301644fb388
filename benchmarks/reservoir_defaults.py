"""What `EchoStateNetwork` and `NextGeneration` do over kinds of series without settings.

    python benchmarks/reservoir_defaults.py [--kinds sine Henon] [--out FILE]

Beside each other: the defaults of the classes alone (`fixed`: a `ReservoirDesign` of 300 units;
two delays, order 2; both with penalties by generalised cross-validation), and settings that are
searched (`EchoStateNetwork.for_series`, `NextGeneration.fit`). Of each: the root mean squared
error over lead times 1 to 10 in the last fifth, in standard deviations; how far out a free run
of 1,000 steps goes; of chaotic series the median valid time over 12 starts in Lyapunov times;
seconds of the processor for the fit. Networks with inputs are judged with these alone.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from chaotic_flows import measured
from esn_defaults import FLOWS, HERE, kinds
from machine import machine

import throughtime as tt
from throughtime.data.datasets import named_dataset
from throughtime.data.loading import to_series
from throughtime.reservoir.echo_state_fitting import Training

OUT = HERE / "results" / "reservoir_defaults.json"
POINTS, STARTS, FREE, LIMIT, LEADS = 4000, 12, 1000, 0.4, 10
LEFT_OUT = ("treering", "elnino")


def driven(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """A system that an input drives: its output, and that input."""
    rng, steps = np.random.default_rng(1), 3000
    if kind == "NARMA10":
        u, y = rng.uniform(0, 0.5, steps), np.zeros(steps)
        for t in range(10, steps):
            y[t] = 0.3 * y[t - 1] + 0.05 * y[t - 1] * y[t - 10 : t].sum()
            y[t] += 1.5 * u[t - 1] * u[t - 10] + 0.1
        return y[10:, None], u[9:-1, None]
    y, u, state = np.zeros(steps), np.zeros(steps), np.array([0.5, 0.0])
    drive = np.convolve(rng.normal(size=steps + 40), np.ones(40) / 6, "same")[:steps]
    for t in range(steps):
        for _ in range(10):
            push = -0.3 * state[1] + state[0] - state[0] ** 3 + drive[t]
            state = state + 0.02 * np.array([state[1], push])
        y[t], u[t] = state[0], drive[t]
    return y[:, None], u[:, None]


def fits(series: np.ndarray, inputs: np.ndarray | None) -> dict:
    """Functions that fit each model, by name."""
    columns = 0 if inputs is None else inputs.shape[1]
    design = tt.ReservoirDesign(300, columns, series.shape[1])
    washout = Training(washout=min(100, len(series) // 5))
    found: dict[str, Callable[[], Any]] = {
        "echo state, fixed": lambda: tt.EchoStateNetwork.fit(
            design.draw(0), series, inputs, training=washout
        ),
        "echo state, searched": lambda: tt.EchoStateNetwork.for_series(series, inputs),
    }
    if inputs is None:
        fixed = {"delays": 2, "spacing": 1, "order": 2}
        found["polynomial, fixed"] = lambda: tt.NextGeneration.fit(series, **fixed)
        found["polynomial, searched"] = lambda: tt.NextGeneration.fit(series)
    return found


def run_from(model, y, x, row: int, steps: int) -> np.ndarray:
    """A free run from a row of the series."""
    if isinstance(model, tt.NextGeneration):
        return model.generate(steps, y[:row])
    _, memory = model.predict(y[:row], None if x is None else x[:row])
    return model.generate(steps, memory, None if x is None else x[row : row + steps])


def judged(model, y, x, end: int, exponent: float | None) -> dict:
    """The figures of one model on the last part of a series."""
    scale = y[:end].std(axis=0)
    rows = np.unique(np.linspace(end, len(y) - LEADS, 40).astype(int))
    with np.errstate(all="ignore"):
        errors = [(run_from(model, y, x, r, LEADS) - y[r : r + LEADS]) / scale for r in rows]
        error = np.sqrt(np.square(errors).mean())
        found = {"error": float(error)}
        if x is None:
            run = (run_from(model, y, x, len(y), FREE) - y.mean(axis=0)) / scale
            reach = np.abs(y - y.mean(axis=0)).max() / scale.max()
            found["reach"] = float(np.abs(run).max() / reach)
            found["spread"] = float(run[FREE // 2 :].std())
        if exponent:
            steps = min((len(y) - end) // 2, int(12 / exponent))
            times = []
            for r in np.linspace(end, len(y) - steps, STARTS).astype(int):
                off = (run_from(model, y, x, r, steps) - y[r : r + steps]) / scale
                size = np.sqrt(np.square(off).mean(axis=1))
                times.append(np.logical_and.accumulate(size <= LIMIT).sum() * exponent)
            found |= {"valid": float(np.median(times)), "cap": steps * exponent}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kinds", nargs="+")
    parser.add_argument("--suite", type=Path, default=HERE.parent / "shared" / "data" / "suite")
    parser.add_argument("--cache", type=Path, default=Path("/tmp/flows"))
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    made = {k: v for k, v in kinds(options.suite, options.cache).items() if k not in LEFT_OUT}
    names = options.kinds or [*made, "NARMA10", "Duffing, driven"]
    rows = json.loads(options.out.read_text())["rows"] if options.out.exists() else {}
    for name in names:
        inputs, exponent = None, None
        if name in made and name in FLOWS:
            got = measured(name, FLOWS[name], POINTS, options.cache)
            y, exponent = got["y"], got["exponent"] * got["dt"]
        elif name in made:
            y, exponent = made[name]()
            if isinstance(y, str):
                y = to_series(named_dataset(y))[0].targets
            y = np.asarray(y, float).reshape(len(y), -1)
        else:
            y, inputs = driven(name)
        end = int(0.8 * len(y))
        x = None if inputs is None else inputs[:end]
        rows[name] = {}
        for label, fit in fits(y[:end], x).items():
            clock = time.process_time()
            model = fit()
            seconds = time.process_time() - clock
            row = judged(model, y, inputs, end, exponent) | {"seconds": seconds}
            rows[name][label] = row
            text = "  ".join(f"{k} {v:.4g}" for k, v in row.items())
            print(f"{name:16}{label:22}{text}", flush=True)
        options.out.write_text(json.dumps({"rows": rows} | machine(), indent=1) + "\n")


if __name__ == "__main__":
    main()
