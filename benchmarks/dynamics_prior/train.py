"""Train the mixture of almost-linear networks on simulated systems; resumable.

    python benchmarks/dynamics_prior/train.py --pool /tmp/dynamics --updates 20000 [--published]

Sparse teacher forcing (Mikhaeil et al. 2022): the variables are set to the data every tenth
step, the loss is that of all steps. A sequence has its own sampling, 20 to 80 points a period,
its own linear change of coordinates, and in half of the cases noise, which is in the context
and in what is read, never in what is asked for. `published` is the loss and the network of
Hemmer and Durstewitz (2025): the mean squared error, and noise of .05 on what is read. The
other counts the logarithm of each sequence's error, so that a slow system counts like a fast
one.
"""

import argparse
import json
import os
import pickle
import time
from functools import partial
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from network import VARIABLES, Mixture, in_pairs

CONTEXT, STEPS, BATCH, EVERY = 500, 98, 16, 10
FLOOR = 1e-5
"""Added to the squared error of a sequence before its logarithm."""


class Pool:
    """Trajectories from which sequences are drawn, each family as often as another."""

    def __init__(self, folder):
        self.families = [np.load(file)["y"] for file in sorted(folder.glob("*.npz"))]
        self.families = [one for one in self.families if len(one)]

    def sequence(self, rng, steps):
        """A context and what comes later, standardised by the context."""
        family = self.families[rng.integers(len(self.families))]
        stride, total = int(rng.integers(2, 9)), CONTEXT + steps + 1
        y = family[rng.integers(len(family)), ::stride]
        length, size = y.shape
        first = int(rng.integers(0, length - total + 1))
        gap = int(rng.integers(0, length - total - first + 1))
        y = np.concatenate([y[first : first + CONTEXT], y[first + CONTEXT + gap :]])[:total]
        if rng.random() < 0.7:
            y = y @ (np.eye(size) + 0.7 * rng.standard_normal((size, size))).T
        y = (y - y[:CONTEXT].mean(axis=0)) / (y[:CONTEXT].std(axis=0) + 1e-3)
        found = np.zeros((total, VARIABLES), np.float32)
        found[:, rng.permutation(VARIABLES)[:size]] = y
        return found

    def batch(self, rng, steps=STEPS, noisy=True):
        """Contexts, what is read, and the truth."""
        y = np.stack([self.sequence(rng, steps) for _ in range(BATCH)])
        share = 0.05 * rng.random((BATCH, 1, 1)) * (rng.random((BATCH, 1, 1)) < 0.5) * noisy
        there = y.std(axis=1, keepdims=True) > 0
        read = y + share * there * rng.standard_normal(y.shape)
        read = read.astype(np.float32)
        return read[:, :CONTEXT], read[:, CONTEXT:-1], y[:, CONTEXT + 1 :]


def begun(network, pool, batches=30, penalty=1e-3):
    """The network whose experts all are the ridge regression of a step on what is attended.

    A sequence counts by its mean step, so that a fast system counts like a slow one.
    """
    size, rng = network.variables, np.random.default_rng(1)
    reads = network.U.shape[2]
    squares = np.zeros((size, reads + size + 1, reads + size + 1))
    products = np.zeros((size, reads + size + 1))

    @jax.jit
    def features(context, read):
        e = jax.vmap(network.attended, (None, 0))(in_pairs(context), read)
        return jnp.concatenate([e, read, jnp.ones((len(read), 1))], axis=1)

    for _ in range(batches):
        for context, read, truth in zip(*pool.batch(rng), strict=True):
            X, step = np.asarray(features(context, read), float), truth - read
            unit = np.sqrt(np.square(np.diff(truth, axis=0)).mean()) + 1e-3
            for i in np.flatnonzero(context.std(axis=0)):
                squares[i] += X.T @ X / unit**2
                products[i] += X.T @ step[:, i] / unit**2
    ridge = penalty * squares.trace(axis1=1, axis2=2)[:, None, None] / squares.shape[1]
    found = np.linalg.solve(squares + ridge * np.eye(squares.shape[1]), products[..., None])[
        ..., 0
    ]
    # What tells the experts apart is small beside a step.
    U = network.U.at[:, :size].multiply(0.1).at[:, :size].add(found[:, :reads])
    W = network.W.at[:, :size].multiply(0.1).at[:, :size, :size].add(found[:, reads:-1])
    h = network.h.at[:, :size].add(found[:, -1])
    return eqx.tree_at(lambda n: (n.U, n.W, n.h), network, (U, W, h))


