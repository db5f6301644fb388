"""The space of a search over reservoir settings, and the samplers that propose points of it.

Proposals are random (Bergstra and Bengio 2012), or come from Optuna's tree of Parzen
estimators (Bergstra, Bardenet, Bengio and Kegl 2011). Both samplers are used by ask and tell:
ask for settings, tell the errors that they gave.
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
"""Leak, radius and input scale."""

EDGE = 0.02
"""The share of a range, at either end, that counts as its edge."""

STARTUP = 16
"""Points that Optuna proposes at random before it learns from their errors."""


@dataclass(frozen=True)
class Space:
    """The settings that are searched; a range whose ends are equal fixes that setting.

    Parameters
    ----------
    leak
        Range of the leak, sampled uniformly in the logarithm.
    radius
        Range of the spectral radius, sampled uniformly.
    input_scale
        Range of the input scale, sampled uniformly in the logarithm.
    ridges
        The penalties, all of which are tried in every trial.

    Raises
    ------
    InputError
        For a range or a penalty out of bounds.
    """

    leak: Range = (0.1, 1.0)
    radius: Range = (0.3, 1.4)
    input_scale: Range = (0.1, 5.0)
    ridges: tuple[float, ...] = tuple(RIDGES)

    def __post_init__(self):
        for name, highest in (("leak", 1.0), ("radius", np.inf), ("input_scale", np.inf)):
            low, high = getattr(self, name)
            if not (0 < low <= high <= highest and high < np.inf):
                bound = f" <= {highest:g}" if highest < np.inf else ", finite"
                rule = f"the range of `{name}` must be (low, high) with 0 < low <= high{bound}"
                raise InputError(rule, (low, high), "Pass two such numbers, in this order.")
        if not len(self.ridges):
            raise InputError("`ridges` must not be empty", "none", "Pass a penalty.")
        wrong = [ridge for ridge in self.ridges if not 0 <= ridge < np.inf]
        if wrong:
            rule = "`ridges` must be 0 or more, and finite"
            raise InputError(rule, wrong[0], "Leave that penalty out.")

    def at(self, u: Float[np.ndarray, " settings"]) -> Setting:
        """Leak, radius and input scale at a point of the unit cube."""
        leak, scale = (
            float(low * (high / low) ** x)
            for (low, high), x in ((self.leak, u[0]), (self.input_scale, u[2]))
        )
        low, high = self.radius
        return min(leak, 1.0), float(low + (high - low) * u[1]), scale

    def on_edge(self, setting: Setting, ridge: float | int) -> tuple[str, ...]:
        """Which settings lie on the edge of the space, so that better ones may lie beyond it.

        A setting is on the edge within 2 % of an end of its range, in the logarithm if it is
        sampled so; a penalty is if it is the least or the largest of `ridges`. A fixed setting
        has no edge, and there is nothing beyond a leak of 1 or a penalty of 0.

        Returns
        -------
        tuple[str, ...]
            Names out of "leak", "radius", "input_scale" and "ridge".
        """
        leak, radius, scale = setting
        penalties = min(self.ridges), max(self.ridges)
        near = {
            "leak": _at_end(leak, self.leak, bound=1.0, measure=math.log),
            "radius": _at_end(radius, self.radius),
            "input_scale": _at_end(scale, self.input_scale, measure=math.log),
            "ridge": _at_end(ridge, penalties, bound=0.0, share=0.0),
        }
        return tuple(name for name, on_edge in near.items() if on_edge)


def _at_end(value, ends, bound=None, measure: Callable = float, share=EDGE) -> bool:
    """Whether a value lies at an end of its range; `bound` is an end with nothing beyond."""
    low, high = map(measure, ends)
    distances = (abs(measure(value) - measure(end)) for end in ends if end != bound)
    return low < high and any(distance <= share * (high - low) for distance in distances)


class RandomSampler:
    """Random settings: the same sequence whatever the errors, and however it is asked for."""

    def __init__(self, space: Space, seed: Key):
        self.space, self.rng = space, generator(seed)

    def ask(self, count: int) -> list[Setting]:
        """The next settings to try."""
        return [self.space.at(u) for u in self.rng.uniform(size=(count, 3))]

    def tell(self, errors: list[float]) -> None:
        """Nothing is learned from the errors."""


class OptunaSampler:
    """Settings proposed by Optuna, which learns from the errors of those before.

    Raises
    ------
    InputError
        If Optuna is not installed.
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
        self.space, self.pending = space, []

    def ask(self, count: int) -> list[Setting]:
        """The next settings to try."""
        self.pending = [self.study.ask() for _ in range(count)]
        names = ("leak", "radius", "input_scale")
        return [
            self.space.at(np.array([trial.suggest_float(name, 0, 1) for name in names]))
            for trial in self.pending
        ]

    def tell(self, errors: list[float]) -> None:
        """The errors of the settings asked for last, in the same order."""
        for trial, error in zip(self.pending, errors, strict=True):
            self.study.tell(trial, error)
