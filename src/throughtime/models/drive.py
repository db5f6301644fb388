"""What drives a series: inputs known ahead, and inputs known up to an origin alone.

The latter go on by forecasts of their own: an autoregression of each, from its values before
the origin. No value after it is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from throughtime.data.calendar_features import HOLIDAYS, calendar_names
from throughtime.data.series import Series

from .autoregression import fit_autoregression
from .component import Component


@dataclass(frozen=True, eq=False)
class Drive:
    """The inputs of a series.

    Attributes
    ----------
    known
        Inputs known ahead, which may go on beyond the end of the series.
    past
        Inputs of the past; what follows an origin is not read. None by default.
    cyclic
        Which inputs known ahead only turn with the calendar: what they were a step before says
        nothing more. None by default.
    models
        The forecasts of the inputs of the past, each by a model of its own.
    """

    known: Float[np.ndarray, "span input"]
    past: Float[np.ndarray, "time past"] = None  # pyright: ignore
    cyclic: Bool[np.ndarray, " input"] = None  # pyright: ignore
    models: tuple[Component, ...] = ()

    def __post_init__(self):
        if self.past is None:
            object.__setattr__(self, "past", np.empty((len(self.known), 0)))
        if self.cyclic is None:
            object.__setattr__(self, "cyclic", np.zeros(self.known.shape[1], bool))

    @classmethod
    def of(cls, series: Series) -> "Drive | None":
        """The inputs of a series; None if it has none that change within it."""
        columns = series.columns
        if not (columns.known or columns.past or columns.calendar):
            return None
        turning = calendar_names([n for n in columns.calendar if not n.startswith(HOLIDAYS)])
        return cls(series.inputs, series.past_inputs, np.isin(series.input_names, turning))

    @property
    def width(self) -> int:
        """The number of inputs of both kinds."""
        return self.known.shape[1] + self.past.shape[1]

    def columns(self, length: int) -> Float[np.ndarray, "time input"]:
        """All inputs at the first times, side by side."""
        return np.concatenate([self.known[:length], self.past[:length]], axis=1)

    def standardised(
        self,
        center: Float[np.ndarray, " input"],
        scale: Float[np.ndarray, " input"],
        moves: Bool[np.ndarray, " input"],
    ) -> "Drive":
        """The inputs that moved in a part that was seen, in units of their spread there."""
        k = self.known.shape[1]
        known, past = (
            ((u - center[part]) / scale[part])[:, moves[part]]
            for u, part in ((self.known, slice(None, k)), (self.past, slice(k, None)))
        )
        return replace(self, known=known, past=past, cyclic=self.cyclic[moves[:k]])

    def fitted(self, seen: int, seasons: tuple[int, ...], steps: int) -> "Drive":
        """With models of the inputs of the past, fitted to their first `seen` values."""
        models = tuple(fit_autoregression(v[:seen], seasons, steps) for v in self.past.T)
        return replace(self, models=models)

    def features(self, delays: Sequence[int], length: int) -> list[Int[np.ndarray, " feature"]]:
        """The features of `pushes` that a model may read, for each longest delay.

        Inputs of the calendar are read at once alone. Those of two values, such as levels of a
        category, act at all delays or, as another choice, at the first two. The first choice is
        to read none: inputs may be noise.
        """
        seen = self.columns(length)
        cyclic = np.concatenate([self.cyclic, np.zeros(self.past.shape[1], bool)])
        event = np.array([len(np.unique(u)) <= 2 for u in seen.T], bool) & ~cyclic
        found = [np.empty(0, int)]
        for delay in delays:
            for short in sorted({min(1, delay), delay}) if event.any() else [delay]:
                longest = np.where(cyclic, 0, np.where(event, short, delay))
                used = np.arange(delay + 1)[:, None] <= longest
                found.append(np.flatnonzero(used))
        return found

    def pushes(
        self, origins: Int[np.ndarray, " origin"], steps: int, difference: int, delays: int
    ) -> Float[np.ndarray, "origin steps feature"]:
        """The inputs at each step ahead and at the delays before it, maybe as differences.

        Features are those of delay 0, then of delay 1, and so on.
        """
        before = delays + difference
        rows = origins[:, None] + np.arange(-before, steps)
        u = self.known[rows.clip(0, len(self.known) - 1)]
        if self.models:
            u = np.concatenate([u, self._past(rows[:, :before], origins, steps)], axis=2)
        if difference:
            u = u[:, difference:] - u[:, :-difference]
        delayed = [u[:, delays - d : delays - d + steps] for d in range(delays + 1)]
        return np.concatenate(delayed, axis=2)

    def _past(self, rows, origins, steps):
        pairs = zip(self.models, self.past.T, strict=True)
        ahead = [model.forecast(v, origins, steps) for model, v in pairs]
        read = self.past[rows.clip(0, len(self.past) - 1)]
        return np.concatenate([read, np.stack(ahead, axis=-1)], axis=1)
