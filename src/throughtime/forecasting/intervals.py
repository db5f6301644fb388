"""Intervals that hold without assuming a distribution: split conformal prediction."""

import math

import numpy as np
from jaxtyping import Float


def margins(
    residuals: Float[np.ndarray, "origin steps target"], level: float
) -> Float[np.ndarray, "steps target"]:
    r"""Half the width of the interval at each lead time.

    With n residuals of one lead time, the interval $\hat y \pm q$ takes for q the
    $\lceil (n+1)\,\mathrm{level} \rceil$-th smallest absolute residual; it covers a new,
    exchangeable observation with a probability of at least `level` (Vovk, Gammerman and
    Shafer 2005; Lei et al. 2018). Residuals of overlapping forecasts are not quite
    exchangeable: the coverage that was reached is measured on the test part. Of an ensemble
    they are the residuals of its mean; how far its members lie apart is not used.

    Parameters
    ----------
    residuals
        Truth less forecast, on data the network was not trained on; NaN where a forecast
        reaches beyond the data, infinite where it diverged.
    level
        The coverage asked for, in (0, 1).

    Returns
    -------
    Float[np.ndarray, 'steps target']
        Q; infinite where there are too few residuals for the level.
    """
    size = np.sort(np.abs(residuals), axis=0)  # NaN sorts to the end
    n = np.sum(~np.isnan(residuals), axis=0)
    rank = np.maximum(np.ceil((n + 1) * level - 1e-9), 1).astype(int)
    if len(size) == 0:
        return np.full(n.shape, math.inf)
    q = np.take_along_axis(size, np.minimum(rank, np.maximum(n, 1))[None] - 1, axis=0)[0]
    return np.where(rank <= n, q, math.inf)
