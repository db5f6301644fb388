r"""Noisy trajectories and the map behind them, estimated together.

A regression on noisy values is biased, and a smoother that knows no dynamics leaves a third of
the noise. Here the trajectory s and the weights $\theta$ of a map are found together, by Gauss
and Newton's method on the J of `trajectory_smoothing.py` (errors in variables; multiple
shooting under a weak constraint: Voss, Timmer and Kurths 2004). The error q of the map is
lowered step by step, as long as the evidence of the data grows: the integral of $e^{-J}$ over
s, by Laplace's method. Of several maps the one of most evidence is taken, less
$\tfrac{1}{2} p \log n$ for its p weights (Schwarz 1978).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .closed_loop import Features, Pair, Settings
from .closed_loop_proposals import monomial_count
from .noise_filter import EXPLAINED, NoiseFilter, smoothed
from .series_traits import Traits, noise_level
from .trajectory_smoothing import (
    Linearised,
    Noise,
    Weights,
    as_readout,
    as_weights,
    linearise,
)

RATIOS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Errors of the map that are tried, as shares of the noise of the measurement."""

USEFUL = 0.3
"""A map of a larger error than this share of the noise says too little to be used."""

ITERATIONS = 3
"""Steps of Gauss and Newton at each error of the map."""

SEGMENT = 1500
"""Trajectories are cut into pieces of so many steps."""

SAMPLE, MOST = 3000, 30_000
"""Steps by which maps are compared, and from which the best is estimated."""

WEIGHTS = 400
"""Most weights of a map."""

STATIC_UNITS = (50, 100)
"""Units without recurrence of a map that is no polynomial."""

RIDGE = 1e-10
"""The penalty on weights, against the squares of their features."""

LEAST_NOISE = 1e-3
"""The least noise of a variable, in its standard deviations."""


class Estimate(NamedTuple):
    """Trajectories and a map that were estimated together.

    Attributes
    ----------
    evidence
        The logarithm of the evidence, less Schwarz's penalty.
    path
        The evidence at each error of the map that was tried.
    ratio
        The error of the map as a share of the noise.
    weights
        The map's.
    trajectories
        Without their noise.
    """

    evidence: float
    path: dict[float, float]
    ratio: float
    weights: Weights
    trajectories: list[np.ndarray]


def find_filter(
    trajectories: Sequence[Pair], traits: Traits, longest: int
) -> NoiseFilter | None:
    """The filter of noisy trajectories of a flow; None if no map says enough about them.

    Parameters
    ----------
    trajectories
        Standardised variables, and inputs.
    traits
        What kind of series they are.
    longest
        The most steps that the delays of the map may reach over.
    """
    sigma = measurement_noise(max((y for y, _ in trajectories), key=len))
    sample, best = _pieces(trajectories, SAMPLE), None
    width = traits.smoothing
    variables, inputs = trajectories[0][0].shape[1], trajectories[0][1].shape[1]
    families = _families(traits, variables, inputs, longest)
    for family in families:
        if best is not None and best[1].ratio <= EXPLAINED:
            break
        last = -np.inf
        for settings in family:  # from the simplest on, while it pays
            features = _features(settings, variables, inputs)
            rival = best and best[1]
            found = _estimate(features, sample, sigma, width, rival)
            if best is None or found.evidence > best[1].evidence:
                best = settings, found
            if found.evidence <= last:
                break
            last = found.evidence
    if best is None or best[1].ratio > USEFUL:
        return None
    pieces, chosen = _pieces(trajectories, MOST), None
    if len(pieces) == len(sample):  # no more data than the maps were compared by
        chosen = _features(best[0], variables, inputs), best[1]
    for settings in [] if chosen else _and_richer(best[0], families):  # more bear more weights
        features = _features(settings, variables, inputs)
        found = _estimate(features, pieces, sigma, width)
        if chosen and found.evidence <= chosen[1].evidence:
            break
        chosen = features, found
    if chosen is None or not np.isfinite(chosen[1].evidence) or chosen[1].ratio > USEFUL:
        return None
    features, found = chosen
    readout = as_readout(found.weights)
    return NoiseFilter(features, readout, Noise(sigma, found.ratio * sigma), width)


def _and_richer(settings: Settings, families: list[list[Settings]]) -> list[Settings]:
    """Settings, and those of their family that come after them."""
    family = next(one for one in families if settings in one)
    return family[family.index(settings) :]


def refined(filter: NoiseFilter, trajectories: Sequence[Pair]) -> NoiseFilter:
    """The filter with its map estimated from other trajectories, as noisy as before."""
    pieces = _pieces(trajectories, MOST)
    s, weights = [filter.smooth(pair) for pair in pieces], as_weights(filter.readout)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(ITERATIONS):
                s, weights = _joint_step(filter.features, weights, pieces, s, filter.noise)
    except (np.linalg.LinAlgError, ValueError):
        return filter
    return (
        replace(filter, readout=as_readout(weights)) if np.isfinite(weights).all() else filter
    )


def measurement_noise(y: Float[np.ndarray, "time variable"]) -> Float[np.ndarray, " variable"]:
    """The standard deviation of each variable's noise."""
    levels = [noise_level(column)[0] for column in np.hsplit(y, y.shape[1])]
    return np.maximum(levels, LEAST_NOISE)


