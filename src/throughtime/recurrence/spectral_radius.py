r"""The largest eigenvalue and singular value of a recurrent matrix.

The spectral radius is found by Arnoldi's method (ARPACK), which multiplies only and so is
right for large sparse matrices. It can stop at an eigenvalue that is not the largest. So it
runs twice, on W and on its transpose, from starts that have nothing in common; both have the
same eigenvalues. They must agree, else LAPACK finds all eigenvalues of the dense matrix.

Rounding moves an eigenvalue by about $\epsilon \|W\| / |y^* x|$, with x and y its right and
left eigenvector. Where that is more than the accuracy asked, as it is for a matrix that is
nearly nilpotent, there is no radius to scale by.
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
ALWAYS_DENSE, AT_MOST_DENSE = 200, 3000
EPS = float(np.finfo(np.float64).eps)


def spectral_radius(W: Matrix) -> float:
    r"""The largest modulus of an eigenvalue, $\rho(W) = \max_i |\lambda_i|$, to 1e-8 of it.

    **Arguments:** `W`, dense or sparse, square.

    **Raises:** `InputError` for a matrix that is nilpotent or zero, exactly or to rounding,
    and for one too large to be sure of.
    """
    A: Any = W.astype(np.float64)
    n = A.shape[0]
    if _nilpotent(A):
        raise _none("a nilpotent matrix")
    found = _dense(A) if n <= ALWAYS_DENSE else _arnoldi(A)
    if found is None and n <= AT_MOST_DENSE:
        found = _dense(A)
    if found is None:
        rule = f"Arnoldi's method must converge where there are over {AT_MOST_DENSE} units"
        remedy = "Draw with another seed, use fewer units, or a cycle reservoir."
        raise InputError(rule, f"no sure answer for {n} units", remedy)
    value, x, y = found
    error = EPS * (sparse.linalg.norm(A) if sparse.issparse(A) else np.linalg.norm(A))
    if error > ACCURACY * abs(value) * abs(np.vdot(y, x)):
        raise _none(f"{abs(value):.1g}, which is rounding")
    return float(abs(value))


def scale_to_radius(W: Matrix, radius: float | int) -> Matrix:
    """W times a number, so that its spectral radius is `radius`.

    Raises
    ------
    InputError
        As `spectral_radius`, or if `radius` is not positive.
    """
    if not 0 < radius < np.inf:
        raise InputError("`radius` must be positive and finite", radius, "Take about 0.9.")
    return W * W.dtype.type(radius / spectral_radius(W))


def largest_singular_value(W: Matrix) -> float:
    r"""The spectral norm, $\sigma_{\max}(W) = \max_x \|W x\| / \|x\|$."""
    A: Any = W.astype(np.float64)
    n = A.shape[0]
    if n <= ALWAYS_DENSE:
        return float(np.linalg.norm(_full(A), 2))
    start = np.random.default_rng(0).normal(size=n)
    values: Any = svds(A, k=1, v0=start, return_singular_vectors=False)
    return float(values[0])


def _nilpotent(W):
    """Whether no chain of weights comes back to where it began."""
    graph = sparse.csr_array(W != 0)
    parts, _ = csgraph.connected_components(graph, directed=True, connection="strong")
    return parts == W.shape[0] and not graph.diagonal().any()


def _dense(W):
    """The eigenvalue from LAPACK, its eigenvectors by inverse iteration."""
    W = _full(W)
    values = scipy.linalg.eigvals(W)
    value = values[np.abs(values).argmax()]
    if value == 0:
        raise _none(0)
    beside = value + 1e-10 * abs(value) + 4 * EPS * np.linalg.norm(W)  # else it is singular
    factor = scipy.linalg.lu_factor(W - beside * np.eye(len(W)))
    x = y = np.random.default_rng(0).normal(size=len(W)).astype(complex)
    for _ in range(3):
        x, y = (scipy.linalg.lu_solve(factor, v, trans=t) for v, t in ((x, 0), (y, 2)))
        x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    return value, x, y


def _arnoldi(W):
    """The eigenvalue that W and its transpose agree on, or None."""
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
        found = eigs(A, k=8, ncv=min(64, A.shape[0]), v0=start, maxiter=100)
    except ArpackNoConvergence:
        return None
    values, vectors = np.asarray(found[0]), np.asarray(found[1])
    modulus = np.where(np.imag(values) >= 0, np.abs(values), 0)
    i = modulus.argmax()
    return values[i], vectors[:, i]


def _full(W) -> Float64[np.ndarray, "units units"]:
    return W.toarray() if sparse.issparse(W) else W


def _none(got):
    rule = "a matrix that is scaled must have a spectral radius above 0"
    return InputError(rule, got, "Draw with another seed, or with more weights a unit.")
