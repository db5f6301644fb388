r"""Search over the settings of an echo state network: leak, radius, input scale and penalty.

A trial is judged on the end of the series, which its readouts have not been fitted to, over
several reservoirs; from each of many origins there the network runs free for a horizon of H
steps:

$$E = \exp \frac{1}{S} \sum_{s=1}^{S} \ln \sqrt{\frac{\langle \|\hat y - y\|^2 \rangle_s}
  {\sum_k \mathrm{var}(y_k)}}$$

is the geometric mean over the S reservoirs of the root mean squared error over origins and
steps, relative to the spread of the training part (the square root of the summed variances).
H = 1 is the error one step ahead. For a
forecast, take H as long as the forecast: errors one step ahead select a penalty with which a
free run leaves the attractor.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from throughtime._support.blas_threads import one_blas_thread
from throughtime._support.cores import core_count
from throughtime._support.seeds import Key
from throughtime.errors import InputError, check_positive_integer, did_you_mean
from throughtime.recurrence.reservoir_weights import Reservoir, ReservoirDesign

from .echo_state import EchoStateNetwork
from .echo_state_fitting import Memory, Training
from .search_space import OptunaSampler, RandomSampler, Setting, Space
from .states import SeriesLike
from .trial_evaluation import (
    SearchData,
    readout_solver,
    relative_settings,
    teacher_forced,
    trial_errors,
)

GROUP = 16
"""Trials that are proposed together, before any of them is judged."""

MOST_NUMBERS = 2**24
"""Numbers in the states that one thread computes at once: 128 MiB."""


class Trial(NamedTuple):
    """Settings, and the error E that they gave.

    Attributes
    ----------
    leak
        Leak rate of the units.
    radius
        Spectral radius of W.
    input_scale
        A factor on U and F of the design.
    ridge
        The penalty of the lowest error, on the sum over rows.
    error
        E at that penalty.
    """

    leak: float
    radius: float
    input_scale: float
    ridge: float
    error: float

    @property
    def setting(self) -> Setting:
        """Leak, radius and input scale."""
        return self.leak, self.radius, self.input_scale


@dataclass(frozen=True)
class Search:
    """How the search is done.

    Parameters
    ----------
    validation
        Steps at the end of the series on which readouts are judged.
    horizon
        H, steps of a free run; one begins every H steps.
    trials
        Number of trials.
    seeds
        Seeds of the reservoirs on which each setting is tried.
    space
        The ranges of the settings.
    sampler
        "random" or "optuna".
    seed
        Seed of the sampler.
    training
        Washout, noise and regression of every readout. The noise is added to the training part
        alone.
    threads
        Trials that run at the same time; None uses all cores. BLAS has one thread meanwhile.

    Raises
    ------
    InputError
        For a value out of its range.
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
                check_positive_integer(name, number)
        if self.sampler not in ("random", "optuna"):
            known = did_you_mean(self.sampler, ("random", "optuna"))
            raise InputError("`sampler` must be known", self.sampler, known)
        if not self.seeds:
            raise InputError("`seeds` must not be empty", "none", "Pass a seed.")
        if self.horizon > self.validation:
            rule = "`horizon` must not be longer than the validation part"
            got = f"{self.horizon} of {self.validation} steps"
            raise InputError(rule, got, "Lower `horizon`, or raise `validation`.")


class SearchResult(NamedTuple):
    """The result of a search.

    Attributes
    ----------
    trials
        All trials, in the order in which they were proposed.
    best
        The trial of the lowest error.
    network
        The reservoir of the first seed at the best settings, fitted to the whole series;
        `generate` goes on from its end.
    on_edge
        The settings of the best trial that lie on the edge of the space, by name; see
        `Space.on_edge`. Search again with wider ranges of these (`ridges` for "ridge").
    """

    trials: list[Trial]
    best: Trial
    network: EchoStateNetwork
    on_edge: tuple[str, ...]


