"""Noise: white of several shapes, with changing volatility, ARMA, long memory."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from .draws import choose, happens, log_uniform, mixture, unit


def gaussian(rng, count, length):
    return rng.standard_normal((count, length))


def heavy(rng, count, length):
    """Student's t, 3 to 10 degrees of freedom, variance 1."""
    freedom = rng.uniform(3, 10, (count, 1))
    chi = rng.chisquare(freedom, (count, length))
    return rng.standard_normal((count, length)) * np.sqrt((freedom - 2) / chi)


def laplace(rng, count, length):
    return rng.laplace(0, np.sqrt(0.5), (count, length))


def contaminated(rng, count, length):
    """Gaussian, a few per cent of it several times as wide."""
    wide = rng.random((count, length)) < log_uniform(rng, 0.005, 0.1, count)
    return unit(rng.standard_normal((count, length)) * np.where(wide, rng.uniform(3, 8), 1))


def skewed(rng, count, length):
    """The exponential of a Gaussian, to one side."""
    width = rng.uniform(0.2, 0.9, (count, 1))
    values = np.exp(width * rng.standard_normal((count, length)))
    values = (values - np.exp(width**2 / 2)) / np.sqrt(
        np.exp(width**2) * (np.exp(width**2) - 1)
    )
    return values * np.where(happens(rng, 0.7, count), 1, -1)


def white(rng, count, length):
    """Independent values of variance 1."""
    return mixture(
        rng,
        count,
        length,
        [(60, gaussian), (15, heavy), (10, laplace), (8, contaminated), (7, skewed)],
    )


def autoregress(coefficients, noise):
    """x_t = Σ_j a_j x_{t-j} + e_t, from zeros.

    Coefficients `(series, order)`, noise `(series, time)`.
    """
    order = coefficients.shape[1]
    reverse = np.ascontiguousarray(coefficients.T[::-1])
    noise = np.ascontiguousarray(noise.T)
    x = np.zeros((len(noise) + order, noise.shape[1]))
    for t in range(len(noise)):
        if order == 1:
            now = np.multiply(reverse[0], x[t], out=x[t + 1])
        else:
            now = np.einsum("pn,pn->n", reverse, x[t : t + order], out=x[t + order])
        now += noise[t]
    return x[order:].T


def from_partial(partial):
    """Coefficients of an autoregression from partial autocorrelations (Durbin, Levinson)."""
    order = partial.shape[1]
    coefficients = np.zeros_like(partial)
    for k in range(order):
        last = partial[:, k : k + 1]
        before = coefficients[:, :k]
        coefficients[:, :k] = before - last * before[:, ::-1]
        coefficients[:, k : k + 1] = last
    return coefficients


def moving_average(values, weights):
    """e_t + Σ_j b_j e_{t-j}."""
    out = values.copy()
    for j in range(weights.shape[1]):
        out[:, j + 1 :] += weights[:, j : j + 1] * values[:, : -j - 1]
    return out


def garch(rng, count, length):
    """Volatility of a GARCH(1, 1): h_t = ω + (α e² + β) h_{t-1}."""
    alpha = rng.uniform(0.02, 0.3, count)
    beta = (1 - alpha) * rng.uniform(0.5, 0.995, count)
    noise = rng.standard_normal((length, count))
    variance = np.ones((length, count))
    for t in range(1, length):
        growth = alpha * noise[t - 1] ** 2 + beta
        variance[t] = 1 - alpha - beta + growth * variance[t - 1]
    return (noise * np.sqrt(variance)).T


def stochastic_volatility(rng, count, length):
    """The logarithm of the spread is a slow first-order autoregression."""
    memory = 1 - log_uniform(rng, 0.003, 0.2, count)
    path = autoregress(memory, rng.standard_normal((count, length)) * np.sqrt(1 - memory**2))
    return unit(white(rng, count, length) * np.exp(rng.uniform(0.2, 1, (count, 1)) * path))


def volatility_regimes(rng, count, length):
    """The spread jumps between two sizes; stays last 10 to 200 steps."""
    switch = rng.random((count, length)) < 1 / log_uniform(rng, 10, 200, count)
    state = (np.cumsum(switch, axis=1) + rng.integers(0, 2, (count, 1))) % 2
    wide = log_uniform(rng, 1.5, 6, count)
    return unit(white(rng, count, length) * np.where(state == 1, wide, 1))


def innovations(rng, count, length):
    """White noise, of changing volatility in one series of five."""
    return mixture(
        rng,
        count,
        length,
        [(80, white), (8, garch), (8, stochastic_volatility), (4, volatility_regimes)],
    )


def first_order(rng, count, length, burn=200):
    """A first-order autoregression of variance 1; memory from a step to hundreds."""
    memory = 1 - log_uniform(rng, 0.005, 1, count)
    memory = np.where(happens(rng, 0.08, count), -0.8 * memory, memory)
    scale = np.sqrt(1 - memory**2)
    return autoregress(memory, innovations(rng, count, length + burn) * scale)[:, burn:]


def arma(rng, count, length, burn=200):
    """ARMA(p, q), p to 4, q to 2, from partial autocorrelations; standard deviation 1."""
    order = 4
    partial = rng.beta(2.5, 1.5, (count, order)) * rng.uniform(0.3, 1, (count, order))
    partial[:, 1:] *= np.where(rng.random((count, order - 1)) < 0.5, -1, 0.7)
    partial[:, 0] *= np.where(rng.random(count) < 0.8, 1, -1)
    partial *= np.arange(order) < choose(rng, [1, 2, 3, 4], [3, 4, 2, 1], count)[:, None]
    weights = rng.uniform(-0.8, 0.8, (count, 2)) * [1, 0.5]
    weights *= np.arange(2) < rng.integers(0, 3, (count, 1))
    noise = moving_average(innovations(rng, count, length + burn), weights)
    return unit(autoregress(from_partial(partial * 0.995), noise)[:, burn:])


def fractional(rng, count, length, low=0.1, high=0.49):
    """(1 - B)^d x = e with 0 < d: long memory; standard deviation 1."""
    d = rng.uniform(low, high, (count, 1))
    burn = length
    total = length + burn
    k = np.arange(1, total)
    weights = np.ones((count, total))
    weights[:, 1:] = np.cumprod((k - 1 + d) / k, axis=1)
    size = next_fast_len(2 * total, real=True)
    noise = innovations(rng, count, total)
    values = irfft(rfft(noise, size) * rfft(weights, size), size)[:, burn:total]
    return unit(values)


def residual(rng, count, length):
    """What a structural series has beside trend and season; standard deviation about 1."""
    return mixture(
        rng,
        count,
        length,
        [(40, innovations), (38, first_order), (16, arma), (6, fractional)],
    )
