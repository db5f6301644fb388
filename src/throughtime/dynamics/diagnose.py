"""What a trained network can learn, and how it behaves in a free run.

`diagnose` reports the gradient flow, the behaviour, the Lyapunov spectrum, the fixed points and
a free run of a fitted `Forecaster` or `Surrogate`, each in a sentence.
"""

import math
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Float64

from throughtime._support.precision import precision
from throughtime._support.result_view import ResultView, current_axes, picture
from throughtime.errors import InputError
from throughtime.forecasting.forecaster import Forecaster
from throughtime.recurrence.network import Network
from throughtime.training.batches import Batch, Data

from .attractor_metrics import spectrum_distance, state_space_divergence
from .bare_network import from_network
from .behaviour import Behaviour, behaviour
from .delay_embedding import common_delay, embedding
from .fixed_points import FixedPoint, fixed_points
from .gradient_flow import GradientFlow, gradient_flow
from .maps import Map
from .surrogate import Surrogate
from .trained_network import MAX_STEPS, TrainedNetwork, trained_network

EXPONENTS = 6
"""Lyapunov exponents, at most."""

STARTS = 64
"""Starts of the search for fixed points."""

LARGE, TOO_LARGE = 150, 600
"""Dimensions above which the search has a quarter of the starts, or is left out."""


DRAWN = 400
"""Steps of the free run in a picture."""


