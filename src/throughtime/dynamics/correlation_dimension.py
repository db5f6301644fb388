r"""The correlation dimension of a series or a trajectory (Grassberger and Procaccia 1983).

The share of pairs of points that are nearer than r,

$$C(r) = \frac{2}{N (N - 1)} \sum_{|i - j| > w} [\,|v_i - v_j| < r\,],$$

falls as $r^D$ where r is small beside the attractor and large beside noise and the distances of
neighbours. Pairs that follow each other within the window w (Theiler 1986) do not count: they
are near by continuity alone. The exponent D is the slope of $\ln C$ over $\ln r$ where that is
straight. For a series it must not grow further with the dimension of the embedding.

Where the density is singular, as at the fold of the logistic map or of Rossler's flow, C(r)
falls as $r^D \ln(1/r)$, and the slope is below D by about $1/\ln(1/r)$ at every radius that can
be reached (Sprott and Rowlands 2001); no error tells that.
"""

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64

from throughtime._support.result_view import ResultView, current_axes
from throughtime.errors import InputError, check_positive_integer
from throughtime.reservoir.delay_embedding import embed, embedding_delay

from .largest_exponent import LEAST

HIGHEST = 8
"""The highest dimension in which a series is embedded."""

REFERENCES, LONGEST = 2000, 20_000
"""Points whose distances from all others are counted, and points, at most."""

PER_E = 8
"""Radii for each factor e."""

FEWEST = 50
"""Pairs that a radius must hold."""

TOP = 0.03
"""C(r) at the largest radius: beyond it the size of the attractor shows."""

WIDE = math.log(4)
"""The straight stretch spans this in ln r, at least."""

STRAIGHT = 0.1
"""Its local slopes differ by less than this fraction of their mean from end to end."""

SATURATED = 0.07
"""A dimension is reached when one of the embedding more adds less than this fraction."""

BLOCKS = 10
"""Blocks of reference points whose spread is the statistical part of the error."""


@dataclass(frozen=True, repr=False)
class CorrelationDimension(ResultView):
    """The correlation dimension, and the curve that it was read from.

    Attributes
    ----------
    dimension, error
        The dimension and its standard error: of blocks of points, of the thirds of the
        stretch, and of one dimension of the embedding more. NaN where it can't be told.
    why
        Why it can't be told; empty where it can.
    radii, sums
        The radii r and C(r), in the embedding that it was read from.
    first, last
        The ends of the straight stretch, as indices of the radii.
    embedding, delay
        The dimension of the embedding and its delay in steps; 0 for a trajectory that was
        given with all its variables.
    theiler
        The window w.
    """

    dimension: float
    error: float
    why: str
    radii: Float64[np.ndarray, " radius"]
    sums: Float64[np.ndarray, " radius"]
    first: int
    last: int
    embedding: int
    delay: int
    theiler: int

    def __repr__(self) -> str:
        return f"CorrelationDimension({self.describe()})"

    def describe(self) -> str:
        """The dimension, or why it can't be told."""
        if self.why:
            return f"can't tell: {self.why}"
        digits = max(0, 1 - math.floor(math.log10(self.error))) if self.error > 0 else 3
        return f"{self.dimension:.{min(digits, 4)}f} ± {self.error:.1g}"

    def columns(self) -> dict[str, Any]:
        """The columns of its table: radius, C(r), and whether the slope was read there."""
        inside = [self.first <= i <= self.last for i in range(len(self.radii))]
        return {
            "radius": self.radii.tolist(),
            "correlation_sum": self.sums.tolist(),
            "in_stretch": inside,
        }

    def plot(self, axes: Any = None) -> Any:
        """Draw C(r) on logarithmic axes, the straight stretch in a second colour.

        Parameters
        ----------
        axes
            Matplotlib's axes; by default the current ones.

        Returns
        -------
        Axes
            The axes, for what is to be added.
        """
        axes = current_axes(axes)
        axes.loglog(self.radii, self.sums, ".-", color="0.35", lw=0.8)
        if not self.why:
            part = slice(self.first, self.last + 1)
            label = f"slope {self.describe()}"
            axes.loglog(self.radii[part], self.sums[part], color="C1", lw=2.5, label=label)
            axes.legend(loc="best", fontsize="small")
        axes.set(xlabel="radius r", ylabel="C(r)")
        return axes


