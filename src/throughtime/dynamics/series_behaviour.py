r"""What a measured series does: it settles, oscillates, drifts, is chaotic, is noise.

The data decide, without any network. In this order:

| verdict | evidence |
| --- | --- |
| settles | the motion about the last value dies out |
| oscillates | a Fourier series of one period leaves nothing, or noise that nothing predicts |
| is quasi-periodic | few lines of several frequencies leave nothing |
| drifts | a trend, or a unit root: its level is a random walk (Dickey and Fuller 1979) |
| is noise | surrogates of the same spectrum are as easy to predict, and each step surprises |
| is chaotic | they are not, a line is no match, and neighbours separate along a straight one |
| is undecided | anything else: it says why |
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from throughtime.reservoir.delay_embedding import embedding_delay

from .behaviour import (
    CHAOTIC,
    DRIFTS,
    ERRORS,
    OSCILLATES,
    PERIODIC,
    QUASI,
    SETTLES,
    UNDECIDED,
    find_period,
    fourier_series,
    harmonics,
)
from .correlation_dimension import CorrelationDimension, correlation_dimension
from .determinism import UNPREDICTABLE, LocalPrediction, line_error, local_prediction
from .largest_exponent import (
    SeriesExponent,
    check_series,
    is_constant,
    largest_exponent,
    standardised,
)
from .spectral_lines import spectral_lines
from .time_step import check_step

NOISE = "is noise"

LONGEST = 6000
"""Steps that are looked at, at most: the last ones."""

DIES_OUT = 0.25
"""Motion dies out if it ends with less than this fraction of its first size, step by step."""

UNIT_ROOT = -2.86
"""The statistic of Dickey and Fuller above which a unit root is not refused (5 %)."""

LINES_LEAVE = 1e-3
"""A torus: what its lines leave of the variance."""

FEW, STEPS_OF_A_LINE = 30, 60
"""Lines of a torus, at most, and for each so many steps: enough lines fit anything."""

TURNS = 2
"""Turns of the slowest line, at least: a trend is no turn."""

PASTS, SMOOTH = 8, 0.05
"""Noise surprises at every step. Where a line through so many values leaves less than this
part of a deviation, hardly anything does: that may be noise that was smoothed, or a flow."""

STRAIGHT, GROWTH = 0.95, 1.0
"""Chaos needs a line that explains this much, along which distances grow by e^GROWTH."""


@dataclass(frozen=True)
class SeriesBehaviour:
    """What a series does, and the evidence.

    Attributes
    ----------
    kind
        `settles`, `oscillates`, `is quasi-periodic`, `is chaotic`, `drifts`, `is noise`, or
        `is undecided`.
    why
        The evidence, or what is missing, in a sentence.
    period, period_error
        The period of an oscillation and its standard error, in units of time; else None.
    noise
        The fraction of the variance beside the oscillation; None if it does not oscillate.
    exponent
        The largest Lyapunov exponent of a series that is not linear noise; else None.
    prediction
        How well similar pasts predict it, beside surrogates; None where it was not asked.
    dimension
        The correlation dimension of a series that is chaotic; else None.
    """

    kind: str
    why: str
    period: float | None = None
    period_error: float | None = None
    noise: float | None = None
    exponent: SeriesExponent | None = None
    prediction: LocalPrediction | None = None
    dimension: CorrelationDimension | None = None

    def describe(self) -> str:
        """The behaviour and its evidence, in one or two sentences."""
        if self.kind == UNDECIDED:
            return f"can't tell what it does: {self.why}."
        return f"{self.kind}: {self.why}."

    def sentence(self, name: str) -> str:
        """What a variable of this name does, as a sentence."""
        if self.kind == UNDECIDED:
            return f"The data do not tell what {name} does: {self.why}."
        return f"By the data alone, {name} {self.describe()}"


def series_behaviour(values: Any, dt: float = 1.0, *, seed: int = 0) -> SeriesBehaviour:
    """Judge what a measured series does.

    Parameters
    ----------
    values
        One variable, `(time,)`; at least 200 steps.
    dt
        The time of a step.
    seed
        Seed of the surrogates.

    Returns
    -------
    SeriesBehaviour
        The verdict and its evidence; `is undecided` where the data do not say.

    Raises
    ------
    InputError
        For a series that is not of finite numbers, or too short, and a step of time that is
        not positive.

    Examples
    --------
    >>> n = np.arange(1000)
    >>> series_behaviour(np.sin(2 * np.pi * n / 25)).kind
    'oscillates'
    """
    values = check_series(values)[-LONGEST:]
    check_step(dt)
    if is_constant(values):
        return SeriesBehaviour(SETTLES, f"it stays at {values[-1]:.6g}")
    values = standardised(values)
    if dies_out(values):
        return SeriesBehaviour(SETTLES, "its motion about the last value dies out")
    return (
        _oscillation(values, dt, seed)
        or _torus(values, dt)
        or _wandering(values)
        or _law_or_noise(values, dt, seed)
    )


def dies_out(values: Float64[np.ndarray, " time"]) -> bool:
    """Whether the size of the motion about the end level falls from part to part."""
    parts = np.array_split(values, 8)
    size = np.array([part.std() for part in parts])
    if size[-1] < 1e-6 * size.max():
        return True
    falls = (np.diff(size) < 0.1 * size[:-1]).all() and (np.diff(size[:4]) < 0).all()
    level = np.array([part.mean() for part in parts])
    moves = np.abs(level - level[-1])
    return bool(falls and size[-1] < DIES_OUT * size[0] and moves[4:].max() < size[0])


def _oscillation(values: np.ndarray, dt: float, seed: int) -> SeriesBehaviour | None:
    """The verdict on a series of one period, with noise that nothing predicts, or None."""
    period, unexplained = find_period(values[:, None])
    if math.isinf(period):
        why = "each doubling of its period explains more of it, so that none is the last"
        return SeriesBehaviour(UNDECIDED, why)
    if not 2 <= period <= len(values) / 3:
        return None
    rest = values - fourier_series(values[:, None], 1 / period)[:, 0]
    error = period_error(values, rest, period) * dt
    exact = unexplained < PERIODIC
    if not exact and not (
        unexplained <= UNPREDICTABLE and _stands_out(values, period) and _is_noise(rest, seed)
    ):
        return None
    share = f"a Fourier series leaves {unexplained:.2g} of its variance"
    share += "" if exact else ", which nothing predicts"
    why = f"a period of {_with_error(period * dt, error)}; {share}"
    return SeriesBehaviour(OSCILLATES, why, period * dt, error, unexplained)


def period_error(values: np.ndarray, rest: np.ndarray, period: float) -> float:
    r"""The standard error of a period in white noise, in steps (the bound of Cramer and Rao).

    For amplitudes $A_k$ of the harmonics and noise of variance $\sigma^2$,
    $\mathrm{var}(\omega) \ge 24 \sigma^2 / (N^3 \sum_k k^2 A_k^2)$.
    """
    steps = np.arange(len(values))
    k = harmonics(1 / period)[:, None]
    amplitude = 2 * np.abs(
        (np.exp(-2j * np.pi * k * steps / period) * (values - values.mean())).mean(axis=1)
    )
    strength = float((k[:, 0] ** 2 * amplitude**2).sum())
    omega = math.sqrt(24 * float(rest.var()) / (len(values) ** 3 * strength))
    return period**2 * omega / (2 * math.pi)


def _is_noise(rest: np.ndarray, seed: int) -> bool:
    """Whether neither similar pasts nor a line through them predict a remainder."""
    found = local_prediction(rest, max(1, min(embedding_delay(rest), 5)), seed=seed)
    lagged = np.stack([rest[i : len(rest) - 8 + i] for i in range(8)], axis=1)
    linear = lagged @ np.linalg.lstsq(lagged, rest[8:], rcond=None)[0]
    left = float(((rest[8:] - linear) ** 2).mean() / rest.var())
    return not found.beats_surrogates and left > UNPREDICTABLE**2


def _stands_out(values: np.ndarray, period: float) -> bool:
    """Whether a line is narrow: noise with a broad peak has as much beside it."""
    power = np.abs(np.fft.rfft((values - values.mean()) * np.hanning(len(values)))) ** 2
    line = round(len(values) / period)
    near = np.arange(max(1, line - 30), min(len(power), line + 31))
    core = np.abs(near - line) <= 2
    return bool(power[near[core]].sum() > 3 * power[near[~core]].sum())


def _torus(values: np.ndarray, dt: float) -> SeriesBehaviour | None:
    """The verdict on a series of few lines, or None."""
    lines = spectral_lines(values, FEW, LINES_LEAVE / 10)
    slowest = float(lines.frequencies.min()) * len(values)
    if lines.unexplained > LINES_LEAVE or slowest < TURNS:
        return None
    if f := lines.fundamental(len(values)):
        why = f"a period of {dt / f:.6g}; its harmonics leave {lines.unexplained:.1g}"
        return SeriesBehaviour(OSCILLATES, why, dt / f, None, lines.unexplained)
    if len(lines.frequencies) > len(values) / STEPS_OF_A_LINE:
        return None
    periods = ", ".join(f"{dt / f:.5g}" for f in lines.frequencies[:3])
    count = len(lines.frequencies)
    why = f"{count} lines leave {lines.unexplained:.1g} of its variance, the strongest of"
    return SeriesBehaviour(QUASI, f"{why} periods {periods}, and no one period does")


def _wandering(values: np.ndarray) -> SeriesBehaviour | None:
    """The verdict on a series without a level of its own, or None."""
    n = np.linspace(-1, 1, len(values))
    slope = float(np.polyfit(n, values, 1)[0])
    rest = values - slope * n
    if slope**2 / 3 > 0.5 and abs(slope) > 2 * rest.std():
        return SeriesBehaviour(DRIFTS, "a trend is more than half of its variance")
    statistic = dickey_fuller(values)
    if statistic > UNIT_ROOT and not _returns(values):
        why = f"its level wanders like a random walk (Dickey-Fuller {statistic:.2f})"
        return SeriesBehaviour(DRIFTS, why)
    return None


def dickey_fuller(values: np.ndarray) -> float:
    r"""The statistic of a unit root, of $\gamma$ over its standard error.

    $$\Delta x_n = a + \gamma x_{n-1} + \sum_i \phi_i \Delta x_{n-i}$$

    With as many lags as the rule of Schwert (1989) gives. A random walk is above -2.86 in
    19 of 20 draws.
    """
    lags = int(12 * (len(values) / 100) ** 0.25)
    change = np.diff(values)
    columns = [np.ones(len(change) - lags), values[lags:-1]]
    columns += [change[lags - i : len(change) - i] for i in range(1, lags + 1)]
    terms, wanted = np.stack(columns, axis=1), change[lags:]
    solution = np.linalg.lstsq(terms, wanted, rcond=None)[0]
    rest = wanted - terms @ solution
    variance = float(rest @ rest) / max(1, len(wanted) - terms.shape[1])
    inverse = np.linalg.pinv(terms.T @ terms)
    error = math.sqrt(variance * float(inverse[1, 1]))
    return float(solution[1]) / error if error > 0 else -math.inf


def _returns(values: np.ndarray) -> bool:
    """Whether a series crosses its median often: a random walk of N steps, about sqrt(N)."""
    above = values > np.median(values)
    return int((above[1:] != above[:-1]).sum()) > 3 * math.sqrt(len(values))


def _law_or_noise(values: np.ndarray, dt: float, seed: int) -> SeriesBehaviour:
    """The verdict on a series that neither repeats nor wanders."""
    delay = embedding_delay(values)
    found = local_prediction(values, delay, seed=seed)
    error, typical = found.error, float(np.median(found.surrogates))
    steps = "a step" if found.ahead == 1 else f"{found.ahead} steps"
    beside = f"its error {steps} ahead is {error:.2g}, of surrogates {typical:.2g}"
    if found.beats_surrogates and not found.nonlinear:
        why = f"noise of the same spectrum is harder to predict ({beside}), but a line predicts"
        why += " it about as well as similar pasts do"
        return SeriesBehaviour(UNDECIDED, why, prediction=found)
    if not found.nonlinear:
        if spectral_lines(values, 3).unexplained < 0.5:
            why = "few lines of its spectrum are most of it, and noise of the same spectrum is"
            why += f" as easy to predict ({beside})"
            return SeriesBehaviour(UNDECIDED, why, prediction=found)
        why = f"noise of the same spectrum is as easy to predict ({beside})"
        left = line_error(values, 1, PASTS)
        if left < SMOOTH:
            why += f", but a line through {PASTS} values leaves only {100 * left:.1f} %"
            why += " of the next one's deviation:"
            why += " a flow of many dimensions may look like this, too"
            return SeriesBehaviour(UNDECIDED, why, prediction=found)
        return SeriesBehaviour(NOISE, why, prediction=found)
    rate = largest_exponent(values, dt, delay=delay, dimension=max(2, found.dimension))
    text = f"largest exponent {_with_error(rate.exponent, rate.error)}"
    straight = rate.straightness > STRAIGHT and rate.growth > GROWTH
    if straight and rate.exponent > ERRORS * rate.error:
        size = correlation_dimension(values, delay=delay, seed=seed)
        told = "" if size.why else f", correlation dimension {size.describe()}"
        why = f"neighbours separate, {text}{told}; {beside}"
        return SeriesBehaviour(CHAOTIC, why, exponent=rate, prediction=found, dimension=size)
    why = f"it isn't linear noise ({beside}), but "
    if math.isnan(rate.exponent):
        why += "it has so few values that neighbours coincide"
    else:
        why += "its neighbours do not separate along a straight line"
        why += f" ({text}, over a factor e^{rate.growth:.2g})"
    return SeriesBehaviour(UNDECIDED, why, exponent=rate, prediction=found)


def _with_error(value: float, error: float) -> str:
    """A value and its standard error, at the digits that the error leaves."""
    if not math.isfinite(error) or error <= 0:
        return f"{value:.6g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{min(digits, 10)}f} ± {error:.1g}"
