"""Flows in three dimensions with random parameters, by the classical Runge-Kutta method.

Each is x' = C f(x), C of 3 x 10 numbers and f(x) = (1, x, y, z, xy, xz, yz, x², x³, x²y):
Lorenz, Rössler, Van der Pol, FitzHugh-Nagumo, predator and prey, Sprott's B, Chua, a laser.
"""

import numpy as np

from .draws import choose, happens, log_uniform

ONE, X, Y, Z, XY, XZ, YZ, XX, XXX, XXY = range(10)
SUBSTEPS = 4


def features(x):
    a, b, c = x
    aa = a * a
    return np.stack([np.ones_like(a), a, b, c, a * b, a * c, b * c, aa, aa * a, aa * b])


def coefficients(rng, count, terms):
    """C from a table {(row, feature): values}."""
    matrix = np.zeros((3, 10, count))
    for (row, feature), value in terms.items():
        matrix[row, feature] = value
    return matrix


def lorenz(rng, n):
    sigma, rho, beta = rng.uniform(8, 14, n), rng.uniform(24.5, 60, n), rng.uniform(2, 3.2, n)
    terms = {(0, X): -sigma, (0, Y): sigma, (1, X): rho, (1, Y): -1, (1, XZ): -1}
    return terms | {(2, Z): -beta, (2, XY): 1}, (0.004, 0.12)


def rossler(rng, n):
    a, b, c = rng.uniform(0.1, 0.22, n), rng.uniform(0.1, 0.4, n), rng.uniform(3.5, 10, n)
    terms = {(0, Y): -1, (0, Z): -1, (1, X): 1, (1, Y): a}
    return terms | {(2, ONE): b, (2, XZ): 1, (2, Z): -c}, (0.05, 0.4)


def van_der_pol(rng, n):
    mu = np.exp(rng.uniform(np.log(0.2), np.log(5), n))
    return {(0, Y): 1, (1, X): -1, (1, Y): mu, (1, XXY): -mu, (2, Z): -1}, (0.03, 0.12)


def predator_prey(rng, n):
    """Two prey-predator pairs in a chain of three; logistic prey."""
    a, b, c = rng.uniform(0.6, 1.4, n), rng.uniform(0.5, 1.5, n), rng.uniform(0.3, 1, n)
    crowd = rng.uniform(0.005, 0.08, n)
    terms = {(0, X): a, (0, XY): -b, (0, XX): -crowd, (1, Y): -c, (1, XY): b}
    return terms | {(1, YZ): -0.3, (2, Z): -0.4, (2, YZ): 0.35}, (0.05, 0.4)


def sprott(rng, n):
    a = rng.uniform(0.8, 1.2, n)
    terms = {(0, YZ): a, (1, X): 1, (1, Y): -1, (2, ONE): 1, (2, XY): -1}
    return terms, (0.03, 0.3)


def chua(rng, n):
    """Chua's circuit with a cubic resistor: two scrolls."""
    alpha, beta = rng.uniform(9.7, 10.3, n), rng.uniform(15.5, 17, n)
    terms = {(0, Y): alpha, (0, XXX): -alpha, (0, X): 0.143 * alpha}
    return terms | {(1, X): 1, (1, Y): -1, (1, Z): 1, (2, Y): -beta}, (0.02, 0.25)


def fitzhugh(rng, n):
    """FitzHugh and Nagumo's nerve, at rest or firing; its kicks make it fire."""
    slow, current = rng.uniform(0.05, 0.3, n), rng.uniform(0.2, 1, n)
    terms = {(0, X): 1, (0, XXX): -1 / 3, (0, Y): -1, (0, ONE): current}
    return terms | {(1, X): slow, (1, ONE): 0.7 * slow, (1, Y): -0.8 * slow, (2, Z): -1}, (
        0.2,
        1.2,
    )


def laser(rng, n):
    """Lorenz and Haken's laser: pulses that grow and collapse; its intensity is seen."""
    sigma, rho, beta = (
        rng.uniform(1.8, 2.4, n),
        rng.uniform(13, 18, n),
        rng.uniform(0.2, 0.3, n),
    )
    terms = {(0, X): -sigma, (0, Y): sigma, (1, X): rho, (1, Y): -1, (1, XZ): -1}
    return terms | {(2, Z): -beta, (2, XY): 1}, (0.05, 0.4)


SYSTEMS = [
    (28, lorenz),
    (16, rossler),
    (14, van_der_pol),
    (12, predator_prey),
    (6, sprott),
    (18, laser),
    (6, chua),
    (8, fitzhugh),
]
STARTS = np.array(
    [
        [1, 2, 20],
        [1, 1, 0.5],
        [1, 0.5, 0],
        [1, 0.6, 0.2],
        [0.3, 0.2, 0.1],
        [1, 2, 14],
        [0.2, 0, 0.1],
        [-1, -0.5, 0],
    ]
)
VAN_DER_POL, PREY, LASER, NERVE = 2, 3, 5, 7


def flow(rng, count, length, burn=150):
    """One coordinate, its square (the laser), or its logarithm, sampled finely or coarsely."""
    which = choose(rng, np.arange(len(SYSTEMS)), [weight for weight, _ in SYSTEMS], count)
    matrix, step = np.zeros((3, 10, count)), np.ones(count)
    for number, (_, system) in enumerate(SYSTEMS):
        rows = np.flatnonzero(which == number)
        if len(rows):
            terms, (fine, coarse) = system(rng, len(rows))
            matrix[:, :, rows] = coefficients(rng, len(rows), terms)
            step[rows] = log_uniform(rng, fine, coarse, len(rows))[:, 0]
    x = (STARTS[which] * rng.uniform(0.8, 1.2, (count, 3))).T
    chance = np.where(np.isin(which, [PREY, NERVE]), 1, 0.25)
    kick = np.where(rng.random(count) < chance, log_uniform(rng, 0.001, 0.03, count)[:, 0], 0)
    kick *= np.where(np.isin(which, [PREY, NERVE]), 3, 1)
    path = integrate(rng, matrix, x, step / SUBSTEPS, kick, burn + length)[burn:]
    seen = np.where(np.isin(which, [VAN_DER_POL, LASER, NERVE]), 0, rng.integers(0, 3, count))
    seen = np.where(which == PREY, rng.integers(0, 2, count), seen)
    values = np.take_along_axis(path, seen[None, None], axis=1)[:, 0].T
    square = (which == LASER)[:, None] | ((which == 0)[:, None] & happens(rng, 0.1, count))
    values = np.where(square, values**2, values)
    logged = (which == PREY)[:, None] & happens(rng, 0.5, count)
    return np.where(logged, np.log(np.maximum(values, 1e-3)), values)


def integrate(rng, matrix, x, step, kick, length):
    """`(length, 3, count)`; small kicks in proportion to the state; runaways are held."""

    def change(x):
        return np.einsum("ijn,jn->in", matrix, features(x))

    path = np.empty((length, 3, x.shape[1]))
    for t in range(length):
        for _ in range(SUBSTEPS):
            k1 = change(x)
            k2 = change(x + step / 2 * k1)
            k3 = change(x + step / 2 * k2)
            k4 = change(x + step * k3)
            x = x + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        x = np.clip(x * (1 + kick * rng.standard_normal(x.shape)), -1e3, 1e3)
        path[t] = x
    return path
