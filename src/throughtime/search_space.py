"""The space of a search over reservoir settings, and what draws points of it.

Draws are random (Bergstra and Bengio 2012), or by Optuna's tree of Parzen estimators
(Bergstra, Bardenet, Bengio and Kegl 2011).
"""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from jaxtyping import Float

from .errors import InputError
from .ridge import RIDGES
from .seeds import Key, generator

Range = tuple[float | int, float | int]
Setting = tuple[float, float, float]
"""Leak, radius and scale of the input."""

STARTUP = 16
"""Points that Optuna draws at random before it learns from their errors."""


@dataclass(frozen=True)
class Space:
    """What is searched; a range of one number holds that setting fixed.

    - `leak`, `input_scale`: drawn uniformly in the logarithm. `radius`: uniformly.
    - `ridges`: all are tried in every trial.
    """

    leak: Range = (0.1, 1.0)
    radius: Range = (0.3, 1.4)
    input_scale: Range = (0.1, 5.0)
    ridges: tuple[float, ...] = tuple(RIDGES)

    def __post_init__(self):
        for name, highest in (("leak", 1.0), ("radius", np.inf), ("input_scale", np.inf)):
            low, high = getattr(self, name)
            if not (0 < low <= high <= highest and high < np.inf):
                above = f" and at most {highest:g}" if highest < np.inf else ""
                rule = f"the range of `{name}` must rise, above 0{above}"
                raise InputError(rule, (low, high), f"Change `{name}`.")
        if not self.ridges:
            raise InputError("`ridges` must not be empty", "none", "Pass a penalty.")

    def at(self, u: Float[np.ndarray, " settings"]) -> Setting:
        """Leak, radius and scale at a point of the unit cube."""
        leak, scale = (
            float(low * (high / low) ** x)
            for (low, high), x in ((self.leak, u[0]), (self.input_scale, u[2]))
        )
        low, high = self.radius
        return min(leak, 1.0), float(low + (high - low) * u[1]), scale


class Random:
    """Points of the unit cube, the same whatever is told and however many are asked."""

    def __init__(self, space: Space, seed: Key):
        self.space, self.rng = space, generator(seed)

    def ask(self, count: int) -> list[Setting]:
        return [self.space.at(u) for u in self.rng.uniform(size=(count, 3))]

    def tell(self, errors: list[float]) -> None:
        pass


class Optuna:
    """Points of the unit cube by Optuna, which learns from the errors told.

    **Raises:** `InputError` where Optuna is not installed.
    """

    def __init__(self, space: Space, seed: Key):
        if find_spec("optuna") is None:
            rule = 'the sampler "optuna" needs Optuna'
            remedy = 'Run `pip install "throughtime[search]"`, or take `sampler="random"`.'
            raise InputError(rule, "none installed", remedy)
        import optuna

        number = int(generator(seed).integers(2**32))
        sampler = optuna.samplers.TPESampler(seed=number, n_startup_trials=STARTUP)
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would announce the study
        self.study = optuna.create_study(sampler=sampler)
        optuna.logging.set_verbosity(verbosity)
        self.space, self.asked = space, []

    def ask(self, count: int) -> list[Setting]:
        self.asked = [self.study.ask() for _ in range(count)]
        names = ("leak", "radius", "input_scale")
        return [
            self.space.at(np.array([trial.suggest_float(name, 0, 1) for name in names]))
            for trial in self.asked
        ]

    def tell(self, errors: list[float]) -> None:
        for trial, error in zip(self.asked, errors, strict=True):
            self.study.tell(trial, error)
