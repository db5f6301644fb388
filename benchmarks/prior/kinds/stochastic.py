"""Series without a season: walks, ARIMA, long memory, local levels, thresholds, regimes."""

import numpy as np

from .draws import choose, happens, log_uniform, mixture, unit
from .noise import arma, autoregress, first_order, fractional, innovations, residual, white
from .seasonal import link
from .trends import random_walk, trend, wandering_slope


def walk(rng, count, length):
    """Finance: a random walk, or its exponential, with changing volatility."""
    return link(rng, random_walk(rng, count, length), (50, 44, 6, 0))


def arima(rng, count, length):
    """ARMA changes, summed, with drift."""
    drift = happens(rng, 0.5, count) * rng.standard_normal((count, 1))
    drift = drift * log_uniform(rng, 0.02, 1, count)
    return link(rng, np.cumsum(arma(rng, count, length) + drift, axis=1), (62, 32, 6, 0))


def stationary(rng, count, length):
    """ARMA or a first-order autoregression about a mean: climate, tree rings, rates."""
    values = mixture(rng, count, length, [(50, arma), (50, first_order)])
    values += (
        happens(rng, 0.25, count) * log_uniform(rng, 0.03, 1, count) * trend(rng, count, length)
    )
    return link(rng, values, (72, 18, 6, 4))


def persistent(rng, count, length):
    """Long memory, d from .1 to .49, or to .9 where the mean wanders."""
    far = happens(rng, 0.3, count)
    values = np.where(
        far,
        fractional(rng, count, length, 0.5, 0.9),
        fractional(rng, count, length),
    )
    values += (
        happens(rng, 0.4, count) * log_uniform(rng, 0.1, 2, count) * white(rng, count, length)
    )
    return link(rng, values, (75, 18, 7, 0))


def level(rng, count, length):
    """A random walk seen through noise."""
    noise = log_uniform(rng, 0.1, 10, count) * innovations(rng, count, length)
    return link(rng, random_walk(rng, count, length) + noise, (70, 25, 5, 0))


def slope(rng, count, length):
    """A local linear trend, damped or not, seen through noise."""
    walk = wandering_slope(rng, count, length)
    change = np.std(np.diff(walk, axis=1), axis=1, keepdims=True)
    noise = change * log_uniform(rng, 0.03, 10, count) * residual(rng, count, length)
    return link(rng, walk + noise, (65, 30, 5, 0))


def trended(rng, count, length):
    """Any trend and any residual."""
    values = trend(rng, count, length)
    values += log_uniform(rng, 0.01, 3, count) * residual(rng, count, length)
    return link(rng, values, (60, 33, 7, 0))


def threshold(rng, count, length, burn=100):
    """Two autoregressions, told apart by the last value but d (SETAR): asymmetric cycles."""
    low = np.stack([rng.uniform(0.3, 1.3, count), rng.uniform(-0.6, 0.2, count)])
    high = np.stack([rng.uniform(0.1, 1.4, count), rng.uniform(-0.9, 0.1, count)])
    low[1] = np.minimum(low[1], 0.97 - low[0])
    high[1] = np.minimum(high[1], 0.97 - high[0])
    shift = rng.uniform(0, 0.6, count)
    noise = (log_uniform(rng, 0.02, 1, count) * innovations(rng, count, length + burn)).T
    lag = rng.integers(1, 3, count)
    x = np.zeros((length + burn + 2, count))
    for t in range(2, len(x)):
        below = np.where(lag == 1, x[t - 1], x[t - 2]) < 0
        first, second = np.where(below, low, high)
        x[t] = first * x[t - 1] + second * x[t - 2] + noise[t - 2]
        x[t] += np.where(below, shift, -shift)
    return x[burn + 2 :].T


def regimes(rng, count, length):
    """Two or three states that last: each with its mean, its spread, its memory."""
    switch = rng.random((count, length)) < 1 / log_uniform(rng, 8, 200, count)
    state = np.cumsum(switch * rng.integers(1, 3, (count, length)), axis=1)
    state = state % choose(rng, [2, 3], [2, 1], count)[:, None]
    means = rng.standard_normal((count, 3)) * log_uniform(rng, 0.3, 4, count)
    spreads = log_uniform(rng, 0.2, 1, count * 3).reshape(count, 3)
    spread = np.take_along_axis(spreads, state, axis=1)
    pull = 1 - log_uniform(rng, 0.05, 1, count)
    target = (1 - pull) * np.take_along_axis(means, state, axis=1)
    return autoregress(pull, target + spread * white(rng, count, length))


def stochastic(rng, count, length):
    values = mixture(
        rng,
        count,
        length,
        [
            (18, walk),
            (16, arima),
            (20, stationary),
            (11, persistent),
            (8, level),
            (8, slope),
            (11, trended),
            (4, threshold),
            (4, regimes),
        ],
    )
    return unit(values), np.ones((count, 2), np.int64)
