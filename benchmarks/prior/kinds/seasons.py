"""Seasons: their lengths, their shapes, how they change, and what the calendar adds."""

import numpy as np

from .draws import choose, happens, log_uniform, unit
from .noise import autoregress
from .trends import squared_exponential

# First season, second season (1 = none), weight.
LENGTHS = [
    *[(12, 1, 27), (4, 1, 12), (52, 1, 9), (7, 1, 8), (24, 1, 7), (48, 1, 2), (365, 1, 2)],
    *[(24, 168, 7), (7, 365, 3), (48, 336, 2), (5, 1, 2), (6, 1, 1), (3, 1, 1), (2, 1, 1)],
    *[(8, 1, 1), (10, 1, 1), (13, 1, 0.5), (26, 1, 1), (30, 1, 1), (60, 1, 1), (96, 1, 1)],
    *[(144, 1, 1), (168, 1, 1), (4, 12, 0.5), (12, 60, 0.5), (7, 28, 0.5), (5, 20, 0.3)],
    *[(7, 30, 0.5), (12, 24, 0.3), (13, 52, 0.3), (5, 260, 0.5), (0, 1, 6), (-1, -1, 1)],
]
YEARS = {52: 365.25 / 7, 365: 365.25, 260: 365.25 * 5 / 7}


def lengths(rng, count):
    """`(count, 2)` whole numbers, the longer second; 1 where there is none."""
    row = choose(rng, np.arange(len(LENGTHS)), [weight for _, _, weight in LENGTHS], count)
    seasons = np.array([pair[:2] for pair in LENGTHS])[row]
    free = rng.integers(3, 61, count)
    twice = free * rng.integers(3, 9, count)
    seasons[:, 1] = np.where(seasons[:, 0] == -1, twice, seasons[:, 1])
    seasons[:, 0] = np.where(seasons[:, 0] < 1, free, seasons[:, 0])
    return seasons


