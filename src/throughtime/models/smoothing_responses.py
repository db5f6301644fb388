r"""What exponential smoothing does from any first state: one run for each part of it.

The cell is linear. Its states and its errors are those from a first state of zeros, plus the
responses of a cell that reads zeros to each part of the first state, times these parts. The
seasons need one response between them: the season that comes j steps later responds j steps
later. So four runs of a series (of zeros and the series; a level; a slope; the coming season)
give the states from any first state, and the best one is a linear least-squares problem.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from throughtime.recurrence.exponential_smoothing import ExponentialSmoothing, SmoothingState

FIRST_STATE_PENALTIES = (1e-6, 1e-6, 1e-4)
"""Factors of the squared level, slope and seasons at the first step, beside the squared errors.

The level is measured from the first value. They decide only what the series leaves open.
"""

WINDOW_SIZES = (64, 128, 256, 512, 1024, 2048)
"""Lengths to which series are padded: a program is compiled for each length."""


def season_size(period: int) -> int:
    """The number of seasons in the state: the period, or none."""
    return period if period > 1 else 0


def unit_count(period: int) -> int:
    """The number of runs that give all others: with a season 4, without 3."""
    return 4 if period > 1 else 3


def cell_of(logits: Float[Array, "4 *batch"], period: int) -> ExponentialSmoothing:
    """A cell with these logits."""
    cell = ExponentialSmoothing(period, dtype=logits.dtype)
    return eqx.tree_at(lambda cell: cell.logits, cell, logits)


def unit_runs(
    ys: Float[Array, "batch time"], period: int
) -> tuple[Float[Array, "runs time 1"], SmoothingState]:
    """Inputs and first states of the runs that give all others.

    Parameters
    ----------
    ys
        The series.
    period
        Length of the season; 1 for none.

    Returns
    -------
    xs : Array, (units * batch, time, 1)
        The series in the first `batch` runs, zeros in the others.
    state : SmoothingState
        Zeros; a level of one; a slope of one; a coming season of one.
    """
    batch, time = ys.shape
    units, seasons = unit_count(period), season_size(period)
    zeros = jnp.zeros(((units - 1) * batch, time), ys.dtype)
    parts = np.repeat(np.eye(units), batch, axis=0)
    season = np.zeros((len(parts), seasons))
    season[:, :1] = parts[:, 3:]
    arrays = parts[:, 1], parts[:, 2], season, np.zeros(len(parts))
    state = SmoothingState(*(jnp.asarray(array, ys.dtype) for array in arrays))
    return jnp.concatenate([ys, zeros])[..., None], state


def shifted(response: Float[np.ndarray, "*batch time"], period: int):
    """The responses to all seasons of the first state from that to the first of them.

    Parameters
    ----------
    response
        The response to the season of the first step, `(*batch, time)`.
    period
        Length of the season.

    Returns
    -------
    array, (*batch, time, period)
        A view. Nothing happens until a season comes.
    """
    zeros = np.zeros((*response.shape[:-1], period - 1))
    padded = np.concatenate([zeros, response], axis=-1)
    return np.lib.stride_tricks.sliding_window_view(padded, period, axis=-1)[..., ::-1]


def responses(units: Float[np.ndarray, "unit *batch time"], period: int):
    """Responses of the errors to the first state, `(*batch, time, part)`.

    The parts are the level, the slope and the seasons, the first to come first.
    """
    columns = np.moveaxis(units[1:3], 0, -1)
    if period > 1:
        columns = np.concatenate([columns, shifted(units[3], period)], axis=-1)
    return columns


def penalties(period: int) -> Float[np.ndarray, " part"]:
    """The penalty of each part of the first state."""
    return np.repeat(FIRST_STATE_PENALTIES, [1, 1, season_size(period)])


def window_size(steps: int) -> int:
    """The length to which a window of so many steps is padded."""
    return next((size for size in WINDOW_SIZES if size >= steps), WINDOW_SIZES[-1])


def longest_window(period: int) -> int:
    """How many of the last values are read: a thousand, or two for a long season."""
    return WINDOW_SIZES[-1] if 4 * period > WINDOW_SIZES[-2] else WINDOW_SIZES[-2]
