"""Trends: each in units of its own change over a hundred steps."""

import numpy as np
from scipy.fft import irfft, next_fast_len

from .draws import choose, happens, log_uniform, mixture, unit, unit_change
from .noise import autoregress, innovations


def constant(rng, count, length):
    return np.zeros((count, length))


def straight(rng, count, length):
    return rng.choice([1, 1, 1, -1], (count, 1)) * np.arange(length) / 100.0


def random_walk(rng, count, length):
    """A walk with drift: the drift is 0 to several times a step's spread over 30 steps."""
    drift = (
        rng.standard_normal((count, 1)) * choose(rng, [0, 0.03, 0.2], [4, 4, 2], count)[:, None]
    )
    return np.cumsum(innovations(rng, count, length) + drift, axis=1)


def wandering_slope(rng, count, length):
    """Level and slope: b_t = b̄ + φ (b_{t-1} - b̄) + e_t, l_t = l_{t-1} + b_t."""
    memory = 1 - log_uniform(rng, 0.002, 0.5, count)
    steps = rng.standard_normal((count, length + 100)) * np.sqrt(1 - memory**2)
    slope = autoregress(memory, steps)[:, 100:]
    drift = np.where(happens(rng, 0.7, count), log_uniform(rng, 0.1, 5, count), 0)
    return np.cumsum(slope + drift, axis=1)


def damped(rng, count, length):
    """A slope that dies away, renewed at random times: l_t = l_{t-1} + φ^k b."""
    memory = 1 - log_uniform(rng, 0.004, 0.1, count)
    shock = rng.random((count, length)) < log_uniform(rng, 0.002, 0.03, count)
    shock[:, 0] = True
    size = rng.standard_normal((count, length)) + rng.choice([0, 1], (count, 1))
    return np.cumsum(autoregress(memory, shock * size), axis=1)


def smooth(rng, count, length):
    """A Gaussian process with a squared-exponential kernel, 15 to 400 steps long."""
    return squared_exponential(rng, length, log_uniform(rng, 15, 400, count))


def squared_exponential(rng, length, scale):
    """Gaussian processes of covariance exp(-lag² / 2 scale²), by FFT; scale (series, 1)."""
    size = next_fast_len(length + int(4 * np.max(scale)), real=True)
    frequency = np.fft.rfftfreq(size)
    shape = (len(scale), len(frequency))
    amplitude = np.exp(-((np.pi * frequency * scale) ** 2)) * np.sqrt(
        scale * np.sqrt(2 * np.pi)
    )
    draw = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    draw[:, 0] *= np.sqrt(2)  # the mean's imaginary part is lost
    return irfft(draw * amplitude, size)[:, :length] * np.sqrt(size / 2)


def logistic(rng, count, length):
    """One to three logistic steps: growth that saturates."""
    t = np.arange(length)
    total = np.zeros((count, length))
    for number in range(3):
        used = 1 if number == 0 else happens(rng, 0.3, count)
        middle = rng.uniform(-0.1, 1.1, (count, 1)) * length
        width = log_uniform(rng, 4, 120, count)
        size = used * rng.choice([1, 1, -1], (count, 1)) * rng.uniform(0.3, 1, (count, 1))
        total += size / (1 + np.exp(np.clip((middle - t) / width, -50, 50)))
    return total


def piecewise(rng, count, length):
    """Straight pieces, Laplace-distributed changes of slope."""
    change = rng.random((count, length)) < log_uniform(rng, 0.003, 0.03, count)
    change[:, 0] = True
    slope = np.cumsum(change * rng.laplace(size=(count, length)), axis=1)
    pull = rng.laplace(size=(count, length))
    held = np.maximum.accumulate(np.where(change, np.arange(length), 0), axis=1)
    fresh = np.take_along_axis(pull, held, axis=1)
    slope = np.where(happens(rng, 0.5, count), slope, fresh)
    return np.cumsum(slope + rng.choice([0, 0.5], (count, 1)), axis=1)


def shifts(rng, count, length):
    """A level that jumps now and then."""
    jump = rng.random((count, length)) < log_uniform(rng, 0.002, 0.02, count)
    jump[np.arange(count), rng.integers(0, length, count)] = True
    return np.cumsum(jump * rng.standard_normal((count, length)), axis=1)


def business_cycle(rng, count, length):
    """A second-order autoregression with a cycle of 20 to 150 steps, and drift."""
    angle = 2 * np.pi / log_uniform(rng, 20, 150, count)
    radius = 1 - log_uniform(rng, 0.003, 0.05, count)
    coefficients = np.hstack([2 * radius * np.cos(angle), -(radius**2)])
    cycle = unit(autoregress(coefficients, innovations(rng, count, length + 200))[:, 200:])
    drift = np.where(happens(rng, 0.5, count), log_uniform(rng, 0.3, 3, count), 0)
    return cycle + drift * np.arange(length) / 100


def recessions(rng, count, length):
    """Shocks that build up in some steps and die away slowly, all to one side: unemployment."""
    chance = log_uniform(rng, 0.003, 0.05, count)
    shock = (rng.random((count, length + 200)) < chance) * rng.exponential(
        size=(count, length + 200)
    )
    rise = 1 - 1 / log_uniform(rng, 1, 15, count)
    fall = 1 - 1 / log_uniform(rng, 15, 150, count)
    return autoregress(np.hstack([rise + fall, -rise * fall]), shock)[:, 200:]


def trend(rng, count, length):
    """A trend in units of its change over a hundred steps; none in one of eight."""
    values = mixture(
        rng,
        count,
        length,
        [
            (12, constant),
            (12, straight),
            (20, random_walk),
            (16, wandering_slope),
            (5, damped),
            (11, smooth),
            (6, logistic),
            (7, piecewise),
            (4, shifts),
            (7, business_cycle),
            (5, recessions),
        ],
    )
    return unit_change(values)
