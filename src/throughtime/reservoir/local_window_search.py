"""Groups, overlaps and a penalty for parallel reservoirs, chosen by free runs.

Errors one step ahead choose a penalty with which a free run leaves the attractor. So each trial
is fitted to the first part of a field, and judged by how long its free runs from several places
in the last part stay near the truth.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from throughtime.errors import InputError, check_positive_integer

from .echo_state_fitting import Memory
from .local_model import LocalModel, local_sums
from .parallel_reservoirs import Field, ParallelReservoirs, as_field

LIMIT = 0.4
"""A forecast is valid until its error is this many standard deviations of the field."""

WARM_UP = 200
"""Steps that the states follow the field before a free run begins."""

STARTS = 10
"""Free runs by which a trial is judged."""

RIDGES = tuple(10.0 ** np.arange(-10, 3, 2))
"""The penalties that are tried when none are given."""


class WindowTrial(NamedTuple):
    """Groups and a penalty, and the valid times that they gave.

    Attributes
    ----------
    group, overlap, ridge
        What was tried; the penalty is on the sum over rows.
    valid
        The valid time from each start, in steps.
    """

    group: int
    overlap: int
    ridge: float
    valid: tuple[int, ...]


class WindowSearchResult(NamedTuple):
    """The result of `search_local_windows`.

    Attributes
    ----------
    best
        The trial of the longest valid time, in the mean over the starts.
    network
        The model of that trial, fitted to the whole field.
    trials
        All trials.
    """

    best: WindowTrial
    network: ParallelReservoirs
    trials: list[WindowTrial]


def search_local_windows(
    model: Callable[[int], LocalModel],
    field: Field,
    windows: Iterable[tuple[int, int]],
    validation: int,
    *,
    ridges: Iterable[float | int] = RIDGES,
    shared: bool = True,
    periodic: bool = True,
    washout: int = 100,
    regression: str = "qr",
) -> WindowSearchResult:
    """Choose groups, overlaps and a penalty by free runs over the end of a field.

    Parameters
    ----------
    model
        `model(width)` is the local model for windows of so many columns.
    field
        y, `(time, point)`, or `(time, point, variable)`.
    windows
        Pairs of `group` and `overlap` to try.
    validation
        Steps at the end over which free runs are judged; the more, the longer they may be.
    ridges
        Penalties to try with each, on the sum over rows.
    shared, periodic, washout, regression
        As for `ParallelReservoirs.fit`.

    Returns
    -------
    WindowSearchResult
        The best trial, its model fitted to the whole field, and all trials.

    Raises
    ------
    InputError
        For a validation part that does not fit into the field, nothing to try, and if no trial
        follows the field for a step; and as from `ParallelReservoirs.fit`.
    """
    check_positive_integer("validation", validation)
    ridges, y = list(ridges), np.asarray(field, np.float64)
    if not len(y) - validation > WARM_UP:
        rule = f"the field must have more than {WARM_UP} steps before its validation part"
        raise InputError(rule, f"{len(y)} steps", "Lower `validation`, or pass more steps.")
    starts = len(y) - validation + np.arange(STARTS) * validation // (2 * STARTS)
    trials: list[WindowTrial] = []
    for group, overlap in windows:
        table, layout = as_field(y, group, overlap, periodic)
        local = model(layout.read.shape[1])
        training = table[: len(y) - validation]
        sums, memory = local_sums(local, layout, training, shared, washout, regression)
        for ridge in ridges:
            try:
                found = ParallelReservoirs.of_sums(local, layout, sums, memory, ridge)
            except InputError:  # singular at this penalty
                continue
            valid = tuple(valid_steps(found, y, starts, validation // 2).tolist())
            trials.append(WindowTrial(group, overlap, float(ridge), valid))
    if not trials or not max(np.mean(trial.valid) for trial in trials) > 0:
        rule = "a search must find a model that follows the field for a step"
        remedy = "Pass larger `ridges`, other `windows`, or a longer field."
        raise InputError(rule, f"none in {len(trials)} trials", remedy)
    best = max(trials, key=lambda trial: np.mean(trial.valid))
    local = model((best.group + 2 * best.overlap) * int(np.prod(y.shape[2:])))
    network = ParallelReservoirs.fit(
        local, y, best.group, best.overlap, shared=shared, periodic=periodic,
        ridge=best.ridge, washout=washout, regression=regression,
    )  # fmt: skip
    return WindowSearchResult(best, network, trials)


def valid_steps(
    network: ParallelReservoirs,
    field: Float[np.ndarray, "time *point_and_variable"],
    starts: Int[np.ndarray, " starts"],
    horizon: int,
    limit: float = LIMIT,
) -> Int[np.ndarray, " starts"]:
    r"""The valid time of free runs from several places of a field, in steps.

    $$\sqrt{\langle (\hat y_t - y_t)^2 \rangle} \le \epsilon \,
      \sqrt{\langle (y - \langle y \rangle)^2 \rangle}$$

    holds up to there, with means over the points, and on the right over all steps too.

    Parameters
    ----------
    network
        The model.
    field
        The truth, `(time, point)` or `(time, point, variable)`.
    starts
        The first step of each run. The states follow the 200 steps before it.
    horizon
        Steps that a run has at most.
    limit
        $\epsilon$.

    Returns
    -------
    Int[np.ndarray, "starts"]
        Steps before the first whose error is above the limit, at most `horizon`.
    """
    begin = [network.predict(field[max(s - WARM_UP, 0) : s])[1] for s in starts]
    memory = Memory(*(np.stack(part) for part in zip(*begin, strict=True)))
    ahead = network.generate(horizon, memory).reshape(horizon, len(starts), -1)
    rows = starts + np.arange(horizon)[:, None]
    truth = field[rows].reshape(ahead.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        errors = np.sqrt(np.square(ahead - truth).mean(axis=-1))
    near = errors <= limit * field.std()
    return np.logical_and.accumulate(near, axis=0).sum(axis=0)
