r"""The rates of exponential smoothing, fitted to many series at once.

For given rates the best first state is a linear least-squares problem, so only the rates remain
(variable projection). They are fitted by Levenberg-Marquardt's method, with the derivatives of
the errors from `unroll`, in forward mode. All series, variants and starts are one batch.

With the errors $e^{(k)}$ of the forecasts k steps ahead of n values, the first state x and the
free logits theta of the cell, what is minimised is

$$n \ln\Big(\frac1n \min_x \big(\tfrac1K {\textstyle\sum_k} \|e^{(k)}(\theta, x)\|^2
  + x^\top \Lambda x\big)\Big) + \sum_i \frac{(\theta_i - \mu_i)^2}{\varsigma_i^2}$$

over K lead times. The second sum is a weak prior of the rates, which decides where the series
is short.

References
----------
Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems
whose variables separate", *SIAM Journal on Numerical Analysis* 10, 1973.
Kaufman, "A variable projection method for solving separable nonlinear least squares problems",
*BIT* 15, 1975: the projection of the derivatives that is used here.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from throughtime._support.precision import precision
from throughtime._support.quick_compilation import quick_jit
from throughtime.recurrence.exponential_smoothing import ExponentialSmoothing
from throughtime.recurrence.unroll import unroll

from .smoothing_responses import (
    cell_of,
    penalties,
    responses,
    season_size,
    shifted,
    unit_runs,
)

LEADS = (1, 2, 4, 8)
"""The lead times whose errors are minimised."""

CENTRE = np.array([0.0, -2.0, -1.0, 0.0])
SPREAD = np.array([1.3, 1.3, 1.3, 1.3])
"""Mean mu and spread of the prior of the logits: of alpha, and of the shares of beta in alpha,
of gamma in 1 - alpha and of 1 - phi in 0.2."""

LONGEST_FREE_SEASON = 60
"""Longer seasons of the first state are held while the rates are fitted, and fitted between."""

ITERATIONS = 12
TOLERANCE = 0.02
"""The most iterations, and the fall of what is minimised that is not worth another."""

LEAST_VARIANCE = 1e-20
"""Of the errors, in units of the mean change: a series that is followed exactly ends here."""


class FittedRates(NamedTuple):
    """What `fit_rates` returns.

    Attributes
    ----------
    logits
        The logits of the cell, `(batch, 4)`.
    loss
        What was minimised, `(batch,)`.
    """

    logits: Float[np.ndarray, "batch 4"]
    loss: Float[np.ndarray, " batch"]


def fit_rates(
    ys: Float[np.ndarray, "batch time"],
    lengths: Float[np.ndarray, " batch"],
    logits: Float[np.ndarray, "batch 4"],
    free: Bool[np.ndarray, "batch 4"],
    period: int,
) -> FittedRates:
    """Fit the rates of a batch of models.

    Parameters
    ----------
    ys
        The series, less their first value, in units of their mean change.
    lengths
        How many steps of each series count.
    logits
        The first guess. Logits that are not free stay.
    free
        Which logits to fit. Without beta there is no slope, without gamma no season.
    period
        Length of the season; 1 for none.
    """
    evaluate = partial(
        _evaluate, ys=ys, weights=_weights(lengths, ys.shape[1]), free=free, period=period
    )
    if period <= LONGEST_FREE_SEASON:
        return FittedRates(*_descend(evaluate, logits, evaluate(logits), free, ITERATIONS))
    point = evaluate(logits)
    for _ in range(2):
        held = partial(evaluate, seasons=point.first[:, 2:])
        logits, _ = _descend(held, logits, point, free, ITERATIONS // 2)
        point = evaluate(logits)
    return FittedRates(logits, point.loss)


def _descend(evaluate, logits, point, free, iterations):
    """Logits and loss after so many of Levenberg-Marquardt's steps.

    Each model stops by itself, where its loss changes little: what others do has no part in it.
    """
    damping, active = np.full(len(logits), 1e-2), np.ones(len(logits), bool)
    for _ in range(iterations):
        trial = np.where(free, np.clip(logits + _step(point, damping), -12, 12), logits)
        new = evaluate(trial)
        fall = point.loss - new.loss
        better = active & (fall > 0)
        logits = np.where(better[:, None], trial, logits)
        point = _Point(*(_choose(better, n, p) for n, p in zip(new, point, strict=True)))
        active = active & (np.abs(fall) >= TOLERANCE)
        if not active.any():
            break
        damping = np.where(better, damping / 4, damping * 8)
    return logits, point.loss


class _Point(NamedTuple):
    """The loss at one point of the logits, and what the next step needs."""

    loss: np.ndarray  # (batch,)
    first: np.ndarray  # (batch, part), the first state
    slope: np.ndarray  # (batch, 4), of half the loss; zero along what is not free
    curvature: np.ndarray  # (batch, 4, 4), Gauss-Newton's; of ones there


def _choose(better, new, old):
    return np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def _step(point, damping):
    """Levenberg-Marquardt's step."""
    diagonal = np.einsum("bii->bi", point.curvature)
    ridge = damping[:, None, None] * (1 + diagonal)[:, :, None] * np.eye(4)
    step = np.linalg.solve(point.curvature + ridge, -point.slope[..., None])[..., 0]
    return np.clip(step, -3, 3)


def _weights(lengths, time):
    """One for each error that counts, zero for the others, `(batch, lead * time)`."""
    targets, first = np.arange(time), np.array(LEADS)[:, None] - 1
    counts = (targets >= first) & (targets < lengths[:, None, None])
    return counts.reshape(len(lengths), -1).astype(float)


