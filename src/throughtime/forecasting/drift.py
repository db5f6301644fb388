r"""Drift: errors since the fit that its intervals did not promise.

From every origin since the fit, the next value lies outside the interval of a level with the
probability $\alpha = 1 - \mathrm{level}$, if nothing has changed. The widths are known from m
errors only, as those of a conformal interval are, so $\alpha$ is itself uncertain: of n values,
the number outside follows the beta-binomial law with the parameters $\alpha (m + 1)$ and
$(1 - \alpha) (m + 1)$. The prior's widths count for `calibration.FREEDOM` more errors. Drift is
what this law makes less likely than `ALARM`.

One step ahead, so that errors hardly depend on each other: a level that has moved is followed
after a step, and is no drift; another noise, or another course, is.

References
----------
Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random World*, 2005.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import betaln, gammaln, logsumexp

ALARM = 0.01
"""How often an unchanged series is said to drift."""

LONGEST = 200
"""Rows since the fit that are judged: the last ones."""


HELD = 60
"""Rows before these whose intervals say how wide the later ones may be."""


@dataclass(frozen=True)
class Drift:
    """How the values since the fit lie in the intervals that the fit had promised.

    Attributes
    ----------
    rows
        The number of values since the fit that were judged; of several targets, of the one that
        is told of.
    outside
        How many lay outside the interval one step ahead.
    level
        The level of the interval.
    chance
        The probability of as many outside, or more, if nothing has changed.
    """

    rows: int
    outside: int
    level: float
    chance: float

    @property
    def found(self) -> bool:
        """Whether the series has changed: `chance` is below 1 %."""
        return self.chance < ALARM

    def sentence(self, name: str) -> str:
        """What was found, in a line."""
        return (
            f"`{name}` has changed since the fit: {self.outside} of {self.rows} new values lie "
            f"outside the {100 * self.level:g} % interval one step ahead. Fit it again, or "
            "train further with `update`."
        )

    @classmethod
    def of(
        cls,
        lower: Float[np.ndarray, "row target"],
        upper: Float[np.ndarray, "row target"],
        truth: Float[np.ndarray, "row target"],
        level: float,
        calibrated: list[int],
    ) -> "Drift | None":
        """Judge the rows since the fit by their intervals; None if no value is known.

        `calibrated` is the number of errors from which the widths of each target are known.
        """
        known = ~np.isnan(truth)
        outside = (known & ((truth < lower) | (truth > upper))).sum(axis=0)
        rows, alpha, found = known.sum(axis=0), 1 - level, []
        for n, misses, m in zip(rows.tolist(), outside.tolist(), calibrated, strict=True):
            chance = at_least(misses, n, alpha * (m + 1), level * (m + 1))
            found.append(cls(n, misses, level, min(1.0, len(rows) * chance)))
        found = [one for one in found if one.rows]
        return min(found, key=lambda one: one.chance) if found else None


def held(
    lower: Float[np.ndarray, "origin target"],
    upper: Float[np.ndarray, "origin target"],
    center: Float[np.ndarray, "origin target"],
    seen: int,
) -> tuple[Float[np.ndarray, "new target"], Float[np.ndarray, "new target"]]:
    """Intervals of new rows, no wider than the widest of the `seen` first ones.

    The prior's widths follow the last changes of a series: if it becomes noisier, they soon
    promise so. Without a seen row they stay as they are.
    """
    width = upper - lower
    widest = width[:seen].max(axis=0) if seen else np.full(width.shape[1], np.inf)
    share = np.minimum(1.0, widest / np.maximum(width, np.finfo(float).tiny))[seen:]
    low, high, middle = lower[seen:], upper[seen:], center[seen:]
    return middle - share * (middle - low), middle + share * (high - middle)


def at_least(k: int, n: int, a: float, b: float) -> float:
    """The probability of k or more of n by the beta-binomial law with parameters a and b."""
    if k <= 0:
        return 1.0
    i = np.arange(k, n + 1)
    choices = gammaln(n + 1) - gammaln(i + 1) - gammaln(n - i + 1)
    logs = choices + betaln(i + a, n - i + b) - betaln(a, b)
    return float(np.exp(np.asarray(logsumexp(logs))))
