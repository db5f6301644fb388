r"""Intervals that adapt to how often they held: adaptive conformal inference.

From the origin t on, the widths of a band of lead times are multiplied by $e^{\theta_t}$.
Whenever outcomes become known, with $\bar g_t$ the share of them outside the interval that was
issued for them,

$$\theta_{t+1} = \theta_t + \eta \, (\bar g_t - \alpha), \qquad \alpha = 1 - \mathrm{level}$$

so misses widen and hits narrow. The outcome of the lead time k from the origin o is known at
origins from o + k on, and no earlier. Whatever the series, if the score $|e| / \mathrm{width}$
stays within $e^{\pm B}$ and outcomes are at most d updates old, then after T updates

$$\Bigl| \frac{1}{T} \sum_t \bar g_t - \alpha \Bigr| \le \frac{B + (d + 1) \, \eta}{\eta \, T}$$

because a width above $e^B$ covers all and one below $e^{-B}$ nothing: $\theta$ stays within
B + (d + 1) $\eta$, and the sum is that of its steps over $\eta$.

The rate is divided by the number of forecasts in a band that overlap, as these hold or miss
alike.

References
----------
Gibbs and Candès, "Adaptive conformal inference under distribution shift", *NeurIPS*, 2021.
Zaffran, Féron, Goude, Josse and Dieuleveut, "Adaptive conformal predictions for time series",
*ICML*, 2022.
Angelopoulos, Candès and Tibshirani, "Conformal PID control for time series prediction",
*NeurIPS*, 2023.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtri

from .calibration import Calibration, Z, bands_of

RATE = 0.3
r"""The rate $\eta$ of forecasts that do not overlap."""


class Adapted(NamedTuple):
    r"""Intervals over a backtest, and what was learned.

    Attributes
    ----------
    lower, upper
        The bounds, with the level as a first axis.
    calibration
        As after the last outcome, for the forecast beyond the end.
    scale
        The logarithms $\theta$ of the factors, after it.
    """

    lower: Float[np.ndarray, "level origin steps"]
    upper: Float[np.ndarray, "level origin steps"]
    calibration: Calibration
    scale: Float[np.ndarray, "level band"]


def adapt(
    calibration: Calibration,
    origins: Int[np.ndarray, " origin"],
    center: Float[np.ndarray, "origin steps"],
    quantiles: Float[np.ndarray, "origin steps quantile"] | None,
    truth: Float[np.ndarray, "origin steps"],
    levels: Sequence[float],
) -> Adapted:
    """Intervals from origins in order, each adapted to the outcomes that are known there.

    Parameters
    ----------
    calibration
        From origins before these.
    origins
        Increasing: how many values are known at each.
    center, quantiles, truth
        As in `Calibration.fit`, from these origins.
    levels
        Nominal coverages, increasing. The interval of a level holds those of lower levels.
    """
    widths = np.stack([calibration.widths(center, quantiles, level) for level in levels])
    errors = truth - center
    side = np.where(errors < 0, widths[:, 0], widths[:, 1])
    with np.errstate(over="ignore"):  # an error far beyond a tiny width is a miss
        scores = np.abs(errors) / side
    bands = bands_of(calibration.last, center.shape[1])
    scale, final = track(scores, np.asarray(origins), bands, len(calibration.middle), levels)
    issued = np.exp(scale)[..., bands]  # (level, origin, steps)
    widths = np.maximum.accumulate(widths * issued[:, None], axis=0)
    after = _rescaled(calibration, final, levels)
    return Adapted(center - widths[:, 0], center + widths[:, 1], after, final)


def track(
    scores: Float[np.ndarray, "level origin steps"],
    origins: Int[np.ndarray, " origin"],
    bands: Int[np.ndarray, " steps"],
    number: int,
    levels: Sequence[float],
) -> tuple[Float[np.ndarray, "level origin band"], Float[np.ndarray, "level band"]]:
    r"""The logarithms $\theta$ at each origin, and after the last outcome.

    Parameters
    ----------
    scores
        Sizes of the errors over the widths that are to be multiplied; NaN where unknown.
    origins
        Increasing: how many values are known at each.
    bands
        The band of each lead time.
    number
        The number of bands.
    levels
        Nominal coverages.
    """
    alpha = 1 - np.asarray(levels)[:, None]
    row, column = np.nonzero(~np.isnan(scores[0]))
    due = origins[row] + column + 1
    order = np.argsort(due, kind="stable")
    row, column, due = row[order], column[order], due[order]
    after = np.unique(due[due > origins[-1]])  # the outcomes that end the series
    times = np.concatenate([origins, after])
    ends = np.searchsorted(due, times, side="right")
    rate = rates(origins, bands, number)
    theta = np.zeros((len(levels), number))
    issued = np.empty((len(levels), len(origins), number))
    start = 0
    for t, end in enumerate(ends):
        if end > start:
            i, k = row[start:end], column[start:end]
            band, start = bands[k], end
            missed = scores[:, i, k] > np.exp(issued[:, i, band])
            n = np.bincount(band, minlength=number)
            misses = np.array([np.bincount(band, one, minlength=number) for one in missed])
            theta = theta + np.where(n > 0, rate * (misses / np.maximum(n, 1) - alpha), 0)
        if t < len(origins):
            issued[:, t] = theta
    return issued, theta


def rates(
    origins: Int[np.ndarray, " origin"], bands: Int[np.ndarray, " steps"], number: int
) -> Float[np.ndarray, " band"]:
    r"""The rate $\eta$ of each band: that of the module over the forecasts that overlap."""
    sizes = np.bincount(bands, minlength=number)
    lead = np.bincount(bands, np.arange(1.0, len(bands) + 1), number) / np.maximum(sizes, 1)
    spacing = np.diff(origins).mean() if len(origins) > 1 else 1.0
    return RATE * np.minimum(1, spacing / np.maximum(lead, 1))


def _rescaled(calibration, theta, levels):
    """The calibration with its multipliers moved, between the levels in their normal scores."""
    known = ndtri((1 + np.asarray(levels)) / 2)
    moved = np.array([np.interp(Z, known, one) for one in theta.T])
    return replace(calibration, multipliers=calibration.multipliers * np.exp(moved))
