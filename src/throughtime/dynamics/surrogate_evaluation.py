"""A surrogate beside the truth, and beside the schemes that take the same steps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from throughtime.forecasting.metrics import nrmse

from .attractor_metrics import valid_time
from .linear_map import LinearMap
from .simulate import simulate
from .systems import FLOW, System
from .trajectories import Trajectories

SCHEMES = {"Euler forward": "euler", "Runge-Kutta 4": "rk4"}

Errors = Float64[np.ndarray, " trajectory"]


@dataclass(frozen=True)
class Judged:
    """A surrogate on trajectories that it was not trained on, closed-loop.

    Attributes
    ----------
    system, dt
        What is solved, in what steps.
    unseen
        The truth.
    solved
        By the network.
    seconds
        That it took, compilation included.
    errors
        NRMSE of each trajectory over all its steps, each variable over its spread.
    valid
        The time, in the system's unit, until the error first exceeds .4 standard deviations;
        all of the time where it never does.
    linear
        The errors of a linear map that reads the same; see `linear_map`.
    schemes
        The errors of schemes that take the same steps, by name; infinite where they lose the
        solution.
    """

    system: System
    dt: float | int
    unseen: Trajectories
    solved: Float64[np.ndarray, "trajectory time variable"]
    seconds: float
    errors: Errors
    valid: Errors
    linear: Errors
    schemes: dict[str, Errors]

    def scheme(self, name: str, which: int) -> Float64[np.ndarray, "time variable"]:
        """What a scheme of `simulate` makes of one trajectory in the same steps."""
        own = {key: float(values[which]) for key, values in self.unseen.parameters.items()}
        start = self.unseen.states[which, 0]
        fixed = {"dt": self.dt, "scheme": name, "substeps": 1, "finite": False}
        return simulate(self.system, self.steps, start=start, parameters=own, **fixed)

    @property
    def steps(self) -> int:
        """Of each trajectory."""
        return self.solved.shape[1] - 1

    def sentences(self) -> list[str]:
        """What that means: the error, how long it holds, what other schemes do."""
        median, worst = float(np.median(self.errors)), float(self.errors.max())
        told = [
            f"Over {len(self.errors)} unseen trajectories of {self.steps:,} steps of"
            f" {self.dt:g} the NRMSE is {median:.2g} (median), {worst:.2g} (worst)."
        ]
        span, lyapunov = self.steps * self.dt, self.system.lyapunov_time
        if (self.valid < span).any():
            valid = float(np.median(self.valid))
            times = f", {valid / lyapunov:.1f} Lyapunov times" if lyapunov else ""
            told.append(
                f"It stays within .4 standard deviations of the truth for {valid:.4g} units of"
                f" time (median{times})."
            )
        beside = {"A linear map that reads the same": self.linear}
        beside |= {f"{name} with the same steps": e for name, e in self.schemes.items()}
        for name, errors in beside.items():
            error = float(np.median(errors))
            how = f"has {error:.2g}" if error < 100 else "loses the solution"
            told.append(f"{name} {how}.")
        return told

    def under_another(self) -> str:
        """The same in a sentence, of a drive of another kind than it was trained on."""
        median, worst = float(np.median(self.errors)), float(self.errors.max())
        return (
            "Under a drive of another kind, noise of eight waves, it is"
            f" {median:.2g} (median), {worst:.2g} (worst)."
        )

    def to_json(self) -> dict[str, Any]:
        """The same as numbers."""

        def three(errors: Errors) -> dict[str, float | None]:
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
            "nrmse": three(self.errors),
            "valid_time": float(np.median(self.valid)),
            "seconds": self.seconds,
            "linear_map": three(self.linear),
            "schemes": {name: three(errors) for name, errors in self.schemes.items()},
        }


def judged(
    system: System,
    dt: float | int,
    unseen: Trajectories,
    solved: Float64[np.ndarray, "trajectory time variable"],
    linear: LinearMap,
    spread: Float64[np.ndarray, " variable"],
    seconds: float,
) -> Judged:
    """Judge what a network solved; `spread` is the standard deviation of each variable."""
    errors = _errors(unseen.states, solved, spread)
    mapped = linear.solve(unseen.states[:, 0], unseen.inputs)
    sound = np.where(np.isfinite(solved), solved, 1e9)
    valid = valid_time(unseen.states[:, 1:], sound[:, 1:], dt=dt, spread=spread)
    schemes = {}
    if system.kind == FLOW:
        for name, scheme in SCHEMES.items():
            schemes[name] = _errors(unseen.states, _by(system, dt, unseen, scheme), spread)
    of_map = _errors(unseen.states, mapped, spread)
    return Judged(system, dt, unseen, solved, seconds, errors, valid, of_map, schemes)


def _by(system: System, dt: float | int, unseen: Trajectories, scheme: str) -> np.ndarray:
    """What a scheme makes of the trajectories in the same steps, lost ones and all."""
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


def _errors(truth: np.ndarray, solved: np.ndarray, spread: np.ndarray) -> Errors:
    with np.errstate(over="ignore", invalid="ignore"):
        pairs = zip(truth / spread, solved / spread, strict=True)
        errors = np.array([_nrmse(one[1:], other[1:]) for one, other in pairs])
    return np.where(np.isfinite(errors), errors, np.inf)


def _nrmse(truth: np.ndarray, solved: np.ndarray) -> float:
    """The NRMSE; where a trajectory stands still, what is off is off without bound."""
    if np.ptp(truth, axis=0).max() == 0:
        return 0.0 if np.allclose(truth, solved) else np.inf
    return nrmse(truth, solved)
