"""Cycles and chaos: flows, maps, delays, random networks, stochastic cycles."""

import numpy as np
from scipy.fft import rfft

from .draws import choose, happens, log_uniform, mixture, unit
from .flows import flow
from .noise import autoregress, innovations, white
from .trends import smooth, trend


def cycle(rng, count, length):
    """A stochastic cycle: a damped rotation driven by noise, once or twice over."""
    angle = 2 * np.pi / log_uniform(rng, 3.5, 80, count)
    radius = 1 - log_uniform(rng, 0.0005, 0.1, count)
    coefficients = np.hstack([2 * radius * np.cos(angle), -(radius**2)])
    noise = innovations(rng, count, length + 300)
    twice = happens(rng, 0.3, count)
    once = autoregress(coefficients, noise)
    second = autoregress(coefficients, unit(once))
    return unit(np.where(twice, second, once)[:, 300:])


def asymmetric_cycle(rng, count, length):
    """Sunspots, lynx: steep rise, slow fall, each peak of its own size, noise with the level.

    A phase of noisy speed; height exp(slow path); waveform exp(κ cos(φ + s sin φ)), or a power.
    """
    period = log_uniform(rng, 6, 140, count)
    jitter = log_uniform(rng, 0.003, 0.5, count)
    speed = np.exp(jitter * autoregress(0.9 + 0 * jitter, 0.4 * white(rng, count, length)))
    phase = 2 * np.pi * (np.cumsum(speed / period, axis=1) + rng.random((count, 1)))
    turned = phase + rng.uniform(-0.9, 0.9, (count, 1)) * np.sin(phase)
    peaked = np.exp(log_uniform(rng, 0.2, 5, count) * (np.cos(turned) - 1))
    memory = np.exp(-1 / (period * rng.uniform(0.3, 3, (count, 1))))
    path = autoregress(memory, np.sqrt(1 - memory**2) * white(rng, count, length + 100))[
        :, 100:
    ]
    height = np.exp(log_uniform(rng, 0.03, 0.8, count) * path)
    clean = height * peaked
    noise = log_uniform(rng, 0.01, 0.4, count) * white(rng, count, length)
    values = clean + noise * np.sqrt(np.maximum(clean, 0) + 0.02)
    return np.where(happens(rng, 0.5, count), np.maximum(values, 0), values)


def discrete(rng, count, length):
    """Maps with process noise: logistic, Ricker, Hénon, tent, delayed Ricker (lynx), sine."""
    burn, every = 100, choose(rng, [1, 2], [6, 1], count)
    kind = rng.integers(0, 6, count)
    u = rng.random(count)
    r = np.choose(
        kind, [3.2 + 0.8 * u, 1.5 + 2 * u, 1 + 0.4 * u, 1.2 + 0.79 * u, 0.5 + u, 0.7 + 0.3 * u]
    )
    b = rng.uniform(0.1, 0.3, count)
    kick = np.where(rng.random(count) < 0.5, log_uniform(rng, 0.001, 0.1, count)[:, 0], 0)
    x = np.full(count, 0.3) + 0.2 * u
    before = x.copy()
    out = np.empty((2 * length + burn, count))
    for t in range(len(out)):
        ricker = x * np.exp(np.clip(r * (1 - np.where(kind == 1, x, before)), -20, 3))
        new = np.choose(
            kind,
            [
                r * x * (1 - x),
                ricker,
                1 - r * x * x + b * before,
                r * np.minimum(x, 1 - x),
                ricker,
                r * np.sin(np.pi * x),
            ],
        )
        new = new * np.exp(kick * rng.standard_normal(count))
        low = np.where(kind == 2, -1.3, 1e-3)
        high = np.choose(kind, [0.999, 20, 1.3, 0.999, 20, 0.999])
        x, before = np.clip(new, low, high), x
        out[t] = x
    at = burn + np.arange(length)[:, None] * every
    values = np.take_along_axis(out, at, axis=0).T
    logged = happens(rng, 0.5, count) & np.isin(kind, [1, 4])[:, None]
    return np.where(logged, np.log(np.maximum(values, 1e-4)), values)


def delayed(rng, count, length):
    """Mackey and Glass: x' = β x(t-τ) / (1 + x(t-τ)^n) - γ x, τ in 24 steps."""
    lags, burn = 24, 300
    delay = log_uniform(rng, 10, 80, count)[:, 0]
    step, power = delay / lags, rng.uniform(7, 12, count)
    beta, gamma = rng.uniform(0.15, 0.3, count), rng.uniform(0.07, 0.13, count)
    every = rng.integers(1, 5, count)
    x = np.empty((burn + 4 * length + lags, count))
    x[:lags] = 0.9 + 0.3 * rng.random((lags, count))
    decay = np.exp(-gamma * step)
    for t in range(lags, len(x)):
        old = x[t - lags]
        x[t] = decay * x[t - 1] + (1 - decay) / gamma * beta * old / (1 + old**power)
    at = burn + lags + np.arange(length)[:, None] * every
    return np.take_along_axis(x, at, axis=0).T


def network(rng, count, length, burn=100, units=12):
    """A leaky network of tanh units with random weights, seen through one mixture of units."""
    gain = rng.uniform(1.3, 3.5, (count, 1, 1))
    used = np.arange(units) < rng.integers(2, units + 1, (count, 1))
    weights = rng.standard_normal((count, units, units)) * used[:, None, :]
    weights *= gain / np.sqrt(used.sum(1))[:, None, None]
    bias = rng.standard_normal((count, units)) * rng.uniform(0, 0.5, (count, 1))
    leak = log_uniform(rng, 0.05, 1, count)
    kick = happens(rng, 0.5, count) * log_uniform(rng, 0.002, 0.2, count)
    look = rng.standard_normal((count, units)) * (np.arange(units) < 3)
    x = rng.standard_normal((count, units))
    out = np.empty((burn + length, count))
    for t in range(len(out)):
        drive = np.matmul(weights, x[:, :, None])[:, :, 0] + bias
        x = (1 - leak) * x + leak * np.tanh(drive) + kick * rng.standard_normal(x.shape)
        out[t] = (x * look).sum(1)
    return out[burn:].T


def dynamic(rng, count, length):
    """One of these, mostly with little measurement noise, at times on a trend.

    One in five is told the period of its strongest wave as if it were a season.
    """
    values = unit(
        mixture(
            rng,
            count,
            length,
            [
                (22, cycle),
                (20, asymmetric_cycle),
                (12, discrete),
                (30, flow),
                (7, delayed),
                (9, network),
            ],
        )
    )
    noise = happens(rng, 0.6, count) * log_uniform(rng, 0.003, 0.5, count)
    values += noise * white(rng, count, length)
    values += (
        happens(rng, 0.12, count) * log_uniform(rng, 0.1, 2, count) * trend(rng, count, length)
    )
    swell = np.exp(0.4 * unit(smooth(rng, count, length)))
    values = np.where(happens(rng, 0.08, count), values * swell, values)
    seasons = np.ones((count, 2), np.int64)
    mistaken = rng.random(count) < 0.2
    seasons[:, 0] = np.where(mistaken, strongest_period(values), 1)
    return values, seasons


def strongest_period(values):
    """The period of the highest peak of the spectrum, whole; 1 if it is over 100 steps."""
    length = values.shape[1]
    window = np.hanning(length)
    power = np.abs(rfft((values - values.mean(axis=1, keepdims=True)) * window))
    period = np.rint(length / np.maximum(np.argmax(power, axis=1), 1)).astype(np.int64)
    return np.where((period > 1) & (period <= min(100, length // 3)), period, 1)
