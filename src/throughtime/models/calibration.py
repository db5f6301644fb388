r"""Prediction intervals of a combination: the prior's quantiles, calibrated by rolling errors.

The prior says how the uncertainty grows with the lead time, and whether it is larger above or
below; the errors $e_{ok}$ of the combination, from rolling origins o at lead times k, say how
large it is. With the distance $D_{okj}$ of the prior's quantile from its median, on the side of
the error, at the central level $p_j$ (0.5, 0.8, 0.9, 0.95), the scores are
$s_{okj} = |e_{ok}| / D_{okj}$, and the multiplier of a band b of lead times is the geometric
mean of their conformal quantiles over the levels,

$$\log a_b = \langle \log Q_{p_j}(s_j) \rangle_j, \qquad
  \log m_b = \frac{n_b \log a_b + \kappa \log m}{n_b + \kappa}, \qquad
  \log m = \frac{n \log a}{n + \kappa_0}$$

where m, of all lead times together, is shrunk towards 1, the prior's own width. Overlapping
forecasts err alike, so n counts those without overlap. The distances below and above are
multiplied by

$$m_b \, r^\pm_{bj} \, \frac{t_{\nu + n_b}(p_j)}{z(p_j)}, \qquad
  \log r^\pm_{bj} = \frac{n_b}{n_b + \kappa_1} \log \frac{Q_{(1 + p_j) / 2}(\pm s_j)}{a_b}$$

in which r takes up a bias of the centre and tails unlike the prior's, and the quotient of the
quantiles of Student's t and of the normal distribution widens what few errors support.

References
----------
Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random World*, 2005.
Romano, Patterson and Candès, "Conformalized quantile regression", *NeurIPS*, 2019.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import isotonic_regression
from scipy.special import ndtri, stdtrit

from throughtime.errors import InputError

from .combination import LAST_OF_BANDS
from .prior_network import MEDIAN, QUANTILES

Z = ndtri(QUANTILES[MEDIAN + 1 :])
LEVELS = 2 * np.array(QUANTILES[MEDIAN + 1 :]) - 1
"""The central levels $p_j$ of the prior's quantiles, and their normal scores."""

TO_ONE, TO_ALL, TO_BOTH = 8.0, 20.0, 30.0
r"""How many errors the starting point counts for: $\kappa_0$, $\kappa$ and $\kappa_1$."""

FREEDOM = 40.0
r"""Degrees of freedom $\nu$ that the prior's widths count for; a spread alone counts for 1."""

LEAST = 0.01
"""The smallest distance, relative to the median error; keeps the scores finite."""

SMALL, ONE_SIDED = 0.1, 0.4
"""Where many distances are below the first, times that on the other side, none is smaller
than the second, times the root mean square of the errors."""

RANGE = 1e-3, 1e3
"""Bounds of a score."""