def _evaluate(logits, *, ys, weights, free, period, seasons=None) -> _Point:
    """The loss with the best first state, its slope and its curvature.

    Seasons that are given, `(batch, period)`, are not fitted.
    """
    with precision("float64"):
        units, tangents = map(np.asarray, _errors(logits.T, ys, period=period))
    errors, parts, penalty = units[0], _has_part(free, period), penalties(period)
    if seasons is None:
        A = responses(units, period)
    else:
        A = responses(units[:3], 1)
        errors = errors + _sum_of_seasons(units[3], seasons, period)
    fitted = A.shape[-1]
    A = A.reshape(*weights.shape, fitted) * weights[..., None] * parts[:, None, :fitted]
    errors = errors.reshape(weights.shape) * weights
    normal = np.swapaxes(A, 1, 2) @ A + len(LEADS) * np.diag(penalty[:fitted])
    x = -np.linalg.solve(normal, np.swapaxes(A, 1, 2) @ errors[..., None])[..., 0]
    errors = errors + (A @ x[..., None])[..., 0]
    x = x if seasons is None else np.concatenate([x, seasons], axis=1)

    total = np.sum(errors**2, axis=1) / len(LEADS) + x**2 @ penalty
    n = np.maximum(weights.sum(axis=1) / len(LEADS), 1)
    variance = np.maximum(total / n, LEAST_VARIANCE)
    J = _derivatives(tangents, x, period) * (weights[:, None] * free[..., None])
    slope = (J @ errors[..., None])[..., 0] / len(LEADS) / variance[:, None]
    # Less what the first state takes up when the rates change.
    J = J - np.swapaxes(A @ np.linalg.solve(normal, np.swapaxes(J @ A, 1, 2)), 1, 2)
    curvature = J @ np.swapaxes(J, 1, 2) / len(LEADS) / variance[:, None, None]

    away = np.where(free, logits - CENTRE, 0) / SPREAD
    loss = n * np.log(variance) + np.sum(away**2, axis=1)
    prior = np.where(free, SPREAD**-2, 1)[..., None] * np.eye(4)
    return _Point(loss, x, slope + away / SPREAD, curvature + prior)


def _has_part(free, period):
    """Which parts of the first state a model has, `(batch, part)`."""
    level, seasons = np.ones_like(free[:, :1]), np.repeat(free[:, 2:3], season_size(period), 1)
    return np.concatenate([level, free[:, 1:2], seasons], axis=1)


def _derivatives(tangents, x, period):
    """Derivatives of the errors with the first state fixed, `(batch, 4, lead * time)`."""
    level, slope = (x[:, i, None, None] for i in (0, 1))
    J = tangents[:, 0] + tangents[:, 1] * level + tangents[:, 2] * slope
    if period > 1:
        J = J + _sum_of_seasons(tangents[:, 3], x[:, 2:], period)
    return np.moveaxis(J, 0, 1).reshape(J.shape[1], len(J), -1)


def _sum_of_seasons(response, seasons, period):
    """The response to all seasons of a first state, `(..., batch, lead, time)`."""
    return (shifted(response, period) @ seasons[:, None, :, None])[..., 0]


@quick_jit(static_argnames="period")
def _errors(logits, ys, period):
    """Errors of the unit runs and their derivatives by the logits.

    The errors are `(unit, batch, lead, time)`. The derivatives, `(4, unit, batch, lead, time)`,
    are tangents of `unroll` along each logit.
    """
    xs, state = unit_runs(ys, period)
    units = len(xs) // len(ys)

    def errors(logits):
        cell = cell_of(jnp.tile(logits, (1, units)), period)
        states, _ = unroll(cell, xs, state)
        return lead_errors(cell, states.error).reshape(units, len(ys), len(LEADS), -1)

    def along(direction):
        tangent = jnp.broadcast_to(direction[:, None], logits.shape)
        return jax.jvp(errors, (logits,), (tangent,))

    return jax.vmap(along, out_axes=(None, 0))(jnp.eye(4, dtype=logits.dtype))


def lead_errors(
    cell: ExponentialSmoothing, errors: Float[Array, "batch time"]
) -> Float[Array, "batch lead time"]:
    r"""The errors of the forecasts of `LEADS` steps ahead, from those of one step.

    $$y_{t+k} - \hat y_{t+k|t} = \sum_{j=0}^{k-1} c_j e_{t+k-j}, \qquad c_0 = 1, \quad
      c_j = \alpha + \beta (\phi + \dots + \phi^j) + \gamma [m | j]$$

    The error of lead time k at step t is of the forecast made k steps earlier.
    """
    alpha, beta, gamma, phi = (rate[:, None] for rate in cell.rates)
    j = np.arange(1, max(LEADS))
    of_season = (j % cell.period == 0) & (cell.period > 1)
    later = alpha + beta * jnp.cumsum(phi**j, axis=1) + gamma * of_season
    c = jnp.concatenate([jnp.ones_like(alpha), later], axis=1)
    used = np.arange(max(LEADS)) < np.array(LEADS)[:, None]
    padded = jnp.pad(errors, ((0, 0), (max(LEADS) - 1, 0)))
    steps = errors.shape[1]
    past = jnp.stack([padded[:, i : i + steps] for i in reversed(range(max(LEADS)))], axis=1)
    return (c[:, None] * used) @ past
