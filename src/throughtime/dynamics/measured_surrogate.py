"""A model of measured trajectories: found by search, run free, judged against the data."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64

from throughtime._support.blas_threads import one_blas_thread
from throughtime._support.result_view import finite_or_none
from throughtime.errors import InputError, check_positive_integer
from throughtime.reservoir.closed_loop_baselines import Baselines, baselines
from throughtime.reservoir.closed_loop_model import ClosedLoopModel
from throughtime.reservoir.closed_loop_search import Trial, closed_loop_search
from throughtime.reservoir.series_traits import Traits
from throughtime.reservoir.states import as_columns

from .measured_data import Trajectories, search_data
from .measured_invariants import Invariants, invariants
from .measured_sentences import sentences

TRIALS = 50
"""Settings that a search tries before the best are enlarged."""


@dataclass(frozen=True, eq=False, repr=False)
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
    baselines
        The model beside the mean and a linear autoregression, from the same starts; valid times
        in steps. None of a model that an earlier version has saved.
    """

    variables: tuple[str, ...]
    input_names: tuple[str, ...]
    dt: float
    model: ClosedLoopModel
    traits: Traits
    trials: tuple[Trial, ...]
    valid_times: Float64[np.ndarray, " start"]
    horizon: float
    baselines: Baselines | None = None

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

    def inputs(self) -> Float64[np.ndarray, "time input"]:
        """The inputs of the last trajectory, in their own units."""
        size = len(self.variables)
        return self.model.past[1] * self.model.scale[size:] + self.model.mean[size:]

    def invariants(self) -> Invariants:
        """Compare a long free run with the data; the exponent is per unit of time."""
        found = invariants(self.model)
        return replace(found, exponent=found.exponent / self.dt, error=found.error / self.dt)

    def sentences(self, found: Invariants) -> list[str]:
        """How long it follows the data, and what its free run has in common with them."""
        return sentences(self, found)

    @property
    def made_of(self) -> str:
        """What the model is made of, in words."""
        s = self.model.settings
        reads = f"monomials of degree {s.order}"
        reads += f" of {s.delays} delays" if s.delays > 1 else ""
        if not s.units:
            return reads
        return f"a reservoir of {s.units} units" + (f" with {reads}" if s.order > 1 else "")

    def __repr__(self) -> str:
        driven = f", driven by {shortened(self.input_names)}" if self.input_names else ""
        return f"MeasuredSurrogate({shortened(self.variables)}{driven}: {self.made_of})"

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
            "baselines": self.baselines and asdict(self.baselines),
            "bounded": found.bounded,
            "spread": finite_or_none(found.spread),
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
        compared = baselines(found.judged, data)
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
        compared,
    )


def shortened(names: Sequence[str]) -> str:
    """The first few of some names."""
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more
