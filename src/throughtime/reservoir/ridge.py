r"""Ridge regression: the linear readout of least squared error under a penalty.

$$\min_{V, c} \; \sum_t \|y_t - V x_t - c\|^2 + \lambda \|V\|_F^2$$

(Hoerl and Kennard 1970). Features x and targets y are the rows of X and Y. The penalty is on
the sum over rows, not on their mean; the intercept c is not penalised.

`regression_sums.py` accumulates what the regression needs of the rows; one factorisation of
that is a `RidgePath`, which gives the readout at every penalty.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from throughtime.errors import InputError

RIDGES = 10.0 ** np.arange(-14, 3)
"""The penalties that are tried when none is given."""

EPS = float(np.finfo(np.float64).eps)


class Readout(NamedTuple):
    """A linear map: $y = V x + c$."""

    V: Float[np.ndarray, "targets features"]
    c: Float[np.ndarray, " targets"]

    def __call__(
        self, x: Float[np.ndarray, "*rows features"]
    ) -> Float[np.ndarray, "*rows targets"]:
        return x @ self.V.T + self.c

    @classmethod
    def through_means(
        cls, V: Float[np.ndarray, "targets features"], mean: Float[np.ndarray, " columns"]
    ) -> "Readout":
        """The readout with weights V that maps the mean features to the mean targets."""
        features = V.shape[1]
        return cls(V, mean[features:] - V @ mean[:features])


@dataclass(frozen=True)
class RidgePath:
    r"""The solution at every penalty, from one factorisation.

    $$V_\lambda^\top = B \, \mathrm{diag}\!\left(\frac{1}{s^2 + \lambda}\right) g,
      \qquad X = A \, \mathrm{diag}(s) B^\top, \qquad g = B^\top X^\top Y$$

    with X and Y less their means where there is an intercept.

    Attributes
    ----------
    basis
        B, orthogonal.
    squares
        $s^2$, the eigenvalues of $X^\top X$.
    moments
        g.
    projections
        $A^\top Y$, the targets along the left singular vectors; 0 where rounding hides them.
    unexplained
        The sum of squares of each target outside of `projections`.
    count
        Number of rows.
    mean
        Means of the features, then of the targets.
    intercept
        Whether c is fitted; otherwise it is 0.
    resolution
        Eigenvalues below this share of the largest are rounding error.
    """

    basis: Float[np.ndarray, "features features"]
    squares: Float[np.ndarray, " features"]
    moments: Float[np.ndarray, "features targets"]
    projections: Float[np.ndarray, "features targets"]
    unexplained: Float[np.ndarray, " targets"]
    count: int
    mean: Float[np.ndarray, " columns"]
    intercept: bool
    resolution: float

    def solve(self, ridge: float | int) -> Readout:
        """The readout at one penalty.

        Raises
        ------
        InputError
            For a negative penalty, or one at which the system is singular to working precision.
        """
        self._check(ridge)
        V = (self.basis @ (self.moments / (self.squares + ridge)[:, None])).T
        return Readout.through_means(V, self.mean)

    def degrees(self, ridge: float | int) -> float:
        r"""Effective degrees of freedom: $\mathrm{tr} H = \sum_i s_i^2/(s_i^2 + \lambda)$.

        H maps the targets to their fit; the intercept counts as 1.
        """
        self._check(ridge)
        return float((self.squares / (self.squares + ridge)).sum() + self.intercept)

    def squared_error(self, ridge: float | int) -> Float[np.ndarray, " targets"]:
        r"""The sum of squared residuals of each target, without a pass over the rows.

        $$e_\lambda = e_\perp + \sum_i
          \left(\frac{\lambda}{s_i^2 + \lambda}\right)^2 (A^\top Y)_i^2$$

        with $e_\perp$ the `unexplained` part. A direction that the features lack, s = 0, keeps
        all of its error.
        """
        self._check(ridge)
        share = (ridge / (self.squares + ridge))[:, None]
        return self.unexplained + ((share * self.projections) ** 2).sum(axis=0)

    def gcv(self, ridge: float | int) -> Float[np.ndarray, " targets"]:
        r"""Generalised cross-validation of each target (Golub, Heath and Wahba 1979).

        $$\mathrm{GCV}(\lambda) = \frac{e_\lambda / n}{(1 - \mathrm{tr} H / n)^2}$$

        It estimates the mean squared error on rows that are left out, if rows are independent.

        Raises
        ------
        InputError
            If there are no more rows than degrees of freedom.
        """
        spare = 1 - self.degrees(ridge) / self.count
        if spare <= 10 * EPS:
            rule = "cross-validation needs more rows than degrees of freedom"
            got = f"{self.count} rows and {self.degrees(ridge):.6g} degrees"
            raise InputError(rule, got, "Raise `ridge`, or pass more data.")
        return self.squared_error(ridge) / self.count / spare**2

    def best(self, ridges: Iterable[float | int] = RIDGES) -> float:
        """The penalty of the lowest cross-validation error, relative to each target's variance.

        Penalties at which the system is singular are left out.

        Raises
        ------
        InputError
            If none is left.
        """
        variance = self._variance()
        ridges = [float(ridge) for ridge in ridges]
        usable = [ridge for ridge in ridges if self.is_regular(ridge)]
        if not usable:
            raise self._singular(max(ridges, default=0.0))
        return min(usable, key=lambda ridge: float((self.gcv(ridge) / variance).sum()))

    def _variance(self):
        """The sum of squares of each target about its mean; 1 for a constant."""
        total = self.unexplained + (self.projections**2).sum(axis=0)
        return np.where(total > 0, total, 1)

    def is_regular(self, ridge: float | int) -> bool:
        """Whether the system at this penalty is not singular to working precision."""
        least = self.squares.min() + ridge
        return bool(least > self.resolution * (self.squares.max() + ridge))

    def _singular(self, ridge):
        least = 2 * self.resolution * self.squares.max()
        return singular(ridge, least, squared=self.resolution > EPS)

    def _check(self, ridge):
        check_ridge(ridge)
        if not self.is_regular(ridge):
            raise self._singular(ridge)


def check_ridge(ridge: float | int) -> None:
    """Refuse a penalty that is negative or not finite."""
    if not 0 <= ridge < np.inf:
        remedy = "Pass 0 for no penalty, or a positive number."
        raise InputError("`ridge` must be 0 or more, and finite", ridge, remedy)


def singular(ridge: float | int, least: float, squared: bool) -> InputError:
    """The error for a singular regression.

    Parameters
    ----------
    least
        The least penalty at which it is not singular.
    squared
        Whether it comes from products of the features, whose condition is squared.
    """
    rule = "the regression must not be singular"
    also = ', or regress by "qr"' if squared else ""
    remedy = f"Raise `ridge` to {max(least, np.finfo(float).tiny):.1g} or more{also}."
    return InputError(rule, f"`ridge` {ridge:g}", remedy)
