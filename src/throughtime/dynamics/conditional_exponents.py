r"""Conditional Lyapunov exponents: whether a driven network forgets where it began.

$$h_t = f(h_{t-1}, x_t), \qquad
  \lambda_i = \lim_{T \to \infty} \frac{1}{T} \ln \sigma_i(J_T \cdots J_1), \quad
  J_t = \partial f / \partial h_{t-1}$$

They are those of the state under a given input (Pecora and Carroll 1990). If the largest is
negative, two states under the same input come together: the echo state property along these
data (Jaeger 2001).
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from throughtime._support.precision import precision
from throughtime.errors import InputError
from throughtime.recurrence.cells import Cell
from throughtime.recurrence.network import Network

from . import maps
from .lyapunov import WARM_UP, LyapunovSpectrum, lyapunov_spectrum

LEAST = 20
"""Fewest steps of an input."""


def conditional_exponents(
    driven: Cell | Network,
    inputs: Float[np.ndarray, "time input"],
    exponents: int | None = 1,
    *,
    seed: int = 0,
) -> LyapunovSpectrum:
    """The conditional Lyapunov exponents of a cell or a network along an input, per step.

    Parameters
    ----------
    driven
        The cell, or the network, whose cells are driven.
    inputs
        x of each step, `(time, input)`, as the network reads them; at least 20 steps. The first
        eleventh is left out of the average.
    exponents
        How many of the largest to compute; all if None.
    seed
        Seed of the initial tangents.

    Returns
    -------
    LyapunovSpectrum
        The exponents, largest first, with standard errors; minus infinity where states meet
        within a step.

    Raises
    ------
    InputError
        For inputs of another size, too few steps, or more exponents than dimensions.

    References
    ----------
    Pecora and Carroll (1990), Physical Review Letters 64, 821. Jaeger (2001), GMD Report 148.

    Examples
    --------
    >>> conditional_exponents(cell, xs).exponents[0] < 0                  # doctest: +SKIP
    True
    """
    xs = np.asarray(inputs, np.float64)
    if xs.ndim != 2 or xs.shape[1] != driven.input_size:
        rule = f"`inputs` must be of shape (time, {driven.input_size})"
        raise InputError(rule, xs.shape, "Pass a column for each input, in order.")
    if len(xs) < LEAST:
        rule = f"conditional exponents need inputs of {LEAST} steps or more"
        raise InputError(rule, len(xs), "Pass a longer series.")
    if not np.isfinite(xs).all():
        raise InputError("`inputs` must be finite", "NaN or infinity", "Fill the gaps.")
    blocks = len(xs) - max(10, int(WARM_UP * len(xs)) + 1)
    with precision("float64"):
        system = maps.map_of_driven(maps.to_float64(driven), jnp.asarray(xs))
        count = len(system.start) if exponents is None else exponents
        return lyapunov_spectrum(system.tangent, system.start, count, blocks, seed=seed)
