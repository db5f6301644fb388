r"""What the recurrent prior reads of a series, free of its level and unit.

Everything is a difference from the last value, divided by a running unit and squashed by
arsinh. The unit at time t is the mean absolute seasonal difference over the last few seasons,
$s_t = \langle |y_i - y_{i-m}| \rangle$; a second, finer one is that of the changes of this
difference, which a steady trend does not fill. So a series times a factor plus a constant has
the same features, and no value after t has a part in those of time t.

From each origin t, a few simple forecasts of each lead time k stand ready, which the network
weighs: the last season, the last season carried to the present level, the mean season, the
drift, the last slope and the mean.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

LAGS = 8
"""Last differences that are read as they are."""

SEASONS = 4
"""Seasons that the mean season and the running unit go back."""

SHORTEST_UNIT = 64
"""Steps that the running unit goes back at least."""

BASES = 10
"""Simple forecasts of each lead time."""

READ = 2 * LAGS + 18
"""Features of a time step."""

ASKED = BASES + 8
"""Features of an origin and a lead time."""


class Reading(NamedTuple):
    """A batch of series as the prior reads it.

    Attributes
    ----------
    features
        What the recurrent network reads at each step.
    values
        The series, with the last value in place of one that is missing.
    sums
        Running sums of the values, from 0.
    unit, fine_unit
        The two running units.
    seasons
        The two seasons in steps; 1 for none.
    """

    features: Float[np.ndarray, "batch time read"]
    values: Float[np.ndarray, "batch time"]
    sums: Float[np.ndarray, "batch time+1"]
    unit: Float[np.ndarray, "batch time"]
    fine_unit: Float[np.ndarray, "batch time"]
    seasons: Int[np.ndarray, "batch 2"]


class Question(NamedTuple):
    """The origins and lead times to forecast, with the simple forecasts of each.

    Attributes
    ----------
    origins
        Times of the last known values.
    features
        What the readout is told of each origin and lead time.
    bases
        The simple forecasts, as differences from the value at the origin, in its unit.
    fineness
        The fine unit over the unit, at each origin.
    values, unit
        The value and the unit at each origin, by which the answer is read.
    """

    origins: Int[np.ndarray, " origin"]
    features: Float[np.ndarray, "batch origin lead asked"]
    bases: Float[np.ndarray, "batch origin lead base"]
    fineness: Float[np.ndarray, "batch origin"]
    values: Float[np.ndarray, "batch origin"]
    unit: Float[np.ndarray, "batch origin"]


def read(
    values: Float[np.ndarray, "batch time"],
    known: Bool[np.ndarray, "batch time"],
    seasons: Int[np.ndarray, "batch 2"],
) -> Reading:
    """The features of every time step.

    Parameters
    ----------
    values
        The series; what stands where `known` is false is not looked at. They are to be of
        order 1 and near 0, for the sake of rounding alone.
    known
        Whether a value was measured. The first one must be.
    seasons
        A season in steps, and a longer one; 1 for none.
    """
    z = _carried_forward(values, known)
    t = np.broadcast_to(np.arange(z.shape[1]), z.shape)
    m, long = seasons[:, :1], seasons[:, 1:]
    step = z - _at(z, t - 1)
    seasonal = np.where(t >= m, z - _at(z, t - m), 0.0)
    longer = np.where((long > 1) & (t >= long), z - _at(z, t - long), 0.0)
    change = np.where(t > m, seasonal - _at(seasonal, t - 1), 0.0)
    back = np.maximum(SEASONS * m, SHORTEST_UNIT)
    size_of_step = _mean_size(step, t, back, first=1)
    size_of_season = _mean_size(seasonal, t, back, first=m)
    size_of_change = _mean_size(change, t, back, first=m + 1)
    enough = t - m + 1 >= np.maximum(2, m // 2)
    bounded = np.clip(size_of_season, 0.05 * size_of_step, 4 * size_of_step)
    smallest = 1e-5 * np.maximum(np.maximum.accumulate(np.abs(z), axis=1), 1e-3)
    unit = np.where(enough, bounded, size_of_step) + smallest
    fine = np.where(enough, np.minimum(size_of_change, unit), unit)
    fine_unit = np.maximum(fine, 0.003 * unit)
    sums = np.cumsum(np.pad(z, ((0, 0), (1, 0))), axis=1)

    def mean(steps, skip=0):
        """The mean of `steps` values up to t - skip."""
        return _mean_between(sums, t + 1 - skip - steps, t + 1 - skip)

    cycle = np.maximum(m, 6)
    drift = np.where(t >= 2 * cycle - 1, mean(cycle) - mean(cycle, cycle), 0.0)
    scaled = [_at(step, t - i) for i in range(LAGS)]
    scaled += [seasonal, _at(seasonal, t - 1), _at(seasonal, t - m), longer]
    scaled += [mean(4) - z, mean(cycle) - z, mean(16) - z, mean(np.maximum(long, 64)) - z]
    scaled += [mean(t + 1) - z, drift]
    fine_scaled = [_at(change, t - i) for i in range(LAGS)]
    recent = _mean_size(step, t, 8, first=1) + smallest
    ratios = [
        np.log((size_of_step + smallest) / unit),
        np.log(recent / (size_of_step + smallest)),
        np.log(fine_unit / unit),
        np.log(m) / 4 + 0.0 * z,
        np.log(long) / 6 + 0.0 * z,
        (m == 1) + 0.0 * z,
        np.log1p(np.minimum(t, 1000)) / 6,
        known.astype(z.dtype),
    ]
    parts = [np.arcsinh(x / unit) for x in scaled]
    parts += [np.arcsinh(x / fine_unit) for x in fine_scaled] + ratios
    features = np.clip(np.stack(parts, axis=-1), -8, 8)
    return Reading(features, z, sums, unit, fine_unit, seasons)


def ask(
    reading: Reading, origins: Int[np.ndarray, " origin"], leads: Int[np.ndarray, " lead"]
) -> Question:
    """The simple forecasts from some origins, and what the readout is told of them.

    Parameters
    ----------
    reading
        The series.
    origins
        Times of the last known values.
    leads
        Lead times, from 1.
    """
    z, sums = reading.values, reading.sums
    t = origins[None, :, None]
    k = leads[None, None, :]
    m, long = reading.seasons[:, 0, None, None], reading.seasons[:, 1, None, None]
    shape = (len(z), len(origins), len(leads))
    t, k, m, long = (np.broadcast_to(x, shape) for x in (t, k, m, long))
    now = _at(z, t)
    unit, fine_unit = _at(reading.unit, t), _at(reading.fine_unit, t)

    def mean(start, end):
        return _mean_between(sums, start, end)

    cycles = -(-k // m)
    same = t + k - m * cycles  # the last time at the same place in its season
    has_season = (same >= 0) & (m > 1)
    last_season = np.where(same >= 0, _at(z, same) - now, 0.0)
    slope = np.where(t >= m, now - _at(z, t - m), 0.0) * cycles
    level = mean(t + 1 - np.maximum(m, 6), t + 1) - now
    shape_sum, count = 0.0, 0.0
    for j in range(SEASONS):
        i = same - j * m
        whole = t - (j + 1) * m >= -1
        own_level = mean(t + 1 - (j + 1) * m, t + 1 - j * m)
        shape_sum += np.where(whole, _at(z, i) - own_level, 0.0)
        count += whole
    mean_season = shape_sum / np.maximum(count, 1) * (m > 1)
    cycle = np.maximum(m, 6)
    steady = (mean(t + 1 - cycle, t + 1) - mean(t + 1 - 2 * cycle, t + 1 - cycle)) / cycle
    drift = np.where(t >= 2 * cycle - 1, steady, 0.0) * k
    far = t + k - long * -(-k // long)
    has_long = (far >= 0) & (long > 1)
    width = np.maximum(m, 7)
    present = mean(t + 1 - width, t + 1)
    long_last = np.where(has_long, _at(z, far) - now, 0.0)
    then = mean(far - k + 1 - width, far - k + 1)
    long_level = np.where(
        has_long & (far - k + 1 - width >= 0), _at(z, far) - then + present - now, long_last
    )
    last_slope = (now - _at(z, t - 1)) * k
    mean_slope = (now - _at(z, t - 4)) / 4 * k
    overall = mean(0 * t, t + 1) - now
    forecasts = (
        last_season,
        last_season + slope,
        mean_season + level,
        drift,
        long_last,
        long_level,
        last_slope,
        mean_slope,
        overall,
        level,
    )
    bases = np.stack(forecasts, axis=-1) / unit[..., None]
    told = np.broadcast_arrays(
        np.log(k) / 3,
        np.log(k / m) / 3,
        np.log(cycles) / 2,
        has_season,
        has_long,
        np.log1p(t / m) / 3,
        np.log(k / (t + 1)) / 4,
        np.log(fine_unit / unit) / 2,
    )
    features = np.concatenate([np.arcsinh(bases), np.stack(told, axis=-1)], axis=-1)
    fineness = (fine_unit / unit)[:, :, 0]
    return Question(
        origins, np.clip(features, -8, 8), bases, fineness, now[:, :, 0], unit[:, :, 0]
    )


def _carried_forward(values, known):
    """The series with the last known value in place of a missing one."""
    t = np.where(known, np.arange(values.shape[1]), 0)
    return np.take_along_axis(values, np.maximum.accumulate(t, axis=1), axis=1)


def _at(z, times):
    """Values at some times, `(batch, ...)`; the first one before the beginning."""
    flat = np.clip(times, 0, z.shape[1] - 1).reshape(len(z), -1)
    return np.take_along_axis(z, flat, axis=1).reshape(times.shape)


def _mean_between(sums, start, end):
    """Means of the values in `[start, end)`, by their running sums."""
    start, end = np.maximum(start, 0), np.maximum(end, 0)
    return (_at(sums, end) - _at(sums, start)) / np.maximum(end - start, 1)


def _mean_size(x, t, back, first):
    """The mean of |x| over the last steps, of which those before `first` are not defined."""
    sums = np.cumsum(np.pad(np.abs(x), ((0, 0), (1, 0))), axis=1)
    return _mean_between(sums, np.maximum(t + 1 - back, first), np.maximum(t + 1, first))
