"""What goes wrong with data: spikes, dropouts, gaps filled, rounding, limits, a shift."""

import numpy as np

from .draws import happens, log_uniform


def step_size(values):
    """The median size of a change (of the deviation, where the median change is 0)."""
    size = np.median(np.abs(np.diff(values, axis=1)), axis=1, keepdims=True)
    return np.where(size > 0, size, 0.1 * np.std(values, axis=1, keepdims=True))


def spikes(rng, values):
    count, length = values.shape
    hit = rng.random((count, length)) < rng.integers(1, 5, (count, 1)) / length
    size = log_uniform(rng, 4, 30, count) * step_size(values)
    sign = np.where(happens(rng, 0.5, count), 1, rng.choice([-1, 1], (count, length)))
    return values + hit * size * sign * rng.uniform(0.5, 1, (count, length))


def stretches(rng, count, length):
    """A place of 2 to 40 steps in each series, as truth values."""
    start = rng.integers(0, length, (count, 1))
    time = np.arange(length)
    return (time >= start) & (time < start + log_uniform(rng, 2, 40, count))


def stuck(rng, values):
    """The sensor repeats itself, or says its lowest value."""
    place = stretches(rng, *values.shape)
    first = np.take_along_axis(values, np.argmax(place, axis=1)[:, None], axis=1)
    low = values.min(axis=1, keepdims=True)
    return np.where(place, np.where(happens(rng, 0.6, len(values)), first, low), values)


def filled(rng, values):
    """A gap that somebody has filled with a straight line."""
    place = stretches(rng, *values.shape)
    time = np.arange(values.shape[1])
    first = np.maximum(np.argmax(place, axis=1) - 1, 0)[:, None]
    last = np.minimum(first + place.sum(1, keepdims=True) + 1, values.shape[1] - 1)
    ends = [np.take_along_axis(values, at, axis=1) for at in (first, last)]
    share = (time - first) / np.maximum(last - first, 1)
    return np.where(place, ends[0] + share * (ends[1] - ends[0]), values)


def rounded(rng, values):
    """To a few digits: a grid of a hundredth of a change to three changes."""
    grid = log_uniform(rng, 0.03, 3, len(values)) * np.maximum(step_size(values), 1e-9)
    return np.round(values / grid) * grid


def limited(rng, values):
    """Cut off above or below at a quantile."""
    ordered = np.sort(values, axis=1)
    at = rng.integers(0, max(values.shape[1] // 4, 1), (len(values), 1))
    low = np.take_along_axis(ordered, at, axis=1)
    high = np.take_along_axis(ordered, values.shape[1] - 1 - at, axis=1)
    below = happens(rng, 0.6, len(values))
    return np.where(below, np.maximum(values, low), np.minimum(values, high))


def shifted(rng, values):
    """A new level from some time on: a station moved, a definition changed."""
    time = np.arange(values.shape[1])
    start = rng.integers(0, values.shape[1], (len(values), 1))
    size = rng.choice([-1, 1], (len(values), 1)) * log_uniform(rng, 1, 10, len(values))
    return values + (time >= start) * size * step_size(values)


def struck(rng, values):
    """A sudden blow that is made good step by step: strikes, storms, epidemics."""
    time = np.arange(values.shape[1])
    start = rng.integers(0, values.shape[1], (len(values), 1))
    size = rng.choice([-1, -1, 1], (len(values), 1)) * log_uniform(rng, 3, 20, len(values))
    left = np.exp(-np.maximum(time - start, 0) / log_uniform(rng, 1, 20, len(values)))
    return values + (time >= start) * left * size * step_size(values)


FAULTS = [
    (0.05, spikes),
    (0.02, stuck),
    (0.015, filled),
    (0.02, limited),
    (0.02, shifted),
    (0.015, struck),
    (0.12, rounded),
]


def faulty(rng, values):
    """Each fault in a few series of a hundred, rounding in one of eight."""
    for chance, fault in FAULTS:
        rows = np.flatnonzero(rng.random(len(values)) < chance)
        if len(rows):
            values[rows] = fault(rng, values[rows])
    return values