def correlation_dimension(
    values: Any,
    *,
    delay: int | None = None,
    theiler: int | None = None,
    seed: int = 0,
) -> CorrelationDimension:
    """The correlation dimension of an attractor, from a series or a whole trajectory.

    Parameters
    ----------
    values
        One measured variable, `(time,)`, which is embedded by its delays; or all variables,
        `(time, variable)`. At least 200 steps; a few thousand are worth it.
    delay
        Steps of a delay of the embedding; found by default.
    theiler
        Steps within which two points are no pair; found by default: three delays of a flow.
    seed
        Seed of the choice of reference points.

    Returns
    -------
    CorrelationDimension
        The dimension and its error, or why it can't be told: no straight stretch, no end of
        its growth with the embedding, or too few points for so many dimensions.

    Raises
    ------
    InputError
        For a series that is too short, constant or not finite.

    Examples
    --------
    >>> correlation_dimension(henon[:, 0]).dimension                     # doctest: +SKIP
    1.22
    """
    values = _checked(values)
    first = values[:, 0] if values.ndim == 2 else values
    delay = embedding_delay(first) if delay is None else delay
    check_positive_integer("delay", delay)
    theiler = 3 * delay if theiler is None else theiler
    if theiler < 0:
        raise InputError("`theiler` must be at least 0", theiler, "Raise `theiler`.")
    if values.ndim == 2:
        return _of_points(values, 0, theiler, seed, values.shape[1])
    return _of_series(values, delay, theiler, seed)


def _checked(values: Any) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim not in (1, 2) or len(values) < LEAST or not values.size:
        rule = f"a dimension needs a series or a trajectory of at least {LEAST} steps"
        raise InputError(rule, f"shape {values.shape}", "Pass a longer one.")
    if not np.isfinite(values).all():
        raise InputError("a series must be finite", "NaN or inf", "Fill or drop these values.")
    if not np.ptp(values, axis=0).any():
        rule = "a series must vary for a dimension"
        raise InputError(rule, f"{values.flat[0]:.6g} throughout", "Pass another variable.")
    return values[-LONGEST:]


def _of_series(values: np.ndarray, delay: int, theiler: int, seed: int) -> CorrelationDimension:
    """In embeddings of more and more dimensions, until that adds nothing."""
    before = None
    for m in range(1, HIGHEST + 1):
        if len(values) - (m - 1) * delay < LEAST:
            break
        found = _of_points(embed(values, delay, m), delay, theiler, seed, m)
        if before is not None and not before.why and not found.why:
            grown = found.dimension - before.dimension
            room = before.embedding > before.dimension + 0.3 or before.embedding == 1
            if room and abs(grown) < max(SATURATED * before.dimension, 0.5 * found.error):
                return _with_error_of(before, grown)
        before = found
    assert before is not None
    why = before.why or "it grows with the dimension of the embedding, as that of noise does"
    return _untold(before, why)


def _of_points(
    points: np.ndarray, delay: int, theiler: int, seed: int, m: int
) -> CorrelationDimension:
    """The dimension of a set of points in order of time."""
    counts, pairs, radii = pair_counts(points, theiler, seed)
    sums = counts.sum(axis=0) / pairs.sum()
    common = {"radii": radii, "sums": sums, "embedding": m if delay else 0}
    common |= {"delay": delay, "theiler": theiler}
    stretch = straight_stretch(np.log(radii), sums, counts.sum(axis=0))
    if stretch is None:
        why = "ln C(r) is nowhere straight over a factor of 4 in r"
        return CorrelationDimension(math.nan, math.nan, why, first=0, last=0, **common)
    first, last = stretch
    part = slice(first, last + 1)
    slope = _slope(np.log(radii[part]), np.log(sums[part]))
    each = [
        _slope(np.log(radii[part]), np.log(block[part] / n))
        for block, n in zip(counts, pairs, strict=True)
        if block[first] > 0
    ]
    spread = float(np.std(each, ddof=1) / math.sqrt(len(each))) if len(each) > 2 else math.inf
    local = [
        _slope(np.log(radii[a : b + 1]), np.log(sums[a : b + 1]))
        for a, b in _thirds(first, last)
    ]
    error = math.hypot(spread, float(np.std(local, ddof=1)))
    found = CorrelationDimension(slope, error, "", first=first, last=last, **common)
    most = 2 * math.log10(len(points))
    if slope > most:
        rest = (
            f"{len(points)} points tell dimensions up to {most:.2g} (Eckmann and Ruelle 1992)"
        )
        return _untold(found, rest)
    return found


