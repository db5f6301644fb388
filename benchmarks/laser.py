"""The Santa Fe laser, one step ahead, by an echo state network of 200 units.

    OPENBLAS_NUM_THREADS=1 python benchmarks/laser.py [--trials 400] [--seeds 10]

`reservoir.py` fits to 2,000 steps and validates on 3,000, so that the penalty and the scale are
those of a short fit. Here settings and penalty are chosen by cross-validation within the first
5,000 steps: five blocks of 960 steps after a washout of 200, each predicted by a readout of
the other four, which is nearly as long as the fit that is reported. Two reservoirs a trial;
the first two thirds of the trials are drawn at random, the rest near the best. Steps 5,000 to
10,000 are read once, by ten reservoirs of other seeds, fitted to the 5,000 steps before. The
state has 200 units; the readout may read their squares beside them, which is searched like the
rest. The best setting whose readout is linear in the state is reported beside it.
"""

import argparse
import statistics
import sys
from typing import NamedTuple

import numpy as np
from machine import machine
from rounds import HERE, save

import throughtime as tt
from throughtime.forecasting.metrics import nmse
from throughtime.recurrence.reservoir_weights import Reservoir, ReservoirDesign
from throughtime.reservoir.regression_sums import Gram, Triangle
from throughtime.reservoir.states import drive, run

UNITS, WASHOUT, KNOWN, FOLDS = 200, 200, 5000, 5
RIDGES = 10.0 ** np.arange(-13, 1)
DEVELOPMENT, REPORTED = (1000, 1001), 200
"""Seeds of the reservoirs that settings are chosen by, and the first of those reported."""


class Setting(NamedTuple):
    """What is searched; `jump` is the length of the jumps of a cycle, 0 for none."""

    topology: str
    jump: int
    squares: bool
    radius: float
    leak: float
    input_scale: float
    bias_scale: float


def drawn(rng: np.random.Generator) -> Setting:
    """A setting at random."""
    topology = str(rng.choice(["cycle", "jumps", "sparse", "dense"]))
    return Setting(
        topology,
        int(rng.choice([2, 5, 10, 20])) if topology == "jumps" else 0,
        bool(rng.integers(2)),
        float(rng.uniform(0.2, 1.3)),
        float(rng.uniform(0.3, 1.0)) if rng.random() < 0.5 else 1.0,
        float(np.exp(rng.uniform(np.log(0.01), np.log(1.0)))),
        float(rng.uniform(0, 2)),
    )


def near(one: Setting, rng: np.random.Generator) -> Setting:
    """A setting near another."""

    def moved(value, low, high):
        return float(np.clip(value * np.exp(0.2 * rng.normal()), low, high))

    return one._replace(
        radius=moved(one.radius, 0.05, 1.5),
        leak=moved(one.leak, 0.1, 1.0),
        input_scale=moved(one.input_scale, 0.005, 2.0),
        bias_scale=moved(one.bias_scale, 0.01, 3.0),
    )


def reservoir(s: Setting, seed: int) -> Reservoir:
    topology = "cycle" if s.topology == "jumps" else s.topology
    design = ReservoirDesign(
        UNITS, 0, 1, topology, radius=s.radius, leak=s.leak,
        feedback_scale=s.input_scale, bias_scale=s.bias_scale,
    )  # fmt: skip
    drawn = design.draw(seed)
    if not s.jump:
        return drawn
    # Rodan and Tino 2012: a cycle with jumps of one length and one weight, both ways.
    W = drawn.W.toarray()
    for i in range(0, UNITS - UNITS % s.jump, s.jump):
        j = (i + s.jump) % UNITS
        W[i, j] = W[j, i] = s.radius / 2
    W *= s.radius / np.abs(np.linalg.eigvals(W)).max()
    return Reservoir(W, drawn.U, drawn.F, drawn.b, drawn.leak, drawn.activation)


