"""A linear recurrence for all steps at once, by a parallel scan."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def linear_recurrence(
    A: Float[Array, "time ..."],
    b: Float[Array, "time *batch units"],
    start: Float[Array, "*batch units"] | None = None,
) -> Float[Array, "time *batch units"]:
    r"""All states of $s_t = A_t s_{t-1} + b_t$, in $O(\log T)$ rounds.

    Two steps in a row are again one of this form,

    $$(A_2, b_2) \circ (A_1, b_1) = (A_2 A_1,\; A_2 b_1 + b_2),$$

    and this product is associative: the steps are joined in pairs, the pairs in pairs, and so
    on. With diagonal matrices that is about twice the work of a loop; with full ones a loop
    multiplies a vector at each step, and this a matrix, n times the work.

    Parameters
    ----------
    A
        The matrices, `(time, *batch, units, units)`; if they are diagonal, their diagonals,
        `(time, *batch, units)`.
    b
        What each step adds, `(time, *batch, units)`.
    start
        The state before the first step, `(*batch, units)`; zeros by default.

    Returns
    -------
    Array, (time, *batch, units)
        The states after every step.

    References
    ----------
    Blelloch, "Prefix sums and their applications", 1990. Martin and Cundy, "Parallelizing
    linear recurrent neural nets over sequence length", ICLR 2018.
    """
    diagonal = A.ndim == b.ndim

    def apply(A, s):
        return A * s if diagonal else jnp.einsum("...ij,...j->...i", A, s)

    def joined(first, second):
        (A1, b1), (A2, b2) = first, second
        return A2 * A1 if diagonal else A2 @ A1, apply(A2, b1) + b2

    if start is not None:
        b = b.at[0].add(apply(A[0], start))
    return jax.lax.associative_scan(joined, (A, b))[1]
