r"""Sample paths: futures as likely as the intervals say, that keep what hangs together.

Each step of a path is a quantile of its forecast, at the normal score $z_k$. The scores of a
path depend on each other as the errors of past forecasts did (a Gaussian copula): with the
errors from n rolling origins as normal scores $s_{ik}$, of mean 0 and variance 1 at each lead
time k, and with independent $g_i, w_j$ of the standard normal distribution,

$$z_k = \sqrt{\frac{n}{n + \kappa}} \; \frac{1}{\sqrt m} \sum_{i=1}^{m} g_i s_{ik}
  + \sqrt{\frac{\kappa}{n + \kappa}} \; \frac{1}{\sqrt k} \sum_{j=1}^{k} w_j$$

The first part has the correlation of the errors over the m origins, the second that of a random
walk, $\sqrt{k / l}$ for $k \le l$, which stands in where few forecasts that do not overlap (n)
are known. Targets share the $g_i$, so they rise and fall together where their errors did.
Beyond the lead times that were judged, a path goes on as a random walk does.

References
----------
Clark, Gangopadhyay, Hay, Rajagopalan and Wilby, "The Schaake shuffle: a method for
reconstructing space-time variability in forecasted precipitation and temperature fields",
*Journal of Hydrometeorology* 5, 2004.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, ndtri

from throughtime.models.intervals import Intervals

DOUBT = 10.0
r"""How many forecasts without overlap the random walk counts for, $\kappa$."""


@dataclass(frozen=True, eq=False)
class Dependence:
    """Errors of past forecasts, which tell how the steps of a future hang together.

    Attributes
    ----------
    errors
        Truth minus forecast from rolling origins, without NaN; there may be none.
    count
        About how many of these forecasts do not overlap.
    """

    errors: Float[np.ndarray, "origin steps target"]
    count: float

    @classmethod
    def of(cls, errors: Float[np.ndarray, "origin steps target"], rows: int) -> "Dependence":
        """Those of the forecasts that are known at every lead time; `rows` they run over."""
        complete = np.isfinite(errors).all(axis=(1, 2))
        return cls(errors[complete], rows / max(errors.shape[1], 1) if complete.any() else 0.0)

    def scores(
        self, count: int, steps: int, targets: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "path steps target"]:
        """Normal scores of paths; see the equation of this module."""
        origins, judged = self.errors.shape[:2]
        judged = min(judged, steps) if origins > 1 else 0
        walk = np.cumsum(rng.normal(size=(count, steps, targets)), axis=1)
        k = np.arange(1, steps + 1)[:, None]
        if not judged:
            return walk / np.sqrt(k)
        from scipy.stats import rankdata  # here: it takes a while to load

        ranks = rankdata(self.errors[:, :judged], axis=0)
        s = ndtri((ranks - 0.5) / origins)
        spread = s.std(axis=0)
        s = np.where(spread > 0, s / np.where(spread > 0, spread, 1), 0)
        g = rng.normal(size=(count, origins))
        share = self.count / (self.count + DOUBT)
        known = np.tensordot(g, s, 1) / np.sqrt(origins)
        first = np.sqrt(share) * known + np.sqrt(1 - share) * (walk / np.sqrt(k))[:, :judged]
        onward = first[:, -1:] * np.sqrt(judged) + walk[:, judged:] - walk[:, [judged - 1]]
        return np.concatenate([first, onward / np.sqrt(k[judged:])], axis=1)


def sample_paths(
    intervals: Intervals, dependence: Dependence, count: int, seed: int
) -> Float[np.ndarray, "path steps target"]:
    """Paths whose quantiles are those of the intervals, and that depend as errors did."""
    steps, targets = intervals.center.shape
    z = dependence.scores(count, steps, targets, np.random.default_rng(seed))
    return at_scores(intervals, z)


def at_scores(
    intervals: Intervals, z: Float[np.ndarray, "path steps target"]
) -> Float[np.ndarray, "path steps target"]:
    """The quantiles at some normal scores: linear in them between the levels."""
    known = ndtri(np.array(intervals.shares))
    values = intervals.quantiles()  # (steps, target, share)
    out = np.empty(z.shape)
    for k, c in np.ndindex(values.shape[:2]):
        reach = values[k, c]
        out[:, k, c] = np.interp(z[:, k, c], known, reach)
        low, high, middle = reach[0], reach[-1], len(known) // 2
        below, above = z[:, k, c] < known[0], z[:, k, c] > known[-1]
        ends = z[below, k, c] / known[0], z[above, k, c] / known[-1]
        out[below, k, c] = reach[middle] + (low - reach[middle]) * ends[0]
        out[above, k, c] = reach[middle] + (high - reach[middle]) * ends[1]
    return np.maximum(out, intervals.least)


def probability_above(
    intervals: Intervals, threshold: float
) -> Float[np.ndarray, "steps target"]:
    """The probability of a value above a threshold, at each step."""
    known = ndtri(np.array(intervals.shares))
    values = intervals.quantiles()
    out = np.empty(values.shape[:2])
    for k, c in np.ndindex(out.shape):
        reach, middle = values[k, c], len(known) // 2
        if reach[0] <= threshold <= reach[-1]:
            # Where quantiles are equal, as at a bound, the highest share lies below.
            j = int(np.searchsorted(reach, threshold, side="right"))
            score = known[-1] if j == len(reach) else _between(reach, known, j, threshold)
        else:
            end = 0 if threshold < reach[0] else -1
            width = reach[end] - reach[middle]
            score = known[end] * ((threshold - reach[middle]) / width if width else np.inf)
        out[k, c] = 1 - ndtr(score)
    return np.where(threshold < np.broadcast_to(intervals.least, out.shape), 1.0, out)


def _between(reach, known, j, threshold):
    share = (threshold - reach[j - 1]) / (reach[j] - reach[j - 1])
    return known[j - 1] + share * (known[j] - known[j - 1])
