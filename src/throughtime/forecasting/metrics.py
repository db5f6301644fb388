"""Measures of a forecast's error.

Every function takes NumPy arrays of equal shape, such as `(time,)`, `(time, dim)` or
`(origins, time, dim)`, computes in float64 and returns a float. Where columns matter (`nmse`,
`nrmse`, `mase`), they are the last axis of an array with two or more axes. A NaN in a forecast
gives a NaN: a forecast that blew up has no error to quote.
"""

import numpy as np
from jaxtyping import Float64, Num

from throughtime.errors import InputError

Values = Num[np.ndarray, "..."]


def mse(truth: Values, forecast: Values) -> float:
    r"""Mean squared error, $\frac{1}{N} \sum_i (y_i - \hat y_i)^2$.

    Parameters
    ----------
    truth, forecast
        Arrays of one shape.

    Returns
    -------
    float
        In the square of the data's unit.

    Raises
    ------
    InputError
        If the shapes differ or the arrays are empty.
    """
    truth, forecast = as_pair(truth, forecast)
    with np.errstate(over="ignore"):  # a diverged forecast has an infinite error
        return float(np.mean((truth - forecast) ** 2))


def mae(truth: Values, forecast: Values) -> float:
    r"""Mean absolute error, $\frac{1}{N} \sum_i |y_i - \hat y_i|$; see `mse`."""
    truth, forecast = as_pair(truth, forecast)
    return float(np.mean(np.abs(truth - forecast)))


def rmse(truth: Values, forecast: Values) -> float:
    r"""Root mean squared error, $\sqrt{\mathrm{MSE}}$, in the data's unit; see `mse`."""
    return float(np.sqrt(mse(truth, forecast)))


def nmse(truth: Values, forecast: Values) -> float:
    r"""Mean squared error over the variance of the truth.

    $$\mathrm{NMSE} = \frac{\sum_i (y_i - \hat y_i)^2}{\sum_i (y_i - \bar y)^2}$$

    $\bar y$ is the mean of each column, so a forecast that is always the mean of the truth
    scores 1.

    Parameters
    ----------
    truth, forecast
        Arrays of one shape.

    Returns
    -------
    float
        Without unit.

    Raises
    ------
    InputError
        If the shapes differ, the arrays are empty, or the truth is constant.
    """
    error = mse(truth, forecast)
    truth = np.asarray(truth, np.float64)
    columns = truth.reshape(-1, truth.shape[-1]) if truth.ndim > 1 else truth.reshape(-1, 1)
    if (columns == columns[0]).all():
        raise InputError(
            "a normalised error needs a truth that varies",
            f"{truth.size} values without variance",
            "Compare over a longer stretch, or use `mse` or `rmse`.",
        )
    return float(error / np.mean(np.var(columns, axis=0)))


def nrmse(truth: Values, forecast: Values) -> float:
    r"""Root of the normalised mean squared error, $\sqrt{\mathrm{NMSE}}$; see `nmse`."""
    return float(np.sqrt(nmse(truth, forecast)))


def mase(truth: Values, forecast: Values, train: Values, period: int = 1) -> float:
    r"""Mean absolute scaled error.

    $$\mathrm{MASE} = \frac{\frac{1}{N} \sum_i |y_i - \hat y_i|}
      {\frac{1}{T - m} \sum_{t=m+1}^{T} |x_t - x_{t-m}|}$$

    The scale is the error, within the training series $x$, of the forecast that repeats the
    value from $m$ steps earlier; a score below 1 beats that forecast. Each column is scaled by
    its own error before the mean is taken.

    Parameters
    ----------
    truth, forecast
        Arrays of one shape: `(..., dim)`, or `(time,)` for a single column.
    train
        The training series, `(time,)` or `(time, dim)`.
    period
        The season $m$ in steps; 1 scales by the error of persistence.

    Returns
    -------
    float
        Without unit.

    Raises
    ------
    InputError
        If the shapes do not match, `period` is not shorter than the training series, or a
        column of the training series repeats exactly.

    References
    ----------
    Hyndman and Koehler, "Another look at measures of forecast accuracy", *International Journal
    of Forecasting* 22, 2006.
    """
    truth, forecast = as_pair(truth, forecast)
    train = np.asarray(train, np.float64)
    columns = train.shape[1:]
    if train.ndim not in (1, 2) or (columns and truth.shape[-1:] != columns):
        raise InputError(
            "`train` must be (time,) or (time, dim) with the columns of `truth`",
            f"shapes {train.shape} and {truth.shape}",
            "Pass the training part of the series that `truth` continues.",
        )
    if not 1 <= period < len(train):
        raise InputError(
            "`period` must be at least 1 and shorter than the training series",
            f"{period} for {len(train)} steps",
            f"Set `period` from 1 to {max(len(train) - 1, 1)}, or pass more training data.",
        )
    scale = np.mean(np.abs(train[period:] - train[:-period]), axis=0)
    if (scale == 0).any():
        steps = "1 step" if period == 1 else f"{period} steps"
        raise InputError(
            f"MASE needs a training series that differs from itself {steps} earlier",
            "a scale of 0",
            "Use `mae` or `rmse`, or another `period`.",
        )
    return float(np.mean(np.abs(truth - forecast) / scale))


