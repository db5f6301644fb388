"""A reservoir run through time: what drives it, and the states that this gives."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sparse
from jaxtyping import Float, Num

from throughtime.errors import InputError
from throughtime.recurrence import native_kernels
from throughtime.recurrence.reservoir_weights import Reservoir, Settings

State = Float[np.ndarray, "*settings units"]


States = Float[np.ndarray, "time *settings units"]


Values = Num[np.ndarray, "..."] | Sequence[float | int]
"""A series, `(time, columns)`; one of one column may be `(time,)`, or a list of numbers."""


def drive(
    reservoir: Reservoir,
    inputs: Float[np.ndarray, "*time input"],
    feedback: Float[np.ndarray, "*time output"],
) -> Float[np.ndarray, "*time units"]:
    r"""All that comes from outside, $U x_t + F y_{t-1}$, for all steps in one product."""
    weights = np.concatenate([reservoir.U, reservoir.F], axis=1)
    return np.concatenate([inputs, feedback], axis=-1, dtype=reservoir.dtype) @ weights.T


def run(
    reservoir: Reservoir,
    drive: Float[np.ndarray, "time units"],
    state: State,
    noise: Float[np.ndarray, "time units"] | None = None,
    settings: Settings | None = None,
) -> States:
    r"""The states that a drive gives, step by step.

    $$h_t = (1 - a) h_{t-1} + a \, f(\rho W h_{t-1} + \sigma d_t + b) + \nu_t$$

    Parameters
    ----------
    drive
        d of every step, from `drive`.
    state
        The state before the first step; with a leading axis, several runs at once.
    noise
        $\nu$, the same for all runs.
    settings
        A, $\rho$ and $\sigma$, of all runs or of each; the reservoir's own leak, 1 and 1 if
        None.

    Returns
    -------
    States
        The state after each step.

    Raises
    ------
    InputError
        For arrays of another shape, and settings of another number of runs.
    """
    _check_shapes(reservoir.units, drive, state, noise)
    _check_settings(settings or reservoir.settings, len(np.atleast_2d(state)))
    if native_kernels.available():
        return _run_native(reservoir, drive, state, noise, settings or reservoir.settings)
    states = np.empty((len(drive), *state.shape), reservoir.dtype)
    noise = None if noise is None else noise.astype(reservoir.dtype)
    for t, d in enumerate(drive):
        state = step(reservoir, d, state, settings)
        if noise is not None:
            state = state + noise[t]
        states[t] = state
    return states


def _check_shapes(n: int, drive: np.ndarray, state: np.ndarray, noise: np.ndarray | None):
    wrong = [a.shape for a in (drive, noise) if a is not None and a.shape != (len(drive), n)]
    if state.ndim not in (1, 2) or state.shape[-1] != n:
        wrong.append(state.shape)
    if wrong:
        rule = f"drive and noise must be (time, {n}), and a state ({n},) or (runs, {n})"
        raise InputError(rule, " and ".join(map(str, wrong)), "Reshape them.")


def _check_settings(settings: Settings, runs: int):
    wrong = [np.shape(v) for v in settings if np.shape(v) not in ((), (runs,))]
    if wrong:
        rule = f"each of the settings must be a number, or one for each of {runs} runs"
        got = "shape " + " and ".join(map(str, wrong))
        raise InputError(rule, got, "Pass as many settings as states.")


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
    held = {k: None if v is None else np.ascontiguousarray(v, dtype) for k, v in arrays.items()}
    held |= {"starts": starts, "columns": columns}
    states = np.empty((len(runs), *drive.shape), dtype)  # those of a run lie together
    held["states"] = states
    pointers = {k: None if v is None else v.ctypes.data for k, v in held.items()}
    linear = reservoir.activation == "linear"
    sizes = {"N": n, "R": len(runs), "steps": len(drive), "linear": linear}
    native_kernels.run_reservoir(dtype.itemsize, native_kernels.Reservoir(**sizes, **pointers))
    return states[0] if state.ndim == 1 else states.swapaxes(0, 1)


def step(
    reservoir: Reservoir,
    drive: Float[np.ndarray, "*runs units"],
    state: State,
    settings: Settings | None = None,
) -> State:
    """One step of `run`, without noise."""
    of = settings or reservoir.settings
    a, rho, sigma = (np.asarray(v, reservoir.dtype)[..., None] for v in of)
    z = rho * (reservoir.W @ state.T).T + sigma * drive + reservoir.b
    return (1 - a) * state + a * (np.tanh(z) if reservoir.activation == "tanh" else z)


def columns(
    name: str, values: Values, count: int | None = None
) -> Float[np.ndarray, "time columns"]:
    """A series in float64; one of one axis is one column.

    Parameters
    ----------
    name
        What errors call it.
    count
        The columns it must have, where they are known.

    Raises
    ------
    InputError
        For more axes, other columns, no step, or a value that is not finite.
    """
    found = np.asarray(values, np.float64)
    found = found[:, None] if found.ndim == 1 else found
    if found.ndim != 2:
        rule = f"`{name}` must be of shape (time, columns)"
        raise InputError(rule, f"shape {found.shape}", "Pass several series as a list.")
    if count not in (None, found.shape[1]):
        rule = f"`{name}` must have {count} columns, as what was fitted before"
        raise InputError(rule, found.shape[1], "Pass the same columns.")
    if not len(found):
        raise InputError(f"`{name}` must have steps", 0, "Pass data.")
    wrong = np.argwhere(~np.isfinite(found))
    if len(wrong):
        t, column = wrong[0]
        value = "NaN" if np.isnan(found[t, column]) else found[t, column]
        got = f"{value} in column {column} at step {t}"
        raise InputError(f"`{name}` must be finite", got, "Fill what is missing.")
    return found


def several(series: Any) -> list[Any]:
    """The series of a list; an array, or a list of numbers, is one."""
    if isinstance(series, np.ndarray):
        return [series]
    items = list(series)
    return [items] if items and np.ndim(items[0]) == 0 else items