def pair_counts(
    points: Float64[np.ndarray, "point variable"], theiler: int, seed: int = 0
) -> tuple[
    Float64[np.ndarray, "block radius"],
    Float64[np.ndarray, " block"],
    Float64[np.ndarray, " radius"],
]:
    """How many pairs are nearer than each radius, for blocks of reference points.

    Returns
    -------
    counts, pairs, radii
        Pairs below each radius, `(block, radius)`, all pairs, `(block,)`, and the radii.
    """
    from scipy.spatial.distance import cdist  # here: SciPy takes a while to load

    rng = np.random.default_rng(seed)
    count = min(REFERENCES, len(points))
    chosen = np.sort(rng.choice(len(points), count, replace=False))
    size = float(np.linalg.norm(np.ptp(points, axis=0)))
    edges = size * np.exp(np.arange(-14 * PER_E, 1) / PER_E)
    steps, counts, pairs = np.arange(len(points)), [], []
    for block in np.array_split(chosen, BLOCKS):
        found, total = np.zeros(len(edges)), 0
        for rows in np.array_split(block, max(1, len(block) * len(points) // 2**21)):
            apart = cdist(points[rows], points)
            far = np.abs(rows[:, None] - steps) > theiler
            logs = np.log(np.maximum(apart[far], 1e-300) / size)
            bins = np.ceil(logs * PER_E + 14 * PER_E).clip(0, len(edges) - 1).astype(int)
            found += np.bincount(bins, minlength=len(edges))
            total += len(logs)
        counts.append(np.cumsum(found))
        pairs.append(float(total))
    return np.array(counts), np.array(pairs), edges


def straight_stretch(
    logs: Float64[np.ndarray, " radius"],
    sums: Float64[np.ndarray, " radius"],
    counts: Float64[np.ndarray, " radius"],
) -> tuple[int, int] | None:
    """The longest stretch over which ln C(r) is a straight line in ln r, or None.

    Its slopes of thirds differ little, and it spans a factor of 4 in r at least. Of stretches
    of one length that of the smallest radii counts.
    """
    usable = np.flatnonzero((counts >= FEWEST) & (sums < TOP))
    if len(usable) < 4:
        return None
    low, high = int(usable[0]), int(usable[-1])
    curve = np.log(np.maximum(sums, 1e-300))
    fewest = math.ceil(WIDE * PER_E)
    for length in range(high - low, fewest - 1, -1):
        for first in range(low, high - length + 1):
            slopes = [
                _slope(logs[a : b + 1], curve[a : b + 1])
                for a, b in _thirds(first, first + length)
            ]
            mean = float(np.mean(slopes))
            if mean > 0 and np.ptp(slopes) < STRAIGHT * mean:
                return first, first + length
    return None


def _thirds(first: int, last: int) -> list[tuple[int, int]]:
    """The ends of the thirds of a stretch."""
    cuts = np.linspace(first, last, 4).round().astype(int).tolist()
    return list(itertools.pairwise(cuts))


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    """The slope of a least-squares line."""
    x = x - x.mean()
    return float((x * y).sum() / (x * x).sum())


def _with_error_of(found: CorrelationDimension, grown: float) -> CorrelationDimension:
    """The same with the growth in one dimension more as part of its error."""
    return replace(found, error=math.hypot(found.error, grown))


def _untold(found: CorrelationDimension, why: str) -> CorrelationDimension:
    """The same without a dimension."""
    return replace(found, dimension=math.nan, error=math.nan, why=why)
