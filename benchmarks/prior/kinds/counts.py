"""The rest: intermittent counts, rates between bounds, steps, events that die away."""

import numpy as np

from .draws import choose, happens, log_uniform, mixture, unit
from .noise import autoregress, first_order, white
from .seasons import season, shape
from .trends import smooth, trend


def rate(rng, count, length):
    """A positive rate about 1 that wanders or has a weak season."""
    m = choose(rng, [7, 12, 4, 52, 24], [4, 4, 1, 1, 1], count)
    z = happens(rng, 0.5, count) * rng.uniform(0, 0.7, (count, 1)) * season(rng, m, length)
    z += (
        happens(rng, 0.6, count)
        * log_uniform(rng, 0.03, 0.6, count)
        * trend(rng, count, length)
    )
    return np.exp(np.clip(z, -3, 3))


def intermittent(rng, count, length):
    """Demand at random times, of random size (Croston's model)."""
    chance = np.minimum(log_uniform(rng, 0.03, 0.8, count) * rate(rng, count, length), 1)
    size = 1 + rng.poisson(log_uniform(rng, 0.1, 30, count), (count, length))
    return np.where(rng.random((count, length)) < chance, size, 0).astype(float)


def small_counts(rng, count, length):
    """Poisson numbers of small rate."""
    return rng.poisson(log_uniform(rng, 0.2, 20, count) * rate(rng, count, length)).astype(
        float
    )


def carried_counts(rng, count, length):
    """INAR(1): each of the last count stays with a chance, new ones come."""
    stay = rng.uniform(0.3, 0.97, count)
    come = log_uniform(rng, 0.1, 3, count)[:, 0]
    x = np.empty((length, count))
    last = rng.poisson(come / (1 - stay))
    for t in range(length):
        last = rng.binomial(last, stay) + rng.poisson(come)
        x[t] = last
    return x.T


def bounded(rng, count, length):
    """A share between 0 and 1, often near a bound."""
    z = trend(rng, count, length) + log_uniform(rng, 0.1, 2, count) * first_order(
        rng, count, length
    )
    z = unit(z) * log_uniform(rng, 0.5, 4, count) + rng.normal(0, 2, (count, 1))
    return 1 / (1 + np.exp(-np.clip(z, -30, 30)))


def steps(rng, count, length):
    """A level that is held, then set anew, as prices and interest rates are."""
    change = rng.random((count, length)) < log_uniform(rng, 0.01, 0.3, count)
    size = white(rng, count, length) + rng.uniform(-0.3, 1, (count, 1))
    return np.cumsum(change * size, axis=1) + 1e-3 * white(rng, count, length) * happens(
        rng, 0.3, count
    )


def shots(rng, count, length):
    """Events that die away: floods, page views. y_t = φ y_{t-1} + event."""
    event = rng.random((count, length)) < log_uniform(rng, 0.01, 0.3, count)
    size = np.exp(rng.uniform(0.3, 1.2, (count, 1)) * rng.standard_normal((count, length)))
    memory = 1 - log_uniform(rng, 0.01, 0.7, count)
    m = choose(rng, [1, 12, 52, 7], [5, 2, 2, 1], count)
    season_size = np.exp(rng.uniform(0, 1, (count, 1)) * season(rng, m, length))
    values = autoregress(memory, event * size * season_size)
    return values + log_uniform(rng, 0.003, 0.3, count) * white(rng, count, length)


def rain(rng, count, length):
    """What exceeds a threshold, to a power: zeros and skewed amounts, with a season."""
    m = choose(rng, [1, 12, 7, 52, 365, 24], [4, 3, 1, 1, 1, 1], count)
    z = first_order(rng, count, length)
    z += happens(rng, 0.7, count) * rng.uniform(0, 1, (count, 1)) * season(rng, m, length)
    return np.maximum(unit(z) - rng.uniform(-1, 1, (count, 1)), 0) ** rng.uniform(
        0.8, 2.5, (count, 1)
    )


def white_noise(rng, count, length):
    """Nothing but noise about a mean."""
    return white(rng, count, length)


def pulses(rng, count, length):
    """A shape that comes again at nearly even times, as a heart beats."""
    period = rng.integers(8, 60, count)
    table = shape(rng, period) + 4 * np.exp(
        -0.5 * ((np.arange(int(period.max())) - 3) / rng.uniform(0.5, 2, (count, 1))) ** 2
    )
    speed = np.exp(0.1 * smooth_unit(rng, count, length))
    turn = (np.cumsum(speed, axis=1) + rng.uniform(0, 60, (count, 1))) % period[:, None]
    at = np.minimum(turn.astype(np.int64), period[:, None] - 1)
    values = np.take_along_axis(table, at, axis=1)
    return values + log_uniform(rng, 0.01, 0.5, count) * white(rng, count, length)


def smooth_unit(rng, count, length):
    return unit(smooth(rng, count, length))


def others(rng, count, length):
    values = mixture(
        rng,
        count,
        length,
        [
            (18, intermittent),
            (14, small_counts),
            (8, carried_counts),
            (15, bounded),
            (12, steps),
            (13, shots),
            (9, white_noise),
            (9, rain),
            (8, pulses),
        ],
    )
    return values, np.ones((count, 2), np.int64)