@dataclass(frozen=True, repr=False)
class Diagnosis(ResultView):
    """The result of `diagnose`.

    A notebook shows it as a picture and its sentences.

    Attributes
    ----------
    model
        The network that was analysed.
    flow
        Its gradient flow; None if it was trained on single steps.
    behaviour
        Its long-term behaviour; None if a free run goes to infinity.
    fixed_points
        Its fixed points; None if they were not searched for.
    why_no_fixed_points
        Why they were not searched for, in a sentence.
    free_run
        A free run from the end of the context, in the series' own units, `(step, variable)`.
    attractor
        The run that is compared with the series: one after the transient. For a centred
        network, which has no level of its own, it is `free_run`.
    divergence, distance
        State-space divergence and spectrum distance of `attractor` from the series; NaN where
        they have no meaning.
    """

    model: TrainedNetwork
    flow: GradientFlow | None
    behaviour: Behaviour | None
    fixed_points: list[FixedPoint] | None
    why_no_fixed_points: str
    free_run: Float64[np.ndarray, "step variable"]
    attractor: Float64[np.ndarray, "later variable"]
    divergence: float
    distance: float

    def __repr__(self) -> str:
        kind = "goes to infinity" if self.behaviour is None else self.behaviour.kind
        return f"Diagnosis({self.model.name}: a free run {kind})"

    def _repr_html_(self) -> str:
        findings = "".join(f"<li>{escape(sentence)}</li>" for sentence in self.sentences())
        drawn = picture(self) if len(self.free_run) else ""
        return f"<p>{escape(repr(self))}</p>{drawn}<ul>{findings}</ul>"

    def columns(self) -> dict[str, Any]:
        """The findings that are numbers: their names and values, NaN where not known."""
        found = {"state_space_divergence": self.divergence, "spectrum_distance": self.distance}
        if self.flow is not None:
            found |= {"gradient_rate": self.flow.rate, "gradient_reach": self.flow.reach}
        if self.behaviour is not None:
            spectrum = self.behaviour.spectrum
            exponents = enumerate(spectrum.exponents, 1)
            found |= {f"lyapunov_exponent_{i}": float(value) for i, value in exponents}
            if spectrum.kaplan_yorke is not None:
                found["kaplan_yorke"] = spectrum.kaplan_yorke
        if self.fixed_points is not None:
            found["fixed_points"] = len(self.fixed_points)
            found["stable_fixed_points"] = sum(point.stable for point in self.fixed_points)
        values = [float(value) for value in found.values()]
        return {"quantity": list(found), "value": values}

    def plot(self, axes: Any = None, *, variable: int = 0) -> Any:
        """Draw the first steps of the free run, beside the series at these steps.

        Of a surrogate the series is another trajectory of its system.

        Parameters
        ----------
        axes
            Matplotlib's axes; by default the current ones.
        variable
            Index of the variable.

        Returns
        -------
        Axes
            The axes, for what is to be added.
        """
        axes = current_axes(axes)
        start = self.model.end or 0  # the row of the series at which the free run begins
        first = max(0, start - DRAWN // 4)
        truth = self.model.truth[first : start + DRAWN, variable]
        run = self.free_run[:DRAWN, variable]
        if len(truth):
            steps = first - start + np.arange(len(truth))
            axes.plot(steps, truth, color="0.35", lw=1.2, label="series")
        axes.plot(np.arange(len(run)), run, label="free run")
        axes.set_xlabel("step")
        axes.set_ylabel(self.model.variables[variable])
        axes.legend(loc="best", fontsize="small")
        return axes

    def sentences(self) -> list[str]:
        """The findings, one sentence each."""
        sentences = ["It was trained on single steps: no gradient flows back through time."]
        if self.flow is not None:
            sentences = [self.flow.verdict()]
        if self.behaviour is None:
            run = "In a free run" if self.model.closed else "With its inputs held at zero"
            sentences.append(f"{run} it goes to infinity.")
        else:
            run = "In a free run" if self.model.closed else "With its inputs held at zero"
            sentences.append(f"{run} {_lower_first(self.behaviour.describe())}")
            sentences += [self._exponents_sentence(), self._fixed_points_sentence()]
        if self.drift:
            drift = ", ".join(f"{v:.3g}" for v in self.drift)
            sentences.append(
                f"Its level drifts by {drift} per step: windows are measured from their first"
                " value, so nothing fixes the level. `centred=False` (`--no-centred`) would."
            )
        if math.isfinite(self.divergence):
            sentences.append(
                f"A free run differs from the series by {self.divergence:.2g} nats in state"
                f" space, and by {self.distance:.2g} (of at most 1) in its power spectrum."
            )
        if self.model.white_noise:
            sentences.append("It read white noise: pass `data`, what it was trained on.")
        if self.model.closed and self.model.constant_inputs:
            names = ", ".join(self.model.constant_inputs)
            sentences.append(f"Its other inputs were held at their means: {names}.")
        if self.model.members > 1:
            sentences.append(f"This is the first of {self.model.members} networks.")
        return sentences

    @property
    def drift(self) -> list[float]:
        """By how much each variable drifts per step of a free run; empty if the level holds.

        The level holds if a run as long as the series drifts by less than one standard
        deviation of the series.
        """
        truth = self.model.truth
        if not self.model.network.centred or len(truth) < 2 or len(self.free_run) < 64:
            return []
        half = self.free_run[len(self.free_run) // 2 :]
        slopes = np.polyfit(np.arange(len(half)), half, 1)[0]
        drifts = np.abs(slopes) * len(self.free_run) > truth.std(axis=0)
        return slopes.tolist() if drifts.any() else []

    def to_json(self) -> dict[str, Any]:
        """The findings as numbers, and the sentences."""
        flow, found = self.flow, self.behaviour
        result: dict[str, Any] = {
            "name": self.model.name,
            "gradient": None if flow is None else _flow_to_json(flow),
            "behaviour": None if found is None else found.kind,
            "sentences": self.sentences(),
        }
        if found is not None:
            result |= {
                "period": found.period,
                "time_unit": self.model.unit,
                "lyapunov_exponents": [_finite(v) for v in found.spectrum.exponents],
                "lyapunov_errors": [_finite(v) for v in found.spectrum.errors],
                "kaplan_yorke": found.spectrum.kaplan_yorke,
                "state_space_divergence": _finite(self.divergence),
                "spectrum_distance": _finite(self.distance),
                "fixed_points": [
                    {
                        "at": self.position(point).tolist(),
                        "stable": point.stable,
                        "eigenvalues": [[v.real, v.imag] for v in point.eigenvalues[:8]],
                    }
                    for point in self.fixed_points or []
                ],
            }
        return result

    def position(self, point: FixedPoint) -> Float64[np.ndarray, " variable"]:
        """Where a fixed point lies, in the series' own units."""
        return self.model.scaler.inverse(point.observed)[0]

    def describe_point(self, point: FixedPoint) -> str:
        """The position of a fixed point, its stability and its largest eigenvalue."""
        at = self.position(point)
        at = np.where(abs(at) < 1e-9 * self.model.scaler.std, 0.0, at)
        where = ", ".join(f"{v:.4g}" for v in at[:4]) + (", ..." if len(at) > 4 else "")
        kind = "stable" if point.stable else "unstable"
        return f"({where}), {kind}, largest |eigenvalue| {abs(point.eigenvalues[0]):.4g}"

    def _exponents_sentence(self) -> str:
        assert self.behaviour is not None
        spectrum = self.behaviour.spectrum
        values = [f"{v:.4g}" for v in spectrum.exponents if math.isfinite(v)]
        sentence = f"Leading Lyapunov exponents per {self.model.unit}: {', '.join(values)}"
        if not values:
            sentence = "No Lyapunov exponent is finite: nearby states meet within a step"
        elif len(values) < len(spectrum.exponents):
            sentence += ", and none in other directions, where nearby states meet within a step"
        dimension = spectrum.kaplan_yorke
        if dimension is not None and 0 < dimension < spectrum.dimensions:
            sentence += f"; Kaplan-Yorke dimension {dimension:.3g}"
        if self.model.exponents:
            known = ", ".join(f"{v:.4g}" for v in self.model.exponents)
            sentence += f" (of the system: {known})"
        return sentence + "."

    def _fixed_points_sentence(self) -> str:
        if self.fixed_points is None:
            return self.why_no_fixed_points
        if not self.fixed_points:
            return "No fixed point was found."
        count = len(self.fixed_points)
        stable = sum(point.stable for point in self.fixed_points)
        descriptions = "; ".join(self.describe_point(p) for p in self.fixed_points[:3])
        return (
            f"{count} fixed point{'s' if count > 1 else ''} found, {stable} stable:"
            f" {descriptions}."
        )


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
        except InputError as error:
            if "infinity" not in str(error.got):
                raise
            none = np.empty((0, len(model.variables)))
            return Diagnosis(model, flow, None, None, "", none, none, math.nan, math.nan)
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
    distances = _distances(model, attractor)
    return Diagnosis(model, flow, found, points, why, free_run, attractor, *distances)


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


def _flow_to_json(flow: GradientFlow) -> dict[str, Any]:
    return {
        "rate": _finite(flow.rate),
        "reach": _finite(flow.reach),
        "signal": [_finite(value) for value in flow.signal],
        "share": [_finite(value) for value in flow.share],
    }


def _finite(value: Any) -> float | None:
    """The value, or None, which JSON can hold, if it is not finite."""
    return float(value) if math.isfinite(value) else None


def _lower_first(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
