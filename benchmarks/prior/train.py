"""Train the recurrent prior on synthetic series; resumable.

    python benchmarks/prior/generator.py --seed 1 --count 60000 --length 640 --out pool-1.npz
    python benchmarks/prior/train.py --pool pool-1.npz --validation pool-0.npz --updates 12000

The loss of a series is the logarithm of its mean quantile loss, so a series that can be
forecast well counts as much as one that can not: what falls is the geometric mean of the
errors. The rate is constant after a warm-up and falls to nothing in the last part of the
updates. A training that begins from finished weights (`--start`) warms up anew.
"""

import argparse
import json
import os
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float
from safetensors.numpy import load_file

from throughtime.models.prior import network_from
from throughtime.models.prior_features import Question, ask, read
from throughtime.models.prior_network import MEDIAN, QUANTILES, PriorNetwork

SHAPES = ((128, 112), (80, 192), (48, 320), (24, 640))
"""Series in a batch, and their steps."""

SHARES = (0.3, 0.3, 0.25, 0.15)
"""How often each shape is drawn."""

ORIGINS, LEADS, LONGEST_LEAD = 24, 16, 128
FLOOR = 0.005
"""Added to the loss of a series, in its scale: below it, less error counts for little."""

CAP = 6.0
"""Errors of more times the scale count by their logarithm."""


def quantile_loss(quantiles, truth):
    """The quantile loss of each forecast; the median counts half of all."""
    error = truth[..., None] - quantiles
    size = jnp.abs(error)
    size = jnp.where(size < CAP, size, CAP * (1 + jnp.log(jnp.maximum(size, CAP) / CAP)))
    share = jnp.asarray(QUANTILES)
    loss = 2 * jnp.where(error > 0, share, 1 - share) * size
    weight = jnp.full(len(QUANTILES), 0.5 / (len(QUANTILES) - 1)).at[MEDIAN].set(0.5)
    return (loss * weight).sum(axis=-1)


