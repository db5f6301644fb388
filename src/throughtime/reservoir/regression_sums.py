"""What a regression needs of its rows, accumulated chunk by chunk or machine by machine.

Either of two sums determines the regression at every penalty, and both can be merged:

- `Gram`: the products X'X, X'Y and Y'Y. Faster, but it squares the condition number of X:
  singular values below 1e-8 of the largest are lost in rounding.
- `Triangle`: the factor R of X = QR. It keeps all digits, at about twice the cost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np
import scipy.linalg
from jaxtyping import Float

from throughtime.errors import InputError

from .ridge import EPS, Readout, RidgePath, check_ridge, singular

ROWS, PANEL = 256, 32
"""Rows that are folded into a triangle at a time, so that they stay in cache; columns of a
panel in the blocked factorisation."""

Features = Float[np.ndarray, "rows features"]
Targets = Float[np.ndarray, "rows targets"]
Block = tuple[Float[np.ndarray, "_ features"], Float[np.ndarray, "_ targets"]]
"""Features and targets of the same rows; blocks may differ in their number of rows."""


@dataclass(frozen=True)
class Gram:
    r"""Means and scatter of rows $z = (x, y)$.

    $$m = \frac{1}{n} \sum_t z_t, \qquad S = \sum_t (z_t - m)(z_t - m)^\top$$

    Attributes
    ----------
    count
        Number of rows, n.
    mean
        m; zero without an intercept.
    scatter
        S.
    targets
        How many columns at the end of z are y.
    intercept
        Whether the regression has an intercept.
    """

    count: int
    mean: Float[np.ndarray, " columns"]
    scatter: Float[np.ndarray, "columns columns"]
    targets: int
    intercept: bool = True

    @classmethod
    def of(cls, X: Features, Y: Targets, intercept: bool = True) -> "Gram":
        """The sums over these rows.

        The product is NumPy's, which lets other Python threads run; SciPy's, in `of_blocks`,
        does not.
        """
        Z = _side_by_side(X, Y)
        mean = Z.mean(axis=0) if intercept else np.zeros(Z.shape[1])
        Z -= mean
        return cls(len(Z), mean, Z.T @ Z, Y.shape[1], intercept)

    @classmethod
    def of_blocks(cls, blocks: Iterable[Block], intercept: bool = True) -> "Gram":
        """The sums over the rows of all blocks.

        The formula is that of `merge`, but each block is added in place: `merge` would pass
        over several arrays of the size of S.

        Raises
        ------
        InputError
            If there is no row, or if blocks differ in their columns.
        """
        add, outer = scipy.linalg.get_blas_funcs(("syrk", "syr"), dtype=np.float64)
        count, mean, layout, S = 0, np.empty(0), None, np.empty(0)
        for X, Y in blocks:
            if not len(X):
                continue
            Z, block_layout = _side_by_side(X, Y), (X.shape[1], Y.shape[1], intercept)
            if layout is None:
                layout, mean = block_layout, np.zeros(Z.shape[1])
                S = np.zeros((len(mean), len(mean)), order="F")  # its lower triangle
            _check_layouts(layout, block_layout)
            shift = Z.mean(axis=0) - mean if intercept else mean
            Z -= mean + shift
            n = count + len(Z)
            S = add(1.0, Z.T, beta=1.0, c=S, lower=1, overwrite_c=1)
            S = outer(count * len(Z) / n, shift, a=S, lower=1, overwrite_a=1)
            count, mean = n, mean + len(Z) / n * shift
        if layout is None:
            raise _no_rows()
        S += np.tril(S, -1).T
        return cls(count, mean, S, layout[1], intercept)

    def add(self, X: Features, Y: Targets) -> "Gram":
        """The sums with more rows."""
        return self.merge(type(self).of(X, Y, self.intercept)) if len(X) else self

    def add_blocks(self, blocks: Iterable[Block]) -> "Gram":
        """The sums with the rows of more blocks; see `of_blocks`."""
        return self.merge(type(self).of_blocks(blocks, self.intercept))

    def merge(self, other: "Gram") -> "Gram":
        r"""The sums over the rows of both (Chan, Golub and LeVeque 1983).

        $$S = S_1 + S_2 + \frac{n_1 n_2}{n_1 + n_2} (m_2 - m_1)(m_2 - m_1)^\top$$
        """
        _check_layouts(self._layout, other._layout)
        n = self.count + other.count
        shift = other.mean - self.mean
        scatter = self.scatter + other.scatter
        scatter += self.count * other.count / n * np.outer(shift, shift)
        mean = self.mean + other.count / n * shift
        return type(self)(n, mean, scatter, self.targets, self.intercept)

    @property
    def _layout(self):
        return len(self.mean) - self.targets, self.targets, self.intercept

    def solve(self, ridge: float | int) -> Readout:
        """The readout at one penalty, by Cholesky factorisation.

        Raises
        ------
        InputError
            For a negative penalty, or one at which the system is singular to working precision.
        """
        check_ridge(ridge)
        p = len(self.mean) - self.targets
        A = np.array(self.scatter[:p, :p], order="F")
        A[np.diag_indices(p)] += ridge
        size = np.abs(A).sum(axis=0).max()
        factor, condition = scipy.linalg.get_lapack_funcs(("potrf", "pocon"), (A,))
        L, failed = factor(A, lower=1, clean=0, overwrite_a=1)
        rcond = 0.0 if failed else condition(L, size, uplo="L")[0]
        if rcond < 10 * EPS:
            # The norm of the inverse is that of columns, up to sqrt(p) times the spectral one.
            raise singular(ridge, 20 * EPS * np.sqrt(p) * size, squared=True)
        V = scipy.linalg.cho_solve((L, True), self.scatter[:p, p:], check_finite=False).T
        return Readout.through_means(V, self.mean)

    def path(self) -> RidgePath:
        """The readout at every penalty, from one eigendecomposition."""
        p = len(self.mean) - self.targets
        XX, XY = self.scatter[:p, :p], self.scatter[:p, p:]
        squares, B = scipy.linalg.eigh(XX, driver="evd", check_finite=False)
        squares, g = np.maximum(squares, 0), B.T @ XY
        resolution = 10 * EPS
        resolved = (squares > resolution * squares[-1])[:, None]
        scale = np.sqrt(np.where(resolved, squares[:, None], 1))
        along = np.where(resolved, g / scale, 0)
        unexplained = np.maximum(np.diag(self.scatter)[p:] - (along**2).sum(axis=0), 0)
        rows = self.count, self.mean, self.intercept
        return RidgePath(B, squares, g, along, unexplained, *rows, resolution)


@dataclass(frozen=True)
class Triangle:
    r"""The triangular factor of rows $(1, x, y)$, or $(x, y)$ without an intercept.

    $$(1 \; X \; Y) = Q R$$

    The factor of stacked factors is that of all their rows (tall-skinny QR: Demmel, Grigori,
    Hoemmen and Langou 2012). Without its first row and column, R is the factor of the rows
    less their means.

    Attributes
    ----------
    count
        Number of rows.
    R
        Upper triangular.
    targets
        How many columns at the end are y.
    intercept
        Whether the regression has an intercept.
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

    @classmethod
    def of_blocks(cls, blocks: Iterable[Block], intercept: bool = True) -> "Triangle":
        """The factor of the rows of all blocks.

        Raises
        ------
        InputError
            If there is no row, or if blocks differ in their columns.
        """
        blocks = iter(blocks)
        first = next(blocks, None)
        if first is None:
            raise _no_rows()
        return cls.of(*first, intercept).add_blocks(blocks)

    def add(self, X: Features, Y: Targets) -> "Triangle":
        """The factor with more rows."""
        _check_layouts(self._layout, (X.shape[1], Y.shape[1], self.intercept))
        Z = _side_by_side(X, Y)
        if self.intercept:
            Z = np.concatenate([np.ones((len(Z), 1)), Z], axis=1)
        return self._with_rows(Z, len(Z))

    def add_blocks(self, blocks: Iterable[Block]) -> "Triangle":
        """The factor with the rows of more blocks."""
        return reduce(lambda sums, block: sums.add(*block), blocks, self)

    def merge(self, other: "Triangle") -> "Triangle":
        """The factor of the rows of both."""
        _check_layouts(self._layout, other._layout)
        return self._with_rows(other.R, other.count)

    @property
    def _layout(self):
        features = len(self.R) - self.targets - self.intercept
        return features, self.targets, self.intercept

    def _with_rows(self, rows, count):
        R = _fold_rows(self.R, rows)
        return type(self)(self.count + count, R, self.targets, self.intercept)

    def solve(self, ridge: float | int) -> Readout:
        r"""The readout at one penalty, from the factor of X stacked on $\sqrt\lambda I$.

        Raises
        ------
        InputError
            For a negative penalty, or one at which the system is singular to working precision.
        """
        check_ridge(ridge)
        mean, R = self._centred()
        p = len(R) - self.targets
        R = _fold_rows(R, np.sqrt(ridge) * np.eye(p, len(R)))
        (condition,) = scipy.linalg.get_lapack_funcs(("trcon",), (R,))
        if condition(R[:p, :p])[0] < 10 * EPS:
            least = p * (20 * EPS * np.abs(R[:p, :p]).sum(axis=0).max()) ** 2
            raise singular(ridge, least, squared=False)
        V = scipy.linalg.solve_triangular(R[:p, :p], R[:p, p:], check_finite=False).T
        return Readout.through_means(V, mean)

    def path(self) -> RidgePath:
        r"""The readout at every penalty, from $R_X = A \, \mathrm{diag}(s) B^\top$."""
        mean, R = self._centred()
        p = len(R) - self.targets
        A, s, BT = scipy.linalg.svd(R[:p, :p], check_finite=False)
        along = A.T @ R[:p, p:]
        unexplained = (R[p:, p:] ** 2).sum(axis=0)
        rows = self.count, mean, self.intercept
        return RidgePath(
            BT.T, s**2, s[:, None] * along, along, unexplained, *rows, (10 * EPS) ** 2
        )

    def _centred(self):
        """The means, and the factor of the rows less their means."""
        if not self.intercept:
            return np.zeros(len(self.R)), self.R
        return self.R[0, 1:] / self.R[0, 0], self.R[1:, 1:]


def _fold_rows(R, rows):
    """The triangular factor of R stacked on `rows`."""
    (update,) = scipy.linalg.get_lapack_funcs(("tpqrt",), (R,))
    R, width = R.copy(order="F"), min(PANEL, len(R))
    for start in range(0, len(rows), ROWS):
        block = np.asfortranarray(rows[start : start + ROWS])
        R, *_ = update(0, width, R, block, overwrite_a=True, overwrite_b=True)
    return R


def _side_by_side(X, Y):
    return np.concatenate([X, Y], axis=1, dtype=np.float64)


def _check_layouts(one, other):
    if one != other:
        rule = "rows that are summed must be of the same columns"
        got = " and ".join(
            f"{features} features, {targets} targets, {'an' if intercept else 'no'} intercept"
            for features, targets, intercept in (one, other)
        )
        remedy = "Add rows with the columns of the first, or begin a new regression."
        raise InputError(rule, got, remedy)


def _no_rows():
    return InputError("a regression needs rows", "none", "Pass a row of data or more.")
