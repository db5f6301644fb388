"""Exponential smoothing as a cell: a linear recurrent network of three rates."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, DTypeLike, Float

from throughtime.errors import InputError, check_positive_integer

from .cells import Cell, Hidden
from .initialisation import on_device

WIDEST_DAMPING = 0.2
"""The largest 1 - phi: a slope keeps at least four fifths of itself in a step."""


class SmoothingState(NamedTuple):
    """The state of exponential smoothing.

    Attributes
    ----------
    level
        The level, `(batch,)`.
    slope
        The change of the level in a step, `(batch,)`.
    season
        The season at the coming steps, the next one first, `(batch, period)`; without a season
        `(batch, 0)`.
    error
        The error of the last one-step forecast, `(batch,)`: the value less its forecast.
    """

    level: Float[Array, "*batch"]
    slope: Float[Array, "*batch"]
    season: Float[Array, "*batch period"]
    error: Float[Array, "*batch"]


class ExponentialSmoothing(Cell):
    r"""Level, damped trend and additive season (Holt 1957, Winters 1960).

    $$
    \begin{aligned}
    e_t &= y_t - (l_{t-1} + \phi b_{t-1} + s_{t-m}) && \text{error}\\
    l_t &= l_{t-1} + \phi b_{t-1} + \alpha e_t && \text{level}\\
    b_t &= \phi b_{t-1} + \beta e_t && \text{slope}\\
    s_t &= s_{t-m} + \gamma e_t && \text{season}
    \end{aligned}
    $$

    It is a linear recurrent network, $h_t = W h_{t-1} + U y_t$, of the units $h = (l, b,
    s_{t-m+1}, \dots, s_t)$ (`hidden`), and differs from an RNN with the identity as activation
    only in that four numbers decide all its weights. The rates lie in $0 \le \alpha \le 1$,
    $0 \le \beta \le \alpha$, $0 \le \gamma \le 1 - \alpha$, $0.8 \le \phi \le 1$:

    $$\alpha = \sigma(\theta_1), \quad \beta = \alpha\,\sigma(\theta_2), \quad
      \gamma = (1 - \alpha)\,\sigma(\theta_3), \quad \phi = 1 - 0.2\,\sigma(\theta_4)$$

    with the logistic function sigma, and theta (`logits`) is what is trained. No gradient
    reaches a rate at a bound: with `beta=0`, `gamma=0` and `phi=1`, the defaults, only alpha is
    trained (simple exponential smoothing, if the first slope is zero). The state is
    `SmoothingState(level, slope, season, error)`.

    Parameters
    ----------
    period
        Length of the season in steps, m; 1 for none.
    alpha, beta, gamma
        The rates of the level, the slope and the season: numbers, or arrays `(batch,)` with one
        for each sequence, so that many models run beside each other.
    phi
        The damping: the share of the slope that is kept in a step.
    dtype
        Type of the logits.

    Raises
    ------
    InputError
        For a period below 1 and for a rate out of its range.

    References
    ----------
    Gardner and McKenzie, "Forecasting trends in time series", *Management Science* 31, 1985.
    Hyndman, Koehler, Ord and Snyder, *Forecasting with Exponential Smoothing*, 2008, whose
    model ETS(A, Ad, A) this is.

    Examples
    --------
    >>> cell = ExponentialSmoothing(alpha=0.5)
    >>> states, last = unroll(cell, jnp.array([[[1.0], [3.0]]]))
    >>> float(last.level[0])
    1.75
    """

    logits: Float[Array, "4 *batch"]
    period: int = eqx.field(static=True)
    input_size: int = eqx.field(static=True)
    hidden_size: int = eqx.field(static=True)

    def __init__(
        self,
        period: int = 1,
        *,
        alpha: ArrayLike = 0.3,
        beta: ArrayLike = 0.0,
        gamma: ArrayLike = 0.0,
        phi: ArrayLike = 1.0,
        dtype: DTypeLike = jnp.float32,
    ):
        check_positive_integer("period", period)
        self.logits = on_device(_logits(alpha, beta, gamma, phi), dtype)
        self.period, self.input_size = period, 1
        self.hidden_size = 2 + self._season_size

    @property
    def rates(self) -> tuple[Array, Array, Array, Array]:
        """alpha, beta, gamma and phi, each of shape `(*batch,)`."""
        return rates_of_shares(jax.nn.sigmoid(self.logits))

    @property
    def U(self) -> Float[Array, "hidden 1"]:
        """The weights from the value to h: the rates, each in the row of what it moves."""
        alpha, beta, gamma, _ = self.rates
        column = (
            jnp.zeros(self.hidden_size, self.logits.dtype).at[:2].set(jnp.stack([alpha, beta]))
        )
        return (column.at[-1].set(gamma) if self._season_size else column)[:, None]

    @property
    def W(self) -> Float[Array, "hidden hidden"]:
        r"""The weights from h to h: a free step, less U times the forecast that it makes."""
        phi, season = self.rates[3], self._season_size
        free = jnp.zeros((self.hidden_size, self.hidden_size), self.logits.dtype)
        free = free.at[0, 0].set(1).at[:2, 1].set(phi)
        if season:
            free = free.at[2:, 2:].set(jnp.roll(jnp.eye(season, dtype=free.dtype), 1, axis=1))
        forecast = free[0].at[2 : 2 + min(season, 1)].set(1)
        return free - self.U * forecast

    def drive(self, xs: Float[Array, "*time batch 1"]) -> Float[Array, "*time batch"]:
        return xs[..., 0]

    def step(self, drive: Float[Array, " batch"], state: SmoothingState) -> SmoothingState:
        y, (level, slope, season, _) = drive, state
        alpha, beta, gamma, phi = self.rates
        slope = phi * slope
        level = level + slope
        now = season[..., 0] if self._season_size else 0
        error = y - (level + now)
        if self._season_size:
            new = now + gamma * error
            season = jnp.concatenate([season[..., 1:], new[..., None]], axis=-1)
        return SmoothingState(level + alpha * error, slope + beta * error, season, error)

    def initial_state(self, batch: int) -> SmoothingState:
        zeros = jnp.zeros((batch, self._season_size), self.logits.dtype)
        zero = jnp.zeros(batch, self.logits.dtype)
        return SmoothingState(zero, zero, zeros, zero)

    def hidden(self, state: SmoothingState) -> Hidden:
        level, slope, season, _ = state
        return jnp.concatenate([level[..., None], slope[..., None], season], axis=-1)

    @property
    def _season_size(self) -> int:
        return self.period if self.period > 1 else 0


def rates_of_shares(shares: Any) -> tuple[Any, Any, Any, Any]:
    """alpha, beta, gamma and phi, each a share of what it can be, of NumPy or JAX."""
    alpha = shares[0]
    return alpha, alpha * shares[1], (1 - alpha) * shares[2], 1 - WIDEST_DAMPING * shares[3]


def _logits(alpha, beta, gamma, phi):
    """The logits of rates, infinite at the bounds."""
    alpha, beta, gamma, phi = (np.asarray(rate, float) for rate in (alpha, beta, gamma, phi))
    bounds = {
        "alpha": (alpha, 0, 1),
        "beta": (beta, 0, alpha),
        "gamma": (gamma, 0, 1 - alpha),
        "phi": (phi, 1 - WIDEST_DAMPING, 1),
    }
    for name, (rate, low, high) in bounds.items():
        if not np.all((rate >= low) & (rate <= high + 1e-12)):
            rule = f"`{name}` must be from {low:g} to {_range_end(name)}"
            remedy = f"Set `{name}` to a number from {low:g} to {np.min(high):g}."
            raise InputError(rule, rate, remedy)
    shares = alpha, _share(beta, alpha), _share(gamma, 1 - alpha), (1 - phi) / WIDEST_DAMPING
    shares = np.stack(np.broadcast_arrays(*(np.clip(share, 0, 1) for share in shares)))
    with np.errstate(divide="ignore"):
        return np.log(shares) - np.log1p(-shares)


def _range_end(name):
    return {"beta": "`alpha`", "gamma": "1 - `alpha`"}.get(name, "1")


def _share(part, whole):
    none = np.zeros(np.broadcast(part, whole).shape)
    return np.divide(part, whole, out=none, where=whole > 0)