SKEW = 0.3, 3.0
"""Bounds of the factors $r$ of the two sides."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Multipliers of the prior's distances; see the equations of this module.

    Attributes
    ----------
    last
        The last lead time of each band but the last.
    middle
        The middle of each band, in logarithms of the lead time; multipliers are interpolated
        between them.
    multipliers
        What the distances below and above are multiplied by.
    counts
        The number of errors without overlap, $n_b$.
    least
        The smallest distance at a normal score of 1, in the unit of the series.
    spread
        Without a prior: the standard deviation of the errors at each lead time.
    """

    last: tuple[int, ...]
    middle: Float[np.ndarray, " band"]
    multipliers: Float[np.ndarray, "2 band level"]
    counts: Float[np.ndarray, " band"]
    least: float
    spread: Float[np.ndarray, " steps"] | None = None

    @classmethod
    def fit(
        cls,
        center: Float[np.ndarray, "origin steps"],
        quantiles: Float[np.ndarray, "origin steps quantile"] | None,
        truth: Float[np.ndarray, "origin steps"],
        origins: Int[np.ndarray, " origin"] | None = None,
    ) -> "Calibration":
        """Calibrate by forecasts from rolling origins.

        Parameters
        ----------
        center
            The forecasts of the combination, fitted to nothing that they forecast.
        quantiles
            The prior's quantiles `QUANTILES` from the same origins; None without a prior.
        truth
            What followed; NaN where it is not known.
        origins
            The origins in steps, increasing; one after the other by default. Those that are
            far apart overlap less, so they count for more.

        Raises
        ------
        InputError
            If there is neither a prior nor an error.
        """
        errors = truth - center
        size = np.clip(np.abs(errors), None, np.finfo(float).max)  # infinite where it diverged
        known = np.isfinite(size)
        if quantiles is None and not known.any():
            raise InputError(
                "intervals need the prior or a forecast whose outcome is known",
                "neither",
                "Pass a longer series.",
            )
        steps = center.shape[1]
        spread = None if quantiles is not None else _spread(size)
        least = _least(size[known], quantiles)
        distances = _distances(quantiles, spread, least, center.shape)
        side = np.where((errors < 0)[..., None], distances[0], distances[1])
        with np.errstate(over="ignore"):
            scores = np.clip(size[..., None] / side, *RANGE)
        spacing = 1.0 if origins is None or len(origins) < 2 else np.diff(origins).mean()
        count, log_m = _common(scores, known, 1, spacing)
        log_m *= count / (count + TO_ONE)
        freedom = FREEDOM if spread is None else 1.0
        last = tuple(k for k in LAST_OF_BANDS if k < steps)
        multipliers, counts = [], []
        for a, b in pairwise([0, *last, steps]):
            s, k = scores[:, a:b], known[:, a:b]
            count, log_a = _common(s, k, a + 1, spacing)
            log_m_b = (count * log_a + TO_ALL * log_m) / (count + TO_ALL)
            log_r = count / (count + TO_BOTH) * (_log_sides(s, errors[:, a:b], k) - log_a)
            student = stdtrit(freedom + count, (1 + LEVELS) / 2) / Z
            multipliers.append(np.exp(log_m_b + np.clip(log_r, *np.log(SKEW))) * student)
            counts.append(count)
        middle = np.log([(a + 1) * b for a, b in pairwise([0, *last, steps])]) / 2
        stacked = np.stack(multipliers, axis=1)
        return cls(last, middle, stacked, np.array(counts), least, spread)

    def interval(
        self,
        center: Float[np.ndarray, "origin steps"],
        quantiles: Float[np.ndarray, "origin steps quantile"] | None,
        level: float,
    ) -> tuple[Float[np.ndarray, "origin steps"], Float[np.ndarray, "origin steps"]]:
        """The lower and the upper bounds of the interval of a level, in (0, 1).

        That of a higher level holds that of a lower one. There may be more steps than in `fit`.
        """
        below, above = self.widths(center, quantiles, level)
        return center - below, center + above

    def widths(
        self,
        center: Float[np.ndarray, "origin steps"],
        quantiles: Float[np.ndarray, "origin steps quantile"] | None,
        level: float,
    ) -> Float[np.ndarray, "2 origin steps"]:
        """How far the interval of a level reaches below and above the centre."""
        if not 0 < level < 1:
            raise InputError("`level` must lie between 0 and 1", level, "Pass one such as 0.9.")
        if (quantiles is None) != (self.spread is not None):
            raise InputError(
                "`quantiles` must be those of the prior that the calibration was fitted with",
                "none" if quantiles is None else "some, for a fit without",
                "Pass them to both or to neither.",
            )
        distances = _distances(quantiles, self.spread, self.least, center.shape)
        lead = np.log(np.arange(1, center.shape[1] + 1))
        factors = np.log(self.multipliers).transpose(0, 2, 1).reshape(-1, len(self.middle))
        smooth = np.array([np.interp(lead, self.middle, one) for one in factors])
        smooth = np.exp(smooth).reshape(2, len(Z), len(lead)).transpose(0, 2, 1)
        reach = np.maximum.accumulate(distances * smooth[:, None], axis=-1)
        return _at_score(reach, ndtri((1 + level) / 2))


def bands_of(last: tuple[int, ...], steps: int) -> Int[np.ndarray, " steps"]:
    """The band of each lead time."""
    return np.searchsorted(last, np.arange(1, steps + 1))


