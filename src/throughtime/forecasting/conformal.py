r"""Prediction intervals, by split conformal prediction: no distribution is assumed.

The interval at a lead time is $\hat y \pm q$. `validation_residuals` forecasts from the rolling
origins of the validation parts; `conformal_margins` takes $q$, half the width, from the
residuals of those forecasts.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from throughtime.data.scaler import varies
from throughtime.data.series import Series

from .rolling_origins import Forecasts, RollingOrigins
from .splits import SplitData

ORIGINS = 997
"""Most origins of a series. They overlap, so more of them hardly tell more; their number is
prime, so that they do not all stand at the same time of a season."""


def validation_residuals(
    forecast: Callable[[Series, RollingOrigins, int], dict[str, Forecasts]],
    methods: Sequence[str],
    data: SplitData,
    steps: int,
) -> dict[str, Float[np.ndarray, "origin steps target"]]:
    """Truth minus forecast from the rolling origins of the validation parts, by method.

    Parameters
    ----------
    forecast
        Function of a series, some of its origins and the number of steps: the forecasts of
        all methods.
    methods
        The names of the methods.
    data
        The series and their splits.
    steps
        The longest lead time.

    Returns
    -------
    dict
        In units of each series' standard deviation; NaN beyond the end of the part, and of a
        target that does not vary in the training part.
    """
    longest = max(split.validation - split.train for split in data.splits)
    reach = min(steps, longest)
    nothing = np.empty((0, steps, len(data.series[0].target_names)))
    found = {name: [nothing] for name in methods}
    units = [unit_of(data, one) for one in data.series]
    for one, split, unit in zip(data.series, data.splits, units, strict=True):
        context = min(data.context_of(one), split.train)
        origins = RollingOrigins.between(
            one, split.train, split.validation, context, reach, complete=False, most=ORIGINS
        )
        if not reach or not len(origins):
            continue
        beyond = ((0, 0), (0, steps - reach), (0, 0))
        for name, made in forecast(one, origins, reach).items():
            # A forecast that diverged to NaN is infinitely wrong, not missing.
            residuals = origins.truth - np.where(np.isnan(made), np.inf, made)
            found[name].append(np.pad(residuals / unit, beyond, constant_values=np.nan))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def unit_of(
    data: SplitData, series: Series, end: int | None = None
) -> Float[np.ndarray, " target"]:
    """The standard deviation of a series, as `SplitData.scaler_of` has it; NaN for a constant.

    A constant has no unit: what it does when it moves says nothing about other series.
    """
    i = data.number_of(series)
    known = varies(series.targets[:end]) if i is None else data.varies[i]
    return np.where(known, data.scaler_of(series, end).std, np.nan)


def conformal_margins(
    residuals: Float[np.ndarray, "origin steps target"], level: float
) -> Float[np.ndarray, "steps target"]:
    r"""Half the width of the interval at each lead time, from residuals.

    With $n$ residuals at a lead time, $q$ is the $\lceil (n+1)\,\mathrm{level} \rceil$-th
    smallest of their absolute values. The interval $\hat y \pm q$ then covers a new,
    exchangeable observation with a probability of at least `level`.

    Parameters
    ----------
    residuals
        Truth minus forecast, on data that the network was not trained on; NaN where a forecast
        reaches beyond the data, infinite where it diverged.
    level
        Nominal coverage, in (0, 1).

    Returns
    -------
    Array, (steps, target)
        The half-width $q$; infinite where there are too few residuals for the level.

    Notes
    -----
    Residuals of overlapping forecasts are not quite exchangeable, so the empirical coverage is
    measured on the test part. For an ensemble, the residuals are those of its mean forecast;
    the spread of its members is not used.

    References
    ----------
    Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random World*, 2005.
    Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, "Distribution-free predictive inference for
    regression", *Journal of the American Statistical Association* 113, 2018.
    """
    sizes = np.sort(np.abs(residuals), axis=0)  # NaN sorts to the end
    n = np.sum(~np.isnan(residuals), axis=0)
    rank = np.maximum(np.ceil((n + 1) * level - 1e-9), 1).astype(int)
    if len(sizes) == 0:
        return np.full(n.shape, math.inf)
    q = np.take_along_axis(sizes, np.minimum(rank, np.maximum(n, 1))[None] - 1, axis=0)[0]
    return np.where(rank <= n, q, math.inf)
