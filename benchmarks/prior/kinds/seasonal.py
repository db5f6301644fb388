"""Series with seasons: structural, physical, airline model, exponential smoothing."""

import numpy as np

from .draws import choose, happens, log_uniform, unit
from .noise import autoregress, first_order, innovations, moving_average, residual, white
from .seasons import (
    calendar,
    lengths,
    season,
    seasonal_lag,
    seasonal_sum,
    shape,
    slow_path,
    steps_in_season,
)
from .trends import random_walk, trend


def link(rng, values, weights=(45, 38, 10, 7)):
    """Additive, exponential, a power, or bounded: what makes spread follow the level."""
    count = len(values)
    kind = choose(rng, np.arange(4), weights, count)[:, None]
    values = unit(values)
    middle = (values.max(axis=1, keepdims=True) + values.min(axis=1, keepdims=True)) / 2
    half = np.maximum(np.ptp(values, axis=1, keepdims=True) / 2, 1e-9)
    steep = np.minimum(log_uniform(rng, 0.05, 1.2, count), 3 / half)
    growing = np.exp(steep * (values - middle)) / steep
    scaled = (values - middle) / half
    power = rng.uniform(1.3, 3, (count, 1))
    curved = (1 + scaled * rng.uniform(0.3, 0.97, (count, 1))) ** power
    at = rng.normal(0, 1.5, (count, 1))
    bounded = 1 / (1 + np.exp(-(log_uniform(rng, 0.3, 2.5, count) * values + at)))
    return np.select([kind == 0, kind == 1, kind == 2], [values, growing, curved], bounded)


