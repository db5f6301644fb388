"""A model of measured trajectories: found by search, run free, judged against the data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from throughtime._support.blas_threads import one_blas_thread
from throughtime._support.result_view import finite_or_none
from throughtime.errors import InputError, check_positive_integer
from throughtime.reservoir.closed_loop import Settings
from throughtime.reservoir.closed_loop_model import ClosedLoopModel, largest_exponent
from throughtime.reservoir.closed_loop_search import Trial, closed_loop_search
from throughtime.reservoir.series_traits import Traits
from throughtime.reservoir.states import as_columns

from .attractor_metrics import fills_its_bins, spectrum_distance, state_space_divergence
from .behaviour import ERRORS, GROWTH
from .measured_data import Trajectories, search_data
from .state_space import common_delay, embedding

LONGEST = 20_000
"""The longest free run whose invariants are compared."""

TRIALS = 50
"""Settings that a search tries before the best are enlarged."""

EXPONENT_STEPS = 4000
"""Steps of each of the runs from which the exponent is estimated."""

BOUND = 2.0
"""A free run that goes further out than the data by this factor is not bounded."""


@dataclass(frozen=True)
class Invariants:
    """What a long free run has in common with the data.

    Attributes
    ----------
    free_run
        The run, from the end of the data, `(time, variable)`.
    bounded
        Whether it stays where the data are, and free runs from other places stay finite.
    divergence, spectrum
        The state-space divergence and the spectrum distance of the first half of the data from
        as many steps of the free run; NaN where they have no meaning.
    own_divergence, own_spectrum
        Those of the first half of the data from the second: what a perfect model has.
    exponent, error
        The largest Lyapunov exponent of the model and its standard error, per unit of time;
        with inputs, of the model as they drive it.
    growth
        The logarithm of how much a small difference grew in the run that gave the exponent.
    """

    free_run: Float64[np.ndarray, "time variable"]
    bounded: bool
    divergence: float
    spectrum: float
    own_divergence: float
    own_spectrum: float
    exponent: float
    error: float
    growth: float

    @property
    def chaotic(self) -> bool:
        """Whether the exponent is above 0 beyond doubt; see `behaviour.py`."""
        return self.exponent > ERRORS * self.error and self.growth > GROWTH


@dataclass(frozen=True, eq=False)
class MeasuredSurrogate:
    """A model of measured trajectories; `Surrogate.fit` finds one.

    Attributes
    ----------
    variables, input_names
        The names of the columns.
    dt
        The time of a step.
    model
        The model, fitted to all data.
    traits
        What kind of series the data are.
    trials
        What was tried: settings, and the mean valid time of each in steps.
    valid_times
        The valid time from each start in the held-out data, in units of time.
    horizon
        The longest that they can be.
    """

    variables: tuple[str, ...]
    input_names: tuple[str, ...]
    dt: float
    model: ClosedLoopModel
    traits: Traits
    trials: tuple[Trial, ...]
    valid_times: Float64[np.ndarray, " start"]
    horizon: float

    def predict(
        self, steps: int, past: Any = None, past_inputs: Any = None, inputs: Any = None
    ) -> Float64[np.ndarray, "time variable"]:
        """The next steps after a past, or after the data; see `Surrogate.predict`."""
        check_positive_integer("steps", steps)
        span, columns = self.model.settings.span, len(self.input_names)
        if past is not None:
            past = as_columns("past", past, len(self.variables))
            if len(past) < span:
                rule = f"`past` must hold {span} steps, as many as the model's delays span"
                raise InputError(rule, len(past), "Pass more steps.")
        known = {"past_inputs": (past_inputs, 0 if past is None else len(past))}
        known["inputs"] = inputs, steps
        found = {}
        for name, (given, rows) in known.items():
            if given is None and (not columns or not rows):
                found[name] = None
                continue
            table = None if given is None else as_columns(name, given)
            if table is None or table.shape != (rows, columns):
                rule = f"`{name}` must be of shape ({rows}, {columns})"
                got = "none" if table is None else table.shape
                raise InputError(rule, got, "Pass the inputs of those steps.")
            found[name] = table
        with one_blas_thread():
            return self.model.generate(steps, past, found["past_inputs"], found["inputs"])

    def data(self) -> Float64[np.ndarray, "time variable"]:
        """The last trajectory of the data, in its own units."""
        size = len(self.variables)
        return self.model.past[0] * self.model.scale[:size] + self.model.mean[:size]

    def invariants(self) -> Invariants:
        """Compare a long free run with the data. Inputs are those of the data once more."""
        data, size = self.data(), len(self.variables)
        steps = min(max(len(data), 2000), LONGEST)
        inputs = self.model.past[1] * self.model.scale[size:] + self.model.mean[size:]
        again = inputs[np.arange(steps) % len(inputs)] if self.input_names else None
        run = self.predict(steps, inputs=again)
        centre, half = data.mean(axis=0), np.abs(data - data.mean(axis=0)).max(axis=0)
        bounded = bool((np.abs(run - centre) <= BOUND * half).all())
        first, second = np.array_split(data, 2)
        apart = own = (np.nan, np.nan)
        if bounded and not self.input_names:
            apart, own = _distances(first, run[: len(first)]), _distances(first, second)
        rate = error = np.nan
        if bounded:
            with one_blas_thread():
                rate, error = largest_exponent(self.model, EXPONENT_STEPS)
            bounded = bool(np.isfinite(rate))
        growth = rate * EXPONENT_STEPS
        return Invariants(run, bounded, *apart, *own, rate / self.dt, error / self.dt, growth)

    def sentences(self, found: Invariants) -> list[str]:
        """How long it follows the data, and what its free run has in common with them."""
        starts = len(self.valid_times)
        middle = float(np.median(self.valid_times))
        cap = ", as long as was looked" if middle >= self.horizon * 0.999 else ""
        kind = "a flow" if self.traits.kind == "flow" else "a map"
        noise = f", with noise of {self.traits.noise:.1%}" if self.traits.noise else ""
        reads = _described(self.model.settings)
        chosen = f"Of {len(self.trials)} settings, the best that stays near them has {reads}."
        if len(self.trials) == 1:
            chosen = f"A map was estimated together with the noise: {reads}."
        told = [
            f"The data look like {kind}{noise}. {chosen}",
            f"From {starts} starts in the held-out data it stays within .4 standard deviations"
            f" for {middle:.4g} units of time (median{cap}),"
            f" {self.valid_times.min():.4g} at least.",
        ]
        if not found.bounded:
            told.append("Its long free runs leave the region of the data: do not trust them.")
            return told
        exponent = f"{found.exponent:.3g} ± {found.error:.1g}"
        run = "Driven by the inputs of the data, it" if self.input_names else "Its free run"
        if found.chaotic:
            lasts = middle * found.exponent
            told.append(
                f"{run} is chaotic: the largest exponent is {exponent}, so that this is"
                f" {lasts:.1f} Lyapunov times."
            )
        elif found.exponent > ERRORS * found.error:
            told.append(
                f"{run} is at most weakly chaotic: the largest exponent is {exponent}, too"
                f" little to tell from 0 in {EXPONENT_STEPS} steps."
            )
        else:
            told.append(f"{run} is not chaotic: the largest exponent is {exponent}.")
        if np.isfinite(found.divergence):
            told.append(
                f"From half of the data the free run has a state-space divergence of"
                f" {found.divergence:.2g} and a spectrum distance of {found.spectrum:.2g}; the"
                f" other half has {found.own_divergence:.2g} and {found.own_spectrum:.2g}."
            )
        return told

    def to_json(self, found: Invariants) -> dict[str, Any]:
        """The results as numbers; null where there is none."""
        numbers = {
            name: finite_or_none(getattr(found, name))
            for name in ("divergence", "spectrum", "own_divergence", "own_spectrum")
        }
        return {
            "kind": self.traits.kind,
            "noise": self.traits.noise,
            "trials": len(self.trials),
            "valid_times": self.valid_times.tolist(),
            "horizon": self.horizon,
            "bounded": found.bounded,
            "exponent": finite_or_none(found.exponent),
            "exponent_error": finite_or_none(found.error),
            **numbers,
        }


def fit_measured(
    ys: Trajectories,
    xs: Trajectories | None,
    dt: float,
    names: tuple[Sequence[str], Sequence[str]],
    seed: int,
) -> MeasuredSurrogate:
    """Search a model of trajectories and, if there are any, their inputs, which were read and
    checked; see `Surrogate.fit`."""
    if xs is None:
        xs = [np.zeros((len(y), 0)) for y in ys]
    data, traits = search_data(ys, xs)
    with one_blas_thread():
        found = closed_loop_search(data, traits, TRIALS, seed=seed)
    variables = tuple(names[0]) or tuple(f"y{i + 1}" for i in range(ys[0].shape[1]))
    driven = tuple(names[1]) or tuple(f"u{i + 1}" for i in range(xs[0].shape[1]))
    return MeasuredSurrogate(
        variables,
        driven,
        float(dt),
        found.model,
        traits,
        tuple(found.trials),
        found.valid_times * float(dt),
        data.horizon * float(dt),
    )


def _distances(data: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """State-space divergence and spectrum distance; of one variable, with its delay."""
    lag = common_delay(data, other)
    a, b = embedding(data, lag), embedding(other, lag)
    divergence = state_space_divergence(a, b) if fills_its_bins(a) else np.nan
    return divergence, spectrum_distance(data, other)


def _described(settings: Settings) -> str:
    """What a model is made of, in words."""
    reads = f"monomials of degree {settings.order}"
    reads += f" of {settings.delays} delays" if settings.delays > 1 else ""
    if not settings.units:
        return reads
    return f"a reservoir of {settings.units} units" + (
        f" with {reads}" if settings.order > 1 else ""
    )
