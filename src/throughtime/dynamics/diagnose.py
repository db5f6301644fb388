"""What a trained network can learn, and how it behaves in a free run.

`diagnose` reports the gradient flow, the behaviour, the Lyapunov spectrum, the fixed points and
a free run of a fitted `Forecaster` or `Surrogate`, each in a sentence.
"""

import math
from dataclasses import replace

import numpy as np

from throughtime._support.precision import precision
from throughtime.forecasting.forecaster import Forecaster
from throughtime.recurrence.network import Network
from throughtime.training.batches import Batch, Data

from .attractor_metrics import spectrum_distance, state_space_divergence
from .bare_network import from_network
from .behaviour import SETTLES, behaviour
from .conditional_exponents import conditional_exponents
from .diagnosis import Diagnosis
from .fixed_points import fixed_points
from .gradient_flow import gradient_flow
from .largest_exponent import LEAST
from .lyapunov import GoesToInfinity, LyapunovSpectrum
from .maps import Map
from .series_behaviour import SeriesBehaviour, series_behaviour
from .state_space import common_delay, embedding
from .surrogate import Surrogate
from .trained_network import MAX_STEPS, TrainedNetwork, trained_network

EXPONENTS = 6
"""Lyapunov exponents, at most."""

STARTS = 64
"""Starts of the search for fixed points."""

DRIVEN = 2000
"""Steps of the series, its last, along which conditional exponents are computed."""

LARGE, TOO_LARGE = 150, 600
"""Dimensions above which the search has a quarter of the starts, or is left out."""


def diagnose(
    model: TrainedNetwork | Forecaster | Surrogate | Network,
    steps: int = 4096,
    seed: int = 0,
    *,
    data: Data | Batch | None = None,
) -> Diagnosis:
    """Analyse a trained network: gradients, behaviour, exponents, fixed points, a free run.

    Parameters
    ----------
    model
        A fitted model, or a network; see `from_network` for how it is run.
    steps
        Steps of a free run that are observed, after a transient; at least 64.
    seed
        Seed of the initial tangents, and of the starts of the search for fixed points.
    data
        What a network was trained on, such as `Sequences`. A fitted model knows it.

    Returns
    -------
    Diagnosis
        The findings: `sentences()` in words, `to_json()` and `columns()` as numbers, `plot()`.

    Raises
    ------
    InputError
        If the model is not fitted, or for fewer than 64 steps.

    Examples
    --------
    >>> print(*diagnose(model).sentences(), sep="\\n")                    # doctest: +SKIP
    """
    if isinstance(model, Network):
        model = from_network(model, data, seed=seed)
    model = model if isinstance(model, TrainedNetwork) else trained_network(model)
    flow = None
    if model.batch.inputs.shape[1] > 1:
        flow = gradient_flow(model.network, model.batch, model.loss)
    with precision("float64"):
        dynamics = model.dynamics()
        size = len(dynamics.start)
        try:
            found = behaviour(dynamics, steps, exponents=min(EXPONENTS, size), seed=seed)
        except GoesToInfinity:
            none = np.empty((0, len(model.variables)))
            judged = _judged(model)
            return Diagnosis(
                model, flow, None, None, "", none, none, math.nan, math.nan, judged
            )
        points, why = None, _why_no_fixed_points(model, size)
        if not why:
            starts = STARTS if size <= LARGE else STARTS // 4
            points = fixed_points(dynamics, starts=starts, seed=seed)
        length = len(model.truth)
        free_run = _observe(model, model.closed_loop(), min(MAX_STEPS, max(300, length)))
        attractor = free_run
        if not (model.network.centred and model.closed):
            attractor = _observe(model, dynamics.settled(), min(MAX_STEPS, max(steps, length)))
    found = replace(found, observed=model.to_units(found.observed))
    # A point fills no space: what is left of the way to it depends on where the run began.
    settled = found.kind == SETTLES
    distances = (math.nan, math.nan) if settled else _distances(model, attractor)
    driven = _driven(model, seed)
    runs = free_run, attractor
    return Diagnosis(model, flow, found, points, why, *runs, *distances, _judged(model), driven)


def _driven(model: TrainedNetwork, seed: int) -> LyapunovSpectrum | None:
    """How fast the network forgets along the series; None if it reads windows from zero."""
    if not (model.closed and model.carry and len(model.truth) >= LEAST):
        return None
    xs = model.scaler.transform(model.truth[-DRIVEN:])
    others = np.zeros((len(xs), model.network.input_size - xs.shape[1]))
    return conditional_exponents(model.network, np.concatenate([xs, others], 1), seed=seed)


def _judged(model: TrainedNetwork) -> SeriesBehaviour | None:
    """What the first variable does, in the data; None without enough of them."""
    if not model.closed or len(model.truth) < LEAST:
        return None
    return series_behaviour(model.truth[:, 0], model.dt)


def _observe(model: TrainedNetwork, dynamics: Map, steps: int) -> np.ndarray:
    """The observed variables along a run, in the series' units: all steps of each block."""
    if not model.closed:
        return np.asarray(dynamics.observe(dynamics.run(steps)), np.float64)
    outputs, variables = model.network.output_size, len(model.variables)
    blocks = -(-steps * variables // outputs)
    states = np.asarray(dynamics.run(blocks), np.float64)
    return model.scaler.inverse(states[:, -outputs:].reshape(-1, variables)[:steps])


def _why_no_fixed_points(model: TrainedNetwork, size: int) -> str:
    """Why fixed points are not searched for; empty if they are."""
    if model.network.centred:
        return "Its windows are measured from their first value: no level is a fixed point."
    if size > TOO_LARGE:
        return f"Fixed points are not searched for in more than {TOO_LARGE} dimensions."
    return ""


def _distances(model: TrainedNetwork, attractor: np.ndarray) -> tuple[float, float]:
    """State-space divergence and spectrum distance from the series; NaN without meaning."""
    if len(model.truth) < 2:
        return math.nan, math.nan
    lag = common_delay(model.truth, attractor)
    truth, other = embedding(model.truth, lag), embedding(attractor, lag)
    if len(truth) < 200 or model.constant_inputs or np.ptp(attractor, axis=0).min() == 0:
        return math.nan, math.nan
    return state_space_divergence(truth, other), spectrum_distance(model.truth, attractor)
