"""What a trained network can learn, and what it does when it is left alone.

`diagnose` puts the gradient flow, the behaviour, the Lyapunov spectrum, the fixed points and a
free run of a trained `Forecaster` or `Surrogate` side by side, each in a sentence.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64

from throughtime._support.precision import precision
from throughtime.errors import InputError
from throughtime.forecasting.forecaster import Forecaster

from .attractor_metrics import spectrum_distance, state_space_divergence
from .behaviour import Behaviour, behaviour
from .fixed_points import FixedPoint, fixed_points
from .gradient_flow import GradientFlow, gradient_flow
from .maps import Map
from .surrogate import Surrogate
from .trained_network import LONG, Subject, subject

EXPONENTS = 6
"""Leading ones, at most."""

STARTS, MANY, MOST = 64, 150, 600
"""Starts of the search for fixed points; a fourth of them in more than MANY dimensions, and
none in more than MOST."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found; see `diagnose`.

    Attributes
    ----------
    subject
        Looked at.
    flow
        Of gradients.
    behaviour
        When it is left alone; None if it goes to infinity.
    points
        Fixed points; None if they were not looked for, `why`.
    free
        A free run in the series' own units, `(step, variable)`, from its end on.
    later
        What is compared with the series: what came after a transient, or, of a network that
        measures each window from its start and so holds no level, `free` itself.
    divergence, distance
        Of its states and of its spectrum from the series'.
    """

    subject: Subject
    flow: GradientFlow | None
    behaviour: Behaviour | None
    points: list[FixedPoint] | None
    why: str
    free: Float64[np.ndarray, "step variable"]
    later: Float64[np.ndarray, "later variable"]
    divergence: float
    distance: float

    def sentences(self) -> list[str]:
        """What was found, a sentence each."""
        told = ["It learns from single steps: no gradient flows back through time."]
        if self.flow is not None:
            told = [self.flow.verdict()]
        if self.behaviour is None:
            told.append("Left alone it goes to infinity.")
        else:
            told.append(f"Left alone: {_lower(self.behaviour.describe())}")
            told += [self._spectrum(), self._points()]
        if self.drift:
            moved = ", ".join(f"{v:.3g}" for v in self.drift)
            told.append(
                f"Its level drifts by {moved} a step: windows are measured from their first"
                " value, so nothing holds it. `centred=False` (`--no-centred`) would."
            )
        if math.isfinite(self.divergence):
            told.append(
                f"A free run differs from the series by {self.divergence:.2g} nats in where it"
                f" goes, and by {self.distance:.2g} of 1 in its power spectrum."
            )
        if self.subject.held:
            held = ", ".join(self.subject.held)
            told.append(f"What it reads beside the series was held at its mean: {held}.")
        if self.subject.members > 1:
            told.append(f"This is the first of {self.subject.members} networks.")
        return told

    @property
    def drift(self) -> list[float]:
        """By how much each variable moves a step in a free run; empty if it holds its level.

        It does if a run as long as the series moves by less than a standard deviation of it.
        """
        if not self.subject.network.centred or len(self.free) < 64:
            return []
        half = self.free[len(self.free) // 2 :]
        slopes = np.polyfit(np.arange(len(half)), half, 1)[0]
        moved = np.abs(slopes) * len(self.free) > self.subject.truth.std(axis=0)
        return slopes.tolist() if moved.any() else []

    def to_json(self) -> dict[str, Any]:
        """The same as numbers."""
        flow, found = self.flow, self.behaviour
        told: dict[str, Any] = {
            "name": self.subject.name,
            "gradient": None if flow is None else _gradient(flow),
            "behaviour": None if found is None else found.kind,
            "sentences": self.sentences(),
        }
        if found is not None:
            told |= {
                "period": found.period,
                "time_unit": self.subject.unit,
                "lyapunov_exponents": [_plain(v) for v in found.spectrum.exponents],
                "lyapunov_errors": [_plain(v) for v in found.spectrum.errors],
                "kaplan_yorke": found.spectrum.kaplan_yorke,
                "state_space_divergence": _plain(self.divergence),
                "spectrum_distance": _plain(self.distance),
                "fixed_points": [
                    {
                        "at": self.subject.scaler.inverse(point.seen).tolist()[0],
                        "stable": point.stable,
                        "eigenvalues": [[v.real, v.imag] for v in point.eigenvalues[:8]],
                    }
                    for point in self.points or []
                ],
            }
        return told

    def _spectrum(self) -> str:
        assert self.behaviour is not None
        spectrum = self.behaviour.spectrum
        values = ", ".join(f"{v:.4g}" for v in spectrum.exponents)
        told = f"Leading Lyapunov exponents per {self.subject.unit}: {values}"
        dimension = spectrum.kaplan_yorke
        if dimension is not None and 0 < dimension < spectrum.dimensions:
            told += f"; Kaplan-Yorke dimension {dimension:.3g}"
        if self.subject.known:
            known = ", ".join(f"{v:.4g}" for v in self.subject.known)
            told += f" (of the system: {known})"
        return told + "."

    def _points(self) -> str:
        if self.points is None:
            return self.why
        if not self.points:
            return "No fixed point was found."
        counts = len(self.points), sum(point.stable for point in self.points)
        return (
            f"{counts[0]} fixed point{'s' if counts[0] > 1 else ''} found, {counts[1]} stable:"
            f" {'; '.join(self.place(point) for point in self.points[:3])}."
        )

    def place(self, point: FixedPoint) -> str:
        """Where a fixed point is, in the series' units, and how it holds."""
        at = self.subject.scaler.inverse(point.seen)[0]
        near = np.where(abs(at) < 1e-9 * self.subject.scaler.std, 0.0, at)
        where = ", ".join(f"{v:.4g}" for v in near[:4]) + (", ..." if len(at) > 4 else "")
        kind = "stable" if point.stable else "unstable"
        return f"({where}), {kind}, largest |eigenvalue| {abs(point.eigenvalues[0]):.4g}"