def coverage(truth: Values, lower: Values, upper: Values) -> float:
    r"""Share of the truth inside an interval, $\frac{1}{N} \sum_i [l_i \le y_i \le u_i]$.

    Parameters
    ----------
    truth, lower, upper
        Arrays of one shape.

    Returns
    -------
    float
        From 0 to 1; about 0.9 for well-calibrated 90 % intervals.

    Raises
    ------
    InputError
        If the shapes differ, the arrays are empty, or `lower` lies above `upper`.
    """
    truth, lower, upper = _as_interval(truth, lower, upper)
    return float(np.mean((lower <= truth) & (truth <= upper)))


def smape(truth: Values, forecast: Values) -> float:
    r"""Symmetric mean absolute percentage error, as in the M4 competition.

    $$\mathrm{sMAPE} = \frac{1}{N} \sum_i
      \frac{200 \, |\hat y_i - y_i|}{|\hat y_i| + |y_i|}$$

    Where truth and forecast are both 0, the error is 0.

    Parameters
    ----------
    truth, forecast
        Arrays of one shape.

    Returns
    -------
    float
        In per cent, from 0 to 200.

    Raises
    ------
    InputError
        If the shapes differ or the arrays are empty.

    References
    ----------
    Makridakis, Spiliotis and Assimakopoulos, "The M4 Competition: 100,000 time series and 61
    forecasting methods", *International Journal of Forecasting* 36, 2020.
    """
    truth, forecast = as_pair(truth, forecast)
    size = np.abs(forecast) / 2 + np.abs(truth) / 2  # halves, so that it does not overflow
    with np.errstate(invalid="ignore", over="ignore"):
        change = np.abs(forecast / 2 - truth / 2)
        return float(200 * np.mean(np.divide(change, size, out=change, where=size != 0)))


def pinball(truth: Values, forecast: Values, share: float) -> float:
    r"""Mean quantile loss, which the quantile of that share minimises.

    $$\frac{1}{N} \sum_i \max(p \, (y_i - \hat y_i), \; (p - 1)(y_i - \hat y_i))$$

    Parameters
    ----------
    truth, forecast
        Arrays of one shape.
    share
        The share $p$ of the truth that is to lie below the forecast, in (0, 1).

    Returns
    -------
    float
        In the data's unit; half the mean absolute error for a share of 0.5.

    Raises
    ------
    InputError
        If the shapes differ, the arrays are empty, or `share` is not in (0, 1).

    References
    ----------
    Koenker and Bassett, "Regression quantiles", *Econometrica* 46, 1978.
    """
    truth, forecast = as_pair(truth, forecast)
    _check_share("share", share)
    error = truth - forecast
    return float(np.mean(np.maximum(share * error, (share - 1) * error)))


