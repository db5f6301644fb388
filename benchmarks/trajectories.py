"""Measured trajectories to a model: twelve chaotic flows, beside reservoirpy.

    python benchmarks/trajectories.py [--flows judged] [--noise 0 0.02] [--out FILE]
    python benchmarks/trajectories.py --peer PYTHON     # with a Python that has reservoirpy

From 8,000 points of a flow, 50 a period, `tt.Surrogate().fit(y, dt=dt)` with its defaults.
Then, after the end of these, twelve free runs of up to eight Lyapunov times, each from 500
points that come before it. Valid: the error over all variables within .4 standard deviations.
The largest exponent of the model is compared with that of the flow. With noise, data and past
are noisy, the truth is not; `clean past` are free runs of the same model from points without
noise.

reservoirpy 0.4 runs the same data: with the settings of its tutorial on chaotic forecasting
(500 units, leak .3, radius 1.25, ridge 1e-8, connectivity .1), and with a random search over
these, 200 to 800 units and the readout of the input besides, judged by the same valid time on
the last quarter of the data, twelve starts. The search has as many seconds of the processor as
ours took on clean data, and one thread, like ours; `tried` says how many settings that are.
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np

POINTS, TOTAL, PAST, STARTS, LYAPUNOV_TIMES, SHARE = 8000, 20_000, 500, 12, 8, 0.4
HERE = Path(__file__).parent
FLOWS = Path("/tmp/flows")


def steps_to_judge(flow: dict) -> int:
    """Steps of a free run: eight Lyapunov times, as far as the data go."""
    return min(int(LYAPUNOV_TIMES / flow["exponent"] / flow["dt"]), 4000)


def starts(steps: int) -> np.ndarray:
    """The rows at which free runs begin."""
    return np.linspace(POINTS + PAST, TOTAL - steps, STARTS).astype(int)


def valid(truth: np.ndarray, run: np.ndarray, spread: np.ndarray) -> int:
    """Steps until the error first exceeds .4 standard deviations."""
    with np.errstate(over="ignore", invalid="ignore"):
        errors = np.sqrt(np.square((run - truth) / spread).mean(axis=1))
    return int(np.logical_and.accumulate(errors <= SHARE).sum())


def noisy(y: np.ndarray, noise: float) -> np.ndarray:
    """The data with white noise, as a share of each variable's standard deviation."""
    rng = np.random.default_rng(1)
    return y + noise * y[:POINTS].std(axis=0) * rng.standard_normal(y.shape)


def judged(flow: dict, data: np.ndarray, run_from) -> list[float]:
    """Valid times in Lyapunov times; `run_from(past, steps)` goes on from a past."""
    y, steps, spread = flow["y"], steps_to_judge(flow), flow["y"][:POINTS].std(axis=0)
    unit = flow["dt"] * flow["exponent"]
    return [
        unit * valid(y[row : row + steps], run_from(data[row - PAST : row], steps), spread)
        for row in starts(steps)
    ]


def ours(flow: dict, noise: float, seed: int) -> dict:
    """The library with its defaults."""
    import throughtime as tt

    data = noisy(flow["y"], noise)
    wall, cpu = time.perf_counter(), time.process_time()
    model = tt.Surrogate(seed=seed).fit(data[:POINTS], dt=flow["dt"])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    found = model.measured_.invariants()

    def run_from(past, steps):
        return model.predict(steps, past)

    row = {
        "seconds": wall,
        "processor_seconds": cpu,
        "settings": vars(model.measured_.model.settings),
        "valid": judged(flow, data, run_from),
        "free_run_exponent": found.exponent,
        "divergence": found.divergence,
        "own_divergence": found.own_divergence,
        "spectrum": found.spectrum,
        "bounded": found.bounded,
    }
    if noise:
        row["clean_past"] = judged(flow, flow["y"], run_from)
    return row


