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

from typing import Any, NamedTuple

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

    def mean(steps, skip: Any = 0):
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


class _Place(NamedTuple):
    """Origins and lead times beside the series, each `(batch, origin, lead)`."""

    z: np.ndarray
    sums: np.ndarray
    t: np.ndarray
    k: np.ndarray
    m: np.ndarray
    long: np.ndarray

    def value(self, times):
        return _at(self.z, times)

    def mean(self, start, end):
        return _mean_between(self.sums, start, end)

    @property
    def cycles(self):
        """Whole seasons that the lead time goes back to a known value."""
        return -(-self.k // self.m)

    @property
    def same(self):
        """The last known time at the same place in its season."""
        return self.t + self.k - self.m * self.cycles


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
    shape = (len(reading.values), len(origins), len(leads))
    seasons = reading.seasons[:, :, None, None]
    where = origins[None, :, None], leads[None, None, :], seasons[:, 0], seasons[:, 1]
    wide = (np.broadcast_to(x, shape) for x in where)
    place = _Place(reading.values, reading.sums, *wide)
    t, k, m = place.t, place.k, place.m
    now = place.value(t)
    unit, fine_unit = _at(reading.unit, t), _at(reading.fine_unit, t)
    long_forecasts, has_long = _of_the_long_season(place, now)
    seasonal, level = _of_the_season(place, now)
    forecasts = (*seasonal, _drift(place), *long_forecasts, *_of_slopes(place, now), level)
    bases = np.stack(forecasts, axis=-1) / unit[..., None]
    told = np.broadcast_arrays(
        np.log(k) / 3,
        np.log(k / m) / 3,
        np.log(place.cycles) / 2,
        (place.same >= 0) & (m > 1),
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


def _of_the_season(place, now):
    """The last season, that on the present level, the mean season; and the level alone."""
    t, m, same = place.t, place.m, place.same
    last = np.where(same >= 0, place.value(same) - now, 0.0)
    slope = np.where(t >= m, now - place.value(t - m), 0.0) * place.cycles
    level = place.mean(t + 1 - np.maximum(m, 6), t + 1) - now
    total, count = 0.0, 0.0
    for j in range(SEASONS):
        whole = t - (j + 1) * m >= -1
        own_level = place.mean(t + 1 - (j + 1) * m, t + 1 - j * m)
        total += np.where(whole, place.value(same - j * m) - own_level, 0.0)
        count += whole
    mean_season = total / np.maximum(count, 1) * (m > 1)
    return (last, last + slope, mean_season + level), level


def _drift(place):
    """The change from the last season but one to the last, carried on."""
    t, cycle = place.t, np.maximum(place.m, 6)
    before = place.mean(t + 1 - 2 * cycle, t + 1 - cycle)
    steady = (place.mean(t + 1 - cycle, t + 1) - before) / cycle
    return np.where(t >= 2 * cycle - 1, steady, 0.0) * place.k


def _of_the_long_season(place, now):
    """The last long season, and that on the present level; and where there is one."""
    t, k, long = place.t, place.k, place.long
    far = t + k - long * -(-k // long)
    there = (far >= 0) & (long > 1)
    width = np.maximum(place.m, 7)
    last = np.where(there, place.value(far) - now, 0.0)
    then = place.mean(far - k + 1 - width, far - k + 1)
    present = place.mean(t + 1 - width, t + 1)
    moved = place.value(far) - then + present - now
    return (last, np.where(there & (far - k + 1 - width >= 0), moved, last)), there


def _of_slopes(place, now):
    """The last slope and that of four steps, carried on; and the mean of all values."""
    t, k = place.t, place.k
    slopes = (now - place.value(t - 1)) * k, (now - place.value(t - 4)) / 4 * k
    return *slopes, place.mean(0 * t, t + 1) - now


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
