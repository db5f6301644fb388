"""The space of a search over reservoir settings, and what draws points of it.

Draws are random (Bergstra and Bengio 2012), or by Optuna's tree of Parzen estimators
(Bergstra, Bardenet, Bengio and Kegl 2011).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from jaxtyping import Float

from throughtime._support.seeds import Key, generator
from throughtime.errors import InputError

from .ridge import RIDGES

Range = tuple[float | int, float | int]
Setting = tuple[float, float, float]
"""Leak, radius and scale of the input."""

EDGE = 0.02
"""The share of a range, at either end, that counts as its edge."""

STARTUP = 16
"""Points that Optuna draws at random before it learns from their errors."""


@dataclass(frozen=True)
class Space:
    """What is searched; a range of one number holds that setting fixed.

    Attributes
    ----------
    leak, input_scale
        Drawn uniformly in the logarithm.
    radius
        Uniformly.
    ridges
        All are tried in every trial.
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
        if not len(self.ridges):
            raise InputError("`ridges` must not be empty", "none", "Pass a penalty.")
        wrong = [ridge for ridge in self.ridges if not 0 <= ridge < np.inf]
        if wrong:
            raise InputError("`ridges` must be 0 or more, and finite", wrong[0], "Change it.")

    def at(self, u: Float[np.ndarray, " settings"]) -> Setting:
        """Leak, radius and scale at a point of the unit cube."""
        leak, scale = (
            float(low * (high / low) ** x)
            for (low, high), x in ((self.leak, u[0]), (self.input_scale, u[2]))
        )
        low, high = self.radius
        return min(leak, 1.0), float(low + (high - low) * u[1]), scale

    def on_edge(self, setting: Setting, ridge: float | int) -> tuple[str, ...]:
        """Which of these lie on the edge of what is searched: there may be better beyond.

        A setting does within 2 % of an end of its range, in the logarithm if it is drawn so; a
        penalty if it is the least or the largest of `ridges`. What is fixed has no edge, and
        there is nothing beyond a leak of 1 or a penalty of 0.

        Returns
        -------
        tuple[str, ...]
            Names among "leak", "radius", "input_scale" and "ridge".
        """
        leak, radius, scale = setting
        penalties = min(self.ridges), max(self.ridges)
        near = {
            "leak": _near(leak, self.leak, last=1.0, measure=math.log),
            "radius": _near(radius, self.radius),
            "input_scale": _near(scale, self.input_scale, measure=math.log),
            "ridge": _near(ridge, penalties, last=0.0, share=0.0),
        }
        return tuple(name for name, on_edge in near.items() if on_edge)


def _near(value, ends, last=None, measure: Callable = float, share=EDGE) -> bool:
    """Whether a value lies at an end of its range; `last` is one with nothing beyond."""
    low, high = map(measure, ends)
    distances = (abs(measure(value) - measure(end)) for end in ends if end != last)
    return low < high and any(distance <= share * (high - low) for distance in distances)


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

    Raises
    ------
    InputError
        Where Optuna is not installed.
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