def scales(values, seasons):
    """The mean absolute seasonal difference of each series, bounded by its steps and spread."""
    t = np.arange(values.shape[1])
    m = seasons[:, :1]
    before = np.take_along_axis(values, np.clip(t - m, 0, None), axis=1)
    there = t >= m
    seasonal = (np.abs(values - before) * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    step = np.abs(np.diff(values, axis=1)).mean(axis=1)
    return np.maximum(np.minimum(seasonal, 5 * step), 0.02 * values.std(axis=1) + 1e-4)


class Batch(NamedTuple):
    """What the network reads, what it is asked, and what came.

    Attributes
    ----------
    x
        Features of each step.
    question
        Origins and lead times.
    truth
        What followed each origin, in the scale of the series.
    weight
        Whether a forecast counts.
    per_scale
        The unit of the answers over the scale of the series.
    """

    x: Float[np.ndarray, "batch time read"]
    question: Question
    truth: Float[np.ndarray, "batch origin lead"]
    weight: Float[np.ndarray, "batch origin lead"]
    per_scale: Float[np.ndarray, "batch origin"]

    @classmethod
    def of(cls, values, known, seasons, origins, leads):
        """The batch of some series, origins and lead times."""
        reading = read(values, known, seasons)
        question = ask(reading, origins, leads)
        times = origins[:, None] + leads
        at = np.clip(times, 0, values.shape[1] - 1)
        warm = origins >= np.minimum(2 * seasons[:, :1] + 1, values.shape[1] // 2)
        weight = (times < values.shape[1]) & known[:, at] & warm[..., None]
        scale = scales(values, seasons)[:, None]
        truth = (values[:, at] - question.values[..., None]) / scale[..., None]
        batch = cls(reading.features, question, truth, weight, question.unit / scale)
        return jax.tree.map(_in_single_precision, batch)


def _in_single_precision(x):
    return x if np.issubdtype(x.dtype, np.integer) else x.astype(np.float32)


def series_losses(network, batch):
    """The mean quantile loss of each series."""
    quantiles = network(batch.x, batch.question) * batch.per_scale[..., None, None]
    loss = quantile_loss(quantiles, batch.truth) * batch.weight
    return loss.sum(axis=(1, 2)) / jnp.maximum(batch.weight.sum(axis=(1, 2)), 1)


def objective(trained, static, batch):
    """The mean over series of the logarithm of their loss."""
    losses = series_losses(eqx.combine(trained, static), batch)
    return jnp.log(losses + FLOOR).mean()


def rate(updates, top, share):
    """The rate of each update: a warm-up, a constant, and a fall to nothing in a last share."""
    fall = int(share * updates)
    parts = (
        optax.linear_schedule(0, top, 200),
        optax.constant_schedule(top),
        optax.cosine_decay_schedule(top, fall, alpha=0.003),
    )
    return optax.join_schedules(parts, (200, updates - fall))


class Pool:
    """Series of one or several files, from which batches are drawn."""

    def __init__(self, files):
        loaded = [np.load(file) for file in files]
        self.values = np.concatenate([one["values"] for one in loaded])
        self.seasons = np.concatenate([one["seasons"] for one in loaded]).astype(np.int32)

    def batch(self, rng):
        """Crops of random series, some upside down, some with gaps; origins and lead times."""
        count, length = SHAPES[rng.choice(len(SHAPES), p=SHARES)]
        chosen = rng.integers(0, len(self.values), count)
        first = rng.integers(0, self.values.shape[1] - length + 1, count)
        rows = first[:, None] + np.arange(length)
        values = self.values[chosen[:, None], rows].astype(np.float32)
        values *= np.where(rng.random(count) < 0.25, -1, 1)[:, None]
        values = (values - values[:, :1]) / (values.std(axis=1, keepdims=True) + 1e-6)
        known = np.ones(values.shape, bool)
        for i in np.flatnonzero(rng.random(count) < 0.1):
            known[i] = rng.random(length) > rng.choice([0.02, 0.1, 0.3])
            if rng.random() < 0.5:
                start = rng.integers(0, length)
                known[i, start : start + rng.integers(1, 20)] = False
        known[:, 0] = True
        # An origin needs a few values before it, and at least one after it.
        origins = np.sort(rng.integers(10, length - 1, ORIGINS))
        longest = min(LONGEST_LEAD, length // 3)
        leads = np.sort(np.exp(rng.uniform(0, np.log(longest + 0.99), LEADS)).astype(int))
        leads[0] = 1
        seasons = self.seasons[chosen]
        return Batch.of(values, known, seasons, origins.astype(np.int32), leads)


@partial(jax.jit, static_argnums=(2, 3))
def update(trained, state, static, optimiser, batch):
    """One update of the weights."""
    value, gradient = jax.value_and_grad(objective)(trained, static, batch)
    change, state = optimiser.update(gradient, state, trained)
    return optax.apply_updates(trained, change), state, value


def validate(network, pool, count=384):
    """The objective on series that are not trained on, at fixed origins and lead times."""
    length = 320
    values = pool.values[:count, :length].astype(np.float32)
    values = (values - values[:, :1]) / (values.std(axis=1, keepdims=True) + 1e-6)
    origins = np.arange(60, length - 25, 10, dtype=np.int32)
    leads = np.array([1, 2, 3, 4, 6, 8, 12, 18, 24])
    seasons = pool.seasons[:count]
    batch = Batch.of(values, np.ones(values.shape, bool), seasons, origins, leads)
    losses = eqx.filter_jit(series_losses)(network, batch)
    return float(jnp.log(losses + FLOOR).mean())


def drawn_ahead(pool, seed, first, end):
    """The number and the batch of each update; the next one is drawn meanwhile."""

    def draw(i):
        return i, pool.batch(np.random.default_rng((seed, i)))

    with ThreadPoolExecutor(1) as executor:
        following = executor.submit(draw, first)
        for i in range(first, end):
            current = following
            following = executor.submit(draw, i + 1)
            yield current.result()


def save(file, content):
    """Write a checkpoint, whole or not at all."""
    with open(f"{file}.new", "wb") as out:
        pickle.dump(content, out)
    os.replace(f"{file}.new", file)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pool", nargs="+", required=True)
    parser.add_argument("--validation", required=True)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--updates", type=int, default=12000)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--fall", type=float, default=0.25, help="share of the updates")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="weights to begin from, as exported")
    parser.add_argument("--out", type=Path, default=Path("prior"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    network = PriorNetwork(options.hidden, options.width, key=options.seed)
    if options.start:
        network = network_from(load_file(options.start))
    trained, static = eqx.partition(network, eqx.is_inexact_array)
    schedule = rate(options.updates, options.rate, options.fall)
    optimiser = optax.chain(
        optax.clip_by_global_norm(1.0), optax.adamw(schedule, b2=0.99, weight_decay=1e-3)
    )
    state, done, seconds = optimiser.init(trained), 0, 0.0
    checkpoint = options.out / "checkpoint.pkl"
    if checkpoint.exists():
        trained, state, done, seconds = pickle.loads(checkpoint.read_bytes())
        done = int(done)
    print("weights", sum(x.size for x in jax.tree.leaves(trained)), flush=True)
    pool, validation = Pool(options.pool), Pool([options.validation])
    losses, began = [], time.time() - seconds
    for i, batch in drawn_ahead(pool, options.seed, done, options.updates):
        trained, state, value = update(trained, state, static, optimiser, batch)
        losses.append(float(value))
        if (i + 1) % 250 == 0 or i + 1 == options.updates:
            seconds = time.time() - began
            row = {
                "updates": i + 1,
                "seconds": round(seconds, 1),
                "loss": round(float(np.mean(losses)), 4),
                "validation": round(validate(eqx.combine(trained, static), validation), 4),
            }
            losses = []
            with open(options.out / "history.jsonl", "a") as out:
                out.write(json.dumps(row) + "\n")
            print(row, flush=True)
            save(checkpoint, jax.tree.map(np.asarray, (trained, state, i + 1, seconds)))
            eqx.tree_serialise_leaves(options.out / "network.eqx", eqx.combine(trained, static))


if __name__ == "__main__":
    main()
