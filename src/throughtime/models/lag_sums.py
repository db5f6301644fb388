"""Sums of products of a series with its own past, and every ridge regression that they hold.

An autoregression regresses a value on earlier ones, a direct forecast regresses later values on
earlier ones. Both need only the products of all lags, so one pass over the series serves all
sets of lags, all lead times and all penalties.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

SMALLEST = 1e-10
"""Penalties are at least this share of the mean diagonal of the products, so that exactly
collinear lags can be solved for."""


@dataclass(frozen=True)
class LagSums:
    r"""Means and products of lags over the same rows.

    $$G_{ij} = \sum_{t=p}^{T-1} x_{t-i} x_{t-j}, \qquad
      s_i = \sum_{t=p}^{T-1} x_{t-i}, \qquad i, j = 0, \dots, p$$

    Attributes
    ----------
    products
        G.
    sums
        s.
    count
        Number of rows, $T - p$.
    """

    products: Float[np.ndarray, "lags lags"]
    sums: Float[np.ndarray, " lags"]
    count: int

    @classmethod
    def of(cls, x: Float[np.ndarray, " time"], longest: int) -> "LagSums":
        r"""The sums of lags 0 to p, the longest lag.

        The first row of G is a correlation; the others follow from it, since
        $G_{i+1,j+1} = G_{ij} + x_{p-1-i} x_{p-1-j} - x_{T-1-i} x_{T-1-j}$. That takes
        $O(pT + p^2)$ operations instead of $O(p^2 T)$.
        """
        p, rows = longest, len(x) - longest
        G, s = np.empty((p + 1, p + 1)), np.empty(p + 1)
        G[0] = np.correlate(x, x[p:], "valid")[::-1]
        s[0] = x[p:].sum()
        before, last = x[:p][::-1], x[len(x) - p :][::-1]
        s[1:] = s[0] + np.cumsum(before - last)
        for i in range(p):
            row = G[i, i:p] + before[i] * before[i:] - last[i] * last[i:]
            G[i + 1, i + 1 :] = row
        upper = np.triu(G)
        return cls(upper + np.triu(G, 1).T, s, rows)


def lag_products(
    x: Float[np.ndarray, " time"], lags: Int[np.ndarray, " lag"]
) -> tuple[Float[np.ndarray, "lag lag"], Float[np.ndarray, "lag 1"]]:
    """Products of some lags, and of each with lag 0, over the rows that have the longest.

    Parameters
    ----------
    x
        The series.
    lags
        The lags, the longest last. A few far apart are multiplied on their own: their sums
        would have the square of the longest lag as their size.
    """
    longest = int(lags[-1])
    if len(lags) == longest:
        G = LagSums.of(x, longest).products
        return G[1:, 1:], G[1:, :1]
    past = np.stack([x[longest - lag : len(x) - lag] for lag in lags])
    return past @ past.T, (past @ x[longest:])[:, None]


def ridge_path(
    gram: Float[np.ndarray, "features features"],
    cross: Float[np.ndarray, "features targets"],
    penalties: Float[np.ndarray, " penalties"],
) -> Float[np.ndarray, "penalties features targets"]:
    r"""Ridge regressions at several penalties from one eigendecomposition.

    $$W_\lambda = (G + \lambda \bar g I)^{-1} C, \qquad \bar g = \mathrm{tr}\, G / p$$

    Parameters
    ----------
    gram
        G, products of the features.
    cross
        C, products of features and targets.
    penalties
        The $\lambda$, in units of the mean diagonal of G.

    References
    ----------
    Hoerl and Kennard, "Ridge regression: biased estimation for nonorthogonal problems",
    *Technometrics* 12, 1970.
    """
    size = max(float(np.trace(gram)) / len(gram), np.finfo(float).tiny ** 0.5)
    squares, basis = np.linalg.eigh(gram)
    spectrum = np.maximum(squares, 0) + np.maximum(penalties, SMALLEST)[:, None] * size
    return basis @ ((basis.T @ cross) / spectrum[:, :, None])
