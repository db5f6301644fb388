r"""What a map does when it is left alone: it settles, oscillates, or is chaotic.

| it | the largest exponent | what is seen |
| --- | --- | --- |
| settles | below 0 | stands still in the end |
| oscillates | 0, or below | repeats itself with one period |
| is quasi-periodic | 0 | turns with frequencies that no period fits |
| is chaotic | above 0 | never repeats itself |

The exponents decide on chaos, a Fourier series with one free period on the rest.
"""

import math
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from throughtime.errors import InputError

from .lyapunov import Spectrum, lyapunov_of_map
from .maps import Map

SETTLES, OSCILLATES, QUASI, CHAOTIC = "settles", "oscillates", "is quasi-periodic", "is chaotic"
DRIFTS, UNDECIDED = "drifts", "is undecided"

STILL = 1e-6
"""What varies by less than this share of the size of the states stands still."""

REPEATS = 1e-4
"""A Fourier series leaves less than this share of the variance of what is periodic."""

HARMONICS, DIVIDED = 50, 8
"""Of the series; and how many times longer than the strongest wave a period may be."""

FAR = 1e9
"""What is so many times as far out as it started goes to infinity."""

ERRORS, GROWN, KEPT = 3.0, 8.0, 2.0
"""Chaos is an exponent of so many standard errors above 0, by which a difference would grow by
a factor of e to the power GROWN at least over the steps that are watched. Quasi-periodic is
what keeps a difference within e to the power KEPT, up or down."""


@dataclass(frozen=True)
class Behaviour:
    """What a map does, and the evidence.

    Attributes
    ----------
    kind
        `settles`, `oscillates`, `is quasi-periodic`, `is chaotic`, `drifts`, or `is undecided`,
        where no evidence is enough.
    period
        In units of time, of what oscillates.
    unexplained
        The share of the variance that a Fourier series of the best period leaves.
    spectrum
        The leading Lyapunov exponents.
    time
        Of a step.
    seen
        What was observed, `(step, variable)`, after the transient.
    """

    kind: str
    period: float | None
    unexplained: float
    spectrum: Spectrum
    time: float
    seen: Float64[np.ndarray, "step variable"]

    def describe(self) -> str:
        """In a sentence, with the evidence."""
        largest, error = float(self.spectrum.exponents[0]), float(self.spectrum.errors[0])
        exponent = f"largest Lyapunov exponent {largest:.4g} ± {error:.1g}"
        if self.kind == SETTLES:
            where = ", ".join(f"{value:.4g}" for value in self.seen[-1][:4])
            return f"It settles at ({where}); {exponent}."
        if self.kind == OSCILLATES:
            left = f"a Fourier series leaves {self.unexplained:.1g} of its variance"
            return f"It oscillates with a period of {self.period:.5g}; {left}; {exponent}."
        if self.kind == DRIFTS:
            return f"It drifts away and comes back nowhere; {exponent}."
        if self.kind == UNDECIDED:
            left = "no period explains it, and its exponent is neither 0 nor surely above"
            return f"It is undecided: {left}; {exponent}. Watch it for longer (`steps`)."
        if self.kind == QUASI:
            return f"It is quasi-periodic: no single period explains it; {exponent}."
        time = f"neighbours part by a factor e every {1 / largest:.4g}"
        return f"It is chaotic: {time}; {exponent}."


