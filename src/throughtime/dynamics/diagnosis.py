"""The findings of `diagnose`: as sentences, numbers, a picture."""

import math
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Float64

from throughtime._support.result_view import (
    ResultView,
    current_axes,
    finite_or_none,
    html_of_sentence,
    picture,
)

from .behaviour import Behaviour
from .disagreement import disagreements
from .fixed_points import FixedPoint, eigenvalue_text
from .gradient_flow import GradientFlow
from .lyapunov import LyapunovSpectrum
from .poincare import Section
from .sections import sections_of
from .series_behaviour import SeriesBehaviour
from .trained_network import TrainedNetwork

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
    series
        What the series itself does, judged without the network; None for fewer than 200 steps.
    driven
        The conditional exponents of the network along the series; None for one that reads each
        window from zero.
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
    series: SeriesBehaviour | None = None
    driven: LyapunovSpectrum | None = None

    def __repr__(self) -> str:
        kind = "goes to infinity" if self.behaviour is None else self.behaviour.kind
        return f"Diagnosis({self.model.name}: a free run {kind})"

    def _repr_html_(self) -> str:
        findings = "".join(
            f"<li>{html_of_sentence(sentence)}</li>" for sentence in self.sentences()
        )
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
        """The findings, one sentence each: what the data say, then the network."""
        return [*self.of_data(), *self.of_network()]

    def of_network(self) -> list[str]:
        """The findings about the network, one sentence each."""
        no_flow = "It was trained on single steps: no gradient flows back through time."
        sentences = [no_flow if self.flow is None else self.flow.verdict()]
        if self.behaviour is None:
            run = "In a free run" if self.model.closed else "With its inputs held at zero"
            sentences.append(f"{run} it goes to infinity.")
        else:
            run = "In a free run" if self.model.closed else "With its inputs held at zero"
            sentences.append(f"{run} {_lower_first(self.behaviour.describe())}")
            sentences += [self._exponents_sentence(), self._fixed_points_sentence()]
        if self.driven is not None:
            sentences.append(self._driven_sentence(float(self.driven.exponents[0])))
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

    def of_data(self) -> list[str]:
        """What the series does by itself, and where the network's free run disagrees."""
        if self.series is None:
            return []
        said = [self.series.sentence(self.model.variables[0])]
        against = disagreements(
            self.model.truth[:, 0], self.series, self.attractor, self.behaviour
        )
        if against:
            said.append(
                f"Do not believe the network's free run: {'; '.join(against)}. What follows is"
                " true of the network, not of the series."
            )
        return said

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
            "data": None if self.series is None else _series_to_json(self.series),
            "sentences": self.sentences(),
            "conditional_exponent": (
                None if self.driven is None else finite_or_none(self.driven.exponents[0])
            ),
        }
        if found is not None:
            result |= {
                "period": found.period,
                "time_unit": self.model.unit,
                "lyapunov_exponents": [finite_or_none(v) for v in found.spectrum.exponents],
                "lyapunov_errors": [finite_or_none(v) for v in found.spectrum.errors],
                "kaplan_yorke": found.spectrum.kaplan_yorke,
                "state_space_divergence": finite_or_none(self.divergence),
                "spectrum_distance": finite_or_none(self.distance),
                "fixed_points": [
                    {
                        "at": self.position(point).tolist(),
                        "stable": point.stable,
                        "kind": point.kind,
                        "eigenvalues": [[v.real, v.imag] for v in point.eigenvalues[:8]],
                    }
                    for point in self.fixed_points or []
                ],
            }
        return result

    def position(self, point: FixedPoint) -> Float64[np.ndarray, " variable"]:
        """Where a fixed point lies, in the series' own units."""
        return self.model.scaler.inverse(point.observed)[0]

    def sections(self) -> tuple[Section, Section] | None:
        """The Poincare sections of the series and of the free run, in the same plane.

        The plane is the first variable at its mean, in the series. A single variable stands
        beside its past. None for a map, and where one of them hardly crosses it.
        """
        return sections_of(
            self.model.truth, self.attractor, self.model.variables, self.model.dt
        )

    def describe_point(self, point: FixedPoint) -> str:
        """The position of a fixed point, its kind and its leading eigenvalues."""
        at = self.position(point)
        at = np.where(abs(at) < 1e-9 * self.model.scaler.std, 0.0, at)
        where = ", ".join(f"{v:.4g}" for v in at[:4]) + (", ..." if len(at) > 4 else "")
        leading = ", ".join(eigenvalue_text(v) for v in point.eigenvalues[:3])
        return f"({where}), {point.kind}, eigenvalues of a step {leading}"

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

    @staticmethod
    def _driven_sentence(rate: float) -> str:
        if rate == -math.inf:
            return "Driven by the series, it forgets where it began within a step."
        if rate < 0:
            return (
                f"Driven by the series, it forgets where it began at a rate of {-rate:.3g} a"
                " step (minus the largest conditional exponent)."
            )
        return (
            "Driven by the series, it does not forget where it began: its largest conditional"
            f" exponent is {rate:.3g} a step, so a forecast depends on how the state began."
        )

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


def _flow_to_json(flow: GradientFlow) -> dict[str, Any]:
    return {
        "rate": finite_or_none(flow.rate),
        "reach": finite_or_none(flow.reach),
        "signal": [finite_or_none(value) for value in flow.signal],
        "share": [finite_or_none(value) for value in flow.share],
    }


def _series_to_json(series: SeriesBehaviour) -> dict[str, Any]:
    rate, size = series.exponent, series.dimension
    return {
        "behaviour": series.kind,
        "why": series.why,
        "period": series.period,
        "period_error": series.period_error,
        "lyapunov_exponent": None if rate is None else finite_or_none(rate.exponent),
        "lyapunov_error": None if rate is None else finite_or_none(rate.error),
        "correlation_dimension": None if size is None else finite_or_none(size.dimension),
        "correlation_dimension_error": None if size is None else finite_or_none(size.error),
    }


def _lower_first(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