def _at_score(reach, z):
    """Reach at a normal score: linear between the levels, from 0 at 0, onward in proportion."""
    known = np.concatenate([[0.0], Z])
    j = int(np.clip(np.searchsorted(known, z), 1, len(Z)))
    upper = reach[..., j - 1]
    if z >= Z[-1]:
        return upper * max(z / Z[-1], 1.0)
    lower = reach[..., j - 2] if j > 1 else 0.0
    share = (z - known[j - 1]) / (known[j] - known[j - 1])
    return np.minimum(lower + share * (upper - lower), upper)  # rounding must not pass it


def _distances(quantiles, spread, least, shape):
    """Distances below and above the median `(2, origin, steps, level)`, positive."""
    if quantiles is None:
        known = len(spread)
        leads = np.arange(1, shape[1] + 1)
        growth = np.maximum(leads / known, 1) ** _growth(spread)
        typical = spread[np.minimum(leads, known) - 1] * growth
        found = np.broadcast_to(typical[:, None] * Z, (2, *shape, len(Z)))
    else:
        median = quantiles[..., [MEDIAN]]
        below = (median - quantiles[..., :MEDIAN])[..., ::-1]
        found = np.stack([below, quantiles[..., MEDIAN + 1 :] - median])
    return np.maximum(found, np.maximum(least * Z, np.finfo(float).tiny))


def _least(size, quantiles):
    """The smallest distance at a normal score of 1, from the sizes of the known errors.

    Of counts that are mostly 0 the prior's lower quantiles are 0, as its median is; the centre
    is not. Where a side is that short, the errors say how far it reaches.
    """
    if not len(size):
        return 0.0
    scale = size.max() or 1.0  # so that squares do not overflow
    rms = float(scale * np.sqrt(np.mean((size / scale) ** 2)))
    if quantiles is not None:
        one, other = _distances(quantiles, None, 0.0, quantiles.shape[:2])
        if max(np.mean(one < SMALL * other), np.mean(other < SMALL * one)) > 0.4:
            return ONE_SIDED * rms
    return LEAST * float(np.median(size))


def _spread(size):
    """The root mean square of the errors at each lead time, made to rise with it."""
    n = np.isfinite(size).sum(axis=0)
    scale = np.nanmax(size) or 1.0  # so that squares do not overflow
    rms = scale * np.sqrt(np.nansum((size / scale) ** 2, axis=0) / np.maximum(n, 1))
    some = np.flatnonzero(n)
    rising = isotonic_regression(rms[some], weights=n[some].astype(float)).x
    spread = np.interp(np.arange(len(n)), some, rising)
    beyond = np.arange(1, len(n) + 1) / (some[-1] + 1)
    return spread * np.maximum(beyond, 1) ** _growth(spread[: some[-1] + 1])


def _growth(spread):
    """The exponent with which a spread goes on, from 0 to that of a random walk."""
    if len(spread) < 2 or spread[0] <= 0:
        return 0.5
    return float(np.clip(np.log(spread[-1] / spread[0]) / np.log(len(spread)), 0, 0.5))


def _common(scores, known, first, spacing):
    """How many forecasts without overlap a band holds, and the logarithm of its multiplier.

    The mean is over the levels whose quantile does not lie beyond the largest of the scores.
    """
    n = known.sum(axis=0)
    if not n.any():
        return 0.0, 0.0
    lead = n @ np.arange(first, first + len(n)) / n.sum()
    total = n.sum()
    found = [
        _quantile(scores[known, j], level)
        for j, level in enumerate(LEVELS)
        if level <= total / (total + 1) + 1e-9
    ]
    return n.max() * min(1.0, spacing / lead), np.mean(np.log(found))


def _log_sides(scores, errors, known):
    """Logarithms of the quantiles of the scores, signed: below and above, `(2, level)`."""
    if not known.any():
        return np.zeros((2, len(LEVELS)))
    signed = (np.sign(errors)[..., None] * scores)[known]
    shares = (1 + LEVELS) / 2
    found = [[_quantile(s * signed[:, j], p) for j, p in enumerate(shares)] for s in (-1, 1)]
    return np.log(np.clip(found, *RANGE))


def _quantile(x, share):
    """The quantile of rank (n + 1) share, interpolated; at most the largest value."""
    return np.quantile(x, share, method="weibull")