def search(
    design: ReservoirDesign,
    series: SeriesLike,
    options: Search,
    inputs: SeriesLike | None = None,
) -> SearchResult:
    """Find the best settings of a reservoir for a series.

    Parameters
    ----------
    design
        The reservoir. The search replaces its leak and radius, and multiplies its scales of U
        and F.
    series
        y, `(time, output)`; `(time,)` is one column.
    options
        How the search is done.
    inputs
        x of the same steps, `(time, input)`; `(time,)` is one column.

    Returns
    -------
    SearchResult
        All trials, the best of them and its network.

    Raises
    ------
    InputError
        For data that do not match the design, a washout that leaves no step before the
        validation part, and if no trial has a finite error.
    """
    data = SearchData.split(
        design,
        series,
        inputs,
        validation=options.validation,
        horizon=options.horizon,
        washout=options.training.washout,
    )
    reservoirs = [design.draw(seed) for seed in options.seeds]
    kind = OptunaSampler if options.sampler == "optuna" else RandomSampler
    sampler = kind(options.space, options.seed)
    threads, limit = _threads(options.threads)
    trials: list[Trial] = []
    with limit, ThreadPoolExecutor(threads) as pool:
        while len(trials) < options.trials:
            settings = sampler.ask(min(GROUP, options.trials - len(trials)))
            done = _evaluate(pool, threads, design, reservoirs, settings, data, options)
            sampler.tell([trial.error for trial in done])
            trials += done
    best = min(trials, key=lambda trial: trial.error)
    if not np.isfinite(best.error):
        rule = "a search must find settings with a finite error"
        remedy = "Lower `radius`, or raise the largest of `ridges`."
        raise InputError(rule, f"none in {len(trials)} trials", remedy)
    network = _network(design, reservoirs[0], best, data, options)
    return SearchResult(trials, best, network, options.space.on_edge(best.setting, best.ridge))


def scaled(design: ReservoirDesign, reservoir: Reservoir, trial: Trial) -> Reservoir:
    """A reservoir of the design at the settings of a trial."""
    scale = trial.input_scale
    W = reservoir.W * (trial.radius / design.radius)
    return replace(
        reservoir, W=W, U=reservoir.U * scale, F=reservoir.F * scale, leak=trial.leak
    )


def _evaluate(pool, threads, design, reservoirs, settings, data, options) -> list[Trial]:
    """The trials of these settings, shared out over the threads."""
    size = min(-(-len(settings) // threads), MOST_NUMBERS // (len(data.y) * design.units))
    size = max(size, 1)
    parts = [settings[i : i + size] for i in range(0, len(settings), size)]
    ridges = options.space.ridges

    def errors_of(job):
        reservoir, part = job
        return trial_errors(design, reservoir, part, data, options.training, ridges)

    found = list(pool.map(errors_of, [(r, part) for r in reservoirs for part in parts]))
    each = [np.concatenate(found[i : i + len(parts)]) for i in range(0, len(found), len(parts))]
    with np.errstate(divide="ignore", invalid="ignore"):  # ln 0, and inf - inf
        errors = np.exp(np.mean(np.log(each), axis=0))
    errors = np.where(np.isnan(errors), np.inf, errors)
    best = errors.argmin(axis=1)
    return [
        Trial(leak, radius, scale, float(ridges[i]), float(error[i]))
        for (leak, radius, scale), i, error in zip(settings, best, errors, strict=True)
    ]


def _network(design, reservoir, trial, data, options) -> EchoStateNetwork:
    """The network of a trial, fitted to the whole series."""
    settings = relative_settings(design, trial.setting)
    states = teacher_forced(reservoir, data, settings, len(data.y), options.training)
    solver = readout_solver(states, data.y, options.training, options.space.ridges)
    memory = Memory(states[-1], data.y[-1])
    reservoir = scaled(design, reservoir, trial)
    return EchoStateNetwork(reservoir, solver.solve(trial.ridge), trial.ridge, memory)


def _threads(requested: int | None) -> tuple[int, Any]:
    """The number of threads, and a context in which BLAS does not start its own beside them."""
    threads = requested or core_count()
    return threads, nullcontext() if threads == 1 else one_blas_thread()
