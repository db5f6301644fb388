"""What a search of a closed-loop model knows: trajectories, what is held out, the noise."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .closed_loop import Features, Pair, Place, places
from .noise_filter import NoiseFilter

SHARES = (0.02, 0.05, 0.1, 0.2, 0.4)
"""The errors, in standard deviations, at which a valid time ends."""


class HeldOut(NamedTuple):
    """A trajectory, of which the first `end` steps are for training, and starts after these.

    Attributes
    ----------
    y, x
        Its variables and inputs, as they were measured.
    truth
        What free runs are compared with: the variables, in noisy data smoothed by a local cubic
        that knows no dynamics. Else a right forecast would fail at the first reading that is
        far off.
    end, starts
        The row after the training part, and those at which free runs begin.
    pasts
        What is read before each start, without its noise; if None, the series as it is.
    """

    y: Float[np.ndarray, "time variable"]
    x: Float[np.ndarray, "time input"]
    end: int
    starts: np.ndarray
    truth: Float[np.ndarray, "time variable"]
    pasts: list[Pair] | None = None

    def places(self, features: Features) -> Place:
        """Where free runs stand that begin at the starts."""
        if self.pasts is None:
            return places(features, self.y, self.x, self.starts)
        ends = [places(features, y, x, np.array([len(y)])) for y, x in self.pasts]
        return Place(*(np.concatenate(parts) for parts in zip(*ends, strict=True)))


class Denoised(NamedTuple):
    """Trajectories without their noise.

    Attributes
    ----------
    training
        The training parts, by a filter that knows these alone.
    everything
        Whole trajectories, by a filter that knows them all.
    training_filter, filter
        Those filters.
    """

    training: list[Pair]
    everything: list[Pair]
    training_filter: NoiseFilter
    filter: NoiseFilter


@dataclass(frozen=True)
class SearchData:
    """Standardised trajectories, split into a training and a held-out part.

    Attributes
    ----------
    trajectories
        Each with its starts.
    horizon
        The longest free run from a start, in steps.
    shares
        Those of `SHARES` at which valid times are judged.
    mean, scale
        Of the variables, then of the inputs.
    denoised
        The trajectories without their noise, where a map was found that tells it from motion.
    """

    trajectories: list[HeldOut]
    horizon: int
    shares: tuple[float, ...]
    mean: Float[np.ndarray, " columns"]
    scale: Float[np.ndarray, " columns"]
    denoised: Denoised | None = None

    @property
    def longest_span(self) -> int:
        """The most steps that delays may reach over: of every trajectory much more is left,
        and before each start as many are read."""
        parts = [one.end for one in self.trajectories if one.end]
        starts = [int(one.starts[0]) for one in self.trajectories if len(one.starts)]
        starts += [len(y) for one in self.trajectories for y, _ in one.pasts or []]
        lengths = [len(one.y) for one in self.trajectories]
        return max(min(min(parts) // 3, min(lengths) // 2, *starts), 1)

    def training(self) -> list[Pair]:
        """The training parts, without noise where that is known."""
        if self.denoised:
            return self.denoised.training
        return [(one.y[: one.end], one.x[: one.end]) for one in self.trajectories if one.end]

    def everything(self) -> list[Pair]:
        """Whole trajectories, without noise where that is known."""
        if self.denoised:
            return self.denoised.everything
        return [(one.y, one.x) for one in self.trajectories]
