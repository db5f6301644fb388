r"""The long-term behaviour of a map: it settles, oscillates, is quasi-periodic or chaotic.

| behaviour | largest Lyapunov exponent | motion after the transient |
| --- | --- | --- |
| settles | negative | none |
| oscillates | zero or negative | periodic |
| is quasi-periodic | zero | several frequencies without a common period |
| is chaotic | positive | not periodic |

The exponents decide on chaos; a Fourier series with a free period decides on the others.
"""

import math
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from throughtime.errors import InputError

from .lyapunov import LyapunovSpectrum, goes_to_infinity, lyapunov_of_map
from .maps import Map

SETTLES, OSCILLATES, QUASI, CHAOTIC = "settles", "oscillates", "is quasi-periodic", "is chaotic"
DRIFTS, UNDECIDED = "drifts", "is undecided"

STATIONARY = 1e-6
"""A trajectory is stationary if it varies by less than this fraction of the states' size."""

PERIODIC = 1e-4
"""A motion is periodic if a Fourier series leaves less than this fraction of its variance."""

EXACT = 1e-10
"""A Fourier series that leaves less of the variance leaves rounding, or a last transient."""

HARMONICS = 50
"""Harmonics of the Fourier series, at most."""

DIVISORS = 8
"""The period may be up to this many times that of the strongest frequency."""

CLEARLY = 0.9
"""A longer period must leave a tenth less than a shorter one to be preferred."""

DIVERGED = 1e9
"""A trajectory diverges if it goes this many times as far out as it started."""

ERRORS, GROWTH = 3.0, 8.0
"""Chaos needs a largest exponent more than ERRORS standard errors above 0, by which a
difference would grow by more than a factor exp(GROWTH) over the steps observed."""

NEUTRAL = 2.0
"""Quasi-periodic motion keeps a difference within a factor exp(NEUTRAL), up or down."""


@dataclass(frozen=True)
class Behaviour:
    """The behaviour of a map, and the evidence for it.

    Attributes
    ----------
    kind
        `settles`, `oscillates`, `is quasi-periodic`, `is chaotic`, `drifts`, or
        `is undecided` where the evidence is not enough.
    period
        The period of an oscillation, in units of time; else None.
    unexplained
        The fraction of the variance that a Fourier series of the best period leaves.
    spectrum
        The leading Lyapunov exponents.
    dt
        The time of a step.
    observed
        The observed variables after the transient, `(step, variable)`.
    """

    kind: str
    period: float | None
    unexplained: float
    spectrum: LyapunovSpectrum
    dt: float
    observed: Float64[np.ndarray, "step variable"]

    def describe(self) -> str:
        """The behaviour and its evidence, in one sentence."""
        largest, error = float(self.spectrum.exponents[0]), float(self.spectrum.errors[0])
        exponent = f"largest Lyapunov exponent {largest:.4g} ± {error:.1g}"
        if not math.isfinite(largest):
            exponent = "nearby states meet within a step"
        elif self.kind == SETTLES and abs(largest) * self.dt < STATIONARY:
            exponent = "where, depends on where it starts: nearby states keep their distance"
        if self.kind == SETTLES:
            where = ", ".join(f"{value:.4g}" for value in self.observed[-1][:4])
            return f"It settles at ({where}); {exponent}."
        if self.kind == OSCILLATES:
            remainder = f"a Fourier series leaves {self.unexplained:.1g} of its variance"
            return f"It oscillates with a period of {self.period:.5g}; {remainder}; {exponent}."
        if self.kind == DRIFTS:
            return f"It drifts away without returning; {exponent}."
        if self.kind == UNDECIDED:
            reason = "no period explains it, and its exponent is neither 0 nor clearly positive"
            return f"It is undecided: {reason}; {exponent}. Observe more steps (`steps`)."
        if self.kind == QUASI:
            return f"It is quasi-periodic: no single period explains it; {exponent}."
        separation = f"nearby states separate by a factor e every {1 / largest:.4g}"
        return f"It is chaotic: {separation}; {exponent}."


