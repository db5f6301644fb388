"""The error of reservoir settings on a series: readouts at every penalty, judged by free runs.

Settings that share a reservoir run together (`Settings`), and the readouts of a trial at every
penalty come from one factorisation (`RidgePath`).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

from throughtime._support.memory import require_memory
from throughtime._support.seeds import generator
from throughtime.errors import InputError
from throughtime.recurrence.reservoir_weights import Reservoir, ReservoirDesign, Settings

from .echo_state_fitting import Training, zero_memory
from .regression_sums import Gram, Triangle
from .ridge import RidgePath
from .search_space import Setting
from .states import SeriesLike, as_columns, drive, run, step

Series = Float[np.ndarray, "time output"]
Inputs = Num[np.ndarray, "time input"]

DIVERGED = 1e100
"""A state beyond it has diverged; its square still is a number."""


class SearchData(NamedTuple):
    """A series with its inputs, and how it is split.

    Attributes
    ----------
    y, x
        The series, and the inputs at the same steps.
    end
        Steps of the training part; the validation part follows.
    origins
        Steps of the validation part at which a free run begins.
    horizon
        H, steps of a free run.
    variance
        The variance of the training part, summed over the columns.
    """

    y: Series
    x: Inputs
    end: int
    origins: np.ndarray
    horizon: int
    variance: float

    @classmethod
    def split(
        cls,
        design: ReservoirDesign,
        series: SeriesLike,
        inputs: SeriesLike | None,
        *,
        validation: int,
        horizon: int,
        washout: int,
    ) -> "SearchData":
        """Split a series; refuses data that do not match the design or are too short."""
        y = as_columns("series", series)
        x = np.zeros((len(y), 0)) if inputs is None else as_columns("inputs", inputs)
        if x.shape != (len(y), design.inputs):
            rule = f"`inputs` must be of shape ({len(y)}, {design.inputs})"
            remedy = "Pass a row for each step, and as many inputs as the design has."
            raise InputError(rule, x.shape, remedy)
        if design.outputs not in (0, y.shape[1]):
            rule = f"`series` must have the {design.outputs} columns that the design feeds back"
            remedy = f"Set `outputs` of the design to {y.shape[1]}."
            raise InputError(rule, y.shape[1], remedy)
        end = len(y) - validation
        if end <= washout:
            rule = "`washout` and `validation` must be shorter than the series"
            got = f"{washout} and {validation} of {len(y)} steps"
            raise InputError(rule, got, "Lower them, or pass a longer series.")
        variance = float(y[:end].var(axis=0).sum())
        if variance == 0:
            rule = "a series must vary before its validation part"
            raise InputError(rule, "a constant", "Pass more data, or lower `validation`.")
        n = design.units
        require_memory(8.0 * n * (2 * len(y) + 5 * n), "states and their products")
        origins = np.arange(end, len(y) - horizon + 1, horizon)
        return cls(y, x, end, origins, horizon, variance)


def trial_errors(
    design: ReservoirDesign,
    reservoir: Reservoir,
    settings: list[Setting],
    data: SearchData,
    training: Training,
    ridges: tuple[float, ...],
) -> Float[np.ndarray, "settings ridges"]:
    """The error of all settings and penalties on one reservoir; infinite where it fails."""
    each = [relative_settings(design, setting) for setting in settings]
    together = Settings(*(np.array(values) for values in zip(*each, strict=True)))
    with np.errstate(over="ignore", invalid="ignore"):
        states = teacher_forced(reservoir, data, together, len(data.y))
        fitted = states[: data.end]
        if training.state_noise or training.feedback_noise:
            fitted = teacher_forced(reservoir, data, together, data.end, training)
        starts = states[data.origins]
        return np.stack(
            [
                _errors(reservoir, fitted[:, i], starts[:, i], one, data, training, ridges)
                for i, one in enumerate(each)
            ]
        )


def _errors(
    reservoir, states, starts, settings, data, training, ridges
) -> Float[np.ndarray, " ridges"]:
    """The errors of readouts fitted to `states`, in free runs from the states `starts`."""
    errors = np.full(len(ridges), np.inf)
    if not np.max([states.max(), -states.min(), starts.max(), -starts.min()]) < DIVERGED:
        return errors
    solver = readout_solver(states, data.y, training, ridges)
    readouts = {}
    for i, ridge in enumerate(ridges):
        try:
            readouts[i] = solver.solve(ridge)
        except InputError:  # singular at this penalty
            continue
    if readouts:
        V = np.stack([readout.V for readout in readouts.values()])
        c = np.stack([readout.c for readout in readouts.values()])[:, None]
        runs = _free_runs(reservoir, starts, settings, V, c, data)
        truth = data.y[data.origins + np.arange(data.horizon)[:, None]]
        squares = ((runs - truth[:, None]) ** 2).sum(axis=-1).mean(axis=(0, 2))
        errors[list(readouts)] = np.sqrt(squares / data.variance)
    return np.where(np.isnan(errors), np.inf, errors)


def _free_runs(
    reservoir, h, settings, V, c, data
) -> Float[np.ndarray, "horizon ridges origins output"]:
    """Free runs of every readout from every origin; `h` are the states at the origins."""
    feedback_size, n = reservoir.F.shape[1], reservoir.units
    y = h @ V.mT + c
    outputs = np.empty((data.horizon, *y.shape))
    outputs[0] = y
    if data.horizon > 1:
        h = np.tile(h, (len(V), 1))
    for lead in range(1, data.horizon):
        x = np.tile(data.x[data.origins + lead], (len(V), 1))
        feedback = y.reshape(len(h), -1)[:, :feedback_size]
        h = step(reservoir, drive(reservoir, x, feedback), h, settings)
        y = h.reshape(len(V), -1, n) @ V.mT + c
        outputs[lead] = y
    return outputs


def teacher_forced(
    reservoir: Reservoir,
    data: SearchData,
    settings: Settings,
    steps: int,
    training: Training | None = None,
):
    """The first states with the true y fed back, from zero; with the noise of a training."""
    (h, first), nu = zero_memory(reservoir, data.y.shape[1]), None
    feedback = np.concatenate([first[None], data.y[: steps - 1]])[:, : reservoir.F.shape[1]]
    if training is not None:  # the random streams of `EchoStateFitting`
        state_rng, feedback_rng = (generator(training.seed, stream) for stream in (1, 2))
        noise = feedback_rng.normal(size=feedback.shape)
        feedback = feedback + training.feedback_noise * noise
        if training.state_noise:
            nu = training.state_noise * state_rng.normal(size=(steps, reservoir.units))
    if isinstance(settings.leak, np.ndarray):
        h = np.tile(h, (len(settings.leak), 1))
    return run(reservoir, drive(reservoir, data.x[:steps], feedback), h, nu, settings)


def readout_solver(
    states, y: Series, training: Training, ridges: tuple[float, ...]
) -> Gram | Triangle | RidgePath:
    """Solves for a readout at a penalty; for one penalty alone without the whole path."""
    rows = slice(training.washout, len(states))
    kind = Gram if training.regression == "gram" else Triangle
    sums = kind.of(states[rows], y[rows])
    return sums if len(ridges) == 1 else sums.path()


def relative_settings(design: ReservoirDesign, setting: Setting) -> Settings:
    """A setting as a leak and factors on the matrices of the design's reservoir."""
    leak, radius, scale = setting
    return Settings(leak, radius / design.radius, scale)
