"""Train the recurrent prior a little further on each of some measured series.

    python benchmarks/prior/tune.py

From the weights that are shipped, on crops of the series alone, with the loss of `train.py`.
All is within the first four fifths of each series: of these, the last fifth is forecast, and
the RMSE is printed over that of the shipped weights. The figures are in `docs/prior.md`.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import equinox as eqx
import numpy as np
import optax
from train import ORIGINS, Batch, update

from throughtime.models.prior import Prior, shipped_network
from throughtime.models.seasonality import find_seasons

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from forecasting import DATA, problems  # noqa: E402
from machine import machine  # noqa: E402

SHORTEST = 450
"""Steps before the first origin of a series that is tuned to."""

CROPS, LENGTH, LEADS = 16, 512, 16


def crops(rng, values, seasons, steps):
    """A batch of crops of one series, with origins and lead times up to `steps`."""
    length = min(LENGTH, len(values))
    first = rng.integers(0, len(values) - length + 1, CROPS)
    x = values[first[:, None] + np.arange(length)]
    x = (x - x[:, :1]) / (x.std(axis=1, keepdims=True) + 1e-6)
    origins = np.sort(rng.integers(64, length - 1, ORIGINS)).astype(np.int32)
    leads = np.sort(np.exp(rng.uniform(0, np.log(steps + 0.99), LEADS)).astype(int))
    leads[0] = 1
    two = np.tile(np.array([*seasons, 1, 1][:2], np.int32), (CROPS, 1))
    return Batch.of(x, np.ones(x.shape, bool), two, origins, leads)


def tuned(prior, values, steps, updates, rate):
    """The prior after some updates on the values."""
    trained, static = eqx.partition(shipped_network(), eqx.is_inexact_array)
    schedule = optax.cosine_decay_schedule(rate, updates, alpha=0.05)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))
    state, rng = optimiser.init(trained), np.random.default_rng(0)
    for _ in range(updates):
        batch = crops(rng, values, prior.seasons, steps)
        trained, state, _ = update(trained, state, static, optimiser, batch)
    return replace(prior, network=eqx.combine(trained, static))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of `suite`")
    options = parser.parse_args()
    ratios = {}
    for problem in problems(validation=True, data=options.data):
        end = problem.train_end
        if end < SHORTEST:
            continue
        known, start = problem.values[:end], time.perf_counter()
        prior = Prior(find_seasons(known, problem.times()[:end]))
        ahead = problem.origins[:, None] + np.arange(problem.steps)
        truth = np.where(problem.measured[ahead], problem.values[ahead], np.nan)
        after = tuned(prior, known, problem.steps, options.updates, options.rate)
        rmse = [
            np.sqrt(
                np.nanmean(
                    (one.forecast(problem.values, problem.origins, problem.steps) - truth) ** 2
                )
            )
            for one in (prior, after)
        ]
        ratios[problem.name] = float(f"{rmse[1] / rmse[0]:.4g}")
        seconds = time.perf_counter() - start
        print(f"{problem.name:<24}{ratios[problem.name]:8.3f}{seconds:8.0f} s", flush=True)
    mean = float(np.exp(np.mean(np.log(list(ratios.values())))))
    print(f"geometric mean {mean:.3f}")
    found = {"ratios": ratios, "mean": mean, "updates": options.updates, "rate": options.rate}
    out = HERE.parent / "results" / "prior_tuning.json"
    out.write_text(json.dumps(machine() | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