def winkler(truth: Values, lower: Values, upper: Values, level: float) -> float:
    r"""Mean Winkler score of prediction intervals: their width, and a penalty for each miss.

    $$\frac{1}{N} \sum_i (u_i - l_i) + \frac{2}{\alpha} \max(l_i - y_i, \; y_i - u_i, \; 0),
      \qquad \alpha = 1 - \mathrm{level}$$

    It is least for the quantiles $\alpha / 2$ and $1 - \alpha / 2$ of the truth: neither
    wide intervals nor narrow ones pay.

    Parameters
    ----------
    truth, lower, upper
        Arrays of one shape.
    level
        Nominal coverage, in (0, 1).

    Returns
    -------
    float
        In the data's unit; smaller is better.

    Raises
    ------
    InputError
        If the shapes differ, the arrays are empty, `lower` lies above `upper`, or `level` is
        not in (0, 1).

    References
    ----------
    Winkler, "A decision-theoretic approach to interval estimation", *Journal of the American
    Statistical Association* 67, 1972.
    """
    truth, lower, upper = _as_interval(truth, lower, upper)
    _check_share("level", level)
    miss = np.maximum(np.maximum(lower - truth, truth - upper), 0)
    return float(np.mean(upper - lower + 2 / (1 - level) * miss))


def crps(truth: Values, quantiles: Values, shares: Num[np.ndarray, " share"]) -> float:
    r"""Mean continuous ranked probability score of forecasts that are given by quantiles.

    $$\mathrm{CRPS} = 2 \int_0^1 \rho_p(y - q_p) \, dp, \qquad
      \rho_p(e) = \max(p \, e, \; (p - 1) \, e)$$

    The integral is a sum over the shares $p_j$ at hand, each with the part of (0, 1) that is
    nearest to it. For evenly spaced shares $(j - 1/2) / J$ that is the mean of $2 \rho_p$.

    Parameters
    ----------
    truth
        Array of any shape.
    quantiles
        The quantiles of each entry of `truth`, along a last axis.
    shares
        Their shares, increasing, in (0, 1).

    Returns
    -------
    float
        In the data's unit; the mean absolute error if the median is the only quantile.

    Raises
    ------
    InputError
        If the shapes do not match, the arrays are empty, or the shares do not increase within
        (0, 1).

    References
    ----------
    Gneiting and Raftery, "Strictly proper scoring rules, prediction, and estimation", *Journal
    of the American Statistical Association* 102, 2007.
    """
    shares = np.asarray(shares, np.float64)
    if shares.ndim != 1 or not len(shares):
        raise InputError(
            "`shares` must be a list of numbers", f"shape {shares.shape}", "Pass at least one."
        )
    edges = np.concatenate([[0.0], shares, [1.0]])
    if not (np.diff(edges) > 0).all():
        raise InputError(
            "`shares` must increase and lie between 0 and 1",
            shares.tolist(),
            "Pass them, and the quantiles, in order.",
        )
    truth, quantiles = np.asarray(truth, np.float64), np.asarray(quantiles, np.float64)
    if quantiles.shape != (*truth.shape, len(shares)):
        raise InputError(
            "`quantiles` must have the shape of `truth` and one more axis, of the shares",
            f"{quantiles.shape} for {truth.shape} and {len(shares)} shares",
            "Put the quantiles along the last axis.",
        )
    middles = np.concatenate([[0.0], (shares[1:] + shares[:-1]) / 2, [1.0]])
    losses = [pinball(truth, quantiles[..., j], share) for j, share in enumerate(shares)]
    return float(2 * np.diff(middles) @ losses)


def _as_interval(truth, lower, upper):
    """All three as float64, of one shape, with no interval reversed."""
    truth, lower = as_pair(truth, lower, "lower")
    truth, upper = as_pair(truth, upper, "upper")
    if (lower > upper).any():
        raise InputError(
            "`lower` must not lie above `upper`",
            f"{int((lower > upper).sum())} of {lower.size} intervals reversed",
            "Pass the smaller bound of each interval as `lower`.",
        )
    return truth, lower, upper


def _check_share(name, value):
    if not 0 < value < 1:
        raise InputError(f"`{name}` must lie between 0 and 1", value, "Pass one such as 0.9.")


def as_pair(
    truth: Values, other: Values, name: str = "forecast"
) -> tuple[Float64[np.ndarray, "..."], Float64[np.ndarray, "..."]]:
    """Both as float64. Their shapes must be equal: broadcasting would give a wrong number."""
    truth, other = np.asarray(truth, np.float64), np.asarray(other, np.float64)
    if truth.shape != other.shape:
        raise InputError(
            f"`truth` and `{name}` must have the same shape",
            f"{truth.shape} and {other.shape}",
            "Reshape or shorten one of them.",
        )
    if truth.size == 0:
        raise InputError(
            "an error needs at least one value",
            f"arrays of shape {truth.shape}",
            "Compare over at least one step.",
        )
    return truth, other