def diagnose(
    what: Subject | Forecaster | Surrogate, steps: int = 4096, seed: int = 0
) -> Diagnosis:
    """Look at a trained network: gradients, behaviour, exponents, fixed points, a free run.

    >>> print(*diagnose(model).sentences(), sep="\\n")                    # doctest: +SKIP

    **Arguments:** `what`, a fitted model, or a `Subject`; `steps` that it is watched, after a
    transient; `seed` of directions and of starts.

    **Raises:** `InputError` for fewer than 64 steps.
    """
    what = what if isinstance(what, Subject) else subject(what)
    flow = None
    if what.batch.inputs.shape[1] > 1:
        flow = gradient_flow(what.network, what.batch, what.loss)
    nothing = np.empty((0, len(what.names)))
    with precision("float64"):
        dynamics = what.dynamics()
        size = len(dynamics.start)
        try:
            found = behaviour(dynamics, steps, exponents=min(EXPONENTS, size), seed=seed)
        except InputError as error:
            if "infinity" not in str(error.got):
                raise
            return Diagnosis(what, flow, None, None, "", nothing, nothing, math.nan, math.nan)
        points, why = None, _no_points(what, size)
        if not why:
            starts = STARTS if size <= MANY else STARTS // 4
            points = fixed_points(dynamics, starts=starts, seed=seed)
        alone = what.left_alone()
        free = _seen(what, alone, min(LONG, max(300, len(what.truth))))
        later = free
        if not what.network.centred:
            later = _seen(what, dynamics.settled(), min(LONG, max(steps, len(what.truth))))
    found = replace(found, seen=what.in_units(found.seen))
    return Diagnosis(what, flow, found, points, why, free, later, *_apart(what, later))


def _seen(what: Subject, dynamics: Map, steps: int) -> np.ndarray:
    """What is observed of a map, in the series' own units: every step of its blocks."""
    several = what.network.output_size
    blocks = -(-steps * len(what.names) // several)
    states = np.asarray(dynamics.run(blocks), np.float64)
    return what.scaler.inverse(states[:, -several:].reshape(-1, len(what.names))[:steps])


def _no_points(what: Subject, size: int) -> str:
    """Why fixed points are not looked for; empty if they are."""
    if what.network.centred:
        return "Its windows are measured from their first value: no level is a fixed point."
    if size > MOST:
        return f"Fixed points are not looked for in more than {MOST} dimensions."
    return ""


def _apart(what: Subject, later: np.ndarray) -> tuple[float, float]:
    """Divergence and distance of a free run from the series, where they mean something."""
    lag = common_delay(what.truth, later)
    truth, other = embedded(what.truth, lag), embedded(later, lag)
    if len(truth) < 200 or what.held or np.ptp(later, axis=0).min() == 0:
        return math.nan, math.nan
    divergence = math.nan
    if truth.shape[1] <= 3:
        divergence = state_space_divergence(truth, other)
    return divergence, spectrum_distance(what.truth, later)


def common_delay(truth: np.ndarray, later: np.ndarray) -> int:
    """The delay of a series, or half of what it is compared with if that is shorter."""
    return min(delay(truth[:, 0]), len(later) // 2)


def embedded(values: np.ndarray, lag: int | None = None) -> np.ndarray:
    """State space: the variables, or one variable and itself a delay before."""
    if values.shape[1] > 1:
        return values
    lag = delay(values[:, 0]) if lag is None else lag
    return np.stack([values[lag:, 0], values[: len(values) - lag, 0]], axis=1)


def delay(y: Float64[np.ndarray, " time"]) -> int:
    """Steps after which a series is no longer like itself: its correlation falls below 1/e."""
    y = y - y.mean()
    padded = np.fft.rfft(y, 2 * len(y))
    correlation = np.fft.irfft(np.abs(padded) ** 2)[: len(y) // 4]
    below = np.flatnonzero(correlation < correlation[0] / math.e)
    return int(below[0]) if len(below) else 1


def _gradient(flow: GradientFlow) -> dict[str, Any]:
    """The flow of a gradient as numbers."""
    return {
        "rate": _plain(flow.rate),
        "reach": _plain(flow.reach),
        "signal": [_plain(value) for value in flow.signal],
        "share": [_plain(value) for value in flow.share],
    }


def _plain(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