def behaviour(
    dynamics: Map, steps: int = 4096, *, exponents: int = 2, seed: int = 0
) -> Behaviour:
    """The long-term behaviour of a map.

    Use double precision where it matters (`maps.to_float64`, `precision`).

    Parameters
    ----------
    dynamics
        The map.
    steps
        Steps that are observed, after the transient; at least 64.
    exponents
        The number of leading Lyapunov exponents.
    seed
        Seed of the initial tangents.

    Raises
    ------
    InputError
        If the trajectory goes to infinity, or for fewer than 64 steps.

    Examples
    --------
    >>> behaviour(maps.map_of_cell(RNN(1, 500, init=strong, key=0))).kind      # doctest: +SKIP
    'is chaotic'
    """
    if steps < 64:
        raise InputError("`steps` must be at least 64", steps, "Raise `steps`.")
    settled = dynamics.settled()
    states = settled.run(steps)
    bound = DIVERGED * (1 + jnp.abs(dynamics.start).max())
    if not bool((jnp.abs(states) < bound).all()):  # NaN is not below the bound either
        raise goes_to_infinity("the trajectory of a map must stay finite")
    count = min(exponents, states.shape[1])
    spectrum = lyapunov_of_map(settled, count, steps, seed=seed)
    observed = np.asarray(settled.observe(states), np.float64)
    kind, period, unexplained = _classify(
        np.asarray(states, np.float64),
        spectrum.exponents[0] * settled.dt,
        spectrum.errors[0] * settled.dt,
    )
    if period is not None:
        period *= settled.dt
    return Behaviour(kind, period, unexplained, spectrum, float(settled.dt), observed)


