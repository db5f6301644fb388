r"""Search over the settings of an echo state network: leak, radius, scale of the input, ridge.

Each trial is judged on the end of the series, which its readouts have not seen, over several
reservoirs; from each of many origins there the network runs free for a horizon of H steps:

$$E = \exp \frac{1}{S} \sum_{s=1}^{S} \ln \sqrt{\frac{\langle \|\hat y - y\|^2 \rangle_s}
  {\sum_k \mathrm{var}(y_k)}}$$

the geometric mean, over the S reservoirs, of the root of the squared error, averaged over
origins and steps, relative to the variance of the training part. H = 1 is the error one step
ahead. For a series that will be continued take as many steps as matter: errors one step ahead
pick a penalty under which a free run leaves the attractor.

Settings that share a reservoir run together (`Settings`), and every penalty of a trial comes
from one factorisation (`RidgePath`).
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Num

from throughtime._support.memory import require_memory
from throughtime._support.seeds import Key, generator
from throughtime.errors import InputError, at_least_one, nearest
from throughtime.recurrence.reservoir_weights import Reservoir, ReservoirDesign, Settings

from .echo_state import EchoStateNetwork, Memory, Training, rest
from .ridge import Gram, RidgePath, Triangle
from .search_space import Optuna, Random, Space
from .states import Values, columns, drive, run, step

Series = Float[np.ndarray, "time output"]
Inputs = Num[np.ndarray, "time input"]

GROUP = 16
"""Trials that are drawn before any of them is judged."""

NUMBERS = 2**24
"""Numbers in the states of the runs that a thread makes at once: 128 MiB."""

LARGEST = 1e100
"""A state beyond it has diverged; its square still is a number."""


class Trial(NamedTuple):
    """Settings, and the error E that they gave.

    Attributes
    ----------
    radius
        Of W.
    input_scale
        A factor on the U and F of the design.
    ridge
        The penalty of the least error; the sum over rows is what it is added to.
    """

    leak: float
    radius: float
    input_scale: float
    ridge: float
    error: float


@dataclass(frozen=True)
class Search:
    """How the search is done.

    Attributes
    ----------
    validation
        Steps at the end of the series that readouts are judged on.
    horizon
        H, steps of a free run; an origin every H steps.
    trials
        How many.
    seeds
        Of the reservoirs that each is tried on.
    sampler
        "random" or "optuna".
    seed
        Of the draws.
    training
        Of every readout. Its noise is added to the training part alone.
    threads
        As many trials at once; None for all cores. Only with `threadpoolctl` installed, which
        keeps BLAS to one thread meanwhile, are there more than one by default.
    """

    validation: int
    horizon: int = 1
    trials: int = 50
    seeds: tuple[int, ...] = (0, 1, 2)
    space: Space = field(default_factory=Space)
    sampler: Literal["random", "optuna"] = "random"
    seed: Key = 0
    training: Training = field(default_factory=Training)
    threads: int | None = None

    def __post_init__(self):
        for name in ("validation", "horizon", "trials", "threads"):
            number = getattr(self, name)
            if name != "threads" or number is not None:
                at_least_one(name, number)
        if self.sampler not in ("random", "optuna"):
            known = nearest(self.sampler, ("random", "optuna"))
            raise InputError("`sampler` must be known", self.sampler, known)
        if not self.seeds:
            raise InputError("`seeds` must not be empty", "none", "Pass a seed.")
        if self.horizon > self.validation:
            rule = "`horizon` must not be longer than the validation part"
            got = f"{self.horizon} of {self.validation} steps"
            raise InputError(rule, got, "Lower `horizon`, or raise `validation`.")


class Found(NamedTuple):
    """What a search gave.

    Attributes
    ----------
    trials
        In the order in which they were drawn.
    best
        The one of the least error.
    network
        With the reservoir of the first seed, at the best settings, fitted to the whole series;
        `generate` goes on from its end.
    on_edge
        The settings of the best that lie on the edge of what was searched, by name; see
        `Space.on_edge`. Search again with their ranges, or `ridges`, moved or wider.
    """

    trials: list[Trial]
    best: Trial
    network: EchoStateNetwork
    on_edge: tuple[str, ...]


class _Data(NamedTuple):
    """The series with what drives a reservoir, and its parts in time."""

    y: Series
    x: Inputs
    end: int
    origins: np.ndarray
    horizon: int
    variance: float


def search(
    design: ReservoirDesign, series: Values, options: Search, inputs: Values | None = None
) -> Found:
    """The best settings of a reservoir for a series.

    Parameters
    ----------
    design
        The reservoir; what is searched replaces its leak and radius, and multiplies its scales
        of U and F.
    series
        Y, `(time, output)`.
    inputs
        X, `(time, input)`. Either may be `(time,)`, which is one column.
    options
        See `Search`.

    Returns
    -------
    Found
        Trials, the best of them, a network, and which settings of the best lie on the edge of
        what was searched; see `Found`.

    Raises
    ------
    InputError
        For data that do not fit the design, a washout that leaves no step before the validation
        part, and if no trial has a finite error.
    """
    data = _split(design, series, inputs, options)
    reservoirs = [design.draw(seed) for seed in options.seeds]
    sampler = (Optuna if options.sampler == "optuna" else Random)(options.space, options.seed)
    threads, limit = _threads(options.threads)
    trials: list[Trial] = []
    with limit, ThreadPoolExecutor(threads) as pool:
        while len(trials) < options.trials:
            drawn = sampler.ask(min(GROUP, options.trials - len(trials)))
            judged = _judge(pool, threads, design, reservoirs, drawn, data, options)
            sampler.tell([trial.error for trial in judged])
            trials += judged
    best = min(trials, key=lambda trial: trial.error)
    if not np.isfinite(best.error):
        rule = "a search must find settings with a finite error"
        remedy = "Lower `radius`, or raise the largest of `ridges`."
        raise InputError(rule, f"none in {len(trials)} trials", remedy)
    network = _fitted(design, reservoirs[0], best, data, options)
    edge = options.space.on_edge((best.leak, best.radius, best.input_scale), best.ridge)
    return Found(trials, best, network, edge)


def scaled(design: ReservoirDesign, reservoir: Reservoir, trial: Trial) -> Reservoir:
    """The reservoir of a design at the settings of a trial."""
    scale = trial.input_scale
    W = reservoir.W * (trial.radius / design.radius)
    return replace(
        reservoir, W=W, U=reservoir.U * scale, F=reservoir.F * scale, leak=trial.leak
    )


def _judge(pool, threads, design, reservoirs, drawn, data, options) -> list[Trial]:
    """The trials of these settings; parts of a group run at once."""
    size = min(-(-len(drawn) // threads), NUMBERS // (len(data.y) * design.units))
    size = max(size, 1)
    parts = [drawn[i : i + size] for i in range(0, len(drawn), size)]

    def of(task):
        reservoir, part = task
        return _errors(design, reservoir, part, data, options)

    found = list(pool.map(of, [(r, part) for r in reservoirs for part in parts]))
    each = [np.concatenate(found[i : i + len(parts)]) for i in range(0, len(found), len(parts))]
    with np.errstate(divide="ignore", invalid="ignore"):  # ln 0, and inf less inf
        errors = np.exp(np.mean(np.log(each), axis=0))
    errors = np.where(np.isnan(errors), np.inf, errors)
    chosen = errors.argmin(axis=1)
    return [
        Trial(leak, radius, scale, float(options.space.ridges[i]), float(error[i]))
        for (leak, radius, scale), i, error in zip(drawn, chosen, errors, strict=True)
    ]


def _errors(design, reservoir, drawn, data, options) -> Float[np.ndarray, "settings ridges"]:
    """The error of every setting and penalty on one reservoir; infinite where it fails."""
    each = [_settings(design, setting) for setting in drawn]
    settings = Settings(*(np.array(values) for values in zip(*each, strict=True)))
    with np.errstate(over="ignore", invalid="ignore"):
        states = _states(reservoir, data, settings, len(data.y))
        taught, training = states[: data.end], options.training
        if training.state_noise or training.feedback_noise:
            taught = _states(reservoir, data, settings, data.end, training)
        starts = states[data.origins]
        return np.stack(
            [
                _error(reservoir, taught[:, i], starts[:, i], s, data, options)
                for i, s in enumerate(each)
            ]
        )


def _error(reservoir, taught, starts, settings, data, options) -> Float[np.ndarray, " ridges"]:
    """Readouts of the states `taught`, judged by free runs from the states `starts`."""
    errors = np.full(len(options.space.ridges), np.inf)
    if not np.max([taught.max(), -taught.min(), starts.max(), -starts.min()]) < LARGEST:
        return errors
    solver = _solver(taught, data.y, options)
    readouts = {}
    for i, ridge in enumerate(options.space.ridges):
        try:
            readouts[i] = solver.solve(ridge)
        except InputError:  # singular under this penalty
            continue
    if readouts:
        V = np.stack([readout.V for readout in readouts.values()])
        c = np.stack([readout.c for readout in readouts.values()])[:, None]
        runs = _free(reservoir, starts, settings, V, c, data)
        truth = data.y[data.origins + np.arange(data.horizon)[:, None]]
        squares = ((runs - truth[:, None]) ** 2).sum(axis=-1).mean(axis=(0, 2))
        errors[list(readouts)] = np.sqrt(squares / data.variance)
    return np.where(np.isnan(errors), np.inf, errors)


def _free(
    reservoir, h, settings, V, c, data
) -> Float[np.ndarray, "horizon ridges origins output"]:
    """Free runs of every readout from every origin; `h` are the states at the origins."""
    fed, n = reservoir.F.shape[1], reservoir.units
    y = h @ V.mT + c
    outputs = np.empty((data.horizon, *y.shape))
    outputs[0] = y
    if data.horizon > 1:
        h = np.tile(h, (len(V), 1))
    for lead in range(1, data.horizon):
        x = np.tile(data.x[data.origins + lead], (len(V), 1))
        back = y.reshape(len(h), -1)[:, :fed]
        h = step(reservoir, drive(reservoir, x, back), h, settings)
        y = h.reshape(len(V), -1, n) @ V.mT + c
        outputs[lead] = y
    return outputs


def _fitted(design, reservoir, trial, data, options) -> EchoStateNetwork:
    """The network of a trial, with all of the series behind it."""
    settings = _settings(design, trial)
    states = _states(reservoir, data, settings, len(data.y), options.training)
    solver = _solver(states, data.y, options)
    memory = Memory(states[-1], data.y[-1])
    reservoir = scaled(design, reservoir, trial)
    return EchoStateNetwork(reservoir, solver.solve(trial.ridge), trial.ridge, memory)


def _states(reservoir, data, settings: Settings, steps, training: Training | None = None):
    """The first states with the true y fed back, from rest; with the noise of a training."""
    (h, first), nu = rest(reservoir, data.y.shape[1]), None
    back = np.concatenate([first[None], data.y[: steps - 1]])[:, : reservoir.F.shape[1]]
    if training is not None:  # the streams of `EchoStateFitting`
        state, feedback = (generator(training.seed, stream) for stream in (1, 2))
        back = back + training.feedback_noise * feedback.normal(size=back.shape)
        if training.state_noise:
            nu = training.state_noise * state.normal(size=(steps, reservoir.units))
    if isinstance(settings.leak, np.ndarray):
        h = np.tile(h, (len(settings.leak), 1))
    return run(reservoir, drive(reservoir, data.x[:steps], back), h, nu, settings)


def _solver(states, y, options) -> Gram | Triangle | RidgePath:
    """What gives a readout at a penalty; for one alone there is no need of the whole path."""
    kept = slice(options.training.washout, len(states))
    sums = Gram if options.training.regression == "gram" else Triangle
    sums = sums.of(states[kept], y[kept])
    return sums if len(options.space.ridges) == 1 else sums.path()


def _settings(design, setting) -> Settings:
    """As factors on the matrices of the design."""
    leak, radius, scale, *_ = setting
    return Settings(leak, radius / design.radius, scale)


def _split(design, series, inputs, options) -> _Data:
    y = columns("series", series)
    x = np.zeros((len(y), 0)) if inputs is None else columns("inputs", inputs)
    if x.shape != (len(y), design.inputs):
        rule = f"`inputs` must be of shape ({len(y)}, {design.inputs})"
        raise InputError(rule, x.shape, "Pass as many inputs as the design has.")
    if design.outputs not in (0, y.shape[1]):
        rule = f"`series` must have the {design.outputs} columns that the design feeds back"
        raise InputError(rule, y.shape[1], "Change `outputs` of the design.")
    end = len(y) - options.validation
    washout = options.training.washout
    if end <= washout:
        rule = "`washout` and `validation` must be shorter than the series"
        got = f"{washout} and {options.validation} of {len(y)} steps"
        raise InputError(rule, got, "Lower them, or pass a longer series.")
    variance = float(y[:end].var(axis=0).sum())
    if variance == 0:
        rule = "a series must vary before its validation part"
        raise InputError(rule, "a constant", "Pass more data, or lower `validation`.")
    n = design.units
    require_memory(8.0 * n * (2 * len(y) + 5 * n), "states and their products")
    origins = np.arange(end, len(y) - options.horizon + 1, options.horizon)
    return _Data(y, x, end, origins, options.horizon, variance)


def _threads(asked: int | None) -> tuple[int, Any]:
    """How many, and a context in which BLAS does not start its own beside them."""
    controlled = find_spec("threadpoolctl") is not None
    allowed = len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0))
    threads = asked or (allowed if controlled else 1)
    if threads == 1 or not controlled:
        return threads, nullcontext()
    from threadpoolctl import threadpool_limits

    return threads, threadpool_limits(1)
