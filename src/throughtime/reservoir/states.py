"""A reservoir run through time: what drives it, and the states it goes through."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sparse
from jaxtyping import Float, Num

from throughtime.errors import InputError
from throughtime.recurrence import native_kernels
from throughtime.recurrence.native_reservoir import ReservoirRun, run_reservoir
from throughtime.recurrence.reservoir_weights import Reservoir, Settings

State = Float[np.ndarray, "*settings units"]

States = Float[np.ndarray, "time *settings units"]

SeriesLike = Num[np.ndarray, "..."] | Sequence[float | int]
"""A series, `(time, columns)`; one of one column may be `(time,)`, or a list of numbers."""


def drive(
    reservoir: Reservoir,
    inputs: Float[np.ndarray, "*time input"],
    feedback: Float[np.ndarray, "*time output"],
) -> Float[np.ndarray, "*time units"]:
    r"""What reaches the units from outside, $d_t = U x_t + F y_{t-1}$, for all steps at once.

    Parameters
    ----------
    inputs
        x of each step.
    feedback
        y of the step before.

    Returns
    -------
    Float[np.ndarray, "*time units"]
        d of each step.
    """
    weights = np.concatenate([reservoir.U, reservoir.F], axis=1)
    return np.concatenate([inputs, feedback], axis=-1, dtype=reservoir.dtype) @ weights.T


def run(
    reservoir: Reservoir,
    drive: Float[np.ndarray, "time units"],
    state: State,
    noise: Float[np.ndarray, "time units"] | None = None,
    settings: Settings | None = None,
) -> States:
    r"""The states of a driven reservoir, step by step.

    $$h_t = (1 - a) h_{t-1} + a \, f(\rho W h_{t-1} + \sigma d_t + b) + \nu_t$$

    Parameters
    ----------
    drive
        d of each step, from the function `drive`.
    state
        The state before the first step, `(units,)`; or those of several runs, `(runs, units)`.
    noise
        $\nu$ of each step, the same for all runs.
    settings
        a, $\rho$ and $\sigma$, each one number for all runs or one for each; if None, the
        reservoir's own leak, 1 and 1.

    Returns
    -------
    Float[np.ndarray, "time *runs units"]
        The state after each step.

    Raises
    ------
    InputError
        For arrays of another shape, and for settings of another number of runs.
    """
    settings = settings or reservoir.settings
    _check_shapes(reservoir.units, drive, state, noise)
    _check_settings(settings, len(np.atleast_2d(state)))
    if native_kernels.available():
        return _run_native(reservoir, drive, state, noise, settings)
    states = np.empty((len(drive), *state.shape), reservoir.dtype)
    noise = None if noise is None else noise.astype(reservoir.dtype)
    for t, d in enumerate(drive):
        state = step(reservoir, d, state, settings)
        if noise is not None:
            state = state + noise[t]
        states[t] = state
    return states


def step(
    reservoir: Reservoir,
    drive: Float[np.ndarray, "*runs units"],
    state: State,
    settings: Settings | None = None,
) -> State:
    """One step of `run`, without noise."""
    a, rho, sigma = (
        np.asarray(values, reservoir.dtype)[..., None]
        for values in settings or reservoir.settings
    )
    z = rho * (reservoir.W @ state.T).T + sigma * drive + reservoir.b
    return (1 - a) * state + a * (np.tanh(z) if reservoir.activation == "tanh" else z)


def _run_native(reservoir, drive, state, noise, settings: Settings) -> States:
    """`run` by the compiled kernel."""
    dtype, n = reservoir.dtype, reservoir.units
    runs = np.atleast_2d(state)
    W, starts, columns = reservoir.W, None, None
    if sparse.issparse(W):
        starts, columns, W = W.indptr.astype(np.int64), W.indices.astype(np.int32), W.data
    arrays = {
        **{"W": W, "b": reservoir.b, "drive": drive, "noise": noise, "state": runs},
        **{"leak": settings.leak, "radius": settings.radius, "scale": settings.input_scale},
    }
    for name in ("leak", "radius", "scale"):
        arrays[name] = np.broadcast_to(np.asarray(arrays[name], dtype), len(runs))
    arrays = {
        name: None if values is None else np.ascontiguousarray(values, dtype)
        for name, values in arrays.items()
    }
    arrays |= {"starts": starts, "columns": columns}
    states = np.empty((len(runs), *drive.shape), dtype)  # the states of a run are contiguous
    arrays["states"] = states
    pointers = {k: None if v is None else v.ctypes.data for k, v in arrays.items()}
    linear = reservoir.activation == "linear"
    sizes = {"N": n, "R": len(runs), "steps": len(drive), "linear": linear}
    run_reservoir(dtype.itemsize, ReservoirRun(**sizes, **pointers))
    return states[0] if state.ndim == 1 else states.swapaxes(0, 1)


def _check_shapes(n: int, drive: np.ndarray, state: np.ndarray, noise: np.ndarray | None):
    wrong = [a.shape for a in (drive, noise) if a is not None and a.shape != (len(drive), n)]
    if state.ndim not in (1, 2) or state.shape[-1] != n:
        wrong.append(state.shape)
    if wrong:
        rule = f"drive and noise must be (time, {n}), and a state ({n},) or (runs, {n})"
        remedy = "Pass arrays with a column for each unit of the reservoir."
        raise InputError(rule, " and ".join(map(str, wrong)), remedy)


def _check_settings(settings: Settings, runs: int):
    wrong = [np.shape(v) for v in settings if np.shape(v) not in ((), (runs,))]
    if wrong:
        rule = f"each of the settings must be a number, or one for each of {runs} runs"
        got = "shape " + " and ".join(map(str, wrong))
        raise InputError(rule, got, "Pass as many settings as states.")


def as_columns(
    name: str, series: SeriesLike, count: int | None = None
) -> Float[np.ndarray, "time columns"]:
    """A series as a table in float64; a series of one axis is one column.

    Parameters
    ----------
    name
        The name of the argument, for the error messages.
    count
        The number of columns it must have, where that is known.

    Raises
    ------
    InputError
        For more than two axes, another number of columns, no step at all, or a value that is
        not finite.
    """
    table = np.asarray(series, np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2:
        rule = f"`{name}` must be of shape (time, columns)"
        raise InputError(rule, f"shape {table.shape}", "Pass several series as a list.")
    if count not in (None, table.shape[1]):
        rule = f"`{name}` must have {count} columns, like the data of the fit"
        raise InputError(rule, table.shape[1], "Pass the same columns.")
    if not len(table):
        remedy = "Pass a series of one step or more."
        raise InputError(f"`{name}` must have steps", 0, remedy)
    wrong = np.argwhere(~np.isfinite(table))
    if len(wrong):
        t, column = wrong[0]
        value = "NaN" if np.isnan(table[t, column]) else table[t, column]
        got = f"{value} in column {column} at step {t}"
        remedy = "Put a finite number in its place."
        raise InputError(f"`{name}` must be finite", got, remedy)
    return table


def list_of_series(series: Any) -> list[Any]:
    """A list of series as it is; a single array, or a list of numbers, as a list of one."""
    if isinstance(series, np.ndarray):
        return [series]
    items = list(series)
    return [items] if items and np.ndim(items[0]) == 0 else items
