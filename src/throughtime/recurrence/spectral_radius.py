r"""The largest eigenvalue and singular value of a recurrent matrix.

The spectral radius is found by Arnoldi's method (ARPACK), which needs only products with the
matrix and so suits large sparse ones. It can stop at an eigenvalue that is not the largest.
Therefore it runs twice, on W and on its transpose, which have the same eigenvalues, from
independent random starts. If the results differ, LAPACK finds all eigenvalues of the dense
matrix.

Rounding moves an eigenvalue by about $\epsilon \|W\| / |y^* x|$, where x and y are its right
and left eigenvectors. If that exceeds `ACCURACY`, as it does for a nearly nilpotent matrix,
there is no radius to scale by.
"""

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sparse
from jaxtyping import Float, Float64
from scipy.sparse import csgraph
from scipy.sparse.linalg import ArpackNoConvergence, eigs, svds

from throughtime.errors import InputError

Matrix = Float[np.ndarray, "units units"] | sparse.csr_array

ACCURACY = 1e-8
"""The relative accuracy of a spectral radius."""

ALWAYS_DENSE, AT_MOST_DENSE = 200, 3000
"""Up to how many units LAPACK is used at once, and up to how many at all."""

EPS = float(np.finfo(np.float64).eps)


def spectral_radius(W: Matrix) -> float:
    r"""The largest modulus of an eigenvalue, $\rho(W) = \max_i |\lambda_i|$.

    The relative error is at most 1e-8.

    Parameters
    ----------
    W
        A square matrix, dense or sparse.

    Raises
    ------
    InputError
        For a matrix that is nilpotent or zero, exactly or up to rounding, and for one that is
        too large to check a doubtful result.
    """
    A: Any = W.astype(np.float64)
    n = A.shape[0]
    if _nilpotent(A):
        raise _no_radius("a nilpotent matrix")
    triple = _dense_eigenvalue(A) if n <= ALWAYS_DENSE else _arnoldi_eigenvalue(A)
    if triple is None and n <= AT_MOST_DENSE:
        triple = _dense_eigenvalue(A)
    if triple is None:
        rule = f"Arnoldi's method must converge where there are over {AT_MOST_DENSE} units"
        remedy = "Draw with another seed, use fewer units, or a cycle reservoir."
        raise InputError(rule, f"no certain result for {n} units", remedy)
    value, x, y = triple
    error = EPS * (sparse.linalg.norm(A) if sparse.issparse(A) else np.linalg.norm(A))
    if error > ACCURACY * abs(value) * abs(np.vdot(y, x)):
        raise _no_radius(f"{abs(value):.1g}, which is a rounding error")
    return float(abs(value))


def scale_to_radius(W: Matrix, radius: float | int) -> Matrix:
    """Scale a matrix to a spectral radius.

    Parameters
    ----------
    W
        A square matrix, dense or sparse.
    radius
        The spectral radius of the result.

    Raises
    ------
    InputError
        If `radius` is not positive and finite, and where `spectral_radius` raises it.
    """
    if not 0 < radius < np.inf:
        raise InputError("`radius` must be positive and finite", radius, "Pass 0.9.")
    return W * W.dtype.type(radius / spectral_radius(W))


def largest_singular_value(W: Matrix) -> float:
    r"""The spectral norm, $\sigma_{\max}(W) = \max_x \|W x\| / \|x\|$."""
    A: Any = W.astype(np.float64)
    n = A.shape[0]
    if n <= ALWAYS_DENSE:
        return float(np.linalg.norm(_as_dense(A), 2))
    start = np.random.default_rng(0).normal(size=n)
    values: Any = svds(A, k=1, v0=start, return_singular_vectors=False)
    return float(values[0])


def _nilpotent(W):
    """Whether no path along the weights returns to the unit where it began."""
    graph = sparse.csr_array(W != 0)
    components, _ = csgraph.connected_components(graph, directed=True, connection="strong")
    return components == W.shape[0] and not graph.diagonal().any()


def _dense_eigenvalue(W):
    """The largest eigenvalue from LAPACK, and its eigenvectors by inverse iteration."""
    W = _as_dense(W)
    values = scipy.linalg.eigvals(W)
    value = values[np.abs(values).argmax()]
    if value == 0:
        raise _no_radius(0)
    # With the eigenvalue itself the matrix would be singular.
    shift = value + 1e-10 * abs(value) + 4 * EPS * np.linalg.norm(W)
    factor = scipy.linalg.lu_factor(W - shift * np.eye(len(W)))
    x = y = np.random.default_rng(0).normal(size=len(W)).astype(complex)
    for _ in range(3):
        x, y = (scipy.linalg.lu_solve(factor, v, trans=t) for v, t in ((x, 0), (y, 2)))
        x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    return value, x, y


def _arnoldi_eigenvalue(W):
    """The largest eigenvalue and its eigenvectors; None if W and its transpose disagree."""
    rng = np.random.default_rng(0)
    right, left = (_largest(A, rng.normal(size=W.shape[0])) for A in (W, W.T))
    if right is None or left is None:
        return None
    (value, x), (other, y) = right, left
    if abs(value - other) > ACCURACY / 100 * abs(value):
        return None
    return value, x, y.conj()


def _largest(A, start):
    """The eigenvalue of the largest modulus in the upper half plane, and its eigenvector."""
    try:
        pairs = eigs(A, k=8, ncv=min(64, A.shape[0]), v0=start, maxiter=100)
    except ArpackNoConvergence:
        return None
    values, vectors = np.asarray(pairs[0]), np.asarray(pairs[1])
    modulus = np.where(np.imag(values) >= 0, np.abs(values), 0)
    i = modulus.argmax()
    return values[i], vectors[:, i]


def _as_dense(W) -> Float64[np.ndarray, "units units"]:
    return W.toarray() if sparse.issparse(W) else W


def _no_radius(got):
    rule = "a matrix that is scaled must have a spectral radius above 0"
    return InputError(rule, got, "Draw with another seed, or with more weights into each unit.")
