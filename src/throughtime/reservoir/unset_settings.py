"""The settings of an echo state network or a next-generation reservoir that were not given.

They are searched on the standardised series (`forecast_search.py`). What is found is put back
into the units of the series: the weights of a reservoir absorb mean and scale, and a polynomial
of standardised values is one of the values themselves.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from throughtime._support.blas_threads import one_blas_thread
from throughtime.errors import InputError
from throughtime.recurrence.reservoir_weights import Reservoir

from .closed_loop import Features, Settings
from .closed_loop_model import readouts, regression
from .forecast_judging import LEAST_ROWS, MOST_ROWS, MOST_SERIES, WASHOUT, ForecastData
from .forecast_search import forecast_search, polynomial_search
from .monomials import change_of_units

UNITS = 32, 300
"""Fewest and most units of a reservoir; between them a quarter of the steps."""

Level = tuple[np.ndarray, np.ndarray]
"""Mean and scale of some columns."""


class FoundReservoir(NamedTuple):
    """A reservoir in the units of a series.

    Attributes
    ----------
    reservoir
        Its weights.
    ridge
        The penalty of its readout, on the sum over steps.
    washout
        Steps that the regression leaves out.
    """

    reservoir: Reservoir
    ridge: float
    washout: int


class FoundPolynomial(NamedTuple):
    """A polynomial of delays in the units of a series.

    Attributes
    ----------
    settings
        Delays, spacing and order.
    V
        The weights of 1 and all monomials.
    ridge
        The penalty on the sum over steps, of standardised values.
    """

    settings: Settings
    V: Float[np.ndarray, "output monomial"]
    ridge: float


def units_for(rows: Sequence[int]) -> int:
    """Units of a reservoir for series of so many rows."""
    return int(np.clip(sum(rows) // 4, *UNITS))


def found_reservoir(
    series: Sequence[Float[np.ndarray, "_ output"]],
    inputs: Sequence[Float[np.ndarray, "_ input"]],
    units: int | None,
    seed: int,
) -> FoundReservoir:
    """A reservoir whose settings are searched."""
    data, (mean, scale), (input_mean, input_scale) = _standardised(series, inputs)
    given = {"carried": True, "centred": False, "residual": False, "units": units}
    rows = [len(y) for y in series]
    with one_blas_thread():
        own = forecast_search(data, units_for(rows), given, seed).settings
    drawn = own.draw(len(mean), len(input_mean))
    assert drawn is not None
    F, U = drawn.F / scale, drawn.U / input_scale
    b = drawn.b - F @ mean - U @ input_mean
    washout = min(WASHOUT, min(rows) // 5)
    ridge = own.ridge * sum(count - washout for count in rows)
    return FoundReservoir(replace(drawn, F=F, U=U, b=b), ridge, washout)


def found_polynomial(series: Sequence[Float[np.ndarray, "_ output"]]) -> FoundPolynomial:
    """A polynomial of delays whose settings are searched, and its weights."""
    nothing = [np.zeros((len(y), 0)) for y in series]
    data, (mean, scale), _ = _standardised(series, nothing)
    with one_blas_thread():
        own = polynomial_search(data).settings
    every = [((y - mean) / scale, x) for y, x in zip(series, nothing, strict=True)]
    path = regression(Features(own, None), every, 0).path()
    V, c = (part[0] for part in readouts(path, [own.ridge]))
    delayed_mean, delayed_scale = (np.tile(part, own.delays) for part in (mean, scale))
    change = change_of_units(delayed_mean, delayed_scale, own.order)
    whole = np.concatenate([c[:, None], V], axis=1)
    return FoundPolynomial(own, scale[:, None] * (whole @ change.T), own.ridge * path.count)


def _standardised(series, inputs) -> tuple[ForecastData, Level, Level]:
    """What a search reads, and the mean and scale of the series and of the inputs."""
    longest = max(map(len, series), default=0)
    if longest < LEAST_ROWS:
        rule = f"settings are searched on a series of at least {LEAST_ROWS} steps"
        raise InputError(rule, longest, "Pass the settings, or more data.")
    mean, scale = _level(series)
    if not any(np.ptp(y, axis=0).any() for y in series):
        raise InputError("a series must vary", "a constant", "Pass another series.")
    input_mean, input_scale = _level(inputs)
    read = [
        ((y[-MOST_ROWS:] - mean) / scale, (x[-MOST_ROWS:] - input_mean) / input_scale)
        for y, x in zip(series, inputs, strict=True)
    ]
    chosen = read[:: -(-len(read) // MOST_SERIES)]
    data = ForecastData(chosen, WASHOUT, 0, "float64")
    return data, (mean, scale), (input_mean, input_scale)


def _level(series) -> Level:
    """Mean and standard deviation of each column; 1 where it is constant."""
    every = np.concatenate(series)
    scale = every.std(axis=0)
    return every.mean(axis=0), np.where(scale > 0, scale, 1.0)