def fourier(rng, position, length):
    """A few harmonics, falling amplitudes."""
    count = len(position)
    values = np.zeros_like(position)
    fall = rng.uniform(0.3, 2.5, (count, 1))
    most = np.minimum(
        np.maximum(length // 2, 1), choose(rng, [1, 2, 3, 6], [3, 3, 2, 2], count)
    )
    for k in range(1, 7):
        size = rng.standard_normal((count, 1)) / k**fall * (k <= most[:, None])
        values += size * np.sin(2 * np.pi * (k * position + rng.random((count, 1))))
    return values


def rough(rng, position, length):
    """Each position its own value; many of them equal in some."""
    values = rng.standard_normal(position.shape)
    return values * (rng.random(position.shape) < rng.uniform(0.1, 1.5, (len(position), 1)))


def bump(rng, position, length):
    """One or two bumps: exp(κ cos)."""
    count = len(position)
    values = np.zeros_like(position)
    for size in (1, happens(rng, 0.4, count) * rng.uniform(-1, 1, (count, 1))):
        turn = 2 * np.pi * (position + rng.random((count, 1)))
        values += size * np.exp(log_uniform(rng, 0.3, 20, count) * (np.cos(turn) - 1))
    return values * rng.choice([1, 1, -1], (count, 1))


def slanted(rng, position, length):
    """A rise and a fall of different lengths: saw teeth and skewed triangles."""
    share = rng.uniform(0.05, 0.95, (len(position), 1))
    position = (position + rng.random((len(position), 1))) % 1
    return np.where(position < share, position / share, (1 - position) / (1 - share))


def hours(rng, position, length):
    """Open and closed: a box, with a fainter half inside."""
    count = len(position)
    position = (position + rng.random((count, 1))) % 1
    width = rng.uniform(0.1, 0.8, (count, 1))
    inside = position < width
    return inside + rng.uniform(-0.6, 0.6, (count, 1)) * (position < width / 2)


def shape(rng, length):
    """`(count, longest)` values by position in the season; mean 0, spread 1 over the season."""
    count, longest = len(length), int(length.max())
    grid = np.arange(longest)
    position = grid / length[:, None]
    values = np.zeros((count, longest))
    smooth = choose(rng, [0, 1, 2, 3, 4], [46, 14, 20, 8, 12], count)
    coarse = choose(rng, [0, 1, 2, 3, 4], [45, 40, 8, 4, 3], count)
    which = np.where(length > 13, smooth, coarse)
    for number, make in enumerate((fourier, rough, bump, slanted, hours)):
        rows = np.flatnonzero(which == number)
        if len(rows):
            values[rows] = make(rng, position[rows], length[rows])
    jagged = happens(rng, 0.3, count) * rng.uniform(0, 0.4, (count, 1))
    values += jagged * rng.standard_normal(values.shape)
    return centred(values, length)


def centred(values, length):
    inside = np.arange(values.shape[1]) < length[:, None]
    mean = np.sum(values * inside, axis=1, keepdims=True) / length[:, None]
    values = (values - mean) * inside
    spread = np.sqrt(np.sum(values**2, axis=1, keepdims=True) / length[:, None])
    return values / np.where(spread > 1e-9, spread, 1)


def nested(rng, day, week):
    """Shapes of a week of days: days off, days of different size, a little of their own."""
    longest = int(week.max())
    grid = np.arange(longest)[None]
    days = np.maximum(week // day, 1)
    which = np.minimum(grid // day[:, None], days[:, None] - 1)
    hour = grid % day[:, None]
    count = len(day)
    work, rest = shape(rng, day), shape(rng, day)
    off = (np.arange(int(days.max())) >= (days - days // 3)[:, None]) * 1.0
    gain = 1 + 0.15 * rng.standard_normal(off.shape) - off * rng.uniform(0, 0.7, (count, 1))
    level = rng.uniform(0, 1.5, (count, 1)) * (0.3 * rng.standard_normal(off.shape) - off)
    mix = off * rng.uniform(0, 0.8, (count, 1))
    at = [np.take_along_axis(table, which, axis=1) for table in (gain, level, mix)]
    profile = [np.take_along_axis(table, hour, axis=1) for table in (work, rest)]
    values = at[0] * ((1 - at[2]) * profile[0] + at[2] * profile[1]) + at[1]
    return centred(values + 0.05 * rng.standard_normal(values.shape), week)


def steps_in_season(rng, length, time):
    """`(count, time)` positions; years of weeks and days have their true fractional length."""
    period = length.astype(float)
    for whole, true in YEARS.items():
        exact = (length == whole) & (rng.random(len(length)) < 0.6)
        period = np.where(exact, true, period)
    start = np.floor(rng.random(len(length)) * length)
    position = (np.arange(time) + start[:, None]) % period[:, None]
    return np.minimum(position.astype(np.int64), length[:, None] - 1)


def slow_path(rng, count, time):
    """A slow wander about 0 whose change over a hundred steps has size 1."""
    step = rng.standard_normal((count, time))
    memory = 1 - log_uniform(rng, 0.0005, 0.01, count)
    walk = autoregress(memory, step * 0.1)
    smooth = squared_exponential(rng, time, log_uniform(rng, 40, 300, count))
    return np.where(happens(rng, 0.5, count), walk, smooth - smooth[:, :1])


def season(rng, length, time, nested_in=None):
    """A season of unit spread: fixed, or its size or its shape changing slowly.

    `nested_in`, if given, holds the lengths of the days of which the season is a week.
    """
    count = len(length)
    make = (
        (lambda: shape(rng, length))
        if nested_in is None
        else (lambda: nested(rng, nested_in, length))
    )
    position = steps_in_season(rng, length, time)
    values = np.take_along_axis(make(), position, axis=1)
    change = choose(rng, [0, 1, 2, 3], [55, 18, 19, 8], count)
    rows = np.flatnonzero((change == 1) | (change == 3))
    if len(rows):
        size = log_uniform(rng, 0.03, 0.6, len(rows))
        values[rows] *= np.exp(np.clip(size * slow_path(rng, len(rows), time), -2, 2))
    rows = np.flatnonzero(change >= 2)
    if len(rows):
        other = np.take_along_axis(make()[rows], position[rows], axis=1)
        size = log_uniform(rng, 0.03, 0.6, len(rows))
        values[rows] += size * slow_path(rng, len(rows), time) * other
    return np.where(length[:, None] > 1, values, 0)


def seasonal_sum(values, length):
    """s_t = s_{t-m} + x_t, each series with its own m."""
    out = values.copy()
    time = values.shape[1]
    for m in np.unique(length):
        rows = np.flatnonzero(length == m)
        blocks = -(-time // m)
        padded = np.zeros((len(rows), blocks * m))
        padded[:, :time] = values[rows]
        total = np.cumsum(padded.reshape(len(rows), blocks, m), axis=1)
        out[rows] = total.reshape(len(rows), -1)[:, :time]
    return out


def seasonal_lag(values, length):
    """x_{t-m}, zeros before the start."""
    out = np.zeros_like(values)
    for m in np.unique(length):
        rows = np.flatnonzero(length == m)
        out[rows, m:] = values[rows, : max(values.shape[1] - m, 0)]
    return out


MONTHS = np.arange("1900-01", "2150-01", dtype="datetime64[M]")


def month_table():
    """For each month: days, how many of each weekday, whether Easter is in it."""
    first = MONTHS.astype("datetime64[D]")
    days = ((MONTHS + 1).astype("datetime64[D]") - first).astype(int)
    weekday = (first.astype(int) + 3) % 7
    extra = (np.arange(7) - weekday[:, None]) % 7
    counts = 4 + (extra < (days - 28)[:, None])
    year = MONTHS.astype(int) // 12 + 1970
    return days, counts, easter_month(year) == MONTHS.astype(int) % 12 + 1


def easter_month(year):
    """3 or 4 (the anonymous Gregorian rule)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    w = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    return (h + w - 7 * ((a + 11 * h + 22 * w) // 451) + 114) // 31


TABLE = month_table()


def calendar(rng, count, time):
    """What months of different lengths, weekdays and Easter do to monthly sums; spread 1."""
    days, counts, easter = TABLE
    start = rng.integers(0, max(len(days) - time, 1), (count, 1))
    month = (start + np.arange(time)) % len(days)
    weekdays = rng.standard_normal((count, 7)) * 0.2
    weekdays[:, 5:] -= rng.uniform(0, 1, (count, 1))
    effect = (1 + rng.uniform(-0.5, 0.5, (count, 1))) * days[month]
    effect = effect + np.einsum("nd,ntd->nt", weekdays, counts[month])
    effect += happens(rng, 0.4, count) * rng.uniform(-1, 1, (count, 1)) * easter[month]
    return unit(effect)
