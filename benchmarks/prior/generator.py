"""Synthetic series on which the recurrent prior is trained, thousands a second.

    python benchmarks/prior/generator.py --seed 0 --count 60000 --length 640 --out pool.npz

A series is faults(link(trend + seasons + calendar + residual)), or a process of its own
(docs/prior-generator.md). `draw` gives a batch; the same generator state, the same series.
"""

import argparse
import time
from typing import NamedTuple

import numpy as np
from kinds.counts import others
from kinds.draws import choose
from kinds.dynamics import dynamic
from kinds.faults import faulty
from kinds.seasonal import airline, physical, sales, sharp, smoothing, structural, weekly
from kinds.seasons import LENGTHS
from kinds.smooth import smooth_series
from kinds.stochastic import stochastic

KINDS = {
    "structural": (16, structural),
    "weekly": (5, weekly),
    "physical": (6, physical),
    "airline": (9, airline),
    "smoothing": (5, smoothing),
    "sales": (2, sales),
    "sharp": (2, sharp),
    "stochastic": (25, stochastic),
    "smooth": (10, smooth_series),
    "dynamic": (12, dynamic),
    "other": (8, others),
}
BLOCK = 4096
WITHHELD, WRONG = 0.08, 0.055  # of the series with, and without, a season


class Batch(NamedTuple):
    """`values (count, length)` float32, `seasons (count, 2)` int32, `kind (count,)` int32.

    Values are relative to the first, in units of their standard deviation. Seasons are those
    told, the longer second, 1 where there is none. Kinds are numbered as in `KINDS`.
    """

    values: np.ndarray
    seasons: np.ndarray
    kind: np.ndarray


def draw(rng, count, length):
    """`count` series of `length` steps each."""
    parts = []
    for start in range(0, count, BLOCK):
        parts.append(block(rng, min(BLOCK, count - start), length))
    return Batch(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def block(rng, count, length):
    kind = choose(rng, np.arange(len(KINDS)), [weight for weight, _ in KINDS.values()], count)
    values = np.empty((count, length))
    seasons = np.ones((count, 2), np.int64)
    for number, (_, make) in enumerate(KINDS.values()):
        rows = np.flatnonzero(kind == number)
        if len(rows):
            values[rows], seasons[rows] = make(rng, len(rows), length)
    values = standardised(rng, faulty(rng, standardised(rng, values)))
    return values.astype(np.float32), told(rng, seasons).astype(np.int32), kind.astype(np.int32)


def standardised(rng, values):
    """Minus the first value, over the standard deviation; what is useless becomes a walk."""
    with np.errstate(all="ignore"):
        spread = np.std(values, axis=1, keepdims=True)
        scaled = (values - values[:, :1]) / spread
        good = np.isfinite(scaled).all(axis=1) & (np.abs(scaled).max(axis=1) < 60)
        good &= spread[:, 0] > 1e-9 * np.abs(values).max(axis=1)
    rows = np.flatnonzero(~good)
    if len(rows):
        walk = np.cumsum(rng.standard_normal((len(rows), values.shape[1])), axis=1)
        scaled[rows] = (walk - walk[:, :1]) / np.std(walk, axis=1, keepdims=True)
    return scaled


def told(rng, seasons):
    """The seasons told: the true ones, save a few withheld and a few wrong."""
    seasons = seasons.copy()
    chance = rng.random(len(seasons))
    with_season = seasons[:, 0] > 1
    both = rng.random(len(seasons)) < 0.5
    hidden = with_season & (chance < WITHHELD)
    two = seasons[:, 1] > 1
    seasons[hidden & two & ~both, 1] = 1
    seasons[hidden & (both | ~two)] = 1
    wrong = np.flatnonzero(~with_season & (chance < WRONG))
    plausible = np.array([pair[:2] for pair in LENGTHS if pair[0] > 1])
    weights = [pair[2] for pair in LENGTHS if pair[0] > 1]
    if len(wrong):
        seasons[wrong] = plausible[choose(rng, np.arange(len(plausible)), weights, len(wrong))]
    return seasons


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=60_000)
    parser.add_argument("--length", type=int, default=640)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    start = time.perf_counter()
    batch = draw(np.random.default_rng(options.seed), options.count, options.length)
    np.savez(options.out, names=np.array(list(KINDS)), **batch._asdict())
    seconds = time.perf_counter() - start
    print(
        f"{options.count} series of {options.length} steps: {seconds:.1f} s, "
        f"{options.count / seconds:.0f} a second"
    )


if __name__ == "__main__":
    main()
