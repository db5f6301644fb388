"""Smooth series, little noise: Gaussian processes, damped trends, summed autoregressions."""

import numpy as np
from scipy.fft import irfft, next_fast_len

from .draws import happens, log_uniform, mixture, unit
from .noise import arma, autoregress, from_partial, residual, white
from .seasonal import link
from .trends import damped, logistic, piecewise, smooth, squared_exponential, wandering_slope


def spectral(rng, count, length):
    """A Gaussian process whose spectrum is a sum of one to three kernels' spectra.

    Squared exponential, Matérn (any order), rational quadratic, and bumps at a frequency.
    """
    size = next_fast_len(3 * length, real=True)
    frequency = np.fft.rfftfreq(size)[None]
    power = np.zeros((count, frequency.shape[1]))
    for number in range(3):
        used = 1.0 if number == 0 else happens(rng, 0.4, count)
        scale = log_uniform(rng, 3, 200, count)
        w2 = (2 * np.pi * frequency * scale) ** 2
        matern = (1 + w2) ** -rng.uniform(1, 3.5, (count, 1))
        centre = 1 / log_uniform(rng, 6, 150, count)
        width = centre * log_uniform(rng, 0.01, 0.5, count)
        bump = np.exp(-0.5 * ((frequency - centre) / width) ** 2)
        kind = rng.integers(0, 3, (count, 1))
        kernel = np.select([kind == 0, kind == 1], [np.exp(-0.5 * w2), matern], bump)
        power += used * rng.uniform(0.1, 1, (count, 1)) * kernel / kernel.sum(1, keepdims=True)
    draw = rng.standard_normal(power.shape) + 1j * rng.standard_normal(power.shape)
    return unit(irfft(draw * np.sqrt(power), size)[:, :length])


def composed(rng, count, length):
    """Sums and products of Gaussian processes, lines and waves (KernelSynth's idea)."""
    values = spectral(rng, count, length)
    other = mixture(rng, count, length, [(3, spectral), (2, smooth), (2, line), (2, wave)])
    offset = rng.uniform(0, 2, (count, 1))
    product = happens(rng, 0.5, count)
    other = unit(other)
    return np.where(product, values * (offset + other), values + offset * other)


def line(rng, count, length):
    return np.tile(np.arange(length) / 1.0, (count, 1))


def wave(rng, count, length):
    turn = np.arange(length) / log_uniform(rng, 4, 120, count) + rng.random((count, 1))
    return np.sin(2 * np.pi * turn)


def summed(rng, count, length):
    """ARIMA(p, 1, q) and (p, 2, q) of persistent changes with drift: users of a server."""
    memory = 1 - log_uniform(rng, 0.01, 0.6, count)
    partial = np.hstack([memory, rng.uniform(-0.7, 0.3, (count, 2))])
    partial[:, 1:] *= np.arange(2) < rng.integers(0, 3, (count, 1))
    noise = rng.standard_normal((count, length + 200))
    change = unit(autoregress(from_partial(partial), noise)[:, 200:])
    change += happens(rng, 0.6, count) * log_uniform(rng, 0.1, 10, count)
    return np.cumsum(change, axis=1)


def filtered(rng, count, length):
    """ARMA seen through a moving average of 3 to 30 steps, or smoothed exponentially twice."""
    width = rng.integers(3, 31, (count, 1))
    total = np.cumsum(arma(rng, count, length + 31), axis=1)
    at = np.arange(31, length + 31) - width
    averaged = total[:, 31:] - np.take_along_axis(total, at, axis=1)
    return np.where(happens(rng, 0.3, count), np.cumsum(averaged, axis=1), averaged)


def growth(rng, count, length):
    """Population: steady growth, its slope wandering slowly."""
    scale = log_uniform(rng, 5, 150, count)
    slope = unit(squared_exponential(rng, length, scale)) + log_uniform(rng, 0.3, 8, count)
    return np.cumsum(slope, axis=1)


def smooth_series(rng, count, length):
    """One of these, noise from none to a few per cent of the changes' size times ten."""
    values = mixture(
        rng,
        count,
        length,
        [
            (22, spectral),
            (12, composed),
            (22, summed),
            (8, filtered),
            (12, growth),
            (10, wandering_slope),
            (5, damped),
            (5, logistic),
            (4, piecewise),
        ],
    )
    values = link(rng, values, (68, 26, 6, 0))
    change = np.std(np.diff(values, axis=1), axis=1, keepdims=True)
    noise = np.where(happens(rng, 0.7, count), log_uniform(rng, 0.003, 1, count), 0)
    noise = (
        noise
        * change
        * np.where(
            happens(rng, 0.8, count), white(rng, count, length), residual(rng, count, length)
        )
    )
    return values + noise, np.ones((count, 2), np.int64)