def features(s: Setting, seed: int, y: np.ndarray) -> np.ndarray:
    """The features from which y of each step but the first is read out."""
    r = reservoir(s, seed)
    h = run(r, drive(r, np.empty((len(y) - 1, 0)), y[:-1]), np.zeros(UNITS))
    return np.concatenate([h, h**2], axis=1) if s.squares else h


def cross_validated(s: Setting, seed: int, y: np.ndarray) -> np.ndarray:
    """NMSE of each penalty over the blocks of the known part."""
    X, Y = features(s, seed, y[:KNOWN])[WASHOUT:], y[WASHOUT + 1 : KNOWN]
    blocks = np.array_split(np.arange(len(X)), FOLDS)
    sums = [Gram.of(X[rows], Y[rows]) for rows in blocks]
    squares = np.zeros(len(RIDGES))
    for held, rows in enumerate(blocks):
        others = [one for i, one in enumerate(sums) if i != held]
        total = others[0]
        for one in others[1:]:
            total = total.merge(one)
        path = total.path()
        for i, ridge in enumerate(RIDGES):
            V = (path.basis @ (path.moments / (path.squares + ridge)[:, None])).T
            c = path.mean[X.shape[1] :] - V @ path.mean[: X.shape[1]]
            squares[i] += np.square(X[rows] @ V.T + c - Y[rows]).sum()
    return squares / np.square(Y - Y.mean()).sum()


def searched(trials: int, y: np.ndarray) -> list[dict]:
    """All trials, the best first."""
    rng, done = np.random.default_rng(0), []
    for i in range(trials):
        ordered = sorted(done, key=lambda one: one["error"])
        parent = ordered[int(rng.integers(6))]["setting"] if i >= 2 * trials // 3 else None
        setting = near(Setting(**parent), rng) if parent else drawn(rng)
        errors = np.exp(
            np.mean([np.log(cross_validated(setting, seed, y)) for seed in DEVELOPMENT], axis=0)
        )
        best = int(errors.argmin())
        done.append(
            {
                "setting": setting._asdict(),
                "ridge": float(RIDGES[best]),
                "error": float(errors[best]),
            }
        )
        if i % 20 == 19:
            least = min(done, key=lambda one: one["error"])
            print(f"  {i + 1}: {least}", file=sys.stderr, flush=True)
    return sorted(done, key=lambda one: one["error"])


def judged(chosen: dict, y: np.ndarray, seeds: int, how: str) -> dict[str, list[float]]:
    """The errors on what comes after the known part, by reservoirs of other seeds."""
    setting, errors = Setting(**chosen["setting"]), {}
    for seed in range(REPORTED, REPORTED + seeds):
        X = features(setting, seed, y)
        sums = Triangle.of(X[WASHOUT : KNOWN - 1], y[WASHOUT + 1 : KNOWN])
        predictions = sums.solve(chosen["ridge"])(X)
        for start, end in ((5000, 10_000), (5000, 8000), (8000, 10_000)):
            error = nmse(y[start:end], predictions[start - 1 : end - 1])
            errors.setdefault(f"NMSE on {start} to {end}{how}", []).append(float(error))
    return errors


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=10)
    asked = parser.parse_args()
    started = machine()
    y = tt.load_dataset("laser").targets.astype(np.float64)[:10_000].reshape(-1, 1)
    y = (y - y[:2000].mean()) / y[:2000].std()
    found = searched(asked.trials, y)
    linear = next(one for one in found if not one["setting"]["squares"])
    errors = judged(found[0], y, asked.seeds, "")
    errors |= judged(linear, y, asked.seeds, ", without squares")
    summary = {
        name: {"median": statistics.median(of), "least": min(of), "most": max(of)}
        for name, of in errors.items()
    }
    for name, of in summary.items():
        print(name, of)
    out = HERE / "results" / "laser.json"
    result = {"benchmark": "laser", "seeds": asked.seeds, "units": UNITS, "to_reach": 0.006}
    save(
        out, sys.executable, started, **result, summary=summary, errors=errors,
        chosen=found[0], chosen_without_squares=linear, trials=found,
    )  # fmt: skip


if __name__ == "__main__":
    main()