def behaviour(
    dynamics: Map, steps: int = 4096, *, exponents: int = 2, seed: int = 0
) -> Behaviour:
    """What a map does when it is left alone.

    >>> behaviour(maps.map_of_cell(RNN(1, 500, init=strong, key=0))).kind      # doctest: +SKIP
    'is chaotic'

    Work in double precision where it matters (`maps.double`, `precision`).

    **Arguments:** `steps` that are watched, after the transient; `exponents`, so many, leading;
    `seed` of the first directions of the tangents.

    **Raises:** `InputError` if the trajectory goes to infinity, or for fewer than 64 steps.
    """
    if steps < 64:
        raise InputError("`steps` must be at least 64", steps, "Raise `steps`.")
    settled = dynamics.settled()
    states = settled.run(steps)
    reach = FAR * (1 + jnp.abs(dynamics.start).max())
    if not bool((jnp.abs(states) < reach).all()):  # (nor is NaN)
        rule = "what is left alone must stay finite"
        raise InputError(rule, "one that goes to infinity", "Change its start or weights.")
    count = min(exponents, states.shape[1])
    spectrum = lyapunov_of_map(settled, count, steps, seed=seed)
    seen = np.asarray(settled.see(states), np.float64)
    inner = np.asarray(states, np.float64)
    told = spectrum, float(settled.time), seen
    largest, error = spectrum.exponents[0] * settled.time, spectrum.errors[0] * settled.time
    size = math.sqrt(float((inner**2).mean())) or 1.0
    if np.ptp(inner[-steps // 4 :], axis=0).max() < STILL * size:
        return Behaviour(SETTLES, None, 0.0, *told)
    period, unexplained = find_period(inner)
    chaotic = largest > ERRORS * error and largest * steps > GROWN
    if unexplained >= REPEATS and not chaotic:  # the transient may have been long
        period, unexplained = find_period(inner[steps // 2 :])
    if unexplained < REPEATS:
        return Behaviour(OSCILLATES, period * settled.time, unexplained, *told)
    if _drifts(inner):
        return Behaviour(DRIFTS, None, unexplained, *told)
    if chaotic:
        return Behaviour(CHAOTIC, None, unexplained, *told)
    if largest * steps < -GROWN and _calms(inner):  # on its way to where it will stand still
        return Behaviour(SETTLES, None, unexplained, *told)
    if abs(largest) * steps < KEPT:
        return Behaviour(QUASI, None, unexplained, *told)
    return Behaviour(UNDECIDED, None, unexplained, *told)


def _drifts(inner: np.ndarray) -> bool:
    """Whether what varies most moves on: its second half is not where the first was."""
    most = inner[:, int(np.argmax(inner.var(axis=0)))]
    first, second = np.array_split(most, 2)
    return bool(((second < first.min()) | (second > first.max())).mean() > 0.9)


def _calms(inner: np.ndarray) -> bool:
    """Whether the last quarter varies less than half as much as the first."""
    first, *_, last = np.array_split(inner, 4)
    return bool(np.ptp(last, axis=0).max() < 0.5 * np.ptp(first, axis=0).max())


def find_period(y: Float64[np.ndarray, "step variable"]) -> tuple[float, float]:
    r"""The period of what repeats itself, in steps, and how much of it is left unexplained.

    Of a frequency f the series is $\sum_k a_k \cos 2\pi k f n + b_k \sin 2\pi k f n$; the
    strongest frequency of the spectrum and whole parts of it are tried, each refined to the
    least remaining variance, and the shortest period that explains all is taken.

    **Arguments:** `y`, `(step, variable)`; the variables that vary most are looked at.

    **Returns:** the period, and the share of the variance that the series leaves.
    """
    y = y[:, np.argsort(-y.var(axis=0))[:8]]
    y = y - y.mean(axis=0)
    if not y.any():
        return math.inf, 0.0
    window = np.hanning(len(y))[:, None]
    power = (np.abs(np.fft.rfft(y * window, axis=0)) ** 2).sum(axis=1)
    power[0] = 0
    strongest = int(np.argmax(power)) / len(y)
    best = (math.inf, 1.0)
    for divisor in range(1, DIVIDED + 1):
        f, left = _refined(y, strongest / divisor, 1.5 / len(y) / divisor)
        if left < REPEATS:
            return 1 / f, left
        if left < best[1]:
            best = 1 / f, left
    return best


def _refined(y: np.ndarray, f: float, reach: float) -> tuple[float, float]:
    """The frequency near f whose series leaves least, and what it leaves."""
    left = [1.0]
    for turn in range(10):
        if turn > 3 and min(left) > 0.01:
            break  # no period is hidden there
        # (what was not seen once is no period: a straight line would have one)
        tried = np.clip(f + np.linspace(-reach, reach, 7), 1 / len(y), 0.5)
        left = [_left(y, one) for one in tried]
        f, reach = float(tried[int(np.argmin(left))]), reach / 3
    return f, min(left)


def _left(y: np.ndarray, f: float) -> float:
    """The share of the variance that a Fourier series of the frequency f leaves."""
    n = np.arange(len(y))[:, None]
    k = np.arange(1, min(HARMONICS, int(0.5 / f + 1e-9)) + 1)
    angles = 2 * np.pi * f * n * k
    terms = np.concatenate([np.ones_like(n, float), np.cos(angles), np.sin(angles)], axis=1)
    # (the sine of the highest frequency may be 0 everywhere)
    gram = terms.T @ terms + 1e-9 * len(y) * np.eye(terms.shape[1])
    fitted = terms @ np.linalg.solve(gram, terms.T @ y)
    return float(((y - fitted) ** 2).sum() / (y**2).sum())