def _families(
    traits: Traits, variables: int, inputs: int, longest: int
) -> list[list[Settings]]:
    """Maps to try: in each family, from the simplest to the richest."""
    static = Settings(radius=0.0, leak=1.0, input_scale=0.5, bias_scale=1.0)
    families = [[Settings(delays=1, order=order) for order in range(1, 8)]]
    if variables < traits.dimension:  # perhaps not all of the state is measured
        lags, spacing = traits.dimension + 1, max(traits.delay // 2, 1)
        more = [Settings(delays=lags, spacing=spacing, order=order) for order in (1, 2, 3, 4)]
        families.append(more)
    families.append([replace(static, units=units) for units in STATIC_UNITS])
    families.append([Settings(delays=2, order=order) for order in (1, 2, 3)])
    size = variables + inputs

    def fits(one: Settings) -> bool:
        weights = (one.units + monomial_count(one, size)) * variables
        return weights <= WEIGHTS and one.span <= longest

    return [kept for family in families if (kept := [one for one in family if fits(one)])]


def _features(settings: Settings, variables: int, inputs: int) -> Features:
    return Features(settings, settings.draw(variables, inputs))


def _pieces(trajectories: Sequence[Pair], most: int) -> list[Pair]:
    """Trajectories in pieces of similar length, of at most so many steps in all."""
    found, left = [], most
    for y, x in trajectories:
        count = -(-len(y) // SEGMENT)
        for piece in zip(np.array_split(y, count), np.array_split(x, count), strict=True):
            if left < len(piece[0]) and found:
                return found
            found.append(piece)
            left -= len(piece[0])
    return found


def _estimate(
    features: Features,
    pieces: list[Pair],
    sigma: np.ndarray,
    width: int,
    rival: Estimate | None = None,
) -> Estimate:
    """The trajectories and the weights of most evidence, over the errors of the map.

    A map is given up where a rival has more evidence at the same error, and still more at a
    smaller one.
    """
    path: dict[float, float] = {}
    failed = Estimate(-np.inf, path, 1.0, np.zeros((0, 0)), [])
    best, s = failed, [smoothed(y, width) for y, _ in pieces]
    if min(len(y) for y, _ in pieces) <= features.settings.span + 1:
        return failed
    weights = _regression(features, pieces, s)
    for ratio in RATIOS:
        noise = Noise(sigma, ratio * sigma)
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                for _ in range(ITERATIONS):
                    s, weights = _joint_step(features, weights, pieces, s, noise)
                evidence = _evidence(features, weights, pieces, s, noise)
        except (np.linalg.LinAlgError, ValueError):
            return best
        path[ratio] = evidence
        if not evidence > best.evidence:
            return best
        best = Estimate(evidence, path, ratio, weights, s)
        if rival and rival.ratio < ratio < 1 and evidence < rival.path[ratio]:
            return best
    return best


def _regression(features: Features, pieces: list[Pair], s: list[np.ndarray]) -> Weights:
    """The weights of a regression on smoothed values: biased, but a beginning."""
    settings, span = features.settings, features.settings.span
    designs = [features.along(one, x) for one, (_, x) in zip(s, pieces, strict=True)]
    X = np.concatenate([np.ones((sum(map(len, designs)), 1)), np.concatenate(designs)], axis=1)
    kept = [one[span - 1 : -1] if settings.residual else 0 for one in s]
    Y = np.concatenate([one[span:] - old for one, old in zip(s, kept, strict=True)])
    squares = X.T @ X
    return np.linalg.solve(squares + _penalty(squares), X.T @ Y)


def _penalty(squares: np.ndarray) -> np.ndarray:
    return np.diag(RIDGE * np.diag(squares))


def _joint_step(
    features: Features, weights: Weights, pieces: list[Pair], s: list[np.ndarray], noise: Noise
) -> tuple[list[np.ndarray], Weights]:
    """One step of Gauss and Newton for all trajectories and the weights.

    The unknowns of a trajectory are eliminated (Schur's complement), so that a small system
    for the weights is left.
    """
    count, size = weights.shape
    total, right, solved = np.zeros((count * size,) * 2), np.zeros(count * size), []
    squares = np.zeros((count, count))
    for pair, one in zip(pieces, s, strict=True):
        at = linearise(features, weights, pair, one, noise)
        border = _border(at, noise)
        free = at.solve(np.concatenate([at.downhill.reshape(-1, 1), border], axis=1))
        total -= border.T @ free[:, 1:]
        right += (at.design.T @ (at.errors / noise.q**2)).ravel() - border.T @ free[:, 0]
        squares += at.design.T @ at.design
        solved.append(free)
    own = squares + _penalty(squares)
    total += np.kron(own, np.diag(1 / noise.q**2))
    right -= (_penalty(squares) @ weights / noise.q**2).ravel()
    change = np.linalg.solve(total, right)
    moved = [
        one + (free[:, 0] - free[:, 1:] @ change).reshape(one.shape)
        for one, free in zip(s, solved, strict=True)
    ]
    return moved, weights + change.reshape(weights.shape)


def _border(at: Linearised, noise: Noise) -> np.ndarray:
    """The mixed second derivative of J by s and the weights, `(time * variable, weights)`."""
    (steps, size), rows = at.downhill.shape, len(at.errors)
    found = np.zeros((steps, size, at.design.shape[1], size))
    for first, slope in at.slopes:
        scaled = slope / noise.q[:, None] ** 2
        found[first : first + rows] -= np.einsum("toi,tf->tifo", scaled, at.design)
    return found.reshape(steps * size, -1)


def _evidence(features, weights: Weights, pieces, s, noise: Noise) -> float:
    """The logarithm of the evidence, less Schwarz's penalty, up to a constant."""
    found, numbers = 0.0, 0
    for pair, one in zip(pieces, s, strict=True):
        at = linearise(features, weights, pair, one, noise)
        scales = len(at.errors) * np.log(noise.q).sum() + len(one) * np.log(noise.sigma).sum()
        found -= at.value + scales + at.log_determinant / 2
        numbers += one.size
    return found - weights.size * np.log(numbers) / 2
