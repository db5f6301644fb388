"""The error of a surrogate, beside a linear map and schemes that take the same steps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from throughtime.forecasting.metrics import nrmse

from .attractor_metrics import valid_time
from .linear_map import LinearMap
from .simulate import simulate
from .systems import FLOW, MAP, System
from .trajectories import Trajectories

SCHEMES = {"Euler forward": "euler", "Runge-Kutta 4": "rk4"}
"""The schemes that a surrogate of a flow is compared with."""

NOT_LEARNED = "The network has not learned the system: a constant would do as well."
MORE = {
    MAP: "Raise `hidden` or `trajectories`.",
    FLOW: "Raise `dt` if little moves within a trajectory, lower it if much moves within a"
    " step, or raise `hidden` or `trajectories`.",
}
"""What to do about it."""

LONGER = 10
"""A network that stays with the truth so many times longer than the start itself has learned
something, however large its error over all steps."""

PARTED = (
    "It follows the truth for a while, then parts from it, as every solution does where nearby"
    " states separate (chaos): judge it by the time that it follows, not by the error over all"
    " steps."
)

DIVERGED = 100
"""A solution whose NRMSE is above this counts as diverged."""

Errors = Float64[np.ndarray, " trajectory"]


@dataclass(frozen=True)
class SurrogateEvaluation:
    """A surrogate on trajectories that its training never used, in closed loop.

    Attributes
    ----------
    system, dt
        The system that was solved, and the time step.
    unseen
        The true trajectories.
    solution
        The solution of the network, `(trajectory, time, variable)`.
    seconds
        The time it took, compilation included.
    errors
        The NRMSE of each trajectory over all its steps, each variable divided by its standard
        deviation.
    valid_times
        For each trajectory, the time, in the system's unit, until the error first exceeds 0.4
        standard deviations; the whole time if it never does.
    linear
        The errors of a linear map with the same inputs; see `linear_map`.
    schemes
        The errors of schemes with the same steps, by name; infinite where a scheme diverges.
    """

    system: System
    dt: float | int
    unseen: Trajectories
    solution: Float64[np.ndarray, "trajectory time variable"]
    seconds: float
    errors: Errors
    valid_times: Errors
    linear: Errors
    schemes: dict[str, Errors]

    def scheme(self, name: str, which: int) -> Float64[np.ndarray, "time variable"]:
        """The solution of one trajectory by a scheme of `simulate` with the same steps."""
        own = {key: float(values[which]) for key, values in self.unseen.parameters.items()}
        start = self.unseen.states[which, 0]
        fixed = {"dt": self.dt, "scheme": name, "substeps": 1, "finite": False}
        return simulate(self.system, self.steps, start=start, parameters=own, **fixed)

    @property
    def steps(self) -> int:
        """The number of steps of each trajectory."""
        return self.solution.shape[1] - 1

    @property
    def parted(self) -> bool:
        """Whether the solution stayed with the truth before it went its own way, bounded.

        That is what chaos makes of a good network. The start, held for ever, is what it must
        outlast.
        """
        if not 1 <= np.median(self.errors) < DIVERGED:
            return False
        truth = self.unseen.states
        held = np.broadcast_to(truth[:, :1], truth.shape)
        spread = truth.std((0, 1))
        spread[spread == 0] = 1
        outlast = np.median(valid_time(truth[:, 1:], held[:, 1:], dt=self.dt, spread=spread))
        return bool(np.median(self.valid_times) > LONGER * max(outlast, self.dt))

    def remarks(self) -> list[str]:
        """What was chosen where the equations do not say it, and how they were solved."""
        return [*self.system.remarks, *([self.unseen.remark] if self.unseen.remark else [])]

    def sentences(self) -> list[str]:
        """The error, how long the solution stays valid, and the errors of the others."""
        sentences = []
        if self.parted:
            sentences.append(PARTED)
        elif np.median(self.errors) >= 1:
            more = MORE[MAP if self.system.kind == MAP else FLOW]
            sentences.append(f"{NOT_LEARNED} {more}")
        sentences += [
            f"Over {len(self.errors)} unseen trajectories of {self.steps:,} steps of"
            f" {self.dt:g} the NRMSE is {_median_and_worst(self.errors)}."
        ]
        span, lyapunov = self.steps * self.dt, self.system.lyapunov_time
        if (self.valid_times < span).any():
            valid = float(np.median(self.valid_times))
            times = f", {valid / lyapunov:.1f} Lyapunov times" if lyapunov else ""
            sentences.append(
                f"It stays within 0.4 standard deviations of the truth for {valid:.4g} units of"
                f" time (median{times})."
            )
        others = self._others()
        for name, errors in others.items():
            error = float(np.median(errors))
            sentences.append(
                f"{name} {f'has {error:.2g}' if error < DIVERGED else 'diverges'}."
            )
        own = np.median(self.errors)
        better = [name for name, e in others.items() if np.median(e) < own and not self.parted]
        if better:
            named = " and ".join(one.replace("A linear", "a linear") for one in better)
            sentences.append(f"The network has a larger median error than {named}.")
        return sentences

    def _others(self) -> dict[str, Errors]:
        """The errors of all but the network, by what a sentence calls them."""
        others = {"A linear map with the same inputs": self.linear}
        return others | {f"{name} with the same steps": e for name, e in self.schemes.items()}

    def random_drive_sentence(self) -> str:
        """The error under a random drive; see `Surrogate.evaluate_random_drive`."""
        errors = _median_and_worst(self.errors)
        return f"Under a random drive, a sum of eight waves, it is {errors}."

    def to_json(self) -> dict[str, Any]:
        """The errors as numbers; null where they are infinite."""

        def summary(errors: Errors) -> dict[str, float | None]:
            values = {
                "median": float(np.median(errors)),
                "mean": float(np.mean(errors)),
                "worst": float(np.max(errors)),
            }
            return {k: v if np.isfinite(v) else None for k, v in values.items()}

        return {
            "trajectories": len(self.errors),
            "steps": self.steps,
            "dt": self.dt,
            "nrmse": summary(self.errors),
            "valid_time": float(np.median(self.valid_times)),
            "seconds": self.seconds,
            "linear_map": summary(self.linear),
            "schemes": {name: summary(errors) for name, errors in self.schemes.items()},
        }


def evaluate_solution(
    system: System,
    dt: float | int,
    unseen: Trajectories,
    solution: Float64[np.ndarray, "trajectory time variable"],
    linear: LinearMap,
    spread: Float64[np.ndarray, " variable"],
    seconds: float,
) -> SurrogateEvaluation:
    """Compare the solution of a network with the truth, a linear map and schemes.

    Parameters
    ----------
    system, dt
        The system that was solved, and the time step.
    unseen
        The true trajectories.
    solution
        The solution of the network.
    linear
        The linear map.
    spread
        The standard deviation of each variable.
    seconds
        The time that the solution took.
    """
    truth = unseen.states
    with_finite_errors = np.where(np.isfinite(solution), solution, 1e9)
    valid_times = valid_time(truth[:, 1:], with_finite_errors[:, 1:], dt=dt, spread=spread)
    schemes = {}
    if system.kind == FLOW:
        for name, scheme in SCHEMES.items():
            by_scheme = _solve_by_scheme(system, dt, unseen, scheme)
            schemes[name] = _errors(truth, by_scheme, spread)
    return SurrogateEvaluation(
        system,
        dt,
        unseen,
        solution,
        seconds,
        _errors(truth, solution, spread),
        valid_times,
        _errors(truth, linear.solve(truth[:, 0], unseen.inputs), spread),
        schemes,
    )


def _solve_by_scheme(
    system: System, dt: float | int, unseen: Trajectories, scheme: str
) -> np.ndarray:
    """The trajectories, solved by a scheme in the same steps; some may diverge."""
    return simulate(
        system,
        unseen.states.shape[1] - 1,
        dt=dt,
        start=unseen.states[:, 0],
        parameters=unseen.parameters,
        scheme=scheme,
        substeps=1,
        finite=False,
    )


def _errors(truth: np.ndarray, solution: np.ndarray, spread: np.ndarray) -> Errors:
    """The NRMSE of each trajectory; infinite where it is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        pairs = zip(truth / spread, solution / spread, strict=True)
        errors = np.array([_nrmse(one[1:], other[1:]) for one, other in pairs])
    return np.where(np.isfinite(errors), errors, np.inf)


def _nrmse(truth: np.ndarray, solution: np.ndarray) -> float:
    """The NRMSE; for a constant truth, 0 if it is met and infinite if not."""
    if np.ptp(truth, axis=0).max() == 0:
        return 0.0 if np.allclose(truth, solution) else np.inf
    return nrmse(truth, solution)


def _median_and_worst(errors: Errors) -> str:
    return f"{float(np.median(errors)):.2g} (median), {float(errors.max()):.2g} (worst)"