def seasonal_parts(rng, seasons, length):
    """The sum of a series' seasons, spread about 1; nested where the second is a multiple."""
    count = len(seasons)
    first, second = seasons.T
    inside = (second > first) & (second % first == 0) & (second // first <= 8)
    inside &= rng.random(count) < 0.75
    values = np.zeros((count, length))
    alone = np.flatnonzero(~inside)
    if len(alone):
        values[alone] = season(rng, first[alone], length)
    rows = np.flatnonzero(inside)
    if len(rows):
        values[rows] = season(rng, second[rows], length, nested_in=first[rows])
    rows = np.flatnonzero(~inside & (second > 1))
    if len(rows):
        values[rows] += log_uniform(rng, 0.2, 3, len(rows)) * season(rng, second[rows], length)
    return unit(values)


def structural(rng, count, length):
    """link(trend + seasons + calendar + residual) + noise."""
    seasons = lengths(rng, count)
    size = log_uniform(rng, 0.03, 20, count)
    noise = log_uniform(rng, 0.02, 4, count)
    faint = np.where(happens(rng, 0.12, count), log_uniform(rng, 0.02, 0.4, count), 1)
    z = size * trend(rng, count, length)
    z += faint * seasonal_parts(rng, seasons, length)
    z += noise * residual(rng, count, length)
    months = np.flatnonzero((seasons[:, 0] == 12) & (rng.random(count) < 0.25))
    if len(months):
        z[months] += log_uniform(rng, 0.03, 0.6, len(months)) * calendar(
            rng, len(months), length
        )
    return link(rng, z), seasons


def weekly(rng, count, length):
    """Weeks (and other fine steps): a walk, a mild year, noise that follows the level."""
    m = choose(rng, [52, 12, 7, 24, 4], [60, 14, 8, 11, 7], count)
    seasons = np.stack([m, np.ones_like(m)], axis=1)
    z = 10 ** rng.uniform(-0.5, 0.5, (count, 1)) * unit(random_walk(rng, count, length))
    z += log_uniform(rng, 0.03, 1, count) * season(rng, m, length)
    z += happens(rng, 0.5, count) * trend(rng, count, length)
    z += log_uniform(rng, 0.01, 0.5, count) * residual(rng, count, length)
    return link(rng, z, (35, 55, 10, 0)), seasons


def waves(rng, seasons, length):
    """The sun's seasons: one wave each, its double faint, its size changing slowly in some."""
    count = len(seasons)
    t = np.arange(length)
    values = np.zeros((count, length))
    for number, m in enumerate(seasons.T):
        turn = 2 * np.pi * (t / m[:, None] + rng.random((count, 1)))
        double = np.sin(2 * turn + 2 * np.pi * rng.random((count, 1)))
        wave = np.sin(turn) + rng.uniform(0, 0.4, (count, 1)) * double
        size = 1 if number == 0 else log_uniform(rng, 0.2, 3, count)
        values += (m[:, None] > 1) * size * wave
    swell = happens(rng, 0.4, count) * log_uniform(rng, 0.03, 0.5, count)
    return unit(values * np.exp(np.clip(swell * slow_path(rng, count, length), -2, 2)))


def physical(rng, count, length):
    """A strong season about a steady mean, autocorrelated noise whose spread has a season too.

    Temperatures and water temperatures; on the exponential link, rivers and rainfall.
    """
    seasons = lengths(rng, count)
    z = np.where(
        happens(rng, 0.6, count),
        waves(rng, seasons, length),
        seasonal_parts(rng, seasons, length),
    )
    noise = first_order(rng, count, length)
    noise += log_uniform(rng, 0.05, 1, count) * first_order(rng, count, length)
    noise *= np.exp(rng.uniform(0, 0.6, (count, 1)) * season(rng, seasons[:, 0], length))
    z += log_uniform(rng, 0.04, 2, count) * unit(noise)
    z += happens(rng, 0.3, count) * log_uniform(rng, 0.03, 1, count) * trend(rng, count, length)
    return link(rng, z, (72, 22, 6, 0)), seasons


def airline(rng, count, length):
    """(1 - B)^d (1 - B^m) y = (1 - θB)(1 - ΘB^m) e, on the values or on their logarithm.

    d is 1, or an autoregression takes its place; the first season and the drift are drawn.
    """
    seasons = lengths(rng, count)
    seasons[:, 1] = 1
    m = seasons[:, 0]
    theta = rng.beta(2, 2, (count, 1)) * 1.2 - 0.2
    great = np.where(happens(rng, 0.8, count), rng.beta(3, 1.3, (count, 1)), 0.0)
    noise = moving_average(innovations(rng, count, length), -theta)
    noise = noise - great * seasonal_lag(noise, m)
    y = seasonal_sum(noise, m)
    memory = np.where(happens(rng, 0.75, count), 1, rng.uniform(0.2, 0.99, (count, 1)))
    y = autoregress(memory, y)
    y += log_uniform(rng, 0.5, 20, count) * season_fixed(rng, m, length)
    drift = rng.standard_normal((count, 1)) * log_uniform(rng, 0.01, 0.6, count)
    y += drift * np.arange(length)
    return link(rng, y, (50, 46, 4, 0)), seasons


def season_fixed(rng, m, length):
    """A season that stays as it is."""
    return np.take_along_axis(shape(rng, m), steps_in_season(rng, m, length), axis=1)


def smoothing(rng, count, length):
    """Exponential smoothing as a model: level, damped slope, seasonal states; additive or not.

    l = l + φb + αe, b = φb + βe, s = s + γe, y = l + φb + s + e (Hyndman's single source of
    error); with multiplicative season and error the log-level stands for the level.
    """
    seasons = lengths(rng, count)
    seasons[:, 1] = 1
    m = seasons[:, 0]
    alpha = rng.random(count) ** 1.5
    beta = alpha * np.where(rng.random(count) < 0.5, rng.random(count) ** 3 * 0.3, 0)
    gamma = (1 - alpha) * np.where(rng.random(count) < 0.6, rng.random(count) ** 2 * 0.4, 0)
    phi = np.where(rng.random(count) < 0.4, 1 - log_uniform(rng, 0.0005, 0.01, count)[:, 0], 0)
    phi = np.where(phi == 0, rng.uniform(0.8, 0.99, count), phi)
    state = (shape(rng, m) * log_uniform(rng, 0.2, 20, count)).T.copy()
    level = np.zeros(count)
    slope = rng.standard_normal(count) * log_uniform(rng, 0.01, 1, count)[:, 0]
    noise = innovations(rng, count, length).T
    columns, y = np.arange(count), np.empty((length, count))
    for t in range(length):
        row, e = t % m, noise[t]
        old = state[row, columns]
        y[t] = level + phi * slope + old + e
        level = level + phi * slope + alpha * e
        slope = phi * slope + beta * e
        state[row, columns] = old + gamma * e
    return link(rng, y.T, (50, 46, 4, 0)), seasons


def sales(rng, count, length):
    """Counts with weekdays, months or hours: Poisson or wider, about a structural rate."""
    seasons = lengths(rng, count)
    z = seasonal_parts(rng, seasons, length)
    z += log_uniform(rng, 0.1, 2, count) * trend(rng, count, length)
    z += log_uniform(rng, 0.05, 1, count) * residual(rng, count, length)
    rate = log_uniform(rng, 1, 300, count)
    rate = rate * np.exp(np.clip(unit(z) * rng.uniform(0.1, 0.8, (count, 1)), -4, 4))
    wide = happens(rng, 0.4, count)
    form = rng.uniform(1, 10, (count, 1))
    rate = np.where(wide, rate * rng.gamma(form, 1 / form, rate.shape), rate)
    return rng.poisson(np.minimum(rate, 1e6)).astype(float), seasons


def sharp(rng, count, length):
    """Days and nights, open and closed: a season times a level, noise in proportion to both."""
    seasons = lengths(rng, count)
    pattern = seasonal_parts(rng, seasons, length)
    pattern = pattern - pattern.min(axis=1, keepdims=True)
    level = np.exp(
        np.clip(log_uniform(rng, 0.02, 0.5, count) * trend(rng, count, length), -3, 3)
    )
    noise = log_uniform(rng, 0.01, 0.5, count) * residual(rng, count, length)
    values = level * pattern * np.maximum(1 + noise, 0)
    floor = log_uniform(rng, 0.001, 0.3, count) * white(rng, count, length)
    return values + floor, seasons