def peers(flow: dict, noise: float, seconds: float) -> dict:
    """reservoirpy: its tutorial's settings, and a search."""
    from reservoirpy.nodes import Reservoir, Ridge  # pyright: ignore[reportMissingImports]

    data = noisy(flow["y"], noise)
    mean, scale = data[:POINTS].mean(axis=0), data[:POINTS].std(axis=0)
    z = (data - mean) / scale

    def fitted(settings: dict, end: int):
        reservoir = Reservoir(settings["units"], lr=settings["lr"], sr=settings["sr"], seed=1,
                              input_scaling=settings["input_scaling"],
                              input_connectivity=0.1, rc_connectivity=0.1)  # fmt: skip
        readout, direct = Ridge(ridge=settings["ridge"]), settings["direct"]

        def read(states, values):
            return np.concatenate([states, values], axis=-1) if direct else states

        states = reservoir.run(z[: end - 1])
        readout.fit(read(states, z[: end - 1]), z[1:end], warmup=100)

        def run_from(past, steps):
            reservoir.reset()
            y = readout.run(read(reservoir.run(past), past))[-1]
            found = np.empty((steps, len(y)))
            for t in range(steps):
                found[t] = y
                y = readout(read(reservoir(y), y))
            return found

        return run_from

    def in_units(run_from):
        return lambda past, steps: run_from((past - mean) / scale, steps) * scale + mean

    tutorial = {"lr": 0.3, "sr": 1.25, "ridge": 1e-8, "input_scaling": 1.0}
    tutorial |= {"units": 500, "direct": False}
    row = {"tutorial": judged(flow, data, in_units(fitted(tutorial, POINTS)))}
    end, horizon = POINTS * 3 // 4, 600
    rng, begun, best, tried = np.random.default_rng(0), time.process_time(), (-1.0, tutorial), 0
    while time.process_time() - begun < seconds:
        settings = tutorial if not tried else {
            "lr": float(10 ** rng.uniform(-1, 0)), "sr": float(10 ** rng.uniform(-1, 0.2)),
            "ridge": float(10 ** rng.uniform(-10, -2)),
            "input_scaling": float(10 ** rng.uniform(-1, 0.5)),
            "units": int(rng.integers(200, 801)), "direct": bool(rng.random() < 0.5),
        }  # fmt: skip
        run_from = fitted(settings, end)
        rows = np.linspace(end, POINTS - horizon, STARTS).astype(int)
        score = np.mean([
            valid(z[r : r + horizon], run_from(z[r - PAST : r], horizon), np.ones(z.shape[1]))
            for r in rows
        ])  # fmt: skip
        best, tried = max(best, (float(score), settings), key=lambda pair: pair[0]), tried + 1
    row["search"] = judged(flow, data, in_units(fitted(best[1], POINTS)))
    return row | {"tried": tried, "found": best[1]}


def table(rows: list[dict]) -> None:
    """Medians of the valid times, flow by flow."""
    print(f"{'flow':22}{'noise':>6}{'ours':>7}{'clean':>7}{'tutorial':>9}{'search':>8}"
          f"{'cap':>6}{'exponent':>10}{'of flow':>9}{'cpu s':>7}{'tried':>6}")  # fmt: skip
    for row in rows:

        def middle(name, row=row):
            return f"{np.median(row[name]):.2f}" if name in row else "-"

        print(f"{row['flow']:22}{row['noise']:6.2f}{middle('valid'):>7}"
              f"{middle('clean_past'):>7}{middle('tutorial'):>9}{middle('search'):>8}"
              f"{row['cap']:6.1f}{row['free_run_exponent']:10.4f}{row['exponent']:9.4f}"
              f"{row['processor_seconds']:7.1f}{row.get('tried', '-'):>6}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--flows", default="judged", help="judged, tuning, or names: `a,b`")
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.02])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="ours again, the peers as saved")
    parser.add_argument("--peer", type=Path, help="a Python that has reservoirpy")
    parser.add_argument(
        "--folder", type=Path, default=FLOWS, help="where trajectories are kept"
    )
    parser.add_argument("--out", type=Path, default=HERE / "results" / "trajectories.json")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:  # in the peer's Python
        name, noise, seconds = json.loads(options.one)
        stored = np.load(options.folder / f"{name.replace(' ', '-')}-{TOTAL}.npz")
        flow = {k: stored[k] if k == "y" else float(stored[k]) for k in ("y", "dt", "exponent")}
        print(json.dumps(peers(flow, noise, seconds)))
        return
    from chaotic_flows import JUDGED, TUNING, measured
    from machine import machine

    known = {"judged": JUDGED, "tuning": TUNING}.get(options.flows)
    everything = {**JUDGED, **TUNING}
    known = known or {name: everything[name] for name in options.flows.split(",")}
    saved = json.loads(options.out.read_text())["rows"] if options.out.exists() else []
    rows = {(row["flow"], row["noise"]): row for row in saved}
    for noise in options.noise:
        for name, law in known.items():
            key = name, noise
            flow = measured(name, law, TOTAL, options.folder)
            if key not in rows or options.again:
                cap = steps_to_judge(flow) * flow["dt"] * flow["exponent"]
                about = {"flow": name, "kind": law.kind, "noise": noise, "cap": cap}
                about |= {"exponent": flow["exponent"]} | ours(flow, noise, options.seed)
                rows[key] = rows.get(key, {}) | about
            if options.peer and "search" not in rows[key]:
                seconds = rows.get((name, 0.0), rows[key])["processor_seconds"]
                asked = json.dumps([name, noise, seconds])
                done = subprocess.run(
                    [options.peer, __file__, "--folder", options.folder, "--one", asked],
                    capture_output=True, text=True, check=True,
                    env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                )  # fmt: skip
                rows[key] |= json.loads(done.stdout.splitlines()[-1])
            table([rows[key]])
            options.out.write_text(
                json.dumps({"rows": list(rows.values()), **machine()}, indent=1) + "\n"
            )
    table(list(rows.values()))


if __name__ == "__main__":
    main()