def errors(network, batch, every=EVERY):
    """The squared error of each step, over the spread: `(sequence, time)`."""
    context, read, truth = batch
    forced = jnp.arange(read.shape[1]) % every == 0

    def one(context, read):
        return network.run(context, read, forced)[1]

    found = jax.vmap(one)(context, read)
    there = (context.std(axis=1) > 0)[:, None, :]
    return (jnp.square(found - truth) * there).sum(axis=2) / there.sum(axis=2)


def objective(trained, static, batch, published):
    """The loss of a batch."""
    network = eqx.combine(trained, static)
    found = errors(network, batch)
    if published:
        return found.mean()
    return jnp.log(found.mean(axis=1) + FLOOR).mean()


@partial(jax.jit, static_argnums=(2, 3, 5))
def update(trained, state, static, optimiser, batch, published):
    """One update of the weights; one that is not finite changes nothing."""
    value, gradient = jax.value_and_grad(objective)(trained, static, batch, published)
    change, after = optimiser.update(gradient, state, trained)
    good = jnp.isfinite(optax.global_norm(gradient))
    change = jax.tree.map(lambda d: jnp.where(good, d, 0.0), change)
    after = jax.tree.map(lambda new, old: jnp.where(good, new, old), after, state)
    return optax.apply_updates(trained, change), after, value


def validate(network, pool, count=6, steps=200):
    """Of held-out systems: the logarithm of the error with forcing, and the steps for which a
    free run stays within .4 standard deviations, in the mean."""
    rng = np.random.default_rng(0)
    logs, valid = [], []
    forced = eqx.filter_jit(errors)
    free = eqx.filter_jit(partial(errors, every=10_000))
    for _ in range(count):
        batch = pool.batch(rng, steps, noisy=False)
        logs.append(jnp.log(forced(network, batch).mean(axis=1) + FLOOR))
        inside = np.sqrt(np.asarray(free(network, batch))) <= 0.4
        valid.append(np.logical_and.accumulate(inside, axis=1).sum(axis=1))
    return float(np.mean(logs)), float(np.mean(valid))


def save(file, content):
    """Write a checkpoint, whole or not at all."""
    with open(f"{file}.new", "wb") as out:
        pickle.dump(content, out)
    os.replace(f"{file}.new", file)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--published", action="store_true")
    parser.add_argument("--updates", type=int, default=20_000)
    parser.add_argument(
        "--seconds", type=float, default=1e9, help="of the processor, then stop"
    )
    parser.add_argument("--rate", type=float, default=5e-3)
    parser.add_argument("--clip", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    pool, held = (Pool(options.pool / part) for part in ("training", "validation"))
    network = Mixture(options.published, seed=options.seed)
    checkpoint = options.out / "checkpoint.pkl"
    if not options.published and not checkpoint.exists():
        network = begun(network, pool)
    trained, static = eqx.partition(network, eqx.is_inexact_array)
    schedule = optax.exponential_decay(
        options.rate, max(options.updates, 1), 1e-5 / options.rate
    )
    optimiser = optax.chain(optax.clip_by_global_norm(options.clip), optax.radam(schedule))
    state, done, seconds = optimiser.init(trained), 0, 0.0
    if checkpoint.exists():
        trained, state, done, seconds = pickle.loads(checkpoint.read_bytes())
    print("weights", sum(x.size for x in jax.tree.leaves(trained)), flush=True)
    if not done:
        eqx.tree_serialise_leaves(options.out / "network.eqx", network)
    losses, before = [], seconds
    for i in range(done, options.updates):
        batch = pool.batch(np.random.default_rng((options.seed, i)))
        trained, state, value = update(
            trained, state, static, optimiser, batch, options.published
        )
        losses.append(float(value))
        seconds = before + time.process_time()
        over = seconds > options.seconds
        if (i + 1) % 250 == 0 or i + 1 == options.updates or over:
            error, valid = validate(eqx.combine(trained, static), held)
            row = {
                "updates": i + 1,
                "processor_seconds": round(seconds, 1),
                "loss": round(float(np.mean(losses)), 4),
                "validation": round(error, 4),
                "valid_steps": round(valid, 2),
            }
            losses = []
            with open(options.out / "history.jsonl", "a") as out:
                out.write(json.dumps(row) + "\n")
            print(row, flush=True)
            save(checkpoint, jax.tree.map(np.asarray, (trained, state, i + 1, seconds)))
            eqx.tree_serialise_leaves(options.out / "network.eqx", eqx.combine(trained, static))
        if over:
            break


if __name__ == "__main__":
    main()
