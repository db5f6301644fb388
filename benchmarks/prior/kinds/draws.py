"""Small draws that every kind uses: log-uniform numbers, choices, mixtures of kinds."""

import numpy as np


def log_uniform(rng, low, high, count):
    """`(count, 1)` positive numbers whose logarithm is uniform."""
    return np.exp(rng.uniform(np.log(low), np.log(high), (count, 1)))


def happens(rng, chance, count):
    """`(count, 1)` truth values."""
    return rng.random((count, 1)) < chance


def choose(rng, options, weights, count):
    """`(count,)` of the options, with the given weights (any sum)."""
    weights = np.asarray(weights, float)
    return np.asarray(options)[rng.choice(len(weights), count, p=weights / weights.sum())]


def mixture(rng, count, length, makers):
    """Each series from one of `makers`, pairs of weight and function `(rng, count, length)`."""
    which = choose(rng, np.arange(len(makers)), [weight for weight, _ in makers], count)
    values = np.empty((count, length))
    for number, (_, make) in enumerate(makers):
        rows = np.flatnonzero(which == number)
        if len(rows):
            values[rows] = make(rng, len(rows), length)
    return values


def unit(values):
    """Mean 0 and standard deviation 1 over time; a constant becomes 0."""
    values = values - values.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.einsum("nt,nt->n", values, values) / values.shape[1])[:, None]
    return values / np.where(spread > 1e-12, spread, 1)


def unit_change(values, lag=100):
    """Divided by the root mean square of the change over `lag` steps: a trend's unit."""
    lag = min(lag, values.shape[1] // 2)
    change = values[:, lag:] - values[:, :-lag]
    size = np.sqrt(np.mean(change**2, axis=1, keepdims=True))
    return (values - values[:, :1]) / np.where(size > 1e-12, size, 1)