def _classify(
    states: np.ndarray, exponent: float, error: float
) -> tuple[str, float | None, float]:
    """Kind, period in steps, and unexplained variance; exponent and error are per step."""
    steps = len(states)
    size = math.sqrt(float((states**2).mean())) or 1.0
    if np.ptp(states[-steps // 4 :], axis=0).max() < STATIONARY * size:
        return SETTLES, None, 0.0
    period, unexplained = find_period(states)
    chaotic = exponent > ERRORS * error and exponent * steps > GROWTH
    if unexplained >= PERIODIC and not chaotic:  # the transient may have been long
        period, unexplained = find_period(states[steps // 2 :])
    dying = exponent * steps < -NEUTRAL and _decays(states)  # on its way to a fixed point
    if dying and exponent < -ERRORS * error:
        return SETTLES, None, unexplained
    if unexplained < PERIODIC and math.isfinite(period):
        return OSCILLATES, period, unexplained
    if _drifts(states):
        return DRIFTS, None, unexplained
    if chaotic:
        return CHAOTIC, None, unexplained
    if abs(exponent) * steps < NEUTRAL:
        return QUASI, None, unexplained
    return UNDECIDED, None, unexplained


def _drifts(states: np.ndarray) -> bool:
    """Whether the component that varies most leaves, in its second half, the first's range."""
    component = states[:, int(np.argmax(states.var(axis=0)))]
    first, second = np.array_split(component, 2)
    return bool(((second < first.min()) | (second > first.max())).mean() > 0.9)


def _decays(states: np.ndarray) -> bool:
    """Whether the last quarter varies less than half as much as the first."""
    first, *_, last = np.array_split(states, 4)
    return bool(np.ptp(last, axis=0).max() < 0.5 * np.ptp(first, axis=0).max())


def find_period(y: Float64[np.ndarray, "step variable"]) -> tuple[float, float]:
    r"""The period of a series, and how much of its variance that leaves unexplained.

    For a frequency f, the Fourier series
    $\sum_k a_k \cos 2\pi k f n + b_k \sin 2\pi k f n$ is fitted by least squares. Candidates
    are the strongest frequency of the spectrum, and its half, third and so on; each is refined
    to the least remaining variance, and the shortest period that explains the series is taken.

    Parameters
    ----------
    y
        `(step, variable)`; the eight variables with the largest variance are used.

    Returns
    -------
    period
        In steps; infinite for a constant series, and where each doubling of the period explains
        more, as at the end of a cascade of period doublings.
    unexplained
        The fraction of the variance that the Fourier series leaves.
    """
    y = y[:, np.argsort(-y.var(axis=0))[:8]]
    y = y - y.mean(axis=0)
    if not y.any():
        return math.inf, 0.0
    window = np.hanning(len(y))[:, None]
    power = (np.abs(np.fft.rfft(y * window, axis=0)) ** 2).sum(axis=1)
    power[0] = 0
    strongest = int(np.argmax(power)) / len(y)
    best, least = (math.inf, 1.0), math.inf
    for divisor in range(1, DIVISORS + 1):
        f, unexplained = _refine(y, strongest / divisor, 1.5 / len(y) / divisor)
        if unexplained < PERIODIC:
            return _last_doubling(y, f, unexplained)
        # More harmonics explain more of any noise: what is left is told per degree of freedom.
        adjusted = unexplained / max(1, len(y) - 2 * len(harmonics(f)) - 1)
        if adjusted < CLEARLY * least:
            best, least = (1 / f, unexplained), adjusted
    return best


def _last_doubling(y: np.ndarray, f: float, unexplained: float) -> tuple[float, float]:
    """The period, doubled for as long as that explains more; infinite if it never ends."""
    if unexplained > EXACT:  # as exact as what it is compared with
        f, unexplained = _refine(y, f, 1e-3 / len(y))
    while unexplained > EXACT:
        longer, left = _refine(y, f / 2, 0.4 / len(y))
        if left > unexplained / 3:
            break
        f, unexplained = longer, left
        if 1 / f > HARMONICS and unexplained > EXACT:
            return math.inf, unexplained
    return 1 / f, unexplained


def _refine(y: np.ndarray, f: float, half_width: float) -> tuple[float, float]:
    """The frequency near f that explains most, and the fraction it leaves unexplained."""
    unexplained = [1.0]
    for iteration in range(10):
        if iteration > 3 and min(unexplained) > 0.01:
            break  # there is no period near f
        # A period must fit into the series once; else a straight line would have one.
        candidates = f + np.linspace(-half_width, half_width, 7)
        candidates = np.clip(candidates, 1 / len(y), 0.5)
        unexplained = [_unexplained_variance(y, candidate) for candidate in candidates]
        f, half_width = float(candidates[int(np.argmin(unexplained))]), half_width / 3
    return f, min(unexplained)


def _unexplained_variance(y: np.ndarray, f: float) -> float:
    """The fraction of the variance that a Fourier series of the frequency f leaves."""
    return float(((y - fourier_series(y, f)) ** 2).sum() / (y**2).sum())


def fourier_series(
    y: Float64[np.ndarray, "step variable"], f: float
) -> Float64[np.ndarray, "step variable"]:
    """The least-squares Fourier series of a frequency per step, at the steps of y."""
    n = np.arange(len(y))[:, None]
    angles = 2 * np.pi * f * n * harmonics(f)
    terms = np.concatenate([np.ones_like(n, float), np.cos(angles), np.sin(angles)], axis=1)
    # The ridge: at f = 1/2 the sine is 0 at all steps.
    gram = terms.T @ terms + 1e-9 * len(y) * np.eye(terms.shape[1])
    return terms @ np.linalg.solve(gram, terms.T @ y)


def harmonics(f: float) -> np.ndarray:
    """The orders of the harmonics of a frequency per step, up to half a turn per step."""
    return np.arange(1, min(HARMONICS, int(0.5 / f + 1e-9)) + 1)
