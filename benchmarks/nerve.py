"""The FitzHugh-Nagumo task of LEM (Rusch et al. 2022): one step ahead of a nerve, seen in part.

    python benchmarks/nerve.py [--hidden 16] [--epochs 2000] [--seeds 3]

128 trajectories to learn from, 128 to choose the epoch, 1,024 to judge: 1,000 steps of .4 of
v' = v - v^3/3 - w + .5, w' = .02 (v + .7 - .8 w) from v uniform in [-1, 1], w = 0. The network
reads v alone and says by how much it changes (`residual`); the figure is the RMSE one step
later in v's own units. Published: .0024 for LEM with 16 units, about .012 for an LSTM.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import jax
import numpy as np
from machine import machine

from throughtime.dynamics.simulate import simulate
from throughtime.dynamics.systems import system
from throughtime.recurrence.architecture import Architecture
from throughtime.training.batches import Sequences
from throughtime.training.methods import method
from throughtime.training.train import evaluate, train

OUT = Path(__file__).parent / "results" / "nerve.json"
PARTS = {"training": 128, "validation": 128, "test": 1024}
PUBLISHED = {"LEM, 16 units": 0.0024, "LSTM": 0.012}


def sequences(count: int, seed: int) -> Sequences:
    """v of `count` trajectories, and v one step later."""
    nerve = system("fitzhugh-nagumo", rate=0.02)
    start = np.zeros((count, 2))
    start[:, 0] = np.random.default_rng(seed).uniform(-1, 1, count)
    v = simulate(nerve, 1000, dt=0.4, start=start)[..., :1].astype(np.float32)
    return Sequences(*jax.device_put((v[:, :-1], v[:, 1:])))


def autoregression(training: np.ndarray, test: np.ndarray, lags: int = 10) -> float:
    """The RMSE of a linear autoregression, by least squares on the training trajectories."""

    def rows(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        windows = np.lib.stride_tricks.sliding_window_view(v[..., 0], lags + 1, axis=1)
        flat = windows.reshape(-1, lags + 1)
        return np.column_stack([np.ones(len(flat)), flat[:, :-1]]), flat[:, -1]

    known, after = rows(training.astype(np.float64))
    weights = np.linalg.lstsq(known, after, rcond=None)[0]
    known, after = rows(test.astype(np.float64))
    return float(np.sqrt(np.mean((known @ weights - after) ** 2)))


def measure(cell: str, hidden: int, epochs: int, rate: float, seed: int) -> dict:
    """Train a cell on one draw of the task."""
    training, validation, test = (
        sequences(count, 1000 * seed + i) for i, count in enumerate(PARTS.values())
    )
    network = Architecture(1, 1, cell=cell, hidden=hidden, residual=1).build(seed)
    begun = time.perf_counter()
    fitted = train(
        network,
        training,
        method=method("adam", rate, clip=1.0),
        epochs=epochs,
        batch_size=32,
        validation=validation,
        schedule="cosine",
        key=seed,
    )
    seconds = time.perf_counter() - begun
    persistence = float(np.sqrt(np.mean(np.square(test.targets - test.inputs))))
    linear = autoregression(np.asarray(training.inputs), np.asarray(test.inputs))
    return {
        "cell": cell,
        "hidden": hidden,
        "epochs": epochs,
        "rate": rate,
        "seed": seed,
        "rmse": evaluate(fitted.network, test) ** 0.5,
        "persistence": persistence,
        "autoregression": linear,
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", default="lstm,gru,rnn")
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=1e-2)
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    rows = []
    for cell in options.cells.split(","):
        for seed in range(options.seeds):
            rows.append(measure(cell, options.hidden, options.epochs, options.rate, seed))
            print(json.dumps(rows[-1]), flush=True)
    print(f"\n{'cell':<8}{'units':>6}{'RMSE, median':>14}{'worst':>10}{'seconds':>9}")
    for cell in options.cells.split(","):
        own = [row for row in rows if row["cell"] == cell]
        rmse = [row["rmse"] for row in own]
        seconds = statistics.median(row["seconds"] for row in own)
        figures = f"{statistics.median(rmse):>14.2e}{max(rmse):>10.1e}{seconds:>9.0f}"
        print(f"{cell:<8}{options.hidden:>6}{figures}")
    linear = statistics.median(row["autoregression"] for row in rows)
    known = f"persistence {rows[0]['persistence']:.2g}, autoregression of 10 lags {linear:.2g}"
    print(f"{known}; published: {PUBLISHED}")
    found = {"task": "FitzHugh-Nagumo, one step ahead", "published": PUBLISHED, "rows": rows}
    options.out.write_text(json.dumps({**found, **machine()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
