r"""Ridge regression from sums over rows: chunk by chunk, machine by machine, every penalty.

$$\min_{V, c} \; \sum_t \|y_t - V x_t - c\|^2 + \lambda \|V\|_F^2$$

(Hoerl and Kennard 1970). Features x and targets y are rows; the intercept c is not shrunk.
The penalty belongs to the sum over rows, not to their mean.

Two sums hold all that the regression needs, and both merge by addition of a kind:

- `Gram`: the products X'X, X'Y, Y'Y. Fastest, but it squares the condition of X: what is
  under 1e-8 of the largest singular value is rounding.
- `Triangle`: the factor R of X = QR. It keeps all digits, for about twice the work.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Float

from throughtime.errors import InputError

RIDGES = 10.0 ** np.arange(-14, 3)
"""The penalties that are tried when none is given."""

ROWS, PANEL = 256, 32
"""Rows that are folded into a triangle at a time, so that they stay in cache, and columns."""

EPS = float(np.finfo(np.float64).eps)

Features = Float[np.ndarray, "rows features"]
Targets = Float[np.ndarray, "rows targets"]
Block = tuple[Float[np.ndarray, "_ features"], Float[np.ndarray, "_ targets"]]
"""Features and targets of a block, as many rows of each; blocks differ in how many."""


class Readout(NamedTuple):
    """A linear map: $y = V x + c$."""

    V: Float[np.ndarray, "targets features"]
    c: Float[np.ndarray, " targets"]

    def __call__(
        self, x: Float[np.ndarray, "*rows features"]
    ) -> Float[np.ndarray, "*rows targets"]:
        return x @ self.V.T + self.c


@dataclass(frozen=True)
class Gram:
    r"""Means and scatter of rows $z = (x, y)$.

    $$m = \frac{1}{n} \sum_t z_t, \qquad S = \sum_t (z_t - m)(z_t - m)^\top$$

    Attributes
    ----------
    count
        N.
    targets
        How many columns at the end of z are y.
    mean
        M; zero without an intercept.
    scatter
        S.
    """

    count: int
    mean: Float[np.ndarray, " columns"]
    scatter: Float[np.ndarray, "columns columns"]
    targets: int
    intercept: bool = True

    @classmethod
    def of(cls, X: Features, Y: Targets, intercept: bool = True) -> "Gram":
        """The sums over these rows. Without an intercept, c is 0.

        NumPy's product lets other threads run; SciPy's, in `of_blocks`, does not.
        """
        Z = _columns(X, Y)
        mean = Z.mean(axis=0) if intercept else np.zeros(Z.shape[1])
        Z -= mean
        return cls(len(Z), mean, Z.T @ Z, Y.shape[1], intercept)

    @classmethod
    def of_blocks(cls, blocks: Iterable[Block], intercept: bool = True) -> "Gram":
        """The sums over the rows of all blocks.

        Each is added into one array, in the way of `merge`, which would pass over several.

        Raises
        ------
        InputError
            If there is no row, or for blocks of other columns.
        """
        add, outer = scipy.linalg.get_blas_funcs(("syrk", "syr"), dtype=np.float64)
        count, mean, kind, S = 0, np.empty(0), None, np.empty(0)
        for X, Y in blocks:
            if not len(X):
                continue
            Z, its = _columns(X, Y), (X.shape[1], Y.shape[1], intercept)
            if kind is None:
                kind, mean = its, np.zeros(Z.shape[1])
                S = np.zeros((len(mean), len(mean)), order="F")  # its lower triangle
            _alike(kind, its)
            apart = Z.mean(axis=0) - mean if intercept else mean
            Z -= mean + apart
            n = count + len(Z)
            S = add(1.0, Z.T, beta=1.0, c=S, lower=1, overwrite_c=1)
            S = outer(count * len(Z) / n, apart, a=S, lower=1, overwrite_a=1)
            count, mean = n, mean + len(Z) / n * apart
        if kind is None:
            raise _no_row()
        S += np.tril(S, -1).T
        return cls(count, mean, S, kind[1], intercept)

    def add(self, X: Features, Y: Targets) -> "Gram":
        """With more rows."""
        return self.merge(type(self).of(X, Y, self.intercept)) if len(X) else self

    def add_blocks(self, blocks: Iterable[Block]) -> "Gram":
        """With the rows of more blocks, as `of_blocks`."""
        return self.merge(type(self).of_blocks(blocks, self.intercept))

    def merge(self, other: "Gram") -> "Gram":
        r"""The sums over the rows of both (Chan, Golub and LeVeque 1983).

        $$S = S_1 + S_2 + \frac{n_1 n_2}{n_1 + n_2} (m_2 - m_1)(m_2 - m_1)^\top$$
        """
        _alike(self._kind, other._kind)
        n = self.count + other.count
        apart = other.mean - self.mean
        scatter = self.scatter + other.scatter
        scatter += self.count * other.count / n * np.outer(apart, apart)
        mean = self.mean + other.count / n * apart
        return type(self)(n, mean, scatter, self.targets, self.intercept)

    @property
    def _kind(self):
        return len(self.mean) - self.targets, self.targets, self.intercept

    def solve(self, ridge: float | int) -> Readout:
        """The readout at one penalty, by Cholesky.

        Raises
        ------
        InputError
            For a negative penalty, or one under which the system is singular to working
            precision.
        """
        _not_negative(ridge)
        p = len(self.mean) - self.targets
        A = np.array(self.scatter[:p, :p], order="F")
        A[np.diag_indices(p)] += ridge
        size = np.abs(A).sum(axis=0).max()
        factor, condition = scipy.linalg.get_lapack_funcs(("potrf", "pocon"), (A,))
        L, failed = factor(A, lower=1, clean=0, overwrite_a=1)
        rcond = 0.0 if failed else condition(L, size, uplo="L")[0]
        if rcond < 10 * EPS:
            raise _singular(ridge, 10 * EPS * size, squared=True)
        V = scipy.linalg.cho_solve((L, True), self.scatter[:p, p:], check_finite=False).T
        return _readout(V, self.mean)

    def path(self) -> "RidgePath":
        r"""All from one factorisation: $X^\top X = B \, \mathrm{diag}(s^2) B^\top$."""
        p = len(self.mean) - self.targets
        XX, XY = self.scatter[:p, :p], self.scatter[:p, p:]
        squares, B = scipy.linalg.eigh(XX, driver="evd", check_finite=False)
        squares, g = np.maximum(squares, 0), B.T @ XY
        resolution = 10 * EPS
        seen = squares > resolution * squares[-1]
        explained = (g[seen] ** 2 / squares[seen, None]).sum(axis=0)
        rest = np.maximum(np.diag(self.scatter)[p:] - explained, 0)
        return RidgePath(B, squares, g, rest, self.count, self.mean, self.intercept, resolution)


@dataclass(frozen=True)
class Triangle:
    r"""The triangular factor of rows $(1, x, y)$, or $(x, y)$ without an intercept.

    $$(1 \; X \; Y) = Q R$$

    Stacked factors have the factor of all their rows (tall-skinny QR: Demmel, Grigori,
    Hoemmen and Langou 2012). The first row and column of R take the means out of the rest.

    Attributes
    ----------
    count
        Rows.
    R
        Upper triangular.
    targets, intercept
        As in `Gram`.
    """

    count: int
    R: Float[np.ndarray, "columns columns"]
    targets: int
    intercept: bool = True

    @classmethod
    def of(cls, X: Features, Y: Targets, intercept: bool = True) -> "Triangle":
        """The factor of these rows."""
        columns = X.shape[1] + Y.shape[1] + intercept
        empty = cls(0, np.zeros((columns, columns)), Y.shape[1], intercept)
        return empty.add(X, Y)

    def add(self, X: Features, Y: Targets) -> "Triangle":
        """With more rows."""
        _alike(self._kind, (X.shape[1], Y.shape[1], self.intercept))
        Z = _columns(X, Y)
        if self.intercept:
            Z = np.concatenate([np.ones((len(Z), 1)), Z], axis=1)
        return self._stacked(Z, len(Z))

    @classmethod
    def of_blocks(cls, blocks: Iterable[Block], intercept: bool = True) -> "Triangle":
        """The factor of the rows of all blocks. **Raises:** as `Gram.of_blocks`."""
        blocks = iter(blocks)
        first = next(blocks, None)
        if first is None:
            raise _no_row()
        return cls.of(*first, intercept).add_blocks(blocks)

    def add_blocks(self, blocks: Iterable[Block]) -> "Triangle":
        """With the rows of more blocks, as `of_blocks`."""
        return reduce(lambda sums, block: sums.add(*block), blocks, self)

    def merge(self, other: "Triangle") -> "Triangle":
        """The factor of the rows of both."""
        _alike(self._kind, other._kind)
        return self._stacked(other.R, other.count)

    @property
    def _kind(self):
        features = len(self.R) - self.targets - self.intercept
        return features, self.targets, self.intercept

    def _stacked(self, rows, count):
        return type(self)(
            self.count + count, _folded(self.R, rows), self.targets, self.intercept
        )

    def solve(self, ridge: float | int) -> Readout:
        r"""The readout at one penalty, from the factor of X over $\sqrt\lambda I$.

        **Raises:** as `Gram.solve`.
        """
        _not_negative(ridge)
        mean, R = self._centred()
        p = len(R) - self.targets
        R = _folded(R, np.sqrt(ridge) * np.eye(p, len(R)))
        (condition,) = scipy.linalg.get_lapack_funcs(("trcon",), (R,))
        if condition(R[:p, :p])[0] < 10 * EPS:
            least = (10 * EPS * np.abs(R[:p, :p]).sum(axis=0).max()) ** 2
            raise _singular(ridge, least, squared=False)
        V = scipy.linalg.solve_triangular(R[:p, :p], R[:p, p:], check_finite=False).T
        return _readout(V, mean)

    def path(self) -> "RidgePath":
        r"""Every penalty from one factorisation: $R_X = A \, \mathrm{diag}(s) B^\top$."""
        mean, R = self._centred()
        p = len(R) - self.targets
        A, s, BT = scipy.linalg.svd(R[:p, :p], check_finite=False)
        g = s[:, None] * (A.T @ R[:p, p:])
        rest = (R[p:, p:] ** 2).sum(axis=0)
        resolution = (10 * EPS) ** 2
        return RidgePath(BT.T, s**2, g, rest, self.count, mean, self.intercept, resolution)

    def _centred(self):
        """The means, and the factor of the rows less their means."""
        if not self.intercept:
            return np.zeros(len(self.R)), self.R
        return self.R[0, 1:] / self.R[0, 0], self.R[1:, 1:]


@dataclass(frozen=True)
class RidgePath:
    r"""The solution at every penalty.

    $$V_\lambda^\top = B \, \mathrm{diag}\!\left(\frac{1}{s^2 + \lambda}\right) g,
      \qquad g = B^\top X^\top Y$$

    Attributes
    ----------
    basis
        B, orthogonal.
    squares
        $s^2$, of the centred features.
    moments
        G.
    rest
        The sum of squares of each target that no penalty can explain.
    count
        Rows.
    mean
        Of features and targets.
    intercept
        Whether c is free.
    resolution
        Squares under this share of the largest are rounding.
    """

    basis: Float[np.ndarray, "features features"]
    squares: Float[np.ndarray, " features"]
    moments: Float[np.ndarray, "features targets"]
    rest: Float[np.ndarray, " targets"]
    count: int
    mean: Float[np.ndarray, " columns"]
    intercept: bool
    resolution: float

    def solve(self, ridge: float | int) -> Readout:
        """The readout at one penalty.

        **Raises:** as `Gram.solve`.
        """
        self._check(ridge)
        V = (self.basis @ (self.moments / (self.squares + ridge)[:, None])).T
        return _readout(V, self.mean)

    def degrees(self, ridge: float | int) -> float:
        r"""Effective degrees of freedom: $\mathrm{tr} H = \sum_i s_i^2/(s_i^2 + \lambda)$.

        H maps the targets to their fit; the intercept counts 1.
        """
        self._check(ridge)
        return float((self.squares / (self.squares + ridge)).sum() + self.intercept)

    def squared_error(self, ridge: float | int) -> Float[np.ndarray, " targets"]:
        r"""The sum of squared residuals of each target, without going through the rows.

        $$e_\lambda = e_0 + \sum_i \frac{\lambda^2 g_i^2}{s_i^2 (s_i^2 + \lambda)^2}$$
        """
        self._check(ridge)
        seen = self.squares > self.resolution * self.squares.max()
        s2, g = self.squares[seen, None], self.moments[seen]
        return self.rest + ((ridge / (s2 + ridge)) ** 2 * g**2 / s2).sum(axis=0)

    def gcv(self, ridge: float | int) -> Float[np.ndarray, " targets"]:
        r"""Generalised cross-validation (Golub, Heath and Wahba 1979), of each target.

        $$\mathrm{GCV}(\lambda) = \frac{e_\lambda / n}{(1 - \mathrm{tr} H / n)^2}$$

        It estimates the mean squared error on rows left out, if rows are independent.

        Raises
        ------
        InputError
            If there is no row more than degrees of freedom.
        """
        spare = 1 - self.degrees(ridge) / self.count
        if spare <= 10 * EPS:
            rule = "cross-validation needs more rows than degrees of freedom"
            got = f"{self.count} rows and {self.degrees(ridge):.6g} degrees"
            raise InputError(rule, got, "Raise `ridge`, or pass more data.")
        return self.squared_error(ridge) / self.count / spare**2

    def best(self, ridges: Iterable[float | int] = RIDGES) -> float:
        """The penalty of the least score; each target counts relative to its variance.

        Penalties under which the system is singular are left out.

        Raises
        ------
        InputError
            If none is left.
        """
        variance = self._variance()
        ridges = [float(ridge) for ridge in ridges]
        usable = [ridge for ridge in ridges if self._regular(ridge)]
        if not usable:
            raise self._singular(max(ridges, default=0.0))
        return min(usable, key=lambda ridge: float((self.gcv(ridge) / variance).sum()))

    def _variance(self):
        seen = self.squares > self.resolution * self.squares.max()
        total = self.rest + (self.moments[seen] ** 2 / self.squares[seen, None]).sum(axis=0)
        return np.where(total > 0, total, 1)

    def _regular(self, ridge):
        least = self.squares.min() + ridge
        return least > self.resolution * (self.squares.max() + ridge)

    def _singular(self, ridge):
        least = 2 * self.resolution * self.squares.max()
        return _singular(ridge, least, squared=self.resolution > EPS)

    def _check(self, ridge):
        _not_negative(ridge)
        if not self._regular(ridge):
            raise self._singular(ridge)


def _folded(R, rows):
    """The triangular factor of R over `rows`."""
    (update,) = scipy.linalg.get_lapack_funcs(("tpqrt",), (R,))
    R, width = R.copy(order="F"), min(PANEL, len(R))
    for start in range(0, len(rows), ROWS):
        below = np.asfortranarray(rows[start : start + ROWS])
        R, *_ = update(0, width, R, below, overwrite_a=True, overwrite_b=True)
    return R


def _columns(X, Y):
    return np.concatenate([X, Y], axis=1, dtype=np.float64)


def _alike(one, other):
    if one != other:
        rule = "rows that are summed must be of the same columns"
        got = " and ".join(
            f"{features} features, {targets} targets, {'an' if intercept else 'no'} intercept"
            for features, targets, intercept in (one, other)
        )
        raise InputError(rule, got, "Sum rows of one kind.")


def _no_row():
    return InputError("a regression needs rows", "none", "Pass data.")


def _readout(V, mean):
    p = V.shape[1]
    return Readout(V, mean[p:] - V @ mean[:p])


def _not_negative(ridge):
    if not 0 <= ridge < np.inf:
        raise InputError("`ridge` must be 0 or more, and finite", ridge, "Raise `ridge`.")


def _singular(ridge, least, squared):
    rule = "the regression must not be singular"
    also = ', or regress by "qr"' if squared else ""
    remedy = f"Raise `ridge` to {max(least, np.finfo(float).tiny):.1g} or more{also}."
    return InputError(rule, f"`ridge` {ridge:g}", remedy)
